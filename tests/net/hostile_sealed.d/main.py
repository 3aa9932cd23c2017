"""Runs every attack and says what it did: see tests/net/test_hostile_sealed.sh."""
import os
import signal
import sys
import time

from attacks import Attacker
from frames import Overheard, Sender
from world import INTERVAL_S, NODES, Stalls, World, now_ns, wait

SLACK_MS = 50           # scheduling, on a machine that also makes the flood
LINES_MAX = 6           # that one attack may add to one agent's journal
MEMORY_KIB = 512        # that one attack may add to one agent's memory
SENDS_MAX = 500         # datagrams per second of one agent, whatever it hears: they are 30 in peace
TRIES = 4
QUIET_S = 0.4           # after an attack, to be sure that nothing follows

# What is tried, and as what it is printed. Each from a state with one owner.
ATTACKS = (
    ("VRRP: every wrong form, versions 2 and 3", "vrrp_forms"),
    ("VRRP: intervals of 0 and 40.95 s", "vrrp_intervals"),
    ("VRRP: priority 255 once", "vrrp_255_once"),
    ("VRRP: priority 255 every 0.3 s", "vrrp_255_often"),
    ("VRRP: priority 0 in the owner's name", "vrrp_0_as_owner"),
    ("sealed: cut at every length, and longer", "cut"),
    ("sealed: each byte changed", "flipped"),
    ("sealed: each field another", "fields"),
    ("sealed: replayed, reflected, changed at once", "replay_at_once"),
    ("sealed: to others, from others", "replay_misdirected"),
    ("sealed: replayed later, any order, twice", "replay_later"),
    ("flood: garbage from its own address", "flood_own"),
    ("flood: garbage from a member's address", "flood_noise"),
    ("flood: all but the tag is right", "flood_forged"),
    ("flood: genuine datagrams replayed", "flood_replay"),
    ("flood: CHALLENGEs of every life replayed", "flood_challenges"),
    ("flood: RESPONSEs of every life replayed", "flood_responses"),
    ("flood: TCP and UDP to other ports", "flood_other_ports"),
    ("flood: ICMP unreachable, too big, redirect", "unreachable"),
    ("ARP: the address claimed once", "arp_once"),
    ("ARP: the address claimed every 0.3 s", "arp_often"),
    ("ARP: the address claimed at odd times", "arp_at_odd_times"),
    ("flood: ARP claims of the address", "arp_flood"),
)


class Test:
    def __init__(self, world, attacker, stalls):
        self.w, self.a, self.stalls, self.failed = world, attacker, stalls, False

    def snapshot(self):
        running = list(self.w.agent)
        status = {n: self.w.told(n) for n in running}
        return {"at": now_ns(), "sent": self.a.sender.sent,
                "cpu": {n: self.w.cpu_s(n) for n in running},
                "memory": {n: self.w.memory_kib(n) for n in running},
                "lines": {n: len(self.w.lines(n)) for n in NODES},
                "datagrams": {n: self.w.datagrams(status[n]) for n in running},
                "state": {n: status[n]["vip"]["state"] for n in running}}

    def changes(self, before, stay):
        """Everything that was to stay as it was, and did not."""
        since_ms = (now_ns() - before["at"]) / 1e6
        for node in stay:
            vip = self.w.told(node).get("vip", {})
            if vip.get("state") != before["state"][node]:
                yield f"{node} was {before['state'][node]} and is {vip.get('state')}"
            elif vip["stateMs"] < since_ms:
                yield f"{node} became {vip['state']} again"
        if len(self.w.holders()) != 1:
            yield f"owners: {self.w.holders()}"

    def excess(self, before, after, stay):
        for node in stay:
            if after["lines"][node] - before["lines"][node] > LINES_MAX:
                yield f"{node} wrote {after['lines'][node] - before['lines'][node]} lines"
            sends = (after["datagrams"][node][0] - before["datagrams"][node][0]) / (after["at"] - before["at"]) * 1e9
            if sends > SENDS_MAX:
                yield f"{node} sent {sends:.0f} datagrams per second"
            if after["memory"][node] - before["memory"][node] > MEMORY_KIB:
                yield f"{node} took {after['memory'][node] - before['memory'][node]} KiB more"

    def attack(self, name, act, stay=lambda: NODES):
        """One attack. What happens while the machine itself stands still proves nothing: then once more."""
        for _ in range(TRIES):
            begin = now_ns()
            cost, problems = self.one_attack(act, stay)
            stall = self.stalls.longest_ms(begin)
            if not problems or not stall:
                break
            print(f"        {name}: {'; '.join(problems)}, but the machine stood still for {stall:.0f} ms: again")
        self.verdict(name, cost, problems)

    def one_attack(self, act, stay):
        """What it cost, and whatever moved."""
        if not self.w.settled():
            return "", ["there is no one owner before it"]
        stay = stay()
        self.a.rate, before = 0, self.snapshot()
        problems = list(act() or ())
        time.sleep(QUIET_S)
        after = self.snapshot()
        names, gap_ms = self.w.heard(before["at"])
        problems += [*self.changes(before, stay), *self.excess(before, after, stay)]
        if len(names) != 1:
            problems.append(f"the client was answered by {names or 'nobody'}")
        if gap_ms > INTERVAL_S * 1000 + SLACK_MS:
            problems.append("silent for longer than an interval")
        return self.cost(before, after, stay, gap_ms), problems

    def cost(self, before, after, stay, gap_ms):
        lasted = (after["at"] - before["at"]) / 1e9
        cpu = max((after["cpu"][n] - before["cpu"][n]) / lasted * 100 for n in stay)
        sends, reads = ((max(after["datagrams"][n][i] - before["datagrams"][n][i] for n in stay)) / lasted for i in (0, 1))
        lines = max(after["lines"][n] - before["lines"][n] for n in stay)
        memory = max(after["memory"][n] - before["memory"][n] for n in stay)
        sent = f"{self.a.rate:.0f}/s" if self.a.rate else str(after["sent"] - before["sent"])
        return f"{sent:>9} sent  gap {gap_ms:5.1f} ms  CPU {cpu:4.1f} %  reads {reads:5.0f}/s, sends {sends:4.0f}/s  {lines} lines  {memory:+d} KiB"

    def verdict(self, name, what, problems):
        print(f"{'FAILED ' if problems else 'ok     '} {name:45} {what}", flush=True)
        for p in problems:
            print(f"        {p}", flush=True)
        if problems:
            self.failed = True
            for node in NODES:
                for line in self.w.lines(node)[-5:]:
                    print(f"        {node}: {line}")

    # ---- agents that start and end under replay ----
    def a_backup_restarts(self):
        """It is replayed its own past and the others'. Then its vote alone keeps the owner: its sessions are good."""
        def act():
            node, other = self.w.backups()
            self.w.stop(node, number=signal.SIGKILL)
            self.w.start(node)
            self.w.settled()
            time.sleep(1.5)
            self.w.stop(other, number=signal.SIGKILL)
            time.sleep(1.5)
            if self.w.state(self.w.owner) != "active":
                yield "the owner lost its majority"
            self.w.start(other)
            self.w.settled()
            time.sleep(1.0)
        self.attack("replay of all lives while two restart by turns",
                    lambda: self.a.replay_during(lambda: list(act())), lambda: [self.w.owner])

    def all_restart(self):
        """Nobody knows anybody: once two run, the first owner must come as soon as without the replays."""
        def lives():
            return [sum("initialize -> backup: started" in line for line in self.w.lines(node)) for node in NODES]

        def begin():
            self.w.stop(*NODES, number=signal.SIGKILL)
            before = lives()
            for node in NODES:
                self.w.start(node)
            wait(10, lambda: sum(n > b for n, b in zip(lives(), before)) >= 2)
            heard, started = len(self.a.overheard.all), now_ns()
            claims = lambda: [d for d in self.a.overheard.all[heard:] if d.is_active_claim()]
            return (claims()[0].at - started) / 1e6 if wait(5, claims) else 5000
        quiet, noisy = [], []
        for _ in range(5):
            quiet.append(begin())
            self.w.settled()
            noisy.append(self.a.replay_during(begin))
            self.w.settled()
        middle = [sorted(v)[len(v) // 2] for v in (quiet, noisy)]
        self.verdict("replay of all lives while all three start",
                     "first owner, median of 5, after {1:.0f} ms; without {0:.0f} ms".format(*middle),
                     [] if middle[1] < middle[0] + 2 * INTERVAL_S * 1000 + SLACK_MS else [f"the sessions are late: {noisy}"])

    # ---- the material ----
    def gather(self):
        """Lives of all three, with a resignation, and a list that is behind."""
        for node in NODES:
            self.w.start(node)
        self.w.settled()
        self.w.stop(self.w.owner)
        time.sleep(1)
        for node in list(self.w.agent):
            self.w.stop(node)
        for node, generation in zip(NODES, (2, 2, 1)):
            self.w.start(node, generation)
        self.w.settled()
        for node in NODES:
            self.w.stop(node)
            self.w.start(node, 2)
            self.w.settled()
        time.sleep(1)
        heard = sorted({d.type for d in self.a.overheard.all})
        missing = {"CLAIM", "ACK", "PROBE", "YES", "RESIGN", "NACK", "CHALLENGE", "RESPONSE", "HEALTH"} - set(heard)
        self.verdict(f"overheard: {len(self.a.overheard.all)} datagrams of {len({d.boot for d in self.a.overheard.all})} lives", " ".join(heard),
                     [f"never heard: {' '.join(sorted(missing))}"] if missing else [])

    def run(self, chosen):
        self.gather()
        for name, method in ATTACKS:
            if not chosen or method in chosen:
                self.attack(name, getattr(self.a, method))
        for method in (self.a_backup_restarts, self.all_restart):
            if not chosen or method.__name__ in chosen:
                method()
        return 1 if self.failed else 0


def main():
    directory, seed = os.environ["DIRECTORY"], int(os.environ.get("SEED", "1"))
    build = os.path.realpath(os.environ.get("BUILD", "build/dev"))
    os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(20))
    world = World(build, directory)
    stalls = Stalls(directory + "/stalls")
    overheard = Overheard([n + "-br" for n in NODES])
    try:
        attacker = Attacker(world, Sender("h0", directory, build + "/tests/flood"), overheard, seed)
        return Test(world, attacker, stalls).run(sys.argv[1:])
    finally:
        overheard.end()
        world.end()
        stalls.end()


sys.exit(main())
