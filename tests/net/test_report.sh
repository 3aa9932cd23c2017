#!/bin/bash
# The archive of `triarch report` has what support asks for and none of the secrets: a tree made by `init --root` with
# secrets planted in every text that is collected; whatever stands in a key or token file is looked for in all of it.
set -u
[ "$(id -u)" = 0 ] || { echo "skipped: needs root"; exit 77; }
triarch=${TRIARCH:-${BUILD:-build/dev}/triarch}
dir=$(mktemp -d /tmp/triarch-report-XXXXXX) && trap 'rm -rf "$dir"' EXIT
tree=$dir/tree failed=0
ok() { printf 'ok      %-50s %s\n' "$1" "${2:-}"; }
bad() { printf 'FAILED  %s: %s\n' "$1" "${2:-}"; failed=1; }

mkdir -p "$tree/etc" "$tree/proc"
cp /etc/os-release /etc/hosts "$tree/etc/"
"$triarch" init --root "$tree" --node-name n1 --vip 10.9.0.9/24 --interface eth0 --apiserver-advertise-address 10.9.0.1 \
	--ignore-preflight-errors all >"$dir/log" 2>&1 || bad init "$(tail -n 3 "$dir/log")"
[ -s "$tree/etc/triarch/vip.key" ] && [ -s "$tree/etc/kubernetes/admin.conf" ] || bad tree "init --root made no key"

# --- secrets where none belong
echo "tok3n1.planted0secret00" >"$dir/planted"
printf '%s\n' hunter2planted planted.bearer planted-env-value cGxhbnRlZDpiYXNpYw >>"$dir/planted"
cat >>"$tree/etc/hosts" <<-END
	# token tok3n1.planted0secret00, http://user:hunter2planted@proxy/
	# Authorization: Bearer planted.bearer Basic cGxhbnRlZDpiYXNpYw
END
cat "$tree/etc/kubernetes/pki/ca.key" "$tree/etc/triarch/vip.key" "$tree/etc/kubernetes/admin.conf" >>"$tree/etc/fstab"
sed -i 's|^    image:|    env:\n    - name: X\n      value: planted-env-value\n    image:|' "$tree/etc/kubernetes/manifests/kube-apiserver.yaml"
grep -q planted-env-value "$tree/etc/kubernetes/manifests/kube-apiserver.yaml" || bad plant "not in the static pod"
mkdir -p "$tree/etc/containerd"
printf '[plugins]\n  password = "hunter2planted"\n  auth = "cGxhbnRlZDpiYXNpYw"\n' >"$tree/etc/containerd/config.toml"

"$triarch" report --root "$tree" --output "$dir/r.tar.gz" >"$dir/log" 2>&1 && ok "made" "$(sed "s|$dir/||" "$dir/log")" || bad report "$(cat "$dir/log")"
[ "$(stat -c %a "$dir/r.tar.gz")" = 600 ] || bad mode "$(stat -c %a "$dir/r.tar.gz")"
mkdir "$dir/out" && tar -xzf "$dir/r.tar.gz" -C "$dir/out" || bad extract

# --- every line of a key, every hexadecimal key, every encoded key, every planted word
find "$tree" -name '*.key' -exec cat {} + | grep -v -- '-----' | grep -E '.{20,}' | sed 's/^.* //' >"$dir/secrets"
grep -rh 'client-key-data' "$tree/etc/kubernetes" | sed 's/.*: //' | cut -c40-100 >>"$dir/secrets"
sed 's/^tok3n1\.//' "$dir/planted" >>"$dir/secrets"
n=$(wc -l <"$dir/secrets")
[ "$n" -gt 20 ] || bad secrets "only $n to look for"
grep -rqFf "$dir/secrets" "$tree" || bad "the search itself" "finds nothing in the tree"
found=$(grep -rlFf "$dir/secrets" "$dir/out")
[ -z "$found" ] && ok "none of $n secrets is in it" || bad "secrets" "$found: $(grep -rhFf "$dir/secrets" "$dir/out" | head -3)"
grep -rq 'PRIVATE KEY' "$dir/out" && bad "private keys" "$(grep -rl 'PRIVATE KEY' "$dir/out")"

# --- and it is of use
has() { # FILE PATTERN
	grep -Eq -- "$2" "$dir"/out/*/"$1" 2>/dev/null && ok "$1" "has $2" || bad "$1" "lacks $2"
}
has about.json '"version": "[0-9.]+"'
has listing.txt '^100600 +0 +0 .* .*/pki/ca\.key$'
has files/etc/kubernetes/manifests/kube-apiserver.yaml '--secure-port=6443'
has files/etc/kubernetes/manifests/kube-apiserver.yaml 'service-account-key-file=/etc/kubernetes/pki/sa.pub'
has files/etc/kubernetes/manifests/kube-apiserver.yaml 'value: \[removed\]'
has files/etc/triarch/config.yaml 'address: 10\.9\.0\.9/24'
has files/etc/hosts 'http://\[removed\]@proxy/'
has errors.txt 'journal'

# --- etcd is asked where the configuration that was named has it; the network is one without anything
cat >"$dir/elsewhere.yaml" <<-END
	apiVersion: triarch.dev/v1alpha1
	kind: AgentConfiguration
	nodeName: n1
	vip: { address: 10.9.0.9/24, interface: eth0 }
	---
	apiVersion: kubeadm.k8s.io/v1beta4
	kind: ClusterConfiguration
	etcd: { external: { endpoints: [ "http://127.0.0.1:9" ] } }
	---
	apiVersion: kubeadm.k8s.io/v1beta4
	kind: InitConfiguration
	localAPIEndpoint: { advertiseAddress: 10.9.0.1 }
END
unshare -n "$triarch" report --config "$dir/elsewhere.yaml" --journal-lines 1 --socket "$dir/none" --output "$dir/e.tar.gz" >"$dir/log" 2>&1 ||
	bad "report --config" "$(cat "$dir/log")"
out=$(tar -xOzf "$dir/e.tar.gz" --wildcards '*/errors.txt' | grep ^etcd-members)
[[ $out == *"at http://127.0.0.1:9: "* ]] && ok "report --config: which etcd was asked" "$out" || bad "report --config" "$out"
"$triarch" status --config "$dir/elsewhere.yaml" --socket "$dir/none" >"$dir/log" 2>&1
[ $? = 1 ] && grep -q "no agent answers on $dir/none" "$dir/log" && ok "status --config: no agent is asked there" "$(sed "s|$dir/||g" "$dir/log")" || bad "status --config" "$(cat "$dir/log")"

# --- nothing is overwritten, nothing half-written stays
before=$(sha256sum <"$dir/r.tar.gz")
"$triarch" report --root "$tree" --output "$dir/r.tar.gz" 2>"$dir/log" && bad "second report" "overwrote" || {
	[ "$before" = "$(sha256sum <"$dir/r.tar.gz")" ] && ok "a file that is there is kept" "$(sed "s|$dir/||g" "$dir/log")" || bad "second report" "changed it"
}
mkdir "$dir/full"
if mount -t tmpfs -o size=4k tmpfs "$dir/full"; then
	"$triarch" report --root "$tree" --output "$dir/full/r" 2>"$dir/log" && bad "full disk" "no error"
	[ -z "$(ls -A "$dir/full")" ] && ok "a full disk" "$(sed "s|$dir/||g" "$dir/log")" || bad "full disk" "$(ls "$dir/full")"
	umount "$dir/full"
else
	bad "full disk" "it cannot be mounted"
fi
exit $failed
