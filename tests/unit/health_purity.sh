#!/bin/sh
# usage: health_purity.sh NM LIBRARY
# Health, exchange and evidence take the time as an argument: their objects call nothing but memory and text
# functions, mathematics and one another. The probe's object shows that the check can fail.
nm=$1 library=$2
allowed='^(mem(cpy|move|set|cmp)|__mem[a-z]*_chk|str(n?len|cmp)|snprintf|__snprintf_chk|fabs|(health|exchange|evidence)_[a-z_]*|vrrp_list_find|_GLOBAL_OFFSET_TABLE_|__stack_chk_fail|__(asan|ubsan|sanitizer|sancov|gcov)_.*)$'

foreign() { # MEMBER: its undefined symbols that are not allowed
        "$nm" -u "$library" 2>/dev/null |
                awk -v m="$1:" 'NF == 1 { on = ($1 == m) } NF == 2 && on && $1 == "U" { print $2 }' |
                grep -Ev "$allowed"
}

status=0
for member in health.c.o health_node.c.o exchange.c.o exchange_wire.c.o evidence.c.o evidence_clock.c.o; do
        "$nm" "$library" 2>/dev/null | grep -qx "$member:" || { echo "no $member in $library"; exit 1; }
        found=$(foreign $member)
        [ -z "$found" ] || { echo "$member is not pure, it calls:" $found; status=1; }
done
foreign probe_http.c.o | grep -qx http_get || { echo "the check does not see the calls of probe_http.c.o"; status=1; }
[ $status = 0 ] && echo "health, health_node, exchange and evidence call no clock, socket, log or allocator"
exit $status
