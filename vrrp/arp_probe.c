#include "pki/util.h"
#include "vrrp/arp.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

enum { PROBES = 3 };

static int64_t now_ms(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int interface_mac(int fd, const char *ifname, uint8_t mac[6]) {
        struct ifreq q = { 0 };

        memcpy(q.ifr_name, ifname, strnlen(ifname, sizeof q.ifr_name - 1));
        if (ioctl(fd, SIOCGIFHWADDR, &q) < 0)
                return -errno;
        memcpy(mac, q.ifr_hwaddr.sa_data, 6);
        return 0;
}

static int send_probe(int fd, const uint8_t own[6], struct in_addr target) {
        struct vrrp_arp a = { .target = target };
        uint8_t frame[VRRP_ARP_FRAME];

        memcpy(a.sender_mac, own, 6);
        vrrp_arp_build(&a, frame);
        return send(fd, frame, sizeof frame, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* 1 and mac: the socket lets through only ARP sent from the target address. */
static int wait_for_owner(int fd, const uint8_t own[6], int64_t until_ms, uint8_t mac[6]) {
        struct vrrp_arp heard;
        int64_t left;
        int r;

        while ((left = until_ms - now_ms()) > 0) {
                struct pollfd p = { .fd = fd, .events = POLLIN };

                if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
                        return -errno;
                while ((r = vrrp_arp_receive(fd, &heard)) > 0)
                        if (memcmp(heard.sender_mac, own, 6)) {
                                memcpy(mac, heard.sender_mac, 6);
                                return 1;
                        }
                if (r < 0)
                        return r;
        }
        return 0;
}

int vrrp_arp_probe(const char *ifname, struct in_addr target, unsigned timeout_ms, uint8_t mac[6]) {
        unsigned ifindex = if_nametoindex(ifname);
        CLEANUP(closep) int fd = -1;
        int64_t start = now_ms();
        uint8_t own[6];
        int r;

        if (ifindex == 0)
                return -errno;
        if ((r = vrrp_arp_open(ifindex, target, &fd)) < 0 || (r = interface_mac(fd, ifname, own)) < 0)
                return r;
        for (int i = 1; i <= PROBES; i++) {
                if ((r = send_probe(fd, own, target)) < 0 ||
                    (r = wait_for_owner(fd, own, start + (int64_t)timeout_ms * i / PROBES, mac)) != 0)
                        return r;
        }
        return 0;
}
