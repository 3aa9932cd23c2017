/* "The same pod": equality of two texts as trees of values. */
#include "pki/util.h"
#include "templates/render.h"
#include "tests/unit/templates_values.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int equal(const char *a, const char *b, struct tmpl_error *e) {
        *e = (struct tmpl_error){ 0 };
        return tmpl_equal(a, strlen(a), b, strlen(b), e);
}

static void test_same(void **state) {
        static const char *const cases[][2] = {
                { "a: 1\nb: [x, z]\n", "# note\nb:\n- 'x'\n- \"z\"\na: 0x1\n" },
                { "a: yes", "a: true" },
                { "a: ~", "a:" },
                { "a: 1", "a: 1.0" },
                { "a: 010", "a: 8" },
                { "a: 0o10", "a: 8" },
                { "a: -5", "a: -0x5" },
                { "a: 99999999999999999999", "a: 1e20" },
                { "a: x y", "a: 'x\n  y'" },
                { "a: &x [1]\nb: *x", "a: [1]\nb: [1]" },
                { "", "" },
                { "a: '\\'", "a: \"\\\\\"" },
        };
        struct tmpl_error e;

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                if (equal(cases[i][0], cases[i][1], &e) != 1 || equal(cases[i][1], cases[i][0], &e) != 1)
                        fail_msg("%s and %s: %s", cases[i][0], cases[i][1], e.what);
}

static void test_different(void **state) {
        static const char *const cases[][3] = {
                { "a: 1", "a: '1'", "a: 1 and \"1\"" },
                { "a: yes", "a: 'yes'", "a: yes and \"yes\"" },
                { "a: ~", "a: '~'", "a: ~ and \"~\"" },
                { "a: {b: [{c: 1}, {c: 2}]}", "a: {b: [{c: 1}, {c: 3}]}", "a.b[1].c: 2 and 3" },
                { "a: [1]", "a: [1, 2]", "a: 1 items and 2 items" },
                { "[1, 2]", "[2, 1]", "[0]: 1 and 2" },
                { "a: 1\nb: 2", "a: 1", "(top): key b is only in the first" },
                { "a: 1", "a: 1\nb: 2", "(top): key b is only in the second" },
                { "a: 1\nb: 2", "a: 1\nc: 2", "(top): key b is only in the first" },
                { "a: [1]", "a: {b: 1}", "a: a list and a mapping" },
                { "", "a", "(top): nothing and a scalar" },
                { "a: !x 1", "a: !y 1", "a: 1 and 1" },
                { "a: 9007199254740993", "a: 9007199254740992", "a: 9007199254740993 and 9007199254740992" },
                { "a: \"x\\0y\"", "a: \"x\\0z\"", "a: \"x\" and \"x\"" },
                { "a: 1.5.2", "a: '1.5.3'", "a: \"1.5.2\" and \"1.5.3\"" },
        };
        struct tmpl_error e;

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                assert_int_equal(equal(cases[i][0], cases[i][1], &e), 0);
                assert_string_equal(e.what, cases[i][2]);
        }
}

static void test_refused(void **state) {
        static const struct {
                const char *text;
                int error;
                const char *what;
        } cases[] = {
                { "a: 1\na: 1", -EINVAL, "(top): key a is there twice (line 2)" },
                { "a: }", -EINVAL, "first text: line 1: did not find expected node content" },
                { "--- 1\n--- 2", -EINVAL, "first text: has more than one document" },
                { "? [1]\n: 2", -EINVAL, "(top): a key is no scalar (line 1)" },
                { "a: *x", -EINVAL, "first text: line 1: found undefined alias" },
        };
        struct tmpl_error e;

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                assert_int_equal(equal(cases[i].text, cases[i].text, &e), cases[i].error);
                assert_string_equal(e.what, cases[i].what);
        }
        assert_int_equal(equal("a: &x [*x]", "a: &x [*x]", &e), -E2BIG);
        assert_int_equal(equal("a: 1", "a: 1\na: 1", &e), -EINVAL);
        assert_int_equal(equal("a: 1", "\na: }", &e), -EINVAL);
        assert_string_equal(e.what, "second text: line 2: did not find expected node content");
}

/* Ten levels of ten aliases: ten thousand million scalars from 500 bytes. */
static void test_bomb_is_refused(void **state) {
        char text[2048] = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n";
        struct tmpl_error e;

        (void)state;
        for (int i = 1; i < 10; i++)
                snprintf(text + strlen(text), sizeof text - strlen(text),
                         "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1,
                         i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
        assert_int_equal(equal(text, text, &e), -E2BIG);
}

/* Few steps, but a long way: 10,000 times a text of 100,000 bytes. */
static void test_bomb_of_bytes_is_refused(void **state) {
        CLEANUP(freep) char *text = calloc(1, 200000);
        struct tmpl_error e;
        char *at;

        (void)state;
        assert_non_null(text);
        at = text + sprintf(text, "a: &a ");
        memset(at, '7', 100000);
        at += 100000;
        at += sprintf(at, "\nb: &b [*a");
        for (int i = 1; i < 100; i++)
                at += sprintf(at, ",*a");
        at += sprintf(at, "]\nc: [*b");
        for (int i = 1; i < 100; i++)
                at += sprintf(at, ",*b");
        strcpy(at, "]\n");
        assert_int_equal(equal(text, text, &e), -E2BIG);
}

/* What a large ConfigMap may be. */
static void test_many_keys_are_compared(void **state) {
        CLEANUP(freep) char *text = calloc(1, 1000000);
        struct tmpl_error e;
        char *at = text;

        (void)state;
        assert_non_null(text);
        at += sprintf(at, "data:\n");
        for (int i = 0; i < 400; i++)
                at += sprintf(at, "  key-%03d: \"%0*d\"\n", i, 2000, i);
        assert_int_equal(equal(text, text, &e), 1);
}

static void test_rendered(void **state) {
        struct tmpl_values v = measured_values();
        struct tmpl_error e = { 0 };
        char *a, *b;
        size_t na, nb;

        (void)state;
        assert_int_equal(tmpl_render("etcd", &v, &a, &na, &e), 0);
        v.etcd.args = &(struct tmpl_pair){ "snapshot-count", "10001" };
        v.etcd.n_args = 1;
        assert_int_equal(tmpl_render("etcd", &v, &b, &nb, &e), 0);
        assert_int_equal(tmpl_equal(a, na, a, na, &e), 1);
        assert_int_equal(tmpl_equal(a, na, b, nb, &e), 0);
        assert_string_equal(e.what, "spec.containers[0].command[17]: \"--snapshot-count=10000\" and "
                                    "\"--trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt\"");
        free(a);
        free(b);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_same),
                cmocka_unit_test(test_different),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_bomb_is_refused),
                cmocka_unit_test(test_bomb_of_bytes_is_refused),
                cmocka_unit_test(test_many_keys_are_compared),
                cmocka_unit_test(test_rendered),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
