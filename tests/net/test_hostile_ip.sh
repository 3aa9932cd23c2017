#!/bin/bash
# What a host that is no member can do to a group over protocol 112, which authenticates nobody: three routers, a
# stranger beside them. What is malformed must change nothing; what is well-formed is believed, as the RFC wants, and
# must cost no more than docs/vrrp.md says (section "What a stranger can do"). A is the interval, L = max(2 A, 1 s) what a
# learned interval is cut to.
#
# usage: test_hostile_ip.sh [CASE...]    KEEP=1: keep the logs
set -u
[ "$(id -u)" = 0 ] || { echo "skipped: needs root"; exit 77; }
here=$(dirname "$0")
. "$here/hosts.sh"
flood=${BUILD:-build/dev}/tests/flood
[ -x "$vrouter" ] && [ -x "$flood" ] || { echo "no $vrouter or $flood: build first"; exit 1; }
side_by_side="malformed_v3_ipv4 malformed_v3_ipv6 malformed_v2_ipv4 forged_v3_ipv4 forged_v3_ipv6 forged_v2_ipv4"
alone="flood_v3_ipv4 flood_v3_ipv6"

if [ "${1:-}" != --one ]; then
	if [ $# -gt 0 ]; then exec printf '%s\n' "$@" | xargs -I{} "$0" --one {}; exit; fi
	printf '%s\n' $side_by_side | xargs -P 3 -I{} "$0" --one {} && printf '%s\n' $alone | xargs -I{} "$0" --one {}
	exit
fi

own_namespaces "$@"
case=$2
vrid=77 version=${case#*_v} family=${case#*ipv}
version=${version%%_*}
if [ $family = 6 ]; then vips=(fe80::77:1 fd77::77:1) self=fe80::1; else vips=(10.77.0.100 10.77.0.101) self=10.77.0.1; fi
declare -A peers=() prio=([1]=250 [2]=230 [3]=210)
A=$(interval_ms) L=$(($(interval_ms) * 2 > 1000 ? $(interval_ms) * 2 : 1000))
trap remove_hosts EXIT

ok() { printf 'ok      %-18s %s\n' "$case" "$*"; }
fail() {
	printf 'FAILED  %-18s %s; owners: %s\n' "$case" "$*" "$(owners)"
	for i in 1 2 3; do [ -f "$dir/$i" ] && tail -n 25 "$dir/$i" | sed "s/^/        $i: /"; done
	exit 1
}
hostile() { in_ns 4 "$here/hostile.py" "${options[@]}" eth0 $vrid $version "$(joined)" "$1"; } # KIND; $options
attack() { local options=("${@:2}"); hostile "$1" >/dev/null || fail "cannot send $1"; }      # KIND [OPTION...]
rest() { sleep "$(awk -v a=$A -v n=$1 'BEGIN { print a * n / 1000 }')"; }                   # INTERVALS
group() {
	local i
	for i in 1 2 3; do
		[ -n "${pid[$i]:-}" ] || start_triarch $i ${prio[$i]}
	done
	wait_for 15 sole 1 || fail "no election"
	rest 2
}
# Time without an owner, with two, and changes since then; sets none, double, changes.
measure() { read -r none double changes < <("$here/ownership.py" $1 "$(now)" "$dir"/[123]); } # FROM
returned() { measure $t; [ $changes -ge 2 ] && sole 1; } # the owner gave the address up since $t, and has it again
bounded() { # TEXT MAX-NONE MAX-DOUBLE
	measure $t
	[ $none -le $2 ] && [ $double -le $3 ] || fail "$1: $none ms without an owner (bound $2), $double ms with two (bound $3)"
	ok "$1: $none ms without an owner (bound $2), $double ms with two (bound $3)"
}
notices() { cat "$dir"/[123] | grep -c ' notice '; }

malformed() {
	local kind t n=0 names=
	group
	t=$(now)
	for kind in $(options=(); hostile kinds); do
		attack $kind
		n=$((n + $(options=(); hostile $kind))); names+=" $kind"
	done
	options=()
	# From the owner's own address, as good as can be: the owner knows better, the others hear what they know.
	attack "advert:254:$A" --src $self
	rest 3
	measure $t
	[ "$none $double $changes" = "0 0 0" ] && sole 1 || fail "changed: $none $double $changes"
	[ "$(notices)" -ge 5 ] && [ "$(notices)" -le 60 ] || fail "$(notices) notices"
	ok "$((2 * n)) packets changed nothing, $(notices) notices:$names own-address"
}

forged() {
	local t lower=$((prio[2] + 10))
	group
	t=$(now)
	attack advert:$lower:$A
	if [ $version = 3 ]; then
		attack advert:$lower:40950
		attack advert:$lower:$A:$([ $family = 6 ] && echo fe80::bad || echo 10.77.0.99)
	fi
	rest 3
	bounded "lower than the owner, 40.95 s, other addresses" 0 0
	if [ $version = 3 ]; then
		attack advert:$lower:40950
		t=$(now)
		crash 1
		wait_for 20 sole 2 || fail "nobody took over"
		bounded "40.95 s by a lower one, then the owner dies" $((4 * L)) 0
		reconnect 1
		group
	fi

	t=$(now)
	attack advert:255:$A
	wait_for 20 returned || fail "the owner does not come back"
	rest 2
	bounded "priority 255 once" $((4 * A)) $((A / 2))
	if [ $version = 3 ]; then
		t=$(now)
		attack advert:255:40950
		wait_for 20 returned || fail "the owner does not come back"
		rest 2
		bounded "priority 255 once, 40.95 s" $((4 * L)) $((A / 2))
	fi
	t=$(now)
	attack advert:255:$A --every 0.3 --for 3
	t=$(now) # what comes before is the attacker's for as long as it goes on
	wait_for 20 sole 1 || fail "the owner does not come back"
	rest 2
	bounded "priority 255 every 0.3 s, after its end" $((4 * A)) $((A / 2))

	t=$(now)
	attack advert:0:$A --src $self
	rest 4
	wait_for 20 sole 1 || fail "the owner is another"
	bounded "priority 0 in the owner's name" 0 $A
	t=$(now)
	attack advert:0:$A
	rest 4
	wait_for 20 sole 1 || fail "the owner is another"
	bounded "priority 0 in its own" 0 $A
	t=$(now)
	attack advert:250:$A --src $self --every 0.05 --for 2 # genuine ones, played again
	rest 3
	bounded "the owner's own advertisements replayed" 0 0
}

# Whoever is flooded may lose advertisements: the owner may change, but an hour of it fills no journal, and when it ends
# there is the owner again.
statuses() { grep -c ' status ' "$dir/1"; }
more_statuses() { [ "$(statuses)" -gt "$1" ]; } # THAN
advertisements() { # what the first router says it has sent
	local said
	said=$(statuses)
	kill -HUP ${pid[1]}
	wait_for 10 more_statuses "$said" || return
	grep ' status ' "$dir/1" | tail -n 1 | grep -o ' sent=[0-9]*' | cut -d= -f2
}
flood() {
	local t kind sent before after answered options=(--frame) realtime= # or the flood waits for the routers: 28,000/s
	group
	for kind in checksum vrid advert:100:$A; do
		hostile $kind >"$dir/frame"
		rest 3 # what the flood before has left in the sockets is not this one's
		before=$(advertisements) || fail "$kind: the owner does not tell of itself"
		t=$(now)
		sent=$(in_ns 4 "$flood" eth0 "$dir/frame" 100000 3) || fail "cannot flood"
		wait_for 20 sole 1 || fail "$kind: the owner does not come back"
		measure $t
		after=$(advertisements) || fail "$kind: the owner does not tell of itself"
		answered=$((after - before))
		[ $answered -le 1000 ] || fail "$kind: the owner answered with $answered advertisements"
		[ "$(notices)" -le 60 ] || fail "$kind: $(notices) notices"
		ok "flood of $kind, $(awk '{ printf "%.0f/s", $1 / $2 }' <<<"$sent"): $none ms without an owner, $double ms with two, $answered advertisements by the owner, $(notices) notices; after it the owner is back"
		[ $kind != vrid ] || [ "$none $double" = "0 0" ] || fail "packets of another VRID should not even arrive"
	done
}

build_hosts 4 || { printf 'FAILED  %-18s cannot build the network\n' "$case"; exit 1; }
${case%%_*}
