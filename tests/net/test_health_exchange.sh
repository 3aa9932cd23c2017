#!/bin/bash
# Three agents with the sealed transport tell one another what they measure: three hosts as network namespaces
# on one bridge, an HTTPS service and a chronyd on each, and a time server that can lie to each of them. What
# only one of them has moves the address; what all have does not.
set -u
[ "$(id -u)" = 0 ] || { echo "skipped: needs root"; exit 77; }
for tool in openssl python3 chronyd; do
	command -v $tool >/dev/null || { echo "skipped: needs $tool"; exit 77; }
done
[ -n "${IN_NAMESPACE:-}" ] || IN_NAMESPACE=1 exec unshare --net --mount "$0" "$@"

cd "$(dirname "$0")/../.." || exit 1
build=$(realpath "${BUILD:-build/dev}")
triarch=$build/triarch
trials=${TRIALS:-3}
dir=$(mktemp -d /tmp/triarch-health-XXXXXX)
vip=10.77.0.100
nodes="n1 n2 n3"
declare -A agent service clock
failed=0

finish() {
	kill -9 "${agent[@]}" "${service[@]}" "${clock[@]}" ${timeserver:-} 2>/dev/null
	wait 2>/dev/null
	mount | grep -q /run/netns && umount -l /run/netns
	[ -n "${KEEP:-}" ] || rm -rf "$dir"
}
trap finish EXIT
# Named namespaces of our own: `ip netns` keeps them in /run/netns of this mount namespace.
mount --make-rprivate / && mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns || exit 1

ok() { printf 'ok      %-62s %s\n' "$1" "${2:-}"; }
bad() { printf 'FAILED  %s: %s\n' "$1" "$2"; failed=1; }
in_ns() { local n=$1; shift; ip netns exec "$n" "$@"; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }
median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }
wait_until() { # SECONDS COMMAND...
	local end=$(($(now_ms) + $1 * 1000))
	shift
	until "$@"; do [ "$(now_ms)" -lt $end ] || return 1; sleep 0.02; done
}

# --- the hosts
make_network() {
	ip link set lo up
	ip link add br0 type bridge forward_delay 0
	ip link set br0 up
	ip addr add 10.77.0.254/24 dev br0
	for n in $nodes; do
		ip netns add $n
		ip link add $n-br type veth peer name eth0 netns $n
		ip link set $n-br master br0 up
		in_ns $n ip link set lo up
		in_ns $n ip link set eth0 up
		in_ns $n ip addr add 10.77.0.${n#n}/24 dev eth0
	done
}

make_files() { # NODE
	mkdir -p "$dir/$1"
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$dir/$1/key" -subj "/CN=$1" \
		-CA "$dir/ca.crt" -CAkey "$dir/ca.key" -x509 -days 2 -out "$dir/$1/crt" \
		-addext "subjectAltName=IP:10.77.0.${1#n},IP:$vip" -addext basicConstraints=CA:FALSE 2>/dev/null
	cat "$dir/$1/crt" "$dir/$1/key" >"$dir/$1/server.pem"
	head -c 8 /dev/zero >"$dir/$1/shift"
	cat >"$dir/$1/chrony.conf" <<-END
		server 10.77.0.254 iburst minpoll 0 maxpoll 0
		bindcmdaddress 127.0.0.1
		bindcmdaddress $dir/$1/chronyd.sock
		pidfile $dir/$1/chronyd.pid
		port 0
	END
	cat >"$dir/$1/config.yaml" <<-END
		apiVersion: triarch.dev/v1alpha1
		kind: AgentConfiguration
		nodeName: $1
		vip:
		  address: $vip/24
		  interface: eth0
		  transport: sealed
		  election: majority
		  keyFile: $dir/vip.key
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
		  clock: { interval: 1s }
		timeSync: { maxOffset: 100ms }
		stateDir: $dir/$1/state
		socket: $dir/$1/agent.sock
	END
	mkdir -p "$dir/$1/state"
}

start_service() { ip netns exec "$1" python3 tests/net/standin_https.py 6443 "$dir/$1" 2>/dev/null & service[$1]=$!; disown; }
start_agent() {
	TRIARCH_CLOCK_SHIFT=$dir/$1/shift LD_PRELOAD=$build/tests/clockshift.so ip netns exec "$1" \
		"$triarch" agent --config "$dir/$1/config.yaml" 2>>"$dir/$1/log" & agent[$1]=$!; disown
}
start_chronyd() { ip netns exec "$1" chronyd -x -d -u root -f "$dir/$1/chrony.conf" >"$dir/$1/chronyd.log" 2>&1 & clock[$1]=$!; disown; }
start_content_chronyd() { ip netns exec "$1" python3 tests/net/fakechronyd.py "$dir/$1/shift" 2>>"$dir/$1/log" & clock[$1]=$!; disown; }
end() { # PID
	kill -CONT "$1" 2>/dev/null
	kill "$1" 2>/dev/null
	while kill -0 "$1" 2>/dev/null; do sleep 0.02; done
}
bend() { # OFFSET DRIFT NODES...: what the time server tells them
	local offset=$1 drift=$2
	shift 2
	for n; do echo "10.77.0.${n#n} $offset $drift"; done >"$dir/offsets.new"
	mv "$dir/offsets.new" "$dir/offsets"
}
shift_clock() { python3 -c 'import struct,sys; open(sys.argv[1], "r+b").write(struct.pack("q", int(sys.argv[2])))' "$dir/$1/shift" "$2"; }

# --- what is seen
status() { "$triarch" status -o json --socket "$dir/$1/agent.sock" 2>/dev/null; }
field() { # NODE PYTHON-EXPRESSION over s
	status "$1" | python3 -c "import json,sys; s=json.load(sys.stdin); print($2)" 2>/dev/null
}
has_vip() { in_ns "$1" ip -4 -o addr show dev eth0 | grep -q "$vip/"; }
holders() { for n in $nodes; do has_vip $n && printf '%s ' $n; done; }
left() { set -- $(holders); [ $# = 1 ] && [ "$1" != "$old" ]; }
is_class() { [ "$(field "$1" 's["class"]')" = "$2" ]; }
all_healthy() { for n in $nodes; do is_class $n healthy || return 1; done; }
reason() { field "$1" 's["reason"]'; }
classes() { for n in $nodes; do printf '%s %s; ' $n "$(field $n 's["class"] + ": " + s["reason"]')"; done; }
settle() { # everyone healthy, one holder
	local h
	wait_until "${1:-20}" all_healthy || bad settle "not everyone is healthy: $(classes)"
	sleep 0.5
	h=($(holders))
	[ ${#h[@]} = 1 ] || bad settle "holders: ${h[*]}"
	holder=${h[0]:-n1}
	old=$holder
}
others() { for n in $nodes; do [ $n = "$holder" ] || echo $n; done; }
restart_agents() { # a new start has no rest behind it
	for n in $nodes; do end "${agent[$n]}"; done
	for n in $nodes; do start_agent $n; done
	settle
}
stays() { # SECONDS: the address where it is, all the time
	local end=$(($(now_ms) + $1 * 1000))
	while [ "$(now_ms)" -lt $end ]; do
		has_vip "$holder" || return 1
		sleep 0.1
	done
	[ "$(holders)" = "$holder " ]
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$dir/ca.key" -out "$dir/ca.crt" \
	-subj /CN=test -days 2 2>/dev/null
echo "send 1 $(openssl rand -hex 32)" >"$dir/vip.key"
chmod 0600 "$dir/vip.key"
: >"$dir/offsets"
make_network
python3 tests/lab/timeserver.py 10.77.0.254 "$dir/offsets" & timeserver=$!
disown
for n in $nodes; do
	make_files $n
	start_chronyd $n
	start_service $n
	start_agent $n
done
settle 60
ok "three agents, one holder, everyone healthy" "$holder"

# --- the API server of one host accepts and never answers
took=()
for _ in $(seq "$trials"); do
	from=$(now_ms)
	kill -STOP "${service[$holder]}"
	wait_until 5 left && took+=($(($(now_ms) - from))) || bad "the service hangs" "holders: $(holders), $(classes)"
	kill -CONT "${service[$old]}"
	restart_agents
done
m=$(median "${took[@]}")
[ "${#took[@]}" -gt 0 ] && [ "$m" -le 1200 ] && ok "the service accepts and never answers: the address has moved" "median $m ms (${took[*]})" ||
	bad "the service hangs" "median ${m:-none} ms is over 1200 ms (${took[*]})"

# What follows lasts: a lease that survives half a second in which this machine was busy elsewhere.
for n in $nodes; do sed -i 's/^  interface: eth0/&\n  advertisementInterval: 300ms/' "$dir/$n/config.yaml"; done
restart_agents

# --- all of them
for n in $nodes; do kill -STOP "${service[$n]}"; done
stays 6 && [ "$(field "$holder" 's["withheld"]')" = True ] && ok "all services hang: it stays" "$(reason "$holder")" || bad "all services hang" "holders: $(holders); $(classes)"
withheld=$(field "$holder" '[e["reason"] for e in s["history"] if e["what"] == "withheld" and e["to"] == "yes"][-1]')
[ -n "$withheld" ] && ok "its history says that it withholds the fault" || bad "history" "nothing is withheld"
for n in $nodes; do kill -CONT "${service[$n]}"; done
settle
[ "$holder" = "$old" ] && ok "all answer again: it is still there" "$holder" || bad "all answer again" "now at $holder"

# --- slow alone: the others are in time, but not within half of the time-out
for n in $(others); do echo 0.3 >"$dir/$n/slow"; done
sleep 1
echo 0.8 >"$dir/$holder/slow"
stays 6 && ok "slow here, not fast elsewhere: it stays" "$(reason "$holder")" || bad "slow alone" "holders: $(holders); $(classes)"
fast=$(others | head -1)
rm "$dir/$fast/slow"
wait_until 5 left && [ "$(holders)" = "$fast " ] && ok "one of the others becomes fast: it moves there" "$fast" ||
	bad "one becomes fast" "holders: $(holders); $(classes)"
rm -f "$dir"/n?/slow
restart_agents

# --- all time servers drift together (one server, one drift), and come back as slowly: each chronyd would see
# a step at a moment of its own
correct() { in_ns "$1" chronyc -h 127.0.0.1 -c tracking | awk -F, '{ v = $5 < 0 ? -$5 : $5; exit !(v < 0.01) }'; }
restart_clocks() { # without a memory of what the server said
	bend 0 0
	for n in $nodes; do
		end "${clock[$n]}"
		start_chronyd $n
	done
	for n in $nodes; do
		wait_until 30 correct $n || bad "time server right again" "$n: $(in_ns $n chronyc -h 127.0.0.1 -c tracking)"
	done
}
bend 0 0.02 $nodes
from=$(now_ms)
stays 15 && all_healthy && ok "all clocks drift together: it stays, nobody is degraded" "$(field "$holder" 's["clock"]["reason"]')" ||
	bad "all clocks drift" "holders: $(holders); $(classes)"
back=$(($(now_ms) - from))
bend "$(python3 -c "print(0.02 * $back / 1000)")" -0.02 $nodes
stays $((back / 1000)) && all_healthy && ok "and back: it stays" || bad "all clocks drift back" "holders: $(holders); $(classes)"
restart_clocks
settle

# --- the time server of one host drifts
bend 0 0.05 "$holder"
from=$(now_ms)
wait_until 20 left && ok "the time server of one host drifts by 50 ms/s: the address leaves it" "$(($(now_ms) - from)) ms: $(reason "$old")" ||
	bad "one clock drifts" "holders: $(holders); $(classes)"
restart_clocks
restart_agents

# --- one of three has followed a server that lies by 5 s: its own chronyd is content
end "${clock[$holder]}"
start_content_chronyd "$holder"
stays 4 && all_healthy || bad "a chronyd that is content" "$(classes)"
shift_clock "$holder" 5000000000
from=$(now_ms)
wait_until 15 left && ok "one of three follows a server that lies by 5 s: the odd one out" "$(($(now_ms) - from)) ms: $(reason "$old")" ||
	bad "a liar" "holders: $(holders); $(classes)"
seen() { # BY: what another node says of the odd one out
	field "$1" '[(m["class"], round(m["clockOffsetSeconds"]), m["reason"]) for m in s["members"] if m["name"] == "'"$old"'"][0]'
}
other=$(holders)
seen "${other% }" | grep -q "'degraded', 5, .*odd one out" && ok "status on ${other% } tells its class, why, and its clock" "$(seen "${other% }")" ||
	bad "status on another node" "$(seen "${other% }")"
"$triarch" status --socket "$dir/${other% }/agent.sock" | grep -E "^ +$old .*degraded.*clock \+[45].*odd one out" >"$dir/text" &&
	ok "in text, too" "$(cat "$dir/text")" || bad "status text" "$("$triarch" status --socket "$dir/${other% }/agent.sock")"
correction=$(field "$old" 's["clock"]["correctionSeconds"]')
python3 -c "import sys; sys.exit(abs($correction) > 0.001)" && ok "its own correction is near 0" "$correction s" || bad "its own correction" "$correction"

exit $failed
