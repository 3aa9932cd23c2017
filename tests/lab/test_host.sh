#!/bin/bash
# The phases host and runtime on a bare machine with containerd, twice; reset gives the bytes back.
source "$(dirname "$0")/cluster.sh"
lab_enter "$@"

extras=/var/cache/triarch-lab
config=/root/cluster.yaml
phases=(--config "$config" --interface host0 --apiserver-advertise-address "${machine_address[host1]}")

# everything below /etc: type, mode, owner, path, content or target.
etc_list() {
        on "$1" sh -c 'cd / && find etc ! -path etc/ld.so.cache -printf "%y %m %u:%g %p %l\n" | sort &&
                find etc -type f ! -path etc/ld.so.cache -print0 | sort -z | xargs -0 sha256sum'
}

# What the kernel goes by, and what runs.
running_list() {
        on "$1" sh -c 'sysctl -n net.ipv4.ip_forward; systemctl is-enabled chrony containerd triarch-time.path;
                systemctl is-active chrony containerd triarch-time.path' || true
}

starts() {
        on host1 systemctl show -p ActiveEnterTimestampMonotonic --value chrony containerd
}

phase_run() {
        timed on host1 triarch init phase "$@" "${phases[@]}"
        [ "$status" = 0 ] || fail "init phase $*: status $status: $(cat "$log")"
}

both_run() {
        on host1 systemctl is-active containerd && on host1 systemctl is-active chrony
}

has() {
        on host1 grep -qF -- "$2" "$1"
}

install_extras() {
        on host1 sh -c "DEBIAN_FRONTEND=noninteractive dpkg -i $extras/*.deb" >"$lab_out/extras.log" 2>&1 ||
                die "containerd and firewalld are not installed: $(tail -n 20 "$lab_out/extras.log")"
        on host1 systemctl stop firewalld
        on host1 systemctl disable firewalld 2>/dev/null
}

# A host as others left it: routing off, swap in fstab, a chrony of its own, registries behind a CA.
a_host() {
        on host1 sh -c 'rm /etc/sysctl.d/lab.conf; sysctl -qw net.ipv4.ip_forward=0
                echo "net.ipv4.ip_forward = 0" >/etc/sysctl.d/50-hardening.conf
                echo "confdir /etc/chrony/conf.d" >>/etc/chrony/chrony.conf
                echo "UUID=1-2 none swap sw 0 0" >>/etc/fstab
                chmod 0640 /etc/containerd/config.toml
                openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=ca -days 30 \
                        -keyout /dev/null -out /root/registry-ca.crt 2>/dev/null
                echo geheim >/root/registry-password; chmod 0600 /root/registry-password
                systemctl restart chrony'
        on host1 tee "$config" >/dev/null <<CONFIG
apiVersion: triarch.dev/v1alpha1
kind: AgentConfiguration
nodeName: host1
vip: { address: $vip/$prefix, interface: host0 }
timeSync: { servers: [ $server_address ] }
registryMirrors: { registry.k8s.io: [ "https://mirror.lan:5000/k8s", "http://second.lan" ] }
registries: { mirror.lan:5000: { caFile: /root/registry-ca.crt, username: robot, passwordFile: /root/registry-password } }
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
controlPlaneEndpoint: api.nowhere.invalid:6443
CONFIG
}

machines_fresh
install_extras
a_host
wait_until 120 on host1 systemctl is-active containerd
etc_list host1 >"$lab_out/etc.before"
running_list host1 >"$lab_out/running.before"

say "a dry run"
timed on host1 triarch init "${phases[@]}" --dry-run
expect "tells of the edit of containerd's configuration" grep -q 'would have changed /etc/containerd/config.toml' "$log"
expect "and of the password, without it" grep -q 'password = "\[removed\]"' "$log"
! grep -q geheim "$log" || fail "the password is printed"
etc_list host1 >"$lab_out/etc.dry"
expect "changes nothing" cmp "$lab_out/etc.before" "$lab_out/etc.dry"

say "the first run"
phase_run host all
say "  init phase host: $seconds s"
grep -E 'warning|ip_forward is|swap on' "$log" | sed 's/^/  /' || true
expect "names the host's own sysctl" grep -q '/etc/sysctl.d/50-hardening.conf:1 sets net.ipv4.ip_forward to 0' "$log"
expect "names the host's own time server" grep -q '/etc/chrony/chrony.conf:2, a "server"' "$log"
expect "routes now" [ "$(on host1 sysctl -n net.ipv4.ip_forward)" = 1 ]
expect "the swap of fstab is masked" on host1 test "$(on host1 readlink '/etc/systemd/system/dev-disk-by\x2duuid-1\x2d2.swap')" = /dev/null
expect "the name that does not resolve is in /etc/hosts" on host1 getent hosts api.nowhere.invalid
expect "chrony has its servers" has /etc/chrony/conf.d/triarch.conf "server $server_address iburst"
expect "chrony runs with them" wait_until 30 on host1 chronyc -n sources
expect "chrony slews slowly" has /etc/chrony/conf.d/triarch.conf "maxslewrate 500"
expect "chrony is orphan among masters" has /etc/chrony/conf.d/triarch.conf "local stratum 10 orphan"
phase_run runtime
say "  init phase runtime: $seconds s"
expect "containerd runs" on host1 systemctl is-active containerd
on host1 containerd config dump >"$lab_out/containerd.dump" || fail "containerd does not read its configuration"
for line in 'sandbox_image = "registry.k8s.io/pause:' 'SystemdCgroup = true' 'config_path = "/etc/containerd/certs.d"' \
        'bin_dir = "/usr/lib/cni"' 'runtime_type = "io.containerd.runc.v2"' 'username = "robot"' 'password = "geheim"'; do
        expect "containerd goes by: $line" grep -qF -- "$line" "$lab_out/containerd.dump"
done
expect "the mirrors are in order" [ "$(on host1 grep -o '^\[host.*' /etc/containerd/certs.d/registry.k8s.io/hosts.toml | xargs)" = \
        '[host.https://mirror.lan:5000/v2/k8s] [host.http://second.lan]' ]
expect "the file with the password is root's alone" [ "$(on host1 stat -c %a /etc/containerd/config.toml)" = 600 ]

say "the second run"
etc_list host1 >"$lab_out/etc.first"
starts >"$lab_out/starts.first"
phase_run host all
expect "host says nothing of a change" [ -z "$(grep -vE 'warning' "$log")" ]
phase_run runtime
expect "runtime neither" [ ! -s "$log" ]
etc_list host1 >"$lab_out/etc.second"
starts >"$lab_out/starts.second"
expect "changes no file" cmp "$lab_out/etc.first" "$lab_out/etc.second"
expect "restarts nothing" cmp "$lab_out/starts.first" "$lab_out/starts.second"

say "firewalld"
on host1 systemctl start firewalld
on host1 firewall-cmd --permanent --list-all >"$lab_out/fw.before"
on host1 firewall-cmd --list-all >>"$lab_out/fw.before"
phase_run host firewall
grep -E 'firewalld' "$log" | head -n 3 | sed 's/^/  /'
for port in 6443/tcp 2379/tcp 2380/tcp 10250/tcp 7644/tcp 7644/udp 8472/udp; do
        expect "$port is let in, now and for good" on host1 sh -c "firewall-cmd -q --query-port=$port && firewall-cmd -q --permanent --query-port=$port"
done
phase_run host firewall
expect "the second run adds nothing" [ ! -s "$log" ]

say "a configuration that containerd refuses"
on host1 cp -a /etc/containerd/config.toml /root/config.toml
on host1 sh -c 'printf "version = 2\n[plugins.x\n" >/etc/containerd/config.toml'
timed on host1 triarch init phase runtime "${phases[@]}"
say "  $(tail -n 1 "$log")"
expect "is named by file and line" grep -q '/etc/containerd/config.toml:2:' "$log"
on host1 cp -a /root/config.toml /etc/containerd/config.toml

say "a wrong CA"
on host1 sh -c 'cp /root/registry-ca.crt /root/ca.keep; echo no certificate >/root/registry-ca.crt'
timed on host1 triarch init phase runtime "${phases[@]}"
say "  $(tail -n 1 "$log")"
expect "is refused before anything is changed" grep -q 'the CA of registry mirror.lan:5000 is no certificate' "$log"
on host1 mv /root/ca.keep /root/registry-ca.crt

say "reset"
timed on host1 triarch reset --force
say "  reset: $seconds s: $(tail -n 1 "$log")"
[ "$status" = 0 ] || fail "reset: $(cat "$log")"
on host1 firewall-cmd --permanent --list-all >"$lab_out/fw.after"
on host1 firewall-cmd --list-all >>"$lab_out/fw.after"
expect "the firewall is as before" diff "$lab_out/fw.before" "$lab_out/fw.after"
on host1 systemctl stop firewalld
etc_list host1 >"$lab_out/etc.after"
running_list host1 >"$lab_out/running.after"
expect "every byte of /etc is as before" cmp "$lab_out/etc.before" "$lab_out/etc.after"
diff "$lab_out/etc.before" "$lab_out/etc.after" || true # which
expect "what runs is as before" diff "$lab_out/running.before" "$lab_out/running.after"
diff "$lab_out/running.before" "$lab_out/running.after" || true
expect "nothing is left in /var/lib/triarch" [ -z "$(on host1 ls -A /var/lib/triarch)" ]

say "loss of power while the host is changed, then reset"
for trial in $(seq "${TRIALS:-3}"); do
        on host1 sh -c "triarch init phase host all ${phases[*]} >/dev/null 2>&1; triarch init phase runtime ${phases[*]} >/dev/null 2>&1" &
        sleep "0.$((RANDOM % 10))"
        machine_kill host1
        wait $! 2>/dev/null || true
        machine_boot host1
        wait_until 120 both_run
        timed on host1 triarch reset --force
        [ "$status" = 0 ] || fail "reset after loss of power: $(cat "$log")"
        etc_list host1 >"$lab_out/etc.after"
        expect "trial $trial: every byte of /etc is as before" cmp "$lab_out/etc.before" "$lab_out/etc.after"
        diff "$lab_out/etc.before" "$lab_out/etc.after" || true
done
finish
