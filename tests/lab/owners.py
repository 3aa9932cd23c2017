#!/usr/bin/env python3
"""Who answered for the virtual IP, from a capture of the bridge.

usage: owners.py CAPTURE VIP [FROM [TO]]    (seconds since 1970)

Reads the capture itself (pcap, Ethernet). A MAC address *answers* for the VIP when it sends an ARP packet
with the VIP as sender, a neighbour advertisement of the VIP, or an IP packet from the VIP. It *takes over* by
a gratuitous ARP (sender and target are the VIP) or an unsolicited neighbour advertisement. Two answer at once from a take-over until the last answer of another machine that has not itself
taken over since, and through a take-over that is undone within a second. Prints every change of owner, every
such time in ms, and the VRRP advertisements of priority 0; the last line is for programs:

    owners=N takeovers=N overlap_ms=X priority0=N
"""
import socket
import struct
import sys

UNDONE_S = 1.0
EARLY_S = 0.1  # between the first answer of a successor and its announcement


def frames(path):
    """(time, bytes) of each frame; a record that is still being written ends the file."""
    with open(path, "rb") as file:
        data = file.read()
    magic = struct.unpack_from("<I", data)[0]
    unit = {0xA1B2C3D4: 1e-6, 0xA1B23C4D: 1e-9}[magic]
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, size, _ = struct.unpack_from("<IIII", data, at)
        if at + 16 + size > len(data):
            return
        yield seconds + fraction * unit, data[at + 16:at + 16 + size]
        at += 16 + size


def arp(frame):
    """(sender address, target address) of an ARP packet for IPv4."""
    if len(frame) < 42 or frame[14:20] != b"\x00\x01\x08\x00\x06\x04":
        return None
    return frame[28:32], frame[38:42]


def neighbour(frame):
    """(target, whether it is unsolicited) of an IPv6 neighbour advertisement."""
    if len(frame) < 78 or frame[20] != 58 or frame[54] != 136:
        return None
    return frame[62:78], not frame[58] & 0x40


class Owners:
    def __init__(self, vip):
        self.vip = socket.inet_pton(socket.AF_INET6 if ":" in vip else socket.AF_INET, vip)
        self.names = {}        # MAC: own address, learnt from what it sends
        self.owner, self.since = None, 0.0
        self.last = {}         # MAC: when it last owned the VIP
        self.overlaps = []     # [begin, end, MAC, MAC, first answer of the second]
        self.changes = []      # (time, MAC)
        self.priority0 = []    # (time, MAC)

    def feed(self, time, frame):
        mac, kind = frame[6:12], frame[12:14]
        if kind == b"\x08\x06" and arp(frame):
            sender, target = arp(frame)
            if sender == self.vip:
                self.answer(time, mac, sender == target)
        elif kind == b"\x86\xdd" and len(frame) >= 54:
            self.feed6(time, mac, frame)
        elif kind == b"\x08\x00" and len(frame) >= 34:
            source, protocol = frame[26:30], frame[23]
            if source == self.vip:
                self.answer(time, mac, False)
            elif protocol == 112:
                self.names[mac] = socket.inet_ntoa(source)
                header = 14 + (frame[14] & 15) * 4
                if len(frame) > header + 2 and frame[header + 2] == 0:
                    self.priority0.append((time, mac))

    def feed6(self, time, mac, frame):
        source, advertised = frame[22:38], neighbour(frame)
        if advertised and advertised[0] == self.vip:
            self.answer(time, mac, advertised[1])
        elif source == self.vip:
            self.answer(time, mac, False)

    def answer(self, time, mac, announces):
        if self.owner is not None and mac != self.owner:
            if not announces:
                self.overlap(self.since, time, mac)
            elif time - self.last.get(mac, 0) < UNDONE_S:
                self.overlap(self.since, time, mac)
        if announces and mac != self.owner:
            self.early(time, mac)
        if self.owner is None or (announces and mac != self.owner):
            self.owner, self.since = mac, time
            self.changes.append((time, mac))
        if mac == self.owner:
            self.last[mac] = time

    def early(self, time, mac):
        """A successor may answer a frame before it announces: no more than that is its overlap."""
        if not self.overlaps or self.overlaps[-1][0] != self.since or self.overlaps[-1][3] != mac:
            return
        first = self.overlaps[-1][4]
        if time - first < EARLY_S:
            self.overlaps[-1][0] = first
            self.overlaps[-1][1] = max(first, self.last[self.owner])

    def overlap(self, begin, end, other):
        if self.overlaps and self.overlaps[-1][0] == begin and self.overlaps[-1][3] == other:
            self.overlaps[-1][1] = end
        else:
            self.overlaps.append([begin, end, self.owner, other, end])

    def name(self, mac):
        return self.names.get(mac, mac.hex(":"))


def main():
    owners = Owners(sys.argv[2])
    begin = float(sys.argv[3]) if len(sys.argv) > 3 else 0.0
    end = float(sys.argv[4]) if len(sys.argv) > 4 else float("inf")
    for time, frame in frames(sys.argv[1]):
        if time <= end:
            owners.feed(time, frame)
    changes = [c for c in owners.changes if c[0] >= begin]
    overlaps = [o for o in owners.overlaps if o[1] >= begin]
    priority0 = [p for p in owners.priority0 if p[0] >= begin]
    zero = begin or (owners.changes[0][0] if owners.changes else 0.0)
    for time, mac in changes:
        print(f"  {time - zero:9.3f} s  {owners.name(mac)} takes over")
    for first, last, one, other, _ in overlaps:
        print(f"  {first - zero:9.3f} s  two answer for {(last - first) * 1e3:.1f} ms: "
              f"{owners.name(one)} and {owners.name(other)}")
    for time, mac in priority0:
        print(f"  {time - zero:9.3f} s  priority 0 from {owners.name(mac)}")
    total = sum(o[1] - o[0] for o in overlaps)
    print(f"owners={len({mac for _, mac in changes})} takeovers={len(changes)} "
          f"overlap_ms={total * 1e3:.1f} priority0={len(priority0)}")


main()
