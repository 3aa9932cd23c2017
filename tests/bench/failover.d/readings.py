"""What a trial's logs say: who answered, for how long nobody did, who had the address."""
import math

FOR_EVER = math.inf
STILL_S = 0.05  # what goes on within the last 50 ms of a log has not ended


def lines(path):
    with open(path) as file:
        for line in file:
            fields = line.split()
            if len(fields) >= 2 and line.endswith("\n"):
                yield int(fields[0]), fields[1:]


class Readings:
    """Times in ns of CLOCK_MONOTONIC; results in ms. The event is what the trial did to the owner."""

    def __init__(self, ask_log, watch_log, macs):
        self.answers = [(t, f[0]) for t, f in lines(ask_log)]
        self.windows = []   # [begin, {who answered}] of each question of the observer
        self.announced = []
        self.end = 0
        for t, f in lines(watch_log):
            self.end = t
            if f[0] == "ask":
                self.windows.append([t, set()])
            elif f[0] == "answer" and self.windows:
                self.windows[-1][1].add(macs.get(f[1], f[1]))
            elif f[0] == "announce":
                self.announced.append((t, macs.get(f[1], f[1])))

    def silence(self, event, before_ms=20):
        """The longest time between two answers, from shortly before the event on."""
        times = [t for t, _ in self.answers if t >= event - before_ms * 1_000_000]
        if not times or times[-1] < self.end - STILL_S * 1e9:
            return FOR_EVER
        return max((b - a for a, b in zip(times, times[1:])), default=0) / 1e6

    def silent_in_all(self, event):
        """The sum of all silences of at least 20 ms after the event."""
        times = [event] + [t for t, _ in self.answers if t > event] + [self.end]
        return sum(b - a for a, b in zip(times, times[1:]) if b - a >= 20_000_000) / 1e6

    def moved(self, event, owner):
        """From the event to the first answer of another node."""
        return next(((t - event) / 1e6 for t, name in self.answers if t > event and name != owner), FOR_EVER)

    def elections(self, event, owner):
        """How often another one than before announced the address."""
        count = 0
        for t, name in self.announced:
            if t > event and name != owner:
                count, owner = count + 1, name
        return count

    def together(self, count, since=0):
        """For how long `count` nodes or more answered at once; FOR_EVER when still at the end."""
        ends = [t for t, _ in self.windows[1:]] + [self.end]
        held = [(t, e) for (t, who), e in zip(self.windows, ends) if len(who) >= count and t >= since]
        if held and held[-1][1] >= self.end - STILL_S * 1e9:
            return FOR_EVER
        return sum(e - t for t, e in held) / 1e6

    def most(self, since):
        """The largest number of nodes that answered one question."""
        return max((len(who) for t, who in self.windows if t >= since), default=0)

    def owned_by(self, nodes, since):
        """From since to the first answer of one of nodes."""
        return next(((t - since) / 1e6 for t, who in self.windows if t > since and who & set(nodes)), FOR_EVER)
