#!/bin/bash
# The stand-in for kube-apiserver refuses what the real one would: one flag, one file and one certificate
# at a time is taken away or exchanged. Needs no machines: flags and files are those that triarch renders.
source "$(dirname "$0")/lib.sh"

triarch=${TRIARCH:-$lab_build/triarch}
standin=$lab_programs/standin-apiserver
export STANDIN_OBJECTS=$lab_dir/objects
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
tried=0 failures=0

render() {
        local options=(--root "$dir" --vip "$vip/$prefix" --interface host0 --node-name host1
                       --apiserver-advertise-address 172.18.0.154 --pod-network-cidr 10.244.0.0/16)

        "$triarch" init phase certs all "${options[@]}" >/dev/null
        "$triarch" init phase control-plane apiserver "${options[@]}" >/dev/null
        mapfile -t flags < <(python3 - "$dir" <<'PYTHON'
import sys, yaml
with open(sys.argv[1] + "/etc/kubernetes/manifests/kube-apiserver.yaml") as file:
    pod = yaml.safe_load(file)
for word in pod["spec"]["containers"][0]["command"][1:]:
    print(word.replace("=/etc/", "=" + sys.argv[1] + "/etc/"))
PYTHON
        )
        [ ${#flags[@]} = 27 ] || die "${#flags[@]} flags are rendered, not 27"
}

# refuses WHAT WORD FLAGS...: ends with 1 and says WORD.
refuses() {
        local what=$1 word=$2 status=0 output

        shift 2
        tried=$((tried + 1))
        output=$(timeout 30 "$standin" "$@" 2>&1) || status=$?
        [ $status = 1 ] && [[ $output == *"$word"* ]] && return
        say "FAILED: $what: status $status: $output"
        failures=$((failures + 1))
}

# The flags with one exchanged: with --NAME=... for another value, or for nothing.
without() {
        local flag

        changed=()
        for flag in "${flags[@]}"; do
                [[ $flag == "$1="* ]] || changed+=("$flag")
        done
}

value() {
        local flag

        for flag in "${flags[@]}"; do
                [[ $flag != "--$1="* ]] || echo "${flag#*=}"
        done
}

exchange() {
        without "--$1"
        changed+=("--$1=$2")
        refuses "--$1=$2" "$1" "${changed[@]}"
}

render
status=0
output=$(timeout 2 "$standin" "${flags[@]}" 2>&1) || status=$?
[ $status = 124 ] || { say "FAILED: with everything in place it ends with $status: $output"; failures=1; }

for flag in "${flags[@]}"; do
        without "${flag%%=*}"
        refuses "without ${flag%%=*}" "${flag%%=*} is missing" "${changed[@]}"
        refuses "${flag%%=*} twice" "given twice" "${flags[@]}" "$flag"
        file=${flag#*=}
        if [ -f "$file" ]; then
                mv "$file" "$file.away"
                refuses "without $file" "${flag%%=*}" "${flags[@]}"
                : >"$file"
                refuses "with $file empty" "${flag%%=*}" "${flags[@]}"
                mv "$file.away" "$file"
        fi
done
refuses "an unknown flag" "unknown flag" "${flags[@]}" --insecure-port=0
refuses "a flag without a value" "unknown flag" "${flags[@]}" --anonymous-auth

# Certificates of the wrong usage, of another key, of another issuer.
exchange tls-cert-file "$(value etcd-certfile)"
exchange etcd-certfile "$(value tls-cert-file)"
exchange kubelet-client-certificate "$(value tls-cert-file)"
exchange proxy-client-cert-file "$(value tls-cert-file)"
exchange tls-private-key-file "$(value etcd-keyfile)"
exchange etcd-keyfile "$(value tls-private-key-file)"
without --service-account-signing-key-file
refuses "the wrong signing key" "not the public half" "${changed[@]}" \
        "--service-account-signing-key-file=$(value tls-private-key-file)"
exchange service-account-key-file "$(value tls-cert-file)"
exchange client-ca-file "$(value tls-cert-file)"
without --etcd-cafile
refuses "the wrong CA for etcd" "not issued by" "${changed[@]}" "--etcd-cafile=$(value client-ca-file)"
exchange authorization-mode AlwaysAllow
exchange secure-port 70000
exchange etcd-servers http://127.0.0.1:2379

say "stand-in: $tried wrong starts tried, $failures not refused"
[ $failures = 0 ]
