/* A worker's certificate: what the issuer signs, what it refuses, and what is installed on the node. */
#include "pki/file.h"
#include "pki/key.h"
#include "pki/kubeconfig.h"
#include "pki/kubelet.h"
#include "pki/node.h"
#include "tests/unit/tmpdir.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

DEFINE_CLEANUP(X509_REQ *, X509_REQ_free)

static struct pki_params params(const char *root) {
        return (struct pki_params){ .root = root,
                                    .cert_dir = "/etc/kubernetes/pki",
                                    .kube_dir = "/etc/kubernetes",
                                    .node_name = "w1",
                                    .cluster_name = "kubernetes",
                                    .advertise_address = "172.18.0.157",
                                    .bind_port = 6443,
                                    .endpoint_host = "172.18.0.192",
                                    .endpoint_port = 6443,
                                    .service_ip = "10.96.0.1",
                                    .dns_domain = "cluster.local",
                                    .now = 1795430000 };
}

static struct pki_params with_ca(const char *root) {
        struct pki_params p = params(root);

        assert_int_equal(pki_certs_ensure(&p, "ca", NULL, NULL, NULL), 0);
        return p;
}

static char *issue(const struct pki_params *p, const char *key, const char *name) {
        CLEANUP(freep) char *csr = NULL;
        struct pki_error e = { 0 };
        char *crt = NULL;

        assert_int_equal(pki_node_request(key, &csr), 0);
        if (pki_node_issue(p, csr, name, &crt, &e) < 0)
                fail_msg("%s: %s", e.file, e.reason);
        return crt;
}

static void assert_name(X509 *crt, int nid, const char *want) {
        char text[300];

        assert_true(X509_NAME_get_text_by_NID(X509_get_subject_name(crt), nid, text, sizeof text) > 0);
        assert_string_equal(text, want);
}

static void test_certificate_says_what_the_issuer_says(void **state) {
        struct pki_params p = with_ca(*state);
        CLEANUP(pki_wipe_freep) char *key = NULL;
        CLEANUP(freep) char *pem = NULL;
        CLEANUP(X509_freep) X509 *crt = NULL;
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *own = NULL;

        assert_int_equal(pki_node_key(&key), 0);
        pem = issue(&p, key, "w1");
        assert_int_equal(pki_cert_from_pem(pem, strlen(pem), &crt), 0);
        assert_name(crt, NID_commonName, "system:node:w1");
        assert_name(crt, NID_organizationName, "system:nodes");
        assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(crt)), 2);
        assert_int_equal(X509_get_extended_key_usage(crt), XKU_SSL_CLIENT);
        assert_false(X509_get_extension_flags(crt) & EXFLAG_CA);
        assert_int_equal(pki_key_from_pem(key, strlen(key), &own), 0);
        assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(crt), own), 1);
}

/* A request may ask for whatever it likes: for other names, to be a CA. Only its key is taken. */
static void test_what_the_request_asks_for_is_not_looked_at(void **state) {
        struct pki_params p = with_ca(*state);
        CLEANUP(X509_REQ_freep) X509_REQ *req = X509_REQ_new();
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
        STACK_OF(X509_EXTENSION) *wish = sk_X509_EXTENSION_new_null();
        CLEANUP(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());
        CLEANUP(freep) char *csr = NULL, *pem = NULL;
        CLEANUP(X509_freep) X509 *crt = NULL;

        X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(req), NID_organizationName, MBSTRING_UTF8,
                                   (const unsigned char *)"system:masters", -1, -1, 0);
        sk_X509_EXTENSION_push(wish, X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "CA:TRUE"));
        X509_REQ_add_extensions(req, wish);
        X509_REQ_set_pubkey(req, key);
        assert_true(X509_REQ_sign(req, key, EVP_sha256()) > 0);
        PEM_write_bio_X509_REQ(bio, req);
        assert_int_equal(pki_bio_text(bio, &csr), 0);
        assert_int_equal(pki_node_issue(&p, csr, "w1", &pem, NULL), 0);
        assert_int_equal(pki_cert_from_pem(pem, strlen(pem), &crt), 0);
        assert_name(crt, NID_organizationName, "system:nodes");
        assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(crt)), 2);
        assert_false(X509_get_extension_flags(crt) & EXFLAG_CA);
        sk_X509_EXTENSION_pop_free(wish, X509_EXTENSION_free);
}

static void expect_refused(const struct pki_params *p, const char *csr, const char *words) {
        struct pki_error e = { 0 };
        char *crt = NULL;

        assert_int_equal(pki_node_issue(p, csr, "w1", &crt, &e), -EINVAL);
        assert_null(crt);
        if (!strstr(e.reason, words))
                fail_msg("\"%s\" is not in: %s", words, e.reason);
}

/* The request of `key`, signed with `signer`. */
static char *request_of(EVP_PKEY *key, EVP_PKEY *signer) {
        CLEANUP(X509_REQ_freep) X509_REQ *req = X509_REQ_new();
        CLEANUP(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());
        char *csr;

        X509_REQ_set_pubkey(req, key);
        assert_true(X509_REQ_sign(req, signer, EVP_sha256()) > 0);
        PEM_write_bio_X509_REQ(bio, req);
        assert_int_equal(pki_bio_text(bio, &csr), 0);
        return csr;
}

static void test_requests_that_are_refused(void **state) {
        struct pki_params p = with_ca(*state);
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *weak = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *odd = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1");
        CLEANUP(freep) char *foreign = request_of(key, other), *small = request_of(weak, weak);
        CLEANUP(freep) char *curve = request_of(odd, odd);

        expect_refused(&p, "", "no certificate request");
        expect_refused(&p, "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
                       "no certificate request");
        expect_refused(&p, foreign, "not signed by the key");
        expect_refused(&p, small, "neither RSA");
        expect_refused(&p, curve, "neither RSA");
}

static char *read_under(const char *root, const char *file) {
        char path[PATH_MAX], *text;
        size_t size;

        snprintf(path, sizeof path, "%s%s", root, file);
        assert_int_equal(pki_file_read(path, 65536, &text, &size), 0);
        return text;
}

static void test_installed_as_the_kubelet_does(void **state) {
        struct pki_params p = with_ca(*state);
        CLEANUP(pki_wipe_freep) char *key = NULL, *pair = NULL;
        CLEANUP(freep) char *crt = NULL, *conf = NULL, *again = NULL, *want = NULL;
        CLEANUP(pki_kubeconfig_done) struct pki_kubeconfig k = { 0 };
        struct pki_error e = { 0 };
        char why[200];

        assert_int_equal(pki_node_key(&key), 0);
        crt = issue(&p, key, "w1");
        if (pki_node_install(&p, key, crt, NULL, NULL, &e) < 0)
                fail_msg("%s: %s", e.file, e.reason);
        pair = read_under(*state, PKI_KUBELET_CURRENT);
        assert_true(asprintf(&want, "%s%s", crt, key) > 0);
        assert_string_equal(pair, want);
        conf = read_under(*state, "/etc/kubernetes/kubelet.conf");
        assert_int_equal(pki_kubeconfig_parse(conf, strlen(conf), &k, why), 0);
        assert_string_equal(k.server, "https://172.18.0.192:6443");
        assert_string_equal(k.user, "system:node:w1");
        assert_string_equal(k.crt_file, PKI_KUBELET_CURRENT);
        assert_string_equal(k.key_file, PKI_KUBELET_CURRENT);
        assert_null(k.key_pem);
        /* once more: nothing changes */
        assert_int_equal(pki_node_install(&p, key, crt, NULL, NULL, NULL), 0);
        again = read_under(*state, "/etc/kubernetes/kubelet.conf");
        assert_string_equal(again, conf);
}

/* What the kubelet has renewed since then is newer than what the master gave. */
static void test_renewed_certificate_is_kept(void **state) {
        struct pki_params p = with_ca(*state);
        CLEANUP(pki_wipe_freep) char *key = NULL, *renewed = NULL, *pair = NULL, *both = NULL;
        CLEANUP(freep) char *crt = NULL, *newer = NULL;
        char path[PATH_MAX];

        assert_int_equal(pki_node_key(&key), 0);
        assert_int_equal(pki_node_key(&renewed), 0);
        crt = issue(&p, key, "w1");
        newer = issue(&p, renewed, "w1");
        assert_int_equal(pki_mkdir_p(tmp_path(*state, "var/lib/kubelet/pki", path), 0700), 0);
        assert_true(asprintf(&both, "%s%s", newer, renewed) > 0);
        tmp_path(*state, "var/lib/kubelet/pki/kubelet-client-2026-11-23-10-00-00.pem", path);
        assert_int_equal(pki_file_write(path, 0600, (gid_t)-1, both, strlen(both), 0), 0);
        tmp_path(*state, "var/lib/kubelet/pki/kubelet-client-current.pem", path);
        assert_int_equal(symlink("kubelet-client-2026-11-23-10-00-00.pem", path), 0);
        assert_int_equal(pki_node_install(&p, key, crt, NULL, NULL, NULL), 0);
        pair = read_under(*state, PKI_KUBELET_CURRENT);
        assert_string_equal(pair, both);
}

static void expect_not_installed(const struct pki_params *p, const char *key, const char *crt) {
        char path[PATH_MAX];

        assert_int_equal(pki_node_install(p, key, crt, NULL, NULL, NULL), -EINVAL);
        snprintf(path, sizeof path, "%s/etc/kubernetes/kubelet.conf", p->root);
        assert_int_equal(access(path, F_OK), -1);
        snprintf(path, sizeof path, "%s%s", p->root, PKI_KUBELET_CURRENT);
        assert_int_equal(faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW), -1);
}

static void test_misfits_are_not_installed(void **state) {
        char a[PATH_MAX], b[PATH_MAX];
        struct pki_params p = with_ca(tmp_path(*state, "a", a)), foreign = with_ca(tmp_path(*state, "b", b));
        CLEANUP(pki_wipe_freep) char *key = NULL, *other = NULL;
        CLEANUP(freep) char *crt = NULL, *named = NULL, *by_other_ca = NULL;

        assert_int_equal(pki_node_key(&key), 0);
        assert_int_equal(pki_node_key(&other), 0);
        crt = issue(&p, key, "w1");
        named = issue(&p, key, "w2");
        by_other_ca = issue(&foreign, key, "w1");
        expect_not_installed(&p, other, crt);
        expect_not_installed(&p, key, named);
        expect_not_installed(&p, key, by_other_ca);
        expect_not_installed(&p, key, "no certificate");
        expect_not_installed(&p, "no key", crt);
}

static void test_foreign_kubelet_conf_is_not_overwritten(void **state) {
        struct pki_params p = with_ca(*state);
        CLEANUP(pki_wipe_freep) char *key = NULL;
        CLEANUP(freep) char *crt = NULL, *left = NULL;
        struct pki_error e = { 0 };
        char path[PATH_MAX];

        assert_int_equal(pki_node_key(&key), 0);
        crt = issue(&p, key, "w1");
        tmp_path(*state, "etc/kubernetes/kubelet.conf", path);
        assert_int_equal(pki_file_write(path, 0600, (gid_t)-1, "mine\n", 5, 0), 0);
        assert_int_equal(pki_node_install(&p, key, crt, NULL, NULL, &e), -EINVAL);
        assert_string_equal(e.file, path);
        left = read_under(*state, "/etc/kubernetes/kubelet.conf");
        assert_string_equal(left, "mine\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_certificate_says_what_the_issuer_says),
                tmp_test(test_what_the_request_asks_for_is_not_looked_at),
                tmp_test(test_requests_that_are_refused),
                tmp_test(test_installed_as_the_kubelet_does),
                tmp_test(test_renewed_certificate_is_kept),
                tmp_test(test_misfits_are_not_installed),
                tmp_test(test_foreign_kubelet_conf_is_not_overwritten),
        };

        return cmocka_run_group_tests_name("pki/node", tests, NULL, NULL);
}
