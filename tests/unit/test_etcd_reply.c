/* Replies of etcd 3.4, 3.5 and 3.6 to the calls about members. */
#include "agent/etcd_reply.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int parse(const char *body, struct etcd_members *m, uint64_t *id, struct error *e) {
        return etcd_reply_parse("member/x", body, strlen(body), m, id, e);
}

static void test_list(void **state) {
        static const char body[] =
                "{\"header\":{\"cluster_id\":\"14841639068965178418\",\"member_id\":\"758659209188475983\","
                "\"raft_term\":\"2\"},\"members\":[{\"ID\":\"758659209188475983\",\"name\":\"host1\","
                "\"peerURLs\":[\"https://172.18.0.154:2380\",\"https://10.0.0.1:2380\"],"
                "\"clientURLs\":[\"https://172.18.0.154:2379\"]},"
                "{\"ID\":\"18446744073709551615\",\"peerURLs\":[\"https://172.18.0.155:2380\"],"
                "\"isLearner\":true}]}";
        struct etcd_members m;
        struct error e;
        uint64_t id = 7;

        (void)state;
        assert_int_equal(parse(body, &m, &id, &e), 0);
        assert_int_equal(id, 0);
        assert_int_equal(m.n, 2);
        assert_true(m.v[0].id == 758659209188475983);
        assert_string_equal(m.v[0].name, "host1");
        assert_string_equal(m.v[0].peer_url, "https://172.18.0.154:2380");
        assert_string_equal(m.v[0].client_url, "https://172.18.0.154:2379");
        assert_false(m.v[0].learner);
        assert_true(m.v[1].id == UINT64_MAX);
        assert_string_equal(m.v[1].name, "");
        assert_string_equal(m.v[1].client_url, "");
        assert_true(m.v[1].learner);
}

static void test_add(void **state) {
        static const char body[] =
                "{\"header\":{},\"member\":{\"ID\":\"17833141811372158645\",\"peerURLs\":[\"https://h:1\"],"
                "\"isLearner\":true},\"members\":[{\"ID\":\"17833141811372158645\"},{\"ID\":12}]}";
        struct etcd_members m;
        struct error e;
        uint64_t id;

        (void)state;
        assert_int_equal(parse(body, &m, &id, &e), 0);
        assert_true(id == 17833141811372158645U);
        assert_int_equal(m.n, 2);
        assert_true(m.v[1].id == 12);
        assert_int_equal(parse(body, NULL, NULL, &e), 0);
}

static void test_empty_means_none(void **state) {
        struct etcd_members m;
        struct error e;
        uint64_t id;

        (void)state;
        assert_int_equal(parse("{}", &m, &id, &e), 0);
        assert_int_equal(m.n, 0);
        assert_int_equal(id, 0);
        assert_int_equal(parse("{\"code\":0,\"members\":[]}", &m, &id, &e), 0);
}

static void test_errors(void **state) {
        static const struct {
                int error;
                const char *body;
        } cases[] = {
                /* 3.4 and 3.5 repeat the message as "error". */
                { -EAGAIN, "{\"error\":\"etcdserver: can only promote a learner member which is in sync with "
                           "leader\",\"message\":\"etcdserver: can only promote a learner member which is in "
                           "sync with leader\",\"code\":9}" },
                { -EALREADY, "{\"error\":\"etcdserver: can only promote a learner member\",\"message\":"
                             "\"etcdserver: can only promote a learner member\",\"code\":9}" },
                { -ENOENT, "{\"error\":\"etcdserver: member not found\",\"message\":\"etcdserver: member not "
                           "found\",\"code\":5}" },
                { -EAGAIN, "{\"error\":\"etcdserver: unhealthy cluster\",\"code\":14}" },
                /* 3.6 has no "error", and may have details. */
                { -EAGAIN, "{\"code\":9,\"message\":\"etcdserver: too many learner members in cluster\","
                           "\"details\":[]}" },
                { -EEXIST, "{\"code\":9,\"message\":\"etcdserver: member ID already exist\"}" },
                { -EEXIST, "{\"code\":9,\"message\":\"etcdserver: Peer URLs already exists\"}" },
                { -EAGAIN, "{\"code\":9,\"message\":\"etcdserver: re-configuration failed due to not enough "
                           "started members\"}" },
                { -EAGAIN, "{\"code\":9,\"message\":\"etcdserver: rpc not supported for learner\"}" },
                { -EPERM, "{\"code\":9,\"message\":\"etcdserver: something new\"}" },
                { -EPERM, "{\"code\":9}" },
                { -ENOENT, "{\"code\":5,\"message\":\"etcdserver: member not found\"}" },
                { -EAGAIN, "{\"code\":14,\"message\":\"etcdserver: leader changed\"}" },
                { -EAGAIN, "{\"code\":4,\"message\":\"context deadline exceeded\"}" },
                { -EAGAIN, "{\"code\":2,\"message\":\"context deadline exceeded\"}" },
                { -EIO, "{\"code\":2,\"message\":\"raft: stopped\"}" },
                { -ENOSPC, "{\"code\":8,\"message\":\"etcdserver: mvcc: database space exceeded\"}" },
                { -EAGAIN, "{\"code\":8,\"message\":\"etcdserver: too many requests\"}" },
                { -EINVAL, "{\"code\":3,\"message\":\"etcdserver: user name is empty\"}" },
                { -EACCES, "{\"code\":7,\"message\":\"etcdserver: permission denied\"}" },
                { -EOPNOTSUPP, "{\"code\":12,\"message\":\"Method Not Allowed\"}" },
                { -EIO, "{\"code\":99,\"message\":\"?\"}" },
        };
        struct etcd_members m = { .n = 5 };
        uint64_t id = 7;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct error e = { 0 };
                int r = parse(cases[i].body, &m, &id, &e);

                if (r != cases[i].error)
                        fail_msg("%s: %s", cases[i].body, strerror(-r));
                assert_int_equal(e.status, EXIT_FAILED);
                assert_memory_equal(e.message, "etcd member/x: ", 15);
                assert_int_equal(m.n, 5);
                assert_int_equal(id, 7);
        }
}

static void test_message(void **state) {
        struct error e;

        (void)state;
        parse("{\"code\":9,\"message\":\"etcdserver: too many learner members in cluster\"}", NULL, NULL, &e);
        assert_string_equal(e.message,
                            "etcd member/x: etcdserver: too many learner members in cluster (code 9)");
        parse("404 page not found\n", NULL, NULL, &e);
        assert_string_equal(e.message, "etcd member/x: not a reply of etcd: no JSON");
}

static void test_malformed(void **state) {
        static const char *const cases[] = {
                "",
                "404 page not found\n",
                "[]",
                "null",
                "{\"members\":[]} x",
                "{\"members\":[],\"members\":[]}",
                "{\"members\":{}}",
                "{\"members\":[1]}",
                "{\"members\":[{\"ID\":\"x\"}]}",
                "{\"members\":[{\"ID\":\"\"}]}",
                "{\"members\":[{\"ID\":\"-1\"}]}",
                "{\"members\":[{\"ID\":-1}]}",
                "{\"members\":[{\"ID\":\" 1\"}]}",
                "{\"members\":[{\"ID\":\"1x\"}]}",
                "{\"members\":[{\"ID\":1.5}]}",
                "{\"members\":[{\"ID\":\"18446744073709551616\"}]}",
                "{\"members\":[{\"name\":1}]}",
                "{\"members\":[{\"peerURLs\":\"https://h:1\"}]}",
                "{\"members\":[{\"peerURLs\":[1]}]}",
                "{\"members\":[{\"clientURLs\":{}}]}",
                "{\"members\":[{\"isLearner\":\"true\"}]}",
                "{\"members\":[{\"name\":\"a\\u0000b\"}]}",
                "{\"member\":1}",
                "{\"member\":{\"ID\":true}}",
                "{\"error\":\"x\"}",
                "{\"code\":\"9\"}",
                "{\"code\":9.0}",
        };
        struct etcd_members m = { .n = 5 };
        uint64_t id = 7;
        struct error e;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                if (parse(cases[i], &m, &id, &e) != -EBADMSG)
                        fail_msg("accepted: %s", cases[i]);
                assert_int_equal(m.n, 5);
                assert_int_equal(id, 7);
        }
}

/* What does not fit is refused, not cut off: a shortened URL is another URL. */
static void test_limits(void **state) {
        struct etcd_members m;
        char body[2048], text[512];
        struct error e;

        (void)state;
        memset(text, 'a', sizeof text);
        snprintf(body, sizeof body, "{\"members\":[{\"name\":\"%.253s\",\"peerURLs\":[\"%.255s\"]}]}", text,
                 text);
        assert_int_equal(parse(body, &m, NULL, &e), 0);
        assert_int_equal(strlen(m.v[0].name), 253);
        assert_int_equal(strlen(m.v[0].peer_url), 255);
        snprintf(body, sizeof body, "{\"members\":[{\"name\":\"%.254s\"}]}", text);
        assert_int_equal(parse(body, &m, NULL, &e), -EBADMSG);
        snprintf(body, sizeof body, "{\"members\":[{\"peerURLs\":[\"%.256s\"]}]}", text);
        assert_int_equal(parse(body, &m, NULL, &e), -EBADMSG);
        snprintf(body, sizeof body, "{\"members\":[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]}");
        assert_int_equal(parse(body, &m, NULL, &e), 0);
        snprintf(body, sizeof body, "{\"members\":[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]}");
        assert_int_equal(parse(body, &m, NULL, &e), -EBADMSG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_list),    cmocka_unit_test(test_add),
                cmocka_unit_test(test_errors),  cmocka_unit_test(test_empty_means_none),
                cmocka_unit_test(test_limits),  cmocka_unit_test(test_malformed),
                cmocka_unit_test(test_message),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
