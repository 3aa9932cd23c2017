/* The famous cases, as exact traces. A = 100 ms, R = 5 ms; a datagram takes 200 us, an add 60 us, a removal
 * 40 us. Times are milliseconds. */
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct story {
        struct sim w;
        char *text;
        size_t size, told;
};

static struct story *begin(unsigned members, enum vrrp_preempt preempt) {
        const struct sim_setup setup = {
                .seed = 1,
                .members = members,
                .interval_us = SIM_MS(100),
                .removal_us = VRRP_LEASE_REMOVAL_US,
                .add_us = 1000,
                .preempt = preempt,
                .exact = true,
        };
        struct story *s = calloc(1, sizeof *s);

        assert_non_null(s);
        sim_init(&s->w, &setup);
        s->w.story = open_memstream(&s->text, &s->size);
        s->w.story_level = 1;
        assert_non_null(s->w.story);
        for (unsigned i = 0; i < members; i++)
                sim_host_boot(&s->w, i);
        return s;
}

static void end(struct story *s) {
        fclose(s->w.story);
        free(s->text);
        free(s);
}

/* Until then, what has been told since the last call is this. */
static void expect(struct story *s, unsigned ms, const char *text) {
        sim_run(&s->w, SIM_MS(ms));
        fflush(s->w.story);
        assert_string_equal(s->text + s->told, text);
        s->told = s->size;
        assert_false(s->w.stop); /* nothing was violated */
}

static void cut(struct story *s, unsigned i, bool hears, bool is_heard) {
        for (unsigned k = 0; k < SIM_NODES; k++) {
                s->w.net.cut[k][i] = !hears;
                s->w.net.cut[i][k] = !is_heard;
        }
}

/* Three that start together: D of silence, the skew of the best, a probe, a claim. */
#define STARTED                                                                                              \
        "[1000.000] n1 starts\n"                                                                             \
        "[1000.000] n2 starts\n"                                                                             \
        "[1000.000] n3 starts\n"
#define FIRST_OWNER                                                                                          \
        STARTED                                                                                              \
        "[1302.171] n1 backup -> candidate: no active member is heard\n"                                     \
        "[1302.571] n1 candidate -> active: a majority acknowledged\n"                                       \
        "[1302.631] n1 address on\n"

static void power_loss_of_the_active(void **state) {
        struct story *s = begin(3, VRRP_PREEMPT_HEALTH);

        (void)state;
        expect(s, 2000, FIRST_OWNER);
        sim_host_power_loss(&s->w, 0, SIM_MS(2500)); /* last claim heard at 1903.943 */
        expect(s, 5000,
               "[2000.000] n1 loses its power\n"
               "[2000.000] n1 address off\n"
               "[2208.249] n2 backup -> candidate: no active member is heard\n"
               "[2208.649] n2 candidate -> active: a majority acknowledged\n"
               "[2208.709] n2 address on\n"
               "[2500.000] n1 starts\n"); /* and nothing moves back */
        end(s);
}

static void one_way_link_of_the_active(void **state) {
        struct story *s = begin(3, VRRP_PREEMPT_HEALTH);

        (void)state;
        expect(s, 2000, FIRST_OWNER);
        cut(s, 0, false, true); /* it is heard, and hears nothing: it resigns before its lease ends */
        expect(s, 6000,
               "[2190.571] n1 active -> leaving: the lease could not be renewed\n"
               "[2190.611] n1 address off (guard)\n"
               "[2190.666] n1 leaving -> backup: the address is removed\n"
               "[2196.344] n2 backup -> candidate: no active member is heard\n"
               "[2196.744] n2 candidate -> active: a majority acknowledged\n"
               "[2196.804] n2 address on\n"); /* n1 asks twenty times a second, and never stands */
        assert_int_equal(s->w.host[0].lease.state, VRRP_LEASE_BACKUP);
        assert_true(s->w.host[0].lease.counters.probes > 60);
        sim_heal(&s->w);
        expect(s, 8000, "");
        end(s);
}

static void backup_that_is_not_heard(void **state) {
        struct story *s = begin(3, VRRP_PREEMPT_HEALTH);

        (void)state;
        expect(s, 2000, FIRST_OWNER);
        cut(s, 1, true, false);
        expect(s, 8000, "");
        end(s);
}

static void active_cut_off(void **state) {
        struct story *s = begin(3, VRRP_PREEMPT_HEALTH);

        (void)state;
        expect(s, 2000, FIRST_OWNER);
        cut(s, 0, false, false);
        expect(s, 5000,
               "[2190.571] n1 active -> leaving: the lease could not be renewed\n"
               "[2190.611] n1 address off (guard)\n"
               "[2190.666] n1 leaving -> backup: the address is removed\n"
               "[2208.249] n2 backup -> candidate: no active member is heard\n"
               "[2208.649] n2 candidate -> active: a majority acknowledged\n"
               "[2208.709] n2 address on\n");
        sim_heal(&s->w);
        expect(s, 9000, "");
        end(s);
}

static void one_lost_claim(void **state) {
        struct story *s = begin(3, VRRP_PREEMPT_HEALTH);

        (void)state;
        expect(s, 1950, FIRST_OWNER);
        cut(s, 0, false, false); /* the claim of 2003.743 is lost, that of 2103.743 is not */
        expect(s, 2050, "");
        sim_heal(&s->w);
        expect(s, 4000, "");
        end(s);
}

static void two_lost_claims(void **state) {
        struct story *s = begin(3, VRRP_PREEMPT_HEALTH);

        (void)state;
        expect(s, 1950, FIRST_OWNER);
        cut(s, 0, false, false);
        expect(s, 2150, "");
        sim_heal(&s->w); /* the next one would be acknowledged at 2204.143 */
        expect(s, 4000,
               "[2190.571] n1 active -> leaving: the lease could not be renewed\n"
               "[2190.611] n1 address off (guard)\n"
               "[2190.666] n1 leaving -> backup: the address is removed\n"
               "[2196.344] n2 backup -> candidate: no active member is heard\n"
               "[2196.744] n2 candidate -> active: a majority acknowledged\n"
               "[2196.804] n2 address on\n");
        end(s);
}

static void two_of_three_restart_at_once(void **state) {
        struct story *s = begin(3, VRRP_PREEMPT_HEALTH);

        (void)state;
        expect(s, 2000, FIRST_OWNER);
        sim_host_power_loss(&s->w, 0, SIM_MS(2010));
        sim_host_power_loss(&s->w, 1, SIM_MS(2010));
        expect(s, 5000,
               "[2000.000] n1 loses its power\n"
               "[2000.000] n1 address off\n"
               "[2000.000] n2 loses its power\n"
               "[2010.000] n1 starts\n"
               "[2010.000] n2 starts\n" /* silent for D: what they have promised they do not know */
               "[2312.155] n3 backup -> candidate: no active member is heard\n" /* it asks every A/2 since */
               "[2312.171] n1 backup -> candidate: no active member is heard\n"
               "[2312.371] n3 candidate -> backup: a better member stands\n"
               "[2312.571] n1 candidate -> active: a majority acknowledged\n"
               "[2312.631] n1 address on\n");
        end(s);
}

static void one_becomes_two_becomes_three(void **state) {
        struct story *s = begin(1, VRRP_PREEMPT_HEALTH);

        (void)state;
        expect(s, 2000,
               "[1000.000] n1 starts\n"
               "[1301.771] n1 backup -> active: alone in the list of members\n"
               "[1301.831] n1 address on\n");
        /* Started D before it is listed, a member can vote at once: the address stays where it is. */
        assert_int_equal(sim_members_create(&s->w), 1);
        sim_host_boot(&s->w, 1);
        expect(s, 2400, "[2000.000] n2 starts\n");
        assert_true(sim_members_add(&s->w, 1));
        expect(s, 2500, "[2400.000] list 2: 2 members\n");
        assert_int_equal(sim_members_create(&s->w), 2);
        sim_host_boot(&s->w, 2);
        assert_false(sim_members_add(&s->w, 2)); /* 1.1 D after both have adopted the list, not before */
        expect(s, 3000, "[2500.000] n3 starts\n");
        assert_true(sim_members_add(&s->w, 2));
        expect(s, 5000, "[3000.000] list 3: 3 members\n");
        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(s->w.host[i].lease.p.list.gen, 3);
        assert_int_equal(s->w.host[0].lease.state, VRRP_LEASE_ACTIVE);
        end(s);
}

static void second_member_that_has_just_started(void **state) {
        struct story *s = begin(1, VRRP_PREEMPT_HEALTH);

        (void)state;
        expect(s, 2000,
               "[1000.000] n1 starts\n"
               "[1301.771] n1 backup -> active: alone in the list of members\n"
               "[1301.831] n1 address on\n");
        assert_int_equal(sim_members_create(&s->w), 1);
        sim_host_boot(&s->w, 1);
        assert_true(sim_members_add(&s->w, 1)); /* at once: of two, one is silent for D */
        expect(s, 5000,
               "[2000.000] n2 starts\n"
               "[2000.000] list 2: 2 members\n"
               "[2189.771] n1 active -> leaving: the lease could not be renewed\n"
               "[2189.811] n1 address off (guard)\n"
               "[2189.866] n1 leaving -> backup: the address is removed\n"
               "[2306.078] n2 backup -> candidate: no active member is heard\n"
               "[2306.478] n2 candidate -> active: a majority acknowledged\n"
               "[2306.538] n2 address on\n");
        end(s);
}

static void three_become_two(void **state) {
        struct story *s = begin(3, VRRP_PREEMPT_HEALTH);

        (void)state;
        expect(s, 2000, FIRST_OWNER);
        assert_true(sim_members_shrink(&s->w, 2));
        expect(s, 4000, "[2000.000] list 2: 2 members\n");
        assert_true(sim_members_shrink(&s->w, 0)); /* the owner: what was promised to it runs out first */
        expect(s, 8000,
               "[4000.000] list 3: 1 members\n"
               "[4001.100] n1 active -> leaving: not in the list of members any more\n"
               "[4001.140] n1 address off\n"
               "[4001.155] n1 leaving -> backup: the address is removed\n"
               "[4207.849] n2 backup -> active: alone in the list of members\n"
               "[4207.909] n2 address on\n");
        end(s);
}

static void sigterm_hands_over_without_waiting(void **state) {
        struct story *s = begin(3, VRRP_PREEMPT_HEALTH);

        (void)state;
        expect(s, 2000, FIRST_OWNER);
        sim_host_stop(&s->w, 0, SIM_MS(3000));
        expect(s, 8000,
               "[2000.000] n1: SIGTERM\n"
               "[2000.000] n1 active -> leaving: stopped\n"
               "[2000.040] n1 address off\n"
               "[2000.055] n1 leaving -> backup: the address is removed\n"
               "[2000.055] n1 ends\n"
               "[2000.255] n2 backup -> candidate: named as successor\n"
               "[2000.655] n2 candidate -> active: a majority acknowledged\n"
               "[2000.715] n2 address on\n"
               "[3000.000] n1 starts\n"); /* preempt: health. The preferred node is no healthier */
        end(s);
}

static void preferred_node_takes_it_back_where_told_to(void **state) {
        struct story *s = begin(3, VRRP_PREEMPT_ALWAYS);

        (void)state;
        expect(s, 2000, FIRST_OWNER);
        sim_host_power_loss(&s->w, 0, SIM_MS(3000));
        expect(s, 8000,
               "[2000.000] n1 loses its power\n"
               "[2000.000] n1 address off\n"
               "[2208.249] n2 backup -> candidate: no active member is heard\n"
               "[2208.649] n2 candidate -> active: a majority acknowledged\n"
               "[2208.709] n2 address on\n"
               "[3000.000] n1 starts\n" /* silent for D, then better for 5 A; the gap is 675 us */
               "[3509.449] n2 active -> leaving: a better member asked for the address\n"
               "[3509.489] n2 address off\n"
               "[3509.504] n2 leaving -> backup: the address is removed\n"
               "[3509.704] n1 backup -> candidate: named as successor\n"
               "[3510.104] n1 candidate -> active: a majority acknowledged\n"
               "[3510.164] n1 address on\n");
        end(s);
}

static void class_falls(void **state) {
        struct story *s = begin(3, VRRP_PREEMPT_HEALTH);

        (void)state;
        expect(s, 2000, FIRST_OWNER);
        sim_host_rank(&s->w, 0, VRRP_DEGRADED, 250);
        expect(s, 4000,
               "[2000.000] n1: class 1, priority 250\n" /* 5 A, then n2 asks the others and n1 */
               "[2503.371] n1 active -> leaving: a better member asked for the address\n"
               "[2503.411] n1 address off\n"
               "[2503.426] n1 leaving -> backup: the address is removed\n"
               "[2503.626] n2 backup -> candidate: named as successor\n"
               "[2504.026] n2 candidate -> active: a majority acknowledged\n"
               "[2504.086] n2 address on\n");
        sim_host_rank(&s->w, 0, VRRP_HEALTHY, 250);
        expect(s, 8000, "[4000.000] n1: class 0, priority 250\n");
        end(s);
}

static void class_falls_to_failed(void **state) {
        struct story *s = begin(3, VRRP_PREEMPT_HEALTH);

        (void)state;
        expect(s, 2000, FIRST_OWNER);
        sim_host_rank(&s->w, 0, VRRP_FAILED, 250);
        expect(s, 4000,
               "[2000.000] n1: class 2, priority 250\n"
               "[2000.000] n1 active -> leaving: the class changed\n"
               "[2000.040] n1 address off\n"
               "[2000.055] n1 leaving -> backup: the address is removed\n"
               "[2000.255] n2 backup -> candidate: named as successor\n"
               "[2000.655] n2 candidate -> active: a majority acknowledged\n"
               "[2000.715] n2 address on\n");
        end(s);
}

static void class_falls_everywhere(void **state) {
        struct story *s = begin(3, VRRP_PREEMPT_HEALTH);

        (void)state;
        expect(s, 2000, FIRST_OWNER);
        for (unsigned i = 0; i < 3; i++)
                sim_host_rank(&s->w, i, VRRP_DEGRADED, s->w.host[i].priority);
        expect(s, 8000,
               "[2000.000] n1: class 1, priority 250\n"
               "[2000.000] n2: class 1, priority 230\n"
               "[2000.000] n3: class 1, priority 210\n");
        end(s);
}

static void frozen_active(void **state) {
        struct story *s = begin(3, VRRP_PREEMPT_HEALTH);

        (void)state;
        expect(s, 2000, FIRST_OWNER);
        sim_host_freeze(&s->w, 0, SIM_MS(5000));
        expect(s, 9000,
               "[2000.000] n1: SIGSTOP for 5000000 us\n"
               "[2208.249] n2 backup -> candidate: no active member is heard\n"
               "[2208.649] n2 candidate -> active: a majority acknowledged\n"
               "[2208.709] n2 address on\n" /* two addresses until the kernel's lifetime ends */
               "[4035.310] n1 address off (lifetime)\n"
               "[7000.000] n1: SIGCONT\n"
               "[7000.000] n1 woke up late\n"
               "[7000.000] n1 active -> leaving: the lease could not be renewed\n"
               "[7000.095] n1 leaving -> backup: the address is removed\n");
        assert_int_equal(s->w.count.overlaps, 1);
        end(s);
}

static void stuck_loop_of_the_active(void **state) {
        struct story *s = begin(3, VRRP_PREEMPT_HEALTH);

        (void)state;
        expect(s, 2000, FIRST_OWNER);
        sim_host_stick(&s->w, 0, SIM_MS(1000));
        expect(s, 9000,
               "[2000.000] n1: the loop is stuck for 1000000 us\n"
               "[2190.611] n1 address off (guard)\n"
               "[2208.249] n2 backup -> candidate: no active member is heard\n"
               "[2208.649] n2 candidate -> active: a majority acknowledged\n"
               "[2208.709] n2 address on\n"
               "[3000.000] n1 woke up late\n"
               "[3000.000] n1 active -> leaving: the lease could not be renewed\n"
               "[3000.055] n1 leaving -> backup: the address is removed\n");
        assert_int_equal(s->w.count.overlaps, 0);
        end(s);
}

static void kernel_refuses_the_address(void **state) {
        struct story *s = begin(3, VRRP_PREEMPT_HEALTH);

        (void)state;
        s->w.host[0].failing_adds = 1;
        expect(s, 5000,
               STARTED "[1302.171] n1 backup -> candidate: no active member is heard\n"
                       "[1302.571] n1 candidate -> active: a majority acknowledged\n"
                       "[1302.646] n1 active -> leaving: the kernel did not take the address\n"
                       "[1302.701] n1 leaving -> backup: the address is removed\n"
                       "[1302.901] n2 backup -> candidate: named as successor\n"
                       "[1303.301] n2 candidate -> active: a majority acknowledged\n"
                       "[1303.361] n2 address on\n");
        end(s);
}

/* Somebody has listened to the Active, and repeats it to a member that knows nothing yet. */
static void claims_replayed_at_a_member_that_has_just_started(void **state) {
        struct story *s = begin(3, VRRP_PREEMPT_HEALTH);

        (void)state;
        s->w.net.replaying = true;
        expect(s, 1900, FIRST_OWNER);
        sim_host_power_loss(&s->w, 0, VRRP_NEVER);
        sim_host_power_loss(&s->w, 2, SIM_MS(2000));
        for (unsigned ms = 2001; ms < 3400; ms += 2)
                sim_at(&s->w, SIM_MS(ms), SIM_REPLAY, 0, 0, 0);
        expect(s, 5000,
               "[1900.000] n1 loses its power\n"
               "[1900.000] n1 address off\n"
               "[1900.000] n3 loses its power\n"
               "[2000.000] n3 starts\n"
               "[2308.249] n2 backup -> candidate: no active member is heard\n" /* as without the replays */
               "[2308.649] n2 candidate -> active: a majority acknowledged\n"
               "[2308.709] n2 address on\n");
        assert_true(s->w.count.replays_to_new > 100);
        end(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(power_loss_of_the_active),
                cmocka_unit_test(one_way_link_of_the_active),
                cmocka_unit_test(backup_that_is_not_heard),
                cmocka_unit_test(active_cut_off),
                cmocka_unit_test(one_lost_claim),
                cmocka_unit_test(two_lost_claims),
                cmocka_unit_test(two_of_three_restart_at_once),
                cmocka_unit_test(one_becomes_two_becomes_three),
                cmocka_unit_test(second_member_that_has_just_started),
                cmocka_unit_test(three_become_two),
                cmocka_unit_test(sigterm_hands_over_without_waiting),
                cmocka_unit_test(preferred_node_takes_it_back_where_told_to),
                cmocka_unit_test(class_falls),
                cmocka_unit_test(class_falls_to_failed),
                cmocka_unit_test(class_falls_everywhere),
                cmocka_unit_test(frozen_active),
                cmocka_unit_test(stuck_loop_of_the_active),
                cmocka_unit_test(kernel_refuses_the_address),
                cmocka_unit_test(claims_replayed_at_a_member_that_has_just_started),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
