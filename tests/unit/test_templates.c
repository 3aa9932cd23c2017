/* Rendering of the measured configuration against golden files, and the rules of extra arguments,
 * environment, volumes and probes. UPDATE_GOLDEN=1 rewrites the golden files. */
#include "tests/unit/templates_golden.h"
#include <errno.h>

static const char *const names[] = {
        "etcd",           "kube-apiserver",          "kube-controller-manager", "kube-scheduler",
        "kubelet-config", "kubelet-instance-config", "kubelet-flags",           "kubelet-dropin",
};

static void test_measured_configuration(void **state) {
        struct tmpl_values v = measured_values();

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                expect_golden(names[i], "", &v, true);
}

static void test_join(void **state) {
        struct tmpl_values v = measured_values();

        (void)state;
        v.node_name = v.host_name = "host2";
        v.advertise_address = "172.18.0.155";
        v.initial_cluster = "host1=https://172.18.0.154:2380,host2=https://172.18.0.155:2380";
        expect_golden("etcd", ".join", &v, true);
}

/* Other registry and paths, no pod network, no CA directories, extras everywhere. */
static void test_everything_else(void **state) {
        static const struct tmpl_pair args[] = {
                { "v", "2" }, { "bind-address", "0.0.0.0" }, { "a", "1" },
                { "v", "3" }, { "leader-elect", "" },
        };
        static const struct tmpl_pair envs[] = { { "ZONE", "b" }, { "HTTPS_PROXY", "http://own:3128" } };
        static const struct tmpl_pair proxies[] = { { "no_proxy", "10.0.0.0/8" },
                                                    { "HTTPS_PROXY", "http://proxy:3128" } };
        static const struct tmpl_volume volumes[] = {
                { "zone", "/srv/zone", "/zone", true, "" },
                { "audit", "/var/log/audit", "/audit", false, "DirectoryOrCreate" },
                { "kubeconfig", "/srv/kubeconfig", "/kubeconfig", false, NULL },
        };
        struct tmpl_extra extra = { args, 5, volumes, 3, envs, 2 };
        struct tmpl_values v = measured_values();

        (void)state;
        v.pod_subnet = NULL;
        v.ca_host_dirs = NULL;
        v.image_repository = "mirror.example:5000/k8s";
        v.cert_dir = "/srv/pki";
        v.etcd_data_dir = "/srv/etcd";
        v.resolv_conf = "/run/systemd/resolve/resolv.conf";
        v.apiserver = v.controller_manager = v.scheduler = v.etcd = extra;
        v.proxy_envs = proxies;
        v.n_proxy_envs = 2;
        for (size_t i = 0; i < 5; i++)
                expect_golden(names[i], ".extra", &v, true);
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

static struct tmpl_values with_arg(const char *name, const char *value) {
        static struct tmpl_pair arg;
        struct tmpl_values v = measured_values();

        arg = (struct tmpl_pair){ name, value };
        v.etcd = v.apiserver = v.controller_manager = v.scheduler =
                (struct tmpl_extra){ &arg, 1, 0, 0, 0, 0 };
        return v;
}

static void test_probe_follows_bind_address(void **state) {
        static const char *const components[] = { "kube-controller-manager", "kube-scheduler" };
        struct tmpl_values v;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(components); i++) {
                v = with_arg("bind-address", "10.1.2.3");
                expect_in(components[i], &v, "host: 10.1.2.3\n");
                expect_not_in(components[i], &v, "127.0.0.1");
                v = with_arg("bind-address", "0.0.0.0");
                expect_not_in(components[i], &v, "host:");
                v = with_arg("bind-address", "::");
                expect_not_in(components[i], &v, "host:");
        }
        v = with_arg("bind-address", "10.1.2.3");
        expect_in("kube-apiserver", &v, "host: 172.18.0.154\n");
}

static void test_etcd_probe_follows_metrics_url(void **state) {
        static const struct {
                const char *urls, *host, *port, *scheme;
        } cases[] = {
                { "http://0.0.0.0:2391,http://1.2.3.4:9", "0.0.0.0", "2391", "HTTP" },
                { "https://10.1.2.3:9000/x", "10.1.2.3", "9000", "HTTPS" },
                { "http://[::1]:2399", "::1", "2399", "HTTP" },
                { "https://name", "name", "2381", "HTTPS" },
                { "http://10.1.2.3:99999", "10.1.2.3", "2381", "HTTP" },
                { "http://10.1.2.3:", "10.1.2.3", "2381", "HTTP" },
                { "http://:2400", "127.0.0.1", "2400", "HTTP" },
                { "http://[::1", "127.0.0.1", "2381", "HTTP" },
                { "", "127.0.0.1", "2381", "HTTP" },
                { "nonsense", "127.0.0.1", "2381", "HTTP" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct tmpl_values v = with_arg("listen-metrics-urls", cases[i].urls);
                char text[256];

                snprintf(text, sizeof text, "host: %s\n", cases[i].host);
                expect_in("etcd", &v, text);
                snprintf(text, sizeof text, "containerPort: %s\n", cases[i].port);
                expect_in("etcd", &v, text);
                snprintf(text, sizeof text, "scheme: %s\n", cases[i].scheme);
                expect_in("etcd", &v, text);
        }
}

static void test_apiserver_follows_other_arguments(void **state) {
        struct tmpl_values v = with_arg("advertise-client-urls", "https://10.9.9.9:2379");

        (void)state;
        expect_in("kube-apiserver", &v, "--etcd-servers=https://10.9.9.9:2379\n");
        v = with_arg("authorization-config", "/etc/authz.yaml");
        expect_not_in("kube-apiserver", &v, "--authorization-mode");
}

/* A name is the whole name: "v" replaces neither "v2" nor "vmodule". */
static void test_replacing_compares_whole_names(void **state) {
        struct tmpl_values v = with_arg("client-ca", "x");

        (void)state;
        expect_in("kube-apiserver", &v, "--client-ca-file=/etc/kubernetes/pki/ca.crt\n");
        expect_in("kube-apiserver", &v, "--client-ca=x\n");
}

static void test_kubelet_flags(void **state) {
        static const struct tmpl_pair args[] = {
                { "node-labels", "a=b,c=d" },
                { "quoted", "a b" },
                { "nasty", "\"x\" \\ $HOME `id`\t'\n#" },
        };
        struct tmpl_values v = measured_values();

        (void)state;
        v.host_name = "localhost";
        expect_in("kubelet-flags", &v, "KUBELET_KUBEADM_ARGS=\"--hostname-override=host1\"\n");
        v.host_name = "host1";
        v.kubelet_extra_args = args;
        v.n_kubelet_extra_args = 2;
        expect_in("kubelet-flags", &v,
                  "KUBELET_KUBEADM_ARGS=\"--node-labels=a=b,c=d \\\"--quoted=a b\\\"\"\n");
        v.n_kubelet_extra_args = 3;
        expect_golden("kubelet-flags", ".extra", &v, true);
        v.host_name = "localhost";
        v.kubelet_extra_args = &(struct tmpl_pair){ "hostname-override", "other" };
        v.n_kubelet_extra_args = 1;
        expect_in("kubelet-flags", &v, "=\"--hostname-override=other\"\n");
}

static void expect_error(const char *name, const struct tmpl_values *v, int error, const char *what) {
        struct tmpl_error e = { 0 };
        char *text = NULL;
        size_t size = 0;
        int r = tmpl_render(name, v, &text, &size, &e);

        assert_null(text);
        assert_int_equal(r, error);
        assert_string_equal(e.what, what);
}

static void test_versions(void **state) {
        static const char *const refused[] = { "v1.28.9", "v1.37.0", "1.36.2",      "v1.36",   "v1.36.",
                                               "v1.36.x", "v2.36.0", "v1.36.2-rc0", "v1.360.1" };
        struct tmpl_values v = measured_values();
        char what[128];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
                v.kubernetes_version = refused[i];
                snprintf(what, sizeof what,
                         "kubernetesVersion: %s is not supported, only v1.29.x to v1.36.x are", refused[i]);
                expect_error("etcd", &v, -EOPNOTSUPP, what);
        }
        v.kubernetes_version = NULL;
        expect_error("etcd", &v, -EINVAL, "kubernetesVersion: missing");
        v.kubernetes_version = "v1.36.11";
        expect_in("kube-scheduler", &v, "image: registry.k8s.io/kube-scheduler:v1.36.11\n");
}

static void test_errors(void **state) {
        struct tmpl_values v = measured_values();

        (void)state;
        expect_error("kube-proxy", &v, -ENOENT, "kube-proxy: no such template");
        v.node_name = NULL;
        expect_error("etcd", &v, -EINVAL, "nodeRegistration.name: missing");
        v = measured_values();
        v.bind_port = 65536;
        expect_error("etcd", &v, -EINVAL, "localAPIEndpoint.bindPort: 65536 is not in 1..65535");
        v = with_arg("a=b", "c");
        expect_error("etcd", &v, -EINVAL, "apiServer.extraArgs[0].name: \"a=b\" holds a '='");
        v = with_arg("", "c");
        expect_error("etcd", &v, -EINVAL, "apiServer.extraArgs[0].name: missing");
        v = with_arg("a", NULL);
        expect_error("etcd", &v, -EINVAL, "apiServer.extraArgs[0].value: missing");
        v = measured_values();
        v.kubelet_extra_args = &(struct tmpl_pair){ "a b", "c" };
        v.n_kubelet_extra_args = 1;
        expect_error("kubelet-flags", &v, -EINVAL,
                     "nodeRegistration.kubeletExtraArgs[0].name: \"a b\" is no flag name");
        v.kubelet_extra_args = &(struct tmpl_pair){ "a", "\x1b[0m" };
        expect_error("kubelet-flags", &v, -EINVAL,
                     "nodeRegistration.kubeletExtraArgs[0].value: holds the control character 0x1b, "
                     "which systemd does not pass on");
}

static void test_paths(void **state) {
        unsigned mode = 0;

        (void)state;
        assert_string_equal(tmpl_path("etcd", &mode), "/etc/kubernetes/manifests/etcd.yaml");
        assert_int_equal(mode, 0600);
        assert_string_equal(tmpl_path("kubelet-config", &mode), "/var/lib/kubelet/config.yaml");
        assert_int_equal(mode, 0644);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                assert_non_null(tmpl_path(names[i], NULL));
        assert_null(tmpl_path("kube-proxy", NULL));
}

static void expect_images(const struct tmpl_values *v, const char *const *images, size_t n) {
        char image[256];

        for (size_t i = 0; i < n; i++) {
                assert_int_equal(tmpl_image(v, i, image, sizeof image), 0);
                assert_string_equal(image, images[i]);
        }
        assert_int_equal(tmpl_image(v, n, image, sizeof image), -ENOENT);
        assert_int_equal(tmpl_image(v, 0, image, 10), -ENAMETOOLONG);
}

static void test_images(void **state) {
        static const char *const defaults[] = {
                "registry.k8s.io/kube-apiserver:v1.36.2",
                "registry.k8s.io/kube-controller-manager:v1.36.2",
                "registry.k8s.io/kube-scheduler:v1.36.2",
                "registry.k8s.io/kube-proxy:v1.36.2",
                "registry.k8s.io/coredns/coredns:v1.14.2",
                "registry.k8s.io/pause:3.10.2",
                "registry.k8s.io/etcd:3.6.8-0",
        };
        static const char *const mirrored[] = {
                "m/x/kube-apiserver:v1.36.2",
                "m/x/kube-controller-manager:v1.36.2",
                "m/x/kube-scheduler:v1.36.2",
                "m/x/kube-proxy:v1.36.2",
                "m/x/coredns:v1.14.2",
                "m/x/pause:3.10.2",
                "e/etcd:3.6.9-0",
        };
        struct tmpl_values v = measured_values();

        (void)state;
        expect_images(&v, defaults, ARRAY_SIZE(defaults));
        v.image_repository = "m/x";
        v.etcd_image_repository = "e";
        v.etcd_image_tag = "3.6.9-0";
        expect_images(&v, mirrored, ARRAY_SIZE(mirrored));
        expect_in("etcd", &v, "image: e/etcd:3.6.9-0\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_measured_configuration),
                cmocka_unit_test(test_join),
                cmocka_unit_test(test_everything_else),
                cmocka_unit_test(test_probe_follows_bind_address),
                cmocka_unit_test(test_etcd_probe_follows_metrics_url),
                cmocka_unit_test(test_apiserver_follows_other_arguments),
                cmocka_unit_test(test_replacing_compares_whole_names),
                cmocka_unit_test(test_kubelet_flags),
                cmocka_unit_test(test_versions),
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_paths),
                cmocka_unit_test(test_images),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
