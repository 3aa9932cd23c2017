#include "agent/decimal.h"
#include "pki/util.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_numbers(void **state) {
        static const struct {
                const char *text;
                uint64_t min, max, want;
        } t[] = {
                { "0", 0, 9, 0 },
                { "1", 1, 65535, 1 },
                { "65535", 1, 65535, 65535 },
                { "18446744073709551615", 0, UINT64_MAX, UINT64_MAX },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                uint64_t n = 4711;

                assert_true(decimal_parse(t[i].text, t[i].min, t[i].max, &n));
                assert_true(n == t[i].want);
        }
}

static void test_everything_else(void **state) {
        static const char *const t[] = { "",   "0",    "65536", "-1",  "+1",   " 1",
                                         "1 ", "0x10", "010",   "1.0", "1\n2", "18446744073709551617" };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                uint64_t n = 4711;

                print_message("\"%s\"\n", t[i]);
                assert_false(decimal_parse(t[i], 1, 65535, &n));
                assert_true(n == 4711);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_everything_else),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
