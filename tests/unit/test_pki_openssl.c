/* What the openssl program says of every file: a reader that shares no code with this tree. */
#include "pki/file.h"
#include "pki/util.h"
#include "tests/unit/pki_fixture.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

enum { OUTPUT = 65536 };

/* Run it with both outputs in `out`; its exit status, -1 when there is no such program. */
static int run(char out[OUTPUT], const char *const args[]) {
        posix_spawn_file_actions_t actions;
        int pipe_fd[2], status, r;
        size_t n = 0;
        pid_t pid;

        assert_int_equal(pipe2(pipe_fd, O_CLOEXEC), 0);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, pipe_fd[1], STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&actions, pipe_fd[1], STDERR_FILENO);
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        r = posix_spawnp(&pid, "openssl", &actions, NULL, (char *const *)args, environ);
        posix_spawn_file_actions_destroy(&actions);
        close(pipe_fd[1]);
        for (ssize_t k = 1; r == 0 && k > 0 && n<OUTPUT - 1; n += k> 0 ? (size_t)k : 0)
                k = read(pipe_fd[0], out + n, OUTPUT - 1 - n);
        out[n] = '\0';
        close(pipe_fd[0]);
        if (r != 0)
                return -1;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

#define RUN(out, ...) run(out, (const char *const[]){ "openssl", __VA_ARGS__, NULL })

struct row {
        const char *file, *ca;
        bool server, client;
        const char *text[4]; /* what -text shows, among the rest */
};

/* clang-format off */
static const struct row rows[] = {
        { "ca", "ca", true, true, { "Subject: CN = kubernetes\n", "Digital Signature, Key Encipherment, Certificate Sign\n", "CA:TRUE\n", "DNS:kubernetes\n" } },
        { "front-proxy-ca", "front-proxy-ca", true, true, { "Subject: CN = front-proxy-ca\n", "CA:TRUE\n", "DNS:front-proxy-ca\n" } },
        { "etcd/ca", "etcd/ca", true, true, { "Subject: CN = etcd-ca\n", "CA:TRUE\n", "DNS:etcd-ca\n" } },
        { "apiserver", "ca", true, false, { "Subject: CN = kube-apiserver\n",
          "DNS:host1, DNS:kubernetes, DNS:kubernetes.default, DNS:kubernetes.default.svc, DNS:kubernetes.default.svc.cluster.local, "
          "IP Address:10.96.0.1, IP Address:172.18.0.154, IP Address:172.18.0.192\n", "CA:FALSE\n" } },
        { "apiserver-kubelet-client", "ca", false, true, { "Subject: CN = kube-apiserver-kubelet-client\n" } },
        { "front-proxy-client", "front-proxy-ca", false, true, { "Subject: CN = front-proxy-client\n" } },
        { "etcd/server", "etcd/ca", true, true, { "Subject: CN = host1\n", "TLS Web Server Authentication, TLS Web Client Authentication\n",
          "DNS:host1, DNS:localhost, IP Address:172.18.0.154, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1\n" } },
        { "etcd/peer", "etcd/ca", true, true, { "Subject: CN = host1\n", "TLS Web Server Authentication, TLS Web Client Authentication\n" } },
        { "etcd/healthcheck-client", "etcd/ca", false, true, { "Subject: CN = kube-etcd-healthcheck-client\n" } },
        { "apiserver-etcd-client", "etcd/ca", false, true, { "Subject: CN = kube-apiserver-etcd-client\n" } },
};

static const struct conf {
        const char *file, *subject;
} confs[] = {
        { "admin", "Subject: O = kubeadm:cluster-admins, CN = kubernetes-admin\n" },
        { "super-admin", "Subject: O = system:masters, CN = kubernetes-super-admin\n" },
        { "kubelet", "Subject: O = system:nodes, CN = system:node:host1\n" },
        { "controller-manager", "Subject: CN = system:kube-controller-manager\n" },
        { "scheduler", "Subject: CN = system:kube-scheduler\n" },
};
/* clang-format on */

static void path_of(void *state, const char *file, const char *end, char out[PATH_MAX]) {
        snprintf(out, PATH_MAX, "%s" CERT_DIR "/%s%s", (const char *)state, file, end);
}

static void assert_shows(const char *out, const char *want) {
        if (!strstr(out, want))
                print_error("no \"%s\" in:\n%s\n", want, out);
        assert_non_null(strstr(out, want));
}

static void check_chain(const char *crt, const char *ca, bool server, bool client) {
        char out[OUTPUT], now[32];

        snprintf(now, sizeof now, "%d", FIXTURE_NOW);
        assert_int_equal(RUN(out, "verify", "-attime", now, "-CAfile", ca, "-purpose", "sslserver", crt) == 0,
                         server);
        assert_int_equal(RUN(out, "verify", "-attime", now, "-CAfile", ca, "-purpose", "sslclient", crt) == 0,
                         client);
        snprintf(now, sizeof now, "%d", FIXTURE_NOW - 301); /* not valid yet */
        assert_int_not_equal(RUN(out, "verify", "-attime", now, "-CAfile", ca, crt), 0);
}

static void check_key(const char *key, enum pki_alg alg) {
        char out[OUTPUT];

        assert_int_equal(RUN(out, "pkey", "-in", key, "-noout", "-check"), 0);
        assert_shows(out, "Key is valid");
        assert_int_equal(RUN(out, alg == PKI_RSA_2048 ? "rsa" : "ec", "-in", key, "-noout", "-text"), 0);
        assert_shows(out, alg == PKI_RSA_2048 ? "Private-Key: (2048 bit" : "NIST CURVE: P-256");
}

static void check_row(void *state, const struct row *row, enum pki_alg alg) {
        char crt[PATH_MAX], ca[PATH_MAX], key[PATH_MAX], out[OUTPUT];

        path_of(state, row->file, ".crt", crt);
        path_of(state, row->file, ".key", key);
        path_of(state, row->ca, ".crt", ca);
        check_chain(crt, ca, row->server, row->client);
        check_key(key, alg);
        assert_int_equal(RUN(out, "x509", "-in", crt, "-noout", "-text"), 0);
        assert_shows(out, "Version: 3 (0x2)\n");
        assert_shows(out, "X509v3 Key Usage: critical\n");
        assert_shows(out, "X509v3 Basic Constraints: critical\n");
        assert_shows(out, alg == PKI_RSA_2048 ? "sha256WithRSAEncryption" : "ecdsa-with-SHA256");
        for (size_t i = 0; i < ARRAY_SIZE(row->text) && row->text[i]; i++)
                assert_shows(out, row->text[i]);
}

/* The value of a field of the kubeconfig, decoded by the program into a file. */
static void extract(void *state, const char *conf, const char *field, const char *to) {
        char path[PATH_MAX], base64[PATH_MAX], *text = NULL, *at, out[OUTPUT];
        size_t n;

        assert_int_equal(pki_file_read(tmp_path(state, conf, path), OUTPUT, &text, &n), 0);
        at = strstr(text, field);
        assert_non_null(at);
        at += strlen(field);
        tmp_path(state, "base64", base64);
        assert_int_equal(pki_file_write(base64, 0600, (gid_t)-1, at, strcspn(at, "\n"), 0), 0);
        assert_int_equal(RUN(out, "base64", "-d", "-A", "-in", base64, "-out", to), 0);
        free(text);
}

static void check_conf(void *state, const struct conf *conf, enum pki_alg alg) {
        char file[100], crt[PATH_MAX], key[PATH_MAX], ca[PATH_MAX], out[OUTPUT];

        snprintf(file, sizeof file, KUBE_DIR "/%s.conf", conf->file);
        extract(state, file, "certificate-authority-data: ", tmp_path(state, "ca.pem", ca));
        extract(state, file, "client-certificate-data: ", tmp_path(state, "crt.pem", crt));
        extract(state, file, "client-key-data: ", tmp_path(state, "key.pem", key));
        check_chain(crt, ca, false, true);
        check_key(key, alg);
        assert_int_equal(RUN(out, "x509", "-in", crt, "-noout", "-text"), 0);
        assert_shows(out, conf->subject);
        assert_null(strstr(out, "X509v3 Subject Alternative Name"));
}

static void check_sa(void *state, enum pki_alg alg) {
        char key[PATH_MAX], pub[PATH_MAX], made[PATH_MAX], *a = NULL, *b = NULL, out[OUTPUT];
        size_t na, nb;

        path_of(state, "sa", ".key", key);
        path_of(state, "sa", ".pub", pub);
        check_key(key, alg);
        assert_int_equal(RUN(out, "pkey", "-in", key, "-pubout", "-out", tmp_path(state, "pub", made)), 0);
        assert_int_equal(pki_file_read(pub, OUTPUT, &a, &na), 0);
        assert_int_equal(pki_file_read(made, OUTPUT, &b, &nb), 0);
        assert_string_equal(a, b);
        free(a);
        free(b);
}

/* kubeadm's recipe for the discovery hash. */
static void check_pin(void *state) {
        char ca[PATH_MAX], pub[PATH_MAX], der[PATH_MAX], out[OUTPUT], pin[PKI_PIN_SIZE],
                id[PKI_CLUSTER_ID_SIZE];
        struct pki_error e;

        path_of(state, "ca", ".crt", ca);
        tmp_path(state, "pub", pub);
        tmp_path(state, "der", der);
        assert_int_equal(pki_ca_pin(ca, pin, &e), 0);
        assert_int_equal(pki_cluster_id(ca, id, &e), 0);
        assert_int_equal(RUN(out, "x509", "-in", ca, "-noout", "-pubkey", "-out", pub), 0);
        assert_int_equal(RUN(out, "pkey", "-pubin", "-in", pub, "-outform", "DER", "-out", der), 0);
        assert_int_equal(RUN(out, "dgst", "-sha256", "-r", der), 0);
        assert_memory_equal(pin, "sha256:", 7);
        assert_memory_equal(pin + 7, out, 64);
        assert_int_equal(strlen(pin), 71);
        assert_memory_equal(id, out, 32);
        assert_int_equal(strlen(id), 32);
        assert_int_equal(pki_ca_pin(der, pin, &e), -EINVAL);
        assert_int_equal(pki_ca_pin(tmp_path(state, "none", pub), pin, &e), -ENOENT);
        assert_string_equal(e.file, pub);
}

static void check_own(void *state) {
        char ca[PATH_MAX], crt[PATH_MAX], out[OUTPUT];

        path_of(state, "ca", ".crt", ca);
        check_chain(tmp_path(state, "/etc/triarch/pki/enroll.crt", crt), ca, true, false);
        assert_int_equal(RUN(out, "x509", "-in", crt, "-noout", "-text"), 0);
        assert_shows(out, "DNS:host1, IP Address:172.18.0.154, URI:triarch://");
        check_chain(tmp_path(state, "/etc/triarch/pki/healthcheck-client.crt", crt), ca, false, true);
        assert_int_equal(RUN(out, "x509", "-in", crt, "-noout", "-text"), 0);
        assert_shows(out, "Subject: CN = triarch-healthcheck\n");
}

static void check_set(void **state, enum pki_alg alg) {
        struct pki_params p = fixture_params(*state);
        struct fixture_log log;
        struct pki_error e;

        p.alg = alg;
        assert_int_equal(fixture_all(&p, &log, &e), 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                check_row(*state, &rows[i], alg);
        for (size_t i = 0; i < ARRAY_SIZE(confs); i++)
                check_conf(*state, &confs[i], alg);
        check_sa(*state, alg);
        check_own(*state);
}

static void test_ecdsa_set(void **state) {
        check_set(state, PKI_ECDSA_P256);
        check_pin(*state);
}

static void test_rsa_set(void **state) {
        check_set(state, PKI_RSA_2048);
        check_pin(*state);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_ecdsa_set),
                tmp_test(test_rsa_set),
        };
        char out[OUTPUT];

        if (RUN(out, "version") != 0) {
                puts("skipped: there is no openssl program");
                return 77;
        }
        return cmocka_run_group_tests_name("pki/openssl", tests, NULL, NULL);
}
