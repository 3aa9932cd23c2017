#include "pki/util.h"
#include "vrrp/port_socket.h"
#include "vrrp/wait.h"

#include <errno.h>
#include <net/if.h>

/* 1 and *who: the filter lets through only what carries the VRID. Any version counts: a VRRPv2 router with
 * our VRID would fight for the virtual MAC all the same. */
static int who_sent(int fd, struct vrrp_ip *who) {
        struct sockaddr_storage from;
        socklen_t size = sizeof from;
        char byte;

        if (recvfrom(fd, &byte, sizeof byte, MSG_DONTWAIT, (struct sockaddr *)&from, &size) < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        *who = vrrp_ip_of_sockaddr(&from);
        return 1;
}

int vrrp_port_listen(const char *interface, uint8_t family, uint8_t vrid, int *ret_fd) {
        const struct vrrp_port_params p = {
                .interface = interface,
                .ifindex = if_nametoindex(interface),
                .family = family,
                .multicast = true,
        };
        struct vrrp_vrids vrids = { { 0 } };
        CLEANUP(closep) int fd = -1;
        int r;

        if (p.ifindex == 0)
                return -errno;
        vrids.words[vrid / 32] = UINT32_C(1) << vrid % 32;
        if ((r = vrrp_port_socket(&p, &fd)) < 0 || (r = vrrp_port_filter(fd, family, &vrids)) < 0)
                return r;
        *ret_fd = fd;
        fd = -1;
        return 0;
}

int vrrp_port_heard(int fd, unsigned timeout_ms, struct vrrp_ip *who) {
        int64_t end = vrrp_deadline_ms(timeout_ms);
        int r;

        do
                r = who_sent(fd, who);
        while (r == 0 && (r = vrrp_wait_readable(fd, end)) > 0);
        return r;
}
