#!/bin/bash
# The masters compare their clocks: all time servers drift together and the address stays; one drifts and it leaves.
source "$(dirname "$0")/cluster.sh"
lab_enter "$@"

# stays MACHINE SECONDS: the address is there, and nobody becomes degraded by its clock.
stays() {
        local end=$((SECONDS + $2))

        while [ $SECONDS -lt "$end" ]; do
                holder_is "$1" && clocks_healthy || return 1
                sleep 0.5
        done
}

clocks_healthy() {
        local name

        for name in "${machines[@]}"; do
                [ "$(metric "$name" 'triarch_check_class{check="clock"}')" = 0 ] || return 1
        done
}

elsewhere() {
        one_holder && [ "$(vip_holders)" != "$active" ]
}

clock_reason() {
        on "$1" triarch status | grep -i 'clock' | sed 's/^/    status: /' || true
}

cluster_ensure
wait_clocks
active=$(vip_holders)

say "  the time servers of all masters drift by 10 ms/s; the address is at $active"
bend "${machines[*]}" 0 0.01
began=$SECONDS
wait_until 120 clock_beyond "$active" 100 || fail "chronyd of $active does not follow"
expect "for 10 s beyond the limit nothing moves, nobody is degraded" stays "$active" 10
clock_reason "$active"
back=$((SECONDS - began))
# As slowly: each chronyd would see a step at a moment of its own.
bend "${machines[*]}" "$(awk -v s=$back 'BEGIN { print 0.01 * s }')" -0.01
expect "nor on the way back" stays "$active" $back
bend "${machines[*]}"
wait_clocks

say "  the time server of $active alone drifts by 50 ms/s"
bend "$active" 0 0.05
wait_until 120 clock_beyond "$active" 100 || fail "chronyd of $active does not follow"
from=$(now_ns)
wait_until 120 elsewhere || fail "the address stays at $active"
say "  the address left $active $((($(now_ns) - from) / 1000000)) ms after chronyd's account passed 100 ms"
clock_reason "$active"
expect "$active is degraded" [ "$(agent_class "$active")" = degraded ]
expect "with the clock as the reason" grep -qi 'odd one out' <(on "$active" triarch status)
now_at=$(vip_holders)
bend "$active"
wait_until 180 clock_right "$active" || fail "chronyd of $active does not come back"
wait_until 180 agents_healthy || fail "$active does not become healthy again"
expect "the address does not return with it" holder_is "$now_at"
finish
