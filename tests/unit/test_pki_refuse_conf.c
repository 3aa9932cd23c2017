/* A kubeconfig that exists and does not fit is an error that names file and reason, and changes nothing. */
#include "tests/unit/pki_misfit.h"
#include <errno.h>

static void spoil_conf_mode(void *state, struct pki_params *p) {
        (void)p;
        set_mode(state, KUBE_DIR "/admin.conf", 0644);
}

static void spoil_conf_server(void *state, struct pki_params *p) {
        (void)p;
        edit(state, KUBE_DIR "/scheduler.conf", "172.18.0.154", "172.18.0.155");
}

static void spoil_endpoint(void *state, struct pki_params *p) {
        (void)state;
        p->endpoint_port = 8443;
}

static void spoil_conf_user(void *state, struct pki_params *p) {
        (void)p;
        copy(state, KUBE_DIR "/super-admin.conf", KUBE_DIR "/admin.conf");
}

/* The kubeconfig of another cluster of the same names. */
static void spoil_conf_cluster(void *state, struct pki_params *p) {
        char *other = NULL, *admin;
        struct pki_params q = *p;
        struct pki_error e;

        assert_int_equal(tmp_setup((void **)&other), 0);
        q.root = other;
        assert_int_equal(pki_certs_ensure(&q, "ca", NULL, NULL, &e), 0);
        assert_int_equal(pki_kubeconfig_ensure(&q, "admin", NULL, NULL, &e), 0);
        admin = slurp(other, KUBE_DIR "/admin.conf");
        put(state, KUBE_DIR "/admin.conf", admin, 0600);
        free(admin);
        tmp_teardown((void **)&other);
}

/* The node of that name, not this one. */
static void spoil_node_name(void *state, struct pki_params *p) {
        (void)p;
        edit(state, KUBE_DIR "/kubelet.conf", "client-certificate-data: ", "x: ");
        edit(state, KUBE_DIR "/kubelet.conf",
             "client-key-data: ", "client-certificate: /etc/kubernetes/pki/ca.crt\n    client-key: ");
}

static void spoil_conf_garbage(void *state, struct pki_params *p) {
        (void)p;
        put(state, KUBE_DIR "/scheduler.conf", "a: [1, 2\n", 0600);
}

static void spoil_conf_empty(void *state, struct pki_params *p) {
        (void)p;
        put(state, KUBE_DIR "/scheduler.conf", "", 0600);
}

static void spoil_conf_truncated(void *state, struct pki_params *p) {
        (void)p;
        truncate_file(state, KUBE_DIR "/scheduler.conf");
}

static void spoil_conf_context(void *state, struct pki_params *p) {
        (void)p;
        edit(state, KUBE_DIR "/scheduler.conf", "current-context: \"system", "current-context: \"other");
}

static void spoil_conf_base64(void *state, struct pki_params *p) {
        (void)p;
        edit(state, KUBE_DIR "/scheduler.conf", "client-key-data: LS0t", "client-key-data: L%0t");
}

static void spoil_conf_cert(void *state, struct pki_params *p) {
        (void)p;
        edit(state, KUBE_DIR "/scheduler.conf", "client-certificate-data: LS0t",
             "client-certificate-data: eHh4");
}

static void spoil_conf_ca(void *state, struct pki_params *p) {
        (void)p;
        edit(state, KUBE_DIR "/scheduler.conf", "certificate-authority-data: LS0t",
             "certificate-authority-data: eHh4");
}

static void spoil_conf_key(void *state, struct pki_params *p) {
        char *other = slurp(state, KUBE_DIR "/admin.conf"), *text = slurp(state, KUBE_DIR "/scheduler.conf");
        char *from = strstr(text, "client-key-data: "), *to = strstr(other, "client-key-data: "), *line;

        (void)p;
        line = strndup(to, strcspn(to, "\n"));
        from = strndup(from, strcspn(from, "\n"));
        edit(state, KUBE_DIR "/scheduler.conf", from, line);
        free(line);
        free(from);
        free(text);
        free(other);
}

static void spoil_conf_no_key(void *state, struct pki_params *p) {
        (void)p;
        edit(state, KUBE_DIR "/scheduler.conf", "client-key-data: ", "token: ");
}

static void spoil_kubelet_pem_name(void *state, struct pki_params *p) {
        struct pki_error e;
        char path[PATH_MAX];

        assert_int_equal(pki_kubelet_finalize(p, NULL, NULL, &e), 0);
        tmp_path(state, "/var/lib/kubelet/pki/kubelet-client-current.pem", path);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(symlink("/etc/shadow", path), 0);
}

static void spoil_kubelet_pem_is_file(void *state, struct pki_params *p) {
        struct pki_error e;
        char path[PATH_MAX];

        assert_int_equal(pki_kubelet_finalize(p, NULL, NULL, &e), 0);
        tmp_path(state, "/var/lib/kubelet/pki/kubelet-client-current.pem", path);
        assert_int_equal(unlink(path), 0);
        put(state, "/var/lib/kubelet/pki/kubelet-client-current.pem", "x", 0600);
}

static void spoil_kubelet_pem(void *state, struct pki_params *p) {
        struct pki_error e;
        char path[PATH_MAX], target[PATH_MAX] = "", file[PATH_MAX];

        assert_int_equal(pki_kubelet_finalize(p, NULL, NULL, &e), 0);
        tmp_path(state, "/var/lib/kubelet/pki/kubelet-client-current.pem", path);
        assert_true(readlink(path, target, sizeof target - 1) > 0);
        snprintf(file, sizeof file, "/var/lib/kubelet/pki/%.200s", target);
        truncate_file(state, file);
}

/* clang-format off */
static const struct refusal refusals[] = {
        { "kubeconfig readable", spoil_conf_mode, "/admin.conf", "holds a private key and has mode 0644" },
        { "kubeconfig with other server", spoil_conf_server, "/scheduler.conf",
          "its server is https://172.18.0.155:6443, wanted is https://172.18.0.154:6443" },
        { "kubeconfigs after a move", spoil_endpoint, "/admin.conf", "wanted is https://172.18.0.192:8443" },
        { "kubeconfig of another user", spoil_conf_user, "/admin.conf",
          "subject is CN=kubernetes-super-admin,O=system:masters, wanted is CN=kubernetes-admin,O=kubeadm:cluster-admins" },
        { "kubeconfig of another cluster", spoil_conf_cluster, "/admin.conf", "certificate-authority-data is not the CA of " },
        { "kubeconfig naming other files", spoil_node_name, "/kubelet.conf", "has no client-certificate-data" },
        { "kubeconfig that is no YAML", spoil_conf_garbage, "/scheduler.conf", "is not YAML: line 2" },
        { "empty kubeconfig", spoil_conf_empty, "/scheduler.conf", "has no current-context" },
        { "truncated kubeconfig", spoil_conf_truncated, "/scheduler.conf", "has no user system:kube-scheduler" },
        { "kubeconfig without its context", spoil_conf_context, "/scheduler.conf", "has no cluster and user in its context other:" },
        { "kubeconfig with broken base64", spoil_conf_base64, "/scheduler.conf", "client-key-data is not base64" },
        { "kubeconfig without a certificate", spoil_conf_cert, "/scheduler.conf", "client-certificate-data holds no certificate" },
        { "kubeconfig without a CA", spoil_conf_ca, "/scheduler.conf", "certificate-authority-data holds no certificate" },
        { "kubeconfig with another key", spoil_conf_key, "/scheduler.conf", "client-key-data is not the key of " },
        { "kubeconfig without a key", spoil_conf_no_key, "/scheduler.conf", "has no client-certificate-data and client-key-data" },
        { "kubelet's link to elsewhere", spoil_kubelet_pem_name, "/kubelet-client-current.pem", "leads to \"/etc/shadow\"" },
        { "kubelet's link is a file", spoil_kubelet_pem_is_file, "/kubelet-client-current.pem", "is not a symbolic link" },
        { "kubelet's pair truncated", spoil_kubelet_pem, ".pem", "holds no" },
};
/* clang-format on */

static void test_misfits_are_named_and_left_alone(void **state) {
        (void)state;
        assert_all_refused(refusals, ARRAY_SIZE(refusals));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_misfits_are_named_and_left_alone),
        };

        return cmocka_run_group_tests_name("pki/kubeconfig", tests, NULL, NULL);
}
