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
IP_SETUP = {"transport": "ip", "election": "priority"}
USUAL = {"priorities": (101, 100, 100), "script": GUIDE, "realtime": False}
SETUPS = {
    "keepalived guide": (Keepalived, {"interval_ms": 1000, "version": 2, **USUAL}),
    "keepalived guide 100ms": (Keepalived, USUAL),
    "keepalived best": (Keepalived, {}),
    "keepalived best 10ms": (Keepalived, {"interval_ms": 10}),
    "keepalived 10ms": (Keepalived, {"interval_ms": 10, "checks": False}),
    "keepalived 10ms usual": (Keepalived, {"interval_ms": 10, "checks": False, "realtime": False}),
    # Not in real time: with it and 255 groups its vrrp process did not stay up.
    "keepalived 255 groups": (Keepalived, {"groups": 255, "checks": False, "realtime": False}),
    "keepalived alone": (Keepalived, {"nodes": ("n1",), "checks": False, "realtime": False}),
    "triarch": (Triarch, {}),
    "triarch 254": (Triarch, {"priorities": (254, 253, 252)}),
    "triarch ip": (Triarch, {**IP_SETUP}),
    "triarch always": (Triarch, {"preempt": "always"}),
    "triarch 10ms": (Triarch, {"interval_ms": 10}),
    "triarch ip 10ms": (Triarch, {"interval_ms": 10, **IP_SETUP}),
    "triarch 10ms no check": (Triarch, {"interval_ms": 10, "checks": False}),
    "triarch ip 10ms no check": (Triarch, {"interval_ms": 10, "checks": False, **IP_SETUP}),
    "triarch 255 groups": (Triarch, {"groups": 255, "checks": False, "preempt": "always"}),  # one owns all, as keepalived's
    "triarch ip 255 groups": (Triarch, {"groups": 255, "checks": False, **IP_SETUP}),
    "triarch alone": (Triarch, {"nodes": ("n1",)}),
    "triarch alone no check": (Triarch, {"nodes": ("n1",), "checks": False}),
    "keepalived unshared": (Keepalived, {"nodes": ("n1",), "checks": False, "realtime": False, "own_libraries": True}),
    "triarch unshared": (Triarch, {"nodes": ("n1",), "own_libraries": True}),
    "triarch unshared no check": (Triarch, {"nodes": ("n1",), "checks": False, "own_libraries": True}),
    "triarch alone priority": (Triarch, {"nodes": ("n1",), "checks": False, "election": "priority"}),
    "triarch ip alone": (Triarch, {"nodes": ("n1",), "checks": False, **IP_SETUP}),
}


class Sample:
    """All trials of one setup in one row."""

    def __init__(self, setup, trials=(), failed=""):
        self.setup, self.trials = setup, list(trials)
        self.unsettled, self.failed = 0, failed

    def usable(self):
        """Measured on: its configuration is taken, and not each of the first trials failed."""
        return bool(self.trials) or (self.unsettled < 2 and not self.setup.refused)

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


def at_most(limit):
    return lambda k, t, key: t.worst(key) <= limit


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
    """What is compared. aim, met and key: the row's own where they are None."""
    title: str
    keepalived: str
    triarch: str
    aim: str = None
    met: Callable = None
    key: str = None
    why: str = ""               # printed when the aim is missed: what was found by measuring


@dataclass
class Row:
    scenario: Callable
    aim: str
    met: Callable
    lines: list
    key: str = "ms"
    unit: str = "ms"
    also: tuple = ()            # further keys whose range is printed
    trials: int = 1000          # at most
    slow: dict = field(default_factory=dict)    # setup: at most so many trials
    two_allowed: bool = False   # of triarch's majority

    def setups(self):
        names = [n for line in self.lines for n in (line.keepalived, line.triarch)]
        return list(dict.fromkeys(names))

    def completed(self):
        """The lines, each with all it needs."""
        return [Line(line.title, line.keepalived, line.triarch, line.aim or self.aim, line.met or self.met,
                     line.key or self.key, line.why) for line in self.lines]


SKEW_TIMES = "10.2 ms for priority 230 (the second node's default), 2.3 ms for 250, 1.2 ms for keepalived's 253"
SKEW = "the floor is three intervals and the skew time of the next node: " + SKEW_TIMES
HALF_SKEW = SKEW + "; the lease's is half of that"
MEMORY = "`gone` is when the kernel had freed the memory; it closes the sockets only then, and nothing shows before"
WAKEUPS = ("the owner sends two datagrams and wakes three times per interval (timer, two acknowledgements) where keepalived "
           "sends one and wakes once; a backup sends one where keepalived's sends none. perf: task switches 30 %, sending 30 % "
           "(half of it waking the receiver, which is on this machine), HMAC 9 %")
ACKS = "each of 255 groups is acknowledged on its own: a backup sends 2,550 datagrams a second where keepalived's sends none"
IP_COST = ("an owner takes 75 us per advertisement where keepalived's takes 58 (perf): 8 us more outside the kernel, nearly "
           "all of it libsystemd's event loop, and 7 us more in sendmsg(); the system calls are the same four")
PSS = "of it libcrypto 1.7 MiB (3.9 with libssl where HTTPS is checked), the program 0.7, the heap 0.4 (0.9), libsystemd 0.5 (smaps)"
START = "on a loaded host loading the program and its 43 libraries alone takes 20 ms (`triarch version`), on a quiet one 6"
IP = "  the same, ip transport"

ROWS = {
    "nothing": Row(s.nothing, "-", only_reported, [
        Line("nothing happens (noise of this host)", "keepalived best", "triarch")]),
    "power_loss_100": Row(s.power_loss, "<= 1.02 x", ratio(1.02), [
        Line("power loss, 100 ms", "keepalived best", "triarch", why=HALF_SKEW),
        Line("  the same, keepalived's priorities", "keepalived best", "triarch 254"),
        Line(IP, "keepalived best", "triarch ip", why=SKEW)], also=("elections",)),
    "power_loss_10": Row(s.power_loss, "<= 35 ms, all elect once", below_once(35), [
        Line("power loss, 10 ms", "keepalived best 10ms", "triarch 10ms"),
        Line(IP, "keepalived best 10ms", "triarch ip 10ms")], also=("elections",)),
    "power_loss_defaults": Row(s.power_loss, "<= 360 ms", below(360), [
        Line("power loss, defaults against defaults", "keepalived guide", "triarch")], slow=GUIDE_IS_SLOW),
    "sigterm": Row(s.sigterm, "<= 3 ms", below(3), [
        Line("SIGTERM, keepalived 1 s", "keepalived guide", "triarch"),
        Line("  the same, keepalived 100 ms", "keepalived guide 100ms", "triarch"),
        Line(IP, "keepalived guide 100ms", "triarch ip",
             why="priority 0 leaves the next its skew time: " + SKEW_TIMES)], slow=GUIDE_IS_SLOW),
    "api_dies": Row(s.api_server(9), "<= 50 ms", below(50), [
        Line("API server dies, keepalived as the guide", "keepalived guide", "triarch"),
        Line("  the same, keepalived at its best", "keepalived best", "triarch"),
        Line(IP, "keepalived best", "triarch ip")], slow={"keepalived guide": 3}),
    "api_dies_memory": Row(s.api_server(9, memory_mib=s.MEMORY_MIB), "<= 200 ms", below(200), [
        Line(f"API server with {s.MEMORY_MIB} MiB dies", "keepalived best", "triarch", why=MEMORY)],
        also=("gone",), trials=10),
    "api_hangs": Row(s.api_server(19), "<= 1200 ms", below(1200), [
        Line("API server accepts, never answers", "keepalived best", "triarch")], trials=10),
    "agent_killed": Row(s.agent_killed, "never", never, [
        Line("agent killed -9, its unit's reaction: two owners for", "keepalived best", "triarch"),
        Line(IP, "keepalived best", "triarch ip")], also=("silence",), trials=10),
    "agent_frozen": Row(s.agent_frozen, "<= 2500 ms", below(2500), [
        Line("agent frozen: two owners for", "keepalived best", "triarch"),
        Line(IP, "keepalived best", "triarch ip")], trials=10, two_allowed=True),
    "nodes_cut": Row(s.nodes_cut, "never two", at_most(1), [
        Line("no node hears another: owners at once", "keepalived best", "triarch")], key="most", unit="", trials=10),
    "owner_cut": Row(s.owner_cut, "<= 500 ms, each <= 700, never two", majority_side, [
        Line("owner cut off: majority has its owner after", "keepalived best", "triarch")], also=("two",)),
    "forged": Row(s.forged, "0", never, [
        Line("one forged packet: nobody answers for", "keepalived guide 100ms", "triarch"),
        Line(IP, "keepalived guide 100ms", "triarch ip", "bounded", only_reported)],
        trials=10, slow={"keepalived guide 100ms": 1}),
    "not_forged": Row(s.not_forged, "-", only_reported, [
        Line("the same measured with no packet forged", "keepalived best", "triarch")], trials=10),
    "returns": Row(s.preferred_returns, "<= 3 ms", below(3), [
        Line("preferred node returns, `health`", "keepalived best", "triarch", "does not move", stays),
        Line("  the same, `always`", "keepalived best", "triarch always")], also=("moved",)),
    "cpu_255": Row(s.cpu, "<= 1 x", ratio(1), [
        Line("255 groups at 100 ms: CPU, owner", "keepalived 255 groups", "triarch 255 groups", key="owner"),
        Line("  the same, backup", "keepalived 255 groups", "triarch 255 groups", key="backup", why=ACKS),
        Line("  ip transport, owner", "keepalived 255 groups", "triarch ip 255 groups", key="owner"),
        Line("  ip transport, backup", "keepalived 255 groups", "triarch ip 255 groups", key="backup")],
        unit="%", trials=5),
    "cpu_10ms": Row(s.cpu, "<= 1 x", ratio(1), [
        Line("one group at 10 ms: CPU, owner", "keepalived 10ms", "triarch 10ms no check", key="owner", why=WAKEUPS),
        Line("  the same, backup", "keepalived 10ms", "triarch 10ms no check", key="backup", why=WAKEUPS),
        Line("  ip transport, owner", "keepalived 10ms", "triarch ip 10ms no check", key="owner", why=IP_COST),
        Line("  ip transport, backup", "keepalived 10ms", "triarch ip 10ms no check", key="backup"),
        Line("  owner, keepalived not in real time", "keepalived 10ms usual", "triarch ip 10ms no check", key="owner"),
        Line("  backup, keepalived not in real time", "keepalived 10ms usual", "triarch ip 10ms no check", key="backup")],
        unit="%", trials=5),
    "pss": Row(s.pss, "<= 5 MiB", below(5), [
        Line("PSS of the agent, nothing checked", "keepalived alone", "triarch alone no check"),
        Line("  the same, API server checked", "keepalived alone", "triarch alone", why=PSS),
        Line("  libraries not shared, nothing checked", "keepalived unshared", "triarch unshared no check", why=PSS),
        Line("  libraries not shared, API server checked", "keepalived unshared", "triarch unshared", why=PSS)],
        key="mib", unit="MiB", trials=5),
    "start_alone": Row(s.start_alone, "<= 32 ms", below(32), [
        Line("exec to owning, past the timer", "keepalived alone", "triarch alone priority", why=START),
        Line(IP, "keepalived alone", "triarch ip alone", why=START)]),
}
