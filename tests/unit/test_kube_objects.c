/* kubeadm's objects as they are rendered here, against those that kubeadm 1.36.2 made (measured: the file
 * kubeadm-objects-1.36.2.json, without what the API server adds); tokens, the node's marks, what the texts of
 * objects may hold. */
#include "agent/config.h"
#include "agent/jread.h"
#include "agent/kube_node.h"
#include "agent/kube_token.h"
#include "pki/util.h"
#include "templates/cluster_config.h"
#include "templates/objects.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static json_t *measured(void) {
        json_error_t why;
        json_t *list = json_load_file("tests/unit/kubeadm-objects-1.36.2.json", 0, &why);

        if (!list)
                fail_msg("%s", why.text);
        return list;
}

static json_t *find(json_t *list, const char *kind, const char *name) {
        json_t *o;
        size_t i;

        json_array_foreach(list, i, o) if (!strcmp(kube_string(o, "kind", NULL), kind) &&
                                           !strcmp(kube_string(o, "metadata", "name", NULL), name)) return o;
        fail_msg("kubeadm makes no %s %s", kind, name);
        return NULL;
}

static char *render(const char *name, const struct tmpl_pair *pairs, size_t n) {
        struct tmpl_error why = { "" };
        char *text = NULL;
        size_t size;

        if (tmpl_render_objects(name, pairs, n, NULL, &text, &size, &why) < 0)
                fail_msg("%s: %s", name, why.what);
        assert_int_equal(strlen(text), size);
        return text;
}

static json_t *parse(const char *text) {
        struct error e = { 0 };
        json_t *objects = NULL;

        if (kube_objects_parse(text, strlen(text), "text", &objects, &e) < 0)
                fail_msg("%u:%u: %s", e.line, e.column, e.message);
        return objects;
}

/* Every object of the template is kubeadm's; how many there are. */
static size_t expect_measured(const char *name, const struct tmpl_pair *pairs, size_t n) {
        CLEANUP(freep) char *text = render(name, pairs, n);
        CLEANUP(jread_decref) json_t *objects = parse(text), *theirs = measured();
        json_t *o;
        size_t i;

        json_array_foreach(objects, i, o) {
                const char *kind = kube_string(o, "kind", NULL);
                json_t *want = find(theirs, kind, kube_string(o, "metadata", "name", NULL));

                if (!json_equal(o, want)) {
                        CLEANUP(freep) char *a = json_dumps(o, JSON_SORT_KEYS | JSON_INDENT(1));
                        CLEANUP(freep) char *b = json_dumps(want, JSON_SORT_KEYS | JSON_INDENT(1));

                        assert_string_equal(a, b);
                }
        }
        return json_array_size(objects);
}

static void test_rights_are_kubeadms(void **state) {
        (void)state;
        assert_int_equal(expect_measured("cluster-admins", NULL, 0), 1);
        assert_int_equal(expect_measured("bootstrap-rbac", NULL, 0), 6);
}

/* The text inside, too, byte by byte. */
static void test_cluster_info_is_kubeadms(void **state) {
        CLEANUP(jread_decref) json_t *theirs = measured();
        const char *want = kube_string(find(theirs, "ConfigMap", "cluster-info"), "data", "kubeconfig", NULL);
        const char *ca = strstr(want, "authority-data: ") + strlen("authority-data: ");
        CLEANUP(freep) char *base64 = strndup(ca, strcspn(ca, "\n")), *text = NULL;
        const struct tmpl_pair inner[] = { { "ca_base64", base64 },
                                           { "server", "https://172.18.0.192:6443" } };

        (void)state;
        text = render("cluster-info-kubeconfig", inner, ARRAY_SIZE(inner));
        assert_string_equal(text, want);
        const struct tmpl_pair pairs[] = { { "kubeconfig", text } };

        assert_int_equal(expect_measured("cluster-info", pairs, 1), 3);
}

static char *cluster_config(const char *config) {
        CLEANUP(config_freep) struct config *c = NULL;
        CLEANUP(freep) char *text = NULL;
        struct tmpl_error why = { "" };
        struct error e = { 0 };
        char *out = NULL;
        size_t size;

        if (config_parse(config, strlen(config), "test", NULL, &c, &e) < 0)
                fail_msg("%u: %s", e.line, e.message);
        assert_int_equal(config_render_cluster(c, &text, &size), 0);
        if (tmpl_cluster_config(text, size, &out, &size, &why) < 0)
                fail_msg("%s", why.what);
        return out;
}

#define MEASURED_CONFIG                                                                                      \
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"                                   \
        "controlPlaneEndpoint: 172.18.0.192:6443\nencryptionAlgorithm: RSA-2048\n"                           \
        "kubernetesVersion: v1.36.2\nnetworking: {podSubnet: 10.244.0.0/16}\n"

static void test_kubeadm_config_is_kubeadms(void **state) {
        CLEANUP(freep) char *text = cluster_config(MEASURED_CONFIG);
        const struct tmpl_pair pairs[] = { { "cluster_configuration", text } };

        (void)state;
        assert_int_equal(expect_measured("kubeadm-config", pairs, 1), 3);
}

/* kubeadm before 1.31 cannot read v1beta4. */
static void test_older_versions_get_v1beta3(void **state) {
        static const char config[] =
                "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
                "controlPlaneEndpoint: h:6443\nkubernetesVersion: v1.30.14\n"
                "apiServer:\n  extraArgs: [{name: v, value: '1'}, {name: v, value: 'yes'}]\n"
                "  extraEnvs: [{name: A, value: b}]\n"
                "etcd: {local: {extraArgs: [{name: quota-backend-bytes, value: '8'}]}}\n";
        CLEANUP(freep) char *text = cluster_config(config);

        (void)state;
        assert_string_equal(text, "apiServer:\n"
                                  "  extraArgs:\n"
                                  "    v: \"yes\"\n"
                                  "apiVersion: kubeadm.k8s.io/v1beta3\n"
                                  "certificatesDir: /etc/kubernetes/pki\n"
                                  "clusterName: kubernetes\n"
                                  "controlPlaneEndpoint: h:6443\n"
                                  "controllerManager: {}\n"
                                  "dns: {}\n"
                                  "etcd:\n"
                                  "  local:\n"
                                  "    dataDir: /var/lib/etcd\n"
                                  "    extraArgs:\n"
                                  "      quota-backend-bytes: \"8\"\n"
                                  "featureGates:\n"
                                  "  PublicKeysECDSA: true\n"
                                  "imageRepository: registry.k8s.io\n"
                                  "kind: ClusterConfiguration\n"
                                  "kubernetesVersion: v1.30.14\n"
                                  "networking:\n"
                                  "  dnsDomain: cluster.local\n"
                                  "  podSubnet: 10.244.0.0/16\n"
                                  "  serviceSubnet: 10.96.0.0/12\n"
                                  "scheduler: {}\n");
}

static void test_no_cluster_configuration(void **state) {
        static const char *const texts[] = {
                "", "a: b\n", "[]\n", "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n"
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                struct tmpl_error why = { "" };
                char *out = NULL;
                size_t size;

                assert_int_equal(tmpl_cluster_config(texts[i], strlen(texts[i]), &out, &size, &why), -EINVAL);
                assert_string_not_equal(why.what, "");
        }
}

/* Of an administrator's own configuration kubeadm wants no hash. */
static void test_kubelet_config(void **state) {
        static const char text[] = "a: \"yes\"\nb: |\n  c\n\n   d\n";
        const struct tmpl_pair pairs[] = { { "kubelet", text }, { "kubelet_hash", "sha256:00" } };
        const struct tmpl_pair own[] = { { "kubelet", text }, { "kubelet_hash", NULL } };
        CLEANUP(freep) char *a = render("kubelet-config", pairs, 2), *b = render("kubelet-config", own, 2);
        CLEANUP(jread_decref) json_t *hashed = parse(a), *unhashed = parse(b), *theirs = measured();
        json_t *cm = json_array_get(hashed, 0);

        (void)state;
        assert_string_equal(kube_string(cm, "data", "kubelet", NULL), text);
        assert_string_equal(kube_string(cm, "metadata", "annotations",
                                        "kubeadm.kubernetes.io/component-config.hash", NULL),
                            "sha256:00");
        cm = json_array_get(unhashed, 0);
        assert_null(json_object_get(json_object_get(cm, "metadata"), "annotations"));
        for (size_t i = 1; i < 3; i++) {
                const char *kind = kube_string(json_array_get(hashed, i), "kind", NULL);

                assert_true(
                        json_equal(json_array_get(hashed, i), find(theirs, kind, "kubeadm:kubelet-config")));
        }
}

static void expect_token(const struct kube_token *t, const char *want) {
        CLEANUP(freep) char *text = NULL;
        struct error e = { 0 };
        size_t size;

        if (kube_token_render(t, &text, &size, &e) < 0)
                fail_msg("%s", e.message);
        assert_string_equal(text, want);
}

static void test_tokens(void **state) {
        char *words[] = { (char[]){ "signing" }, NULL },
             *groups[] = { (char[]){ "system:bootstrappers:a" }, (char[]){ "system:bootstrappers:b" }, NULL };
        const struct str_list usages = { words, 1 }, both = { groups, 2 }, none = { NULL, 0 };

        (void)state;
        expect_token(&(struct kube_token){ .token = "abcdef.0123456789abcdef",
                                           .expires_s = 1795400000,
                                           .usages = &none,
                                           .groups = &both },
                     "apiVersion: v1\n"
                     "kind: Secret\n"
                     "metadata:\n"
                     "  name: bootstrap-token-abcdef\n"
                     "  namespace: kube-system\n"
                     "type: bootstrap.kubernetes.io/token\n"
                     "data:\n"
                     "  auth-extra-groups: "
                     "c3lzdGVtOmJvb3RzdHJhcHBlcnM6YSxzeXN0ZW06Ym9vdHN0cmFwcGVyczpi\n"
                     "  expiration: MjAyNi0xMS0yM1QwMjoxMzoyMFo=\n"
                     "  token-id: YWJjZGVm\n"
                     "  token-secret: MDEyMzQ1Njc4OWFiY2RlZg==\n"
                     "  usage-bootstrap-authentication: dHJ1ZQ==\n"
                     "  usage-bootstrap-signing: dHJ1ZQ==\n");
        expect_token(&(struct kube_token){ .token = "abcdef.0123456789abcdef",
                                           .description = "a: b",
                                           .usages = &usages },
                     "apiVersion: v1\n"
                     "kind: Secret\n"
                     "metadata:\n"
                     "  name: bootstrap-token-abcdef\n"
                     "  namespace: kube-system\n"
                     "type: bootstrap.kubernetes.io/token\n"
                     "data:\n"
                     "  description: YTogYg==\n"
                     "  token-id: YWJjZGVm\n"
                     "  token-secret: MDEyMzQ1Njc4OWFiY2RlZg==\n"
                     "  usage-bootstrap-signing: dHJ1ZQ==\n");
}

static void test_bad_tokens(void **state) {
        char *words[] = { (char[]){ "everything" }, NULL };
        const struct str_list usages = { words, 1 };
        const struct kube_token bad[] = {
                { .token = "abcdef" },
                { .token = "ABCDEF.0123456789abcdef" },
                { .token = "abcdef.0123456789abcdef", .usages = &usages },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct error e = { 0 };
                char *text = NULL;
                size_t size;

                assert_int_equal(kube_token_render(&bad[i], &text, &size, &e), -EINVAL);
                assert_int_equal(e.status, EXIT_INPUT);
                assert_null(strstr(e.message, "0123456789abcdef\""));
        }
}

static void expect_patch(const char *node, const struct kube_node_marks *marks, const char *want) {
        CLEANUP(jread_decref) json_t *o = jread_parse(node, strlen(node)), *patch = NULL;
        CLEANUP(freep) char *text = NULL;

        assert_non_null(o);
        assert_int_equal(kube_node_patch(o, marks, &patch), 0);
        text = patch ? json_dumps(patch, JSON_COMPACT | JSON_SORT_KEYS) : strdup("nothing");
        assert_string_equal(text, want);
}

#define CP    "node-role.kubernetes.io/control-plane"
#define READY "{\"effect\":\"NoSchedule\",\"key\":\"node.kubernetes.io/not-ready\"}"
#define TAINT "{\"effect\":\"NoSchedule\",\"key\":\"" CP "\"}"

static void test_node_marks(void **state) {
        static const char *const labels[] = { CP, NULL };
        struct taint taint = { (char[]){ CP }, (char[]){ "" }, (char[]){ "NoSchedule" } };
        struct taint valued = { (char[]){ CP }, (char[]){ "v" }, (char[]){ "NoSchedule" } };
        const struct taints one = { &taint, 1 }, with_value = { &valued, 1 }, none = { NULL, 0 };
        const struct kube_node_marks marks = { .labels = labels, .taints = &one };
        const struct kube_node_marks old = { .labels = labels, .taints = &none, .cri_socket = "unix:///s" };
        const struct kube_node_marks value = { .taints = &with_value };

        (void)state;
        /* a taint of somebody else's stays */
        expect_patch("{\"metadata\":{\"resourceVersion\":\"7\"},\"spec\":{\"taints\":[" READY "]}}", &marks,
                     "{\"metadata\":{\"labels\":{\"" CP "\":\"\"},\"resourceVersion\":\"7\"},"
                     "\"spec\":{\"taints\":[" TAINT "," READY "]}}");
        expect_patch("{\"metadata\":{\"resourceVersion\":\"7\",\"labels\":{\"" CP
                     "\":\"\",\"a\":\"b\"}},\"spec\":{\"taints\":[" READY "," TAINT "]}}",
                     &marks, "nothing");
        expect_patch(
                "{\"metadata\":{\"resourceVersion\":\"7\",\"labels\":{\"" CP "\":\"x\"}}}", &old,
                "{\"metadata\":{\"annotations\":{\"kubeadm.alpha.kubernetes.io/cri-socket\":\"unix:///s\"},"
                "\"labels\":{\"" CP "\":\"\"},\"resourceVersion\":\"7\"}}");
        /* one taint of a key and an effect: its value is replaced */
        expect_patch("{\"metadata\":{\"resourceVersion\":\"7\"},\"spec\":{\"taints\":[" TAINT "]}}", &value,
                     "{\"metadata\":{\"resourceVersion\":\"7\"},\"spec\":{\"taints\":[{\"effect\":"
                     "\"NoSchedule\",\"key\":\"" CP "\",\"value\":\"v\"}]}}");
}

static void test_no_node(void **state) {
        static const char *const texts[] = { "{}", "[]", "{\"metadata\":7}" };
        const struct kube_node_marks marks = { .labels = NULL };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                CLEANUP(jread_decref) json_t *o = jread_parse(texts[i], strlen(texts[i])), *patch = NULL;

                assert_int_equal(kube_node_patch(o, &marks, &patch), -EBADMSG);
        }
}

/* What YAML's readers do not agree on is refused with its place, before anything is sent. */
static void test_texts_of_objects(void **state) {
        static const struct {
                const char *text;
                unsigned line;
                const char *says;
        } bad[] = {
                { "- a\n", 1, "a list" },
                { "apiVersion: v1\nkind: Node\n", 1, "metadata.name" },
                { "apiVersion: v1\nkind: Node\nmetadata: {name: a}\nx: yes\n", 4, "yes: readers of YAML" },
                { "apiVersion: v1\nkind: Node\nmetadata: {name: a}\nx: [0x10]\n", 4, "in quotes" },
                { "apiVersion: v1\nkind: Node\nmetadata: {name: a}\nx: 007\n", 4, "in quotes" },
                { "apiVersion: v1\nkind: Node\nmetadata: {name: a}\nx: 1e3\n", 4, "in quotes" },
                { "apiVersion: v1\nkind: Node\nmetadata: {name: a}\nx: 99999999999999999999\n", 4, "quotes" },
                { "---\n---\na: [\n", 4, "" },
        };
        CLEANUP(jread_decref)
        json_t *objects = parse("---\n---\napiVersion: v1\nkind: Node\nmetadata: {name: a}\n"
                                "x: [1, -2, true, false, null, '1', \"\", a]\n---\n");
        CLEANUP(freep) char *text = json_dumps(objects, JSON_COMPACT);

        (void)state;
        assert_string_equal(text, "[{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"a\"},"
                                  "\"x\":[1,-2,true,false,null,\"1\",\"\",\"a\"]}]");
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct error e = { 0 };
                json_t *none = NULL;

                assert_int_equal(kube_objects_parse(bad[i].text, strlen(bad[i].text), "t", &none, &e),
                                 -EINVAL);
                assert_int_equal(e.line, bad[i].line);
                if (!strstr(e.message, bad[i].says))
                        fail_msg("%s", e.message);
        }
}

static void test_values_are_asked_for_by_name(void **state) {
        const struct tmpl_pair bad[] = { { "kubeconfig", "\xff" } };
        struct tmpl_error why = { "" };
        char *text = NULL;
        size_t size;

        (void)state;
        assert_int_equal(tmpl_render_objects("nothing", NULL, 0, NULL, &text, &size, &why), -ENOENT);
        assert_int_equal(tmpl_render_objects("cluster-info", NULL, 0, NULL, &text, &size, &why), -ENOENT);
        assert_non_null(strstr(why.what, "${kubeconfig} is unknown"));
        assert_int_equal(tmpl_render_objects("cluster-info", bad, 1, NULL, &text, &size, &why), -EINVAL);
        assert_non_null(strstr(why.what, "not UTF-8"));
}

/* No value changes the structure, whatever is in it. */
static void test_hostile_values(void **state) {
        static const char *const values[] = {
                "a: b\nc: d\n", "|\n  x\n",    "\n\n",     "- x\n# y\n", "\ttab\n",
                " leading\n",   "trailing \n", "x\r\ny\n", "\xc3\xa9\n", "---\nkind: Secret\n",
                "...\n",        "no end",      "yes",      "",           "\n x"
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
                const struct tmpl_pair pairs[] = { { "kubeconfig", values[i] } };
                CLEANUP(freep) char *text = render("cluster-info", pairs, 1);
                CLEANUP(jread_decref) json_t *objects = parse(text);

                assert_int_equal(json_array_size(objects), 3);
                assert_string_equal(kube_string(json_array_get(objects, 0), "data", "kubeconfig", NULL),
                                    values[i]);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rights_are_kubeadms),
                cmocka_unit_test(test_cluster_info_is_kubeadms),
                cmocka_unit_test(test_kubeadm_config_is_kubeadms),
                cmocka_unit_test(test_older_versions_get_v1beta3),
                cmocka_unit_test(test_no_cluster_configuration),
                cmocka_unit_test(test_kubelet_config),
                cmocka_unit_test(test_tokens),
                cmocka_unit_test(test_bad_tokens),
                cmocka_unit_test(test_node_marks),
                cmocka_unit_test(test_no_node),
                cmocka_unit_test(test_texts_of_objects),
                cmocka_unit_test(test_values_are_asked_for_by_name),
                cmocka_unit_test(test_hostile_values),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
