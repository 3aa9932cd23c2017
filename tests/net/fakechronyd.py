#!/usr/bin/env python3
"""A chronyd that is content: answers TRACKING on 127.0.0.1:323 with a correction of 0.

usage: fakechronyd.py SHIFT-FILE    (8 bytes, nanoseconds: the system clock is ahead by them, as clockshift.c has it)
"""
import socket
import struct
import sys
import time

HEADER = "!BBHHHHHHHIII"  # version, type, reserved, command, reply, status, 3 pads, sequence, 2 pads


def number(value):
    """chronyd's float: signed 7-bit exponent, signed 25-bit coefficient."""
    if value == 0:
        return 0
    exponent = 0
    while abs(value) >= 1 << 24:
        value, exponent = value / 2, exponent + 1
    while abs(value) < 1 << 22:
        value, exponent = value * 2, exponent - 1
    return ((exponent + 25) & 0x7F) << 25 | int(value) & 0x1FFFFFF


def tracking(sequence):
    with open(sys.argv[1], "rb") as file:
        now = time.time_ns() + struct.unpack("q", file.read(8))[0] - 500_000_000
    header = struct.pack(HEADER, 6, 2, 0, 33, 5, 0, 0, 0, 0, sequence, 0, 0)
    source = struct.pack("!I16sHHHH", 0x0A4D00FE, socket.inet_aton("10.77.0.254"), 1, 0, 3, 0)
    seconds = now // 10**9
    stamp = struct.pack("!III", seconds >> 32, seconds & 0xFFFFFFFF, now % 10**9)
    values = [0, 0, 0, 0, 0, 0.01, 0.0002, 0.0003, 1.0]
    return header + source + stamp + struct.pack("!9I", *map(number, values))


sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", 323))
while True:
    request, peer = sock.recvfrom(1024)
    if len(request) >= 12 and request[4:6] == b"\x00\x21":
        sock.sendto(tracking(struct.unpack("!I", request[8:12])[0]), peer)
