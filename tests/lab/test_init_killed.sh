#!/bin/bash
# init and reset killed at random moments and run again: they complete, and leave nothing of the first try.
source "$(dirname "$0")/cluster.sh"
lab_enter "$@"

trials=${TRIARCH_TRIALS:-5}
seed=${TRIARCH_SEED:-$RANDOM}
RANDOM=$seed
say "  seed $seed"

# killed FROM_MS TO_MS COMMAND...: run on host1, SIGKILL after a random time in between. Sets moment.
killed() {
        local from=$1 to=$2

        shift 2
        moment=$((from + RANDOM % (to - from)))
        (on host1 timeout -s KILL "$(printf '%d.%03d' $((moment / 1000)) $((moment % 1000)))" "$@" >"$lab_out/killed") \
                2>/dev/null || true
}

temporaries() {
        on host1 find /etc /var/lib -name '.*.triarch' | xargs
}

# What differs from the installed machine: paths of files alone, units' own links included.
traces() {
        disk_list host1 >"$lab_out/after"
        diff <(grep -v ' d [0-7]*$' "$lab_out/before") <(grep -v ' d [0-7]*$' "$lab_out/after") | sed -n 's/^[<>] \([^ ]*\) .*/\1/p' |
                sort -u | grep -v '^/var/lib/kubelet/lab\|^/etc/resolv.conf' | xargs
}

machines_fresh
disk_list host1 >"$lab_out/before"
for trial in $(seq "$trials"); do
        # Asking for the address and listening for its router ID take the first two and a half seconds.
        killed 2400 4500 triarch init "${init_options[@]}"
        at=$moment
        last=$(tail -n 1 "$lab_out/killed")
        timed on host1 triarch init "${init_options[@]}"
        say "  init killed after $at ms (${last:-nothing said}), again: $seconds s, status $status"
        [ "$status" = 0 ] || fail "init: $(cat "$log")"
        [ -z "$(temporaries)" ] || fail "left by the killed one: $(temporaries)"
        wait_until 10 holder_is host1 || fail "host1 has no virtual address"
        livez || fail "the API server does not answer at $vip"

        killed 0 1500 triarch reset --force
        at=$moment
        timed on host1 triarch reset --force
        say "  reset killed after $at ms, again: $seconds s, status $status, left: $(traces)"
        [ "$status" = 0 ] || fail "reset: $(cat "$log")"
        [ -z "$(traces)" ] || fail "reset leaves $(traces)"
        [ -z "$(vip_holders)" ] || fail "reset leaves the virtual address"
done
finish
