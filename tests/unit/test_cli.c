/* The program itself: exit statuses, where output goes, and that bad input leaves nothing behind. */
#include "pki/util.h"
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

enum { ARGS_MAX = 6, OUT_MAX = 32768 };

struct run {
        int status;
        char out[OUT_MAX], err[OUT_MAX];
};

static void slurp(const char *path, char out[OUT_MAX]) {
        FILE *f = fopen(path, "r");
        size_t n;

        assert_non_null(f);
        n = fread(out, 1, OUT_MAX - 1, f);
        out[n] = 0;
        fclose(f);
}

/* Run triarch in the (empty) directory `dir`; what it writes goes to files beside it, or to `to` unless NULL.
 */
static void run_to(const char *dir, const char *const *args, const char *to, struct run *r) {
        const char *program = getenv("TRIARCH");
        char *argv[ARGS_MAX + 2] = { (char *)"triarch" }, out[256], err[256];
        posix_spawn_file_actions_t actions;
        int status;
        pid_t pid;

        assert_non_null(program);
        snprintf(out, sizeof out, "%s.out", dir);
        snprintf(err, sizeof err, "%s.err", dir);
        for (size_t i = 0; i < ARGS_MAX && args[i]; i++)
                argv[i + 1] = (char *)args[i];
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 1, to ? to : out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        posix_spawn_file_actions_addopen(&actions, 2, err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        posix_spawn_file_actions_addchdir_np(&actions, dir);
        assert_int_equal(posix_spawn(&pid, program, &actions, NULL, argv, environ), 0);
        posix_spawn_file_actions_destroy(&actions);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        r->status = WEXITSTATUS(status);
        if (!to)
                slurp(out, r->out);
        slurp(err, r->err);
        unlink(out);
        unlink(err);
}

static void run(const char *dir, const char *const *args, struct run *r) {
        run_to(dir, args, NULL, r);
}

static bool is_empty(const char *dir) {
        DIR *d = opendir(dir);
        struct dirent *e;
        bool empty = true;

        assert_non_null(d);
        while ((e = readdir(d)))
                empty = empty && e->d_name[0] == '.';
        closedir(d);
        return empty;
}

/* BASE/cwd is where triarch runs and must leave nothing; what it reads is in BASE, as ../good.yaml. */
struct place {
        char base[64], dir[80];
};

static int make_place(void **state) {
        struct place *p = calloc(1, sizeof *p);

        if (!p)
                return -1;
        *state = p;
        snprintf(p->base, sizeof p->base, "/tmp/triarch-cli-XXXXXX");
        if (!mkdtemp(p->base))
                return -1;
        snprintf(p->dir, sizeof p->dir, "%s/cwd", p->base);
        return mkdir(p->dir, 0700);
}

static int remove_place(void **state) {
        struct place *p = *state;
        char path[128];
        int r = rmdir(p->dir); /* fails when a run left something in it */

        for (const char *const *name = (const char *const[]){ "good.yaml", "bad.yaml", NULL }; *name;
             name++) {
                snprintf(path, sizeof path, "%s/%s", p->base, *name);
                unlink(path);
        }
        r |= rmdir(p->base);
        free(p);
        return r;
}

static const char good[] = "../good.yaml", bad[] = "../bad.yaml";

static void write_file(const struct place *p, const char *name, const char *text) {
        char path[128];
        FILE *f;

        snprintf(path, sizeof path, "%s/%s", p->dir, name);
        f = fopen(path, "w");
        assert_non_null(f);
        fputs(text, f);
        assert_int_equal(fclose(f), 0);
}

static void test_statuses(void **state) {
        static const struct {
                const char *args[ARGS_MAX];
                int status;
                const char *out, *err; /* "": nothing at all */
        } t[] = {
                { { NULL }, 3, "", "Usage: triarch COMMAND" },
                { { "--help" }, 0, "Usage: triarch COMMAND", "" },
                { { "help" }, 0, "version", "" },
                { { "bogus" }, 3, "", "triarch: unknown command \"bogus\"" },
                { { "version" }, 0, "triarch ", "" },
                { { "version", "-o", "json" }, 0, "{\"version\": \"", "" },
                { { "version", "x" }, 3, "", "triarch: version: unexpected argument \"x\"" },
                { { "version", "--bogus" }, 3, "", "triarch: --bogus: unknown option" },
                { { "version", "-o" }, 3, "", "triarch: -o: a value is missing" },
                { { "config" }, 3, "", "expected `config print-defaults`" },
                { { "config", "--help" }, 0, "Usage: triarch config", "" },
                { { "config", "validate" }, 3, "", "expected" },
                { { "config", "validate", "a", "b" }, 3, "", "expected" },
                { { "config", "print-defaults" }, 0, "kind: ClusterConfiguration", "" },
                { { "config", "validate", "absent.yaml" },
                  3,
                  "",
                  "triarch: absent.yaml: cannot be read: No such file" },
                { { "config", "validate", good }, 0, "../good.yaml: valid\n", "" },
                { { "config", "validate", "-o", "json", good }, 0, "\"valid\": true", "" },
                { { "config", "validate", bad },
                  3,
                  "",
                  "triarch: ../bad.yaml:4:16: vip.address: \"x\\x1b[31m\" must be "
                  "ADDRESS/PREFIX" },
                { { "config", "validate", bad, "-o", "json" }, 3, "\"line\": 4,\n  \"column\": 16,", "" },
                { { "config", "print-defaults", "-o", "json" }, 3, "", "expected" },
                { { "agent", "-o", "json" }, 3, "", "agent has no JSON output" },
                { { "agent", "--root", "." }, 3, "", "--root is not for it" },
                { { "agent", "--config", "absent.yaml" },
                  3,
                  "",
                  "No such file or directory; `triarch config" },
                { { "enroll", "-o", "json" }, 3, "", "enroll has no JSON output" },
                { { "status", "--root", "." }, 3, "", "--root is not for it" },
                { { "vip" }, 3, "", "vip: want status, move, standby, flush or rotate-key" },
                { { "vip", "status", "--config", good }, 3, "", "each with its own options" },
                { { "vip", "status", "--root", "." }, 3, "", "each with its own options" },
                { { "vip", "standby" }, 3, "", "each with its own options" },
                { { "vip", "standby", "perhaps" }, 3, "", "want on or off, not \"perhaps\"" },
                { { "vip", "move", "n2", "n3" }, 3, "", "each with its own options" },
                { { "vip", "move", "--group", "256" }, 3, "", "--group: \"256\" must be a virtualRouterID" },
                { { "vip", "status", "--force" }, 3, "", "each with its own options" },
                { { "vip", "move", "--socket", "none" }, 1, "", "no agent answers on none" },
                { { "vip", "flush", "-o", "json" }, 3, "", "each with its own options" },
                { { "vip", "flush", "--socket", "x" }, 3, "", "each with its own options" },
                { { "vip", "status", "--new" }, 3, "", "each with its own options" },
                { { "vip", "rotate-key", "--new", "--send", "--config", good }, 3, "", "one step at a time" },
                { { "vip", "rotate-key", "--config", good },
                  3,
                  "",
                  "which step? --new, then --send on each" },
                { { "vip", "rotate-key", "--send", "--config", good },
                  3,
                  "",
                  "/nowhere/k: the key cannot be read" },
                { { "vip", "rotate-key", "--new", "--config", good },
                  1,
                  "",
                  "/nowhere/k: the key cannot be written" },
                { { "token", "create", "--node", "A B" },
                  3,
                  "",
                  "--node \"A B\": the name must be lower case" },
                { { "join", "bad host" }, 3, "", "\"bad host\": want HOST or HOST:PORT" },
                { { "join", "h1:+7" }, 3, "", "\"h1:+7\": want HOST or HOST:PORT" },
                { { "join", "172.18.0" }, 3, "", "\"172.18.0\": want HOST or HOST:PORT" },
        };
        const struct place *p = *state;

        write_file(p, good,
                   "apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\nnodeName: a\n"
                   "vip: {address: 10.0.0.9/24, keyFile: /nowhere/k, members: [{name: a, address: 10.0.0.1}, "
                   "{name: "
                   "b, address: "
                   "10.0.0.2}]}\n");
        write_file(p, bad,
                   "apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\nnodeName: a\n"
                   "vip: {address: \"x\\e[31m\"}\n");
        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                struct run r;

                run(p->dir, t[i].args, &r);
                if (r.status != t[i].status || !strstr(r.out, t[i].out) || !strstr(r.err, t[i].err) ||
                    (!*t[i].out && *r.out) || (!*t[i].err && *r.err))
                        fail_msg("case %zu: status %d\nstdout: %s\nstderr: %s", i, r.status, r.out, r.err);
                assert_true(is_empty(p->dir));
        }
}

static void test_two_members_are_warned_of(void **state) {
        const struct place *p = *state;
        const char *const args[] = { "config", "validate", good, NULL };
        struct run r;

        write_file(p, good,
                   "apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\nnodeName: a\n"
                   "vip: {address: 10.0.0.9/24, keyFile: /nowhere/k, members: [{name: a, address: 10.0.0.1}, "
                   "{name: "
                   "b, address: "
                   "10.0.0.2}]}\n");
        run(p->dir, args, &r);
        assert_int_equal(r.status, 0);
        assert_non_null(strstr(r.out, "warning: two members"));
}

/* init, too, before it does anything: here it ends at the phase that there is not. */
static void test_init_warns_of_four_members(void **state) {
        const struct place *p = *state;
        const char *const args[] = { "init", "--config", good, "--skip-phases", "nonsense", NULL };
        struct run r;

        write_file(p, good,
                   "apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\nnodeName: a\n"
                   "vip: {address: 10.0.0.9/24, members: [{name: a, address: 10.0.0.1}, {name: b, address: "
                   "10.0.0.2}, {name: c, address: 10.0.0.3}, {name: d, address: 10.0.0.4}]}\n");
        run(p->dir, args, &r);
        assert_int_equal(r.status, 3);
        assert_non_null(strstr(r.err,
                               "warning: 4 members: the address survives 1 death, as it does with 3; 2 "
                               "deaths take it away"));
        assert_true(is_empty(p->dir));
}

static void test_printed_defaults_validate(void **state) {
        const struct place *p = *state;
        const char *const print[] = { "config", "print-defaults", NULL };
        const char *const validate[] = { "config", "validate", good, NULL };
        struct run r;

        run(p->dir, print, &r);
        write_file(p, good, r.out);
        run(p->dir, validate, &r);
        assert_string_equal(r.err, "");
        assert_int_equal(r.status, 0);
}

static void test_unknown_phase_to_skip_is_invalid(void **state) {
        const struct place *p = *state;
        const char *const args[] = { "config", "validate", bad, NULL };
        struct run r;

        write_file(p, bad,
                   "apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\nnodeName: a\n"
                   "vip: {address: 10.0.0.9/24}\n---\napiVersion: kubeadm.k8s.io/v1beta4\n"
                   "kind: InitConfiguration\nskipPhases: [addons]\n");
        run(p->dir, args, &r);
        assert_int_equal(r.status, 3);
        assert_non_null(
                strstr(r.err, "../bad.yaml: skipPhases (--skip-phases): there is no phase \"addons\""));
}

static void test_lost_output_is_a_failure(void **state) {
        const struct place *p = *state;
        const char *const args[] = { "version", NULL };
        struct run r;

        run_to(p->dir, args, "/dev/full", &r);
        assert_int_equal(r.status, 1);
        assert_non_null(strstr(r.err, "output could not be written"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_unknown_phase_to_skip_is_invalid, make_place,
                                                remove_place),
                cmocka_unit_test_setup_teardown(test_lost_output_is_a_failure, make_place, remove_place),
                cmocka_unit_test_setup_teardown(test_statuses, make_place, remove_place),
                cmocka_unit_test_setup_teardown(test_two_members_are_warned_of, make_place, remove_place),
                cmocka_unit_test_setup_teardown(test_init_warns_of_four_members, make_place, remove_place),
                cmocka_unit_test_setup_teardown(test_printed_defaults_validate, make_place, remove_place),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
