/* The Kubernetes client against a server that plays replies from a script: what it sends, what it takes, when
 * it tries again, what it says. */
#include "agent/jread.h"
#include "agent/kube_apply.h"
#include "pki/file.h"
#include "tests/unit/kube_server.h"

#include <errno.h>
#include <signal.h>

/* The server adds the length. */
#define REPLY(status, body) "HTTP/1.1 " status "\r\nContent-Type: application/json\r\n\r\n" body

#define NODE "{\"kind\":\"Node\",\"metadata\":{\"name\":\"n1\"}}"
static const char node[] = REPLY("200 OK", NODE);

static const struct kube_ref n1 = { .api_version = "v1", .kind = "Node", .name = "n1" };

static struct kube *open_admin(void *state, const struct kube_server *s) {
        char path[PATH_MAX];
        struct error e = { 0 };
        struct kube *k = NULL;

        if (kube_open(tmp_path(state, KUBE_DIR "/admin.conf", path), s->url, &k, &e) < 0)
                fail_msg("%s: %s", e.file, e.message);
        assert_string_equal(kube_server(k), s->url);
        kube_limits(k, 5000, 5000);
        return k;
}

static void test_get(void **state) {
        const char *const replies[] = { node, node, NULL };
        struct kube_server s;
        struct error e = { 0 };
        json_t *o = NULL;

        server_make_pki(*state);
        server_start(&s, *state, replies);
        CLEANUP(kube_freep) struct kube *k = open_admin(*state, &s);

        assert_int_equal(kube_get(k, &n1, &o, &e), 0);
        assert_string_equal(kube_string(o, "metadata", "name", NULL), "n1");
        assert_null(kube_string(o, "metadata", "uid", NULL));
        assert_null(kube_string(o, "metadata", NULL));
        json_decref(o);
        assert_int_equal(kube_get(k, &n1, NULL, &e), 0);
        server_stop(&s);
        assert_string_equal(s.asked, "kubernetes-admin GET /api/v1/nodes/n1 - \n"
                                     "kubernetes-admin GET /api/v1/nodes/n1 - \n");
}

/* Each verb's address, query, media type and body. */
static void test_requests(void **state) {
        const char *const replies[] = { node, node, node, node, node, node, NULL };
        CLEANUP(jread_decref)
        json_t *cm = json_pack("{s:s,s:s,s:{s:s,s:s}}", "apiVersion", "v1", "kind", "ConfigMap", "metadata",
                               "name", "c:1", "namespace", "kube-system");
        CLEANUP(jread_decref) json_t *patch = json_pack("{s:n}", "a");
        struct kube_server s;
        struct error e = { 0 };

        server_make_pki(*state);
        server_start(&s, *state, replies);
        CLEANUP(kube_freep) struct kube *k = open_admin(*state, &s);

        assert_int_equal(kube_create(k, cm, NULL, &e), 0);
        assert_int_equal(kube_server_apply(k, cm, false, NULL, &e), 0);
        assert_int_equal(kube_server_apply(k, cm, true, NULL, &e), 0);
        assert_int_equal(kube_patch(k, &n1, KUBE_PATCH_STRATEGIC, patch, NULL, &e), 0);
        assert_int_equal(kube_patch(k, &n1, KUBE_PATCH_JSON, patch, NULL, &e), 0);
        assert_int_equal(kube_delete(k, &n1, &e), 0);
        server_stop(&s);
#define CM                                                                                                   \
        "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c:1\","                      \
        "\"namespace\":\"kube-system\"}}\n"
#define AT "/api/v1/namespaces/kube-system/configmaps"
#define Q  "?fieldManager=triarch&fieldValidation=Strict"
        assert_string_equal(
                s.asked,
                "kubernetes-admin POST " AT Q " application/json " CM "kubernetes-admin PATCH " AT "/c:1" Q
                " application/apply-patch+yaml " CM "kubernetes-admin PATCH " AT "/c:1" Q
                "&force=true application/apply-patch+yaml " CM "kubernetes-admin PATCH /api/v1/nodes/n1" Q
                " application/strategic-merge-patch+json {\"a\":null}\n"
                "kubernetes-admin PATCH /api/v1/nodes/n1" Q " application/json-patch+json {\"a\":null}\n"
                "kubernetes-admin DELETE /api/v1/nodes/n1 - \n");
}

#define PAGE1 "{\"metadata\":{\"continue\":\"a+b&c\"},\"items\":[{\"a\":1}]}"
#define PAGE2 "{\"metadata\":{},\"items\":[{\"a\":2}]}"

static void test_list_is_read_page_by_page(void **state) {
        const char *const replies[] = { REPLY("200 OK", PAGE1), REPLY("200 OK", PAGE2), NULL };
        const struct kube_ref pods = { .api_version = "v1", .kind = "Pod" };
        struct kube_server s;
        struct error e = { 0 };
        json_t *items = NULL;

        server_make_pki(*state);
        server_start(&s, *state, replies);
        CLEANUP(kube_freep) struct kube *k = open_admin(*state, &s);

        assert_int_equal(kube_list(k, &pods, "k8s-app=kube-proxy,!x", &items, &e), 0);
        server_stop(&s);
        assert_int_equal(json_array_size(items), 2);
        json_decref(items);
        assert_string_equal(
                s.asked,
                "kubernetes-admin GET /api/v1/pods?limit=250&labelSelector=k8s-app%3Dkube-proxy%2C%21x - \n"
                "kubernetes-admin GET "
                "/api/v1/pods?limit=250&labelSelector=k8s-app%3Dkube-proxy%2C%21x&continue=a%2Bb%26c - \n");
}

#define BUSY         "{\"kind\":\"Status\",\"message\":\"etcdserver: leader changed\"}"
#define NO_NAMESPACE "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"details\":{\"kind\":\"namespaces\"}}"

/* What may pass by itself is tried again, on a new connection where the old one is gone. */
static void test_tries_again(void **state) {
        const char *const replies[] = { REPLY("503 Service Unavailable", BUSY),
                                        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\n"
                                        "Content-Length: 0\r\n\r\n",
                                        HANG_UP,
                                        REPLY("500 Internal Server Error", BUSY),
                                        REPLY("404 Not Found", NO_NAMESPACE),
                                        node,
                                        NULL };
        CLEANUP(jread_decref)
        json_t *cm = json_pack("{s:s,s:s,s:{s:s,s:s}}", "apiVersion", "v1", "kind", "ConfigMap", "metadata",
                               "name", "c", "namespace", "x");
        struct kube_server s;
        struct error e = { 0 };

        server_make_pki(*state);
        server_start(&s, *state, replies);
        CLEANUP(kube_freep) struct kube *k = open_admin(*state, &s);

        kube_limits(k, 5000, 60000);
        if (kube_server_apply(k, cm, false, NULL, &e) < 0)
                fail_msg("%s", e.message);
        server_stop(&s);
        for (size_t i = 0, n = 0; s.asked[i]; i++) {
                n += s.asked[i] == '\n';
                if (!s.asked[i + 1])
                        assert_int_equal(n, 6);
        }
}

/* What does not pass is not tried again: the script has one reply. */
static void test_verdicts_are_final(void **state) {
        static const struct {
                const char *reply;
                int result;
                const char *says;
        } cases[] = {
                { REPLY("403 Forbidden", "{\"kind\":\"Status\",\"reason\":\"Forbidden\"}"), -EPERM,
                  "Node n1: the API server at https://127.0.0.1:" },
                { REPLY("404 Not Found", ""), -ENOENT, "without saying why" },
                { "HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
                  -EBADMSG, "redirect" },
                { REPLY("200 OK", "<html/>"), -EBADMSG, "not with a JSON object: \"<html/>\"" },
                { REPLY("200 OK", "[]"), -EBADMSG, "not with a JSON object" },
        };

        server_make_pki(*state);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const char *const replies[] = { cases[i].reply, NULL };
                struct kube_server s;
                struct error e = { 0 };
                json_t *o = NULL;

                server_start(&s, *state, replies);
                CLEANUP(kube_freep) struct kube *k = open_admin(*state, &s);

                assert_int_equal(kube_get(k, &n1, &o, &e), cases[i].result);
                server_stop(&s);
                if (!strstr(e.message, cases[i].says))
                        fail_msg("%s", e.message);
        }
}

static void test_too_much_is_not_taken(void **state) {
        static const struct {
                const char *reply;
                int result;
                const char *says;
        } cases[] = {
                { "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n{", -EBADMSG, "more than 8 MiB" },
                { "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{", -EAGAIN, "no answer" },
        };

        server_make_pki(*state);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const char *const replies[] = { cases[i].reply, NULL };
                struct kube_server s;
                struct error e = { 0 };

                server_start(&s, *state, replies);
                CLEANUP(kube_freep) struct kube *k = open_admin(*state, &s);

                kube_limits(k, 5000, 0);
                assert_int_equal(kube_get(k, &n1, NULL, &e), cases[i].result);
                server_stop(&s);
                if (!strstr(e.message, cases[i].says))
                        fail_msg("%s", e.message);
        }
}

static void test_patience_ends(void **state) {
        struct kube_server s;
        struct error e = { 0 };
        const char *const replies[] = { NULL };

        server_make_pki(*state);
        server_start(&s, *state, replies);
        server_stop(&s);
        CLEANUP(kube_freep) struct kube *k = open_admin(*state, &s);

        kube_limits(k, 1000, 300);
        assert_int_equal(kube_get(k, &n1, NULL, &e), -EAGAIN);
        assert_non_null(strstr(e.message, "Node n1: no answer of https://127.0.0.1:"));
        assert_non_null(strstr(e.message, "does kube-apiserver run there?"));
}

/* Another CA than the one in the kubeconfig: nothing is sent. */
static void test_a_stranger_is_not_spoken_to(void **state) {
        const char *const replies[] = { node, NULL };
        CLEANUP(pki_wipe_freep) char *crt = NULL;
        char path[PATH_MAX];
        struct kube_server s;
        struct error e = { 0 };
        struct kube *k = NULL;
        size_t size;

        server_make_pki(*state);
        server_start(&s, *state, replies);
        assert_int_equal(
                pki_file_read(tmp_path(*state, CERT_DIR "/front-proxy-ca.crt", path), 65536, &crt, &size), 0);
        assert_int_equal(
                kube_new(&(struct kube_identity){ .server = s.url, .ca_pem = crt, .token = "t" }, &k, &e), 0);
        assert_int_equal(kube_get(k, &n1, NULL, &e), -EACCES);
        kube_free(k);
        server_stop(&s);
        assert_string_equal(s.asked, "");
}

static void test_identities(void **state) {
        const char *const replies[] = { node, NULL };
        CLEANUP(freep) char *ca = NULL;
        char path[PATH_MAX];
        struct kube_server s;
        struct error e = { 0 };
        struct kube *k = NULL;
        size_t size;

        server_make_pki(*state);
        server_start(&s, *state, replies);
        assert_int_equal(pki_file_read(tmp_path(*state, CERT_DIR "/ca.crt", path), 65536, &ca, &size), 0);
        const struct kube_identity bad[] = {
                { .server = "http://127.0.0.1:1", .ca_pem = ca },
                { .server = s.url, .token = "t" }, /* a token to whoever answers */
                { .server = s.url, .ca_pem = ca, .token = "a\r\nX: y" },
                { .server = s.url, .ca_pem = ca, .token = "" },
                { .server = s.url, .ca_pem = ca, .crt_pem = ca },
        };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(kube_new(&bad[i], &k, &e), -EINVAL);
        assert_int_equal(kube_new(&(struct kube_identity){ .server = s.url,
                                                           .ca_pem = ca,
                                                           .token = "abcdef.0123456789abcdef" },
                                  &k, &e),
                         0);
        assert_int_equal(kube_get(k, &n1, NULL, &e), 0);
        kube_free(k);
        server_stop(&s);
        assert_string_equal(s.asked, "Bearer abcdef.0123456789abcdef GET /api/v1/nodes/n1 - \n");
}

static void test_no_kubeconfig(void **state) {
        char path[PATH_MAX];
        struct error e = { 0 };
        struct kube *k = NULL;

        assert_int_equal(kube_open(tmp_path(*state, "admin.conf", path), NULL, &k, &e), -ENOENT);
        assert_string_equal(e.file, path);
        assert_int_equal(pki_file_write(path, 0600, (gid_t)-1, "a: b\n", 5, 0), 0);
        assert_int_equal(kube_open(path, NULL, &k, &e), -EINVAL);
        assert_string_equal(e.message, "has no current-context");
}

#define CM_AT(version)                                                                                       \
        "{\"kind\":\"ConfigMap\",\"metadata\":{\"resourceVersion\":\"" version "\"},\"data\":{\"a\":\"b\"}}"

struct seen {
        char text[256];
};

static void on_object(void *userdata, enum kube_outcome outcome, const char *object) {
        struct seen *s = userdata;
        size_t n = strlen(s->text);

        snprintf(s->text + n, sizeof s->text - n, "%d %s\n", (int)outcome, object);
}

/* Made, changed and kept are told by the resourceVersion. */
static void test_apply(void **state) {
        static const char text[] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: x}\n---\n"
                                   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, namespace: x}\n---\n"
                                   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: x}\n";
        const char *const replies[] = { REPLY("404 Not Found", ""),  REPLY("201 Created", CM_AT("1")),
                                        REPLY("200 OK", CM_AT("1")), REPLY("200 OK", CM_AT("2")),
                                        REPLY("200 OK", CM_AT("3")), REPLY("200 OK", CM_AT("3")),
                                        REPLY("200 OK", CM_AT("4")), REPLY("200 OK", CM_AT("4")),
                                        REPLY("200 OK", CM_AT("4")), NULL };
        struct seen seen = { "" };
        struct kube_server s;
        struct error e = { 0 };

        server_make_pki(*state);
        server_start(&s, *state, replies);
        CLEANUP(kube_freep) struct kube *k = open_admin(*state, &s);

        if (kube_apply(k, text, strlen(text), "text", KUBE_OURS, on_object, &seen, &e) < 0)
                fail_msg("%s", e.message);
        assert_string_equal(seen.text, "1 ConfigMap x/a\n2 ConfigMap x/b\n0 ConfigMap x/c\n");
        /* What is there is not touched. */
        memset(&seen, 0, sizeof seen);
        memset(s.asked, 0, sizeof s.asked);
        assert_int_equal(kube_apply(k, text, strlen(text), "text", KUBE_ONCE, on_object, &seen, &e), 0);
        server_stop(&s);
        assert_string_equal(seen.text, "0 ConfigMap x/a\n0 ConfigMap x/b\n0 ConfigMap x/c\n");
        assert_null(strstr(s.asked, "PATCH"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_get),
                tmp_test(test_requests),
                tmp_test(test_list_is_read_page_by_page),
                tmp_test(test_tries_again),
                tmp_test(test_verdicts_are_final),
                tmp_test(test_too_much_is_not_taken),
                tmp_test(test_patience_ends),
                tmp_test(test_a_stranger_is_not_spoken_to),
                tmp_test(test_identities),
                tmp_test(test_no_kubeconfig),
                tmp_test(test_apply),
        };

        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
