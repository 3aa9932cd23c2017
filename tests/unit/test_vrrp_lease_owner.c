/* Standing, the lease and giving up (lease rules 1, 5 to 7, 9, 10, 13 to 15) as exact steps. */
#include "lease_node.h"

#include <errno.h>

/* Rule 5. */
static void asks_before_it_stands(void **state) {
        struct vrrp_lease l = backup();

        (void)state;
        expect(&l, EV(TIMER, DOWN - 1), "backup @326600:");
        expect(&l, EV(TIMER, DOWN), "backup @376600: PROBE k1");
        expect(&l, EV(TIMER, 376600), "backup @426600: PROBE k2");
        expect(&l, EV(TIMER, 426600), "backup @476600: PROBE k3");
        expect(&l, MSG(426700, YES, 1, .k = 1), "backup @476600:");                  /* too old */
        expect(&l, MSG(426700, YES, 1, .k = 3, .preempt = true), "backup @476600:"); /* another question */
        expect(&l, MSG(426700, YES, 9, .k = 3), "backup @476600:");                  /* not listed */
        expect(&l, MSG(426700, YES, 1, .k = 4), "backup @476600:");                  /* not asked yet */
        expect(&l, MSG(426700, YES, 3, .k = 2),
               "candidate @451700: CLAIM b1/2 k1 (no active member is heard)");
        assert_int_equal(l.counters.probes, 3);
}

static void asks_nothing_while_promised(void **state) {
        struct vrrp_lease l = follower();

        (void)state;
        expect(&l, EV(TIMER, VACANT + D), "backup @725000:");
        expect(&l, EV(TIMER, VACANT + D + SKEW), "backup @775000: PROBE k1");
        expect(&l, MSG(VACANT + D + SKEW, CLAIM, 1, .ballot = BALLOT(9, 1), .k = 4),
               "backup @1050000: ACK>1 b9/1 k4");
        expect(&l, MSG(VACANT + D + SKEW, YES, 3, .k = 1), "backup @1050000:"); /* the promise came between */
}

/* Rule 5: the majority of five is three, ourselves included. */
static void a_majority_must_answer(void **state) {
        struct vrrp_lease_params p = params(5);
        struct vrrp_lease l = started(&p);

        (void)state;
        expect(&l, EV(TIMER, VACANT), "backup @450000: PROBE k1");
        expect(&l, MSG(VACANT, YES, 1, .k = 1), "backup @450000:");
        expect(&l, MSG(VACANT, YES, 1, .k = 1), "backup @450000:");
        expect(&l, MSG(VACANT, YES, 5, .k = 1),
               "candidate @425000: CLAIM b1/2 k1 (no active member is heard)");
}

/* Rules 5 and 7: a list of one needs nobody, and still is renewed. */
static void alone(void **state) {
        struct vrrp_lease_params p = params(3);
        struct vrrp_lease l;

        (void)state;
        p.list = members(1, 2);
        p.list.n = 1, p.list.v[0].id = 2;
        l = started(&p);
        expect(&l, EV(TIMER, DOWN), "active @426600 guard 609600: ADD (alone in the list of members)");
        expect(&l, EV(ADDED, DOWN + 5), "active @426600 guard 609600: ANNOUNCE");
        expect(&l, EV(TIMER, 426600), "active @526600 guard 709600:");
        expect(&l, EV(STOP, 430000), "leaving @never guard 709600: REMOVE (shutting down)");
        expect(&l, EV(REMOVED, 431000), "backup @never: (the address is removed)");
}

/* Rule 6. */
static void claims_until_d_has_passed(void **state) {
        struct vrrp_lease l = candidate_of(3);

        (void)state;
        expect(&l, EV(TIMER, 424999), "candidate @425000:");
        expect(&l, EV(TIMER, 425000), "candidate @450000: CLAIM b1/2 k2");
        for (uint64_t t = 450000; t < 700000; t += 25000)
                step(&l, &EV(TIMER, t));
        assert_int_equal(l.deadline_us, 700000);
        expect(&l, EV(TIMER, 700000), "backup @747465: RESIGN b1/2 (no majority acknowledged in time)");
        assert_in_range(l.down_us, 700000 + SKEW, 700000 + SKEW + A); /* rule 6: skew + random(0..A) */
        assert_int_equal(l.promise.src, 0);
        expect(&l, EV(TIMER, 747465), "backup @797465: PROBE k2");
        expect(&l, MSG(747466, YES, 1, .k = 2),
               "candidate @772466: CLAIM b2/2 k1 (no active member is heard)");
        assert_int_equal(l.ballot.count, 2);
}

/* Rule 6: every message heard raises num. */
static void stands_above_all_it_heard(void **state) {
        struct vrrp_lease l = backup();

        (void)state;
        step(&l, &MSG(2000, ACK, 9, .ballot = BALLOT(41, 9), .k = 1));
        step(&l, &EV(TIMER, VACANT));
        expect(&l, MSG(VACANT, YES, 1, .k = 1),
               "candidate @425000: CLAIM b42/2 k1 (no active member is heard)");
}

/* Rule 7: lease = the M-th newest acknowledged sending time + D - e. */
static void a_majority_makes_the_lease(void **state) {
        struct vrrp_lease l = candidate_of(3);

        (void)state;
        step(&l, &EV(TIMER, 425000));
        expect(&l, MSG(430000, ACK, 1, .ballot = BALLOT(1, 2), .k = 1),
               "active @530000 guard 683000: ADD CLAIM b1/2 k3 active (a majority acknowledged)");
        assert_int_equal(l.lease_us, VACANT + D - E);
        assert_int_equal(l.promise.src, 2);
        assert_int_equal(l.promise.until_us, 430000 + D);
        expect(&l, EV(ADDED, 431000), "active @530000 guard 683000: ANNOUNCE");
        expect(&l, MSG(431000, ACK, 3, .ballot = BALLOT(1, 2), .k = 2), "active @530000 guard 708000:");
        expect(&l, MSG(431000, ACK, 3, .ballot = BALLOT(1, 2), .k = 1), "active @530000 guard 708000:");
        expect(&l, EV(TIMER, 530000), "active @630000 guard 708000: CLAIM b1/2 k4 active");
        expect(&l, MSG(531000, ACK, 1, .ballot = BALLOT(1, 2), .k = 4), "active @630000 guard 813000:");
        assert_int_equal(l.counters.elections, 1);
        assert_int_equal(l.counters.acks, 4);
}

static void five_need_three(void **state) {
        struct vrrp_lease l = candidate_of(5);

        (void)state;
        step(&l, &EV(TIMER, 425000));
        step(&l, &EV(TIMER, 450000));
        expect(&l, MSG(451000, ACK, 1, .ballot = BALLOT(1, 2), .k = 3), "candidate @475000:");
        expect(&l, MSG(451000, ACK, 1, .ballot = BALLOT(1, 2), .k = 2),
               "candidate @475000:"); /* the same one */
        expect(&l, MSG(451000, ACK, 4, .ballot = BALLOT(1, 2), .k = 2),
               "active @551000 guard 708000: ADD CLAIM b1/2 k4 active (a majority acknowledged)");
}

/* Rule 7: an ACK counts if ballot and generation are ours and k was sent. */
static void what_does_not_count(void **state) {
        struct vrrp_lease l = candidate_of(3);
        struct vrrp_ballot other[] = {
                { 2, 2, BOOT, 1 }, { 1, 3, BOOT, 1 }, { 1, 2, 78, 1 }, { 1, 2, BOOT, 2 }
        };

        (void)state;
        for (size_t i = 0; i < 4; i++)
                expect(&l, MSG(VACANT, ACK, 1, .ballot = other[i], .k = 1), "candidate @425000:");
        expect(&l, MSG(VACANT, ACK, 1, .ballot = BALLOT(1, 2), .k = 0), "candidate @425000:");
        expect(&l, MSG(VACANT, ACK, 1, .ballot = BALLOT(1, 2), .k = 2), "candidate @425000:");
        expect(&l, MSG(VACANT, ACK, 9, .ballot = BALLOT(1, 2), .k = 1), "candidate @425000:");
        expect(&l, MSG(VACANT, ACK, 1, .ballot = BALLOT(1, 2), .k = 1, .gen = 2),
               "candidate @425000: NACK>1 list 1");
        assert_int_equal(l.lease_us, 0);
}

/* Rule 7: no address when the lease would end before it is there. */
static void too_late_for_an_add(void **state) {
        struct vrrp_lease l = candidate_of(3);

        (void)state;
        for (uint64_t t = 425000; t < 680000; t += 25000)
                step(&l, &EV(TIMER, t));
        expect(&l, MSG(678000, ACK, 1, .ballot = BALLOT(1, 2), .k = 1), "candidate @700000:");
        expect(&l, MSG(678000, ACK, 1, .ballot = BALLOT(1, 2), .k = 2),
               "active @708000 guard 708000: ADD CLAIM b1/2 k13 active (a majority acknowledged)");
}

/* Rules 4 and 9. */
static void a_candidate_yields_to_the_better(void **state) {
        struct vrrp_lease l = candidate_of(3);

        (void)state;
        expect(&l, MSG(410000, CLAIM, 1, .ballot = BALLOT(1, 1), .k = 1),
               "candidate @425000:"); /* lower id */
        expect(&l, MSG(410000, PROBE, 1, .k = 1), "candidate @425000:");
        expect(&l, MSG(410000, PROBE, 3, .k = 1), "candidate @425000: YES>3 k1");
        expect(&l, MSG(410000, CLAIM, 3, .ballot = BALLOT(1, 3), .k = 1),
               "backup @735000: RESIGN b1/2 ACK>3 b1/3 k1 (a better member stands)");
        assert_int_equal(l.lease_us, 0);
        expect(&l, MSG(410001, ACK, 1, .ballot = BALLOT(1, 2), .k = 1), "backup @735000:");
}

static void a_candidate_yields_to_an_active(void **state) {
        struct vrrp_lease l = candidate_of(3);

        (void)state;
        expect(&l, MSG(410000, CLAIM, 1, .ballot = BALLOT(1, 1), .k = 9, .active = true),
               "backup @735000: RESIGN b1/2 ACK>1 b1/1 k9 (another member is active)");
        assert_int_equal(l.active_id, 1);
}

/* Rules 10 and 13: the check comes before whatever the event says, even an acknowledgement. */
static void the_lease_runs_out(void **state) {
        struct vrrp_lease l = active();

        (void)state;
        expect(&l, EV(TIMER, 500000), "active @600000 guard 683000: CLAIM b1/2 k3 active");
        expect(&l, EV(TIMER, 600000), "active @683000 guard 683000: CLAIM b1/2 k4 active");
        expect(&l, MSG(683000, ACK, 1, .ballot = BALLOT(1, 2), .k = 4),
               "leaving @never guard 683000: REMOVE (the lease could not be renewed)");
        assert_int_equal(l.counters.expired, 1);
        assert_int_equal(l.promise.src, 2); /* rule 10: until the address is gone */
        expect(&l, EV(TIMER, 690000), "leaving @never guard 683000:");
        expect(&l, EV(REMOVED, 691000), "backup @866000: RESIGN b1/2 (the address is removed)");
        assert_int_equal(l.promise.src, 0);
}

/* Rule 10: waits for the kernel's answer, also of a pending add. */
static void gives_up_while_adding(void **state) {
        struct vrrp_lease l = candidate_of(3);

        (void)state;
        step(&l, &MSG(VACANT, ACK, 1, .ballot = BALLOT(1, 2), .k = 1));
        expect(&l, EV(GIVE_UP, 401000, .reason = "moved"), "leaving @never guard 683000: REMOVE (moved)");
        expect(&l, EV(ADDED, 402000), "leaving @never guard 683000:");
        expect(&l, EV(GIVE_UP, 402000), "leaving @never guard 683000:");
        expect(&l, EV(REMOVED, 403000), "backup @528000: RESIGN b1/2 to 1 (the address is removed)");
}

static void the_kernel_refuses_the_address(void **state) {
        struct vrrp_lease l = candidate_of(3);

        (void)state;
        step(&l, &MSG(VACANT, ACK, 1, .ballot = BALLOT(1, 2), .k = 1));
        expect(&l, EV(ADDED, 402000, .error = -EPERM),
               "leaving @never guard 683000: REMOVE (the kernel did not take the address)");
}

/* Rule 10: who is named. Member 3 is heard too; higher id of equals. */
static void names_a_successor(void **state) {
        static const struct {
                uint64_t asked;
                struct vrrp_rank one, three;
                uint64_t named;
        } cases[] = {
                { 0, { VRRP_HEALTHY, 128, 1 }, { VRRP_HEALTHY, 128, 3 }, 3 },
                { 0, { VRRP_HEALTHY, 210, 1 }, { VRRP_HEALTHY, 128, 3 }, 1 },
                { 0, { VRRP_FAILED, 250, 1 }, { VRRP_DEGRADED, 128, 3 }, 3 },
                { 1, { VRRP_FAILED, 250, 1 }, { VRRP_DEGRADED, 128, 3 }, 1 },
                { 9, { VRRP_HEALTHY, 128, 1 }, { VRRP_DEGRADED, 128, 3 }, 1 },
                { 2, { VRRP_HEALTHY, 128, 1 }, { VRRP_DEGRADED, 128, 3 }, 1 },
                { VRRP_LEASE_NOBODY, { VRRP_HEALTHY, 128, 1 }, { VRRP_HEALTHY, 128, 3 }, 0 },
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct vrrp_lease l = active();

                step(&l, &MSG(401000, YES, 1, .rank = cases[i].one));
                step(&l, &MSG(401000, YES, 3, .rank = cases[i].three));
                step(&l, &EV(GIVE_UP, 402000, .succ = cases[i].asked));
                assert_int_equal(l.succ, cases[i].named);
        }
}

static void names_nobody_who_cannot_stand(void **state) {
        struct vrrp_lease l = active();

        (void)state;
        step(&l, &MSG(401000, YES, 1, .standby = true));
        step(&l, &MSG(401000, YES, 3, .gen = 2));
        expect(&l, EV(STANDBY, 402000, .on = true), "leaving @never guard 683000: REMOVE (on standby)");
        expect(&l, EV(REMOVED, 403000), "backup @never: RESIGN b1/2 standby (the address is removed)");
        expect(&l, EV(STANDBY, 600000), "backup @650000: PROBE k2"); /* off again: down has passed */

        l = active();
        for (uint64_t t = 500000; t <= 700000; t += A) {
                step(&l, &EV(TIMER, t));
                step(&l, &MSG(t, ACK, 3, .ballot = BALLOT(1, 2), .k = l.k));
        }
        step(&l, &MSG(700000, YES, 3, .standby = true)); /* and member 1 was not heard for D */
        step(&l, &EV(GIVE_UP, 700000));
        assert_int_equal(l.succ, 0);
}

/* Rule 10: down = now + skew + (A if a successor is named else D/2). */
static void waits_after_giving_up(void **state) {
        struct vrrp_lease l = active();

        (void)state;
        step(&l, &EV(GIVE_UP, 402000, .succ = VRRP_LEASE_NOBODY));
        expect(&l, EV(REMOVED, 403000), "backup @578000: RESIGN b1/2 (the address is removed)");
        l = active();
        step(&l, &EV(GIVE_UP, 402000));
        expect(&l, EV(REMOVED, 403000), "backup @528000: RESIGN b1/2 to 1 (the address is removed)");
}

static void the_link_goes(void **state) {
        struct vrrp_lease l = active(), c = candidate_of(3);

        (void)state;
        expect(&l, EV(LINK, 402000), "leaving @never guard 683000: REMOVE (the link is down)");
        expect(&l, EV(REMOVED, 402500), "backup @never: RESIGN b1/2 to 1 (the address is removed)");
        expect(&l, EV(LINK, 600000, .on = true), "backup @650000: PROBE k2");
        expect(&c, EV(LINK, 402000), "backup @never: RESIGN b1/2 (the link is down)");
}

/* Rule 10: an ACTIVE claim of a higher ballot. */
static void hears_a_later_active(void **state) {
        struct vrrp_lease l = active();

        (void)state;
        expect(&l, MSG(410000, CLAIM, 3, .ballot = BALLOT(1, 3), .k = 1, .active = true),
               "active @500000 guard 683000:");
        expect(&l, MSG(410000, CLAIM, 3, .ballot = BALLOT(2, 3), .k = 1), "active @500000 guard 683000:");
        expect(&l, MSG(410000, CLAIM, 3, .ballot = BALLOT(2, 3), .k = 1, .active = true),
               "leaving @never guard 683000: REMOVE (another member is active under a later ballot)");
}

/* A failed Active leaves only if somebody better was heard: the address must be somewhere. */
static void the_active_fails(void **state) {
        const struct vrrp_rank failed = { VRRP_FAILED, 128, 0 }, degraded = { VRRP_DEGRADED, 128, 0 };
        struct vrrp_lease l = active();

        (void)state;
        expect(&l, EV(RANK, 402000, .rank = degraded), "active @500000 guard 683000:");
        step(&l, &MSG(402000, YES, 1, .rank = { VRRP_FAILED, 250, 1 }));
        expect(&l, EV(RANK, 403000, .rank = failed), "active @500000 guard 683000:");
        step(&l, &EV(RANK, 403000, .rank = degraded));
        step(&l, &MSG(403000, YES, 3, .rank = { VRRP_DEGRADED, 1, 3 }));
        expect(&l, EV(RANK, 404000, .rank = failed, .reason = "the API server refuses"),
               "leaving @never guard 683000: REMOVE (the API server refuses)");
        assert_int_equal(l.succ, 3);
}

/* Rules 13 and 15: no announcement after lease - R. */
static void the_add_takes_too_long(void **state) {
        struct vrrp_lease l = candidate_of(3);

        (void)state;
        step(&l, &MSG(VACANT, ACK, 1, .ballot = BALLOT(1, 2), .k = 1));
        step(&l, &EV(TIMER, 500000));
        expect(&l, EV(ADDED, 683000), "leaving @never guard 683000: REMOVE (the lease could not be renewed)");
}

/* Rule 14. */
static void wakes_up_late(void **state) {
        struct vrrp_lease l = active(), b = follower(), x = active(), c = candidate_of(3);

        (void)state;
        expect(&l, EV(GAP, 650000, .on = true), "active @683000 guard 683000: CLAIM b1/2 k3 active");
        expect(&l, EV(GAP, 651000, .on = false), "active @683000 guard 683000: ADD");
        expect(&l, EV(GAP, 651000, .on = false), "active @683000 guard 683000:"); /* the add is on its way */
        expect(&l, EV(ADDED, 652000), "active @683000 guard 683000: ANNOUNCE");
        expect(&x, EV(GAP, 683000, .on = true),
               "leaving @never guard 683000: REMOVE (the lease could not be renewed)");
        expect(&b, EV(GAP, 750000, .on = false), "backup @875000:"); /* not 725000 any more */
        expect(&b, EV(GAP, 751000, .on = true), "backup @never guard 0: REMOVE");
        expect(&b, EV(GAP, 751000, .on = true), "backup @never guard 0:");
        expect(&b, EV(REMOVED, 752000), "backup @876000:");
        expect(&c, EV(GAP, 420000, .on = true), "candidate @425000 guard 0: REMOVE");
        expect(&c, MSG(421000, ACK, 1, .ballot = BALLOT(1, 2), .k = 1), "candidate @425000 guard 0:");
        expect(&c, EV(REMOVED, 422000), "candidate @425000:");
        expect(&c, EV(TIMER, 425000),
               "active @525000 guard 683000: CLAIM b1/2 k2 ADD CLAIM b1/2 k3 active (a majority "
               "acknowledged)");
}

/* Rule 1: after a suspend. */
static void starts_again(void **state) {
        struct vrrp_lease l = active(), b = follower();

        (void)state;
        expect(&l, EV(START, 500000, .boot = 78), "backup @never guard 0: REMOVE (started)");
        assert_int_equal(l.promise.src, 0);
        assert_int_equal(l.silent_us, 500000 + D + D / 500);
        expect(&l, EV(REMOVED, 501000), "backup @825600:");
        expect(&l, EV(TIMER, 825600), "backup @875600: PROBE k1");
        expect(&l, MSG(825600, YES, 1, .k = 1),
               "candidate @850600: CLAIM b1/2 k1 (no active member is heard)");
        assert_int_equal(l.ballot.boot, 78);
        expect(&b, EV(START, 500000, .boot = 78), "backup @825600: (started)");
        assert_int_equal(b.active_id, 0);

        l = active();
        step(&l, &EV(GIVE_UP, 402000));
        expect(&l, EV(START, 403000, .boot = 78), "backup @never guard 0: (started)"); /* removed only once */
        expect(&l, EV(REMOVED, 404000), "backup @728600:");
}

/* A suspended Active whose lease is over when it starts again removes once. */
static void starts_again_too_late(void **state) {
        struct vrrp_lease l = active();

        (void)state;
        expect(&l, EV(START, 9000000, .boot = 78), "backup @never guard 0: REMOVE (started)");
}

static void stops(void **state) {
        struct vrrp_lease l = active(), b = follower();

        (void)state;
        expect(&l, EV(STOP, 402000), "leaving @never guard 683000: REMOVE (shutting down)");
        expect(&l, EV(REMOVED, 403000), "backup @never: RESIGN b1/2 to 1 (the address is removed)");
        expect(&l, MSG(800000, CLAIM, 1, .ballot = BALLOT(2, 1), .k = 1), "backup @never:");
        expect(&b, EV(STOP, 402000), "backup @never:");
        expect(&b, MSG(402000, PROBE, 1, .k = 1), "backup @never:");
        expect(&b, EV(TIMER, 1000000), "backup @never:");
}

static void a_witness_never_stands(void **state) {
        struct vrrp_lease_params p = params(3);
        struct vrrp_lease l;

        (void)state;
        p.list.v[1].witness = true;
        l = started(&p);
        expect(&l, EV(TIMER, VACANT), "backup @never:");
        expect(&l, MSG(VACANT, CLAIM, 1, .ballot = BALLOT(9, 1), .k = 1),
               "backup @never: ACK>1 b9/1 k1 standby");
        expect(&l, MSG(VACANT, RESIGN, 1, .ballot = BALLOT(9, 1), .succ = 2), "backup @never:");
        p = params(3), p.witness = true;
        l = started(&p);
        expect(&l, EV(TIMER, VACANT), "backup @never:");
        p = params(3), p.list.v[0].witness = true; /* nor is it named */
        l = started(&p);
        step(&l, &MSG(VACANT, YES, 1));
        step(&l, &EV(TIMER, VACANT));
        step(&l, &MSG(VACANT, YES, 1, .k = 1));
        step(&l, &MSG(VACANT, ACK, 1, .ballot = BALLOT(1, 2), .k = 1));
        step(&l, &EV(GIVE_UP, VACANT, .succ = 1));
        expect(&l, EV(REMOVED, VACANT), "backup @575000: RESIGN b1/2 (the address is removed)");
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_before_it_stands),
        cmocka_unit_test(asks_nothing_while_promised),
        cmocka_unit_test(a_majority_must_answer),
        cmocka_unit_test(alone),
        cmocka_unit_test(claims_until_d_has_passed),
        cmocka_unit_test(stands_above_all_it_heard),
        cmocka_unit_test(a_majority_makes_the_lease),
        cmocka_unit_test(five_need_three),
        cmocka_unit_test(what_does_not_count),
        cmocka_unit_test(too_late_for_an_add),
        cmocka_unit_test(a_candidate_yields_to_the_better),
        cmocka_unit_test(a_candidate_yields_to_an_active),
        cmocka_unit_test(the_lease_runs_out),
        cmocka_unit_test(gives_up_while_adding),
        cmocka_unit_test(the_kernel_refuses_the_address),
        cmocka_unit_test(names_a_successor),
        cmocka_unit_test(names_nobody_who_cannot_stand),
        cmocka_unit_test(waits_after_giving_up),
        cmocka_unit_test(the_link_goes),
        cmocka_unit_test(hears_a_later_active),
        cmocka_unit_test(the_active_fails),
        cmocka_unit_test(the_add_takes_too_long),
        cmocka_unit_test(wakes_up_late),
        cmocka_unit_test(starts_again),
        cmocka_unit_test(starts_again_too_late),
        cmocka_unit_test(stops),
        cmocka_unit_test(a_witness_never_stands),
};

int main(void) {
        return cmocka_run_group_tests(tests, NULL, NULL);
}
