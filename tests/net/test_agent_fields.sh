#!/bin/bash
# What three fields of a configuration file do between agents on one network: clusterName, election, accept. The
# transport is sealed, and all have the same key, members and port.
set -u
here=$(dirname "$0")
. "$here/hosts.sh"
needs openssl python3
. "$here/agents.sh"
own_namespaces "$@"
trap remove_hosts EXIT
build_hosts 3
failed=0

stop_all() {
	for i in $hosts; do
		runs $i || continue
		stop_agent $i
		unset "agent[$i]" "pid[$i]"
	done
}
sessions() { field $1 'sorted(m["name"] for m in s["members"] if m.get("session"))'; } # I
sessions_are() { [ "$(sessions $1)" = "$2" ]; }
dropped() { in_ns $1 awk 'NR > 1 { n += $NF } END { print n + 0 }' /proc/net/udp; } # I: by the filter of its sockets
drops() { [ "$(dropped $1)" -ge $2 ]; }                                            # I AT-LEAST
answers() { in_ns $1 timeout 3 bash -c "exec 3<>/dev/tcp/$2/1" 2>&1 | grep -q refused; } # I ADDRESS: that nobody listens is one
finds() { ip -n h$1 neigh show "$2" dev eth0 | grep -q lladdr; }                         # I ADDRESS
other_than() { for i in $hosts; do [ $i = $1 ] || { echo $i; return; }; done; }

make_key "$dir/vip.key"

# --- clusterName: n1 is of another cluster, though it has all that the others have
for i in $hosts; do
	configure_default $i </dev/null
	echo "clusterName: $([ $i = 1 ] && echo one || echo two)" >>"$dir/a$i/config.yaml"
	start_agent $i
done
of_the_others() { one_owner && ! owner_is 1; }
wait_for 10 of_the_others && wait_for 10 sessions_are 2 "['n3']" && wait_for 10 sessions_are 3 "['n2']" || bad clusterName "owners: $(owners), n2 hears $(sessions 2)"
wait_for 10 drops 1 20 && field_is 1 's["transports"][0]["received"]' 0 && sessions_are 1 '[]' && of_the_others &&
	ok "clusterName: two hear each other, and the third hears neither" "n1 dropped $(dropped 1) datagrams; n$(owners)has the address" ||
	bad clusterName "n1 dropped $(dropped 1) datagrams: $(field 1 's["transports"]')"
stop_agent 1
sed -i 's/^clusterName: .*/clusterName: two/' "$dir/a1/config.yaml"
start_agent 1
wait_for 10 sessions_are 1 "['n2', 'n3']" && of_the_others && ok "n1 with their name: it is one of them" || bad clusterName "n1 hears $(sessions 1)"
owner=$(owners)
other=$(other_than $owner)
for a in 10.77.0.100 fd77::100; do answers $other $a || bad "accept: true" "$a does not answer"; done
stop_all

# --- election: priority: nobody is asked
for i in $hosts; do echo '  election: priority' | configure_default $i; done
start_agent 2
wait_for 10 owner_is 2 && ok "election: priority: alone of three members, and it has the address" || bad "election: priority" "$(owners)"
start_agent 3
wait_for 10 sessions_are 3 "['n2']" && wait_for 10 sessions_are 2 "['n3']" && owner_is 2 || bad "election: priority, two of three" "$(owners)"
stop_agent 2
wait_for 10 owner_is 3 && ok "the other one is alone then, and has it" || bad "election: priority, after SIGTERM" "$(owners)"
stop_all

# --- accept: false: neighbours find the address, and packets to it are not for this host
for i in $hosts; do echo '  accept: false' | configure_default $i; done
for i in $hosts; do start_agent $i; done
wait_for 10 one_owner || bad "accept: false" "$(owners)"
owner=$(owners)
owner=${owner% }
other=$(other_than $owner)
ip -n h$other neigh flush dev eth0
answers $other 10.77.0.$owner || bad "accept: false" "n$owner's own address does not answer"
for a in 10.77.0.100 fd77::100; do
	! answers $other $a && finds $other $a && owner_is $owner && ok "accept: false: $a is found, and takes no packets" ||
		bad "accept: false" "$a: $(ip -n h$other neigh show $a dev eth0), $(owners)"
done

exit $failed
