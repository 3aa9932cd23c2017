#!/bin/bash
# An administrator's etcd (a real one) under two masters' trees: its endpoints one after the other when one has gone or
# is silent, the masters' own list in it, preflight under kubeadm's names, and reset, which removes no member of it.
set -u
[ "$(id -u)" = 0 ] && command -v etcd >/dev/null || { echo "skipped: needs root and etcd"; exit 77; }
[ -n "${IN_NAMESPACE:-}" ] || IN_NAMESPACE=1 exec unshare --net --mount --pid --fork --mount-proc "$0" "$@"

build=$(realpath "${BUILD:-build/dev}")
client=$build/tests/etcdclient
triarch=${TRIARCH:-$build/triarch}
dir=$(mktemp -d /tmp/triarch-external-XXXXXX)
pids=()
trap 'kill -CONT ${pids[@]} 2>/dev/null; kill ${pids[@]} 2>/dev/null; wait 2>/dev/null; [ -n "${KEEP:-}" ] || rm -rf "$dir"' EXIT
ip link set lo up
ip link add uplink type veth peer name far
ip link set uplink up
ip link set far up
for i in 1 2; do ip address add 10.78.0.$i/24 dev uplink; done
failed=0
out=
source "$(dirname "$0")/etcd.sh"

# The administrator's PKI: nothing of it is below /etc/kubernetes.
"$client" certs "$dir/admin" etcd1 127.0.0.1 || exit 1
pki=$dir/admin/pki/etcd
etcd --name other --data-dir "$dir/data" --listen-client-urls https://127.0.0.1:2379 \
	--advertise-client-urls https://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380 --cert-file "$pki/server.crt" \
	--key-file "$pki/server.key" --trusted-ca-file "$pki/ca.crt" --client-cert-auth >"$dir/etcd.log" 2>&1 &
pids+=($!)
# The first endpoint: what can be taken away, and silenced.
forward() {
	python3 - <<-'PYTHON' &
	import socket, threading
	def copy(a, b):
	    try:
	        while data := a.recv(65536):
	            b.sendall(data)
	    except OSError:
	        pass
	    b.close()
	listener = socket.create_server(("127.0.0.1", 2377))
	while True:
	    one, _ = listener.accept()
	    other = socket.create_connection(("127.0.0.1", 2379))
	    for pair in (one, other), (other, one):
	        threading.Thread(target=copy, args=pair, daemon=True).start()
	PYTHON
	pids+=($!)
	until (: </dev/tcp/127.0.0.1/2377) 2>/dev/null; do kill -0 "${pids[1]}" || { echo "the forwarder has ended"; exit 1; }; sleep 0.05; done
}

tree() { # N
	mkdir -p "$dir/$1/etc/triarch" "$dir/$1/var/lib/triarch" "$dir/$1/etc/etcd" "$dir/$1/etc/kubernetes"
	cp "$pki/ca.crt" "$dir/$1/etc/etcd/ca.crt"
	cp "$pki/healthcheck-client.crt" "$dir/$1/etc/etcd/client.crt"
	cp "$pki/healthcheck-client.key" "$dir/$1/etc/etcd/client.key"
	cat >"$dir/$1/etc/triarch/config.yaml" <<-END
		apiVersion: triarch.dev/v1alpha1
		kind: AgentConfiguration
		nodeName: host$1
		vip: { address: 10.78.0.100/24, interface: uplink }
		---
		apiVersion: kubeadm.k8s.io/v1beta4
		kind: ClusterConfiguration
		kubernetesVersion: ${version:-v1.35.1}
		etcd:
		  external:
		    endpoints: [ "https://127.0.0.1:2377", "https://127.0.0.1:2379" ]
		    caFile: /etc/etcd/ca.crt
		    certFile: /etc/etcd/client.crt
		    keyFile: /etc/etcd/client.key
		---
		apiVersion: kubeadm.k8s.io/v1beta4
		kind: InitConfiguration
		localAPIEndpoint: { advertiseAddress: 10.78.0.$1 }
	END
}
masters() { out=$(etcd_call get /triarch/masters | sed '1s/^[^ ]* [^ ]* //' | python3 -c 'import json,sys; print(*[m["name"]+" "+m["url"] for m in json.load(sys.stdin)], sep="; ")'); }

until_etcd list
members=$(etcd_call list)

tree 1
tree 2
echo '{"gen": 1, "members": [{"id": "00000000000000a1", "name": "host1", "address": "10.78.0.1", "witness": false}]}' \
	>"$dir/1/etc/triarch/members.json"
call 1 once
expect "the first endpoint has gone: the second serves" '^0$'
masters
expect "the first master is enlisted" '^host1 https://10.78.0.1:2380$'
forward
kill -STOP "${pids[1]}"
call 2 enter
expect "the first is silent; who is no master has no vote yet" '^0 this machine is no voting member of etcd$'
call 2 once
masters
expect "the second master is enlisted" '^host1 https://10.78.0.1:2380; host2 https://10.78.0.2:2380$'
kill -CONT "${pids[1]}"
for _ in {1..5}; do
	call 2 enter
	[[ ${out##*$'\n'} == 0* ]] || break
	call 1 once
done
expect "the second master has a vote" '^1$'
kill "${pids[1]}"
wait "${pids[1]}" 2>/dev/null
call 1 once
expect "the first endpoint has gone again" '^0$'
out=$(python3 -c 'import json,sys; print(*[m["name"] for m in json.load(open(sys.argv[1]))["members"]])' "$dir/1/etc/triarch/members.json")
expect "both are in the list of the address's members" '^host1 host2$'

preflight() { # TREE [FLAGS]: the lines about etcd
	out=$("$triarch" init phase preflight --config "$dir/$1.yaml" 2>&1 | grep ExternalEtcd)
	[ -n "$out" ] || out=silent
}
plain() { # TREE: its configuration, with files outside a root
	sed "s,/etc/etcd/,$dir/$1/etc/etcd/,; s,version: .*,&," "$dir/$1/etc/triarch/config.yaml" >"$dir/$1.yaml"
}
plain 1
preflight 1
expect "preflight: one endpoint does not answer" '^.\[WARNING ExternalEtcdVersion\]: .*127.0.0.1:2377'
sed -i 's/v1.35.1/v1.36.2/' "$dir/1.yaml"
preflight 1
expect "preflight: an etcd that is too old (Debian 12 has 3.4)" "$(etcd --version | grep -q '3\.[0-4]\.' && echo 'ERROR ExternalEtcdVersion\]: etcd at https://127.0.0.1:2379 is 3.4.*wants 3.5.24' || echo WARNING)"
cp "$dir/admin/pki/front-proxy-client.key" "$dir/1/etc/etcd/client.key"
preflight 1
expect "preflight: another certificate's key" 'ERROR ExternalEtcdClientCertificates\]: .*/etc/etcd/client.key cannot be used: .*mismatch'
cp "$pki/healthcheck-client.key" "$dir/1/etc/etcd/client.key"
sed -i 's/:2379/:2376/' "$dir/1.yaml"
preflight 1
expect "preflight: no endpoint answers" 'ERROR ExternalEtcdVersion\]: .*127.0.0.1:2377'

out=$("$client" reset "$dir/2" 2>&1)
expect "reset: out of both lists" '^\[reset\] the external etcd does not list this machine as a master any more, 1 are left$'
expect "reset: somebody is left" '^others are left$'
masters
expect "reset: the other master is still there" '^host1 https://10.78.0.1:2380$'
out=$("$client" reset "$dir/1" 2>&1)
expect "reset of the last: what stays is said" 'kept in the external etcd.*etcdctl --endpoints https://127.0.0.1:2379 del /registry/ --prefix$'
expect "reset of the last: the credentials are said, too" '^\[reset\] kept: /etc/etcd/ca.crt, /etc/etcd/client.crt, /etc/etcd/client.key'
for key in /triarch/masters /triarch/vip/members /triarch/vip/keys; do
	out=$(etcd_call get $key)
	expect "nothing of ours stays: $key" '^0 0 none$'
done
out=$(etcd_call list)
[ "$out" = "$members" ] || { echo "FAILED  etcd's members changed: $members -> $out"; failed=1; }
expect "etcd's own member is untouched" '^[0-9]+ other http://localhost:2380 voter$'
exit $failed
