#!/bin/bash
# CoreDNS, kube-proxy and flannel: applied by init, twice without a change; what an operator changed is kept.
source "$(dirname "$0")/cluster.sh"
lab_enter "$@"

addon() {
        timed on host1 triarch init phase addon "$@" --config /etc/triarch/config.yaml
}

api() {
        on host1 /usr/lib/triarch-lab/api.py "$@"
}

# Value of a path in an object: field PATH 'EXPRESSION of o'.
field() {
        api GET "$1" | python3 -c "import json, sys; o = json.load(sys.stdin); print($2)"
}

objects=(
        api/v1/namespaces/kube-system/{serviceaccounts,configmaps}/{coredns,kube-proxy}
        api/v1/namespaces/kube-system/services/kube-dns
        apis/apps/v1/namespaces/kube-system/{deployments/coredns,daemonsets/kube-proxy}
        apis/rbac.authorization.k8s.io/v1/{clusterroles,clusterrolebindings}/system:coredns
        apis/rbac.authorization.k8s.io/v1/clusterrolebindings/kubeadm:node-proxier
        apis/rbac.authorization.k8s.io/v1/namespaces/kube-system/{roles,rolebindings}/kube-proxy
        api/v1/namespaces/kube-flannel
        api/v1/namespaces/kube-flannel/{serviceaccounts/flannel,configmaps/kube-flannel-cfg}
        apis/apps/v1/namespaces/kube-flannel/daemonsets/kube-flannel-ds
        apis/rbac.authorization.k8s.io/v1/{clusterroles,clusterrolebindings}/flannel
)
versions() {
        local path

        for path in "${objects[@]}"; do
                echo "$path $(field "/$path" 'o["metadata"]["resourceVersion"]')"
        done
}

cluster_ensure
addon all
expect "applied, by init or now" [ "$status" = 0 ]
versions >"$lab_out/addons.before"
expect "all ${#objects[@]} objects are there" [ "$(grep -c ' [0-9]' "$lab_out/addons.before")" = "${#objects[@]}" ]
addon all -v 1
expect "once more: status 0" [ "$status" = 0 ]
expect "and everything is kept" [ "$(grep -c '^\[addon\] kept ' "$log")" = "${#objects[@]}" ]
versions >"$lab_out/addons.after"
expect "no resourceVersion changed" cmp "$lab_out/addons.before" "$lab_out/addons.after"

corefile=/api/v1/namespaces/kube-system/configmaps/coredns
proxy=/api/v1/namespaces/kube-system/configmaps/kube-proxy
deployment=/apis/apps/v1/namespaces/kube-system/deployments/coredns
daemonset=/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy
expect "DNS answers in reverse, too" [ "$(field $corefile '"kubernetes cluster.local in-addr.arpa ip6.arpa {" in o["data"]["Corefile"]')" = True ]
expect "kube-proxy goes to the virtual address" [ "$(field $proxy '"server: https://'"$vip"':6443" in o["data"]["kubeconfig.conf"]')" = True ]
expect "CoreDNS is there twice" [ "$(field $deployment 'o["spec"]["replicas"]')" = 2 ]

say "  an operator changes the Corefile and the replicas"
api PATCH "$corefile?fieldManager=operator" '{"data": {"Corefile": ".:53 {\n    errors\n}\n"}}' >/dev/null
api PATCH "$deployment?fieldManager=operator" '{"spec": {"replicas": 3}}' >/dev/null
addon all
expect "the next run ends well" [ "$status" = 0 ]
expect "and warns of the Corefile, naming field and manager" \
        grep -q 'warning: ConfigMap kube-system/coredns is left as it is.*Corefile.*operator' "$log"
expect "the Corefile is the operator's" [ "$(field $corefile 'o["data"]["Corefile"]')" = ".:53 {
    errors
}" ]
expect "the replicas are" [ "$(field $deployment 'o["spec"]["replicas"]')" = 3 ]
api DELETE "$corefile" >/dev/null
addon coredns
expect "what was deleted is made again" [ "$(field $corefile '"in-addr.arpa" in o["data"]["Corefile"]')" = True ]

api DELETE $daemonset >/dev/null
addon coredns
expect "one of them alone: CoreDNS, not kube-proxy" [ "$(api GET $daemonset 2>&1 | grep -c 'HTTP 404')" = 1 ]
addon kube-proxy
expect "kube-proxy alone" api GET $daemonset
finish
