#!/bin/bash
# A second init changes nothing; with any one generated file deleted it makes just that file again.
source "$(dirname "$0")/cluster.sh"
lab_enter "$@"

# Keys that cannot be made again: what they signed would be worth nothing. Refused, with nothing changed.
lost_for_good='/pki/(ca|sa)\.key$'
# A CA without its key may be an external one: a warning names it, all that it signed is left as it is.
external='/(etcd/ca|front-proxy-ca)\.key$'

init_again() {
        timed on host1 triarch init "${init_options[@]}"
}

# The paths in which two lists differ, but for etcd's data, which live.
changed_paths() {
        { diff "$1" "$2" || true; } | awk '/^[<>]/ && $2 !~ "^/var/lib/etcd" { print $2 }' | sort -u | xargs
}

cluster_ensure
disk_list host1 >"$lab_out/before"
init_again
say "  second init: $seconds s, status $status: $(tail -n 1 "$log")"
[ "$status" = 0 ] || fail "the second init: $(cat "$log")"
disk_list host1 >"$lab_out/after"
changed=$(changed_paths "$lab_out/before" "$lab_out/after")
expect "nothing changed (mode, size, inode, time of every file): ${changed:-no path differs}" [ -z "$changed" ]
expect "it says so" grep -q "nothing was changed" "$log"

# A certificate is worth nothing without its key: a key that is made again has a new one beside it.
expected_change() {
        case $1 in
        */kubelet-client-*.pem) echo "/var/lib/kubelet/pki/kubelet-client-" ;;
        */vip.key) echo "$1" ;; # the cluster's, from etcd
        *.key) echo "${1%.key}.crt $1" ;;
        *) echo "$1" ;;
        esac
}

keep=/root/kept.tar
parts=(/etc/kubernetes /etc/triarch /var/lib/kubelet /etc/systemd/system/kubelet.service.d)
remade=0
for path in $(on host1 find "${parts[@]}" -type f -print -o -name kubelet-client-current.pem -print | sort); do
        on host1 test -e "$path" || continue # the kubelet's certificate of an earlier round
        on host1 tar -cPf "$keep" "${parts[@]}"
        # Before it is gone: triarch-reconcile.service, too, makes the list of members and the key again.
        disk_list host1 | awk -v path="$path" '$1 != path' >"$lab_out/before"
        on host1 rm "$path"
        init_again
        disk_list host1 >"$lab_out/after"
        changed=$(changed_paths "$lab_out/before" "$lab_out/after")
        if [[ $path =~ $lost_for_good ]]; then
                expect "$path cannot be made again and is refused by name: $(grep -m 1 '^triarch: ' "$log")" \
                        [ "$status" != 0 -a -z "$changed" ]
                grep -q "$path" "$log" || fail "the message does not name $path"
                on host1 tar -xPf "$keep"
        elif [[ $path =~ $external ]]; then
                expect "$path cannot be made again and is warned of by name: $(grep -m 1 -F "$path" "$log")" \
                        [ "$status" = 0 -a -z "$changed" ]
                grep -q "^triarch: warning: $path" "$log" || fail "no warning names $path"
                on host1 tar -xPf "$keep"
        elif [ "$status" = 0 ] && [[ $changed == "$(expected_change "$path")"* ]] &&
                { [[ $path == */kubelet-client-* ]] || [ "$changed" = "$(expected_change "$path")" ]; }; then
                remade=$((remade + 1))
        else
                fail "$path deleted: status $status, changed: $changed; $(tail -n 1 "$log")"
                on host1 tar -xPf "$keep"
        fi
done
on host1 rm -f "$keep"
say "  files deleted one at a time and made again alone: $remade"
expect "some were" [ "$remade" -gt 30 ]
cluster_settle
finish
