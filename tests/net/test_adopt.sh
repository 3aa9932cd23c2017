#!/bin/bash
# The hand-over from keepalived to triarch's agent, as adopt does it, on three hosts in network namespaces: the files by `triarch adopt
# --root`, the processes by hand, for there is no systemd here. A client outside asks through the address all the time; the gaps are
# printed. The API servers are stand-ins. Cases: VRRP 2 and 3, multicast and unicast, the address as /24 and as /32, backups first
# (as the manual has it) and the active machine first.
#
# usage: test_adopt.sh [CASE...]    KEEP=1: keep the logs
set -u
[ "$(id -u)" = 0 ] || { echo "skipped: needs root"; exit 77; }
command -v keepalived >/dev/null || { echo "skipped: needs keepalived"; exit 77; }
here=$(dirname "$0")
. "$here/hosts.sh"
. "$here/agents.sh"
all="v2_prefix24 v2_prefix32 v3_unicast_prefix32 v3_active_first"
build=${BUILD:-build/dev}
probe=$build/tests/probe
[ -x "$probe" ] && [ -x "$triarch" ] || { echo "no $probe: build first"; exit 1; }

own_namespaces "$@"
[ $# -gt 0 ] || set -- $all
failed=0
vip=10.77.0.100
limit_ms=500 # a lost address costs three seconds and more; the rest is the host

fail() {
	bad "$case" "$*"
	for i in 1 2 3; do [ -f "$dir/$i" ] && tail -n 12 "$dir/$i" | sed "s/^/        $i: /"; [ -f "$dir/a$i/log" ] && tail -n 12 "$dir/a$i/log" | sed "s/^/        agent $i: /"; done
	return 1
}

# ---- a master of kubeadm's on each host, as files; its API server as a stand-in ----

tree() { # I: $dir/rI
	local i=$1 root=$dir/r$1 file
	mkdir -p "$root/etc/kubernetes/pki/etcd"
	[ $i = 1 ] || for file in ca.crt ca.key sa.key sa.pub front-proxy-ca.crt front-proxy-ca.key etcd/ca.crt etcd/ca.key; do
		cp -p "$dir/r1/etc/kubernetes/pki/$file" "$root/etc/kubernetes/pki/$file"
	done
	"$triarch" init --root "$root" --vip $vip/24 --interface eth0 --node-name n$i --apiserver-advertise-address 10.77.0.$i \
		--ignore-preflight-errors all >"$dir/init$i" 2>&1 || { cat "$dir/init$i"; return 1; }
	python3 - "$root/etc/triarch/config.yaml" "$dir/kubeadm$i.yaml" <<'P'
import sys, yaml
docs = [d for d in yaml.safe_load_all(open(sys.argv[1])) if d["kind"] != "AgentConfiguration"]
for d in docs:
    d.get("nodeRegistration", {}).pop("ignorePreflightErrors", None)
yaml.safe_dump_all(docs, open(sys.argv[2], "w"))
P
	rm -rf "$root/etc/triarch" "$root/var/lib/triarch"
	mkdir -p "$root/etc/keepalived" "$dir/api$i"
	cat "$root/etc/kubernetes/pki/apiserver.crt" "$root/etc/kubernetes/pki/apiserver.key" >"$dir/api$i/server.pem"
}
api_server() { # I
	ip netns exec h$1 python3 "$here/standin_https.py" 6443 "$dir/api$1" >/dev/null 2>"$dir/api$1/log" &
	zebra[api$1]=$!
	disown
}

declare -A keepalived=()
write_keepalived() { # I
	local i=$1 j
	{
		printf 'global_defs {\n router_id n%s\n}\nvrrp_script api {\n script "/bin/true"\n weight 10\n}\n' $i
		printf 'vrrp_instance VI_1 {\n state BACKUP\n interface eth0\n virtual_router_id 51\n version %s\n' $vrrp
		printf ' priority %s\n advert_int 1\n' $((160 - 20 * i))
		if [ $unicast = 1 ]; then
			printf ' unicast_src_ip 10.77.0.%s\n unicast_peer {\n' $i
			for j in 1 2 3; do [ $j = $i ] || printf '  10.77.0.%s\n' $j; done
			printf ' }\n'
		fi
		printf ' virtual_ipaddress {\n  %s/%s\n }\n track_script {\n  api\n }\n}\n' $vip $prefix
	} >"$dir/r$i/etc/keepalived/keepalived.conf"
}
run_keepalived() { # I
	ip netns exec h$1 keepalived -nlPD -f "$dir/r$1/etc/keepalived/keepalived.conf" -p "$dir/k$1.pid" -r "$dir/kv$1.pid" >>"$dir/$1" 2>&1 &
	keepalived[$1]=$!
	zebra[k$1]=$!
	disown
}
end_keepalived() { # I SIGNAL
	# Stopped first: the one for VRRP would resign when its parent dies.
	[ $2 = TERM ] || kill -STOP ${keepalived[$1]} $(cat "$dir/kv$1.pid")
	kill -$2 ${keepalived[$1]} $([ $2 = TERM ] || cat "$dir/kv$1.pid") 2>/dev/null
	wait_for 5 gone ${keepalived[$1]}
	rm -f "$dir/k$1.pid" "$dir/kv$1.pid"
}

# What adopt made, its paths turned to where the files are; the checks of what does not run here are off.
run_agent() { # I [--keep-address]
	local i=$1
	mkdir -p "$dir/a$i"
	python3 - "$dir/r$i/etc/triarch/config.yaml" "$dir/a$i" "$dir/r$i" <<'P'
import sys, yaml
docs = list(yaml.safe_load_all(open(sys.argv[1])))
for d in docs:
    if d["kind"] != "AgentConfiguration":
        continue
    h = d.setdefault("health", {})
    for check in ("etcd", "kubelet", "clock"):
        h[check] = {"enabled": False}
    for key, value in h["apiServer"].items():
        if key.endswith("File"):
            h["apiServer"][key] = sys.argv[3] + value
    h["apiServer"]["timeout"] = "3s"  # a machine that is busy is no fault here
    d["socket"] = sys.argv[2] + "/agent.sock"
    d["stateDir"] = sys.argv[2]
    d["metrics"] = "127.0.0.1:7645"
yaml.safe_dump_all(docs, open(sys.argv[2] + "/config.yaml", "w"))
P
	ip netns exec h$i "$triarch" agent --config "$dir/a$i/config.yaml" ${2:-} 2>>"$dir/a$i/log" &
	agent[$i]=$!
	pid[$i]=$!
	disown
}
state_is() { field_is $1 's["vips"][0]["state"]' $2; } # I STATE

adopt_files() { # I
	sed "s,$vip/32,$vip/24," "$dir/r$1/etc/keepalived/keepalived.conf" >"$dir/r$1/etc/keepalived/known.conf" # the network cannot be seen from here
	"$triarch" adopt --root "$dir/r$1" --kubeadm-config "$dir/kubeadm$1.yaml" --keepalived-conf /etc/keepalived/known.conf --ignore-preflight-errors TimeSync >"$dir/adopt$1" 2>&1 ||
		{ cat "$dir/adopt$1"; fail "adopt --root on $1"; return 1; }
}
hand_over() { # I: what adopt does with the processes
	local i=$1 was=backup
	has_address $i $vip && was=active
	adopt_files $i || return 1
	run_agent $i --keep-address
	wait_for 20 state_is $i $was || { fail "the agent of $i is not $was"; return 1; }
	if [ $was = active ]; then
		end_keepalived $i KILL
		[ $prefix = 32 ] || ip -n h$i addr del $vip/$prefix dev eth0 || { fail "keepalived's address was gone before"; return 1; }
	else
		end_keepalived $i TERM
	fi
	sleep 5 # longer than any backup waits
	owner_is 1 $vip || fail "after $i: the address is at $(owners $vip)"
}
measure() { # TEXT LIMIT-MS: since the moment $from
	local gap to
	to=$(mono_ns)
	wait_for 5 answered_since $to
	gap=$("$here/../lab/gap.py" "$dir/probe" $from $to 2>&1) || { fail "$1: $gap"; return 1; }
	if below "$gap" $2; then ok "$case: $1" "longest time without an answer $gap ms"; else fail "$1: $gap ms without an answer"; fi
}
mono_ns() { python3 -c 'import time; print(time.monotonic_ns())'; }
answered_since() { tail -n 2 "$dir/probe" | awk -v t="$1" '$1 > t { n = 1 } END { exit !n }'; } # NS

one_case() {
	local i order='3 2 1'
	case=$1 vrrp=${1#v} unicast=0 prefix=24
	vrrp=${vrrp%%_*}
	case $1 in *prefix32*) prefix=32 ;; esac
	case $1 in *unicast*) unicast=1 ;; esac
	case $1 in *active_first*) order='1 2 3' ;; esac
	build_hosts 4 || return 1
	for i in 1 2 3; do tree $i && write_keepalived $i && api_server $i || { fail "host $i cannot be made"; return 1; }; done
	for i in 1 2 3; do run_keepalived $i; done
	wait_for 30 owner_is 1 $vip || { fail "keepalived: the address is at $(owners $vip)"; return 1; }
	ip netns exec h4 "$probe" $vip 6443 "$dir/r1/etc/kubernetes/pki/ca.crt" "$dir/probe" 20 >"$dir/probe.sum" 2>&1 &
	zebra[probe]=$!
	disown
	wait_for 10 test -s "$dir/probe" || { fail "the client has no connection"; return 1; }
	sleep 2
	for i in $order; do
		from=$(mono_ns)
		hand_over $i || return 1
		measure "$([ $i = 1 ] && echo 'the active machine' || echo "backup $i") handed over" $limit_ms
	done
	[ $(field 1 's["vips"][0]["priority"]') = 150 ] || fail "priority $(field 1 's["vips"][0]["priority"]') where keepalived had 140 and 10 for its script"
	go_back
}

# As --undo does it: the agent names the others by priority 0, so the gap is their skew time.
go_back() {
	from=$(mono_ns)
	stop_agent 1
	run_keepalived 1
	wait_for 30 owner_is 1 $vip || { fail "undo: the address is at $(owners $vip)"; return 1; }
	sleep 2
	measure "undo on the active machine" 3000
}

# What is refused, on files alone.
refusals() {
	local k
	case=refused
	build_hosts 1
	vrrp=2 unicast=0 prefix=24
	tree 1 && write_keepalived 1 || { fail "host 1 cannot be made"; remove_hosts; return; }
	k=$dir/r1/etc/keepalived/keepalived.conf
	sed -i 's/ advert_int 1/&\n authentication {\n  auth_type PASS\n  auth_pass secret\n }/' "$k"
	"$triarch" adopt --root "$dir/r1" --kubeadm-config "$dir/kubeadm1.yaml" >"$dir/out" 2>&1
	if [ $? = 2 ] && grep -q 'ERROR Keepalived-Authentication' "$dir/out" && ! grep -q secret "$dir/out"; then ok "authentication is refused by name"; else fail "authentication: $(cat "$dir/out")"; fi
	write_keepalived 1
	sed -i 's/--leader-elect=true/--leader-elect=false/' "$dir/r1/etc/kubernetes/manifests/kube-scheduler.yaml"
	rm "$dir/r1/etc/kubernetes/pki/apiserver-kubelet-client.key"
	"$triarch" adopt --root "$dir/r1" --kubeadm-config "$dir/kubeadm1.yaml" >"$dir/out" 2>&1
	if [ $? = 2 ] && grep -q 'is `--leader-elect=false`, would be `--leader-elect=true`' "$dir/out" &&
		grep -q 'FileExisting--etc-kubernetes-pki-apiserver-kubelet-client.key' "$dir/out" &&
		[ ! -e "$dir/r1/etc/triarch" ] && [ ! -e "$dir/r1/etc/kubernetes/pki/apiserver-kubelet-client.key" ]; then
		ok "what differs and what is missing is listed, nothing is made"
	else fail "differences: $(cat "$dir/out")"; fi
	"$triarch" adopt --root "$dir/r1" --kubeadm-config "$dir/kubeadm1.yaml" \
		--ignore-preflight-errors FileContent--etc-kubernetes-manifests-kube-scheduler.yaml >"$dir/out" 2>&1
	if [ $? = 2 ] && grep -q 'WARNING FileContent--etc-kubernetes-manifests-kube-scheduler.yaml' "$dir/out"; then ok "what is named is a warning"; else fail "ignored: $(cat "$dir/out")"; fi
	remove_hosts
}

trap remove_hosts EXIT
refusals
for name; do
	one_case $name || failed=1
	remove_hosts
	pid=() zebra=() agent=() keepalived=()
done
exit $failed
