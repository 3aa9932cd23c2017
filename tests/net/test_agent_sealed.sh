#!/bin/bash
# Three agents from configuration files alone with the defaults: the sealed transport and the majority election. The
# owner loses its power, is stopped, cut off, told to stand by and to hand over; a better one waits before it
# takes over; groups, a witness, a list of members that changes, a key that others could read. While a case runs
# an observer follows the address in all kernels: two at once is a failure. Prints what it measured.
set -u
here=$(dirname "$0")
. "$here/hosts.sh"
needs openssl python3
. "$here/agents.sh"
own_namespaces "$@"
trap remove_hosts EXIT
build_hosts 3
failed=0

start_all() { for i in $hosts; do start_agent $i; done; }
settled() { # everyone runs, everyone has told of itself, one owner
	one_owner || return 1
	for i in $hosts; do
		field_is $i 'sorted(m["name"] for m in s["members"] if m["self"] or (m["session"] and "sendsWithKey" in m))' "['n1', 'n2', 'n3']" || return 1
	done
}
settle() {
	for i in $hosts; do runs $i || start_agent $i; done
	wait_for 30 settled || bad settle "owners: $(owners); $(tail -n 2 "$dir"/a?/log)"
	owner=$(owners)
	owner=${owner%% *}
	set -- $(for i in $hosts; do [ $i = $owner ] || echo $i; done)
	other=$1 third=$2
}
no_two() { # WHAT
	observed
	[ -n "$two" ] && below $two 1 || bad "$1" "two hosts had the address for ${two:-?} ms"
}
fresh() { # all stopped and forgotten
	for i in ${!agent[@]}; do kill -KILL ${agent[$i]} 2>/dev/null; done
	wait_for 10 none_left
	agent=() pid=() # their numbers may become others'
	for i in $hosts; do rm -rf "$dir/a$i"; ip -n h$i link set eth0 up; in_ns $i ip addr flush dev eth0 to 10.77.0.100/30; done
}
none_left() { for i in ${!agent[@]}; do gone ${agent[$i]} || return 1; done; }

# --- start, status
make_key "$dir/vip.key"
for i in $hosts; do configure_default $i </dev/null; done
from=$(now_ms)
observe 10.77.0.100 $hosts
start_all
settle
ok "three agents, one owner of both families" "n$owner, $(took $from) ms after the start"
[ "$(owners fd77::100)" = "$owner " ] || bad "second address" "$(owners fd77::100)"
members() { field $1 'sorted((m["name"], m["role"], m["class"], m["generation"], m["keyID"]) for m in s["members"])'; }
as_wanted() { got=$(members $1) && [ "$got" = "$want" ]; }
want=$(python3 -c "print([('n%d' % i, 'active' if i == $owner else 'backup', 'healthy', 1, 1) for i in (1, 2, 3)])")
for i in $hosts; do
	wait_for 5 as_wanted $i && ok "n$i's status shows every member: role, class, list, key" || bad "status of n$i" "$got, wanted $want"
done
lease=$(field $owner 's["vip"]["leaseMs"]')
[ "$lease" -gt 50 ] && [ "$lease" -le 294 ] && ok "the owner's lease" "$lease ms left" || bad lease "$lease"
ctl $other vip status | sed 's/^/        /'
locked=$(awk '$1 == "VmLck:" { print $2 }' /proc/${agent[$owner]}/status)
policy=$(chrt -p ${agent[$owner]} 2>&1 | head -n 1)
[ "$locked" -gt 0 ] && [[ $policy == *SCHED_RR* ]] && ok "memory locked, a real-time policy" "$locked KiB,${policy##*:}" ||
	bad "timeliness" "$locked KiB locked, $policy"

# --- SIGTERM, power loss, kill -9
from=$(now_ms)
stop_agent $owner
wait_for 3 owner_is_not $owner && ok "SIGTERM: the next one has it" "$(took $from) ms after the signal" || bad SIGTERM "$(owners)"
settle
old=$owner
from=$(now_ms)
ip -n h0 link del port$old # no frame of it any more, and no address, at one moment: as good as no power
kill -KILL ${agent[$old]}
wait_for 3 owner_is_not $old && ok "power loss: the next one has it" "$(took $from) ms after it" || bad "power loss" "$(owners)"
silent() { field_is $owner '[(m["session"], "class" in m) for m in s["members"] if m["name"] == "n'$old'"]' '[(False, False)]'; }
wait_for 3 owner_is_not $old && owner=$(owners) && owner=${owner% }
wait_for 6 silent && ok "its status: who is silent has no session and no class" || bad "a silent member" "$(field $owner 's["members"]')"
plug $old
settle
[ $owner != $old ] && ok "the node returns: the address stays" "n$owner" || bad return "n$owner"

# --- cut off: the minority gives up before the majority takes over
from=$(now_ms)
ip -n h0 link set port$owner nomaster
wait_for 3 owner_is_not $owner && ok "the owner is cut off: the others have it" "$(took $from) ms after the cut" || bad cut "$(owners)"
field_is $owner 's["vip"]["state"]' backup || bad cut "the one that is cut off says $(field $owner 's["vip"]["state"]')"
ip -n h0 link set port$owner master br0
settle
ip -n h0 link set port1 nomaster
ip -n h0 link set port2 nomaster
ip -n h0 link set port3 nomaster
nobody() { [ -z "$(owners)" ]; }
wait_for 3 nobody && ok "each on its own: nobody has it" || bad "each on its own" "$(owners)"
for i in $hosts; do ip -n h0 link set port$i master br0; done
settle
ok "together again: one owner" "n$owner"

# --- move, from any member
ctl $owner vip move n$other >"$dir/text" && owner_is $other && ok "vip move on the owner" "$(cat "$dir/text")" || bad "vip move" "$(cat "$dir/text") $(owners)"
ctl $third vip move n$owner >"$dir/text" && owner_is $owner && ok "vip move on a third" "$(cat "$dir/text")" || bad "vip move" "$(cat "$dir/text") $(owners)"
ctl $third vip move >"$dir/text" && owner_is_not $owner && ok "vip move to the best other" "$(cat "$dir/text")" || bad "vip move" "$(cat "$dir/text") $(owners)"
settle
refused() { # WHAT PATTERN I ARGUMENTS
	local what=$1 pattern=$2
	shift 2
	ctl "$@" >"$dir/text" 2>&1
	[ $? = 1 ] && grep -q "$pattern" "$dir/text" && ok "refused: $what" "$(head -n 1 "$dir/text")" || bad "$what" "$(cat "$dir/text")"
}
refused "to a stranger" 'no member "n9"; members, generation [0-9]*: n[123], n[123], n[123]$' $other vip move n9
refused "to who has it" "already" $other vip move n$owner
in_ns $owner chmod 666 "$dir/a$owner/agent.sock"
install -m 755 "$triarch" "$dir/triarch" # where everybody may read it
in_ns $owner setpriv --reuid 65534 --regid 65534 --clear-groups "$dir/triarch" vip move --socket "$dir/a$owner/agent.sock" >"$dir/text" 2>&1
[ $? = 1 ] && grep -q "only root may" "$dir/text" && ok "refused: not root" "$(cat "$dir/text")" || bad "not root" "$(cat "$dir/text")"

# --- standby
old=$owner
ctl $old vip standby on >/dev/null && wait_for 2 owner_is_not $old && ok "standby on: the address leaves" "$(owners)" || bad standby "$(owners)"
stands_by() { field_is $1 "[m['standby'] for m in s['members'] if m['name'] == 'n$2']" "[True]"; }
settle
wait_for 3 stands_by $owner $old && ok "the others know that it stands by" || bad standby "$(field $owner 's["members"]')"
refused "to one that stands by" "stands by\|standing by" $owner vip move n$old
for i in $hosts; do [ $i = $old ] || [ $i = $owner ] || stop_agent $i; done
sleep 1
refused "standby of the last one that is fit" "no other node" $owner vip standby on
ctl $owner vip standby on --force >/dev/null && wait_for 2 nobody && ok "forced: nobody has it" || bad "standby --force" "$(owners)"
ctl $owner vip standby off >/dev/null
ctl $old vip standby off >/dev/null
settle
ok "standby off: all take part again" "n$owner"
no_two "all of the above"
[ $failed = 0 ] && ok "never two owners" "$two ms"

# --- preempt: always, preemptDelay
fresh
for i in $hosts; do printf '  preempt: always\n  preemptDelay: 2s\n' | configure_default $i; done
start_agent 2
start_agent 3
wait_for 15 owner_is 2 || bad preemptDelay "$(owners)"
observe 10.77.0.100 $hosts
from=$(now_ms)
start_agent 1
wait_for 15 owner_is 1 || bad preemptDelay "$(owners)"
no_two preemptDelay
waited=$(took $from 1)
[ "${waited:-0}" -ge 2000 ] && ok "preemptDelay: 2s: a better one waits, then it takes over" "n1, $waited ms after its start" ||
	bad preemptDelay "too soon: ${waited:-?} ms after its start: $(cat "$dir/observer")"

# --- standby from the start, preempt: never, another port
fresh
for i in $hosts; do printf '  preempt: never\n  port: 7701\n  standby: %s\n' "$([ $i = 1 ] && echo true || echo false)" | configure_default $i; done
start_all
wait_for 15 one_owner && ! owner_is 1 && ok "standby: true: the preferred one takes nothing" "n$(owners)" || bad "standby: true" "$(owners)"
listens() { tr ' ' '\n' </proc/${agent[1]}/net/udp | grep -q ':1E15$'; }
wait_for 10 listens && ok "port: 7701" || bad port "$(cat /proc/${agent[1]}/net/udp)"
before=$(owners)
ctl 1 vip standby off >/dev/null || bad "preempt: never" "it does not leave standby"
stands_by_not() { field_is $1 "[m['standby'] for m in s['members'] if m['name'] == 'n$2']" "[False]"; }
wait_for 5 stands_by_not ${before% } 1 || bad "preempt: never" "n${before% } does not know that n1 takes part"
sleep 1.5
owner_is ${before% } && ok "preempt: never: it stays where it is" "n$before" || bad "preempt: never" "$(owners)"

# --- two groups, a witness, IPv6 members
fresh
for i in $hosts; do
	{
		printf 'vip:\n- address: 10.77.0.100/24\n  interface: eth0\n  keyFile: %s/vip.key\n  priority: %s\n  preempt: always\n  members:\n' "$dir" $((100 + 10 * i))
		for m in $hosts; do
			printf '  - { name: n%s, address: "fd77::%s", witness: %s }\n' $m $m $([ $m = 3 ] && echo true || echo false)
		done
		printf '%s\n' '- address: "fd77::101/64"' '  interface: eth0' '  virtualRouterID: 101' "  priority: $((200 - 10 * i))" '  preempt: always'
	} | configure $i
done
start_all
wait_for 15 owner_is 2 && wait_for 15 owner_is 1 fd77::101 && ok "two groups: each where its priority is best" "n2, n1" ||
	bad "two groups" "$(owners), $(owners fd77::101)"
wait_for 5 field_is 3 '[v["state"] for v in s["vips"]]' "['backup', 'backup']" || bad witness "$(field 3 's["vips"]')"
refused "which group?" "2 groups are meant.*: [0-9]* (10.77.0.100), 101 (fd77::101)" 1 vip move
refused "a group that there is not" "no group 7; the groups are [0-9]* (10.77.0.100), 101 (fd77::101)" 1 vip move --group 7
refused "to a witness" "is a witness" 1 vip move n3 --group 101
stop_agent 2 KILL
in_ns 2 "$triarch" vip flush --config "$dir/a2/config.yaml" >/dev/null
wait_for 3 owner_is 1 && wait_for 3 owner_is 1 fd77::101 && ok "one of two dies: with the witness the other has both" "n1" ||
	bad witness "$(owners), $(owners fd77::101)"
stop_agent 3 KILL
nobody6() { [ -z "$(owners)$(owners fd77::101)" ]; }
wait_for 3 nobody6 && ok "without the witness it is no majority: nobody has them" || bad "no majority" "$(owners), $(owners fd77::101)"

# --- the list of members changes
fresh
for i in $hosts; do configure_default $i </dev/null; done
for i in 1 2; do sed -i '/name: n3/d' "$dir/a$i/config.yaml"; done
start_agent 1
start_agent 2
wait_for 15 one_owner || bad members "$(owners)"
configure_default 1 </dev/null
for i in 1 3; do echo 'membersGeneration: 2' >>"$dir/a$i/config.yaml"; done
stop_agent 1
start_agent 1 # it alone says so: the second one adopts its list, and then they know the third
start_agent 3
adopted() { for i in $hosts; do [ "$(field $i 's["vip"].get("generation"), len(s["members"])')" = "2 3" ] || return 1; done; }
wait_for 15 adopted && [ "$(grep -h '"gen"' "$dir"/a?/members.json | sort -u)" = '  "gen": 2,' ] && ok "one more member: all have the new list on disk" ||
	bad members "$(for i in $hosts; do field $i '[s["vip"].get("generation")] + [m["name"] for m in s["members"]]'; done)"
stop_agent 2
start_agent 2
wait_for 15 adopted && ok "restarted with the old file: the newer list counts" || bad members "$(field 1 's["vip"]')"
stop_agent 1
sed -i '/name: n2/d' "$dir/a1/config.yaml"
start_agent 1
waits() { field $1 's["vip"].get("problem", "")' | grep -q "$2"; }
wait_for 10 waits 1 "raise it by one" && ok "members changed, membersGeneration not: it does not take part" "$(field 1 's["vip"]["problem"]')" ||
	bad members "$(field 1 's["vip"]')"

# --- numbers of members that are not good ones
fresh
all=$hosts
hosts="1 2"
for i in $hosts; do configure_default $i </dev/null; done
start_all
warns() { grep -q "two members: the death of either takes the address away" "$dir/a$1/log"; }
wait_for 15 one_owner && warns 1 && warns 2 && ok "two members: the journal says what a death does" "$(grep -ho 'two members.*' "$dir/a1/log" | head -n 1)" ||
	bad "two members" "$(tail -n 5 "$dir/a1/log")"
hosts=$all

# --- the key
fresh
for i in $hosts; do configure_default $i </dev/null; done
chmod 644 "$dir/vip.key"
start_all
wait_for 10 waits 1 "has mode 0644" && ok "a key that others can read is not used" "$(field 1 's["vip"]["problem"]')" || bad "key mode" "$(field 1 's["vip"]')"
chmod 640 "$dir/vip.key"
wait_for 15 one_owner && ok "put right: it runs, without a restart" || bad "key mode" "$(owners)"

exit $failed
