/* Which etcd is asked, and with which files. */
#include "agent/etcd_own.h"
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

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_own), cmocka_unit_test(test_external),
                                            cmocka_unit_test(test_members) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
