/* Election by majority: the lease (lease.h) over the sealed transport. Performs its actions in order and
 * answers with what the kernel said; nothing is remembered here that the lease does not know. */
#include "vrrp/router_priv.h"

#include <errno.h>
#include <sys/random.h>

enum {
        REFUSED_US = 10000000,    /* how long a refused address is left to others */
        REMOVE_AGAIN_US = 100000, /* the kernel would not remove it: asked again */
        ADD_BUDGET_SHARE = 10,    /* of an interval, for an add */
};

static struct vrrp_rank rank_of(const struct vrrp_router *r) {
        return (struct vrrp_rank){ .class = (uint8_t)(r->refused ? VRRP_FAILED : r->class),
                                   .priority = r->p.priority,
                                   .id = r->p.member };
}

static int init(struct vrrp_router *r) {
        struct vrrp_host *h = r->host;
        struct vrrp_lease_params p = {
                .self = r->p.member,
                .interval_us = r->p.interval_us,
                .removal_us = r->p.removal_us ? r->p.removal_us : VRRP_LEASE_REMOVAL_US,
                .add_us = r->p.interval_us / ADD_BUDGET_SHARE,
                .priority = r->p.priority,
                .class = (uint8_t)r->class,
                .preempt = r->p.preempt,
                .preempt_delay_us = r->p.preempt_delay_us,
                .witness = r->p.witness,
                .list = r->p.list,
        };
        int k;

        if (getrandom(&p.seed, sizeof p.seed, 0) != sizeof p.seed)
                return -errno;
        if (!(r->lease = calloc(1, sizeof *r->lease)))
                return -ENOMEM;
        if ((k = vrrp_lease_init(r->lease, &p)) < 0)
                return k;
        if (!h->guard && (k = vrrp_guard_new(&h->guard)) < 0)
                return k;
        return vrrp_guard_slot_new(h->guard, r->p.vips, r->p.n_vips, &r->guard);
}

/* What the lease is to be told next, in this order: the kernel's answers to what it asked for, a list that
 * nobody keeps. One step asks for no more than one of each. */
struct answers {
        size_t n;
        struct vrrp_lease_event v[4];
};

static void answer(struct answers *a, struct vrrp_lease_event ev) {
        if (a->n < ARRAY_SIZE(a->v))
                a->v[a->n++] = ev;
}

static struct vrrp_lease_event next_answer(struct answers *a) {
        struct vrrp_lease_event ev = a->v[0];

        memmove(&a->v[0], &a->v[1], --a->n * sizeof a->v[0]);
        return ev;
}

/* Lease rule 13: armed before anything can be on the interface, disarmed when nothing is there any more. */
static void guard(struct vrrp_router *r) {
        r->until_us = r->lease->guard_us;
        vrrp_guard_set(r->guard, r->carrier->now.ifindex, r->until_us);
}

static void add(struct vrrp_router *r, struct answers *a) {
        int error = vrrp_router_claim(r);

        answer(a, (struct vrrp_lease_event){ .type = VRRP_LEASE_EV_ADDED, .error = error });
        if (error == 0 || error == -ETIME)
                return;
        vrrp_router_notice(r, VRRP_NOTICE_ADDRESS, &r->p.vips[0], "the kernel refused the address: %s",
                           strerror(-error));
        r->add_error = error; /* ADDED makes the lease give up; then it is kept from standing again at once */
}

static void remove_all(struct vrrp_router *r, struct answers *a) {
        if (vrrp_router_release(r) == 0)
                answer(a, (struct vrrp_lease_event){ .type = VRRP_LEASE_EV_REMOVED });
        else
                r->refresh_us = vrrp_now_us() + REMOVE_AGAIN_US;
}

static void store(struct vrrp_router *r, const struct vrrp_list *list, struct answers *a) {
        int k = r->ops.store_list ? r->ops.store_list(r->userdata, list) : 0;

        if (k < 0)
                vrrp_router_notice(r, VRRP_NOTICE_LIST, &r->self, "the member list cannot be stored: %s",
                                   strerror(-k));
        else if (!r->ops.store_list) /* nobody keeps lists here */
                answer(a, (struct vrrp_lease_event){ .type = VRRP_LEASE_EV_LIST, .list = list });
}

static void perform(struct vrrp_router *r, const struct vrrp_lease_actions *out, struct answers *a) {
        for (size_t i = 0; i < out->n; i++)
                switch (out->v[i].what) {
                case VRRP_LEASE_SEND:
                        vrrp_router_sealed_lease(r, out->v[i].dst, &out->v[i].msg);
                        break;
                case VRRP_LEASE_ADD:
                        add(r, a);
                        break;
                case VRRP_LEASE_REMOVE:
                        remove_all(r, a);
                        break;
                case VRRP_LEASE_ANNOUNCE:
                        vrrp_router_announce(r);
                        break;
                case VRRP_LEASE_STORE:
                        store(r, out->list, a);
                        break;
                }
}

static enum vrrp_state state_of(const struct vrrp_router *r) {
        if (!r->started || !r->usable)
                return VRRP_INIT;
        return r->lease->state == VRRP_LEASE_ACTIVE ? VRRP_ACTIVE : VRRP_BACKUP;
}

/* An adopted list is the transport's, too. */
static void list_changed(struct vrrp_router *r, uint64_t gen) {
        int k;

        if (r->lease->p.list.gen == gen)
                return;
        if ((k = vrrp_router_sealed_members(r)) < 0)
                vrrp_router_notice(r, VRRP_NOTICE_LIST, &r->self, "no sockets for the new members: %s",
                                   strerror(-k));
}

/* One event and all that follows from it. */
static void feed(struct vrrp_router *r, struct vrrp_lease_event ev) {
        enum vrrp_lease_state was = r->lease->state;
        struct answers a = { 1, { ev } };
        const char *reason = NULL;

        while (a.n > 0) {
                struct vrrp_lease_event one = next_answer(&a);
                uint64_t gen = r->lease->p.list.gen;
                struct vrrp_lease_actions out;

                if (one.now_us == 0)
                        one.now_us = vrrp_now_us(); /* lease rule 13: read after the kernel's answer */
                vrrp_lease_step(r->lease, &one, &out);
                reason = reason ? reason : out.reason;
                if (r->lease->guard_us != VRRP_NEVER)
                        guard(r);
                perform(r, &out, &a);
                if (r->lease->guard_us == VRRP_NEVER)
                        guard(r);
                list_changed(r, gen);
        }
        /* Why an Active is there is why it stood. */
        if (was == VRRP_LEASE_BACKUP && r->lease->state != VRRP_LEASE_BACKUP)
                r->stood_for = reason;
        if (r->lease->state == VRRP_LEASE_ACTIVE && r->stood_for)
                reason = r->stood_for;
        r->active_id = r->lease->active_id;
        vrrp_router_set_state(r, state_of(r), reason ? reason : ev.reason);
        vrrp_router_schedule(r);
}

static void feed_rank(struct vrrp_router *r, const char *reason) {
        feed(r, (struct vrrp_lease_event){ .type = VRRP_LEASE_EV_RANK,
                                           .now_us = vrrp_now_us(),
                                           .rank = rank_of(r),
                                           .reason = reason });
}

/* Without the address nobody is kept from it: the lowest class, for a while. */
static void stand_back(struct vrrp_router *r) {
        r->refused = true;
        r->refresh_us = vrrp_now_us() + REFUSED_US;
        feed_rank(r, "the kernel refused the address");
}

static void feed_and_heed(struct vrrp_router *r, struct vrrp_lease_event ev) {
        feed(r, ev);
        if (r->add_error == 0)
                return;
        r->add_error = 0;
        stand_back(r);
}

static void feed_type(struct vrrp_router *r, enum vrrp_lease_ev type, bool on, const char *reason) {
        feed_and_heed(r, (struct vrrp_lease_event){ .type = type,
                                                    .now_us = vrrp_now_us(),
                                                    .boot = vrrp_sealed_boot(r->p.sealed),
                                                    .on = on,
                                                    .reason = reason });
}

static void start(struct vrrp_router *r) {
        if (!r->usable)
                feed_type(r, VRRP_LEASE_EV_LINK, false, NULL);
        feed_type(r, VRRP_LEASE_EV_START, false, NULL);
}

static void stop(struct vrrp_router *r, const char *reason) {
        feed_type(r, VRRP_LEASE_EV_STOP, false, reason);
}

static void link_changed(struct vrrp_router *r, bool usable, const char *reason) {
        feed_type(r, VRRP_LEASE_EV_LINK, usable, reason);
}

static void timer(struct vrrp_router *r) {
        /* What is queued may have come in time: an acknowledgement, or another's claim. Before a claim that
         * is due there is nothing to wait for. */
        if (r->lease->state != VRRP_LEASE_ACTIVE || r->lease->guard_us <= vrrp_now_us())
                vrrp_router_drain(r);
        feed_type(r, VRRP_LEASE_EV_TIMER, false, NULL);
}

static void check(struct vrrp_router *r) {
        feed_type(r, VRRP_LEASE_EV_TIMER, false, NULL);
}

static void gap(struct vrrp_router *r, uint64_t late_us) {
        if (late_us > r->p.interval_us)
                feed_type(r, VRRP_LEASE_EV_GAP, vrrp_router_any_present(r), NULL);
        else
                check(r);
}

static void restart(struct vrrp_router *r) {
        if (r->started)
                feed_type(r, VRRP_LEASE_EV_START, false, NULL);
}

static void rank(struct vrrp_router *r, bool give_up, const char *reason) {
        (void)give_up; /* the lease does so itself, where there is a better one */
        (void)reason;  /* not static text; kept in r->why */
        feed_rank(r, NULL);
}

static int give_up(struct vrrp_router *r, uint64_t succ, const char *reason) {
        (void)reason;
        feed_and_heed(r, (struct vrrp_lease_event){
                                 .type = VRRP_LEASE_EV_GIVE_UP, .now_us = vrrp_now_us(), .succ = succ });
        return 0;
}

static void standby(struct vrrp_router *r) {
        feed_type(r, VRRP_LEASE_EV_STANDBY, r->standby, NULL);
}

static void refused(struct vrrp_router *r, int error) {
        vrrp_router_notice(r, VRRP_NOTICE_ADDRESS, &r->p.vips[0], "the kernel refused the address: %s",
                           strerror(-error));
        give_up(r, 0, NULL);
        stand_back(r);
}

static void again(struct vrrp_router *r) {
        if (r->lease->removing && vrrp_router_release(r) == 0)
                feed_type(r, VRRP_LEASE_EV_REMOVED, false, NULL);
        else if (r->lease->removing)
                r->refresh_us = vrrp_now_us() + REMOVE_AGAIN_US;
        if (!r->refused)
                return;
        r->refused = false;
        feed_rank(r, NULL);
}

static void peer_status(const struct vrrp_router *r, size_t i, struct vrrp_peer *ret) {
        const struct vrrp_list_member *m = &r->lease->p.list.v[i];
        const struct vrrp_lease_peer *p = &r->lease->peers[i];

        *ret = (struct vrrp_peer){ .address = m->address,
                                   .id = m->id,
                                   .priority = p->rank.priority,
                                   .class = (enum vrrp_class)p->rank.class,
                                   .gen = p->gen,
                                   .last_us = p->heard ? p->last_us : 0 };
}

static void status(const struct vrrp_router *r, struct vrrp_router_status *ret) {
        const struct vrrp_lease *l = r->lease;
        const struct vrrp_list_member *active = vrrp_list_find(&l->p.list, r->active_id);

        if (ret->state != VRRP_INIT)
                ret->state_text = vrrp_lease_state_name(l->state);
        ret->priority = vrrp_priority_of_class(l->rank.priority, (enum vrrp_class)l->rank.class);
        ret->active = r->state == VRRP_ACTIVE ? r->self : active ? active->address : (struct vrrp_ip){ 0 };
        ret->active_id = r->state == VRRP_ACTIVE ? r->p.member : r->active_id;
        ret->lease_us = l->lease_us;
        ret->guard_us = l->guard_us;
        ret->promise_to = l->promise.src;
        ret->gen = l->p.list.gen;
        ret->n_members = (unsigned)l->p.list.n;
        ret->majority = vrrp_lease_majority(&l->p.list);
        ret->guard_fired = vrrp_guard_fired(r->guard);
        ret->lease = l->counters;
        ret->n_peers = 0;
        for (size_t i = 0; i < l->p.list.n; i++)
                if (l->p.list.v[i].id != r->p.member)
                        peer_status(r, i, &ret->peers[ret->n_peers++]);
}

static uint64_t deadline(const struct vrrp_router *r) {
        return r->lease->deadline_us;
}

const struct vrrp_election_ops vrrp_election_by_majority = VRRP_ELECTION_OPS;

void vrrp_router_lease_message(struct vrrp_router *r, const struct vrrp_lease_msg *m, uint64_t now_us) {
        r->counters.received++;
        feed_and_heed(r,
                      (struct vrrp_lease_event){ .type = VRRP_LEASE_EV_MESSAGE, .now_us = now_us, .msg = m });
}

void vrrp_router_lease_list(struct vrrp_router *r, const struct vrrp_list *list) {
        feed_and_heed(r, (struct vrrp_lease_event){
                                 .type = VRRP_LEASE_EV_LIST, .now_us = vrrp_now_us(), .list = list });
}
