/* Which etcd is asked, and with which files. */
#include "agent/etcd_own.h"
#include "agent/masters.h"
#include "agent/preflight.h"
#include "pki/util.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

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
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_own), cmocka_unit_test(test_external),
                                            cmocka_unit_test(test_members), cmocka_unit_test(test_masters),
                                            cmocka_unit_test(test_versions) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
