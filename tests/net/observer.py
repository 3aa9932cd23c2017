#!/usr/bin/env python3
"""Who has an address, as each host's kernel tells it: usage: observer.py ADDRESS HOST...

HOST I is the network namespace hI. Prints "ready", then "MS add|del HOST", and on SIGINT the longest time that
two hosts had the address: "two MS". All that is there at one moment is taken together, removals first: a handover that comes late to
this program is no time of two.
"""
import ctypes
import select
import signal
import socket
import struct
import sys
import time

NEW, DEL = 20, 21  # RTM_NEWADDR, RTM_DELADDR
GROUPS = 0x10 | 0x100  # RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR


def now_ms():
    return time.clock_gettime(time.CLOCK_MONOTONIC) * 1000


def subscribe(host):
    with open(f"/run/netns/h{host}") as f:
        if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), 0):
            raise OSError("setns")
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    s.bind((0, GROUPS))
    return s


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
    family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
    address = socket.inet_pton(family, sys.argv[1])
    sockets = {s.fileno(): (host, s) for host in sys.argv[2:] for s in [subscribe(host)]}
    owners, stop, poll = Owners(), [], select.poll()
    signal.signal(signal.SIGINT, lambda *_: stop.append(1))
    for fd in sockets:
        poll.register(fd, select.POLLIN)
    print("ready", flush=True)
    while not stop:
        events, wait_ms = [], 100
        while ready := poll.poll(wait_ms):
            wait_ms = 0
            for fd, _ in ready:
                events += events_of(address, *sockets[fd])
        now = now_ms()
        for kind, host in sorted(events, key=lambda e: -e[0]):
            owners.change(kind, host, now)
    owners.settle(now_ms())
    print("two %.3f" % owners.longest, flush=True)


main()
