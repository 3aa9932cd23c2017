#!/bin/bash
# A cluster whose address keepalived has is adopted while a client asks through it: backups first, the active machine last; back again; again.
# The masters' files are kubeadm's as `init` and `join` make them (a stand-in for a cluster of kubeadm's own); systemd and keepalived are real.
source "$(dirname "$0")/cluster.sh"
lab_enter "$@"

kubeadm=/root/kubeadm.yaml

# Nothing of triarch's is left but the program.
to_keepalived() {
        local name=$1 priority=$2

        on "$name" systemctl disable --now --quiet triarch-agent.service triarch-reconcile.service triarch-enroll.socket
        on "$name" python3 - <<P
import yaml
docs = [d for d in yaml.safe_load_all(open("/etc/triarch/config.yaml")) if d["kind"] != "AgentConfiguration"]
yaml.safe_dump_all(docs, open("$kubeadm", "w"))
P
        on "$name" sh -c 'rm -rf /etc/triarch /var/lib/triarch /var/lib/triarch-agent; mkdir -p /etc/keepalived'
        on "$name" sh -c 'cat >/etc/keepalived/keepalived.conf' <<K
global_defs {
        router_id $name
}
vrrp_instance VI_1 {
        state BACKUP
        interface host0
        virtual_router_id 51
        priority $priority
        advert_int 1
        virtual_ipaddress {
                $vip/$prefix
        }
}
K
        on "$name" systemctl enable --now --quiet keepalived.service
}

adopt() {
        timed on "$1" triarch adopt --kubeadm-config "$kubeadm" "${@:2}"
}

adopted() {
        [ "$(on "$1" systemctl is-active triarch-agent.service)" = active ] &&
                [ "$(on "$1" systemctl is-enabled triarch-agent.service)" = enabled ] &&
                [ "$(on "$1" systemctl is-enabled keepalived.service 2>&1)" = masked ] &&
                ! on "$1" pgrep -x keepalived
}

# machine, what it was; host3 asks the cluster for its kubeadm-config and kubelet-config
adopt_measured() {
        mark
        if [ "$1" = host3 ]; then timed on "$1" triarch adopt; else adopt "$1"; fi
        sed 's/^/    /' "$log"
        expect "$1 ($2) is adopted" [ "$status" = 0 ]
        expect "$1: agent enabled and active, keepalived masked and gone" adopted "$1"
        sleep 5
        measure
        say "  adopt of $1 ($2): $seconds s, longest time without an answer for the client $gap_ms ms"
        say "  (with nothing happening, longest in a second: $calm_ms ms)"
        aim 300 "$gap_ms"
        expect "nobody resigned, nobody took over" [ "$priority0 $takeovers" = "0 0" ]
        expect "the address is at host1 alone" holder_is host1
}

moved() {
        one_holder && ! holder_is host1
}

cluster_ensure
for i in 1 2 3; do
        to_keepalived "host$i" $((160 - 20 * i))
done
wait_until 60 holder_is host1 || fail "keepalived: the address is at \"$(vip_holders)\""
capture_start
probe_start
sleep 2

# ---- what is refused ----
on host1 sed -i 's/advert_int 1/&\n authentication {\n auth_type PASS\n auth_pass secret\n }/' /etc/keepalived/keepalived.conf
adopt host1
expect "authentication is refused: status 2" [ "$status" = 2 ]
expect "by its name" grep -q 'ERROR Keepalived-Authentication' "$log"
on host1 sed -i '/authentication/,/}/d' /etc/keepalived/keepalived.conf
on host1 sh -c "sed 's/podSubnet: .*/podSubnet: 10.245.0.0\/16/' $kubeadm >/root/other.yaml"
timed on host1 triarch adopt --kubeadm-config /root/other.yaml
expect "another configuration than runs is refused: status 2" [ "$status" = 2 ]
expect "with path and both values" grep -q 'is `--cluster-cidr=.*`, would be `--cluster-cidr=10.245.0.0/16`' "$log"
expect "and nothing is on disk" on host1 test ! -e /etc/triarch

# ---- adoption ----
adopt_measured host3 backup
adopt_measured host2 backup
adopt_measured host1 active
expect "no stray address of keepalived's is left" on host1 sh -c "! ip -o addr show | grep -q '$vip/$prefix'"
expect "the drop-in is gone" on host1 test ! -e /run/systemd/system/triarch-agent.service.d
adopt host1
expect "a second run changes nothing" grep -q 'adopted before' "$log"

# ---- back, and killed on the way ----
mark
timed on host1 triarch adopt --undo
sed 's/^/    /' "$log"
expect "undo on the active machine" [ "$status" = 0 ]
wait_until 60 holder_is host1 || fail "after undo the address is at \"$(vip_holders)\""
measure
say "  undo on host1 (active): longest time without an answer for the client $gap_ms ms"
expect "keepalived runs, the agent does not" on host1 sh -c 'systemctl -q is-active keepalived && ! systemctl -q is-active triarch-agent && ! systemctl -q is-enabled triarch-agent'
expect "no config.yaml, no journal" on host1 sh -c 'test ! -e /etc/triarch/config.yaml && test ! -e /var/lib/triarch/adopt.json'
for ms in 700 1500 2200; do
        mark
        on host1 timeout -s KILL "$(awk -v ms=$ms 'BEGIN { print ms / 1000 }')" triarch adopt --kubeadm-config "$kubeadm" >/dev/null 2>&1 || true
        sleep 4
        measure
        say "  adopt of host1 killed after $ms ms: longest time without an answer $gap_ms ms"
        expect "the address is at host1 alone" holder_is host1
done
mark
on host1 sh -c "triarch adopt --kubeadm-config $kubeadm >/dev/null 2>&1 & p=\$!
        while kill -0 \$p 2>/dev/null && [ \"\$(systemctl is-enabled keepalived.service 2>/dev/null)\" != masked ]; do :; done
        kill -KILL \$p" || fail "adopt had ended before it could be killed"
sleep 5
measure
say "  adopt of host1 killed when keepalived was masked: longest time without an answer $gap_ms ms"
expect "its journal says so" on host1 grep -q '"step": 1' /var/lib/triarch/adopt.json
expect "the address is at host1 alone" holder_is host1
adopt host1
expect "the next run completes" [ "$status" = 0 ]
expect "host1: agent enabled and active, keepalived masked and gone" adopted host1
expect "and the address is there" holder_is host1

# ---- one of triarch's now ----
mark
machine_kill host1
wait_until 60 moved || fail "nobody took over from host1"
measure
say "  power loss of host1, all adopted: longest time without an answer $gap_ms ms (VRRP version 2, advertisements each second)"
for name in "${machines[@]}"; do
        machine_wipe "$name" # the next test makes its own cluster
done
finish
