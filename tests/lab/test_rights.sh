#!/bin/bash
# What the running services may do: the agent has four capabilities and reads no key but its own two, the services of root have none.
source "$(dirname "$0")/cluster.sh"
lab_enter "$@"

status_field() { # MACHINE UNIT FIELD
        on "$1" sh -c 'awk -v f="$2:" "\$1 == f { print \$2 }" "/proc/$(systemctl show -p MainPID --value "$1")/status"' \
                sh "$2" "$3"
}

# As the agent's user and groups, without its sandbox: what the modes alone let it read.
agent_reads() { # MACHINE
        on "$1" setpriv --reuid triarch --regid triarch --init-groups sh -c \
                'find /etc/kubernetes /etc/triarch /var/lib/triarch /var/lib/etcd /var/lib/kubelet -type f -readable \
                        \( -name "*.key" -o -name "*.conf" -o -name "*.json" -o -path "*/etcd/member/*" \) \
                        ! -path /etc/triarch/members.json 2>/dev/null; true'
}

# NET_ADMIN, NET_RAW, IPC_LOCK, SYS_NICE
four=0000000000807000

cluster_ensure
for name in "${machines[@]}"; do
        for set in CapEff CapPrm CapBnd CapAmb; do
                expect "$name: $set of the agent" [ "$(status_field "$name" triarch-agent "$set")" = $four ]
        done
        expect "$name: the agent gains nothing by exec" [ "$(status_field "$name" triarch-agent NoNewPrivs)" = 1 ]
        reads=$(agent_reads "$name")
        say "  $name: secrets that the agent can read: ${reads:-none}"
        expect "$name: the address's key, its own, and no other" \
                [ "$(sort <<<"$reads" | tr '\n' ' ')" = "/etc/triarch/pki/healthcheck-client.key /etc/triarch/vip.key " ]

        # a caller that says nothing is enough to start it
        on "$name" bash -c 'exec 3<>/dev/tcp/127.0.0.1/7644'
        wait_until 60 on "$name" systemctl --quiet is-active triarch-enroll.service ||
                fail "$name: enrolment does not start"
        expect "$name: enrolment has no capability" \
                [ "$(status_field "$name" triarch-enroll CapEff)$(status_field "$name" triarch-enroll CapBnd)" = \
                00000000000000000000000000000000 ]
        expect "$name: the service that keeps the list has no capability" \
                [ "$(status_field "$name" triarch-reconcile CapEff)$(status_field "$name" triarch-reconcile CapBnd)" = \
                00000000000000000000000000000000 ]
        expect "$name: it filters system calls" [ "$(status_field "$name" triarch-reconcile Seccomp)" = 2 ]
        expect "$name: enrolment filters system calls" [ "$(status_field "$name" triarch-enroll Seccomp)" = 2 ]
done

# A service that cannot start must not be started without end for the caller that waits.
name=${machines[0]}
on "$name" systemctl stop triarch-enroll.service
on "$name" mv /etc/triarch/pki/enroll.crt /etc/triarch/pki/enroll.crt.away
since=$(on "$name" date '+%F %T')
on "$name" bash -c 'exec 3<>/dev/tcp/127.0.0.1/7644; sleep 6'
starts=$(on "$name" journalctl -q --since "$since" -u triarch-enroll.service -o cat --grep 'Starting triarch|Started triarch' |
        grep -c Starting) || true
say "  $name: a caller of a service without certificate had it started $starts times in 6 s"
expect "no loop of starts" [ "$starts" -le 3 ]
on "$name" mv /etc/triarch/pki/enroll.crt.away /etc/triarch/pki/enroll.crt
expect "the socket still listens" on "$name" systemctl --quiet is-active triarch-enroll.socket
finish
