#include "agent/reset.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>

static const char pod[] =
        "apiVersion: v1\n"
        "kind: Pod\n"
        "spec:\n"
        "  containers:\n"
        "  - command:\n"
        "    - etcd\n"
        "    - --name=host2\n"
        "    - --data-dir=/var/lib/etcd\n"
        "    - --initial-advertise-peer-urls=https://172.18.0.155:2380\n"
        "    - --initial-cluster=host1=https://172.18.0.154:2380,host2=https://172.18.0.155:2380,"
        "host3=https://172.18.0.156:2380\n"
        "    - --trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt\n";

static void test_the_pod_tells_of_its_member(void **state) {
        struct reset_etcd m;

        (void)state;
        assert_int_equal(reset_etcd_parse(pod, sizeof pod - 1, &m, NULL), 0);
        assert_string_equal(m.name, "host2");
        assert_string_equal(m.peer_url, "https://172.18.0.155:2380");
        assert_string_equal(m.data_dir, "/var/lib/etcd");
        assert_string_equal(m.ca_file, "/etc/kubernetes/pki/etcd/ca.crt");
}

static void test_others_without_itself(void **state) {
        struct reset_etcd m;
        char url[256];

        (void)state;
        assert_int_equal(reset_etcd_parse(pod, sizeof pod - 1, &m, NULL), 0);
        assert_true(reset_etcd_other(&m, 0, url));
        assert_string_equal(url, "https://172.18.0.154:2379");
        assert_true(reset_etcd_other(&m, 1, url));
        assert_string_equal(url, "https://172.18.0.156:2379");
        assert_false(reset_etcd_other(&m, 2, url));
}

static void test_alone_there_is_no_other(void **state) {
        struct reset_etcd m = { .peer_url = "https://10.0.0.1:2380",
                                .initial_cluster = "a=https://10.0.0.1:2380" };
        char url[256];

        (void)state;
        assert_false(reset_etcd_other(&m, 0, url));
        *m.initial_cluster = '\0';
        assert_false(reset_etcd_other(&m, 0, url));
        snprintf(m.initial_cluster, sizeof m.initial_cluster, "%s", ",,=,x=,y=https://h:1,");
        assert_false(reset_etcd_other(&m, 0, url));
}

static void test_what_is_no_pod_is_an_error(void **state) {
        static const char *const texts[] = { "", "a: [", "spec: 1\n", "spec: {containers: []}\n",
                                             "spec: {containers: [{command: etcd}]}\n" };
        struct reset_etcd m;
        struct error e;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                assert_true(reset_etcd_parse(texts[i], strlen(texts[i]), &m, &e) < 0);
}

/* Names as the kubelet 1.36.2 gave them. */
static void test_static_pods_are_told_from_others(void **state) {
        static const char *const names[] = { "5e37ae1753f185fee51cd58d2153ece7",
                                             "2c8d42657cecf93cfa145988fed93d88",
                                             "0f6f3c7e-8a43-4d5b-9d0a-2f1f7f3f9f10" };
        char dir[] = "/tmp/triarch-reset-XXXXXX", path[96];

        (void)state;
        assert_non_null(mkdtemp(dir));
        assert_int_equal(reset_count_pods(dir, true) + reset_count_pods(dir, false), 0);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                snprintf(path, sizeof path, "%s/%s", dir, names[i]);
                assert_int_equal(mkdir(path, 0700), 0);
        }
        assert_int_equal(reset_count_pods(dir, true), 2);
        assert_int_equal(reset_count_pods(dir, false), 1);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                snprintf(path, sizeof path, "%s/%s", dir, names[i]);
                assert_int_equal(rmdir(path), 0);
        }
        assert_int_equal(rmdir(dir), 0);
        assert_int_equal(reset_count_pods(dir, true), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_pod_tells_of_its_member),
                cmocka_unit_test(test_others_without_itself),
                cmocka_unit_test(test_alone_there_is_no_other),
                cmocka_unit_test(test_what_is_no_pod_is_an_error),
                cmocka_unit_test(test_static_pods_are_told_from_others),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
