/* The kernel's addresses and links (rtnetlink through libmnl).
 *
 * Two kinds of sockets: requests, answered by the kernel inside send(), so that the answer is there when the
 * call returns; and events, which are only a hint to look again, so a lost event costs nothing that the next
 * look does not mend. Nothing here waits for another process, only for the kernel's own lock. */
#ifndef VRRP_NETLINK_H
#define VRRP_NETLINK_H

#include "vrrp/nlmsg.h"
#include <libmnl/libmnl.h>

struct vrrp_netlink { /* requests; one thread at a time */
        struct mnl_socket *socket;
        uint32_t seq, portid; /* portid: of the events that these requests cause */
};
/* 0 or negative errno; vrrp_netlink_close() is fine with a zeroed or closed one. */
int vrrp_netlink_open(struct vrrp_netlink *n);
void vrrp_netlink_close(struct vrrp_netlink *n);
/* The kernel's answer, or negative errno. Deleting what is not there: -EADDRNOTAVAIL; -ENODEV. */
int vrrp_netlink_add(struct vrrp_netlink *n, const struct vrrp_nl_address *a);
int vrrp_netlink_delete(struct vrrp_netlink *n, const struct vrrp_nl_address *a);

struct vrrp_found { /* an address of an interface */
        struct vrrp_ip address;
        uint8_t prefix, proto;
        bool secondary, unusable; /* as in struct vrrp_nl */
};
struct vrrp_interface {
        unsigned ifindex; /* 0: no interface of that name */
        bool running;
        uint8_t mac[6];
        struct vrrp_found *addresses; /* owned; vrrp_interface_done() */
        size_t n_addresses, size;
};
/* What the interface is now; *ret is emptied first, its memory is used again. 0 or negative errno. */
int vrrp_netlink_scan(struct vrrp_netlink *n, const char *name, struct vrrp_interface *ret);
void vrrp_interface_done(struct vrrp_interface *i);
/* NULL: not there with that prefix length. */
const struct vrrp_found *vrrp_interface_find(const struct vrrp_interface *i, const struct vrrp_ip *a,
                                             uint8_t prefix);
/* What is known of our own changes without another look. What there is no memory for, a look finds. */
void vrrp_interface_put(struct vrrp_interface *i, const struct vrrp_ip *a, uint8_t prefix);
void vrrp_interface_drop(struct vrrp_interface *i, const struct vrrp_ip *a, uint8_t prefix);

/* Events of links and addresses; non-blocking. What `requests` cause is left out by a filter: it is known.
 * The caller owns *ret (mnl_socket_close). 0 or negative errno. */
int vrrp_netlink_open_events(const struct vrrp_netlink *requests, struct mnl_socket **ret);
/* Hand all that is queued to fn (at most a bound per call). -ENOBUFS: events were lost, scan. */
int vrrp_netlink_read(struct mnl_socket *events, vrrp_nl_fn *fn, void *userdata);

#endif
