/* The codec and the verdict against a real chronyd (always -x: it never sets the clock), compared with
 * what chronyc says of the same daemon. Runs in a network namespace of its own. */
#include "agent/chrony.h"
#include "pki/util.h"
#include "tests/unit/tmpdir.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

enum { NTP_PORT = 11123, SERVER_CMD = 11323, CLIENT_CMD = 11324, SKIP = 77, PATIENCE_MS = 5000 };
/* A daemon with one or two measurements may be off by 0.1 s more with each second without another. */
static const double any_offset = 100;
extern char **environ;

static char dir[64];
static pid_t running[2]; /* what a failed test leaves behind */
static const char *const chronyd = "/usr/sbin/chronyd";

static pid_t start(const char *name, const char *config) {
        char path[128], pidfile[128];
        const char *argv[] = { chronyd, "-x", "-d", "-u", "root", "-f", path, NULL };
        posix_spawn_file_actions_t quiet;
        pid_t pid;
        FILE *f;

        snprintf(path, sizeof path, "%s/%s.conf", dir, name);
        snprintf(pidfile, sizeof pidfile, "%s/%s.pid", dir, name);
        f = fopen(path, "w");
        assert_non_null(f);
        fprintf(f, "%s\nbindcmdaddress 127.0.0.1\nbindcmdaddress /\npidfile %s\n", config, pidfile);
        fclose(f);
        posix_spawn_file_actions_init(&quiet);
        posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
        assert_int_equal(posix_spawn(&pid, chronyd, &quiet, NULL, (char *const *)argv, environ), 0);
        posix_spawn_file_actions_destroy(&quiet);
        running[running[0] ? 1 : 0] = pid;
        return pid;
}

static void stop(pid_t pid) {
        kill(pid, SIGTERM);
        waitpid(pid, NULL, 0);
        for (size_t i = 0; i < ARRAY_SIZE(running); i++)
                if (running[i] == pid)
                        running[i] = 0;
}

static int stop_all(void **state) {
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(running); i++)
                if (running[i])
                        stop(running[i]);
        return 0;
}

static pid_t start_server(void) {
        return start("server", "port 11123\nbindaddress 127.0.0.1\nallow 127.0.0.1\nlocal stratum 3\n"
                               "cmdport 11323");
}

static pid_t start_client(const char *options) {
        char config[256];

        snprintf(config, sizeof config,
                 "server 127.0.0.1 port 11123 iburst minpoll 0 maxpoll 0 %s\nport 0\ncmdport 11324", options);
        return start("client", config);
}

static void pause_ms(long ms) {
        nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

/* Wait until the daemon's verdict is `want` and its correction about what was given: on a busy machine its
 * first measurements are rough. */
static void wait_for(uint16_t port, enum clock_verdict want, double correction, struct clock_state *s) {
        struct chrony_tracking t;
        struct timespec now;

        *s = (struct clock_state){ .verdict = CLOCK_UNKNOWN };
        for (int i = 0; i < 300; i++) {
                if (chrony_query(port, PATIENCE_MS, &t) == 0) {
                        clock_gettime(CLOCK_REALTIME, &now);
                        clock_judge(&t, now, 0.1, s);
                        if (s->verdict == want && fabs(s->correction - correction) < 0.01)
                                return;
                }
                pause_ms(100);
        }
        fail_msg("verdict is %d (%s), not %d", s->verdict, s->reason, want);
}

/* What `chronyc -c tracking` prints. */
static FILE *chronyc_tracking(uint16_t port) {
        char out[PATH_MAX], number[8];
        const char *argv[] = { "chronyc", "-h", "127.0.0.1", "-p", number, "-n", "-c", "tracking", NULL };
        posix_spawn_file_actions_t actions;
        pid_t pid;
        FILE *f;

        snprintf(number, sizeof number, "%u", port);
        snprintf(out, sizeof out, "%s/tracking", dir);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        assert_int_equal(posix_spawnp(&pid, "chronyc", &actions, NULL, (char *const *)argv, environ), 0);
        posix_spawn_file_actions_destroy(&actions);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        f = fopen(out, "r");
        assert_non_null(f);
        return f;
}

static bool same_update(const struct chrony_tracking *a, const struct chrony_tracking *b) {
        return a->ref_time.tv_sec == b->ref_time.tv_sec && a->ref_time.tv_nsec == b->ref_time.tv_nsec;
}

/* What grows between two updates: chronyc has asked between two questions of ours. */
static bool is_between(double v, double before, double after) {
        return (v > before - 1e-6 && v < after + 1e-6) || (v > after - 1e-6 && v < before + 1e-6);
}

/* chronyc's columns: id, address, stratum, ref time, system time, last, rms, freq, resid, skew, delay,
 * dispersion, interval, leap. The daemon may have polled in between: ask until all saw the same update. */
static void compare_with_chronyc(uint16_t port) {
        char source[64], leap[32];
        double ref, correction, last, rms, freq, resid, skew, delay, dispersion, interval;
        struct chrony_tracking t, after;
        unsigned id, stratum;
        int n = 0;

        for (int i = 0; i < 100; i++) {
                FILE *p;

                assert_int_equal(chrony_query(port, PATIENCE_MS, &t), 0);
                p = chronyc_tracking(port);
                n = fscanf(p, "%x,%63[^,],%u,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%31[^\n]", &id, source,
                           &stratum, &ref, &correction, &last, &rms, &freq, &resid, &skew, &delay,
                           &dispersion, &interval, leap);
                fclose(p);
                assert_int_equal(chrony_query(port, PATIENCE_MS, &after), 0);
                if (n == 14 && same_update(&t, &after) &&
                    fabs(ref - (double)t.ref_time.tv_sec - (double)t.ref_time.tv_nsec / 1e9) < 1e-6)
                        break;
                n = 0;
        }
        assert_int_equal(n, 14);
        assert_int_equal(t.ref_id, id);
        assert_string_equal(t.source, source);
        assert_int_equal(t.stratum, stratum);
        assert_string_equal(leap, t.leap == 0 ? "Normal" : "Not synchronised");
        assert_true(is_between(correction, t.correction, after.correction));
        assert_true(fabs(t.last_offset - last) < 1e-8);
        assert_true(fabs(t.rms_offset - rms) < 1e-8);
        assert_true(fabs(t.frequency_ppm - freq) < 1e-2);
        assert_true(fabs(t.skew_ppm - skew) < 1e-2);
        assert_true(fabs(t.root_delay - delay) < 1e-8);
        assert_true(is_between(dispersion, t.root_dispersion, after.root_dispersion));
        assert_true(fabs(t.update_interval - interval) < 0.1);
}

static void test_synchronised(void **state) {
        pid_t server = start_server(), client = start_client("");
        struct clock_state s;

        (void)state;
        wait_for(CLIENT_CMD, CLOCK_GOOD, 0, &s);
        compare_with_chronyc(CLIENT_CMD);
        clock_read(CLIENT_CMD, PATIENCE_MS, any_offset, &s);
        assert_int_equal(s.verdict, CLOCK_GOOD);
        stop(client);
        stop(server);
}

static void test_offset(void **state) {
        pid_t server = start_server(), client = start_client("offset 0.25");
        struct clock_state s;

        (void)state;
        wait_for(CLIENT_CMD, CLOCK_OFFSET, 0.25, &s);
        assert_non_null(strstr(s.reason, "slow of 127.0.0.1, limit 100.000 ms"));
        compare_with_chronyc(CLIENT_CMD);
        stop(client);
        stop(server);
}

static void test_local_mode_and_no_server(void **state) {
        pid_t server = start_server(), client;
        struct clock_state s;

        (void)state;
        wait_for(SERVER_CMD, CLOCK_UNSYNCHRONISED, 0, &s);
        assert_non_null(strstr(s.reason, "local mode"));
        stop(server);
        client = start_client("");
        wait_for(CLIENT_CMD, CLOCK_UNSYNCHRONISED, 0, &s);
        assert_string_equal(s.reason, "chronyd is not synchronised to any time source");
        stop(client);
}

/* Leap stays Normal when the source dies; only the age tells. Time is not waited for: `now` is given. */
static void test_stale(void **state) {
        pid_t server = start_server(), client = start_client("");
        struct chrony_tracking t;
        struct clock_state s;
        struct timespec now;

        (void)state;
        wait_for(CLIENT_CMD, CLOCK_GOOD, 0, &s);
        stop(server);
        pause_ms(1500);
        assert_int_equal(chrony_query(CLIENT_CMD, PATIENCE_MS, &t), 0);
        clock_gettime(CLOCK_REALTIME, &now);
        clock_judge(&t, now, any_offset, &s);
        assert_int_equal(s.verdict, CLOCK_GOOD);
        assert_true(s.age > 1.0);
        now.tv_sec += 513;
        clock_judge(&t, now, any_offset, &s);
        assert_int_equal(s.verdict, CLOCK_STALE);
        stop(client);
}

static void test_nobody_there(void **state) {
        struct chrony_tracking t;
        struct clock_state s;

        (void)state;
        assert_int_equal(chrony_query(CLIENT_CMD, PATIENCE_MS, &t), -ECONNREFUSED);
        clock_read(CLIENT_CMD, PATIENCE_MS, 0.1, &s); /* the kernel's word, whatever this host's is */
        assert_non_null(strstr(s.reason, "chronyd does not answer"));
}

static void test_silent_peer_times_out(void **state) {
        struct sockaddr_in a = { .sin_family = AF_INET,
                                 .sin_port = htons(CLIENT_CMD),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        CLEANUP(closep) int fd = socket(AF_INET, SOCK_DGRAM, 0);
        struct chrony_tracking t;

        (void)state;
        assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof a), 0);
        assert_int_equal(chrony_query(CLIENT_CMD, 50, &t), -ETIMEDOUT);
}

static int enter_namespace(void) {
        struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
        CLEANUP(closep) int fd = -1;

        if (access(chronyd, X_OK) < 0 || unshare(CLONE_NEWNET) < 0)
                return -errno;
        fd = socket(AF_INET, SOCK_DGRAM, 0);
        return fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0 ? -errno : 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(test_synchronised, stop_all),
                cmocka_unit_test_teardown(test_offset, stop_all),
                cmocka_unit_test_teardown(test_local_mode_and_no_server, stop_all),
                cmocka_unit_test_teardown(test_stale, stop_all),
                cmocka_unit_test_teardown(test_nobody_there, stop_all),
                cmocka_unit_test_teardown(test_silent_peer_times_out, stop_all),
        };
        int failed;

        if (enter_namespace() < 0) {
                fprintf(stderr, "skipped: needs root and chronyd\n");
                return SKIP;
        }
        snprintf(dir, sizeof dir, "/tmp/test_chronyd.XXXXXX");
        if (!mkdtemp(dir))
                return 1;
        failed = cmocka_run_group_tests_name("chronyd", tests, NULL, NULL);
        return nftw(dir, tmp_remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0 || failed;
}
