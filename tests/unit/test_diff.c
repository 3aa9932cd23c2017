/* A dry run shows what would change, and no secret of it; by the same notion as a report for support. */
#include "agent/diff.h"
#include "pki/util.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void expect(const char *old, const char *new, const char *want) {
        CLEANUP(freep) char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        assert_non_null(f);
        diff_print(f, "  ", old, new);
        assert_int_equal(fclose(f), 0);
        assert_string_equal(text, want);
}

static void test_lines(void **state) {
        (void)state;
        expect("a\nb\nc\n", "a\nB\nc\n", "  -   2: b\n  +   2: B\n");
        expect("a\n", "a\n", "");
        expect("", "a\x1b[1m\n", "  +   1: a\\x1b[1m\n");
}

static void test_secrets(void **state) {
        (void)state;
        expect("password = \"old1x\"\n", "password = \"new1x\"\n",
               "  -   1: password = \"[removed]\"\n  +   1: password = \"[removed]\"\n");
        expect("", "auth = \"dXNlcjpwYXNz\"\n", "  +   1: auth = \"[removed]\"\n");
        expect("", "Authorization = \"Basic dXNlcjpwYXNz\"\n",
               "  +   1: Authorization = \"Basic [removed]\"\n");
        expect("", "identitytoken = \"abc-def\"\n", "  +   1: identitytoken = \"[removed]\"\n");
        expect("", "- token: abcdef.0123456789abcdef\n", "  +   1: - token: [removed]\n");
}

/* Of a kubelet's configuration. */
static void test_harmless(void **state) {
        (void)state;
        expect("", "authentication:\nauthorization:\n  mode: Webhook\n",
               "  +   1: authentication:\n  +   2: authorization:\n  +   3:   mode: Webhook\n");
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_lines), cmocka_unit_test(test_secrets),
                                            cmocka_unit_test(test_harmless) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
