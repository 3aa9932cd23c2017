#!/bin/bash
# `triarch vip rotate-key` step by step on three agents with the sealed transport, as namespaces on one bridge: each
# step that would leave a member unheard is refused, and while the key changes the address neither moves nor is
# missing. Then the same with one agent that is down, and with key files that are not whole.
set -u
[ "$(id -u)" = 0 ] || { echo "skipped: needs root"; exit 77; }
[ -n "${IN_NAMESPACE:-}" ] || IN_NAMESPACE=1 exec unshare --net --mount "$0" "$@"

cd "$(dirname "$0")/../.." || exit 1
build=$(realpath "${BUILD:-build/dev}")
triarch=$build/triarch
dir=$(mktemp -d /tmp/triarch-rotate-XXXXXX)
vip=10.77.0.100
nodes="n1 n2 n3"
declare -A agent
failed=0

finish() {
	kill -9 "${agent[@]}" $(jobs -p) 2>/dev/null
	wait 2>/dev/null
	umount -l /run/netns
	[ -n "${KEEP:-}" ] || rm -rf "$dir"
}
trap finish EXIT
# Named namespaces of our own: `ip netns` keeps them in /run/netns of this mount namespace.
mount --make-rprivate / && mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns || exit 1

ok() { printf 'ok      %-62s %s\n' "$1" "${2:-}"; }
bad() { printf 'FAILED  %s: %s\n' "$1" "$2"; failed=1; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }
wait_until() { # SECONDS COMMAND...
	local end=$(($(now_ms) + $1 * 1000))
	shift
	until "$@"; do [ "$(now_ms)" -lt $end ] || return 1; sleep 0.02; done
}
in_ns() { local n=$1; shift; ip netns exec "$n" "$@"; }
field() { # NODE PYTHON-EXPRESSION of the report r
	"$triarch" status -o json --socket "$dir/$1/agent.sock" 2>/dev/null | python3 -c "import json, sys; r = json.load(sys.stdin); print($2)"
}
rotate() { # NODE STEP: its words in $said, its status
	said=$(in_ns "$1" "$triarch" vip rotate-key "$2" --config "$dir/$1/config.yaml" 2>&1)
}
refused() { # WHAT NODE STEP WORDS
	rotate "$2" "$3" && { bad "$1" "not refused: $said"; return; }
	case $said in *"$4"*) ok "$1" "$said" ;; *) bad "$1" "$said" ;; esac
}
done_so() { # WHAT NODE STEP
	rotate "$2" "$3" && ok "$1" || bad "$1" "$said"
}
keys() { sed 's/^\([a-z]* [0-9]*\) .*/\1/' "$dir/$1/vip.key" | tr '\n' ';'; } # "send 1;accept 2;"
members_keys() { field "$1" "' '.join('%s:%s:%s' % (m['name'], m.get('sendsWithKey'), m.get('acceptsKeys')) for m in r['members'])"; }
all_say() { # SENDS ACCEPTS: every member's report of every member
	local n
	for n in $nodes; do
		[ "$(field $n "all((m.get('sendsWithKey'), m.get('acceptsKeys')) == ($1, $2) for m in r['members']) and len(r['members'])")" = 3 ] || return 1
	done
}
# MEMBER KEYS: as n1 knows it
says() { [ "$(field n1 "[m.get('acceptsKeys') for m in r['members'] if m['name'] == '$1'][0]")" = "$2" ]; }
owner() { local n; for n in $nodes; do ip -n $n -o addr show dev eth0 | grep -q " $vip/" && printf '%s ' $n; done; }
sole() { [ "$(owner)" = "$1 " ]; }

make_network() {
	local n
	ip link set lo up
	ip link add br0 type bridge forward_delay 0
	ip link set br0 up
	ip addr add 10.77.0.254/24 dev br0
	for n in $nodes; do
		ip netns add $n
		ip link add $n-br type veth peer name eth0 netns $n
		ip link set $n-br master br0 up
		ip -n $n link set lo up
		ip -n $n link set eth0 up
		ip -n $n addr add 10.77.0.${n#n}/24 dev eth0
	done
}
make_files() { # NODE
	mkdir -p "$dir/$1"
	cat >"$dir/$1/config.yaml" <<-END
		apiVersion: triarch.dev/v1alpha1
		kind: AgentConfiguration
		nodeName: $1
		vip:
		  address: $vip/24
		  interface: eth0
		  keyFile: $dir/$1/vip.key
		  members:
		  - { name: n1, address: 10.77.0.1 }
		  - { name: n2, address: 10.77.0.2 }
		  - { name: n3, address: 10.77.0.3 }
		socket: $dir/$1/agent.sock
	END
	if [ "$1" = n1 ]; then
		rotate n1 --new; [[ $said == "made $dir/n1/vip.key; copy it"* ]] && [ "$(keys n1)" = "send 1;" ] &&
			[ "$(stat -c %a "$dir/n1/vip.key")" = 640 ] && ok "the first key is made" "$(keys n1)" || bad "the first key is made" "$said"
		first=$(cut -d' ' -f3 "$dir/n1/vip.key")
	else
		cp -p "$dir/n1/vip.key" "$dir/$1/vip.key"
	fi
}
start() { # NODE
	ip netns exec $1 "$triarch" agent --config "$dir/$1/config.yaml" >>"$dir/$1/log" 2>&1 &
	agent[$1]=$!
}
# Every removal and addition of the address, as the kernels tell it.
watch_address() {
	local n
	: >"$dir/moves"
	for n in $nodes; do ip netns exec $n ip -o monitor address >>"$dir/moves" 2>/dev/null & done
}

make_network
for n in $nodes; do make_files $n; done
for n in $nodes; do start $n; done
wait_until 10 sole n1 || { wait_until 5 test -n "$(owner)"; }
active=$(owner) active=${active% }
[ -n "$active" ] && wait_until 10 all_say 1 '[1]' && ok "three agents with one key" "the address is on $active" ||
	{ bad "three agents with one key" "owner '$(owner)', $(members_keys n1)"; tail -n 5 "$dir"/n*/log; exit 1; }
watch_address
since=$(field $active "r['vip']['since']")

refused "no new key yet: nothing to send with" n1 --send "key 1, the newest, is sent with already; --new makes another"
refused "one key: nothing to drop" n1 --drop-old "key 1 is the only one"
done_so "a new key is accepted on n1" n1 --new
[ "$(keys n1)" = "send 1;accept 2;" ] || bad "key file" "$(keys n1)"
refused "another one meanwhile" n1 --new "a rotation is under way"
refused "sending with it before the others have it" n1 --send "does not say that it accepts key 2"
cp -p "$dir/n1/vip.key" "$dir/n2/vip.key"
kill -HUP ${agent[n2]}
wait_until 5 says n2 '[1, 2]'
refused "before n3 has it" n1 --send "n3 does not say that it accepts key 2"
cp -p "$dir/n1/vip.key" "$dir/n3/vip.key"
kill -HUP ${agent[n3]}
wait_until 5 all_say 1 '[1, 2]' || bad "all accept it" "$(members_keys n1)"
done_so "n2 sends with it" n2 --send
refused "dropping the old one before all send with the new" n2 --drop-old "does not say that it sends with key 2"
done_so "n1 sends with it" n1 --send
done_so "n3 sends with it" n3 --send
wait_until 5 all_say 2 '[1, 2]' || bad "all send with it" "$(members_keys n1)"
for n in $nodes; do done_so "$n drops the old one" $n --drop-old; done
wait_until 5 all_say 2 '[2]' || bad "the old one is gone" "$(members_keys n1)"
[ "$(keys n1)$(keys n2)$(keys n3)" = "send 2;send 2;send 2;" ] && ! grep -q $first "$dir"/n?/vip.key &&
	[ "$(stat -c %a "$dir"/n?/vip.key | sort -u)" = 640 ] && ok "one new key on all" "$(members_keys n2)" || bad "one new key on all" "$(keys n1) $(keys n2) $(keys n3)"
sole $active && ! grep -q "Deleted.* $vip/" "$dir/moves" && [ "$(field $active "r['vip']['since']")" = "$since" ] &&
	ok "the address never left" "on $active since $since" || bad "the address never left" "owner $(owner), $(grep Deleted "$dir/moves")"

# A member that is down has not said that it accepts anything.
done_so "another key" n1 --new
if [ $active = n3 ]; then
	in_ns n1 "$triarch" vip move n1 --socket "$dir/n1/agent.sock" >/dev/null && active=n1 || bad "moving the address from n3" "owner $(owner)"
fi
kill -KILL ${agent[n3]}; wait ${agent[n3]} 2>/dev/null; unset "agent[n3]"
cp -p "$dir/n1/vip.key" "$dir/n2/vip.key"; kill -HUP ${agent[n2]}
wait_until 5 test "$(field n1 "any(m['name'] == 'n3' and m.get('sendsWithKey') for m in r['members'])")" = False
sleep 3.2 # what it said last counts for 3 s
refused "sending with it while n3 is down" n1 --send "n3 does not say that it accepts key 3"
refused "asking no agent" n3 --send "no agent answers"

# A file that is not whole changes nothing.
cp -p "$dir/n2/vip.key" "$dir/n2/good"
echo "send 9" >>"$dir/n2/vip.key"
kill -HUP ${agent[n2]}
wait_until 3 grep -q 'vip.key:3: the key is 64 hexadecimal digits' "$dir/n2/log" &&
	ok "a broken key file is told, the keys from before stay" "$(grep -o 'vip.key:3: .*' "$dir/n2/log" | tail -n1)" ||
	bad "a broken key file" "$(tail -n3 "$dir/n2/log")"
wait_until 3 says n2 '[2, 3]' && sole $active && ok "and it is heard as before" "$(members_keys n1)" || bad "after a broken key file" "$(members_keys n1)"
kill -TERM ${agent[$active]}
wait_until 3 grep -q "Deleted.* $vip/" "$dir/moves" || bad "the watcher" "does not see the address leave"
exit $failed
