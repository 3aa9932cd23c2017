#!/bin/bash
# The lab's stand-in for kube-apiserver stores objects: requests to it, and its answers, beside a real etcd
# and with triarch's PKI and manifest. A second stand-in serves the same objects, and a killed one has them
# again. In a network namespace of its own.
set -u
[ "$(id -u)" = 0 ] && command -v etcd >/dev/null || { echo "skipped: needs root and etcd"; exit 77; }
[ -n "${IN_NAMESPACE:-}" ] || IN_NAMESPACE=1 exec unshare --net --mount --pid --fork --mount-proc "$0" "$@"

build=${BUILD:-$PWD/build/dev}
triarch=${TRIARCH:-$build/triarch}
address=172.18.0.154
dir=$(mktemp -d /tmp/triarch-standin-XXXXXX)
STANDIN_OBJECTS=$(cd "$(dirname "$0")/../lab/objects" && pwd)
export STANDIN_OBJECTS
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf "$dir"' EXIT
failed=0

start_etcd() {
	local pki=$dir/etc/kubernetes/pki/etcd

	etcd --data-dir "$dir/etcd" --listen-client-urls https://127.0.0.1:2379 --client-cert-auth \
		--advertise-client-urls https://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380 \
		--cert-file "$pki/server.crt" --key-file "$pki/server.key" --trusted-ca-file "$pki/ca.crt" \
		>"$dir/etcd.log" 2>&1 &
	pids+=($!)
}

# start_standin PORT: with the flags of the rendered manifest.
start_standin() {
	local flags

	mapfile -t flags < <(python3 - "$dir" "$1" <<'PYTHON'
import sys, yaml
root, port = sys.argv[1:]
with open(root + "/etc/kubernetes/manifests/kube-apiserver.yaml") as file:
    pod = yaml.safe_load(file)
for word in pod["spec"]["containers"][0]["command"][1:]:
    word = word.replace("=/etc/", "=" + root + "/etc/")
    print("--secure-port=" + port if word.startswith("--secure-port=") else word)
PYTHON
	)
	"$build/tests/standin-apiserver" "${flags[@]}" >"$dir/standin.$1.log" 2>&1 &
	pids+=($!)
}

wait_standin() {
	local deadline=$((SECONDS + 60))

	until curl -sk --max-time 2 "https://$address:$1/readyz" | grep -qx ok; do
		[ $SECONDS -lt $deadline ] || { echo "FAILED  the stand-in on $1 does not start:"; cat "$dir/standin.$1.log"; exit 1; }
		sleep 0.1
	done
}

ask() { # WHAT PORT
	"$(dirname "$0")/standin_objects.py" "$1" "$dir" "https://$address:$2" || failed=1
}

ip link set lo up
ip addr add "$address/22" dev lo
options=(--root "$dir" --vip 172.18.0.192/22 --interface lo --node-name host1 --apiserver-advertise-address "$address")
"$triarch" init phase certs all "${options[@]}" >/dev/null &&
	"$triarch" init phase kubeconfig all "${options[@]}" >/dev/null &&
	"$triarch" init phase control-plane apiserver "${options[@]}" >/dev/null || { echo "FAILED  triarch's PKI"; exit 1; }
start_etcd
start_standin 6443
first=${pids[-1]}
start_standin 6444 # at the same time: both make what is there from the start
wait_standin 6443
wait_standin 6444
ask ask 6443
echo "--- another stand-in, on the same etcd"
ask kept 6444
echo "--- the first one, killed and started again"
kill -KILL "$first"
wait "$first" 2>/dev/null
start_standin 6443
wait_standin 6443
ask kept 6443
if pgrep -f "$STANDIN_OBJECTS/server.py" | wc -l | grep -qx 2; then
	echo "ok      the killed one's other program ended with it"
else
	echo "FAILED  the killed one's other program runs on"
	failed=1
fi
exit $failed
