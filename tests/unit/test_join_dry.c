/* `triarch join --dry-run`: the master is asked who it is, without the token; nothing is written; and on a
 * machine that is enrolled already every file is shown. */
#include "tests/unit/join_fixture.h"

#include <fcntl.h>
#include <sys/prctl.h>

/* The same machine, asked what it would do. */
static struct fixture *begin(void **state) {
        struct fixture *f = fixture_begin(state);

        f->join.flags.dry_run = true;
        return f;
}

/* What it printed; its result in *ret. */
static char *run(struct fixture *f, int *ret, struct error *e) {
        char out[PATH_MAX + 8];
        int saved = dup(1), fd;
        char *text;
        size_t size;

        snprintf(out, sizeof out, "%s.out", f->root);
        fd = open(out, O_RDWR | O_CREAT | O_TRUNC, 0600);
        assert_true(saved >= 0 && fd >= 0);
        fflush(stdout);
        dup2(fd, 1);
        *ret = join_run(&f->join, e);
        fflush(stdout);
        dup2(saved, 1);
        close(saved);
        close(fd);
        assert_int_equal(pki_file_read(out, 1 << 20, &text, &size), 0);
        return text;
}

static void expect(const char *text, const char *what) {
        if (!strstr(text, what))
                fail_msg("there is no\n%s\nin\n%s", what, text);
}

static void test_files_are_named(void **state) {
        struct fixture *f = begin(state);
        struct error e = { 0 };
        int r;
        char *text = run(f, &r, &e);

        if (r < 0)
                fail_msg("%s", e.message);
        assert_int_equal(entries_under(f->root), EMPTY);
        expect(text, "this machine would join it as n2 at " JOINER_ADDRESS "\n");
        expect(text, "[join] would have made /etc/kubernetes/pki/ca.key\n");
        expect(text, "[join] would have made /etc/kubernetes/manifests/etcd.yaml\n");
        expect(text, "[join] would have made /var/lib/kubelet/config.yaml\n");
        expect(text, "the token was not used");
        assert_null(strstr(text, "super-admin"));
        free(text);

        f->join.worker = true;
        text = run(f, &r, &e);
        assert_int_equal(r, 0);
        expect(text, "[join] would have made /etc/kubernetes/kubelet.conf\n");
        assert_null(strstr(text, "manifests"));
        assert_int_equal(entries_under(f->root), EMPTY);
        free(text);
        fixture_end(f);
}

static void test_another_master_is_found(void **state) {
        struct fixture *f = begin(state);
        struct error e = { 0 };
        char *text;
        int r;

        f->join.pins.v[0][10] = f->join.pins.v[0][10] == '0' ? '1' : '0';
        text = run(f, &r, &e);
        assert_true(r < 0);
        assert_int_equal(e.status, EXIT_FAILED);
        assert_null(strstr(text, "would have made"));
        assert_int_equal(entries_under(f->root), EMPTY);
        free(text);
        fixture_end(f);
}

/* Killed after enrolment, then only asked: the journal and the tree stay as they are. */
static void test_enrolled_machine_is_shown_everything(void **state) {
        struct fixture *f = begin(state);
        int64_t deadline = monotonic_us() + PATIENCE_US;
        struct join_state s = { 0 };
        struct error e = { 0 };
        pid_t pid = fork();
        char *text;
        int r, before;

        if (pid == 0) {
                f->join.flags.dry_run = false;
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                _exit(join_run(&f->join, NULL) < 0);
        }
        while (join_state_load(f->root, &s, NULL) < 0 || s.step < STEP_ETCD) {
                assert_true(monotonic_us() < deadline);
                nanosleep(&(struct timespec){ 0, 2000000 }, NULL);
        }
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        before = entries_under(f->root);
        text = run(f, &r, &e);
        if (r < 0)
                fail_msg("%s", e.message);
        assert_int_equal(entries_under(f->root), before);
        expect(text, "[control-plane] would have made /etc/kubernetes/manifests/kube-apiserver.yaml\n");
        expect(text, "    - --advertise-address=" JOINER_ADDRESS "\n");
        assert_null(strstr(text, "PRIVATE KEY"));
        free(text);
        fixture_end(f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_files_are_named),
                tmp_test(test_another_master_is_found),
                tmp_test(test_enrolled_machine_is_shown_everything),
        };

        if (lacks_network())
                return 77;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
