#!/bin/bash
# apiServerLoadBalancing with three agents and a service on each host: the owner spreads new connections over all that
# are healthy, follows their health, and serves alone when nobody else is left; the table is where the address is and
# nowhere else, and does not outlive the agent. Whoever answers is told by its certificate.
set -u
here=$(dirname "$0")
. "$here/hosts.sh"
. "$here/agents.sh"
. "$here/services.sh"
needs openssl python3 nft
own_namespaces "$@"
trap 'remove_hosts 2>/dev/null; umount /etc "$dir/over"; rm -rf "$dir"' EXIT
export KEEP=1 # until nothing is mounted below it
build_hosts 4 # the fourth is the client
hosts="1 2 3"
failed=0

make_key "$dir/vip.key"
make_ca
# What a cluster's agents find in /etc/triarch: over this machine's /etc, in our own mount namespace.
mkdir "$dir/over" && mount -t tmpfs over "$dir/over" && mkdir "$dir/over/up" "$dir/over/work" &&
	mount -t overlay -o "lowerdir=/etc,upperdir=$dir/over/up,workdir=$dir/over/work" over /etc || exit 1
mkdir -p /etc/triarch
printf '{"gen": 1, "members": [%s]}\n' "$(for i in $hosts; do
	printf '{"id": "%016x", "name": "n%s", "address": "10.77.0.%s", "witness": false}\n' $i $i $i
done | paste -sd,)" >/etc/triarch/members.json
balanced=true
write_config() { # I
	{
		printf 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.2\n---\n'
		printf 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nlocalAPIEndpoint: { advertiseAddress: 10.77.0.%s }\n---\n' $1
		printf '  keyFile: %s/vip.key\n' "$dir" | checked_group $1 | configure $1
		cat "$dir/a$1/config.yaml"
		printf '  etcd: { enabled: false }\n  kubelet: { enabled: false }\n  clock: { enabled: false }\n' >"$dir/checks"
		printf 'stateDir: %s/a%s\nmetrics: 127.0.0.1:7645\napiServerLoadBalancing: %s\n' "$dir" $1 $balanced
	} >"$dir/new"
	sed "/^  apiServer: {/r $dir/checks" "$dir/new" >"$dir/a$1/config.yaml"
}
for i in $hosts; do
	make_certificate $i
	write_config $i
	start_service $i
	in_ns $i sysctl -qw net.ipv4.ip_forward=1
	start_agent $i
done
in_ns 4 ip addr flush dev eth0 scope global to 10.77.0.100

# N new connections of the client: "1=10 2=10 3=10 lost=0"
cat >"$dir/connect.py" <<'END'
import collections, socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[1])
context.check_hostname = False
seen = collections.Counter(lost=0)
for i in range(int(sys.argv[2])):
    try:
        with socket.create_connection(("10.77.0.100", 6443), 2) as raw, context.wrap_socket(raw) as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            if not s.recv(100).startswith(b"HTTP/1.1 200"):
                raise OSError
            seen[dict(x[0] for x in s.getpeercert()["subject"])["commonName"]] += 1
    except OSError:
        seen["lost"] += 1
print(" ".join("%s=%d" % x for x in sorted(seen.items())))
END
connect() { in_ns ${2:-4} python3 "$dir/connect.py" "$dir/ca.crt" $1; } # N [HOST]
table_on() { in_ns $1 nft list tables 2>/dev/null | grep -q triarch_api; }
tables() { local i; for i in $hosts; do table_on $i && printf '%s ' $i; done; }
targets_are() { field_is $owner 'len(s["loadBalancing"]["targets"]) if s["loadBalancing"]["spreads"] else 0' $1; }
spreads_over() { # WHAT N EXPECTED [HOST]: N connections go as expected, from HOST
	local got
	got=$(connect $2 ${4:-4})
	[ "$got" = "$3" ] && ok "$1" "$got" || bad "$1" "$got, wanted $3; $(field $owner 's["loadBalancing"]')"
}

settled 20
wait_for 15 targets_are 3 || bad start "$(field $owner 's["loadBalancing"]'); $(tail -n 3 "$dir/a$owner/log")"
spreads_over "three healthy masters share" 30 "lost=0 n1=10 n2=10 n3=10"
[ "$(tables)" = "$owner " ] && ok "the table is where the address is" "n$owner" || bad tables "$(tables), owner n$owner"
spreads_over "a client on the owner itself, too" 9 "lost=0 n1=3 n2=3 n3=3" $owner
other=$((owner % 3 + 1)) third=$(((owner + 1) % 3 + 1))
spreads_over "and one on another master" 9 "lost=0 n1=3 n2=3 n3=3" $other
ctl $owner status | grep -q '^balance  new connections are spread over 10.77.0' && ok "status says over whom" "$(ctl $owner status | grep '^balance')" || bad status "$(ctl $owner status)"

# --- an open connection stays where it is when the others change
in_ns 4 python3 -c '
import socket, ssl, sys, time
c = ssl.create_default_context(cafile=sys.argv[1]); c.check_hostname = False
held = [c.wrap_socket(socket.create_connection(("10.77.0.100", 6443))) for i in range(3)]
who = [dict(x[0] for x in s.getpeercert()["subject"])["commonName"] for s in held]
print("ready", flush=True); sys.stdin.readline()
for s, name in zip(held, who):
    try:
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"); print(name, s.recv(15).decode())
    except OSError as e:
        print(name, e)
' "$dir/ca.crt" < <(until [ -e "$dir/go" ] || [ ! -d "$dir" ]; do sleep 0.1; done; echo) >"$dir/held" 2>&1 &
held=$!
wait_for 15 grep -q ready "$dir/held" || bad "held connections" "$(cat "$dir/held")"

# --- one service ends
from=$(date +%s.%N)
kill ${service[$other]}
wait_for 15 targets_are 2 || bad "one ends" "$(field $owner 's["loadBalancing"]')"
took=$(field $owner "round((__import__('datetime').datetime.fromisoformat([h['time'] for h in s['history'] if h['what'] == 'balance'][-1].replace('Z', '+00:00')).timestamp() - $from) * 1000)")
spreads_over "the service of n$other ended, left out after $took ms" 20 "$(for i in $hosts; do [ $i = $other ] || echo n$i=10; done | xargs echo lost=0)"
touch "$dir/go"
wait $held
[ "$(grep -c 'HTTP/1.1 200' "$dir/held")" = 2 ] && ok "connections to the others stay" "$(tail -n +2 "$dir/held" | xargs)" || bad "held connections" "$(cat "$dir/held")"
start_service $other
wait_for 20 targets_are 3 || bad "back" "$(field $owner 's["loadBalancing"]')"
spreads_over "it is back and takes part" 30 "lost=0 n1=10 n2=10 n3=10"

# --- another machine loses its power; then nobody else is left
ip -n h0 link set port$other down
wait_for 15 targets_are 2 && ok "n$other is cut off: left out" || bad "cut off" "$(field $owner 's["loadBalancing"]')"
kill ${service[$third]}
wait_for 15 targets_are 0 || bad "alone" "$(field $owner 's["loadBalancing"]')"
spreads_over "nobody else is healthy: the owner serves alone" 5 "lost=0 n$owner=5"
[ -z "$(tables)" ] && ok "without a table" || bad "alone" "tables: $(tables)"
start_service $third
ip -n h0 link set port$other up
wait_for 20 targets_are 3 || bad "all back" "$(field $owner 's["loadBalancing"]')"

# --- the address moves, and the spreading with it
was=$owner
wait_for 10 ctl $owner vip move n$other >/dev/null || bad move "$(ctl $owner vip move n$other 2>&1)"
wait_for 5 owner_is $other || bad move "$(owners)"
owner=$other
wait_for 15 targets_are 3
spreads_over "the new owner spreads" 30 "lost=0 n1=10 n2=10 n3=10"
no_table() { ! table_on $was; }
wait_for 2 no_table && ok "the old one has no table any more" || bad "old table" "$(tables)"

# --- the agent is killed: the kernel removes the table, and the host serves what comes until another has the address
stop_agent $owner KILL
gone_there() { ! table_on $owner; }
wait_for 2 gone_there && ok "kill -9: the table is gone with the agent" || bad "kill -9" "$(tables)"
wait_for 10 owner_is_not $owner || bad "kill -9" "nobody has taken over: $(owners)"

# --- forwarding is off: nothing would arrive elsewhere
start_agent $owner
settled 20
wait_for 15 targets_are 3
in_ns $owner sysctl -qw net.ipv4.ip_forward=0
stop_agent $((owner % 3 + 1))
wait_for 15 targets_are 0 || bad "forwarding" "$(field $owner 's["loadBalancing"]')"
spreads_over "the machine does not forward: it serves alone" 5 "lost=0 n$owner=5"
field $owner 's["loadBalancing"]["problem"]' | grep -q ip_forward && ok "and says why" "$(field $owner 's["loadBalancing"]["problem"]')" || bad "forwarding" "$(field $owner 's["loadBalancing"]')"

# --- off by default
for i in $hosts; do
	runs $i && stop_agent $i
	balanced=false
	write_config $i
	start_agent $i
done
settled 20
sleep 0.5
[ -z "$(tables)" ] && ok "off: no table" || bad off "$(tables)"
exit $failed
