#!/bin/bash
# The images of a cluster by way of Debian's containerd: pulled through mirrors (one that is not there, one with another
# CA, one that wants credentials), saved to an archive, loaded where there is no registry. The registry is a stand-in of
# ours (registry.py) with small images under the real names. In a network namespace of its own.
set -u
[ "$(id -u)" = 0 ] && command -v containerd ctr openssl python3 >/dev/null ||
	{ echo "skipped: needs root, containerd, openssl and python3"; exit 77; }
[ -n "${IN_NAMESPACE:-}" ] || IN_NAMESPACE=1 exec unshare --net --mount --propagation private "$0" "$@"

triarch=${TRIARCH:-build/dev/triarch}
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d /tmp/triarch-images-XXXXXX)
declare -A daemon=()
failed=0 out= status=
ip link set lo up && ip addr add 10.77.0.1/32 dev lo || exit 1
finish() {
	kill "${daemon[@]}" 2>/dev/null
	wait 2>/dev/null
	umount "$dir"/*/root 2>/dev/null
	[ -n "${KEEP:-}" ] || rm -rf "$dir"
}
trap finish EXIT

check() { # WHAT COMMAND...
	local what=$1
	shift
	if "$@" >/dev/null 2>&1; then
		printf 'ok      %s\n' "$what"
	else
		printf 'FAILED  %s; the last output was (status %s):\n%s\n' "$what" "$status" "$out"
		failed=1
	fi
}
wait_for() { # SECONDS COMMAND...
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do [ $SECONDS -lt $end ] || return 1; sleep 0.1; done
}
images() { # NAME ARGUMENTS...: sets out and status
	local name=$1
	shift
	out=$(timeout 60 "$triarch" config images "$@" --config "$dir/config.yaml" --cri-socket "unix://$dir/$name/c.sock" 2>&1)
	status=$?
}
says() { grep -Eq -- "$1" <<<"$out"; }
counts() { [ "$(grep -Ec -- "$2" <<<"$out")" = "$1" ]; } # N PATTERN
done_with() { [ "$status" = "$1" ]; }

start_containerd() { # NAME: its root may be a file system of its own
	local d=$dir/$1
	mkdir -p "$d/root" "$dir/certs.d"
	cat >"$d/config.toml" <<-END
		version = 2
		root = "$d/root"
		state = "$d/state"
		[grpc]
		  address = "$d/c.sock"
		[plugins."io.containerd.internal.v1.opt"]
		  path = "$d/opt"
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "registry.k8s.io/pause:3.10.2"
		  disable_tcp_service = true
		[plugins."io.containerd.grpc.v1.cri".registry]
		  config_path = "$dir/certs.d"
	END
	containerd -c "$d/config.toml" >"$d/log" 2>&1 &
	daemon[$1]=$!
	wait_for 20 ctr -a "$d/c.sock" version || { echo "containerd did not start:"; tail -5 "$d/log"; exit 1; }
}
stop_containerd() { kill "${daemon[$1]}"; wait "${daemon[$1]}" 2>/dev/null; unset "daemon[$1]"; }
in_containerd() { local name=$1; shift; ctr -a "$dir/$name/c.sock" -n k8s.io "$@"; }
has_images() { [ "$(in_containerd "$1" images ls -q | grep -vc ^sha256:)" = "$2" ]; } # NAME N
complete() { # NAME: all blobs of all images are there
	! in_containerd "$1" images check | grep -v ^REF | grep -vq ' complete '
}
start_registry() { # NAME PORT [OPTIONS]
	python3 "$here/registry.py" serve "$dir/registry" "10.77.0.1:$2" --log "$dir/$1.requests" "${@:3}" &
	daemon[$1]=$!
	wait_for 10 bash -c ": </dev/tcp/10.77.0.1/$2"
}
mirror() { # CA PLACE...: where registry.k8s.io and ghcr.io are looked for; triarch is told the same
	local ca=$1 registry place
	shift
	sed -i '/^registryMirrors:/,$d' "$dir/config.yaml"
	echo "registryMirrors:" >>"$dir/config.yaml"
	for registry in registry.k8s.io ghcr.io; do
		mkdir -p "$dir/certs.d/$registry"
		echo "server = \"https://$registry\"" >"$dir/certs.d/$registry/hosts.toml"
		echo "  $registry:" >>"$dir/config.yaml"
		for place; do
			printf '[host."%s"]\n  capabilities = ["pull", "resolve"]\n  ca = "%s"\n' "$place" "$ca" \
				>>"$dir/certs.d/$registry/hosts.toml"
			echo "  - $place" >>"$dir/config.yaml"
		done
	done
}
authority() { # NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
		-keyout "$dir/$1.key" -out "$dir/$1.crt" 2>/dev/null
}

# --- a registry with an image under each name that a cluster needs
cat >"$dir/config.yaml" <<END
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
controlPlaneEndpoint: "api.example:6443"
kubernetesVersion: v1.36.2
networking: { podSubnet: 10.244.0.0/16 }
---
apiVersion: triarch.dev/v1alpha1
kind: AgentConfiguration
END
out=$("$triarch" config images list --config "$dir/config.yaml" 2>&1)
status=$?
n=$(grep -c . <<<"$out")
check "list: control plane, pause, etcd, flannel" eval \
	'done_with 0 && [ "$n" -ge 9 ] && says "/kube-apiserver:v1.36.2$" && says "/pause:" && says "/flannel:"'
names=$(sed 's|^[^/]*/||' <<<"$out")
some=$(head -1 <<<"$out") pause=$(grep /pause: <<<"$out")
[ $failed = 0 ] || exit 1
# shellcheck disable=SC2086
LAYER_BYTES=300000 python3 "$here/registry.py" make "$dir/registry" 1 $names other/thing-plain:1 || exit 1
authority ca && authority stranger
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=10.77.0.1 -keyout "$dir/server.key" \
	-out "$dir/server.csr" 2>/dev/null &&
	openssl x509 -req -in "$dir/server.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -CAcreateserial -days 2 \
		-extfile <(echo subjectAltName=IP:10.77.0.1) -out "$dir/server.crt" 2>/dev/null || exit 1
tls=(--tls "$dir/server.crt" "$dir/server.key")
start_registry good 5001 "${tls[@]}"
start_registry closed 5002 "${tls[@]}" --user site:secret
start_containerd one

# --- what does not work says why, and where was looked
mirror "$dir/ca.crt" https://10.77.0.1:5009
images one pull
check "unreachable mirror: the image, the places, status 1" eval 'done_with 1 && counts $n " cannot be had: " &&
	says "$some cannot be had: .*looked for at https://10.77.0.1:5009 \(registryMirrors\), then registry.k8s.io"'
phase() { # PHASE: of init, with the same configuration
	out=$(timeout 60 "$triarch" init phase "$1" --config "$dir/config.yaml" --apiserver-advertise-address 10.77.0.1 \
		--cri-socket "unix://$dir/one/c.sock" 2>&1)
	status=$?
}
printf '%s\n' --- "apiVersion: kubeadm.k8s.io/v1beta4" "kind: InitConfiguration" \
	"nodeRegistration: { imagePullPolicy: Never }" >"$dir/never.yaml"
{ echo ---; cat "$dir/config.yaml"; } >>"$dir/never.yaml"
out=$("$triarch" init phase images --config "$dir/never.yaml" --apiserver-advertise-address 10.77.0.1 \
	--cri-socket "unix://$dir/one/c.sock" 2>&1)
status=$?
check "imagePullPolicy: Never" eval 'done_with 2 && counts $n "ERROR ImagePull\]: .*imagePullPolicy is Never"'
for p in preflight images; do
	phase $p
	check "unreachable mirror: init phase $p" eval 'done_with 2 &&
		counts $n "ERROR ImagePull\]: .* cannot be had: .*looked for at https://10.77.0.1:5009"'
done
mirror "$dir/stranger.crt" https://10.77.0.1:5001
images one pull "$pause"
check "wrong CA: says so, and what to do" eval 'done_with 1 && says "x509: .*unknown authority" && says caFile'
mirror "$dir/ca.crt" https://10.77.0.1:5002
images one pull "$pause"
check "credentials missing: says so, and what to do" eval 'done_with 1 && says "401|authorization" && says passwordFile'
mirror "$dir/ca.crt" https://10.77.0.1:5001
images one pull registry.k8s.io/pause:0.0
check "no such image" eval 'done_with 1 && says "pause:0.0 cannot be had" && says "images load"'
check "nothing is there after all that" has_images one 0

# --- what works
echo '{"auths": {"registry.k8s.io": {"auth": "'"$(printf site:secret | base64)"'"}}}' >"$dir/auth.json"
mirror "$dir/ca.crt" https://10.77.0.1:5002
images one pull "$pause" --auth-file "$dir/auth.json"
check "credentials of a file like the kubelet's" eval 'done_with 0 && says "pulled $pause"'
echo '{"auths": {"registry.k8s.io": {"auth": "!"}}}' >"$dir/auth.json"
images one pull "$pause" --auth-file "$dir/auth.json"
check "a file that is no such file" eval 'done_with 3 && says "auth.json: .*base64"'
mirror "$dir/ca.crt" https://10.77.0.1:5009 https://10.77.0.1:5001
images one pull
check "the second mirror, as the first is not there" eval \
	'done_with 0 && counts 1 "kept $pause" && counts $((n - 1)) "pulled "'
check "asked of the mirror alone" grep -q "^200 GET /v2/kube-apiserver/manifests" "$dir/good.requests"
images one pull
check "again: all kept" eval 'done_with 0 && counts $n "kept " && counts 0 "pulled "'
phase images
check "init phase images: content" done_with 0

# --- all of one image's requests before the next image's, or not
for serial in true false; do
	start_containerd serial-$serial
	: >"$dir/good.requests"
	mirror "$dir/ca.crt" https://10.77.0.1:5001
	printf '%s\n' "apiVersion: kubeadm.k8s.io/v1beta4" "kind: InitConfiguration" \
		"nodeRegistration: { imagePullSerial: $serial }" --- | cat - "$dir/config.yaml" >"$dir/serial.yaml"
	out=$(timeout 60 "$triarch" init phase images --config "$dir/serial.yaml" --apiserver-advertise-address 10.77.0.1 \
		--cri-socket "unix://$dir/serial-$serial/c.sock" 2>&1)
	status=$?
	mixed=$(sed -En 's,.* GET /v2/(.+)/(manifests|blobs)/.*,\1,p' "$dir/good.requests" | uniq | sort | uniq -d | grep -c .)
	check "imagePullSerial: $serial" eval 'done_with 0 && counts $n "pulled " &&
		[ "$((mixed > 0))" = $([ $serial = true ]; echo $?) ]'
	stop_containerd serial-$serial
done

# --- an archive
images one save "$dir/all.tar"
check "save" eval 'done_with 0 && counts $((n + 1)) "^\[images\]" && says "^\[images\] $n images, "'
images one save "$dir/all.tar"
check "an archive that exists is left alone" eval 'done_with 3 && says "is there already"'
images one save "$dir/none.tar" registry.k8s.io/absent:1
check "save: an image that is not here" eval 'done_with 1 && says "absent:1 is not here" && ! ls "$dir"/none.tar*'
images one save "$dir/again.tar"
check "the same images make the same archive" cmp "$dir/all.tar" "$dir/again.tar"
mkdir -p "$dir/small" && mount -t tmpfs -o size=1m small "$dir/small"
images one save "$dir/small/all.tar"
check "save to a full disk: says so, leaves nothing" eval \
	'done_with 1 && says "No space left on device" && [ -z "$(ls -A "$dir/small")" ]'
umount "$dir/small"
check "what docker load wants is in it" python3 -c '
import json, sys, tarfile
tar = tarfile.open(sys.argv[1])
files = set(tar.getnames())
for image in json.load(tar.extractfile("manifest.json")):
    assert {image["Config"], *image["Layers"]} <= files and len(image["RepoTags"]) == 1
assert json.load(tar.extractfile("oci-layout"))["imageLayoutVersion"] == "1.0.0"' "$dir/all.tar"

# --- into an empty containerd, with no registry
kill "${daemon[good]}" "${daemon[closed]}"
start_containerd two
size=$(stat -c %s "$dir/all.tar")
for at in 100 5000 $((size / 3)) $((size / 2)) $((size - 20000)); do
	head -c "$at" "$dir/all.tar" >"$dir/cut.tar"
	images two load "$dir/cut.tar"
	check "cut short at $at of $size: refused" eval 'done_with 1 && says "cut.tar: .*(cut short|altered)"'
done
cp "$dir/all.tar" "$dir/altered.tar"
printf 'X' | dd of="$dir/altered.tar" bs=1 seek=$((size / 2)) conv=notrunc status=none
images two load "$dir/altered.tar"
check "a byte altered: refused" eval 'done_with 1 && says "altered"'
check "nothing was loaded" eval 'has_images two 0 && [ -z "$(in_containerd two content ls -q)" ]'
images two load "$dir/all.tar" registry.k8s.io/absent:1
check "load: an image that is not in it" eval 'done_with 1 && says "there is no image registry.k8s.io/absent:1"'
images two load "$dir/all.tar" "$pause"
check "load: one by its name" eval 'done_with 0 && counts 1 "loaded " && has_images two 1'
images two load "$dir/all.tar"
check "load: the others" eval 'done_with 0 && counts $((n - 1)) "loaded " && counts 1 "kept $pause" && has_images two $n'
check "every blob of every image is there" complete two
images two pull
check "the runtime has all, no registry needed" eval 'done_with 0 && counts $n "kept "'
images two load "$dir/all.tar"
check "load again: all kept" eval 'done_with 0 && counts $n "kept " && counts 0 "loaded "'
images two save "$dir/back.tar"
check "saved again: the same archive" cmp "$dir/all.tar" "$dir/back.tar"
gzip -k "$dir/all.tar"
images two load "$dir/all.tar.gz"
check "a compressed archive" eval 'done_with 0 && counts $n "kept "'

# --- others' tools
start_containerd three
check "ctr images import reads it" in_containerd three images import "$dir/all.tar"
check "... whole" eval 'has_images three $n && complete three'
in_containerd two images export "$dir/ctr.tar" "$pause" "$some" >/dev/null
in_containerd three images rm "$pause" "$some" >/dev/null
images three load "$dir/ctr.tar"
check "an archive of ctr images export is read" eval 'done_with 0 && counts 2 "loaded " && has_images three $n'

# --- a disk that is full: known before, or in the middle
mkdir -p "$dir/four/root" && mount -t tmpfs -o size=3m four "$dir/four/root"
start_containerd four
images four load "$dir/all.tar"
check "not enough room: known before" eval 'done_with 1 && says "make room" && has_images four 0'
used=$(df --output=iused "$dir/four/root" | tail -1)
mount -o remount,size=64m,nr_inodes=$((used + 24)) "$dir/four/root"
images four load "$dir/all.tar"
check "full in the middle: says so" eval 'done_with 1 && says "disk is full|no space left"'
check "... what was written is given back" eval '[ -z "$(in_containerd four content ls -q)" ] && has_images four 0'
mount -o remount,size=64m,nr_inodes=100000 "$dir/four/root"
for after in 0.02 0.05 0.1; do
	{ timeout -s KILL $after "$triarch" config images load "$dir/all.tar" --cri-socket "unix://$dir/four/c.sock"; } \
		>/dev/null 2>&1
done
images four load "$dir/all.tar"
check "with room, and after three that were killed: complete" eval 'done_with 0 && has_images four $n && complete four'

# --- not containerd
python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()
while True:
    c = s.accept()[0]; c.recv(65536); c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"); c.shutdown(1); [0 for _ in iter(lambda: c.recv(65536), b"")]' "$dir/other.sock" &
daemon[other]=$!
wait_for 5 test -S "$dir/other.sock"
out=$("$triarch" config images pull --cri-socket "unix://$dir/other.sock" 2>&1)
status=$?
check "something that is no runtime" eval 'done_with 1 && says "no gRPC server"'
stop_containerd two
images two pull
check "a runtime that is not running" eval 'done_with 1 && says "does not answer.*start it"'
exit $failed
