/* One schedule: made, and run event by event. */
#include "tests/sim/sim.h"

#include <stddef.h>

uint32_t sim_rules_off;

void sim_init(struct sim *w, const struct sim_setup *s) {
        memset(w, 0, offsetof(struct sim, packet));
        for (unsigned k = 0; k < SIM_PACKETS; k++)
                w->packet[k].used = false;
        w->random = s->seed * 0x2545f4914f6cdd1d + 1;
        w->exact = s->exact;
        w->now_us = SIM_MS(1000);
        w->max_ppm = s->max_ppm;
        w->base = (struct vrrp_lease_params){
                .interval_us = s->interval_us,
                .removal_us = s->removal_us,
                .add_us = s->add_us,
                .preempt = s->preempt,
        };
        w->net.delay_us = 200;
        for (unsigned i = 0; i < s->members; i++)
                sim_host_create(w, i, s->exact ? i + 1 : sim_members_id(w));
        sim_members_first(w, s->members);
}

uint64_t sim_d(const struct sim *w) {
        return 3ULL * w->base.interval_us;
}

/* Sent before the quiet, and only now heard for the first time: the network is not quiet then. */
static bool held_back(const struct sim *w, const struct sim_packet *p) {
        const struct vrrp_session *s = &w->host[p->to].session[p->from];

        return w->quiet && p->again && p->boot == s->peer_boot && p->seq > s->last_seq;
}

static void arrive(struct sim *w, const struct sim_event *e) {
        struct sim_host *h = &w->host[e->node];
        struct sim_item item = { .is_packet = true, .packet = e->arg, .since_us = w->now_us };

        if (!h->running || !h->link || h->suspended_us != 0 || held_back(w, &w->packet[e->arg])) {
                sim_packet_free(w, e->arg);
                return;
        }
        sim_archive(w, &w->packet[e->arg]);
        sim_loop_push(w, e->node, &item);
}

static void answered(struct sim *w, const struct sim_event *e) {
        struct vrrp_lease_event ev = { .type = VRRP_LEASE_EV_ADDED, .error = e->error };

        if (e->what == SIM_ANSWER_REMOVE)
                ev.type = VRRP_LEASE_EV_REMOVED;
        sim_loop_event(w, e->node, ev);
}

/* Events of one incarnation of the process. */
static void dispatch_process(struct sim *w, const struct sim_event *e) {
        if (e->stamp != w->host[e->node].life)
                return;
        switch (e->what) {
        case SIM_ACT:
                sim_loop_act(w, e->node);
                break;
        case SIM_ANSWER_ADD:
        case SIM_ANSWER_REMOVE:
                answered(w, e);
                break;
        case SIM_THAW:
                sim_host_thaw(w, e->node);
                break;
        case SIM_BOOT:
                sim_host_boot(w, e->node);
                break;
        case SIM_FLUSH:
                if (w->host[e->node].address)
                        sim_kernel_ask(w, e->node, SIM_REMOVE);
                break;
        case SIM_STORED:
                sim_members_stored(w, e->node, e->arg);
                break;
        }
}

static void dispatch(struct sim *w, const struct sim_event *e) {
        struct sim_host *h = &w->host[e->node];

        switch (e->what) {
        case SIM_ARRIVE:
                arrive(w, e);
                break;
        case SIM_WAKE:
                if (e->stamp == h->wake)
                        sim_loop_wake(w, e->node);
                break;
        case SIM_GUARD:
                sim_guard_look(w, e);
                break;
        case SIM_KERNEL_ADD:
        case SIM_KERNEL_REMOVE:
        case SIM_KERNEL_REFRESH:
        case SIM_KERNEL_GUARD:
                sim_kernel_done(w, e);
                break;
        case SIM_EXPIRE:
                if (e->stamp == h->lifetime)
                        sim_kernel_expire(w, e->node);
                break;
        case SIM_RESUME:
                if (e->stamp == h->born && h->powered)
                        sim_host_resume(w, e->node);
                break;
        case SIM_TOLD:
                if (e->stamp == h->born)
                        sim_members_hand(w, e->node, e->arg);
                break;
        case SIM_REPLAY:
                sim_replay(w);
                break;
        case SIM_LOOK:
                break;
        default:
                dispatch_process(w, e);
        }
}

void sim_run(struct sim *w, uint64_t until_us) {
        struct sim_event e;

        while (!w->stop && sim_next(w, until_us, &e)) {
                dispatch(w, &e);
                sim_look(w);
                if (w->quiet)
                        sim_settle_look(w);
        }
        if (w->now_us < until_us && !w->stop)
                w->now_us = until_us;
}
