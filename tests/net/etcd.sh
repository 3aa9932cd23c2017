# For tests of what is asked of a real etcd. They set $client (etcdclient), $dir, $pki (where etcd's ca.crt and a client's
# certificate are), out= and failed=0; $out is the answer that is looked at.
etcd_call() { "$client" "https://127.0.0.1:2379" "$pki/ca.crt" "$pki/healthcheck-client.crt" "$pki/healthcheck-client.key" "$@"; }
call() { out=$("$client" reconcile "$dir/$1" "$2"); }
expect() { # WHAT PATTERN
	if grep -Eq -- "$2" <<<"$out"; then
		printf 'ok      %-62s %s\n' "$1" "${out//$'\n'/ | }"
	else
		printf 'FAILED  %s: wanted %s, got:\n%s\n' "$1" "$2" "$out"
		failed=1
	fi
}
until_etcd() { # VERB ARGUMENT
	local deadline=$((SECONDS + 60))
	until out=$(etcd_call "$@"); do [ $SECONDS -lt $deadline ] || { echo "$* : $out"; exit 1; }; sleep 0.1; done
}
