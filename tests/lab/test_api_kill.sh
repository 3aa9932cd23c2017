#!/bin/bash
# The API server process of the active machine is killed: the address moves. Also with memory, as a process
# that has much of it dies more slowly.
source "$(dirname "$0")/cluster.sh"
lab_enter "$@"
trials=${TRIALS:-5}

moved() {
        one_holder && ! holder_is "$active"
}

api_kill() {
        on "$1" pkill -KILL -x kube-apiserver
}

# run_trials N: sets gaps.
run_trials() {
        local trial

        gaps=()
        for ((trial = 1; trial <= $1; trial++)); do
                cluster_settle
                sleep 1
                active=$(vip_holders)
                mark
                api_kill "$active"
                wait_until 60 moved || fail "the address did not move"
                sleep 1
                measure
                say "  trial $trial: $active -> $(vip_holders), gap $gap_ms ms, two MACs $overlap_ms ms"
                gaps+=("$gap_ms")
        done
}

# Another process than that one.
api_again() { # MACHINE PID
        local pid

        pid=$(on "$1" pgrep -x kube-apiserver) && [ "$pid" != "$2" ]
}

# carry MIB: all API servers start again with so much memory, backups first.
carry() {
        local name active pid

        active=$(vip_holders)
        for name in $(printf '%s\n' "${machines[@]}" | grep -v "$active") "$active"; do
                on "$name" mkdir -p /etc/triarch-lab
                on "$name" sh -c "echo STANDIN_MEMORY_MIB=$1 >/etc/triarch-lab/environment"
                pid=$(on "$name" pgrep -x kube-apiserver)
                api_kill "$name"
                wait_until 60 api_again "$name" "$pid" || fail "the API server of $name does not start"
                wait_until 120 agents_healthy || fail "$name does not come back with $1 MiB"
        done
}

cluster_ensure
capture_start
probe_start
run_trials "$trials"
say "  API server killed: gap median $(median "${gaps[@]}") ms of ${gaps[*]}; with nothing happening up to $calm_ms ms"
aim 150 "$(median "${gaps[@]}")"
if [ -z "${KUBE_BIN_DIR:-}" ]; then
        cluster_settle
        memory_mib=1024
        [ "$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)" -gt 5000 ] || memory_mib=128
        carry "$memory_mib"
        run_trials 3
        say "  the same with $memory_mib MiB of memory: gap median $(median "${gaps[@]}") ms of ${gaps[*]}"
        cluster_settle
        carry 0
fi
cluster_settle
finish
