#!/bin/bash
# One machine's time server drifts: status and metrics there say so; init, join and signing are refused.
source "$(dirname "$0")/cluster.sh"
lab_enter "$@"

class_is() {
        [ "$(agent_class "$1")" = "$2" ]
}

# Both times of a refusal: two clock times in one message.
shows_both_times() {
        [ "$(grep -Eo '[0-9]{2}:[0-9]{2}:[0-9]{2}' "$1" | wc -l)" -ge 2 ]
}

refused() {
        say "  $1: status $status: $(grep -m 1 'TimeSync\|clock' "$log")"
        expect "$1 is refused" [ "$status" != 0 ]
        expect "with both times" shows_both_times "$log"
}

# When it was degraded, by its agent's own history, in ms since 1970: how long it takes to ask for that does not count.
degraded_at() {
        local text

        text=$(on "$1" triarch status -o json | python3 -c '
import json, sys
print([e["time"] for e in json.load(sys.stdin)["history"] if e["what"] == "class" and e["to"] == "degraded"][-1])')
        date -d "$text" +%s%3N
}

cluster_ensure
wait_clocks
active=$(vip_holders)
bent=host3
[ "$active" != host3 ] || bent=host2
say "  the time server of $bent drifts by 50 ms/s; the address is at $active"
bend "$bent" 0 0.05
# The agent compares with the other masters' clocks, whose account of the limit is a few ms another.
wait_until 120 clock_beyond "$bent" 120 || fail "chronyd of $bent does not follow"
from=$(date +%s%3N)
wait_until 120 class_is "$bent" degraded || { fail "$bent is not degraded"; finish; }
took=$(($(degraded_at "$bent") - from))
say "  beyond 120 ms by chronyd's account, degraded by the agent's after $took ms (a poll is 1 s)"
expect "that is within two polls" [ "$took" -lt 2000 ]
timed on "$bent" triarch status
grep -i 'clock\|degraded' "$log" | sed 's/^/    status: /'
expect "status says degraded, with an offset" grep -Eqi 'degraded.*' "$log"
expect "status gives clock and offset as the reason" grep -Eqi 'clock.*[0-9.]+ ?m?s' "$log"
on "$bent" python3 -c '
import urllib.request
for line in urllib.request.urlopen("http://127.0.0.1:7645/metrics").read().decode().splitlines():
    if "clock" in line and not line.startswith("#") or line.startswith("triarch_class{"):
        print("    metrics:", line)'
expect "metrics say degraded" [ "$(metric "$bent" 'triarch_class{class="degraded"}')" = 1 ]
expect "the address did not move" holder_is "$active"

timed on "$bent" triarch init "${init_options[@]}"
refused "init on $bent"
on "$bent" mv /etc/kubernetes/pki/apiserver.crt /root/kept
timed on "$bent" triarch init phase certs apiserver "${init_options[@]}"
refused "signing a certificate on $bent"
expect "no certificate was made" on "$bent" test ! -e /etc/kubernetes/pki/apiserver.crt
on "$bent" mv /root/kept /etc/kubernetes/pki/apiserver.crt

timed on "$bent" triarch reset --force
expect "reset of $bent" [ "$status" = 0 ]
disk_list "$bent" >"$lab_out/before"
words=$(join_words "$active")
# shellcheck disable=SC2086 # words
timed on "$bent" triarch join $words "${join_options[@]}"
refused "join of $bent"
disk_list "$bent" >"$lab_out/after"
expect "it left nothing on disk: $(diff "$lab_out/before" "$lab_out/after" | head -5)" cmp "$lab_out/before" "$lab_out/after"
timed on "$bent" triarch init "${init_options[@]}" --node-name "$bent"
refused "init on $bent, reset"

bend "$bent"
wait_until 180 clock_right "$bent" || fail "chronyd of $bent does not come back"
words=$(join_words "$active")
# shellcheck disable=SC2086 # words
timed on "$bent" triarch join $words "${join_options[@]}"
expect "with its time right again, $bent joins" [ "$status" = 0 ]
cluster_settle
finish
