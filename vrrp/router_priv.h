/* The router's inside, shared by its files only: router.c (life), router_fsm.c and router_lease.c (the
 * elections), router_wire.c and router_sealed.c (the transports), router_address.c (the addresses),
 * router_announce.c (their announcement), router_link.c (the interface); and the host's, see host_priv.h. */
#ifndef VRRP_ROUTER_PRIV_H
#define VRRP_ROUTER_PRIV_H

#include "pki/util.h"
#include "vrrp/accept.h"
#include "vrrp/announce.h"
#include "vrrp/clock.h"
#include "vrrp/host_priv.h"
#include "vrrp/neighbour.h"
#include "vrrp/netlink.h"
#include "vrrp/notice.h"
#include "vrrp/port.h"
#include "vrrp/router.h"
#include "vrrp/sockdestroy.h"
#include "vrrp/vmac.h"
#include "vrrp/wire.h"

/* What an election does for a router. Each may change what the router has and does; none fails. */
struct vrrp_election_ops {
        int (*init)(struct vrrp_router *r); /* 0 or negative errno */
        void (*start)(struct vrrp_router *r);
        void (*stop)(struct vrrp_router *r, const char *reason);
        void (*link)(struct vrrp_router *r, bool usable, const char *reason); /* once started */
        void (*timer)(struct vrrp_router *r);                 /* at its deadline, or any time */
        void (*check)(struct vrrp_router *r);                 /* has something run out? Reads nothing */
        void (*gap)(struct vrrp_router *r, uint64_t late_us); /* woke up late, what was queued is read */
        void (*restart)(struct vrrp_router *r);               /* resumed from a suspend, addresses are gone */
        void (*rank)(struct vrrp_router *r, bool give_up, const char *reason); /* class, refused or standby */
        int (*give_up)(struct vrrp_router *r, uint64_t succ, const char *reason);
        void (*standby)(struct vrrp_router *r);
        void (*refused)(struct vrrp_router *r,
                        int error);           /* the kernel refused an address, outside of a claim */
        void (*again)(struct vrrp_router *r); /* what the kernel refused is tried again */
        void (*status)(const struct vrrp_router *r, struct vrrp_router_status *ret);
        uint64_t (*deadline)(const struct vrrp_router *r);
};
/* Each election has static functions of these names; link() is the C library's. */
#define VRRP_ELECTION_OPS                                                                                    \
        {                                                                                                    \
                .init = init, .start = start, .stop = stop, .link = link_changed, .timer = timer,            \
                .check = check, .gap = gap, .restart = restart, .rank = rank, .give_up = give_up,            \
                .standby = standby, .refused = refused, .again = again, .status = status,                    \
                .deadline = deadline,                                                                        \
        }
extern const struct vrrp_election_ops vrrp_election_by_priority, vrrp_election_by_majority;

struct vrrp_router {
        struct vrrp_router *next; /* of the host's */
        struct vrrp_host *host;
        struct vrrp_router_params p; /* p.interface points at the link's name */
        struct vrrp_router_ops ops;
        void *userdata;

        const struct vrrp_election_ops *election;
        struct vrrp_fsm fsm;      /* priority */
        struct vrrp_lease *lease; /* majority; owned */
        struct vrrp_guard_slot *guard;
        struct vrrp_accept *accept; /* Accept_Mode false; NULL: true */

        enum vrrp_class class;
        bool started, standby;
        enum vrrp_state state; /* as the owner was told */
        uint64_t since_us;
        const char *stood_for; /* majority: why it stood, static text */
        char why[128];         /* the owner's own reason for the next change of state, "" */
        struct vrrp_ip active;
        uint64_t active_id;

        struct vrrp_link *link;    /* of p.interface */
        struct vrrp_link *carrier; /* has the addresses: link, or the virtual MAC's */
        struct vrrp_vmac vmac;
        struct vrrp_ip self;          /* own address, none: there is none */
        bool ready, open;             /* made; has its sockets */
        bool usable;                  /* open, link running, with an own address */
        uint8_t mac[6];               /* as announced */
        bool link_up;                 /* as the owner was told */
        struct vrrp_port *port, *out; /* ip: of link; of what is sent through. NULL: not open */

        bool owns;         /* the election wants the addresses on the interface */
        uint64_t until_us; /* they may be added and announced before then (lease rules 13 and 15) */
        int add_error;     /* majority: of a claim just refused, to be acted on */
        bool refused;      /* the kernel refused an address, so we stand back for a while */
        struct vrrp_announce announce; /* on: the first announcement of this claim is out */
        uint64_t refresh_us;           /* VRRP_NEVER: off */

        uint64_t next_us; /* the host's heap */
        size_t heap_at;

        struct vrrp_notices notices;
        struct vrrp_peer peers[VRRP_MAX_MEMBERS];
        size_t n_peers;
        struct vrrp_counters counters;
};

/* router.c */
/* Tells the owner, if it is a change. */
void vrrp_router_set_state(struct vrrp_router *r, enum vrrp_state to, const char *reason);
/* Failed also where the kernel refused an address or the operator wants no active here. */
enum vrrp_class vrrp_router_class(const struct vrrp_router *r);
void vrrp_router_notice(struct vrrp_router *r, unsigned kind, const struct vrrp_ip *who, const char *fmt, ...)
        PRINTF_LIKE(4, 5);
void vrrp_router_due(struct vrrp_router *r);      /* the host's timer: next_us was reached */
void vrrp_router_schedule(struct vrrp_router *r); /* a deadline of the router changed */
void vrrp_router_late(struct vrrp_router *r, uint64_t late_us);
void vrrp_router_suspended(struct vrrp_router *r);
/* The entry of whoever was heard, made when there is none. id 0: by address. */
struct vrrp_peer *vrrp_router_peer(struct vrrp_router *r, const struct vrrp_ip *address, uint64_t id);

/* router_fsm.c */
void vrrp_router_feed(struct vrrp_router *r, struct vrrp_event ev, const char *reason);
/* An advertisement that passed every check. */
void vrrp_router_advert(struct vrrp_router *r, const struct vrrp_pdu *pdu, const struct vrrp_ip *src,
                        struct vrrp_peer *peer, uint64_t now_us);

/* router_lease.c */
void vrrp_router_lease_list(struct vrrp_router *r, const struct vrrp_list *list);
void vrrp_router_lease_message(struct vrrp_router *r, const struct vrrp_lease_msg *m, uint64_t now_us);

/* router_wire.c, router_sealed.c: 0 or negative errno */
int vrrp_router_wire_open(struct vrrp_router *r);
void vrrp_router_wire_close(struct vrrp_router *r);
void vrrp_router_wire_advertise(struct vrrp_router *r, uint8_t priority);
int vrrp_router_sealed_members(struct vrrp_router *r); /* sockets for those that have none */
int vrrp_router_sealed_open(struct vrrp_router *r);
void vrrp_router_sealed_close(struct vrrp_router *r);
void vrrp_router_sealed_advertise(struct vrrp_router *r, uint8_t priority);
void vrrp_router_sealed_lease(struct vrrp_router *r, uint64_t dst, const struct vrrp_lease_msg *m);
/* What is queued now, before a deadline is acted on: it may have come in time. */
void vrrp_router_drain(struct vrrp_router *r);

/* router_address.c */
/* All addresses onto the interface: 0, or the first refusal as negative errno (-ETIME: until_us has passed).
 */
int vrrp_router_claim(struct vrrp_router *r);
/* All of them off, whatever their prefix: 0, or negative errno when the kernel would not. */
int vrrp_router_release(struct vrrp_router *r);
bool vrrp_router_present(const struct vrrp_router *r);     /* all of them are there */
bool vrrp_router_any_present(const struct vrrp_router *r); /* some are */
bool vrrp_router_given(const struct vrrp_router *r);       /* all are, of whatever prefix length */
void vrrp_router_repair(struct vrrp_router *r); /* make what is on the interface what the election wants */
void vrrp_router_refresh(struct vrrp_router *r);

/* router_announce.c */
void vrrp_router_announce(struct vrrp_router *r);       /* from the start: the addresses have come */
void vrrp_router_announce_again(struct vrrp_router *r); /* neighbours may have learned another owner */
void vrrp_router_announce_due(struct vrrp_router *r);
void vrrp_router_silence(struct vrrp_router *r);
void vrrp_router_neighbour(struct vrrp_router *r, const struct vrrp_neighbour *heard);

/* router_link.c */
int vrrp_router_open(struct vrrp_router *r); /* the sockets of r->link */
void vrrp_router_close(struct vrrp_router *r);
bool vrrp_router_leave_if_unusable(struct vrrp_router *r, const struct vrrp_interface *now);
/* The link was looked at (error 0), it is r->link or r->carrier. */
void vrrp_router_looked(struct vrrp_router *r, struct vrrp_link *l, int error);
/* Own address among these, none when there is none. */
struct vrrp_ip vrrp_router_self(const struct vrrp_router *r, const struct vrrp_interface *i);

#endif
