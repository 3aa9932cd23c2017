/* The add-ons' objects against golden files, and what the configuration changes in them. UPDATE_GOLDEN=1
 * rewrites the golden files. CoreDNS and kube-proxy are also compared with what kubeadm 1.36.2 makes of the
 * same configuration: kubeadm-addons-1.36.2.json is its `init phase addon ... --print-manifest`. */
#include "agent/addon.h"
#include "agent/runtime.h"
#include "pki/file.h"
#include "tests/unit/tmpdir.h"
#include <errno.h>

struct fixture {
        struct config *c;
        struct phase_values *v;
        char root[PATH_MAX];
};

static struct fixture begin(void *state, const char *pod_subnet) {
        const struct config_flags flags = { .cluster = true,
                                            .node_name = "host1",
                                            .vip = "172.18.0.192/22",
                                            .advertise_address = "172.18.0.154",
                                            .kubernetes_version = "v1.36.2",
                                            .pod_subnet = pod_subnet };
        struct fixture f = { 0 };
        struct error e = { 0 };

        snprintf(f.root, sizeof f.root, "%s", (const char *)state);
        if (config_load(NULL, &flags, &f.c, &e) < 0)
                fail_msg("%s", e.message);
        return f;
}

static void done(struct fixture *f) {
        phase_values_free(f->v);
        config_free(f->c);
}

/* With the configuration as it is by now. */
static char *render_here(struct fixture *f, const char *addon, const char *name, const char *cni_bin_dir) {
        const struct phase_ctx ctx = { .config = f->c, .root = f->root };
        const struct addon_part *part;
        struct error e = { 0 };
        const struct addon_found found = { ADDON_DNS_REPLICAS, cni_bin_dir };
        char *text = NULL;
        size_t size, i = 0;

        phase_values_free(f->v);
        f->v = NULL;
        assert_int_equal(phase_values_new(&ctx, &f->v, &e), 0);
        while ((part = addon_part(addon, i)) && strcmp(part->name, name) != 0)
                i++;
        assert_non_null(part);
        if (addon_render(f->c, f->v, part, &found, &text, &size, &e) < 0)
                fail_msg("%s", e.message);
        assert_int_equal(strlen(text), size);
        return text;
}

static char *render(struct fixture *f, const char *addon, const char *name) {
        return render_here(f, addon, name, "/opt/cni/bin");
}

static const char *const addons[] = { "coredns", "kube-proxy", "flannel" };

static char *read_golden(const char *path, const char *text) {
        char *golden = NULL;
        size_t cap = 0;

        if (getenv("UPDATE_GOLDEN")) {
                CLEANUP(fclosep) FILE *f = fopen(path, "w");

                assert_non_null(f);
                fputs(text, f);
        }
        CLEANUP(fclosep) FILE *f = fopen(path, "r");
        if (!f || getdelim(&golden, &cap, '\0', f) < 0)
                fail_msg("%s is missing", path);
        return golden;
}

static void test_objects_as_they_were(void **state) {
        struct fixture f = begin(*state, "10.244.0.0/16");
        const struct addon_part *part;

        for (size_t a = 0; a < ARRAY_SIZE(addons); a++)
                for (size_t i = 0; (part = addon_part(addons[a], i)); i++) {
                        CLEANUP(freep) char *text = render(&f, addons[a], part->name), *golden = NULL;
                        char path[256];

                        snprintf(path, sizeof path, "tests/unit/golden/addon/%s.yaml", part->name);
                        golden = read_golden(path, text);
                        assert_string_equal(text, golden);
                }
        done(&f);
}

static const json_t *find(const json_t *list, const json_t *like) {
        const json_t *o;
        size_t i;

        json_array_foreach(list, i,
                           o) if (!strcmp(kube_string(o, "kind", NULL), kube_string(like, "kind", NULL)) &&
                                  !strcmp(kube_string(o, "metadata", "name", NULL),
                                          kube_string(like, "metadata", "name", NULL))) return o;
        fail_msg("kubeadm makes no %s %s", kube_string(like, "kind", NULL),
                 kube_string(like, "metadata", "name", NULL));
        return NULL;
}

static void expect_same(const json_t *ours, const json_t *theirs) {
        CLEANUP(freep) char *a = json_dumps(ours, JSON_SORT_KEYS | JSON_INDENT(1));
        CLEANUP(freep) char *b = json_dumps(theirs, JSON_SORT_KEYS | JSON_INDENT(1));

        assert_string_equal(a, b);
}

/* Zero values, which mean kube-proxy's own defaults, are written by kubeadm and not here. */
static void expect_proxy_config(const json_t *ours, const json_t *theirs) {
        const char *short_text = kube_string(ours, "data", "config.conf", NULL);
        const char *long_text = kube_string(theirs, "data", "config.conf", NULL);
        CLEANUP(freep) char *copy = strdup(short_text);

        for (char *line = strtok(copy, "\n"); line; line = strtok(NULL, "\n"))
                if (!strstr(long_text, line))
                        fail_msg("kubeadm has no \"%s\"", line);
        assert_string_equal(kube_string(ours, "data", "kubeconfig.conf", NULL),
                            kube_string(theirs, "data", "kubeconfig.conf", NULL));
}

static void test_objects_are_kubeadms(void **state) {
        json_t *measured = json_load_file("tests/unit/kubeadm-addons-1.36.2.json", 0, NULL);
        struct fixture f = begin(*state, "10.244.0.0/16");
        const struct addon_part *part;
        size_t found = 0;

        assert_non_null(measured);
        for (size_t a = 0; a < 2; a++)
                for (size_t i = 0; (part = addon_part(addons[a], i)); i++) {
                        CLEANUP(freep) char *text = render(&f, addons[a], part->name);
                        json_t *objects = NULL, *o;
                        size_t k;

                        assert_int_equal(kube_objects_parse(text, strlen(text), "text", &objects, NULL), 0);
                        json_array_foreach(objects, k, o) {
                                if (!strcmp(part->name, "kube-proxy-configmap"))
                                        expect_proxy_config(o, find(measured, o));
                                else
                                        expect_same(o, find(measured, o));
                                found++;
                        }
                        json_decref(objects);
                }
        assert_int_equal(found, json_array_size(measured));
        json_decref(measured);
        done(&f);
}

/* Every text is objects; of those that are shared, one each, for what is kept is kept as a whole. */
static void test_every_part_is_objects(void **state) {
        struct fixture f = begin(*state, "10.244.0.0/16");
        const struct addon_part *part;

        for (size_t a = 0; a < ARRAY_SIZE(addons); a++)
                for (size_t i = 0; (part = addon_part(addons[a], i)); i++) {
                        CLEANUP(freep) char *text = render(&f, addons[a], part->name);
                        json_t *objects = NULL;
                        struct error e = { 0 };

                        if (kube_objects_parse(text, strlen(text), part->name, &objects, &e) < 0)
                                fail_msg("%s: %s", e.file, e.message);
                        if (part->mode == KUBE_SHARED)
                                assert_int_equal(json_array_size(objects), 1);
                        json_decref(objects);
                }
        done(&f);
}

static void expect(struct fixture *f, const char *addon, const char *name, const char *words, bool there) {
        CLEANUP(freep) char *text = render(f, addon, name);

        if ((strstr(text, words) != NULL) != there)
                fail_msg("%s %s\n%s\nin\n%s", name, there ? "lacks" : "has", words, text);
}

static void set(char **field, const char *value) {
        free(*field);
        *field = strdup(value);
}

static void test_names_of_the_cluster(void **state) {
        struct fixture f = begin(*state, "10.244.0.0/16");

        set(&f.c->dns_domain, "example.net");
        set(&f.c->endpoint_host, "api.example.net");
        f.c->endpoint_port = 8443;
        expect(&f, "coredns", "coredns-configmap", "kubernetes example.net in-addr.arpa ip6.arpa {\n", true);
        expect(&f, "coredns", "coredns-configmap", "disable denial example.net\n", true);
        expect(&f, "coredns", "coredns", "clusterIP: 10.96.0.10\n", true);
        expect(&f, "kube-proxy", "kube-proxy-configmap", "server: https://api.example.net:8443\n", true);
        expect(&f, "flannel", "flannel-daemonset", "value: api.example.net\n", true);
        expect(&f, "flannel", "flannel-daemonset", "value: \"8443\"\n", true);
        done(&f);
}

static void test_images(void **state) {
        struct fixture f = begin(*state, "10.244.0.0/16");

        expect(&f, "coredns", "coredns-deployment", "image: registry.k8s.io/coredns/coredns:v1.14.2\n", true);
        expect(&f, "kube-proxy", "kube-proxy-daemonset", "image: registry.k8s.io/kube-proxy:v1.36.2\n", true);
        expect(&f, "flannel", "flannel-daemonset", "image: ghcr.io/flannel-io/flannel:v0.28.9\n", true);
        /* behind a wall everything is in the one repository that there is */
        set(&f.c->image_repository, "mirror.example:5000/k8s");
        expect(&f, "coredns", "coredns-deployment", "image: mirror.example:5000/k8s/coredns:v1.14.2\n", true);
        expect(&f, "kube-proxy", "kube-proxy-daemonset",
               "image: mirror.example:5000/k8s/kube-proxy:v1.36.2\n", true);
        expect(&f, "flannel", "flannel-daemonset", "image: mirror.example:5000/k8s/flannel:v0.28.9\n", true);
        expect(&f, "flannel", "flannel-daemonset",
               "image: mirror.example:5000/k8s/flannel-cni-plugin:v1.9.1-flannel3\n", true);
        set(&f.c->flannel_image_repository, "other.example/net");
        expect(&f, "flannel", "flannel-daemonset", "image: other.example/net/flannel:v0.28.9\n", true);
        done(&f);
}

static void test_networks_and_backends(void **state) {
        struct fixture f = begin(*state, "10.244.0.0/16");

        expect(&f, "flannel", "flannel-configmap", "\"Network\": \"10.244.0.0/16\"", true);
        expect(&f, "flannel", "flannel-configmap", "IPv6", false);
        expect(&f, "flannel", "flannel-configmap", "\"Type\": \"vxlan\"", true);
        set(&f.c->pod_subnet, "10.1.0.0/16,fd00:10::/56");
        expect(&f, "flannel", "flannel-configmap", "\"Network\": \"10.1.0.0/16\"", true);
        expect(&f, "flannel", "flannel-configmap", "\"IPv6Network\": \"fd00:10::/56\"", true);
        expect(&f, "flannel", "flannel-configmap", "\"EnableIPv6\": true", true);
        expect(&f, "flannel", "flannel-configmap", "\"EnableIPv4\"", false);
        set(&f.c->pod_subnet, "fd00:10::/56");
        expect(&f, "flannel", "flannel-configmap", "\"EnableIPv4\": false", true);
        f.c->flannel_backend = FLANNEL_HOST_GW;
        expect(&f, "flannel", "flannel-configmap", "\"Type\": \"host-gw\"", true);
        f.c->flannel_backend = FLANNEL_WIREGUARD;
        expect(&f, "flannel", "flannel-configmap", "\"Type\": \"wireguard\"", true);
        done(&f);
}

static void test_what_is_not_wanted(void **state) {
        struct fixture f = begin(*state, "10.244.0.0/16");

        for (size_t i = 0; i < ARRAY_SIZE(addons); i++)
                assert_null(addon_unwanted(f.c, addons[i]));
        f.c->dns_disabled = f.c->proxy_disabled = true;
        assert_string_equal(addon_unwanted(f.c, "coredns"), "dns.disabled is true");
        assert_string_equal(addon_unwanted(f.c, "kube-proxy"), "proxy.disabled is true");
        f.c->cni = CNI_NONE;
        assert_string_equal(addon_unwanted(f.c, "flannel"), "cni is none");
        f.c->cni = CNI_FLANNEL;
        free(f.c->pod_subnet);
        f.c->pod_subnet = NULL;
        assert_non_null(strstr(addon_unwanted(f.c, "flannel"), "podSubnet"));
        done(&f);
}

/* The templates decide that flannel comes with two images, or with none. */
static void test_image_list_follows(void **state) {
        struct fixture f = begin(*state, "10.244.0.0/16");
        char image[256];

        free(render(&f, "flannel", "flannel"));
        assert_int_equal(tmpl_image_named(phase_values_get(f.v), "flannel-cni-plugin", image, sizeof image),
                         0);
        assert_string_equal(image, "ghcr.io/flannel-io/flannel-cni-plugin:v1.9.1-flannel3");
        assert_int_equal(tmpl_image(phase_values_get(f.v), 8, image, sizeof image), 0);
        assert_int_equal(tmpl_image(phase_values_get(f.v), 9, image, sizeof image), -ENOENT);
        f.c->cni = CNI_NONE;
        free(render(&f, "coredns", "coredns"));
        assert_int_equal(tmpl_image_named(phase_values_get(f.v), "flannel", image, sizeof image), -ENOENT);
        assert_int_equal(tmpl_image(phase_values_get(f.v), 7, image, sizeof image), -ENOENT);
        assert_int_equal(tmpl_image_named(phase_values_get(f.v), "weave", image, sizeof image), -ENOENT);
        done(&f);
}

/* One DaemonSet serves nodes whose runtimes look in either of the usual directories. */
static void test_nodes_may_differ(void **state) {
        static const char *const cases[][3] = { { "/opt/cni/bin", "/opt/cni/bin", "/usr/lib/cni" },
                                                { "/usr/lib/cni", "/opt/cni/bin", "/usr/lib/cni" },
                                                { "/srv/cni", "/srv/cni", "/usr/lib/cni" } };
        struct fixture f = begin(*state, "10.244.0.0/16");
        char line[64];

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                CLEANUP(freep) char *text = render_here(&f, "flannel", "flannel-daemonset", cases[i][0]);

                for (size_t k = 1; k < 3; k++) {
                        snprintf(line, sizeof line, "          path: %s\n", cases[i][k]);
                        assert_non_null(strstr(text, line));
                }
                assert_non_null(strstr(text, "        - name: cni-plugin-other\n          mountPath:"));
        }
        done(&f);
}

/* kubeadm's target `corednsdeployment`: that object alone, and with it what it says of the number of pods. */
static void test_coredns_is_patched(void **state) {
        struct fixture f = begin(*state, "10.244.0.0/16");
        CLEANUP(freep) char *deployment = NULL, *service = NULL;
        char path[PATH_MAX];

        tmp_path(f.root, "corednsdeployment0+merge.yaml", path);
        CLEANUP(fclosep) FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs("metadata: {annotations: {site: rack-7}}\nspec: {replicas: 3}\n", file);
        assert_int_equal(fflush(file), 0);
        f.c->patches_dir = strdup(f.root);
        deployment = render(&f, "coredns", "coredns-deployment");
        service = render(&f, "coredns", "coredns");
        assert_non_null(strstr(deployment, "site: rack-7"));
        assert_non_null(strstr(deployment, "replicas: 3\n"));
        assert_null(strstr(service, "rack-7"));
        done(&f);
}

/* Debian's containerd looks in another place than upstream's, and a plugin that it does not find leaves every
 * node NotReady. */
static void test_flannel_where_containerd_looks(void **state) {
        static const char config[] = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".cni]\n"
                                     "  bin_dir = \"/usr/lib/cni\"\n";
        struct fixture f = begin(*state, "10.244.0.0/16");
        const struct phase_ctx ctx = { .config = f.c, .root = f.root };
        char dir[PATH_MAX], path[PATH_MAX];
        struct error e = { 0 };

        assert_int_equal(runtime_cni_bin_dir(&ctx, dir, &e), 0);
        assert_string_equal(dir, "/opt/cni/bin");
        assert_int_equal(pki_mkdir_p(tmp_path(f.root, "etc/containerd", path), 0755), 0);
        tmp_path(f.root, RUNTIME_CONFIG, path);
        assert_int_equal(pki_file_write(path, 0644, (gid_t)-1, config, sizeof config - 1, 0), 0);
        assert_int_equal(runtime_cni_bin_dir(&ctx, dir, &e), 0);
        assert_string_equal(dir, "/usr/lib/cni");
        CLEANUP(freep) char *text = render_here(&f, "flannel", "flannel-daemonset", dir);
        assert_non_null(strstr(text, "path: /usr/lib/cni\n"));
        assert_non_null(strstr(text, "mountPath: /opt/cni/bin\n"));
        done(&f);
}

int main(void) {
        static const char *const proxies[] = { "http_proxy", "https_proxy", "no_proxy", "all_proxy",
                                               "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
                                               "ftp_proxy",  "FTP_PROXY" };
        const struct CMUnitTest tests[] = {
                tmp_test(test_objects_as_they_were),
                tmp_test(test_objects_are_kubeadms),
                tmp_test(test_every_part_is_objects),
                tmp_test(test_names_of_the_cluster),
                tmp_test(test_images),
                tmp_test(test_networks_and_backends),
                tmp_test(test_flannel_where_containerd_looks),
                tmp_test(test_what_is_not_wanted),
                tmp_test(test_image_list_follows),
                tmp_test(test_coredns_is_patched),
                tmp_test(test_nodes_may_differ),
        };

        /* kubeadm copies the proxies of its caller; the golden files have none. */
        for (size_t i = 0; i < ARRAY_SIZE(proxies); i++)
                unsetenv(proxies[i]);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
