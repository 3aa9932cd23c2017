/* Each minor version as its kubeadm renders it, and what differs by address family and by where etcd is,
 * against golden files. Those without a version (dual, ipv6, external) are kubeadm 1.36.2's own bytes.
 * UPDATE_GOLDEN=1 rewrites the golden files of the older versions. */
#include "tests/unit/templates_golden.h"
#include <errno.h>

static const char *const pods[] = { "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler" };

/* The newest row of each minor version; 1.36 is test_templates.c's. */
static void test_minor_versions(void **state) {
        static const char *const versions[] = { "v1.29.15", "v1.30.14", "v1.31.14", "v1.32.13",
                                                "v1.33.13", "v1.34.9",  "v1.35.6" };
        static const struct tmpl_pair args[] = { { "v", "2" }, { "allow-x", "1" }, { "v", "1" } };
        struct tmpl_values v = measured_values();

        (void)state;
        v.host_name = "other";
        v.apiserver.args = v.kubelet_extra_args = args;
        v.apiserver.n_args = v.n_kubelet_extra_args = 3;
        for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
                char suffix[8];

                snprintf(suffix, sizeof suffix, ".%.5s", versions[i]);
                v.kubernetes_version = versions[i];
                for (size_t k = 0; k < ARRAY_SIZE(pods); k++)
                        expect_golden(pods[k], suffix, &v, true);
                expect_golden("kubelet-config", suffix, &v, true);
                expect_golden("kubelet-flags", suffix, &v, true);
        }
}

/* kubeadm was run in trees without CA directories. */
static struct tmpl_values bare_values(void) {
        struct tmpl_values v = measured_values();

        v.ca_host_dirs = NULL;
        return v;
}

static void test_dual_stack(void **state) {
        struct tmpl_values v = bare_values();

        (void)state;
        v.service_subnet = "10.96.0.0/16,fd00:96::/112";
        v.pod_subnet = "10.244.0.0/16,fd00:244::/56";
        for (size_t i = 0; i < ARRAY_SIZE(pods); i++)
                expect_golden(pods[i], ".dual", &v, false);
}

static void test_ipv6(void **state) {
        struct tmpl_values v = bare_values();

        (void)state;
        v.advertise_address = "fd00:18::154";
        v.service_subnet = "fd00:96::/112";
        v.pod_subnet = "fd00:244::/56";
        for (size_t i = 0; i < ARRAY_SIZE(pods); i++)
                expect_golden(pods[i], ".ipv6", &v, false);
}

static void test_external_etcd(void **state) {
        struct tmpl_values v = bare_values();
        struct tmpl_error e = { 0 };
        char *text;
        size_t size;

        (void)state;
        v.etcd_servers = "https://10.0.0.1:2379,https://10.0.0.2:2379";
        v.etcd_ca_file = "/srv/etcd/ca.crt";
        v.etcd_cert_file = "/srv/etcd/tls/client.crt";
        v.etcd_key_file = "/opt/keys/client.key";
        for (size_t i = 1; i < ARRAY_SIZE(pods); i++)
                expect_golden(pods[i], ".external", &v, false);
        assert_false(tmpl_wanted("etcd", &v));
        assert_true(tmpl_wanted("kube-apiserver", &v));
        assert_int_equal(tmpl_render("etcd", &v, &text, &size, &e), -ENOENT);
}

static void expect_in(const char *name, const struct tmpl_values *v, const char *text) {
        CLEANUP(freep) char *rendered = render(name, v);

        if (!strstr(rendered, text))
                fail_msg("%s has no\n%s\nin\n%s", name, text, rendered);
}

static void expect_not_in(const char *name, const struct tmpl_values *v, const char *text) {
        CLEANUP(freep) char *rendered = render(name, v);

        if (strstr(rendered, text))
                fail_msg("%s has\n%s\nin\n%s", name, text, rendered);
}

/* Directories that hold one another are mounted once, those that are mounted anyway not again. */
static void test_external_etcd_directories(void **state) {
        struct tmpl_values v = measured_values();

        (void)state;
        v.etcd_servers = "http://10.0.0.1:2379";
        expect_not_in("kube-apiserver", &v, "etcd-c");
        v.etcd_ca_file = "/etc/kubernetes/pki/etcd/ca.crt";
        v.etcd_cert_file = "/srv/b/tls/client.crt";
        expect_in("kube-apiserver", &v, "--etcd-cafile=/etc/kubernetes/pki/etcd/ca.crt\n");
        expect_not_in("kube-apiserver", &v, "--etcd-certfile");
        v.etcd_key_file = "/srv/b/client.key";
        expect_in("kube-apiserver", &v, "--etcd-certfile=/srv/b/tls/client.crt\n");
        expect_in("kube-apiserver", &v, "    - mountPath: /srv/b\n      name: etcd-certs-0\n");
        expect_not_in("kube-apiserver", &v, "etcd-certs-1");
}

static void test_external_ca(void **state) {
        struct tmpl_values v = measured_values();

        (void)state;
        v.external_ca = true;
        expect_in("kube-controller-manager", &v, "    - --cluster-signing-cert-file=\n");
        expect_in("kube-controller-manager", &v, "    - --cluster-signing-key-file=\n");
}

static void test_control_plane_timeout(void **state) {
        struct tmpl_values v = measured_values();

        (void)state;
        v.control_plane_timeout_s = 301;
        expect_in("etcd", &v, "    startupProbe:\n      failureThreshold: 31\n");
}

/* In 1.34 and 1.35 it is the image that decides. */
static void test_etcd_flags(void **state) {
        static const struct {
                const char *version, *tag;
                bool newer;
        } cases[] = {
                { "v1.33.8", "3.6.5-0", false }, { "v1.34.2", "3.5.24-0", false },
                { "v1.34.2", "3.6.0-0", false }, { "v1.34.2", "3.6.0", true },
                { "v1.35.0", "v3.6.1-0", true }, { "v1.35.0", "4.0.0", true },
                { "v1.35.0", "latest", false },  { "v1.35.0", "3.6", false },
                { "v1.36.0", "3.5.24-0", true },
        };
        struct tmpl_values v = measured_values();

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                v.kubernetes_version = cases[i].version;
                v.etcd_image_tag = cases[i].tag;
                (cases[i].newer ? expect_in : expect_not_in)("etcd", &v, " --feature-gates=");
                (cases[i].newer ? expect_not_in : expect_in)("etcd", &v, " --experimental-");
        }
}

static void test_feature_gates(void **state) {
        static const struct {
                const char *version, *gate;
                bool on;
                enum tmpl_trait trait;
                bool expected;
        } cases[] = {
                { "v1.33.0", "NodeLocalCRISocket", true, TMPL_INSTANCE_CONFIG, true },
                { "v1.35.0", "NodeLocalCRISocket", false, TMPL_INSTANCE_CONFIG, false },
                { "v1.36.0", "NodeLocalCRISocket", false, TMPL_INSTANCE_CONFIG, true },
                { "v1.31.0", "NodeLocalCRISocket", true, TMPL_INSTANCE_CONFIG, false },
                { "v1.31.0", "ControlPlaneKubeletLocalMode", true, TMPL_LOCAL_KUBELET, true },
                { "v1.34.0", "ControlPlaneKubeletLocalMode", false, TMPL_LOCAL_KUBELET, false },
                { "v1.35.0", "ControlPlaneKubeletLocalMode", false, TMPL_LOCAL_KUBELET, true },
                { "v1.30.0", "RootlessControlPlane", true, TMPL_LOCAL_KUBELET, false },
        };
        struct tmpl_values v = measured_values();

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct tmpl_gate gate = { cases[i].gate, cases[i].on };

                if (tmpl_version_has(cases[i].version, &gate, 1, cases[i].trait) != cases[i].expected)
                        fail_msg("%s of %s", cases[i].gate, cases[i].version);
        }
        v.kubernetes_version = "v1.35.0";
        v.gates = &(struct tmpl_gate){ "NodeLocalCRISocket", false };
        v.n_gates = 1;
        expect_in("kubelet-flags", &v, "--container-runtime-endpoint=unix:///run/containerd/containerd.sock");
        expect_not_in("kubelet-config", &v, "containerRuntimeEndpoint");
        assert_false(tmpl_wanted("kubelet-instance-config", &v));
}

/* Patch levels between two rows take the earlier one, later ones the last. */
static void test_rows(void **state) {
        static const struct {
                const char *version, *etcd, *coredns, *pause;
        } cases[] = {
                { "v1.29.0", "3.5.10-0", "v1.11.1", "3.9" },   { "v1.29.8", "3.5.12-0", "v1.11.1", "3.9" },
                { "v1.30.4", "3.5.12-0", "v1.11.1", "3.9" },   { "v1.31.13", "3.5.15-0", "v1.11.3", "3.10" },
                { "v1.33.5", "3.5.21-0", "v1.12.0", "3.10" },  { "v1.34.99", "3.6.5-0", "v1.12.1", "3.10.1" },
                { "v1.35.0", "3.6.6-0", "v1.13.1", "3.10.1" }, { "v1.36.3", "3.6.8-0", "v1.14.2", "3.10.2" },
        };
        static const char *const none[] = { "v1.28.0", "v1.37.0", "v1.036.0", "v1.36.00", "v1.36.0-rc.1",
                                            "1.36.0",  "v1.36",   "v2.36.0",  "",         "v1.36.0 " };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const struct tmpl_version *row = tmpl_version_find(cases[i].version);

                assert_non_null(row);
                assert_string_equal(row->etcd, cases[i].etcd);
                assert_string_equal(row->coredns, cases[i].coredns);
                assert_string_equal(row->pause, cases[i].pause);
        }
        for (size_t i = 0; i < ARRAY_SIZE(none); i++)
                assert_null(tmpl_version_find(none[i]));
        assert_null(tmpl_version_find(NULL));
}

static void test_images_follow_the_configuration(void **state) {
        struct tmpl_values v = measured_values();
        char image[128];

        (void)state;
        v.proxy_disabled = true;
        v.dns_image_repository = "mirror/dns";
        v.dns_image_tag = "v9";
        v.etcd_servers = "https://10.0.0.1:2379";
        assert_int_equal(tmpl_image(&v, 3, image, sizeof image), 0);
        assert_string_equal(image, "mirror/dns/coredns:v9");
        assert_int_equal(tmpl_image(&v, 4, image, sizeof image), 0);
        assert_string_equal(image, "registry.k8s.io/pause:3.10.2");
        assert_int_equal(tmpl_image(&v, 5, image, sizeof image), -ENOENT);
        v.dns_disabled = true;
        assert_int_equal(tmpl_image(&v, 3, image, sizeof image), 0);
        assert_string_equal(image, "registry.k8s.io/pause:3.10.2");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_minor_versions),
                cmocka_unit_test(test_dual_stack),
                cmocka_unit_test(test_ipv6),
                cmocka_unit_test(test_external_etcd),
                cmocka_unit_test(test_external_etcd_directories),
                cmocka_unit_test(test_external_ca),
                cmocka_unit_test(test_control_plane_timeout),
                cmocka_unit_test(test_etcd_flags),
                cmocka_unit_test(test_feature_gates),
                cmocka_unit_test(test_rows),
                cmocka_unit_test(test_images_follow_the_configuration),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
