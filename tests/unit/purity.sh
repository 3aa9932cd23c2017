#!/bin/sh
# usage: purity.sh NM LIBRARY ALLOWED IMPURE:CALL MEMBER...
# The pure members of a library take the time as an argument: they may leave undefined only memory and text functions,
# what compilers and sanitizers add, and what matches ALLOWED. That the member IMPURE is seen to call CALL shows that
# the check can fail.
nm=$1 library=$2 allowed=$3 impure=${4%:*} call=${4#*:}
shift 4
common='mem(cpy|move|set|cmp|chr)|__mem[a-z]*_chk|(__)?explicit_bzero(_chk)?|str(n?len|cmp)|_GLOBAL_OFFSET_TABLE_|__stack_chk_fail|__(asan|ubsan|sanitizer|sancov|gcov)_.*'

foreign() { # MEMBER: its undefined symbols that are not allowed
        "$nm" -u "$library" 2>/dev/null |
                awk -v m="$1.c.o:" 'NF == 1 { on = ($1 == m) } NF == 2 && on && $1 == "U" { print $2 }' |
                grep -Ev "^($common|$allowed)\$"
}

status=0
for member; do
        "$nm" "$library" 2>/dev/null | grep -qx "$member.c.o:" || { echo "no $member in $library"; exit 1; }
        found=$(foreign $member)
        [ -z "$found" ] || { echo "$member is not pure, it calls:" $found; status=1; }
done
foreign $impure | grep -qx "$call" || { echo "the check does not see the calls of $impure"; status=1; }
[ $status = 0 ] && echo "no clock, socket, log or allocator is called by: $*"
exit $status
