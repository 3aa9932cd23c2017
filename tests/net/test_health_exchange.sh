#!/bin/bash
# Three agents with the sealed transport tell one another what they measure: three hosts as network namespaces
# on one bridge, an HTTPS service and a chronyd on each, and a time server that can lie to each of them. What
# only one of them has moves the address; what all have does not.
set -u
here=$(dirname "$0")
. "$here/hosts.sh"
needs openssl python3 chronyd
. "$here/agents.sh"
. "$here/services.sh"
own_namespaces "$@"
trap remove_hosts EXIT
build_hosts 3
shifter=$(realpath "${BUILD:-build/dev}/tests/clockshift.so")
trials=${TRIALS:-3}
failed=0
declare -A clock

make_files() { # I
	make_certificate $1
	head -c 8 /dev/zero >"$dir/a$1/shift"
	cat >"$dir/a$1/chrony.conf" <<-END
		server 10.77.0.254 iburst minpoll 0 maxpoll 0
		bindcmdaddress 127.0.0.1
		bindcmdaddress $dir/a$1/chronyd.sock
		pidfile $dir/a$1/chronyd.pid
		port 0
	END
	{
		printf '  transport: sealed\n  election: majority\n  keyFile: %s\n' "$dir/vip.key" | checked_group $1
		printf '  clock: { interval: 1s }\ntimeSync: { maxOffset: 100ms }\nstateDir: %s\n' "$dir/a$1/state"
	} | configure $1
	mkdir -p "$dir/a$1/state"
}
start_shifted() { TRIARCH_CLOCK_SHIFT=$dir/a$1/shift LD_PRELOAD=$shifter start_agent $1; }
start_chronyd() { ip netns exec h$1 chronyd -x -d -u root -f "$dir/a$1/chrony.conf" >"$dir/a$1/chronyd.log" 2>&1 & clock[$1]=$!; disown; }
start_content_chronyd() { ip netns exec h$1 python3 "$here/fakechronyd.py" "$dir/a$1/shift" 2>>"$dir/a$1/log" & clock[$1]=$!; disown; }
end_clock() { # I
	kill ${clock[$1]} 2>/dev/null
	wait_for 10 gone ${clock[$1]}
}
bend() { # OFFSET DRIFT I...: what the time server tells them
	local offset=$1 drift=$2
	shift 2
	for i; do echo "10.77.0.$i $offset $drift"; done >"$dir/offsets.new"
	mv "$dir/offsets.new" "$dir/offsets"
}
shift_clock() { python3 -c 'import struct,sys; open(sys.argv[1], "r+b").write(struct.pack("q", int(sys.argv[2])))' "$dir/a$1/shift" "$2"; }

settle() { # the next `left` is about this owner
	settled ${1:-20}
	old=$owner
}
others() { for i in $hosts; do [ $i = $owner ] || echo $i; done; }
left() { owner_is_not $old; }
lost() { ! has_address $owner 10.77.0.100; }
restart_agents() { # a new start has no rest behind it
	for i in $hosts; do stop_agent $i; done
	for i in $hosts; do start_shifted $i; done
	settle
}
stays() { # SECONDS: the address where it is, all the time
	! wait_for $1 lost && owner_is $owner
}

make_ca
make_key "$dir/vip.key"
: >"$dir/offsets"
ip -n h0 addr add 10.77.0.254/24 dev br0
ip netns exec h0 python3 "$here/../lab/timeserver.py" 10.77.0.254 "$dir/offsets" &
disown
observe 10.77.0.100 $hosts
for i in $hosts; do
	make_files $i
	start_chronyd $i
	start_service $i
	start_shifted $i
done
settle 60
ok "three agents, one holder, everyone healthy" "n$owner"

# --- the API server of one host accepts and never answers
times=()
moved() { [ -n "$(took $from)" ]; }
for _ in $(seq "$trials"); do
	from=$(now)
	kill -STOP ${service[$owner]}
	# On a machine so busy that the others answer late, too, it rightly stays until they do not.
	wait_for 30 moved || bad "the service hangs" "the address does not move: $(owners); $(classes)"
	times+=($(took $from))
	kill -CONT ${service[$old]}
	restart_agents
done
m=$(median "${times[@]}")
[ "$m" -le 1200 ] && ok "the service accepts and never answers: the address has moved" "median $m ms (${times[*]})" ||
	bad "the service hangs" "median $m ms is over 1200 ms (${times[*]})"
observed
[ -n "$two" ] && below "$two" 1 && ok "never two owners" || bad "two owners" "${two:-?} ms"

# What follows lasts: a lease that survives half a second in which this machine was busy elsewhere.
for i in $hosts; do sed -i 's/^  interface: eth0/&\n  advertisementInterval: 300ms/' "$dir/a$i/config.yaml"; done
restart_agents

# --- all of them
for i in $hosts; do kill -STOP ${service[$i]}; done
stays 6 && [ "$(field $owner 's["withheld"]')" = True ] && ok "all services hang: it stays" "$(reason $owner)" || bad "all services hang" "owners: $(owners); $(classes)"
withheld=$(field $owner '[e["reason"] for e in s["history"] if e["what"] == "withheld" and e["to"] == "yes"][-1]')
[ -n "$withheld" ] && ok "its history says that it withholds the fault" || bad "history" "nothing is withheld"
before=$owner
for i in $hosts; do kill -CONT ${service[$i]}; done
settle
[ $owner = $before ] && ok "all answer again: it is still there" "n$owner" || bad "all answer again" "now at n$owner"

# --- slow alone: the others are in time, but not within half of the time-out
for i in $(others); do echo 0.3 >"$dir/a$i/slow"; done
sleep 1
echo 0.8 >"$dir/a$owner/slow"
stays 6 && ok "slow here, not fast elsewhere: it stays" "$(reason $owner)" || bad "slow alone" "owners: $(owners); $(classes)"
fast=$(others | head -1)
rm "$dir/a$fast/slow"
wait_for 10 left && owner_is $fast && ok "one of the others becomes fast: it moves there" "n$fast" ||
	bad "one becomes fast" "owners: $(owners); $(classes)"
rm -f "$dir"/a?/slow
restart_agents

# --- all time servers drift together (one server, one drift), and come back as slowly: each chronyd would see
# a step at a moment of its own
correct() { in_ns $1 chronyc -h 127.0.0.1 -c tracking | awk -F, '{ v = $5 < 0 ? -$5 : $5; exit !(v < 0.01) }'; }
restart_clocks() { # without a memory of what the server said
	bend 0 0
	for i in $hosts; do
		end_clock $i
		start_chronyd $i
	done
	for i in $hosts; do
		wait_for 30 correct $i || bad "time server right again" "n$i: $(in_ns $i chronyc -h 127.0.0.1 -c tracking)"
	done
}
bend 0 0.01 $hosts
from=$(now)
stays 20 && all_healthy && ok "all clocks drift together: it stays, nobody is degraded" "$(field $owner 's["clock"]["reason"]')" ||
	bad "all clocks drift" "owners: $(owners); $(classes)"
back=$(since $from)
bend "$(python3 -c "print(0.01 * $back / 1000)")" -0.01 $hosts
stays $((back / 1000)) && all_healthy && ok "and back: it stays" || bad "all clocks drift back" "owners: $(owners); $(classes)"
restart_clocks
settle

# --- the time server of one host drifts
bend 0 0.05 $owner
from=$(now)
wait_for 20 left && ok "the time server of one host drifts by 50 ms/s: the address leaves it" "$(since $from) ms: $(reason $old)" ||
	bad "one clock drifts" "owners: $(owners); $(classes)"
restart_clocks
restart_agents

# --- one of three has followed a server that lies by 5 s: its own chronyd is content
end_clock $owner
start_content_chronyd $owner
wait_for 20 all_healthy || bad "a chronyd that is content" "$(classes)"
stays 4 && all_healthy || bad "a chronyd that is content" "owners: $(owners); $(classes)"
shift_clock $owner 5000000000
from=$(now)
wait_for 15 left && ok "one of three follows a server that lies by 5 s: the odd one out" "$(since $from) ms: $(reason $old)" ||
	bad "a liar" "owners: $(owners); $(classes)"
told() { # BY: what another node says of the odd one out
	field $1 '[(m["class"], round(m["clockOffsetSeconds"]), m["reason"]) for m in s["members"] if m["name"] == "n'$old'"][0]'
}
other=$(owners) other=${other% }
is_told() { told $1 | grep -q "'degraded', 5, .*odd one out"; }
wait_for 5 is_told $other && ok "status on n$other tells its class, why, and its clock" "$(told $other)" ||
	bad "status on another node" "$(told $other)"
ctl $other status | grep -E "^ +n$old .*degraded.*clock \+[45].*odd one out" >"$dir/text" &&
	ok "in text, too" "$(cat "$dir/text")" || bad "status text" "$(ctl $other status)"
correction=$(field $old 's["clock"]["correctionSeconds"]')
python3 -c "import sys; sys.exit(abs($correction) > 0.001)" && ok "its own correction is near 0" "$correction s" || bad "its own correction" "$correction"

exit $failed
