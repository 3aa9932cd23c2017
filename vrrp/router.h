/* One virtual router on one interface, running on an sd-event loop: joins the pure state machine
 * (fsm.h), the codec (wire.h), the transport (socket.h) and the kernel's addresses (netlink.h, arp.h).
 * The only part that includes both fsm.h and sd-event. Does nothing that blocks; of capabilities it needs
 * CAP_NET_RAW and CAP_NET_ADMIN. Every call from one thread. */
#ifndef VRRP_ROUTER_H
#define VRRP_ROUTER_H

#include "vrrp/address.h"
#include "vrrp/fsm.h"
#include <netinet/in.h>
#include <systemd/sd-event.h>

enum { VRRP_MAX_MEMBERS = 16 };

struct vrrp_router_params {
        uint8_t vrid, priority;
        uint32_t interval_us;
        enum vrrp_preempt preempt;
        struct in_addr vip;    /* installed as /32 with IFA_PROTO VRRP_ADDR_PROTO */
        const char *interface; /* borrowed */
        struct in_addr self; /* primary address of the interface; INADDR_ANY: the router picks one that is not
                                the VIP */
        struct in_addr peers[VRRP_MAX_MEMBERS]; /* unicast: to these; none: multicast 224.0.0.18 */
        size_t n_peers;
        unsigned valid_lft_s; /* kernel lifetime of the address; 2 */
};

/* What the owner of the router is told; each may be NULL. Called from the loop and from start, stop,
 * set_class and free, after the actions are done; must not block nor free the router. Texts are valid
 * during the call. */
struct vrrp_router_ops {
        void (*state_changed)(void *userdata, enum vrrp_state from, enum vrrp_state to, const char *reason);
        void (*link_changed)(void *userdata, bool up);
        /* kinds of rejected packets, foreign owner seen, address put right, ...: rate-limited (notice.h) */
        void (*notice)(void *userdata, const char *text);
};

struct vrrp_peer { /* whoever was heard */
        struct in_addr address;
        uint8_t priority;
        bool message_sum; /* its checksum is RFC 9568's, without the pseudo-header */
        uint64_t last_us; /* CLOCK_MONOTONIC */
};
struct vrrp_router_status {
        enum vrrp_state state;
        uint8_t vrid, priority, priority_configured;
        uint32_t interval_us, active_interval_us;
        bool link_up, address_present;
        struct in_addr self, vip, active; /* active: INADDR_ANY when unknown */
        uint64_t since_us;                /* CLOCK_MONOTONIC of the last state change */
        struct vrrp_peer peers[VRRP_MAX_MEMBERS];
        size_t n_peers;
        struct vrrp_counters {
                uint64_t sent, received, claims, releases, garp_sent, refreshes;
                uint64_t bad_checksum, bad_ttl, bad_length, bad_version, bad_type, bad_vrid, bad_interval,
                        bad_count, bad_source, other_addresses, address_repaired, conflicts;
        } counters;
};

struct vrrp_router;
/* Removes a stale VIP before anything else, then opens its sockets; starts nothing. -ENODEV: no such
 * interface; -EINVAL: a parameter is out of range; -EPERM: CAP_NET_RAW or CAP_NET_ADMIN is missing. *ret is
 * the caller's. */
int vrrp_router_new(sd_event *loop, const struct vrrp_router_params *p, const struct vrrp_router_ops *ops,
                    void *userdata, struct vrrp_router **ret);
/* Backup now, or as soon as the link is up and its primary address there; both may come and go. */
void vrrp_router_start(struct vrrp_router *r);
/* Priority 0 when active, address removed when this returns, sockets kept. */
void vrrp_router_stop(struct vrrp_router *r);
/* The node's class changed: effective priority by vrrp_priority_of_class; failed while active gives up at
 * once. */
void vrrp_router_set_class(struct vrrp_router *r, enum vrrp_class c, const char *reason);
void vrrp_router_status(const struct vrrp_router *r, struct vrrp_router_status *ret);
/* Stops first. NULL is fine. */
void vrrp_router_free(struct vrrp_router *r);

#endif
