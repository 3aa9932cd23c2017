# Sourced: hosts on one bridge, each a network namespace, and virtual routers of three makers on them.
#
# Namespace 0 is the bridge. Host I has eth0 with 10.77.0.I/24, fd77::I/64 and fe80::I. The caller has set vrid, version
# (2, 3), family (4, 6) and vips (an array); it gets one directory, $dir, in which $dir/I is what host I's router said.
# Needs BUILD (build/dev): the directory of the programs.

export LC_ALL=C.UTF-8 # what tools say is looked at
vrouter=${BUILD:-build/dev}/tests/vrouter
realtime=$(chrt --rr 10 true 2>/dev/null && echo "chrt --rr 10") # our routers run as an agent does, where that is allowed
declare -A pid=() kind=() zebra=()

needs() { # TOOL...: and root
	local tool
	[ "$(id -u)" = 0 ] || { echo "skipped: needs root"; exit 77; }
	for tool; do command -v $tool >/dev/null || { echo "skipped: needs $tool"; exit 77; }; done
}
# Names of namespaces and mounts stay this process's own, whatever becomes of it.
own_namespaces() { # "$@": run again in a mount namespace of its own
	[ -n "${HOSTS_OWN:-}" ] && { mkdir -p /run/netns && mount -t tmpfs hosts /run/netns; return; }
	HOSTS_OWN=1 exec unshare -m --propagation private "$0" "$@"
}

in_ns() { local i=$1; shift; ip netns exec h$i "$@"; }
plug() { # I
	ip -n h0 link add port$1 type veth peer name eth0 netns h$1 &&
		ip -n h0 link set port$1 master br0 up &&
		ip -n h$1 link set eth0 addrgenmode none && ip -n h$1 link set eth0 up &&
		ip -n h$1 addr add 10.77.0.$1/24 dev eth0 &&
		ip -n h$1 addr add fe80::$1/64 dev eth0 nodad && ip -n h$1 addr add fd77::$1/64 dev eth0 nodad
}
build_hosts() { # N
	local i
	hosts=$(seq 1 $1)
	dir=$(mktemp -d /tmp/triarch-net-XXXXXX) && chmod 755 "$dir" || return 1
	for i in 0 $hosts; do ip netns add h$i && ip -n h$i link set lo up || return 1; done
	ip -n h0 link add br0 type bridge mcast_snooping 0 && ip -n h0 link set br0 addrgenmode none up || return 1
	for i in $hosts; do plug $i || return 1; done
}
remove_hosts() {
	local i
	{
		for i in "${!pid[@]}" "${!zebra[@]}"; do kill -KILL ${pid[$i]:-} ${zebra[$i]:-}; done
		kill -KILL $(jobs -p) # an observer of a test that ended early
		wait
	} 2>/dev/null
	for i in 0 $hosts; do ip netns pids h$i 2>/dev/null | xargs -r kill -KILL 2>/dev/null; ip netns del h$i 2>/dev/null; done
	[ -n "${KEEP:-}" ] || rm -rf "$dir"
}

now() { "$vrouter" --now | cut -d' ' -f1; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.0f", b - a }'; }
median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }
between() { awk -v a="${1:-?}" -v b="${2:-?}" 'BEGIN { if (a b ~ /[?]/) print "?"; else printf "%.1f", b - a }'; } # FROM TO
below() { awk -v a="$1" -v b="$2" 'BEGIN { n = "^-?[0-9.]+$"; exit !(a ~ n && b ~ n && a + 0 < b + 0) }'; } # A B, numbers
wait_for() { # SECONDS COMMAND...; by a clock that nobody sets
	local uptime end
	read -r uptime _ </proc/uptime
	end=$((${uptime/./} + ${1%%.*} * 100))
	shift
	until "$@"; do
		read -r uptime _ </proc/uptime
		[ ${uptime/./} -lt $end ] || return 1
		sleep 0.01
	done
}
says() { grep -Eq -- "$2" "$dir/$1" 2>/dev/null; } # I PATTERN
interval_ms() { [ $version = 2 ] && echo 1000 || echo 200; }
joined() { local IFS=,; echo "${vips[*]}"; }

start_triarch() { # I PRIORITY [vrouter's options...]
	local i=$1 priority=$2
	shift 2
	kind[$i]=triarch
	ip netns exec h$i $realtime "$vrouter" --version $version "$@" eth0 "$(joined)" $vrid $priority "$(interval_ms)" always ${peers[$i]:-} >>"$dir/$i" 2>&1 &
	pid[$i]=$!
}

keepalived_config() { # I PRIORITY
	local v
	printf 'global_defs {\n vrrp_version %s\n}\nvrrp_instance test {\n interface eth0\n state BACKUP\n' $version
	printf ' virtual_router_id %s\n priority %s\n advert_int %s\n %s\n' $vrid $2 "$([ $version = 2 ] && echo 1 || echo 0.2)" "${keepalived_extra:-}"
	if [ -n "${peers[$1]:-}" ]; then
		# Without unicast_ttl it sends IPv6 with a hop limit of 64.
		printf ' unicast_src_ip %s\n unicast_ttl 255\n unicast_peer {\n' "$([ $family = 6 ] && echo fe80::$1 || echo 10.77.0.$1)"
		printf '  %s\n' ${peers[$1]}
		printf ' }\n'
	fi
	printf ' virtual_ipaddress {\n'
	for v in "${vips[@]}"; do printf '  %s %s\n' $v/$([ $family = 6 ] && echo 128 || echo 32) "${keepalived_dev-dev eth0}"; done
	printf ' }\n}\n'
}
start_keepalived() { # I PRIORITY
	kind[$1]=keepalived
	keepalived_config "$@" >"$dir/keepalived$1.conf"
	ip netns exec h$1 keepalived -nlPD -f "$dir/keepalived$1.conf" -p "$dir/keepalived$1.pid" -r "$dir/vrrp$1.pid" >>"$dir/$1" 2>&1 &
	pid[$1]=$!
}

# FRR wants a macvlan with the virtual MAC and the addresses, which it turns on and off.
frr_macvlan() { # I
	local v
	ip -n h$1 link show vr 2>/dev/null | grep -q . && return
	ip -n h$1 link add vr link eth0 address 00:00:5e:00:0$([ $family = 6 ] && echo 2 || echo 1):$(printf %02x $vrid) type macvlan mode bridge &&
		ip -n h$1 link set vr addrgenmode none && ip -n h$1 link set vr up || return 1
	[ $family = 4 ] || ip -n h$1 addr add fe80::f$1/64 dev vr nodad
	for v in "${vips[@]}"; do ip -n h$1 addr add $v/$([ $family = 6 ] && echo 128 || echo 32) dev vr $([ $family = 6 ] && echo nodad) || return 1; done
}
frr_config() { # PRIORITY
	local v
	printf 'interface eth0\n vrrp %s version %s\n vrrp %s priority %s\n vrrp %s advertisement-interval %s\n' \
		$vrid $version $vrid $1 $vrid "$(interval_ms)"
	for v in "${vips[@]}"; do printf ' vrrp %s %s %s\n' $vrid "$([ $family = 6 ] && echo ipv6 || echo ip)" $v; done
}
start_frr() { # I PRIORITY
	local d=$dir/frr$1
	kind[$1]=frr
	frr_macvlan $1 || return 1
	mkdir -p "$d"; frr_config $2 >"$d/vrrpd.conf"; : >"$d/zebra.conf"; chown -R frr:frr "$d"
	if [ -z "${zebra[$1]:-}" ]; then
		ip netns exec h$1 /usr/lib/frr/zebra -f "$d/zebra.conf" -i "$d/z.pid" -z "$d/zserv" --vty_socket "$d" -P 0 --log stdout >"$d/zebra.log" 2>&1 &
		zebra[$1]=$!
		wait_for 20 test -S "$d/zserv" || return 1
	fi
	echo '-> started' >>"$dir/$1"
	ip netns exec h$1 /usr/lib/frr/vrrpd -f "$d/vrrpd.conf" -i "$d/v.pid" -z "$d/zserv" --vty_socket "$d" -P 0 --log stdout >>"$dir/$1" 2>&1 &
	pid[$1]=$!
}

start() { start_${kind[$1]} "$@"; } # I PRIORITY
stop() { # I: as its maker ends it, which sends priority 0
	kill -TERM ${pid[$1]} && { wait ${pid[$1]} 2>/dev/null; unset "pid[$1]"; }
}
crash() { # I: its cable is cut, so nothing it does is seen; when it comes back it has forgotten everything
	local v at
	ip -n h0 link set port$1 down
	at=$(now)
	{ kill -KILL ${pid[$1]} $(cat "$dir/vrrp$1.pid"); wait ${pid[$1]}; } 2>/dev/null
	unset "pid[$1]"
	echo "$at killed" >>"$dir/$1"
	rm -f "$dir/vrrp$1.pid" "$dir/keepalived$1.pid"
	ip -n h$1 link del ka 2>/dev/null # keepalived's macvlan
	for v in "${vips[@]}"; do [ ${kind[$1]} = frr ] || ip -n h$1 addr del $v/$([ $family = 6 ] && echo 128 || echo 32) dev eth0 2>/dev/null; done
}
reconnect() { ip -n h0 link set port$1 up; } # I

owns() { # I: all the addresses are in force there
	local v have
	ip -n h0 link show port$1 | grep -q 'state UP' || return 1
	case ${kind[$1]:-none} in
	frr) # its macvlan is on for a moment before it has read its configuration
		[ -n "${pid[$1]:-}" ] && grep -e '-> ' "$dir/$1" | tail -n 1 | grep -q 'Master$' && ! ip -n h$1 link show vr 2>/dev/null | grep -Eq 'protodown on|NO-CARRIER' ;;
	*)
		have=$(ip -n h$1 -o addr show 2>/dev/null)
		for v in "${vips[@]}"; do grep -q " $v/" <<<"$have" || return 1; done ;;
	esac
}
owners() { local i; for i in $hosts; do owns $i && printf '%s ' $i; done; }
sole() { [ "$(owners)" = "$1 " ]; }

observe() { # ADDRESS I...
	rm -f "$dir/observer"
	python3 "$(dirname "${BASH_SOURCE[0]}")/observer.py" "$@" >"$dir/observer" 2>&1 &
	observer=$!
	wait_for 20 grep -qs ready "$dir/observer"
}
# Ends it; sets two: for how many ms two hosts had the address, empty if it had ended by itself.
observed() {
	kill -INT $observer
	wait $observer
	two=$(sed -n 's/^two //p' "$dir/observer")
}
last_seen() { # EVENT [FROM]
	awk -v event=" $1\$" -v from="${2:-0}" '$0 ~ event && $1 >= from { at = $1 } END { if (!at) exit 1; print at }' "$dir/observer"
}
# When the observer last saw it, which may be a moment later than others: "add 1", "del [23]"; FROM: only what came since.
seen() { wait_for 5 last_seen "$@" >/dev/null; last_seen "$@"; } # EVENT [FROM]
