/* What a member answers: lease rules 3, 4, 5 (the answer) and 11. */
#include "vrrp/lease_priv.h"

bool vrrp_lease_promised(const struct vrrp_lease *l, uint64_t src, uint64_t now) {
        return LEASE_RULE(REFUSE_OTHERS) && l->promise.src && l->promise.src != src &&
               now < l->promise.until_us;
}

bool vrrp_lease_promised_beside(const struct vrrp_lease *l, const struct vrrp_ballot *active, uint64_t now) {
        return vrrp_lease_promised(l, 0, now) &&
               !(l->promise.src == active->src && vrrp_lease_ballot_equal(&l->promise.ballot, active));
}

static bool is_silent(const struct vrrp_lease *l, uint64_t now) {
        return LEASE_RULE(SILENT) && now < l->silent_us; /* lease rule 3 */
}

/* Lease rule 4, but for what a Candidate weighs. */
static bool refuses(const struct vrrp_lease *l, uint64_t src, uint64_t now) {
        if (l->stopping || !vrrp_lease_listed(l) || is_silent(l, now))
                return true;
        switch (l->state) {
        case VRRP_LEASE_CANDIDATE:
                return false; /* its promise is to itself */
        case VRRP_LEASE_ACTIVE:
        case VRRP_LEASE_LEAVING: /* until the address is gone, as Active */
                if (LEASE_RULE(ACTIVE_REFUSES))
                        return true;
                break;
        case VRRP_LEASE_BACKUP:
                break;
        }
        return vrrp_lease_promised(l, src, now);
}

static void clear_promise(struct vrrp_lease *l) {
        l->promise.src = 0;
}

/* Lease rule 11: holder and ballot must both match. The promise to ourselves is nobody else's to clear. */
static bool promised_to(const struct vrrp_lease *l, uint64_t src, const struct vrrp_ballot *b) {
        return src && src != l->p.self && l->promise.src == src &&
               (!LEASE_RULE(RESIGN_BALLOT) || vrrp_lease_ballot_equal(&l->promise.ballot, b));
}

static void promise(struct vrrp_lease *l, const struct vrrp_lease_msg *m, uint64_t now,
                    struct vrrp_lease_actions *out) {
        struct vrrp_lease_msg *ack;

        l->promise.src = m->src;
        l->promise.ballot = m->ballot;
        l->promise.until_us = now + l->d_us;
        if (LEASE_RULE(DOWN_TIMER))
                l->down_us = now + l->d_us + vrrp_lease_skew_us(l);
        ack = vrrp_lease_send(l, m->src, VRRP_LEASE_ACK, out);
        ack->ballot = m->ballot;
        ack->k = m->k;
}

/* An Active that hears a later one lost its lease long ago, and was not run since. */
static bool superseded(const struct vrrp_lease *l, const struct vrrp_lease_msg *m) {
        return LEASE_RULE(HIGHER_ACTIVE) && l->state == VRRP_LEASE_ACTIVE && m->active &&
               m->ballot.num > l->ballot.num;
}

void vrrp_lease_vote_claim(struct vrrp_lease *l, const struct vrrp_lease_msg *m, uint64_t now,
                           struct vrrp_lease_actions *out) {
        if (m->ballot.num == 0 || m->ballot.src != m->src)
                return;
        if (m->active)
                vrrp_lease_note_active(l, m, now);
        if (LEASE_RULE(RELEASED) && promised_to(l, m->released_src, &m->released))
                clear_promise(l); /* lease rule 4: the claim has overtaken the resignation */
        if (superseded(l, m)) {
                vrrp_lease_give_up(l, 0, now, "another member is active under a later ballot", out);
                return;
        }
        if (refuses(l, m->src, now) || (!LEASE_RULE(ANY_CLASS) && m->rank.class > l->rank.class)) {
                l->counters.refused_acks++;
                return;
        }
        if (l->state == VRRP_LEASE_CANDIDATE) {
                if (!LEASE_RULE(CANDIDATE_YIELDS) || !(m->active || vrrp_rank_better(&m->rank, &l->rank)))
                        return;
                vrrp_lease_yield(l, now, m->active ? "another member is active" : "a better member stands",
                                 out);
        }
        promise(l, m, now, out);
}

/* Lease rule 8: would we, as far as our vote goes, follow the sender instead of the Active? */
static bool would_follow(const struct vrrp_lease *l, const struct vrrp_lease_msg *m, uint64_t now) {
        if (l->stopping || !vrrp_lease_listed(l) || is_silent(l, now))
                return false;
        switch (l->state) {
        case VRRP_LEASE_BACKUP:
                return !vrrp_lease_promised_beside(l, &m->ballot, now);
        case VRRP_LEASE_CANDIDATE:
                return vrrp_rank_better(&m->rank, &l->rank);
        case VRRP_LEASE_ACTIVE:
                return vrrp_lease_ballot_equal(&m->ballot, &l->ballot) &&
                       vrrp_lease_outranks(l->p.preempt, &m->rank, &l->rank);
        case VRRP_LEASE_LEAVING:
                break;
        }
        return false;
}

/* Lease rule 5: would we acknowledge a claim of the sender? */
static bool would_vote(const struct vrrp_lease *l, const struct vrrp_lease_msg *m, uint64_t now) {
        if (refuses(l, m->src, now))
                return false;
        return l->state != VRRP_LEASE_CANDIDATE || vrrp_rank_better(&m->rank, &l->rank);
}

void vrrp_lease_vote_probe(struct vrrp_lease *l, const struct vrrp_lease_msg *m, uint64_t now,
                           struct vrrp_lease_actions *out) {
        struct vrrp_lease_msg *yes;

        if (!(m->preempt ? would_follow(l, m, now) : would_vote(l, m, now)))
                return;
        yes = vrrp_lease_send(l, m->src, VRRP_LEASE_YES, out);
        yes->k = m->k;
        yes->preempt = m->preempt;
}

/* Lease rule 11: the named one stands at once, without asking first. */
static void succeed(struct vrrp_lease *l, const struct vrrp_lease_msg *m, uint64_t now,
                    struct vrrp_lease_actions *out) {
        if (l->state != VRRP_LEASE_BACKUP || !vrrp_lease_may_stand(l) || is_silent(l, now))
                return;
        if (LEASE_RULE(SUCCESSOR_FREE) && vrrp_lease_promised(l, 0, now))
                return;
        vrrp_lease_stand(l, &m->ballot, now, "named as successor", out);
}

void vrrp_lease_vote_resign(struct vrrp_lease *l, const struct vrrp_lease_msg *m, uint64_t now,
                            struct vrrp_lease_actions *out) {
        uint64_t down = now + vrrp_lease_skew_us(l) + (m->succ ? l->p.interval_us / 4 : 0);

        if (m->ballot.src != m->src)
                return;
        if (l->active_id == m->src && vrrp_lease_ballot_equal(&l->active_ballot, &m->ballot))
                vrrp_lease_forget_active(l);
        if (promised_to(l, m->src, &m->ballot)) {
                clear_promise(l);
                if (down < l->down_us)
                        l->down_us = down;
        }
        if (m->succ == l->p.self)
                succeed(l, m, now, out);
}
