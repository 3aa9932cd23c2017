#!/bin/bash
# init is killed at five random moments and repeated: it completes, and reset takes the machine back.
#   SEED=N repeats a run
source "$(dirname "$0")/cluster.sh"
lab_enter "$@"
SEED=${SEED:-$RANDOM}

start_init() {
        on host1 triarch init "${init_options[@]}"
}

serves() {
        [ "$(voters)" = host1 ] && holder_is host1 && livez
}

# Mode and kind of everything, but for what the units' absence leaves in directories of systemd.
before_init() {
        disk_list host1 | grep -v '^/var/lib/triarch d\|^/etc/systemd/system' | cut -d' ' -f1-3
}

say "  seed $SEED"
RANDOM=$SEED
machines_fresh
before_init >"$lab_out/before"
trial=0
draws=0
whole_ms=4000
while [ $trial -lt 5 ] && [ $draws -lt 15 ]; do
        draws=$((draws + 1))
        at_ms=$((RANDOM % whole_ms))
        start_init >"$lab_out/$test_name.killed.log" 2>&1 </dev/null &
        client=$!
        sleep "$(awk -v ms=$at_ms 'BEGIN { printf "%.3f", ms / 1000 }')"
        killed=no
        ! on host1 pkill -KILL -f '^triarch init' || killed=yes
        over=no
        kill -0 $client 2>/dev/null || over=yes
        wait $client || true
        if [ $killed = yes ]; then
                trial=$((trial + 1))
                reached=$(grep '^\[' "$lab_out/$test_name.killed.log" | tail -n 1) || reached=
                timed start_init
                say "  trial $trial: killed after $at_ms ms (\"${reached:-before its first word}\"); repeated: $seconds s, status $status"
                [ "$status" = 0 ] || { cat "$log"; fail "the repeated init"; finish; }
                wait_until 120 serves || fail "the cluster of one does not serve: address at \"$(vip_holders)\""
        elif [ $over = yes ]; then
                whole_ms=$at_ms # the next moments are drawn from before
        fi
        timed on host1 triarch reset --force
        [ "$status" = 0 ] || fail "reset: status $status: $(cat "$log")"
        before_init >"$lab_out/after"
        diff "$lab_out/before" "$lab_out/after" >"$lab_out/reset.diff" || fail "reset left: $(head -20 "$lab_out/reset.diff")"
done
expect "five inits were killed" [ $trial = 5 ]
finish
