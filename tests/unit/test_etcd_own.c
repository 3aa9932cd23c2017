/* Which etcd is asked, and with which files. */
#include "agent/etcd_own.h"
#include "agent/masters.h"
#include "agent/preflight.h"
#include "pki/util.h"
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void test_own(void **state) {
        struct config c = { .cert_dir = (char *)"/pki", .advertise_address = (char *)"172.18.0.154" };
        struct etcd_files f;
        const char *endpoint;

        (void)state;
        assert_int_equal(etcd_own(&c, "/root", &f, &endpoint), 0);
        assert_string_equal(endpoint, "https://127.0.0.1:2379");
        assert_string_equal(f.ca, "/root/pki/etcd/ca.crt");
        c.advertise_address = (char *)"fd00:18::154";
        assert_int_equal(etcd_own(&c, "", &f, &endpoint), 0);
        assert_string_equal(endpoint, "https://[::1]:2379");
}

static void test_external(void **state) {
        char *endpoints[] = { (char *)"https://a:2379", (char *)"https://b:2379", NULL };
        struct config c = { .cert_dir = (char *)"/pki", .advertise_address = (char *)"172.18.0.154" };
        struct etcd_files f;
        const char *endpoint;

        (void)state;
        c.etcd_external.endpoints = (struct str_list){ endpoints, 2 };
        c.etcd_external.ca_file = (char *)"/x/ca.crt";
        assert_int_equal(etcd_own(&c, "/root", &f, &endpoint), 0);
        assert_string_equal(endpoint, "https://a:2379");
        assert_string_equal(f.ca, "/root/x/ca.crt");
        assert_string_equal(f.crt, "");
        assert_string_equal(f.key, "");
}

/* What status and report say: the configured one is asked, and none without the files for it. */
static void test_members(void **state) {
        char *endpoints[] = { (char *)"http://127.0.0.1:1", NULL };
        struct config c = { .cert_dir = (char *)"/nonexistent", .advertise_address = (char *)"172.18.0.154" };
        struct etcd_members members;
        struct error e = { 0 };

        (void)state;
        assert_int_equal(etcd_own_members(&c, 1000, &members, &e), -ENOENT);
        assert_non_null(strstr(e.message, "https://127.0.0.1:2379"));
        assert_int_equal(strncmp(e.file, "/nonexistent/", 13), 0);
        c.etcd_external.endpoints = (struct str_list){ endpoints, 1 };
        e = (struct error){ 0 };
        assert_true(etcd_own_members(&c, 1000, &members, &e) < 0);
        if (!strstr(e.message, "127.0.0.1:1") || strstr(e.message, "2379"))
                fail_msg("%s", e.message);
}

/* ---- of several endpoints ---- */

/* One that gives each request the same body; NULL: nobody listens there. */
struct endpoint {
        const char *body;
        int fd;
        char url[64];
        pthread_t thread;
        unsigned asked; /* to be read when it has stopped */
};

/* Range and member list at once, what is surplus is ignored; N is the member's name. */
#define ETCD_OF(n)                                                                                           \
        "{\"header\":{\"revision\":\"5\"},\"members\":[{\"ID\":\"161\",\"name\":\"" n                        \
        "\",\"peerURLs\":[\"http://" n ":2380\"]}]}"
#define NO_LEADER "{\"code\":14,\"message\":\"etcdserver: no leader\"}"

/* A request is a header and one JSON object. False: the client has gone. */
static bool take_request(int fd) {
        char text[4096];
        size_t n = 0;
        ssize_t k;

        do {
                if ((k = read(fd, text + n, sizeof text - 1 - n)) <= 0)
                        return false;
                n += (size_t)k;
                text[n] = '\0';
        } while (!strstr(text, "\r\n\r\n") || text[n - 1] != '}');
        return true;
}

static void *answer_all(void *arg) {
        struct endpoint *p = arg;
        int fd;

        while ((fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
                if (take_request(fd)) {
                        p->asked++;
                        dprintf(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
                                strlen(p->body), p->body);
                }
                close(fd);
        }
        return NULL;
}

/* Where nobody listens the port is taken all the same: nobody else's etcd can be there. */
static void endpoint_start(struct endpoint *p, const char *body) {
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof at;

        *p = (struct endpoint){ .body = body, .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
        assert_int_equal(bind(p->fd, (struct sockaddr *)&at, size), 0);
        assert_int_equal(getsockname(p->fd, (struct sockaddr *)&at, &size), 0);
        snprintf(p->url, sizeof p->url, "http://127.0.0.1:%u", ntohs(at.sin_port));
        if (!body)
                return;
        assert_int_equal(listen(p->fd, 8), 0);
        assert_int_equal(pthread_create(&p->thread, NULL, answer_all, p), 0);
}

static void endpoint_stop(struct endpoint *p) {
        if (p->body) {
                shutdown(p->fd, SHUT_RDWR);
                pthread_join(p->thread, NULL);
        }
        close(p->fd);
}

/* The first that answers, beginning with the one that the client has; nobody is asked after that. */
static void test_pick(void **state) {
        static const struct {
                const char *body[2];
                size_t from, picked;
                unsigned asked[2];
        } t[] = {
                { { ETCD_OF("a"), ETCD_OF("b") }, 0, 0, { 1, 0 } },
                { { NULL, ETCD_OF("b") }, 0, 1, { 0, 1 } },
                { { NO_LEADER, ETCD_OF("b") }, 0, 1, { 1, 1 } },
                { { ETCD_OF("a"), ETCD_OF("b") }, 1, 1, { 0, 1 } },
                { { ETCD_OF("a"), NULL }, 1, 0, { 1, 0 } },
                { { NULL, NO_LEADER }, 0, 0, { 0, 1 } },
                { { NO_LEADER, NULL }, 1, 1, { 1, 0 } },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                struct endpoint p[2];
                struct etcd_files files = { 0 };
                struct etcd_client client;
                struct config c = { 0 };

                endpoint_start(&p[0], t[i].body[0]);
                endpoint_start(&p[1], t[i].body[1]);
                c.etcd_external.endpoints = (struct str_list){ (char *[]){ p[0].url, p[1].url, NULL }, 2 };
                client = etcd_client_with(&files, p[t[i].from].url, 10000);
                etcd_own_pick(&c, &client);
                endpoint_stop(&p[0]);
                endpoint_stop(&p[1]);
                if (strcmp(client.endpoint, p[t[i].picked].url) != 0)
                        fail_msg("row %zu: %s of %s and %s", i, client.endpoint, p[0].url, p[1].url);
                if (p[0].asked != t[i].asked[0] || p[1].asked != t[i].asked[1])
                        fail_msg("row %zu: asked %u and %u times", i, p[0].asked, p[1].asked);
        }
}

/* Who begins a piece of work comes to the second endpoint where the first has gone. */
static void test_the_second_serves(void **state) {
        struct config c = { .cert_dir = (char *)"/nonexistent" };
        struct etcd_members members;
        struct etcd_client client;
        struct etcd_files files;
        struct endpoint p[2];
        struct error e = { 0 };

        (void)state;
        endpoint_start(&p[0], NULL);
        endpoint_start(&p[1], ETCD_OF("b"));
        c.etcd_external.endpoints = (struct str_list){ (char *[]){ p[0].url, p[1].url, NULL }, 2 };
        assert_int_equal(etcd_own_client(&c, "", 10000, &files, &client, &e), 0);
        assert_string_equal(client.endpoint, p[1].url);
        if (etcd_own_members(&c, 10000, &members, &e) < 0)
                fail_msg("%s", e.message);
        assert_int_equal(members.n, 1);
        assert_string_equal(members.v[0].name, "b");
        endpoint_stop(&p[0]);
        endpoint_stop(&p[1]);
        assert_int_equal(p[1].asked, 3); /* picked twice, and the list */
}

/* The masters' own list in an external etcd. */
static void test_masters(void **state) {
        static const char *const wrong[] = {
                "",
                "{}",
                "[{}]",
                "[1]",
                "[{\"id\": \"1\", \"name\": \"a\", \"url\": \"u\"}]",
                "[{\"id\": \"00000000000000a1\", \"name\": \"a\\n\", \"url\": \"u\"}]",
        };
        struct etcd_members m = { .n = 2 }, got;
        CLEANUP(freep) char *text = NULL;

        (void)state;
        m.v[0] = (struct etcd_member){ .id = 0xa1, .name = "n1", .peer_url = "https://172.18.0.154:2380" };
        m.v[1] = (struct etcd_member){ .id = UINT64_MAX / 3,
                                       .name = "n2",
                                       .peer_url = "https://[fd00::2]:2380" };
        assert_int_equal(masters_render(&m, &text), 0);
        assert_int_equal(masters_parse(text, strlen(text), &got), 0);
        assert_memory_equal(&got, &m, sizeof m);
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                assert_int_equal(masters_parse(wrong[i], strlen(wrong[i]), &got), -EBADMSG);
        for (size_t n = 0; n < strlen(text); n++)
                assert_int_equal(masters_parse(text, n, &got), -EBADMSG);
}

static void test_versions(void **state) {
        static const struct {
                const char *etcd, *kubernetes, *least; /* least NULL: new enough */
        } t[] = {
                { "3.4.23", "v1.35.1", NULL },      { "3.3.27", "v1.35.1", "3.4.0" },
                { "3.4.23", "v1.36.2", "3.5.24" },  { "3.5.23", "v1.36.2", "3.5.24" },
                { "3.5.24", "v1.36.2", NULL },      { "3.6.0", "v1.36.0", NULL },
                { "4.0.0", "v1.36.0", NULL },       { "2.9.99", "v1.29.0", "3.4.0" },
                { "3.6.0-rc.1", "v1.36.0", NULL },  { "", "v1.36.0", "3.5.24" },
                { "unknown", "v1.36.0", "3.5.24" },
        };
        const char *least;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                assert_true(preflight_etcd_version(t[i].etcd, t[i].kubernetes, &least) == !t[i].least);
                if (t[i].least)
                        assert_string_equal(least, t[i].least);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_own),      cmocka_unit_test(test_external),
                cmocka_unit_test(test_members),  cmocka_unit_test(test_pick),
                cmocka_unit_test(test_masters),  cmocka_unit_test(test_the_second_serves),
                cmocka_unit_test(test_versions),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
