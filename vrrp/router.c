#include "vrrp/router_priv.h"

#include <errno.h>
#include <stdarg.h>

enum { INTERVAL_MIN_US = 10000, INTERVAL_STEP_US = 10000, OWNER = 255 };

void vrrp_router_notice(struct vrrp_router *r, unsigned kind, const struct vrrp_ip *who, const char *fmt,
                        ...) {
        char text[256];
        va_list ap;

        if (!vrrp_notice_due(&r->notices, kind, who, vrrp_now_us()) || !r->ops.notice)
                return;
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        r->ops.notice(r->userdata, text);
}

void vrrp_router_set_state(struct vrrp_router *r, enum vrrp_state to, const char *reason) {
        enum vrrp_state from = r->state;

        if (from == to)
                return;
        r->state = to;
        r->since_us = vrrp_now_us();
        r->active = to == VRRP_ACTIVE ? r->self : (struct vrrp_ip){ 0 };
        r->active_id = to == VRRP_ACTIVE ? r->p.member : 0;
        vrrp_notice_reset(&r->notices);
        if (r->ops.state_changed)
                r->ops.state_changed(r->userdata, from, to, r->why[0] ? r->why : reason ? reason : "");
        r->why[0] = '\0';
}

enum vrrp_class vrrp_router_class(const struct vrrp_router *r) {
        return r->refused || r->standby ? VRRP_FAILED : r->class;
}

struct vrrp_peer *vrrp_router_peer(struct vrrp_router *r, const struct vrrp_ip *address, uint64_t id) {
        struct vrrp_peer *peer = NULL, *oldest = &r->peers[0];

        for (size_t i = 0; i < r->n_peers && !peer; i++) {
                if (id ? r->peers[i].id == id : vrrp_ip_equal(&r->peers[i].address, address))
                        peer = &r->peers[i];
                if (r->peers[i].last_us < oldest->last_us)
                        oldest = &r->peers[i];
        }
        if (!peer)
                peer = r->n_peers < VRRP_MAX_MEMBERS ? &r->peers[r->n_peers++] : oldest;
        peer->address = *address;
        peer->id = id;
        return peer;
}

void vrrp_router_drain(struct vrrp_router *r) {
        if (r->p.sealed)
                vrrp_sealed_drain(r->p.sealed);
        else if (r->port)
                vrrp_port_drain(r->port, VRRP_PORT_ALL);
}

void vrrp_router_schedule(struct vrrp_router *r) {
        uint64_t next = r->election->deadline(r);

        next = r->refresh_us < next ? r->refresh_us : next;
        next = r->announce.due_us < next ? r->announce.due_us : next;
        if (next == r->next_us)
                return;
        r->next_us = next;
        vrrp_host_schedule(r->host, r);
}

void vrrp_router_due(struct vrrp_router *r) {
        if (r->election->deadline(r) <= vrrp_now_us())
                r->election->timer(r);
        if (r->refresh_us <= vrrp_now_us())
                vrrp_router_refresh(r);
        if (r->announce.due_us <= vrrp_now_us())
                vrrp_router_announce_due(r);
        vrrp_router_schedule(r);
}

void vrrp_router_late(struct vrrp_router *r, uint64_t late_us) {
        r->counters.late++;
        if (r == r->host->routers) /* one for all */
                vrrp_router_notice(r, VRRP_NOTICE_LATE, &r->self, "woke up %llu ms late",
                                   (unsigned long long)late_us / 1000);
        r->election->check(r); /* the lease first */
}

void vrrp_router_suspended(struct vrrp_router *r) {
        int k = vrrp_router_release(r);

        vrrp_router_notice(r, VRRP_NOTICE_LATE, &r->self, "the machine was suspended%s",
                           k < 0 ? ", and the address cannot be removed" : "");
}

static bool vips_ok(const struct vrrp_router_params *p) {
        if (p->n_vips == 0 || p->n_vips > VRRP_MAX_VIPS)
                return false;
        for (size_t i = 0; i < p->n_vips; i++)
                if (vrrp_ip_none(&p->vips[i]) ||
                    (p->transport == VRRP_TRANSPORT_IP && p->vips[i].family != p->vips[0].family))
                        return false;
        return true;
}

static bool transport_ok(const struct vrrp_router_params *p) {
        if (p->transport == VRRP_TRANSPORT_SEALED)
                return p->sealed && p->member != 0;
        return p->election == VRRP_ELECTION_PRIORITY && p->n_peers <= VRRP_MAX_MEMBERS && p->version != 1 &&
               p->version <= 3 && (p->version != 2 || p->vips[0].family == AF_INET);
}

static bool parameters_ok(const struct vrrp_router_params *p) {
        return p->vrid != 0 && p->priority != 0 &&
               (p->priority < OWNER || p->election == VRRP_ELECTION_PRIORITY) &&
               (!p->keep || p->election == VRRP_ELECTION_PRIORITY) && p->interval_us >= INTERVAL_MIN_US &&
               p->interval_us <= VRRP_INTERVAL_MAX_US && p->interval_us % INTERVAL_STEP_US == 0 &&
               p->interface && strlen(p->interface) < IF_NAMESIZE && vips_ok(p) && transport_ok(p);
}

static int flush_all(const struct vrrp_router_params *p, unsigned *ret_removed) {
        unsigned removed;
        int k = 0;

        *ret_removed = 0;
        for (size_t i = 0; i < p->n_vips && k >= 0; i++) {
                k = vrrp_address_flush(&p->vips[i], p->interface, &removed);
                *ret_removed += removed;
        }
        return k;
}

static void find_shortest(struct vrrp_host *h) {
        h->shortest_us = VRRP_INTERVAL_MAX_US;
        for (const struct vrrp_router *r = h->routers; r; r = r->next)
                if (r->p.interval_us < h->shortest_us)
                        h->shortest_us = r->p.interval_us;
}

static int enlist(struct vrrp_host *h, struct vrrp_router *r) {
        struct vrrp_router **at = &h->routers;
        int k;

        for (const struct vrrp_router *o = h->routers; o; o = o->next)
                if (o->p.vrid == r->p.vrid && o->link == r->link && o->p.transport == r->p.transport &&
                    o->p.vips[0].family == r->p.vips[0].family)
                        return -EEXIST;
        if ((k = vrrp_host_heap_add(h, r)) < 0)
                return k;
        while (*at)
                at = &(*at)->next;
        *at = r;
        find_shortest(h);
        return 0;
}

static void delist(struct vrrp_host *h, struct vrrp_router *r) {
        struct vrrp_router **at = &h->routers;

        while (*at && *at != r)
                at = &(*at)->next;
        if (!*at)
                return;
        *at = r->next;
        vrrp_host_heap_remove(h, r);
        find_shortest(h);
}

/* The table is there before the address can be. */
static int deny_packets(struct vrrp_router *r) {
        char table[64];

        if (r->p.accept)
                return 0;
        snprintf(table, sizeof table, "triarch_%s_%u_%s%d", r->link->name, r->p.vrid,
                 r->p.transport == VRRP_TRANSPORT_SEALED ? "sealed" : "ip",
                 r->p.vips[0].family == AF_INET6 ? 6 : 4);
        return vrrp_accept_deny(table, r->p.vips, r->p.n_vips, &r->accept);
}

DEFINE_CLEANUP(struct vrrp_router *, vrrp_router_free)

static struct vrrp_router *allocate(struct vrrp_host *h, const struct vrrp_router_params *p,
                                    const struct vrrp_router_ops *ops, void *userdata) {
        struct vrrp_router *r = calloc(1, sizeof *r);

        if (!r)
                return NULL;
        r->host = h;
        r->p = *p;
        r->p.version = p->version ? p->version : 3;
        r->p.valid_lft_s = p->valid_lft_s ? p->valid_lft_s : 2;
        if (p->transport == VRRP_TRANSPORT_IP)
                r->p.sealed = NULL;
        r->ops = *ops;
        r->userdata = userdata;
        r->election = p->election == VRRP_ELECTION_MAJORITY ? &vrrp_election_by_majority
                                                            : &vrrp_election_by_priority;
        r->since_us = vrrp_now_us();
        r->until_us = r->refresh_us = VRRP_NEVER;
        vrrp_announce_stop(&r->announce);
        return r;
}

int vrrp_router_new(struct vrrp_host *h, const struct vrrp_router_params *p,
                    const struct vrrp_router_ops *ops, void *userdata, struct vrrp_router **ret) {
        CLEANUP(vrrp_router_freep) struct vrrp_router *r = NULL;
        unsigned removed = 0;
        int k;

        if (!parameters_ok(p))
                return -EINVAL;
        if (!p->keep && (k = flush_all(p, &removed)) < 0)
                return k;
        if (!(r = allocate(h, p, ops, userdata)))
                return -ENOMEM;
        if ((k = vrrp_link_get(h, p->interface, &r->link)) < 0)
                return k;
        r->p.interface = r->link->name;
        r->carrier = r->link;
        r->link->refs++;
        r->link_up = r->link->now.running;
        if ((k = r->election->init(r)) < 0 || (k = enlist(h, r)) < 0 || (k = deny_packets(r)) < 0)
                return k;
        if (removed > 0)
                vrrp_link_look(r->link); /* what it had is gone */
        if (r->link->now.ifindex == 0)
                return -ENODEV;
        if ((k = vrrp_router_open(r)) < 0)
                return k;
        r->ready = true;
        if (removed > 0)
                vrrp_router_notice(r, VRRP_NOTICE_FOREIGN, &p->vips[0], "removed a stale address from %s",
                                   r->link->name);
        *ret = TAKE_PTR(r);
        return 0;
}

void vrrp_router_start(struct vrrp_router *r) {
        vrrp_host_wake(r->host);
        r->started = true;
        r->election->start(r);
        vrrp_router_schedule(r);
}

void vrrp_router_stop(struct vrrp_router *r) {
        vrrp_host_wake(r->host);
        r->started = false;
        r->election->stop(r, "stopped");
        vrrp_router_release(r); /* whatever became of it */
        vrrp_router_schedule(r);
}

void vrrp_router_set_class(struct vrrp_router *r, enum vrrp_class c, const char *reason) {
        bool fell = c == VRRP_FAILED && r->class != VRRP_FAILED; /* the edge only */

        vrrp_host_wake(r->host);
        r->class = c;
        snprintf(r->why, sizeof r->why, "%s", reason && fell ? reason : "");
        r->election->rank(r, fell, reason);
        r->why[0] = '\0';
        vrrp_router_schedule(r);
}

int vrrp_router_give_up(struct vrrp_router *r, uint64_t succ, const char *reason) {
        int k;

        vrrp_host_wake(r->host);
        if (r->state != VRRP_ACTIVE)
                return -EPERM;
        snprintf(r->why, sizeof r->why, "%s", reason ? reason : "");
        k = r->election->give_up(r, succ, reason);
        r->why[0] = '\0';
        vrrp_router_schedule(r);
        return k;
}

void vrrp_router_standby(struct vrrp_router *r, bool on) {
        vrrp_host_wake(r->host);
        r->standby = on;
        r->election->standby(r);
        vrrp_router_schedule(r);
}

void vrrp_router_list(struct vrrp_router *r, const struct vrrp_list *list) {
        vrrp_host_wake(r->host);
        if (r->p.election == VRRP_ELECTION_MAJORITY)
                vrrp_router_lease_list(r, list);
        vrrp_router_schedule(r);
}

void vrrp_router_status(const struct vrrp_router *r, struct vrrp_router_status *ret) {
        *ret = (struct vrrp_router_status){
                .state = r->state,
                .state_text = vrrp_state_name(r->state),
                .vrid = r->p.vrid,
                .priority_configured = r->p.priority,
                .class = vrrp_router_class(r),
                .transport = r->p.transport,
                .election = r->p.election,
                .interval_us = r->p.interval_us,
                .active_interval_us = r->p.interval_us,
                .link_up = r->link->now.running,
                .standby = r->standby,
                .address_present = vrrp_router_present(r),
                .self = r->self,
                .active = r->active,
                .active_id = r->active_id,
                .n_vips = r->p.n_vips,
                .since_us = r->since_us,
                .n_peers = r->n_peers,
                .guard_us = VRRP_NEVER,
                .counters = r->counters,
        };
        memcpy(ret->vips, r->p.vips, sizeof ret->vips);
        memcpy(ret->peers, r->peers, sizeof ret->peers);
        r->election->status(r, ret);
}

void vrrp_router_free(struct vrrp_router *r) {
        if (!r)
                return;
        if (r->started)
                vrrp_router_stop(r);
        delist(r->host, r);
        vrrp_router_close(r);
        vrrp_guard_slot_free(r->guard);
        vrrp_accept_free(r->accept);
        if (r->carrier && r->carrier != r->link)
                vrrp_vmac_delete(&r->vmac);
        vrrp_link_put(r->carrier);
        vrrp_link_put(r->link);
        free(r->lease);
        free(r);
}
