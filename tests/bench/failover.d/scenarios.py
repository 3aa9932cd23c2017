"""What is done to the owner of the address, and what is read from the trial.

Each scenario takes a Trial and returns {"ms": its figure, ...}, times in ms. "two" is for how long two nodes answered
for the address at once, "elections" how often it went to another node.
"""
import os
import random
import signal
import socket
import struct
import subprocess
import time

from network import ECHO_PORT, NODES, VIP, enter, kill, now_ns
from makers import ROUTER_ID
from readings import FOR_EVER, Readings

SETTLE_INTERVALS = 4
LONG_S = 40  # the longest wait for what a setup is slow at
FORGED_LIMIT_S = 160
ANSWER_LIMIT_S = 12
LEAD_S = 0.2
MEMORY_MIB = int(os.environ.get("MEMORY_MIB", 4096))


class Unsettled(Exception):
    pass


class Trial:
    """One setup, started from nothing; the event is done to the node that then has the address."""

    def __init__(self, bench, setup):
        self.bench, self.net, self.services, self.setup = bench, bench.net, bench.services, setup
        self.interval_s = setup.interval_ms / 1000
        self.owner, self.event, self.probes = None, 0, []

    def start(self, nodes=None, memory={}, lead_s=0):
        """lead_s: between the starts of the nodes, so that the first has a better chance to own."""
        nodes = nodes or self.setup.nodes
        self.net.heal()
        if self.setup.checks:
            self.services.restore(memory)
        else:
            self.services.rest()
        for node in nodes:
            self.setup.start(node)
            time.sleep(lead_s)
        self.settle(nodes)

    def settle(self, nodes):
        self.net.wait(10 + 8 * self.interval_s, lambda: len(self.net.holders()) == 1)
        if not self.net.wait(15, lambda: all(self.setup.ready(n) for n in nodes)):
            raise Unsettled("not every node is healthy")
        time.sleep(max(0.3, SETTLE_INTERVALS * self.interval_s))
        holders = self.net.holders()
        if len(holders) != 1:
            raise Unsettled(f"{' and '.join(holders) or 'nobody'} had the address")
        self.owner = holders[0]
        if not self.net.wait(10, lambda: self.net.virtual_addresses(self.owner) == self.setup.groups):
            raise Unsettled("the groups had different owners")

    def observe(self):
        ask, watch = self.bench.directory + "/ask", self.bench.directory + "/watch"
        self.probes = [subprocess.Popen(enter("client", self.bench.probe, "ask", VIP, str(ECHO_PORT), ask)),
                       subprocess.Popen(enter("watch", self.bench.probe, "watch", "eth0", VIP, watch))]
        time.sleep(0.25)

    def readings(self):
        self.end()
        return Readings(self.bench.directory + "/ask", self.bench.directory + "/watch", self.net.macs)

    def end(self):
        kill(self.probes, signal.SIGTERM)
        for p in self.probes:
            p.wait()
        self.probes = []

    def answered(self):
        """The client is being answered now. Some wait for a second announcement, which comes late."""
        size = os.path.getsize(self.bench.directory + "/ask")
        time.sleep(0.05)
        return os.path.getsize(self.bench.directory + "/ask") > size

    def happens(self, what, worst_moment=False):
        """Do it at any moment of the interval, or right after an advertisement of the owner."""
        if worst_moment:
            heard = self.net.hear_advertisement(self.owner, 4 * self.interval_s)
        else:
            heard = None
            time.sleep(random.random() * self.interval_s)
        self.event = now_ns()
        what()
        if heard:
            heard.close()

    def others(self):
        return [n for n in NODES if n != self.owner]

    def down_s(self):
        """Longer than it takes the others to miss the owner."""
        return 4.2 * self.interval_s + 0.4

    def result(self, r, ms):
        return {"ms": ms, "owner": self.owner, "elections": r.elections(self.event, self.owner),
                "two": r.together(2, self.event)}


def silence_after(what, worst_moment=False):
    """The client's longest silence around the event."""
    def scenario(t):
        t.start()
        t.observe()
        t.happens(lambda: what(t), worst_moment)
        time.sleep(t.down_s())
        t.net.wait(ANSWER_LIMIT_S, t.answered)
        r = t.readings()
        return t.result(r, r.silence(t.event))
    return scenario


def cut_power(t):
    t.net.plug(t.owner, False)
    t.setup.kill(t.owner)


nothing = silence_after(lambda t: None)
power_loss = silence_after(cut_power, worst_moment=True)
sigterm = silence_after(lambda t: t.setup.stop(t.owner))


def api_server(number, memory_mib=0):
    """From what is done to the owner's API server to the first answer of another node."""
    def scenario(t):
        t.start(memory={"n1": memory_mib}, lead_s=LEAD_S if memory_mib else 0)
        if memory_mib and t.owner != "n1":
            raise Unsettled("the address is not where the memory is")
        t.observe()
        t.happens(lambda: t.services.end_api(t.owner, number))
        gone_ns = t.services.wait_gone(t.owner) if number == signal.SIGKILL else t.event
        t.net.wait(LONG_S, lambda: any(t.net.has(n) for n in t.others()))
        time.sleep(0.2 + t.interval_s)
        r = t.readings()
        return {**t.result(r, r.moved(t.event, t.owner)), "gone": (gone_ns - t.event) / 1e6}
    return scenario


def two_owners(act, wait_s):
    """For how long two answer, after something was done to the owner's agent."""
    def scenario(t):
        t.start()
        t.observe()
        t.happens(lambda: act(t))
        time.sleep(wait_s)
        r = t.readings()
        return {**t.result(r, r.together(2, t.event)), "silence": r.silence(t.event)}
    return scenario


agent_killed = two_owners(lambda t: t.setup.killed_under_unit(t.owner), 5)
agent_frozen = two_owners(lambda t: t.setup.kill(t.owner, signal.SIGSTOP), 5)


def nodes_cut(t):
    """No node hears another, the client reaches all: how many answer at once, at most."""
    t.start()
    t.observe()
    t.happens(lambda: t.net.part(*([n] for n in NODES)))
    time.sleep(max(2.0, t.down_s()))
    r = t.readings()
    return {**t.result(r, r.together(2, t.event)), "most": r.most(t.event)}


def owner_cut(t):
    """The owner does not hear the two others: until one of these has the address."""
    t.start()
    t.observe()
    t.happens(lambda: t.net.part([t.owner], t.others()))
    time.sleep(max(1.0, t.down_s()))
    r = t.readings()
    return {**t.result(r, r.owned_by(t.others(), t.event)), "most": r.most(t.event), "silence": r.silence(t.event)}


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def forged_advertisement(setup, source, destination):
    """The worst that VRRP can say: priority 255, and 40.95 s until the next one."""
    vip, addresses = socket.inet_aton(VIP), socket.inet_aton(source) + socket.inet_aton(destination)
    if setup.version == 2:
        head, tail, pseudo = struct.pack(">BBBBBB", 0x21, ROUTER_ID, 255, 1, 1, 1), vip + b"42".ljust(8, b"\0"), b""
    else:
        pseudo = addresses + struct.pack(">BBH", 0, 112, 12)
        head, tail = struct.pack(">BBBBH", 0x31, ROUTER_ID, 255, 1, 4095), vip
    return head + struct.pack(">H", checksum(pseudo + head + b"\0\0" + tail)) + tail


# In the client's namespace: the advertisement to the group, then to each node a sealed datagram that the
# owner had sent to it before (a replay), and one with a bit changed. The frame's source stays the client's own.
FORGER = """
import socket, sys
ip = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112)
ip.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
ip.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.79.0.50"))
ip.sendto(bytes.fromhex(sys.argv[1]), ("224.0.0.18", 0))
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("eth0", 0x0800))
mac = link.getsockname()[4]
for frame in map(bytes.fromhex, sys.argv[2:]):
    for packet in frame, frame[:-1] + bytes([frame[-1] ^ 1]):
        link.send(packet[:6] + mac + packet[12:])
"""


def silences_after(act):
    """The sum of the silences of 20 ms and more that follow, until one node alone has had the address for a while."""
    def scenario(t):
        t.start()
        genuine = [f.hex() for f in t.net.overheard(t.owner, 3 * t.interval_s)]
        t.observe()
        t.happens(lambda: act(t, genuine))
        begin = healthy = time.monotonic()
        while time.monotonic() < min(begin + FORGED_LIMIT_S, max(begin + 3, healthy + 2)):
            if len(t.net.holders()) != 1:
                healthy = time.monotonic()
            time.sleep(0.05)
        r = t.readings()
        return t.result(r, r.silent_in_all(t.event))
    return scenario


def forge(t, genuine):
    """From a host that is no member."""
    packet = forged_advertisement(t.setup, "10.79.0.50", "224.0.0.18").hex()
    subprocess.run(enter("client", "python3", "-c", FORGER, packet, *genuine), check=True)


forged = silences_after(forge)
not_forged = silences_after(lambda t, genuine: None)


def preferred_returns(t):
    """The node of the highest priority comes back: the client's silence, and whether the address moves."""
    t.start(nodes=NODES[1:])
    before = t.owner
    t.observe()
    t.happens(lambda: t.setup.start(NODES[0]))
    t.net.wait(t.down_s() + 3, lambda: t.net.has(NODES[0]))
    time.sleep(0.5)
    r = t.readings()
    return {**t.result(r, r.silence(t.event)), "moved": t.net.holders() != [before]}


def cpu_s(setup, node):
    """Processor seconds of the agent's processes so far."""
    total = 0
    for pid in setup.processes(node):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat") as file:
                total += int(file.read().split()[0])
    return total / 1e9


def cpu(t):
    """Processor time of the owner's agent and of a backup's, in per cent of one processor."""
    t.start(lead_s=2 if t.setup.groups > 1 else 0)
    nodes = {"owner": t.owner, "backup": t.others()[0]}
    begin, used = time.monotonic(), {role: cpu_s(t.setup, n) for role, n in nodes.items()}
    time.sleep(t.bench.cpu_window_s)
    lasted = time.monotonic() - begin
    return {role: (cpu_s(t.setup, n) - used[role]) / lasted * 100 for role, n in nodes.items()}


def pss(t):
    """Memory of the agent in MiB: its own and its share of what others use too. No second one runs beside it."""
    t.start()
    time.sleep(1)
    total = 0
    for pid in t.setup.processes(t.owner):
        with open(f"/proc/{pid}/smaps_rollup") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return {"mib": total / 1024}


def start_alone(t):
    """From exec to the first announcement, less the timer that it has to wait for."""
    t.net.heal()
    t.observe()
    t.event = now_ns()
    t.setup.start(NODES[0])
    t.net.wait(10, lambda: t.net.has(NODES[0]))
    time.sleep(0.1)
    r = t.readings()
    first = next(((at - t.event) / 1e6 for at, _ in r.announced if at > t.event), FOR_EVER)
    return {"ms": first - t.setup.timer_ms()}
