#!/bin/bash
# The list of the virtual address's members kept in step with a real etcd (lease rule 12): three masters' trees, whose
# members are three etcds. Who joins, who leaves, who is lost; a generation waits until the one before it has arrived.
set -u
[ "$(id -u)" = 0 ] && command -v etcd >/dev/null || { echo "skipped: needs root and etcd"; exit 77; }
[ -n "${IN_NAMESPACE:-}" ] || IN_NAMESPACE=1 exec unshare --net --mount "$0" "$@"

client=$(realpath "${BUILD:-build/dev}")/tests/etcdclient
dir=$(mktemp -d /tmp/triarch-reconcile-XXXXXX)
declare -A pid
trap 'kill ${pid[@]} 2>/dev/null; wait 2>/dev/null; [ -n "${KEEP:-}" ] || rm -rf "$dir"' EXIT
ip link set lo up
for i in 1 2 3; do ip address add 10.78.0.$i/24 dev lo; done
failed=0
out=
source "$(dirname "$0")/etcd.sh"

start_etcd() { # N STATE MEMBER...: N listens at 10.78.0.N, the first for everybody's questions too
	local n=$1 state=$2 pki=$dir/$1/pki/etcd own= list=
	shift 2
	[ "$n" != 1 ] || own=,https://127.0.0.1:2379
	for i; do list+=${list:+,}host$i=https://10.78.0.$i:2380; done
	etcd --name "host$n" --data-dir "$dir/data$n" --initial-cluster "$list" --initial-cluster-state "$state" \
		--listen-client-urls "https://10.78.0.$n:2379$own" --advertise-client-urls "https://10.78.0.$n:2379" \
		--listen-peer-urls "https://10.78.0.$n:2380" --initial-advertise-peer-urls "https://10.78.0.$n:2380" \
		--cert-file "$pki/server.crt" --key-file "$pki/server.key" --trusted-ca-file "$pki/ca.crt" --client-cert-auth \
		--peer-cert-file "$pki/peer.crt" --peer-key-file "$pki/peer.key" --peer-trusted-ca-file "$pki/ca.crt" \
		--peer-client-cert-auth >"$dir/etcd$n.log" 2>&1 &
	pid[$n]=$!
}
tree() { # N
	mkdir -p "$dir/$1/etc/triarch" "$dir/$1/var/lib/triarch" "$dir/$1/etc/kubernetes"
	mkdir -p "$dir/$1/pki/etcd"
	[ "$1" = 1 ] || cp "$dir/1/pki/etcd/"ca.* "$dir/$1/pki/etcd/"
	"$client" certs "$dir/$1" "host$1" "10.78.0.$1" || exit 1
	# All hosts' etcds dial from one address here, and etcd looks for the caller's in its certificate.
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$dir/$1/pki/etcd/peer.key" -subj "/CN=host$1" \
		-CA "$dir/$1/pki/etcd/ca.crt" -CAkey "$dir/$1/pki/etcd/ca.key" -x509 -days 2 -out "$dir/$1/pki/etcd/peer.crt" \
		-addext subjectAltName=IP:10.78.0.1,IP:10.78.0.2,IP:10.78.0.3 -addext extendedKeyUsage=serverAuth,clientAuth 2>/dev/null
	ln -s "$dir/$1/pki" "$dir/$1/etc/kubernetes/pki"
	cat >"$dir/$1/etc/triarch/config.yaml" <<-END
		apiVersion: triarch.dev/v1alpha1
		kind: AgentConfiguration
		nodeName: host$1
		vip: { address: 10.78.0.100/24, interface: lo }
		---
		apiVersion: kubeadm.k8s.io/v1beta4
		kind: ClusterConfiguration
		---
		apiVersion: kubeadm.k8s.io/v1beta4
		kind: InitConfiguration
		localAPIEndpoint: { advertiseAddress: 10.78.0.$1 }
	END
}
gen() { python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); print(d["gen"], *[m["name"] for m in d["members"]])' "$dir/$1/etc/triarch/members.json"; }

pki=$dir/1/pki/etcd
for i in 1 2 3; do tree $i; done
call 1 once
expect "etcd does not answer" '^EAGAIN: '
start_etcd 1 new 1
until_etcd list
call 1 once
expect "no list anywhere: nothing to do" '^0$'
call 2 fetch
expect "a joiner finds no list yet" '^ENOENT: '
echo '{"gen": 1, "members": [{"id": "00000000000000a1", "name": "host1", "address": "10.78.0.1", "witness": false}]}' \
	>"$dir/1/etc/triarch/members.json"
call 1 once
expect "the first master's list goes to etcd" '^etcd has the list of generation 1 from here now'
call 1 once
expect "a second look changes nothing" '^0$'

join() { # N MEMBER...
	sleep 1.1 # etcd's ids are made from the URL and the second
	until_etcd add-learner "https://10.78.0.$1:2380"
	local id=$(sed -n 's/^added //p' <<<"$out")
	start_etcd "$1" existing "${@:2}"
	call "$1" enter
	expect "host$1, a learner, is not listed" '^0 this machine is no voting member'
	until_etcd promote "$id"
}
join 2 1 2
call 2 fetch
out=$(gen 2)
expect "host2 has the list as it is" '^1 host1$'
call 2 enter
expect "host2 enters" '^1$'
out=$(gen 2)
expect "and has it on disk" '^2 host1 host2$'
call 2 enter
expect "entering again changes nothing" '^1$'
out=$(gen 1)
expect "host1 does not know yet" '^1 host1$'

join 3 1 2 3
call 3 fetch
call 3 enter
expect "host3 waits: host1, the majority of generation 1, has it not" '^0 only 0 of the 1 members before'
call 1 once
expect "host1 follows" 'has 2 members now \(generation 2\)'
call 3 enter
expect "host3 enters" '^1$'
call 2 leave
expect "host2 must wait: of generation 2 nobody has generation 3" '^0 only 0 of the 2 members before'
call 1 once
call 2 leave
expect "one of two is no majority" '^0 only 1 of the 2 members before'
call 2 once
call 2 leave
expect "host2 is out, the others do not know" '^0'
call 2 leave
expect "it waits until a majority of those that stay has the list" '^0 0 of the 2 members that stay'
call 1 once
call 2 leave
expect "one of two is not enough" '^0 1 of the 2 members that stay'
call 3 once
call 2 leave
expect "now it may go" '^1$'
out=$(gen 2)
expect "its own file says so" '^4 host1 host3$'

# The key, the same on both: host1's goes to etcd, host3 gets it; then a new one in three steps.
keys() { sha256sum "$dir"/[13]/etc/triarch/vip.key 2>/dev/null | cut -c1-64 | sort | uniq -c | awk '{ printf "%s ", $1 }'; cut -d' ' -f1,2 "$dir/$1/etc/triarch/vip.key" | tr '\n' ';'; }
first=$(openssl rand -hex 32)
(umask 027; echo "send 1 $first" >"$dir/1/etc/triarch/vip.key")
call 1 once
out=$(etcd_call get /triarch/vip/keys)
expect "the key goes to etcd" "^[0-9]+ 72 send 1 $first"
call 3 once
out=$(keys 3)
expect "both have it" '^2 send 1;$'
out=$(stat -c %a "$dir/3/etc/triarch/vip.key")
expect "mode" '^640$'
# host3 looks from time to time, as its service does; what it has in between is noted.
(while :; do "$client" reconcile "$dir/3" once >/dev/null; cut -d' ' -f1,2 "$dir/3/etc/triarch/vip.key" | tr '\n' ';'; echo; done >"$dir/steps" 2>&1) &
pid[looking]=$!
call 1 rotate
expect "rotated" 'a new key is accepted.*|the old key is dropped'
out=${out//$'\n'/ }
expect "in this order" '^a new key is accepted .*the new key is sent with .*the old key is dropped .* 0$'
kill ${pid[looking]}; wait ${pid[looking]} 2>/dev/null
unset "pid[looking]"
out=$(keys 3)
expect "both have the new one alone" '^2 send 2;$'
out=$(uniq "$dir/steps" | tr '\n' ' ')
expect "host3 saw every step" '^(send 1; )?send 1;accept 2; accept 1;send 2; (send 2; )?$'
out=$(cat "$dir/3/etc/triarch/vip.key")
[[ $out != *$first* ]] || { echo "FAILED  the old key is still there"; failed=1; }

# A machine that etcd loses without asking it.
id=$(etcd_call list | awk '$2 == "host3" { print $1 }')
id2=$(etcd_call list | awk '$2 == "host2" { print $1 }')
until_etcd remove "$id2" && sleep 1
call 1 once
expect "host2 was out already" '^0$'
until_etcd remove "$id" && sleep 1
until_etcd list
call 1 once
expect "host3 is lost: taken out" 'host3 is no voting member of etcd any more: taken out of the list'
out=$(gen 1)
expect "host1 is alone" '^5 host1$'
call 1 leave
expect "the last one stays" '^1$'

# etcd went back to a snapshot: the newer list is the one on disk.
etcd_call delete /triarch/vip/members
call 1 once
expect "a lost list comes back from disk" '^etcd has the list of generation 5 from here now'
etcd_call put /triarch/vip/members "$(etcd_call get /triarch/vip/members | cut -d' ' -f1 | head -1)" '{"list": 7}' >/dev/null
call 1 once
expect "a list that is none is refused by name" "EBADMSG: etcd's /triarch/vip/members is no list"
exit $failed
