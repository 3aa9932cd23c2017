# What tests do with a cluster, sourced by them; they run inside the lab. See lib.sh.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

test_name=$(basename "$0" .sh)
init_options=(--vip "$vip/$prefix" --pod-network-cidr 10.244.0.0/16 --ignore-preflight-errors CRI)
join_options=(--ignore-preflight-errors CRI)
loopback=127.0.0.1                      # where etcd listens; [::1] where the control plane is IPv6
cluster_ca=$lab_state/host1/root/etc/kubernetes/pki/ca.crt
unfinished=$lab_state/unfinished        # there while a test is under way, and after one that did not pass
failures=0
trap 'say "$test_name: line $LINENO: $BASH_COMMAND: status $?" >&2' ERR

# --- saying ----------------------------------------------------------------------------------

# fail TEXT: the test goes on, and fails.
fail() {
        failures=$((failures + 1))
        say "  FAILED: $*"
}

# expect TEXT COMMAND...: say what holds, or fail.
expect() {
        local text=$1

        shift
        if "$@" >/dev/null 2>&1; then
                say "  ok: $text"
        else
                fail "$text"
        fi
}

finish() {
        if [ "$failures" -gt 0 ]; then
                say "$test_name: $failures failed"
                exit 1
        fi
        rm -f "$unfinished"
        say "$test_name: passed"
        exit 0
}

# median NUMBER...
median() {
        printf '%s\n' "$@" | sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# aim MS FIGURE: what was aimed at; to miss it is a failure.
aim() {
        awk -v aim="$1" -v ms="$2" 'BEGIN {
                printf "  aim: under %d ms, %s\n", aim, ms < aim ? "met" : "MISSED"
                exit !(ms < aim) }' || fail "$2 ms misses the aim"
}

# timed COMMAND...: sets `seconds` (two decimals) and `status`; the output goes to `log`.
timed() {
        local from to

        log=$lab_out/$test_name.$((++timed_runs)).log
        from=$(now_ns)
        status=0
        "$@" >"$log" 2>&1 </dev/null || status=$?
        to=$(now_ns)
        seconds=$(awk -v ns=$((to - from)) 'BEGIN { printf "%.2f", ns / 1e9 }')
}
timed_runs=0

# --- the cluster -----------------------------------------------------------------------------

# join_line [MASTER] [OPTION...]: options are those of `token create`.
join_line() {
        local master=${1:-host1}

        on "$master" triarch token create "${@:2}" --print-join-command | grep -o 'triarch join .*'
}

# The words after "triarch join" of the line above.
join_words() {
        join_line "$@" | cut -d' ' -f3-
}

etcd() {
        local name=$1

        shift
        on "$name" ETCDCTL_API=3 etcdctl --endpoints "https://$loopback:2379" --cacert /etc/kubernetes/pki/etcd/ca.crt \
                --cert /etc/kubernetes/pki/etcd/healthcheck-client.crt \
                --key /etc/kubernetes/pki/etcd/healthcheck-client.key "$@"
}

# Started members that vote, as etcd says: names in order.
voters() {
        etcd "${1:-host1}" member list -w simple |
                awk -F', ' '$2 == "started" && $6 == "false" { print $3 }' | sort | xargs
}

members() {
        etcd "${1:-host1}" member list -w simple | awk -F', ' '{ print $3 }' | sort | xargs
}

# Machines that run and have the virtual address on their interface.
vip_holders() {
        local name

        for name in "${machines[@]}"; do
                ! machine_running "$name" || [ -z "$(on "$name" ip -o addr show dev host0 to "$vip")" ] || echo "$name"
        done | xargs
}

one_holder() {
        [[ $(vip_holders) =~ ^host[123]$ ]]
}

holder_is() {
        [ "$(vip_holders)" = "$1" ]
}

# GET /livez at an address from the client, verified against the cluster's CA.
livez() {
        on_client python3 - "${1:-$vip}" "$cluster_ca" <<'PYTHON'
import http.client, ssl, sys
c = http.client.HTTPSConnection(sys.argv[1], 6443, timeout=3, context=ssl.create_default_context(cafile=sys.argv[2]))
c.request("GET", "/livez")
sys.exit(c.getresponse().status != 200)
PYTHON
}

cluster_whole() {
        one_holder && [ "$(voters 2>/dev/null)" = "host1 host2 host3" ] && livez && agents_healthy &&
                all_list "${machines[@]}"
}

# The address's members by a machine's agent: names in order.
listed() {
        on "$1" triarch status -o json | python3 -c '
import json, sys
r = json.load(sys.stdin)
print(*sorted(m["name"] for m in r["members"]))'
}

# all_list NAME...: they, and nobody else, are listed by each of them.
all_list() {
        local name

        for name; do
                [ "$(listed "$name")" = "$*" ] || return 1
        done
}

# Every agent counts its own machine healthy.
agents_healthy() {
        local name

        for name in "${machines[@]}"; do
                [ "$(agent_class "$name")" = healthy ] || return 1
        done
}

agent_class() {
        metrics "$1" | sed -n 's/^triarch_class{class="\(.*\)"} 1$/\1/p'
}

# All series of a machine's agent.
metrics() {
        on "$1" python3 -c '
import sys, urllib.request
sys.stdout.write(urllib.request.urlopen("http://127.0.0.1:7645/metrics", timeout=5).read().decode())'
}

# metric MACHINE SERIES: the value of one, with its labels as they are written.
metric() {
        metrics "$1" | awk -v name="$2" 'index($0, name " ") == 1 { print $NF }'
}

cluster_settle() {
        wait_until "${1:-180}" cluster_whole || {
                fail "the cluster is not whole: VIP at \"$(vip_holders)\", voters \"$(voters 2>/dev/null)\""
                cluster_report
                finish
        }
}

# What one wants to know of a cluster that is not as it should be.
cluster_report() {
        local name

        for name in "${machines[@]}"; do
                machine_running "$name" || continue
                say "--- $name"
                on "$name" triarch status 2>&1 | head -n 30 || true
                on "$name" journalctl --no-pager -n 15 -u triarch-agent -u kubelet -u triarch-enroll -o short-monotonic || true
        done
}

# Three machines as installed, and what is around them as at first.
machines_fresh() {
        local name

        touch "$unfinished"
        for name in "${machines[@]}" "${workers[@]}"; do
                machine_wipe "$name"
        done
        : >"$lab_state/offsets"
        on_client ip address del "$vip/32" dev eth0 2>/dev/null || true # of test_preflight
        machine_boot "${machines[@]}"
        wait_clocks
}

# cluster_make MACHINE...: init on the first, join on the others.
cluster_make() {
        local name

        machines_fresh
        timed on "$1" triarch init "${init_options[@]}"
        [ "$status" = 0 ] || { cat "$log"; die "init on $1 ended with $status"; }
        shift
        for name; do
                cluster_join "$name"
        done
}

# Sets seconds.
cluster_join() {
        local words

        words=$(join_words)
        # shellcheck disable=SC2086 # words
        timed on "$1" triarch join $words "${join_options[@]}"
        [ "$status" = 0 ] || { cat "$log"; die "join on $1 ended with $status"; }
}

# A whole cluster of three, made only when there is none, or when the test before did not pass: it may have left
# anything.
cluster_ensure() {
        [ -e "$unfinished" ] || ! wait_until 10 cluster_whole || { touch "$unfinished"; return; }
        say "  (a new cluster is made)"
        cluster_make "${machines[@]}"
        cluster_settle
}

# After its first answer chronyd still reckons with an error that preflight refuses (100 ms).
clock_follows() {
        on "$1" chronyc -c tracking |
                awk -F, '{ exit !($1 != "00000000" && $14 == "Normal" && $11 / 2 + $12 < 0.05) }'
}

# chronyd's correction in ms, without its sign.
correction_ms() {
        on "$1" chronyc -c tracking | awk -F, '{ v = $5 * 1000; printf "%d", v < 0 ? -v : v }'
}

# clock_beyond MACHINE MS
clock_beyond() {
        [ "$(correction_ms "$1")" -gt "$2" ]
}

# Right and sure of it: the root dispersion is small, too.
clock_right() {
        clock_follows "$1" && [ "$(correction_ms "$1")" -lt 10 ] &&
                on "$1" chronyc -c tracking | awk -F, '{ exit !($12 < 0.01) }'
}

wait_clocks() {
        local name

        for name in "${machines[@]}"; do
                wait_until 180 clock_right "$name" || die "chronyd of $name does not follow the lab's server"
        done
}

# bend "MACHINE..." OFFSET_S [DRIFT_S_PER_S]; `bend "MACHINE..."` alone puts them right. Those that are bent together
# are named together: every line's drift counts from the last change of the file.
bend() {
        local file=$lab_state/offsets names=$1 name

        shift
        cp "$file" "$file.new"
        for name in $names; do
                sed -i "/^${machine_address[$name]} /d" "$file.new"
                [ $# = 0 ] || echo "${machine_address[$name]} $*" >>"$file.new"
        done
        mv "$file.new" "$file"
}

# --- watching --------------------------------------------------------------------------------

# Capture what concerns the virtual address until the test ends.
capture_start() {
        capture=$lab_out/$test_name.pcap
        rm -f "$capture"
        tcpdump -i "$bridge" -Z root -U --immediate-mode -s 128 -w "$capture" \
                "arp or icmp6 or ip proto 112 or host $vip" 2>/dev/null &
        capture_pid=$!
        probe_pid=
        trap watch_end EXIT
        wait_until 30 test -s "$capture" || die "tcpdump does not start"
}

watch_end() {
        kill $capture_pid $probe_pid 2>/dev/null || true
        [ -z "$probe_pid" ] || cp "$probe_log" "$lab_out/" || true
}

# Its log is in memory: no disk delays the next question.
probe_start() {
        probe_log=$lab_state/$test_name.probe
        rm -f "$probe_log"
        cp "$cluster_ca" "$lab_state/ca.crt"
        nsenter --net=/run/netns/client -- "$lab_programs/probe" "$vip" 6443 "$lab_state/ca.crt" "$probe_log" \
                >"$lab_out/$test_name.probe.sum" 2>&1 &
        probe_pid=$!
        wait_until 30 test -s "$probe_log" || die "the client has no verified connection to $vip"
}

# Before an event: remember the time on both clocks.
mark() {
        mark_ns=$(now_ns)
        mark_wall=$(date +%s.%N)
}

# After it: sets gap_ms, overlap_ms, takeovers and priority0 of the time since mark; calm_ms is the longest gap
# in any second before a mark, when nothing happened: what of a gap the host itself may have made.
calm_ms=0
measure() {
        local before

        sleep 0.3
        before=$("$lab_dir/gap.py" "$probe_log" $((mark_ns - 1000000000)) "$mark_ns") || before=0
        calm_ms=$(printf '%s\n' "$calm_ms" "$before" | sort -n | tail -n 1)
        gap_ms=$("$lab_dir/gap.py" "$probe_log" "$mark_ns" "$(now_ns)") ||
                { gap_ms=none; fail "the client has no answer any more"; }
        owners_since
}

owners_since() {
        local facts

        facts=$("$lab_dir/owners.py" "$capture" "$vip" "$mark_wall")
        sed '$d' <<<"$facts"
        eval "$(tail -n 1 <<<"$facts" | tr ' ' '\n' | grep -E '^[a-z0-9_]+=[0-9.]+$')"
}

# What is on a machine's disk beyond what was installed: path, kind, mode, size and time of change of
# everything that init, join and reset may touch.
disk_list() {
        on "$1" find /etc /var/lib /opt /root /usr/local -ignore_readdir_race \
                -path /var/lib/chrony -prune -o -path /var/lib/systemd -prune -o -path /var/lib/private -prune -o \
                \( -type d -printf '%p d %m\n' -o -printf '%p %y %m %s %i %T@ %l\n' \) | sort
}
