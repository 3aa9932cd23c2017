#include "vrrp/socket.h"
#include "pki/util.h"
#include "vrrp/wire.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <net/if.h>
#include <sys/socket.h>

enum { TOS_INTERNET_CONTROL = 0xc0 };

static int set_int(int fd, int level, int name, int value) {
        return setsockopt(fd, level, name, &value, sizeof value) < 0 ? -errno : 0;
}

static const struct {
        int level, name, value;
} options[] = {
        { IPPROTO_IP, IP_TTL, VRRP_HOPS },
        { IPPROTO_IP, IP_MULTICAST_TTL, VRRP_HOPS },
        { IPPROTO_IP, IP_MULTICAST_LOOP, 0 }, /* or a second socket of this host hears us */
        { IPPROTO_IP, IP_MULTICAST_ALL, 0 },  /* only the group joined here, not what others joined */
        { IPPROTO_IP, IP_TOS, TOS_INTERNET_CONTROL },
        { SOL_SOCKET, SO_PRIORITY, TC_PRIO_CONTROL }, /* after IP_TOS, which sets it too */
};

static int join_group(int fd, unsigned ifindex) {
        struct vrrp_ip group = vrrp_group(AF_INET);
        struct ip_mreqn m = { .imr_multiaddr = vrrp_ip_in(&group), .imr_ifindex = (int)ifindex };

        if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &m, sizeof m) < 0 ||
            setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m) < 0)
                return -errno;
        return 0;
}

static int prepare(int fd, const char *ifname, unsigned ifindex, bool multicast) {
        int r;

        if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, ifname, (socklen_t)strnlen(ifname, IFNAMSIZ)) < 0)
                return -errno;
        for (size_t i = 0; i < ARRAY_SIZE(options); i++)
                if ((r = set_int(fd, options[i].level, options[i].name, options[i].value)) < 0)
                        return r;
        return multicast ? join_group(fd, ifindex) : 0;
}

int vrrp_socket_open(const char *ifname, unsigned ifindex, bool multicast, int *ret_fd) {
        int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, VRRP_PROTOCOL), r;

        if (fd < 0)
                return -errno;
        if ((r = prepare(fd, ifname, ifindex, multicast)) < 0) {
                close(fd);
                return r;
        }
        *ret_fd = fd;
        return 0;
}

int vrrp_socket_send(int fd, unsigned ifindex, struct in_addr src, struct in_addr dst, const void *msg,
                     size_t size) {
        struct in_pktinfo info = { .ipi_ifindex = (int)ifindex, .ipi_spec_dst = src };
        _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof info)] = { 0 };
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = dst };
        struct iovec iov = { .iov_base = (void *)msg, .iov_len = size };
        struct msghdr m = { .msg_name = &to,
                            .msg_namelen = sizeof to,
                            .msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof control };
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);

        /* Not bind(): that would also keep multicast packets from being received. */
        c->cmsg_level = IPPROTO_IP;
        c->cmsg_type = IP_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(c), &info, sizeof info);
        return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int vrrp_socket_receive(int fd, void *buf, size_t size) {
        ssize_t n = recv(fd, buf, size, MSG_DONTWAIT);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        return (int)n;
}
