#!/bin/bash
# The kubelet's arguments from the configuration file to a process that a real systemd starts: through
# kubeadm-flags.env, an EnvironmentFile and the splitting of $KUBELET_KUBEADM_ARGS into words, each value
# arrives as it was given. In a container over this system's files, with no network.
set -u
[ "$(id -u)" = 0 ] && command -v systemd-nspawn >/dev/null || { echo "skipped: needs root and systemd-nspawn"; exit 77; }
[ -n "${IN_NAMESPACE:-}" ] || IN_NAMESPACE=1 exec unshare --mount --propagation private "$0" "$@"

triarch=${TRIARCH:-build/dev/triarch}
dir=$(mktemp -d /tmp/triarch-flags-XXXXXX)
trap 'umount "$dir/root" "$dir/over" 2>/dev/null; rm -rf "$dir"' EXIT
mkdir "$dir/root" "$dir/over" "$dir/shared" "$dir/tree"

cat >"$dir/config.yaml" <<'EOF'
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
nodeRegistration:
  name: host1
  kubeletExtraArgs:
  - { name: node-labels, value: "a=b,c=d" }
  - { name: spaces, value: " two  words " }
  - { name: quotes, value: "it's \"quoted\" \\ \\\\" }
  - { name: shell, value: "$HOME ${HOME} $(id) `id` %h # ; & | * ~" }
  - { name: lines, value: "one\ntwo\tthree\n" }
  - { name: unicode, value: "中文 😀" }
  - { name: empty, value: "" }
  - { name: node-labels, value: again }
localAPIEndpoint:
  advertiseAddress: 172.18.0.154
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.2
controlPlaneEndpoint: 172.18.0.192:6443
EOF
"$triarch" init --root "$dir/tree" --config "$dir/config.yaml" >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
cp "$dir/tree/var/lib/kubelet/kubeadm-flags.env" "$dir/shared/"

cat >"$dir/shared/show.py" <<'EOF'
import json, sys
with open("/shared/got", "w") as f:
    json.dump(sys.argv[1:], f)
EOF
cat >"$dir/flags.service" <<'EOF'
[Unit]
DefaultDependencies=no
SuccessAction=exit
FailureAction=exit
[Service]
Type=oneshot
EnvironmentFile=-/shared/kubeadm-flags.env
ExecStart=/usr/bin/python3 /shared/show.py $KUBELET_KUBEADM_ARGS
EOF
mount -t tmpfs tmpfs "$dir/over" && mkdir "$dir/over/upper" "$dir/over/work" &&
	mount -t overlay overlay -o "lowerdir=/,upperdir=$dir/over/upper,workdir=$dir/over/work" "$dir/root" ||
	{ echo "skipped: no overlay file system over /"; exit 77; }
mkdir -p "$dir/root/shared"
cp "$dir/flags.service" "$dir/root/etc/systemd/system/triarch-flags.service"
timeout 60 systemd-nspawn -q -D "$dir/root" --private-network --register=no --keep-unit --bind="$dir/shared:/shared" \
	--boot systemd.unit=triarch-flags.service >"$dir/boot.log" 2>&1
[ -s "$dir/shared/got" ] || { echo "FAILED  the unit did not run"; tail -20 "$dir/boot.log"; exit 1; }

python3 - "$dir" <<'EOF'
import json, sys, yaml
directory = sys.argv[1]
node = next(yaml.safe_load_all(open(directory + "/config.yaml", encoding="utf-8")))["nodeRegistration"]
wanted = ["--%s=%s" % (arg["name"], arg["value"]) for arg in node["kubeletExtraArgs"]]
got = [a for a in json.load(open(directory + "/shared/got")) if not a.startswith("--hostname-override=")]
for w, g in zip(wanted, got):
    print("%-7s %r" % ("ok" if w == g else "FAILED", g) + ("" if w == g else " instead of %r" % w))
sys.exit(0 if wanted == got else "FAILED  %d arguments instead of %d" % (len(got), len(wanted)) if len(wanted) != len(got) else 1)
EOF
