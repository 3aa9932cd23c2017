#include "agent/phase.h"
#include "pki/file.h"
#include "tests/unit/tmpdir.h"
#include <errno.h>

struct fixture {
        char dir[64];
        struct config config;
        struct phase_ctx ctx;
};

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof *f);

        snprintf(f->dir, sizeof f->dir, "/tmp/triarch-phase.XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        f->ctx = (struct phase_ctx){ .config = &f->config, .root = f->dir };
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        nftw(f->dir, tmp_remove_one, 16, FTW_DEPTH | FTW_PHYS);
        free(f);
        return 0;
}

static void test_names_and_aliases(void **state) {
        (void)state;
        assert_ptr_equal(phase_find("kubelet"), phase_find("kubelet-start"));
        assert_ptr_equal(phase_find("token"), phase_find("show-join-command"));
        assert_null(phase_find("kube"));
        assert_string_equal(phase_at(0)->name, "preflight");
        assert_true(phase_has_sub(phase_find("certs"), "etcd-healthcheck-client"));
        assert_false(phase_has_sub(phase_find("certs"), "etcd"));
        assert_false(phase_has_sub(phase_find("certs"), ""));
        assert_false(phase_has_sub(phase_find("agent"), "all"));
}

/* What a phase needs, an earlier one has made. */
static void test_order(void **state) {
        static const char *const order[] = {
                "preflight",
                "host",
                "runtime",
                "images",
                "certs",
                "kubeconfig",
                "etcd",
                "control-plane",
                "kubelet-start",
                "agent",
                "wait-control-plane",
                "upload-config",
                "mark-control-plane",
                "bootstrap-token",
                "kubelet-finalize",
                "addon",
                "show-join-command",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(order); i++)
                assert_string_equal(phase_at(i)->name, order[i]);
        assert_null(phase_at(ARRAY_SIZE(order)));
}

static int check_skip(const char *entry, struct error *e) {
        char text[64], *items[] = { text };
        struct config c = { .skip_phases = { items, 1 } };

        snprintf(text, sizeof text, "%s", entry);
        return phase_check_skips(&c, e);
}

static void test_skips_are_checked(void **state) {
        struct error e = { 0 };

        (void)state;
        assert_int_equal(check_skip("certs", &e), 0);
        assert_int_equal(check_skip("certs/apiserver", &e), 0);
        assert_int_equal(check_skip("kubelet", &e), 0);
        assert_int_equal(check_skip("certs/", &e), 0);
        assert_int_equal(check_skip("addon", &e), 0);
        assert_int_equal(check_skip("addon/kube-proxy", &e), 0);
        assert_int_equal(check_skip("addon/coredns", &e), 0);
        assert_int_equal(check_skip("addon/flannel", &e), 0);
        assert_int_equal(check_skip("addon/calico", &e), -EINVAL);
        assert_int_equal(check_skip("certs/nothing", &e), -EINVAL);
        assert_int_equal(e.status, EXIT_INPUT);
        assert_int_equal(check_skip("nothing", &e), -EINVAL);
        assert_int_equal(check_skip("agent/all", &e), -EINVAL);
}

static int put(struct fixture *f, const char *text, bool yaml, struct error *e) {
        return phase_put_file(&f->ctx, "test", "/etc/kubernetes/manifests/x.yaml", 0600, (gid_t)-1, text,
                              strlen(text), yaml, e);
}

static void test_a_file_is_made_then_kept(void **state) {
        struct fixture *f = *state;
        struct stat first, second;
        char path[PATH_MAX];

        assert_int_equal(put(f, "a: 1\n", true, NULL), 0);
        assert_true(phase_path(&f->ctx, "/etc/kubernetes/manifests/x.yaml", path));
        assert_int_equal(stat(path, &first), 0);
        assert_int_equal(put(f, "a: 1 # the same value\n", true, NULL), 0);
        assert_int_equal(stat(path, &second), 0);
        assert_int_equal(first.st_ino, second.st_ino);
        assert_int_equal(first.st_mode & 07777, 0600);
        assert_int_equal(f->ctx.made, 1);
        assert_int_equal(f->ctx.kept, 1);
        assert_true(phase_path(&f->ctx, "/etc/kubernetes/manifests", path));
        assert_int_equal(stat(path, &first), 0);
        assert_int_equal(first.st_mode & 07777, 0700);
}

static void test_a_file_that_differs_is_never_overwritten(void **state) {
        struct fixture *f = *state;
        CLEANUP(freep) char *text = NULL;
        struct error e = { 0 };
        char path[PATH_MAX];
        size_t size;

        assert_int_equal(put(f, "one\ntwo\n", false, NULL), 0);
        assert_int_equal(put(f, "one\nthree\n", false, &e), -EEXIST);
        assert_string_equal(e.file, "/etc/kubernetes/manifests/x.yaml");
        assert_non_null(strstr(e.message, "line 2 is `two`, would be `three`"));
        assert_int_equal(put(f, "one\ntwo\nthree\n", false, &e), -EEXIST);
        assert_non_null(strstr(e.message, "line 3 is ``, would be `three`"));
        assert_int_equal(put(f, "one\ntwo", false, &e), -EEXIST);
        phase_path(&f->ctx, "/etc/kubernetes/manifests/x.yaml", path);
        assert_int_equal(pki_file_read(path, 100, &text, &size), 0);
        assert_string_equal(text, "one\ntwo\n");
}

static void test_only_one_at_a_time(void **state) {
        struct fixture *f = *state;
        struct error e = { 0 };
        int first, second;

        assert_int_equal(phase_lock(f->dir, &first, &e), 0);
        assert_int_equal(phase_lock(f->dir, &second, &e), -EBUSY);
        assert_non_null(strstr(e.message, "another triarch init, join or reset"));
        close(first);
        assert_int_equal(phase_lock(f->dir, &second, &e), 0);
        close(second);
}

static void test_sweep_removes_temporary_files_alone(void **state) {
        static const char *const names[] = { "/etc/kubernetes/pki/.ca.key.triarch",
                                             "/etc/kubernetes/pki/ca.key", "/etc/kubernetes/pki/.triarch" };
        struct fixture *f = *state;
        char path[PATH_MAX];

        phase_path(&f->ctx, "/etc/kubernetes/pki", path);
        assert_int_equal(pki_mkdir_p(path, 0755), 0);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                phase_path(&f->ctx, names[i], path);
                assert_int_equal(pki_file_write(path, 0600, (gid_t)-1, "x", 1, 0), 0);
        }
        phase_sweep(f->dir, "/etc/kubernetes/pki");
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                phase_path(&f->ctx, names[i], path);
                assert_int_equal(access(path, F_OK), i == 0 ? -1 : 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names_and_aliases),
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_skips_are_checked),
                cmocka_unit_test_setup_teardown(test_a_file_is_made_then_kept, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_file_that_differs_is_never_overwritten, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(test_only_one_at_a_time, setup, teardown),
                cmocka_unit_test_setup_teardown(test_sweep_removes_temporary_files_alone, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
