/* `triarch init --root DIR` as a whole: everything is made, a second run changes nothing, a file that is
 * missing is made again and only it, and a run that dies at any system call is completed by the next.
 *
 * The program runs in a child of this process, whose own fsync(), linkat(), ... take the place of the C
 * library's: each counts one point at which the child is killed, or told that the disk is full. */
#include "agent/command.h"
#include "pki/file.h"
#include "pki/util.h"
#include "tests/unit/tmpdir.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* The one mutable state of the file: set in the child, before the program runs. */
static struct fault {
        long countdown; /* 0: none; at 1 the fault comes */
        bool full;      /* from then on ENOSPC, instead of SIGKILL; what needs no room is no point then */
        int log;        /* the points passed are counted by a byte each */
} fault = { .log = -1 };

static bool at_fault_point(bool needs_room) {
        if (fault.full && !needs_room)
                return false;
        if (fault.log >= 0)
                syscall(SYS_write, fault.log, ".", 1);
        if (!fault.countdown || (fault.countdown > 1 && fault.countdown--))
                return false;
        if (!fault.full)
                raise(SIGKILL);
        errno = ENOSPC;
        return true;
}

/* A process that is killed loses nothing of what the kernel has: to wait for the disk would take a minute
 * here, and show no more. */
int fsync(int fd) {
        return at_fault_point(true) || fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}
int mkdir(const char *path, mode_t mode) {
        return at_fault_point(true) ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}
int symlink(const char *target, const char *path) {
        return at_fault_point(true) ? -1 : (int)syscall(SYS_symlinkat, target, AT_FDCWD, path);
}
int linkat(int from, const char *a, int to, const char *b, int flags) {
        return at_fault_point(true) ? -1 : (int)syscall(SYS_linkat, from, a, to, b, flags);
}
int renameat(int from, const char *a, int to, const char *b) {
        return at_fault_point(true) ? -1 : (int)syscall(SYS_renameat2, from, a, to, b, 0);
}
int unlinkat(int dir, const char *path, int flags) {
        at_fault_point(false);
        return (int)syscall(SYS_unlinkat, dir, path, flags);
}
/* Half of it arrives when the disk becomes full. Messages are not the disk. */
ssize_t write(int fd, const void *data, size_t size) {
        bool was_full = fault.full && fault.countdown == 1;

        if (fd > 2 && at_fault_point(true)) {
                if (size > 1 && !was_full)
                        return syscall(SYS_write, fd, data, size / 2);
                return -1;
        }
        return syscall(SYS_write, fd, data, size);
}

struct tree {
        char dir[64];
        size_t point; /* of the fault, for messages; 0 none */
};

static int setup(void **state) {
        struct tree *t = calloc(1, sizeof *t);

        snprintf(t->dir, sizeof t->dir, "/tmp/triarch-init.XXXXXX");
        assert_non_null(mkdtemp(t->dir));
        *state = t;
        return 0;
}

static int teardown(void **state) {
        struct tree *t = *state;
        char path[80];

        nftw(t->dir, tmp_remove_one, 16, FTW_DEPTH | FTW_PHYS);
        snprintf(path, sizeof path, "%s.out", t->dir);
        unlink(path);
        snprintf(path, sizeof path, "%s.points", t->dir);
        unlink(path);
        free(t);
        return 0;
}

enum { MAX_ARGS = 32 };

/* Runs a command with --root and the usual flags; its messages go to DIR.out. Exit status, or 128 + signal.
 */
static int run(const struct tree *t, const struct fault *f, command_fn command, ...) {
        char *argv[MAX_ARGS + 1] = { 0 }, out[80];
        int argc = 0, status;
        va_list ap;
        pid_t pid;

        va_start(ap, command);
        while ((argv[argc] = va_arg(ap, char *)))
                argc++;
        va_end(ap);
        argv[argc++] = (char *)"--root";
        argv[argc++] = (char *)(uintptr_t)t->dir;
        snprintf(out, sizeof out, "%s.out", t->dir);
        fflush(NULL);
        if (!(pid = fork())) {
                int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);

                dup2(fd, 1);
                dup2(fd, 2);
                close(fd);
                setvbuf(stdout, NULL, _IONBF, 0);
                if (f)
                        fault = *f;
                _exit(command(argc, argv));
        }
        assert_true(waitpid(pid, &status, 0) == pid);
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

#define FLAGS                                                                                                \
        "--vip", "172.18.0.192/22", "--interface", "eth0", "--node-name", "host1",                           \
                "--apiserver-advertise-address", "172.18.0.154"
#define INIT(t, f, ...) run((t), (f), cmd_init, "init", FLAGS, ##__VA_ARGS__, (char *)NULL)

static char *output(const struct tree *t) {
        char path[80], *text = NULL;
        size_t size;

        snprintf(path, sizeof path, "%s.out", t->dir);
        assert_int_equal(pki_file_read(path, 1 << 20, &text, &size), 0);
        return text;
}

static void expect_exit(const struct tree *t, int have, int want) {
        if (have != want) {
                CLEANUP(freep) char *text = output(t);
                size_t n = strlen(text);

                fail_msg("point %zu: exit status %d instead of %d; it said at last:\n%s", t->point, have,
                         want, n > 600 ? text + n - 600 : text);
        }
}

static void expect_output(const struct tree *t, const char *want) {
        CLEANUP(freep) char *text = output(t);

        if (!strstr(text, want))
                fail_msg("no \"%s\" in:\n%s", want, text);
}

/* What is in the tree: every path with what a change would change. */
struct entry {
        char path[160];
        struct stat st;
};
struct listing {
        struct entry v[128];
        size_t n;
};

static struct listing *listing_under_construction;

static int list_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
        struct entry *x = &listing_under_construction->v[listing_under_construction->n];

        (void)type;
        if (at->level == 0)
                return 0;
        assert_true(listing_under_construction->n++ < 128);
        snprintf(x->path, sizeof x->path, "%s", path);
        x->st = *st;
        return 0;
}

static void list(const struct tree *t, struct listing *l) {
        l->n = 0;
        listing_under_construction = l;
        assert_int_equal(nftw(t->dir, list_entry, 16, FTW_PHYS), 0);
}

static const struct entry *find(const struct listing *l, const char *path) {
        for (size_t i = 0; i < l->n; i++)
                if (!strcmp(l->v[i].path, path))
                        return &l->v[i];
        return NULL;
}

static bool same(const struct stat *a, const struct stat *b) {
        return a->st_ino == b->st_ino && a->st_mode == b->st_mode && a->st_size == b->st_size &&
               a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* The files of `a` are all in `b`, unchanged, but for those whose path contains one of the words. */
static void expect_kept(const struct listing *a, const struct listing *b, const char *but,
                        const char *and_but) {
        for (size_t i = 0; i < a->n; i++) {
                const struct entry *x = &a->v[i], *y = find(b, x->path);

                if (S_ISDIR(x->st.st_mode) || (but && !strcmp(x->path, but)) ||
                    (and_but && !strcmp(x->path, and_but)))
                        continue;
                if (!y || !same(&x->st, &y->st))
                        fail_msg("%s was %s", x->path, y ? "changed" : "removed");
        }
}

static void expect_no_temporaries(const struct listing *l) {
        for (size_t i = 0; i < l->n; i++)
                if (strstr(l->v[i].path, ".triarch") && !strstr(l->v[i].path, "triarch.d"))
                        fail_msg("%s was left", l->v[i].path);
}

static const struct {
        const char *path;
        mode_t mode;
} expected[] = {
        { "/etc/kubernetes", 0755 },
        { "/etc/kubernetes/admin.conf", 0600 },
        { "/etc/kubernetes/controller-manager.conf", 0600 },
        { "/etc/kubernetes/kubelet.conf", 0600 },
        { "/etc/kubernetes/scheduler.conf", 0600 },
        { "/etc/kubernetes/super-admin.conf", 0600 },
        { "/etc/kubernetes/manifests", 0700 },
        { "/etc/kubernetes/manifests/etcd.yaml", 0600 },
        { "/etc/kubernetes/manifests/kube-apiserver.yaml", 0600 },
        { "/etc/kubernetes/manifests/kube-controller-manager.yaml", 0600 },
        { "/etc/kubernetes/manifests/kube-scheduler.yaml", 0600 },
        { "/etc/kubernetes/pki", 0755 },
        { "/etc/kubernetes/pki/ca.crt", 0644 },
        { "/etc/kubernetes/pki/ca.key", 0600 },
        { "/etc/kubernetes/pki/apiserver.crt", 0644 },
        { "/etc/kubernetes/pki/apiserver.key", 0600 },
        { "/etc/kubernetes/pki/apiserver-etcd-client.crt", 0644 },
        { "/etc/kubernetes/pki/apiserver-etcd-client.key", 0600 },
        { "/etc/kubernetes/pki/apiserver-kubelet-client.crt", 0644 },
        { "/etc/kubernetes/pki/apiserver-kubelet-client.key", 0600 },
        { "/etc/kubernetes/pki/front-proxy-ca.crt", 0644 },
        { "/etc/kubernetes/pki/front-proxy-ca.key", 0600 },
        { "/etc/kubernetes/pki/front-proxy-client.crt", 0644 },
        { "/etc/kubernetes/pki/front-proxy-client.key", 0600 },
        { "/etc/kubernetes/pki/sa.key", 0600 },
        { "/etc/kubernetes/pki/sa.pub", 0600 },
        { "/etc/kubernetes/pki/etcd", 0755 },
        { "/etc/kubernetes/pki/etcd/ca.crt", 0644 },
        { "/etc/kubernetes/pki/etcd/ca.key", 0600 },
        { "/etc/kubernetes/pki/etcd/healthcheck-client.crt", 0644 },
        { "/etc/kubernetes/pki/etcd/healthcheck-client.key", 0600 },
        { "/etc/kubernetes/pki/etcd/peer.crt", 0644 },
        { "/etc/kubernetes/pki/etcd/peer.key", 0600 },
        { "/etc/kubernetes/pki/etcd/server.crt", 0644 },
        { "/etc/kubernetes/pki/etcd/server.key", 0600 },
        { "/etc/containerd/config.toml", 0644 },
        { "/etc/modules-load.d/triarch.conf", 0644 },
        { "/etc/sysctl.d/99-triarch.conf", 0644 },
        { "/etc/triarch/config.yaml", 0644 },
        { "/etc/triarch/pki/enroll.crt", 0644 },
        { "/etc/triarch/pki/enroll.key", 0600 },
        { "/etc/triarch/pki/healthcheck-client.crt", 0644 },
        { "/etc/triarch/pki/healthcheck-client.key", 0640 },
        { "/etc/triarch/vip.key", 0640 },
        { "/var/lib/etcd", 0700 },
        { "/var/lib/kubelet", 0700 },
        { "/var/lib/kubelet/config.yaml", 0644 },
        { "/var/lib/kubelet/instance-config.yaml", 0644 },
        { "/var/lib/kubelet/kubeadm-flags.env", 0644 },
        { "/var/lib/kubelet/pki/kubelet-client-current.pem", 0777 },
        { "/var/lib/triarch/host", 0700 },
        { "/var/lib/triarch/host/journal.json", 0600 },
};

static void expect_everything(const struct tree *t, const struct listing *l) {
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
                char path[160];
                const struct entry *x;

                snprintf(path, sizeof path, "%s%s", t->dir, expected[i].path);
                if (!(x = find(l, path)))
                        fail_msg("point %zu: %s is missing", t->point, expected[i].path);
                if ((x->st.st_mode & 07777) != expected[i].mode)
                        fail_msg("%s has mode %o, not %o", expected[i].path, x->st.st_mode & 07777,
                                 expected[i].mode);
        }
        expect_no_temporaries(l);
}

static void test_everything_is_made_with_its_mode(void **state) {
        struct tree *t = *state;
        struct listing l;

        umask(077);
        expect_exit(t, INIT(t, NULL), 0);
        umask(022);
        list(t, &l);
        expect_everything(t, &l);
}

static void test_second_run_changes_nothing_and_says_so(void **state) {
        struct tree *t = *state;
        struct listing before, after;

        expect_exit(t, INIT(t, NULL), 0);
        list(t, &before);
        expect_exit(t, INIT(t, NULL), 0);
        expect_output(t, "nothing was changed");
        list(t, &after);
        expect_kept(&before, &after, NULL, NULL);
        assert_int_equal(before.n, after.n);
}

static bool ends_with(const char *s, const char *end) {
        size_t n = strlen(s), m = strlen(end);

        return n >= m && !strcmp(s + n - m, end);
}

/* Keys that nothing can make again: all that was signed with them would be worthless. */
static bool is_irreplaceable(const char *path) {
        return ends_with(path, "/ca.key") || ends_with(path, "/sa.key") ||
               ends_with(path, "/front-proxy-ca.key");
}

/* Only the first run knows what the machine was before. */
static bool is_journal(const char *path) {
        return ends_with(path, "/host/journal.json");
}

static void test_a_deleted_file_is_made_again_and_only_it(void **state) {
        struct tree *t = *state;
        struct listing before, after;

        expect_exit(t, INIT(t, NULL), 0);
        list(t, &before);
        for (size_t i = 0; i < before.n; i++) {
                const char *path = before.v[i].path;
                char crt[160] = "";

                if (S_ISDIR(before.v[i].st.st_mode) || is_irreplaceable(path) || is_journal(path))
                        continue;
                if (ends_with(path, ".key")) /* a new key needs a new certificate */
                        snprintf(crt, sizeof crt, "%.*s.crt", (int)strlen(path) - 4, path);
                assert_int_equal(unlink(path), 0);
                expect_exit(t, INIT(t, NULL), 0);
                list(t, &after);
                if (!find(&after, path))
                        fail_msg("%s was not made again", path);
                expect_kept(&before, &after, path, crt);
                assert_int_equal(before.n, after.n);
                before = after;
        }
}

static void test_a_deleted_authority_is_an_error_that_changes_nothing(void **state) {
        struct tree *t = *state;
        struct listing before, after;

        expect_exit(t, INIT(t, NULL), 0);
        list(t, &before);
        for (size_t i = 0; i < before.n; i++) {
                const char *path = before.v[i].path;
                char away[160];

                if (!is_irreplaceable(path))
                        continue;
                snprintf(away, sizeof away, "%s.away", t->dir);
                assert_int_equal(rename(path, away), 0);
                /* A CA may be an external one; but of the cluster's own, controller-manager has the key. */
                expect_exit(t, INIT(t, NULL),
                            ends_with(path, "sa.key")        ? 1
                            : ends_with(path, "/pki/ca.key") ? 2
                                                             : 0);
                expect_output(t, path + strlen(t->dir) - 0);
                assert_int_equal(rename(away, path), 0);
        }
        list(t, &after);
        expect_kept(&before, &after, NULL, NULL);
}

static size_t count_points(const struct tree *t, bool full) {
        char path[80];
        struct stat st;
        struct fault f = { .full = full };

        snprintf(path, sizeof path, "%s.points", t->dir);
        f.log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        expect_exit(t, INIT(t, &f), 0);
        assert_int_equal(fstat(f.log, &st), 0);
        close(f.log);
        return (size_t)st.st_size;
}

static void empty(const struct tree *t) {
        nftw(t->dir, tmp_remove_one, 16, FTW_DEPTH | FTW_PHYS);
        assert_int_equal(mkdir(t->dir, 0700), 0);
}

/* Each point in turn takes a minute (TRIARCH_TEST_STEP=1); every seventh, from a start that differs by
 * run, meets them all in time. The message of a failure has the point's number. */
static void at_many_points(struct tree *t, bool full, int want) {
        const char *env = getenv("TRIARCH_TEST_STEP");
        size_t points = count_points(t, full), step = env ? strtoul(env, NULL, 10) : 7;
        size_t start = 1 + (size_t)getpid() % step;
        struct listing before, after;

        assert_true(points > 100);
        print_message("%zu points, every %zuth from %zu\n", points, step, start);
        for (size_t i = start; i <= points; i += step) {
                struct fault f = { .countdown = (long)i, .full = full, .log = -1 };

                empty(t);
                t->point = i;
                expect_exit(t, INIT(t, &f), want);
                list(t, &before);
                expect_exit(t, INIT(t, NULL), 0);
                list(t, &after);
                expect_everything(t, &after);
                for (size_t k = 0; full && k < before.n; k++)
                        if (ends_with(before.v[k].path, ".triarch"))
                                fail_msg("point %zu: %s was left by a full disk", i, before.v[k].path);
        }
}

static void test_killed_anywhere_it_is_completed(void **state) {
        at_many_points(*state, false, 128 + SIGKILL);
}

static void test_full_disk_leaves_no_half_files(void **state) {
        at_many_points(*state, true, 1);
}

/* A host with a life of its own, whose files the phases host and runtime change. */
static const struct {
        const char *path, *text;
} owned[] = {
        { "/etc/containerd/config.toml",
          "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".cni]\n  bin_dir = \"/x\"\n" },
        { "/etc/chrony.conf", "pool 2.pool.ntp.org iburst\n" },
        { "/etc/fstab", "/dev/sda1 / ext4 defaults 0 1\nUUID=1-2 none swap sw 0 0\n" },
        { "/config.yaml", "apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\nvip: { address: "
                          "172.18.0.192/22, interface: "
                          "eth0 }\ntimeSync: { servers: [ 172.18.0.1 ] }\nregistryMirrors: { "
                          "registry.k8s.io: [ \"https://m.lan/k\" ] "
                          "}\nregistries: { m.lan: { username: u, passwordFile: /password } }\n" },
        { "/password", "geheim\n" },
};

static void make_host(const struct tree *t) {
        char path[160], dir[160];

        for (size_t i = 0; i < ARRAY_SIZE(owned); i++) {
                snprintf(path, sizeof path, "%s%s", t->dir, owned[i].path);
                snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(path, '/') - path), path);
                assert_int_equal(pki_mkdir_p(dir, 0755), 0);
                assert_int_equal(
                        pki_file_write(path, 0644, (gid_t)-1, owned[i].text, strlen(owned[i].text), 0), 0);
        }
}

static void expect_host(const struct tree *t, const struct listing *before) {
        struct listing after;

        list(t, &after);
        for (size_t i = 0; i < after.n; i++)
                if (!find(before, after.v[i].path) && !strstr(after.v[i].path, "/var"))
                        fail_msg("point %zu: %s was left", t->point, after.v[i].path);
        for (size_t i = 0; i < ARRAY_SIZE(owned); i++) {
                CLEANUP(freep) char *text = NULL;
                char path[160];
                size_t size;

                snprintf(path, sizeof path, "%s%s", t->dir, owned[i].path);
                assert_int_equal(pki_file_read(path, 4096, &text, &size), 0);
                if (strcmp(text, owned[i].text) != 0)
                        fail_msg("point %zu: %s is now: %s", t->point, owned[i].path, text);
                assert_int_equal(find(&after, path)->st.st_mode, find(before, path)->st.st_mode);
        }
}

/* As init, up to the phases that change the host's own files. */
static int run_host(const struct tree *t, const struct fault *f) {
        char config[80];

        snprintf(config, sizeof config, "%s/config.yaml", t->dir);
        return INIT(
                t, f, "--config", config, "--skip-phases",
                "preflight,certs,kubeconfig,etcd,control-plane,kubelet-start,agent,wait-control-plane,addon,"
                "show-join-command");
}

/* Killed, or out of space, at one point after the other (see above): then a run completes it, or none does,
 * and reset gives every byte back. */
static void host_at_points(struct tree *t, bool full) {
        const char *env = getenv("TRIARCH_TEST_STEP");
        size_t step = env ? strtoul(env, NULL, 10) : 5, i = 1 + (size_t)getpid() % step;
        struct listing before;
        int status = -1;

        print_message("every %zuth point from %zu\n", step, i);
        for (; status != 0; i += step) {
                struct fault f = { .countdown = (long)i, .full = full, .log = -1 };

                assert_true(i < 2000);
                empty(t);
                make_host(t);
                list(t, &before);
                t->point = i;
                status = run_host(t, &f);
                if (status != 0)
                        expect_exit(t, status, full ? 1 : 128 + SIGKILL);
                if (i % 2)
                        expect_exit(t, run_host(t, NULL), 0);
                expect_exit(t, run(t, NULL, cmd_reset, "reset", "--force", (char *)NULL), 0);
                expect_host(t, &before);
        }
        assert_true(i > 100);
}

static void test_killed_anywhere_the_host_comes_back(void **state) {
        host_at_points(*state, false);
}

static void test_full_disk_anywhere_the_host_comes_back(void **state) {
        host_at_points(*state, true);
}

static void test_bad_input_leaves_nothing(void **state) {
        struct tree *t = *state;
        struct listing l;

        expect_exit(t, INIT(t, NULL, "--vip", "172.18.0.300/22"), 3);
        expect_exit(t, INIT(t, NULL, "--kubernetes-version", "v1.20.0"), 3);
        expect_exit(t, INIT(t, NULL, "--skip-phases", "certs/banana"), 3);
        expect_output(t, "certs/banana");
        expect_exit(t, INIT(t, NULL, "--banana"), 3);
        expect_exit(t, INIT(t, NULL, "phases"), 3);
        expect_exit(t, INIT(t, NULL, "phase", "banana"), 3);
        expect_output(t, "preflight, host, runtime, images, certs, kubeconfig");
        expect_exit(t, INIT(t, NULL, "phase", "certs", "banana"), 3);
        expect_exit(t, run(t, NULL, cmd_init, "init", (char *)NULL), 3);
        list(t, &l);
        assert_int_equal(l.n, 0);
}

static void test_another_configuration_is_refused(void **state) {
        struct tree *t = *state;
        struct listing before, after;

        expect_exit(t, INIT(t, NULL), 0);
        list(t, &before);
        expect_exit(t, INIT(t, NULL, "--pod-network-cidr", "10.245.0.0/16"), 2);
        expect_output(t, "[ERROR FileAvailable--etc-kubernetes-manifests-kube-controller-manager.yaml]");
        expect_output(t, "exists and differs");
        list(t, &after);
        expect_kept(&before, &after, NULL, NULL);
        assert_int_equal(before.n, after.n);
}

static void test_phases_one_by_one_make_the_same_files(void **state) {
        static const char *const phases[][2] = {
                { "host", "all" },   { "runtime", NULL },        { "certs", "all" },  { "kubeconfig", "all" },
                { "etcd", "local" }, { "control-plane", "all" }, { "kubelet", NULL }, { "agent", NULL },
        };
        struct tree *t = *state;
        struct listing l;

        for (size_t i = 0; i < ARRAY_SIZE(phases); i++)
                expect_exit(t, INIT(t, NULL, "phase", phases[i][0], phases[i][1]), 0);
        list(t, &l);
        expect_everything(t, &l);
        expect_exit(t, INIT(t, NULL), 0);
        expect_output(t, "nothing was changed");
}

static void test_skipped_phases_make_nothing(void **state) {
        struct tree *t = *state;
        struct listing l;
        char path[160];

        expect_exit(t, INIT(t, NULL, "--skip-phases", "certs/apiserver,agent,etcd"), 0);
        list(t, &l);
        snprintf(path, sizeof path, "%s/etc/kubernetes/pki/ca.crt", t->dir);
        assert_non_null(find(&l, path));
        snprintf(path, sizeof path, "%s/etc/kubernetes/pki/apiserver.crt", t->dir);
        assert_null(find(&l, path));
        snprintf(path, sizeof path, "%s/etc/kubernetes/manifests/etcd.yaml", t->dir);
        assert_null(find(&l, path));
        snprintf(path, sizeof path, "%s/etc/triarch/config.yaml", t->dir);
        assert_null(find(&l, path));
}

static void test_phases_are_listed(void **state) {
        struct tree *t = *state;

        expect_exit(t, run(t, NULL, cmd_init, "init", "phase", (char *)NULL), 0);
        expect_output(t, "wait-control-plane");
        expect_output(t, "/apiserver-kubelet-client");
}

static void test_reset_takes_it_back(void **state) {
        struct tree *t = *state;
        struct listing l;
        char path[160];

        expect_exit(t, INIT(t, NULL), 0);
        snprintf(path, sizeof path, "%s/etc/kubernetes/mine", t->dir);
        assert_int_equal(pki_file_write(path, 0600, (gid_t)-1, "x", 1, 0), 0);
        snprintf(path, sizeof path, "%s/var/lib/etcd/member", t->dir);
        assert_int_equal(pki_mkdir_p(path, 0700), 0);
        expect_exit(t, run(t, NULL, cmd_reset, "reset", "--force", (char *)NULL), 0);
        list(t, &l);
        for (size_t i = 0; i < l.n; i++)
                if (!S_ISDIR(l.v[i].st.st_mode) && !ends_with(l.v[i].path, "/mine"))
                        fail_msg("%s is still there", l.v[i].path);
        expect_exit(t, run(t, NULL, cmd_reset, "reset", "--force", (char *)NULL), 0);
        expect_output(t, "nothing of triarch's");
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_everything_is_made_with_its_mode),
                TEST(test_second_run_changes_nothing_and_says_so),
                TEST(test_a_deleted_file_is_made_again_and_only_it),
                TEST(test_a_deleted_authority_is_an_error_that_changes_nothing),
                TEST(test_killed_anywhere_it_is_completed),
                TEST(test_full_disk_leaves_no_half_files),
                TEST(test_bad_input_leaves_nothing),
                TEST(test_another_configuration_is_refused),
                TEST(test_phases_one_by_one_make_the_same_files),
                TEST(test_killed_anywhere_the_host_comes_back),
                TEST(test_full_disk_anywhere_the_host_comes_back),
                TEST(test_skipped_phases_make_nothing),
                TEST(test_phases_are_listed),
                TEST(test_reset_takes_it_back),
        };

        /* The group of the agent is the tree's, where only root can give files to it. */
        setenv("TZ", "UTC", 1);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
