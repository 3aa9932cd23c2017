/* Lease rule 13: a thread with nothing else to do, which removes addresses when their deadline has come,
 * whatever the event loop does. One for all groups of an agent. It takes no lock that the loop holds,
 * allocates nothing once it runs, and has a netlink socket of its own. */
#ifndef VRRP_GUARD_H
#define VRRP_GUARD_H

#include "vrrp/ip.h"

struct vrrp_guard;
struct vrrp_guard_slot; /* one group */

/* Starts the thread: all signals blocked, SCHED_RR one above the caller where that is real-time. 0 or
 * negative errno. */
int vrrp_guard_new(struct vrrp_guard **ret);
/* Slots must be gone. NULL is fine. */
void vrrp_guard_free(struct vrrp_guard *g);

/* vips are copied; -ENOSPC: more slots than groups are possible. */
int vrrp_guard_slot_new(struct vrrp_guard *g, const struct vrrp_ip *vips, size_t n,
                        struct vrrp_guard_slot **ret);
void vrrp_guard_slot_free(struct vrrp_guard_slot *s);
/* From any thread, wait-free: remove the addresses from ifindex when vrrp_now_us() reaches until_us;
 * VRRP_NEVER: there is nothing to guard. A later value extends; the thread is woken only when it would sleep
 * too long. */
void vrrp_guard_set(struct vrrp_guard_slot *s, unsigned ifindex, uint64_t until_us);
/* How often it had to remove something. */
uint64_t vrrp_guard_fired(const struct vrrp_guard_slot *s);

#endif
