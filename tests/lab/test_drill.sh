#!/bin/bash
# `triarch drill` on a master: round over all three and home, the API verified at each; refused while one is down.
source "$(dirname "$0")/cluster.sh"
lab_enter "$@"

cluster_ensure
active=$(vip_holders)
asked=host2
[ "$active" != host2 ] || asked=host3
timed on "$asked" triarch drill
sed 's/^/    /' "$log"
expect "the drill on $asked succeeds" [ "$status" = 0 ]
expect "three moves" [ "$(grep -c ' -> .*answer' "$log")" = 3 ]
expect "the address is at home at $active" holder_is "$active"

down=host1
[ "$active" != host1 ] && [ "$asked" != host1 ] || down=$([ "$active" != host2 ] && [ "$asked" != host2 ] && echo host2 || echo host3)
machine_kill "$down"
sleep 2
timed on "$asked" triarch drill
expect "refused while $down is down" [ "$status" = 2 ]
expect "and it says which: $(tail -n 1 "$log")" grep -q "$down is not heard" "$log"
expect "the address did not move" holder_is "$active"
machine_boot "$down"
wait_until 180 cluster_whole || fail "$down is not back in the cluster"
finish
