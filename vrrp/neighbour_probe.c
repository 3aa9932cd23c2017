#include "pki/util.h"
#include "vrrp/arp.h"
#include "vrrp/nd.h"
#include "vrrp/neighbour.h"
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

static int send_probe(int fd, const uint8_t own[6], const struct vrrp_ip *target) {
        struct vrrp_arp arp = { 0 };
        uint8_t frame[VRRP_ND_FRAME];
        size_t size = VRRP_ND_PROBE;

        if (target->family == AF_INET6) {
                vrrp_nd_build_probe(own, target, frame);
        } else {
                arp.target = vrrp_ip_in(target);
                memcpy(arp.sender_mac, own, 6);
                vrrp_arp_build(&arp, frame);
                size = VRRP_ARP_FRAME;
        }
        return send(fd, frame, size, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int wait_for_owner(int fd, const uint8_t own[6], const struct vrrp_ip *target, int64_t deadline_ms,
                          uint8_t mac[6]) {
        struct vrrp_neighbour heard;
        int r;

        while ((r = vrrp_wait_readable(fd, deadline_ms)) > 0) {
                while ((r = vrrp_neighbour_receive(fd, target->family, &heard)) > 0)
                        if (vrrp_ip_equal(&heard.address, target) && memcmp(heard.mac, own, 6) != 0) {
                                memcpy(mac, heard.mac, 6);
                                return 1;
                        }
                if (r < 0)
                        break;
        }
        return r;
}

int vrrp_neighbour_probe(const char *interface, const struct vrrp_ip *address, unsigned timeout_ms,
                         uint8_t mac[6]) {
        unsigned ifindex = if_nametoindex(interface);
        CLEANUP(closep) int fd = -1;
        uint8_t own[6];
        int r;

        if (ifindex == 0)
                return -errno;
        if ((r = vrrp_neighbour_open(ifindex, address->family, &fd)) < 0 ||
            (r = vrrp_neighbour_watch(fd, address->family, address, 1)) < 0 ||
            (r = interface_mac(fd, interface, own)) < 0)
                return r;
        for (int i = 0; i < PROBES; i++)
                if ((r = send_probe(fd, own, address)) < 0 ||
                    (r = wait_for_owner(fd, own, address, vrrp_deadline_ms(timeout_ms / PROBES), mac)) != 0)
                        return r;
        return 0;
}
