/* The phase `addon`: which objects come of which settings, as a dry run says them, and how they are put into
 * a cluster, as a server that plays a script is asked. */
#include "agent/phase_kube.h"
#include "pki/file.h"
#include "tests/unit/kube_server.h"
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define CLUSTER    "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
#define INIT       "---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n"
#define AGENT      "---\napiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\n"
#define KUBE_PROXY "---\napiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n"
#define ENDPOINT   "controlPlaneEndpoint: 172.18.0.192:6443\n"
#define ADDRESS    "localAPIEndpoint: {advertiseAddress: 172.18.0.154}\nnodeRegistration: {name: host1}\n"
#define PODS       "networking: {podSubnet: 10.244.0.0/16}\n"

static struct config *parse(const char *text) {
        struct config *c = NULL;
        struct error e = { 0 };

        if (config_parse(text, strlen(text), "t", NULL, &c, &e) < 0)
                fail_msg("%u:%u: %s in\n%s", e.line, e.column, e.message, text);
        return c;
}

/* ---- what there would be ---- */

static int say(struct config *c, const char *root) {
        struct phase_ctx ctx = { .config = c, .root = root };
        struct error e = { 0 };

        c->dry_run = true;
        return phase_run(&ctx, "addon", &e) < 0 ? 1 : 0;
}

/* What a dry run of the phase prints; malloc'ed. */
static char *dry(void *state, const char *text) {
        CLEANUP(config_freep) struct config *c = parse(text);
        char path[PATH_MAX], *out;
        size_t size;
        int status;
        pid_t pid;

        tmp_path(state, "out", path);
        fflush(NULL);
        if ((pid = fork()) == 0) {
                if (!freopen(path, "w", stdout))
                        _exit(2);
                status = say(c, state);
                fflush(stdout);
                _exit(status);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_int_equal(pki_file_read(path, 1 << 20, &out, &size), 0);
        return out;
}

/* The names of the objects, "; " between, and the reasons why an add-on is none. */
static void names_of(const char *out, char *names, size_t size) {
        static const char head[] = "[addon] ", applied[] = "would have applied ";
        size_t n = 0;

        *names = '\0';
        for (const char *at = out; (at = strstr(at, head)); at += strlen(head)) {
                const char *name = at + strlen(head);

                if (!strncmp(name, applied, strlen(applied)))
                        name += strlen(applied);
                n += (size_t)snprintf(names + n, size - n, "%s%.*s", n ? "; " : "", (int)strcspn(name, "\n"),
                                      name);
                assert_true(n < size);
        }
}

#define DNS_ALL                                                                                              \
        "ServiceAccount kube-system/coredns; ClusterRole system:coredns; "                                   \
        "ClusterRoleBinding system:coredns; Service kube-system/kube-dns; "                                  \
        "ConfigMap kube-system/coredns; Deployment kube-system/coredns"
#define PROXY_ALL                                                                                            \
        "ServiceAccount kube-system/kube-proxy; ClusterRoleBinding kubeadm:node-proxier; "                   \
        "Role kube-system/kube-proxy; RoleBinding kube-system/kube-proxy; "                                  \
        "ConfigMap kube-system/kube-proxy; DaemonSet kube-system/kube-proxy"
#define FLANNEL_ALL                                                                                          \
        "Namespace kube-flannel; ServiceAccount kube-flannel/flannel; ClusterRole flannel; "                 \
        "ClusterRoleBinding flannel; ConfigMap kube-flannel/kube-flannel-cfg; "                              \
        "DaemonSet kube-flannel/kube-flannel-ds"

static void test_objects(void **state) {
        static const struct {
                const char *text, *names;
        } cases[] = {
                { CLUSTER ENDPOINT PODS INIT ADDRESS, DNS_ALL "; " PROXY_ALL "; " FLANNEL_ALL },
                { CLUSTER ENDPOINT INIT ADDRESS, DNS_ALL "; " PROXY_ALL "; " FLANNEL_ALL },
                { CLUSTER ENDPOINT PODS INIT ADDRESS AGENT "cni: none\n",
                  DNS_ALL "; " PROXY_ALL "; no flannel: cni is none" },
                { CLUSTER ENDPOINT PODS "dns: {disabled: true}\nproxy: {disabled: true}\n" INIT ADDRESS,
                  "no coredns: dns.disabled is true; no kube-proxy: proxy.disabled is true; " FLANNEL_ALL },
                { CLUSTER ENDPOINT PODS INIT ADDRESS "skipPhases: [addon/kube-proxy]\n",
                  DNS_ALL "; " FLANNEL_ALL },
                { CLUSTER ENDPOINT PODS INIT ADDRESS "skipPhases: [addon/coredns, addon/flannel]\n",
                  PROXY_ALL },
                { CLUSTER ENDPOINT PODS INIT ADDRESS "skipPhases: [addon]\n", "" },
                { CLUSTER ENDPOINT PODS INIT ADDRESS "skipPhases: [addon/all]\n", "" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                CLEANUP(freep) char *out = dry(*state, cases[i].text);
                char names[2048];

                names_of(out, names, sizeof names);
                assert_string_equal(names, cases[i].names);
        }
}

static void expect_words(void *state, const char *text, const char *const *there, const char *const *absent) {
        CLEANUP(freep) char *out = dry(state, text);

        for (size_t i = 0; there[i]; i++)
                if (!strstr(out, there[i]))
                        fail_msg("no \"%s\" in\n%s", there[i], out);
        for (size_t i = 0; absent[i]; i++)
                if (strstr(out, absent[i]))
                        fail_msg("\"%s\" in\n%s", absent[i], out);
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void test_families(void **state) {
        expect_words(*state, CLUSTER ENDPOINT PODS INIT ADDRESS,
                     WORDS("clusterIP: 10.96.0.10\n", "clusterCIDR: 10.244.0.0/16\n",
                           "bindAddress: 0.0.0.0\n", "\"Network\": \"10.244.0.0/16\""),
                     WORDS("IPv6Network", "EnableIPv6"));
        expect_words(*state,
                     CLUSTER "controlPlaneEndpoint: '[fd00::9]:6443'\nnetworking: {serviceSubnet: "
                             "'fd00:96::/112', podSubnet: 'fd00:244::/56'}\n" INIT
                             "localAPIEndpoint: {advertiseAddress: 'fd00::1'}\n"
                             "nodeRegistration: {name: host1}\n",
                     WORDS("clusterIP: fd00:96::a\n", "clusterCIDR: fd00:244::/56\n", "bindAddress: \"::\"\n",
                           "\"IPv6Network\": \"fd00:244::/56\"", "\"EnableIPv4\": false",
                           "server: https://[fd00::9]:6443\n"),
                     WORDS("\"Network\"", "10.96", "10.244"));
        expect_words(*state,
                     CLUSTER ENDPOINT "networking: {serviceSubnet: '10.96.0.0/16,fd00:96::/112', "
                                      "podSubnet: '10.244.0.0/16,fd00:244::/56'}\n" INIT ADDRESS,
                     WORDS("clusterIP: 10.96.0.10\n", "clusterCIDR: 10.244.0.0/16,fd00:244::/56\n",
                           "\"Network\": \"10.244.0.0/16\"", "\"IPv6Network\": \"fd00:244::/56\"",
                           "\"EnableIPv6\": true"),
                     WORDS("\"EnableIPv4\""));
}

/* What a KubeProxyConfiguration says is in the ConfigMap, beside what kubeadm would say. */
static void test_configuration_is_passed_on(void **state) {
        expect_words(*state,
                     CLUSTER ENDPOINT PODS INIT ADDRESS KUBE_PROXY
                     "mode: nftables\nclusterCIDR: 10.9.0.0/16\n"
                     "conntrack: {maxPerCore: 0}\n",
                     WORDS("mode: nftables\n", "maxPerCore: 0\n", "clusterCIDR: 10.9.0.0/16\n",
                           "kubeconfig: /var/lib/kube-proxy/kubeconfig.conf\n"),
                     WORDS("clusterCIDR: 10.244.0.0/16\n"));
        expect_words(*state,
                     CLUSTER ENDPOINT PODS "dns: {imageRepository: d.example/x, imageTag: v1.12.0}\n"
                                           "imageRepository: mirror.example/k8s\n" INIT ADDRESS AGENT
                                           "flannel: {backend: host-gw}\n",
                     WORDS("image: d.example/x/coredns:v1.12.0\n", "image: mirror.example/k8s/kube-proxy:",
                           "image: mirror.example/k8s/flannel:", "\"Type\": \"host-gw\"", "replicas: 2\n"),
                     WORDS("registry.k8s.io", "vxlan"));
}

/* ---- how they are put there ---- */

#define REPLY(status, body)                                                                                  \
        "HTTP/1.1 " status "\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" body
#define FOUND     REPLY("200 OK", "{}")
#define CREATED   REPLY("201 Created", "{}")
#define NOT_FOUND REPLY("404 Not Found", "{\"kind\":\"Status\",\"reason\":\"NotFound\"}")
#define FORBIDDEN REPLY("403 Forbidden", "{\"kind\":\"Status\",\"reason\":\"Forbidden\"}")
#define CONFLICT                                                                                             \
        REPLY("409 Conflict",                                                                                \
              "{\"kind\":\"Status\",\"reason\":\"Conflict\",\"details\":{\"causes\":["                       \
              "{\"reason\":\"FieldManagerConflict\",\"message\":\"conflict with \\\"kubectl-edit\\\"\","     \
              "\"field\":\".data.Corefile\"}]}}")
#define FIVE      REPLY("200 OK", "{\"spec\":{\"replicas\":5}}")
#define NEW       NOT_FOUND, CREATED
#define UNCHANGED FOUND, FOUND

struct run {
        int r;
        unsigned made, kept;
        struct error e;
        char asked[32768];
};

/* The phase in a child whose root is the test's directory, for there is its admin.conf. Returned in *x. */
static void run(void *state, const char *text, const char *sub, const char *const *replies, struct run *x) {
        struct run *shared = mmap(NULL, sizeof *x, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        CLEANUP(config_freep) struct config *c = parse(text);
        struct phase_ctx ctx = { .config = c, .root = "" };
        struct kube_server s;
        int status;
        pid_t pid;

        assert_ptr_not_equal(shared, MAP_FAILED);
        server_listen(&s, state, replies);
        c->bind_port = s.port;
        free(c->advertise_address);
        c->advertise_address = strdup("127.0.0.1");
        fflush(NULL);
        if ((pid = fork()) == 0) {
                shared->r = chroot(state) < 0 ? -errno : phase_addon(&ctx, sub, &shared->e);
                shared->made = ctx.made;
                shared->kept = ctx.kept;
                fflush(stdout);
                _exit(0);
        }
        /* only now: a thread may hold a lock at the fork, which the child would wait for */
        assert_int_equal(pthread_create(&s.thread, NULL, server_run, &s), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        server_stop(&s);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        *x = *shared;
        munmap(shared, sizeof *shared);
        memcpy(x->asked, s.asked, sizeof x->asked);
}

/* The line of the request that puts this, "" where there is none. */
static const char *request_for(const struct run *x, const char *path, char *line, size_t size) {
        const char *at = strstr(x->asked, path);

        snprintf(line, size, "%.*s", at ? (int)strcspn(at, "\n") : 0, at ? at : "");
        return line;
}

static const char whole[] = CLUSTER ENDPOINT PODS INIT ADDRESS;
#define DEPLOYMENT "PATCH /apis/apps/v1/namespaces/kube-system/deployments/coredns?"
#define SERVICE    "PATCH /api/v1/namespaces/kube-system/services/kube-dns?"

/* As many replicas as somebody has decided on; two where CoreDNS is new. */
static void test_replicas_stay(void **state) {
        const char *const first[] = { FOUND, NEW, NEW, NEW, NEW, NEW, NOT_FOUND, NEW, NULL };
        const char *const again[] = { FOUND,     UNCHANGED, UNCHANGED, UNCHANGED, UNCHANGED,
                                      UNCHANGED, FIVE,      FIVE,      FIVE,      NULL };
        char line[8192];
        struct run x;

        server_make_pki(*state);
        run(*state, whole, "coredns", first, &x);
        if (x.r < 0)
                fail_msg("%s", x.e.message);
        assert_int_equal(x.made, 6);
        assert_non_null(strstr(request_for(&x, DEPLOYMENT, line, sizeof line), "\"replicas\":2"));
        run(*state, whole, "coredns", again, &x);
        if (x.r < 0)
                fail_msg("%s", x.e.message);
        assert_int_equal(x.made, 0);
        assert_non_null(strstr(request_for(&x, DEPLOYMENT, line, sizeof line), "\"replicas\":5"));
}

/* What an operator adapts is never forced; rights and the Service's address are. */
static void test_what_others_have_changed_stays(void **state) {
        const char *const replies[] = { FOUND,    UNCHANGED, UNCHANGED, UNCHANGED, UNCHANGED, FOUND,
                                        CONFLICT, FIVE,      FIVE,      FIVE,      NULL };
        char line[8192];
        struct run x;

        server_make_pki(*state);
        run(*state, whole, "coredns", replies, &x);
        if (x.r < 0)
                fail_msg("%s", x.e.message);
        assert_int_equal(x.kept, 1);
        assert_null(strstr(request_for(&x, DEPLOYMENT, line, sizeof line), "force=true"));
        assert_true(*line);
        assert_non_null(strstr(request_for(&x, SERVICE, line, sizeof line), "force=true"));
}

static void test_an_error_ends_it(void **state) {
        const char *const replies[] = { FOUND, NEW, NOT_FOUND, FORBIDDEN, NULL };
        struct run x;

        server_make_pki(*state);
        run(*state, whole, "kube-proxy", replies, &x);
        assert_int_equal(x.r, -EPERM);
        assert_non_null(strstr(x.e.message, "kubeadm:node-proxier"));
        assert_null(strstr(x.asked, "daemonsets"));
}

static void test_nothing_is_asked_for_nothing(void **state) {
        static const char none[] = CLUSTER ENDPOINT PODS "dns: {disabled: true}\n" INIT ADDRESS;
        const char *const replies[] = { FOUND, NULL };
        struct run x;

        server_make_pki(*state);
        run(*state, none, "coredns", replies, &x);
        assert_int_equal(x.r, 0);
        assert_null(strchr(strchr(x.asked, '\n') + 1, '\n'));
        assert_null(strstr(x.asked, "coredns"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_objects),
                tmp_test(test_families),
                tmp_test(test_configuration_is_passed_on),
                tmp_test(test_replicas_stay),
                tmp_test(test_what_others_have_changed_stays),
                tmp_test(test_an_error_ends_it),
                tmp_test(test_nothing_is_asked_for_nothing),
        };

        if (geteuid() != 0) {
                fprintf(stderr, "needs root, for a root directory of its own\n");
                return 77;
        }
        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
