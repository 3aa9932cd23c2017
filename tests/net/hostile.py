#!/usr/bin/env python3
"""Packets of a host that is no member, to virtual routers.

usage: hostile.py [--src ADDRESS] [--every SECONDS --for SECONDS] [--frame] INTERFACE VRID VERSION VIP[,VIP...] KIND

KIND: one of those `hostile.py kinds` lists, or advert:PRIORITY:INTERVAL_MS[:VIP...]. --src: as if from there (else the
interface's own address); --frame: to standard output instead of the wire, as flood reads them. What a kind is expected
to be: a good advertisement of priority 254 but for one thing, its checksum made to fit unless that is the thing.
"""
import argparse
import fcntl
import ipaddress
import socket
import struct
import sys
import time

VRRP = 112


def checksum(data, start=0):
    data += b"\0" * (len(data) % 2)
    total = start + sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total >> 16) + (total & 0xFFFF)
    return ~total & 0xFFFF


def pseudo(src, dst, protocol, length):
    both = ipaddress.ip_address(src).packed + ipaddress.ip_address(dst).packed
    return sum(struct.unpack(">%dH" % (len(both) // 2), both)) + protocol + length


def ipv4(src, dst, protocol, payload, ttl=255):
    head = struct.pack(">BBHHHBBH", 0x45, 0xC0, 20 + len(payload), 0, 0x4000, ttl, protocol, 0)
    head += ipaddress.ip_address(src).packed + ipaddress.ip_address(dst).packed
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def ipv6(src, dst, protocol, payload, hops=255):
    head = struct.pack(">IHBB", 0x6C000000, len(payload), protocol, hops)
    return head + ipaddress.ip_address(src).packed + ipaddress.ip_address(dst).packed + payload


def ethernet(dst_mac, src_mac, packet):
    kind = 0x0800 if packet[0] >> 4 == 4 else 0x86DD
    return (bytes.fromhex(dst_mac.replace(":", "")) + bytes.fromhex(src_mac.replace(":", ""))
            + struct.pack(">H", kind) + packet)


def interface_mac(name):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        answer = fcntl.ioctl(s, 0x8927, struct.pack("256s", name.encode()))
    return answer[18:24].hex(":")


class Router:
    """What a member would send, and how it is spoilt."""

    def __init__(self, interface, vrid, version, vips, src):
        self.vrid, self.version, self.vips, self.src = vrid, version, vips, src
        self.is_v6 = ":" in vips[0]
        self.dst = "ff02::12" if self.is_v6 else "224.0.0.18"
        self.dst_mac = "33:33:00:00:00:12" if self.is_v6 else "01:00:5e:00:00:12"
        self.src_mac = interface_mac(interface)

    def message(self, priority, interval_ms, vips=None, vrid=None, first=None, count=None, field=None):
        vips = self.vips if vips is None else vips
        first = self.version << 4 | 1 if first is None else first
        count = len(vips) if count is None else count
        if field is None:
            field = interval_ms // (1000 if self.version == 2 else 10)
        head = struct.pack(">BBBBHH", first, vrid or self.vrid, priority, count, field, 0)
        return head + b"".join(ipaddress.ip_address(v).packed for v in vips) + bytes(8 if self.version == 2 else 0)

    def fix(self, msg):
        if len(msg) < 8:
            return msg
        msg = msg[:6] + b"\0\0" + msg[8:]
        start = 0 if self.version == 2 else pseudo(self.src, self.dst, VRRP, len(msg))
        return msg[:6] + struct.pack(">H", checksum(msg, start)) + msg[8:]

    def frame(self, msg, hops=255, fix=True):
        msg = self.fix(msg) if fix else msg
        around = ipv6 if self.is_v6 else ipv4
        return ethernet(self.dst_mac, self.src_mac, around(self.src, self.dst, VRRP, msg, hops))

    def advert(self, priority, interval_ms, vips=None):
        return self.frame(self.message(priority, interval_ms, vips))

    def spoilt(self):
        """Name -> frames that must change nothing."""
        own = 1000 if self.version == 2 else 100
        good = self.message(254, own)
        other = ["fe80::bad", "fd77::bad"] if self.is_v6 else ["10.77.0.77", "10.77.0.78"]
        bad_sum = self.fix(good)
        kinds = {
            "checksum": [self.frame(bad_sum[:6] + bytes([bad_sum[6] ^ 1]) + bad_sum[7:], fix=False)],
            "ttl-254": [self.frame(good, 254)],
            "ttl-1": [self.frame(good, 1)],
            "cut": [self.frame(good[:n]) for n in range(len(good))],
            "count-0": [self.frame(self.message(254, own, [], count=0))],
            "count-255": [self.frame(self.message(254, own, count=255))],
            "count-too-high": [self.frame(self.message(254, own, count=len(self.vips) + 1))],
            "count-too-low": [self.frame(self.message(254, own, count=1))],
            "longer": [self.frame(good + bytes(4))],
            "vrid": [self.frame(self.message(254, own, vrid=v)) for v in (1, self.vrid ^ 1, 255)],
            "version": [self.frame(self.message(254, own, first=v << 4 | 1)) for v in range(16) if v != self.version],
            "type": [self.frame(self.message(254, own, first=self.version << 4 | t)) for t in range(16) if t != 1],
            "interval-0": [self.frame(self.message(254, 0, field=0))],
        }
        if self.is_v6:
            kinds["first-not-link-local"] = [self.frame(self.message(254, own, list(reversed(self.vips))))]
        if self.version == 2:
            kinds["count-0"] = []  # says no address, which is another list
            kinds["interval-other"] = [self.frame(self.message(254, n * 1000)) for n in (2, 41, 255)]
            kinds["auth-type"] = [self.frame(self.message(254, own, field=t << 8 | 1)) for t in (1, 2)]
            kinds["other-addresses"] = [self.frame(self.message(254, own, v)) for v in (other, other[:1], [])]
        return {k: v for k, v in kinds.items() if v}


def own_address(interface, is_v6):
    if is_v6:
        with open("/proc/net/if_inet6", encoding="ascii") as f:
            for line in f:
                a, _, _, scope, _, name = line.split()
                if name == interface and scope == "20":
                    return str(ipaddress.ip_address(bytes.fromhex(a)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        answer = fcntl.ioctl(s, 0x8915, struct.pack("256s", interface.encode()))
    return socket.inet_ntoa(answer[20:24])


def frames_of(router, kind):
    if kind.startswith("advert:"):
        _, priority, interval, *vips = kind.split(":", 3)
        return [router.advert(int(priority), int(interval), vips[0].split(",") if vips else None)]
    return router.spoilt()[kind]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--src")
    p.add_argument("--every", type=float, default=0)
    p.add_argument("--for", type=float, default=0, dest="seconds")
    p.add_argument("--frame", action="store_true")
    p.add_argument("interface")
    p.add_argument("vrid", type=int)
    p.add_argument("version", type=int)
    p.add_argument("vips")
    p.add_argument("kind")
    a = p.parse_args()
    vips = a.vips.split(",")
    router = Router(a.interface, a.vrid, a.version, vips, a.src or own_address(a.interface, ":" in vips[0]))
    if a.kind == "kinds":
        print("\n".join(router.spoilt()))
        return
    frames = frames_of(router, a.kind)
    if a.frame:
        for f in frames:
            sys.stdout.buffer.write(struct.pack(">H", len(f)) + f)
        return
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((a.interface, 0))
    end = time.monotonic() + a.seconds
    while True:
        for f in frames:
            s.send(f)
        if time.monotonic() + a.every >= end:
            break
        time.sleep(a.every)
    print(len(frames))


if __name__ == "__main__":
    main()
