#!/usr/bin/env python3
"""Who has an address, as each host's kernel tells it: usage: observer.py ADDRESS HOST...

HOST I is the network namespace hI. Prints "ready", then "MS add|del HOST", first for those that have it already, and on
SIGINT the longest time that two hosts had the address: "two MS". All that is there at one moment is taken as of one
time: a handover that comes late to this program is no time of two.
"""
import ctypes
import os
import select
import signal
import socket
import struct
import sys
import time

NEW, DEL = 20, 21  # RTM_NEWADDR, RTM_DELADDR
GROUPS = 0x10 | 0x100  # RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR
DUMP = struct.pack("=IHHII8x", 24, 22, 0x301, 1, 0)  # RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, any family
SO_RCVBUFFORCE, BUFFER = 33, 4 << 20


def now_ms():
    return time.clock_gettime(time.CLOCK_MONOTONIC) * 1000


def subscribe(host):
    with open(f"/run/netns/h{host}") as f:
        if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), 0):
            raise OSError("setns")
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    s.bind((0, GROUPS))
    s.send(DUMP)
    return s


def realtime():
    """What it measures is not to be its own waiting."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(20))
    except PermissionError:
        pass


class Owners:
    def __init__(self):
        self.have, self.since, self.longest = set(), None, 0

    def change(self, kind, host, now):
        if (kind == NEW) == (host in self.have):
            return  # a refresh
        print("%.3f %s %s" % (now, "add" if kind == NEW else "del", host), flush=True)
        (self.have.add if kind == NEW else self.have.discard)(host)
        if len(self.have) > 1 and self.since is None:
            self.since = now
        if len(self.have) < 2:
            self.settle(now)

    def settle(self, now):
        if self.since is not None:
            self.longest, self.since = max(self.longest, now - self.since), None


def events_of(address, host, s):
    data = s.recv(65536)
    while len(data) >= 16:
        size, kind = struct.unpack_from("=IH", data)
        if kind in (NEW, DEL) and address in data[24:size]:
            yield kind, host
        data = data[(size + 3) & ~3:]


def main():
    if len(sys.argv) < 3:
        sys.exit("usage: observer.py ADDRESS HOST...")
    realtime()
    family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
    address = socket.inet_pton(family, sys.argv[1])
    sockets = {s.fileno(): (host, s) for host in sys.argv[2:] for s in [subscribe(host)]}
    owners, stop, poll = Owners(), [], select.poll()
    signal.signal(signal.SIGINT, lambda *_: stop.append(1))
    for fd in sockets:
        poll.register(fd, select.POLLIN)
    print("ready", flush=True)
    ending = False
    while not ending:
        ending = bool(stop)  # what is there by then is still taken
        events, wait_ms = [], 0 if ending else 100
        while ready := poll.poll(wait_ms):
            wait_ms = 0
            for fd, _ in ready:
                events += events_of(address, *sockets[fd])
        now = now_ms()
        for kind, host in events:
            owners.change(kind, host, now)
    owners.settle(now_ms())
    print("two %.3f" % owners.longest, flush=True)


main()
