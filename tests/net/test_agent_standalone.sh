#!/bin/bash
# usage: test_agent_standalone.sh     TRANSPORT=ip|sealed: with that one only; TRIALS: of each failover (5)
#
# Three agents from configuration files alone: no systemd, no etcd, no Kubernetes. Three hosts and a client
# as network namespaces on one bridge; an HTTPS service on each host is what the agents check. The address
# moves when the service or the agent dies, stays when the old holder returns, and leaves a frozen
# agent's host by itself. Prints the measured times.
set -u
[ "$(id -u)" = 0 ] || { echo "skipped: needs root"; exit 77; }
for tool in curl openssl python3; do
	command -v $tool >/dev/null || { echo "skipped: needs $tool"; exit 77; }
done
# With the RFC's transport and election, and with the defaults.
if [ -z "${TRANSPORT:-}" ]; then
	status=0
	for TRANSPORT in ip sealed; do
		echo "--- transport: $TRANSPORT"
		TRANSPORT=$TRANSPORT TRIALS=${TRIALS:-$([ $TRANSPORT = ip ] && echo 3 || echo 5)} "$0" || status=1
	done
	exit $status
fi
[ -n "${IN_NAMESPACE:-}" ] || IN_NAMESPACE=1 exec unshare --net --mount "$0" "$@"

cd "$(dirname "$0")/../.." || exit 1
build=$(realpath "${BUILD:-build/dev}")
triarch=$build/triarch
probe=$build/tests/probe
trials=${TRIALS:-5}
dir=$(mktemp -d /tmp/triarch-agent-XXXXXX)
vip=10.77.0.100
declare -A agent service
failed=0

finish() {
	kill -9 "${agent[@]}" "${service[@]}" ${probe_pid:-} 2>/dev/null
	wait 2>/dev/null
	mount | grep -q /run/netns && umount -l /run/netns
	rm -rf "$dir"
}
trap finish EXIT
# Named namespaces of our own: `ip netns` keeps them in /run/netns of this mount namespace.
mount --make-rprivate / && mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns || exit 1

ok() { printf 'ok      %-58s %s\n' "$1" "${2:-}"; }
bad() { printf 'FAILED  %s: %s\n' "$1" "$2"; failed=1; }
in_ns() { local n=$1; shift; ip netns exec "$n" "$@"; }

make_network() {
	ip link set lo up
	ip link add br0 type bridge forward_delay 0
	ip link set br0 up
	for n in n1 n2 n3 client; do
		ip netns add $n
		ip link add $n-br type veth peer name eth0 netns $n
		ip link set $n-br master br0 up
		in_ns $n ip link set lo up
		in_ns $n ip link set eth0 up
	done
	for i in 1 2 3; do in_ns n$i ip addr add 10.77.0.$i/24 dev eth0; done
	in_ns client ip addr add 10.77.0.50/24 dev eth0
}

make_files() { # NODE
	mkdir -p "$dir/$1"
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$dir/$1/key" -subj "/CN=$1" \
		-CA "$dir/ca.crt" -CAkey "$dir/ca.key" -x509 -days 2 -out "$dir/$1/crt" \
		-addext "subjectAltName=IP:10.77.0.${1#n},IP:$vip" -addext basicConstraints=CA:FALSE 2>/dev/null
	cat "$dir/$1/crt" "$dir/$1/key" >"$dir/$1/server.pem"
	cat >"$dir/$1/config.yaml" <<-END
		apiVersion: triarch.dev/v1alpha1
		kind: AgentConfiguration
		nodeName: $1
		vip:
		  address: $vip/24
		  interface: eth0
		  $([ "$TRANSPORT" = ip ] && echo "transport: ip" || echo "keyFile: $dir/vip.key")
		  members:
		  - { name: n1, address: 10.77.0.1 }
		  - { name: n2, address: 10.77.0.2 }
		  - { name: n3, address: 10.77.0.3 }
		health:
		  apiServer:
		    endpoint: "https://10.77.0.${1#n}:6443/livez"
		    caFile: $dir/ca.crt
		    certFile: $dir/$1/crt
		    keyFile: $dir/$1/key
		socket: $dir/$1/agent.sock
		metrics: 127.0.0.1:7645
	END
}

start_service() { ip netns exec "$1" python3 tests/net/standin_https.py 6443 "$dir/$1" 2>/dev/null & service[$1]=$!; disown; }
start_agent() { ip netns exec "$1" "$triarch" agent --config "$dir/$1/config.yaml" 2>>"$dir/$1/log" & agent[$1]=$!; disown; }
status() { "$triarch" status -o json --socket "$dir/$1/agent.sock" 2>/dev/null; }
field() { # NODE PYTHON-EXPRESSION over s
	status "$1" | python3 -c "import json,sys; s=json.load(sys.stdin); print($2)" 2>/dev/null
}
has_vip() { in_ns "$1" ip -4 -o addr show dev eth0 | grep -q "$vip/"; }
holders() { for n in n1 n2 n3; do has_vip $n && printf '%s ' $n; done; }
wait_until() { # SECONDS COMMAND...
	local end=$(($(date +%s%N) + $1 * 1000000000))
	shift
	until "$@"; do [ "$(date +%s%N)" -lt $end ] || return 1; sleep 0.02; done
}
one_holder() { [ "$(holders)" = "$1 " ]; }
taken() { set -- $(holders); [ $# = 1 ] && [ "$1" != "$old" ]; } # from $old, by one other
is_class() { [ "$(field "$1" 's["class"]')" = "$2" ]; }
all_healthy() { for n in n1 n2 n3; do is_class $n healthy || return 1; done; }
now_ns() { python3 -c 'import time; print(time.monotonic_ns())'; }
median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }
settle() { # everything runs, everyone healthy, one holder
	for n in n1 n2 n3; do
		kill -0 "${service[$n]:-0}" 2>/dev/null || start_service $n
		kill -0 "${agent[$n]:-0}" 2>/dev/null || start_agent $n
	done
	wait_until 15 all_healthy || { bad settle "not everyone is healthy"; for n in n1 n2 n3; do field $n 's["reason"]'; done; }
	sleep 0.5
	set -- $(holders)
	[ $# = 1 ] || bad settle "holders: $*"
	holder=${1:-n1}
}

# Take the holder's service or agent away, with a client that connects every 5 ms; sets gap (ms).
measure() { # COMMAND...
	local before
	: >"$dir/gap.log"
	ip netns exec client "$probe" $vip 6443 "$dir/ca.crt" "$dir/gap.log" >/dev/null 2>&1 &
	probe_pid=$!
	sleep 0.4
	before=$(now_ns)
	"$@"
	sleep 1.2
	kill -TERM $probe_pid
	wait $probe_pid 2>/dev/null
	gap=$(python3 tests/lab/gap.py "$dir/gap.log" "$before" "$((before + 1000000000))" 2>&1)
}
kill_service() { kill -9 "${service[$holder]}"; }
stop_agent() { kill -TERM "${agent[$holder]}"; }
kill_agent() { kill -9 "${agent[$holder]}"; }
gaps() { # WHAT LIMIT-MS COMMAND
	local all=() old m
	for _ in $(seq "$trials"); do
		settle
		old=$holder
		measure "$3"
		[[ $gap =~ ^[0-9.]+$ ]] || { bad "$1" "$gap"; return; }
		all+=("$gap")
		has_vip "$old" && [ "$3" != kill_agent ] && bad "$1" "$old still has the address"
	done
	m=$(median "${all[@]}")
	if python3 -c "import sys; sys.exit(not $m < $2)"; then
		ok "$1: gap, median of $trials" "$m ms (${all[*]})"
	else
		bad "$1" "median $m ms is over $2 ms (${all[*]})"
	fi
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$dir/ca.key" -out "$dir/ca.crt" \
	-subj /CN=test -days 2 2>/dev/null
printf 'send 1 %s\n' "$(openssl rand -hex 32)" >"$dir/vip.key" && chmod 640 "$dir/vip.key"
make_network
for n in n1 n2 n3; do make_files $n; done

# --- start
for n in n1 n2 n3; do start_agent $n; done
wait_until 5 test -S "$dir/n1/agent.sock" || bad start "no control socket"
wait_until 5 is_class n1 failed && ok "nothing listens: class failed" "$(field n1 's["reason"]')" ||
	bad "nothing listens" "$(field n1 's["class"], s["reason"]')"
for n in n1 n2 n3; do start_service $n; done
settle
ok "three agents, one holder" "$holder"
cat "$dir"/n?/log | grep -q "ERROR:" && bad log "$(grep -h ERROR: "$dir"/n?/log)"

# --- what it tells
"$triarch" status --socket "$dir/$holder/agent.sock" >"$dir/text" && grep -q "^class    healthy" "$dir/text" &&
	grep -q "active for" "$dir/text" && ok "status" "$(grep '^owner' "$dir/text")" || bad status "$(cat "$dir/text")"
"$triarch" vip status --socket "$dir/n3/agent.sock" | grep -q "^owner    $holder (10.77.0.${holder#n})" &&
	ok "vip status on another node names the owner" || bad "vip status" "$("$triarch" vip status --socket "$dir/n3/agent.sock")"
"$triarch" status --socket "$dir/none.sock" 2>"$dir/text"
[ $? = 1 ] && grep -q "no agent answers on" "$dir/text" && ok "status without an agent: exit 1" "$(cat "$dir/text")" ||
	bad "status without an agent" "$(cat "$dir/text")"
http() { in_ns "$holder" curl -s -o "$dir/body" -w '%{http_code}' "$@"; }
expect_http() { # WHAT CODE CURL-ARGUMENTS
	local what=$1 want=$2 got
	shift 2
	got=$(http "$@")
	[ "$got" = "$want" ] && ok "$what" "$got" || bad "$what" "$got, wanted $want"
}
expect_http "GET /metrics" 200 http://127.0.0.1:7645/metrics
grep -q '^triarch_vip_state{.*state="active"} 1$' "$dir/body" && grep -qx 'triarch_check_ok{check="apiServer"} 1' "$dir/body" &&
	ok "metrics say active, apiServer ok" "$(grep -c '^triarch_' "$dir/body") samples" || bad metrics "$(cat "$dir/body")"
python3 - "$dir/body" <<'END' && ok "every metric has HELP and TYPE, every line parses" || bad "metrics format" "see above"
import re, sys
typed, helped = set(), set()
for line in open(sys.argv[1]):
    if m := re.fullmatch(r"# TYPE (\w+) (gauge|counter)\n", line):
        typed.add(m[1])
    elif m := re.fullmatch(r"# HELP (\w+) \S.*\n", line):
        helped.add(m[1])
    else:
        m = re.fullmatch(r'(\w+)(\{\w+="(?:[^"\\\n]|\\.)*"(?:,\w+="(?:[^"\\\n]|\\.)*")*\})? [-+.e0-9]+\n', line)
        assert m and m[1] in typed and m[1] in helped, line
END
expect_http "GET /healthz" 200 http://localhost:7645/healthz
expect_http "another Host is refused" 403 -H "Host: evil.example" http://127.0.0.1:7645/metrics
expect_http "POST is refused" 405 -d x=1 http://127.0.0.1:7645/metrics
expect_http "no such page" 404 http://127.0.0.1:7645/v1/status
[ "$(stat -c %a "$dir/n1/agent.sock")" = 660 ] && ok "mode of the control socket" 0660 || bad "socket mode" "$(stat -c %a "$dir/n1/agent.sock")"
in_ns n1 "$triarch" agent --config "$dir/n1/config.yaml" 2>"$dir/text"
[ $? = 1 ] && grep -q "another agent answers on" "$dir/text" && ok "a second agent on the same socket: exit 1" ||
	bad "second agent" "$(cat "$dir/text")"
! grep -q "stale address" "$dir/text" && [ -n "$(holders)" ] && ok "it does not touch the address of the first" ||
	bad "second agent" "took the address away: $(cat "$dir/text")"

# --- stuck clients: more connections than are allowed, none of them says anything
in_ns "$holder" python3 - "$dir/$holder/agent.sock" <<'END'
import socket, sys, time, urllib.request
held = []
for family, address in [(socket.AF_UNIX, sys.argv[1]), (socket.AF_INET, ("127.0.0.1", 7645))] * 100:
    s = socket.socket(family)
    s.setblocking(False)
    try:
        s.connect(address)
    except BlockingIOError:
        pass
    held.append(s)
time.sleep(0.2)
for s in held[1::4]:
    try:
        s.send(b"GET /met")
    except OSError:
        pass
begin = time.monotonic()
while True:
    try:
        status = urllib.request.urlopen("http://127.0.0.1:7645/healthz", timeout=2).status
        break
    except OSError:
        if time.monotonic() > begin + 30:
            sys.exit("the page does not come back")
print(f"        {len(held)} stuck clients: answered {status} after {time.monotonic() - begin:.1f} s")
END
[ $? = 0 ] && one_holder "$holder" && status "$holder" >/dev/null && ok "stuck clients harm neither pages nor address" ||
	bad "stuck clients" "holders: $(holders)"

# --- the service answers errors: degraded, so a healthy one takes over
settle
old=$holder
touch "$dir/$old/sick"
wait_until 5 is_class "$old" degraded && wait_until 3 taken && sleep 0.5 && taken &&
	ok "service answers 500: degraded, the address moves" "$(field "$old" 's["reason"]')" || bad "service answers 500" "$(field "$old" 's["reason"]') $(holders)"
rm "$dir/$old/sick"

# --- the service dies; its host returns and does not take the address back
gaps "service killed" 150 kill_service
settle
ok "after its return the address stays" "$holder"
field "$holder" '[e for e in s["history"] if e["what"] == "state"][-1]' | sed 's/^/        /'

# --- the agent stops, dies, freezes
gaps "agent stopped" 80 stop_agent
gaps "agent killed" 600 kill_agent
settle
for n in n1 n2 n3; do in_ns $n "$triarch" vip flush --config "$dir/$n/config.yaml" >/dev/null || bad "vip flush" "exit $?"; done
wait_until 3 one_holder "$holder" && ok "flushed under a running agent: put back" "$holder" || bad "flush" "holders: $(holders)"
old=$holder
from=$(now_ns)
kill -STOP "${agent[$old]}"
gone() { ! has_vip "$old"; }
wait_until 4 gone
ms=$((($(now_ns) - from) / 1000000))
[ $ms -lt 2800 ] && ok "agent frozen: the address leaves by itself" "$ms ms" || bad "agent frozen" "$ms ms"
wait_until 2 taken && ok "one other holder" "$(holders)" || bad "agent frozen" "holders: $(holders)"
kill -CONT "${agent[$old]}"
sleep 1
taken && ok "thawed: it does not take the address back" "$(holders)" || bad "thawed" "holders: $(holders)"

# --- killed with the address, flushed as ExecStopPost does, and started again
settle
kill -9 "${agent[$holder]}"
in_ns "$holder" "$triarch" vip flush --config "$dir/$holder/config.yaml" | grep -Eq "removed the virtual address [0-9.]* from 1 interface" &&
	! has_vip "$holder" && ok "vip flush after kill -9 removes the address" || bad "vip flush" "address still there"
in_ns "$holder" "$triarch" vip flush --config "$dir/$holder/config.yaml" && ok "vip flush with nothing to remove: exit 0" || bad "vip flush" "exit $?"
settle

# --- link down
old=$holder
in_ns "$old" ip link set eth0 down
wait_until 2 is_class "$old" failed && wait_until 2 taken && ok "link down: failed, the address moves" "$(field "$old" 's["reason"]')" ||
	bad "link down" "$(field "$old" 's["reason"]') holders: $(holders)"
in_ns "$old" ip link set eth0 up

# --- the interface comes later than the agent
kill "${agent[n3]}"
ended() { ! kill -0 "${agent[n3]}" 2>/dev/null; }
wait_until 3 ended || bad "agent stopped" "it did not end"
in_ns n3 ip link set eth0 name later0
start_agent n3
waiting() { [ -n "$(field n3 's["vip"].get("problem", "")')" ]; }
wait_until 3 waiting && ok "interface missing: the agent waits" "$(field n3 's["vip"]["problem"]')" || bad "interface missing" "$(tail -1 "$dir/n3/log")"
in_ns n3 ip link set later0 down && in_ns n3 ip link set later0 name eth0 && in_ns n3 ip link set eth0 up
runs() { [ "$(field n3 's["vip"]["state"]')" = backup ]; }
wait_until 5 runs && ok "interface there: it runs" || bad "interface there" "$(status n3)"

exit $failed
