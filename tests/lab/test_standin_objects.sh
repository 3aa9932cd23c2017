#!/bin/bash
# The objects that init and join have made at the stand-ins: rights, nodes, cluster-info with its signature.
source "$(dirname "$0")/cluster.sh"
lab_enter "$@"
[ -z "${KUBE_BIN_DIR:-}" ] || { say "  real Kubernetes: nothing to stand in for"; finish; }

token=abcdef.0123456789abcdef
info=/api/v1/namespaces/kube-public/configmaps/cluster-info
secret=/api/v1/namespaces/kube-system/secrets/bootstrap-token-${token%.*}

api() {
        local name=$1

        shift
        on "$name" /usr/lib/triarch-lab/api.py "$@"
}

# field MACHINE PATH 'EXPRESSION of o'
field() {
        api "$1" GET "$2" | python3 -c "import json, sys; o = json.load(sys.stdin); print($3)"
}

# From the client, anonymous: the status of GET PATH at the virtual address.
anonymous() {
        on_client python3 - "$vip" "$cluster_ca" "$1" "${2:-}" <<'PYTHON'
import http.client, ssl, sys
c = http.client.HTTPSConnection(sys.argv[1], 6443, timeout=5, context=ssl.create_default_context(cafile=sys.argv[2]))
c.request("GET", sys.argv[3], headers={"Authorization": "Bearer " + sys.argv[4]} if sys.argv[4] else {})
print(c.getresponse().status)
PYTHON
}

# The signature, computed by openssl: no code of what made it.
signature_holds() {
        local kubeconfig header

        kubeconfig=$(field host1 "$info" 'o["data"]["kubeconfig"]'; echo x)
        kubeconfig=${kubeconfig%$'\n'x}
        header=$(b64url <<<'{"alg":"HS256","kid":"'"${token%.*}"'"}')
        [ "$(field host1 "$info" 'o["data"]["jws-kubeconfig-'"${token%.*}"'"]')" = "$header..$(
                printf '%s.%s' "$header" "$(printf %s "$kubeconfig" | openssl base64 -A | tr '+/' '-_' | tr -d =)" |
                        openssl dgst -sha256 -hmac "${token#*.}" -binary | openssl base64 -A | tr '+/' '-_' | tr -d =)" ]
}

# A line, without its end.
b64url() {
        tr -d '\n' | openssl base64 -A | tr '+/' '-_' | tr -d =
}

signed() {
        [ "$(field host1 "$info" '"jws-kubeconfig-'"${token%.*}"'" in o["data"]')" = "$1" ]
}

token_secret() {
        python3 - "$token" "$(date -u -d "$1" +%Y-%m-%dT%H:%M:%SZ)" <<'PYTHON'
import json, sys
identifier, secret = sys.argv[1].split(".")
print(json.dumps({"apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
                  "metadata": {"name": "bootstrap-token-" + identifier},
                  "stringData": {"token-id": identifier, "token-secret": secret, "expiration": sys.argv[2],
                                 "usage-bootstrap-signing": "true", "usage-bootstrap-authentication": "true",
                                 "auth-extra-groups": "system:bootstrappers:kubeadm:default-node-token"}}))
PYTHON
}

node_ready() {
        [ "$(field "$1" "/api/v1/nodes/$2" '[c["status"] for c in o["status"]["conditions"] if c["type"] == "Ready"][0]')" = "$3" ]
}

# Asked one after the other, and the signatures of tokens come and go.
same_objects() {
        [ "$(for name in "${machines[@]}"; do
                field "$name" /api/v1/configmaps '[(i["metadata"]["name"], i["metadata"]["resourceVersion"]) for i in o["items"]]'
        done | sort -u | wc -l)" = 1 ]
}

cluster_ensure
for name in "${machines[@]}"; do
        path=/api/v1/nodes/$name
        expect "$name: ready, by its own API server" wait_until 60 node_ready "$name" "$name" True
        expect "$name: a control plane by its labels" [ "$(field "$name" "$path" \
                'sorted(k for k in o["metadata"]["labels"] if "node" in k)')" = \
                "['node-role.kubernetes.io/control-plane', 'node.kubernetes.io/exclude-from-external-load-balancers']" ]
        wait_until 30 eval '[ "$(field "$name" "$path" "len(o[\"spec\"][\"taints\"])")" = 1 ]' || true
        expect "$name: and by its taint, the only one" [ "$(field "$name" "$path" 'o["spec"]["taints"]')" = \
                "[{'key': 'node-role.kubernetes.io/control-plane', 'effect': 'NoSchedule'}]" ]
done
expect "the three API servers have the same objects" wait_until 30 same_objects

expect "anonymous reads cluster-info at the virtual address" [ "$(anonymous "$info")" = 200 ]
expect "and nothing else" [ "$(anonymous /api/v1/namespaces/kube-system/configmaps/kubeadm-config)" = 403 ]
expect "it goes to the virtual address" [ "$(field host1 "$info" '"server: https://'"$vip"':6443" in o["data"]["kubeconfig"]')" = True ]
expect "there is no signature of a token that is not there" signed False
api host1 POST "${secret%/*}" "$(token_secret "1 hour")" >/dev/null || fail "the token's Secret"
expect "the bootstrap signer signs cluster-info for a new token" wait_until 60 signed True
expect "as kubeadm verifies it" signature_holds
for path in kubeadm-config kubelet-config kube-proxy; do
        expect "who has the token reads $path" [ "$(anonymous "/api/v1/namespaces/kube-system/configmaps/$path" "$token")" = 200 ]
done
expect "and no Secret" [ "$(anonymous "$secret" "$token")" = 403 ]
api host1 PATCH "$secret" '{"stringData": {"expiration": "'"$(date -u +%Y-%m-%dT%H:%M:%SZ)"'"}}' >/dev/null
expect "when it has expired, the signature goes" wait_until 60 signed False
expect "and the token is nobody" [ "$(anonymous "$info" "$token")" = 401 ]
expect "and is deleted" wait_until 60 eval '! api host1 GET "$secret" >/dev/null 2>&1'

on host2 pkill -KILL -x kube-apiserver
expect "a killed API server has all of it again" wait_until 120 field host2 "$info" 'o["data"]["kubeconfig"]'
finish
