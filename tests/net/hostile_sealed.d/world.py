"""Three agents from a configuration file alone, a client and a hostile host on one bridge.

The bridge and the hostile host's interface are in this process's own network namespace; members and client have
namespaces of their own. The hostile host can send from any address, and a tap shows it what the members send. Its
port does not teach the bridge where a MAC address is: a host that may take a member's place on the switch cuts it off,
whatever the member speaks.
"""
import json
import os
import secrets
import signal
import subprocess
import time

NODES = ("n1", "n2", "n3")
VIP, VRID, ECHO_PORT, INTERVAL_S = "10.78.0.100", 51, 7, 0.1
PARENT, STALL_NS = os.getpid(), 30_000_000
HOSTILE, CLIENT, STRANGER = "10.78.0.66", "10.78.0.50", "h0"


def address(node):
    return f"10.78.0.{node[1:]}"


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


def enter(namespace, *command):
    return ["nsenter", f"--net=/run/netns/{namespace}", *command]


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


class Stalls:
    """How long the machine itself stood still: what even a process of the highest priority had to wait on one of its processors."""

    def __init__(self, path):
        self.path, self.children = path, []
        open(path, "w").close()
        for processor in os.sched_getaffinity(0):
            child = os.fork()
            if not child:
                os._exit(self.watch(processor))
            self.children.append(child)

    def watch(self, processor):
        os.sched_setaffinity(0, {processor})
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(90))
        with open(self.path, "a", buffering=1) as out:
            last = now_ns()
            while os.getppid() == PARENT:
                time.sleep(0.005)
                now = now_ns()
                if now - last > STALL_NS:
                    out.write(f"{now} {now - last}\n")
                last = now
        return 0

    def longest_ms(self, since_ns):
        with open(self.path) as file:
            return max((int(length) / 1e6 for at, length in map(str.split, file) if int(at) > since_ns), default=0)

    def end(self):
        for child in self.children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def wait(seconds, condition):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


class World:
    def __init__(self, build, directory):
        self.build, self.directory = build, directory
        self.agent, self.generation, self.mac = {}, {}, {}
        self.network()
        with open(directory + "/vip.key", "w", opener=lambda p, f: os.open(p, f, 0o640)) as out:
            out.write(f"send 1 {secrets.token_hex(32)}\n")
        self.helpers = []
        for node in NODES:
            self.helper(enter(node, build + "/tests/failover-probe", "echo", node, str(ECHO_PORT)))
        self.answers = directory + "/answers"
        self.helper(enter("client", build + "/tests/failover-probe", "ask", VIP, str(ECHO_PORT), self.answers))

    def helper(self, command):
        self.helpers.append(subprocess.Popen(command))

    def network(self):
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "br0", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
        run("ip", "link", "set", "br0", "up")
        for name in (*NODES, "client"):
            run("ip", "netns", "add", name)
            run("ip", "link", "add", name + "-br", "type", "veth", "peer", "name", "eth0", "netns", name)
            run("ip", "link", "set", name + "-br", "master", "br0", "up")
            run("ip", "-n", name, "link", "set", "lo", "up")
            run("ip", "-n", name, "link", "set", "eth0", "up")
            self.mac[name] = json.loads(run("ip", "-j", "-n", name, "link", "show", "eth0"))[0]["address"]
        for node in NODES:
            run("ip", "-n", node, "addr", "add", address(node) + "/24", "dev", "eth0")
        run("ip", "-n", "client", "addr", "add", CLIENT + "/24", "dev", "eth0")
        run("ip", "link", "add", "h-br", "type", "veth", "peer", "name", STRANGER)
        run("ip", "link", "set", "h-br", "master", "br0", "up")
        run("ip", "link", "set", "h-br", "type", "bridge_slave", "learning", "off")
        run("ip", "link", "set", STRANGER, "up")

    def path(self, node, what):
        return f"{self.directory}/{node}.{what}"

    def start(self, node, generation=1):
        members = "".join(f"  - {{ name: {n}, address: {address(n)} }}\n" for n in NODES)
        with open(self.path(node, "yaml"), "w") as out:
            out.write("apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\n"
                      f"nodeName: {node}\nmembersGeneration: {generation}\nstateDir: {self.path(node, 'state')}\n"
                      f"vip:\n  address: {VIP}/24\n  interface: eth0\n  virtualRouterID: {VRID}\n"
                      f"  advertisementInterval: {INTERVAL_S * 1000:.0f}ms\n  transport: sealed\n  election: majority\n  keyFile: {self.directory}/vip.key\n  members:\n{members}"
                      f"socket: {self.path(node, 'sock')}\n")
        with open(self.path(node, "log"), "a") as log:
            self.agent[node] = subprocess.Popen(
                enter(node, self.build + "/triarch", "agent", "--config", self.path(node, "yaml")), stderr=log, stdin=subprocess.DEVNULL)

    def stop(self, *nodes, number=signal.SIGTERM):
        for node in nodes:
            self.agent[node].send_signal(number)
        for node in nodes:
            self.agent.pop(node).wait()

    def end(self):
        for p in (*self.agent.values(), *self.helpers):
            p.kill()
            p.wait()

    def status(self, node):
        r = subprocess.run([self.build + "/triarch", "status", "-o", "json", "--socket", self.path(node, "sock")],
                           capture_output=True, text=True)
        return json.loads(r.stdout) if r.returncode == 0 else {}

    def told(self, node):
        """The status of one that runs: asked again where the machine was too busy for an answer."""
        answers = []
        wait(5, lambda: answers.append(self.status(node)) or answers[-1])
        return answers[-1]

    def state(self, node):
        return self.told(node).get("vip", {}).get("state", "")

    def holders(self):
        return [n for n in NODES if f" {VIP}/" in run("ip", "-n", n, "-o", "-4", "addr", "show", "dev", "eth0")]

    def settled(self):
        """One owner, and the others know it."""
        def is_so():
            vips = [s["vip"] for s in map(self.status, self.agent) if s]
            return (sorted(v["state"] for v in vips) == ["active"] + ["backup"] * (len(self.agent) - 1) and
                    len({v["ownerName"] for v in vips}) == 1)
        return wait(20, is_so)

    @property
    def owner(self):
        wait(5, self.holders)
        return self.holders()[0]

    def backups(self):
        return [n for n in NODES if n != self.owner]

    # What one agent costs.
    def cpu_s(self, node):
        tasks = f"/proc/{self.agent[node].pid}/task"
        total = 0
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/schedstat") as file:
                total += int(file.read().split()[0])
        return total / 1e9

    def memory_kib(self, node):
        with open(f"/proc/{self.agent[node].pid}/status") as file:
            return int(next(line for line in file if line.startswith("VmRSS")).split()[1])

    def lines(self, node):
        with open(self.path(node, "log")) as file:
            return file.read().splitlines()

    def datagrams(self, status):
        """Sealed datagrams that were sent, and that were read and counted for nothing."""
        counters = status["transports"][0]
        return counters["sent"], counters["replays"] + sum(counters["refused"].values())

    # What the client saw.
    def heard(self, begin_ns):
        """Names and the longest silence in ms since then, and until now."""
        names, last, longest = [], begin_ns, 0
        end = now_ns()
        with open(self.answers) as file:
            for line in file:
                at, _, name = line.rstrip("\n").partition(" ")
                if not name or int(at) <= begin_ns:
                    continue
                longest, last = max(longest, int(at) - last), int(at)
                if not names or names[-1] != name:
                    names.append(name)
        return names, max(longest, end - last) / 1e6
