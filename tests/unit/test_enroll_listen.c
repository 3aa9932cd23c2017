/* The listening service on the loopback of a network namespace of its own: one source's wrong tries and
 * silence do not keep others waiting, and it leaves when nobody asks. */
#include "agent/command.h"
#include "agent/monotonic.h"
#include "tests/unit/enroll_service.h"

#include <fcntl.h>
#include <poll.h>

/* A join from `from`; on refusal the code is in j->result. */
static int join_from(struct service *s, const char *from, const char *token, struct joining *j) {
        char local[ENROLL_ADDRESS_SIZE];
        int fd, r;

        joining_init(j, &s->w, token);
        j->joiner.address = from;
        j->e = (struct error){ 0 };
        r = enroll_connect(strchr(from, ':') ? "::1" : "127.0.0.1", PORT, from, 2000, &fd, local, &j->e);
        if (r < 0)
                return r;
        assert_string_equal(local, from);
        r = enroll_request_bundle(fd, &j->joiner, &j->result, &j->e);
        close(fd);
        joining_done(j);
        return r;
}

static int connect_silently(const char *from) {
        char local[ENROLL_ADDRESS_SIZE];
        int fd;

        assert_int_equal(enroll_connect("127.0.0.1", PORT, from, 2000, &fd, local, NULL), 0);
        return fd;
}

static void test_right_token_from_a_socket(void **state) {
        struct service *s = service_start(*state);
        struct joining j;

        if (join_from(s, "127.0.0.5", s->token, &j) < 0)
                fail_msg("%s", j.e.message);
        assert_int_equal(service_stop(s), 0);
}

static void test_ipv6(void **state) {
        struct service *s = service_start(*state);
        struct joining j;

        if (join_from(s, "::1", s->token, &j) < 0)
                fail_msg("%s", j.e.message);
        assert_int_equal(service_stop(s), 0);
}

static void test_wrong_tries_slow_their_own_source_only(void **state) {
        struct service *s = service_start(*state);
        char wrong[PKI_TOKEN_SIZE];
        unsigned denied = 0, slowed = 0, longest = 0;
        struct joining j;
        int r = -1;

        memcpy(wrong, s->token, sizeof wrong);
        for (unsigned i = 0; i < 60; i++) {
                wrong[PKI_TOKEN_SIZE - 2] = (char)('a' + i % 26);
                if (!strcmp(wrong, s->token))
                        continue;
                if (join_from(s, "127.0.0.66", wrong, &j) != -EACCES)
                        continue;
                denied += j.result.refusal.code == ENROLL_DENIED;
                slowed += j.result.refusal.code == ENROLL_SLOW_DOWN;
                if (j.result.refusal.retry_s > longest)
                        longest = j.result.refusal.retry_s;
        }
        print_message("60 wrong tries: %u looked at, %u held, longest hold %u s\n", denied, slowed, longest);
        assert_true(denied >= 1 && denied <= 7);
        assert_true(slowed >= 40);
        /* also the right token has to wait where the wrong ones came from: while there is time left */
        wrong[PKI_TOKEN_SIZE - 2] = s->token[PKI_TOKEN_SIZE - 2] == 'a' ? 'b' : 'a';
        for (unsigned i = 0; i < 10000 && j.result.refusal.retry_s < 4; i++)
                join_from(s, "127.0.0.66", wrong, &j);
        for (unsigned i = 0; i < 50 && r != 0 && r != -EACCES; i++) { /* else: those before are not over */
                r = join_from(s, "127.0.0.66", s->token, &j);
                poll(NULL, 0, r == -EACCES ? 0 : 20);
        }
        assert_int_equal(r, -EACCES);
        assert_int_equal(j.result.refusal.code, ENROLL_SLOW_DOWN);
        /* the same token, from elsewhere, at once */
        if (join_from(s, "127.0.0.5", s->token, &j) < 0)
                fail_msg("%s", j.e.message);
        assert_int_equal(service_stop(s), 0);
}

static void test_silent_peers_do_not_block_others(void **state) {
        struct service *s = service_start(*state);
        int fds[40];
        struct joining j;
        int64_t start;

        for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
                fds[i] = connect_silently("127.0.0.77");
        start = monotonic_us();
        if (join_from(s, "127.0.0.5", s->token, &j) < 0)
                fail_msg("%s", j.e.message);
        print_message("40 silent connections of one source; a join took %d ms\n",
                      (int)((monotonic_us() - start) / 1000));
        assert_true(monotonic_us() - start < 5000000);
        for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
                close(fds[i]);
        assert_int_equal(service_stop(s), 0);
}

static void test_service_leaves_when_idle(void **state) {
        struct service *s = service_start_for(*state, 2);
        int64_t start;
        struct joining j;
        int status;

        start = monotonic_us();
        assert_int_equal(join_from(s, "127.0.0.5", s->token, &j), 0);
        assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_true(monotonic_us() - start > 1000000);
        world_close(&s->w);
        free(s);
}

/* As systemd starts it, on a tree where it cannot serve. */
static pid_t start_activated(const char *root, int fd) {
        pid_t pid = fork();
        char self[16];

        if (pid != 0)
                return pid;
        snprintf(self, sizeof self, "%d", (int)getpid());
        if (fd != 3)
                dup2(fd, 3);
        (void)fcntl(3, F_SETFD, 0);
        setenv("LISTEN_PID", self, 1);
        setenv("LISTEN_FDS", "1", 1);
        execl(getenv("TRIARCH"), "triarch", "enroll", "--root", root, NULL);
        _exit(127);
}

/* Or systemd would start it again for the same callers, as fast as the machine can. */
static void test_service_that_cannot_start_turns_its_callers_away(void **state) {
        int fd = listen_on_any(), callers[5], status;
        const struct timeval patience = { .tv_sec = 10 };
        int64_t start = monotonic_us();
        struct pollfd left = { .fd = fd, .events = POLLIN };
        pid_t pid;
        char c;

        assert_non_null(getenv("TRIARCH"));
        for (size_t i = 0; i < ARRAY_SIZE(callers); i++)
                callers[i] = connect_silently("127.0.0.77");
        assert_true((pid = start_activated(*state, fd)) > 0);
        for (size_t i = 0; i < ARRAY_SIZE(callers); i++) {
                (void)fcntl(callers[i], F_SETFL, 0);
                assert_int_equal(setsockopt(callers[i], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience),
                                 0);
                assert_int_equal(read(callers[i], &c, 1), 0);
                close(callers[i]);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_INPUT);
        assert_int_equal(poll(&left, 1, 0), 0);
        assert_true(monotonic_us() - start > 1500000);
        close(fd);
}

/* `enroll --listen where` under an empty root; what it says in `text`. It cannot serve, but it can listen. */
static int listen_by_hand(const char *root, const char *where, char *text, size_t size) {
        char *argv[] = { (char *)"enroll",   (char *)"--root",         (char *)(uintptr_t)root,
                         (char *)"--listen", (char *)(uintptr_t)where, NULL };
        int pipefd[2], status;
        size_t n = 0;
        ssize_t k;
        pid_t pid;

        assert_int_equal(pipe2(pipefd, O_CLOEXEC), 0);
        if ((pid = fork()) == 0) {
                dup2(pipefd[1], 2);
                _exit(cmd_enroll(5, argv));
        }
        close(pipefd[1]);
        while ((k = read(pipefd[0], text + n, size - 1 - n)) > 0)
                n += (size_t)k;
        text[n] = '\0';
        close(pipefd[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_listen_takes_both_families(void **state) {
        static const char *const taken[] = { "127.0.0.1:7644", "[::1]:7644" };
        static const char *const wrong[] = { "127.0.0.1",        "::1:7644",    "[::1]",
                                             "[::1]:0",          "[::1]:65536", "master:7644",
                                             "[127.0.0.1]:7644", ":7644",       "[]:7644" };
        int used = listen_on_any();
        char text[1024];

        for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
                assert_int_equal(listen_by_hand(*state, taken[i], text, sizeof text), EXIT_FAILED);
                if (!strstr(text, "cannot listen on") || !strstr(text, "in use"))
                        fail_msg("%s: %s", taken[i], text);
        }
        close(used);
        for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
                listen_by_hand(*state, taken[i], text, sizeof text);
                if (strstr(text, "listen") || !strstr(text, "config.yaml"))
                        fail_msg("%s: %s", taken[i], text);
        }
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                assert_int_equal(listen_by_hand(*state, wrong[i], text, sizeof text), EXIT_INPUT);
                if (!strstr(text, "want ADDRESS:PORT"))
                        fail_msg("%s: %s", wrong[i], text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_right_token_from_a_socket),
                tmp_test(test_ipv6),
                tmp_test(test_wrong_tries_slow_their_own_source_only),
                tmp_test(test_silent_peers_do_not_block_others),
                tmp_test(test_service_leaves_when_idle),
                tmp_test(test_service_that_cannot_start_turns_its_callers_away),
                tmp_test(test_listen_takes_both_families),
        };

        if (lacks_network())
                return 77;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
