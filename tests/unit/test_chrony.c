/* chronyd's protocol and the verdict, on replies captured from chronyd 4.3. */
#include "agent/chrony.h"
#include "pki/util.h"
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/timex.h>

#include <cmocka.h>

#define SEQUENCE 0x01020304U
enum { DATA = 28, OFF_REF_ID = DATA, OFF_LEAP = DATA + 26, OFF_NS = DATA + 36, OFF_CORRECTION = DATA + 40 };

static size_t load(const char *name, uint8_t out[CHRONY_REPLY_MAX]) {
        char path[256];
        FILE *f;
        size_t n;

        snprintf(path, sizeof path, "tests/fuzz/corpus/chrony/%s", name);
        f = fopen(path, "rb");
        assert_non_null(f);
        n = fread(out, 1, CHRONY_REPLY_MAX, f);
        fclose(f);
        return n;
}

static void put32(uint8_t *p, uint32_t v) {
        for (int i = 0; i < 4; i++)
                p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static int parse(const uint8_t *data, size_t n, struct chrony_tracking *t) {
        uint16_t status;

        return chrony_parse_tracking(data, n, SEQUENCE, t, &status);
}

static void close_to(double got, double want) {
        if (fabs(got - want) > 1e-6 * fabs(want) + 1e-9)
                fail_msg("%.12g is not %.12g", got, want);
}

static void test_request_is_as_long_as_its_reply(void **state) {
        static const uint8_t head[] = { 6, 1, 0, 0, 0, 33, 0, 2, 1, 2, 3, 4 };
        uint8_t out[CHRONY_REQUEST_SIZE];

        (void)state;
        chrony_request_tracking(out, SEQUENCE, 2);
        assert_memory_equal(out, head, sizeof head);
        for (size_t i = sizeof head; i < sizeof out; i++)
                assert_int_equal(out[i], 0);
}

/* `chronyc -c tracking` said of the same daemon: 7F000001,127.0.0.1,4,1795408721.908362763,
 * 0.249998495,0.000001944,0.000012508,-0.356,0.116,17.175,0.000019756,0.000018161,1.0,Normal */
static void test_captured_reply(void **state) {
        uint8_t data[CHRONY_REPLY_MAX];
        struct chrony_tracking t;

        (void)state;
        assert_int_equal(load("tracking-offset", data), 104);
        assert_int_equal(parse(data, 104, &t), 0);
        assert_int_equal(t.ref_id, 0x7f000001);
        assert_string_equal(t.source, "127.0.0.1");
        assert_int_equal(t.stratum, 4);
        assert_int_equal(t.leap, 0);
        assert_int_equal(t.ref_time.tv_sec, 1795408721);
        assert_int_equal(t.ref_time.tv_nsec, 908362763);
        assert_true(fabs(t.correction - 0.249998495) < 2e-6);
        assert_true(fabs(t.last_offset - 0.000001944) < 1e-9);
        assert_true(fabs(t.rms_offset - 0.000012508) < 1e-9);
        assert_true(fabs(t.frequency_ppm + 0.356) < 1e-3);
        assert_true(fabs(t.skew_ppm - 17.175) < 1e-3);
        assert_true(fabs(t.root_delay - 0.000019756) < 1e-9);
        assert_true(fabs(t.root_dispersion - 0.000018161) < 5e-6);
        assert_true(fabs(t.update_interval - 1.0) < 0.05);
}

static void test_floats(void **state) {
        static const struct {
                uint32_t wire;
                double value;
        } v[] = {
                { 0x00000000, 0 },           { 0x04800000, 1.0 },
                { 0xfeffffd1, 0.249999300 }, { 0xf371b132, -0.002171445 },
                { 0x7effffff, 0x1p62 },      { 0x80000001, 0x1p-89 },
                { 0x05000000, -2.0 },
        };
        uint8_t data[CHRONY_REPLY_MAX];
        struct chrony_tracking t;

        (void)state;
        load("tracking-offset", data);
        for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
                put32(data + OFF_CORRECTION, v[i].wire);
                assert_int_equal(parse(data, 104, &t), 0);
                close_to(t.correction, v[i].value);
        }
}

static void test_every_short_length_is_refused(void **state) {
        uint8_t data[CHRONY_REPLY_MAX];
        struct chrony_tracking t;

        (void)state;
        load("tracking-offset", data);
        for (size_t n = 0; n < 104; n++) {
                CLEANUP(freep) uint8_t *exact = malloc(n + 1); /* so that ASan sees a read past n */

                assert_non_null(exact);
                memcpy(exact + 1, data, n);
                assert_int_equal(parse(exact + 1, n, &t), -EBADMSG);
        }
        assert_int_equal(parse(data, 105, &t), 0);
}

static void test_foreign_replies_are_refused(void **state) {
        static const struct {
                size_t at;
                uint8_t value;
        } v[] = {
                { 0, 5 },        { 0, 7 },
                { 1, 1 },        { 2, 1 },
                { 3, 1 },        { 5, 14 },
                { 7, 6 },        { 16, 9 },
                { 17, 9 },       { 18, 9 },
                { 19, 9 },       { OFF_LEAP, 1 },
                { OFF_NS, 255 }, { OFF_LEAP + 1, 4 },
        };
        uint8_t data[CHRONY_REPLY_MAX];
        struct chrony_tracking t;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
                load("tracking-offset", data);
                data[v[i].at] = v[i].value;
                assert_int_equal(parse(data, 104, &t), -EBADMSG);
        }
}

static void test_status_is_passed_on(void **state) {
        uint8_t data[CHRONY_REPLY_MAX];
        struct chrony_tracking t;
        uint16_t status = 0;
        size_t n = load("status-bad-version", data);

        (void)state;
        assert_int_equal(n, 28);
        assert_int_equal(chrony_parse_tracking(data, n, SEQUENCE, &t, &status), -EPROTO);
        assert_int_equal(status, 18);
        for (uint8_t s = 1; s < 22; s++) {
                data[9] = s;
                assert_int_equal(chrony_parse_tracking(data, n, SEQUENCE, &t, &status), -EPROTO);
                assert_int_equal(status, s);
        }
        data[9] = 0; /* success, but no data */
        assert_int_equal(chrony_parse_tracking(data, n, SEQUENCE, &t, &status), -EBADMSG);
}

static void test_wide_and_narrow_seconds(void **state) {
        uint8_t data[CHRONY_REPLY_MAX];
        struct chrony_tracking t;

        (void)state;
        load("tracking-offset", data);
        put32(data + DATA + 28, 1);
        assert_int_equal(parse(data, 104, &t), 0);
        assert_int_equal(t.ref_time.tv_sec, 0x100000000 + 1795408721);
        put32(data + DATA + 28, 0x7fffffff);
        assert_int_equal(parse(data, 104, &t), 0);
        assert_int_equal(t.ref_time.tv_sec, 1795408721);
}

static void judge(const char *file, double age, double correction, double limit, struct clock_state *s) {
        uint8_t data[CHRONY_REPLY_MAX];
        struct chrony_tracking t;
        struct timespec now;

        load(file, data);
        assert_int_equal(parse(data, 104, &t), 0);
        t.correction = correction;
        now = t.ref_time;
        now.tv_sec += (time_t)age;
        clock_judge(&t, now, limit, s);
}

static void expect(const struct clock_state *s, enum clock_verdict verdict, const char *reason) {
        assert_string_equal(s->reason, reason);
        assert_int_equal(s->verdict, verdict);
}

static void test_verdicts(void **state) {
        struct clock_state s;

        (void)state;
        judge("tracking-offset", 1, 0.002, 0.1, &s);
        expect(&s, CLOCK_GOOD, "clock is 2.000 ms slow of 127.0.0.1, error at most 2.030 ms");
        judge("tracking-offset", 1, 0.25, 0.1, &s);
        expect(&s, CLOCK_OFFSET, "clock is 250.000 ms slow of 127.0.0.1, limit 100.000 ms");
        judge("tracking-offset", 1, -3600, 0.1, &s);
        expect(&s, CLOCK_OFFSET, "clock is 3600.000 s fast of 127.0.0.1, limit 100.000 ms");
        judge("tracking-offset", 1, 0.25, 0.3, &s);
        assert_int_equal(s.verdict, CLOCK_GOOD);
        judge("tracking-offset", 1, 0.09999, 0.1, &s);
        expect(&s, CLOCK_OFFSET,
               "clock may be off by 100.020 ms (offset + root distance to 127.0.0.1), limit 100.000 ms");
        judge("tracking-offset", 511, 0, 0.1, &s);
        assert_int_equal(s.verdict, CLOCK_GOOD);
        judge("tracking-offset", 513, 0, 0.1, &s);
        expect(&s, CLOCK_STALE, "last time update from 127.0.0.1 was 513.000 s ago, limit 512.000 s");
        judge("tracking-offset", -3600, 0, 0.1, &s);
        expect(&s, CLOCK_STALE,
               "last time update from 127.0.0.1 lies 3600.000 s ahead: the clock was set back");
        judge("tracking-unsynchronised", 0, 0, 0.1, &s);
        expect(&s, CLOCK_UNSYNCHRONISED, "chronyd is not synchronised to any time source");
        judge("tracking-local", 0, 0, 0.1, &s);
        expect(&s, CLOCK_UNSYNCHRONISED, "chronyd follows only its own clock (local mode), no time source");
}

static void test_reference_clock_has_a_name(void **state) {
        struct chrony_tracking t = { .ref_id = 0x50505300, .stratum = 1 }; /* "PPS" */
        struct clock_state s;

        (void)state;
        clock_judge(&t, (struct timespec){ 0 }, 0.1, &s);
        expect(&s, CLOCK_GOOD, "clock is 0.000 ms fast of reference clock PPS, error at most 0.000 ms");
}

static void test_kernel_fallback(void **state) {
        struct timex tx = { .maxerror = 16000000, .status = STA_UNSYNC };
        struct clock_state s;

        (void)state;
        clock_judge_kernel(&tx, 0.1, &s);
        expect(&s, CLOCK_UNSYNCHRONISED,
               "chronyd does not answer and the kernel's clock is not synchronised");
        tx = (struct timex){ .maxerror = 200000, .status = STA_NANO | STA_UNSYNC, .offset = 3000000 };
        clock_judge_kernel(&tx, 0.1, &s);
        expect(&s, CLOCK_GOOD,
               "chronyd does not answer; the kernel says the clock is 3.000 ms slow, limit 100.000 ms");
        tx.status = 0; /* microseconds */
        clock_judge_kernel(&tx, 0.1, &s);
        assert_int_equal(s.verdict, CLOCK_OFFSET);
        close_to(s.correction, 3.0);
}

static void test_both_times(void **state) {
        struct timespec now = { .tv_sec = 1795408722, .tv_nsec = 900000000 };
        struct clock_state s = { .verdict = CLOCK_OFFSET, .correction = 1.204 };
        char text[128];

        (void)state;
        clock_both_times(&s, now, text, sizeof text);
        assert_string_equal(
                text, "system clock 2026-11-23T04:38:42.900Z, time source says 2026-11-23T04:38:44.104Z");
        s.correction = -3600;
        clock_both_times(&s, now, text, sizeof text);
        assert_string_equal(
                text, "system clock 2026-11-23T04:38:42.900Z, time source says 2026-11-23T03:38:42.900Z");
        s.verdict = CLOCK_UNSYNCHRONISED;
        clock_both_times(&s, now, text, sizeof text);
        assert_string_equal(text, "system clock 2026-11-23T04:38:42.900Z, no time source to compare with");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_request_is_as_long_as_its_reply),
                cmocka_unit_test(test_captured_reply),
                cmocka_unit_test(test_floats),
                cmocka_unit_test(test_every_short_length_is_refused),
                cmocka_unit_test(test_foreign_replies_are_refused),
                cmocka_unit_test(test_status_is_passed_on),
                cmocka_unit_test(test_wide_and_narrow_seconds),
                cmocka_unit_test(test_verdicts),
                cmocka_unit_test(test_reference_clock_has_a_name),
                cmocka_unit_test(test_kernel_fallback),
                cmocka_unit_test(test_both_times),
        };

        return cmocka_run_group_tests_name("chrony", tests, NULL, NULL);
}
