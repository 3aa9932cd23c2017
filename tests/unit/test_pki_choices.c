/* What the operator chooses of the PKI: the algorithm, how long certificates are good for, an etcd elsewhere.
 */
#include "tests/unit/pki_fixture.h"
#include <errno.h>
#include <openssl/x509v3.h>

static int64_t until(X509 *crt) {
        struct tm tm;

        assert_int_equal(ASN1_TIME_to_tm(X509_get0_notAfter(crt), &tm), 1);
        return timegm(&tm);
}

/* The digest follows from the signer's key, as Go has it. */
static void test_algorithms(void **state) {
        static const struct {
                enum pki_alg alg;
                const char *type, *header;
                int bits, signature;
        } t[] = {
                { PKI_ECDSA_P256, "EC", "EC PRIVATE KEY", 256, NID_ecdsa_with_SHA256 },
                { PKI_ECDSA_P384, "EC", "EC PRIVATE KEY", 384, NID_ecdsa_with_SHA384 },
                { PKI_RSA_2048, "RSA", "RSA PRIVATE KEY", 2048, NID_sha256WithRSAEncryption },
                { PKI_RSA_3072, "RSA", "RSA PRIVATE KEY", 3072, NID_sha256WithRSAEncryption },
                { PKI_RSA_4096, "RSA", "RSA PRIVATE KEY", 4096, NID_sha256WithRSAEncryption },
        };

        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                struct pki_params p = fixture_params(*state);
                struct pki_error e = { 0 };
                char dir[64], text[64] = "", path[PATH_MAX];
                EVP_PKEY *key;
                X509 *crt;
                FILE *f;

                snprintf(dir, sizeof dir, "/pki%zu", i);
                p.cert_dir = dir;
                p.alg = t[i].alg;
                assert_int_equal(pki_certs_ensure(&p, "front-proxy-ca", NULL, NULL, &e), 0);
                assert_int_equal(pki_certs_ensure(&p, "front-proxy-client", NULL, NULL, &e), 0);
                snprintf(path, sizeof path, "%s/front-proxy-client.crt", dir);
                assert_non_null(crt = fixture_cert(*state, path));
                snprintf(path, sizeof path, "%s/front-proxy-client.key", dir);
                assert_non_null(key = fixture_key(*state, path));
                assert_true(EVP_PKEY_is_a(key, t[i].type));
                assert_int_equal(EVP_PKEY_get_bits(key), t[i].bits);
                assert_int_equal(X509_get_signature_nid(crt), t[i].signature);
                assert_non_null(f = fopen(tmp_path(*state, path, (char[PATH_MAX]){ 0 }), "re"));
                assert_non_null(fgets(text, sizeof text, f));
                assert_non_null(strstr(text, t[i].header));
                fclose(f);
                EVP_PKEY_free(key);
                X509_free(crt);
        }
}

static void test_validity(void **state) {
        struct pki_params p = fixture_params(*state);
        struct fixture_log log;
        struct pki_error e;
        X509 *ca, *leaf, *own;

        p.leaf_s = 48 * 3600;
        p.ca_s = 1000 * 3600;
        assert_int_equal(fixture_all(&p, &log, &e), 0);
        ca = fixture_cert(*state, CERT_DIR "/ca.crt");
        leaf = fixture_cert(*state, CERT_DIR "/apiserver.crt");
        own = fixture_cert(*state, "/etc/triarch/pki/enroll.crt");
        assert_true(until(ca) == FIXTURE_NOW + 1000 * 3600);
        assert_true(until(leaf) == FIXTURE_NOW + 48 * 3600);
        assert_true(until(own) == FIXTURE_NOW + 48 * 3600);
        X509_free(ca);
        X509_free(leaf);
        X509_free(own);
}

static bool exists(void *state, const char *file) {
        char path[PATH_MAX];

        return access(tmp_path(state, file, path), F_OK) == 0;
}

static void test_etcd_elsewhere(void **state) {
        struct pki_params p = fixture_params(*state);
        struct fixture_log log;
        struct pki_error e;

        p.external_etcd = true;
        assert_int_equal(fixture_all(&p, &log, &e), 0);
        assert_true(exists(*state, CERT_DIR "/apiserver.crt") && exists(*state, CERT_DIR "/sa.key"));
        assert_false(exists(*state, CERT_DIR "/etcd") ||
                     exists(*state, CERT_DIR "/apiserver-etcd-client.crt"));
        assert_int_equal(pki_certs_ensure(&p, "etcd-server", NULL, NULL, &e), 0); /* nothing to do */
        assert_false(exists(*state, CERT_DIR "/etcd"));
        assert_int_equal(pki_certs_ensure(&p, "etcd-bogus", NULL, NULL, &e), -ENOENT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_algorithms),
                tmp_test(test_validity),
                tmp_test(test_etcd_elsewhere),
        };

        return cmocka_run_group_tests_name("pki/choices", tests, NULL, NULL);
}
