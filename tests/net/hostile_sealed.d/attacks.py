"""Everything that a host which is no member may try, as functions of an Attacker."""
import random
import struct
import time

from frames import (BROADCAST, GROUP, GROUP_MAC, HEADER, PORT, TAG, VRRP, arp, ethernet, icmp, ipv4, tcp_syn, udp, vrrp)
from world import CLIENT, HOSTILE, NODES, VIP, VRID, address, wait

ETHERTYPE_IPV4, ETHERTYPE_ARP = 0x0800, 0x0806
FLOOD_S = 3
CLUSTER, GROUP_AT, SOURCE, DESTINATION, BOOT, SEQUENCE = 8, 24, 28, 36, 44, 52


def patched(data, at, new):
    return data[:at] + new + data[at + len(new):]


class Attacker:
    def __init__(self, world, sender, overheard, seed):
        self.w, self.sender, self.overheard, self.random = world, sender, overheard, random.Random(seed)
        self.rate = 0

    # ---- means ----
    def ip(self, packet, node):
        return ethernet(self.sender.mac, self.w.mac[node], ETHERTYPE_IPV4, packet)

    def again(self, d, payload=None):
        """An overheard datagram in the same direction, from the hostile host's own MAC."""
        packet = udp(d.source, d.destination, d.payload if payload is None else payload)
        return ethernet(self.sender.mac, d.frame[:6].hex(":"), ETHERTYPE_IPV4, packet)

    def between(self, source, destination, since=0):
        return [d for d in self.overheard.all[since:] if d.source == address(source) and d.destination == address(destination)]

    def of_each_type(self):
        """The newest of each type."""
        return list({d.type: d for d in self.overheard.all}.values())

    def others(self, node):
        return [n for n in NODES if n != node]

    def flood(self, frames):
        self.rate = self.sender.flood(frames, FLOOD_S)

    # ---- protocol 112 ----
    def say(self, sources=None, targets=None, ttl=255, **what):
        """VRRP messages to the group and to each member, in the hostile host's name and in the owner's."""
        frames, cut = [], what.pop("cut", None)
        for source in sources or (HOSTILE, address(self.w.owner)):
            for node in targets or (None, *NODES):
                target = address(node) if node else GROUP
                message = vrrp(source, target, **{"vrid": VRID, "vips": [VIP], **what})
                packet = ipv4(source, target, VRRP, message[:cut], ttl)
                frames.append(ethernet(self.sender.mac, self.w.mac[node] if node else GROUP_MAC, ETHERTYPE_IPV4, packet))
        self.sender.send(frames)

    def vrrp_forms(self):
        for version in (2, 3):
            self.say(version=version, spoil=1)
            self.say(version=version, ttl=254)
            for cut in range(len(vrrp(HOSTILE, GROUP, VRID, [VIP], version=version))):
                self.say(version=version, cut=cut)
            for count in (0, 2, 255):
                self.say(version=version, count=count)
            for node in NODES:
                self.say(version=version, sources=[address(node)], targets=[node])
            self.say(version=version, vips=["10.78.0.101"])
            self.say(version=version, vips=[VIP, "10.78.0.101"])
            self.say(version=version, vips=[])
            self.say(version=version, vips=[VIP] * 255)
        for vrid in (0, VRID + 1, 255):
            self.say(vrid=vrid)
        for other in range(16):
            self.say(version=other)
            self.say(kind=other)

    def vrrp_intervals(self):
        for interval in (0, 4095):
            self.say(interval_cs=interval, priority=255)
            self.say(interval_cs=interval, priority=254)

    def vrrp_255_once(self):
        self.say(priority=255)

    def vrrp_255_often(self):
        for _ in range(10):
            self.say(priority=255)
            time.sleep(0.3)

    def vrrp_0_as_owner(self):
        for _ in range(5):
            self.say(sources=[address(self.w.owner)], priority=0)
            time.sleep(0.1)

    # ---- sealed datagrams, changed ----
    def cut(self):
        self.sender.send(self.again(d, d.payload[:n]) for d in self.of_each_type() for n in range(len(d.payload)))
        self.sender.send(self.again(d, d.payload + b"\0" * n) for d in self.of_each_type() for n in (1, 32, 1300))

    def flipped(self):
        for bits in (1, 0x80, 0xff):
            self.sender.send(self.again(d, patched(d.payload, at, bytes([d.payload[at] ^ bits])))
                             for d in self.of_each_type() for at in range(len(d.payload)))

    def fields(self):
        """Another version, type, key, cluster, group, member, boot, order, body length: each is under the tag."""
        frames = []
        for d in self.of_each_type():
            p = d.payload
            changes = [(3, bytes([v])) for v in (0, 2, 255)] + [(4, bytes([t])) for t in range(256)]
            changes += [(6, struct.pack(">H", k)) for k in (0, 2, 65535)] + [(CLUSTER, bytes(16)), (CLUSTER, b"kubernetes".ljust(16))]
            changes += [(GROUP_AT, struct.pack(">I", g)) for g in (0, VRID + 1, 255, 256, 0xffffffff)]
            changes += [(SOURCE, p[DESTINATION:BOOT] + p[SOURCE:DESTINATION]), (SOURCE, p[DESTINATION:BOOT]), (DESTINATION, p[SOURCE:DESTINATION])]
            changes += [(SEQUENCE, struct.pack(">Q", s)) for s in (0, d.seq + 1, d.seq + 1000, 2**64 - 1)]
            changes += [(BOOT, self.random.randbytes(8)), (BOOT, bytes(8)), (60, b"\0\0"), (60, b"\xff\xff")]
            frames += [self.again(d, patched(p, *c)) for c in changes]
        self.sender.send(frames)

    # ---- sealed datagrams, as they are ----
    def replay_at_once(self):
        """Twice, cut, reflected, to the third member, and with one bit of each changed: before the next one comes."""
        def at_once(d):
            back = ethernet(self.sender.mac, d.frame[6:12].hex(":"), ETHERTYPE_IPV4, udp(d.destination, d.source, d.payload))
            later = patched(d.payload, SEQUENCE, struct.pack(">Q", d.seq + 1))
            self.sender.send([self.again(d), self.again(d), back, self.again(d, d.payload[:-1]), self.again(d, later), *self.elsewhere(d)])
        self.overheard.also = at_once
        time.sleep(4)
        self.overheard.also = None

    def elsewhere(self, d):
        """At another member; in another member's name; from the hostile host's own address; from another port."""
        for node in NODES:
            if address(node) not in (d.source, d.destination):
                yield self.ip(udp(d.source, address(node), d.payload), node)
                yield ethernet(self.sender.mac, d.frame[:6].hex(":"), ETHERTYPE_IPV4, udp(address(node), d.destination, d.payload))
        yield ethernet(self.sender.mac, d.frame[:6].hex(":"), ETHERTYPE_IPV4, udp(HOSTILE, d.destination, d.payload))
        yield ethernet(self.sender.mac, d.frame[:6].hex(":"), ETHERTYPE_IPV4, udp(d.source, d.destination, d.payload, 7645, PORT))

    def replay_misdirected(self):
        for d in self.of_each_type():
            back = ethernet(self.sender.mac, d.frame[6:12].hex(":"), ETHERTYPE_IPV4, udp(d.destination, d.source, d.payload))
            own = ethernet(self.sender.mac, d.frame[:6].hex(":"), ETHERTYPE_IPV4, udp(d.destination, d.destination, d.payload))
            self.sender.send([back, own, *self.elsewhere(d)])

    def replay_later(self):
        """All that was ever heard: in order, backwards, shuffled, twice."""
        frames = [self.again(d) for d in self.overheard.all]
        for order in (frames, frames[::-1], self.random.sample(frames, len(frames)), [f for f in frames for _ in range(2)]):
            self.sender.send(order[-4000:], per_s=8000)

    def replay_during(self, act):
        """All that was ever heard, shuffled, at 20,000/s while something happens; what act returns."""
        frames = [self.again(d) for d in self.overheard.all]
        self.random.shuffle(frames)
        process = self.sender.begin(frames, 20000)
        try:
            return act()
        finally:
            self.rate = self.sender.finish(process)

    # ---- floods ----
    def targets(self):
        """The owner, and one that votes for it."""
        return [self.w.owner, self.w.backups()[0]]

    def flood_own(self):
        self.flood([self.ip(udp(HOSTILE, address(n), self.random.randbytes(144), 1024 + i, PORT), n) for n in self.targets() for i in range(256)])

    def garbage(self, target, source):
        """All that the envelope shows in the clear is right; only the tag is not."""
        known = self.between(source, target)[-1].payload
        for i in range(128):
            yield patched(known[:-TAG], SEQUENCE, self.random.randbytes(8)) + self.random.randbytes(TAG)

    def flood_forged(self):
        self.flood([self.ip(udp(address(s), address(n), g), n) for n in self.targets() for s in self.others(n) for g in self.garbage(n, s)])

    def flood_noise(self):
        self.flood([self.ip(udp(address(s), address(n), self.random.randbytes(144)), n) for n in self.targets() for s in self.others(n) for _ in range(128)])

    def flood_replay(self):
        self.flood([self.again(d) for d in self.overheard.all[-20000:]])

    def of_all_lives(self, name):
        """Of every life that the members had, by turns."""
        frames = [self.again(d) for d in self.overheard.all if d.type == name]
        return self.random.sample(frames, len(frames))

    def flood_challenges(self):
        self.flood(self.of_all_lives("CHALLENGE"))

    def flood_responses(self):
        self.flood(self.of_all_lives("RESPONSE"))

    def flood_other_ports(self):
        frames = []
        for n in self.targets():
            for s in (HOSTILE, *map(address, self.others(n))):
                frames += [self.ip(tcp_syn(s, address(n), 1024 + i, PORT), n) for i in range(64)]
                frames += [self.ip(udp(s, address(n), b"x" * 100, 1024 + i, 1 + i), n) for i in range(64)]
        self.flood(frames)

    # ---- about the network ----
    def claims(self):
        """Who has the address: to everybody as an announcement, to the client as an answer, to the owner as a question."""
        stranger = self.sender.mac
        return [ethernet(stranger, BROADCAST, ETHERTYPE_ARP, arp(2, stranger, VIP, stranger, VIP)),
                ethernet(stranger, BROADCAST, ETHERTYPE_ARP, arp(1, stranger, VIP, stranger, VIP)),
                ethernet(stranger, self.w.mac["client"], ETHERTYPE_ARP, arp(2, stranger, VIP, self.w.mac["client"], CLIENT)),
                ethernet(stranger, BROADCAST, ETHERTYPE_ARP, arp(1, stranger, VIP, "00:00:00:00:00:00", CLIENT))]

    def arp_once(self):
        """Neighbours have the true owner back at once, and it says who claimed its address."""
        self.sender.send(self.claims())
        said = f"{self.sender.mac} claims the virtual address {VIP}"
        if not wait(5, lambda: any(said in line for line in self.w.lines(self.w.owner))):
            yield "the owner did not notice it"

    def arp_often(self):
        for _ in range(10):
            self.sender.send(self.claims())
            time.sleep(0.3)

    def arp_at_odd_times(self):
        """So that each falls into what the one before it made the owner say."""
        for pause in range(2, 100, 2):
            self.sender.send(self.claims())
            time.sleep(pause / 1000)

    def arp_flood(self):
        """At the owner alone: a client that hears them is lost, whatever the owner does."""
        stranger, owner = self.sender.mac, self.w.owner
        self.flood([ethernet(stranger, self.w.mac[owner], ETHERTYPE_ARP, arp(2, stranger, VIP, self.w.mac[owner], address(owner)))])

    def unreachable(self):
        """Port, host, net, protocol; too big for 68 bytes; time exceeded; use another gateway."""
        frames = []
        for d in [d for n in NODES for m in self.others(n) for d in self.between(n, m)[-2:]]:
            for source in (d.destination, HOSTILE):
                for kind, code, rest in ((3, 3, bytes(4)), (3, 1, bytes(4)), (3, 0, bytes(4)), (3, 2, bytes(4)), (3, 4, struct.pack(">HH", 0, 68)),
                                         (3, 13, bytes(4)), (11, 0, bytes(4)), (4, 0, bytes(4)), (5, 1, bytes([10, 78, 0, 66]))):
                    node = next(n for n in NODES if address(n) == d.source)
                    quoted = ipv4(d.source, d.destination, 17, d.frame[34:42] + d.payload)[:20 + HEADER]
                    frames.append(self.ip(icmp(source, d.source, kind, code, rest, quoted), node))
        self.flood(frames)
