#!/bin/bash
# A worker: a fourth machine joins as one, through a token that is for workers alone; its node is kept Ready
# at the virtual address while the machine that has it loses its power; reset takes it back.
source "$(dirname "$0")/cluster.sh"
lab_enter "$@"

worker=${workers[0]}

worker_ready() {
        on "$1" /usr/lib/triarch-lab/api.py GET "/api/v1/nodes/$worker" | python3 -c 'import json, sys
sys.exit(not any(c["type"] == "Ready" and c["status"] == "True" for c in json.load(sys.stdin)["status"]["conditions"]))'
}

# beaten_since MACHINE TIME: Ready, by what its kubelet said after that. (Silent it is called Ready for 50 s more.)
beaten_since() {
        on "$1" /usr/lib/triarch-lab/api.py GET "/api/v1/nodes/$worker" | python3 -c 'import json, sys
sys.exit(not any(c["type"] == "Ready" and c["status"] == "True" and c["lastHeartbeatTime"] > sys.argv[1]
                 for c in json.load(sys.stdin)["status"]["conditions"]))' "$2"
}

# stays_ready MACHINE SECONDS: asked at that machine every two seconds.
stays_ready() {
        local end=$((SECONDS + $2)) asked=0

        while [ $SECONDS -lt "$end" ]; do
                worker_ready "$1" || { say "  not Ready, or no answer, at $(date +%T) after $asked times"; return 1; }
                asked=$((asked + 1))
                sleep 2
        done
        say "  asked $asked times"
}

# own_get PATH: with the credentials of the worker's kubelet.
own_get() {
        on "$worker" /usr/lib/triarch-lab/api.py -k /etc/kubernetes/kubelet.conf GET "$1"
}

# The words after "triarch join" for a worker, without --worker.
worker_words() {
        join_line host1 --worker "$@" | sed 's/^triarch join --worker //'
}

join_worker() {
        # shellcheck disable=SC2068 # words
        timed on "$worker" triarch join --worker $@ "${join_options[@]}"
}

cluster_ensure
machine_wipe "$worker"
machine_boot "$worker"
wait_until 180 clock_right "$worker" || die "chronyd of $worker does not follow the lab's server"
disk_list "$worker" >"$lab_out/worker.before"

words=$(join_words)
# shellcheck disable=SC2086 # words
join_worker $words
expect "a master's token makes no worker" [ "$status" = 1 ]
expect "and says so" grep -q "is for masters" "$log"
words=$(worker_words)
# shellcheck disable=SC2086 # words
timed on "$worker" triarch join $words "${join_options[@]}"
expect "a worker's token makes no master" [ "$status" != 0 ]
# shellcheck disable=SC2086 # words
join_worker $words --node-name host2
expect "the name of a master is refused" [ "$status" = 1 ]
disk_list "$worker" >"$lab_out/worker.refused"
expect "what was refused left nothing" cmp "$lab_out/worker.before" "$lab_out/worker.refused"

# shellcheck disable=SC2086 # words
join_worker $words
say "  join --worker on $worker: $seconds s, status $status"
[ "$status" = 0 ] || { cat "$log"; fail "join --worker"; cluster_report; on "$worker" journalctl --no-pager -n 30 -u kubelet; finish; }
conf=/etc/kubernetes/kubelet.conf
expect "its kubelet talks to the virtual address" on "$worker" grep -q "server: \"https://$vip:6443\"" $conf
expect "with the certificate that the kubelet renews" on "$worker" \
        grep -q 'client-certificate: "/var/lib/kubelet/pki/kubelet-client-current.pem"' $conf
expect "which is its own node's" on "$worker" sh -c 'openssl x509 -noout -subject -in /var/lib/kubelet/pki/kubelet-client-current.pem |
        grep -q "O = system:nodes, CN = system:node:'"$worker"'"'
expect "no key is there but its own" [ "$(on "$worker" sh -c 'grep -rl "PRIVATE KEY" /etc/kubernetes /etc/triarch /var/lib/triarch /var/lib/kubelet 2>/dev/null | grep -vc kubelet/pki/')" = 0 ]
expect "a master's kubelet talks to its own API server" on host2 grep -q "server: \"https://${machine_address[host2]}:6443\"" $conf
expect "the API server has the node" wait_until 60 own_get "/api/v1/nodes/$worker"
for path in /api/v1/secrets /api/v1/nodes/host1; do
        expect "its credentials do not reach $path" [ "$(own_get "$path" 2>&1 | grep -c 'HTTP 403')" = 1 ]
done

timed on "$worker" triarch join --worker
expect "a second join changes nothing" grep -q "nothing was changed" "$log"
# shellcheck disable=SC2046 # words
join_worker $(worker_words) --node-name other
expect "nor does one under another name" [ "$status" = 3 ]

holder=$(vip_holders)
say "  loss of power of $holder, which has the address"
machine_kill "$holder"
other=host1
[ "$holder" != host1 ] || other=host2
wait_until 60 one_holder || fail "nobody has the address"
since=$(date -u +%Y-%m-%dT%H:%M:%SZ)
expect "the worker's node is Ready at $other, by a heartbeat through the new owner" wait_until 40 beaten_since "$other" "$since"
if [ "${TRIARCH_LAB_LONG:-0}" = 1 ]; then
        expect "and in every answer for 15 minutes" stays_ready "$other" 900
fi
machine_boot "$holder"
cluster_settle

timed on "$worker" triarch reset --force
say "  reset: status $status: $(tail -n 1 "$log")"
expect "reset takes it back" [ "$status" = 0 ]
expect "and names the node to delete" grep -q "kubectl delete node $worker" "$log"
expect "and that the name is free" grep -q "$worker is not Ready any more" "$log"
disk_list "$worker" >"$lab_out/worker.after"
expect "nothing of triarch's is left on its disk" cmp "$lab_out/worker.before" "$lab_out/worker.after"
# shellcheck disable=SC2046 # words
join_worker $(worker_words)
say "  join under the same name, at once: $seconds s, status $status"
expect "it joins again under its name at once" [ "$status" = 0 ]
timed on "$worker" triarch reset --force
machine_wipe "$worker"
finish
