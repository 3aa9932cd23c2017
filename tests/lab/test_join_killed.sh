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

back_to_before() {
        timed on host3 triarch reset --force
        [ "$status" = 0 ] || fail "reset: status $status: $(cat "$log")"
        say "           reset: $seconds s, members $(members)"
        [ "$(members)" = "host1 host2" ] || fail "reset left a member"
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
whole_ms=$(awk -v s="$seconds" 'BEGIN { printf "%d", s * 1000 }')
cluster_settle
back_to_before
for trial in 1 2 3 4 5; do
        at_ms=$((RANDOM % whole_ms))
        words=$(join_words)
        start_join >"$lab_out/$test_name.killed.log" 2>&1 </dev/null &
        client=$!
        sleep "$(awk -v ms=$at_ms 'BEGIN { printf "%.3f", ms / 1000 }')"
        on host3 pkill -KILL -f '^triarch join' 2>/dev/null || true
        wait $client || true
        reached=$(tail -n 1 "$lab_out/$test_name.killed.log")
        timed start_join
        say "  trial $trial: killed after $at_ms ms (\"$reached\"); repeated: $seconds s, status $status"
        [ "$status" = 0 ] || { cat "$log"; fail "the repeated join"; finish; }
        cluster_settle
        say "           members $(voters), address at $(vip_holders)"
        back_to_before
done
words=$(join_words)
timed start_join
say "  reset and join again: $seconds s, status $status"
[ "$status" = 0 ] || fail "join after reset: $(cat "$log")"
cluster_settle
say "  members $(voters), address at $(vip_holders)"
finish
