/* Addresses of objects, and what is made of the API server's refusals. The corpus of the fuzz target has
 * those of kube-apiserver 1.36.2 as they came. */
#include "agent/kube_priv.h"
#include "pki/file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_paths(void **state) {
        static const struct {
                struct kube_ref ref;
                int result;
                const char *path;
        } cases[] = {
                { { "v1", "Node", NULL, "n1" }, 0, "/api/v1/nodes/n1" },
                { { "v1", "Node", "", NULL }, 0, "/api/v1/nodes" },
                { { "v1", "Secret", "kube-system", "s" }, 0, "/api/v1/namespaces/kube-system/secrets/s" },
                { { "v1", "Secret", NULL, NULL }, 0, "/api/v1/secrets" },
                { { "apps/v1", "DaemonSet", "a", "b" }, 0, "/apis/apps/v1/namespaces/a/daemonsets/b" },
                { { "rbac.authorization.k8s.io/v1", "ClusterRole", NULL, "kubeadm:get-nodes" },
                  0,
                  "/apis/rbac.authorization.k8s.io/v1/clusterroles/kubeadm:get-nodes" },
                { { "v1", "Node", "default", "n1" }, -EINVAL, "has no namespace" },
                { { "v1", "Secret", NULL, "s" }, -EINVAL, "needs a namespace" },
                { { "v1", "Node", NULL, "../secrets" }, -EINVAL, "cannot be asked for" },
                { { "v1", "Node", NULL, ".." }, -EINVAL, "cannot be asked for" },
                { { "v1", "Node", NULL, "n1?x" }, -EINVAL, "cannot be asked for" },
                { { "v1", "Node", NULL, "n%31" }, -EINVAL, "cannot be asked for" },
                { { "v1", "Secret", "a/b", "s" }, -EINVAL, "cannot be asked for" },
                { { "v2", "Node", NULL, "n1" }, -EOPNOTSUPP, "Node of v2" },
                { { "v1", "Banana", NULL, "n1" }, -EOPNOTSUPP, "Banana" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char path[KUBE_PATH_SIZE];
                struct error e = { 0 };

                assert_int_equal(kube_path(&cases[i].ref, path, &e), cases[i].result);
                if (cases[i].result == 0)
                        assert_string_equal(path, cases[i].path);
                else if (!strstr(e.message, cases[i].path))
                        fail_msg("%s", e.message);
        }
}

static void test_long_names_fit(void **state) {
        char name[254], path[KUBE_PATH_SIZE], subject[KUBE_SUBJECT_SIZE];
        const struct kube_ref ref = { "rbac.authorization.k8s.io/v1", "RoleBinding", name, name };
        struct error e;

        (void)state;
        memset(name, 'a', sizeof name - 1);
        name[sizeof name - 1] = '\0';
        assert_int_equal(kube_path(&ref, path, &e), 0);
        assert_string_equal(path + strlen(path) - 253, name);
        kube_subject(&ref, subject);
        assert_string_equal(subject + strlen(subject) - 253, name);
}

#define STATUS(code, reason, message, details)                                                               \
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":"     \
        "\"" message "\",\"reason\":\"" reason "\",\"details\":" details ",\"code\":" #code "}"

#define CONFLICT                                                                                             \
        STATUS(409, "Conflict",                                                                              \
               "Apply failed with 2 conflicts: conflicts with \\\"kubectl-edit\\\" using v1: ...",           \
               "{\"causes\":[{\"reason\":\"FieldManagerConflict\",\"message\":\"conflict with "              \
               "\\\"kubectl-edit\\\" using v1\",\"field\":\".data.Corefile\"},"                              \
               "{\"reason\":\"FieldManagerConflict\",\"message\":\"conflict with \\\"helm\\\"\",\"field\":"  \
               "\".metadata.labels.a\"}]}")

static void test_verdicts(void **state) {
        static const struct {
                long status;
                const char *body;
                int result;
                const char *says[3];
        } cases[] = {
                { 409,
                  CONFLICT,
                  -EBUSY,
                  { "ConfigMap kube-system/coredns: fields that are to be set were changed by somebody else: "
                    ".data.Corefile (conflict with \"kubectl-edit\" using v1), .metadata.labels.a (conflict "
                    "with \"helm\")",
                    "set them back" } },
                { 409,
                  STATUS(409, "AlreadyExists", "configmaps \\\"coredns\\\" already exists",
                         "{\"name\":\"coredns\"}"),
                  -EEXIST,
                  { "answers AlreadyExists (HTTP 409): configmaps \"coredns\" already exists" } },
                { 409,
                  STATUS(409, "Conflict", "the object has been modified", "{}"),
                  -EBUSY,
                  { "the object has been modified; somebody else changed it meanwhile: run this again" } },
                { 422,
                  STATUS(422, "Invalid", "ConfigMap \\\"A\\\" is invalid: metadata.name: Invalid value",
                         "{\"causes\":[{\"field\":\"metadata.name\"}]}"),
                  -EINVAL,
                  { "metadata.name: Invalid value" } },
                { 422,
                  "{\"kind\":\"Status\",\"reason\":\"Invalid\",\"details\":{\"causes\":[{\"field\":\"a.b\","
                  "\"message\":\"Required value\"},{\"message\":\"x\"}]}}",
                  -EINVAL,
                  { "a.b: Required value; x" } },
                { 400,
                  STATUS(400, "BadRequest", "strict decoding error: unknown field \\\"dada\\\"", "{}"),
                  -EINVAL,
                  { "https://h:6443 answers BadRequest (HTTP 400): strict decoding error: unknown field "
                    "\"dada\"" } },
                { 401,
                  STATUS(401, "Unauthorized", "Unauthorized", "{}"),
                  -EACCES,
                  { "Unauthorized; the API server does not know this user", "expired?" } },
                { 403,
                  STATUS(403, "Forbidden", "nodes is forbidden: User \\\"x\\\" cannot", "{}"),
                  -EPERM,
                  { "User \"x\" cannot; give this user the right" } },
                { 404,
                  STATUS(404, "NotFound", "nodes \\\"n1\\\" not found", "{}"),
                  -ENOENT,
                  { "not found" } },
                { 500, STATUS(500, "InternalError", "boom", "{}"), -EAGAIN, { "boom" } },
                { 504, STATUS(504, "Timeout", "etcd", "{}"), -EAGAIN, { "waits for etcd in vain" } },
                { 429, "", -EAGAIN, { "overloaded" } },
                { 502, "<html>bad gateway</html>", -EAGAIN, { "\"<html>bad gateway</html>\"" } },
                { 418, "{", -EBADMSG, { "HTTP 418, without saying why: \"{\"" } },
                { 301, "", -EBADMSG, { "redirect (HTTP 301)", "is it the address of the API server?" } },
                { 409,
                  "{\"kind\":\"Status\",\"details\":{\"causes\":7}}",
                  -EBUSY,
                  { "an error (HTTP 409)" } },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const struct kube_reply reply = { cases[i].status, (char *)(uintptr_t)cases[i].body,
                                                  strlen(cases[i].body) };
                struct error e = { 0 };

                assert_int_equal(
                        kube_status_error("https://h:6443", "ConfigMap kube-system/coredns", &reply, &e),
                        cases[i].result);
                for (size_t k = 0; k < 3 && cases[i].says[k]; k++)
                        if (!strstr(e.message, cases[i].says[k]))
                                fail_msg("%s", e.message);
        }
}

static void test_real_verdicts(void **state) {
        static const struct {
                const char *file;
                long status;
                int result;
                const char *says;
        } cases[] = {
                { "already-exists", 409, -EEXIST,
                  "answers AlreadyExists (HTTP 409): configmaps \"c1\" already" },
                { "bad-request", 400, -EINVAL, "answers BadRequest (HTTP 400)" },
                { "changed-meanwhile", 409, -EBUSY, "somebody else changed it meanwhile" },
                { "conflict", 409, -EBUSY, ".data.a (conflict with \"kubectl-create\" using v1)" },
                { "forbidden", 403, -EPERM, "User \"kubernetes-admin\" cannot list resource \"nodes\"" },
                { "invalid", 422, -EINVAL, "metadata.name: Invalid value: \"A_b\"" },
                { "no-namespace", 404, -ENOENT, "namespaces \"nowhere\" not found" },
                { "not-found", 404, -ENOENT, "configmaps \"none\" not found" },
                { "unauthorized", 401, -EACCES, "does not know this user" },
                { "unknown-field", 400, -EINVAL, ".dada: field not declared in schema" },
                { "node", 500, -EAGAIN, "HTTP 500, without saying why" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                CLEANUP(freep) char *text = NULL;
                struct kube_reply reply = { .status = cases[i].status };
                struct error e = { 0 };
                char path[128];

                snprintf(path, sizeof path, "tests/fuzz/corpus/kube/%s", cases[i].file);
                assert_int_equal(pki_file_read(path, 65536, &text, &reply.size), 0);
                reply.body = text;
                assert_int_equal(kube_status_error("https://h:6443", "it", &reply, &e), cases[i].result);
                if (!strstr(e.message, cases[i].says))
                        fail_msg("%s: %s", cases[i].file, e.message);
        }
}

/* A missing namespace is made by the API server soon; another missing thing is not, nor does asking for an
 * object wait for its namespace. */
static void test_what_passes(void **state) {
        static const char namespace[] = "{\"kind\":\"Status\",\"details\":{\"kind\":\"namespaces\"}}";
        static const char node[] = "{\"kind\":\"Status\",\"details\":{\"kind\":\"nodes\"}}";
        static const struct {
                long status;
                const char *sent, *body;
                bool passes;
        } cases[] = {
                { 404, "{}", namespace, true }, { 404, NULL, namespace, false }, { 404, "{}", node, false },
                { 429, NULL, "", true },        { 500, NULL, "", true },         { 503, NULL, "", true },
                { 200, NULL, "{}", false },     { 409, "{}", "{}", false },      { 403, NULL, "{}", false },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const struct kube_request q = { .method = "PATCH", .body = cases[i].sent };
                const struct kube_reply reply = { cases[i].status, (char *)(uintptr_t)cases[i].body,
                                                  strlen(cases[i].body) };

                assert_int_equal(kube_status_passes(&q, &reply), cases[i].passes);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_paths),       cmocka_unit_test(test_long_names_fit),
                cmocka_unit_test(test_verdicts),    cmocka_unit_test(test_real_verdicts),
                cmocka_unit_test(test_what_passes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
