/* Election by priority: the RFC's machine (fsm.h) over either transport. */
#include "vrrp/router_priv.h"

#include <errno.h>

enum { REFUSED_US = 10000000 }; /* how long a refused address is left to others */

static void advertise(struct vrrp_router *r, uint8_t priority) {
        if (r->p.transport == VRRP_TRANSPORT_SEALED)
                vrrp_router_sealed_advertise(r, priority);
        else
                vrrp_router_wire_advertise(r, priority);
}

/* The error of a claim that the kernel refused. */
static int perform(struct vrrp_router *r, const struct vrrp_actions *out) {
        int error = 0;

        for (size_t i = 0; i < out->n; i++)
                switch (out->v[i]) {
                case VRRP_ACT_ADVERTISE:
                        advertise(r, out->prio[i]);
                        break;
                case VRRP_ACT_CLAIM:
                        error = vrrp_router_claim(r);
                        if (error == 0)
                                vrrp_router_announce(r);
                        break;
                case VRRP_ACT_ANNOUNCE:
                        vrrp_router_announce_again(r);
                        break;
                case VRRP_ACT_RELEASE:
                        vrrp_router_release(r);
                        break;
                }
        return error;
}

static uint8_t priority(const struct vrrp_router *r) {
        return vrrp_priority_of_class(r->p.priority, vrrp_router_class(r));
}

/* An Active without the address must not keep others from it, nor preempt them again and again. */
static void refused(struct vrrp_router *r, int error) {
        struct vrrp_event ev = { .type = VRRP_EV_GIVE_UP, .now_us = vrrp_now_us() };
        char text[128];

        snprintf(text, sizeof text, "the kernel refused the address: %s", strerror(-error));
        r->refused = true;
        ev.prio = priority(r);
        vrrp_router_feed(r, ev, text);
        r->refresh_us = ev.now_us + REFUSED_US;
        vrrp_router_schedule(r);
}

void vrrp_router_feed(struct vrrp_router *r, struct vrrp_event ev, const char *reason) {
        struct vrrp_actions out;
        int error;

        vrrp_fsm_step(&r->fsm, &ev, &out);
        error = perform(r, &out);
        vrrp_router_set_state(r, r->fsm.state, reason ? reason : out.reason);
        if (error < 0)
                refused(r, error);
        vrrp_router_schedule(r);
}

static void feed(struct vrrp_router *r, enum vrrp_ev type, const char *reason) {
        struct vrrp_event ev = { .type = type, .now_us = vrrp_now_us(), .prio = priority(r) };

        vrrp_router_feed(r, ev, reason);
}

static int init(struct vrrp_router *r) {
        struct vrrp_fsm_params p = {
                .priority = r->p.priority,
                .version = r->p.version,
                .interval_us = r->p.interval_us,
                .preempt = r->p.preempt,
                .preempt_delay_us = r->p.preempt_delay_us,
        };

        vrrp_fsm_init(&r->fsm, &p);
        return 0;
}

static void start(struct vrrp_router *r) {
        if (!r->usable || r->fsm.state != VRRP_INIT)
                return;
        memcpy(r->fsm.self, r->self.b, sizeof r->fsm.self); /* the tie-break's address */
        feed(r, r->p.keep && vrrp_router_given(r) ? VRRP_EV_RESUME : VRRP_EV_START, NULL);
        r->p.keep = r->p.keep && r->fsm.state == VRRP_ACTIVE;
}

static void stop(struct vrrp_router *r, const char *reason) {
        feed(r, VRRP_EV_STOP, reason);
}

static void link_changed(struct vrrp_router *r, bool usable, const char *reason) {
        if (usable)
                start(r);
        else
                stop(r, reason);
}

static void timer(struct vrrp_router *r) {
        /* One that is queued may have come in time. An Active has nothing to wait for. */
        if (r->fsm.state == VRRP_BACKUP)
                vrrp_router_drain(r);
        if (r->fsm.deadline_us <= vrrp_now_us())
                feed(r, VRRP_EV_DEADLINE, NULL);
}

static void check(struct vrrp_router *r) {
        (void)r; /* nothing runs out that an advertisement in the queue might not extend */
}

static void gap(struct vrrp_router *r, uint64_t late_us) {
        (void)late_us;
        timer(r);
}

static void restart(struct vrrp_router *r) {
        if (r->fsm.state == VRRP_INIT)
                return;
        stop(r, "the machine was suspended");
        start(r);
}

static void rank(struct vrrp_router *r, bool give_up, const char *reason) {
        feed(r, give_up ? VRRP_EV_GIVE_UP : VRRP_EV_PRIORITY, reason);
}

static int give_up(struct vrrp_router *r, uint64_t succ, const char *reason) {
        (void)succ;
        feed(r, VRRP_EV_GIVE_UP, reason);
        return 0;
}

static void standby(struct vrrp_router *r) {
        feed(r, r->standby ? VRRP_EV_GIVE_UP : VRRP_EV_PRIORITY, r->standby ? "on standby" : NULL);
}

static void again(struct vrrp_router *r) {
        if (!r->refused)
                return;
        r->refused = false;
        rank(r, false, NULL);
}

static void status(const struct vrrp_router *r, struct vrrp_router_status *ret) {
        ret->priority = r->fsm.prio;
        ret->active_interval_us = r->fsm.active_interval_us;
}

static uint64_t deadline(const struct vrrp_router *r) {
        return r->fsm.deadline_us;
}

const struct vrrp_election_ops vrrp_election_by_priority = VRRP_ELECTION_OPS;

void vrrp_router_advert(struct vrrp_router *r, const struct vrrp_pdu *pdu, const struct vrrp_ip *src,
                        struct vrrp_peer *peer, uint64_t now_us) {
        struct vrrp_event ev = {
                .type = VRRP_EV_ADVERT,
                .now_us = now_us,
                .prio = pdu->priority,
                .interval_us = pdu->interval_us,
        };

        memcpy(ev.src, src->b, sizeof ev.src);
        r->counters.received++;
        peer->priority = pdu->priority;
        peer->class = vrrp_class_of_priority(r->p.priority, pdu->priority);
        peer->last_us = now_us;
        vrrp_router_feed(r, ev, NULL);
        if (r->fsm.state != VRRP_BACKUP)
                return;
        if (ev.prio > 0) {
                r->active = *src;
                r->active_id = peer->id;
        } else if (vrrp_ip_equal(&r->active, src)) {
                r->active = (struct vrrp_ip){ 0 };
                r->active_id = 0;
        }
}
