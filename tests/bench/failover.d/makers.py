"""The two that are compared: their configurations as text, and their processes."""
import os
import secrets
import shutil
import signal
import subprocess
import threading
import time

from network import ECHO_PORT, NODES, VIP, address, enter, kill, now_ns, run

API_PORT, ROUTER_ID = 6443, 51
STATE_DIRECTORY = "/var/lib/triarch-agent"


def address_of(group):
    """The virtual address of the first group, or of a further one."""
    return VIP if group == 1 else f"10.79.1.{group}"


def descendants(pid):
    """The process and all below it, the youngest first."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            children = [int(c) for c in file.read().split()]
    except OSError:
        return []
    return [d for c in children for d in descendants(c)] + [pid]


class Maker:
    """One setup of one maker on the three nodes. `directory` is its own."""

    def __init__(self, name, directory, **settings):
        self.name, self.common, self.directory = name, directory, os.path.join(directory, name.replace(" ", "_"))
        self.interval_ms, self.checks, self.groups, self.nodes = 100, True, 1, NODES
        self.own_libraries = False
        self.__dict__.update(settings)
        self.process = {}
        os.makedirs(self.directory, exist_ok=True)
        for i, node in enumerate(NODES):
            with open(self.path(node, "conf"), "w") as file:
                file.write(self.configuration(i, node))
        self.refused = self.check()

    def path(self, node, what):
        return os.path.join(self.directory, f"{node}.{what}")

    def start(self, node):
        with open(self.path(node, "log"), "a") as log:
            self.process[node] = subprocess.Popen(enter(node, *self.command(node)), stdout=log, stderr=log,
                                                  stdin=subprocess.DEVNULL, env=self.environment())

    def environment(self):
        """With libraries that no other process uses, but for libc: what is shared by chance then counts nowhere."""
        if not self.own_libraries:
            return None
        directory = os.path.join(self.directory, "libraries")
        if not os.path.isdir(directory):
            os.mkdir(directory)
            for line in run("ldd", self.program()).splitlines():
                path = line.split("=>")[-1].split()[0]
                if "=>" in line and "/libc.so" not in path:
                    shutil.copy(path, directory)
        return {**os.environ, "LD_LIBRARY_PATH": directory}

    def processes(self, node):
        return descendants(self.process[node].pid) if node in self.process else []

    def kill(self, node, number=9):
        kill(self.processes(node), number)

    def stop(self, node):
        """As the service manager does: the main process is told to end."""
        kill([self.process[node]], 15)

    def end(self):
        for node in list(self.process):
            self.kill(node, 9)
            self.process.pop(node).wait()

    def killed_under_unit(self, node):
        """kill -9 of everything, and what its systemd unit does then."""
        self.kill(node, 9)

    def check(self):
        return ""

    def ready(self, node):
        return True

    def last_words(self, lines=4):
        """The ends of all logs."""
        text = ""
        for node in self.nodes:
            with open(self.path(node, "log")) as file:
                text += "".join(f"  {node}: {line}" for line in file.readlines()[-lines:])
        return text

    def timer_ms(self):
        """What a node alone in its group has to wait for: three intervals and its skew time."""
        return 3 * self.interval_ms + (256 - (self.priorities or (250,))[0]) * self.interval_ms / 256


class Keepalived(Maker):
    version, priorities, realtime = 3, (254, 253, 252), True
    script = "interval 1\n    timeout 1\n    fall 1\n    rise 1\n    weight 0"
    maker = "keepalived"

    def program(self):
        return "/usr/sbin/keepalived"

    def command(self, node):
        return [self.program(), "--dont-fork", "--log-console", "-P", "-f", self.path(node, "conf"),
                "-p", self.path(node, "pid"), "-r", self.path(node, "vrrp.pid")]

    def configuration(self, i, node):
        check = f"curl -sfk --max-time 2 -o /dev/null https://{address(node)}:{API_PORT}/livez"
        text = f"global_defs {{\n  router_id {node}\n  vrrp_version {self.version}\n"
        text += "  enable_script_security\n  script_user root\n"
        text += "  vrrp_rt_priority 10\n  vrrp_no_swap\n" if self.realtime else ""
        text += "}\n"
        if self.checks:
            text += f'vrrp_script check_apiserver {{\n    script "/usr/bin/{check}"\n    {self.script}\n}}\n'
        return text + "".join(self.instance(i, group) for group in range(1, self.groups + 1))

    def instance(self, i, group):
        vip = address_of(group)
        text = f"vrrp_instance VI_{group} {{\n    state BACKUP\n    interface eth0\n"
        text += f"    virtual_router_id {group if self.groups > 1 else ROUTER_ID}\n    priority {self.priorities[i]}\n"
        text += f"    advert_int {self.interval_ms / 1000:g}\n"
        if self.version == 2:
            text += "    authentication {\n        auth_type PASS\n        auth_pass 42\n    }\n"
        text += f"    virtual_ipaddress {{\n        {vip}\n    }}\n"
        if self.checks:
            text += "    track_script {\n        check_apiserver\n    }\n"
        return text + "}\n"


class Triarch(Maker):
    transport, election, preempt = "sealed", "majority", "health"
    version, priorities = 3, None  # None: 250, 230, 210 by position
    maker = "triarch"

    def program(self):
        return self.common + "/bin/triarch"

    def command(self, node):
        """As on a machine of its own: what the agent remembers is not what the next node remembers."""
        state = self.path(node, "state")
        os.makedirs(state, exist_ok=True)
        own = f'mount --bind "$0" {STATE_DIRECTORY} && exec "$@"'
        agent = [self.program(), "agent", "--config", self.path(node, "conf")]
        return ["unshare", "--mount", "sh", "-c", own, state, *agent]

    def configuration(self, i, node):
        text = f"apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\nnodeName: {node}\n"
        text += "vip:\n" + "".join(self.group(i, g) for g in range(1, self.groups + 1))
        if self.checks:
            text += (f'health:\n  apiServer: {{ endpoint: "https://{address(node)}:{API_PORT}/livez",\n'
                     f"    caFile: {self.common}/ca.crt, certFile: {self.common}/crt, keyFile: {self.common}/key }}\n")
        return text + f"socket: {self.path(node, 'sock')}\n"

    def group(self, i, group):
        vip = address_of(group)
        lines = [f"address: {vip}/16", "interface: eth0", f"virtualRouterID: {group if self.groups > 1 else ROUTER_ID}"]
        if self.interval_ms != 100:
            lines += [f"advertisementInterval: {self.interval_ms}ms"]
        lines += ["transport: ip"] if self.transport == "ip" else [f"keyFile: {self.common}/vip.key"]
        if self.election != "majority":
            lines += [f"election: {self.election}"]
        if self.preempt != "health":
            lines += [f"preempt: {self.preempt}"]
        if self.priorities:
            lines += [f"priority: {self.priorities[i]}"]
        lines += ["members:"] + [f"- {{ name: {n}, address: {address(n)} }}" for n in self.nodes]
        first = "- " if self.groups > 1 else "  "
        return "".join((first if n == 0 else "  ") + line + "\n" for n, line in enumerate(lines))

    def check(self):
        """Why the program does not take this configuration, or ""."""
        command = [self.program(), "config", "validate", self.path("n1", "conf")]
        r = subprocess.run(command, capture_output=True, text=True)
        return r.stderr.strip().splitlines()[0] if r.returncode else ""

    def killed_under_unit(self, node):
        """Stands in for the unit: ExecStopPost= flushes, then RestartSec= passes and it starts again."""
        process = self.process[node]

        def supervise():
            process.wait()
            run(*enter(node, self.program(), "vip", "flush", "--config", self.path(node, "conf")))
            time.sleep(0.1)
            self.start(node)
        self.supervisor = threading.Thread(target=supervise)
        self.supervisor.start()
        self.kill(node, 9)

    def ready(self, node):
        if not self.checks:
            return True
        r = subprocess.run([self.program(), "status", "-o", "json", "--socket", self.path(node, "sock")],
                           capture_output=True, text=True)
        return '"class": "healthy"' in r.stdout or '"class":"healthy"' in r.stdout


class Services:
    """What runs on each node beside the agents: a service on the address, and an API server that they check."""

    def __init__(self, probe, directory):
        self.probe, self.directory = probe, directory
        self.echo, self.api, self.memory = {}, {}, {}
        self.make_certificates()
        for node in NODES:
            self.echo[node] = subprocess.Popen(enter(node, probe, "echo", node, str(ECHO_PORT)))
        self.restore()

    def make_certificates(self):
        names = ",".join(f"IP:{a}" for a in [VIP] + [address(n) for n in NODES])
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        d = self.directory
        run("openssl", "req", "-x509", *curve, "-keyout", d + "/ca.key", "-out", d + "/ca.crt", "-subj", "/CN=test")
        run("openssl", "req", "-x509", *curve, "-keyout", d + "/key", "-out", d + "/crt", "-subj", "/CN=node",
            "-CA", d + "/ca.crt", "-CAkey", d + "/ca.key", "-addext", "subjectAltName=" + names,
            "-addext", "basicConstraints=CA:FALSE")
        with open(d + "/server.pem", "w") as out:
            for part in ("crt", "key"):
                with open(f"{d}/{part}") as file:
                    out.write(file.read())
        with open(os.open(d + "/vip.key", os.O_WRONLY | os.O_CREAT, 0o640), "w") as out:
            out.write(f"send 1 {secrets.token_hex(32)}\n")

    def start_api(self, node, memory_mib=0):
        self.memory[node] = memory_mib
        self.api[node] = subprocess.Popen(enter(node, "python3", "tests/net/standin_https.py", str(API_PORT),
                                                self.directory, str(memory_mib)), stderr=subprocess.DEVNULL)

    def end_api(self, node, number=9):
        kill([self.api[node]], number)

    def wait_gone(self, node):
        """When the process that was killed has ended: its memory is freed before its sockets close."""
        self.api[node].wait()
        return now_ns()

    def rest(self):
        """No API server where none is asked: their processor time and libraries would be counted too."""
        for node in self.api:
            self.end_api(node)

    def restore(self, memory={}):
        """Every API server runs and answers, with that much memory (node: MiB)."""
        for node in NODES:
            mib = memory.get(node, 0)
            if node in self.api and self.api[node].poll() is None and self.memory[node] == mib:
                kill([self.api[node]], signal.SIGCONT)
                continue
            if node in self.api:
                kill([self.api[node]])
                self.api[node].wait()
            self.start_api(node, mib)
        for node in NODES:
            for _ in range(600):
                url = f"https://{address(node)}:{API_PORT}/livez"
                if not subprocess.run(enter(node, "curl", "-sk", "-m", "1", "-o", "/dev/null", url)).returncode:
                    break
                time.sleep(0.02)
