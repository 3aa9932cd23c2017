#!/bin/bash
# join is killed at five random moments and repeated; then reset and join again. Three healthy members each time.
#   SEED=N repeats a run
source "$(dirname "$0")/cluster.sh"
lab_enter "$@"
SEED=${SEED:-$RANDOM}

start_join() {
        # shellcheck disable=SC2086 # words
        on host3 triarch join $words "${join_options[@]}"
}

members_are() {
        [ "$(members)" = "$1" ]
}

back_to_before() {
        timed on host3 triarch reset --force
        [ "$status" = 0 ] || fail "reset: status $status: $(cat "$log")"
        say "           reset: $seconds s, members $(members)"
        wait_until 30 members_are "host1 host2" || fail "reset left a member"
        ! on host1 /usr/lib/triarch-lab/api.py GET /api/v1/nodes/host3 >/dev/null 2>&1 || fail "reset left the Node"
        disk_list host3 | grep -v '^/var/lib/triarch d\|^/etc/systemd/system' | cut -d' ' -f1-3 >"$lab_out/after"
        diff "$lab_out/before" "$lab_out/after" >"$lab_out/reset.diff" || fail "reset left: $(head -20 "$lab_out/reset.diff")"
}

say "  seed $SEED"
RANDOM=$SEED
cluster_make host1 host2
disk_list host3 | grep -v '^/var/lib/triarch d\|^/etc/systemd/system' | cut -d' ' -f1-3 >"$lab_out/before"
words=$(join_words)
timed start_join
[ "$status" = 0 ] || { cat "$log"; fail "join"; finish; }
say "  join undisturbed: $seconds s"
# Moments are drawn from the time that a join takes at least; one that comes too late is drawn again.
whole_ms=$(awk -v s="$seconds" 'BEGIN { printf "%d", (s < 2 ? s : 2) * 1000 }')
cluster_settle
back_to_before
trial=0
draws=0
while [ $trial -lt 5 ] && [ $draws -lt 15 ]; do
        draws=$((draws + 1))
        at_ms=$((RANDOM % whole_ms))
        words=$(join_words)
        start_join >"$lab_out/$test_name.killed.log" 2>&1 </dev/null &
        client=$!
        sleep "$(awk -v ms=$at_ms 'BEGIN { printf "%.3f", ms / 1000 }')"
        killed=no
        ! on host3 pkill -KILL -f '^triarch join' || killed=yes
        over=no
        kill -0 $client 2>/dev/null || over=yes
        wait $client || true
        if [ $killed = no ]; then
                say "  after $at_ms ms a join had $([ $over = yes ] && echo ended || echo 'not begun'): drawn again"
                [ $over = no ] || whole_ms=$at_ms
                back_to_before
                continue
        fi
        trial=$((trial + 1))
        reached=$(grep '^\[' "$lab_out/$test_name.killed.log" | tail -n 1) || reached=
        timed start_join
        say "  trial $trial: killed after $at_ms ms (\"${reached:-before its first word}\"); repeated: $seconds s, status $status"
        [ "$status" = 0 ] || { cat "$log"; fail "the repeated join"; finish; }
        cluster_settle
        say "           members $(voters), address at $(vip_holders)"
        back_to_before
done
expect "five joins were killed" [ $trial = 5 ]
words=$(join_words)
timed start_join
say "  reset and join again: $seconds s, status $status"
[ "$status" = 0 ] || fail "join after reset: $(cat "$log")"
cluster_settle
say "  members $(voters), address at $(vip_holders)"
finish
