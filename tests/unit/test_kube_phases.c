/* What the phases and tokens ask of the API server, and in which order; what a dry run prints. */
#include "agent/jread.h"
#include "agent/kube_node.h"
#include "agent/kube_token.h"
#include "agent/phase_kube.h"
#include "pki/file.h"
#include "tests/unit/kube_server.h"
#include "tests/unit/program.h"

#include <errno.h>
#include <signal.h>

/* One connection for each: the server speaks to one client at a time. */
#define REPLY(status, body)                                                                                  \
        "HTTP/1.1 " status "\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" body
#define FORBIDDEN REPLY("403 Forbidden", "{\"kind\":\"Status\",\"reason\":\"Forbidden\"}")
#define NOT_FOUND REPLY("404 Not Found", "{\"kind\":\"Status\",\"reason\":\"NotFound\"}")
#define CREATED   REPLY("201 Created", "{}")
#define FOUND     REPLY("200 OK", "{}")

#define CRB   "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
#define ADMIN "kubernetes-admin GET " CRB "/kubeadm:cluster-admins - \n"

static int open_kube(void *state, struct kube_server *s, const char *const *replies, struct error *e) {
        char address[] = "127.0.0.1";
        struct config c = { .advertise_address = address };
        struct phase_ctx ctx = { .config = &c, .root = state };
        struct kube *k = NULL;
        int r;

        server_start(s, state, replies);
        c.bind_port = s->port;
        r = phase_kube_open(&ctx, &k, e);
        server_stop(s);
        assert_int_equal(r == 0, k != NULL);
        kube_free(k);
        return r;
}

/* The binding is made with super-admin.conf, once; then admin.conf's rights are waited for. */
static void test_rights_are_given(void **state) {
        const char *const replies[] = { FORBIDDEN, NOT_FOUND, CREATED, FORBIDDEN, FORBIDDEN, FOUND, NULL };
        struct kube_server s;
        struct error e = { 0 };

        server_make_pki(*state);
        assert_int_equal(open_kube(*state, &s, replies, &e), 0);
        assert_memory_equal(s.asked, ADMIN "kubernetes-super-admin GET " CRB, strlen(ADMIN) + 27);
        assert_non_null(strstr(s.asked, "kubernetes-super-admin POST " CRB "?fieldManager=triarch"));
        assert_string_equal(s.asked + strlen(s.asked) - 3 * strlen(ADMIN), ADMIN ADMIN ADMIN);
}

static void test_rights_that_are_there_are_used(void **state) {
        const char *const replies[] = { FOUND, NULL };
        struct kube_server s;
        struct error e = { 0 };

        server_make_pki(*state);
        assert_int_equal(open_kube(*state, &s, replies, &e), 0);
        assert_string_equal(s.asked, ADMIN);
}

#define OTHER                                                                                                \
        REPLY("200 OK", "{\"data\":{\"token-secret\":\"b3RoZXI=\"}}") /* somebody else's, of the same id */
#define SAME  REPLY("200 OK", "{\"data\":{\"token-secret\":\"MDEyMzQ1Njc4OWFiY2RlZg==\"}}")
#define TAKEN REPLY("409 Conflict", "{\"kind\":\"Status\",\"reason\":\"AlreadyExists\"}")

static void test_token_put(void **state) {
        static const struct {
                const char *replies[3];
                int result;
                enum kube_outcome outcome;
        } cases[] = {
                { { CREATED }, 0, KUBE_MADE },
                { { TAKEN, SAME }, 0, KUBE_KEPT },
                { { TAKEN, OTHER }, -EEXIST, KUBE_KEPT },
                { { TAKEN, FOUND }, -EEXIST, KUBE_KEPT },
                { { FORBIDDEN }, -EPERM, KUBE_MADE },
        };

        server_make_pki(*state);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char path[PATH_MAX];
                struct kube_server s;
                struct error e = { 0 };
                struct kube *k = NULL;
                enum kube_outcome outcome;

                server_start(&s, *state, cases[i].replies);
                assert_int_equal(kube_open(tmp_path(*state, KUBE_DIR "/admin.conf", path), s.url, &k, &e), 0);
                assert_int_equal(
                        kube_bootstrap_token_put(
                                k, &(struct kube_token){ .token = "abcdef.0123456789abcdef" }, &outcome, &e),
                        cases[i].result);
                server_stop(&s);
                kube_free(k);
                assert_int_equal(outcome, cases[i].outcome);
                assert_null(strstr(e.message, "0123456789abcdef"));
        }
}

#define NODE(version) REPLY("200 OK", "{\"metadata\":{\"resourceVersion\":\"" version "\"}}")
#define MODIFIED      REPLY("409 Conflict", "{\"kind\":\"Status\",\"reason\":\"Conflict\"}")

/* Not there yet; then changed by somebody else between reading and writing. */
static void test_node_is_waited_for(void **state) {
        static const char *const labels[] = { "a", NULL };
        const char *const replies[] = { NOT_FOUND, NODE("1"), MODIFIED, NODE("2"), FOUND, NULL };
        const struct kube_node_marks marks = { .labels = labels };
        char path[PATH_MAX];
        struct kube_server s;
        struct error e = { 0 };
        struct kube *k = NULL;
        enum kube_outcome outcome;

        server_make_pki(*state);
        server_start(&s, *state, replies);
        assert_int_equal(kube_open(tmp_path(*state, KUBE_DIR "/admin.conf", path), s.url, &k, &e), 0);
        if (kube_node_mark(k, "n1", &marks, 60000, &outcome, &e) < 0)
                fail_msg("%s", e.message);
        server_stop(&s);
        kube_free(k);
        assert_int_equal(outcome, KUBE_CHANGED);
        assert_non_null(
                strstr(s.asked, "{\"metadata\":{\"resourceVersion\":\"2\",\"labels\":{\"a\":\"\"}}}"));
}

static void test_no_node_comes(void **state) {
        const char *const replies[] = { NOT_FOUND, NULL };
        const struct kube_node_marks marks = { .labels = NULL };
        char path[PATH_MAX];
        struct kube_server s;
        struct error e = { 0 };
        struct kube *k = NULL;
        enum kube_outcome outcome;

        server_make_pki(*state);
        server_start(&s, *state, replies);
        assert_int_equal(kube_open(tmp_path(*state, KUBE_DIR "/admin.conf", path), s.url, &k, &e), 0);
        assert_int_equal(kube_node_mark(k, "n1", &marks, 0, &outcome, &e), -ENOENT);
        server_stop(&s);
        kube_free(k);
        assert_non_null(strstr(e.message, "there is no Node n1"));
}

static const char config_text[] =
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n"
        "localAPIEndpoint: {advertiseAddress: 172.18.0.154}\nnodeRegistration: {name: host1}\n"
        "bootstrapTokens: [{token: abcdef.0123456789abcdef}]\n---\n"
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
        "controlPlaneEndpoint: 172.18.0.192:6443\n";

/* sub: a part of the phase, NULL: all of it */
static void run_dry(void *root, const char *phase, const char *sub, const char *text, char *out,
                    size_t size) {
        char path[PATH_MAX];
        const char *const words[] = { "triarch", "init",  "--dry-run", "--root", root, "--config",
                                      path,      "phase", phase,       sub,      NULL };

        assert_int_equal(
                pki_file_write(tmp_path(root, "config.yaml", path), 0600, (gid_t)-1, text, strlen(text), 0),
                0);
        if (program_run(words, out, size) != 0)
                fail_msg("%s: %s", phase, out);
}

/* Every object by its name, a Secret by nothing else; nothing is written or asked. */
static void test_dry_run(void **state) {
        static const struct {
                const char *phase, *sub, *says;
        } cases[] = {
                { "upload-config", "kubeadm",
                  "[upload-config] would have applied ClusterRoleBinding kubeadm:cluster-" },
                { "upload-config", "kubelet", "     staticPodPath: /etc/kubernetes/manifests" },
                { "mark-control-plane", NULL,
                  "would have marked Node host1: node-role.kubernetes.io/control-plane=" },
                { "bootstrap-token", NULL, "would have applied Secret kube-system/bootstrap-token-abcdef" },
        };
        char out[65536];

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                run_dry(*state, cases[i].phase, cases[i].sub, config_text, out, sizeof out);
                if (!strstr(out, cases[i].says) || strstr(out, "0123456789abcdef"))
                        fail_msg("%s: %s", cases[i].phase, out);
        }
        assert_int_equal(tmp_count(*state), 1);
}

static void test_taints_of_the_configuration(void **state) {
        static const char head[] = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
                                   "controlPlaneEndpoint: 172.18.0.192:6443\n---\n"
                                   "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n"
                                   "localAPIEndpoint: {advertiseAddress: 172.18.0.154}\n";
        static const struct {
                const char *taints, *says;
        } cases[] = {
                { "", " node-role.kubernetes.io/control-plane:NoSchedule\n" },
                { "taints: [{key: a.example/b, value: c, effect: NoExecute}]",
                  "external-load-balancers= a.example/b:NoExecute\n" },
                { "taints: []", "external-load-balancers=\n" },
        };
        char text[1024], out[65536];

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                snprintf(text, sizeof text, "%snodeRegistration: {name: host1%s%s}\n", head,
                         *cases[i].taints ? ", " : "", cases[i].taints);
                run_dry(*state, "mark-control-plane", NULL, text, out, sizeof out);
                if (!strstr(out, cases[i].says))
                        fail_msg("%s: %s", cases[i].taints, out);
        }
}

/* Otherwise than kubeadm's, whose init makes one of 24 h. */
static void test_no_token_unasked(void **state) {
        static const char text[] = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n"
                                   "localAPIEndpoint: {advertiseAddress: 172.18.0.154}\n---\n"
                                   "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
                                   "controlPlaneEndpoint: 172.18.0.192:6443\n";
        char out[65536];

        run_dry(*state, "bootstrap-token", NULL, text, out, sizeof out);
        assert_non_null(strstr(out, "would have applied ConfigMap kube-public/cluster-info"));
        assert_null(strstr(out, "Secret"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_rights_are_given), tmp_test(test_rights_that_are_there_are_used),
                tmp_test(test_token_put),        tmp_test(test_node_is_waited_for),
                tmp_test(test_no_node_comes),    tmp_test(test_dry_run),
                tmp_test(test_no_token_unasked), tmp_test(test_taints_of_the_configuration),
        };

        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
