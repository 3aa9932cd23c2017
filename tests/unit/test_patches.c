/* The directory of patches: which files are read, in which order, what is ignored, what is refused. */
#include "agent/patches.h"
#include "pki/util.h"
#include "tests/unit/tmpdir.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

static void write_file(void *state, const char *name, const char *text) {
        char path[PATH_MAX];
        FILE *f = fopen(tmp_path(state, name, path), "w");

        assert_non_null(f);
        fputs(text, f);
        fclose(f);
}

static void make_dir(void *state, const char *name) {
        char path[PATH_MAX];

        assert_int_equal(mkdir(tmp_path(state, name, path), 0755), 0);
}

static void test_order_and_ignored(void **state) {
        static const char *const order[] = { "a/etcd.yaml",     "a/nested/etcd9+json.yaml",
                                             "etcd+merge.json", "etcd0.yaml",
                                             "etcd10.yaml",     "kube-scheduler.yaml" };
        struct patches p;
        struct error e = { 0 };

        make_dir(*state, "a");
        make_dir(*state, "a/nested");
        for (size_t i = ARRAY_SIZE(order); i-- > 0;)
                write_file(*state, order[i], "x: 1\n");
        write_file(*state, "README", "x");
        write_file(*state, "etcd5.yaml", "");
        assert_int_equal(patches_load(*state, &p, &e), 0);
        assert_int_equal(p.n, ARRAY_SIZE(order));
        for (size_t i = 0; i < p.n; i++) {
                assert_string_equal(p.v[i].file + strlen(*state) + 1, order[i]);
                assert_int_equal(p.v[i].size, 5);
        }
        assert_string_equal(p.v[1].target, "etcd");
        assert_int_equal(p.v[1].type, TMPL_PATCH_JSON);
        assert_int_equal(p.v[2].type, TMPL_PATCH_MERGE);
        assert_string_equal(p.v[5].target, "kube-scheduler");
        assert_int_equal(p.n_ignored, 2);
        assert_string_equal(p.ignored[0] + strlen(*state), "/README: ends neither in .yaml nor in .json");
        assert_string_equal(p.ignored[1] + strlen(*state), "/etcd5.yaml: is empty");
        patches_done(&p);
}

static void test_no_directory(void **state) {
        struct patches p;
        struct error e = { 0 };
        char path[PATH_MAX];

        assert_int_equal(patches_load(NULL, &p, &e), 0);
        assert_int_equal(p.n, 0);
        assert_int_equal(patches_load(tmp_path(*state, "none", path), &p, &e), -EINVAL);
        assert_int_equal(e.status, EXIT_INPUT);
        assert_non_null(strstr(e.message, "/none cannot be read: No such file or directory"));
        write_file(*state, "file", "x");
        assert_int_equal(patches_load(tmp_path(*state, "file", path), &p, &e), -EINVAL);
        assert_non_null(strstr(e.message, "/file cannot be read: Not a directory"));
        patches_done(&p);
}

static void test_unknown_type(void **state) {
        struct patches p;
        struct error e = { 0 };

        write_file(*state, "etcd+yaml.yaml", "x: 1\n");
        assert_int_equal(patches_load(*state, &p, &e), -EINVAL);
        assert_string_equal(e.message, "patches: etcd+yaml.yaml: \"yaml\" after the '+' is no type of patch; "
                                       "there are strategic, merge and json");
        patches_done(&p);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_order_and_ignored),
                tmp_test(test_no_directory),
                tmp_test(test_unknown_type),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
