"""Frames as a host that is no member would make them, and what it overhears."""
import socket
import struct
import subprocess
import threading
import time

PORT, VRRP, GROUP = 7644, 112, "224.0.0.18"
BROADCAST, GROUP_MAC = "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:12"
ETH_P_ALL, SOL_PACKET, PACKET_IGNORE_OUTGOING = 3, 263, 23
TYPES = {0x01: "ADVERT", 0x02: "CHALLENGE", 0x03: "RESPONSE", 0x11: "CLAIM", 0x12: "ACK", 0x13: "PROBE", 0x14: "YES",
         0x15: "RESIGN", 0x16: "PREEMPT", 0x17: "NACK", 0x20: "HEALTH"}
HEADER, TAG = 64, 32


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ethernet(source, destination, kind, payload):
    return mac(destination) + mac(source) + struct.pack(">H", kind) + payload


def ipv4(source, destination, protocol, payload, ttl=255):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0xc0, 20 + len(payload), 0, 0, ttl, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(destination))
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def udp(source, destination, payload, sport=PORT, dport=PORT):
    """Without a checksum, which IPv4 allows: nothing is lost before the program sees it."""
    return ipv4(source, destination, socket.IPPROTO_UDP, struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload)


def tcp_syn(source, destination, sport, dport):
    segment = struct.pack(">HHIIBBHHH", sport, dport, 1, 0, 0x50, 2, 1024, 0, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack(">BBH", 0, 6, len(segment))
    segment = segment[:16] + struct.pack(">H", checksum(pseudo + segment)) + segment[18:]
    return ipv4(source, destination, socket.IPPROTO_TCP, segment, 64)


def icmp(source, destination, kind, code, rest, quoted):
    message = struct.pack(">BBH", kind, code, 0) + rest + quoted
    return ipv4(source, destination, socket.IPPROTO_ICMP, message[:2] + struct.pack(">H", checksum(message)) + message[4:], 64)


def arp(operation, sender_mac, sender, target_mac, target):
    return struct.pack(">HHBBH6s4s6s4s", 1, 0x0800, 6, 4, operation, mac(sender_mac), socket.inet_aton(sender),
                       mac(target_mac), socket.inet_aton(target)).ljust(46, b"\0")


def vrrp(source, destination, vrid, vips, priority=254, interval_cs=10, version=3, kind=1, count=None, spoil=0):
    """A VRRP message, right but for what is said otherwise."""
    addresses = b"".join(map(socket.inet_aton, vips))
    count = len(vips) if count is None else count
    if version == 2:
        head, pseudo, addresses = struct.pack(">BBBBBB", version << 4 | kind, vrid, priority, count, 0, max(interval_cs // 100, 1)), b"", addresses + b"\0" * 8
    else:
        head = struct.pack(">BBBBH", version << 4 | kind, vrid, priority, count, interval_cs)
        pseudo = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack(">BBH", 0, VRRP, 8 + len(addresses))
    return head + struct.pack(">H", checksum(pseudo + head + b"\0\0" + addresses) ^ spoil) + addresses


class Datagram:
    """A sealed datagram with the frame that brought it."""

    def __init__(self, frame):
        self.frame, self.payload = frame, frame[42:14 + int.from_bytes(frame[16:18], "big")]
        self.source, self.destination = socket.inet_ntoa(frame[26:30]), socket.inet_ntoa(frame[30:34])
        self.type = TYPES.get(self.payload[4], "?")
        self.boot, self.seq = struct.unpack(">QQ", self.payload[44:60])
        self.at = time.clock_gettime_ns(time.CLOCK_MONOTONIC)

    def is_active_claim(self):
        return self.type == "CLAIM" and self.payload[HEADER + 10] & 1


def sealed(frame):
    return (len(frame) >= 42 + HEADER + TAG and frame[12:14] == b"\x08\0" and frame[23] == socket.IPPROTO_UDP and
            frame[36:38] == PORT.to_bytes(2, "big") and frame[42:45] == b"TRV")


class Overheard:
    """What the members send, as a mirror port or a tap shows it: each new datagram goes to `also`, too."""

    def __init__(self, ports):
        self.all, self.also, self.ending, self.sockets = [], None, False, []
        for port in ports:
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            s.bind((port, ETH_P_ALL))
            s.settimeout(0.1)
            self.sockets.append(s)
        self.threads = [threading.Thread(target=self.listen, args=(s,)) for s in self.sockets]
        for t in self.threads:
            t.start()

    def listen(self, s):
        while not self.ending:
            try:
                frame = s.recv(4096)
            except TimeoutError:
                continue
            if sealed(frame):
                d = Datagram(frame)
                self.all.append(d)
                if self.also:
                    self.also(d)

    def end(self):
        self.ending = True
        for t in self.threads:
            t.join()
        for s in self.sockets:
            s.close()


class Sender:
    """The hostile host's own interface."""

    def __init__(self, interface, directory, flood):
        self.interface, self.file, self.flood_program = interface, directory + "/frames", flood
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.bind((interface, 0))
        self.mac = self.socket.getsockname()[4].hex(":")
        self.sent = 0

    def send(self, frames, per_s=2000, burst=20):
        """All frames, in bursts."""
        for i, frame in enumerate(frames):
            try:
                self.socket.send(frame)
                self.sent += 1
            except OSError:  # no room in the queue
                pass
            if i % burst == burst - 1:
                time.sleep(burst / per_s)

    def begin(self, frames, rate, seconds=60):
        """The frames in turn at that rate, meanwhile."""
        with open(self.file, "wb") as out:
            for frame in frames:
                out.write(struct.pack(">H", len(frame)) + frame)
        return subprocess.Popen([self.flood_program, self.interface, self.file, str(rate), str(seconds)], stdout=subprocess.PIPE, text=True)

    def finish(self, process):
        """Ends it at once; returns how many left per second."""
        process.terminate()
        return self.result(process)

    def result(self, process):
        sent, lasted = process.communicate()[0].split()
        self.sent += int(sent)
        return int(sent) / float(lasted)

    def flood(self, frames, seconds, rate=100000):
        return self.result(self.begin(frames, rate, seconds))
