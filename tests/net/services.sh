# Sourced after agents.sh: an HTTPS service on each host, which the agent there checks. The caller has called make_ca;
# certificate, key and what the service is told to do (standin_https.py) are in $dir/aI.

declare -A service=()

certificate() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "$@" 2>/dev/null; }
make_ca() { certificate -keyout "$dir/ca.key" -out "$dir/ca.crt" -subj /CN=test; }
make_certificate() { # I
	local d=$dir/a$1
	mkdir -p "$d"
	certificate -keyout "$d/key" -out "$d/crt" -subj "/CN=n$1" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" \
		-addext "subjectAltName=IP:10.77.0.$1,IP:10.77.0.100" -addext basicConstraints=CA:FALSE
	cat "$d/crt" "$d/key" >"$d/server.pem"
}
# Of the configuration: the address 10.77.0.100 and the check. More lines for the group on standard input.
checked_group() { # I
	printf 'vip:\n  address: 10.77.0.100/24\n  interface: eth0\n  members:\n'
	member_list '  '
	cat
	printf 'health:\n  apiServer: { endpoint: "https://10.77.0.%s:6443/livez", caFile: %s, certFile: %s, keyFile: %s }\n' \
		$1 "$dir/ca.crt" "$dir/a$1/crt" "$dir/a$1/key"
}
start_service() { # I
	ip netns exec h$1 python3 "$(dirname "${BASH_SOURCE[0]}")/standin_https.py" 6443 "$dir/a$1" 2>/dev/null &
	service[$1]=$!
	disown
}

is_class() { field_is $1 's["class"]' $2; } # I CLASS
all_healthy() {
	local i
	for i in $hosts; do is_class $i healthy || return 1; done
}
reason() { field $1 's["reason"]'; } # I
stands() { # the same owner for a while
	local was
	was=$(owners)
	sleep 0.5
	one_owner && owner_is "${was% }"
}
settled() { # SECONDS: everyone healthy, one owner, who is $owner
	wait_for $1 all_healthy || bad settle "not everyone is healthy: $(classes)"
	wait_for $1 stands || bad settle "owners: $(owners)"
	set -- $(owners)
	owner=${1:-1}
}
classes() { local i; for i in $hosts; do printf 'n%s %s; ' $i "$(field $i 's["class"] + ": " + s["reason"]')"; done; }
