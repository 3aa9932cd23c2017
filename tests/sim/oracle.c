/* The claims S1 and S2 of docs/lease.md, looked at in true time after every event. */
#include "tests/sim/sim.h"

#include <stdarg.h>

void sim_tell(struct sim *w, const char *fmt, ...) {
        va_list ap;

        if (!w->story)
                return;
        fprintf(w->story, "[%llu.%03llu] ", (unsigned long long)w->now_us / 1000,
                (unsigned long long)w->now_us % 1000);
        va_start(ap, fmt);
        vfprintf(w->story, fmt, ap);
        va_end(ap);
        fputc('\n', w->story);
}

void sim_violation(struct sim *w, enum sim_claim claim, const char *fmt, ...) {
        static const char *const names[] = { "S1", "S2", "L" };
        char text[200];
        va_list ap;

        w->violations[claim]++;
        w->stop = true;
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        sim_tell(w, "VIOLATION of %s: %s", names[claim], text);
}

/* A clock that stands still, or has stood still unnoticed, is outside of what the lease presumes. */
bool sim_has_lease(const struct sim *w, unsigned i) {
        const struct sim_host *h = &w->host[i];

        return h->running && h->suspended_us == 0 && !h->suspect && !h->paused &&
               h->lease.state != VRRP_LEASE_BACKUP && sim_local(w, i) < h->lease.lease_us;
}

bool sim_owns(const struct sim *w, unsigned i) {
        return w->host[i].address && sim_has_lease(w, i) && w->host[i].lease.state == VRRP_LEASE_ACTIVE;
}

static void look_at_leases(struct sim *w) {
        unsigned first = SIM_NODES;

        for (unsigned i = 0; i < SIM_NODES; i++) {
                if (!sim_has_lease(w, i))
                        continue;
                if (first != SIM_NODES)
                        sim_violation(w, SIM_S1, "n%u and n%u have a lease", first + 1, i + 1);
                first = i;
        }
}

/* Whether the host may have the address without a lease: while it is frozen, right after, and when its agent
 * was killed; never longer than the kernel's lifetime after the lease. */
static bool excused(const struct sim *w, unsigned i) {
        const struct sim_host *h = &w->host[i];
        uint64_t lifetime = SIM_LIFETIME_S * SIM_MS(1000) + SIM_LIFETIME_SLACK_US;

        if (h->suspended_us != 0 || h->suspect || h->paused)
                return true;
        if (h->slept_us == 0 && w->now_us > h->lease_end_us + lifetime)
                return false;
        return !h->running || h->frozen_us > w->now_us ||
               w->now_us <= w->base.removal_us + 1000 +
                                    (h->frozen_us > h->thawed_us ? h->frozen_us : h->thawed_us);
}

static void look_at_addresses(struct sim *w) {
        unsigned leases = 0;

        for (unsigned i = 0; i < SIM_NODES; i++)
                leases += w->host[i].address && sim_has_lease(w, i);
        for (unsigned i = 0; i < SIM_NODES; i++) {
                struct sim_host *h = &w->host[i];

                if (!h->address || (sim_has_lease(w, i) && leases == 1))
                        continue;
                if (leases > 1 || !excused(w, i)) {
                        sim_violation(w, SIM_S2, "n%u has the address, another one too", i + 1);
                        return;
                }
                if (!h->overlapped)
                        w->count.overlaps++;
                h->overlapped = true;
        }
}

void sim_look(struct sim *w) {
        if (w->stop)
                return;
        look_at_leases(w);
        if (w->n_addresses >= 2)
                look_at_addresses(w);
}

void sim_look_announcement(struct sim *w, unsigned i) {
        if (w->host[i].suspended_us != 0 || w->host[i].suspect || w->host[i].paused)
                return;
        if (!sim_has_lease(w, i))
                sim_violation(w, SIM_S2, "n%u announces the address without a lease", i + 1);
}

void sim_look_preemption(struct sim *w, unsigned i, const struct vrrp_lease *before,
                         const struct vrrp_lease_msg *request) {
        const struct vrrp_ballot *a = &request->ballot, *b = &before->ballot;
        const struct vrrp_rank *his = &request->rank, *own = &before->rank;
        bool better = his->class < own->class || (w->base.preempt == VRRP_PREEMPT_ALWAYS &&
                                                  his->class == own->class && his->priority > own->priority);

        if (w->base.preempt == VRRP_PREEMPT_NEVER || !better)
                sim_violation(w, SIM_L, "n%u gives up to one who is not better", i + 1);
        else if (a->num != b->num || a->boot != b->boot || a->count != b->count || a->src != b->src)
                sim_violation(w, SIM_L, "n%u gives up what it won after it was asked", i + 1);
}

void sim_look_paused(struct sim *w, unsigned i, const struct vrrp_lease_msg *heard) {
        struct sim_host *h = &w->host[i];
        bool other = heard && heard->type == VRRP_LEASE_CLAIM && heard->active &&
                     heard->gen == h->lease.p.list.gen && heard->ballot.num > h->lease.ballot.num;

        if (h->lease.state == VRRP_LEASE_LEAVING)
                return;
        /* It has no lease any more, or has heard of another, or has won one since it was paused. */
        if (h->lease.state != VRRP_LEASE_BACKUP && !other &&
            h->lease.lease_us < sim_local_at(h, h->thawed_us) + sim_d(w) - h->lease.e_us)
                return;
        h->paused = false;
        h->thawed_us = w->now_us;
}
