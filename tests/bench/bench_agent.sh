#!/bin/bash
# The agent alone: from exec to READY=1, from SIGTERM to its end, and its memory while active. In a network namespace of
# its own, with a router, an apiServer check that is refused, a clock check and both pages.
# Prints "name median unit".
set -u
[ "$(id -u)" = 0 ] || { echo "skipped: needs root"; exit 77; }
[ -n "${IN_NAMESPACE:-}" ] || IN_NAMESPACE=1 exec unshare --net "$0" "$@"
triarch=${TRIARCH:-build/release/triarch}
dir=$(mktemp -d /tmp/triarch-bench-XXXXXX)
trap 'rm -rf "$dir"' EXIT
ip link set lo up
ip link add eth0 type veth peer name peer0
ip link set eth0 up
ip link set peer0 up
ip addr add 10.78.0.1/24 dev eth0
(umask 027 && echo "send 1 $(openssl rand -hex 32)" >"$dir/vip.key")
cat >"$dir/config.yaml" <<END
apiVersion: triarch.dev/v1alpha1
kind: AgentConfiguration
nodeName: n1
vip: { address: 10.78.0.9/24, interface: eth0, keyFile: $dir/vip.key, members: [ { name: n1, address: 10.78.0.1 } ] }
health:
  apiServer: { endpoint: "https://10.78.0.1:6443/livez", caFile: /nonexistent/ca.crt }
  clock: { port: 323 }
socket: $dir/agent.sock
END
python3 - "$triarch" "$dir" <<'END'
import os, signal, socket, statistics, subprocess, sys, time

triarch, directory = sys.argv[1:]
ROUNDS = 11


def status(pid, key):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith(key + ":"):
            return int(line.split()[1])


def private(pid):
    return sum(int(l.split()[1]) for l in open(f"/proc/{pid}/smaps_rollup") if l.startswith("Private_"))


ready, rss, own, stop = [], [], [], []
for _ in range(ROUNDS):
    path = directory + "/notify"
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(path)
    notify.settimeout(60)
    begin = time.monotonic()
    agent = subprocess.Popen([triarch, "agent", "--config", directory + "/config.yaml"],
                             env={**os.environ, "NOTIFY_SOCKET": path}, stderr=subprocess.DEVNULL)
    while b"READY=1" not in notify.recv(4096):
        pass
    ready.append((time.monotonic() - begin) * 1e3)
    time.sleep(1.5)  # active by now, every check made at least once
    rss.append(status(agent.pid, "VmRSS") / 1024)
    own.append(private(agent.pid) / 1024)
    begin = time.monotonic()
    agent.send_signal(signal.SIGTERM)
    if agent.wait() != 0:
        sys.exit(f"the agent ended with {agent.returncode}")
    stop.append((time.monotonic() - begin) * 1e3)
    notify.close()
    os.unlink(path)
for name, values, unit in (("agent_start_to_ready", ready, "ms"), ("agent_stop", stop, "ms"),
                           ("agent_rss", rss, "MiB"), ("agent_private_memory", own, "MiB")):
    print(f"{name} {statistics.median(values):.1f} {unit}")
END
