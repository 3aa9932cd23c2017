/* Whom a joiner believes to be the enrolment service: certificates made here, one thing wrong with each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/enroll_tls.h"
#include "pki/pin.h"
#include <openssl/x509v3.h>
#include <time.h>

enum { DAY = 86400 };

struct ca {
        EVP_PKEY *key;
        X509 *cert;
        char pin[PKI_PIN_SIZE], uri[80];
};

/* What the leaf says; what is NULL or 0 is as it should be. */
struct leaf_spec {
        const char *san; /* OpenSSL's notation */
        const char *eku; /* "" for none */
        bool is_ca;
        long from, until; /* days from now */
};

static void add(X509 *cert, X509 *issuer, int nid, const char *value) {
        X509V3_CTX ctx;
        X509_EXTENSION *ext;

        X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
        ext = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
        assert_non_null(ext);
        assert_int_equal(X509_add_ext(cert, ext, -1), 1);
        X509_EXTENSION_free(ext);
}

static X509 *begin(EVP_PKEY *key, const char *cn, const char *issuer_cn, long from, long until) {
        X509 *cert = X509_new();
        X509_NAME *issuer = X509_NAME_new();

        assert_non_null(cert);
        X509_set_version(cert, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(cert), 7);
        X509_gmtime_adj(X509_getm_notBefore(cert), from * DAY);
        X509_gmtime_adj(X509_getm_notAfter(cert), until * DAY);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const void *)cn, -1, -1,
                                   0);
        X509_NAME_add_entry_by_txt(issuer, "CN", MBSTRING_ASC, (const void *)issuer_cn, -1, -1, 0);
        X509_set_issuer_name(cert, issuer);
        X509_NAME_free(issuer);
        X509_set_pubkey(cert, key);
        return cert;
}

static void ca_make(struct ca *ca) {
        ca->key = EVP_EC_gen("P-256");
        ca->cert = begin(ca->key, "kubernetes", "kubernetes", -1, 3650);
        add(ca->cert, ca->cert, NID_basic_constraints, "critical,CA:TRUE");
        add(ca->cert, ca->cert, NID_key_usage, "critical,digitalSignature,keyEncipherment,keyCertSign");
        assert_true(X509_sign(ca->cert, ca->key, EVP_sha256()) > 0);
        assert_int_equal(pki_cert_pin(ca->cert, ca->pin), 0);
        snprintf(ca->uri, sizeof ca->uri, "URI:triarch://%.32s/enroll", ca->pin + 7);
}

static void ca_done(struct ca *ca) {
        EVP_PKEY_free(ca->key);
        X509_free(ca->cert);
}

static X509 *leaf_make(const struct ca *ca, const struct leaf_spec *spec) {
        EVP_PKEY *key = EVP_EC_gen("P-256");
        X509 *cert = begin(key, "triarch-enroll", "kubernetes", spec->from ? spec->from : -1,
                           spec->until ? spec->until : 365);

        add(cert, ca->cert, NID_basic_constraints, spec->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
        add(cert, ca->cert, NID_key_usage, "critical,digitalSignature,keyEncipherment");
        if (!spec->eku || *spec->eku)
                add(cert, ca->cert, NID_ext_key_usage, spec->eku ? spec->eku : "serverAuth");
        add(cert, ca->cert, NID_subject_alt_name, spec->san ? spec->san : ca->uri);
        assert_true(X509_sign(cert, ca->key, EVP_sha256()) > 0);
        EVP_PKEY_free(key);
        return cert;
}

/* The server presents `leaf` with `sent` as its CA, the joiner pins `pinned`. */
static int judge(X509 *leaf, const struct ca *sent, const struct ca *pinned, struct error *e) {
        STACK_OF(X509) *chain = sk_X509_new_null();
        struct enroll_pins pins = { .n = 1 };
        char id[PKI_CLUSTER_ID_SIZE] = "";
        int r;

        memcpy(pins.v[0], pinned->pin, sizeof pins.v[0]);
        sk_X509_push(chain, leaf);
        if (sent)
                sk_X509_push(chain, sent->cert);
        r = enroll_verify_server(leaf, chain, &pins, id, e);
        assert_true((r == 0) == (strlen(id) == 32));
        sk_X509_free(chain);
        return r;
}

static void expect_spec(const struct ca *ca, const struct leaf_spec *spec, const char *words) {
        struct error e = { 0 };
        X509 *leaf = leaf_make(ca, spec);
        int r = judge(leaf, ca, ca, &e);

        X509_free(leaf);
        if (!words) {
                if (r < 0)
                        fail_msg("refused: %s", e.message);
                return;
        }
        assert_true(r < 0);
        if (!strstr(e.message, words))
                fail_msg("\"%s\" is not in: %s", words, e.message);
}

static void test_enrolment_certificate_is_accepted_whatever_the_time(void **state) {
        struct ca ca;

        (void)state;
        ca_make(&ca);
        expect_spec(&ca, &(struct leaf_spec){ 0 }, NULL);
        expect_spec(&ca, &(struct leaf_spec){ .from = -800, .until = -400 }, NULL);
        expect_spec(&ca, &(struct leaf_spec){ .from = 400, .until = 800 }, NULL);
        ca_done(&ca);
}

static void test_other_certificates_of_the_cluster_are_refused(void **state) {
        char near[128], dns[128], longer[128], other[128];
        struct ca ca;

        (void)state;
        ca_make(&ca);
        snprintf(near, sizeof near, "URI:triarch://%.31s0/enroll", ca.pin + 7);
        if (!strcmp(near, ca.uri))
                near[strlen("URI:triarch://") + 31] = '1';
        snprintf(dns, sizeof dns, "DNS:%s", ca.uri + 4);
        snprintf(longer, sizeof longer, "%s2", ca.uri);
        snprintf(other, sizeof other, "URI:triarch://%.32s/agent", ca.pin + 7);
        expect_spec(&ca, &(struct leaf_spec){ .san = "DNS:kubernetes,IP:10.96.0.1" }, "triarch://");
        expect_spec(&ca, &(struct leaf_spec){ .san = near }, "triarch://");
        expect_spec(&ca, &(struct leaf_spec){ .san = dns }, "triarch://");
        expect_spec(&ca, &(struct leaf_spec){ .san = longer }, "triarch://");
        expect_spec(&ca, &(struct leaf_spec){ .san = other }, "triarch://");
        expect_spec(&ca, &(struct leaf_spec){ .eku = "clientAuth" }, "purpose");
        expect_spec(&ca, &(struct leaf_spec){ .eku = "" }, "serverAuth");
        expect_spec(&ca, &(struct leaf_spec){ .is_ca = true }, "CA certificate as its own");
        ca_done(&ca);
}

static void test_other_clusters_are_refused(void **state) {
        struct ca ours, theirs;
        struct error e = { 0 };
        X509 *leaf, *forged;

        (void)state;
        ca_make(&ours);
        ca_make(&theirs);
        leaf = leaf_make(&theirs, &(struct leaf_spec){ 0 });
        forged = leaf_make(&theirs, &(struct leaf_spec){ .san = ours.uri });
        assert_true(judge(leaf, &theirs, &ours, &e) < 0);
        assert_non_null(strstr(e.message, ours.pin));
        assert_non_null(strstr(e.message, theirs.pin));
        /* our CA is public: sending it along proves nothing */
        assert_true(judge(leaf, &ours, &ours, &e) < 0);
        assert_true(judge(forged, &ours, &ours, &e) < 0);
        assert_non_null(strstr(e.message, "not one of the cluster's CA"));
        assert_true(judge(forged, NULL, &ours, &e) < 0);
        assert_non_null(strstr(e.message, "no CA certificate"));
        X509_free(leaf);
        X509_free(forged);
        ca_done(&ours);
        ca_done(&theirs);
}

/* The CA's own certificate as leaf, and a leaf whose key is pinned: a pin names a CA, never a server. */
static void test_pin_of_a_leaf_is_no_anchor(void **state) {
        struct enroll_pins pins = { .n = 1 };
        STACK_OF(X509) *chain = sk_X509_new_null();
        char id[PKI_CLUSTER_ID_SIZE];
        struct error e;
        struct ca ca;
        X509 *leaf;

        (void)state;
        ca_make(&ca);
        leaf = leaf_make(&ca, &(struct leaf_spec){ 0 });
        assert_int_equal(pki_cert_pin(leaf, pins.v[0]), 0);
        sk_X509_push(chain, leaf);
        assert_true(enroll_verify_server(leaf, chain, &pins, id, &e) < 0);
        assert_true(judge(ca.cert, &ca, &ca, &e) < 0);
        sk_X509_free(chain);
        X509_free(leaf);
        ca_done(&ca);
}

static void test_pins_on_the_command_line(void **state) {
        static const char hex[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        char text[512], upper[512];
        static const char *const bad[] = {
                "",
                "sha256:",
                "sha256:12",
                "sha1:0123",
                ",",
                "sha256:12,",
                "sha256:zz23456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        };
        struct enroll_pins pins;
        struct error e;

        (void)state;
        snprintf(text, sizeof text, "sha256:%s", hex);
        assert_int_equal(enroll_pins_parse(text, &pins, &e), 0);
        assert_int_equal(pins.n, 1);
        assert_string_equal(pins.v[0], text);
        snprintf(upper, sizeof upper, "%s", text);
        for (char *p = upper; *p; p++)
                *p = *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
        assert_int_equal(enroll_pins_parse(upper, &pins, &e), 0);
        assert_string_equal(pins.v[0], text);
        snprintf(text, sizeof text, "sha256:%s,sha256:%s", hex, hex);
        assert_int_equal(enroll_pins_parse(text, &pins, &e), 0);
        assert_int_equal(pins.n, 2);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                assert_true(enroll_pins_parse(bad[i], &pins, &e) < 0);
                assert_int_equal(e.status, EXIT_INPUT);
        }
        snprintf(text, sizeof text, "sha256:%s,sha256:%s,sha256:%s,sha256:%s,sha256:%s", hex, hex, hex, hex,
                 hex);
        assert_true(enroll_pins_parse(text, &pins, &e) < 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_enrolment_certificate_is_accepted_whatever_the_time),
                cmocka_unit_test(test_other_certificates_of_the_cluster_are_refused),
                cmocka_unit_test(test_other_clusters_are_refused),
                cmocka_unit_test(test_pin_of_a_leaf_is_no_anchor),
                cmocka_unit_test(test_pins_on_the_command_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
