#!/usr/bin/env python3
"""The lab's pod runner: what a kubelet does with static pods, as processes of the machine.

Installed as /usr/bin/kubelet, so kubelet.service and triarch's drop-in start it with the kubelet's
own arguments. It watches staticPodPath and runs each manifest's container as the manifest says:
command, args and environment, and of the machine's files only

    /usr and what is linked into it (the programs), /etc/hosts, /etc/resolv.conf, /etc/localtime,
    and what the hostPath volumes mount, read-only where the mount says so.

Each pod is a transient unit pod-NAME.service, so it outlives a restart of this program as a container
outlives one of the kubelet, and its output is in the journal. A process that ends, or whose startup or
liveness probe fails as often as the manifest allows, is started again after a short back-off; a pod whose
manifest goes, is stopped. GET 127.0.0.1:10248/healthz answers 200. Its node is registered and kept Ready
(podrunner_node.py).

Programs are found in /opt/kube-bin (KUBE_BIN_DIR of the lab) first, then in the lab's stand-ins.
"""
import argparse
import hashlib
import http.client
import http.server
import json
import os
import select
import socket
import ssl
import subprocess
import sys
import threading
import time

import yaml

sys.path.insert(0, "/usr/lib/triarch-lab")
from podrunner_node import Node  # noqa: E402

KUBE_BIN = "/opt/kube-bin"
LAB_BIN = "/usr/lib/triarch-lab/bin"
LAB_ENV = "/etc/triarch-lab/environment"  # NAME=VALUE lines for every container, set by tests
SEARCH = f"{KUBE_BIN}:{LAB_BIN}:/usr/sbin:/usr/bin"
SCAN_S = 0.2
BACKOFF_S = (1, 2, 4, 8, 10)
STEADY_S = 30  # a process that lived this long starts the back-off anew


def log(text):
    print(text, flush=True)


def as_list(value):
    return value or []


def kubelet_arguments():
    """The kubelet's flags as triarch gives them: an unknown one is an error here as there."""
    parser = argparse.ArgumentParser(prog="kubelet", allow_abbrev=False)
    parser.add_argument("--config", required=True)
    for name in ("bootstrap-kubeconfig", "kubeconfig", "node-ip", "hostname-override", "node-labels",
                 "container-runtime-endpoint", "pod-infra-container-image", "register-with-taints", "v"):
        parser.add_argument("--" + name)
    return parser.parse_args()


def check_kubeconfig(path):
    """A kubelet does not start with credentials it cannot load."""
    with open(path) as file:
        config = yaml.safe_load(file)
    user = config["users"][0]["user"]
    certificate, key = user.get("client-certificate"), user.get("client-key")
    if certificate and key:
        ssl.create_default_context().load_cert_chain(certificate, key)
    elif not (user.get("client-certificate-data") and user.get("client-key-data")):
        raise ValueError(f"{path}: user without a client certificate")


class Container:
    """The one container of a static pod: what to run, and what of the machine it may see."""

    def __init__(self, pod):
        spec = pod["spec"]
        self.name = pod["metadata"]["name"]
        if len(spec["containers"]) != 1:
            raise ValueError("pod with other than one container")
        self.spec = spec["containers"][0]
        self.command = [str(a) for a in as_list(self.spec.get("command")) + as_list(self.spec.get("args"))]
        if not self.command:
            raise ValueError("container without a command")
        if not spec.get("hostNetwork"):
            raise ValueError("pod without hostNetwork")
        self.ports = {p["name"]: p["containerPort"] for p in as_list(self.spec.get("ports")) if "name" in p}
        self.volumes = {v["name"]: v["hostPath"] for v in as_list(spec.get("volumes"))}
        self.environment = {e["name"]: e.get("value", "") for e in as_list(self.spec.get("env"))}

    def prepare(self, volume):
        """hostPath types that make what is missing, or insist on what must be there."""
        path, kind = volume["path"], volume.get("type", "")
        if kind == "DirectoryOrCreate":
            os.makedirs(path, 0o755, exist_ok=True)
        elif kind == "FileOrCreate" and not os.path.exists(path):
            open(path, "a").close()
        elif (kind == "Directory" and not os.path.isdir(path)) or (kind == "File" and not os.path.isfile(path)) \
                or not os.path.exists(path):
            raise FileNotFoundError(f"hostPath {path} is not a {kind or 'path'}")

    def sandbox(self):
        line = ["bwrap", "--die-with-parent", "--unshare-pid", "--unshare-ipc", "--proc", "/proc", "--dev", "/dev",
                "--tmpfs", "/tmp", "--tmpfs", "/etc", "--ro-bind", "/usr", "/usr"]
        for link in ("bin", "sbin", "lib", "lib64"):
            line += ["--symlink", "usr/" + link, "/" + link]
        # The machine's own sources of trust and names do not come with /usr; mounts below decide.
        line += ["--tmpfs", "/usr/share/ca-certificates", "--tmpfs", "/usr/local/share"]
        for path in ("/etc/hosts", "/etc/resolv.conf", "/etc/localtime", "/etc/passwd", KUBE_BIN):
            if os.path.exists(path):
                line += ["--ro-bind", path, path]
        mounts = as_list(self.spec.get("volumeMounts"))
        for mount in sorted(mounts, key=lambda m: m["mountPath"]):
            volume = self.volumes[mount["name"]]
            self.prepare(volume)
            line += ["--ro-bind" if mount.get("readOnly") else "--bind", volume["path"], mount["mountPath"]]
        line += ["--clearenv", "--setenv", "PATH", SEARCH]
        for name, value in {**lab_environment(), **self.environment}.items():
            line += ["--setenv", name, value]
        return line + ["--chdir", "/", "--"] + self.command


def lab_environment():
    try:
        with open(LAB_ENV) as file:
            return dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)
    except FileNotFoundError:
        return {}


class Probe:
    """One probe of a container, asked from the run thread of its pod."""

    def __init__(self, container, spec):
        get = spec["httpGet"]
        port = get["port"]
        self.port = container.ports[port] if isinstance(port, str) else port
        self.host, self.path = get.get("host", "127.0.0.1"), get.get("path", "/")
        self.secure = get.get("scheme", "HTTP") == "HTTPS"
        self.delay = spec.get("initialDelaySeconds", 0)
        self.period = spec.get("periodSeconds", 10)
        self.timeout = spec.get("timeoutSeconds", 1)
        self.allowed = spec.get("failureThreshold", 3)

    def status(self, path):
        if self.secure:  # like the kubelet: encrypted, not verified
            context = ssl._create_unverified_context()
            connection = http.client.HTTPSConnection(self.host, self.port, timeout=self.timeout, context=context)
        else:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def ok(self):
        try:
            status = self.status(self.path)
            # Debian's etcd 3.4 knows /health alone; from 3.5.11 on the rendered path exists.
            if status == 404 and self.path in ("/livez", "/readyz"):
                status = self.status("/health")
            return 200 <= status < 400
        except OSError:
            return False
        except http.client.HTTPException:
            return False


def systemctl(*arguments):
    return subprocess.run(["systemctl", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, check=False).stdout


class Pod(threading.Thread):
    """Keeps one manifest's container running until told to stop."""

    def __init__(self, container, digest):
        super().__init__(daemon=True)
        self.container, self.digest = container, digest
        self.unit = f"pod-{container.name}.service"
        self.ending = threading.Event()
        self.restarts = 0

    def active(self):
        shown = systemctl("show", "-p", "ActiveState", "-p", "Description", self.unit)
        return "ActiveState=active" in shown, self.digest in shown

    def start_unit(self):
        systemctl("reset-failed", self.unit)
        line = ["systemd-run", "--quiet", "--collect", f"--unit={self.unit}", f"--description={self.digest}",
                "--property=Type=exec", "--property=TimeoutStopSec=10", "--property=OOMPolicy=continue"]
        subprocess.run(line + ["--"] + self.container.sandbox(), check=True)

    def wait_ended(self, seconds):
        """Until the unit ends or `seconds` have passed; true: it ended (or this pod is to end)."""
        pid = systemctl("show", "-p", "MainPID", "--value", self.unit).strip()
        try:
            fd = os.pidfd_open(int(pid or 0))
        except (ProcessLookupError, ValueError, OSError):
            return True
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end and not self.ending.is_set():
                if pidfd_ended(fd, 0.1):
                    return True
            return self.ending.is_set()
        finally:
            os.close(fd)

    def watch(self):
        """Until the process ends or a probe has had enough; the startup probe holds the liveness probe back."""
        for kind in ("startupProbe", "livenessProbe"):
            spec = self.container.spec.get(kind)
            if not spec:
                continue
            probe, failures = Probe(self.container, spec), 0
            if self.wait_ended(probe.delay if kind == "startupProbe" else 0):
                return
            while True:
                good = probe.ok()
                failures = 0 if good else failures + 1
                if good and kind == "startupProbe":
                    break
                if failures >= probe.allowed:
                    log(f"{self.container.name}: {kind} failed {failures} times: restarting")
                    systemctl("kill", "--signal=KILL", self.unit)
                    return
                if self.wait_ended(probe.period):
                    return
        while not self.wait_ended(3600):
            pass

    def run(self):
        active, same = self.active()
        if active and not same:
            systemctl("stop", self.unit)
            active = False
        while not self.ending.is_set():
            began = time.monotonic()
            try:
                if not active:
                    self.start_unit()
                    log(f"{self.container.name}: started")
                self.watch()
            except (OSError, ValueError, KeyError, subprocess.CalledProcessError) as error:
                log(f"{self.container.name}: {error}")
            active = False
            if time.monotonic() - began > STEADY_S:
                self.restarts = 0
            pause = BACKOFF_S[min(self.restarts, len(BACKOFF_S) - 1)]
            self.restarts += 1
            if not self.ending.is_set():
                log(f"{self.container.name}: ended; again in {pause} s")
                self.ending.wait(pause)
        systemctl("stop", self.unit)
        log(f"{self.container.name}: stopped")


def pidfd_ended(fd, seconds):
    return bool(select.select([fd], [], [], seconds)[0])


def read_manifests(directory):
    """{path: (container, digest)}; a file that is not a pod is said once and left out."""
    found = {}
    try:
        names = sorted(os.listdir(directory))
    except FileNotFoundError:
        return found
    for name in names:
        path = os.path.join(directory, name)
        if name.startswith(".") or not os.path.isfile(path):
            continue
        with open(path, "rb") as file:
            data = file.read()
        digest = hashlib.sha256(data).hexdigest()[:16]
        found[path] = (data, digest)
    return found


def serve_health():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            good = self.path.split("?")[0] == "/healthz"
            self.send_response(200 if good else 404)
            self.end_headers()
            self.wfile.write(b"ok" if good else b"not found")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 10248), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def own_address():
    """What a kubelet takes for its node's address, where it is told none: that of the machine's name."""
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return None


def leftovers(known):
    """Pods of an earlier run of this program whose manifest went meanwhile."""
    units = json.loads(systemctl("list-units", "--output=json", "--all", "pod-*.service") or "[]")
    for unit in units:
        if unit["unit"] not in known:
            systemctl("stop", unit["unit"])


def step(directory, pods, refused):
    manifests = read_manifests(directory)
    for path in [p for p, pod in pods.items() if manifests.get(p, (None, None))[1] != pod.digest]:
        pod = pods.pop(path)
        pod.ending.set()
        pod.join()
    for path, (data, digest) in manifests.items():
        if path in pods or refused.get(path) == digest:
            continue
        try:
            pods[path] = Pod(Container(yaml.safe_load(data)), digest)
        except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
            log(f"{path}: not a pod that can run: {error!r}")
            refused[path] = digest
            continue
        pods[path].start()


def main():
    flags = kubelet_arguments()
    with open(flags.config) as file:
        config = yaml.safe_load(file)
    if config.get("kind") != "KubeletConfiguration":
        sys.exit(f"{flags.config}: not a KubeletConfiguration")
    if flags.kubeconfig:
        check_kubeconfig(flags.kubeconfig)
    directory = config["staticPodPath"]
    serve_health()
    if flags.kubeconfig:
        Node(flags.kubeconfig, flags.hostname_override or socket.gethostname().lower(), own_address(), log,
             flags.register_with_taints).start()
    pods, refused = {}, {}
    step(directory, pods, refused)
    leftovers({pod.unit for pod in pods.values()})
    while True:
        time.sleep(SCAN_S)
        step(directory, pods, refused)


main()
