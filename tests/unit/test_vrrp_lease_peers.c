/* Preemption, resignation and the list of members (lease rules 8, 11, 12) as exact steps. */
#include "lease_node.h"

static const struct vrrp_rank equal = { VRRP_HEALTHY, 128, 1 }, failed = { VRRP_FAILED, 128, 1 },
                              degraded = { VRRP_DEGRADED, 128, 1 }, lower = { VRRP_HEALTHY, 127, 1 };

/* The claims of an Active, member 1, from VACANT on for n intervals. */
static struct vrrp_lease follow(const struct vrrp_lease_params *p, struct vrrp_rank rank, unsigned n) {
        struct vrrp_lease l = started(p);

        for (unsigned i = 0; i <= n; i++)
                step(&l, &MSG(VACANT + i * A, CLAIM, 1, .ballot = BALLOT(9, 1), .k = i + 1, .active = true,
                              .rank = rank));
        return l;
}

/* Rule 8: better for 5 A, then with a majority. */
static void preempts_with_a_majority(void **state) {
        struct vrrp_lease_params p = params(3);
        struct vrrp_lease l = follow(&p, degraded, 4);

        (void)state;
        assert_int_equal(l.deadline_us, VACANT + 5 * A);
        expect(&l, EV(TIMER, VACANT + 5 * A - 1), "backup @900000:");
        expect(&l, EV(TIMER, VACANT + 5 * A), "backup @950000: PROBE b9/1 k1 preempt");
        expect(&l, MSG(900100, YES, 3, .k = 1), "backup @950000:"); /* to another question */
        expect(&l, MSG(900100, YES, 3, .k = 1, .preempt = true), "backup @1000100: PREEMPT>1 b9/1");
        expect(&l, MSG(900200, YES, 1, .k = 1, .preempt = true), "backup @1000100:"); /* once */
        assert_int_equal(l.counters.preempts, 1);
        expect(&l, MSG(900300, RESIGN, 1, .ballot = BALLOT(9, 1), .succ = 2),
               "candidate @925300: CLAIM b10/2 k1 released b9/1 (named as successor)");
}

static void preempts_nobody_in_vain(void **state) {
        static const struct {
                enum vrrp_preempt policy;
                const struct vrrp_rank *active;
                bool asks;
        } cases[] = {
                { VRRP_PREEMPT_HEALTH, &failed, true },   { VRRP_PREEMPT_HEALTH, &degraded, true },
                { VRRP_PREEMPT_HEALTH, &lower, false },   { VRRP_PREEMPT_ALWAYS, &lower, true },
                { VRRP_PREEMPT_ALWAYS, &degraded, true }, { VRRP_PREEMPT_NEVER, &failed, false },
                { VRRP_PREEMPT_ALWAYS, &equal, false }, /* the id is none */
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct vrrp_lease_params p = params(3);
                struct vrrp_lease l;

                p.preempt = cases[i].policy;
                l = follow(&p, *cases[i].active, 5);
                assert_int_equal(l.counters.probes, cases[i].asks);
                assert_int_equal(l.probe_preempt, cases[i].asks);
        }
}

/* 5 A from when this Active is worse; a delay comes on top; an Active that is heard no more is no Active. */
static void better_for_how_long(void **state) {
        struct vrrp_lease_params p = params(3);
        struct vrrp_lease l = follow(&p, lower, 5), d;

        (void)state;
        assert_int_equal(l.deadline_us, VACANT + 5 * A + D + SKEW);
        step(&l, &MSG(901000, CLAIM, 1, .ballot = BALLOT(9, 1), .k = 7, .active = true, .rank = failed));
        assert_int_equal(l.better_since_us, 901000);
        step(&l, &MSG(902000, CLAIM, 1, .ballot = BALLOT(11, 1), .k = 7, .active = true, .rank = failed));
        assert_int_equal(l.better_since_us, 902000); /* another ballot */
        expect(&l, EV(RANK, 903000, .rank = { VRRP_FAILED, 128, 0 }),
               "backup @1227000:"); /* not better any more */
        expect(&l, EV(RANK, 904000, .rank = { VRRP_HEALTHY, 128, 0 }), "backup @1227000:");
        assert_int_equal(l.better_since_us, 904000);
        p.preempt_delay_us = 7 * A;
        d = follow(&p, failed, 11);
        assert_int_equal(d.counters.probes, 0);
        assert_int_equal(d.deadline_us, VACANT + 12 * A);
        d = follow(&p, failed, 2);
        step(&d, &EV(TIMER, VACANT + 5 * A)); /* D after the last claim */
        assert_int_equal(d.active_id, 0);
}

/* Rule 8: YES if only the Active's promise blocks. */
static void follows_the_better(void **state) {
        struct vrrp_lease l = follower();

        (void)state;
        expect(&l, MSG(401000, PROBE, 3, .k = 5, .preempt = true, .ballot = BALLOT(9, 1)),
               "backup @725000: YES>3 k5 preempt");
        expect(&l, MSG(401000, PROBE, 3, .k = 5, .preempt = true, .ballot = BALLOT(8, 1)), "backup @725000:");
        expect(&l, MSG(401000, PROBE, 3, .k = 5), "backup @725000:");
        assert_int_equal(l.promise.src, 1); /* nobody breaks a promise */
        expect(&l, MSG(401000, CLAIM, 3, .ballot = BALLOT(10, 3), .k = 1), "backup @725000:");
}

/* Rule 8: the Active's part. */
static void is_preempted(void **state) {
        struct vrrp_lease l = active();
        struct vrrp_rank better = { VRRP_HEALTHY, 1, 3 };

        (void)state;
        expect(&l, MSG(401000, PROBE, 3, .k = 5, .preempt = true, .ballot = BALLOT(1, 2)),
               "active @500000 guard 683000:"); /* of our class */
        expect(&l, MSG(401000, PREEMPT, 3, .ballot = BALLOT(1, 2)), "active @500000 guard 683000:");
        step(&l, &EV(RANK, 402000, .rank = { VRRP_DEGRADED, 128, 0 }));
        expect(&l, MSG(403000, PROBE, 3, .k = 5, .preempt = true, .ballot = BALLOT(1, 2), .rank = better),
               "active @500000 guard 683000: YES>3 k5 preempt");
        expect(&l, MSG(403000, PROBE, 3, .k = 5, .preempt = true, .ballot = BALLOT(2, 2), .rank = better),
               "active @500000 guard 683000:");
        expect(&l, MSG(403000, PREEMPT, 3, .ballot = BALLOT(2, 2), .rank = better),
               "active @500000 guard 683000:");
        expect(&l, MSG(403000, PREEMPT, 3, .ballot = BALLOT(1, 2), .rank = better),
               "leaving @never guard 683000: REMOVE (a better member asked for the address)");
        expect(&l, MSG(403000, PREEMPT, 1, .ballot = BALLOT(1, 2), .rank = better),
               "leaving @never guard 683000:");
        expect(&l, EV(REMOVED, 404000), "backup @541500: RESIGN b1/2 to 3 (the address is removed)");
}

/* Rule 11: holder and ballot must both match; then skew, and A/4 more if a successor is named. */
static void a_resignation_frees_the_promise(void **state) {
        struct vrrp_lease l = follower();

        (void)state;
        expect(&l, MSG(410000, RESIGN, 1, .ballot = BALLOT(8, 1)), "backup @725000:");
        expect(&l, MSG(410000, RESIGN, 3, .ballot = BALLOT(9, 1)), "backup @725000:");
        expect(&l, MSG(410000, RESIGN, 3, .ballot = BALLOT(9, 3)), "backup @725000:");
        assert_int_equal(l.active_id, 1);
        expect(&l, MSG(410000, RESIGN, 1, .ballot = BALLOT(9, 1), .gen = 7), "backup @435000: NACK>1 list 1");
        assert_int_equal(l.active_id, 0);
        expect(&l, EV(TIMER, 435000), "backup @485000: PROBE k1");

        l = follower();
        expect(&l, MSG(410000, RESIGN, 1, .ballot = BALLOT(9, 1), .succ = 3), "backup @460000:");
        l = follower();
        expect(&l, MSG(724000, RESIGN, 1, .ballot = BALLOT(9, 1)), "backup @725000:"); /* min */
}

/* Rule 11. */
static void the_named_one_stands_at_once(void **state) {
        struct vrrp_lease l = follower(), other = follower(), free = backup();

        (void)state;
        expect(&l, MSG(410000, RESIGN, 1, .ballot = BALLOT(9, 1), .succ = 2),
               "candidate @435000: CLAIM b10/2 k1 released b9/1 (named as successor)");
        expect(&l, MSG(411000, ACK, 3, .ballot = BALLOT(10, 2), .k = 1),
               "active @511000 guard 693000: ADD CLAIM b10/2 k2 active released b9/1 (a majority "
               "acknowledged)");
        expect(&other, MSG(410000, RESIGN, 3, .ballot = BALLOT(8, 3), .succ = 2), "backup @725000:");
        expect(&free, MSG(310000, RESIGN, 3, .ballot = BALLOT(8, 3), .succ = 2),
               "candidate @335000: CLAIM b9/2 k1 released b8/3 (named as successor)");
        step(&other, &EV(STANDBY, 410000, .on = true));
        expect(&other, MSG(410000, RESIGN, 1, .ballot = BALLOT(9, 1), .succ = 2), "backup @never:");
}

/* Rules 4 and 11: the successor's claim may overtake the resignation. */
static void a_claim_shows_the_resignation(void **state) {
        struct vrrp_lease l = follower();

        (void)state;
        expect(&l,
               MSG(410000, CLAIM, 3, .ballot = BALLOT(10, 3), .k = 1, .released_src = 1,
                   .released = BALLOT(8, 1)),
               "backup @725000:");
        expect(&l,
               MSG(410000, CLAIM, 3, .ballot = BALLOT(10, 3), .k = 1, .released_src = 1,
                   .released = BALLOT(9, 1)),
               "backup @735000: ACK>3 b10/3 k1");
        expect(&l, MSG(411000, RESIGN, 1, .ballot = BALLOT(9, 1), .succ = 3), "backup @735000:");
        assert_int_equal(l.promise.src, 3);
}

/* Nobody releases the promise that a leaving member made to itself (rule 10). */
static void nobody_frees_the_own_promise(void **state) {
        struct vrrp_lease l = active();

        (void)state;
        step(&l, &EV(GIVE_UP, 401000));
        expect(&l,
               MSG(402000, CLAIM, 1, .ballot = BALLOT(2, 1), .k = 1, .released_src = 2,
                   .released = BALLOT(1, 2)),
               "leaving @never guard 683000:");
        assert_int_equal(l.promise.src, 2);
}

/* Rule 12: who is behind is told, at most every A/4. */
static void tells_who_is_behind(void **state) {
        struct vrrp_lease_params p = params(3);
        struct vrrp_lease l;

        (void)state;
        p.list.gen = 4;
        l = started(&p);
        expect(&l, MSG(VACANT, CLAIM, 1, .gen = 3, .ballot = BALLOT(9, 1), .k = 1),
               "backup @450000: NACK>1 list 4 PROBE k1");
        expect(&l, MSG(VACANT + A / 4 - 1, CLAIM, 1, .gen = 3, .ballot = BALLOT(9, 1), .k = 2),
               "backup @450000:");
        expect(&l, MSG(VACANT + A / 4 - 1, YES, 3, .gen = 3, .k = 1), "backup @450000: NACK>3 list 4");
        expect(&l, MSG(VACANT + A / 4, PROBE, 1, .gen = 2, .k = 2), "backup @450000: NACK>1 list 4");
        expect(&l, MSG(VACANT + A / 4, PROBE, 9, .gen = 2, .k = 2), "backup @450000:"); /* no address */
        assert_int_equal(l.promise.src, 0);
        assert_int_equal(l.peers[0].gen, 2);
        assert_int_equal(l.peers[0].gen_since_us, VACANT + A / 4);
        assert_int_equal(l.peers[2].gen_since_us, VACANT + A / 4 - 1);
}

/* Rule 12: of who is ahead the list is asked for by a NACK of ours, then stored, then adopted. */
static void learns_from_who_is_ahead(void **state) {
        struct vrrp_lease l = backup();
        struct vrrp_list two = members(2, 4), old = members(1, 3);

        (void)state;
        expect(&l, MSG(2000, CLAIM, 1, .gen = 2, .ballot = BALLOT(9, 1), .k = 1),
               "backup @326600: NACK>1 list 1");
        expect(&l, MSG(3000, NACK, 1, .gen = 2, .list = &two), "backup @326600: STORE 2");
        expect(&l, MSG(3001, NACK, 3, .gen = 2, .list = &two), "backup @326600:"); /* on its way */
        expect(&l, MSG(3001, CLAIM, 3, .gen = 2, .ballot = BALLOT(9, 3), .k = 1), "backup @326600:");
        expect(&l, MSG(3000 + D, NACK, 3, .gen = 2, .list = &two),
               "backup @326600: STORE 2"); /* disk failed? */
        expect(&l, EV(LIST, 304000, .list = &two), "backup @326600: NACK list 2");
        expect(&l, EV(LIST, 304000, .list = &two), "backup @326600:");
        expect(&l, EV(LIST, 304000, .list = &old), "backup @326600:");
        assert_int_equal(l.counters.list_changes, 1);
        expect(&l, MSG(305000, CLAIM, 4, .gen = 2, .ballot = BALLOT(9, 4), .k = 1),
               "backup @630000: ACK>4 b9/4 k1");
        expect(&l, MSG(330000, NACK, 1, .gen = 1, .list = &old), "backup @630000: NACK>1 list 2");
}

static void refuses_a_bad_list(void **state) {
        struct vrrp_lease l = backup();
        struct vrrp_list bad = members(2, 3);

        (void)state;
        bad.v[1].id = 1;
        expect(&l, MSG(3000, NACK, 1, .gen = 2, .list = &bad), "backup @326600: NACK>1 list 1");
        expect(&l, EV(LIST, 3000, .list = &bad), "backup @326600:");
}

/* Rule 12: the promise and the lease end stay, acknowledgements go. */
static void a_new_list_while_active(void **state) {
        struct vrrp_lease l = active();
        struct vrrp_list two = members(2, 4);

        (void)state;
        step(&l, &MSG(401000, ACK, 1, .ballot = BALLOT(1, 2), .k = 2));
        expect(&l, EV(LIST, 402000, .list = &two), "active @500000 guard 683000: NACK list 2");
        assert_int_equal(l.promise.src, 2);
        expect(&l, MSG(403000, ACK, 3, .ballot = BALLOT(1, 2), .k = 2), /* given under the old list */
               "active @500000 guard 683000: NACK>3 list 2");
        expect(&l, EV(TIMER, 500000), "active @600000 guard 683000: CLAIM b1/2 k3 active");
        expect(&l, MSG(501000, ACK, 1, .gen = 2, .ballot = BALLOT(1, 2), .k = 3),
               "active @600000 guard 683000:");
        expect(&l, MSG(501000, ACK, 4, .gen = 2, .ballot = BALLOT(1, 2), .k = 3),
               "active @600000 guard 783000:");
}

/* What the majority of four acknowledged is not what the majority of three did. */
static void a_smaller_list_while_active(void **state) {
        struct vrrp_lease l = candidate_of(4);
        struct vrrp_list two = members(2, 3);

        (void)state;
        step(&l, &MSG(VACANT, ACK, 1, .ballot = BALLOT(1, 2), .k = 1));
        step(&l, &MSG(VACANT, ACK, 3, .ballot = BALLOT(1, 2), .k = 1));
        step(&l, &EV(ADDED, VACANT));
        expect(&l, EV(TIMER, 500000), "active @600000 guard 683000: CLAIM b1/2 k3 active");
        expect(&l, MSG(501000, ACK, 1, .ballot = BALLOT(1, 2), .k = 3), "active @600000 guard 683000:");
        expect(&l, EV(LIST, 502000, .list = &two), "active @600000 guard 683000: NACK list 2");
        expect(&l, EV(TIMER, 600000), "active @683000 guard 683000: CLAIM b1/2 k4 active");
        expect(&l, MSG(601000, ACK, 3, .gen = 2, .ballot = BALLOT(1, 2), .k = 4),
               "active @700000 guard 883000:");
}

static void a_new_list_while_promised(void **state) {
        struct vrrp_lease l = follower();
        struct vrrp_list two = members(2, 3);

        (void)state;
        two.n = 2, two.v[0] = two.v[1], two.v[1] = two.v[2]; /* without the Active */
        expect(&l, EV(LIST, 410000, .list = &two), "backup @725000: NACK list 2");
        assert_int_equal(l.peers[0].heard, false);
        expect(&l, MSG(411000, CLAIM, 3, .gen = 2, .ballot = BALLOT(10, 3), .k = 1), "backup @725000:");
        expect(&l, MSG(411000, CLAIM, 1, .gen = 2, .ballot = BALLOT(9, 1), .k = 4), "backup @725000:");
        expect(&l, MSG(412000, RESIGN, 1, .ballot = BALLOT(9, 1)), "backup @437000:");
}

/* Rule 10: not in the list. */
static void is_removed_from_the_list(void **state) {
        struct vrrp_lease l = active(), c = candidate_of(3);
        struct vrrp_list two = members(2, 3);

        (void)state;
        two.n = 2, two.v[1] = two.v[2];
        step(&l, &MSG(401000, ACK, 3, .gen = 2, .ballot = BALLOT(1, 2), .k = 2));
        expect(&l, EV(LIST, 402000, .list = &two),
               "leaving @never guard 683000: REMOVE NACK list 2 (not in the list of members any more)");
        assert_int_equal(l.succ, 3);
        expect(&l, EV(REMOVED, 403000), "backup @never: RESIGN b1/2 to 3 (the address is removed)");
        expect(&l, MSG(800000, PROBE, 1, .gen = 2, .k = 1), "backup @never:");
        expect(&c, EV(LIST, 402000, .list = &two),
               "backup @never: RESIGN b1/2 NACK list 2 (not in the list of members any more)");
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(preempts_with_a_majority),
        cmocka_unit_test(preempts_nobody_in_vain),
        cmocka_unit_test(better_for_how_long),
        cmocka_unit_test(follows_the_better),
        cmocka_unit_test(is_preempted),
        cmocka_unit_test(a_resignation_frees_the_promise),
        cmocka_unit_test(the_named_one_stands_at_once),
        cmocka_unit_test(a_claim_shows_the_resignation),
        cmocka_unit_test(nobody_frees_the_own_promise),
        cmocka_unit_test(tells_who_is_behind),
        cmocka_unit_test(learns_from_who_is_ahead),
        cmocka_unit_test(refuses_a_bad_list),
        cmocka_unit_test(a_new_list_while_active),
        cmocka_unit_test(a_smaller_list_while_active),
        cmocka_unit_test(a_new_list_while_promised),
        cmocka_unit_test(is_removed_from_the_list),
};

int main(void) {
        return cmocka_run_group_tests(tests, NULL, NULL);
}
