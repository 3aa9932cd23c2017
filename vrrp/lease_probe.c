/* Asking before acting: could I win (lease rule 5), would a majority follow me instead of the Active (8). */
#include "vrrp/lease_priv.h"

enum { BETTER_INTERVALS = 5 };

bool vrrp_lease_outranks(enum vrrp_preempt policy, const struct vrrp_rank *ours,
                         const struct vrrp_rank *active) {
        if (policy == VRRP_PREEMPT_NEVER)
                return false;
        if (ours->class != active->class)
                return ours->class < active->class;
        return policy == VRRP_PREEMPT_ALWAYS && ours->priority > active->priority;
}

void vrrp_lease_compare_active(struct vrrp_lease *l, uint64_t now) {
        if (!l->active_id || !vrrp_lease_outranks(l->p.preempt, &l->rank, &l->active_rank))
                l->better_since_us = VRRP_NEVER;
        else if (l->better_since_us == VRRP_NEVER)
                l->better_since_us = now;
}

void vrrp_lease_note_active(struct vrrp_lease *l, const struct vrrp_lease_msg *m, uint64_t now) {
        if (l->active_id != m->src || !vrrp_lease_ballot_equal(&l->active_ballot, &m->ballot))
                l->better_since_us = VRRP_NEVER; /* better than this one: from now on */
        l->active_id = m->src;
        l->active_us = now;
        l->active_ballot = m->ballot;
        l->active_rank = m->rank;
        vrrp_lease_compare_active(l, now);
}

void vrrp_lease_forget_active(struct vrrp_lease *l) {
        l->active_id = 0;
        l->better_since_us = VRRP_NEVER;
}

static uint64_t later(uint64_t a, uint64_t b) {
        return a > b ? a : b;
}

/* Lease rule 5: from when we may ask. */
static uint64_t stand_at(const struct vrrp_lease *l) {
        uint64_t at = LEASE_RULE(SILENT) ? later(l->down_us, l->silent_us) : l->down_us;

        return LEASE_RULE(PROMISED_WAITS) && l->promise.src ? later(at, l->promise.until_us) : at;
}

/* Lease rule 8: from when we may ask. */
static uint64_t preempt_at(const struct vrrp_lease *l) {
        if (l->better_since_us == VRRP_NEVER)
                return VRRP_NEVER;
        return later(l->better_since_us + BETTER_INTERVALS * (uint64_t)l->p.interval_us +
                             l->p.preempt_delay_us,
                     l->silent_us);
}

static void ask_active(struct vrrp_lease *l, uint64_t now, struct vrrp_lease_actions *out) {
        vrrp_lease_send(l, l->active_id, VRRP_LEASE_PREEMPT, out)->ballot = l->active_ballot;
        l->counters.preempts++;
        l->probe_first = l->probe + 1; /* one request per majority */
        l->next_probe_us = now + l->p.interval_us;
}

/* Our own answer, which is what another's would be. */
static bool own_yes(const struct vrrp_lease *l, bool preempt, uint64_t now) {
        return !preempt || !vrrp_lease_promised_beside(l, &l->active_ballot, now);
}

static void probe(struct vrrp_lease *l, bool preempt, uint64_t now, struct vrrp_lease_actions *out) {
        struct vrrp_lease_msg *m;

        if (preempt != l->probe_preempt || !l->probe)
                l->probe_first = l->probe + 1; /* answers to the other question do not count */
        l->probe_preempt = preempt;
        l->next_probe_us = now + l->p.interval_us / 2;
        m = vrrp_lease_send(l, 0, VRRP_LEASE_PROBE, out);
        m->k = ++l->probe;
        m->preempt = preempt;
        if (preempt)
                m->ballot = l->active_ballot;
        if (own_yes(l, preempt, now))
                vrrp_lease_peer(l, l->p.self)->probe = l->probe;
        l->counters.probes++;
        if (preempt && !LEASE_RULE(PREEMPT_MAJORITY))
                ask_active(l, now, out);
}

static const char silence[] = "no active member is heard";

void vrrp_lease_backup_tick(struct vrrp_lease *l, uint64_t now, struct vrrp_lease_actions *out) {
        bool vacant, preempt;

        if (l->active_id && now - l->active_us >= l->d_us)
                vrrp_lease_forget_active(l);
        if (!vrrp_lease_may_stand(l))
                return;
        vacant = now >= stand_at(l);
        preempt = !vacant && now >= preempt_at(l);
        if (vacant && (l->p.list.n == 1 || !LEASE_RULE(PROBE)))
                vrrp_lease_stand(l, NULL, now, silence, out);
        else if ((vacant || preempt) && (now >= l->next_probe_us || preempt != l->probe_preempt))
                probe(l, preempt, now, out);
}

/* What is due was asked by the tick. */
uint64_t vrrp_lease_backup_deadline(const struct vrrp_lease *l, uint64_t now) {
        uint64_t stand = stand_at(l), preempt = preempt_at(l);

        if (!vrrp_lease_may_stand(l))
                return VRRP_NEVER;
        if (now >= stand)
                return l->next_probe_us;
        if (now >= preempt)
                preempt = l->next_probe_us;
        return preempt < stand ? preempt : stand;
}

/* Who answered one of the last two probes: the older one has waited for A at most. */
static unsigned yes_count(const struct vrrp_lease *l) {
        unsigned n = 0;

        for (size_t i = 0; i < l->p.list.n; i++)
                n += l->peers[i].probe >= l->probe_first && l->probe - l->peers[i].probe < 2;
        return n;
}

void vrrp_lease_answered(struct vrrp_lease *l, const struct vrrp_lease_msg *m, uint64_t now,
                         struct vrrp_lease_actions *out) {
        struct vrrp_lease_peer *peer = vrrp_lease_peer(l, m->src);

        if (l->state != VRRP_LEASE_BACKUP || !vrrp_lease_may_stand(l) || !peer ||
            m->preempt != l->probe_preempt || m->k < l->probe_first || m->k > l->probe)
                return;
        if (m->k > peer->probe)
                peer->probe = m->k;
        if (yes_count(l) < vrrp_lease_majority(&l->p.list))
                return;
        if (!m->preempt && now >= stand_at(l))
                vrrp_lease_stand(l, NULL, now, silence, out);
        else if (m->preempt && now >= preempt_at(l) && now - l->active_us < l->d_us)
                ask_active(l, now, out);
}

/* Lease rule 8, the Active's part: class and ballot are checked again. */
void vrrp_lease_preempted(struct vrrp_lease *l, const struct vrrp_lease_msg *m, uint64_t now,
                          struct vrrp_lease_actions *out) {
        bool right = vrrp_lease_ballot_equal(&m->ballot, &l->ballot) &&
                     vrrp_lease_outranks(l->p.preempt, &m->rank, &l->rank);

        if (l->state == VRRP_LEASE_ACTIVE && (right || !LEASE_RULE(PREEMPT_CHECK)))
                vrrp_lease_give_up(l, m->src, now, "a better member asked for the address", out);
}
