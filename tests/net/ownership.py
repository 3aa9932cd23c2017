#!/usr/bin/env python3
"""Who was active, from what vrouters said of themselves.

usage: ownership.py FROM_MS LOG...

Prints the milliseconds since FROM_MS without an active router and with more than one, and the number of changes.
"""
import re
import sys

LINE = re.compile(r"^(\d+\.\d+) state (\w+) -> (\w+):")


def changes(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        for m in filter(None, map(LINE.match, f)):
            if "active" in (m[2], m[3]):
                yield float(m[1]), 1 if m[3] == "active" else -1


def main():
    begin = float(sys.argv[1])
    events = sorted(e for path in sys.argv[2:] for e in changes(path))
    active = sum(step for at, step in events if at <= begin)
    none = double = 0.0
    last, count = begin, 0
    for at, step in [e for e in events if e[0] > begin]:
        none += at - last if active == 0 else 0
        double += at - last if active > 1 else 0
        active, last, count = active + step, at, count + 1
    print("%.0f %.0f %d" % (none, double, count))


if __name__ == "__main__":
    main()
