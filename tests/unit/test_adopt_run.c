/* The hand-over from keepalived, and back, on a machine that is a directory: systemd and the running agent
 * are stand-ins, functions of this file in the place of agent/unit.c's and agent_client.c's. A story has a
 * line for each thing done to a unit, which begins with how far the journal on disk had come by then. */
#include "agent/adopt.h"
#include "agent/agent_client.h"
#include "agent/unit.h"
#include "pki/file.h"
#include "tests/unit/pki_fixture.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#define KEEPALIVED "keepalived.service"
#define AGENT      "triarch-agent.service"
#define ENROLL     "triarch-enroll.socket"

enum { KILLED = 9, NEVER = 1000, HAND_OVER_LINES = 8, BACK_LINES = 9 };

struct unit {
        const char *name;
        bool active, enabled, masked;
        bool frozen; /* by SIGSTOP: to systemd it is active */
};

/* Shared with the children in which the programs run. */
struct machine {
        struct unit units[3];
        char story[2048];
        unsigned done;        /* lines of the story */
        unsigned kill_before; /* the program dies when it comes to this line, counted from 0 */
        const char *refused;  /* a unit that cannot be started */
};
static struct machine *machine;

/* ---- the stand-ins ---- */

struct unit_bus {
        int unused;
};

static struct unit *find(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(machine->units); i++)
                if (!strcmp(machine->units[i].name, name))
                        return &machine->units[i];
        abort(); /* none of this machine's units */
}

static char journal(const char *root) {
        struct adopt_state s;

        return (char)(adopt_state_load(root, &s, NULL) == 0 ? '0' + (int)s.step : '-');
}

/* The next line; what it says is not done yet when the program dies. */
static struct unit *tell(const char *what, const char *unit) {
        size_t n = strlen(machine->story);

        if (machine->done++ == machine->kill_before)
                _exit(KILLED);
        snprintf(machine->story + n, sizeof machine->story - n, "%c %s %s\n", journal(""), what, unit);
        return find(unit);
}

int unit_bus_open(struct unit_bus **ret, struct error *e) {
        (void)e;
        *ret = calloc(1, sizeof **ret);
        return *ret ? 0 : -ENOMEM;
}

void unit_bus_free(struct unit_bus *b) {
        free(b);
}

int unit_daemon_reload(struct unit_bus *b, struct error *e) {
        (void)b;
        (void)e;
        return 0;
}

int unit_enable(struct unit_bus *b, const char *unit, bool *ret_changed, struct error *e) {
        (void)b;
        (void)e;
        tell("enable", unit)->enabled = true;
        *ret_changed = true;
        return 0;
}

int unit_disable(struct unit_bus *b, const char *unit, bool *ret_changed, struct error *e) {
        (void)b;
        (void)e;
        tell("disable", unit)->enabled = false;
        *ret_changed = true;
        return 0;
}

int unit_start(struct unit_bus *b, const char *unit, unsigned timeout_s, struct error *e) {
        struct unit *u = tell("start", unit);

        (void)b;
        (void)timeout_s;
        if (u->masked || (machine->refused && !strcmp(unit, machine->refused)))
                return error_set(e, EXIT_FAILED, "%s cannot be started", unit);
        u->active = true;
        return 0;
}

int unit_restart(struct unit_bus *b, const char *unit, unsigned timeout_s, struct error *e) {
        return unit_start(b, unit, timeout_s, e);
}

int unit_stop(struct unit_bus *b, const char *unit, unsigned timeout_s, struct error *e) {
        struct unit *u = tell("stop", unit);

        (void)b;
        (void)timeout_s;
        (void)e;
        u->active = u->frozen = false;
        return 0;
}

int unit_mask(struct unit_bus *b, const char *unit, struct error *e) {
        struct unit *u = tell("mask", unit);

        (void)b;
        (void)e;
        u->masked = true;
        u->enabled = false;
        return 0;
}

int unit_unmask(struct unit_bus *b, const char *unit, struct error *e) {
        (void)b;
        (void)e;
        tell("unmask", unit)->masked = false;
        return 0;
}

/* It dies in its own time: until it is stopped systemd may say that it is active. */
int unit_kill(struct unit_bus *b, const char *unit, int signal, struct error *e) {
        const char *what = signal == SIGSTOP ? "freeze" : signal == SIGCONT ? "thaw" : "kill";
        struct unit *u = tell(what, unit);

        (void)b;
        if (!u->active)
                return error_set(e, EXIT_FAILED, "%s has no process", unit);
        u->frozen = signal == SIGSTOP;
        return 0;
}

int unit_state(struct unit_bus *b, const char *unit, char out[32], struct error *e) {
        (void)b;
        (void)e;
        snprintf(out, 32, "%s", find(unit)->active ? "active" : "inactive");
        return 0;
}

int unit_active_since(struct unit_bus *b, const char *unit, uint64_t *ret_us, struct error *e) {
        (void)b;
        (void)unit;
        (void)e;
        *ret_us = UINT64_MAX; /* no file is newer */
        return 0;
}

int unit_enabled(struct unit_bus *b, const char *unit, bool *ret, struct error *e) {
        (void)b;
        (void)e;
        *ret = find(unit)->enabled;
        return 0;
}

int agent_status(const char *socket_path, json_t **ret, struct error *e) {
        (void)socket_path;
        (void)e;
        *ret = json_pack("{s:s, s:[{s:s, s:s}]}", "reason", "", "vips", "address", "172.18.0.192", "state",
                         "active");
        return *ret ? 0 : -ENOMEM;
}

int agent_post(const char *socket_path, const char *path, const char *body, json_t **ret, struct error *e) {
        (void)socket_path;
        (void)path;
        (void)body;
        (void)ret;
        return error_set(e, EXIT_FAILED, "nothing here changes what the agent does");
}

/* ---- a machine ---- */

/* One of kubeadm's, on which keepalived runs. */
static int machine_setup(void **state) {
        static const struct unit before[] = {
                { .name = KEEPALIVED, .active = true, .enabled = true },
                { .name = AGENT },
                { .name = ENROLL },
        };
        static const char group[] = "triarch:x:64001:\n";
        struct pki_params p;
        struct pki_error pe = { 0 };
        char path[PATH_MAX];

        if (tmp_setup(state) < 0)
                return -1;
        machine = mmap(NULL, sizeof *machine, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(machine, MAP_FAILED);
        *machine = (struct machine){ .kill_before = NEVER };
        memcpy(machine->units, before, sizeof before);
        p = fixture_params(*state);
        p.now = time(NULL);
        if (pki_certs_ensure(&p, "all", NULL, NULL, &pe) < 0)
                fail_msg("%s: %s", pe.file, pe.reason);
        assert_int_equal(pki_file_write(tmp_path(*state, "/etc/group", path), 0644, (gid_t)-1, group,
                                        sizeof group - 1, 0),
                         0);
        assert_int_equal(pki_mkdir_p(tmp_path(*state, "/proc/self", path), 0755), 0);
        return symlink("/usr/bin/triarch", tmp_path(*state, "/proc/self/exe", path));
}

static int machine_teardown(void **state) {
        munmap(machine, sizeof *machine);
        return tmp_teardown(state);
}

/* Without an address, though the stand-in for the agent has one: no client's gap is measured, which takes
 * seconds. */
static struct config *adopted_config(void) {
        static const char text[] = "apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\nnodeName: "
                                   "host1\ncni: none\n---\n"
                                   "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
                                   "controlPlaneEndpoint: 172.18.0.192:6443\n---\n"
                                   "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n"
                                   "localAPIEndpoint: {advertiseAddress: 172.18.0.154}\n";
        struct config *c = NULL;
        struct error e = { 0 };

        if (config_parse(text, sizeof text - 1, "t", NULL, &c, &e) < 0)
                fail_msg("%u: %s", e.line, e.message);
        return c;
}

typedef int (*command)(const struct adopt_input *in, struct config *c, struct error *e);

static int adopt(const struct adopt_input *in, struct config *c, struct error *e) {
        struct keepalived_conf keepalived = { 0 };
        struct adopt a = { .in = in,
                           .root = "",
                           .keepalived = &keepalived,
                           .config = c,
                           .ctx = { .config = c, .root = "" } };

        return adopt_run(&a, e);
}

static int undo(const struct adopt_input *in, struct config *c, struct error *e) {
        (void)c;
        return adopt_undo(in, e);
}

static void child(void *state, command what, struct config *c) {
        const struct adopt_input in = { .unit = KEEPALIVED };
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        struct error e = { 0 };
        int r;

        dup2(null, 1);
        if (unshare(CLONE_NEWNET) < 0 || chroot(state) < 0 || chdir("/") < 0)
                _exit(EXIT_INPUT);
        r = what(&in, c, &e);
        if (r < 0)
                error_print(&e);
        _exit(r < 0 ? EXIT_FAILED : 0);
}

/* In a child that has the directory as its root and no network, killed before a line of the story. Returns 0,
 * EXIT_FAILED or KILLED. */
static int run_until(void *state, command what, unsigned line) {
        struct config *c = adopted_config();
        int status;
        pid_t pid;

        *machine->story = '\0';
        machine->done = 0;
        machine->kill_before = line;
        fflush(NULL);
        if ((pid = fork()) == 0)
                child(state, what, c);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        config_free(c);
        return WEXITSTATUS(status);
}

static int run(void *state, command what) {
        return run_until(state, what, NEVER);
}

static void expect_adopted(void *state) {
        const struct unit *keepalived = find(KEEPALIVED), *agent = find(AGENT);

        assert_true(agent->active && agent->enabled);
        assert_true(keepalived->masked && !keepalived->active);
        assert_int_equal(journal(state), '0' + ADOPT_DONE);
}

static void expect_as_before(void *state) {
        const struct unit *keepalived = find(KEEPALIVED), *agent = find(AGENT), *enroll = find(ENROLL);

        assert_true(keepalived->active && !keepalived->frozen);
        assert_true(keepalived->enabled && !keepalived->masked);
        assert_false(agent->active || agent->enabled || enroll->active || enroll->enabled);
        assert_int_equal(journal(state), '-');
}

/* ---- stories ---- */

#define HAND_OVER                                                                                            \
        "0 enable " AGENT "\n0 start " AGENT "\n0 enable " ENROLL "\n0 start " ENROLL "\n"                   \
        "1 mask " KEEPALIVED "\n1 freeze " KEEPALIVED "\n1 kill " KEEPALIVED "\n1 stop " KEEPALIVED "\n"

#define BACK                                                                                                 \
        "2 unmask " KEEPALIVED "\n2 stop " AGENT "\n2 disable " AGENT "\n2 stop " ENROLL "\n"                \
        "2 disable " ENROLL "\n2 unmask " KEEPALIVED "\n2 enable " KEEPALIVED "\n"                           \
        "2 thaw " KEEPALIVED "\n2 start " KEEPALIVED "\n"

static void the_journal_is_ahead_of_what_is_done(void **state) {
        assert_int_equal(run(*state, adopt), 0);
        assert_string_equal(machine->story, HAND_OVER);
        expect_adopted(*state);
        assert_int_equal(run(*state, adopt), 0);
        assert_string_equal(machine->story, "");
        assert_int_equal(run(*state, undo), 0);
        assert_string_equal(machine->story, BACK);
        expect_as_before(*state);
}

static void a_killed_hand_over_is_completed_or_undone(void **state) {
        for (unsigned line = 0; line < HAND_OVER_LINES; line++) {
                assert_int_equal(run_until(*state, adopt, line), KILLED);
                assert_int_equal(run(*state, adopt), 0);
                expect_adopted(*state);
                assert_int_equal(run(*state, undo), 0);
                expect_as_before(*state);
                assert_int_equal(run_until(*state, adopt, line), KILLED);
                assert_int_equal(run(*state, undo), 0);
                expect_as_before(*state);
        }
}

static void a_killed_undo_is_completed(void **state) {
        for (unsigned line = 0; line < BACK_LINES; line++) {
                assert_int_equal(run(*state, adopt), 0);
                expect_adopted(*state);
                assert_int_equal(run_until(*state, undo, line), KILLED);
                assert_int_equal(run(*state, undo), 0);
                expect_as_before(*state);
        }
}

/* Afterwards keepalived may be masked: only --undo goes back. */
static void a_failed_agent_is_taken_back_before_keepalived_is_touched(void **state) {
        machine->refused = AGENT;
        assert_int_equal(run(*state, adopt), EXIT_FAILED);
        expect_as_before(*state);
        machine->refused = NULL;
        assert_int_equal(run_until(*state, adopt, HAND_OVER_LINES - 3), KILLED);
        assert_true(find(KEEPALIVED)->masked);
        machine->refused = AGENT;
        find(AGENT)->active = false;
        assert_int_equal(run(*state, adopt), EXIT_FAILED);
        assert_string_equal(machine->story, "1 start " AGENT "\n");
        assert_int_equal(journal(*state), '0' + ADOPT_MASKED);
        machine->refused = NULL;
        assert_int_equal(run(*state, adopt), 0);
        expect_adopted(*state);
}

#define machine_test(f) cmocka_unit_test_setup_teardown(f, machine_setup, machine_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                machine_test(the_journal_is_ahead_of_what_is_done),
                machine_test(a_killed_hand_over_is_completed_or_undone),
                machine_test(a_killed_undo_is_completed),
                machine_test(a_failed_agent_is_taken_back_before_keepalived_is_touched),
        };

        if (geteuid() != 0) {
                fprintf(stderr, "needs root, for a root directory of its own\n");
                return 77;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
