#!/bin/bash
# `triarch drill` with three agents from configuration files alone, and an HTTPS service on each host: the address
# visits every host and comes home, a service that does not answer ends the walk at home, and it does not begin
# when a host is unwell. An observer follows the address in all kernels: never two owners.
set -u
[ "$(id -u)" = 0 ] || { echo "skipped: needs root"; exit 77; }
for tool in openssl python3; do
	command -v $tool >/dev/null || { echo "skipped: needs $tool"; exit 77; }
done
here=$(dirname "$0")
. "$here/hosts.sh"
. "$here/agents.sh"
own_namespaces "$@"
trap remove_hosts EXIT
build_hosts 3
failed=0

make_key "$dir/vip.key"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$dir/key.pem" -out "$dir/ca.crt" -subj /CN=test -days 2 \
	-addext "subjectAltName=IP:10.77.0.100" 2>/dev/null
serve() { # I
	mkdir -p "$dir/s$1"
	cat "$dir/key.pem" "$dir/ca.crt" >"$dir/s$1/server.pem"
	ip netns exec h$1 "$here/standin_https.py" 6443 "$dir/s$1" &
	service[$1]=$!
	disown
	wait_for 10 in_ns $1 bash -c ': </dev/tcp/127.0.0.1/6443' 2>/dev/null || bad "service on n$1" "does not listen"
}
end_service() { # I
	kill ${service[$1]}
	wait_for 5 gone ${service[$1]}
}
declare -A service=()
for i in $hosts; do
	configure_default $i </dev/null
	serve $i
	start_agent $i
done
ready() { # every agent knows all members' health, and one has the address
	one_owner || return 1
	for i in $hosts; do field_is $i 'sorted(m["class"] for m in s["members"])' "['healthy', 'healthy', 'healthy']" || return 1; done
}
wait_for 20 ready || bad start "$(owners)"
drill() { # I OPTIONS...
	local i=$1
	shift
	in_ns $i "$triarch" drill --config "$dir/a$i/config.yaml" --socket "$dir/a$i/agent.sock" \
		--url https://10.77.0.100:6443/ --ca-file "$dir/ca.crt" "$@" >"$dir/out" 2>&1
}
said() { tail -n 1 "$dir/out"; }

home=$(owners)
home=${home%% *}
elsewhere=$((home % 3 + 1))
observe 10.77.0.100 $hosts || bad observer "$(cat "$dir/observer")"
wait_for 5 grep -q " add $home\$" "$dir/observer" || bad "the observer" "does not see who has the address"
drill $home && ok "the address went round, asked on its owner" "$(said)" || bad "round from the owner" "$(cat "$dir/out")"
[ "$(grep -c ' -> ' "$dir/out")" = 3 ] || bad "round" "not three moves: $(cat "$dir/out")"
owner_is $home || bad "round" "it is at n$(owners), not at home n$home"
read_json() { # prints the longest gap
	python3 -c 'import json,sys; d = json.load(open(sys.argv[1])); assert len(d["moves"]) == 6 and d["owner"] == "n" + sys.argv[2]; print("longest", round(d["longestMs"], 1), "ms")' "$dir/out" $home 2>&1
}
drill $elsewhere --rounds 2 -o json && longest=$(read_json) && ok "twice round, asked on another host, as JSON" "$longest" ||
	bad "round from another" "${longest:-} $(cat "$dir/out")"
observed
[ "$(grep -c ' add ' "$dir/observer")" -ge 9 ] || bad "the observer" "missed moves: $(cat "$dir/observer")"
[ -n "$two" ] && below "$two" 1 && ok "never two owners" "in $(grep -c ' del ' "$dir/observer") moves" || bad "two owners" "${two:-?} ms"

# --- a station that does not answer
end_service $elsewhere
drill $home
status=$?
[ $status = 1 ] && said | grep -q "does not answer through n$elsewhere" && said | grep -q "back at n$home" && owner_is $home &&
	ok "a host that does not answer ends it, and the address is at home" "$(said)" || bad "dead station" "status $status: $(cat "$dir/out")"
serve $elsewhere

# --- refusals: nothing moves
refused() { # WHAT PATTERN
	local before status
	before=$(owners)
	drill $home
	status=$?
	[ $status = 2 ] && said | grep -q "$2" && [ "$(owners)" = "$before" ] && ok "refused: $1" "$(said)" || bad "$1" "status $status: $(cat "$dir/out")"
}
end_service $home
refused "the address does not answer" 'does not answer'
serve $home
ctl $elsewhere vip standby on >/dev/null
standing() { field_is $home '[m["standby"] for m in s["members"]].count(True)' 1; }
wait_for 5 standing || bad standby "not told"
refused "one stands by" "n$elsewhere stands by"
ctl $elsewhere vip standby off >/dev/null
wait_for 5 field_is $home '[m["standby"] for m in s["members"]].count(True)' 0 || bad standby "not told that it is off"
stop_agent $elsewhere
sleep 1.2
refused "one is down" "n$elsewhere is not heard"
start_agent $elsewhere
wait_for 20 ready
drill $home && ok "and again when all are well" "$(said)" || bad "again" "$(cat "$dir/out")"
drill $home --group 7
[ $? = 3 ] && ok "no such group" "$(said)" || bad "no such group" "$(cat "$dir/out")"

exit $failed
