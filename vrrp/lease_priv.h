/* What the files of the lease share (docs/lease.md): lease.c (the step, its clockwork), lease_vote.c (what we
 * answer), lease_owner.c (claims, the lease, giving up), lease_probe.c (asking before acting),
 * lease_members.c (generations of the list). Of each call `now` is the event's. */
#ifndef VRRP_LEASE_PRIV_H
#define VRRP_LEASE_PRIV_H

#include "vrrp/lease.h"
#include "vrrp/lease_rules.h"

/* lease.c */
/* NULL: not listed. */
struct vrrp_lease_peer *vrrp_lease_peer(struct vrrp_lease *l, uint64_t id);
bool vrrp_lease_listed(const struct vrrp_lease *l); /* are we? */
/* Rules 5 and 11: nothing of our own keeps us from standing, whatever others hold. */
bool vrrp_lease_may_stand(const struct vrrp_lease *l);
uint64_t vrrp_lease_skew_us(const struct vrrp_lease *l);
uint64_t vrrp_lease_hold_us(const struct vrrp_lease *l); /* lease - R: until then the address may be there */
uint64_t vrrp_lease_random(struct vrrp_lease *l, uint64_t below);
bool vrrp_lease_ballot_equal(const struct vrrp_ballot *a, const struct vrrp_ballot *b);
/* Appends; SEND: the returned message has its type and the sender's fields, the rest is 0. */
void vrrp_lease_act(struct vrrp_lease_actions *out, enum vrrp_lease_act what);
struct vrrp_lease_msg *vrrp_lease_send(const struct vrrp_lease *l, uint64_t dst, enum vrrp_lease_type type,
                                       struct vrrp_lease_actions *out);

/* lease_vote.c */
/* An unexpired promise to another than src. */
bool vrrp_lease_promised(const struct vrrp_lease *l, uint64_t src, uint64_t now);
/* Rule 8: as vrrp_lease_promised(), but the promise to the Active's ballot does not count. */
bool vrrp_lease_promised_beside(const struct vrrp_lease *l, const struct vrrp_ballot *active, uint64_t now);
void vrrp_lease_vote_claim(struct vrrp_lease *l, const struct vrrp_lease_msg *m, uint64_t now,
                           struct vrrp_lease_actions *out);
void vrrp_lease_vote_probe(struct vrrp_lease *l, const struct vrrp_lease_msg *m, uint64_t now,
                           struct vrrp_lease_actions *out);
void vrrp_lease_vote_resign(struct vrrp_lease *l, const struct vrrp_lease_msg *m, uint64_t now,
                            struct vrrp_lease_actions *out);

/* lease_owner.c */
/* released: the ballot that was resigned in our favour, NULL: none. */
void vrrp_lease_stand(struct vrrp_lease *l, const struct vrrp_ballot *released, uint64_t now,
                      const char *reason, struct vrrp_lease_actions *out);
void vrrp_lease_candidate_tick(struct vrrp_lease *l, uint64_t now, struct vrrp_lease_actions *out);
void vrrp_lease_active_tick(struct vrrp_lease *l, uint64_t now, struct vrrp_lease_actions *out);
void vrrp_lease_acked(struct vrrp_lease *l, const struct vrrp_lease_msg *m, uint64_t now,
                      struct vrrp_lease_actions *out);
void vrrp_lease_yield(struct vrrp_lease *l, uint64_t now, const char *reason, struct vrrp_lease_actions *out);
/* succ 0: nobody is named. */
void vrrp_lease_give_up(struct vrrp_lease *l, uint64_t succ, uint64_t now, const char *reason,
                        struct vrrp_lease_actions *out);
/* Give up as Active naming the best, yield as Candidate. */
void vrrp_lease_withdraw(struct vrrp_lease *l, uint64_t now, const char *reason,
                         struct vrrp_lease_actions *out);
/* Best member that may stand and was heard within D, of a class below below_class; 0: none. */
uint64_t vrrp_lease_successor(const struct vrrp_lease *l, unsigned below_class, uint64_t now);
void vrrp_lease_remove(struct vrrp_lease *l, struct vrrp_lease_actions *out);
void vrrp_lease_added(struct vrrp_lease *l, int error, uint64_t now, struct vrrp_lease_actions *out);
void vrrp_lease_removed(struct vrrp_lease *l, uint64_t now, struct vrrp_lease_actions *out);
void vrrp_lease_check(struct vrrp_lease *l, uint64_t now, struct vrrp_lease_actions *out);
void vrrp_lease_gap(struct vrrp_lease *l, bool present, uint64_t now, struct vrrp_lease_actions *out);

/* lease_probe.c */
void vrrp_lease_note_active(struct vrrp_lease *l, const struct vrrp_lease_msg *m, uint64_t now);
void vrrp_lease_forget_active(struct vrrp_lease *l);
void vrrp_lease_compare_active(struct vrrp_lease *l, uint64_t now); /* one of the two ranks changed */
void vrrp_lease_backup_tick(struct vrrp_lease *l, uint64_t now, struct vrrp_lease_actions *out);
uint64_t vrrp_lease_backup_deadline(const struct vrrp_lease *l, uint64_t now); /* after the tick */
void vrrp_lease_answered(struct vrrp_lease *l, const struct vrrp_lease_msg *m, uint64_t now,
                         struct vrrp_lease_actions *out);
void vrrp_lease_preempted(struct vrrp_lease *l, const struct vrrp_lease_msg *m, uint64_t now,
                          struct vrrp_lease_actions *out);
/* Does `ours` justify asking an Active of rank `active` to give up? */
bool vrrp_lease_outranks(enum vrrp_preempt policy, const struct vrrp_rank *ours,
                         const struct vrrp_rank *active);

/* lease_members.c */
void vrrp_lease_heard(struct vrrp_lease *l, const struct vrrp_lease_msg *m, uint64_t now);
void vrrp_lease_other_gen(struct vrrp_lease *l, const struct vrrp_lease_msg *m, uint64_t now,
                          struct vrrp_lease_actions *out);
void vrrp_lease_adopt(struct vrrp_lease *l, const struct vrrp_list *list, uint64_t now,
                      struct vrrp_lease_actions *out);

#endif
