/* Each rule of the majority lease (docs/lease.md) as exact steps: state, deadline, guard, actions in order,
 * reason. The rules together are shown by simulation. */
#include "lease_node.h"

#include <errno.h>
#include <stdlib.h>

static void refused_parameters(void **state) {
        struct vrrp_lease_params good = params(3), p;
        struct vrrp_lease l;

        (void)state;
        assert_int_equal(vrrp_lease_init(&l, &good), 0);
#define REFUSED(change) (p = good, (change), assert_int_equal(vrrp_lease_init(&l, &p), -EINVAL))
        REFUSED(p.self = 0);
        REFUSED(p.self = VRRP_LEASE_NOBODY);
        REFUSED(p.priority = 0);
        REFUSED(p.class = 3);
        REFUSED(p.list.gen = 0);
        REFUSED(p.list.n = 0);
        REFUSED(p.list.n = VRRP_LIST_MEMBERS + 1);
        REFUSED(p.interval_us = 9999);
        REFUSED(p.interval_us = 40950001);
        REFUSED(p.removal_us = 4999);
        REFUSED(p.add_us = A + 1);
        REFUSED(p.removal_us = D - E - 2 * A + 1); /* D - e - R < 2 A */
        p = good, p.removal_us = D - E - 2 * A;
        assert_int_equal(vrrp_lease_init(&l, &p), 0);
        p = good, p.interval_us = 10000, p.removal_us = 5000, p.add_us = 2000; /* the fastest */
        assert_int_equal(vrrp_lease_init(&l, &p), 0);
        p.removal_us = 8401;
        assert_int_equal(vrrp_lease_init(&l, &p), -EINVAL);
}

static void majorities(void **state) {
        static const unsigned wanted[] = { 1, 2, 2, 3, 3, 4, 4 };

        (void)state;
        for (size_t n = 1; n <= 7; n++) {
                struct vrrp_list list = members(1, n);

                assert_int_equal(vrrp_lease_majority(&list), wanted[n - 1]);
        }
}

static void ranks(void **state) {
        struct vrrp_rank best = { VRRP_HEALTHY, 210, 1 }, older = { VRRP_HEALTHY, 210, 2 },
                         lower = { VRRP_HEALTHY, 190, 9 }, degraded = { VRRP_DEGRADED, 250, 9 };

        (void)state;
        assert_true(vrrp_rank_better(&older, &best));
        assert_true(vrrp_rank_better(&best, &lower));
        assert_true(vrrp_rank_better(&lower, &degraded));
        assert_false(vrrp_rank_better(&degraded, &lower));
        assert_false(vrrp_rank_better(&best, &best));
}

/* Rule 3: sessions, generations and RESIGN are handled; no ACK, no YES, no standing. */
static void silent_after_the_start(void **state) {
        struct vrrp_lease_params p = params(3);
        struct vrrp_lease l;

        (void)state;
        assert_int_equal(vrrp_lease_init(&l, &p), 0);
        expect(&l, EV(TIMER, 500), "backup @never:");
        expect(&l, MSG(600, CLAIM, 1, .ballot = BALLOT(9, 1), .k = 1), "backup @never:");
        expect(&l, EV(START, T0, .boot = BOOT), "backup @326600: (started)");
        expect(&l, MSG(301599, CLAIM, 1, .ballot = BALLOT(9, 1), .k = 1), "backup @326600:");
        expect(&l, MSG(301599, PROBE, 1, .k = 1), "backup @326600:");
        expect(&l, MSG(301599, RESIGN, 1, .ballot = BALLOT(9, 1), .succ = 2), "backup @326600:");
        expect(&l, MSG(301600, PROBE, 1, .k = 1), "backup @326600: YES>1 k1");
        expect(&l, MSG(301600, CLAIM, 1, .ballot = BALLOT(10, 1), .k = 7), "backup @626600: ACK>1 b10/1 k7");
        assert_int_equal(l.counters.refused_acks, 1);
}

/* Rule 4. */
static void a_promise_binds_for_d(void **state) {
        struct vrrp_lease l = follower();

        (void)state;
        expect(&l, MSG(VACANT + 10, CLAIM, 3, .ballot = BALLOT(10, 3), .k = 1), "backup @725000:");
        expect(&l, MSG(VACANT + 10, PROBE, 3, .k = 1), "backup @725000:");
        expect(&l, MSG(VACANT + 10, CLAIM, 1, .ballot = BALLOT(11, 1), .k = 2),
               "backup @725010: ACK>1 b11/1 k2");
        expect(&l, MSG(VACANT + 10 + D - 1, CLAIM, 3, .ballot = BALLOT(10, 3), .k = 2), "backup @725010:");
        expect(&l, MSG(VACANT + 10 + D, CLAIM, 3, .ballot = BALLOT(10, 3), .k = 3),
               "backup @1025010: ACK>3 b10/3 k3");
        assert_int_equal(l.maxnum, 11);
}

/* Rule 4: voting ignores class and drain. */
static void a_vote_ignores_class(void **state) {
        struct vrrp_lease l = backup();

        (void)state;
        expect(&l, EV(STANDBY, VACANT, .on = true), "backup @never:");
        expect(&l, MSG(VACANT, PROBE, 1, .k = 4, .rank = { VRRP_FAILED, 1, 1 }),
               "backup @never: YES>1 k4 standby");
        expect(&l, MSG(VACANT, CLAIM, 1, .ballot = BALLOT(1, 1), .k = 1, .rank = { VRRP_FAILED, 1, 1 }),
               "backup @never: ACK>1 b1/1 k1 standby");
}

/* Rule 4: who is Active, or leaving, acknowledges nobody. */
static void the_active_refuses(void **state) {
        struct vrrp_lease l = active();

        (void)state;
        expect(&l, MSG(VACANT, CLAIM, 3, .ballot = BALLOT(1, 3), .k = 1, .rank = { VRRP_HEALTHY, 250, 3 }),
               "active @500000 guard 683000:");
        expect(&l, MSG(VACANT, PROBE, 3, .k = 1), "active @500000 guard 683000:");
        expect(&l, EV(GIVE_UP, VACANT + 1), "leaving @never guard 683000: REMOVE (asked to give up)");
        expect(&l, MSG(VACANT + 2, CLAIM, 3, .ballot = BALLOT(2, 3), .k = 1), "leaving @never guard 683000:");
        expect(&l, MSG(VACANT + 9 * D, CLAIM, 3, .ballot = BALLOT(2, 3), .k = 2),
               "leaving @never guard 683000:");
}

/* Half of the RFC's, but not where two would ask at once: of priority 128 that is A/4, or 12.8 ms, up to A/2.
 */
static void skew_by_interval(void **state) {
        static const struct {
                uint32_t interval_us;
                uint64_t skew_us;
        } v[] = { { 10000, 5000 },  { 25600, 12800 },  { 40000, 12800 },
                  { 51200, 12800 }, { 100000, 25000 }, { 1000000, 250000 } };

        (void)state;
        for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
                struct vrrp_lease_params p = params(3);
                struct vrrp_lease l;

                p.interval_us = v[i].interval_us;
                p.removal_us = VRRP_LEASE_REMOVAL_US;
                p.add_us = 1000;
                assert_int_equal(vrrp_lease_init(&l, &p), 0);
                step(&l, &EV(START, T0, .boot = BOOT));
                assert_int_equal(l.down_us - l.silent_us, v[i].skew_us);
        }
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_parameters),
        cmocka_unit_test(majorities),
        cmocka_unit_test(ranks),
        cmocka_unit_test(silent_after_the_start),
        cmocka_unit_test(a_promise_binds_for_d),
        cmocka_unit_test(a_vote_ignores_class),
        cmocka_unit_test(the_active_refuses),
        cmocka_unit_test(skew_by_interval),
};

int main(void) {
        return cmocka_run_group_tests(tests, NULL, NULL);
}
