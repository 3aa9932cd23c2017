/* What neighbours believe about addresses: announcing (gratuitous ARP, unsolicited neighbour advertisements),
 * watching for others who claim one, and asking. One packet socket of an interface and family serves any
 * number of addresses. */
#ifndef VRRP_NEIGHBOUR_H
#define VRRP_NEIGHBOUR_H

#include "vrrp/ip.h"

struct vrrp_neighbour {
        struct vrrp_ip address;
        uint8_t mac[6]; /* who says to own it */
};

/* Packet socket (CAP_NET_RAW), non-blocking; not what this host sends. Receives nothing until it watches.
 * 0 or negative errno. */
int vrrp_neighbour_open(unsigned ifindex, uint8_t family, int *ret_fd);
/* From now on receive claims to these addresses; those of another family are skipped. Beyond some hundreds
 * everything is let through, so vrrp_neighbour_receive()'s answer must be looked up anyway. */
int vrrp_neighbour_watch(int fd, uint8_t family, const struct vrrp_ip *addresses, size_t n);
/* 1 and *ret: an ARP request or reply from the address, or a neighbour advertisement of it. 0 when nothing
 * (more) is queued, or negative errno. */
int vrrp_neighbour_receive(int fd, uint8_t family, struct vrrp_neighbour *ret);
/* One announcement, to everybody. IPv4: a gratuitous ARP request as keepalived and FRR send it, with a target
 * MAC of all ones (RFC 9568 section 8.1.2). IPv6: an unsolicited neighbour advertisement, Override set,
 * Router set if `router` (section 8.2.2). */
int vrrp_neighbour_announce(int fd, const struct vrrp_neighbour *n, bool router);
/* Whether the interface forwards IPv6: the Router flag of what is announced there. */
bool vrrp_neighbour_forwards(const char *interface);

/* Does anybody own the address? IPv4: RFC 5227 section 2.1.1; IPv6: as RFC 4862 section 5.4.2; both disturb
 * no cache. Blocking, up to timeout_ms. 1 and *mac, 0 nobody answered, or negative errno. An address of this
 * host does not answer. */
int vrrp_neighbour_probe(const char *interface, const struct vrrp_ip *address, unsigned timeout_ms,
                         uint8_t mac[6]);

#endif
