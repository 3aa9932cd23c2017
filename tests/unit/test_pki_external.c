/* A CA that is elsewhere: its certificate is here, its key is not. Requests are made, signed by that CA as a
 * program of the operator's would, and init goes on with the certificates. */
#include "agent/command.h"
#include "pki/cert.h"
#include "pki/file.h"
#include "pki/key.h"
#include "tests/unit/pki_fixture.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <sys/wait.h>

static bool exists(void *state, const char *file) {
        char path[PATH_MAX];

        return access(tmp_path(state, file, path), F_OK) == 0;
}

static void move_away(void *state, const char *file) {
        char from[PATH_MAX], to[PATH_MAX + 8];

        tmp_path(state, file, from);
        snprintf(to, sizeof to, "%s.away", from);
        assert_int_equal(rename(from, to), 0);
}

/* A tree with the CA's certificate; its key is moved to ca.key.away. */
static void make_ca(void *state, const char *name) {
        struct pki_params p = fixture_params(state);
        struct pki_error e;
        char file[PATH_MAX];

        assert_int_equal(pki_certs_ensure(&p, name, NULL, NULL, &e), 0);
        snprintf(file, sizeof file, CERT_DIR "/%s.key", strcmp(name, "etcd-ca") ? name : "etcd/ca");
        move_away(state, file);
}

/* What the operator does: subject, key and extensions of the request, signed by the CA. */
static void sign(void *state, const char *csr_file, const char *crt_file, const char *ca) {
        char path[PATH_MAX], *pem;
        FILE *f = fopen(tmp_path(state, csr_file, path), "re");
        X509_REQ *request = f ? PEM_read_X509_REQ(f, NULL, NULL, NULL) : NULL;
        X509 *crt = X509_new(), *issuer;
        EVP_PKEY *key;
        STACK_OF(X509_EXTENSION) * list;

        if (!request)
                fail_msg("no request in %s", csr_file);
        fclose(f);
        assert_int_equal(X509_REQ_verify(request, X509_REQ_get0_pubkey(request)), 1);
        snprintf(path, sizeof path, CERT_DIR "/%s.crt", ca);
        assert_non_null(issuer = fixture_cert(state, path));
        snprintf(path, sizeof path, CERT_DIR "/%s.key.away", ca);
        assert_non_null(key = fixture_key(state, path));
        assert_int_equal(X509_set_version(crt, X509_VERSION_3), 1);
        assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(crt), 7), 1);
        assert_int_equal(X509_set_subject_name(crt, X509_REQ_get_subject_name(request)), 1);
        assert_int_equal(X509_set_issuer_name(crt, X509_get_subject_name(issuer)), 1);
        assert_int_equal(X509_set_pubkey(crt, X509_REQ_get0_pubkey(request)), 1);
        assert_non_null(ASN1_TIME_set(X509_getm_notBefore(crt), FIXTURE_NOW - 60));
        assert_non_null(ASN1_TIME_set(X509_getm_notAfter(crt), FIXTURE_NOW + 200LL * 86400));
        list = X509_REQ_get_extensions(request);
        for (int i = 0; i < sk_X509_EXTENSION_num(list); i++)
                assert_int_equal(X509_add_ext(crt, sk_X509_EXTENSION_value(list, i), -1), 1);
        assert_true(X509_sign(crt, key, EVP_sha256()) > 0);
        assert_int_equal(pki_cert_to_pem(crt, &pem), 0);
        assert_int_equal(
                pki_file_write(tmp_path(state, crt_file, path), 0644, (gid_t)-1, pem, strlen(pem), 0), 0);
        sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
        free(pem);
        EVP_PKEY_free(key);
        X509_free(issuer);
        X509_free(crt);
        X509_REQ_free(request);
}

static const char *const of_ca[] = { CERT_DIR "/apiserver", CERT_DIR "/apiserver-kubelet-client",
                                     "/etc/triarch/pki/enroll", "/etc/triarch/pki/healthcheck-client" };
static const char *const confs[] = { "admin", "super-admin", "kubelet", "controller-manager", "scheduler" };

static void sign_all(void *state) {
        char csr[PATH_MAX], crt[PATH_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(of_ca); i++) {
                snprintf(csr, sizeof csr, "%s.csr", of_ca[i]);
                snprintf(crt, sizeof crt, "%s.crt", of_ca[i]);
                sign(state, csr, crt, "ca");
        }
        for (size_t i = 0; i < ARRAY_SIZE(confs); i++) {
                snprintf(csr, sizeof csr, KUBE_DIR "/%s.conf.csr", confs[i]);
                snprintf(crt, sizeof crt, KUBE_DIR "/%s.conf.crt", confs[i]);
                sign(state, csr, crt, "ca");
        }
}

static int request_all(void *state, struct fixture_log *log, struct pki_error *e) {
        struct pki_params p = fixture_params(state);

        p.requests = true;
        return fixture_all(&p, log, e);
}

static void test_requests_are_signed_and_taken(void **state) {
        struct pki_params p = fixture_params(*state);
        struct fixture_log log;
        struct pki_error e;

        make_ca(*state, "ca");
        assert_int_equal(request_all(*state, &log, &e), 0);
        assert_int_equal(log.made, 2 * (ARRAY_SIZE(of_ca) + ARRAY_SIZE(confs)));
        assert_false(exists(*state, CERT_DIR "/front-proxy-client.key")); /* init signs that itself */
        assert_false(exists(*state, CERT_DIR "/apiserver.crt"));
        assert_int_equal(request_all(*state, &log, &e), 0); /* a request may be on its way */
        assert_int_equal(log.made, 0);
        sign_all(*state);
        if (fixture_all(&p, &log, &e) < 0)
                fail_msg("%s: %s", e.file, e.reason);
        assert_non_null(strstr(log.text, "kept " CERT_DIR "/apiserver.crt\n"));
        assert_non_null(strstr(log.text, "made " KUBE_DIR "/admin.conf\n"));
        assert_null(strstr(log.text, CERT_DIR "/ca.key"));
        assert_int_equal(fixture_all(&p, &log, &e), 0);
        assert_int_equal(log.made, 0);
        assert_int_equal(pki_kubelet_finalize(&p, NULL, NULL, &e), 0);
        assert_int_equal(request_all(*state, &log, &e), 0); /* nothing is to be asked for any more */
        assert_int_equal(log.made, 0);
}

static void test_what_is_missing_is_said(void **state) {
        struct pki_params p = fixture_params(*state);
        struct fixture_log log;
        struct pki_error e;
        char path[PATH_MAX];

        make_ca(*state, "ca");
        assert_int_equal(fixture_all(&p, &log, &e), -EINVAL);
        assert_non_null(strstr(e.file, "/apiserver.crt"));
        assert_non_null(strstr(e.reason, "needs a certificate, and the key of its CA"));
        assert_non_null(strstr(e.remedy, "triarch certs generate-csr"));
        assert_false(exists(*state, CERT_DIR "/apiserver.key")); /* nothing was begun */
        assert_int_equal(request_all(*state, &log, &e), 0);
        sign_all(*state);
        assert_int_equal(unlink(tmp_path(*state, KUBE_DIR "/admin.conf.crt", path)), 0);
        assert_int_equal(fixture_all(&p, &log, &e), -EINVAL);
        assert_non_null(strstr(e.file, "/admin.conf"));
        assert_non_null(strstr(e.reason, "waits for its certificate"));
        assert_non_null(strstr(e.remedy, "admin.conf.csr"));
        sign(*state, KUBE_DIR "/scheduler.conf.csr", KUBE_DIR "/admin.conf.crt", "ca"); /* of another */
        assert_int_equal(fixture_all(&p, &log, &e), -EINVAL);
        assert_non_null(strstr(e.reason, "is not the key of"));
}

/* Each CA for itself. */
static void test_etcds_ca_alone(void **state) {
        static const char *const leaves[] = { "etcd/server", "etcd/peer", "etcd/healthcheck-client",
                                              "apiserver-etcd-client" };
        struct pki_params p = fixture_params(*state);
        struct fixture_log log;
        struct pki_error e;
        char csr[PATH_MAX], crt[PATH_MAX];

        assert_int_equal(pki_certs_ensure(&p, "ca", NULL, NULL, &e), 0);
        make_ca(*state, "etcd-ca");
        assert_int_equal(request_all(*state, &log, &e), 0);
        assert_int_equal(log.made, 2 * ARRAY_SIZE(leaves));
        for (size_t i = 0; i < ARRAY_SIZE(leaves); i++) {
                snprintf(csr, sizeof csr, CERT_DIR "/%s.csr", leaves[i]);
                snprintf(crt, sizeof crt, CERT_DIR "/%s.crt", leaves[i]);
                sign(*state, csr, crt, "etcd/ca");
        }
        if (fixture_all(&p, &log, &e) < 0)
                fail_msg("%s: %s", e.file, e.reason);
}

/* ---- the commands ---- */

static int run(void *state, command_fn command, const char *a, const char *b, char out[8192]) {
        char *argv[] = { (char *)(uintptr_t)a,
                         (char *)(uintptr_t)(b ? b : "--skip-token-print"),
                         (char *)"--root",
                         state,
                         (char *)"--vip",
                         (char *)"172.18.0.192/22",
                         (char *)"--node-name",
                         (char *)"host1",
                         (char *)"--apiserver-advertise-address",
                         (char *)"172.18.0.154",
                         NULL };
        char path[PATH_MAX], *text;
        size_t size;
        int status;
        pid_t pid;

        tmp_path(state, "out", path);
        fflush(NULL);
        if (!(pid = fork())) {
                int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

                dup2(fd, 1);
                dup2(fd, 2);
                setvbuf(stdout, NULL, _IONBF, 0);
                _exit(command(10, argv));
        }
        assert_true(waitpid(pid, &status, 0) == pid);
        assert_int_equal(pki_file_read(path, 1 << 20, &text, &size), 0);
        snprintf(out, 8192, "%s", text);
        free(text);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_commands(void **state) {
        char out[8192], path[PATH_MAX], *text;
        size_t size;

        assert_int_equal(run(*state, cmd_certs, "certs", "generate-csr", out), 1);
        assert_non_null(strstr(out, "ca.crt: is missing"));
        make_ca(*state, "ca");
        assert_int_equal(run(*state, cmd_init, "init", NULL, out), 1);
        assert_non_null(strstr(out, "triarch certs generate-csr"));
        assert_int_equal(run(*state, cmd_certs, "certs", "generate-csr", out), 0);
        assert_non_null(strstr(out, "[certs] made /etc/kubernetes/pki/apiserver.csr\n"));
        assert_non_null(strstr(out, "[certs] made /etc/kubernetes/admin.conf.csr\n"));
        sign_all(*state);
        if (run(*state, cmd_init, "init", NULL, out) != 0)
                fail_msg("%s", out);
        assert_non_null(
                strstr(out, "no token was made: who joins is given the CA's key, and it is not here"));
        tmp_path(*state, "/etc/kubernetes/manifests/kube-controller-manager.yaml", path);
        assert_int_equal(pki_file_read(path, 1 << 20, &text, &size), 0);
        assert_non_null(strstr(text, "--cluster-signing-cert-file=\n"));
        assert_non_null(strstr(text, "--cluster-signing-key-file=\n"));
        free(text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_requests_are_signed_and_taken),
                tmp_test(test_what_is_missing_is_said),
                tmp_test(test_etcds_ca_alone),
                tmp_test(test_commands),
        };

        return cmocka_run_group_tests_name("pki/external", tests, NULL, NULL);
}
