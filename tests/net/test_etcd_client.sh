#!/bin/bash
# agent/etcd.h against a real etcd: mutual TLS with certificates of our own PKI, one voter, a learner that
# is added, refused, started, promoted and removed. In a network namespace of its own.
set -u
[ "$(id -u)" = 0 ] && command -v etcd >/dev/null || { echo "skipped: needs root and etcd"; exit 77; }
[ -n "${IN_NAMESPACE:-}" ] || IN_NAMESPACE=1 exec unshare --net --mount "$0" "$@"

client=${BUILD:-build/dev}/tests/etcdclient
dir=$(mktemp -d /tmp/triarch-etcd-XXXXXX)
pids=()
trap 'kill ${pids[@]} 2>/dev/null; wait 2>/dev/null; rm -rf "$dir"' EXIT
ip link set lo up
failed=0
out=

start_etcd() { # NAME CLIENT-PORT PEER-PORT INITIAL-CLUSTER STATE
	etcd --name "$1" --data-dir "$dir/$1" --initial-cluster "$4" --initial-cluster-state "$5" \
		--listen-client-urls "https://127.0.0.1:$2" --advertise-client-urls "https://127.0.0.1:$2" \
		--listen-peer-urls "https://127.0.0.1:$3" --initial-advertise-peer-urls "https://127.0.0.1:$3" \
		--cert-file "$dir/pki/etcd/server.crt" --key-file "$dir/pki/etcd/server.key" \
		--trusted-ca-file "$dir/pki/etcd/ca.crt" --client-cert-auth \
		--peer-cert-file "$dir/pki/etcd/peer.crt" --peer-key-file "$dir/pki/etcd/peer.key" \
		--peer-trusted-ca-file "$dir/pki/etcd/ca.crt" --peer-client-cert-auth >"$dir/$1.log" 2>&1 &
	pids+=($!)
}
call() { # VERB [ARGUMENT]: sets out
	out=$("$client" "https://127.0.0.1:${port:-2379}" "${ca:-$dir/pki/etcd/ca.crt}" \
		"${cert:-$dir/pki/etcd/healthcheck-client}.crt" "${cert:-$dir/pki/etcd/healthcheck-client}.key" "$@")
}
expect() { # WHAT PATTERN
	if grep -Eq -- "$2" <<<"$out"; then
		printf 'ok      %-44s %s\n' "$1" "${out//$'\n'/ | }"
	else
		printf 'FAILED  %s: wanted %s, got:\n%s\n' "$1" "$2" "$out"
		failed=1
	fi
}
until_ok() { # SECONDS COMMAND...
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do [ $SECONDS -lt $deadline ] || return 1; sleep 0.1; done
}

"$client" certs "$dir" host1 127.0.0.1 || exit 1
call list
expect "nothing listens" '^EAGAIN: etcd member/list at https://127.0.0.1:2379: '
start_etcd host1 2379 2380 host1=https://127.0.0.1:2380 new
until_ok 60 call list || { echo "etcd did not start:"; tail -5 "$dir/host1.log"; exit 1; }
expect "one voter" '^[0-9]+ host1 https://127.0.0.1:2380 voter$'
voter=${out%% *}
for _ in {1..40}; do # a connection reset before the alert is read says nothing: EAGAIN, and again
	cert=$dir/pki/front-proxy-client call list
	[[ $out == EAGAIN:* ]] || break
done
expect "client certificate of another CA" '^EACCES: '
ca=$dir/pki/front-proxy-ca.crt call list
expect "server certificate of another CA" '^EACCES: '
cert=$dir/none call list
expect "client certificate missing" '^ENOKEY: '
call promote "$voter"
expect "promote a voter" '^EALREADY: .*\(code 9\)$'
call promote 18446744073709551615
expect "promote an unknown id of 64 bits" '^ENOENT: .*\(code 5\)$'
call remove 12345
expect "remove an unknown id" '^ENOENT: '

call get /triarch/a
expect "a key that does not exist" '^0 0 none$'
call put /triarch/a 0 'one: {"x": "ÿ"}'
expect "made" '^written$'
call put /triarch/a 0 two
expect "made again: it exists" '^somebody was faster$'
call get /triarch/a
expect "read back" '^[0-9]+ 16 one: \{"x": "ÿ"\}$'
call put /triarch/a "${out%% *}" three
expect "changed from what was read" '^written$'
call put /triarch/a "${out%% *}" four
expect "changed from a revision that is over" '^somebody was faster$'
call get /triarch/a
expect "the first change stands" '^[0-9]+ 5 three$'
revision=${out%% *}
call watch /triarch/ "$revision" 2000
expect "watch: nothing after the last change" '^not changed$'
call watch /triarch/ $((revision - 1)) 5000
expect "watch: a change before it began" '^changed$'
(sleep 0.5; call put /triarch/b 0 x) &
call watch /triarch/ "$revision" 10000
expect "watch: a change while it runs" '^changed$'
(sleep 0.3; call put /triarch-other 0 x) &
call watch /triarch/ $((revision + 1)) 2000
expect "watch: another prefix" '^not changed$'
call delete /triarch/a
call get /triarch/a
expect "deleted" '^0 0 none$'

call add-learner https://127.0.0.1:2390
expect "add a learner" '^added [0-9]+$'
learner=$(sed -n 's/^added //p' <<<"$out")
expect "the reply lists it, not started" "^$learner - https://127.0.0.1:2390 learner\$"
call add-learner https://127.0.0.1:2390
expect "add it again" '^EEXIST: '
call add-learner https://127.0.0.1:2391
expect "add a second learner" '^EAGAIN: .*too many learner'
call promote "$learner"
expect "promote before it has started" '^EAGAIN: .*in sync with leader'
call remove "$learner"
expect "remove a learner" '^$'
call list
out="$(wc -l <<<"$out") $out"
expect "it is gone" "^1 $voter host1 [^ ]+ voter\$"

sleep 1.1 # ids are made from the URL and the second
call add-learner https://127.0.0.1:2390
learner=$(sed -n 's/^added //p' <<<"$out")
start_etcd host2 2389 2390 host1=https://127.0.0.1:2380,host2=https://127.0.0.1:2390 existing
until_ok 60 call promote "$learner"
expect "promote as soon as it is in sync" '^$'
named() { call list && [[ $out == *" host2 "* ]]; } # it tells its name itself
until_ok 30 named
expect "two voters" "^$learner host2 https://127.0.0.1:2390 voter\$"
kill -STOP "${pids[1]}"
sleep 6 # a voter that was heard less than 5 s ago counts as connected
call add-learner https://127.0.0.1:2391
expect "add while a voter does not answer" '^EAGAIN: '
kill -CONT "${pids[1]}"
until_ok 60 call remove "$learner"
expect "remove a voter" '^$'
exit $failed
