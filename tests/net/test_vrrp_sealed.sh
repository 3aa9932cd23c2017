#!/bin/bash
# The virtual router with the majority lease over the sealed transport, between network namespaces: three members
# and a client on one bridge. Each group has an IPv4 and an IPv6 address. While a case runs, one observer follows
# the IPv4 address of all members in the kernel: two at once is a failure wherever it is not said otherwise (allowed:
# ms, empty: any). Every case prints what it measured. Interval 100 ms, priorities 250, 230, 210.
#
# usage: test_vrrp_sealed.sh [CASE...]
set -u
here=$(dirname "$0")
. "$here/hosts.sh"
needs python3 nft
[ -x "$vrouter" ] || { echo "no $vrouter: build first"; exit 1; }
own_namespaces "$@"

vrid=77 version=3 family=4 vips=(10.77.0.100 fd77::100)
priority=([1]=250 [2]=230 [3]=210)
members="1=10.77.0.1 2=10.77.0.2 3=10.77.0.3"
failed=0

two_at_once() { # sets two: for how many ms two members had the address
	[ -n "${observer:-}" ] || return 0
	observed
	observer=
}

start() { # I [OPTION...]
	local i=$1
	shift
	ip netns exec h$i $realtime "$vrouter" --id $i --majority "$@" eth0 "$(joined)" $vrid ${priority[$i]} 100 ${mode:-health} $members >>"$dir/$i" 2>&1 &
	pid[$i]=$! kind[$i]=triarch
}
signal() { kill -"$2" "${pid[$1]}"; } # I NAME
reap() {
	local process=${pid[$1]}
	unset "pid[$1]"
	wait $process 2>/dev/null
}
tells() { signal $1 HUP; sleep 0.05; says $1 "$2"; } # I PATTERN: its counters, asked for
at() { grep -E -- "$2" "$dir/$1" | tail -n1 | cut -d' ' -f1; } # I PATTERN: time of its last line
gap_since() { between "$(seen "del $2" $1)" "$(seen "add $2" $1)"; } # FROM I: how long it was gone
stop_all() {
	local i
	for i in "${!pid[@]}"; do kill -CONT "${pid[$i]}" 2>/dev/null; kill "${pid[$i]}" 2>/dev/null; done
	for i in "${!pid[@]}"; do wait "${pid[$i]}" 2>/dev/null; done
	pid=()
}
pass() { printf 'ok      %-20s %s\n' "$case" "$*"; }
fail() {
	printf 'FAILED  %-20s %s; owners: %s\n' "$case" "$*" "$(owners)"
	for i in 1 2 3; do [ -f "$dir/$i" ] && tail -n 25 "$dir/$i" | sed "s/^/        $i: /"; done
	failed=1
	return 1
}
other_than() { # I: sets heir, the only owner, another one
	heir=$(owners) heir=${heir% }
	[ -n "$heir" ] && [ "$heir" != "$1" ] && [ "${#heir}" = 1 ]
}
nobody() { [ "$(copies 1) $(copies 2) $(copies 3)" = "0 0 0" ]; }
somebody() { [ -n "$(owners)" ]; }
elect() { # all three; 1 wins, as the others stand by until it has
	local i
	start 1 "$@"; start 2 "$@"; start 3 "$@"
	for i in 2 3; do wait_for 5 says $i started && signal $i TTIN; done
	wait_for 5 says 1 'backup -> active' && wait_for 5 sole 1 || return
	for i in 2 3; do signal $i TTOU; done
	sleep 0.15
}
someone_else() { says 2 '-> active' || says 3 '-> active'; }
answers() { # ADDRESS: to another host; that nothing listens there is an answer
	in_ns 4 timeout 5 bash -c "exec 3<>/dev/tcp/$1/1" 2>&1 | grep -q refused
}
answers_soon() { in_ns 4 timeout 1 bash -c "exec 3<>/dev/tcp/$1/1" 2>&1 | grep -q refused; }
copies() { ip -n h$1 -o addr show dev eth0 | grep -cE " (${vips[0]}|${vips[1]})/"; } # I

case_election() {
	elect || { fail "no election"; return; }
	sleep 0.5
	wait_for 3 tells 2 'lease ms=-1 gen=1 majority=2/3 active=1 promise=1' && wait_for 3 tells 1 'lease ms=[12][0-9]+ ' ||
		{ fail "status"; return; }
	wait_for 3 answers ${vips[0]} && wait_for 3 answers ${vips[1]} || { fail "an address does not answer"; return; }
	pass "active $(between "$(at 1 started)" "$(at 1 '-> active')") ms after its start (silent for D first); both addresses answer"
}

case_terminated() {
	local trial t took=()
	for trial in 1 2 3 4 5; do
		elect || { fail "no election"; return; }
		sleep 0.2
		t=$(now)
		signal 1 TERM; reap 1
		wait_for 3 other_than 1 || { fail "not taken over"; return; }
		took+=("$(between "$(seen 'del 1' $t)" "$(seen "add $heir" $t)")")
		wait_for 2 says $heir 'backup -> active: named as successor' || { fail "the successor was not named"; return; }
		stop_all
		rm -f "$dir"/[123]
	done
	pass "SIGTERM: the next has the address ${took[*]} ms after it left, median $(median "${took[@]}")"
}

case_killed() {
	allowed=2600 # the kernel's lifetime
	elect || { fail "no election"; return; }
	sleep 0.3
	local t
	t=$(now)
	signal 1 KILL; reap 1
	wait_for 5 someone_else || { fail "not taken over"; return; }
	wait_for 4 other_than 1 || { fail "the killed one keeps it"; return; }
	two_at_once
	pass "kill -9: taken over $(between $t "$(at $heir '-> active')") ms later, the kernel removed the dead one's after" \
		"$(between $t "$(seen 'del 1' $t)") ms: two for $two ms, as nothing ran there any more"
}

case_power_loss() {
	local trial t took=()
	allowed=2600
	for trial in 1 2 3 4 5; do
		elect || { fail "no election"; return; }
		sleep 0.2
		ip -n h0 link set port1 nomaster # carrier stays: nobody can know
		t=$(now)
		signal 1 KILL; reap 1
		wait_for 5 someone_else || { fail "not taken over"; return; }
		wait_for 4 other_than 1 || { fail "the killed one keeps it"; return; }
		took+=("$(between $t "$(at $heir '-> active')")")
		stop_all
		ip -n h0 link set port1 master br0
		rm -f "$dir"/[123]
	done
	pass "power off: taken over after ${took[*]} ms, median $(median "${took[@]}")"
}

case_cut() {
	local t
	elect || { fail "no election"; return; }
	sleep 0.3
	t=$(now)
	ip -n h0 link set port1 nomaster
	wait_for 3 other_than 1 || { fail "no owner on the majority's side"; return; }
	local lost taken
	lost=$(seen 'del 1' $t) taken=$(seen "add $heir" $t)
	sleep 1
	sole $heir || { fail "not one owner"; return; }
	ip -n h0 link set port1 master br0
	sleep 0.7
	sole $heir || { fail "moved when joined again"; return; }
	pass "cut off: gave the address up $(between $t $lost) ms later, $heir had it $(between $lost $taken) ms after that; joined: nothing moved"
}

case_minority() {
	elect || { fail "no election"; return; }
	signal 2 KILL; reap 2
	sleep 0.5
	sole 1 || { fail "with two of three it must stay"; return; }
	signal 3 KILL; reap 3
	wait_for 3 nobody || { fail "kept by one of three"; return; }
	sleep 0.7
	nobody || { fail "owned by a minority"; return; }
	start 3
	wait_for 5 somebody || { fail "not owned again by two"; return; }
	pass "one of three left: given up after D; with two again: $(owners)has it"
}

case_frozen() {
	local t
	allowed=2600
	elect || { fail "no election"; return; }
	t=$(now)
	signal 1 STOP
	wait_for 5 someone_else || { fail "not taken over"; return; }
	wait_for 5 other_than 1 || { fail "the frozen one keeps it"; return; }
	local gone thawed
	gone=$(seen 'del 1' $t)
	sleep 0.3
	thawed=$(now)
	signal 1 CONT
	wait_for 3 says 1 'active -> backup' || { fail "did not notice"; return; }
	sleep 0.7
	wait_for 2 tells 1 'late=[1-9]' || { fail "no late wake-up counted"; return; }
	! last_seen 'add 1' $thawed && sole $heir || { fail "had the address after thawing"; return; }
	pass "SIGSTOP: $heir active after $(between $t "$(at $heir '-> active')") ms, the frozen one's expired after $(between $t $gone) ms; thawed: without it"
	below "$(between $t $gone)" 2600 || fail "later than 2.6 s"
}

case_thawed_early() {
	local trial t took=()
	allowed=2600
	for trial in 1 2 3; do
		elect || { fail "no election"; return; }
		signal 1 STOP
		wait_for 5 someone_else || { fail "not taken over"; return; }
		t=$(now)
		signal 1 CONT # it still has the address
		wait_for 3 other_than 1 || { fail "keeps it"; return; }
		took+=("$(between $t "$(seen 'del 1' $t)")")
		stop_all
		rm -f "$dir"/[123]
	done
	pass "thawed while it still had the address: gone after ${took[*]} ms"
	below "$(median "${took[@]}")" 50 || fail "later than 50 ms"
}

case_guard() {
	local t
	elect --stall 3000 || { fail "no election"; return; }
	sleep 0.3
	t=$(now)
	signal 1 WINCH
	wait_for 3 other_than 1 || { fail "not taken over"; return; }
	! says 1 'goes on' || { fail "the stall was too short to show anything"; return; }
	local lost taken
	lost=$(seen 'del 1' $t) taken=$(seen "add $heir" $t)
	wait_for 10 says 1 'goes on' && wait_for 3 says 1 'active -> backup' || { fail "1 did not step down"; return; }
	sleep 0.5
	wait_for 2 tells 1 'guard_fired=1' && sole $heir || { fail "guard_fired"; return; }
	pass "the loop hangs: the guard thread removed the address $(between $t $lost) ms later, $heir had it $(between $lost $taken) ms after that"
}

no_copies() { [ "$(copies 2)" = 0 ]; }
case_repair() {
	local t took=() copied=()
	allowed= # here a copy is a second one
	elect || { fail "no election"; return; }
	for _ in 1 2 3 4 5; do
		t=$(now)
		ip -n h1 addr del ${vips[0]}/32 dev eth0
		ip -n h1 addr del ${vips[1]}/128 dev eth0
		wait_for 3 owns 1 || { fail "not put back"; return; }
		took+=("$(gap_since $t 1)")
	done
	says 1 'gone from eth0, put back' || { fail "not said"; return; }
	for _ in 1 2 3 4 5; do
		t=$(now)
		ip -n h2 addr add ${vips[0]}/24 dev eth0
		ip -n h2 addr add ${vips[1]}/64 dev eth0 nodad
		wait_for 3 no_copies && wait_for 3 sole 1 || { fail "foreign copy stays"; return; }
		copied+=("$(between "$(seen 'add 2' $t)" "$(seen 'del 2' $t)")")
	done
	says 2 "${vips[0]}, put on eth0 by somebody else with /24" || { fail "not said"; return; }
	pass "deleted by hand: back after ${took[*]} ms; copies on a backup were removed after ${copied[*]} ms"
	below "$(median "${took[@]}")" 50 && below "$(median "${copied[@]}")" 50 || fail "later than 50 ms"
}

# Somebody puts it there with duplicate address detection, which fails as another host has it.
usable() { ! ip -n h$1 -6 addr show dev eth0 | grep -A1 ${vips[1]} | grep -Eq 'tentative|dadfailed'; } # I
case_dad() {
	elect || { fail "no election"; return; }
	ip -n h4 addr add ${vips[1]}/128 dev eth0 nodad
	ip -n h4 route add fd77::/64 dev eth0 2>/dev/null
	signal 1 STOP
	printf 'addr %s %s/128 dev eth0\n' del ${vips[1]} add ${vips[1]} | ip -n h1 -batch - # before its lease ends
	signal 1 CONT
	wait_for 3 says 1 "${vips[1]} was not usable on eth0, put back" || { ip -n h4 addr del ${vips[1]}/128 dev eth0; fail "not seen"; return; }
	ip -n h4 addr del ${vips[1]}/128 dev eth0
	wait_for 3 owns 1 && usable 1 || { fail "still not usable"; return; }
	wait_for 5 answers ${vips[1]} || { fail "does not answer"; return; }
	pass "an IPv6 address in duplicate address detection was removed and put back without"
}

case_link() {
	local t took
	elect || { fail "no election"; return; }
	t=$(now)
	ip -n h0 link set port1 down
	wait_for 3 other_than 1 || { fail "not taken over"; return; }
	wait_for 2 says 1 'active -> initialize: link down' || { fail "reason"; return; }
	took=$(between $t "$(at $heir '-> active')")
	ip -n h0 link set port1 up
	said() { [ "$(grep -c -- "$2" "$dir/1")" = $1 ]; }
	wait_for 5 said 2 'initialize -> backup' || { fail "1 did not come back"; return; }
	sleep 0.6
	sole $heir || { fail "moved on return"; return; }
	ip -n h1 link del eth0
	wait_for 5 said 2 '-> initialize' || { fail "deletion not seen"; plug 1; return; }
	plug 1
	wait_for 5 said 3 'initialize -> backup' || { fail "1 is not back on its new interface"; return; }
	sleep 1
	signal $heir TERM; reap $heir
	wait_for 4 other_than $heir || { fail "no owner after the interface was made anew"; return; }
	wait_for 3 tells 1 'lease .* (active=[123]|ms=[0-9])' || { fail "1 hears nobody on its new interface"; return; }
	pass "carrier lost: taken over after $took ms, back as backup; interface made anew: a member again"
}

# The clock that counts a suspend jumps, as it does when a machine wakes up: as if it had been away for a minute.
case_suspended() {
	local library=${BUILD:-build/dev}/tests/clockshift.so
	[ -f "$library" ] || { fail "no $library"; return; }
	head -c 8 /dev/zero >"$dir/shift"
	export LD_PRELOAD=$(realpath "$library") TRIARCH_CLOCK_SHIFT=$dir/shift TRIARCH_CLOCK=boottime ASAN_OPTIONS=verify_asan_link_order=0
	start 1
	unset LD_PRELOAD ASAN_OPTIONS
	start 2; start 3
	for i in 2 3; do wait_for 5 says $i started && signal $i TTIN; done
	wait_for 5 says 1 'backup -> active' && wait_for 3 sole 1 || { fail "no election"; return; }
	for i in 2 3; do signal $i TTOU; done
	sleep 0.2
	python3 -c 'import struct; open("'"$dir"'/shift", "r+b").write(struct.pack("=q", 60 * 10**9))'
	wait_for 3 says 1 'notice the machine was suspended' && wait_for 3 says 1 'active -> backup' || { fail "not noticed"; return; }
	wait_for 3 other_than 1 || { fail "not taken over"; return; }
	wait_for 3 tells 1 "status backup .* active=10.77.0.$heir" || { fail "not a member again"; return; }
	pass "resumed from a suspend: removed the address at once, began anew; $heir has it $(between "$(seen 'del 1')" "$(at $heir '-> active')") ms later"
}

case_class() {
	elect || { fail "no election"; return; }
	signal 1 USR1
	wait_for 3 other_than 1 || { fail "failed and kept it"; return; }
	wait_for 2 says 1 'active -> backup: told to fail' || { fail "reason"; return; }
	local took first=$heir
	took=$(between "$(seen 'del 1')" "$(seen "add $heir")")
	signal 1 USR2
	sleep 1
	sole $first || { fail "moved back on recovery"; return; }
	signal $first TTIN
	wait_for 3 other_than $first || { fail "standby kept it"; return; }
	signal $first TTOU
	local second=$heir
	signal $second URG
	wait_for 3 other_than $second || { fail "did not give up"; return; }
	wait_for 2 says $second "active -> backup: told to give up" || { fail "reason"; return; }
	pass "class failed: moved in $took ms and stayed on recovery; standby and giving up move it too"
}

case_preempt_always() {
	mode=always
	start 2; start 3
	wait_for 5 other_than 1 || { fail "no election"; return; }
	sleep 0.3
	start 1
	wait_for 5 sole 1 || { fail "not preempted"; return; }
	pass "the preferred member returned: preempted $(between "$(at 1 started)" "$(at 1 '-> active')") ms after its start, gap $(between "$(seen 'del [23]')" "$(seen 'add 1')") ms"
}

case_witness() {
	allowed=2600
	start 1; start 2; start 3 --witness
	wait_for 5 other_than 3 || { fail "no election"; return; }
	local first=$heir
	signal $first KILL; reap $first
	wait_for 5 other_than $first || { fail "the witness's vote is missing"; return; }
	[ $heir != 3 ] || { fail "the witness owns it"; return; }
	signal $heir KILL; reap $heir
	wait_for 5 nobody || { fail "owned, with a witness alone"; return; }
	sleep 1
	nobody || { fail "the witness owns it"; return; }
	pass "a witness voted and never owned"
}

# One process, 20 groups over one transport; the last bytes of the addresses count up.
case_groups() {
	local t n
	elect --groups 20 || { fail "no election"; return; }
	all_on() { [ "$(ip -n h$1 -o -4 addr show dev eth0 | grep -c '/32')" = 20 ]; }
	wait_for 4 all_on 1 || { fail "1 has not all"; return; }
	t=$(now)
	signal 1 TERM; reap 1
	spread() { [ $(($(ip -n h2 -o -4 addr show dev eth0 | grep -c '/32') + $(ip -n h3 -o -4 addr show dev eth0 | grep -c '/32'))) = 20 ]; }
	wait_for 4 spread || { fail "not all were taken over"; return; }
	pass "20 groups: all moved within $(between $t "$(now)") ms of SIGTERM"
}

# A connection through the address, from a client on its owner to a service there, both with the address as their
# own: when it goes, nobody would ever tell them.
case_connections() {
	elect || { fail "no election"; return; }
	cat >"$dir/connections.py" <<-'END'
		import socket, sys, threading, time
		l = socket.create_server(("::", 6443), family=socket.AF_INET6, dualstack_ipv6=True)
		def serve():
		    while True: held.append(l.accept()[0])
		held, clients = [], []
		threading.Thread(target=serve, daemon=True).start()
		for a in sys.argv[1:]: clients.append(socket.create_connection((a, 6443), 2))
		print("connected", flush=True)
		start = time.monotonic()
		for c in clients:
		    c.settimeout(5)
		    try: c.recv(1); print("closed", flush=True)
		    except TimeoutError: print("hangs", flush=True)
		    except OSError as e: print("ended", e.errno, "%.1f" % ((time.monotonic() - start) * 1000), flush=True)
		socket.create_connection(("127.0.0.1", 6443), 2)
		print("listens", flush=True)
	END
	in_ns 1 python3 "$dir/connections.py" "${vips[@]}" >"$dir/connections" 2>&1 &
	local client=$!
	wait_for 10 grep -qs connected "$dir/connections" || { fail "no connection: $(cat "$dir/connections")"; return; }
	signal 1 URG
	wait_for 3 other_than 1 || { fail "did not give up"; return; }
	wait $client
	[ "$(grep -c '^ended' "$dir/connections")" = 2 ] && grep -q listens "$dir/connections" || { fail "$(cat "$dir/connections")"; return; }
	pass "both connections of the lost addresses ended ($(grep ended "$dir/connections" | cut -d' ' -f2 | sort -u | tr '\n' ' ')is ECONNABORTED), the service still listens"
}

# Accept_Mode false: neighbours find the address, packets to it are dropped, those to the host's own are not. A
# killed router leaves nothing that drops. With either transport; ip has one family per router.
forget_addresses() {
	local i v
	for i in 1 2 3; do for v in "${vips[@]}"; do ip -n h$i addr flush to $v dev eth0 2>/dev/null; done; done
}
elect_without_accept() { # TRANSPORT: 1 has them
	local set
	[ $1 = ip ] || { elect --no-accept; return; }
	for set in "${vips[@]}"; do
		ip netns exec h1 $realtime "$vrouter" --no-accept eth0 $set $vrid 250 100 health >>"$dir/1" 2>&1 &
		pid[1 $set]=$!
	done
	has_both() { ip -n h1 -o addr show dev eth0 | grep -q " ${vips[0]}/" && ip -n h1 -o addr show dev eth0 | grep -q " ${vips[1]}/"; }
	wait_for 5 has_both
}
case_no_accept() {
	local transport i
	allowed=2600
	undropped() { [ -z "$(in_ns 1 nft list ruleset)" ]; }
	for transport in sealed ip; do
		ip -n h4 neigh flush dev eth0
		elect_without_accept $transport || { fail "no election ($transport)"; return; }
		wait_for 5 answers 10.77.0.1 || { fail "the host's own address does not answer ($transport)"; return; }
		! answers_soon ${vips[0]} && ! answers_soon ${vips[1]} || { fail "packets to an address are accepted ($transport)"; return; }
		[ "$(ip -n h4 neigh show dev eth0 | grep -cE "^(${vips[0]}|${vips[1]}) lladdr")" = 2 ] || { fail "not found by a neighbour ($transport): $(ip -n h4 neigh)"; return; }
		for i in "${!pid[@]}"; do case $i in 1*) signal "$i" KILL; reap "$i" ;; esac; done
		wait_for 3 undropped || { fail "still dropped after kill -9 ($transport): $(in_ns 1 nft list ruleset)"; return; }
		stop_all
		forget_addresses
	done
	pass "sealed and ip: neighbours find both addresses, packets to them are dropped; nothing of it outlives the router"
}

# The RFC's machine over this transport, with IPv6 alone and with both families.
case_priority() {
	local set
	allowed= # by the RFC's machine
	for set in fd77::100 10.77.0.100,fd77::100; do
		start_priority() { ip netns exec h$1 $realtime "$vrouter" --id $1 eth0 $set $vrid ${priority[$1]} 100 health $members >>"$dir/$1" 2>&1 & pid[$1]=$!; }
		on() { ip -n h$1 -6 -o addr show dev eth0 | grep -q ' fd77::100/'; }
		start_priority 1
		wait_for 5 says 1 'initialize -> backup'
		start_priority 2; start_priority 3
		wait_for 5 says 2 'initialize -> backup' && wait_for 5 says 3 'initialize -> backup' && wait_for 5 on 1 || { fail "no election ($set)"; return; }
		sleep 0.5
		! on 2 && ! on 3 || { fail "more than one ($set)"; return; }
		signal 1 TERM; reap 1
		moved() { on 2 || on 3; }
		heard_it() { says 2 'gave up \(priority 0\)' || says 3 'gave up \(priority 0\)'; }
		wait_for 3 moved && wait_for 2 heard_it || { fail "not taken over ($set)"; return; }
		! grep 'notice advertisement' "$dir/2" "$dir/3" || { fail "complaints ($set)"; return; }
		stop_all
		rm -f "$dir"/[123]
	done
	pass "election by priority in sealed datagrams: IPv6 alone, both families"
}

# What is not sealed with the key, or not for us, moves nothing.
case_strangers() {
	elect || { fail "no election"; return; }
	in_ns 4 python3 - <<-'END'
		import os, socket, struct
		for to in ("10.77.0.1", "10.77.0.2", "10.77.0.3"):
		    for source in ("10.77.0.4",):
		        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		        s.bind((source, 7644))
		        for size in (0, 1, 16, 84, 200, 1400):
		            s.sendto(os.urandom(size), (to, 7644))
		# as if from a member: the source address is forged
		r = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
		for to in (1, 3):
		    body = b"TRV\1\x11\0\0\1" + os.urandom(100)
		    udp = struct.pack(">HHHH", 7644, 7644, 8 + len(body), 0) + body
		    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, 17, 0, socket.inet_aton("10.77.0.2"), socket.inet_aton("10.77.0.%d" % to))
		    for _ in range(100): r.sendto(ip + udp, ("10.77.0.%d" % to, 0))
	END
	sleep 0.5
	sole 1 && ! grep notice "$dir/1" | grep -v 'woke up' || { fail "moved, or noise"; return; }
	pass "unsealed datagrams from strangers and under a member's address: nothing moved"
}

all="election terminated killed power_loss cut minority frozen thawed_early guard repair dad link suspended class preempt_always witness
	groups connections no_accept priority strangers"
hosts="1 2 3 4"
trap remove_hosts EXIT
build_hosts 4 || { echo "FAILED  cannot build the test network"; exit 1; }
[ $# -gt 0 ] || set -- $all
for case; do
	mode=health allowed=2 two=
	observe ${vips[0]} 1 2 3 || { echo "FAILED  no observer: $(cat "$dir/observer")"; exit 1; }
	"case_$case"
	two_at_once
	[ -z "$allowed" ] || below "$two" $allowed || fail "two had the address for ${two:-?} ms"
	stop_all
	ip -n h0 link set port1 master br0 up
	forget_addresses
	rm -f "$dir"/[123] "$dir/observer"
done
exit $failed
