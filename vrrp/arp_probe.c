#include "pki/util.h"
#include "vrrp/arp.h"
#include "vrrp/wait.h"

#include <errno.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { PROBES = 3 };

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
static int wait_for_owner(int fd, const uint8_t own[6], int64_t deadline_ms, uint8_t mac[6]) {
        struct vrrp_arp heard;
        int r;

        while ((r = vrrp_wait_readable(fd, deadline_ms)) > 0) {
                while ((r = vrrp_arp_receive(fd, &heard)) > 0)
                        if (memcmp(heard.sender_mac, own, 6) != 0) {
                                memcpy(mac, heard.sender_mac, 6);
                                return 1;
                        }
                if (r < 0)
                        break;
        }
        return r;
}

int vrrp_arp_probe(const char *ifname, struct in_addr target, unsigned timeout_ms, uint8_t mac[6]) {
        unsigned ifindex = if_nametoindex(ifname);
        CLEANUP(closep) int fd = -1;
        uint8_t own[6];
        int r;

        if (ifindex == 0)
                return -errno;
        if ((r = vrrp_arp_open(ifindex, target, &fd)) < 0 || (r = interface_mac(fd, ifname, own)) < 0)
                return r;
        for (int i = 0; i < PROBES; i++)
                if ((r = send_probe(fd, own, target)) < 0 ||
                    (r = wait_for_owner(fd, own, vrrp_deadline_ms(timeout_ms / PROBES), mac)) != 0)
                        return r;
        return 0;
}
