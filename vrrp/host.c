#include "vrrp/router_priv.h"

#include <errno.h>

enum {
        SUSPENDED_US = 50000, /* less is how two clocks are read one after the other */
};

DEFINE_CLEANUP(struct vrrp_host *, vrrp_host_free)

static int subscribe(struct vrrp_host *h) {
        int r;

        if ((r = vrrp_netlink_open(&h->netlink)) < 0 ||
            (r = vrrp_netlink_open_events(&h->netlink, &h->events)) < 0 ||
            (r = sd_event_add_io(h->loop, &h->events_io, mnl_socket_get_fd(h->events), EPOLLIN,
                                 vrrp_link_on_events, h)) < 0 ||
            (r = sd_event_source_set_priority(h->events_io, VRRP_AT_KERNEL)) < 0 ||
            (r = sd_event_add_defer(h->loop, &h->later, vrrp_link_on_later, h)) < 0)
                return r;
        return sd_event_source_set_enabled(h->later, SD_EVENT_OFF);
}

int vrrp_host_new(sd_event *loop, struct vrrp_host **ret) {
        CLEANUP(vrrp_host_freep) struct vrrp_host *h = calloc(1, sizeof *h);
        int r;

        if (!h)
                return -ENOMEM;
        h->loop = sd_event_ref(loop);
        h->suspended_us = vrrp_suspended_us();
        if ((r = subscribe(h)) < 0 || (r = vrrp_host_timer_new(h)) < 0 || (r = vrrp_abort_new(&h->abort)) < 0)
                return r;
        *ret = TAKE_PTR(h);
        return 0;
}

void vrrp_host_free(struct vrrp_host *h) {
        if (!h)
                return;
        for (size_t i = 0; i < h->n_sealed; i++)
                vrrp_sealed_free(h->sealed[i]);
        free(h->sealed);
        vrrp_abort_free(h->abort);
        vrrp_guard_free(h->guard);
        sd_event_source_disable_unref(h->events_io);
        sd_event_source_disable_unref(h->timer);
        sd_event_source_disable_unref(h->later);
        if (h->events)
                mnl_socket_close(h->events);
        vrrp_netlink_close(&h->netlink);
        sd_event_unref(h->loop);
        free(h->heap);
        free(h);
}

int vrrp_host_sealed(struct vrrp_host *h, const struct vrrp_sealed_params *p, struct vrrp_keyring *ring,
                     struct vrrp_sealed **ret) {
        struct vrrp_sealed **more = reallocarray(h->sealed, h->n_sealed + 1, sizeof *more);
        int r;

        if (!more)
                return -ENOMEM;
        h->sealed = more;
        r = vrrp_sealed_new(h->loop, p, ring, vrrp_host_on_io, h, &h->sealed[h->n_sealed]);
        if (r < 0)
                return r;
        *ret = h->sealed[h->n_sealed++];
        return 0;
}

static bool leased(const struct vrrp_host *h, const struct vrrp_sealed *s) {
        for (const struct vrrp_router *r = h->routers; r; r = r->next)
                if (r->p.sealed == s && r->p.election == VRRP_ELECTION_MAJORITY)
                        return true;
        return false;
}

/* What was queued while nobody looked: a lease must not believe it, the RFC's machine needs it. */
static void drain_all(struct vrrp_host *h) {
        for (size_t i = 0; i < h->n_sealed; i++)
                if (leased(h, h->sealed[i]))
                        vrrp_sealed_discard(h->sealed[i]);
                else
                        vrrp_sealed_drain(h->sealed[i]);
        for (struct vrrp_link *l = h->links; l; l = l->next)
                for (size_t i = 0; i < ARRAY_SIZE(l->ports); i++)
                        for (size_t k = 0; k < ARRAY_SIZE(l->ports[i]); k++)
                                if (l->ports[i][k])
                                        vrrp_port_drain(l->ports[i][k], VRRP_PORT_ALL);
}

/* Lease rule 14, in its order. */
static void woke_late(struct vrrp_host *h, uint64_t late_us) {
        for (struct vrrp_router *r = h->routers; r; r = r->next)
                vrrp_router_late(r, late_us);
        drain_all(h);
        vrrp_link_look_all(h, true);
        for (struct vrrp_router *r = h->routers; r; r = r->next)
                r->election->gap(r, late_us);
}

/* Lease rule 1: as restarted. */
static void resumed(struct vrrp_host *h) {
        for (struct vrrp_router *r = h->routers; r; r = r->next)
                vrrp_router_suspended(r);
        for (size_t i = 0; i < h->n_sealed; i++)
                vrrp_sealed_restart(h->sealed[i]);
        vrrp_link_look_all(h, true);
        for (struct vrrp_router *r = h->routers; r; r = r->next)
                r->election->restart(r);
}

/* How much the most belated router is late, if that is more than its interval. */
static uint64_t lateness(const struct vrrp_host *h, uint64_t now_us) {
        uint64_t late = 0;

        /* Most often the earliest of all is not late even for the one with the shortest interval. */
        if (h->n_heap == 0 || h->heap[0]->next_us >= now_us || now_us - h->heap[0]->next_us <= h->shortest_us)
                return 0;
        for (const struct vrrp_router *r = h->routers; r; r = r->next) {
                uint64_t due = r->election->deadline(r);

                if (due < now_us && now_us - due > r->p.interval_us && now_us - due > late)
                        late = now_us - due;
        }
        return late;
}

void vrrp_host_wake(struct vrrp_host *h) {
        int64_t suspended = vrrp_suspended_us(), grown = suspended - h->suspended_us;
        uint64_t late;

        if (h->waking)
                return;
        h->waking = true;
        h->suspended_us = suspended;
        if (grown > SUSPENDED_US || grown < -SUSPENDED_US)
                resumed(h);
        if ((late = lateness(h, vrrp_now_us())) > 0)
                woke_late(h, late);
        h->waking = false;
}

void vrrp_host_on_io(void *userdata) {
        vrrp_host_wake(userdata);
}
