/* What the kernel is told about spreading connections, word for word. */
#include "agent/balance.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NONE "add table ip triarch_api { flags owner; }\ndelete table ip triarch_api\n"

static struct vrrp_ip ip(const char *text) {
        struct vrrp_ip a;

        assert_int_equal(vrrp_ip_parse(text, &a), 0);
        return a;
}

static struct balance three(void) {
        return (struct balance){ .vips = { ip("10.0.0.9") },
                                 .n_vips = 1,
                                 .port = 6443,
                                 .self = ip("10.0.0.1"),
                                 .targets = { ip("10.0.0.1"), ip("10.0.0.2"), ip("10.0.0.3") },
                                 .n_targets = 3 };
}

static void assert_text(const struct balance *b, const char *want) {
        char text[BALANCE_TEXT];

        assert_int_equal(balance_text(b, text, sizeof text), 0);
        assert_string_equal(text, want);
}

static void test_three(void **state) {
        struct balance b = three();

        (void)state;
        assert_true(balance_spreads(&b));
        assert_text(
                &b, NONE
                "table ip triarch_api {\nflags owner;\n"
                "chain spread { ip daddr { 10.0.0.9 } tcp dport 6443 dnat to numgen inc mod 3 map "
                "{ 0 : 10.0.0.1, 1 : 10.0.0.2, 2 : 10.0.0.3 }; }\n"
                "chain in { type nat hook prerouting priority -100; jump spread; }\n"
                "chain out { type nat hook output priority -100; jump spread; }\n"
                "chain back { type nat hook postrouting priority 100; ct status dnat ct original ip daddr "
                "{ 10.0.0.9 } ip daddr { 10.0.0.2, 10.0.0.3 } tcp dport 6443 masquerade; }\n"
                "}\n");
}

/* The owner itself is not well, another is: all goes there. */
static void test_only_another(void **state) {
        struct balance b = three();

        (void)state;
        b.targets[0] = b.targets[1];
        b.n_targets = 1;
        assert_true(balance_spreads(&b));
        assert_text(&b,
                    NONE "table ip triarch_api {\nflags owner;\n"
                         "chain spread { ip daddr { 10.0.0.9 } tcp dport 6443 dnat to numgen inc mod 1 map "
                         "{ 0 : 10.0.0.2 }; }\n"
                         "chain in { type nat hook prerouting priority -100; jump spread; }\n"
                         "chain out { type nat hook output priority -100; jump spread; }\n"
                         "chain back { type nat hook postrouting priority 100; ct status dnat ct original ip "
                         "daddr { 10.0.0.9 } ip daddr { 10.0.0.2 } tcp dport 6443 masquerade; }\n"
                         "}\n");
}

static void test_nothing_to_spread(void **state) {
        struct balance b = three();

        (void)state;
        b.n_targets = 1; /* this machine alone */
        assert_false(balance_spreads(&b));
        assert_text(&b, NONE);
        b.n_targets = 0; /* nobody is well: the owner serves as it can */
        assert_text(&b, NONE);
        b = three();
        b.n_vips = 0; /* the address is elsewhere */
        assert_text(&b, NONE);
}

static void test_ipv6(void **state) {
        struct balance b = { .vips = { ip("fd00::9") },
                             .n_vips = 1,
                             .port = 443,
                             .self = ip("fd00::1"),
                             .targets = { ip("fd00::1"), ip("fd00::2") },
                             .n_targets = 2 };
        char text[BALANCE_TEXT];

        (void)state;
        assert_int_equal(balance_text(&b, text, sizeof text), 0);
        assert_non_null(strstr(text, "table ip6 triarch_api {\n"));
        assert_non_null(strstr(text, "ip6 daddr { fd00::9 } tcp dport 443 dnat to numgen inc mod 2 map "
                                     "{ 0 : fd00::1, 1 : fd00::2 }; }\n"));
}

static void test_the_most_fits(void **state) {
        struct balance b = { .port = 65535, .self = ip("fd00:1111:2222:3333:4444:5555:6666:7777") };
        char text[BALANCE_TEXT];

        (void)state;
        for (b.n_vips = 0; b.n_vips < BALANCE_VIPS; b.n_vips++)
                b.vips[b.n_vips] = ip("fd00:1111:2222:3333:4444:5555:6666:8888");
        for (b.n_targets = 0; b.n_targets < BALANCE_TARGETS; b.n_targets++)
                b.targets[b.n_targets] = ip("fd00:1111:2222:3333:4444:5555:6666:9999");
        assert_int_equal(balance_text(&b, text, sizeof text), 0);
        assert_int_equal(balance_text(&b, text, 200), -ENOBUFS);
}

static void test_equal(void **state) {
        struct balance a = three(), b = three();

        (void)state;
        assert_true(balance_equal(&a, &b));
        b.n_targets = 2;
        assert_false(balance_equal(&a, &b));
        b = three();
        b.targets[2] = ip("10.0.0.4");
        assert_false(balance_equal(&a, &b));
        b = three();
        b.n_vips = 0;
        assert_false(balance_equal(&a, &b));
        b = three();
        b.port = 443;
        assert_false(balance_equal(&a, &b));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_three),
                cmocka_unit_test(test_only_another),
                cmocka_unit_test(test_nothing_to_spread),
                cmocka_unit_test(test_ipv6),
                cmocka_unit_test(test_the_most_fits),
                cmocka_unit_test(test_equal),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
