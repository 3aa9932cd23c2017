#!/bin/bash
# join refuses what it must, says why, leaves nothing on disk and no member in etcd.
source "$(dirname "$0")/cluster.sh"
lab_enter "$@"

# refused WHAT PATTERN OPTION...: join on host3.
refused() {
        local what=$1 pattern=$2

        shift 2
        timed on host3 triarch join "$@" "${join_options[@]}"
        say "  $what: $seconds s, status $status: $(grep -m 1 -E '^triarch: |\[ERROR' "$log")"
        [ "$status" != 0 ] || fail "$what was not refused"
        grep -Eqi "$pattern" "$log" || fail "$what: the reason is not given: $(cat "$log")"
        disk_list host3 >"$lab_out/after"
        cmp -s "$lab_out/before" "$lab_out/after" || fail "$what left on disk: $(diff "$lab_out/before" "$lab_out/after")"
        [ "$(members)" = "host1 host2" ] || fail "$what left in etcd: $(members)"
}

token_of() {
        grep -o -- '--token [^ ]*' <<<"$1" | cut -d' ' -f2
}

hash_of() {
        grep -o 'sha256:[0-9a-f]*' <<<"$1"
}

cluster_make host1
once=$(on host1 triarch token create --uses 1 --print-join-command | grep -o 'triarch join .*')
# shellcheck disable=SC2046 # words
timed on host2 $once "${join_options[@]}"
[ "$status" = 0 ] || { cat "$log"; die "join of host2 ended with $status"; }
line=$(join_line)
to=$(cut -d' ' -f3 <<<"$line")
token=$(token_of "$line")
hash=$(hash_of "$line")
disk_list host3 >"$lab_out/before"

last=${token: -1}
if [ "$last" = a ]; then other=b; else other=a; fi
refused "a wrong token" 'token' "$to" --token "${token%?}$other" --discovery-token-ca-cert-hash "$hash"
refused "an unknown token" 'token' "$to" --token "zzzzz9.${token#*.}" --discovery-token-ca-cert-hash "$hash"
refused "a used-up token" 'used' "$to" --token "$(token_of "$once")" --discovery-token-ca-cert-hash "$hash"
short=$(on host1 triarch token create --ttl 1s)
sleep 2
refused "an expired token" 'expired' "$to" --token "$(grep -Eo '[a-z0-9]{6}\.[a-z0-9]{16}' <<<"$short" | head -1)" \
        --discovery-token-ca-cert-hash "$hash"
refused "a wrong CA hash" 'hash|CA' "$to" --token "$token" \
        --discovery-token-ca-cert-hash "sha256:$(printf '0%.0s' {1..64})"
refused "a name that exists" 'host2|name' "$to" --token "$token" --discovery-token-ca-cert-hash "$hash" --node-name host2
bend host3 3600
wait_until 120 clock_beyond host3 3000000 || fail "chronyd of host3 does not follow"
refused "a clock 1 h off" 'clock|time' "$to" --token "$token" --discovery-token-ca-cert-hash "$hash"
expect "with both times" [ "$(grep -Eo '[0-9]{2}:[0-9]{2}:[0-9]{2}' "$log" | wc -l)" -ge 2 ]
# Its own check is not all: the master compares the two clocks.
join_options=(--ignore-preflight-errors CRI,TimeSync)
refused "the same, with the joiner's check ignored" 'clock|time' "$to" --token "$token" --discovery-token-ca-cert-hash "$hash"
expect "with both times" [ "$(grep -Eo '[0-9]{2}:[0-9]{2}:[0-9]{2}' "$log" | wc -l)" -ge 2 ]
join_options=(--ignore-preflight-errors CRI)
bend host3
wait_until 180 clock_right host3 || fail "chronyd of host3 does not come back"

timed on host3 triarch join "$to" --token "$token" --discovery-token-ca-cert-hash "$hash" "${join_options[@]}"
[ "$status" = 0 ] || fail "the token that was refused so often is still good: $(cat "$log")"
cluster_settle
finish
