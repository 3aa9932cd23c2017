#!/bin/bash
# The active machine loses its power: the address answers from another, and stays there when it is back.
source "$(dirname "$0")/cluster.sh"
lab_enter "$@"
trials=${TRIALS:-5}

moved() {
        one_holder && ! holder_is "$active"
}

cluster_ensure
capture_start
probe_start
gaps=()
for ((trial = 1; trial <= trials; trial++)); do
        active=$(vip_holders)
        mark
        machine_kill "$active"
        wait_until 60 moved || fail "no other machine took the address"
        next=$(vip_holders)
        sleep 1
        measure
        say "  trial $trial: $active -> $next, gap $gap_ms ms, two MACs $overlap_ms ms"
        gaps+=("$gap_ms")
        mark
        machine_boot "$active"
        wait_until 180 cluster_whole || { fail "$active is not back in the cluster"; cluster_report; finish; }
        sleep 3
        measure
        say "           $active is back: the address is at $(vip_holders), longest gap $gap_ms ms, changes of owner $takeovers"
        holder_is "$next" || fail "the address did not stay at $next"
        [ "$takeovers" = 0 ] || fail "the address moved while $active came back"
done
say "  power loss: gap median $(median "${gaps[@]}") ms of ${gaps[*]}; with nothing happening up to $calm_ms ms"
finish
