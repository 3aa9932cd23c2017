#!/usr/bin/env python3
"""Who was active, from what vrouters said of themselves.

usage: ownership.py FROM_MS TO_MS LOG...

Prints the milliseconds between the two without an active router and with more than one, and the number of changes. A
router that is killed says nothing: whoever kills it writes "MS killed" into its log.
"""
import re
import sys

LINE = re.compile(r"^(\d+\.\d+) (?:state \w+ -> (\w+):|killed$|started$)")


def changes(path):
    active = False
    with open(path, encoding="utf-8", errors="replace") as f:
        for m in filter(None, map(LINE.match, f)):
            if active != (m[2] == "active"):
                active = not active
                yield float(m[1]), 1 if active else -1


def main():
    begin, end = map(float, sys.argv[1:3])
    events = sorted(e for path in sys.argv[3:] for e in changes(path))
    active = sum(step for at, step in events if at <= begin)
    none = double = 0.0
    last, count = begin, 0
    for at, step in [e for e in events if begin < e[0] < end] + [(end, 0)]:
        none += at - last if active == 0 else 0
        double += at - last if active > 1 else 0
        active, last, count = active + step, at, count + abs(step)
    print("%.0f %.0f %d" % (none, double, count))


if __name__ == "__main__":
    main()
