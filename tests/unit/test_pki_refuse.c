/* What exists and does not fit is an error that names file and reason, and changes nothing. */
#include "tests/unit/pki_misfit.h"
#include <errno.h>

#define CA      CERT_DIR "/ca.crt"
#define CA_KEY  CERT_DIR "/ca.key"
#define LEAF    CERT_DIR "/apiserver-kubelet-client.crt"
#define LEAF_CN "kube-apiserver-kubelet-client"
#define KU      "critical,digitalSignature,keyEncipherment"
#define BC      "critical,CA:FALSE"
#define GOOD    .file = LEAF, .ca = CA, .ca_key = CA_KEY, .cn = LEAF_CN, .ku = KU, .eku = "clientAuth", .bc = BC

static void spoil_issuer(void *state, struct pki_params *p) {
        (void)p;
        forge(state, &(struct forgery){ .file = LEAF,
                                        .ca = CERT_DIR "/etcd/ca.crt",
                                        .ca_key = CERT_DIR "/etcd/ca.key",
                                        .cn = LEAF_CN,
                                        .ku = KU,
                                        .eku = "clientAuth",
                                        .bc = BC });
}

static void spoil_signer(void *state, struct pki_params *p) {
        (void)p;
        forge(state, &(struct forgery){ .file = LEAF,
                                        .ca = CA,
                                        .ca_key = CERT_DIR "/etcd/ca.key",
                                        .cn = LEAF_CN,
                                        .ku = KU,
                                        .eku = "clientAuth",
                                        .bc = BC });
}

static void spoil_signature(void *state, struct pki_params *p) {
        (void)p;
        forge(state, &(struct forgery){ GOOD, .broken = true });
}

static void spoil_authority(void *state, struct pki_params *p) {
        (void)p;
        forge(state, &(struct forgery){ GOOD, .alien = true });
}

static void spoil_cn(void *state, struct pki_params *p) {
        struct forgery f = { GOOD };

        (void)p;
        f.cn = "kube-apiserver";
        forge(state, &f);
}

static void spoil_o(void *state, struct pki_params *p) {
        (void)p;
        forge(state, &(struct forgery){ GOOD, .o = "system:masters" });
}

static void spoil_eku(void *state, struct pki_params *p) {
        struct forgery f = { GOOD };

        (void)p;
        f.eku = "serverAuth";
        forge(state, &f);
}

static void spoil_one_eku_of_two(void *state, struct pki_params *p) {
        (void)p;
        forge(state, &(struct forgery){ .file = CERT_DIR "/etcd/server.crt",
                                        .ca = CERT_DIR "/etcd/ca.crt",
                                        .ca_key = CERT_DIR "/etcd/ca.key",
                                        .cn = "host1",
                                        .ku = KU,
                                        .eku = "clientAuth",
                                        .bc = BC });
}

static void spoil_ku(void *state, struct pki_params *p) {
        struct forgery f = { GOOD };

        (void)p;
        f.ku = "critical,keyAgreement";
        forge(state, &f);
}

static void spoil_leaf_is_ca(void *state, struct pki_params *p) {
        struct forgery f = { GOOD };

        (void)p;
        f.ku = "critical,digitalSignature,keyCertSign";
        f.bc = "critical,CA:TRUE";
        forge(state, &f);
}

static void spoil_ca_is_none(void *state, struct pki_params *p) {
        (void)p;
        forge(state, &(struct forgery){ .file = CA, .cn = "kubernetes", .ku = KU, .bc = BC });
}

static void spoil_ca_may_not_sign(void *state, struct pki_params *p) {
        (void)p;
        forge(state, &(struct forgery){ .file = CA, .cn = "kubernetes", .ku = KU, .bc = "critical,CA:TRUE" });
}

static void spoil_ca_signature(void *state, struct pki_params *p) {
        (void)p;
        forge(state, &(struct forgery){ .file = CA,
                                        .cn = "kubernetes",
                                        .ku = KU ",keyCertSign",
                                        .bc = "critical,CA:TRUE",
                                        .broken = true });
}

static void spoil_ca_is_intermediate(void *state, struct pki_params *p) {
        (void)p;
        forge(state, &(struct forgery){ .file = CA,
                                        .ca = CERT_DIR "/etcd/ca.crt",
                                        .ca_key = CERT_DIR "/etcd/ca.key",
                                        .cn = "kubernetes",
                                        .ku = KU ",keyCertSign",
                                        .bc = "critical,CA:TRUE" });
}

static void spoil_dns_san(void *state, struct pki_params *p) {
        static const char *const sans[] = { "host1", "new.example", NULL };

        (void)state;
        p->cert_sans = sans;
}

static void spoil_ip_san(void *state, struct pki_params *p) {
        (void)state;
        p->endpoint_host = "172.18.0.200";
}

static void spoil_etcd_san(void *state, struct pki_params *p) {
        static const char *const sans[] = { "2001:db8::7", NULL };

        (void)state;
        p->etcd_peer_sans = sans;
}

static void spoil_clock_late(void *state, struct pki_params *p) {
        (void)state;
        p->now += 366 * DAY;
}

static void spoil_clock_very_late(void *state, struct pki_params *p) {
        (void)state;
        p->now += 3651LL * DAY;
}

static void spoil_clock_early(void *state, struct pki_params *p) {
        (void)state;
        p->now -= DAY;
}

static void spoil_key_of_another(void *state, struct pki_params *p) {
        (void)p;
        copy(state, CERT_DIR "/front-proxy-client.key", CERT_DIR "/apiserver.key");
}

static void spoil_ca_key_of_another(void *state, struct pki_params *p) {
        (void)p;
        copy(state, CERT_DIR "/etcd/ca.key", CA_KEY);
}

static void spoil_sa_pub_of_another(void *state, struct pki_params *p) {
        char *text = NULL;
        EVP_PKEY *key = fixture_key(state, CA_KEY);
        BIO *bio = BIO_new(BIO_s_mem());
        long n;

        (void)p;
        PEM_write_bio_PUBKEY(bio, key);
        n = BIO_get_mem_data(bio, &text);
        text = strndup(text, (size_t)n);
        put(state, CERT_DIR "/sa.pub", text, 0600);
        free(text);
        EVP_PKEY_free(key);
        BIO_free(bio);
}

static void spoil_crt_garbage(void *state, struct pki_params *p) {
        (void)p;
        put(state, LEAF, "not a certificate\n", 0644);
}

static void spoil_crt_empty(void *state, struct pki_params *p) {
        (void)p;
        put(state, LEAF, "", 0644);
}

static void spoil_crt_truncated(void *state, struct pki_params *p) {
        (void)p;
        truncate_file(state, CA);
}

static void spoil_key_truncated(void *state, struct pki_params *p) {
        (void)p;
        truncate_file(state, CERT_DIR "/etcd/peer.key");
}

static void spoil_sa_key_truncated(void *state, struct pki_params *p) {
        (void)p;
        truncate_file(state, CERT_DIR "/sa.key");
}

static void spoil_sa_pub_truncated(void *state, struct pki_params *p) {
        (void)p;
        truncate_file(state, CERT_DIR "/sa.pub");
}

static void write_key(void *state, const char *file, EVP_PKEY *key, const char *passphrase) {
        BIO *bio = BIO_new(BIO_s_mem());
        char *text;
        long n;

        assert_int_equal(PEM_write_bio_PrivateKey(bio, key, passphrase ? EVP_aes_128_cbc() : NULL,
                                                  (unsigned char *)passphrase,
                                                  passphrase ? (int)strlen(passphrase) : 0, NULL, NULL),
                         1);
        n = BIO_get_mem_data(bio, &text);
        text = strndup(text, (size_t)n);
        put(state, file, text, 0600);
        free(text);
        BIO_free(bio);
        EVP_PKEY_free(key);
}

static void spoil_key_encrypted(void *state, struct pki_params *p) {
        (void)p;
        write_key(state, CERT_DIR "/apiserver.key", fixture_key(state, CERT_DIR "/apiserver.key"), "secret");
}

static void spoil_key_algorithm(void *state, struct pki_params *p) {
        (void)p;
        write_key(state, CERT_DIR "/apiserver.key", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL);
}

static void spoil_key_mode(void *state, struct pki_params *p) {
        (void)p;
        set_mode(state, CERT_DIR "/apiserver.key", 0640);
}

static void spoil_sa_key_mode(void *state, struct pki_params *p) {
        (void)p;
        set_mode(state, CERT_DIR "/sa.key", 0604);
}

static void spoil_crt_is_directory(void *state, struct pki_params *p) {
        char path[PATH_MAX];

        (void)p;
        assert_int_equal(unlink(tmp_path(state, LEAF, path)), 0);
        assert_int_equal(mkdir(path, 0755), 0);
}

static void spoil_crt_huge(void *state, struct pki_params *p) {
        char path[PATH_MAX];

        (void)p;
        assert_int_equal(truncate(tmp_path(state, LEAF, path), (1 << 20) + 1), 0);
}

static void spoil_enroll_uri(void *state, struct pki_params *p) {
        (void)p;
        forge(state, &(struct forgery){ .file = "/etc/triarch/pki/enroll.crt",
                                        .ca = CA,
                                        .ca_key = CA_KEY,
                                        .cn = "triarch-enroll",
                                        .ku = KU,
                                        .eku = "serverAuth",
                                        .bc = BC,
                                        .san = "DNS:host1,IP:172.18.0.154" });
}

/* clang-format off */
static const struct refusal refusals[] = {
        { "other issuer", spoil_issuer, LEAF, "issuer is CN=etcd-ca, wanted is CN=kubernetes of " },
        { "signed by another key", spoil_signer, LEAF, "its signature is not by the key of " },
        { "signature changed", spoil_signature, LEAF, "its signature is not by the key of " },
        { "another key of the issuer's", spoil_authority, LEAF, "authority and subject key identifier mismatch" },
        { "other common name", spoil_cn, LEAF, "subject is CN=kube-apiserver, wanted is CN=" LEAF_CN },
        { "other organization", spoil_o, LEAF, "subject is CN=" LEAF_CN ",O=system:masters, wanted is CN=" LEAF_CN },
        { "other extended usage", spoil_eku, LEAF, "extended key usage lacks TLS Web Client Authentication" },
        { "one of two usages", spoil_one_eku_of_two, "/etcd/server.crt", "lacks TLS Web Server Authentication" },
        { "other usage", spoil_ku, LEAF, "key usage lacks Digital Signature" },
        { "leaf that is a CA", spoil_leaf_is_ca, LEAF, "is a CA certificate" },
        { "CA that is none", spoil_ca_is_none, CA, "is no CA certificate" },
        { "CA that may not sign", spoil_ca_may_not_sign, CA, "key usage lacks Certificate Sign" },
        { "CA signature changed", spoil_ca_signature, CA, "its signature is not by the key of its own subject" },
        { "CA not self-signed", spoil_ca_is_intermediate, CA, "is not self-signed: subject CN=kubernetes, issuer CN=etcd-ca" },
        { "missing DNS SAN", spoil_dns_san, "/apiserver.crt", "lacks the SAN DNS:new.example" },
        { "missing address SAN", spoil_ip_san, "/apiserver.crt", "lacks the SAN IP:172.18.0.200" },
        { "missing SAN of etcd", spoil_etcd_san, "/etcd/peer.crt", "lacks the SAN IP:2001:db8::7" },
        { "missing URI SAN", spoil_enroll_uri, "/enroll.crt", "lacks the SAN URI:triarch://" },
        { "expired", spoil_clock_late, "/apiserver.crt", "expired at 2027-11-23 02:13:20 UTC, and now is 2027-11-24" },
        { "expired CA", spoil_clock_very_late, CA, "expired at 2036-11-20" },
        { "not yet valid", spoil_clock_early, CA, "is not yet valid: from 2026-11-23 02:08:20 UTC, and now is 2026-11-22" },
        { "key of another", spoil_key_of_another, "/apiserver.key", "is not the private key of the certificate in " },
        { "key of another CA", spoil_ca_key_of_another, CA_KEY, "is not the private key of the certificate in " },
        { "sa.pub of another", spoil_sa_pub_of_another, "/sa.pub", "is not the public half of " },
        { "garbage", spoil_crt_garbage, LEAF, "holds no certificate" },
        { "empty", spoil_crt_empty, LEAF, "holds no certificate" },
        { "truncated certificate", spoil_crt_truncated, CA, "holds no certificate" },
        { "truncated key", spoil_key_truncated, "/etcd/peer.key", "holds no private key" },
        { "truncated sa.key", spoil_sa_key_truncated, "/sa.key", "holds no private key" },
        { "truncated sa.pub", spoil_sa_pub_truncated, "/sa.pub", "holds no public key" },
        { "encrypted key", spoil_key_encrypted, "/apiserver.key", "without a passphrase" },
        { "key of another kind", spoil_key_algorithm, "/apiserver.key", "algorithm that is not supported" },
        { "key readable by the group", spoil_key_mode, "/apiserver.key", "holds a private key and has mode 0640" },
        { "key readable by others", spoil_sa_key_mode, "/sa.key", "holds a private key and has mode 0604" },
        { "directory", spoil_crt_is_directory, LEAF, "is not a regular file" },
        { "huge", spoil_crt_huge, LEAF, "cannot be read: File too large" },
};
/* clang-format on */

static void test_misfits_are_named_and_left_alone(void **state) {
        (void)state;
        assert_all_refused(refusals, ARRAY_SIZE(refusals));
}

/* The forger itself: what it changes nothing in is kept. */
static void test_a_good_certificate_from_elsewhere_is_kept(void **state) {
        struct pki_params p = fixture_params(*state);
        struct fixture_log log;
        struct pki_error e;

        assert_int_equal(fixture_all(&p, &log, &e), 0);
        forge(*state, &(struct forgery){ GOOD });
        forge(*state, &(struct forgery){ .file = CERT_DIR "/front-proxy-ca.crt",
                                         .cn = "front-proxy-ca",
                                         .ku = KU ",keyCertSign",
                                         .bc = "critical,CA:TRUE" });
        assert_int_equal(fixture_all(&p, &log, &e), 0);
        assert_int_equal(log.kept, SET);
}

static void test_names_that_are_none(void **state) {
        static const char *const bad[] = {
                "foo bar",
                "",
                "under_score",
                "UPPER.example",
                "-dash",
                "dash-",
                "a..b",
                ".a",
                "a.",
                "*",
                "*.",
                "a.*.b",
                "10.0.0.1/8",
                "fe80::1%eth0",
                "x:y",
                "\xc3\xa9.example",
                "https://a.b",
                "*.*.a",
                "sixty-four-characters-in-one-label-are-1-more-than-dns-allows-it.a"
        };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                const char *const sans[] = { "fine.example", bad[i], NULL };
                struct pki_params p = fixture_params(*state);
                struct pki_error e;

                p.cert_sans = sans;
                assert_int_equal(pki_certs_ensure(&p, "all", NULL, NULL, &e), -EINVAL);
                assert_string_equal(e.file, "");
                assert_non_null(strstr(e.reason, "certSANs \""));
                assert_non_null(strstr(e.reason, bad[i]));
                assert_int_equal(tmp_count(*state), 0);
        }
}

static void test_node_names_that_are_none(void **state) {
        struct pki_params p = fixture_params(*state);
        struct pki_error e;

        p.node_name = "Host 1";
        assert_int_equal(pki_certs_ensure(&p, "all", NULL, NULL, &e), -EINVAL);
        assert_non_null(strstr(e.reason, "the node's name \"Host 1\" is neither"));
        p.node_name = "host1";
        p.dns_domain = "cluster local";
        assert_int_equal(pki_certs_ensure(&p, "all", NULL, NULL, &e), -EINVAL);
        assert_non_null(strstr(e.reason, "DNS domain"));
        assert_int_equal(tmp_count(*state), 0);
}

static void test_a_key_of_another_user_is_refused(void **state) {
        struct pki_params p = fixture_params(*state);
        struct fixture_log log;
        char path[PATH_MAX];
        struct pki_error e;

        if (geteuid() != 0)
                skip();
        assert_int_equal(fixture_all(&p, &log, &e), 0);
        assert_int_equal(chown(tmp_path(*state, CA_KEY, path), 54321, (gid_t)-1), 0);
        assert_refused(*state, &p, CA_KEY, "is owned by user 54321");
}

static void test_without_an_error_struct(void **state) {
        struct pki_params p = fixture_params(*state);

        assert_int_equal(pki_certs_ensure(&p, "apiserver", NULL, NULL, NULL), -EINVAL);
        assert_int_equal(pki_kubeconfig_ensure(&p, "all", NULL, NULL, NULL), -EINVAL);
        assert_int_equal(pki_triarch_ensure(&p, (gid_t)-1, NULL, NULL, NULL), -EINVAL);
        assert_int_equal(pki_kubelet_finalize(&p, NULL, NULL, NULL), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_misfits_are_named_and_left_alone),
                tmp_test(test_a_good_certificate_from_elsewhere_is_kept),
                tmp_test(test_names_that_are_none),
                tmp_test(test_node_names_that_are_none),
                tmp_test(test_a_key_of_another_user_is_refused),
                tmp_test(test_without_an_error_struct),
        };

        return cmocka_run_group_tests_name("pki/refuse", tests, NULL, NULL);
}
