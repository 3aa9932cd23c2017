/* The probes: what answers mean, on text; and against a server of our own on loopback, in a network
 * namespace: what is reported, when a held connection is cut, and how soon. */
#include "agent/probe.h"
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

enum { PORT = 11080, SKIP = 77, MAX_SEEN = 256, TRIES = 5 };

static void test_etcd_metrics(void **state) {
        static const struct {
                const char *text;
                struct etcd_facts want;
        } v[] = {
                { "etcd_server_has_leader 1\netcd_server_is_leader 0\netcd_server_is_learner 1\n",
                  { ETCD_FLAG_YES, ETCD_FLAG_NO, ETCD_FLAG_YES } },
                { "", { -1, -1, -1 } },
                { "etcd_server_has_leader 1", { -1, -1, -1 } }, /* cut off: no line */
                { "etcd_server_has_leader 10\netcd_server_has_leader_x 1\nxetcd_server_has_leader 1\n",
                  { -1, -1, -1 } },
                { "# HELP etcd_server_has_leader 1\n\n\netcd_server_has_leader 0\n",
                  { ETCD_FLAG_NO, -1, -1 } },
        };
        struct etcd_facts f;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
                etcd_metrics_parse(v[i].text, strlen(v[i].text), &f);
                assert_memory_equal(&f, &v[i].want, sizeof f);
        }
}

static void test_etcd_health(void **state) {
        static const struct {
                unsigned status;
                const char *body;
                enum health_outcome want;
                const char *detail;
        } v[] = {
                { 200, "{\"health\":\"true\"}", HEALTH_OK, "healthy" },
                { 200, "{\"health\":\"true\",\"reason\":\"\"}", HEALTH_OK, "healthy" },
                { 503, "{\"health\":\"false\",\"reason\":\"RAFT NO LEADER\"}", HEALTH_ERROR,
                  "not healthy: RAFT NO LEADER" },
                { 503, "{\"health\":\"false\"}", HEALTH_ERROR, "not healthy (status 503)" },
                { 503, "{\"health\":\"true\"}", HEALTH_ERROR, "not healthy (status 503)" },
                { 200, "", HEALTH_ERROR, "not healthy (status 200)" },
                { 200, "{\"health\":true}", HEALTH_ERROR, "not healthy (status 200)" },
                { 404, "404 page not found", HEALTH_ERROR, "not healthy (status 404)" },
        };
        char detail[HEALTH_REASON];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
                assert_int_equal(etcd_health_judge(v[i].status, v[i].body, strlen(v[i].body), detail),
                                 v[i].want);
                assert_string_equal(detail, v[i].detail);
        }
}

static void test_clock_outcome(void **state) {
        static const struct {
                enum clock_verdict verdict;
                double correction;
                enum health_outcome want;
        } v[] = {
                { CLOCK_GOOD, 0.01, HEALTH_OK },           { CLOCK_GOOD, -0.051, HEALTH_MARGINAL },
                { CLOCK_OFFSET, 0.2, HEALTH_OFFSET },      { CLOCK_UNSYNCHRONISED, 0, HEALTH_UNSYNCHRONISED },
                { CLOCK_STALE, 0, HEALTH_UNSYNCHRONISED }, { CLOCK_UNKNOWN, 0, HEALTH_UNSYNCHRONISED },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
                struct clock_state s = { .verdict = v[i].verdict, .correction = v[i].correction };

                assert_int_equal(clock_outcome(&s, 0.1), v[i].want);
        }
}

static void test_urls(void **state) {
        static const char *const good[] = { "http://127.0.0.1:2381", "https://[::1]:6443/livez?exclude=etcd",
                                            "http://10.0.0.1/healthz" };
        static const char *const bad[] = {
                "",           "http://localhost:1", "https://name.example/", "ftp://1.2.3.4",
                "1.2.3.4:80", "file:///etc/passwd"
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                assert_int_equal(http_check_url(good[i]), 0);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(http_check_url(bad[i]), -EINVAL);
}

/* --- a server: a child process that answers every request with `reply`, or never */
static pid_t serve(const char *reply) {
        struct sockaddr_in a = { .sin_family = AF_INET,
                                 .sin_port = htons(PORT),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), conns[32], n = 0;
        char buffer[4096];
        pid_t pid;

        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)), 0);
        assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof a), 0);
        assert_int_equal(listen(fd, 16), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid > 0) {
                close(fd);
                return pid;
        }
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
        for (;;) {                        /* naive, but there are two connections at most */
                struct timeval brief = { .tv_usec = 1000 };

                setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &brief, sizeof brief);
                if (n < 32 && (conns[n] = accept(fd, NULL, NULL)) >= 0)
                        n++;
                for (int i = 0; i < n; i++)
                        if (recv(conns[i], buffer, sizeof buffer, MSG_DONTWAIT) > 0 && reply)
                                (void)!send(conns[i], reply, strlen(reply), MSG_NOSIGNAL);
        }
}

static void end(pid_t pid) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

struct seen {
        sd_event *loop;
        size_t n;
        struct {
                enum health_outcome outcome;
                uint64_t at_us, started_us;
                uint32_t took_us;
                char detail[HEALTH_REASON];
        } v[MAX_SEEN];
};

static uint64_t clock_us(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void on_report(void *userdata, enum health_check c, const struct health_result *r) {
        struct seen *s = userdata;

        (void)c;
        if (s->n == MAX_SEEN)
                return;
        s->v[s->n].outcome = r->outcome;
        s->v[s->n].started_us = r->started_us;
        s->v[s->n].took_us = r->took_us;
        s->v[s->n].at_us = clock_us();
        snprintf(s->v[s->n++].detail, HEALTH_REASON, "%s", r->detail);
}

static void spin(struct seen *s, uint64_t ms) {
        uint64_t end_us = clock_us() + ms * 1000;

        while (clock_us() < end_us)
                assert_true(sd_event_run(s->loop, 2000) >= 0);
}

/* How long is waited for what must come: the machine may be busy. */
#define PATIENCE_US UINT64_C(20000000)

/* Until there have been so many reports. */
static void spin_until_reports(struct seen *s, size_t n) {
        uint64_t end_us = clock_us() + PATIENCE_US;

        while (s->n < n) {
                assert_true(clock_us() < end_us);
                assert_true(sd_event_run(s->loop, 2000) >= 0);
        }
}

/* Until the last report is `o`. */
static void spin_until(struct seen *s, enum health_outcome o) {
        uint64_t end_us = clock_us() + PATIENCE_US;

        while (s->n == 0 || s->v[s->n - 1].outcome != o) {
                if (clock_us() > end_us)
                        fail_msg("no %s but %s (%s)", health_outcome_name(o),
                                 s->n ? health_outcome_name(s->v[s->n - 1].outcome) : "nothing",
                                 s->n ? s->v[s->n - 1].detail : "");
                assert_true(sd_event_run(s->loop, 2000) >= 0);
        }
}

static const char ok_reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

struct fixture {
        struct seen seen;
        struct http *http;
        struct http_probe *probe;
};

static void open_probe(struct fixture *f, const struct http_request *q, uint32_t interval_us, bool hold) {
        struct probe_env env = { .report = on_report, .userdata = &f->seen };

        *f = (struct fixture){ .seen.n = 0 };
        assert_true(sd_event_new(&f->seen.loop) >= 0);
        assert_int_equal(http_new(f->seen.loop, &f->http), 0);
        env.loop = f->seen.loop;
        env.http = f->http;
        assert_int_equal(http_probe_new(&env, HEALTH_API_SERVER, q, interval_us, hold, &f->probe), 0);
}

static void close_probe(struct fixture *f) {
        http_probe_free(f->probe);
        http_free(f->http);
        sd_event_unref(f->seen.loop);
}

static const struct http_request plain = { .url = "http://127.0.0.1:11080/livez",
                                           .timeout_us = 10000000,
                                           .max_body = 16 };

static void test_refused_is_asked_again_soon(void **state) {
        struct fixture f;

        (void)state;
        open_probe(&f, &plain, 60000000, true);
        spin_until_reports(&f.seen, 4);
        spin(&f.seen, 200);
        assert_int_equal(f.seen.n, 4); /* once, and three quick repetitions */
        for (size_t i = 0; i < f.seen.n; i++)
                assert_int_equal(f.seen.v[i].outcome, HEALTH_REFUSED);
        assert_true(f.seen.v[1].at_us - f.seen.v[0].at_us >= 9000);
        assert_string_equal(f.seen.v[0].detail, "connection refused (http://127.0.0.1:11080/livez)");
        close_probe(&f);
}

/* From the kill to the second refusal, at most 2 s. */
static uint64_t shown_after_us(void) {
        pid_t pid = serve(ok_reply);
        uint64_t killed_us, took_us;
        struct fixture f;
        size_t before;

        open_probe(&f, &plain, 60000000, true); /* the next regular probe is a minute away */
        spin_until(&f.seen, HEALTH_OK);
        spin(&f.seen, 100);
        before = f.seen.n;
        killed_us = clock_us();
        end(pid);
        while (f.seen.n < before + 2 && clock_us() < killed_us + 2000000)
                assert_true(sd_event_run(f.seen.loop, 2000) >= 0);
        took_us = clock_us() - killed_us;
        if (f.seen.n >= before + 2) {
                assert_int_equal(f.seen.v[before + 1].outcome, HEALTH_REFUSED);
                took_us = f.seen.v[before + 1].at_us - killed_us;
        }
        print_message("refused for the second time %llu us after the kill\n", (unsigned long long)took_us);
        close_probe(&f);
        return took_us;
}

/* What a machine that stalls adds is not the probe's: it is slow each time, or it is not. */
static void test_killed_server_shows_at_once(void **state) {
        unsigned tries = 0;

        (void)state;
        while (shown_after_us() >= 100000)
                assert_true(++tries < TRIES);
}

static void test_without_hold_the_interval_decides(void **state) {
        pid_t pid = serve(ok_reply);
        struct fixture f;

        (void)state;
        open_probe(&f, &plain, 60000000, false);
        spin_until(&f.seen, HEALTH_OK);
        end(pid);
        spin(&f.seen, 200);
        assert_int_equal(f.seen.n, 1);
        close_probe(&f);
}

static void test_errors_are_told(void **state) {
        pid_t pid = serve(
                "HTTP/1.1 500 No\r\nContent-Length: 40\r\n\r\n[-]etcd failed\nand much more text to cut.");
        struct fixture f;

        (void)state;
        open_probe(&f, &plain, 50000, false);
        spin_until(&f.seen, HEALTH_ERROR);
        assert_string_equal(f.seen.v[0].detail, "http://127.0.0.1:11080/livez answers 500: [-]etcd failed");
        spin_until_reports(&f.seen, 4); /* by the interval */
        end(pid);
        close_probe(&f);
}

/* Until a time-out of 100 ms is told. */
static uint64_t timed_out_after_us(void) {
        struct http_request q = plain;
        pid_t pid = serve(NULL);
        uint64_t begin = clock_us(), took_us;
        struct fixture f;

        q.timeout_us = 100000;
        open_probe(&f, &q, 50000, true);
        spin_until(&f.seen, HEALTH_TIMEOUT);
        took_us = f.seen.v[0].at_us - begin;
        end(pid);
        close_probe(&f);
        return took_us;
}

static void test_silence_times_out(void **state) {
        unsigned tries = 0;
        uint64_t took_us;

        (void)state;
        while ((took_us = timed_out_after_us()) >= 400000)
                assert_true(++tries < TRIES);
        assert_true(took_us >= 99000);
}

/* The second time-out comes one interval after the first, not one time-out. */
static void test_questions_overlap(void **state) {
        struct http_request q = plain;
        pid_t pid = serve(NULL);
        struct fixture f;

        (void)state;
        q.timeout_us = 1500000;
        open_probe(&f, &q, 150000, false);
        spin_until_reports(&f.seen, 3);
        for (size_t i = 1; i < 3; i++) {
                uint64_t gap = f.seen.v[i].started_us - f.seen.v[i - 1].started_us;

                assert_true(gap >= 149000);
                assert_true(f.seen.v[i].started_us < f.seen.v[0].at_us); /* while the first was unanswered */
                assert_int_equal(f.seen.v[i].outcome, HEALTH_TIMEOUT);
                assert_true(f.seen.v[i].took_us >= 1499000);
        }
        end(pid);
        close_probe(&f);
}

static void test_not_more_than_three_at_a_time(void **state) {
        struct http_request q = plain;
        pid_t pid = serve(NULL);
        struct fixture f;

        (void)state;
        q.timeout_us = 400000;
        open_probe(&f, &q, 20000, false);
        spin_until_reports(&f.seen, 6);
        for (size_t i = 3; i < f.seen.n; i++)
                assert_true(f.seen.v[i].started_us >= f.seen.v[i - 3].started_us + 399000);
        end(pid);
        close_probe(&f);
}

static void test_a_fresh_measurement_begins_at_once(void **state) {
        pid_t pid = serve(ok_reply);
        uint64_t asked_us;
        struct fixture f;

        (void)state;
        open_probe(&f, &plain, 60000000, false);
        spin_until(&f.seen, HEALTH_OK);
        spin(&f.seen, 100);
        assert_int_equal(f.seen.n, 1);
        asked_us = clock_us();
        http_probe_now(f.probe);
        spin_until_reports(&f.seen, 2);
        spin(&f.seen, 100);
        assert_int_equal(f.seen.n, 2);
        assert_true(f.seen.v[1].started_us >= asked_us);
        end(pid);
        close_probe(&f);
}

static void test_missing_files_are_no_evidence(void **state) {
        struct http_request q = { .url = "https://127.0.0.1:11080/livez",
                                  .ca_file = "/nonexistent/ca.crt",
                                  .timeout_us = 100000,
                                  .max_body = 16 };
        pid_t pid = serve(NULL);
        struct fixture f;

        (void)state;
        open_probe(&f, &q, 50000, true);
        spin_until(&f.seen, HEALTH_UNKNOWN);
        assert_non_null(strstr(f.seen.v[0].detail, "/nonexistent/ca.crt"));
        end(pid);
        close_probe(&f);
}

static void test_etcd_probe(void **state) {
        struct etcd_facts unknown = { -1, -1, -1 };
        pid_t pid = serve("HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"health\":\"true\"}");
        struct seen seen = { .n = 0 };
        struct probe_env env = { .report = on_report, .userdata = &seen };
        struct etcd_probe *p;
        struct http *http;

        (void)state;
        assert_true(sd_event_new(&seen.loop) >= 0);
        assert_int_equal(http_new(seen.loop, &http), 0);
        env.loop = seen.loop;
        env.http = http;
        assert_int_equal(etcd_probe_new(&env, "http://127.0.0.1:11080", 50000, 2000000, &p), 0);
        spin_until(&seen, HEALTH_OK);
        assert_memory_equal(etcd_probe_facts(p), &unknown, sizeof unknown); /* /metrics had no gauges */
        end(pid);
        spin_until(&seen, HEALTH_REFUSED);
        pid = serve("HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\netcd_server_has_leader 0\n");
        spin_until(&seen, HEALTH_ERROR);
        spin(&seen, 200);
        assert_string_equal(seen.v[seen.n - 1].detail, "has no leader");
        end(pid);
        etcd_probe_free(p);
        http_free(http);
        sd_event_unref(seen.loop);
}

static void test_clock_probe_without_chronyd(void **state) {
        struct seen seen = { .n = 0 };
        struct probe_env env = { .report = on_report, .userdata = &seen };
        struct clock_probe *p;

        (void)state;
        assert_true(sd_event_new(&seen.loop) >= 0);
        env.loop = seen.loop;
        assert_int_equal(clock_probe_new(&env, PORT, 50000, 0.1, &p), 0);
        spin_until_reports(&seen, 3);
        assert_non_null(strstr(seen.v[0].detail, "chronyd does not answer"));
        clock_probe_free(p);
        sd_event_unref(seen.loop);
}

static int enter_namespace(void) {
        struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
        CLEANUP(closep) int fd = -1;

        if (unshare(CLONE_NEWNET) < 0)
                return -errno;
        fd = socket(AF_INET, SOCK_DGRAM, 0);
        return fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0 ? -errno : 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_etcd_metrics),
                cmocka_unit_test(test_etcd_health),
                cmocka_unit_test(test_clock_outcome),
                cmocka_unit_test(test_urls),
                cmocka_unit_test(test_refused_is_asked_again_soon),
                cmocka_unit_test(test_killed_server_shows_at_once),
                cmocka_unit_test(test_without_hold_the_interval_decides),
                cmocka_unit_test(test_errors_are_told),
                cmocka_unit_test(test_silence_times_out),
                cmocka_unit_test(test_questions_overlap),
                cmocka_unit_test(test_not_more_than_three_at_a_time),
                cmocka_unit_test(test_a_fresh_measurement_begins_at_once),
                cmocka_unit_test(test_missing_files_are_no_evidence),
                cmocka_unit_test(test_etcd_probe),
                cmocka_unit_test(test_clock_probe_without_chronyd),
        };

        if (enter_namespace() < 0) {
                fprintf(stderr, "skipped: needs root\n");
                return SKIP;
        }
        return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
