"""The table: each row is a scenario with the setups it is tried on, its lines say what is compared and aimed at."""
import math
import statistics
from dataclasses import dataclass, field
from typing import Callable

import scenarios as s
from makers import Keepalived, Triarch

# name: (maker, settings). The first two of keepalived are what its users write (the kubeadm guide for highly available
# control planes, word for word in what matters here), and the same at a tenth of the interval.
GUIDE = "interval 3\n    weight -2\n    fall 10\n    rise 2"
USUAL = {"priorities": (101, 100, 100), "script": GUIDE, "realtime": False}
SETUPS = {
    "keepalived guide": (Keepalived, {"interval_ms": 1000, "version": 2, **USUAL}),
    "keepalived guide 100ms": (Keepalived, USUAL),
    "keepalived best": (Keepalived, {}),
    "keepalived best 10ms": (Keepalived, {"interval_ms": 10}),
    "keepalived 10ms": (Keepalived, {"interval_ms": 10, "checks": False}),
    "keepalived 10ms usual": (Keepalived, {"interval_ms": 10, "checks": False, "realtime": False}),
    # Not in real time: with 255 groups its own limit on real time (SIGXCPU) ends it again and again.
    "keepalived 255 groups": (Keepalived, {"groups": 255, "checks": False, "realtime": False}),
    "keepalived alone": (Keepalived, {"nodes": ("n1",), "checks": False, "realtime": False}),
    "triarch": (Triarch, {}),
    "triarch 254": (Triarch, {"priorities": (254, 253, 252)}),
    "triarch ip": (Triarch, {"transport": "ip", "election": "priority"}),
    "triarch always": (Triarch, {"preempt": "always"}),
    "triarch 10ms": (Triarch, {"interval_ms": 10}),
    "triarch ip 10ms": (Triarch, {"interval_ms": 10, "transport": "ip", "election": "priority"}),
    "triarch 10ms no check": (Triarch, {"interval_ms": 10, "checks": False}),
    "triarch ip 10ms no check": (Triarch, {"interval_ms": 10, "checks": False, "transport": "ip", "election": "priority"}),
    "triarch 255 groups": (Triarch, {"groups": 255, "checks": False, "preempt": "always"}),  # one owns all, as keepalived's
    "triarch ip 255 groups": (Triarch, {"groups": 255, "checks": False, "transport": "ip", "election": "priority"}),
    "triarch alone": (Triarch, {"nodes": ("n1",)}),
    "triarch alone no check": (Triarch, {"nodes": ("n1",), "checks": False}),
    "triarch alone priority": (Triarch, {"nodes": ("n1",), "checks": False, "election": "priority"}),
    "triarch ip alone": (Triarch, {"nodes": ("n1",), "checks": False, "transport": "ip", "election": "priority"}),
}


class Sample:
    """All trials of one setup in one row."""

    def __init__(self, setup):
        self.setup, self.trials = setup, []
        self.unsettled, self.failed = 0, setup.refused()

    def usable(self):
        """Measured on: its configuration is taken, and not each of the first trials failed."""
        return bool(self.trials) or (self.unsettled < 2 and not self.setup.refused())

    def all(self, key):
        return [t[key] for t in self.trials]

    def median(self, key):
        return statistics.median(self.all(key)) if self.trials else math.nan

    def worst(self, key):
        return max(self.all(key), default=math.nan)


GUIDE_IS_SLOW = {"keepalived guide": 10}  # 12 s a trial


def below(limit):
    return lambda k, t, key: t.median(key) <= limit


def ratio(limit):
    return lambda k, t, key: t.median(key) <= limit * k.median(key)


def below_once(limit):
    return lambda k, t, key: t.median(key) <= limit and set(t.all("elections")) == {1}


def never(k, t, key):
    return t.worst(key) == 0


def majority_side(k, t, key):
    return t.worst("two") == 0 and t.median(key) <= 5 * 100 and t.worst(key) <= 2 * 300 + 100


def stays(k, t, key):
    return not any(t.all("moved"))


def only_reported(k, t, key):
    return None


@dataclass
class Line:
    title: str
    keepalived: str
    triarch: str
    aim: str
    met: Callable
    key: str = "ms"
    unit: str = "ms"
    also: tuple = ()        # further keys whose range is printed
    why: str = ""           # printed when it is missed: what was found by measuring


@dataclass
class Row:
    scenario: Callable
    lines: list
    slow: dict = field(default_factory=dict)   # setup: at most so many trials
    two_allowed: bool = False                  # of triarch's majority
    trials: int = 1000                         # at most

    def setups(self):
        names = [n for line in self.lines for n in (line.keepalived, line.triarch)]
        return list(dict.fromkeys(names))


ROWS = {
    "nothing": Row(s.nothing, [
        Line("nothing happens (noise of this host)", "keepalived best", "triarch", "-", only_reported)]),
    "power_loss_100": Row(s.power_loss, [
        Line("power loss, 100 ms", "keepalived best", "triarch", "<= 1.02 x", ratio(1.02), also=("elections",)),
        Line("  the same, keepalived's priorities", "keepalived best", "triarch 254", "<= 1.02 x", ratio(1.02), also=("elections",)),
        Line("  the same, ip transport", "keepalived best", "triarch ip", "<= 1.02 x", ratio(1.02), also=("elections",))]),
    "power_loss_10": Row(s.power_loss, [
        Line("power loss, 10 ms", "keepalived best 10ms", "triarch 10ms", "<= 35 ms, all elect once", below_once(35), also=("elections",)),
        Line("  the same, ip transport", "keepalived best 10ms", "triarch ip 10ms", "<= 35 ms, all elect once", below_once(35), also=("elections",))]),
    "power_loss_defaults": Row(s.power_loss, [
        Line("power loss, defaults against defaults", "keepalived guide", "triarch", "<= 360 ms", below(360))], slow=GUIDE_IS_SLOW),
    "sigterm": Row(s.sigterm, [
        Line("SIGTERM, keepalived 1 s", "keepalived guide", "triarch", "<= 3 ms", below(3)),
        Line("  the same, keepalived 100 ms", "keepalived guide 100ms", "triarch", "<= 3 ms", below(3)),
        Line("  the same, ip transport", "keepalived guide 100ms", "triarch ip", "<= 3 ms", below(3))], slow=GUIDE_IS_SLOW),
    "api_dies": Row(s.api_server(9), [
        Line("API server dies, keepalived as the guide", "keepalived guide", "triarch", "<= 50 ms", below(50)),
        Line("  the same, keepalived at its best", "keepalived best", "triarch", "<= 50 ms", below(50)),
        Line("  the same, ip transport", "keepalived best", "triarch ip", "<= 50 ms", below(50))],
        slow={"keepalived guide": 3}),
    "api_dies_memory": Row(s.api_server(9, memory_mib=s.MEMORY_MIB), [
        Line(f"API server with {s.MEMORY_MIB} MiB dies", "keepalived best", "triarch", "<= 200 ms", below(200), also=("gone",),
             why="`gone` is when the kernel had freed the memory; only then it closes the sockets, and nothing shows before")], trials=10),
    "api_hangs": Row(s.api_server(19), [
        Line("API server accepts, never answers", "keepalived best", "triarch", "<= 1200 ms", below(1200))], trials=10),
    "agent_killed": Row(s.agent_killed, [
        Line("agent killed -9, unit's reaction: two owners for", "keepalived best", "triarch", "never", never, also=("silence",)),
        Line("  the same, ip transport", "keepalived best", "triarch ip", "never", never, also=("silence",))], trials=10),
    "agent_frozen": Row(s.agent_frozen, [
        Line("agent frozen: two owners for", "keepalived best", "triarch", "<= 2500 ms", below(2500)),
        Line("  the same, ip transport", "keepalived best", "triarch ip", "<= 2500 ms", below(2500))], trials=10, two_allowed=True),
    "nodes_cut": Row(s.nodes_cut, [
        Line("no node hears another: owners at once", "keepalived best", "triarch", "never two", lambda k, t, key: t.worst(key) <= 1, key="most", unit="")], trials=10),
    "owner_cut": Row(s.owner_cut, [
        Line("owner cut off: majority has its owner after", "keepalived best", "triarch", "<= 500 ms, each <= 700, never two", majority_side, also=("two",))]),
    "forged": Row(s.forged, [
        Line("one forged packet: nobody answers for", "keepalived guide 100ms", "triarch", "0", never),
        Line("  the same, ip transport", "keepalived guide 100ms", "triarch ip", "bounded", only_reported)],
        trials=10, slow={"keepalived guide 100ms": 1}),
    "returns": Row(s.preferred_returns, [
        Line("preferred node returns, `health`", "keepalived best", "triarch", "does not move", stays, also=("moved",)),
        Line("  the same, `always`", "keepalived best", "triarch always", "<= 3 ms", below(3), also=("moved",))]),
    "cpu_255": Row(s.cpu, [
        Line(f"255 groups at 100 ms: CPU, {role}{how}", "keepalived 255 groups", setup, "<= 1 x", ratio(1), key=role, unit="%")
        for how, setup in (("", "triarch 255 groups"), (", ip transport", "triarch ip 255 groups")) for role in ("owner", "backup")], trials=5),
    "cpu_10ms": Row(s.cpu, [
        Line(f"one group at 10 ms: CPU, {role}{how}", "keepalived 10ms", setup, "<= 1 x", ratio(1), key=role, unit="%")
        for how, setup in (("", "triarch 10ms no check"), (", ip transport", "triarch ip 10ms no check")) for role in ("owner", "backup")] + [
        Line(f"  the same, {role}, keepalived not in real time", "keepalived 10ms usual", "triarch ip 10ms no check", "<= 1 x", ratio(1), key=role, unit="%")
        for role in ("owner", "backup")], trials=5),
    "pss": Row(s.pss, [
        Line("PSS of the agent, nothing checked", "keepalived alone", "triarch alone no check", "<= 5 MiB", below(5), key="mib", unit="MiB"),
        Line("  the same, API server checked", "keepalived alone", "triarch alone", "<= 5 MiB", below(5), key="mib", unit="MiB")], trials=5),
    "start_alone": Row(s.start_alone, [
        Line("exec to owning, past the timer", "keepalived alone", "triarch alone priority", "<= 32 ms", below(32)),
        Line("  the same, ip transport", "keepalived alone", "triarch ip alone", "<= 32 ms", below(32))]),
}
