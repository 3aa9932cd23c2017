#include "vrrp/port_socket.h"
#include "pki/util.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/pkt_sched.h>
#include <net/if.h>
#include <sys/socket.h>

enum {
        INTERNET_CONTROL = 0xc0,  /* DSCP CS6 */
        RECEIVE_BUFFER = 1 << 20, /* the kernel's doubled: some 2500 packets, 25 ms of a flood */
};

struct option {
        int level, name, value;
};
static const struct option ipv4_options[] = {
        { IPPROTO_IP, IP_TTL, VRRP_HOPS },
        { IPPROTO_IP, IP_MULTICAST_TTL, VRRP_HOPS },
        { IPPROTO_IP, IP_MULTICAST_LOOP, 0 }, /* or a second socket of this host hears us */
        { IPPROTO_IP, IP_MULTICAST_ALL, 0 },  /* only the group joined here, not what others joined */
        { IPPROTO_IP, IP_TOS, INTERNET_CONTROL },
        { SOL_SOCKET, SO_PRIORITY, TC_PRIO_CONTROL }, /* after IP_TOS, which sets it too */
};
/* Not IPV6_CHECKSUM: with it the kernel would drop what we want to count and tell of. */
static const struct option ipv6_options[] = {
        { IPPROTO_IPV6, IPV6_UNICAST_HOPS, VRRP_HOPS },  { IPPROTO_IPV6, IPV6_MULTICAST_HOPS, VRRP_HOPS },
        { IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0 },        { IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0 },
        { IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1 },          { IPPROTO_IPV6, IPV6_RECVPKTINFO, 1 },
        { IPPROTO_IPV6, IPV6_TCLASS, INTERNET_CONTROL }, { SOL_SOCKET, SO_PRIORITY, TC_PRIO_CONTROL },
};
/* A virtual MAC's interface sends with the address of its parent. */
static const struct option ipv6_send_only[] = { { IPPROTO_IPV6, IPV6_FREEBIND, 1 } };

static int set_options(int fd, const struct option *options, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
                               sizeof options[i].value) < 0)
                        return -errno;
        return 0;
}

static int attach(int fd, struct sock_filter *code, size_t n) {
        struct sock_fprog filter = { .len = (unsigned short)n, .filter = code };

        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0 ? -errno : 0;
}

/* Is bit VRID % 32 set in word VRID / 32? An IPv4 socket's filter sees the IP header first, an IPv6 one's the
 * message. What is too short to have a VRID ends the program, and is dropped. */
int vrrp_port_filter(int fd, uint8_t family, const struct vrrp_vrids *vrids) {
        struct sock_filter code[64];
        size_t n = 0;

        if (family == AF_INET) {
                code[n++] = (struct sock_filter)BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0);
                code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_IND, 1);
        } else {
                code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 1);
        }
        code[n++] = (struct sock_filter)BPF_STMT(BPF_ST, 0);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 31);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_MISC | BPF_TAX, 0);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_MEM, 0);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 5);
        for (uint32_t w = 0; w < ARRAY_SIZE(vrids->words); w++) {
                code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, w, 0, 5);
                code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, vrids->words[w]);
                code[n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_RSH | BPF_X, 0);
                code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1);
                code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
                code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
        }
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
        return attach(fd, code, n);
}

static int membership(int fd, uint8_t family, unsigned ifindex, bool join) {
        struct vrrp_ip group = vrrp_group(family);
        struct ip_mreqn ipv4 = { .imr_ifindex = (int)ifindex };
        struct ipv6_mreq ipv6 = { .ipv6mr_interface = ifindex };
        int r;

        if (family == AF_INET) {
                ipv4.imr_multiaddr = vrrp_ip_in(&group);
                r = setsockopt(fd, IPPROTO_IP, join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &ipv4,
                               sizeof ipv4);
        } else {
                ipv6.ipv6mr_multiaddr = vrrp_ip_in6(&group);
                r = setsockopt(fd, IPPROTO_IPV6, join ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP, &ipv6,
                               sizeof ipv6);
        }
        return r < 0 ? -errno : 0;
}

int vrrp_port_rejoin(int fd, uint8_t family, unsigned ifindex) {
        membership(fd, family, ifindex, false); /* it may have been left with the link */
        return membership(fd, family, ifindex, true);
}

static int multicast_by(int fd, uint8_t family, unsigned ifindex) {
        struct ip_mreqn by = { .imr_ifindex = (int)ifindex };
        int r;

        if (family == AF_INET)
                r = setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &by, sizeof by);
        else
                r = setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &ifindex, sizeof ifindex);
        return r < 0 ? -errno : 0;
}

static int prepare(int fd, const struct vrrp_port_params *p) {
        static const struct vrrp_vrids none;
        const int buffer = p->send_only ? 0 : RECEIVE_BUFFER; /* 0: the least there is */
        char waste;
        int r;

        if ((r = vrrp_port_filter(fd, p->family, &none)) < 0)
                return r;
        if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, p->interface,
                       (socklen_t)strnlen(p->interface, IFNAMSIZ)) < 0)
                return -errno;
        /* Beyond net.core.rmem_max with CAP_NET_ADMIN; else as much as that allows. */
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) < 0 &&
            setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer) < 0)
                return -errno;
        r = p->family == AF_INET ? set_options(fd, ipv4_options, ARRAY_SIZE(ipv4_options))
                                 : set_options(fd, ipv6_options, ARRAY_SIZE(ipv6_options));
        if (r == 0 && p->family == AF_INET6 && p->send_only)
                r = set_options(fd, ipv6_send_only, ARRAY_SIZE(ipv6_send_only));
        if (r == 0 && p->multicast)
                r = multicast_by(fd, p->family, p->ifindex);
        if (r == 0 && p->multicast && !p->send_only)
                r = membership(fd, p->family, p->ifindex, true);
        /* What came before the filter was there, perhaps by another interface. */
        while (recv(fd, &waste, sizeof waste, MSG_DONTWAIT) >= 0)
                ;
        return r;
}

int vrrp_port_socket(const struct vrrp_port_params *p, int *ret_fd) {
        int fd = socket(p->family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, VRRP_PROTOCOL), r;

        if (fd < 0)
                return -errno;
        if ((r = prepare(fd, p)) < 0) {
                close(fd);
                return r;
        }
        *ret_fd = fd;
        return 0;
}
