/* The host's inside, for the routers: host.c (life, lateness), host_timer.c (the one timer), link.c
 * (interfaces and their sockets). */
#ifndef VRRP_HOST_PRIV_H
#define VRRP_HOST_PRIV_H

#include "vrrp/guard.h"
#include "vrrp/host.h"
#include "vrrp/netlink.h"
#include "vrrp/port.h"

struct vrrp_router;

/* Order within one turn of the loop. */
enum {
        VRRP_AT_ELECTION = SD_EVENT_PRIORITY_IMPORTANT,     /* timer, advertisements */
        VRRP_AT_KERNEL = SD_EVENT_PRIORITY_IMPORTANT + 1,   /* links and addresses */
        VRRP_AT_NEIGHBOUR = SD_EVENT_PRIORITY_IMPORTANT + 2 /* foreign claims */
};
enum { VRRP_IPV4, VRRP_IPV6, VRRP_FAMILIES };
static inline unsigned vrrp_family(const struct vrrp_ip *a) {
        return a->family == AF_INET6 ? VRRP_IPV6 : VRRP_IPV4;
}

/* An interface by name, shared by all that run on it; it may come, go and be replaced. */
struct vrrp_link {
        struct vrrp_link *next;
        struct vrrp_host *host;
        unsigned refs;
        char name[IF_NAMESIZE];
        struct vrrp_interface now;  /* as last seen, and as changed by ourselves since */
        struct vrrp_interface then; /* what a look finds, until it is acted on */
        bool look_again, filters_due;
        bool forwards; /* IPv6: the Router flag of what is announced */
        struct {
                int fd; /* -1: none */
                sd_event_source *io;
        } neighbours[VRRP_FAMILIES];
        struct vrrp_port *ports[VRRP_FAMILIES][2]; /* unicast, multicast */
};

struct vrrp_host {
        sd_event *loop;
        struct vrrp_netlink netlink;
        struct mnl_socket *events;
        sd_event_source *events_io, *timer, *later;
        uint64_t armed_us; /* VRRP_NEVER: the timer is off */
        struct vrrp_link *links;
        unsigned walking;            /* along links: none is freed */
        struct vrrp_router *routers; /* chained by next */
        struct vrrp_router **heap;   /* by next_us, the earliest first */
        size_t n_heap, heap_size;
        uint32_t shortest_us; /* interval of all routers */
        struct vrrp_sealed **sealed;
        size_t n_sealed;
        struct vrrp_guard *guard; /* once a router with a lease was there */
        struct vrrp_abort *abort; /* connections of lost addresses */
        bool abort_told;
        int64_t suspended_us;
        bool waking;
};

/* host.c: first thing of every handler. Resumed from a suspend (lease rule 1), or woken late (rule 14): sees
 * to it before anything is read. */
void vrrp_host_wake(struct vrrp_host *h);
void vrrp_host_on_io(void *userdata); /* the same, for transports */

/* host_timer.c: r->next_us changed. */
void vrrp_host_schedule(struct vrrp_host *h, struct vrrp_router *r);
int vrrp_host_heap_add(struct vrrp_host *h, struct vrrp_router *r); /* -ENOMEM */
void vrrp_host_heap_remove(struct vrrp_host *h, struct vrrp_router *r);
int vrrp_host_timer_new(struct vrrp_host *h);

/* link.c */
/* Found or made, and looked at; what is not there has now.ifindex 0. */
int vrrp_link_get(struct vrrp_host *h, const char *name, struct vrrp_link **ret);
void vrrp_link_put(struct vrrp_link *l); /* NULL is fine */
/* Look at the interface; its routers act on what is different. */
void vrrp_link_look(struct vrrp_link *l);
void vrrp_link_look_all(struct vrrp_host *h, bool all); /* else where an event gave cause */
int vrrp_link_on_events(sd_event_source *s, int fd, uint32_t revents, void *userdata);
/* The raw socket for protocol 112, opened when it is not there. */
int vrrp_link_port(struct vrrp_link *l, uint8_t family, bool multicast, struct vrrp_port **ret);
/* Sockets to announce these addresses and to hear others claim them. The filter comes with the next turn of
 * the loop, for it is one for the addresses of all routers. 0 or negative errno. */
int vrrp_link_watch(struct vrrp_link *l, const struct vrrp_ip *vips, size_t n);
int vrrp_link_on_later(sd_event_source *s, void *userdata);
/* By the kernel's answer, kept in l->now. 0 or negative errno. */
int vrrp_link_add(struct vrrp_link *l, const struct vrrp_ip *a, uint32_t valid_s);
int vrrp_link_delete(struct vrrp_link *l, const struct vrrp_ip *a, uint8_t prefix);

#endif
