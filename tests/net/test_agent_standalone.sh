#!/bin/bash
# usage: test_agent_standalone.sh     TRANSPORT=ip|sealed: with that one only; TRIALS: of each failover (5)
#
# Three agents from configuration files alone: no systemd, no etcd, no Kubernetes. Three hosts and a client
# as network namespaces on one bridge; an HTTPS service on each host is what the agents check. The address
# moves when the service or the agent dies, stays when the old holder returns, and leaves a frozen
# agent's host by itself. Prints the measured times.
set -u
here=$(dirname "$0")
. "$here/hosts.sh"
needs curl openssl python3
# With the RFC's transport and election, and with the defaults.
if [ -z "${TRANSPORT:-}" ]; then
	status=0
	for TRANSPORT in ip sealed; do
		echo "--- transport: $TRANSPORT"
		TRANSPORT=$TRANSPORT TRIALS=${TRIALS:-$([ $TRANSPORT = ip ] && echo 3 || echo 5)} "$0" || status=1
	done
	exit $status
fi
. "$here/agents.sh"
. "$here/services.sh"
own_namespaces "$@"
finish() {
	hosts="$hosts 4"
	remove_hosts
}
trap finish EXIT
build_hosts 3
ip netns add h4 && plug 4 # the client
probe=${BUILD:-build/dev}/tests/probe
trials=${TRIALS:-5}
vip=10.77.0.100
failed=0

taken() { owner_is_not $old; }
now_ns() { python3 -c 'import time; print(time.monotonic_ns())'; }
settle() { # everything runs
	for i in $hosts; do
		kill -0 ${service[$i]:-0} 2>/dev/null || start_service $i
		runs $i || start_agent $i
	done
	settled 15
}

# Take the owner's service or agent away, with a client that connects every 5 ms; sets gap (ms).
measure() { # COMMAND...
	local before client
	: >"$dir/gap.log"
	ip netns exec h4 "$probe" $vip 6443 "$dir/ca.crt" "$dir/gap.log" >/dev/null 2>&1 &
	client=$!
	disown
	wait_for 10 test -s "$dir/gap.log"
	sleep 0.2
	before=$(now_ns)
	"$@"
	sleep 1.1
	wait_for 5 answered_since $((before + 1000000000))
	kill -TERM $client
	wait_for 5 gone $client
	gap=$(python3 "$here/../lab/gap.py" "$dir/gap.log" "$before" "$((before + 1000000000))" 2>&1)
}
answered_since() { awk -v t="$1" '$1 > t { n = 1 } END { exit !n }' "$dir/gap.log"; } # NS
kill_service() { kill -KILL ${service[$owner]}; }
term_agent() { kill -TERM ${agent[$owner]}; }
kill_agent() { kill -KILL ${agent[$owner]}; }
gaps() { # WHAT LIMIT-MS COMMAND
	local all=() old m
	for _ in $(seq "$trials"); do
		settle
		old=$owner
		measure "$3"
		[[ $gap =~ ^[0-9.]+$ ]] || { bad "$1" "$gap"; return; }
		all+=("$gap")
		has_address $old $vip && [ "$3" != kill_agent ] && bad "$1" "n$old still has the address"
	done
	m=$(median "${all[@]}")
	below $m $2 && ok "$1: gap, median of $trials" "$m ms (${all[*]})" || bad "$1" "median $m ms is not below $2 ms (${all[*]})"
}

make_ca
make_key "$dir/vip.key"
for i in $hosts; do
	make_certificate $i
	{
		[ "$TRANSPORT" = ip ] && echo "  transport: ip" || echo "  keyFile: $dir/vip.key"
	} | checked_group $i | configure $i
done

# --- start
for i in $hosts; do start_agent $i; done
wait_for 15 test -S "$dir/a1/agent.sock" || bad start "no control socket"
wait_for 15 is_class 1 failed && ok "nothing listens: class failed" "$(reason 1)" ||
	bad "nothing listens" "$(field 1 's["class"], s["reason"]')"
for i in $hosts; do start_service $i; done
settle
ok "three agents, one holder" "n$owner"
cat "$dir"/a?/log | grep -q "ERROR:" && bad log "$(grep -h ERROR: "$dir"/a?/log)"

# --- what it tells
ctl $owner status >"$dir/text" && grep -q "^class    healthy" "$dir/text" &&
	grep -q "active for" "$dir/text" && ok "status" "$(grep '^owner' "$dir/text")" || bad status "$(cat "$dir/text")"
ctl 3 vip status | grep -q "^owner    n$owner (10.77.0.$owner)" &&
	ok "vip status on another node names the owner" || bad "vip status" "$(ctl 3 vip status)"
"$triarch" status --socket "$dir/none.sock" 2>"$dir/text"
[ $? = 1 ] && grep -q "no agent answers on" "$dir/text" && ok "status without an agent: exit 1" "$(cat "$dir/text")" ||
	bad "status without an agent" "$(cat "$dir/text")"
http() { in_ns $owner curl -s -o "$dir/body" -w '%{http_code}' "$@"; }
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
[ "$(stat -c %a "$dir/a1/agent.sock")" = 660 ] && ok "mode of the control socket" 0660 || bad "socket mode" "$(stat -c %a "$dir/a1/agent.sock")"
in_ns 1 "$triarch" agent --config "$dir/a1/config.yaml" 2>"$dir/text"
[ $? = 1 ] && grep -q "another agent answers on" "$dir/text" && ok "a second agent on the same socket: exit 1" ||
	bad "second agent" "$(cat "$dir/text")"
! grep -q "stale address" "$dir/text" && [ -n "$(owners)" ] && ok "it does not touch the address of the first" ||
	bad "second agent" "took the address away: $(cat "$dir/text")"

# --- stuck clients: more connections than are allowed, none of them says anything
in_ns $owner python3 - "$dir/a$owner/agent.sock" <<'END'
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
[ $? = 0 ] && owner_is $owner && ctl $owner status >/dev/null && ok "stuck clients harm neither pages nor address" ||
	bad "stuck clients" "owners: $(owners)"

# --- the service answers errors: degraded, so a healthy one takes over
settle
old=$owner
touch "$dir/a$old/sick"
wait_for 15 is_class $old degraded && wait_for 5 taken && sleep 0.5 && taken &&
	ok "service answers 500: degraded, the address moves" "$(reason $old)" || bad "service answers 500" "$(reason $old) $(owners)"
rm "$dir/a$old/sick"

# --- the service dies; its host returns and does not take the address back
gaps "service killed" 150 kill_service
settle
ok "after its return the address stays" "n$owner"
field $owner '[e for e in s["history"] if e["what"] == "state"][-1]' | sed 's/^/        /'

# --- the agent stops, dies, freezes
gaps "agent stopped" 80 term_agent
gaps "agent killed" 600 kill_agent
settle
for i in $hosts; do in_ns $i "$triarch" vip flush --config "$dir/a$i/config.yaml" >/dev/null || bad "vip flush" "exit $?"; done
wait_for 3 owner_is $owner && ok "flushed under a running agent: put back" "n$owner" || bad "flush" "owners: $(owners)"
old=$owner
observe $vip $hosts
wait_for 5 grep -q " add $old\$" "$dir/observer"
from=$(now)
kill -STOP ${agent[$old]}
has_left() { [ -n "$(lost_it $from $old)" ]; }
wait_for 5 has_left
ms=$(lost_it $from $old)
observed
[ "${ms:-9999}" -lt 2800 ] && ok "agent frozen: the address leaves by itself" "$ms ms" || bad "agent frozen" "${ms:-more than 5000} ms"
wait_for 5 taken && ok "one other holder" "$(owners)" || bad "agent frozen" "owners: $(owners)"
kill -CONT ${agent[$old]}
sleep 1
taken && ok "thawed: it does not take the address back" "$(owners)" || bad "thawed" "owners: $(owners)"

# --- killed with the address, flushed as ExecStopPost does, and started again
settle
kill_agent
in_ns $owner "$triarch" vip flush --config "$dir/a$owner/config.yaml" | grep -Eq "removed the virtual address [0-9.]* from 1 interface" &&
	! has_address $owner $vip && ok "vip flush after kill -9 removes the address" || bad "vip flush" "address still there"
in_ns $owner "$triarch" vip flush --config "$dir/a$owner/config.yaml" && ok "vip flush with nothing to remove: exit 0" || bad "vip flush" "exit $?"
settle

# --- link down
old=$owner
in_ns $old ip link set eth0 down
wait_for 10 is_class $old failed && wait_for 5 taken && ok "link down: failed, the address moves" "$(reason $old)" ||
	bad "link down" "$(reason $old) owners: $(owners)"
in_ns $old ip link set eth0 up

# --- the interface comes later than the agent
stop_agent 3 || bad "agent stopped" "it did not end"
in_ns 3 ip link set eth0 down && in_ns 3 ip link set eth0 name later0 # older kernels rename none that is up
start_agent 3
waiting() { [ -n "$(field 3 's["vip"].get("problem", "")')" ]; }
wait_for 10 waiting && ok "interface missing: the agent waits" "$(field 3 's["vip"]["problem"]')" || bad "interface missing" "$(tail -1 "$dir/a3/log")"
in_ns 3 ip link set later0 down && in_ns 3 ip link set later0 name eth0 && in_ns 3 ip link set eth0 up
wait_for 15 field_is 3 's["vip"]["state"]' backup && ok "interface there: it runs" || bad "interface there" "$(ctl 3 status)"

exit $failed
