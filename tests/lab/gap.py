#!/usr/bin/env python3
"""The longest time without a success around an event, from a log of probe.

usage: gap.py LOG FROM_NS TO_NS    (CLOCK_MONOTONIC)

Prints in ms the longest time between two consecutive successes that touches the window. The one that ends it may
still be on its way: it is waited for. A window after which nothing succeeds has no gap but an outage: that is an
error.
"""
import sys
import time

PATIENCE_S = 5


def longest(done, begin, end):
    pairs = [(b - a, a) for a, b in zip(done, done[1:]) if b > begin and a < end]
    if not pairs:
        sys.exit("gap: no success around the window")
    if done[-1] < end:
        sys.exit(f"gap: nothing succeeded in the last {(end - done[-1]) / 1e9:.1f} s of the window")
    return max(pairs)[0]


def successes(path, end):
    limit = time.monotonic() + PATIENCE_S
    while True:
        with open(path) as file:
            lines = file.read().split("\n")[:-1]  # a line without its end is still being written
        done = sorted(int(line.split()[0]) for line in lines)
        if (done and done[-1] >= end) or time.monotonic() > limit:
            return done
        time.sleep(0.05)


def main():
    path, begin, end = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    print(f"{longest(successes(path, end), begin, end) / 1e6:.1f}")


main()
