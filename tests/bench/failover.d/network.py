"""Three nodes, a client and an observer as network namespaces on one bridge.

The bridge is in this process's own network namespace, so that a node can be cut off from outside it, as a pulled
cable or a lost power supply would do.
"""
import fcntl
import os
import signal
import socket
import struct
import subprocess
import time

NODES = ("n1", "n2", "n3")
VIP = "10.79.0.100"
ECHO_PORT, SEALED_PORT, PROTOCOL_VRRP = 7, 7644, 112
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
SEALED_ADVERTS = (b"\x01", b"\x11")
PACKET_OUTGOING, ETH_P_ALL = 4, 3
JUST_AFTER_S = 0.001  # the same advertisement goes to each member: all copies are out by then


def address(node):
    return f"10.79.0.{node[1:]}"


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


def enter(namespace, *command):
    """The command line that runs command in that namespace, under the same process id."""
    return ["nsenter", f"--net=/run/netns/{namespace}", *command]


def is_advertisement(data, node):
    """An IPv4 packet of the node that says it is the owner: VRRP, or a sealed advertisement or claim (docs/wire.md);
    the agents' other messages, which come between, do not count."""
    if len(data) < 28 or data[0] >> 4 != 4 or data[12:16] != socket.inet_aton(address(node)):
        return False
    udp = data[(data[0] & 15) * 4:]
    if data[9] == PROTOCOL_VRRP:
        return True
    return data[9] == socket.IPPROTO_UDP and udp[2:4] == SEALED_PORT.to_bytes(2, "big") and udp[12:13] in SEALED_ADVERTS


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def realtime():
    """This process acts in time; what it starts decides for itself."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(20))
    except OSError:
        pass


def kill(processes, number=signal.SIGKILL):
    for p in processes:
        try:
            os.kill(p if isinstance(p, int) else p.pid, number)
        except ProcessLookupError:
            pass


class Network:
    def __init__(self):
        self.ioctl = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.macs = {}
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "br0", "type", "bridge", "forward_delay", "0")
        run("ip", "link", "set", "br0", "up")
        for name in (*NODES, "client", "watch"):
            self.add(name)
        for node in NODES:
            run("ip", "-n", node, "addr", "add", address(node) + "/16", "dev", "eth0")
        run("ip", "-n", "client", "addr", "add", "10.79.0.50/16", "dev", "eth0")

    def add(self, name):
        run("ip", "netns", "add", name)
        run("ip", "link", "add", name + "-br", "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "link", "set", name + "-br", "master", "br0", "up")
        run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", name, "link", "set", "eth0", "up")
        self.macs[run("ip", "-n", name, "-br", "link", "show", "eth0").split()[2]] = name

    # What happens to nodes.
    def plug(self, node, up):
        name = (node + "-br").encode()
        flags = struct.unpack("16xh14x", fcntl.ioctl(self.ioctl, SIOCGIFFLAGS, struct.pack("16sh14x", name, 0)))[0]
        flags = flags | IFF_UP if up else flags & ~IFF_UP
        fcntl.ioctl(self.ioctl, SIOCSIFFLAGS, struct.pack("16sh14x", name, flags))

    def part(self, *groups):
        """Members of different groups do not hear one another; client and observer hear all."""
        rules = ""
        for group in groups:
            others = ", ".join(f'"{n}-br"' for g in groups if g is not group for n in g)
            rules += "".join(f'iifname "{n}-br" oifname {{ {others} }} drop\n' for n in group)
        run("nft", "-f", "-", input="table bridge cut {\nchain forward {\n"
            f"type filter hook forward priority 0\n{rules}}}\n}}\n")

    def heal(self):
        """As before the trial: every link up, nothing parted, the address nowhere, no cache."""
        run("nft", "flush", "ruleset")
        for node in NODES:
            self.plug(node, True)
            run("ip", "-4", "-n", node, "addr", "flush", "dev", "eth0")
            run("ip", "-n", node, "addr", "add", address(node) + "/16", "dev", "eth0")
        run("ip", "-n", "client", "neigh", "flush", "all")

    # Who has it.
    def has(self, node, vip=VIP):
        return f" {vip}/" in run("ip", "-n", node, "-o", "-4", "addr", "show", "dev", "eth0")

    def virtual_addresses(self, node):
        lines = run("ip", "-n", node, "-o", "-4", "addr", "show", "dev", "eth0").splitlines()
        return len([line for line in lines if f" {address(node)}/" not in line])

    def holders(self):
        return [n for n in NODES if self.has(n)]

    def wait(self, seconds, condition):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        return True

    def hear_advertisement(self, node, limit_s):
        """Return just after the node has sent an advertisement: the worst moment to lose it.

        The returned socket is to be closed later: closing it takes milliseconds.
        """
        # All protocols: a bridge takes the frames of a port before any single protocol sees them.
        s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        s.bind((node + "-br", ETH_P_ALL))
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            data, at = s.recvfrom(256)
            if at[2] != PACKET_OUTGOING and is_advertisement(data, node):
                time.sleep(JUST_AFTER_S)
                break
        return s

    def overheard(self, node, seconds):
        """Sealed datagrams that the node sends within that time, as frames."""
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        s.bind((node + "-br", ETH_P_ALL))
        s.settimeout(0.1)
        frames, end = [], time.monotonic() + seconds
        while time.monotonic() < end and len(frames) < 20:
            try:
                frame, at = s.recvfrom(2048)
            except TimeoutError:
                continue
            if at[2] != PACKET_OUTGOING and is_advertisement(frame[14:], node) and frame[23] == socket.IPPROTO_UDP:
                frames.append(frame)
        s.close()
        return frames
