/* Replies of etcd's JSON gateway to reading and writing keys. */
#include "agent/etcd_kv.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int range(const char *body, struct etcd_value *v) {
        struct error e;

        return etcd_kv_parse_range(body, strlen(body), v, &e);
}

static int txn(const char *body, bool *done) {
        struct error e;

        return etcd_kv_parse_txn(body, strlen(body), done, &e);
}

static void test_range(void **state) {
        struct etcd_value v;

        (void)state;
        assert_int_equal(
                range("{\"header\":{},\"kvs\":[{\"key\":\"YQ==\",\"create_revision\":\"2\",\"mod_revision\":"
                      "\"18446744073709551615\",\"version\":\"1\",\"value\":\"dHdv\"}],\"count\":\"1\"}",
                      &v),
                0);
        assert_true(v.revision == UINT64_MAX);
        assert_int_equal(v.size, 3);
        assert_string_equal(v.data, "two");
        etcd_value_done(&v);
        assert_int_equal(range("{\"kvs\":[{\"mod_revision\":\"7\",\"value\":\"AAE=\"}]}", &v), 0);
        assert_int_equal(v.size, 2);
        assert_memory_equal(v.data, "\0\1\0", 3);
        etcd_value_done(&v);
        assert_int_equal(range("{\"kvs\":[{\"mod_revision\":\"7\"}]}", &v), 0); /* empty */
        assert_int_equal(v.size, 0);
        assert_non_null(v.data);
        etcd_value_done(&v);
        assert_int_equal(range("{\"header\":{\"revision\":\"5\"}}", &v), 0);
        assert_null(v.data);
        assert_true(v.revision == 0);
}

static void test_range_refused(void **state) {
        static const char *const bad[] = {
                "",
                "[]",
                "{\"kvs\":{}}",
                "{\"kvs\":[1]}",
                "{\"kvs\":[{\"value\":\"dHdv\"}]}",
                "{\"kvs\":[{\"mod_revision\":\"0\",\"value\":\"dHdv\"}]}",
                "{\"kvs\":[{\"mod_revision\":\"x\",\"value\":\"dHdv\"}]}",
                "{\"kvs\":[{\"mod_revision\":\"1\",\"value\":7}]}",
                "{\"kvs\":[{\"mod_revision\":\"1\",\"value\":\"dHd\"}]}",
                "{\"kvs\":[{\"mod_revision\":\"1\",\"value\":\"d-dv\"}]}",
                "{\"kvs\":[{\"mod_revision\":\"1\",\"value\":\"    \"}]}", /* OpenSSL passes over these */
                "{\"kvs\":[{\"mod_revision\":\"1\",\"value\":\"dHdv\\n\\n\\n\\n\"}]}",
                "{\"kvs\":[{\"mod_revision\":\"1\",\"value\":\"dHdv----\"}]}",
        };
        struct etcd_value v;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                if (range(bad[i], &v) != -EBADMSG)
                        fail_msg("accepted: %s", bad[i]);
        assert_int_equal(range("{\"code\":14,\"message\":\"etcdserver: no leader\"}", &v), -EAGAIN);
}

static void test_txn(void **state) {
        bool done = false;

        (void)state;
        assert_int_equal(
                txn("{\"header\":{\"revision\":\"3\"},\"succeeded\":true,\"responses\":[{}]}", &done), 0);
        assert_true(done);
        assert_int_equal(txn("{\"header\":{\"revision\":\"3\"}}", &done), 0);
        assert_false(done);
        assert_int_equal(txn("{}", &done), -EBADMSG);
        assert_int_equal(txn("{\"header\":{},\"succeeded\":\"true\"}", &done), -EBADMSG);
        assert_int_equal(txn("{\"code\":8,\"message\":\"etcdserver: mvcc: database space exceeded\"}", &done),
                         -ENOSPC);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_range),
                cmocka_unit_test(test_range_refused),
                cmocka_unit_test(test_txn),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
