/* Quiet at the end of a schedule, and claim L: with a bidirectional majority on the newest list and quiet for
 * 2 D + A there is one owner; then, after preemption, it is the best reachable class. Old datagrams may be
 * repeated all the while: they do not count. */
#include "tests/sim/sim.h"

enum { PATIENCE = 400 }; /* intervals until everything that stood still must be running again */

struct quorum {
        bool in[SIM_NODES]; /* mutually connected members */
        unsigned n;
};

static uint64_t intervals(const struct sim *w, uint64_t n) {
        return n * w->base.interval_us;
}

/* All members, or a random majority of them. */
static struct quorum choose(struct sim *w) {
        const struct vrrp_list *list = &w->list[w->gen];
        bool all = sim_chance(w, 500);
        struct quorum q = { 0 };

        while (q.n < list->n / 2 + 1)
                for (unsigned i = 0; i < SIM_NODES; i++)
                        if (w->host[i].exists && !q.in[i] && sim_listed(w, w->gen, i) &&
                            (all || sim_chance(w, 400))) {
                                q.in[i] = true;
                                q.n++;
                        }
        return q;
}

/* What is outside may be dead, cut off, deaf, mute or half connected. */
static void isolate(struct sim *w, unsigned i) {
        uint64_t kind = sim_below(w, 6);

        for (unsigned k = 0; k < SIM_NODES; k++) {
                if (kind <= 1 || (kind == 2 && sim_chance(w, 500)))
                        w->net.cut[i][k] = true;
                if (kind <= 1 || kind == 3 || (kind == 2 && sim_chance(w, 500)))
                        w->net.cut[k][i] = true;
                if (kind == 4)
                        w->net.cut[i][k] = true;
        }
        if (kind == 0)
                sim_host_power_loss(w, i, VRRP_NEVER);
        if (!w->host[i].running)
                w->host[i].life++; /* does not come back */
}

static void calm(struct sim *w) {
        bool replaying = w->net.replaying;

        memset(&w->net, 0, sizeof w->net);
        memset(&w->trouble, 0, sizeof w->trouble);
        w->net.delay_us = (uint32_t)sim_between(w, 30, 300);
        w->net.replaying = replaying;
        for (unsigned i = 0; i < SIM_NODES; i++)
                w->host[i].failing_adds = 0;
}

static bool eligible(const struct sim *w, unsigned i) {
        const struct sim_host *h = &w->host[i];

        return h->exists && h->running && !h->witness && !h->standby && h->link && !h->exiting &&
               h->lease.p.list.gen == w->gen && sim_listed(w, w->gen, i);
}

static void wake_up(struct sim *w, const struct quorum *q) {
        for (unsigned i = 0; i < SIM_NODES; i++) {
                struct sim_host *h = &w->host[i];

                if (!h->exists)
                        continue;
                h->back_us = w->now_us;
                if (!q->in[i]) {
                        h->back_us = VRRP_NEVER;
                        isolate(w, i);
                        continue;
                }
                if (!h->running)
                        sim_at(w, w->now_us + sim_spread(w, intervals(w, 3)), SIM_BOOT, i, h->life, 0);
                sim_host_link(w, i, true);
                if (!sim_chance(w, 100))
                        sim_host_standby(w, i, false);
        }
}

/* The list reaches a majority by its own root service; the others hear of it from them. */
static void hand_out(struct sim *w, const struct quorum *q) {
        unsigned left = (unsigned)w->list[w->gen].n / 2 + 1;

        for (unsigned i = 0; i < SIM_NODES && left > 0; i++)
                if (q->in[i]) {
                        left--;
                        if (w->host[i].disk_gen < w->gen)
                                sim_members_hand(w, i, w->gen);
                }
}

static bool moving(const struct sim *w, unsigned i) {
        const struct sim_host *h = &w->host[i];

        return !h->running || sim_host_frozen(w, i) || h->suspect || h->exiting || h->stuck_us > w->now_us ||
               h->busy_us > w->now_us + 200;
}

/* Everybody of the quorum runs, nobody else is about to change, a majority has the newest list. */
static bool is_quiet(const struct sim *w, const struct quorum *q) {
        unsigned newest = 0;

        for (unsigned i = 0; i < SIM_NODES; i++) {
                if (!w->host[i].exists || (!q->in[i] && !w->host[i].running))
                        continue;
                if (moving(w, i))
                        return false;
                newest += q->in[i] && w->host[i].lease.p.list.gen == w->gen;
        }
        return newest >= w->list[w->gen].n / 2 + 1;
}

static unsigned owner(const struct sim *w) {
        for (unsigned i = 0; i < SIM_NODES; i++)
                if (sim_owns(w, i))
                        return i;
        return SIM_NODES;
}

static uint64_t limit(const struct sim *w) {
        uint64_t us = 2 * sim_d(w) + w->base.interval_us;

        return us + us * (uint64_t)w->max_ppm / 1000000;
}

void sim_settle_look(struct sim *w) {
        uint64_t now = w->now_us;

        if (owner(w) != SIM_NODES) {
                if (w->ownerless_us != VRRP_NEVER && now - w->ownerless_us > w->longest_us)
                        w->longest_us = now - w->ownerless_us;
                w->ownerless_us = VRRP_NEVER;
        } else if (w->ownerless_us == VRRP_NEVER) {
                w->ownerless_us = now;
        }
        if (!w->stop && w->ownerless_us != VRRP_NEVER && now - w->ownerless_us > limit(w))
                sim_violation(w, SIM_L, "no owner for %llu us of quiet",
                              (unsigned long long)(now - w->ownerless_us));
}

static bool connected(const struct sim *w, unsigned a, unsigned b) {
        return !w->net.cut[a][b] && !w->net.cut[b][a];
}

static bool better(const struct sim *w, unsigned a, unsigned b) {
        const struct sim_host *x = &w->host[a], *y = &w->host[b];

        if (w->base.preempt == VRRP_PREEMPT_NEVER)
                return false;
        if (x->class != y->class)
                return x->class < y->class;
        return w->base.preempt == VRRP_PREEMPT_ALWAYS && x->priority > y->priority;
}

/* Somebody whom the owner and a majority can hear should have it instead; SIM_NODES: nobody. */
static unsigned rightful(const struct sim *w, const struct quorum *q) {
        unsigned now = owner(w);

        for (unsigned i = 0; i < SIM_NODES && now != SIM_NODES; i++)
                if (q->in[i] && i != now && eligible(w, i) && connected(w, i, now) && better(w, i, now))
                        return i;
        return SIM_NODES;
}

/* Steps by one class, or by one rank, at worst; each takes 5 A, the delay, and a handful of messages. */
static void settle_class(struct sim *w, const struct quorum *q) {
        unsigned steps = w->base.preempt == VRRP_PREEMPT_ALWAYS ? q->n + 1 : 3;
        uint64_t until = w->now_us + steps * (intervals(w, 8) + w->base.preempt_delay_us);
        unsigned who;

        w->count.settled_class += rightful(w, q) != SIM_NODES;
        while (!w->stop && w->now_us < until && (owner(w) == SIM_NODES || rightful(w, q) != SIM_NODES))
                sim_run(w, w->now_us + w->base.interval_us);
        if (w->stop)
                return;
        if (rightful(w, q) != SIM_NODES || owner(w) == SIM_NODES) {
                sim_violation(w, SIM_L, "n%u should have the address, not n%u", rightful(w, q) + 1,
                              owner(w) + 1);
                return;
        }
        who = owner(w);
        sim_run(w, w->now_us + intervals(w, 4));
        if (!w->stop && owner(w) == SIM_NODES) /* on its way to a better one outside the quorum? */
                sim_run(w, w->now_us + intervals(w, 2));
        if (!w->stop && owner(w) != who && (owner(w) == SIM_NODES || !better(w, owner(w), who)))
                sim_violation(w, SIM_L, "in quiet the address moves from n%u to n%u", who + 1, owner(w) + 1);
}

static bool wait_for_quiet(struct sim *w, const struct quorum *q) {
        uint64_t until = w->now_us + intervals(w, PATIENCE) + SIM_MS(4000);

        while (!w->stop && w->now_us < until && !is_quiet(w, q)) {
                sim_run(w, w->now_us + w->base.interval_us / 2);
                hand_out(w, q);
        }
        return !w->stop && is_quiet(w, q);
}

void sim_settle(struct sim *w) {
        struct quorum q = choose(w);
        bool any = false;

        sim_heal(w);
        calm(w);
        wake_up(w, &q);
        if (!wait_for_quiet(w, &q)) {
                if (!w->stop)
                        sim_violation(w, SIM_L, "no majority stores list %u", w->gen);
                return;
        }
        for (unsigned i = 0; i < SIM_NODES; i++)
                any |= q.in[i] && eligible(w, i);
        if (!any)
                return;
        w->count.settled++;
        sim_tell(w, "quiet from here on");
        for (unsigned n = 0; w->net.replaying && n < 120; n++)
                sim_at(w, w->now_us + sim_below(w, intervals(w, 20)), SIM_REPLAY, 0, 0, 0);
        w->quiet = true;
        w->quiet_us = w->now_us;
        w->ownerless_us = owner(w) == SIM_NODES ? w->now_us : VRRP_NEVER;
        sim_run(w, w->now_us + limit(w) + 1);
        if (!w->stop)
                sim_settle_look(w);
        if (!w->stop)
                settle_class(w, &q);
}
