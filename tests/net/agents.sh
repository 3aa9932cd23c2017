# Sourced after hosts.sh: an agent on each host, from a configuration file alone. The caller has called
# build_hosts; files of host I are in $dir/aI: config.yaml, agent.sock, log, members.json.

triarch=${TRIARCH:-${BUILD:-build/dev}/triarch}
declare -A agent=()

ok() { printf 'ok      %-66s %s\n' "$1" "${2:-}"; }
bad() { printf 'FAILED  %s: %s\n' "$1" "$2"; failed=1; }

make_key() { # FILE
	printf 'send 1 %s\n' "$(openssl rand -hex 32)" >"$1" && chmod 640 "$1"
}
# The three members as a list for `vip`; $1: indentation.
member_list() {
	local i
	for i in $hosts; do printf '%s- { name: n%s, address: 10.77.0.%s }\n' "$1" $i $i; done
}
# Standard input: the document after nodeName.
configure() { # I
	mkdir -p "$dir/a$1"
	{
		printf 'apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\nnodeName: n%s\n' $1
		cat
		printf 'socket: %s/a%s/agent.sock\n' "$dir" $1
	} >"$dir/a$1/config.yaml"
}
# The defaults: sealed, majority. More lines for the group on standard input.
configure_default() { # I [KEY-FILE]
	{
		printf 'vip:\n  address: [10.77.0.100/24, "fd77::100/64"]\n  interface: eth0\n  keyFile: %s\n' "${2:-$dir/vip.key}"
		printf '  members:\n'
		member_list '  '
		cat
	} | configure $1
}

start_agent() { # I
	ip netns exec h$1 "$triarch" agent --config "$dir/a$1/config.yaml" 2>>"$dir/a$1/log" &
	agent[$1]=$!
	pid[$1]=$! # remove_hosts ends it
	disown
}
stop_agent() { # I [SIGNAL]
	kill -${2:-TERM} ${agent[$1]}
	wait_for 5 gone ${agent[$1]}
}
runs() { [ -n "${agent[$1]:-}" ] && kill -0 ${agent[$1]} 2>/dev/null; } # I
gone() { ! kill -0 $1 2>/dev/null; }

ctl() { # I ARGUMENTS: of that host's agent
	local i=$1
	shift
	in_ns $i "$triarch" "$@" --socket "$dir/a$i/agent.sock"
}
field() { # I PYTHON-EXPRESSION over s, the report
	ctl $1 status -o json 2>/dev/null | python3 -c "import json,sys; s=json.load(sys.stdin); print($2)" 2>/dev/null
}
field_is() { [ "$(field $1 "$2")" = "$3" ]; }
has_address() { ip -n h$1 -o addr show dev eth0 2>/dev/null | grep -qF " $2/"; } # I ADDRESS
owners() { # [ADDRESS]
	local i
	for i in $hosts; do has_address $i ${1:-10.77.0.100} && printf '%s ' $i; done
}
one_owner() { set -- $(owners ${1:-}); [ $# = 1 ]; }
owner_is() { [ "$(owners ${2:-})" = "$1 " ]; } # I [ADDRESS]
owner_is_not() { one_owner ${2:-} && ! has_address $1 ${2:-10.77.0.100}; }
now_ms() { python3 -c 'import time; print("%.3f" % (time.clock_gettime(time.CLOCK_MONOTONIC) * 1000))'; }

# Since the moment FROM (ms): when the next host, or that one, got the address; when that one lost it.
took() { awk -v from="$1" -v host="${2:-}" '$2 == "add" && $1 > from && (host == "" || $3 == host) { printf "%.0f", $1 - from; exit }' "$dir/observer"; }
lost_it() { awk -v from="$1" -v host="$2" '$2 == "del" && $1 > from && $3 == host { printf "%.0f", $1 - from; exit }' "$dir/observer"; }
