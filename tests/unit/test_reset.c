#include "agent/adopt.h"
#include "agent/reset.h"
#include "pki/file.h"
#include "tests/unit/kube_server.h"
#include <fcntl.h>
#include <sys/stat.h>

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

/* As the machine has it: kubelet.conf leads to the server. */
static void put_kubelet_conf(void *state, const char *url) {
        char admin[PATH_MAX], kubelet[PATH_MAX], command[96], *text, *at;
        size_t size;

        tmp_path(state, KUBE_DIR "/admin.conf", admin);
        tmp_path(state, KUBE_DIR "/kubelet.conf", kubelet);
        assert_int_equal(pki_file_read(admin, 65536, &text, &size), 0);
        assert_non_null(at = strstr(text, "server: "));
        snprintf(command, sizeof command, "server: \"%s\" #", url);
        assert_true(strcspn(at, "\n") + 1 >= strlen(command) || size < 60000);
        char *whole = malloc(size + sizeof command);
        int n = snprintf(whole, size + sizeof command, "%.*s%s%s", (int)(at - text), text, command,
                         at + strcspn(at, "\n"));
        pki_file_remove(kubelet);
        assert_int_equal(pki_file_write(kubelet, 0600, (gid_t)-1, whole, (size_t)n, 0), 0);
        free(whole);
        free(text);
}

/* A worker's node says at once that it is not Ready: its name is free for the next join. */
static void test_a_worker_is_not_ready_any_more(void **state) {
        const char *const replies[] = { "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}", NULL };
        struct reset r = { .root = *state, .worker = true, .node_name = "w1" };
        struct kube_server s;

        server_make_pki(*state);
        server_start(&s, *state, replies);
        put_kubelet_conf(*state, s.url);
        reset_node_not_ready(&r);
        server_stop(&s);
        if (strncmp(strchr(s.asked, ' '), " PATCH /api/v1/nodes/w1/status?", 31) != 0 ||
            !strstr(s.asked, " application/strategic-merge-patch+json {\"status\":{\"conditions\":[{\"type\":"
                             "\"Ready\",\"status\":\"False\",\"reason\":\"TriarchReset\""))
                fail_msg("asked: %s", s.asked);
        assert_int_equal(r.warnings, 0);
}

/* Nobody to tell, or a master: nothing is asked, nothing fails. */
static void test_who_is_no_worker_tells_nobody(void **state) {
        struct reset master = { .root = *state, .node_name = "n1" },
                     worker = { .root = *state, .worker = true };

        reset_node_not_ready(&master);
        reset_node_not_ready(&worker);
        snprintf(worker.node_name, sizeof worker.node_name, "w1");
        reset_node_not_ready(&worker); /* without a kubelet.conf */
        assert_int_equal(master.warnings + worker.warnings, 0);
}

/* What reset prints of an adoption. */
static char *told(void *state) {
        struct reset r = { .root = state };
        char path[PATH_MAX], *text;
        int saved = dup(STDOUT_FILENO), fd;
        size_t size;

        fflush(stdout);
        fd = open(tmp_path(state, "out", path), O_RDWR | O_CREAT | O_TRUNC, 0600);
        dup2(fd, STDOUT_FILENO);
        reset_tell_adopted(&r);
        fflush(stdout);
        dup2(saved, STDOUT_FILENO);
        close(saved);
        close(fd);
        assert_int_equal(pki_file_read(path, 65536, &text, &size), 0);
        return text;
}

static void test_keepalived_is_named_after_an_adoption(void **state) {
        struct adopt_state s = { .step = ADOPT_BEGUN, .unit = "keepalived.service", .was_enabled = true };
        char dir[PATH_MAX], *text = told(*state);
        struct error e;

        assert_string_equal(text, "");
        free(text);
        assert_int_equal(pki_mkdir_p(tmp_path(*state, "var/lib/triarch", dir), 0755), 0);
        assert_int_equal(adopt_state_save(*state, &s, &e), 0);
        text = told(*state);
        assert_string_equal(text, "");
        free(text);
        s.step = ADOPT_DONE;
        assert_int_equal(adopt_state_save(*state, &s, &e), 0);
        text = told(*state);
        assert_non_null(strstr(text, "keepalived.service stays masked"));
        assert_non_null(strstr(text, "systemctl unmask keepalived.service && systemctl enable --now "
                                     "keepalived.service"));
        free(text);
        s.was_enabled = false;
        assert_int_equal(adopt_state_save(*state, &s, &e), 0);
        text = told(*state);
        assert_non_null(strstr(text, "systemctl unmask keepalived.service && systemctl start "));
        free(text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_pod_tells_of_its_member),
                cmocka_unit_test(test_others_without_itself),
                cmocka_unit_test(test_alone_there_is_no_other),
                cmocka_unit_test(test_what_is_no_pod_is_an_error),
                cmocka_unit_test(test_static_pods_are_told_from_others),
                tmp_test(test_a_worker_is_not_ready_any_more),
                tmp_test(test_who_is_no_worker_tells_nobody),
                tmp_test(test_keepalived_is_named_after_an_adoption),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
