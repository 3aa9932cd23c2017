#!/bin/bash
# Virtual routers of three makers in one group: triarch, keepalived and FRR's vrrpd. Versions 2 and 3, IPv4 and IPv6 (FRR's
# version 2 has no IPv6, nor has the RFC's), each side as active and as backup; stop, crash, return. Two addresses
# a group. Every case is one line with what was measured (ms; version 2 counts in seconds). Cases run side by side,
# each between namespaces of its own.
#
# usage: test_interop.sh [CASE...]    JOBS (4), KEEP=1: keep the logs
set -u
[ "$(id -u)" = 0 ] || { echo "skipped: needs root"; exit 77; }
command -v keepalived >/dev/null && [ -x /usr/lib/frr/vrrpd ] || { echo "skipped: needs keepalived and frr"; exit 77; }
here=$(dirname "$0")
. "$here/hosts.sh"
[ -x "$vrouter" ] || { echo "no $vrouter: build first"; exit 1; }
all="keepalived_v3_ipv4 keepalived_v3_ipv6 keepalived_v2_ipv4 keepalived_v3_ipv4_unicast keepalived_v3_ipv6_unicast
	keepalived_v2_ipv4_unicast frr_v3_ipv4 frr_v3_ipv6 frr_v2_ipv4 three_v3_ipv4 three_v3_ipv6 three_v2_ipv4
	middle_v3_ipv4 vmac_v3_ipv4 vmac_v3_ipv6 sums_v3_ipv4 flap_v3_ipv4 flap_v3_ipv6"

if [ "${1:-}" != --one ]; then
	[ $# -gt 0 ] || set -- $all
	printf '%s\n' "$@" | xargs -P "${JOBS:-4}" -I{} "$0" --one {}
	exit
fi

own_namespaces "$@"
case=$2 took=()
vrid=77 version=${case#*_v} family=${case#*ipv}
version=${version%%_*} family=${family%%_*}
if [ $family = 6 ]; then vips=(fe80::77:1 fd77::77:1); else vips=(10.77.0.100 10.77.0.101); fi
declare -A peers=()
trap remove_hosts EXIT

pass() { printf 'ok      %-28s %s\n' "$case" "$*"; exit 0; }
fail() {
	printf 'FAILED  %-28s %s; owners: %s\n' "$case" "$*" "$(owners)"
	for i in $hosts; do [ -f "$dir/$i" ] && tail -n 25 "$dir/$i" | sed "s/^/        $i ${kind[$i]:-}: /"; done
	exit 1
}
silence() { sleep "$([ $version = 2 ] && echo 4.5 || echo 1.2)"; } # longer than any backup waits
is_backup() { wait_for 5 says $1 'initialize -> backup' || fail "$1 does not start"; silence; } # I: has heard what there is to hear
becomes() { # I WORD PATTERN...: the only owner; what our routers must have said of it
	local t
	t=$(now)
	wait_for 12 sole $1 || fail "$2: $1 (${kind[$1]}) is not the only owner"
	[ ${kind[$1]} != frr ] || in_ns 4 "$vrouter" --listen eth0 $vrid 5000 $([ $family = 6 ] && echo 6) | grep -q used ||
		fail "$2: FRR owns and says nothing" # its macvlan has no carrier at first
	took+=("$2 $(since $t)")
}
mine_says() { wait_for 5 says 1 "$1" || fail "1 did not say: $1"; }
# Whoever is stricter than the other would complain; what a flapping port does to a send is not meant.
nobody_complains() {
	local i
	for i in $hosts; do
		[ -f "$dir/$i" ] || continue
		case ${kind[$i]} in
		triarch) ! grep -E 'notice advertisement|notice .* advertises' "$dir/$i" ;;
		*) ! grep -v 'lower priority' "$dir/$i" | grep -iE 'invalid|bogus|mismatch|checksum|unexpected|incorrect|discard' ;;
		esac || fail "$i complains"
	done
}

# Ours on 1, the other on 2.
pair() { # MAKER
	kind[2]=$1
	start 2 200 || fail "$1 does not start"
	becomes 2 elected
	start_triarch 1 100
	is_backup 1
	sole 2 && ! says 1 '-> active' || fail "the lower one is active beside $1"
	stop 2
	becomes 1 "stop"
	mine_says 'the active router gave up \(priority 0\)'
	start 2 200
	becomes 2 "return"
	mine_says 'active -> backup: heard a higher priority'
	crash 2
	becomes 1 "crash"
	mine_says 'no advertisement from an active router'
	stop 1
	reconnect 2
	start 2 100
	becomes 2 again
	start_triarch 1 250
	becomes 1 "preempts"
	mine_says 'the active router has a lower priority'
	stop 1
	becomes 2 "ours: stop"
	start_triarch 1 250
	becomes 1 "return"
	crash 1
	becomes 2 "crash"
	nobody_complains
	pass "${took[*]}"
}

# 1 ours, 2 keepalived, 3 FRR, with these priorities; the others start first.
group() { # PRIORITY PRIORITY PRIORITY: the order of owners follows from them
	local i order
	order=$(for i in 1 2 3; do echo "${!i} $i"; done | sort -rn | cut -d' ' -f2)
	set -- $order "$@"
	kind=([1]=triarch [2]=keepalived [3]=frr)
	prio() { local p=($4 $5 $6); shift 6; echo ${p[$(($1 - 1))]}; }
	for i in $3 $2 $1; do
		start $i $(prio "$@" $i) || fail "${kind[$i]} does not start"
		becomes $i "${kind[$i]}"
	done
	stop $1
	becomes $2 "stop"
	crash $2
	becomes $3 "crash"
	start $1 $(prio "$@" $1)
	becomes $1 "return"
	reconnect $2
	start $2 $(prio "$@" $2)
	silence
	sole $1 || fail "the returning lower one changed the owner"
	crash $1
	becomes $2 "crash"
	reconnect $1
	start $1 $(prio "$@" $1)
	becomes $1 "return"
	nobody_complains
	pass "${took[*]}"
}

# With virtual MACs on both sides the MAC that answers never changes. A client that talks to ours also learns it from
# no other packet: answers leave by the parent, whose ARP requests must not name the address as their sender.
answering_mac() { in_ns 4 "$vrouter" --probe eth0 ${vips[1]} 900 | cut -d' ' -f3; }
talk() { in_ns 4 python3 -c 'import socket, sys; socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", (sys.argv[1], 9))' ${vips[1]}; }
client_mac() { ip -n h4 neigh show ${vips[1]} dev eth0 | grep -Eo '([0-9a-f]{2}:){5}[0-9a-f]{2}'; }
client_knows() { [ "$(client_mac)" = $1 ]; }
vmac() {
	local mac
	mac=00:00:5e:00:0$([ $family = 6 ] && echo 2 || echo 1):$(printf %02x $vrid)
	keepalived_extra="use_vmac ka" keepalived_dev=
	start_keepalived 2 200
	becomes 2 elected
	[ "$(answering_mac)" = $mac ] || fail "keepalived answers by $(answering_mac)"
	start_triarch 1 100 --vmac
	is_backup 1
	stop 2
	becomes 1 "stop"
	start_keepalived 2 200
	becomes 2 "return"
	crash 2
	becomes 1 "crash"
	[ "$(answering_mac)" = $mac ] || fail "triarch answers by $(answering_mac)"
	ip -n h4 neigh flush dev eth0
	for i in 1 2; do
		ip -n h1 neigh flush dev eth0 # it must ask for the client
		talk
		sleep 1.2 # for a second the client believes nobody else
		wait_for 2 client_knows $mac || fail "the client has learned $(client_mac), not $mac"
	done
	stop 1
	! ip -n h1 -br link | grep -q '^vmac' || fail "the macvlan was left behind"
	nobody_complains
	pass "${took[*]}; always $mac"
}

# RFC 9568's checksum (the message alone) and the deployed one (with the pseudo-header) in one group.
sums() {
	start_triarch 1 200 --message-sum
	becomes 1 elected
	kind[2]=triarch; start_triarch 2 100
	is_backup 2
	sole 1 && ! says 2 '-> active' || fail "RFC 9568's form is not heard"
	stop 1
	becomes 2 "stop"
	start_triarch 1 50 --message-sum
	silence
	sole 2 || fail "the other form is not heard"
	nobody_complains
	pass "${took[*]}"
}

# The bridge learns memberships and forgets them with the cable: ours are told again, or nothing is heard any more.
flap() {
	local report
	report=$([ $family = 6 ] && echo 'ip6[6] == 0 and (ip6[48] == 131 or ip6[48] == 143)' || echo igmp)
	ip -n h0 link set br0 type bridge mcast_snooping 1 mcast_querier 1 mcast_igmp_version 3 mcast_mld_version 2 mcast_startup_query_interval 50
	start_keepalived 2 200
	becomes 2 elected
	start_triarch 1 100
	is_backup 1
	ip -n h0 link set port1 down
	mine_says 'backup -> initialize: link down'
	in_ns 1 timeout 30 tcpdump -lnvi eth0 "$report" >"$dir/report" 2>&1 &
	wait_for 10 grep -qs 'listening on' "$dir/report" || fail "tcpdump: $(cat "$dir/report")"
	reconnect 1
	wait_for 5 eval '[ "$(grep -c "initialize -> backup" "$dir/1")" = 2 ]' || fail "not back as backup"
	wait_for 5 grep -Eq '224.0.0.18|ff02::12[^:]' "$dir/report" || fail "the group was not joined again: $(cat "$dir/report")"
	silence
	sole 2 && ! says 1 '-> active' || fail "does not hear the owner any more"
	stop 2
	becomes 1 "stop"
	nobody_complains
	pass "${took[*]}; joined again and heard"
}

build_hosts 4 || { printf 'FAILED  %-28s cannot build the network\n' "$case"; exit 1; }
case $case in
*_unicast)
	if [ $family = 6 ]; then peers=([1]=fe80::2 [2]=fe80::1); else peers=([1]=10.77.0.2 [2]=10.77.0.1); fi
	pair ${case%%_*} ;;
keepalived_* | frr_*) pair ${case%%_*} ;;
three_*) group 250 200 150 ;;
middle_*) group 200 250 150 ;;
vmac_*) vmac ;;
sums_*) sums ;;
flap_*) flap ;;
*) echo "no case $case"; exit 3 ;;
esac
