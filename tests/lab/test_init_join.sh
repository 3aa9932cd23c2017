#!/bin/bash
# init, join, join: three voting etcd members, one machine with the address, /livez from the client.
source "$(dirname "$0")/cluster.sh"
lab_enter "$@"

machines_fresh
capture_start
mark
timed on host1 triarch init "${init_options[@]}"
say "  init on host1: $seconds s, status $status"
[ "$status" = 0 ] || { cat "$log"; fail "init"; finish; }
expect "init prints the join command" grep -q 'triarch join 172.18.0.154:7644 --token ' "$log"
for name in host2 host3; do
        cluster_join "$name"
        say "  join on $name: $seconds s"
done
wait_until 180 cluster_whole || cluster_report
say "  voting members, started, as etcd says: $(voters)"
expect "they are three" [ "$(voters)" = "host1 host2 host3" ]
say "  the address is on: $(vip_holders)"
expect "exactly one machine has it" one_holder
expect "https://$vip:6443/livez from the client, verified against the cluster CA" livez
expect "every agent counts its machine healthy" wait_until 30 agents_healthy
for name in "${machines[@]}"; do
        expect "$name: the agent runs as its own user" on "$name" bash -c \
                '[ "$(ps -o user= -p "$(systemctl show -p MainPID --value triarch-agent)")" = triarch ]'
        expect "$name: agent and enrolment are enabled" on "$name" systemctl is-enabled triarch-agent triarch-enroll.socket
done
owners_since
say "  changes of owner: $takeovers, two MACs at once: $overlap_ms ms"

# By a reader that shares no code with what wrote them.
joined="host1=https://${machine_address[host1]}:2380"
for name in "${machines[@]}"; do
        options=(--root "$lab_state/$name/root" --node "$name" --address "${machine_address[$name]}" --vip "$vip")
        if [ "$name" != host1 ]; then
                joined+=",$name=https://${machine_address[$name]}:2380"
                options+=(--join --initial-cluster "$joined")
        fi
        timed "$lab_source/tests/compare/compare" "${options[@]}"
        sed 's/^/    /' "$log"
        expect "$name: manifests and PKI are kubeadm's but for the deviations explained" [ "$status" = 0 ]
done
finish
