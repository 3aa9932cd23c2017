/* The kernel of a machine, as far as the address goes: requests are carried out one after the other (the
 * lock of rtnetlink), each a while after it was made, and answered later still; a lifetime; and the guard
 * thread of the agent (lease rule 13). */
#include "tests/sim/sim.h"

#include <errno.h>

/* Everything up to the end of a removal takes at most R, as docs/lease.md presumes: the guard a sixteenth,
 * what is before it in the kernel a quarter, the removal itself a half. Answers may take longer. */
static uint64_t execution_us(struct sim *w, enum sim_kernel what) {
        uint64_t r = w->base.removal_us, most = what == SIM_ADD || what == SIM_REFRESH ? r / 4 : r / 2;

        if (w->trouble.slow_kernel == 0)
                return what == SIM_ADD ? 60 : 40;
        return sim_chance(w, w->trouble.slow_kernel) ? sim_between(w, most / 2, most)
                                                     : sim_between(w, 20, 200);
}

void sim_kernel_ask(struct sim *w, unsigned i, enum sim_kernel what) {
        static const uint8_t event[] = { SIM_KERNEL_ADD, SIM_KERNEL_REMOVE, SIM_KERNEL_REFRESH,
                                         SIM_KERNEL_GUARD };
        struct sim_host *h = &w->host[i];
        uint64_t at = (h->kernel_us > w->now_us ? h->kernel_us : w->now_us) + execution_us(w, what);
        int error = 0;

        if (what == SIM_ADD && h->failing_adds > 0) {
                h->failing_adds--;
                w->count.add_errors++;
                error = -ENOBUFS;
        }
        h->kernel_us = at;
        sim_at_error(w, at, event[what], i, h->life, error);
}

static void set_address(struct sim *w, unsigned i, bool there, const char *why) {
        struct sim_host *h = &w->host[i];

        if (h->address == there)
                return;
        h->address = there;
        w->n_addresses += there ? 1 : -1U;
        h->overlapped = false;
        sim_tell(w, "n%u address %s%s", i + 1, there ? "on" : "off", why);
}

/* Added or refreshed: both make it be there for another lifetime. */
static void live(struct sim *w, unsigned i) {
        struct sim_host *h = &w->host[i];

        set_address(w, i, true, "");
        h->expires_us = w->now_us + SIM_LIFETIME_S * SIM_MS(1000) + sim_below(w, SIM_LIFETIME_SLACK_US);
        sim_at(w, h->expires_us, SIM_EXPIRE, i, ++h->lifetime, 0);
}

static uint64_t answer_us(struct sim *w) {
        if (!sim_chance(w, w->trouble.slow_kernel))
                return 15;
        w->count.slow_kernels++;
        return sim_spread(w, 2 * w->base.removal_us);
}

static void answer(struct sim *w, unsigned i, enum sim_what what, const struct sim_event *e) {
        if (w->host[i].life == e->stamp)
                sim_at_error(w, w->now_us + answer_us(w), what, i, e->stamp, e->error);
}

void sim_kernel_done(struct sim *w, const struct sim_event *e) {
        unsigned i = e->node;
        struct sim_host *h = &w->host[i];

        if (!h->powered || e->stamp < h->born)
                return;
        if (h->suspended_us != 0) {
                sim_at_error(w, h->suspended_us, (enum sim_what)e->what, i, e->stamp, e->error);
                return;
        }
        switch (e->what) {
        case SIM_KERNEL_ADD:
                if (e->error == 0) {
                        w->count.adds++;
                        live(w, i);
                }
                answer(w, i, SIM_ANSWER_ADD, e);
                break;
        case SIM_KERNEL_REFRESH:
                if (h->address || sim_rule(SIM_RULE_REFRESH_ADDS))
                        live(w, i);
                break;
        case SIM_KERNEL_REMOVE:
                w->count.removes++;
                set_address(w, i, false, "");
                answer(w, i, SIM_ANSWER_REMOVE, e);
                break;
        default:
                if (h->address)
                        w->count.guard++;
                set_address(w, i, false, " (guard)");
        }
}

/* The kernel's clock stands still with the machine. */
void sim_kernel_slept(struct sim *w, unsigned i, uint64_t us) {
        struct sim_host *h = &w->host[i];

        if (h->address)
                sim_at(w, h->expires_us += us, SIM_EXPIRE, i, ++h->lifetime, 0);
}

void sim_kernel_expire(struct sim *w, unsigned i) {
        if (w->host[i].suspended_us != 0)
                return; /* asked again when it resumes */
        if (w->host[i].address)
                w->count.expired++;
        set_address(w, i, false, " (lifetime)");
}

void sim_kernel_drop(struct sim *w, unsigned i) {
        set_address(w, i, false, "");
}

/* A thread of its own: late by the scheduler only, but stopped with the process. */
static void guard_arm(struct sim *w, unsigned i) {
        struct sim_host *h = &w->host[i];
        uint64_t at = sim_true(h, h->guard_us), from = w->now_us;

        if (h->guard_us == VRRP_NEVER || !h->running)
                return;
        if (h->frozen_us > from)
                from = h->frozen_us;
        if (h->suspended_us != 0)
                return; /* armed again when it resumes */
        if (at < from)
                at = from;
        sim_at(w, at + (w->exact ? 0 : sim_below(w, w->base.removal_us / 16)), SIM_GUARD, i, ++h->guard_wake,
               0);
}

void sim_guard_set(struct sim *w, unsigned i, uint64_t until_us) {
        struct sim_host *h = &w->host[i];

        if (until_us == h->guard_us || !sim_rule(SIM_RULE_GUARD))
                return;
        h->guard_us = until_us;
        h->guard_wake++;
        guard_arm(w, i);
}

void sim_guard_look(struct sim *w, const struct sim_event *e) {
        struct sim_host *h = &w->host[e->node];

        if (e->stamp != h->guard_wake || !h->running || h->guard_us == VRRP_NEVER)
                return;
        if (sim_host_frozen(w, e->node) || sim_local(w, e->node) < h->guard_us) {
                guard_arm(w, e->node);
                return;
        }
        h->guard_us = VRRP_NEVER;
        sim_kernel_ask(w, e->node, SIM_GUARD_REMOVE);
}
