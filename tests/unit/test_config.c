/* What a configuration means: defaults, flags, derived values, and the way back to YAML. */
#include "config_equal.h"

static struct config *parse(const char *text, const struct config_flags *flags) {
        struct config *c = NULL;
        struct error e = { 0 };
        int r = config_parse(text, strlen(text), "test.yaml", flags, &c, &e);

        if (r < 0)
                fail_msg("%u:%u: %s: %s", e.line, e.column, e.file, e.message);
        return c;
}

static void expect_round_trip(const struct config *c) {
        CLEANUP(config_freep) struct config *again = NULL;
        CLEANUP(freep) char *text = NULL;
        size_t size;

        assert_int_equal(config_render(c, false, &text, &size), 0);
        again = parse(text, NULL);
        expect_equal(c, again);
}

static void test_defaults_of_a_cluster(void **state) {
        const struct config_flags flags = { .vip = "172.18.0.192/22",
                                            .node_name = "host1",
                                            .advertise_address = "172.18.0.154",
                                            .cluster = true };
        CLEANUP(config_freep) struct config *c = parse("", &flags);

        (void)state;
        assert_true(c->cluster);
        assert_string_equal(c->kubernetes_version, "v1.36.2");
        assert_string_equal(c->endpoint_host, "172.18.0.192");
        assert_int_equal(c->endpoint_port, 6443);
        assert_string_equal(c->service_ip, "10.96.0.1");
        assert_string_equal(c->cluster_dns, "10.96.0.10");
        assert_null(c->pod_subnet);
        assert_int_equal(c->alg, ALG_ECDSA_P256);
        assert_int_equal(c->token_ttl_s, 7200);
        assert_int_equal(c->vip.vrid, 192);
        assert_int_equal(c->vip.priority, 250);
        assert_int_equal(c->vip.interval_us, 100000);
        assert_true(c->health.api_server.enabled && c->health.etcd.enabled && c->health.kubelet.enabled &&
                    c->health.clock.enabled);
        assert_string_equal(c->health.api_server.endpoint, "https://172.18.0.154:6443/livez?exclude=etcd");
        assert_string_equal(c->health.api_server.ca_file, "/etc/kubernetes/pki/ca.crt");
        assert_string_equal(c->health.api_server.key_file, "/etc/triarch/pki/healthcheck-client.key");
        assert_string_equal(c->health.etcd.endpoint, "http://127.0.0.1:2381");
        assert_string_equal(c->health.kubelet.endpoint, "http://127.0.0.1:10248/healthz");
        assert_int_equal(c->health.clock.port, 323);
        assert_int_equal(c->enroll_port, 7644);
        assert_int_equal(c->metrics_port, 7645);
        expect_round_trip(c);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_defaults_of_a_cluster),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
