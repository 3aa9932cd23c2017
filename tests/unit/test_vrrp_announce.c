/* The schedule of gratuitous ARP and unsolicited neighbour advertisements on virtual time, exactly. */
#include "vrrp/announce.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MS(n)  ((uint64_t)(n)*1000)
#define SEC(n) MS((uint64_t)(n)*1000)
#define BEGIN  SEC(7)

struct log {
        struct vrrp_announce a;
        char text[512]; /* ms since BEGIN of each announcement */
};

static void announce(struct log *l, uint64_t now_us) {
        size_t n = strlen(l->text);

        snprintf(l->text + n, sizeof l->text - n, "%s%llu", n ? " " : "",
                 (unsigned long long)(now_us - BEGIN) / 1000);
        vrrp_announce_sent(&l->a, now_us);
}

/* Each announcement when it is due, up to until_us. */
static void run(struct log *l, uint64_t until_us) {
        while (l->a.due_us <= until_us)
                announce(l, l->a.due_us);
}

static void begin(struct log *l) {
        memset(l, 0, sizeof *l);
        vrrp_announce_stop(&l->a);
        assert_true(l->a.due_us == VRRP_NEVER);
        vrrp_announce_start(&l->a, BEGIN);
}

static void expect(struct log *l, const char *want) {
        assert_string_equal(l->text, want);
        l->text[0] = '\0';
}

static void test_burst_and_refresh(void **state) {
        struct log l;

        (void)state;
        begin(&l);
        run(&l, BEGIN + SEC(95));
        expect(&l, "0 5 55 255 1255 31255 61255 91255");
}

/* A late one puts off the rest: the gaps are kept, none is made up for. */
static void test_late_wake_up(void **state) {
        struct log l;

        (void)state;
        begin(&l);
        run(&l, BEGIN + MS(5));
        announce(&l, BEGIN + MS(500));
        run(&l, BEGIN + SEC(32));
        expect(&l, "0 5 500 700 1700 31700");
}

static void test_another_owner_is_heard(void **state) {
        struct log l;

        (void)state;
        begin(&l);
        run(&l, BEGIN + SEC(10));
        vrrp_announce_again(&l.a, 1, BEGIN + SEC(10)); /* between two refreshes: at once, as a whole */
        run(&l, BEGIN + SEC(42));
        expect(&l, "0 5 55 255 1255 10000 10005 10055 10255 11255 41255");
}

/* Not before 20 ms after the burst's begin, and then once for all that was heard. */
static void test_burst_is_not_restarted_at_once(void **state) {
        struct log l;

        (void)state;
        begin(&l);
        run(&l, BEGIN + MS(5));
        for (unsigned i = 6; i < 20; i++)
                vrrp_announce_again(&l.a, 1, BEGIN + MS(i));
        run(&l, BEGIN + MS(300));
        expect(&l, "0 5 20 25 75 275");
}

static void test_what_is_due_before_then_serves(void **state) {
        struct log l;

        (void)state;
        begin(&l);
        run(&l, BEGIN);
        vrrp_announce_again(&l.a, 1, BEGIN + MS(1));
        run(&l, BEGIN + MS(60));
        expect(&l, "0 5 55");
}

static uint64_t announced_under_flood(size_t addresses) {
        struct log l;
        uint64_t n = 0;

        begin(&l);
        for (uint64_t t = BEGIN; t < BEGIN + SEC(1); t += 10) {
                if (l.a.due_us <= t) {
                        vrrp_announce_sent(&l.a, t);
                        n++;
                }
                vrrp_announce_again(&l.a, addresses, t);
        }
        return n;
}

/* 100,000 foreign claims a second: a burst's first two rounds every 20 ms at most, and more seldom the more
 * addresses a round has. */
static void test_stranger_cannot_make_us_flood(void **state) {
        (void)state;
        assert_in_range(announced_under_flood(1), 90, 101);
        assert_in_range(announced_under_flood(100), 10, 21); /* bursts of 3 at 0, 200, ... ms */
}

static void test_silenced(void **state) {
        struct log l;

        (void)state;
        begin(&l);
        run(&l, BEGIN + MS(60));
        vrrp_announce_stop(&l.a);
        vrrp_announce_again(&l.a, 1, BEGIN + SEC(1)); /* who does not own does not claim */
        run(&l, BEGIN + SEC(100));
        expect(&l, "0 5 55");
        vrrp_announce_start(&l.a, BEGIN + SEC(200)); /* owner again: all of it */
        run(&l, BEGIN + SEC(202));
        expect(&l, "200000 200005 200055 200255 201255");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_burst_and_refresh),
                cmocka_unit_test(test_late_wake_up),
                cmocka_unit_test(test_another_owner_is_heard),
                cmocka_unit_test(test_burst_is_not_restarted_at_once),
                cmocka_unit_test(test_what_is_due_before_then_serves),
                cmocka_unit_test(test_stranger_cannot_make_us_flood),
                cmocka_unit_test(test_silenced),
        };

        return cmocka_run_group_tests_name("vrrp_announce", tests, NULL, NULL);
}
