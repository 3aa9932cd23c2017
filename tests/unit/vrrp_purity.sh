#!/bin/sh
# usage: vrrp_purity.sh NM LIBRARY
# The pure members may leave undefined only what is listed here (memory functions, one another, and
# what compilers and sanitizers add). The socket's member shows that the check can fail.
nm=$1 library=$2
allowed='^(inet_(pton|ntop)|[hn]to[hn][sl]|mem(cpy|move|set|cmp|chr)|(__)?explicit_bzero(_chk)?|__mem[a-z]*_chk|str(cmp|len)|vrrp_(fsm|wire|skew|class|priority|state|reject|notice|session|ip|group|list|rank|keys|lease)[a-z0-9_]*|_GLOBAL_OFFSET_TABLE_|__stack_chk_fail|__(asan|ubsan|sanitizer|sancov|gcov)_.*)$'

foreign() { # MEMBER: its undefined symbols that are not allowed
        "$nm" -u "$library" 2>/dev/null |
                awk -v m="$1:" 'NF == 1 { on = ($1 == m) } NF == 2 && on && $1 == "U" { print $2 }' |
                grep -Ev "$allowed"
}

status=0
for member in fsm.c.o class.c.o wire.c.o notice.c.o session.c.o keys.c.o ip.c.o list.c.o lease_wire.c.o \
        lease.c.o lease_vote.c.o lease_owner.c.o lease_probe.c.o lease_members.c.o nd.c.o arp.c.o; do
        "$nm" "$library" 2>/dev/null | grep -qx "$member:" || { echo "no $member in $library"; exit 1; }
        found=$(foreign $member)
        [ -z "$found" ] || { echo "$member is not pure, it calls:" $found; status=1; }
done
foreign port_socket.c.o | grep -qx setsockopt || { echo "the check does not see the calls of port_socket.c.o"; status=1; }
[ $status = 0 ] && echo "the pure members call nothing outside themselves but memory functions"
exit $status
