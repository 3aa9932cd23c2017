/* Stories of three masters: which faults move the address, when, and which do not; as exact traces. */
#include "agent/probe.h"

#include "tests/unit/health_world.h"

static void test_hanging_server(void **state) {
        struct world w;

        (void)state;
        world_init(&w, true, false);
        w.m[0].latency_us = SEC(100); /* right after an answer: the worst moment */
        world_run(&w, SEC(30));
        assert_string_equal(w.trace, "[11020] n1 healthy -> degraded (apiServer: timeout)\n"
                                     "[11020] address n1 -> n2: measured better\n");
}

static void test_all_hang(void **state) {
        struct world w;

        (void)state;
        world_init(&w, true, false);
        for (size_t i = 0; i < NODES; i++)
                w.m[i].latency_us = SEC(100);
        world_run(&w, SEC(60));
        assert_string_equal(w.trace, "[10760] n2 healthy -> degraded (apiServer: timeout)\n"
                                     "[10770] n3 healthy -> degraded (apiServer: timeout)\n");
        w.m[2].latency_us = 20000; /* the first that answers again gets it, once it has held */
        world_run(&w, SEC(90));
        assert_string_equal(w.trace, "[10760] n2 healthy -> degraded (apiServer: timeout)\n"
                                     "[10770] n3 healthy -> degraded (apiServer: timeout)\n"
                                     "[63020] n3 degraded -> healthy (all checks pass)\n"
                                     "[63070] n1 healthy -> degraded (apiServer: timeout)\n"
                                     "[63070] address n1 -> n3: measured better\n");
}

static void test_slow_alone(void **state) {
        struct world w;

        (void)state;
        world_init(&w, true, false);
        w.m[0].latency_us = MS(700);
        w.m[1].latency_us = w.m[2].latency_us = MS(260); /* in time, but more than half of the time-out */
        world_run(&w, SEC(60));
        assert_string_equal(w.trace, "");
        w.m[1].latency_us = MS(240);
        world_run(&w, SEC(70));
        assert_string_equal(w.trace, "[60260] n1 healthy -> degraded (apiServer: timeout)\n"
                                     "[60260] address n1 -> n2: measured better\n");
}

static void test_errors(void **state) {
        struct world w;

        (void)state;
        world_init(&w, true, false);
        w.m[0].answers = HEALTH_ERROR;
        world_run(&w, SEC(12));
        w.m[0].answers = HEALTH_OK; /* it was shorter than the hold */
        world_run(&w, SEC(20));
        assert_string_equal(w.trace, "");
        w.m[0].answers = HEALTH_ERROR;
        world_run(&w, SEC(40));
        assert_string_equal(w.trace, "[23540] n1 healthy -> degraded (apiServer: error)\n"
                                     "[23540] address n1 -> n2: measured better\n");
}

static void test_all_answer_errors(void **state) {
        struct world w;

        (void)state;
        world_init(&w, true, false);
        for (size_t i = 0; i < NODES; i++)
                w.m[i].answers = HEALTH_ERROR;
        world_run(&w, SEC(60));
        for (size_t i = 0; i < NODES; i++)
                w.m[i].answers = HEALTH_OK;
        world_run(&w, SEC(90));
        assert_string_equal(w.trace, "[10280] n2 healthy -> degraded (apiServer: error)\n"
                                     "[10290] n3 healthy -> degraded (apiServer: error)\n"
                                     "[63030] n2 degraded -> healthy (all checks pass)\n"
                                     "[63040] n3 degraded -> healthy (all checks pass)\n");
}

static void test_refused(void **state) {
        struct world w;

        (void)state;
        world_init(&w, true, false);
        w.m[0].answers = HEALTH_REFUSED;
        w.m[0].latency_us = 100;
        world_run(&w, SEC(20));
        assert_string_equal(w.trace, "[10500] n1 healthy -> failed (apiServer: refused)\n"
                                     "[10500] address n1 -> n2: failed\n");
        assert_int_equal(w.m[1].asked + w.m[2].asked, 0); /* local and hard: nobody is asked */
}

/* n2 and n3 still call themselves healthy when n1 asks: what they measure then is what counts. */
static void test_fresh_failure_is_no_successor(void **state) {
        struct world w;

        (void)state;
        world_init(&w, true, false);
        w.m[0].latency_us = SEC(100);
        world_run(&w, MS(10950));
        w.m[1].latency_us = w.m[2].latency_us = SEC(100);
        world_run(&w, SEC(15));
        assert_string_equal(w.trace, "[11510] n2 healthy -> degraded (apiServer: timeout)\n"
                                     "[11520] n3 healthy -> degraded (apiServer: timeout)\n");
        assert_true(w.m[1].asked > 0 && w.m[2].asked > 0);
}

static void test_who_is_cut_off_or_stands_by_is_no_successor(void **state) {
        struct world w;

        (void)state;
        world_init(&w, true, false);
        w.m[1].cut = true;
        w.m[2].self.standby = true;
        health_node_self(&w.m[2].node, &w.m[2].self, world_when(&w.m[2]));
        w.m[0].latency_us = SEC(100);
        world_run(&w, SEC(30));
        assert_string_equal(w.trace, "");
        w.m[1].cut = false;
        world_run(&w, SEC(40));
        assert_string_equal(w.trace, "[31020] n1 healthy -> degraded (apiServer: timeout)\n"
                                     "[31020] address n1 -> n2: measured better\n");
}

static void test_rest_after_a_move(void **state) {
        struct world w;

        (void)state;
        world_init(&w, true, false);
        w.m[0].latency_us = SEC(100);
        world_run(&w, SEC(12));
        w.m[0].latency_us = 20000; /* n1 is well again, now n2 hangs: after the rest */
        world_run(&w, SEC(16));
        w.m[1].latency_us = SEC(100);
        world_run(&w, SEC(40));
        assert_string_equal(w.trace, "[11020] n1 healthy -> degraded (apiServer: timeout)\n"
                                     "[11020] address n1 -> n2: measured better\n"
                                     "[15270] n1 degraded -> healthy (all checks pass)\n"
                                     "[21043] n2 healthy -> degraded (apiServer: timeout)\n"
                                     "[21043] address n2 -> n1: measured better\n");
}

static void test_hard_faults_bypass_the_rest(void **state) {
        struct world w;

        (void)state;
        world_init(&w, true, false);
        w.m[0].latency_us = SEC(100);
        world_run(&w, SEC(12));
        w.m[0].latency_us = 20000;
        world_run(&w, SEC(16));
        w.m[1].answers = HEALTH_REFUSED;
        w.m[1].latency_us = 100;
        world_run(&w, SEC(40));
        assert_string_equal(w.trace, "[11020] n1 healthy -> degraded (apiServer: timeout)\n"
                                     "[11020] address n1 -> n2: measured better\n"
                                     "[15270] n1 degraded -> healthy (all checks pass)\n"
                                     "[16260] n2 healthy -> failed (apiServer: refused)\n"
                                     "[16260] address n2 -> n1: failed\n");
}

static void test_one_time_server_drifts(void **state) {
        struct world w;

        (void)state;
        world_init(&w, false, true);
        w.m[0].drift = 0.05;
        w.m[0].drift_us = w.now_us;
        world_run(&w, SEC(60));
        assert_string_equal(w.trace, "[16007] n1 healthy -> degraded (clock: odd one out, 0.250 s ahead of "
                                     "the other masters' clocks, limit 0.100 s)\n"
                                     "[16007] address n1 -> n2: measured better\n");
        w.m[0].drift = 0;
        world_run(&w, SEC(180));
        assert_string_equal(w.trace, "[16007] n1 healthy -> degraded (clock: odd one out, 0.250 s ahead of "
                                     "the other masters' clocks, limit 0.100 s)\n"
                                     "[16007] address n1 -> n2: measured better\n"
                                     "[121006] n1 degraded -> healthy (all checks pass)\n");
}

static void test_all_time_servers_drift(void **state) {
        struct world w;

        (void)state;
        world_init(&w, false, true);
        for (size_t i = 0; i < NODES; i++) {
                w.m[i].drift = 0.05;
                w.m[i].drift_us = w.now_us;
        }
        world_run(&w, SEC(120));
        assert_string_equal(w.trace, "");
        assert_int_equal(w.m[0].health.item[HEALTH_CLOCK].last, HEALTH_OK);
}

/* Each chronyd sees it at a moment of its own, so that for one reading they differ. */
static void test_the_common_source_is_set(void **state) {
        struct world w;

        (void)state;
        world_init(&w, false, true);
        for (size_t i = 0; i < NODES; i++)
                w.m[i].correction_s = 0.3;
        world_run(&w, SEC(60));
        assert_string_equal(w.trace, "");
        for (size_t i = 0; i < NODES; i++)
                w.m[i].correction_s = -3;
        world_run(&w, SEC(120));
        assert_string_equal(w.trace, "");
}

/* Its system clock has followed the lie: the own correction is 0, only comparison tells. */
static void test_one_of_three_follows_a_liar(void **state) {
        struct world w;

        (void)state;
        world_init(&w, false, true);
        w.m[0].system_ns = 5000000000;
        world_run(&w, SEC(30));
        assert_string_equal(w.trace, "[15007] n1 healthy -> degraded (clock: odd one out, 5.000 s ahead of "
                                     "the other masters' clocks, limit 0.100 s)\n"
                                     "[15007] address n1 -> n2: measured better\n");
        w.m[0].system_ns = 0;
        world_run(&w, SEC(120));
        assert_string_equal(w.trace, "[15007] n1 healthy -> degraded (clock: odd one out, 5.000 s ahead of "
                                     "the other masters' clocks, limit 0.100 s)\n"
                                     "[15007] address n1 -> n2: measured better\n"
                                     "[91006] n1 degraded -> healthy (all checks pass)\n");
}

static void test_one_backup_follows_a_liar(void **state) {
        struct world w;

        (void)state;
        world_init(&w, false, true);
        w.m[2].system_ns = -5000000000;
        world_run(&w, SEC(30));
        assert_string_equal(w.trace, "[11606] n3 healthy -> degraded (clock: odd one out, 5.000 s behind the "
                                     "other masters' clocks, limit 0.100 s)\n");
}

static void test_all_lose_their_source(void **state) {
        struct world w;

        (void)state;
        world_init(&w, false, true);
        for (size_t i = 0; i < NODES; i++) {
                w.m[i].lost = true; /* not at the same moment */
                world_run(&w, SEC(20 + 5 * i));
        }
        world_run(&w, SEC(300));
        assert_string_equal(w.trace, "");
        w.m[1].lost = false; /* somebody has one again */
        world_run(&w, SEC(400));
        assert_string_equal(
                w.trace,
                "[330606] n3 healthy -> degraded (clock: chronyd is not synchronised to any time source)\n"
                "[334007] n1 healthy -> degraded (clock: chronyd is not synchronised to any time source)\n"
                "[334007] address n1 -> n2: measured better\n");
}

static void test_one_loses_its_source(void **state) {
        struct world w;

        (void)state;
        world_init(&w, false, true);
        w.m[0].lost = true;
        world_run(&w, SEC(100));
        assert_string_equal(
                w.trace,
                "[43007] n1 healthy -> degraded (clock: chronyd is not synchronised to any time source)\n"
                "[43007] address n1 -> n2: measured better\n");
}

static void test_with_two_left_both_drifting_it_stays(void **state) {
        struct world w;

        (void)state;
        world_init(&w, false, true);
        w.m[2].cut = true;
        for (size_t i = 0; i < 2; i++) {
                w.m[i].drift = 0.05;
                w.m[i].drift_us = w.now_us;
        }
        world_run(&w, SEC(60));
        assert_string_equal(w.trace, "");
}

static void test_alone_the_own_judgement_counts_but_nobody_is_there(void **state) {
        struct world w;

        (void)state;
        world_init(&w, false, true);
        w.m[1].cut = w.m[2].cut = true;
        w.m[0].drift = 0.05;
        w.m[0].drift_us = w.now_us;
        world_run(&w, SEC(60));
        assert_string_equal(w.trace, "");
        assert_int_equal(w.m[0].health.item[HEALTH_CLOCK].class, VRRP_DEGRADED);
}

static void test_worst_root_distance(void **state) {
        struct world w;

        (void)state;
        world_init(&w, false, true);
        for (size_t i = 0; i < NODES; i++)
                w.m[i].distance_s = 0.15 + 0.05 * (double)i; /* all beyond, none clearly better */
        world_run(&w, SEC(60));
        assert_string_equal(w.trace, "");
        w.m[1].distance_s = 0.01;
        world_run(&w, SEC(140));
        assert_string_equal(w.trace,
                            "[61606] n3 healthy -> degraded (clock: clock may be off by 250.000 ms )\n"
                            "[65007] n1 healthy -> degraded (clock: clock may be off by 150.000 ms )\n"
                            "[65007] address n1 -> n2: measured better\n");
}

static enum exchange_moved move(struct world *w, size_t from, size_t to, bool force) {
        struct master *m = &w->m[from];
        enum exchange_moved result = EXCHANGE_MOVED_RESULTS;
        uint64_t nonce;

        m->moved = EXCHANGE_MOVED_RESULTS;
        if (health_node_move(&m->node, GROUP, to == NOBODY ? 0 : to + 1, force, world_when(m), &result,
                             &nonce)) {
                world_run(w, w->now_us + MS(100));
                result = m->moved;
        }
        world_run(w, w->now_us + MS(100));
        return result;
}

static void test_move_by_the_operator(void **state) {
        struct world w;

        (void)state;
        world_init(&w, true, false);
        assert_int_equal(move(&w, 2, 1, false), EXCHANGE_MOVED_DONE); /* asked at n3, n1 does it */
        assert_int_equal(w.owner, 1);
        assert_int_equal(move(&w, 1, 2, false), EXCHANGE_MOVED_DONE);
        assert_int_equal(w.owner, 2);
        assert_int_equal(move(&w, 2, 2, false), EXCHANGE_MOVED_DONE); /* it is there already */
        w.m[0].self.standby = true;
        health_node_self(&w.m[0].node, &w.m[0].self, world_when(&w.m[0]));
        world_run(&w, w.now_us + MS(100));
        assert_int_equal(move(&w, 1, 0, false), EXCHANGE_MOVED_UNFIT);
        assert_int_equal(w.owner, 2);
        assert_int_equal(move(&w, 1, 0, true), EXCHANGE_MOVED_DONE);
        assert_int_equal(w.owner, 0);
        assert_int_equal(move(&w, 1, 7, true), EXCHANGE_MOVED_UNFIT);      /* never heard */
        assert_int_equal(move(&w, 1, NOBODY, false), EXCHANGE_MOVED_DONE); /* to the best: n2, by priority */
        assert_int_equal(w.owner, 1);
        w.m[1].cut = true;
        assert_int_equal(move(&w, 0, 2, false), EXCHANGE_MOVED_NOT_ACTIVE);
        world_run(&w, w.now_us + SEC(3));
        assert_int_equal(move(&w, 1, NOBODY, true), EXCHANGE_MOVED_UNFIT); /* it hears nobody */
}

/* One end has proven the session; what it tells comes before the other has. */
static void prove(struct world *w, size_t at, size_t of) {
        w->m[at].unproven[of] = false;
        health_node_proven(&w->m[at].node, of + 1, world_when(&w->m[at]));
        world_run(w, w->now_us + MS(1));
}

static void expect_told(const struct world *w, size_t at, size_t of) {
        const struct exchange_peer *p = exchange_find(&w->m[at].node.exchange, of + 1);

        assert_non_null(p);
        assert_true(exchange_fresh(p, w->now_us));
        assert_int_equal(p->report.gen, w->m[of].self.gen); /* not of before the restart */
}

/* A move right after a start must not wait for the reports of every second, whoever proved the session first.
 */
static void test_who_has_started_is_told_and_heard_at_once(void **state) {
        struct world w;

        (void)state;
        for (size_t first = 0; first < 2; first++) {
                world_init(&w, false, false);
                world_run(&w, SEC(10) + MS(500));
                world_start_master(&w, 1, false, false);
                w.m[0].unproven[1] = w.m[1].unproven[0] = true;
                w.m[1].self.gen = 7;
                health_node_self(&w.m[1].node, &w.m[1].self, world_when(&w.m[1]));
                world_run(&w, w.now_us + MS(1));
                assert_null(exchange_find(&w.m[1].node.exchange, 1));
                prove(&w, first, 1 - first);
                prove(&w, 1 - first, first);
                expect_told(&w, 0, 1);
                expect_told(&w, 1, 0);
                assert_int_equal(move(&w, 1, 1, false), EXCHANGE_MOVED_DONE);
                assert_int_equal(w.owner, 1);
        }
}

/* ... and then all is quiet: nobody answers an answer. */
static void test_who_was_told_is_not_told_again(void **state) {
        struct world w;
        size_t n;

        (void)state;
        world_init(&w, false, false);
        world_run(&w, SEC(10) + MS(500));
        prove(&w, 0, 1);
        prove(&w, 1, 0);
        n = w.order;
        world_run(&w, w.now_us + MS(90)); /* under an interval of the routers' */
        assert_int_equal(w.order, n);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_hanging_server),
                cmocka_unit_test(test_all_hang),
                cmocka_unit_test(test_slow_alone),
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_all_answer_errors),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_fresh_failure_is_no_successor),
                cmocka_unit_test(test_who_is_cut_off_or_stands_by_is_no_successor),
                cmocka_unit_test(test_rest_after_a_move),
                cmocka_unit_test(test_hard_faults_bypass_the_rest),
                cmocka_unit_test(test_one_time_server_drifts),
                cmocka_unit_test(test_all_time_servers_drift),
                cmocka_unit_test(test_the_common_source_is_set),
                cmocka_unit_test(test_one_of_three_follows_a_liar),
                cmocka_unit_test(test_one_backup_follows_a_liar),
                cmocka_unit_test(test_all_lose_their_source),
                cmocka_unit_test(test_one_loses_its_source),
                cmocka_unit_test(test_with_two_left_both_drifting_it_stays),
                cmocka_unit_test(test_alone_the_own_judgement_counts_but_nobody_is_there),
                cmocka_unit_test(test_worst_root_distance),
                cmocka_unit_test(test_move_by_the_operator),
                cmocka_unit_test(test_who_has_started_is_told_and_heard_at_once),
                cmocka_unit_test(test_who_was_told_is_not_told_again),
        };

        return cmocka_run_group_tests_name("evidence", tests, NULL, NULL);
}
