# The lab's functions, sourced by its scripts.
#
# A lab is one process tree in mount, network and PID namespaces of its own: bridge, time server,
# client and the machines live inside, and none of its addresses or frames ever reach the host's
# network. Its first process is the holder; when that is killed the kernel takes everything else
# away, so cleaning up after a run that died is to kill one process and to forget one directory.
#
#   TRIARCH_LAB_RUN   directory of the lab (default /run/triarch-lab); labs of different directories
#                     do not see each other
#   TRIARCH_LAB_OUT   where logs and captures are kept (default build/lab)
#   TRIARCH_BUILD     build directory with the lab's programs (default build/release)
#   TRIARCH_DEB       the package under test (default: the one in TRIARCH_BUILD; "none": no triarch)
#   KUBE_BIN_DIR      real Kubernetes programs to run instead of the stand-ins
set -euo pipefail

lab_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lab_source=$(cd "$lab_dir/../.." && pwd)
lab_run=${TRIARCH_LAB_RUN:-/run/triarch-lab}
lab_state=$lab_run/state                # a tmpfs, seen inside the lab alone
lab_out=${TRIARCH_LAB_OUT:-$lab_source/build/lab}
lab_cgroup=/sys/fs/cgroup/$(basename "$lab_run")
lab_build=${TRIARCH_BUILD:-$lab_source/build/release}
lab_programs=$lab_build/tests

machines=(host1 host2 host3)
workers=(host4)                         # booted by those tests alone that want one
declare -A machine_address=([host1]=172.18.0.154 [host2]=172.18.0.155 [host3]=172.18.0.156 [host4]=172.18.0.157)
vip=172.18.0.192
prefix=22
declare -A machine_address6=([host1]=fd00:18::154 [host2]=fd00:18::155 [host3]=fd00:18::156 [host4]=fd00:18::157)
vip6=fd00:18::192
prefix6=64
server_address=172.18.0.1
client_address=172.18.0.200
client_address6=fd00:18::200
bridge=br0

say() {
        printf '%s\n' "$*"
}

die() {
        printf '%s: %s\n' "$(basename "$0")" "$*" >&2
        exit 1
}

# wait_until SECONDS COMMAND...: try every 100 ms.
wait_until() {
        local end=$((SECONDS + $1))

        shift
        until "$@" >/dev/null 2>&1; do
                [ $SECONDS -lt $end ] || return 1
                sleep 0.1
        done
}

now_ns() {
        python3 -c 'import time; print(time.monotonic_ns())'
}

# --- the namespaces -------------------------------------------------------------------------

# When a process was started, in clock ticks since boot: with its id it is never mistaken.
process_start() {
        sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

# The only child of a process.
process_child() {
        local child=

        # The list ends without a line break, which read takes for a failure.
        read -r child _ 2>/dev/null <"/proc/$1/task/$1/children" || [ -n "$child" ] || return 1
        echo "$child"
}

# The id of the living holder, as the caller's namespace has it.
lab_holder() {
        local keeper start

        read -r keeper start 2>/dev/null <"$lab_run/keeper" || return 1
        [ -n "$start" ] && [ "$(process_start "$keeper")" = "$start" ] || return 1
        process_child "$keeper"
}

lab_inside() {
        [ "${TRIARCH_LAB_INSIDE:-}" = "$lab_run" ]
}

# Run a command inside the lab, in the current directory.
in_lab() {
        local holder

        if lab_inside; then
                "$@"
                return
        fi
        holder=$(lab_holder) || die "no lab is up; tests/lab/up starts one"
        TRIARCH_LAB_INSIDE=$lab_run nsenter -t "$holder" -m -n -p -- \
                bash -c 'cd "$1" && shift && exec "$@"' - "$PWD" "$@"
}

# For scripts that work inside only: run the calling script again in there.
lab_enter() {
        lab_inside && return 0
        in_lab "$0" "$@"
        exit
}

# What the holder does first (as PID 1 of the lab), before it waits for its end.
lab_holder_main() {
        mount -t proc proc /proc
        mount -t sysfs sysfs /sys               # of this network namespace
        mount -t cgroup2 cgroup2 /sys/fs/cgroup # whatever layout the host has
        mkdir -p "$lab_state" /run/netns /run/systemd/nspawn "$lab_cgroup"
        mount -t tmpfs -o mode=0755 triarch-lab "$lab_state"
        mount -t tmpfs -o mode=0755 triarch-lab /run/netns
        mount -t tmpfs -o mode=0755 triarch-lab /run/systemd/nspawn
        echo $$ >"$lab_cgroup/cgroup.procs"
        ip link set lo up
        ip link add "$bridge" type bridge stp_state 0 mcast_snooping 0
        ip addr add "$server_address/$prefix" dev "$bridge"
        ip link set "$bridge" up
        ip netns add client
        ip link add client0 type veth peer name eth0 netns client
        ip link set client0 master "$bridge" up
        ip -n client addr add "$client_address/$prefix" dev eth0
        ip -n client addr add "$client_address6/$prefix6" dev eth0 nodad
        ip -n client link set eth0 up
        ip -n client link set lo up
        touch "$lab_state/ready"
        trap 'exit 0' TERM
        while :; do
                sleep 3600 &
                wait $!
        done
}

# End the lab and whatever an earlier one left. Safe to call at any time.
lab_down() {
        local keeper holder

        if holder=$(lab_holder); then
                read -r keeper _ <"$lab_run/keeper"
                kill -KILL "$holder"
                wait_until 30 test ! -e "/proc/$keeper" || die "the lab's keeper $keeper does not end"
        fi
        rm -rf "$lab_run"
        lab_forget_cgroups
}

# A cgroup directory outlives its processes; it goes through a mount of our own, as the host may have
# the hierarchy anywhere or nowhere.
lab_forget_cgroups() {
        unshare --mount --propagation private bash -c '
                mount -t cgroup2 cgroup2 /mnt && cd /mnt &&
                { [ ! -d "$1" ] || find "$1" -depth -type d -exec rmdir {} + ; }' - \
                "$(basename "$lab_run")" 2>/dev/null || true
}

# What building the package needs; the tree's script installs what the machines need.
lab_install() {
        local packages=(build-essential cmake ninja-build pkg-config dpkg-dev file libssl-dev libcurl4-openssl-dev
                        libyaml-dev libsystemd-dev libjansson-dev libmicrohttpd-dev libmnl-dev libkmod-dev libnghttp2-dev
                        libarchive-dev libnftables-dev libcmocka-dev openssl)
        local package missing=()

        for package in "${packages[@]}"; do
                dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
                        missing+=("$package")
        done
        [ ${#missing[@]} -gt 0 ] || return 0
        say "installing ${missing[*]}"
        source "$lab_dir/../packages.sh"
        install_now "${missing[@]}"
}

# The package under test and the lab's own programs; sets TRIARCH_DEB.
lab_make() {
        local make_log=$lab_out/make.log

        mkdir -p "$lab_out"
        [ -z "${TRIARCH_DEB:-}" ] || return 0
        lab_install
        (
                set -e
                [ -f "$lab_build/build.ninja" ] || cmake -S "$lab_source" --preset release -B "$lab_build"
                cmake --build "$lab_build"
                rm -f "$lab_build"/*.deb
                cd "$lab_build" && cpack -G DEB
        ) >"$make_log" 2>&1 &
        # Waited for, as `set -e` has no effect in a list that is tested.
        wait $! || { tail -n 30 "$make_log" >&2; die "the package was not made; see $make_log"; }
        TRIARCH_DEB=$(echo "$lab_build"/*.deb)
        export TRIARCH_DEB
}

lab_up() {
        local keeper

        [ "$(id -u)" = 0 ] || { say "the lab needs root" >&2; exit 77; }
        lab_down
        # Out here, where the mirror is: inside, nothing of the host's network is there.
        "$lab_dir/tree" >/dev/null
        lab_make
        mkdir -p "$lab_run" "$lab_out"
        setsid unshare --mount --net --pid --fork --kill-child --propagation private \
                bash -c 'source "$1"; lab_holder_main' triarch-lab-holder "$lab_dir/lib.sh" \
                </dev/null >"$lab_out/holder.log" 2>&1 &
        keeper=$!
        echo "$keeper $(process_start "$keeper")" >"$lab_run/keeper"
        disown
        wait_until 60 lab_holder || die "the lab's holder did not start: $(cat "$lab_out/holder.log")"
        wait_until 60 in_lab test -e "$lab_state/ready" ||
                die "the lab's namespaces could not be set up: $(cat "$lab_out/holder.log")"
        in_lab "$lab_dir/layers"
        in_lab setsid "$lab_dir/timeserver.py" "$server_address" "$lab_state/offsets" \
                </dev/null >"$lab_out/timeserver.log" 2>&1 &
        disown
}

# --- machines (inside the lab) ----------------------------------------------------------------

# The child of the machine's nspawn.
machine_child() {
        local supervisor

        read -r supervisor 2>/dev/null <"$lab_state/$1/supervisor" || return 1
        process_child "$supervisor"
}

# The PID 1 of a running machine. While it is made, nspawn's child is a helper in the lab's own namespaces: who
# entered those would ask the host's systemd whether it has booted.
machine_pid() {
        local pid

        pid=$(machine_child "$1") && grep -q '^NSpid:.*[[:space:]]1$' "/proc/$pid/status" 2>/dev/null && echo "$pid"
}

machine_running() {
        machine_pid "$1" >/dev/null
}

machine_mount() {
        local dir=$lab_state/$1

        mkdir -p "$dir/upper" "$dir/work" "$dir/root"
        mountpoint -q "$dir/root" ||
                mount -t overlay "$1" -o "lowerdir=$(cat "$lab_state/lower"),upperdir=$dir/upper,workdir=$dir/work" "$dir/root"
}

# What tells one machine from another: written before its first boot alone.
machine_identity() {
        local root=$lab_state/$1/root name

        [ ! -e "$lab_state/$1/upper/etc/hostname" ] || return 0
        echo "$1" >"$root/etc/hostname"
        # With an id it is not a first boot to systemd, which would enable every unit that it finds.
        echo -n "lab $1" | md5sum | cut -c1-32 >"$root/etc/machine-id"
        printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
        for name in "${machines[@]}" "${workers[@]}"; do
                echo "${machine_address[$name]} $name" >>"$root/etc/hosts"
        done
        rmdir "$root/var/lib/etcd" # of Debian's package; a machine that becomes a master has none
        printf '[Match]\nName=host0\n\n[Network]\nAddress=%s/%s\nAddress=%s/%s\nLinkLocalAddressing=ipv6\nIPv6AcceptRA=no\n' \
                "${machine_address[$1]}" "$prefix" "${machine_address6[$1]}" "$prefix6" \
                >"$root/etc/systemd/network/10-host0.network"
}

machine_start() {
        local name=$1 dir=$lab_state/$1 cgroup=$lab_cgroup/$1 binds=()

        machine_mount "$name"
        machine_identity "$name"
        [ ! -d "$cgroup" ] || find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || true
        mkdir -p "$cgroup"
        [ -z "${KUBE_BIN_DIR:-}" ] || binds+=("--bind-ro=$(realpath "$KUBE_BIN_DIR"):/opt/kube-bin")
        (
                echo "$BASHPID" >"$cgroup/cgroup.procs"
                echo "$BASHPID" >"$dir/supervisor"
                SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 exec setsid systemd-nspawn --quiet --boot \
                        --directory="$dir/root" --machine="$name" --register=no --keep-unit \
                        --network-bridge="$bridge" --capability=CAP_IPC_LOCK \
                        --resolv-conf=off --timezone=off --link-journal=no --console=read-only \
                        "${binds[@]}" </dev/null >>"$lab_out/$name.console" 2>&1
        ) &
        disown
}

machine_booted() {
        machine_pid "$1" >/dev/null &&
                case $(on "$1" systemctl is-system-running 2>/dev/null) in
                running | degraded) true ;;
                *) false ;;
                esac
}

# Boot machines together and wait until all of them are up.
machine_boot() {
        local name

        for name in "$@"; do
                machine_start "$name"
        done
        for name in "$@"; do
                wait_until 300 machine_booted "$name" ||
                        die "$name did not boot; its console is $lab_out/$name.console"
        done
}

# Loss of power: not a frame leaves after the first step, and no process gets to say good-bye. What was
# written stays for the next boot.
machine_kill() {
        local pid supervisor

        pid=$(machine_child "$1") || return 0
        read -r supervisor <"$lab_state/$1/supervisor"
        [ ! -e "/sys/class/net/vb-$1" ] || ip link set "vb-$1" down
        kill -KILL "$pid"
        wait_until 60 test ! -e "/proc/$supervisor" || die "$1: its supervisor $supervisor does not end"
        rm "$lab_state/$1/supervisor" # the number is anybody's now
}

# Back to the state before the first boot.
machine_wipe() {
        machine_kill "$1"
        ! mountpoint -q "$lab_state/$1/root" || wait_until 30 umount "$lab_state/$1/root" ||
                die "$1: its tree is still in use"
        rm -rf "${lab_state:?}/$1"
}

# on MACHINE COMMAND...: run as root in a machine.
on() {
        local pid

        pid=$(machine_pid "$1") || { say "$1 is not running" >&2; return 1; }
        shift
        nsenter -t "$pid" -m -u -i -n -p -C -- /usr/bin/env -i HOME=/root LANG=C.UTF-8 TERM="${TERM:-dumb}" \
                PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# Run in the client's network.
on_client() {
        nsenter --net=/run/netns/client -- "$@"
}
