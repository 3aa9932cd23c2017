#!/bin/bash
# init is refused for what it would run into, by kubeadm's names where kubeadm has them; nothing is left on disk.
source "$(dirname "$0")/cluster.sh"
lab_enter "$@"

# refused NAME WHAT [OPTION...]: init on host1 is refused with status 2 and that check's name.
refused() {
        local name=$1 what=$2

        shift 2
        timed on host1 triarch init "${init_options[@]}" "$@"
        say "  $what: $seconds s, status $status: $(grep -m 1 -F "[ERROR $name]" "$log" | sed 's/^[[:space:]]*//')"
        [ "$status" = 2 ] || fail "$what: status $status instead of 2: $(cat "$log")"
        grep -Fq "[ERROR $name]: " "$log" || fail "$what: there is no $name: $(cat "$log")"
        [ "$(grep -c '\[ERROR ' "$log")" = "${errors:-1}" ] || fail "$what: not ${errors:-1} error alone: $(cat "$log")"
        disk_list host1 >"$lab_out/after"
        cmp -s "$lab_out/before" "$lab_out/after" || fail "$what left on disk: $(diff "$lab_out/before" "$lab_out/after")"
}

# Advertisements of VRID 192 from the client, ten a second, until it is killed; the file is there when it has begun.
other_router() { # FILE
        exec nsenter --net=/run/netns/client -- python3 - "$1" <<'PYTHON'
import socket, struct, sys, time
def checksum(data):
    s = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff
src, group = socket.inet_aton("172.18.0.200"), socket.inet_aton("224.0.0.18")
body = lambda c: struct.pack("!BBBBHH4s", 0x31, 192, 100, 1, 10, c, socket.inet_aton("172.18.3.3"))
message = body(checksum(src + group + struct.pack("!HH", 112, len(body(0))) + body(0)))
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, src)
while True:
    s.sendto(message, ("224.0.0.18", 0))
    open(sys.argv[1], "w").close()
    time.sleep(0.1)
PYTHON
}

background() {
        "$@" &
        pids+=($!)
}

background_end() {
        [ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null || true
        pids=()
}

listening() {
        on host1 python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])))' "$1"
}

not_listening() {
        ! listening "$1"
}

# By its own account, which all machines share: then chronyd is not the only one to know the time (see agent/clock.c).
kernel_synchronised() {
        python3 - <<'PYTHON'
import ctypes, sys
timex = (ctypes.c_long * 64)()
ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
sys.exit(timex[3] >= 16000000)  # maxerror
PYTHON
}

pids=()
trap background_end EXIT
machines_fresh
disk_list host1 >"$lab_out/before"

timed on host1 triarch init --vip "$vip/$prefix"
say "  no container runtime: status $status: $(grep -m 1 'ERROR CRI' "$log" | sed 's/^[[:space:]]*//')"
expect "that is refused" [ "$status" = 2 ]

on host1 sh -c 'python3 -m http.server 6443 >/dev/null 2>&1 & echo $! >/run/listener'
wait_until 60 listening 6443
refused Port-6443 "a port in use"
on host1 sh -c 'kill $(cat /run/listener)'
wait_until 60 not_listening 6443

on host1 mkdir -p /etc/kubernetes/manifests
on host1 sh -c 'echo "kind: Pod" >/etc/kubernetes/manifests/etcd.yaml'
disk_list host1 >"$lab_out/before"
refused FileAvailable--etc-kubernetes-manifests-etcd.yaml "a static pod of somebody else"
on host1 rm -r /etc/kubernetes

on host1 mkdir -p /var/lib/etcd/member
disk_list host1 >"$lab_out/before"
refused DirAvailable--var-lib-etcd "data of another etcd"
on host1 rm -r /var/lib/etcd
disk_list host1 >"$lab_out/before"

on_client ip address add "$vip/32" dev eth0
refused VIPAvailable "the virtual address is answered"
on_client ip address del "$vip/32" dev eth0

on host1 ip address add "$vip/32" dev host0
refused VIPAvailable "the virtual address is on this machine"
on host1 ip address del "$vip/32" dev host0

rm -f "$lab_state/router"
background other_router "$lab_state/router"
wait_until 60 test -e "$lab_state/router"
refused VRIDAvailable "the virtual router ID is in use"
background_end

# These are mistakes of the command line: known before any check is made.
for options in '--vip 10.9.8.7/24 --interface host0' '--interface nosuch0'; do
        # shellcheck disable=SC2086 # words
        timed on host1 triarch init "${init_options[@]}" $options --apiserver-advertise-address "${machine_address[host1]}"
        say "  $options: status $status: $(grep '^triarch: .*interface' "$log")"
        [ "$status" = 3 ] || fail "$options: status $status instead of 3: $(cat "$log")"
done

if kernel_synchronised; then
        say "  no time service: not tried, as this host's kernel calls its own clock synchronised"
else
        on host1 systemctl stop chrony
        refused TimeSync "no time service"
        on host1 systemctl start chrony
fi
bend host1 3
wait_until 120 clock_beyond host1 1000 || fail "chronyd does not follow"
refused TimeSync "a clock that is 3 s off"
timed on host1 triarch init "${init_options[@]}" --skip-phases preflight,host,runtime
say "  signing with that clock: status $status: $(tail -n 1 "$log")"
expect "it is refused without preflight too" [ "$status" = 1 ]
disk_list host1 >"$lab_out/after"
expect "nothing is left on disk" cmp "$lab_out/before" "$lab_out/after"
bend host1
wait_until 180 clock_right host1 || fail "the clock does not come back"

timed on host1 triarch init "${init_options[@]}"
say "  without any of these: $seconds s, status $status"
[ "$status" = 0 ] || fail "init: $(cat "$log")"
finish
