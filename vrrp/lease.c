#include "vrrp/lease_priv.h"

#include <errno.h>
#include <string.h>

enum { INTERVAL_MIN_US = 10000, INTERVAL_MAX_US = 40950000 };

static void adopt_params(struct vrrp_lease *l) {
        l->d_us = 3 * (uint64_t)l->p.interval_us;
        l->e_us = l->d_us / 50 + 1000;
        l->random = l->p.seed;
        l->rank = (struct vrrp_rank){ l->p.class, l->p.priority, l->p.self };
        l->link = true;
        l->down_us = l->better_since_us = l->deadline_us = l->guard_us = VRRP_NEVER;
}

int vrrp_lease_init(struct vrrp_lease *l, const struct vrrp_lease_params *p) {
        uint64_t a = p->interval_us, d = 3 * a, e = d / 50 + 1000;

        if (p->self == 0 || p->self == VRRP_LEASE_NOBODY || p->priority == 0 || p->class > VRRP_FAILED ||
            vrrp_list_check(&p->list) < 0)
                return -EINVAL;
        if (a < INTERVAL_MIN_US || a > INTERVAL_MAX_US || p->add_us > a ||
            p->removal_us < VRRP_LEASE_REMOVAL_US || d < e + p->removal_us + 2 * a)
                return -EINVAL;
        *l = (struct vrrp_lease){ .p = *p };
        adopt_params(l);
        return 0;
}

const char *vrrp_lease_state_name(enum vrrp_lease_state s) {
        static const char *const names[] = {
                [VRRP_LEASE_BACKUP] = "backup",
                [VRRP_LEASE_CANDIDATE] = "candidate",
                [VRRP_LEASE_ACTIVE] = "active",
                [VRRP_LEASE_LEAVING] = "leaving",
        };

        return names[s];
}

const char *vrrp_lease_type_name(enum vrrp_lease_type t) {
        static const char *const names[VRRP_LEASE_N_TYPES] = {
                [VRRP_LEASE_CLAIM] = "CLAIM",   [VRRP_LEASE_ACK] = "ACK",
                [VRRP_LEASE_PROBE] = "PROBE",   [VRRP_LEASE_YES] = "YES",
                [VRRP_LEASE_RESIGN] = "RESIGN", [VRRP_LEASE_PREEMPT] = "PREEMPT",
                [VRRP_LEASE_NACK] = "NACK",
        };

        return (unsigned)t < VRRP_LEASE_N_TYPES && names[t] ? names[t] : "?";
}

bool vrrp_rank_better(const struct vrrp_rank *a, const struct vrrp_rank *b) {
        if (a->class != b->class)
                return a->class < b->class;
        if (a->priority != b->priority)
                return a->priority > b->priority;
        return a->id > b->id;
}

unsigned vrrp_lease_majority(const struct vrrp_list *list) {
        return (unsigned)list->n / 2 + 1;
}

struct vrrp_lease_peer *vrrp_lease_peer(struct vrrp_lease *l, uint64_t id) {
        const struct vrrp_list_member *m = vrrp_list_find(&l->p.list, id);

        return m ? &l->peers[m - l->p.list.v] : NULL;
}

bool vrrp_lease_listed(const struct vrrp_lease *l) {
        return vrrp_list_find(&l->p.list, l->p.self) != NULL;
}

static bool is_witness(const struct vrrp_lease *l) {
        const struct vrrp_list_member *m = vrrp_list_find(&l->p.list, l->p.self);

        return l->p.witness || (m && m->witness);
}

bool vrrp_lease_may_stand(const struct vrrp_lease *l) {
        return l->started && !l->stopping && !l->standby && l->link && !l->removing && vrrp_lease_listed(l) &&
               !is_witness(l);
}

enum { SKEW_STEP_US = 100 }; /* between one priority and the next */

/* Half of the RFC's: there it also decides who is elected, here only that two do not ask at once, and that
 * the better one asks first. What a question and its answers take does not shrink with the interval, though:
 * where half would be too little for that, up to all of it. */
uint64_t vrrp_lease_skew_us(const struct vrrp_lease *l) {
        uint8_t p = vrrp_priority_of_class(l->rank.priority, (enum vrrp_class)l->rank.class);
        uint64_t full = vrrp_skew_us(p, l->p.interval_us), apart = (uint64_t)SKEW_STEP_US * (256 - p);

        if (apart > full)
                return full;
        return apart > full / 2 ? apart : full / 2;
}

uint64_t vrrp_lease_hold_us(const struct vrrp_lease *l) {
        uint64_t r = LEASE_RULE(REMOVAL) ? l->p.removal_us : 0;

        return l->lease_us > r ? l->lease_us - r : 0;
}

/* splitmix64 */
uint64_t vrrp_lease_random(struct vrrp_lease *l, uint64_t below) {
        uint64_t z = l->random += 0x9e3779b97f4a7c15u;

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        return (z ^ z >> 31) % below;
}

bool vrrp_lease_ballot_equal(const struct vrrp_ballot *a, const struct vrrp_ballot *b) {
        return a->num == b->num && a->src == b->src && a->boot == b->boot && a->count == b->count;
}

/* No event causes more actions than fit: the most are four. */
void vrrp_lease_act(struct vrrp_lease_actions *out, enum vrrp_lease_act what) {
        if (out->n == VRRP_LEASE_ACTIONS)
                return;
        out->v[out->n].what = what;
        out->v[out->n++].dst = 0;
}

struct vrrp_lease_msg *vrrp_lease_send(const struct vrrp_lease *l, uint64_t dst, enum vrrp_lease_type type,
                                       struct vrrp_lease_actions *out) {
        size_t i = out->n < VRRP_LEASE_ACTIONS ? out->n++ : VRRP_LEASE_ACTIONS - 1;

        out->v[i].what = VRRP_LEASE_SEND;
        out->v[i].dst = dst;
        out->v[i].msg = (struct vrrp_lease_msg){
                .type = type,
                .src = l->p.self,
                .gen = l->p.list.gen,
                .rank = l->rank,
                .standby = l->standby || is_witness(l),
        };
        return &out->v[i].msg;
}

/* Lease rule 1: what the time asleep made worthless. What the caller told (standby, link, stopping), the
 * list and the kernel's open answer stay. */
static void forget(struct vrrp_lease *l) {
        l->state = VRRP_LEASE_BACKUP;
        l->maxnum = l->count = l->k = l->probe = l->probe_first = 0;
        l->ballot = l->released = l->active_ballot = (struct vrrp_ballot){ 0 };
        l->lease_us = l->released_src = l->active_id = l->succ = 0;
        l->stood_us = l->send_us = l->next_probe_us = l->storing_gen = l->storing_us = 0;
        l->probe_preempt = l->adding = l->holds = false;
        memset(&l->promise, 0, sizeof l->promise);
        memset(l->sent_us, 0, sizeof l->sent_us);
        memset(l->peers, 0, sizeof l->peers);
        l->better_since_us = VRRP_NEVER;
}

static void start(struct vrrp_lease *l, const struct vrrp_lease_event *ev, struct vrrp_lease_actions *out) {
        bool present = l->adding || l->holds;

        if (l->started && !LEASE_RULE(RESTART))
                return;
        forget(l);
        if (present)
                vrrp_lease_remove(l, out); /* lease rule 1 */
        l->started = true;
        l->boot = ev->boot;
        /* Lease rule 3: whatever an earlier life promised has run out by then, on anybody's clock. */
        l->silent_us = ev->now_us + l->d_us + l->d_us / 500;
        l->down_us = l->silent_us + vrrp_lease_skew_us(l);
        out->reason = "started";
}

static void message(struct vrrp_lease *l, const struct vrrp_lease_msg *m, uint64_t now,
                    struct vrrp_lease_actions *out) {
        if (!l->started || m->src == l->p.self)
                return;
        if (m->ballot.num > l->maxnum)
                l->maxnum = m->ballot.num; /* lease rule 6: every message raises it */
        vrrp_lease_heard(l, m, now);
        if (m->type == VRRP_LEASE_RESIGN)
                vrrp_lease_vote_resign(l, m, now, out); /* lease rule 11: from any generation */
        if (m->gen != l->p.list.gen) {
                vrrp_lease_other_gen(l, m, now, out);
                if (LEASE_RULE(GEN_EQUAL)) /* lease rule 12 */
                        return;
        }
        if (LEASE_RULE(LISTED) && !vrrp_list_find(&l->p.list, m->src))
                return;
        switch (m->type) {
        case VRRP_LEASE_CLAIM:
                vrrp_lease_vote_claim(l, m, now, out);
                break;
        case VRRP_LEASE_ACK:
                vrrp_lease_acked(l, m, now, out);
                break;
        case VRRP_LEASE_PROBE:
                vrrp_lease_vote_probe(l, m, now, out);
                break;
        case VRRP_LEASE_YES:
                vrrp_lease_answered(l, m, now, out);
                break;
        case VRRP_LEASE_PREEMPT:
                vrrp_lease_preempted(l, m, now, out);
                break;
        case VRRP_LEASE_RESIGN:
        case VRRP_LEASE_NACK:
        case VRRP_LEASE_N_TYPES:
                break;
        }
}

static void rank(struct vrrp_lease *l, const struct vrrp_lease_event *ev, struct vrrp_lease_actions *out) {
        bool failed = ev->rank.class == VRRP_FAILED && l->rank.class != VRRP_FAILED;
        uint64_t succ;

        l->rank.class = ev->rank.class;
        if (ev->rank.priority)
                l->rank.priority = ev->rank.priority;
        vrrp_lease_compare_active(l, ev->now_us);
        if (!failed || l->state != VRRP_LEASE_ACTIVE)
                return;
        succ = vrrp_lease_successor(l, VRRP_FAILED, ev->now_us);
        if (succ) /* else the address stays: it must be somewhere */
                vrrp_lease_give_up(l, succ, ev->now_us, ev->reason ? ev->reason : "this node failed", out);
}

static void give_up(struct vrrp_lease *l, const struct vrrp_lease_event *ev, struct vrrp_lease_actions *out) {
        const struct vrrp_list_member *m = vrrp_list_find(&l->p.list, ev->succ);
        uint64_t succ = ev->succ;

        if (l->state != VRRP_LEASE_ACTIVE)
                return;
        if (succ == VRRP_LEASE_NOBODY)
                succ = 0;
        else if (!m || m->witness || succ == l->p.self)
                succ = vrrp_lease_successor(l, VRRP_FAILED + 1, ev->now_us);
        vrrp_lease_give_up(l, succ, ev->now_us, ev->reason ? ev->reason : "asked to give up", out);
}

static void withdraw(struct vrrp_lease *l, const struct vrrp_lease_event *ev, const char *reason,
                     struct vrrp_lease_actions *out) {
        vrrp_lease_withdraw(l, ev->now_us, ev->reason ? ev->reason : reason, out);
}

static void dispatch(struct vrrp_lease *l, const struct vrrp_lease_event *ev,
                     struct vrrp_lease_actions *out) {
        switch (ev->type) {
        case VRRP_LEASE_EV_START:
                start(l, ev, out);
                break;
        case VRRP_LEASE_EV_TIMER:
                break;
        case VRRP_LEASE_EV_MESSAGE:
                message(l, ev->msg, ev->now_us, out);
                break;
        case VRRP_LEASE_EV_ADDED:
                vrrp_lease_added(l, ev->error, ev->now_us, out);
                break;
        case VRRP_LEASE_EV_REMOVED:
                vrrp_lease_removed(l, ev->now_us, out);
                break;
        case VRRP_LEASE_EV_RANK:
                rank(l, ev, out);
                break;
        case VRRP_LEASE_EV_GIVE_UP:
                give_up(l, ev, out);
                break;
        case VRRP_LEASE_EV_STANDBY:
                l->standby = ev->on;
                if (ev->on)
                        withdraw(l, ev, "on standby", out);
                break;
        case VRRP_LEASE_EV_LINK:
                l->link = ev->on;
                if (!ev->on)
                        withdraw(l, ev, "the link is down", out);
                break;
        case VRRP_LEASE_EV_LIST:
                vrrp_lease_adopt(l, ev->list, ev->now_us, out);
                break;
        case VRRP_LEASE_EV_GAP:
                vrrp_lease_gap(l, ev->on, ev->now_us, out);
                break;
        case VRRP_LEASE_EV_STOP:
                l->stopping = true;
                withdraw(l, ev, "shutting down", out);
                break;
        }
}

/* What is due now, whatever event it was that came. */
static void tick(struct vrrp_lease *l, uint64_t now, struct vrrp_lease_actions *out) {
        switch (l->state) {
        case VRRP_LEASE_BACKUP:
                vrrp_lease_backup_tick(l, now, out);
                break;
        case VRRP_LEASE_CANDIDATE:
                vrrp_lease_candidate_tick(l, now, out);
                break;
        case VRRP_LEASE_ACTIVE:
                vrrp_lease_active_tick(l, now, out);
                break;
        case VRRP_LEASE_LEAVING:
                break;
        }
}

static uint64_t sooner(uint64_t a, uint64_t b) {
        return a < b ? a : b;
}

static uint64_t deadline(const struct vrrp_lease *l, uint64_t now) {
        switch (l->state) {
        case VRRP_LEASE_BACKUP:
                return vrrp_lease_backup_deadline(l, now);
        case VRRP_LEASE_CANDIDATE:
                return LEASE_RULE(STAND_ENDS) ? sooner(l->send_us, l->stood_us + l->d_us) : l->send_us;
        case VRRP_LEASE_ACTIVE:
                return LEASE_RULE(LEASE_CHECK) ? sooner(l->send_us, vrrp_lease_hold_us(l)) : l->send_us;
        case VRRP_LEASE_LEAVING:
                break;
        }
        return VRRP_NEVER;
}

/* Lease rule 13. Where the address has no business to be, it is overdue. */
static uint64_t guard(const struct vrrp_lease *l) {
        if (!LEASE_RULE(LEASE_CHECK) || !(l->adding || l->holds || l->removing))
                return VRRP_NEVER;
        return l->state == VRRP_LEASE_ACTIVE || l->state == VRRP_LEASE_LEAVING ? vrrp_lease_hold_us(l) : 0;
}

void vrrp_lease_step(struct vrrp_lease *l, const struct vrrp_lease_event *ev,
                     struct vrrp_lease_actions *out) {
        out->n = 0; /* the rest is written as it is needed: this runs thousands of times a second */
        out->list = NULL;
        out->reason = NULL;
        vrrp_lease_check(l, ev->now_us, out);
        dispatch(l, ev, out);
        tick(l, ev->now_us, out);
        l->guard_us = guard(l);
        l->deadline_us = deadline(l, ev->now_us);
}
