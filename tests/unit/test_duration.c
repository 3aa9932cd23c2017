#include "agent/duration.h"
#include "pki/util.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_parse(void **state) {
        static const struct {
                const char *text;
                int result;
                uint64_t us;
        } t[] = {
                { "0", 0, 0 },
                { "-0", 0, 0 },
                { "0s", 0, 0 },
                { "250ms", 0, 250000 },
                { "+1s", 0, 1000000 },
                { "1h30m", 0, UINT64_C(5400000000) },
                { "1h0m0.5s", 0, UINT64_C(3600500000) },
                { "1.5h", 0, UINT64_C(5400000000) },
                { ".5s", 0, 500000 },
                { "1.s", 0, 1000000 },
                { "2000ns", 0, 2 },
                { "3us", 0, 3 },
                { "3\xc2\xb5s", 0, 3 },
                { "3\xce\xbcs", 0, 3 },
                { "0.001ms", 0, 1 },
                { "1m1m", 0, 120000000 },
                { "8760h0m0s", 0, UINT64_C(31536000000000) },
                { "", -EINVAL, 0 },
                { "-", -EINVAL, 0 },
                { "1", -EINVAL, 0 },
                { "00", -EINVAL, 0 },
                { "1s1", -EINVAL, 0 },
                { "s", -EINVAL, 0 },
                { ".s", -EINVAL, 0 },
                { "1 s", -EINVAL, 0 },
                { " 1s", -EINVAL, 0 },
                { "1S", -EINVAL, 0 },
                { "1d", -EINVAL, 0 },
                { "1.5.5s", -EINVAL, 0 },
                { "1e3s", -EINVAL, 0 },
                { "--1s", -EINVAL, 0 },
                { "-1s", -ERANGE, 0 },
                { "1ns", -ERANGE, 0 },
                { "0.1us", -ERANGE, 0 },
                { "0.0000000001s", -ERANGE, 0 },
                { "5124096h", -ERANGE, 0 },
                { "5124095h5124095h", -ERANGE, 0 },
                { "99999999999999999999s", -ERANGE, 0 },
                { "0.99999999999999999999s", -ERANGE, 0 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                uint64_t us = 0;
                int r = duration_parse(t[i].text, &us);

                if (r != t[i].result || us != t[i].us)
                        fail_msg("\"%s\": %d, %llu us", t[i].text, r, (unsigned long long)us);
        }
}

static void test_format_is_the_shortest_that_comes_back(void **state) {
        static const struct {
                uint64_t us;
                const char *text;
        } t[] = {
                { 0, "0s" },          { 1, "1us" },          { 999, "999us" },
                { 1000, "1ms" },      { 1500, "1500us" },    { 250000, "250ms" },
                { 1000000, "1s" },    { 90000000, "90s" },   { 60000000, "1m" },
                { 3600000000, "1h" }, { 5400000000, "90m" }, { UINT64_MAX / 1000, "18446744073709551us" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                char text[DURATION_SIZE];
                uint64_t us = 1;

                duration_format(t[i].us, text);
                assert_string_equal(text, t[i].text);
                assert_int_equal(duration_parse(text, &us), 0);
                assert_int_equal(us, t[i].us);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_format_is_the_shortest_that_comes_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
