#!/bin/bash
# `triarch vip rotate-key` step by step on three agents with the sealed transport, as namespaces on one bridge: each
# step that would leave a member unheard is refused, and while the key changes the address neither moves nor is
# missing. Then the same with one agent that is down, and with key files that are not whole.
set -u
here=$(dirname "$0")
. "$here/hosts.sh"
needs python3
. "$here/agents.sh"
own_namespaces "$@"
trap remove_hosts EXIT
build_hosts 3
failed=0

rotate() { # I STEP: its words in $said, its status
	said=$(in_ns $1 "$triarch" vip rotate-key "$2" --config "$dir/a$1/config.yaml" 2>&1)
}
refused() { # WHAT I STEP WORDS
	rotate $2 "$3" && { bad "$1" "not refused: $said"; return; }
	case $said in *"$4"*) ok "$1" "$said" ;; *) bad "$1" "$said" ;; esac
}
done_so() { # WHAT I STEP
	rotate $2 "$3" && ok "$1" || bad "$1" "$said"
}
keys() { sed 's/^\([a-z]* [0-9]*\) .*/\1/' "$dir/a$1/vip.key" | tr '\n' ';'; } # "send 1;accept 2;"
copy_key() { cp -p "$dir/a1/vip.key" "$dir/a$1/vip.key"; } # I
take_key() { # I: of an agent that runs
	copy_key $1 && kill -HUP ${agent[$1]}
}
members_keys() { field $1 "' '.join('%s:%s:%s' % (m['name'], m.get('sendsWithKey'), m.get('acceptsKeys')) for m in s['members'])"; }
all_say() { # SENDS ACCEPTS: every member's report of every member
	local i
	for i in $hosts; do
		field_is $i "all((m.get('sendsWithKey'), m.get('acceptsKeys')) == ($1, $2) for m in s['members']) and len(s['members'])" 3 || return 1
	done
}
# I KEYS: as host 1 knows it
accepts() { field_is 1 "[m.get('acceptsKeys') for m in s['members'] if m['name'] == 'n$1'][0]" "$2"; }

# A lease that survives a moment in which this machine is busy elsewhere: what is to be seen is what the keys do.
for i in $hosts; do echo '  advertisementInterval: 300ms' | configure_default $i "$dir/a$i/vip.key"; done
rotate 1 --new
[[ $said == "made $dir/a1/vip.key; copy it"* ]] && [ "$(keys 1)" = "send 1;" ] && [ "$(stat -c %a "$dir/a1/vip.key")" = 640 ] &&
	ok "the first key is made" "$(keys 1)" || bad "the first key is made" "$said"
first=$(cut -d' ' -f3 "$dir/a1/vip.key")
for i in 2 3; do copy_key $i; done
for i in $hosts; do start_agent $i; done
wait_for 20 one_owner
active=$(owners) active=${active% }
[ -n "$active" ] && wait_for 20 all_say 1 '[1]' && ok "three agents with one key" "the address is on n$active" ||
	{ bad "three agents with one key" "owners '$(owners)', $(members_keys 1)"; tail -n 5 "$dir"/a?/log; exit 1; }
observe 10.77.0.100 $hosts
wait_for 5 grep -q " add $active\$" "$dir/observer" || bad "the observer" "does not see who has the address"
since=$(field $active "s['vip']['since']")

refused "no new key yet: nothing to send with" 1 --send "key 1, the newest, is sent with already; --new makes another"
refused "one key: nothing to drop" 1 --drop-old "key 1 is the only one"
done_so "a new key is accepted on n1" 1 --new
[ "$(keys 1)" = "send 1;accept 2;" ] || bad "key file" "$(keys 1)"
refused "another one meanwhile" 1 --new "a rotation is under way"
refused "sending with it before the others have it" 1 --send "does not say that it accepts key 2"
take_key 2
wait_for 15 accepts 2 '[1, 2]'
refused "before n3 has it" 1 --send "n3 does not say that it accepts key 2"
take_key 3
wait_for 15 all_say 1 '[1, 2]' || bad "all accept it" "$(members_keys 1)"
done_so "n2 sends with it" 2 --send
refused "dropping the old one before all send with the new" 2 --drop-old "does not say that it sends with key 2"
done_so "n1 sends with it" 1 --send
done_so "n3 sends with it" 3 --send
wait_for 15 all_say 2 '[1, 2]' || bad "all send with it" "$(members_keys 1)"
for i in $hosts; do done_so "n$i drops the old one" $i --drop-old; done
wait_for 15 all_say 2 '[2]' || bad "the old one is gone" "$(members_keys 1)"
[ "$(keys 1)$(keys 2)$(keys 3)" = "send 2;send 2;send 2;" ] && ! grep -q $first "$dir"/a?/vip.key &&
	[ "$(stat -c %a "$dir"/a?/vip.key | sort -u)" = 640 ] && ok "one new key on all" "$(members_keys 2)" || bad "one new key on all" "$(keys 1) $(keys 2) $(keys 3)"
owner_is $active && ! grep -q ' del ' "$dir/observer" && field_is $active "s['vip']['since']" "$since" &&
	ok "the address never left" "on n$active since $since" || bad "the address never left" "owners $(owners), $(grep del "$dir/observer")"

# A member that is down has not said that it accepts anything.
done_so "another key" 1 --new
if [ $active = 3 ]; then
	ctl 1 vip move n1 >/dev/null && active=1 || bad "moving the address from n3" "owners $(owners)"
fi
stop_agent 3 KILL
take_key 2
wait_for 15 accepts 2 '[2, 3]' || bad "n2 accepts it" "$(members_keys 1)"
# What it said last counts for 3 s.
wait_for 15 field_is 1 "any(m['name'] == 'n3' and m.get('sendsWithKey') for m in s['members'])" False || bad "n3 is down" "$(members_keys 1)"
refused "sending with it while n3 is down" 1 --send "n3 does not say that it accepts key 3"
refused "asking no agent" 3 --send "no agent answers"

# A file that is not whole changes nothing.
echo "send 9" >>"$dir/a2/vip.key"
kill -HUP ${agent[2]}
wait_for 10 grep -q 'vip.key:3: the key is 64 hexadecimal digits' "$dir/a2/log" &&
	ok "a broken key file is told, the keys from before stay" "$(grep -o 'vip.key:3: .*' "$dir/a2/log" | tail -n1)" ||
	bad "a broken key file" "$(tail -n3 "$dir/a2/log")"
wait_for 10 accepts 2 '[2, 3]' && owner_is $active && ok "and it is heard as before" "$(members_keys 1)" || bad "after a broken key file" "$(members_keys 1)"
kill -TERM ${agent[$active]}
wait_for 10 grep -q " del $active" "$dir/observer" || bad "the observer" "does not see the address leave"
observed
[ -n "$two" ] && below "$two" 1 || bad "two owners" "${two:-?} ms"
exit $failed
