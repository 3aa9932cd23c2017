"""Runs rows of the table in rows.py by turns on all their setups, prints what came out."""
import json
import math
import os
import platform
import shutil
import sys
import tempfile
import time

from makers import STATE_DIRECTORY, Services
from network import Network, realtime, run
from rows import ROWS, SETUPS, Sample
from scenarios import Trial, Unsettled

ATTEMPTS = 3  # of a trial whose setup does not come to rest


class Bench:
    def __init__(self, directory):
        build = os.environ.get("BUILD", "build/release")
        self.directory, self.probe = directory, directory + "/bin/failover-probe"
        os.mkdir(directory + "/bin")
        for program in "triarch", "tests/failover-probe":  # a build while it runs changes nothing
            shutil.copy(f"{build}/{program}", directory + "/bin")
        self.trials = int(os.environ.get("TRIALS", 20))
        self.cpu_window_s = 10 if self.trials >= 10 else 3
        self.net = Network()
        self.services = Services(self.probe, directory)
        self.setups, self.violations = {}, []

    def setup(self, name):
        if name not in self.setups:
            maker, settings = SETUPS[name]
            self.setups[name] = maker(name, self.directory, **settings)
        return self.setups[name]

    def attempt(self, row, setup):
        trial = Trial(self, setup)
        try:
            return row.scenario(trial)
        finally:
            trial.end()
            setup.end()

    def trial(self, row, sample):
        for _ in range(ATTEMPTS):
            try:
                sample.trials.append(self.attempt(row, sample.setup))
                return
            except Unsettled as e:
                sample.failed = str(e)
                print(f"{sample.setup.name}: {e}\n{sample.setup.last_words()}", file=sys.stderr)
        sample.unsettled += 1

    def measure(self, name, row):
        samples = {n: Sample(self.setup(n), failed=self.setup(n).refused) for n in row.setups()}
        for i in range(min(self.trials, row.trials)):
            for n, sample in samples.items():
                if sample.usable() and i < row.slow.get(n, i + 1):
                    self.trial(row, sample)
                    progress(name, i + 1)
        self.judge(name, row, samples)
        return samples

    def judge(self, name, row, samples):
        """Where a majority decides there may never be two, but while a holder is frozen."""
        for n, sample in samples.items():
            setup = sample.setup
            if setup.maker == "triarch" and setup.election == "majority" and not row.two_allowed:
                for i, t in enumerate(sample.trials):
                    if t.get("two"):
                        self.violations.append(f"{name}, {n}, trial {i + 1}: two owners for {number(t['two'])} ms")


def progress(name, i):
    if sys.stderr.isatty():
        print(f"\r{name} {i}   ", end="", file=sys.stderr)


def number(x, unit=""):
    if isinstance(x, bool):
        return "yes" if x else "no"
    if math.isinf(x):
        return "for ever"
    digits = 0 if isinstance(x, int) or x >= 1000 else 1 if x >= 1 else 2
    return f"{x:.{digits}f} {unit}".rstrip()


def measured(sample, row, line):
    if not sample.trials:
        return sample.failed
    values = sample.all(line.key)
    text = number(sample.median(line.key), row.unit)
    if min(values) != max(values):
        text += f" [{number(min(values))} .. {number(max(values))}]"
    if "elections" in row.also:
        text += f", {len([e for e in sample.all('elections') if e > 1])} of {len(values)} elect twice"
    for key in [k for k in row.also if k != "elections"]:
        found = sorted(set(sample.all(key)))
        text += f", {key} {number(found[0])}" + (f" to {number(found[-1])}" if len(found) > 1 else "")
    return text + (f" ({sample.unsettled} trials: {sample.failed})" if sample.unsettled else "")


def compare(keepalived, triarch, line):
    """(ratio, met) as text."""
    if not keepalived.trials or not triarch.trials:
        return "-", "not measured"
    k, t = keepalived.median(line.key), triarch.median(line.key)
    by = f"{t / k:.3f}" if k and math.isfinite(k) and math.isfinite(t) else "-"
    met = line.met(keepalived, triarch, line.key)
    return by, "-" if met is None else "met" if met else "missed"


def print_table(results):
    reasons = []
    print("| scenario | keepalived, median [range] | triarch, median [range] | ratio | aim | |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, samples in results.items():
        for line in ROWS[name].completed():
            k, t = samples[line.keepalived], samples[line.triarch]
            by, met = compare(k, t, line)
            figures = f"{measured(k, ROWS[name], line)} | {measured(t, ROWS[name], line)}"
            print(f"| {line.title} | {figures} | {by} | {line.aim} | {met} |")
            if met == "missed" and line.why:
                reasons.append(f"{line.title.strip()}: {line.why}")
    if reasons:
        print("\nWhy missed:\n- " + "\n- ".join(reasons))


def print_json(name, samples):
    """One line per row: what every trial gave. null stands for "for ever"."""
    plain = {n: [{k: None if v == math.inf else v for k, v in t.items()} for t in s.trials] for n, s in samples.items()}
    print("json " + json.dumps({"row": name, "trials": plain, "failed": {n: s.failed for n, s in samples.items() if s.failed}}))


def read_results(paths):
    """What earlier runs printed as JSON, so that one table can be made of several."""
    results = {}
    for path in paths:
        with open(path) as file:
            for found in [json.loads(line[5:]) for line in file if line.startswith("json ")]:
                results[found["row"]] = {
                    n: Sample(None, [{k: math.inf if v is None else v for k, v in t.items()} for t in trials],
                              found["failed"].get(n, "")) for n, trials in found["trials"].items()}
    return {name: results[name] for name in ROWS if name in results}


def print_setups(bench, used):
    for name in used:
        setup = bench.setup(name)
        text = setup.configuration(0, "n1")
        if setup.groups > 1:
            text = text[:text.find("10.79.1.2")].rstrip() + "\n... and so on"
        priorities = "" if setup.maker == "triarch" else f", priorities {'/'.join(map(str, setup.priorities))}"
        print(f"--- {name}: first node{priorities}\n{text}")


def report(bench, names):
    realtime()
    results, begin = {}, time.monotonic()
    for name in names:
        results[name] = bench.measure(name, ROWS[name])
        print_json(name, results[name])
        sys.stdout.flush()
    print_setups(bench, dict.fromkeys(n for name in names for n in ROWS[name].setups()))
    print(f"\n{bench.trials} trials, {os.cpu_count()} processors, Linux {platform.release()}, "
          f"{time.monotonic() - begin:.0f} s\n")
    print_table(results)
    for v in bench.violations:
        print("TWO OWNERS: " + v)
    unmeasured = [f"{name}, {n}: {s.failed}" for name, samples in results.items() for n, s in samples.items()
                  if s.setup.maker == "triarch" and not s.trials]
    for u in unmeasured:
        print("NOT MEASURED: " + u)
    return 1 if bench.violations or unmeasured else 0


def main():
    names = [a for a in sys.argv[1:] if not a.startswith("-")] or list(ROWS)
    unknown = [n for n in names if n not in ROWS]
    if sys.argv[1:2] == ["--list"]:
        for name, row in ROWS.items():
            print(f"{name:20} {row.lines[0].title}")
        return 0
    if sys.argv[1:2] == ["--table"]:
        print_table(read_results(sys.argv[2:]))
        return 0
    if unknown or any(a.startswith("-") for a in sys.argv[1:]):
        print(f"failover: no row \"{' '.join(unknown or sys.argv[1:2])}\"; failover --list names them", file=sys.stderr)
        return 3
    directory = tempfile.mkdtemp(prefix="triarch-failover-")
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", directory)
    run("mount", "-t", "tmpfs", "tmpfs", "/var/lib")  # in this mount namespace: what agents remember
    os.mkdir(STATE_DIRECTORY)
    try:
        return report(Bench(directory), names)
    finally:
        run("umount", "-l", directory)
        os.rmdir(directory)


sys.exit(main())
