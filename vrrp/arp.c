#include "vrrp/arp.h"
#include "pki/util.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/socket.h>

/* Offsets in the frame: Ethernet, then ARP with addresses of 6 and 4 bytes. */
enum { TYPE = 12, ARP = 14, OPERATION = 20, SENDER_MAC = 22, SENDER = 28, TARGET_MAC = 32, TARGET = 38 };

/* Ethernet, IPv4, lengths 6 and 4: what stands before the operation. */
static const uint8_t arp_head[] = { 0, 1, 8, 0, 6, 4 };
static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

void vrrp_arp_build(const struct vrrp_arp *a, uint8_t frame[VRRP_ARP_FRAME]) {
        memcpy(frame, broadcast, 6);
        memcpy(frame + 6, a->sender_mac, 6);
        frame[TYPE] = ETHERTYPE_ARP >> 8;
        frame[TYPE + 1] = ETHERTYPE_ARP & 0xff;
        memcpy(frame + ARP, arp_head, sizeof arp_head);
        frame[OPERATION] = 0;
        frame[OPERATION + 1] = 1;
        memcpy(frame + SENDER_MAC, a->sender_mac, 6);
        memcpy(frame + SENDER, &a->sender, 4);
        memcpy(frame + TARGET_MAC, a->target_mac, 6);
        memcpy(frame + TARGET, &a->target, 4);
}

bool vrrp_arp_parse(const uint8_t *frame, size_t size, struct vrrp_arp *ret) {
        if (size < VRRP_ARP_FRAME || frame[TYPE] != ETHERTYPE_ARP >> 8 ||
            frame[TYPE + 1] != (ETHERTYPE_ARP & 0xff) || memcmp(frame + ARP, arp_head, sizeof arp_head) != 0)
                return false;
        if (frame[OPERATION] != 0 || frame[OPERATION + 1] < 1 || frame[OPERATION + 1] > 2)
                return false;
        memcpy(ret->sender_mac, frame + SENDER_MAC, 6);
        memcpy(&ret->sender, frame + SENDER, 4);
        memcpy(ret->target_mac, frame + TARGET_MAC, 6);
        memcpy(&ret->target, frame + TARGET, 4);
        return true;
}

static int prepare(int fd, unsigned ifindex, struct in_addr owned) {
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SENDER),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(owned.s_addr), 0, 1),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
                BPF_STMT(BPF_RET | BPF_K, 0),
        };
        struct sock_fprog filter = { .len = ARRAY_SIZE(code), .filter = code };
        struct sockaddr_ll at = { .sll_family = AF_PACKET,
                                  .sll_protocol = htons(ETHERTYPE_ARP),
                                  .sll_ifindex = (int)ifindex };
        int on = 1;

        if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0 ||
            setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) < 0 ||
            bind(fd, (struct sockaddr *)&at, sizeof at) < 0)
                return -errno;
        return 0;
}

int vrrp_arp_open(unsigned ifindex, struct in_addr owned, int *ret_fd) {
        int fd, r;

        /* Protocol 0 until the filter is in place: nothing else gets into the queue. */
        fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if ((r = prepare(fd, ifindex, owned)) < 0) {
                close(fd);
                return r;
        }
        *ret_fd = fd;
        return 0;
}

int vrrp_arp_receive(int fd, struct vrrp_arp *ret) {
        uint8_t frame[64];
        ssize_t n;

        while ((n = recv(fd, frame, sizeof frame, MSG_DONTWAIT)) >= 0)
                if (vrrp_arp_parse(frame, (size_t)n, ret))
                        return 1;
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

int vrrp_arp_announce(int fd, const uint8_t mac[6], struct in_addr address) {
        struct vrrp_arp a = { .sender = address, .target = address };
        uint8_t frame[VRRP_ARP_FRAME];

        memcpy(a.sender_mac, mac, 6);
        memcpy(a.target_mac, broadcast, 6);
        vrrp_arp_build(&a, frame);
        return send(fd, frame, sizeof frame, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}
