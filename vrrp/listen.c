#include "pki/util.h"
#include "vrrp/port_socket.h"
#include "vrrp/socket.h"
#include "vrrp/wait.h"
#include "vrrp/wire.h"

#include <errno.h>
#include <net/if.h>

/* Any version counts: a VRRPv2 router with our VRID would fight for the virtual MAC all the same. */
static bool is_advert_of(const uint8_t *packet, size_t size, uint8_t vrid, struct in_addr *who) {
        struct vrrp_packet p;

        if (vrrp_wire_ipv4(packet, size, &p) != VRRP_ACCEPT || vrrp_wire_vrid(&p) != vrid ||
            p.hops != VRRP_HOPS)
                return false;
        *who = vrrp_ip_in(&p.src);
        return true;
}

int vrrp_listen_vrid(const char *ifname, uint8_t vrid, unsigned timeout_ms, struct in_addr *who) {
        int64_t end = vrrp_deadline_ms(timeout_ms);
        unsigned ifindex = if_nametoindex(ifname);
        CLEANUP(closep) int fd = -1;
        uint8_t buf[VRRP_PACKET_MAX];
        int r;

        if (ifindex == 0)
                return -errno;
        if ((r = vrrp_socket_open(ifname, ifindex, true, &fd)) < 0)
                return r;
        while ((r = vrrp_wait_readable(fd, end)) > 0) {
                while ((r = vrrp_socket_receive(fd, buf, sizeof buf)) > 0)
                        if (is_advert_of(buf, (size_t)r, vrid, who))
                                return 1;
                if (r < 0)
                        break;
        }
        return r;
}

/* 1 and *who: the filter lets through only what carries the VRID. */
static int who_sent(int fd, struct vrrp_ip *who) {
        struct sockaddr_storage from;
        socklen_t size = sizeof from;
        char byte;

        if (recvfrom(fd, &byte, sizeof byte, MSG_DONTWAIT, (struct sockaddr *)&from, &size) < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        *who = vrrp_ip_of_sockaddr(&from);
        return 1;
}

int vrrp_port_listen(const char *interface, uint8_t family, uint8_t vrid, unsigned timeout_ms,
                     struct vrrp_ip *who) {
        const struct vrrp_port_params p = {
                .interface = interface,
                .ifindex = if_nametoindex(interface),
                .family = family,
                .multicast = true,
        };
        int64_t end = vrrp_deadline_ms(timeout_ms);
        struct vrrp_vrids vrids = { { 0 } };
        CLEANUP(closep) int fd = -1;
        int r;

        if (p.ifindex == 0)
                return -errno;
        vrids.words[vrid / 32] = UINT32_C(1) << vrid % 32;
        if ((r = vrrp_port_socket(&p, &fd)) < 0 || (r = vrrp_port_filter(fd, family, &vrids)) < 0)
                return r;
        while ((r = vrrp_wait_readable(fd, end)) > 0)
                if ((r = who_sent(fd, who)) != 0)
                        break;
        return r;
}
