/* TCP connections of addresses that this host has lost. Their packets go nowhere any more; a client on this
 * host would wait for minutes, so the kernel is asked to end them (NETLINK_SOCK_DIAG, SOCK_DESTROY:
 * CAP_NET_ADMIN, CONFIG_INET_DIAG_DESTROY). Listening sockets stay. Done by a thread of no priority, for the
 * search takes as long as there are connections. */
#ifndef VRRP_SOCKDESTROY_H
#define VRRP_SOCKDESTROY_H

#include "vrrp/ip.h"

struct vrrp_abort;
struct vrrp_abort_counters {
        uint64_t ended;
        int error; /* of the last that was tried and failed; -EOPNOTSUPP: the kernel cannot */
};
/* The thread comes with the first work. 0 or negative errno. */
int vrrp_abort_new(struct vrrp_abort **ret);
void vrrp_abort_free(struct vrrp_abort *a); /* waits for the thread; NULL is fine */
/* Never blocks; what does not fit in the queue is left as it is. */
void vrrp_abort_sockets(struct vrrp_abort *a, const struct vrrp_ip *address);
/* The address is ours again. */
void vrrp_abort_cancel(struct vrrp_abort *a, const struct vrrp_ip *address);
void vrrp_abort_counters(struct vrrp_abort *a, struct vrrp_abort_counters *ret);

#endif
