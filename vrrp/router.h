/* One virtual router (group) on one interface: joins an election (fsm.h: RFC 9568; lease.h: the majority
 * lease), a transport (ip: protocol 112; sealed: sealed.h) and the kernel's addresses (netlink.h, arp.h,
 * nd.h). Does nothing that blocks; of capabilities it needs CAP_NET_RAW and CAP_NET_ADMIN. Every call from
 * the thread of the host's loop. Times are microseconds of vrrp_now_us(). */
#ifndef VRRP_ROUTER_H
#define VRRP_ROUTER_H

#include "vrrp/address.h"
#include "vrrp/fsm.h"
#include "vrrp/host.h"
#include "vrrp/lease.h"
#include "vrrp/wire.h"

enum vrrp_transport { VRRP_TRANSPORT_IP, VRRP_TRANSPORT_SEALED };
enum vrrp_election { VRRP_ELECTION_PRIORITY, VRRP_ELECTION_MAJORITY };
enum { VRRP_MAX_VIPS = 32, VRRP_MAX_MEMBERS = 16 };

struct vrrp_router_params {
        uint8_t vrid, priority; /* 1..255; 255, the address owner, is for election priority alone */
        uint8_t version;        /* ip: 3 (also when 0), or 2 (IPv4, whole seconds) */
        enum vrrp_sum sum;      /* ip, version 3 over IPv4: the checksum that is sent */
        uint32_t interval_us;   /* 10 ms .. 40.95 s in steps of 10 ms */
        enum vrrp_preempt preempt;
        uint64_t preempt_delay_us; /* a better node waits that much longer */
        bool accept;               /* Accept_Mode; false: packets to the addresses are not for this host */
        bool virtual_mac;          /* macvlan with 00:00:5e:00:01:VRID (IPv6: 02) */
        enum vrrp_transport transport;
        enum vrrp_election election;        /* majority needs sealed */
        struct vrrp_ip vips[VRRP_MAX_VIPS]; /* installed as /32 and /128 with IFA_PROTO VRRP_ADDR_PROTO */
        size_t n_vips;                      /* ip: of one family; sealed: may be mixed */
        const char *interface;              /* borrowed during the call */
        struct vrrp_ip self;                /* own address there; none: the router picks one that is no VIP */
        struct vrrp_ip peers[VRRP_MAX_MEMBERS]; /* ip, unicast: to these; none: multicast */
        size_t n_peers;
        struct vrrp_sealed *sealed; /* sealed: of this interface, borrowed */
        uint64_t member;            /* sealed: own member id */
        struct vrrp_list list;      /* majority: newest on disk */
        bool witness;               /* majority: votes, never owns */
        uint32_t removal_us;        /* majority: R; 0: the least */
        unsigned valid_lft_s;       /* kernel lifetime of the addresses; 0: 2 */
        /* Priority: the addresses may be here by another router of this host, which is to leave. They are
         * kept, whatever their prefix lengths; if all are here, this one is active from its first start. */
        bool keep;
};

/* What the owner of the router is told; each may be NULL. Called from the loop and from start, stop,
 * set_class, give_up, standby, list and free, after the actions are done; must not block, nor call the router
 * but for its status, nor free it. Texts and lists are valid during the call. */
struct vrrp_router_ops {
        void (*state_changed)(void *userdata, enum vrrp_state from, enum vrrp_state to, const char *reason);
        void (*link_changed)(void *userdata, bool up);
        /* kinds of rejected packets, foreign owner seen, address put right, ...: rate-limited (notice.h) */
        void (*notice)(void *userdata, const char *text);
        /* lease rule 12: write the list to disk off the loop, then call vrrp_router_list(). 0, or negative
         * errno: not now, it is asked again. */
        int (*store_list)(void *userdata, const struct vrrp_list *list);
};

struct vrrp_peer { /* ip: whoever was heard; sealed: every other listed member */
        struct vrrp_ip address;
        uint64_t id; /* ip: 0 */
        uint8_t priority;
        enum vrrp_class class;
        uint64_t gen;     /* majority: of its list */
        bool message_sum; /* ip: its checksum is RFC 9568's, without the pseudo-header */
        uint64_t last_us; /* 0: never heard */
};
struct vrrp_router_status {
        enum vrrp_state state;
        const char *state_text; /* static: as vrrp_state_name(), or "candidate", "leaving" */
        uint8_t vrid, priority, priority_configured;
        enum vrrp_class class;
        enum vrrp_transport transport;
        enum vrrp_election election;
        uint32_t interval_us, active_interval_us;
        bool link_up, standby;
        bool address_present; /* all of vips are on the interface */
        struct vrrp_ip self;
        struct vrrp_ip active; /* whose advertisements are heard, or self; none: unknown */
        uint64_t active_id;    /* sealed: its member id, 0: unknown */
        struct vrrp_ip vips[VRRP_MAX_VIPS];
        size_t n_vips;
        uint64_t since_us; /* of the last state change */
        struct vrrp_peer peers[VRRP_MAX_MEMBERS];
        size_t n_peers;
        /* majority */
        uint64_t lease_us;   /* end of the lease, 0: none */
        uint64_t guard_us;   /* when the guard thread removes the address, VRRP_NEVER: it is not there */
        uint64_t promise_to; /* member whom we acknowledged, 0: nobody */
        uint64_t gen;        /* of the adopted list */
        unsigned n_members, majority;
        uint64_t guard_fired; /* removals by the guard thread */
        struct vrrp_lease_counters lease;
        struct vrrp_counters {
                uint64_t sent, received, claims, releases, garp_sent, refreshes;
                uint64_t bad_checksum, bad_ttl, bad_length, bad_version, bad_type, bad_vrid, bad_interval,
                        bad_count, bad_source, other_addresses, address_repaired, conflicts;
                uint64_t late; /* woke up more than an interval late */
        } counters;
};

struct vrrp_router;
/* Removes stale VIPs before anything else (unless told to keep them), then opens its sockets; starts nothing.
 * -ENODEV: no such interface; -EINVAL: a parameter is out of range; -EPERM: CAP_NET_RAW or CAP_NET_ADMIN is
 * missing; -EOPNOTSUPP: accept is false and the kernel has no nftables (accept.h); -EEXIST: the host has a
 * router of that VRID and family there. *ret is the caller's. */
int vrrp_router_new(struct vrrp_host *h, const struct vrrp_router_params *p,
                    const struct vrrp_router_ops *ops, void *userdata, struct vrrp_router **ret);
/* Backup now, or as soon as the link is up and its primary address there; both may come and go. */
void vrrp_router_start(struct vrrp_router *r);
/* Gives up when active, naming the best successor that is known; the addresses are removed when this returns,
 * sockets are kept. */
void vrrp_router_stop(struct vrrp_router *r);
/* The node's class changed; failed while active gives up at once to a better one (ip: by priority 0). */
void vrrp_router_set_class(struct vrrp_router *r, enum vrrp_class c, const char *reason);
/* Give up naming member succ (0: the best). -EPERM: not active. ip: priority 0, succ is not looked at.
 * reason: copied, for state_changed. */
int vrrp_router_give_up(struct vrrp_router *r, uint64_t succ, const char *reason);
/* On: give up and do not become active until it is off again; ip: as if failed. */
void vrrp_router_standby(struct vrrp_router *r, bool on);
/* Majority: the list is on disk (lease rule 12). */
void vrrp_router_list(struct vrrp_router *r, const struct vrrp_list *list);
void vrrp_router_status(const struct vrrp_router *r, struct vrrp_router_status *ret);
/* Stops first. NULL is fine. */
void vrrp_router_free(struct vrrp_router *r);

#endif
