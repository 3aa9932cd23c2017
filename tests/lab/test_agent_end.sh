#!/bin/bash
# The agent of the active machine ends: stopped, killed, frozen. The address leaves in each case.
source "$(dirname "$0")/cluster.sh"
lab_enter "$@"
trials=${TRIALS:-5}

moved() {
        one_holder && ! holder_is "$active"
}

address_gone() {
        ! on "$1" ip -4 -o addr show dev host0 | grep -q " $vip/"
}

agent_pid() {
        on "$1" systemctl show -p MainPID --value triarch-agent
}

cluster_ensure
capture_start
probe_start

gaps=()
for ((trial = 1; trial <= trials; trial++)); do
        cluster_settle
        sleep 1
        active=$(vip_holders)
        mark
        on "$active" systemctl stop triarch-agent
        wait_until 60 moved || fail "the address did not move"
        next=$(vip_holders)
        sleep 0.5
        measure
        say "  stop $trial: $active -> $next, gap $gap_ms ms, two MACs $overlap_ms ms"
        gaps+=("$gap_ms")
        on "$active" systemctl start triarch-agent
        wait_until 120 agents_healthy || fail "the agent of $active is not healthy again"
        holder_is "$next" || fail "the address went back to $(vip_holders)"
done
say "  systemctl stop: gap median $(median "${gaps[@]}") ms of ${gaps[*]}; with nothing happening up to $calm_ms ms"
aim 80 "$(median "${gaps[@]}")"

cluster_settle
active=$(vip_holders)
mark
on "$active" sh -c 'kill -KILL $(systemctl show -p MainPID --value triarch-agent)'
sleep 3
measure
say "  kill -9 on $active: now at $(vip_holders), gap $gap_ms ms, two MACs $overlap_ms ms, changes of owner $takeovers"
expect "only one machine has the address" wait_until 10 one_holder

# Frozen: first with systemd's watchdog, then without it, when the kernel's lifetime of the address is all.
freeze() {
        local pid

        cluster_settle
        active=$(vip_holders)
        pid=$(agent_pid "$active")
        mark
        on "$active" kill -STOP "$pid"
        gone_ms=never
        if wait_until 10 address_gone "$active"; then
                gone_ms=$((($(now_ns) - mark_ns) / 1000000))
        else
                fail "$active still has the address"
        fi
        sleep 1
        measure
        say "  SIGSTOP $1 on $active: the address left after $gone_ms ms, now at $(vip_holders), gap $gap_ms ms, two MACs $overlap_ms ms"
        expect "only one machine has the address" wait_until 10 one_holder
        on "$active" kill -CONT "$pid" 2>/dev/null || true
}
freeze "with the watchdog"
wait_until 120 agents_healthy || fail "the frozen agent did not come back"
for name in "${machines[@]}"; do
        on "$name" mkdir -p /run/systemd/system/triarch-agent.service.d
        on "$name" sh -c 'printf "[Service]\nWatchdogSec=0\n" >/run/systemd/system/triarch-agent.service.d/lab.conf
                systemctl daemon-reload; systemctl restart triarch-agent'
        wait_until 120 agents_healthy || fail "the agent of $name does not come back"
done
freeze "without the watchdog"
for name in "${machines[@]}"; do
        on "$name" sh -c 'rm /run/systemd/system/triarch-agent.service.d/lab.conf
                systemctl daemon-reload; systemctl restart triarch-agent'
        wait_until 120 agents_healthy || fail "the agent of $name does not come back"
done
cluster_settle
finish
