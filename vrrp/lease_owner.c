/* Standing, claiming, the lease, yielding and giving up: lease rules 6, 7, 9, 10, and what 13 to 15 ask of
 * the one who holds the address. */
#include "vrrp/lease_priv.h"

/* The M-th newest acknowledgement of the listed, 0: not that many. */
static uint64_t majority_ack(const struct vrrp_lease *l) {
        unsigned m = LEASE_RULE(MAJORITY) ? vrrp_lease_majority(&l->p.list) : 1;
        uint64_t newest[VRRP_LIST_MEMBERS] = { 0 }; /* descending */

        for (size_t i = 0; i < l->p.list.n; i++) {
                size_t at = i;

                for (; at > 0 && newest[at - 1] < l->peers[i].ack_us; at--)
                        newest[at] = newest[at - 1];
                newest[at] = l->peers[i].ack_us;
        }
        return newest[m - 1];
}

/* Lease rule 7. The lease never shrinks. */
static void renew(struct vrrp_lease *l) {
        uint64_t ack = majority_ack(l), end = ack + l->d_us - (LEASE_RULE(DRIFT) ? l->e_us : 0);

        if (ack && end > l->lease_us)
                l->lease_us = end;
}

/* Lease rule 7: now was read before the claim is sent. */
static void claim(struct vrrp_lease *l, uint64_t now, struct vrrp_lease_actions *out) {
        struct vrrp_lease_peer *self = vrrp_lease_peer(l, l->p.self);
        bool active = l->state == VRRP_LEASE_ACTIVE;
        struct vrrp_lease_msg *m;

        l->sent_us[++l->k % VRRP_LEASE_SENT] = now;
        l->send_us = now + (active ? l->p.interval_us : l->p.interval_us / 4);
        if (self)
                self->ack_us = now;
        if (LEASE_RULE(OWN_PROMISE)) {
                l->promise.src = l->p.self;
                l->promise.ballot = l->ballot;
                l->promise.until_us = now + l->d_us;
        }
        renew(l);
        if (l->p.list.n == 1)
                return; /* nobody else to tell */
        m = vrrp_lease_send(l, 0, VRRP_LEASE_CLAIM, out);
        m->ballot = l->ballot;
        m->k = l->k;
        m->active = active;
        m->released_src = l->released_src;
        m->released = l->released;
}

/* Lease rule 7: the lease must outlast the add and the removal. */
static void win(struct vrrp_lease *l, uint64_t now, struct vrrp_lease_actions *out) {
        if (l->state != VRRP_LEASE_CANDIDATE || l->removing || vrrp_lease_hold_us(l) <= now + l->p.add_us)
                return;
        l->state = VRRP_LEASE_ACTIVE;
        l->counters.elections++;
        vrrp_lease_forget_active(l);
        l->adding = true;
        vrrp_lease_act(out, VRRP_LEASE_ADD);
        claim(l, now, out);
        out->reason = l->p.list.n == 1 ? "alone in the list of members" : "a majority acknowledged";
}

static void void_ballot(struct vrrp_lease *l) {
        l->ballot = l->released = (struct vrrp_ballot){ 0 };
        l->released_src = l->lease_us = 0;
        l->k = 0;
        for (size_t i = 0; i < VRRP_LIST_MEMBERS; i++)
                l->peers[i].ack_us = 0;
        if (l->promise.src == l->p.self)
                l->promise.src = 0;
}

/* Lease rule 6. */
void vrrp_lease_stand(struct vrrp_lease *l, const struct vrrp_ballot *released, uint64_t now,
                      const char *reason, struct vrrp_lease_actions *out) {
        void_ballot(l);
        l->state = VRRP_LEASE_CANDIDATE;
        l->ballot = (struct vrrp_ballot){ ++l->maxnum, l->p.self, l->boot, ++l->count };
        if (released) {
                l->released = *released;
                l->released_src = released->src;
        }
        l->stood_us = now;
        out->reason = reason;
        claim(l, now, out);
        win(l, now, out); /* alone */
}

/* Lease rule 6: no lease within D. */
void vrrp_lease_candidate_tick(struct vrrp_lease *l, uint64_t now, struct vrrp_lease_actions *out) {
        if (LEASE_RULE(STAND_ENDS) && now >= l->stood_us + l->d_us) {
                vrrp_lease_yield(l, now, "no majority acknowledged in time", out);
                l->down_us += vrrp_lease_random(l, l->p.interval_us);
        } else if (now >= l->send_us) {
                claim(l, now, out);
                win(l, now, out);
        }
}

void vrrp_lease_active_tick(struct vrrp_lease *l, uint64_t now, struct vrrp_lease_actions *out) {
        if (now >= l->send_us)
                claim(l, now, out);
}

/* Lease rule 7: k of a claim that is remembered, of this ballot. */
static bool counts(const struct vrrp_lease *l, const struct vrrp_lease_msg *m) {
        if (LEASE_RULE(ACK_BALLOT) && !vrrp_lease_ballot_equal(&m->ballot, &l->ballot))
                return false;
        return m->k > 0 && m->k <= l->k && l->k - m->k < VRRP_LEASE_SENT;
}

void vrrp_lease_acked(struct vrrp_lease *l, const struct vrrp_lease_msg *m, uint64_t now,
                      struct vrrp_lease_actions *out) {
        struct vrrp_lease_peer *peer = vrrp_lease_peer(l, m->src);
        uint64_t sent;

        if ((l->state != VRRP_LEASE_CANDIDATE && l->state != VRRP_LEASE_ACTIVE) || !peer || !counts(l, m))
                return;
        l->counters.acks++;
        sent = LEASE_RULE(ACK_SENT) ? l->sent_us[m->k % VRRP_LEASE_SENT] : now;
        if (sent > peer->ack_us)
                peer->ack_us = sent;
        renew(l);
        win(l, now, out);
}

static bool tells(const struct vrrp_lease *l) {
        if (!LEASE_RULE(YIELD_TELLS) && l->state == VRRP_LEASE_CANDIDATE)
                return false;
        return l->p.list.n > 1 || !vrrp_lease_listed(l);
}

static void resign(struct vrrp_lease *l, uint64_t succ, struct vrrp_lease_actions *out) {
        struct vrrp_lease_msg *m;

        if (tells(l)) {
                m = vrrp_lease_send(l, 0, VRRP_LEASE_RESIGN, out);
                m->ballot = l->ballot;
                m->succ = succ;
                l->counters.resigns++;
        }
        void_ballot(l);
        l->state = VRRP_LEASE_BACKUP;
}

/* Lease rule 9. */
void vrrp_lease_yield(struct vrrp_lease *l, uint64_t now, const char *reason,
                      struct vrrp_lease_actions *out) {
        resign(l, 0, out);
        l->down_us = now + vrrp_lease_skew_us(l);
        out->reason = reason;
}

/* Lease rule 10, when the address is gone. */
static void leave(struct vrrp_lease *l, uint64_t now, struct vrrp_lease_actions *out) {
        resign(l, l->succ, out);
        l->down_us = now + vrrp_lease_skew_us(l) + (l->succ ? l->p.interval_us : l->d_us / 2);
        l->succ = 0;
}

void vrrp_lease_remove(struct vrrp_lease *l, struct vrrp_lease_actions *out) {
        if (l->removing)
                return;
        l->removing = true;
        vrrp_lease_act(out, VRRP_LEASE_REMOVE);
}

/* Lease rule 10, the first half: no claim any more, and the own promise stays. */
void vrrp_lease_give_up(struct vrrp_lease *l, uint64_t succ, uint64_t now, const char *reason,
                        struct vrrp_lease_actions *out) {
        l->state = VRRP_LEASE_LEAVING;
        l->succ = succ;
        out->reason = reason;
        vrrp_lease_remove(l, out);
        if (!LEASE_RULE(WAIT_REMOVED))
                leave(l, now, out);
}

void vrrp_lease_withdraw(struct vrrp_lease *l, uint64_t now, const char *reason,
                         struct vrrp_lease_actions *out) {
        if (l->state == VRRP_LEASE_ACTIVE)
                vrrp_lease_give_up(l, vrrp_lease_successor(l, VRRP_FAILED + 1, now), now, reason, out);
        else if (l->state == VRRP_LEASE_CANDIDATE)
                vrrp_lease_yield(l, now, reason, out);
}

uint64_t vrrp_lease_successor(const struct vrrp_lease *l, unsigned below_class, uint64_t now) {
        const struct vrrp_lease_peer *best = NULL;

        for (size_t i = 0; i < l->p.list.n; i++) {
                const struct vrrp_lease_peer *p = &l->peers[i];

                if (l->p.list.v[i].id == l->p.self || l->p.list.v[i].witness || !p->heard || p->standby ||
                    p->gen != l->p.list.gen || now - p->last_us >= l->d_us || p->rank.class >= below_class)
                        continue;
                if (!best || vrrp_rank_better(&p->rank, &best->rank))
                        best = p;
        }
        return best ? best->rank.id : 0;
}

void vrrp_lease_added(struct vrrp_lease *l, int error, uint64_t now, struct vrrp_lease_actions *out) {
        if (!l->adding)
                return;
        l->adding = false;
        l->holds = !error;
        if (l->state != VRRP_LEASE_ACTIVE)
                return; /* leaving: the removal that follows is what counts */
        if (error)
                vrrp_lease_give_up(l, vrrp_lease_successor(l, VRRP_FAILED + 1, now), now,
                                   "the kernel did not take the address", out);
        else if (LEASE_RULE(ANNOUNCE) && now >= vrrp_lease_hold_us(l)) /* lease rules 13, 15 */
                vrrp_lease_give_up(l, 0, now, "the lease ended while the address was added", out);
        else
                vrrp_lease_act(out, VRRP_LEASE_ANNOUNCE);
}

void vrrp_lease_removed(struct vrrp_lease *l, uint64_t now, struct vrrp_lease_actions *out) {
        l->removing = l->adding = l->holds = false;
        if (l->state == VRRP_LEASE_LEAVING) {
                leave(l, now, out);
                out->reason = "the address is removed";
        }
}

/* Lease rules 13 and 14: before anything else is done with an event. */
void vrrp_lease_check(struct vrrp_lease *l, uint64_t now, struct vrrp_lease_actions *out) {
        if (!LEASE_RULE(LEASE_CHECK) || l->state != VRRP_LEASE_ACTIVE || now < vrrp_lease_hold_us(l))
                return;
        l->counters.expired++;
        vrrp_lease_give_up(l, 0, now, "the lease could not be renewed", out);
}

/* Lease rule 14; the lease was checked. */
void vrrp_lease_gap(struct vrrp_lease *l, bool present, uint64_t now, struct vrrp_lease_actions *out) {
        uint64_t down = now + l->p.interval_us + vrrp_lease_skew_us(l);

        if (!LEASE_RULE(GAP))
                return;
        if (l->state == VRRP_LEASE_ACTIVE) {
                if (present || l->adding)
                        return;
                l->holds = false;
                l->adding = true;
                vrrp_lease_act(out, VRRP_LEASE_ADD);
        } else if (present) {
                vrrp_lease_remove(l, out);
        }
        if (l->state == VRRP_LEASE_BACKUP && l->started && down > l->down_us)
                l->down_us = down;
}
