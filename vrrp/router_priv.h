/* The router's inside, shared by its four files only: router.c (life, actions, timers), router_receive.c
 * (advertisements), router_address.c (the address and its announcement), router_link.c (interface). */
#ifndef VRRP_ROUTER_PRIV_H
#define VRRP_ROUTER_PRIV_H

#include "pki/util.h"
#include "vrrp/arp.h"
#include "vrrp/clock.h"
#include "vrrp/host_priv.h"
#include "vrrp/netlink.h"
#include "vrrp/notice.h"
#include "vrrp/router.h"
#include "vrrp/socket.h"
#include "vrrp/wire.h"

struct vrrp_router {
        struct vrrp_host *host;
        struct {
                uint8_t vrid, priority;
                uint32_t interval_us;
                struct in_addr vip, self, peers[VRRP_MAX_MEMBERS];
                size_t n_peers;
                unsigned valid_lft_s;
                enum vrrp_preempt preempt;
        } p;
        char name[IF_NAMESIZE];
        struct vrrp_router_ops ops;
        void *userdata;
        sd_event *loop;

        struct vrrp_fsm fsm;
        bool standby;
        enum vrrp_class class;
        bool started;
        uint64_t since_us;
        struct in_addr active;

        struct vrrp_interface link; /* as last seen */
        bool usable;                /* running, with a primary address and open sockets */
        int raw, arp;               /* -1: none */
        struct mnl_socket *requests, *events;
        bool look_again;

        uint32_t seq, add_seq, delete_seq; /* of the newest requests */
        bool address_present;
        int add_error;   /* the kernel refused the address: to be acted on after the step */
        bool refused;    /* it did, so we stand back with the lowest priority for a while */
        bool announcing; /* the first announcement of this claim is out */
        size_t announced;

        sd_event_source *raw_io, *arp_io, *requests_io, *events_io;
        sd_event_source *deadline, *refresh, *announce;

        struct vrrp_notices notices;
        struct vrrp_peer peers[VRRP_MAX_MEMBERS];
        size_t n_peers;
        struct vrrp_counters counters;
};

/* router.c */
/* One event through the state machine: actions, timer, then the owner is told. reason NULL: the state
 * machine's own. */
void vrrp_router_feed(struct vrrp_router *r, struct vrrp_event ev, const char *reason);
/* What the class, or a refusal of the kernel, makes of the configured priority. */
uint8_t vrrp_router_priority(const struct vrrp_router *r);
/* First thing of every handler: after a late wake-up the queued advertisements come first. */
void vrrp_router_catch_up(struct vrrp_router *r);
void vrrp_router_notice(struct vrrp_router *r, unsigned kind, struct in_addr who, const char *fmt, ...)
        PRINTF_LIKE(4, 5);
void vrrp_router_arm(sd_event_source *timer, uint64_t at_us); /* VRRP_NEVER: off */

/* router_receive.c */
void vrrp_router_advertise(struct vrrp_router *r, uint8_t priority);
void vrrp_router_drain(struct vrrp_router *r, unsigned bound);

/* router_address.c */
void vrrp_router_claim(struct vrrp_router *r);
void vrrp_router_release(struct vrrp_router *r);
void vrrp_router_announce_again(struct vrrp_router *r);
void vrrp_router_settle(struct vrrp_router *r); /* read acknowledgements */
/* Make the address on the interface what the state wants. */
void vrrp_router_repair(struct vrrp_router *r);
int vrrp_router_on_refresh(sd_event_source *s, uint64_t usec, void *userdata);
int vrrp_router_on_announce(sd_event_source *s, uint64_t usec, void *userdata);
int vrrp_router_on_requests(sd_event_source *s, int fd, uint32_t revents, void *userdata);
int vrrp_router_on_arp(sd_event_source *s, int fd, uint32_t revents, void *userdata);

/* router_link.c */
int vrrp_router_open(struct vrrp_router *r); /* the sockets of r->link.ifindex */
void vrrp_router_close(struct vrrp_router *r);
/* Look at the interface and act on what is different. */
void vrrp_router_look(struct vrrp_router *r);
int vrrp_router_on_events(sd_event_source *s, int fd, uint32_t revents, void *userdata);
int vrrp_router_on_raw(sd_event_source *s, int fd, uint32_t revents, void *userdata);

#endif
