/* The kernel's addresses and links (rtnetlink through libmnl).
 *
 * Two sockets: requests, whose acknowledgements name what was asked, and events, which are only a hint
 * that vrrp_netlink_scan() should look again: so a lost event costs nothing that the next does not mend.
 * The kernel answers requests and dumps inside send() and recv(); nothing here waits for another
 * process, only for the kernel's own lock. All calls: 0 or negative errno. */
#ifndef VRRP_NETLINK_H
#define VRRP_NETLINK_H

#include "vrrp/nlmsg.h"
#include <libmnl/libmnl.h>

/* For address requests; non-blocking. The caller owns *ret (mnl_socket_close). */
int vrrp_netlink_open_requests(struct mnl_socket **ret);
/* Links and IPv4 addresses; non-blocking. */
int vrrp_netlink_open_events(struct mnl_socket **ret);

/* Send; the ACK carries seq. */
int vrrp_netlink_add(struct mnl_socket *requests, uint32_t seq, const struct vrrp_nl_address *a);
int vrrp_netlink_delete(struct mnl_socket *requests, uint32_t seq, const struct vrrp_nl_address *a);
/* Hand all that is queued to fn (at most a bound per call). -ENOBUFS: events were lost, scan. */
int vrrp_netlink_read(struct mnl_socket *nl, vrrp_nl_fn *fn, void *userdata);

struct vrrp_interface {
        unsigned ifindex; /* 0: no interface of that name */
        bool running;
        uint8_t mac[6];
        struct in_addr self;   /* the wanted one, or the best primary address; INADDR_ANY: none */
        uint64_t vip_prefixes; /* bit n: the VIP is there with prefix length n */
};
/* What the interface is now. wanted_self INADDR_ANY: the first primary address in whose network the VIP
 * lies, else the first; never the VIP itself. */
int vrrp_netlink_scan(const char *name, struct in_addr vip, struct in_addr wanted_self,
                      struct vrrp_interface *ret);

#endif
