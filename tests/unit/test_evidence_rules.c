/* The rules about other masters' evidence, one by one: who is fit to be named, and which clock is wrong. */
#include "agent/evidence.h"
#include "pki/util.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MS(n)  ((uint64_t)(n)*1000)
#define SEC(n) MS((uint64_t)(n)*1000)
enum { API_TIMEOUT_US = 500000 };

/* --- who is fit to be named, one flaw at a time */
static void flaw_none(struct exchange_peer *p) {
        (void)p;
}
static void flaw_other_question(struct exchange_peer *p) {
        p->answers--;
}
static void flaw_not_fresh(struct exchange_peer *p) {
        p->answer.check[HEALTH_API_SERVER].fresh = false;
}
static void flaw_not_checked(struct exchange_peer *p) {
        p->answer.check[HEALTH_API_SERVER].enabled = false;
}
static void flaw_error(struct exchange_peer *p) {
        p->answer.check[HEALTH_API_SERVER].last = HEALTH_ERROR;
}
static void flaw_slow(struct exchange_peer *p) {
        p->answer.check[HEALTH_API_SERVER].took_us = API_TIMEOUT_US / 2;
}
static void flaw_class(struct exchange_peer *p) {
        p->answer.class = VRRP_DEGRADED;
}
static void flaw_judged(struct exchange_peer *p) {
        p->answer.judged = VRRP_DEGRADED;
}
static void flaw_class_since(struct exchange_peer *p) {
        p->report.class = VRRP_DEGRADED;
}
static void flaw_standby(struct exchange_peer *p) {
        p->report.standby = true;
}
static void flaw_witness(struct exchange_peer *p) {
        p->report.witness = true;
}
static void flaw_silent(struct exchange_peer *p) {
        p->last_us = 0;
}

static void test_one_flaw_is_enough(void **state) {
        static void (*const flaws[])(struct exchange_peer * p) = {
                flaw_none,        flaw_other_question, flaw_not_fresh, flaw_not_checked,
                flaw_error,       flaw_slow,           flaw_class,     flaw_judged,
                flaw_class_since, flaw_standby,        flaw_witness,   flaw_silent,
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(flaws); i++) {
                unsigned api = 1U << HEALTH_API_SERVER;
                struct exchange_check good = { true, true, VRRP_HEALTHY,          HEALTH_OK,
                                               1,    0,    API_TIMEOUT_US / 2 - 1 };
                struct health h = { .pending = { VRRP_DEGRADED, SEC(10), api, api } };
                struct exchange x = { .self = 1, .n = 1 };
                struct evidence_params p = evidence_params_default;
                struct evidence e;
                uint64_t succ = 0;

                p.timeout_us[HEALTH_API_SERVER] = API_TIMEOUT_US;
                evidence_init(&e, &p);
                assert_int_equal(evidence_step(&e, &h, &x, SEC(10), &succ), EVIDENCE_ASK);
                assert_int_equal(e.asked, api);
                e.nonce = 7;
                x.peer[0] =
                        (struct exchange_peer){ .id = 2, .heard = true, .last_us = SEC(10), .answers = 7 };
                x.peer[0].answer.check[HEALTH_API_SERVER] = good;
                flaws[i](&x.peer[0]);
                if (evidence_step(&e, &h, &x, SEC(10) + 1, &succ) !=
                    (i ? EVIDENCE_NOTHING : EVIDENCE_GIVE_UP))
                        fail_msg("flaw %zu", i);
                assert_int_equal(succ, i ? 0 : 2);
        }
}

/* The better of two, if it answers soon; else the one that has. */
static void test_the_best_of_those_who_answer_soon(void **state) {
        unsigned etcd = 1U << HEALTH_ETCD;
        struct exchange_check good = { true, true, VRRP_HEALTHY, HEALTH_OK, 1, 0, 1000 };
        struct health h = { .pending = { VRRP_DEGRADED, SEC(7), etcd, 0 } };
        struct exchange x = { .self = 1, .n = 2 };
        struct evidence e;
        uint64_t succ = 0;

        (void)state;
        for (size_t i = 0; i < 2; i++) {
                x.peer[i] = (struct exchange_peer){ .id = 2 + i, .heard = true, .last_us = SEC(10) };
                x.peer[i].report.priority = (uint8_t)(100 + 100 * i);
                x.peer[i].answer.check[HEALTH_ETCD] = good;
        }
        evidence_init(&e, &evidence_params_default);
        assert_int_equal(evidence_step(&e, &h, &x, SEC(9), &succ), EVIDENCE_NOTHING); /* 3 s */
        assert_int_equal(e.deadline_us, SEC(10));
        assert_int_equal(evidence_step(&e, &h, &x, SEC(10), &succ), EVIDENCE_ASK);
        e.nonce = 7;
        x.peer[0].answers = 7;
        assert_int_equal(evidence_step(&e, &h, &x, SEC(10) + 1, &succ), EVIDENCE_NOTHING);
        assert_int_equal(e.deadline_us, SEC(10) + 1 + MS(50));
        assert_int_equal(evidence_step(&e, &h, &x, SEC(10) + 1 + MS(50), &succ), EVIDENCE_GIVE_UP);
        assert_int_equal(succ, 2);
        assert_int_equal(evidence_step(&e, &h, &x, SEC(10) + MS(60), &succ), EVIDENCE_ASK);
        e.nonce = 8;
        x.peer[0].answers = x.peer[1].answers = 8;
        assert_int_equal(evidence_step(&e, &h, &x, SEC(10) + MS(61), &succ), EVIDENCE_GIVE_UP);
        assert_int_equal(succ, 3);
}

/* --- clocks, rule by rule: own, then peers */
#define GOOD(off)                                                                                            \
        { CLOCK_GOOD, 0, 0.001, true, off, 0, 0.001 }
#define BENT(cor, off)                                                                                       \
        { CLOCK_OFFSET, cor, 0.001, true, off, 0, 0.001 }
#define FAR(dist)                                                                                            \
        { CLOCK_OFFSET, 0, dist, true, 0, 0, 0.001 }
#define LOST                                                                                                 \
        { CLOCK_UNSYNCHRONISED, 0, INFINITY, true, 0, 0, 0.001 }

static void test_clock_rules(void **state) {
        static const struct {
                struct evidence_clock own, peer[4];
                size_t n;
                enum health_outcome own_outcome, want;
        } v[] = {
                { GOOD(0), { GOOD(0), GOOD(0.02) }, 2, HEALTH_OK, HEALTH_OK },
                { GOOD(0), { GOOD(5), GOOD(5.02) }, 2, HEALTH_OK, HEALTH_OFFSET },
                { GOOD(0), { GOOD(0), GOOD(5) }, 2, HEALTH_OK, HEALTH_OK },
                { GOOD(0), { GOOD(5), GOOD(-5) }, 2, HEALTH_OK, HEALTH_OK }, /* no two agree */
                { GOOD(0), { GOOD(5) }, 1, HEALTH_OK, HEALTH_OK }, /* of two, nobody is the odd one */
                { GOOD(0), { GOOD(0.07), GOOD(0.08) }, 2, HEALTH_OK, HEALTH_MARGINAL },
                { GOOD(0), { LOST, LOST }, 2, HEALTH_OK, HEALTH_OK },
                { GOOD(0), { GOOD(5), LOST }, 2, HEALTH_OK, HEALTH_OK }, /* two comparable ones only */
                { GOOD(0),
                  { GOOD(5), { CLOCK_UNSYNCHRONISED, 0, INFINITY, true, 5, 0, 0.001 } },
                  2,
                  HEALTH_OK,
                  HEALTH_OK },
                { GOOD(0), { GOOD(5), GOOD(5), GOOD(0), GOOD(0) }, 4, HEALTH_OK, HEALTH_OK },
                { GOOD(0), { GOOD(5), GOOD(5), GOOD(5), GOOD(0) }, 4, HEALTH_OK, HEALTH_OFFSET },
                { GOOD(0), { GOOD(5), GOOD(5), GOOD(0) }, 3, HEALTH_OK, HEALTH_OK }, /* a draw */
                { GOOD(0), { { CLOCK_GOOD, 0, 0.001, false, 5, 0, 0 }, GOOD(5) }, 2, HEALTH_OK, HEALTH_OK },
                /* the own system clock is off, the own idea of the time is not */
                { BENT(5, 0), { GOOD(0), GOOD(0) }, 2, HEALTH_OFFSET, HEALTH_OFFSET },
                { BENT(5, 0), { GOOD(0) }, 1, HEALTH_OFFSET, HEALTH_OFFSET },
                { BENT(5, 0), { BENT(5, 0), BENT(5, 0) }, 2, HEALTH_OFFSET, HEALTH_OK },
                { BENT(5, 0), { BENT(5, 0) }, 1, HEALTH_OFFSET, HEALTH_OK },
                { BENT(5, 0), { { 0 } }, 0, HEALTH_OFFSET, HEALTH_OFFSET },
                { FAR(0.2), { GOOD(0), GOOD(0) }, 2, HEALTH_OFFSET, HEALTH_OFFSET },
                { FAR(0.2), { FAR(0.3), FAR(0.15) }, 2, HEALTH_OFFSET, HEALTH_OK },
                { LOST, { GOOD(0), LOST }, 2, HEALTH_UNSYNCHRONISED, HEALTH_UNSYNCHRONISED },
                { LOST, { LOST, LOST }, 2, HEALTH_UNSYNCHRONISED, HEALTH_OK },
                { LOST, { LOST }, 1, HEALTH_UNSYNCHRONISED, HEALTH_OK },
                { LOST, { { 0 } }, 0, HEALTH_UNSYNCHRONISED, HEALTH_UNSYNCHRONISED },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
                struct evidence_clock peers[4];
                char detail[HEALTH_REASON];
                enum health_outcome got;

                for (size_t k = 0; k < v[i].n; k++) {
                        peers[k] = v[i].peer[k];
                        peers[k].system_s = peers[k].offset_s - peers[k].correction_s + v[i].own.correction_s;
                }
                got = evidence_clock(&v[i].own, v[i].own_outcome, "own reason", peers, v[i].n, 0.1, detail);
                if (got != v[i].want)
                        fail_msg("row %zu: %s, wanted %s (%s)", i, health_outcome_name(got),
                                 health_outcome_name(v[i].want), detail);
                assert_true(*detail);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_one_flaw_is_enough),
                cmocka_unit_test(test_the_best_of_those_who_answer_soon),
                cmocka_unit_test(test_clock_rules),
        };

        return cmocka_run_group_tests_name("evidence rules", tests, NULL, NULL);
}
