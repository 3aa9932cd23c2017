#!/bin/bash
# The sealed transport against a host that is no member: three agents from a configuration file alone, a client that
# asks the virtual address each millisecond, and a stranger on the same bridge that overhears everything and sends from
# any address. Whatever it sends, the address does not move, is not silent for longer than an interval, and journal
# and memory stay small. A line for each attack.
#
# usage: test_hostile_sealed.sh [ATTACK...]    (default: all; names as in hostile_sealed.d/main.py)
#
# SEED  of the orders and bytes that are random (1)
set -u
[ "$(id -u)" = 0 ] || { echo "skipped: needs root"; exit 77; }
for tool in ip nsenter python3; do
	command -v $tool >/dev/null || { echo "skipped: needs $tool"; exit 77; }
done
here=$(dirname "$(realpath "$0")")
# Processes end with it whatever happens: it is the first process of a PID namespace.
[ -n "${IN_NAMESPACE:-}" ] ||
	IN_NAMESPACE=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc "$0" "$@"
cd "$here/../.." || exit 1
# No journal of this host, and namespaces with names of our own.
mount --make-rprivate / && mount -t tmpfs tmpfs /run && mkdir -p /run/netns /run/test || exit 1
DIRECTORY=/run/test python3 -B "$here/hostile_sealed.d/main.py" "$@"
