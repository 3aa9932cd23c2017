#!/usr/bin/env python3
"""The lab's time server: NTP over UDP 123, each client with a time of its own.

usage: timeserver.py ADDRESS FILE

FILE has one line per bent client, read again when it changes:

    CLIENT_ADDRESS OFFSET_S [DRIFT_S_PER_S]

The client is told system time + OFFSET + DRIFT * (seconds since the file was last changed). Clients
without a line get system time. The server claims stratum 2, so that nobody takes it for unsynchronised.
"""
import os
import socket
import struct
import sys
import time

NTP_EPOCH = 2208988800  # seconds from 1900 to 1970
SO_TIMESTAMPNS = 35


def ntp_time(seconds):
    whole = int(seconds // 1)
    return ((whole + NTP_EPOCH) & 0xFFFFFFFF) << 32 | int((seconds - whole) * 2**32) & 0xFFFFFFFF


class Offsets:
    def __init__(self, path):
        self.path, self.stamp, self.clients = path, None, {}

    def of(self, client):
        try:
            stamp = os.stat(self.path).st_mtime_ns
        except FileNotFoundError:
            return 0.0
        if stamp != self.stamp:
            with open(self.path) as file:
                lines = [line.split() for line in file if line.strip()]
            self.clients = {f[0]: (float(f[1]), float(f[2]) if len(f) > 2 else 0.0) for f in lines}
            self.stamp = stamp
        offset, drift = self.clients.get(client, (0.0, 0.0))
        return offset + drift * (time.time() - self.stamp / 1e9)


def received_at(ancillary):
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("qq", data[:16])
            return seconds + nanoseconds / 1e9
    return time.time()


def reply(request, received, offset):
    version = request[0] >> 3 & 7
    header = struct.pack("!BBbb", version << 3 | 4, 2, struct.unpack("b", request[2:3])[0], -20)
    root = struct.pack("!II4s", 0, 16, b"\x7f\x7f\x01\x00")  # delay 0, dispersion 0.2 ms
    stamps = struct.pack("!Q", ntp_time(received + offset - 1)) + request[40:48]
    return header + root + stamps + struct.pack(
        "!QQ", ntp_time(received + offset), ntp_time(time.time() + offset))


def main():
    address, path = sys.argv[1:3]
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.bind((address, 123))
    offsets = Offsets(path)
    while True:
        request, ancillary, _, peer = sock.recvmsg(1024, 256)
        if len(request) < 48 or request[0] & 7 != 3:
            continue
        try:
            offset = offsets.of(peer[0])
        except (ValueError, IndexError) as error:  # half-written: the writer is about to finish
            print(f"{path}: {error}", file=sys.stderr, flush=True)
            continue
        sock.sendto(reply(request, received_at(ancillary), offset), peer)


main()
