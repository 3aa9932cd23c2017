/* Every row of the table of checks, and the damping, on virtual time: a story is a list of results, what
 * comes out is a trace of the published classes. */
#include "agent/health.h"
#include "pki/util.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MS(n)  ((uint64_t)(n)*1000)
#define SEC(n) MS((n)*1000)

struct sim {
        struct health h;
        uint64_t now_us;
        char trace[4096];
};

static void note(struct sim *s, bool changed) {
        size_t n = strlen(s->trace);

        if (changed)
                snprintf(s->trace + n, sizeof s->trace - n, "[%" PRIu64 "] %s (%s)\n", s->now_us / 1000,
                         health_class_name(s->h.published), s->h.reason);
}

/* Advance to at_us, ticking at the deadlines on the way. */
static void run(struct sim *s, uint64_t at_us) {
        while (s->h.deadline_us <= at_us) {
                assert_true(s->h.deadline_us > s->now_us); /* else the loop would spin */
                s->now_us = s->h.deadline_us;
                note(s, health_tick(&s->h, s->now_us));
        }
        s->now_us = at_us;
}

static void at(struct sim *s, uint64_t at_us, enum health_check c, enum health_outcome o) {
        run(s, at_us);
        note(s, health_report(&s->h, c, o, health_outcome_name(o), s->now_us));
}

/* The same result every `step_us`, from `from_us` to `to_us` inclusive. */
static void every(struct sim *s, uint64_t step_us, uint64_t from_us, uint64_t to_us, enum health_check c,
                  enum health_outcome o) {
        for (uint64_t t = from_us; t <= to_us; t += step_us)
                at(s, t, c, o);
}

static void start(struct sim *s, enum health_check only) {
        struct health_params p = {
                .fall = 2, .rise = 2, .interval_us = MS(100), .times = health_times_default
        };

        *s = (struct sim){ .now_us = 0 };
        p.enabled[only] = true;
        health_init(&s->h, &p, 0);
        assert_int_equal(s->h.published, only == HEALTH_LINK ? VRRP_HEALTHY : VRRP_DEGRADED);
}

/* Known as good since 500 ms; the trace begins empty. */
static void start_healthy(struct sim *s, enum health_check only) {
        start(s, only);
        at(s, 0, only, HEALTH_OK);
        run(s, MS(500));
        assert_string_equal(s->trace, only == HEALTH_LINK ? "" : "[500] healthy (all checks pass)\n");
        s->trace[0] = '\0';
}

static void test_unknown_at_start_is_degraded(void **state) {
        struct sim s;

        (void)state;
        start(&s, HEALTH_API_SERVER);
        assert_string_equal(s.h.reason, "apiServer: not known yet");
        at(&s, MS(10), HEALTH_API_SERVER, HEALTH_UNKNOWN);
        assert_string_equal(s.h.reason, "apiServer: unknown");
        run(&s, SEC(100));
        assert_string_equal(s.trace, "");
        every(&s, MS(250), SEC(100), SEC(101), HEALTH_API_SERVER, HEALTH_OK);
        assert_string_equal(s.trace, "[100500] healthy (all checks pass)\n");
}

static void test_no_checks_is_healthy(void **state) {
        struct health_params p = { .interval_us = MS(100), .times = health_times_default };
        struct health h;

        (void)state;
        health_init(&h, &p, 0);
        assert_int_equal(h.published, VRRP_HEALTHY);
        assert_int_equal(h.deadline_us, VRRP_NEVER);
}

static void test_refused_twice_fails_at_once(void **state) {
        struct sim s;

        (void)state;
        start_healthy(&s, HEALTH_API_SERVER);
        at(&s, MS(1000), HEALTH_API_SERVER, HEALTH_REFUSED);
        assert_string_equal(s.trace, "");
        at(&s, MS(1010), HEALTH_API_SERVER, HEALTH_REFUSED);
        assert_string_equal(s.trace, "[1010] failed (apiServer: refused)\n");
}

static void test_refused_once_is_forgiven(void **state) {
        struct sim s;

        (void)state;
        start_healthy(&s, HEALTH_API_SERVER);
        at(&s, MS(1000), HEALTH_API_SERVER, HEALTH_REFUSED);
        at(&s, MS(1010), HEALTH_API_SERVER, HEALTH_OK);
        at(&s, MS(1250), HEALTH_API_SERVER, HEALTH_REFUSED);
        run(&s, SEC(20));
        assert_string_equal(s.trace, "");
}

static void test_error_then_refused_twice_fails(void **state) {
        struct sim s;

        (void)state;
        start_healthy(&s, HEALTH_API_SERVER);
        at(&s, MS(1000), HEALTH_API_SERVER, HEALTH_ERROR);
        at(&s, MS(1010), HEALTH_API_SERVER, HEALTH_REFUSED);
        at(&s, MS(1020), HEALTH_API_SERVER, HEALTH_REFUSED);
        assert_string_equal(s.trace, "[1020] failed (apiServer: refused)\n");
}

static void test_timeouts_and_errors_degrade_by_fall(void **state) {
        static const enum health_outcome faults[] = { HEALTH_TIMEOUT, HEALTH_ERROR };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
                char want[128];
                struct sim s;

                start_healthy(&s, HEALTH_API_SERVER);
                s.h.params.fall = 3;
                every(&s, MS(500), MS(1000), MS(1500), HEALTH_API_SERVER, faults[i]);
                assert_string_equal(s.trace, "");
                at(&s, MS(2000), HEALTH_API_SERVER, faults[i]);
                snprintf(want, sizeof want, "[2000] degraded (apiServer: %s)\n",
                         health_outcome_name(faults[i]));
                assert_string_equal(s.trace, want);
        }
}

static void test_lasting_faults(void **state) {
        static const struct {
                enum health_check check;
                enum health_outcome fault;
                uint64_t lasts_us;
                const char *trace;
        } v[] = {
                { HEALTH_ETCD, HEALTH_ERROR, SEC(3), "[4000] degraded (etcd: error)\n" },
                { HEALTH_ETCD, HEALTH_TIMEOUT, SEC(3), "[4000] degraded (etcd: timeout)\n" },
                { HEALTH_ETCD, HEALTH_REFUSED, SEC(3), "[4000] degraded (etcd: refused)\n" },
                { HEALTH_CLOCK, HEALTH_UNSYNCHRONISED, SEC(30),
                  "[31000] degraded (clock: unsynchronised)\n" },
                { HEALTH_KUBELET, HEALTH_ERROR, SEC(60), "[61000] degraded (kubelet: error)\n" },
                { HEALTH_KUBELET, HEALTH_REFUSED, SEC(60), "[61000] degraded (kubelet: refused)\n" },
                { HEALTH_KUBELET, HEALTH_TIMEOUT, SEC(60), "[61000] degraded (kubelet: timeout)\n" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
                struct sim s;

                start_healthy(&s, v[i].check);
                at(&s, SEC(1), v[i].check, v[i].fault); /* one result: the tick proves it */
                run(&s, SEC(1) + v[i].lasts_us + SEC(1));
                assert_string_equal(s.trace, v[i].trace);

                start_healthy(&s, v[i].check); /* one good result in between: from the beginning */
                at(&s, SEC(1), v[i].check, v[i].fault);
                at(&s, v[i].lasts_us + MS(999), v[i].check, HEALTH_OK);
                run(&s, 2 * v[i].lasts_us);
                assert_string_equal(s.trace, "");
        }
}

static void test_clock_offset_degrades_at_the_second_reading(void **state) {
        struct sim s;

        (void)state;
        start_healthy(&s, HEALTH_CLOCK);
        at(&s, SEC(1), HEALTH_CLOCK, HEALTH_OFFSET);
        assert_string_equal(s.trace, "");
        at(&s, SEC(2), HEALTH_CLOCK, HEALTH_OFFSET);
        assert_string_equal(s.trace, "[2000] degraded (clock: offset)\n");
}

static void test_clock_is_left_at_half_the_limit_for_a_minute(void **state) {
        struct sim s;

        (void)state;
        start_healthy(&s, HEALTH_CLOCK);
        every(&s, SEC(1), SEC(1), SEC(2), HEALTH_CLOCK, HEALTH_OFFSET);
        every(&s, SEC(1), SEC(3), SEC(200), HEALTH_CLOCK, HEALTH_MARGINAL);
        every(&s, SEC(1), SEC(201), SEC(250), HEALTH_CLOCK, HEALTH_OK);
        at(&s, SEC(251), HEALTH_CLOCK, HEALTH_MARGINAL);
        assert_string_equal(s.trace, "[2000] degraded (clock: offset)\n");
        every(&s, SEC(1), SEC(252), SEC(320), HEALTH_CLOCK, HEALTH_OK);
        assert_string_equal(s.trace, "[2000] degraded (clock: offset)\n[312000] healthy (all checks pass)\n");
}

static void test_marginal_clock_at_start_is_good(void **state) {
        struct sim s;

        (void)state;
        start(&s, HEALTH_CLOCK);
        every(&s, SEC(1), SEC(1), SEC(3), HEALTH_CLOCK, HEALTH_MARGINAL);
        assert_string_equal(s.trace, "[1500] healthy (all checks pass)\n");
        every(&s, SEC(1), SEC(4), SEC(100), HEALTH_CLOCK, HEALTH_MARGINAL);
        assert_string_equal(s.trace, "[1500] healthy (all checks pass)\n");
}

static void test_link_down_fails_at_once(void **state) {
        struct sim s;

        (void)state;
        start_healthy(&s, HEALTH_LINK);
        at(&s, SEC(1), HEALTH_LINK, HEALTH_DOWN);
        at(&s, SEC(2), HEALTH_LINK, HEALTH_OK);
        run(&s, SEC(3));
        assert_string_equal(s.trace, "[1000] failed (link: down)\n[2500] healthy (all checks pass)\n");
}

/* Or a node on which nothing else is checked would begin at half its priority. */
static void test_link_is_good_until_told_otherwise(void **state) {
        struct sim s;

        (void)state;
        start(&s, HEALTH_LINK);
        at(&s, 0, HEALTH_LINK, HEALTH_OK);
        assert_string_equal(s.trace, "");
        start(&s, HEALTH_LINK);
        at(&s, 0, HEALTH_LINK, HEALTH_DOWN);
        assert_string_equal(s.trace, "[0] failed (link: down)\n");
}

static void test_hard_fault_ends_after_rise_and_five_intervals(void **state) {
        struct sim s;

        (void)state;
        start_healthy(&s, HEALTH_API_SERVER);
        every(&s, MS(10), MS(1000), MS(1010), HEALTH_API_SERVER, HEALTH_REFUSED);
        at(&s, SEC(2), HEALTH_API_SERVER, HEALTH_OK);
        run(&s, SEC(5)); /* long enough, but one success only */
        assert_string_equal(s.trace, "[1010] failed (apiServer: refused)\n");
        at(&s, SEC(5), HEALTH_API_SERVER, HEALTH_OK);
        assert_string_equal(s.trace,
                            "[1010] failed (apiServer: refused)\n[5000] healthy (all checks pass)\n");
}

static void test_flapping_server_stays_failed(void **state) {
        struct sim s;

        (void)state;
        start_healthy(&s, HEALTH_API_SERVER);
        every(&s, MS(10), MS(1000), MS(1010), HEALTH_API_SERVER, HEALTH_REFUSED);
        for (unsigned i = 0; i < 20; i++) {
                at(&s, MS(1300 + i * 500), HEALTH_API_SERVER, HEALTH_OK);
                at(&s, MS(1550 + i * 500), HEALTH_API_SERVER, HEALTH_REFUSED);
        }
        assert_string_equal(s.trace, "[1010] failed (apiServer: refused)\n");
}

static void test_from_refused_to_answering_errors(void **state) {
        struct sim s;

        (void)state;
        start_healthy(&s, HEALTH_API_SERVER);
        every(&s, MS(10), MS(1000), MS(1010), HEALTH_API_SERVER, HEALTH_REFUSED);
        every(&s, MS(250), SEC(2), SEC(3), HEALTH_API_SERVER, HEALTH_ERROR);
        assert_string_equal(s.trace,
                            "[1010] failed (apiServer: refused)\n[2500] degraded (apiServer: error)\n");
}

static void test_shared_fault_ends_after_three_seconds(void **state) {
        struct sim s;

        (void)state;
        start_healthy(&s, HEALTH_API_SERVER);
        every(&s, MS(250), MS(1000), MS(1250), HEALTH_API_SERVER, HEALTH_ERROR);
        every(&s, MS(250), MS(2000), MS(6000), HEALTH_API_SERVER, HEALTH_OK);
        assert_string_equal(s.trace,
                            "[1250] degraded (apiServer: error)\n[5000] healthy (all checks pass)\n");
}

static void test_rest_after_a_move(void **state) {
        struct sim s;

        (void)state;
        start_healthy(&s, HEALTH_ETCD);
        run(&s, SEC(1));
        health_moved(&s.h, s.now_us);
        at(&s, SEC(2), HEALTH_ETCD, HEALTH_ERROR);
        run(&s, SEC(20)); /* proven at 5 s, published when the rest ends */
        assert_string_equal(s.trace, "[11000] degraded (etcd: error)\n");
        health_moved(&s.h, s.now_us);
        at(&s, SEC(21), HEALTH_ETCD, HEALTH_OK);
        run(&s, SEC(40)); /* who has recovered says so, rest or not */
        assert_string_equal(s.trace, "[11000] degraded (etcd: error)\n[24000] healthy (all checks pass)\n");
}

static void test_hard_faults_bypass_the_rest(void **state) {
        struct sim s;

        (void)state;
        start_healthy(&s, HEALTH_API_SERVER);
        run(&s, SEC(1));
        health_moved(&s.h, s.now_us);
        every(&s, MS(10), SEC(2), MS(2010), HEALTH_API_SERVER, HEALTH_REFUSED);
        assert_string_equal(s.trace, "[2010] failed (apiServer: refused)\n");
        every(&s, MS(250), SEC(3), SEC(12), HEALTH_API_SERVER, HEALTH_OK);
        assert_string_equal(s.trace,
                            "[2010] failed (apiServer: refused)\n[3500] healthy (all checks pass)\n");
}

static void test_rest_doubles(void **state) {
        static const unsigned want_s[] = { 10, 10, 20, 40, 80, 160, 300, 300 };
        struct sim s;

        (void)state;
        start_healthy(&s, HEALTH_LINK);
        for (size_t i = 0; i < ARRAY_SIZE(want_s); i++) {
                health_moved(&s.h, SEC(10 + 10 * i));
                assert_int_equal(s.h.rest_until_us, SEC(10 + 10 * i + want_s[i]));
        }
        health_moved(&s.h, SEC(1000)); /* the window has passed */
        assert_int_equal(s.h.rest_until_us, SEC(1010));
}

static void test_worst_check_names_the_reason(void **state) {
        struct health_params p = {
                .fall = 2, .rise = 2, .interval_us = MS(100), .times = health_times_default
        };
        struct sim s = { .now_us = 0 };

        (void)state;
        for (size_t i = 0; i < HEALTH_CHECKS; i++)
                p.enabled[i] = true;
        health_init(&s.h, &p, 0);
        for (enum health_check c = 0; c < HEALTH_CHECKS; c++)
                at(&s, 0, c, HEALTH_OK);
        every(&s, SEC(1), SEC(1), SEC(2), HEALTH_CLOCK, HEALTH_OFFSET);
        every(&s, MS(10), SEC(5), MS(5010), HEALTH_API_SERVER, HEALTH_REFUSED);
        at(&s, SEC(6), HEALTH_API_SERVER, HEALTH_OK);
        at(&s, SEC(7), HEALTH_API_SERVER, HEALTH_OK);
        assert_string_equal(s.trace, "[500] healthy (all checks pass)\n"
                                     "[2000] degraded (clock: offset)\n"
                                     "[5010] failed (apiServer: refused)\n"
                                     "[7000] degraded (clock: offset)\n");
}

static void test_disabled_checks_do_not_count(void **state) {
        struct sim s;

        (void)state;
        start_healthy(&s, HEALTH_API_SERVER);
        at(&s, SEC(1), HEALTH_LINK, HEALTH_DOWN);
        run(&s, SEC(10));
        assert_string_equal(s.trace, "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_unknown_at_start_is_degraded),
                cmocka_unit_test(test_no_checks_is_healthy),
                cmocka_unit_test(test_refused_twice_fails_at_once),
                cmocka_unit_test(test_refused_once_is_forgiven),
                cmocka_unit_test(test_error_then_refused_twice_fails),
                cmocka_unit_test(test_timeouts_and_errors_degrade_by_fall),
                cmocka_unit_test(test_lasting_faults),
                cmocka_unit_test(test_clock_offset_degrades_at_the_second_reading),
                cmocka_unit_test(test_clock_is_left_at_half_the_limit_for_a_minute),
                cmocka_unit_test(test_marginal_clock_at_start_is_good),
                cmocka_unit_test(test_link_down_fails_at_once),
                cmocka_unit_test(test_link_is_good_until_told_otherwise),
                cmocka_unit_test(test_hard_fault_ends_after_rise_and_five_intervals),
                cmocka_unit_test(test_flapping_server_stays_failed),
                cmocka_unit_test(test_from_refused_to_answering_errors),
                cmocka_unit_test(test_shared_fault_ends_after_three_seconds),
                cmocka_unit_test(test_rest_after_a_move),
                cmocka_unit_test(test_hard_faults_bypass_the_rest),
                cmocka_unit_test(test_rest_doubles),
                cmocka_unit_test(test_worst_check_names_the_reason),
                cmocka_unit_test(test_disabled_checks_do_not_count),
        };

        return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
