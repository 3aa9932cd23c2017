/* `triarch init --dry-run`: everything that would be made is printed, no secret is, and the tree is the same
 * before and after: names, inodes, sizes, times of content and of inode. */
#include "agent/command.h"
#include "pki/util.h"
#include "tests/unit/tmpdir.h"
#include <fcntl.h>
#include <sys/wait.h>

/* One line per file: path, inode, mode, size, both times. */
static FILE *snapshot_file; /* nftw() passes no argument */

static int note(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        (void)type;
        (void)ftw;
        fprintf(snapshot_file, "%s %lu %o %ld %ld.%09ld %ld.%09ld\n", path, (unsigned long)st->st_ino,
                (unsigned)st->st_mode, (long)st->st_size, (long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
                (long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
        return 0;
}

static char *snapshot(const char *dir) {
        char *text = NULL;
        size_t size;

        snapshot_file = open_memstream(&text, &size);
        assert_non_null(snapshot_file);
        assert_int_equal(nftw(dir, note, 16, FTW_PHYS), 0);
        fclose(snapshot_file);
        return text;
}

static char *read_all(int fd) {
        char *text = calloc(1, 1 << 20);
        ssize_t n;
        size_t size = 0;

        assert_non_null(text);
        while ((n = read(fd, text + size, (1 << 20) - size - 1)) > 0)
                size += (size_t)n;
        return text;
}

/* Both outputs, malloc'ed; *ret_status is the exit status. */
static char *init(void *state, int *ret_status, const char *arg, const char *arg2, const char *arg3) {
        char root[PATH_MAX];
        char *argv[] = { (char *)"init",
                         (char *)"--root",
                         tmp_path(state, "tree", root),
                         (char *)"--vip=172.18.0.192/22",
                         (char *)"--apiserver-advertise-address=172.18.0.154",
                         (char *)"--node-name=host1",
                         (char *)(uintptr_t)arg,
                         (char *)(uintptr_t)arg2,
                         (char *)(uintptr_t)arg3,
                         NULL };
        int fds[2], argc = 6 + !!arg + !!arg2 + !!arg3;
        char *text;
        pid_t pid;

        assert_int_equal(pipe(fds), 0);
        fflush(NULL);
        if (!(pid = fork())) {
                dup2(fds[1], 1);
                dup2(fds[1], 2);
                close(fds[0]);
                close(fds[1]);
                setvbuf(stdout, NULL, _IONBF, 0);
                _exit(cmd_init(argc, argv));
        }
        close(fds[1]);
        text = read_all(fds[0]);
        close(fds[0]);
        assert_int_equal(waitpid(pid, ret_status, 0), pid);
        *ret_status = WIFEXITED(*ret_status) ? WEXITSTATUS(*ret_status) : -1;
        return text;
}

static void make_tree(void *state) {
        char path[PATH_MAX];

        assert_int_equal(mkdir(tmp_path(state, "tree", path), 0755), 0);
}

static void expect(const char *text, const char *what) {
        if (!strstr(text, what))
                fail_msg("there is no\n%s\nin\n%s", what, text);
}

static void expect_no_secret(const char *text) {
        static const char *const secrets[] = { "PRIVATE KEY", "client-key-data", "LS0tLS1CRUdJTiBQUklW" };

        for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
                if (strstr(text, secrets[i]))
                        fail_msg("%s was printed", secrets[i]);
}

static void test_an_empty_tree(void **state) {
        CLEANUP(freep) char *before = NULL, *after = NULL, *text = NULL;
        int status;

        make_tree(*state);
        before = snapshot(*state);
        text = init(*state, &status, "--dry-run", NULL, NULL);
        after = snapshot(*state);
        assert_int_equal(status, 0);
        assert_string_equal(before, after);
        expect(text, "[certs] would have made /etc/kubernetes/pki/ca.key\n");
        expect(text, "DNS:kubernetes.default.svc, ");
        expect(text, "IP Address:172.18.0.154, ");
        expect(text, "[kubeconfig] would have made /etc/kubernetes/super-admin.conf\n");
        expect(text, "[control-plane] would have made /etc/kubernetes/manifests/kube-apiserver.yaml\n");
        expect(text, "    - --advertise-address=172.18.0.154\n");
        expect(text, "[kubelet-start] would have made /var/lib/kubelet/config.yaml\n");
        expect(text, "clusterDomain: cluster.local\n");
        expect(text, "[agent] would have made /etc/triarch/config.yaml\n");
        expect(text, "Dry run: nothing was changed; ");
        expect_no_secret(text);
}

static void test_a_finished_tree(void **state) {
        CLEANUP(freep) char *before = NULL, *after = NULL, *text = NULL, *made = NULL;
        int status;

        make_tree(*state);
        made = init(*state, &status, NULL, NULL, NULL);
        assert_int_equal(status, 0);
        before = snapshot(*state);
        text = init(*state, &status, "--dry-run", NULL, NULL);
        after = snapshot(*state);
        assert_int_equal(status, 0);
        assert_string_equal(before, after);
        expect(text, "Dry run: nothing was changed; ");
        expect(text,
               "would have applied ConfigMap kube-system/kubeadm-config\n"); /* nobody is asked for it */
        assert_null(strstr(text, "would have made"));
}

/* A file that differs would have stopped init: the difference is shown, and what comes after it, too. */
static void test_files_that_differ(void **state) {
        CLEANUP(freep) char *before = NULL, *after = NULL, *text = NULL, *made = NULL;
        int status;

        make_tree(*state);
        made = init(*state, &status, NULL, NULL, NULL);
        assert_int_equal(status, 0);
        before = snapshot(*state);
        text = init(*state, &status, "--image-repository=mirror.example/k8s", "--dry-run",
                    "--ignore-preflight-errors=all");
        after = snapshot(*state);
        assert_string_equal(before, after);
        assert_int_equal(status, 1);
        expect(text,
               "[etcd] would have stopped: /etc/kubernetes/manifests/etcd.yaml exists and differs from what "
               "this configuration gives\n");
        expect(text, "    image: registry.k8s.io/etcd:3.6.8-0\n");
        expect(text, "    image: mirror.example/k8s/etcd:3.6.8-0\n");
        expect(text, "[control-plane] would have stopped: /etc/kubernetes/manifests/kube-scheduler.yaml");
        expect(text, "dry run: nothing was changed; 5 files that are there differ");
}

/* Left out is left out; one phase alone works, too, without what those before it would have made. */
static void test_phases_are_left_out(void **state) {
        CLEANUP(freep) char *text = NULL;
        int status;

        make_tree(*state);
        text = init(*state, &status, "--dry-run", "--skip-phases=certs/ca,kubeconfig,control-plane/scheduler",
                    NULL);
        assert_int_equal(status, 0);
        assert_null(strstr(text, "[certs] would have made /etc/kubernetes/pki/ca."));
        expect(text, "/pki/apiserver.crt\n");
        assert_null(strstr(text, "[kubeconfig]"));
        assert_null(strstr(text, "kube-scheduler.yaml"));
        expect(text, "kube-controller-manager.yaml\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_an_empty_tree),
                tmp_test(test_a_finished_tree),
                tmp_test(test_files_that_differ),
                tmp_test(test_phases_are_left_out),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
