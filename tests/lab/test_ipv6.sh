#!/bin/bash
# A control plane of IPv6 alone: init, join, join; /livez at the address; the machine that has it loses its power.
source "$(dirname "$0")/cluster.sh"
lab_enter "$@"

vip=$vip6 loopback='[::1]'
init_options=(--vip "$vip6/$prefix6" --apiserver-advertise-address "${machine_address6[host1]}"
        --pod-network-cidr fd01::/48 --service-cidr fd02::/112 --ignore-preflight-errors CRI)

moved() {
        one_holder && ! holder_is "$active"
}

machines_fresh
timed on host1 triarch init "${init_options[@]}"
say "  init on host1: $seconds s, status $status"
[ "$status" = 0 ] || { cat "$log"; fail "init"; finish; }
expect "init prints the join command" grep -qF "triarch join [${machine_address6[host1]}]:7644 --token " "$log"
for name in host2 host3; do
        cluster_join "$name"
        say "  join on $name: $seconds s"
done
wait_until 180 cluster_whole || cluster_report
say "  voting members, started, as etcd says: $(voters)"
expect "they are three" [ "$(voters)" = "host1 host2 host3" ]
say "  the address is on: $(vip_holders)"
expect "exactly one machine has it" one_holder
expect "https://[$vip]:6443/livez from the client, verified against the cluster CA" livez
expect "every agent counts its machine healthy" wait_until 30 agents_healthy

capture_start
probe_start
sleep 1
active=$(vip_holders)
mark
machine_kill "$active"
wait_until 60 moved || fail "no other machine took the address"
sleep 1
measure
say "  power loss: $active -> $(vip_holders), gap $gap_ms ms, two MACs $overlap_ms ms, with nothing happening up to $calm_ms ms"
expect "one unsolicited neighbour advertisement at least told the client" [ "$takeovers" = 1 ]
expect "two MACs never answered at once" [ "$overlap_ms" = 0.0 ]
finish
