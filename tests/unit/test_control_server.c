/* The server of the control socket and of the loopback port, with clients that are processes of their own:
 * routes, rights, bodies, answers that come later. */
#include "agent/control.h"
#include "tmpdir.h"
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { NOBODY = 65534, RUN_MS = 30000, ANSWER_MS = 50 };

struct world {
        sd_event *loop;
        struct control *control;
        char path[PATH_MAX];
        struct control_ticket *later;
        char body[64];
        unsigned calls;
};

static void text(struct control_page *ret, const char *s) {
        ret->status = 200;
        ret->type = "text/plain";
        ret->body = strdup(s);
        ret->size = strlen(s);
}

static void get_page(void *userdata, const struct control_request *q, struct control_page *ret) {
        (void)userdata;
        (void)q;
        text(ret, "page\n");
}

static void change(void *userdata, const struct control_request *q, struct control_page *ret) {
        struct world *w = userdata;

        w->calls++;
        snprintf(w->body, sizeof w->body, "%.*s", (int)q->size, q->body);
        text(ret, "changed\n");
}

static int answer_now(sd_event_source *s, uint64_t usec, void *userdata) {
        struct world *w = userdata;
        struct control_page page = { 0 };

        (void)s;
        (void)usec;
        text(&page, "late\n");
        control_answer(w->later, &page);
        return 0;
}

static void change_later(void *userdata, const struct control_request *q, struct control_page *ret) {
        struct world *w = userdata;

        w->later = q->ticket;
        ret->status = CONTROL_LATER;
        assert_true(sd_event_add_time_relative(w->loop, NULL, CLOCK_MONOTONIC, ANSWER_MS * 1000, 1,
                                               answer_now, w) >= 0);
}

static void change_never(void *userdata, const struct control_request *q, struct control_page *ret) {
        ((struct world *)userdata)->calls++;
        (void)q;
        ret->status = CONTROL_LATER;
}

static const struct control_route routes[] = {
        { "GET", "/page", false, get_page },
        { "POST", "/change", true, change },
        { "POST", "/later", true, change_later },
        { "POST", "/never", true, change_never },
        { 0 },
};

static void setup(struct world *w, const char *dir) {
        *w = (struct world){ .loop = NULL };
        snprintf(w->path, sizeof w->path, "%.200s/s", dir);
        assert_int_equal(sd_event_new(&w->loop), 0);
        assert_int_equal(control_new_unix(w->loop, w->path, routes, w, &w->control), 0);
}

static void teardown(struct world *w) {
        control_free(w->control);
        sd_event_unref(w->loop);
}

/* In the child: send the request, print what comes back to the pipe, end. */
static void client(const char *path, uid_t uid, const char *request, int out) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        char buf[4096];
        ssize_t n;

        snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
        if ((uid && setresuid(uid, uid, uid) < 0) || connect(fd, (const struct sockaddr *)&a, sizeof a) < 0)
                _exit(2);
        if (write(fd, request, strlen(request)) < 0)
                _exit(3);
        while ((n = read(fd, buf, sizeof buf)) > 0)
                if (write(out, buf, (size_t)n) < 0)
                        _exit(4);
        _exit(0);
}

/* The whole answer as text; the loop runs until the client has ended. */
static void ask_as(struct world *w, uid_t uid, const char *request, char out[8192]) {
        size_t size = 0;
        int pipes[2], status = -1;
        pid_t pid;
        ssize_t n;

        assert_int_equal(pipe(pipes), 0);
        if ((pid = fork()) == 0)
                client(w->path, uid, request, pipes[1]);
        close(pipes[1]);
        for (int ms = 0; ms < RUN_MS && waitpid(pid, &status, WNOHANG) == 0; ms += 5)
                assert_true(sd_event_run(w->loop, 5000) >= 0);
        assert_int_equal(status, 0);
        while ((n = read(pipes[0], out + size, 8191 - size)) > 0)
                size += (size_t)n;
        out[size] = '\0';
        close(pipes[0]);
}

static void expect(struct world *w, uid_t uid, const char *request, const char *first, const char *in) {
        char out[8192];

        ask_as(w, uid, request, out);
        if (strncmp(out, first, strlen(first)) != 0 || !strstr(out, in))
                fail_msg("%s\nanswered:\n%s\nwanted %s ... %s", request, out, first, in);
}

#define REQUEST(line, more) line " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" more
#define BODY(n, text)       "Content-Length: " n "\r\n\r\n" text
#define END                 "\r\n"

static void test_routes(void **state) {
        struct world w;

        setup(&w, *state);
        expect(&w, 0, REQUEST("GET /page", END), "HTTP/1.1 200 ", "\r\n\r\npage\n");
        expect(&w, 0, REQUEST("HEAD /page", END), "HTTP/1.1 200 ", "Content-Length: 5");
        expect(&w, 0, REQUEST("GET /other", END), "HTTP/1.1 404 ", "no such page");
        expect(&w, 0, REQUEST("POST /page", BODY("0", "")), "HTTP/1.1 405 ", "Allow: GET, HEAD");
        expect(&w, 0, REQUEST("GET /change", END), "HTTP/1.1 405 ", "Allow: POST");
        assert_int_equal(w.calls, 0);
        teardown(&w);
}

/* Whoever may open the socket may look; to change something takes uid 0, whatever the request says. */
static void test_only_root_changes(void **state) {
        struct world w;

        if (geteuid() != 0)
                skip();
        setup(&w, *state);
        assert_int_equal(chmod(w.path, 0666), 0);
        assert_int_equal(chmod(*state, 0755), 0);
        expect(&w, 0, REQUEST("POST /change", BODY("7", "{\"a\":1}")), "HTTP/1.1 200 ", "changed");
        assert_string_equal(w.body, "{\"a\":1}");
        assert_int_equal(w.calls, 1);
        expect(&w, NOBODY, REQUEST("POST /change", BODY("2", "{}")), "HTTP/1.1 403 ", "only root may");
        expect(&w, NOBODY, REQUEST("POST /later", BODY("2", "{}")), "HTTP/1.1 403 ", "only root may");
        assert_int_equal(w.calls, 1);
        expect(&w, NOBODY, REQUEST("GET /page", END), "HTTP/1.1 200 ", "page");
        teardown(&w);
}

static void test_bodies(void **state) {
        struct world w;
        char request[CONTROL_BODY_MAX + 256], filler[CONTROL_BODY_MAX + 2];

        if (geteuid() != 0)
                skip();
        setup(&w, *state);
        expect(&w, 0,
               REQUEST("POST /change", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
               "HTTP/1.1 200 ", "changed");
        assert_string_equal(w.body, "abcde");
        memset(filler, 'x', sizeof filler);
        snprintf(request, sizeof request, REQUEST("POST /change", BODY("%d", "%.*s")), CONTROL_BODY_MAX + 1,
                 CONTROL_BODY_MAX + 1, filler);
        expect(&w, 0, request, "HTTP/1.1 413 ", "too long");
        assert_int_equal(w.calls, 1);
        teardown(&w);
}

static void test_an_answer_that_comes_later(void **state) {
        struct world w;

        if (geteuid() != 0)
                skip();
        setup(&w, *state);
        expect(&w, 0, REQUEST("POST /later", BODY("2", "{}")), "HTTP/1.1 200 ", "late\n");
        expect(&w, 0, REQUEST("GET /page", END), "HTTP/1.1 200 ", "page");
        teardown(&w);
}

/* Nobody waits for a server that has gone, and the server does not wait for what it still owed. */
static void test_the_end_answers_who_waits(void **state) {
        struct world w;
        int pipes[2], status;
        char out[1024];
        ssize_t n;
        pid_t pid;

        if (geteuid() != 0)
                skip();
        setup(&w, *state);
        assert_int_equal(pipe(pipes), 0);
        if ((pid = fork()) == 0)
                client(w.path, 0, REQUEST("POST /never", BODY("2", "{}")), pipes[1]);
        close(pipes[1]);
        for (int ms = 0; ms < RUN_MS && w.calls == 0; ms += 5)
                assert_true(sd_event_run(w.loop, 5000) >= 0);
        assert_int_equal(w.calls, 1);
        teardown(&w);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        n = read(pipes[0], out, sizeof out - 1);
        out[n > 0 ? n : 0] = '\0';
        close(pipes[0]);
        if (strncmp(out, "HTTP/1.1 503 ", 13) != 0)
                fail_msg("answered: %s", out);
}

static void test_a_second_server_is_refused(void **state) {
        struct control *second = NULL;
        struct world w;

        setup(&w, *state);
        assert_int_equal(control_new_unix(w.loop, w.path, routes, &w, &second), -EADDRINUSE);
        assert_null(second);
        teardown(&w);
        assert_int_equal(access(w.path, F_OK), -1);
}

static void test_refusals_are_json(void **state) {
        struct control_page page = { 0 };

        (void)state;
        control_refuse(&page, 409, "\"%s\" is no name", "a\nb");
        assert_int_equal(page.status, 409);
        assert_string_equal(page.body, "{\"error\": \"\\\"a\\nb\\\" is no name\"}");
        free(page.body);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_routes),
                tmp_test(test_only_root_changes),
                tmp_test(test_bodies),
                tmp_test(test_an_answer_that_comes_later),
                tmp_test(test_the_end_answers_who_waits),
                tmp_test(test_a_second_server_is_refused),
                cmocka_unit_test(test_refusals_are_json),
        };

        return cmocka_run_group_tests_name("control_server", tests, NULL, NULL);
}
