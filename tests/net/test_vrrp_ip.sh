#!/bin/bash
# The virtual router over protocol 112 between network namespaces: three routers and a client on one
# bridge. Every case prints what it measured. Interval 100 ms, priorities 250, 230, 210.
#
# usage: test_vrrp_ip.sh [CASE...]
set -u
[ "$(id -u)" = 0 ] || { echo "skipped: needs root"; exit 77; }
. "$(dirname "$0")/hosts.sh"
needs keepalived python3 tcpdump
triarch=${TRIARCH:-build/dev/triarch}
[ -x "$vrouter" ] && [ -x "$triarch" ] || { echo "no $vrouter or $triarch: build first"; exit 1; }
own_namespaces "$@"
trap remove_hosts EXIT
build_hosts 4 || { echo "FAILED  cannot build the test network"; exit 1; } # 4 is the client

vip=10.77.0.100 vrid=77
failed=0

stop_all() {
	local i
	for i in "${!pid[@]}"; do
		kill -CONT "${pid[$i]}" 2>/dev/null
		kill "${pid[$i]}" 2>/dev/null
	done
	for i in "${!pid[@]}"; do wait "${pid[$i]}" 2>/dev/null; done
	pid=()
}

priority=([1]=250 [2]=230 [3]=210)
options=() addresses=$vip
start() { # I [MODE [MEMBER...]]
	local i=$1 mode=${2:-health}
	shift; [ $# -gt 0 ] && shift
	ip netns exec h$i $realtime "$vrouter" "${options[@]}" eth0 $addresses $vrid ${priority[$i]} 100 $mode "$@" >"$dir/$i" 2>&1 &
	pid[$i]=$!
}
signal() { kill -"$2" "${pid[$1]}"; } # I NAME
tells() { signal $1 HUP; sleep 0.05; says $1 "$2"; } # I PATTERN: its counters, asked for
again() { [ "$(grep -Ec -- "$2" "$dir/$1")" -ge 2 ]; } # I PATTERN: it has said so a second time
reap() {
	local process=${pid[$1]}
	unset "pid[$1]"
	wait $process 2>/dev/null
}

at() { grep -m1 -E -- "$2" "$dir/$1" | cut -d' ' -f1; }                 # I PATTERN: time of its first line
last_at() { grep -E -- "$2" "$dir/$1" | tail -n1 | cut -d' ' -f1; }
has_vip() { in_ns $1 ip -o -4 addr show dev eth0 2>/dev/null | grep -q " $vip/"; }
owners() { local i; for i in 1 2 3; do has_vip $i && printf '%s ' $i; done; }
not() { ! "$@"; }
sole_owner() { [ "$(owners)" = "$1 " ]; }
taken_over() { # sets heir: on a busy machine the third may be quicker, their skews are 8 ms apart
	heir=$(owners)
	heir=${heir% }
	[ "$heir" = 2 ] || [ "$heir" = 3 ]
}
pass() { printf 'ok      %-26s %s\n' "$case" "$*"; }
fail() {
	printf 'FAILED  %-26s %s\n' "$case" "$*"
	for i in "${!pid[@]}" ; do [ -f "$dir/$i" ] && sed "s/^/        $i: /" "$dir/$i"; done
	failed=1
	return 1
}

# The client's view: an echo request every 2 ms with its neighbour cache kept; the longest time without an
# answer, in ms.
cat >"$dir/echo.py" <<-'END'
	import select, signal, socket, struct, sys, time
	s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
	s.connect((sys.argv[1], 0))
	stop, seq, last, longest, answers = [], 0, None, 0, 0
	signal.signal(signal.SIGINT, lambda *a: stop.append(1))
	while not stop:
	    seq = (seq + 1) & 0xffff
	    body = struct.pack(">BBHHH", 8, 0, 0, 0x7777, seq)
	    total = sum(struct.unpack(">4H", body))
	    total = (total >> 16) + (total & 0xffff)
	    try: s.send(struct.pack(">BBHHH", 8, 0, ~(total + (total >> 16)) & 0xffff, 0x7777, seq))
	    except OSError: pass
	    end = time.monotonic() + 0.002
	    while (left := end - time.monotonic()) > 0:
	        if not select.select([s], [], [], left)[0]: break
	        if s.recv(100)[20] != 0: continue
	        now = time.monotonic()
	        if last: longest = max(longest, now - last)
	        last, answers = now, answers + 1
	        if answers == 20: print("answering", flush=True)
	print("%.1f" % (longest * 1000) if answers >= 20 else "none")
END
watch_begin() {
	rm -f "$dir/echo"
	ip netns exec h4 python3 "$dir/echo.py" $vip >"$dir/echo" 2>&1 &
	watcher=$!
	wait_for 10 grep -qs answering "$dir/echo" || { kill $watcher; fail "the address does not answer: $(cat "$dir/echo")"; }
}
watch_end() { # sets gap
	kill -INT $watcher
	wait $watcher
	gap=$(tail -n 1 "$dir/echo")
}

elect_three() { # 1, which has a start over the others: their skews are only 8 ms apart
	start 1
	wait_for 3 says 1 'initialize -> backup' || return
	start 2; start 3
	wait_for 5 says 1 'backup -> active' && wait_for 5 says 2 'initialize -> backup' && wait_for 5 says 3 'initialize -> backup' &&
		wait_for 5 sole_owner 1
}

case_election() {
	start 3 always; start 2 always; start 1 always
	wait_for 5 says 1 'backup -> active' && wait_for 2 sole_owner 1 || { fail "wanted the owner 1, have: $(owners)"; return; }
	sleep 0.3
	wait_for 3 tells 2 'status backup .* active=10.77.0.1 .* bad_source=0 bad_checksum=0' || { fail "status of 2"; return; }
	pass "the highest of three is active $(between "$(at 1 started)" "$(at 1 '-> active')") ms after start"
}

case_killed() {
	local killed
	observe $vip 1 2 3 || { fail "no observer"; return; }
	elect_three || { fail "no election"; return; }
	watch_begin || return
	killed=$(now)
	signal 1 KILL; reap 1
	wait_for 5 taken_over || { fail "wanted one other owner, have: $(owners)"; return; }
	local gone gap
	gone=$(seen 'del 1' $killed)
	watch_end
	pass "kill -9: $heir active after $(between $killed "$(at $heir '-> active')") ms, client gap $gap ms (its kernel answers on)," \
		"address left the killed one after $(between $killed $gone) ms"
	below "$(between $killed $gone)" 2600 || fail "later than 2.6 s"
}

case_return() {
	start 2
	wait_for 5 says 2 '-> active' || { fail "no election"; return; }
	start 3
	ip -n h1 addr add $vip/24 dev eth0 # left over by something
	start 1
	wait_for 5 says 1 'removed a stale address' || { fail "stale address not noticed"; return; }
	wait_for 2 sole_owner 2 || { fail "stale address not removed: $(owners)"; return; }
	sleep 1
	sole_owner 2 && ! says 1 '-> active' || { fail "the returning router moved the address: $(owners)"; return; }
	pass "stale address removed before the start; the higher one returned, nothing moved"
}

case_terminated() {
	local trial gap gaps=() takeover=()
	for trial in 1 2 3 4 5; do
		elect_three || { fail "no election"; return; }
		watch_begin || return
		signal 1 TERM; reap 1 || { fail "exit status $?"; return; }
		wait_for 3 taken_over || { fail "not taken over: $(owners)"; return; }
		sleep 0.1
		takeover+=("$(between "$(at 1 'state active -> init')" "$(at $heir '-> active')")")
		watch_end
		gaps+=("$gap")
		says $heir 'gave up \(priority 0\)' || { fail "no priority 0 was heard"; return; }
		stop_all
	done
	gap=$(printf '%s\n' "${gaps[@]}" | sort -n | sed -n 3p)
	pass "SIGTERM: client gap ${gaps[*]} ms, median $gap; takeover ${takeover[*]} ms"
	below "$gap" 80 || fail "median above 80 ms"
}

case_repair() {
	elect_three || { fail "no election"; return; }
	local t
	t=$(now)
	ip -n h1 addr del $vip/32 dev eth0
	wait_for 3 says 1 'gone from eth0, put back' && wait_for 3 has_vip 1 || { fail "not put back"; return; }
	ip -n h2 addr add $vip/24 dev eth0
	wait_for 3 says 2 'put on eth0 by somebody else with /24' && wait_for 3 sole_owner 1 || { fail "foreign copy stays: $(owners)"; return; }
	pass "deleted by hand: back after $(between $t "$(at 1 'put back')") ms; a copy on a backup was removed"
}

case_link() {
	elect_three || { fail "no election"; return; }
	local t
	t=$(now)
	ip -n h0 link set port1 down
	wait_for 3 taken_over || { fail "not taken over: $(owners)"; return; }
	wait_for 2 says 1 'active -> initialize: link down' || { fail "1 did not resign"; return; }
	local left
	left=$(between $t "$(at 1 'link down')")
	ip -n h0 link set port1 up
	wait_for 3 again 1 'initialize -> backup' || { fail "1 did not come back"; return; }
	sleep 0.6
	sole_owner $heir || { fail "moved on return: $(owners)"; return; }
	pass "carrier lost: resigned after $left ms, $heir active after $(between $t "$(at $heir '-> active')") ms; back as backup"
}

case_interface_replaced() {
	elect_three || { fail "no election"; return; }
	ip -n h1 link del eth0
	wait_for 3 says 1 'active -> initialize: (the interface is gone|link down)' && wait_for 3 taken_over ||
		{ fail "not taken over"; return; }
	plug 1
	ip -n h4 neigh flush dev eth0 # it knew the old one
	wait_for 3 again 1 'initialize -> backup' || { fail "1 did not come back on the new interface"; return; }
	signal 2 TERM; signal 3 TERM; reap 2; reap 3
	wait_for 3 sole_owner 1 || { fail "1 cannot take over on the new interface"; return; }
	pass "interface deleted and made again: taken over, back as backup, active again on the new one"
}

case_frozen() {
	local t gone thawed
	observe $vip 1 2 3 || { fail "no observer"; return; }
	elect_three || { fail "no election"; return; }
	t=$(now)
	signal 1 STOP
	wait_for 5 taken_over || { fail "wanted one other owner, have: $(owners)"; return; }
	gone=$(seen 'del 1' $t)
	thawed=$(now)
	signal 1 CONT
	wait_for 3 says 1 'active -> backup: woke up late' || { fail "did not yield"; return; }
	sleep 0.5
	! last_seen 'add 1' $thawed && sole_owner $heir || { fail "had the address after thawing: $(cat "$dir/observer")"; return; }
	pass "SIGSTOP: $heir active after $(between $t "$(at $heir '-> active')") ms, address expired after $(between $t $gone) ms;" \
		"thawed: yielded without it"
	below "$(between $t $gone)" 2600 || fail "later than 2.6 s"
}

case_give_up() {
	elect_three || { fail "no election"; return; }
	watch_begin || return
	signal 1 USR1
	wait_for 3 taken_over || { fail "not given up: $(owners)"; return; }
	wait_for 2 says 1 'active -> backup: told to fail' || { fail "reason"; return; }
	local gap takeover
	takeover=$(between "$(at 1 'told to fail')" "$(at $heir '-> active')")
	signal 1 USR2
	sleep 0.6
	sole_owner $heir || { fail "moved back on recovery: $(owners)"; return; }
	watch_end
	pass "class failed: $heir active after $takeover ms, client gap $gap ms; healthy again, nothing moved"
}

case_preempt_always() {
	start 2 always
	wait_for 5 says 2 '-> active' || { fail "no election"; return; }
	start 1 always
	wait_for 5 sole_owner 1 || { fail "not preempted"; return; }
	wait_for 2 says 1 'active router has a lower priority' && wait_for 2 says 2 'heard a higher priority' || { fail "reasons"; return; }
	pass "preempted $(between "$(at 1 started)" "$(at 1 '-> active')") ms after start"
}

case_split() {
	elect_three || { fail "no election"; return; }
	ip -n h0 link set port1 nomaster # carrier stays: nobody can know
	second_owner() { heir=$(owners); heir=${heir#1 }; heir=${heir% }; [ "$heir" = 2 ] || [ "$heir" = 3 ]; }
	wait_for 3 second_owner || { fail "no second active"; return; }
	local t
	t=$(now)
	ip -n h0 link set port1 master br0
	wait_for 3 sole_owner 1 || { fail "not settled: $(owners)"; return; }
	pass "two halves joined: one active after $(between $t "$(at $heir 'active -> backup')") ms"
}

case_foreign_owner() {
	elect_three || { fail "no election"; return; }
	sleep 1.4 # the first announcements are over
	in_ns 4 python3 - $vip <<-'END'
		import socket, sys
		s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
		s.bind(("eth0", 0x0806))
		mac, ip = b"\2\0\0\0\0\x66", socket.inet_aton(sys.argv[1])
		s.send(b"\xff" * 6 + mac + bytes.fromhex("08060001080006040001") + mac + ip + b"\xff" * 6 + ip)
	END
	wait_for 3 says 1 'notice 02:00:00:00:00:66 claims the virtual address' || { fail "not noticed"; return; }
	wait_for 3 tells 1 'garp=([6-9]|10) .*conflicts=1' || { fail "not announced again"; return; }
	pass "foreign gratuitous ARP noticed, announced again"
}

case_strangers() {
	elect_three || { fail "no election"; return; }
	in_ns 4 python3 - <<-'END'
		import socket, struct
		def send(message, ttl=255, to="224.0.0.18"):
		    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112)
		    s.setsockopt(0, socket.IP_MULTICAST_TTL, ttl)
		    s.setsockopt(0, socket.IP_TTL, ttl)
		    s.setsockopt(0, socket.IP_MULTICAST_IF, socket.inet_aton("10.77.0.4"))
		    s.sendto(message, (to, 0))
		def fix(b):
		    t = sum(struct.unpack(">6H", b))
		    while t >> 16: t = (t >> 16) + (t & 0xffff)
		    return b[:6] + struct.pack(">H", ~t & 0xffff) + b[8:]
		good = fix(bytes([0x31, 77, 254, 1, 0, 10, 0, 0, 10, 77, 0, 100]))
		send(good[:6] + b"\0\0" + good[8:])   # checksum
		send(good, ttl=64)                    # from beyond a router
		send(good, to="10.77.0.1")            # unicast to a multicast router
		send(good[:10])                       # cut
		send(fix(bytes([0x31, 78, 254, 1, 0, 10, 0, 0, 10, 77, 0, 100])))  # another VRID
		send(fix(bytes([0x21, 77, 254, 1, 0, 1, 0, 0, 10, 77, 0, 100])))   # version 2
	END
	for t in 'checksum is wrong' 'TTL or hop limit is not 255' 'sent to us alone' 'length does not fit' 'version is not ours'; do
		wait_for 3 says 1 "notice advertisement from 10.77.0.4 dropped: $t" || { fail "not noticed: $t"; return; }
	done
	[ "$(grep notice "$dir/1" | grep -vc 'woke up')" = 5 ] && sole_owner 1 || { fail "more notices, or moved"; return; }
	pass "five malformed advertisements of priority 254 dropped, each with one notice; another VRID is ignored"
}

case_unicast() {
	local members="10.77.0.1 10.77.0.2"
	ip netns exec h4 tcpdump -ni eth0 -c 1 'ip proto 112 and dst 224.0.0.18' >"$dir/multicast" 2>&1 &
	local tcpdump=$!
	wait_for 10 grep -q 'listening on' "$dir/multicast" || { fail "tcpdump: $(cat "$dir/multicast")"; return; }
	start 1 health $members
	wait_for 3 says 1 'initialize -> backup'
	start 2 health $members
	wait_for 5 says 1 '-> active' && wait_for 3 sole_owner 1 || { fail "no election: $(owners)"; return; }
	wait_for 3 tells 2 'status backup .* active=10.77.0.1 ' || { fail "2 does not hear 1"; return; }
	priority[3]=254
	start 3 always $members # not listed by the others, wants to preempt
	wait_for 5 says 3 '-> active' || { fail "3"; return; }
	sleep 0.5
	says 1 'dropped: the sender is no listed member' && has_vip 1 || { fail "an unlisted sender was heard"; return; }
	signal 3 TERM; reap 3
	priority[3]=210
	signal 1 TERM; reap 1
	wait_for 3 sole_owner 2 || { fail "no takeover"; return; }
	kill $tcpdump 2>/dev/null; wait $tcpdump 2>/dev/null
	grep -q '^0 packets captured' "$dir/multicast" || { fail "multicast was sent: $(cat "$dir/multicast")"; return; }
	pass "unicast: elected, unlisted sender dropped, takeover $(between "$(at 1 '-> initialize: stopped')" "$(at 2 '-> active')") ms, no multicast"
}

case_rights() {
	local router=$dir/vrouter # where anybody may read it
	cp "$vrouter" "$router"
	ip netns exec h1 setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all,+net_admin,+net_raw \
		--ambient-caps=-all,+net_admin,+net_raw --bounding-set=-all,+net_admin,+net_raw \
		"$router" eth0 $vip $vrid 250 100 health >"$dir/1" 2>&1 &
	pid[1]=$!
	wait_for 5 says 1 '-> active' && has_vip 1 || { fail "not active"; return; }
	in_ns 2 timeout 10 setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all \
		"$router" eth0 $vip $vrid 250 100 health >"$dir/2" 2>&1 && { fail "started without rights"; return; }
	grep -q 'Operation not permitted' "$dir/2" || { fail "no reason: $(cat "$dir/2")"; return; }
	pass "as nobody with CAP_NET_ADMIN and CAP_NET_RAW: active; without them: $(cat "$dir/2")"
}

case_refused() {
	start 1 always
	wait_for 3 says 1 'initialize -> backup'
	signal 1 PWR
	start 2 always
	wait_for 3 says 1 'active -> backup: the kernel refused the address: Operation not permitted' || { fail "1 did not give up"; return; }
	wait_for 3 sole_owner 2 || { fail "2 cannot take it: $(owners)"; return; }
	sleep 1.5
	sole_owner 2 && [ "$(grep -c -- '-> active' "$dir/1")" = 1 ] || { fail "1 keeps trying"; return; }
	pass "without CAP_NET_ADMIN: gave up at once when the kernel refused the address, 2 active, 1 stands back"
}

case_preflight() {
	local before free used taken
	before=$(in_ns 4 "$vrouter" --probe eth0 $vip 300 | cut -d' ' -f2-)
	free=$(in_ns 4 "$vrouter" --listen eth0 $vrid 400 | cut -d' ' -f2-)
	elect_three || { fail "no election"; return; }
	taken=$(in_ns 4 "$vrouter" --probe eth0 $vip 300)
	used=$(in_ns 4 "$vrouter" --listen eth0 $vrid 400 | cut -d' ' -f2-)
	[ "$before" = nobody ] && [ "$free" = nobody ] && [ "$used" = "used by 10.77.0.1" ] &&
		[ "${taken#* owner }" = "$(in_ns 1 cat /sys/class/net/eth0/address)" ] ||
		{ fail "before: $before, $free; with a router: $taken, $used"; return; }
	in_ns 3 "$vrouter" --flush $vip eth0 | grep -q 'removed 0' && signal 1 KILL && ! reap 1 &&
		in_ns 1 "$vrouter" --flush $vip | grep -q 'removed 1' || { fail "flush"; return; }
	pass "ARP probe and VRID: nobody, then ${taken#* } and $used; flush of a killed one removed 1"
}

keepalived_config() { # PRIORITY [UNICAST-PEER]
	printf 'global_defs {\n vrrp_version 3\n}\nvrrp_instance test {\n interface eth0\n state BACKUP\n'
	printf ' virtual_router_id %s\n priority %s\n advert_int 0.1\n' $vrid $1
	[ $# -lt 2 ] || printf ' unicast_src_ip 10.77.0.2\n unicast_peer {\n  %s\n }\n' $2
	printf ' virtual_ipaddress {\n  %s/32 dev eth0\n }\n}\n' $vip
}
start_keepalived() { # PRIORITY [UNICAST-PEER]
	keepalived_config "$@" >"$dir/keepalived.conf"
	ip netns exec h2 keepalived -nlPD -f "$dir/keepalived.conf" -p "$dir/ka.pid" -r "$dir/ka-vrrp.pid" >"$dir/2" 2>&1 &
	pid[2]=$!
}
interop() { # WORD [MEMBER...]: arguments for the router; keepalived's peer
	local word=$1 t
	shift
	start_keepalived 200 ${1:+10.77.0.1}
	wait_for 10 has_vip 2 || { fail "keepalived did not become master"; return; }
	priority[1]=100
	start 1 always "$@"
	wait_for 5 says 1 'initialize -> backup'
	sleep 1
	sole_owner 2 && ! says 1 '-> active' || { fail "the lower router is active beside keepalived"; return; }
	t=$(now)
	signal 2 TERM; reap 2
	wait_for 3 sole_owner 1 && wait_for 2 says 1 'gave up \(priority 0\)' || { fail "no takeover from keepalived"; return; }
	local first
	first=$(between $t "$(at 1 '-> active')")
	start_keepalived 200 ${1:+10.77.0.1}
	wait_for 10 sole_owner 2 && wait_for 3 says 1 'active -> backup: heard a higher priority' || { fail "did not yield to keepalived"; return; }
	signal 1 TERM; reap 1
	priority[1]=250
	start 1 always "$@"
	wait_for 5 sole_owner 1 || { fail "keepalived did not yield: $(owners)"; return; }
	signal 1 TERM; reap 1
	wait_for 5 sole_owner 2 || { fail "keepalived did not take over: $(owners)"; return; }
	! grep -iE 'invalid|bogus|mismatch|checksum|unexpected' "$dir/2" || { fail "keepalived complains"; return; }
	! says 1 'notice advertisement' || { fail "the router complains: $(grep notice "$dir/1")"; return; }
	pass "$(keepalived --version 2>&1 | head -n1 | cut -d' ' -f1,2), $word: took over from it $first ms after its SIGTERM," \
		"yielded to it, preempted it, and it took over from us; no complaint on either side"
}
case_keepalived_multicast() { interop multicast; }
case_keepalived_unicast() { interop unicast 10.77.0.2; }

# Several addresses of a group, put right one by one.
case_addresses() {
	addresses=$vip,10.77.0.101,10.88.0.1
	elect_three || { fail "no election"; return; }
	count() { [ "$(ip -n h$1 -o -4 addr show dev eth0 | grep -cE ' (10.77.0.10[01]|10.88.0.1)/32')" = $2 ]; }
	wait_for 2 count 1 3 || { fail "1 has not all three"; return; }
	ip -n h1 addr del 10.77.0.101/32 dev eth0
	wait_for 3 count 1 3 && wait_for 3 says 1 'virtual address 10.77.0.101 was gone from eth0, put back' || { fail "not put back"; return; }
	signal 1 TERM; reap 1
	wait_for 3 taken_over && wait_for 3 count $heir 3 && count 1 0 || { fail "not all moved"; return; }
	! says 2 'other addresses' && ! says 3 'other addresses' || { fail "complaint about the list"; return; }
	pass "three addresses in one advertisement moved together; the one deleted by hand was put back"
}

refused() { in_ns 4 timeout 5 bash -c "exec 3<>/dev/tcp/$1/1" 2>&1 | grep -q refused; } # ADDRESS: it answers, though nothing listens there
case_ipv6() {
	local i
	for i in 1 2 3 4; do ip -n h$i addr add fe80::77:$i/64 dev eth0 nodad; done
	addresses=fe80::77:100,fd77::100
	owns6() { [ "$(ip -n h$1 -6 -o addr show dev eth0 | grep -cE ' (fe80::77:100|fd77::100)/128')" = 2 ]; }
	start 1; wait_for 3 says 1 'initialize -> backup'
	start 2; start 3
	wait_for 5 owns6 1 || { fail "no owner"; return; }
	wait_for 5 refused fd77::100 || { fail "does not answer"; return; }
	ip -n h1 -6 -o addr show dev eth0 | grep fd77::100 | grep -q deprecated || { fail "may be chosen as a source"; return; }
	local t
	t=$(now)
	signal 1 KILL; reap 1
	gone6() { ! owns6 1 && { owns6 2 || owns6 3; }; }
	wait_for 6 gone6 || { fail "not taken over, or kept"; return; }
	local expired
	expired=$(between $t "$(now)")
	heir=2; owns6 2 || heir=3
	! grep -q 'notice advert' "$dir/$heir" || { fail "complaints"; return; }
	pass "link-local and global address: taken over $(between $t "$(at $heir '-> active')") ms after kill -9, the dead one's expired after $expired ms"
	below $expired 4500 || fail "later than 4.5 s"
	for i in 1 2 3 4; do ip -n h$i addr del fe80::77:$i/64 dev eth0; done
}

# The virtual MAC: neighbours keep what they know when the address moves.
case_virtual_mac() {
	options=(--vmac)
	on_vmac() { ip -n h$1 -o -4 addr show dev vmac4-$vrid-"$(in_ns $1 cat /sys/class/net/eth0/ifindex)" 2>/dev/null | grep -q " $vip/"; }
	mac_known() { ip -n h4 neigh show $vip dev eth0 | grep -q 00:00:5e:00:01:4d; }
	start 1; wait_for 3 says 1 'initialize -> backup'
	start 2
	wait_for 3 on_vmac 1 || { fail "no owner"; return; }
	wait_for 5 refused $vip && wait_for 2 mac_known || { fail "not answered by the virtual MAC"; return; }
	wait_for 5 says 2 'initialize -> backup'
	sleep 0.5
	! says 2 '-> active' || { fail "two active"; return; }
	signal 1 TERM; reap 1
	wait_for 3 on_vmac 2 && ! on_vmac 1 || { fail "not taken over"; return; }
	wait_for 5 refused $vip && mac_known || { fail "not answered"; return; }
	signal 2 TERM; reap 2
	[ -z "$(ip -n h1 -o link show type macvlan)$(ip -n h2 -o link show type macvlan)" ] || { fail "left over"; return; }
	pass "answered by 00:00:5e:00:01:4d before and after the move; nothing is left of it"
}

# A network manager changes the primary address under an active router.
case_primary_changed() {
	elect_three || { fail "no election"; return; }
	ip -n h1 addr add 10.77.0.11/24 dev eth0
	in_ns 1 sh -c 'echo 1 >/proc/sys/net/ipv4/conf/eth0/promote_secondaries'
	ip -n h1 addr del 10.77.0.1/24 dev eth0
	wait_for 3 says 1 'the primary address of eth0 is 10.77.0.11 now' || { fail "not seen"; return; }
	sleep 0.6
	wait_for 3 tells 2 'status backup .* active=10.77.0.11 ' && sole_owner 1 && [ "$(grep -c state "$dir/1")" = 2 ] || { fail "moved"; return; }
	ip -n h1 addr del 10.77.0.11/24 dev eth0
	wait_for 3 says 1 'active -> initialize: the interface has no primary address' && wait_for 3 taken_over || { fail "kept without an address of its own"; return; }
	ip -n h1 addr add 10.77.0.1/24 dev eth0
	wait_for 3 again 1 'initialize -> backup' || { fail "not back"; return; }
	pass "the next primary address was spoken from, nothing moved; without any it was given up; back as backup"
}

# As many groups as VRIDs on one interface.
case_groups() {
	options=(--groups 255) vrid=1 addresses=10.99.0.1
	all_on() { [ "$(ip -n h$1 -o -4 addr show dev eth0 | grep -c '10.99.*/32')" = 255 ]; }
	spread() { [ $(($(ip -n h2 -o -4 addr show dev eth0 | grep -c '10.99.*/32') + $(ip -n h3 -o -4 addr show dev eth0 | grep -c '10.99.*/32'))) = 255 ]; }
	start 1
	wait_for 10 all_on 1 || { fail "1 has not all"; return; }
	start 2; start 3
	all_backup() { [ "$(grep -c 'initialize -> backup' "$dir/$1")" = 255 ]; }
	wait_for 10 all_backup 2 && wait_for 10 all_backup 3 || { fail "2 and 3 do not start"; return; }
	sleep 1
	all_on 1 || { fail "some moved"; return; }
	signal 1 TERM; reap 1
	wait_for 4 spread || { fail "not all were taken over"; return; }
	local first last
	first=$(grep -hE 'backup -> active' "$dir"/[23] | cut -d' ' -f1 | sort -n | head -n1)
	last=$(grep -hE 'backup -> active' "$dir"/[23] | cut -d' ' -f1 | sort -n | tail -n1)
	pass "255 groups in one process: all moved, the last $(between $first $last) ms after the first"
}

agent_config() { # I UNICAST
	cat <<-END
		apiVersion: triarch.dev/v1alpha1
		kind: AgentConfiguration
		nodeName: n$1
		vip:
		  address: $vip/24
		  interface: eth0
		  virtualRouterID: $vrid
		  transport: ip
		  election: priority
		  unicast: $2
		  members:
		  - { name: n1, address: 10.77.0.1 }
		  - { name: n2, address: 10.77.0.2 }
		  - { name: n3, address: 10.77.0.3 }
		socket: $dir/agent$1.sock
	END
}
start_agent() { # I UNICAST
	agent_config "$@" >"$dir/agent$1.yaml"
	ip netns exec h$1 "$triarch" agent --config "$dir/agent$1.yaml" >"$dir/$1" 2>&1 &
	pid[$1]=$!
}
agents() { # UNICAST: 5 times one agent of three is ended, the client watches
	local trial i gaps=()
	for trial in 1 2 3 4 5; do
		start_agent 1 $1
		wait_for 10 has_vip 1 || { fail "the first agent did not become active"; return; }
		start_agent 2 $1; start_agent 3 $1
		sleep 1
		sole_owner 1 || { fail "owners: $(owners)"; return; }
		watch_begin || return
		signal 1 TERM; reap 1 || { fail "exit status $?"; return; }
		wait_for 3 taken_over || { fail "not taken over: $(owners)"; return; }
		sleep 0.1
		watch_end
		gaps+=("$gap")
		stop_all
		[ -z "$(owners)" ] || { fail "an ended agent left the address: $(owners)"; return; }
	done
	gap=$(printf '%s\n' "${gaps[@]}" | sort -n | sed -n 3p)
	pass "three agents from a file alone, SIGTERM: client gap ${gaps[*]} ms, median $gap"
	below "$gap" 80 || fail "median above 80 ms"
}
case_agent_multicast() { agents false; }
case_agent_unicast() { agents true; }

all="election killed return terminated repair addresses ipv6 virtual_mac primary_changed groups link interface_replaced
	frozen give_up preempt_always split foreign_owner strangers unicast rights refused preflight keepalived_multicast keepalived_unicast
	agent_multicast agent_unicast"
[ $# -gt 0 ] || set -- $all
for case; do
	"case_$case"
	stop_all
	[ -z "${observer:-}" ] || { observed; observer=; }
	options=() addresses=$vip vrid=77
	priority=([1]=250 [2]=230 [3]=210)
	ip -n h0 link set port1 master br0 up
	for i in 1 2 3; do ip -n h$i addr del $vip/32 dev eth0 2>/dev/null; done
	rm -f "$dir"/[0-9]*
done
exit $failed
