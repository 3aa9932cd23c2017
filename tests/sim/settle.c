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

static void cut(struct sim *w, unsigned from, unsigned to) {
        if (from != to)
                w->net.cut[from][to] = true;
}

/* What is outside may be dead, cut off, deaf, mute, half connected, connected to one alone, or as the rest.
 */
static void isolate(struct sim *w, unsigned i, const struct quorum *q) {
        enum { DEAD, OFF, DEAF, MUTE, HALF, ONE_FRIEND, AS_THE_REST, KINDS };
        unsigned kind = (unsigned)sim_below(w, KINDS);
        unsigned friend;

        do
                friend = (unsigned)sim_below(w, SIM_NODES);
        while (!q->in[friend]);
        if (kind == ONE_FRIEND)
                sim_host_rank(w, i, VRRP_HEALTHY, 254); /* it would like to have the address */
        for (unsigned k = 0; k < SIM_NODES; k++) {
                bool off = kind == DEAD || kind == OFF || (kind == ONE_FRIEND && k != friend);

                if (off || kind == MUTE || (kind == HALF && sim_chance(w, 500)))
                        cut(w, i, k);
                if (off || kind == DEAF || (kind == HALF && sim_chance(w, 500)))
                        cut(w, k, i);
        }
        if (kind == DEAD)
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
                        isolate(w, i, q);
                        continue;
                }
                if (!h->running)
                        sim_at(w, w->now_us + sim_spread(w, intervals(w, 3)), SIM_BOOT, i, h->life, 0);
                sim_host_link(w, i, true);
                if (!sim_chance(w, 100))
                        sim_host_standby(w, i, false);
        }
}

static bool connected(const struct sim *w, unsigned a, unsigned b) {
        return !w->net.cut[a][b] && !w->net.cut[b][a];
}

static bool half_connected(const struct sim *w, const struct quorum *q, unsigned i) {
        unsigned n = 0;

        for (unsigned k = 0; k < SIM_NODES; k++)
                n += q->in[k] && connected(w, i, k);
        return !q->in[i] && w->host[i].running && n > 0 && n < q->n;
}

/* The list reaches a majority by its own root service; the others hear of it from them. */
static void hand_out(struct sim *w, const struct quorum *q) {
        unsigned left = (unsigned)w->list[w->gen].n / 2 + 1;

        for (unsigned i = 0; i < SIM_NODES && left > 0; i++)
                if (q->in[i]) {
                        left--;
                        if (w->host[i].disk_gen < w->gen && w->host[i].storing == 0 &&
                            w->host[i].waiting < SIM_SOCKET)
                                sim_members_hand(w, i, w->gen);
                }
}

static bool moving(const struct sim *w, unsigned i) {
        const struct sim_host *h = &w->host[i];

        return !h->running || sim_host_frozen(w, i) || h->suspect || h->paused || h->exiting ||
               h->stuck_us > w->now_us || h->busy_us > w->now_us + 200;
}

static bool in_flight(const struct sim *w) {
        for (unsigned a = 0; a < SIM_NODES; a++)
                for (unsigned b = 0; b < SIM_NODES; b++)
                        if (w->arrival_us[a][b] > w->now_us + 1000)
                                return true;
        return false;
}

/* Everybody of the quorum runs, nobody else is about to change, nothing is late, a majority has the newest
 * list. */
static bool is_quiet(const struct sim *w, const struct quorum *q) {
        unsigned newest = 0;

        if (in_flight(w))
                return false;
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

/* As owner(), after an address that is just on its way to a better one has arrived. */
static unsigned owner_soon(struct sim *w) {
        uint64_t until = w->now_us + intervals(w, 2);

        while (!w->stop && w->now_us < until && owner(w) == SIM_NODES)
                sim_run(w, w->now_us + w->base.interval_us / 10);
        return owner(w);
}

/* Two candidates that do not hear one another can split the votes, and both wait for D in vain: whoever is
 * half connected may cost a round. */
static uint64_t limit(const struct sim *w) {
        uint64_t us = 2 * sim_d(w) + w->base.interval_us;

        if (w->half_connected)
                us += sim_d(w) + intervals(w, 2);

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
        unsigned who, now;

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
        now = owner_soon(w);
        if (!w->stop && now != who && (now == SIM_NODES || !better(w, now, who)))
                sim_violation(w, SIM_L, "in quiet the address moves from n%u to n%u", who + 1, now + 1);
}

static bool wait_for_quiet(struct sim *w, const struct quorum *q) {
        uint64_t until = w->now_us + intervals(w, PATIENCE) + SIM_MS(4000);

        while (!w->stop && w->now_us < until && !is_quiet(w, q)) {
                sim_run(w, w->now_us + w->base.interval_us / 2);
                hand_out(w, q);
        }
        return !w->stop && is_quiet(w, q);
}

/* Whether the owner can go: a majority that has the newest list stays, with somebody who may own among them,
 * and nobody outside the quorum might be named. */
static bool replaceable(const struct sim *w, const struct quorum *q, unsigned who) {
        unsigned left = 0, able = 0;

        if (who == SIM_NODES || !q->in[who])
                return false;
        for (unsigned i = 0; i < SIM_NODES; i++) {
                if (w->host[i].running && !q->in[i])
                        return false;
                left += q->in[i] && i != who && w->host[i].lease.p.list.gen == w->gen;
                able += q->in[i] && i != who && eligible(w, i);
        }
        return left >= w->list[w->gen].n / 2 + 1 && able > 0;
}

/* The owner is stopped, and its resignation reaches nobody but the one whom it names: the others must follow
 * that one's claim. */
static void hand_over(struct sim *w, unsigned who) {
        uint64_t until = w->now_us + w->base.interval_us;

        w->count.handovers++;
        w->net.told_alone = true;
        sim_host_stop(w, who, VRRP_NEVER);
        while (!w->stop && w->now_us < until && (owner(w) == SIM_NODES || owner(w) == who))
                sim_run(w, w->now_us + w->base.interval_us / 10);
        if (!w->stop && (owner(w) == SIM_NODES || owner(w) == who))
                sim_violation(w, SIM_L, "n%u resigned, its successor has not got the address within A",
                              who + 1);
}

static void remove_owner(struct sim *w, unsigned who) {
        unsigned now;

        if (!sim_members_shrink(w, who))
                return;
        w->count.owners_removed++;
        for (unsigned i = 0; i < SIM_NODES; i++)
                if (w->host[i].running)
                        sim_members_hand(w, i, w->gen);
        sim_run(w, w->now_us + limit(w) + intervals(w, 1));
        now = owner_soon(w);
        if (!w->stop && (now == SIM_NODES || now == who))
                sim_violation(w, SIM_L, "n%u has been removed, and no member owns", who + 1);
}

static void replace_owner(struct sim *w, const struct quorum *q) {
        unsigned who = owner(w);

        if (!replaceable(w, q, who))
                return;
        if (sim_chance(w, 600))
                hand_over(w, who);
        else
                remove_owner(w, who);
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
        for (unsigned i = 0; i < SIM_NODES; i++)
                w->half_connected |= half_connected(w, &q, i);
        w->quiet = true;
        w->quiet_us = w->now_us;
        w->ownerless_us = owner(w) == SIM_NODES ? w->now_us : VRRP_NEVER;
        sim_run(w, w->now_us + limit(w) + 1);
        if (!w->stop)
                sim_settle_look(w);
        if (!w->stop)
                settle_class(w, &q);
        if (!w->stop)
                replace_owner(w, &q);
}
