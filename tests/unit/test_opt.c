#include "agent/opt.h"
#include "agent/suggest.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct result {
        const char *config, *vip;
        bool dry_run;
        struct common common;
        struct error e;
        char *argv[8]; /* permuted by getopt */
        char **args;
        int n;
};

static int parse(struct result *r, const char *const *argv) {
        const struct opt table[] = {
                { "config", 'c', OPT_STRING, &r->config, "F", "the file" },
                { "vip", 0, OPT_STRING, &r->vip, "ADDR/PREFIX", "the address" },
                { "dry-run", 'n', OPT_FLAG, &r->dry_run, NULL, "change nothing" },
                { 0 },
        };
        int argc = 0;

        memset(r, 0, sizeof *r);
        for (; argv[argc]; argc++)
                r->argv[argc] = (char *)argv[argc];
        return opt_parse(argc, r->argv, "Usage: triarch test", table, &r->common, &r->args, &r->n, &r->e);
}

#define ARGV(...) ((const char *const[]){ "test", __VA_ARGS__, NULL })

static void test_values_and_positions(void **state) {
        struct result r;

        (void)state;
        assert_int_equal(parse(&r, ARGV("phase", "--config", "a", "certs", "--vip=10.0.0.1/8", "-n", "all")),
                         0);
        assert_string_equal(r.config, "a");
        assert_string_equal(r.vip, "10.0.0.1/8");
        assert_true(r.dry_run);
        assert_int_equal(r.n, 3);
        assert_string_equal(r.args[0], "phase");
        assert_string_equal(r.args[1], "certs");
        assert_string_equal(r.args[2], "all");
        assert_string_equal(r.common.root, "");
        assert_false(r.common.json);
}

static void test_last_one_wins_and_false_takes_back(void **state) {
        struct result r;

        (void)state;
        assert_int_equal(parse(&r, ARGV("-c", "a", "-cb", "--dry-run", "--dry-run=false")), 0);
        assert_string_equal(r.config, "b");
        assert_false(r.dry_run);
        assert_int_equal(parse(&r, ARGV("--dry-run=true", "--vip", "")), 0);
        assert_true(r.dry_run);
        assert_string_equal(r.vip, "");
}

static void test_two_dashes_end_the_options(void **state) {
        struct result r;

        (void)state;
        assert_int_equal(parse(&r, ARGV("-n", "--", "--config", "-x")), 0);
        assert_int_equal(r.n, 2);
        assert_string_equal(r.args[0], "--config");
        assert_null(r.config);
}

static void test_common_options(void **state) {
        struct result r;

        (void)state;
        assert_int_equal(parse(&r, ARGV("--root", "/usr//./", "-o", "json", "-v", "3")), 0);
        assert_string_equal(r.common.root, "/usr");
        assert_true(r.common.json);
        assert_int_equal(r.common.verbose, 3);
        assert_int_equal(parse(&r, ARGV("--rootfs=/", "--output=text", "-v9")), 0);
        assert_string_equal(r.common.root, "");
        assert_false(r.common.json);
        assert_int_equal(r.common.verbose, 9);
}

static void test_help_is_no_error(void **state) {
        struct result r;

        (void)state;
        assert_int_equal(parse(&r, ARGV("--help")), 1);
        assert_int_equal(parse(&r, ARGV("phase", "-h")), 1);
}

/* Every error: option blamed, text. */
static void test_errors(void **state) {
        static const struct {
                const char *argv[3], *file, *text;
        } t[] = {
                { { "--bogus" }, "--bogus", "unknown option; `triarch test --help`" },
                { { "--bogus=x" }, "--bogus", "unknown option" },
                { { "--confg", "x" }, "--confg", "did you mean --config?" },
                { { "--Config", "x" }, "--Config", "did you mean --config?" },
                { { "--conf", "x" }, "--conf", "did you mean --config?" },
                { { "--conf=x" }, "--conf", "unknown option" },
                { { "--dry" }, "--dry", "unknown option" },
                { { "--", "x" }, NULL, NULL },
                { { "-x" }, "-x", "unknown option" },
                { { "-nx" }, "-x", "unknown option" },
                { { "--config" }, "--config", "a value is missing" },
                { { "-n", "-c" }, "-c", "a value is missing" },
                { { "--dry-run=maybe" }, "--dry-run", "\"maybe\" is neither true nor false" },
                { { "-o", "xml" }, "--output", "\"xml\" is neither text nor json" },
                { { "-v", "10" }, "-v", "\"10\" is not a number from 0 to 9" },
                { { "-v", "x" }, "-v", "not a number" },
                { { "-v", "" }, "-v", "not a number" },
                { { "--root", "/does/not/exist" }, "--root", "/does/not/exist: No such file" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                const char *const argv[] = { "test", t[i].argv[0], t[i].argv[1], t[i].argv[2], NULL };
                struct result r;
                int ret = parse(&r, argv);

                if (!t[i].text) {
                        assert_int_equal(ret, 0);
                        continue;
                }
                assert_int_equal(ret, -EINVAL);
                assert_int_equal(r.e.status, EXIT_INPUT);
                assert_string_equal(r.e.file, t[i].file);
                assert_non_null(strstr(r.e.message, t[i].text));
        }
}

static void test_no_table(void **state) {
        char *argv[] = { (char *)"version", (char *)"-o", (char *)"json", NULL };
        struct common c;
        struct error e;
        char **args;
        int n;

        (void)state;
        assert_int_equal(opt_parse(3, argv, "", NULL, &c, &args, &n, &e), 0);
        assert_true(c.json);
        assert_int_equal(n, 0);
}

static void test_distance(void **state) {
        (void)state;
        assert_int_equal(suggest_distance("vip", "vip"), 0);
        assert_int_equal(suggest_distance("dnsdomain", "dnsDomain"), 0);
        assert_int_equal(suggest_distance("adress", "address"), 1);
        assert_int_equal(suggest_distance("adderss", "address"), 1); /* swapped */
        assert_int_equal(suggest_distance("interfacse", "interface"), 1);
        assert_int_equal(suggest_distance("intrefacse", "interface"), 2);
        assert_int_equal(suggest_distance("members", "health"), SUGGEST_FAR);
        assert_int_equal(suggest_distance("", "vip"), SUGGEST_FAR);
        assert_int_equal(suggest_distance("", ""), SUGGEST_FAR);
        assert_int_equal(suggest_distance("ab", "cd"), SUGGEST_FAR);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values_and_positions),
                cmocka_unit_test(test_last_one_wins_and_false_takes_back),
                cmocka_unit_test(test_two_dashes_end_the_options),
                cmocka_unit_test(test_common_options),
                cmocka_unit_test(test_help_is_no_error),
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_no_table),
                cmocka_unit_test(test_distance),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
