/* agent/unit.c against a stand-in for systemd: a process that speaks D-Bus on a socket of its own and
 * answers by the unit's name ("fails.service": the job fails; "slow.service": it never ends; ...). */
#include "agent/unit.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include <cmocka.h>

#define MANAGER "org.freedesktop.systemd1.Manager"

struct fixture {
        char dir[64], address[128];
        pid_t pid;
        struct unit_bus *bus;
};

static int emit_job_removed(sd_bus *bus, const char *path, const char *unit, const char *result) {
        sd_bus_message *m = NULL;
        int r;

        if ((r = sd_bus_message_new_signal(bus, &m, "/org/freedesktop/systemd1", MANAGER, "JobRemoved")) <
                    0 ||
            (r = sd_bus_message_set_sender(m, ":1.0")) < 0 ||
            (r = sd_bus_message_append(m, "uoss", 7, path, unit, result)) < 0)
                return r;
        r = sd_bus_send(bus, m, NULL);
        sd_bus_message_unref(m);
        return r;
}

/* The result of the job is sent before the reply: a client that starts to watch too late misses it. */
static int answer_job(sd_bus *bus, sd_bus_message *m) {
        const char *unit = NULL, *mode = NULL;

        sd_bus_message_read(m, "ss", &unit, &mode);
        if (!strcmp(unit, "missing.service"))
                return sd_bus_reply_method_errorf(m, "org.freedesktop.systemd1.NoSuchUnit",
                                                  "Unit missing.service not found.");
        emit_job_removed(bus, "/org/freedesktop/systemd1/job/1", "other.service", "failed");
        if (strcmp(unit, "slow.service") != 0)
                emit_job_removed(bus, "/org/freedesktop/systemd1/job/7", unit,
                                 !strcmp(unit, "fails.service") ? "failed" : "done");
        return sd_bus_reply_method_return(m, "o", "/org/freedesktop/systemd1/job/7");
}

static int answer_unit_files(sd_bus_message *m, bool enable) {
        sd_bus_message *reply = NULL;
        const char *unit = NULL;
        int r;

        sd_bus_message_enter_container(m, 'a', "s");
        sd_bus_message_read(m, "s", &unit);
        sd_bus_message_new_method_return(m, &reply);
        if (enable)
                sd_bus_message_append(reply, "b", true);
        sd_bus_message_open_container(reply, 'a', "(sss)");
        if (strcmp(unit, "enabled.service") != 0)
                sd_bus_message_append(reply, "(sss)", "symlink", "/etc/x", "/lib/x");
        sd_bus_message_close_container(reply);
        r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

/* A unit's object path ends with the unit's name, dots as '_'. */
static int answer_property(sd_bus_message *m) {
        const char *interface = NULL, *name = NULL, *path = sd_bus_message_get_path(m);
        const char *load = strstr(path, "missing") ? "not-found" : "loaded";
        const char *active = strstr(path, "missing") ? "inactive"
                             : strstr(path, "fails") ? "failed"
                                                     : "active";

        sd_bus_message_read(m, "ss", &interface, &name);
        if (!strcmp(name, "ActiveEnterTimestamp"))
                return sd_bus_reply_method_return(m, "v", "t", (uint64_t)1700000000000000);
        return sd_bus_reply_method_return(m, "v", "s", !strcmp(name, "LoadState") ? load : active);
}

static int answer_load(sd_bus_message *m) {
        const char *unit = NULL;
        char path[128];

        sd_bus_message_read(m, "s", &unit);
        snprintf(path, sizeof path, "/org/freedesktop/systemd1/unit/%s", unit);
        *strchr(path, '.') = '_';
        return sd_bus_reply_method_return(m, "o", path);
}

static int answer_state(sd_bus_message *m) {
        const char *unit = NULL;

        sd_bus_message_read(m, "s", &unit);
        if (!strcmp(unit, "missing.service"))
                return sd_bus_reply_method_errorf(m, "org.freedesktop.systemd1.NoSuchUnit", "no such file");
        return sd_bus_reply_method_return(m, "s", !strcmp(unit, "enabled.service") ? "enabled" : "disabled");
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *be) {
        const char *member = sd_bus_message_get_member(m);

        (void)be;
        if (!member || !sd_bus_message_is_method_call(m, NULL, NULL))
                return 0;
        if (!strcmp(member, "Hello"))
                return sd_bus_reply_method_return(m, "s", ":1.1");
        if (strstr(member, "Unit") == member + strlen(member) - 4 && strcmp(member, "LoadUnit") != 0)
                return answer_job(userdata, m);
        if (!strcmp(member, "EnableUnitFiles") || !strcmp(member, "DisableUnitFiles"))
                return answer_unit_files(m, *member == 'E');
        if (!strcmp(member, "LoadUnit"))
                return answer_load(m);
        if (!strcmp(member, "Get"))
                return answer_property(m);
        if (!strcmp(member, "GetUnitFileState"))
                return answer_state(m);
        return sd_bus_reply_method_return(m, "");
}

static void serve(int listener) {
        sd_bus *bus = NULL;
        sd_id128_t id;
        int fd = accept(listener, NULL, NULL);

        if (fd < 0 || sd_id128_randomize(&id) < 0 || sd_bus_new(&bus) < 0 || sd_bus_set_fd(bus, fd, fd) < 0 ||
            sd_bus_set_server(bus, 1, id) < 0 || sd_bus_set_trusted(bus, 1) < 0 ||
            sd_bus_add_filter(bus, NULL, on_message, bus) < 0 || sd_bus_start(bus) < 0)
                _exit(1);
        for (;;) {
                int r = sd_bus_process(bus, NULL);

                if (r < 0)
                        _exit(0);
                if (r == 0)
                        sd_bus_wait(bus, UINT64_MAX);
        }
}

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof *f);
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        int fd;

        snprintf(f->dir, sizeof f->dir, "/tmp/triarch-unit.XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        snprintf(sa.sun_path, sizeof sa.sun_path, "%s/bus", f->dir);
        snprintf(f->address, sizeof f->address, "unix:path=%s", sa.sun_path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
        assert_int_equal(listen(fd, 1), 0);
        if (!(f->pid = fork()))
                serve(fd);
        close(fd);
        setenv("DBUS_SYSTEM_BUS_ADDRESS", f->address, 1);
        assert_int_equal(unit_bus_open(&f->bus, NULL), 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;
        char path[80];

        unit_bus_free(f->bus);
        kill(f->pid, SIGKILL);
        waitpid(f->pid, NULL, 0);
        snprintf(path, sizeof path, "%s/bus", f->dir);
        unlink(path);
        rmdir(f->dir);
        free(f);
        return 0;
}

static void test_start_waits_for_its_own_job(void **state) {
        struct fixture *f = *state;

        assert_int_equal(unit_start(f->bus, "good.service", 5, NULL), 0);
        assert_int_equal(unit_restart(f->bus, "good.service", 5, NULL), 0);
        assert_int_equal(unit_stop(f->bus, "good.service", 5, NULL), 0);
}

static void test_failed_job_names_result_and_state(void **state) {
        struct fixture *f = *state;
        struct error e = { 0 };

        assert_true(unit_start(f->bus, "fails.service", 5, &e) < 0);
        assert_non_null(
                strstr(e.message, "start of fails.service ended with \"failed\", the unit is failed"));
        assert_int_equal(e.status, EXIT_FAILED);
}

static void test_missing_unit_is_named(void **state) {
        struct fixture *f = *state;
        struct error e = { 0 };

        assert_true(unit_start(f->bus, "missing.service", 5, &e) < 0);
        assert_non_null(strstr(e.message, "start missing.service: Unit missing.service not found."));
}

static void test_job_that_never_ends_times_out(void **state) {
        struct fixture *f = *state;
        struct error e = { 0 };
        time_t start = time(NULL);

        assert_int_equal(unit_stop(f->bus, "slow.service", 1, &e), -ETIMEDOUT);
        assert_non_null(strstr(e.message, "stop of slow.service has not ended within 1 s"));
        assert_true(time(NULL) - start <= 10); /* not after D-Bus's own 25 s: the machine may be busy */
}

static void test_enable_tells_whether_anything_changed(void **state) {
        struct fixture *f = *state;
        bool changed = false;

        assert_int_equal(unit_enable(f->bus, "new.service", &changed, NULL), 0);
        assert_true(changed);
        assert_int_equal(unit_enable(f->bus, "enabled.service", &changed, NULL), 0);
        assert_false(changed);
        assert_int_equal(unit_disable(f->bus, "new.service", &changed, NULL), 0);
        assert_true(changed);
}

static void test_states(void **state) {
        struct fixture *f = *state;
        uint64_t since = 0;
        char out[32];
        bool on;

        assert_int_equal(unit_state(f->bus, "good.service", out, NULL), 0);
        assert_string_equal(out, "active");
        assert_int_equal(unit_state(f->bus, "missing.service", out, NULL), 0);
        assert_string_equal(out, "not-found");
        assert_int_equal(unit_active_since(f->bus, "good.service", &since, NULL), 0);
        assert_int_equal(since, 1700000000000000);
        assert_int_equal(unit_enabled(f->bus, "enabled.service", &on, NULL), 0);
        assert_true(on);
        assert_int_equal(unit_enabled(f->bus, "missing.service", &on, NULL), 0);
        assert_false(on);
        assert_int_equal(unit_daemon_reload(f->bus, NULL), 0);
}

static void test_no_bus_is_explained(void **state) {
        struct unit_bus *bus = NULL;
        struct error e = { 0 };

        (void)state;
        setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
        assert_true(unit_bus_open(&bus, &e) < 0);
        assert_null(bus);
        assert_non_null(strstr(e.message, "cannot reach the system bus: No such file or directory"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_start_waits_for_its_own_job, setup, teardown),
                cmocka_unit_test_setup_teardown(test_failed_job_names_result_and_state, setup, teardown),
                cmocka_unit_test_setup_teardown(test_missing_unit_is_named, setup, teardown),
                cmocka_unit_test_setup_teardown(test_job_that_never_ends_times_out, setup, teardown),
                cmocka_unit_test_setup_teardown(test_enable_tells_whether_anything_changed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_states, setup, teardown),
                cmocka_unit_test(test_no_bus_is_explained),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
