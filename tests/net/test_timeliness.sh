#!/bin/bash
# Whatever hangs, advertisements leave in time: each health check in turn, and all at once, asks a service that
# accepts and never answers, does not even accept, answers byte by byte or without end; clients of the control
# socket and of the loopback pages stall in their requests; the key file is a FIFO; the disk that the list of
# members is written to stands still; nobody reads what the agent says on stderr. Another host sees the owner's
# advertisements: the longest gap between two of them, by the kernel's time of arrival, is under one and a half
# intervals, and the address stays where it is. (A run that another load on this machine spoiled is made again.)
set -u
here=$(dirname "$0")
. "$here/hosts.sh"
needs openssl python3 tcpdump mkfs.ext4 fsfreeze
. "$here/agents.sh"
own_namespaces "$@"
finish() {
	mountpoint -q "$dir/disk" && { fsfreeze -u "$dir/disk" 2>/dev/null; }
	remove_hosts
	umount "$dir/disk" 2>/dev/null
	rm -rf "$dir"
}
trap finish EXIT
export KEEP=1 # until the disk is no longer mounted below it
build_hosts 3
failed=0
interval=50 seconds=${SECONDS_EACH:-3} claim='udp[12] = 0x11' # type CLAIM of docs/wire.md
limit=$((interval * 3 / 2)) wanted=$((seconds * 1000 / interval))

make_key "$dir/vip.key"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$dir/ca.key" -out "$dir/ca.crt" -subj /CN=test -days 2 2>/dev/null
write_config() { # I [health]
	{
		printf '  advertisementInterval: %sms\n' $interval
		printf 'stateDir: %s\n' "$([ $1 = 1 ] && echo "$dir/disk" || echo "$dir/a$1")"
		[ -z "${2:-}" ] || cat <<-END
			health:
			  apiServer: { endpoint: "https://10.77.0.$1:6443/livez", caFile: $dir/ca.crt }
			  etcd:
			  kubelet: { interval: 250ms }
			  clock: { interval: 250ms }
		END
	} | configure_default $1
}
disk() { # the owner's list is on a disk of its own
	truncate -s 16M "$dir/disk.img" && mkfs.ext4 -q "$dir/disk.img" && mkdir "$dir/disk" && mount -o loop "$dir/disk.img" "$dir/disk"
}

gap() { # sets gap: the longest between two advertisements of the owner, and counts them: as many as are due, or it took too long
	timeout $((seconds * 2 + 5)) ip netns exec h$watcher tcpdump -i eth0 -n -tt -l -c $wanted \
		"src host 10.77.0.$owner and udp port 7644 and $claim" 2>/dev/null >"$dir/seen"
	read -r count gap < <(awk '{ if (last && $1 - last > most) most = $1 - last; last = $1 } END { printf "%d %.1f\n", NR, most * 1000 }' "$dir/seen")
}
# The classes of all and the owner have been the same for a while: what follows is not the change itself.
state() { owners; for i in $hosts; do field $i 's["class"]'; done; }
steady() {
	local was
	was=$(state)
	sleep 2
	one_owner && [ "$(state)" = "$was" ]
}
settle() { # sets owner, watcher
	wait_for 30 steady || bad steady "$(state)"
	owner=$(owners)
	owner=${owner%% *}
	watcher=$([ "$owner" = 2 ] && echo 3 || echo 2)
}
measure() { # WHAT: while something hangs
	local what=$1 try changes
	for try in 1 2 3; do
		changes=$(grep -c 'active ->' "$dir/a$owner/log")
		gap
		[ "$count" = $wanted ] && below "$gap" $limit && owner_is $owner &&
			[ "$(grep -c 'active ->' "$dir/a$owner/log")" = "$changes" ] || continue
		ok "$what" "n$owner: longest gap $gap ms of $count advertisements$([ $try = 1 ] || echo ", try $try")"
		return
	done
	bad "$what" "longest gap $gap ms of $count, owners: $(owners)"
}

hung=()
hang_everywhere() { # HOW [PORT...]
	local i
	rm -f "$dir"/hang?
	for i in $hosts; do
		ip netns exec h$i "$here/timeliness.d/hang.py" "$@" >"$dir/hang$i" 2>&1 &
		hung+=($!)
	done
	for i in $hosts; do wait_for 20 grep -qs ready "$dir/hang$i" || bad "$1" "$(cat "$dir/hang$i")"; done
}
release() { { kill "${hung[@]}" && wait "${hung[@]}"; } 2>/dev/null; hung=(); }
is_last() { field_is $owner "{c['name']: c['last'] for c in s['checks']}['$1']" $2; }

for i in $hosts; do write_config $i health; done
disk || { echo "skipped: no loop device"; exit 77; }
for i in $hosts; do start_agent $i; done
settle
measure "nothing hangs (and nothing is there to be checked)"

# --- the checks
for how in silent full drip endless; do
	hang_everywhere $how
	settle
	[ $how != silent ] || [ "$(field $owner '[c["last"] for c in s["checks"]][:2]')" = "['timeout', 'timeout']" ] ||
		bad "$how" "the checks do not time out: $(field $owner '[(c["name"], c["last"]) for c in s["checks"]]')"
	measure "apiServer, etcd, kubelet, chronyd: $how"
	release
done
for check in 6443:apiServer 2381:etcd 10248:kubelet 323:chronyd; do
	hang_everywhere silent ${check%:*}
	settle
	measure "${check#*:} alone: silent"
	release
done

# --- requests; from here on without checks
for i in $hosts; do
	stop_agent $i
	write_config $i
	start_agent $i
done
is_at() { owner_is $1 || { ctl $1 vip move n$1 && owner_is $1; } >/dev/null 2>&1; } # I: moved there if it is not
move_to() { # I: what is measured is measured there
	wait_for 20 is_at $1
	settle
	[ $owner = $1 ] || bad "the address is to be on n$1" "owners: $(owners)"
}
move_to 1
rm -f "$dir/hang1"
ip netns exec h1 "$here/timeliness.d/hang.py" clients "$dir/a1/agent.sock" 7645 >"$dir/hang1" 2>&1 &
hung+=($!)
wait_for 20 grep -qs ready "$dir/hang1" || bad "stalled clients" "$(cat "$dir/hang1")"
measure "200 clients of socket and pages stall"
release
mv "$dir/vip.key" "$dir/vip.key.away"
mkfifo -m 640 "$dir/vip.key"
rm -f "$dir/hang1"
ip netns exec h1 "$here/timeliness.d/hang.py" reload "$dir/a1/agent.sock" 1000000 >"$dir/hang1" 2>&1 &
hung+=($!)
wait_for 20 grep -qs ready "$dir/hang1" || bad "key file" "$(cat "$dir/hang1")"
measure "the key file is a FIFO, and is to be read again and again"
release
rm "$dir/vip.key"
mv "$dir/vip.key.away" "$dir/vip.key"

# --- the disk stands still while a newer list of members is to be written
move_to 1
before=$(field 1 's["vip"]["generation"]')
[ -n "$before" ] || bad "frozen disk" "n1 does not answer before it"
fsfreeze -f "$dir/disk"
stop_agent 3
echo 'membersGeneration: 2' >>"$dir/a3/config.yaml"
start_agent 3
second_has() { field_is 2 's["vip"]["generation"]' 2; }
wait_for 20 second_has || bad "frozen disk" "the second node has generation $(field 2 's["vip"]["generation"]')"
answers() { ctl 1 status >/dev/null 2>&1; }
wait_for 10 answers
generation=$(field 1 's["vip"]["generation"]')
[ "$generation" = "$before" ] || bad "frozen disk" "generation $generation is in use, but cannot be on disk"
# Two of three have the newer list, and the owner cannot: it gives way, and votes no more until its disk does.
wait_for 15 owner_is_not 1 && ok "the owner's disk stands still, the others have a newer list" "the address went to n$(owners)" ||
	bad "frozen disk" "$(owners)"
settle
measure "meanwhile the new owner"
wait_for 10 answers && ok "the one whose disk stands still answers" "generation $(field 1 's["vip"]["generation"]')" || bad "frozen disk" "no answer"
fsfreeze -u "$dir/disk"
has_new() { field_is 1 's["vip"]["generation"]' 2; }
wait_for 15 has_new && ok "its disk goes on: it has the list" "generation 2" || bad "thawed disk" "$(field 1 's["vip"]')"

# --- nobody reads stderr
settle
stop_agent $owner
mkfifo "$dir/stuck"
exec 9<>"$dir/stuck" # held open, never read
ip netns exec h$owner "$triarch" agent --config "$dir/a$owner/config.yaml" 2>&9 &
agent[$owner]=$! pid[$owner]=$!
disown
: >"$dir/a$owner/log"
back=$owner
wait_for 15 ctl $back status >/dev/null 2>&1
move_to $back
# Each is a line of some 60 bytes: more than a pipe holds.
ip netns exec h$owner "$here/timeliness.d/hang.py" reload "$dir/a$owner/agent.sock" 4000 >"$dir/hang1" 2>&1 &
hung+=($!)
full() { python3 -c 'import array, fcntl, sys, termios; n = array.array("i", [0]); fcntl.ioctl(9, termios.FIONREAD, n); sys.exit(n[0] < 60000)'; }
wait_for 20 full || bad stderr "the pipe does not fill"
measure "nobody reads stderr, and there is much to say"
release
exec 9>&-

exit $failed
