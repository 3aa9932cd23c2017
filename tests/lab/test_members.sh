#!/bin/bash
# The address's members in a cluster: they grow by join, shrink by reset, change their key; who has the address stays or hands it over.
source "$(dirname "$0")/cluster.sh"
lab_enter "$@"

voters_are() { # MACHINE NAMES
        [ "$(voters "$1")" = "$2" ]
}

# An answer that came too late was no failure: what was asked for may have been done.
member_removed() { # NAME ID
        [[ " $(members) " != *" $1 "* ]] || etcd host1 member remove "$2"
}

key_ids() {
        on "$1" awk '{ printf "%s %s;", $1, $2 }' /etc/triarch/vip.key
}

same_key() {
        [ "$(on host1 cat /etc/triarch/vip.key | sha256sum)" = "$(on host2 cat /etc/triarch/vip.key | sha256sum)" ] &&
                [ "$(on host1 cat /etc/triarch/vip.key | sha256sum)" = "$(on host3 cat /etc/triarch/vip.key | sha256sum)" ]
}

cluster_make host1
wait_until 120 all_list host1 || fail "host1 lists $(listed host1)"
wait_until 120 livez || fail "the API server of host1 does not answer at the address"
capture_start
probe_start
sleep 2

for name in host2 host3; do
        mark
        cluster_join "$name"
        before=$seconds joined=$log
        sleep 3
        measure
        say "  join of $name: $before s, longest gap at the address $gap_ms ms, changes of owner $takeovers, two MACs $overlap_ms ms"
        expect "the address stayed" holder_is host1
        [ "$name" = host3 ] || expect "join of the second says what a death does" grep -q "warning: two members: the death of either" "$joined"
done
expect "all three list all three" wait_until 120 all_list host1 host2 host3
cluster_settle

mark
timed on host2 triarch vip rotate-key
sleep 1
measure
say "  rotate-key on host2: $seconds s, status $status, longest gap $gap_ms ms; keys on host3: $(key_ids host3)"
expect "it says each step" grep -q "the old key is dropped" "$log"
expect "one new key on all three" same_key
expect "it is the second" [ "$(key_ids host3)" = "send 2;" ]
expect "the address stayed" holder_is host1

mark
timed on host1 triarch reset --force
[ "$status" = 0 ] || fail "reset: $(cat "$log")"
wait_until 60 one_holder || fail "nobody has the address"
sleep 1
measure
say "  reset of host1, which had the address: $seconds s, now at $(vip_holders), longest gap $gap_ms ms, two MACs $overlap_ms ms"
expect "the other two list each other" wait_until 120 all_list host2 host3
expect "two voters" wait_until 30 voters_are host2 "host2 host3"

# It comes back through another master, as a new member with the present key.
words=$(on host2 triarch token create --print-join-command | grep -o 'triarch join .*' | cut -d' ' -f3-)
# shellcheck disable=SC2086 # words
timed on host1 triarch join $words "${join_options[@]}"
say "  join of host1 through host2: $seconds s, status $status"
[ "$status" = 0 ] || { cat "$log"; fail "join"; finish; }
expect "all three list all three" wait_until 120 all_list host1 host2 host3
expect "one key on all three" same_key
cluster_settle

# A machine that is lost for good: taken out of etcd by hand, it leaves the list, and one of the two that are left may fail.
machine_kill host3
id=$(etcd host1 member list -w simple | awk -F', ' '$3 == "host3" { print $1 }')
wait_until 120 member_removed host3 "$id" || fail "etcd does not remove host3"
expect "host3 is taken out of the list" wait_until 120 all_list host1 host2
finish
