/* What all virtual routers of one agent share: the netlink sockets (one look per batch of events, whatever
 * the number of groups), one timer, raw sockets that dispatch by VRID, the sealed transports, the guard
 * thread, and the look at lateness that comes before everything else (lease rules 1 and 14). One thread, an
 * sd-event loop. */
#ifndef VRRP_HOST_H
#define VRRP_HOST_H

#include "vrrp/sealed.h"
#include <systemd/sd-event.h>

struct vrrp_host;
/* Subscribes to the kernel's links and addresses; needs no rights yet. 0 or negative errno. */
int vrrp_host_new(sd_event *loop, struct vrrp_host **ret);
/* Routers must be gone. NULL is fine. */
void vrrp_host_free(struct vrrp_host *h);

/* The sealed transport of an interface, to be given to its routers and to the agent's own exchange (group 0);
 * owned by the host, as is the ring when this succeeds. Members are set by vrrp_sealed_set_list(). */
int vrrp_host_sealed(struct vrrp_host *h, const struct vrrp_sealed_params *p, struct vrrp_keyring *ring,
                     struct vrrp_sealed **ret);

#endif
