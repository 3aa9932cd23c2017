/* `triarch join --dry-run`: the master is asked who it is, without the token; nothing is written; and on a
 * machine that is enrolled already every file is shown. */
#include "agent/monotonic.h"
#include "tests/unit/enroll_service.h"

#include "agent/join.h"
#include <fcntl.h>
#include <ftw.h>
#include <sys/prctl.h>

enum { EMPTY = 2 /* var, var/lib */, STEP_ETCD = 5 };

struct fixture {
        struct service *service;
        char root[PATH_MAX], out[PATH_MAX];
        struct join join;
};

static struct fixture *begin(void **state) {
        struct fixture *f = calloc(1, sizeof *f);
        char master[PATH_MAX], base[PATH_MAX];

        assert_non_null(f);
        assert_int_equal(mkdir(tmp_path(*state, "master", master), 0755), 0);
        assert_int_equal(mkdir(tmp_path(*state, "joiner", f->root), 0755), 0);
        assert_int_equal(pki_mkdir_p(tmp_path(*state, "joiner/var/lib", base), 0755), 0);
        tmp_path(*state, "out", f->out);
        f->service = service_start(strdup(master));
        f->join = (struct join){
                .root = f->root,
                .host = SERVER_ADDRESS,
                .port = PORT,
                .token = f->service->token,
                .pins = f->service->w.pins,
                .flags = { .node_name = "n2", .advertise_address = JOINER_ADDRESS, .dry_run = true }
        };
        return f;
}

static void end(struct fixture *f) {
        free((char *)f->service->w.root);
        service_stop(f->service);
        join_done(&f->join);
        free(f);
}

static int entries;

static int count_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        (void)path;
        (void)st;
        (void)type;
        entries += ftw->level > 0;
        return 0;
}

static int entries_under(const char *root) {
        entries = 0;
        assert_int_equal(nftw(root, count_entry, 16, FTW_PHYS), 0);
        return entries;
}

/* What it printed; its result in *ret. */
static char *run(struct fixture *f, int *ret, struct error *e) {
        int saved = dup(1), fd = open(f->out, O_RDWR | O_CREAT | O_TRUNC, 0600);
        char *text;
        size_t size;

        assert_true(saved >= 0 && fd >= 0);
        fflush(stdout);
        dup2(fd, 1);
        *ret = join_run(&f->join, e);
        fflush(stdout);
        dup2(saved, 1);
        close(saved);
        close(fd);
        assert_int_equal(pki_file_read(f->out, 1 << 20, &text, &size), 0);
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
        end(f);
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
        end(f);
}

/* Killed after enrolment, then only asked: the journal and the tree stay as they are. */
static void test_enrolled_machine_is_shown_everything(void **state) {
        struct fixture *f = begin(state);
        int64_t deadline = monotonic_us() + 20000000;
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
        end(f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_files_are_named),
                tmp_test(test_another_master_is_found),
                tmp_test(test_enrolled_machine_is_shown_everything),
        };

        if (own_network() < 0) {
                fprintf(stderr, "needs root, for a network namespace of its own\n");
                return 77;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
