#include "vrrp/neighbour.h"
#include "pki/util.h"
#include "vrrp/arp.h"
#include "vrrp/nd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/socket.h>

/* Offsets in the frame, for the filter. */
enum { ARP_SENDER = 28, IPV6_NEXT_HEADER = 20, ICMPV6_TYPE = 54, NA_TARGET_END = 74 };
enum { ICMPV6 = 58, ADVERTISEMENT = 136 };
enum { FILTERED_MAX = 1000 }; /* addresses; a filter has at most 4096 instructions */

static int attach(int fd, struct sock_filter *code, size_t n) {
        struct sock_fprog filter = { .len = (unsigned short)n, .filter = code };

        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0 ? -errno : 0;
}

/* What comes before the comparison of addresses; leaves the address (its last word) in the accumulator. */
static size_t filter_head(struct sock_filter *code, uint8_t family) {
        static const struct sock_filter ipv6[] = {
                BPF_STMT(BPF_LD | BPF_B | BPF_ABS, IPV6_NEXT_HEADER),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMPV6, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, 0),
                BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ICMPV6_TYPE),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ADVERTISEMENT, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, 0),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NA_TARGET_END),
        };
        static const struct sock_filter ipv4[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARP_SENDER) };

        memcpy(code, family == AF_INET6 ? ipv6 : ipv4, family == AF_INET6 ? sizeof ipv6 : sizeof ipv4);
        return family == AF_INET6 ? ARRAY_SIZE(ipv6) : ARRAY_SIZE(ipv4);
}

static uint32_t last_word(const struct vrrp_ip *a) {
        const uint8_t *p = a->b + vrrp_ip_size(a) - 4;

        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int vrrp_neighbour_watch(int fd, uint8_t family, const struct vrrp_ip *addresses, size_t n) {
        struct sock_filter code[16 + 2 * FILTERED_MAX];
        size_t size = filter_head(code, family);

        for (size_t i = 0; i < n && n <= FILTERED_MAX; i++) {
                if (addresses[i].family != family)
                        continue;
                code[size++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                            last_word(&addresses[i]), 0, 1);
                code[size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
        }
        code[size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, n > FILTERED_MAX ? UINT32_MAX : 0);
        return attach(fd, code, size);
}

static int prepare(int fd, unsigned ifindex, uint8_t family) {
        struct sockaddr_ll at = {
                .sll_family = AF_PACKET,
                .sll_protocol = htons(family == AF_INET6 ? ETHERTYPE_IPV6 : ETHERTYPE_ARP),
                .sll_ifindex = (int)ifindex,
        };
        int on = 1, r;

        if ((r = vrrp_neighbour_watch(fd, family, NULL, 0)) < 0)
                return r;
        if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) < 0 ||
            bind(fd, (struct sockaddr *)&at, sizeof at) < 0)
                return -errno;
        return 0;
}

int vrrp_neighbour_open(unsigned ifindex, uint8_t family, int *ret_fd) {
        int fd, r;

        /* Protocol 0 until the filter is in place: nothing else gets into the queue. */
        fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if ((r = prepare(fd, ifindex, family)) < 0) {
                close(fd);
                return r;
        }
        *ret_fd = fd;
        return 0;
}

static bool parse(uint8_t family, const uint8_t *frame, size_t size, struct vrrp_neighbour *ret) {
        struct vrrp_arp arp;
        struct vrrp_nd nd;

        if (family == AF_INET6) {
                if (!vrrp_nd_parse(frame, size, &nd))
                        return false;
                ret->address = nd.target;
                memcpy(ret->mac, nd.mac, sizeof ret->mac);
                return true;
        }
        if (!vrrp_arp_parse(frame, size, &arp))
                return false;
        ret->address = vrrp_ip_v4(arp.sender);
        memcpy(ret->mac, arp.sender_mac, sizeof ret->mac);
        return true;
}

int vrrp_neighbour_receive(int fd, uint8_t family, struct vrrp_neighbour *ret) {
        uint8_t frame[512];
        ssize_t n;

        while ((n = recv(fd, frame, sizeof frame, MSG_DONTWAIT)) >= 0)
                if (parse(family, frame, (size_t)n, ret))
                        return 1;
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static int send_frame(int fd, const uint8_t *frame, size_t size) {
        return send(fd, frame, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int vrrp_neighbour_announce(int fd, const struct vrrp_neighbour *n, bool router) {
        struct vrrp_nd nd = { .target = n->address, .router = router, .override = true };
        uint8_t arp_frame[VRRP_ARP_FRAME], nd_frame[VRRP_ND_FRAME];
        struct vrrp_arp arp = { 0 };

        if (n->address.family == AF_INET6) {
                memcpy(nd.mac, n->mac, sizeof nd.mac);
                vrrp_nd_build(&nd, nd_frame);
                return send_frame(fd, nd_frame, sizeof nd_frame);
        }
        arp.sender = arp.target = vrrp_ip_in(&n->address);
        memcpy(arp.sender_mac, n->mac, sizeof arp.sender_mac);
        memset(arp.target_mac, 0xff, sizeof arp.target_mac);
        vrrp_arp_build(&arp, arp_frame);
        return send_frame(fd, arp_frame, sizeof arp_frame);
}

bool vrrp_neighbour_forwards(const char *interface) {
        char path[64 + IF_NAMESIZE], value = '0';
        CLEANUP(closep) int fd = -1;

        snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%.*s/forwarding", IF_NAMESIZE, interface);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd >= 0 && read(fd, &value, 1) == 1 && value != '0';
}
