/* The whole join of a worker under a root: the enrolment service is real, no kubelet is started. */
#include "tests/unit/join_fixture.h"

#include "agent/reset.h"
#include <dirent.h>
#include <ftw.h>

/* A worker, w1, with a token of its kind. */
static struct fixture *begin(void **state) {
        struct fixture *f = fixture_begin(state);

        world_role_token(&f->service->w, ENROLL_WORKER, 1, NULL, NULL, f->token);
        f->join.worker = true;
        f->join.flags.node_name = "w1";
        return f;
}

static bool there(const struct fixture *f, const char *file) {
        char path[PATH_MAX];

        assert_true(snprintf(path, sizeof path, "%s%s", f->root, file) < PATH_MAX);
        return access(path, F_OK) == 0;
}

static unsigned keys_found;

static int look_for_keys(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        char *text;
        size_t size;

        (void)ftw;
        if (type != FTW_F)
                return 0;
        assert_int_equal(pki_file_read(path, 1 << 20, &text, &size), 0);
        if (strstr(text, "PRIVATE KEY")) {
                assert_int_equal(st->st_mode & 0077, 0);
                keys_found++;
        }
        free(text);
        return 0;
}

static void run(struct fixture *f) {
        struct error e = { 0 };

        if (join_run(&f->join, &e) < 0)
                fail_msg("%s: %s", e.file, e.message);
        join_done(&f->join);
}

static const char *const files[] = { "/etc/kubernetes/pki/ca.crt",
                                     "/etc/kubernetes/kubelet.conf",
                                     "/var/lib/kubelet/pki/kubelet-client-current.pem",
                                     "/var/lib/kubelet/config.yaml",
                                     "/var/lib/kubelet/kubeadm-flags.env",
                                     "/etc/kubernetes/manifests" };

static void test_worker_has_a_kubelet_and_nothing_of_a_master(void **state) {
        static const char *const never[] = { "/etc/kubernetes/pki/ca.key",
                                             "/etc/kubernetes/pki/sa.key",
                                             "/etc/kubernetes/pki/etcd",
                                             "/etc/kubernetes/admin.conf",
                                             "/etc/kubernetes/manifests/etcd.yaml",
                                             "/etc/triarch",
                                             "/var/lib/triarch/join/bundle.json",
                                             "/var/lib/triarch/join/kubelet.key" };
        struct fixture *f = begin(state);

        run(f);
        for (size_t i = 0; i < ARRAY_SIZE(files); i++)
                if (!there(f, files[i]))
                        fail_msg("%s is missing", files[i]);
        for (size_t i = 0; i < ARRAY_SIZE(never); i++)
                if (there(f, never[i]))
                        fail_msg("%s is there", never[i]);
        keys_found = 0;
        assert_int_equal(nftw(f->root, look_for_keys, 16, FTW_PHYS), 0);
        assert_int_equal(keys_found, 1); /* its own */
        fixture_end(f);
}

static void test_finished_join_of_a_worker_changes_nothing(void **state) {
        struct fixture *f = begin(state);
        struct error e = { 0 };

        run(f);
        run(f);
        f->join.worker = false;
        assert_int_equal(join_run(&f->join, &e), -EINVAL);
        assert_non_null(strstr(e.message, "as a worker, not as a master"));
        fixture_end(f);
}

/* The answer was lost: the token is spent, the key is the same, so the master gives it once more. */
static void test_lost_answer_is_asked_for_again(void **state) {
        struct fixture *f = begin(state);
        struct join_state s;

        run(f);
        assert_int_equal(join_state_load(f->root, &s, NULL), 0);
        s.step = 0;
        s.finished = false;
        *s.cluster_id = '\0';
        assert_int_equal(join_state_save(f->root, &s, NULL), 0);
        run(f);
        fixture_end(f);
}

/* In a process that is killed once its journal has come to that step. */
static void run_until(struct fixture *f, unsigned step) {
        int64_t deadline = monotonic_us() + PATIENCE_US;
        struct join_state s = { 0 };
        pid_t pid = fork();

        if (pid == 0)
                _exit(join_run(&f->join, NULL) < 0);
        while (join_state_load(f->root, &s, NULL) < 0 || (s.step < step && !s.finished)) {
                assert_true(monotonic_us() < deadline);
                nanosleep(&(struct timespec){ 0, 500000 }, NULL);
        }
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

static void test_killed_at_any_step_it_goes_on(void **state) {
        struct fixture *f = begin(state);
        struct join_state s;
        struct token t;
        char id[PKI_TOKEN_ID + 1];

        for (unsigned step = 0; step < 8; step++)
                run_until(f, step);
        run(f);
        for (size_t i = 0; i < ARRAY_SIZE(files); i++)
                if (!there(f, files[i]))
                        fail_msg("%s is missing", files[i]);
        assert_int_equal(join_state_load(f->root, &s, NULL), 0);
        assert_true(s.finished);
        assert_int_equal(s.role, ENROLL_WORKER);
        snprintf(id, sizeof id, "%.6s", f->token);
        assert_int_equal(token_get(f->service->w.root, id, &t, NULL), 0);
        assert_int_equal(t.n_bound, 1); /* however often it has asked */
        fixture_end(f);
}

static void test_refused_worker_keeps_nothing(void **state) {
        struct fixture *f = begin(state);
        struct error e = { 0 };

        f->join.token = f->service->token; /* a master's */
        assert_int_equal(join_run(&f->join, &e), -EACCES);
        assert_non_null(strstr(e.message, "is for masters"));
        assert_false(there(f, "/var/lib/triarch"));
        assert_false(there(f, "/etc"));
        fixture_end(f);
}

/* As a run leaves it that was killed between the bundle and the journal's next words. */
static void store_bundle(struct fixture *f, enum enroll_role role) {
        struct enroll_bundle b = { .role = role, .config = strdup("x"), .certificate = strdup("x") };
        char path[PATH_MAX], *text;
        size_t size;

        assert_true(snprintf(path, sizeof path, "%s/etc/kubernetes/pki/ca.crt", f->service->w.root) <
                    PATH_MAX);
        assert_int_equal(pki_file_read(path, 65536, &b.entries[ENROLL_CA_CRT], &size), 0);
        for (enum enroll_entry i = 0; i < ENROLL_ENTRIES; i++)
                if (!b.entries[i])
                        b.entries[i] = strdup("x");
        assert_int_equal(enroll_bundle_encode(&b, &text, &size), 0);
        assert_int_equal(join_file_put(f->root, JOIN_BUNDLE, text, size, NULL), 0);
        free(text);
        enroll_bundle_done(&b);
}

static void test_stored_bundle_of_another_role_or_cluster(void **state) {
        struct fixture *f = begin(state);
        struct error e = { 0 };

        store_bundle(f, ENROLL_MASTER);
        assert_int_equal(join_run(&f->join, &e), -EINVAL);
        assert_non_null(strstr(e.message, "into the cluster as a master"));
        join_done(&f->join);
        assert_false(there(f, "/etc/kubernetes"));
        store_bundle(f, ENROLL_WORKER);
        f->join.pins.v[0][strlen("sha256:")] ^= 1;
        assert_int_equal(join_run(&f->join, &e), -EINVAL);
        assert_non_null(strstr(e.message, "into another cluster as a worker"));
        fixture_end(f);
}

/* Reset reads from the journal what a worker has no config.yaml for. */
static void test_reset_of_a_worker(void **state) {
        struct fixture *f = begin(state);
        struct error e = { 0 };
        struct reset r;
        char etcd[PATH_MAX];

        run(f);
        tmp_path(*state, "joiner/var/lib/etcd", etcd);
        assert_int_equal(mkdir(etcd, 0700), 0);
        tmp_path(*state, "joiner/var/lib/etcd/data", etcd);
        assert_int_equal(pki_file_write(etcd, 0600, (gid_t)-1, "", 0, 0), 0);
        assert_int_equal(reset_load(f->root, NULL, &r, &e), 0);
        assert_non_null(r.config);
        assert_true(r.worker);
        assert_int_equal(reset_files(&r, &e), 0);
        for (size_t i = 0; i < ARRAY_SIZE(files); i++)
                if (there(f, files[i]))
                        fail_msg("%s is still there", files[i]);
        assert_false(there(f, "/var/lib/triarch/join"));
        assert_true(there(f, "/var/lib/etcd/data")); /* no worker's etcd is triarch's */
        reset_done(&r);
        fixture_end(f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_worker_has_a_kubelet_and_nothing_of_a_master),
                tmp_test(test_finished_join_of_a_worker_changes_nothing),
                tmp_test(test_lost_answer_is_asked_for_again),
                tmp_test(test_killed_at_any_step_it_goes_on),
                tmp_test(test_refused_worker_keeps_nothing),
                tmp_test(test_stored_bundle_of_another_role_or_cluster),
                tmp_test(test_reset_of_a_worker),
        };

        if (lacks_network())
                return 77;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
