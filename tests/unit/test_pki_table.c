/* Every file of the set against the table of what kubeadm 1.36.2 writes for the same cluster, read back
 * with OpenSSL: nothing here shares code with what issued them. */
#include "tests/unit/pki_fixture.h"
#include <openssl/bn.h>
#include <openssl/ec.h>

#define KU_LEAF "Digital Signature, Key Encipherment"
#define KU_CA   KU_LEAF ", Certificate Sign"
#define SERVER  "TLS Web Server Authentication"
#define CLIENT  "TLS Web Client Authentication"
#define SAN_API                                                                                              \
        "DNS:host1, DNS:kubernetes, DNS:kubernetes.default, DNS:kubernetes.default.svc, "                    \
        "DNS:kubernetes.default.svc.cluster.local, "                                                         \
        "IP Address:10.96.0.1, IP Address:172.18.0.154, IP Address:172.18.0.192"
#define SAN_ETCD                                                                                             \
        "DNS:host1, DNS:localhost, IP Address:172.18.0.154, IP Address:127.0.0.1, IP "                       \
        "Address:0:0:0:0:0:0:0:1"

/* clang-format off */
static const struct row {
        const char *file, *ca, *subject, *issuer, *sans, *ku, *eku;
} rows[] = {
        { "pki/apiserver-etcd-client", "pki/etcd/ca", "CN=kube-apiserver-etcd-client", "CN=etcd-ca", "-", KU_LEAF, CLIENT },
        { "pki/apiserver-kubelet-client", "pki/ca", "CN=kube-apiserver-kubelet-client", "CN=kubernetes", "-", KU_LEAF, CLIENT },
        { "pki/apiserver", "pki/ca", "CN=kube-apiserver", "CN=kubernetes", SAN_API, KU_LEAF, SERVER },
        { "pki/ca", "pki/ca", "CN=kubernetes", "CN=kubernetes", "DNS:kubernetes", KU_CA, "-" },
        { "pki/etcd/ca", "pki/etcd/ca", "CN=etcd-ca", "CN=etcd-ca", "DNS:etcd-ca", KU_CA, "-" },
        { "pki/etcd/healthcheck-client", "pki/etcd/ca", "CN=kube-etcd-healthcheck-client", "CN=etcd-ca", "-", KU_LEAF, CLIENT },
        { "pki/etcd/peer", "pki/etcd/ca", "CN=host1", "CN=etcd-ca", SAN_ETCD, KU_LEAF, SERVER ", " CLIENT },
        { "pki/etcd/server", "pki/etcd/ca", "CN=host1", "CN=etcd-ca", SAN_ETCD, KU_LEAF, SERVER ", " CLIENT },
        { "pki/front-proxy-ca", "pki/front-proxy-ca", "CN=front-proxy-ca", "CN=front-proxy-ca", "DNS:front-proxy-ca", KU_CA, "-" },
        { "pki/front-proxy-client", "pki/front-proxy-ca", "CN=front-proxy-client", "CN=front-proxy-ca", "-", KU_LEAF, CLIENT },
};

static const struct conf {
        const char *file, *user, *subject, *server;
} confs[] = {
        { "admin", "kubernetes-admin", "CN=kubernetes-admin,O=kubeadm:cluster-admins", "https://172.18.0.192:6443" },
        { "super-admin", "kubernetes-super-admin", "CN=kubernetes-super-admin,O=system:masters", "https://172.18.0.192:6443" },
        { "kubelet", "system:node:host1", "CN=system:node:host1,O=system:nodes", "https://172.18.0.154:6443" },
        { "controller-manager", "system:kube-controller-manager", "CN=system:kube-controller-manager", "https://172.18.0.154:6443" },
        { "scheduler", "system:kube-scheduler", "CN=system:kube-scheduler", "https://172.18.0.154:6443" },
};
/* clang-format on */

static void bio_string(BIO *bio, char *out, size_t size) {
        int n = BIO_read(bio, out, (int)size - 1);

        out[n > 0 ? n : 0] = '\0';
        BIO_free(bio);
}

static void assert_name(const X509_NAME *name, const char *want) {
        BIO *bio = BIO_new(BIO_s_mem());
        char have[512];

        X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
        bio_string(bio, have, sizeof have);
        assert_string_equal(have, want);
}

/* want "-": there is no such extension. */
static void assert_extension(X509 *crt, int nid, const char *want, bool critical) {
        int at = X509_get_ext_by_NID(crt, nid, -1);
        BIO *bio = BIO_new(BIO_s_mem());
        char have[1024];

        if (at < 0) {
                BIO_free(bio);
                assert_string_equal("-", want);
                return;
        }
        assert_int_equal(X509_get_ext_by_NID(crt, nid, at), -1); /* once */
        assert_int_equal(X509V3_EXT_print(bio, X509_get_ext(crt, at), 0, 0), 1);
        bio_string(bio, have, sizeof have);
        assert_string_equal(have, want);
        assert_int_equal(X509_EXTENSION_get_critical(X509_get_ext(crt, at)), critical);
}

static time_t time_of(const ASN1_TIME *t) {
        struct tm tm;

        assert_int_equal(ASN1_TIME_to_tm(t, &tm), 1);
        return timegm(&tm);
}

static void assert_serial(X509 *crt) {
        BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(crt), NULL);

        assert_non_null(n);
        assert_false(BN_is_negative(n) || BN_is_zero(n));
        assert_in_range(BN_num_bits(n), 24, 63); /* fewer than 24 bits: once in 2^39 */
        BN_free(n);
}

static void assert_algorithm(X509 *crt, enum pki_alg alg) {
        EVP_PKEY *key = X509_get0_pubkey(crt);
        char group[32];
        size_t n;

        if (alg == PKI_RSA_2048) {
                assert_int_equal(X509_get_signature_nid(crt), NID_sha256WithRSAEncryption);
                assert_true(EVP_PKEY_is_a(key, "RSA"));
                assert_int_equal(EVP_PKEY_get_bits(key), 2048);
                return;
        }
        assert_int_equal(X509_get_signature_nid(crt), NID_ecdsa_with_SHA256);
        assert_true(EVP_PKEY_is_a(key, "EC"));
        assert_int_equal(EVP_PKEY_get_group_name(key, group, sizeof group, &n), 1);
        assert_string_equal(group, "prime256v1");
}

static void assert_key_ids(X509 *crt, X509 *ca, bool is_ca) {
        if (is_ca) {
                assert_non_null(X509_get0_subject_key_id(crt));
                assert_null(X509_get0_authority_key_id(crt));
                return;
        }
        assert_null(X509_get0_subject_key_id(crt));
        assert_int_equal(ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(crt), X509_get0_subject_key_id(ca)),
                         0);
        assert_null(X509_get0_authority_issuer(crt));
        assert_null(X509_get0_authority_serial(crt));
}

static void assert_chain(X509 *crt, X509 *ca, int purpose, bool good) {
        X509_STORE *store = X509_STORE_new();
        X509_STORE_CTX *ctx = X509_STORE_CTX_new();

        assert_int_equal(X509_STORE_add_cert(store, ca), 1);
        assert_int_equal(X509_STORE_CTX_init(ctx, store, crt, NULL), 1);
        X509_STORE_CTX_set_time(ctx, 0, FIXTURE_NOW);
        X509_VERIFY_PARAM_set_purpose(X509_STORE_CTX_get0_param(ctx), purpose);
        assert_int_equal(X509_verify_cert(ctx) == 1, good);
        X509_STORE_CTX_free(ctx);
        X509_STORE_free(store);
}

static void assert_certificate(X509 *crt, X509 *ca, const struct row *row, enum pki_alg alg) {
        bool is_ca = X509_cmp(crt, ca) == 0;

        assert_int_equal(X509_get_version(crt), X509_VERSION_3);
        assert_name(X509_get_subject_name(crt), row->subject);
        assert_name(X509_get_issuer_name(crt), row->issuer);
        assert_extension(crt, NID_subject_alt_name, row->sans, false);
        assert_extension(crt, NID_key_usage, row->ku, true);
        assert_extension(crt, NID_ext_key_usage, row->eku, false);
        assert_extension(crt, NID_basic_constraints, is_ca ? "CA:TRUE" : "CA:FALSE", true);
        assert_key_ids(crt, ca, is_ca);
        assert_serial(crt);
        assert_algorithm(crt, alg);
        assert_int_equal(X509_verify(crt, X509_get0_pubkey(ca)), 1);
        assert_chain(crt, ca, X509_PURPOSE_SSL_SERVER, is_ca || strstr(row->eku, SERVER));
        assert_chain(crt, ca, X509_PURPOSE_SSL_CLIENT, is_ca || strstr(row->eku, CLIENT));
}

static void assert_mode(void *state, const char *file, mode_t mode) {
        char path[PATH_MAX];
        struct stat st;

        assert_int_equal(lstat(tmp_path(state, file, path), &st), 0);
        assert_true(S_ISREG(st.st_mode));
        assert_int_equal(st.st_mode & 07777, mode);
}

static char *slurp(void *state, const char *file) {
        char path[PATH_MAX], *text = calloc(1, 65536);
        FILE *f = fopen(tmp_path(state, file, path), "re");

        assert_non_null(f);
        assert_true(fread(text, 1, 65535, f) > 0);
        fclose(f);
        return text;
}

/* One PEM block of that kind and nothing else. */
static void assert_pem(const char *text, const char *kind) {
        char first[64], last[64];

        snprintf(first, sizeof first, "-----BEGIN %s-----\n", kind);
        snprintf(last, sizeof last, "\n-----END %s-----\n", kind);
        assert_memory_equal(text, first, strlen(first));
        assert_string_equal(text + strlen(text) - strlen(last), last);
        assert_null(strstr(text + 1, "-----BEGIN"));
}

static void assert_pem_file(void *state, const char *file, const char *kind) {
        char *text = slurp(state, file);

        assert_pem(text, kind);
        free(text);
}

static const char *key_kind(enum pki_alg alg) {
        return alg == PKI_RSA_2048 ? "RSA PRIVATE KEY" : "EC PRIVATE KEY";
}

static void check_row(void *state, const struct row *row, enum pki_alg alg) {
        char crt_file[100], key_file[100], ca_file[100];
        X509 *crt, *ca;
        EVP_PKEY *key;

        snprintf(crt_file, sizeof crt_file, KUBE_DIR "/%s.crt", row->file);
        snprintf(key_file, sizeof key_file, KUBE_DIR "/%s.key", row->file);
        snprintf(ca_file, sizeof ca_file, KUBE_DIR "/%s.crt", row->ca);
        assert_mode(state, crt_file, 0644);
        assert_mode(state, key_file, 0600);
        assert_pem_file(state, crt_file, "CERTIFICATE");
        assert_pem_file(state, key_file, key_kind(alg));
        crt = fixture_cert(state, crt_file);
        ca = fixture_cert(state, ca_file);
        key = fixture_key(state, key_file);
        assert_certificate(crt, ca, row, alg);
        assert_int_equal(time_of(X509_get0_notBefore(crt)), FIXTURE_NOW - 300);
        assert_int_equal(time_of(X509_get0_notAfter(crt)),
                         FIXTURE_NOW + 86400LL * (strcmp(row->file, row->ca) == 0 ? 3650 : 365));
        assert_int_equal(X509_check_private_key(crt, key), 1);
        EVP_PKEY_free(key);
        X509_free(ca);
        X509_free(crt);
}

/* The value behind "KEY: ", without quotes; malloc'ed. */
static char *yaml_value(const char *text, const char *key) {
        const char *at = strstr(text, key);
        size_t n;

        assert_non_null(at);
        at += strlen(key);
        assert_memory_equal(at, ": ", 2);
        at += 2 + (at[2] == '"');
        n = strcspn(at, "\"\n");
        return strndup(at, n);
}

static void assert_yaml(const char *text, const char *key, const char *want) {
        char *have = yaml_value(text, key);

        assert_string_equal(have, want);
        free(have);
}

/* The PEM behind "KEY: BASE64". */
static char *yaml_pem(const char *text, const char *key) {
        char *value = yaml_value(text, key), *out = calloc(1, strlen(value) + 1);
        int n = EVP_DecodeBlock((unsigned char *)out, (unsigned char *)value, (int)strlen(value));

        assert_true(n > 0);
        free(value);
        return out;
}

static X509 *read_cert(char *pem) {
        BIO *bio = BIO_new_mem_buf(pem, -1);
        X509 *crt = PEM_read_bio_X509(bio, NULL, NULL, NULL);

        assert_non_null(crt);
        BIO_free(bio);
        free(pem);
        return crt;
}

static void assert_conf_key(char *pem, X509 *crt, enum pki_alg alg) {
        BIO *bio = BIO_new_mem_buf(pem, -1);
        EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

        assert_pem(pem, key_kind(alg));
        assert_int_equal(X509_check_private_key(crt, key), 1);
        EVP_PKEY_free(key);
        BIO_free(bio);
        free(pem);
}

static void assert_conf_names(const char *text, const struct conf *conf) {
        char context[100], in_context[300];

        snprintf(context, sizeof context, "%s@kubernetes", conf->user);
        snprintf(in_context, sizeof in_context,
                 "contexts:\n- context:\n    cluster: \"kubernetes\"\n    user: \"%s\"\n  name: \"%s\"\n",
                 conf->user, context);
        assert_memory_equal(text, "apiVersion: v1\n", 15);
        assert_yaml(text, "\nkind", "Config");
        assert_yaml(text, "server", conf->server);
        assert_yaml(text, "current-context", context);
        assert_non_null(strstr(text, in_context));
        snprintf(in_context, sizeof in_context, "  name: \"%s\"\n", conf->user);
        assert_string_equal(text + strlen(text) - strlen(in_context), in_context);
}

static void check_conf(void *state, const struct conf *conf, enum pki_alg alg, time_t now) {
        const struct row row = {
                .subject = conf->subject, .issuer = "CN=kubernetes", .sans = "-", .ku = KU_LEAF, .eku = CLIENT
        };
        X509 *ca = fixture_cert(state, CERT_DIR "/ca.crt"), *crt, *in_file;
        char file[100], *text;

        snprintf(file, sizeof file, KUBE_DIR "/%s.conf", conf->file);
        assert_mode(state, file, 0600);
        text = slurp(state, file);
        assert_conf_names(text, conf);
        in_file = read_cert(yaml_pem(text, "certificate-authority-data"));
        assert_int_equal(X509_cmp(ca, in_file), 0);
        crt = read_cert(yaml_pem(text, "client-certificate-data"));
        assert_certificate(crt, ca, &row, alg);
        assert_conf_key(yaml_pem(text, "client-key-data"), crt, alg);
        /* As old as the CA, whenever it was made. */
        assert_int_equal(time_of(X509_get0_notBefore(crt)), FIXTURE_NOW - 300);
        assert_int_equal(time_of(X509_get0_notAfter(crt)), now + 86400LL * 365);
        free(text);
        X509_free(in_file);
        X509_free(crt);
        X509_free(ca);
}

static void check_sa(void *state, enum pki_alg alg) {
        char path[PATH_MAX];
        EVP_PKEY *key = fixture_key(state, CERT_DIR "/sa.key"), *pub;
        FILE *f = fopen(tmp_path(state, CERT_DIR "/sa.pub", path), "re");

        assert_mode(state, CERT_DIR "/sa.key", 0600);
        assert_mode(state, CERT_DIR "/sa.pub", 0600);
        assert_pem_file(state, CERT_DIR "/sa.key", key_kind(alg));
        assert_pem_file(state, CERT_DIR "/sa.pub", "PUBLIC KEY");
        pub = PEM_read_PUBKEY(f, NULL, NULL, NULL);
        fclose(f);
        assert_int_equal(EVP_PKEY_eq(key, pub), 1);
        EVP_PKEY_free(key);
        EVP_PKEY_free(pub);
}

static void check_set(void **state, enum pki_alg alg) {
        struct pki_params p = fixture_params(*state);
        struct fixture_log log = { .made = 0 };
        struct pki_error e;

        p.alg = alg;
        assert_int_equal(pki_certs_ensure(&p, "all", fixture_report, &log, &e), 0);
        p.now += 100;
        assert_int_equal(pki_kubeconfig_ensure(&p, "all", fixture_report, &log, &e), 0);
        assert_int_equal(log.made, 2 * 11 + 5);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                check_row(*state, &rows[i], alg);
        for (size_t i = 0; i < ARRAY_SIZE(confs); i++)
                check_conf(*state, &confs[i], alg, p.now);
        check_sa(*state, alg);
}

static void test_ecdsa_set_is_kubeadms(void **state) {
        check_set(state, PKI_ECDSA_P256);
}

static void test_rsa_set_is_kubeadms(void **state) {
        check_set(state, PKI_RSA_2048);
}

static void test_directories(void **state) {
        static const char *const dirs[] = { KUBE_DIR, CERT_DIR, CERT_DIR "/etcd" };
        struct pki_params p = fixture_params(*state);
        mode_t old = umask(077);
        struct pki_error e;
        char path[PATH_MAX];
        struct stat st;

        assert_int_equal(pki_certs_ensure(&p, "all", NULL, NULL, &e), 0);
        umask(old);
        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
                assert_int_equal(stat(tmp_path(*state, dirs[i], path), &st), 0);
                assert_int_equal(st.st_mode & 07777, 0755);
        }
        assert_mode(*state, CERT_DIR "/ca.crt", 0644);
}

static void test_all_keys_and_serials_differ(void **state) {
        struct pki_params p = fixture_params(*state);
        X509 *crts[ARRAY_SIZE(rows)];
        struct pki_error e;
        char file[100];

        assert_int_equal(pki_certs_ensure(&p, "all", NULL, NULL, &e), 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                snprintf(file, sizeof file, KUBE_DIR "/%s.crt", rows[i].file);
                crts[i] = fixture_cert(*state, file);
                for (size_t k = 0; k < i; k++) {
                        assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(crts[i]), X509_get0_pubkey(crts[k])),
                                         0);
                        assert_int_not_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(crts[i]),
                                                              X509_get0_serialNumber(crts[k])),
                                             0);
                }
        }
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                X509_free(crts[i]);
}

static void assert_sans(void *state, const char *file, const char *want) {
        X509 *crt = fixture_cert(state, file);

        assert_non_null(crt);
        assert_extension(crt, NID_subject_alt_name, want, false);
        X509_free(crt);
}

/* DNS names sorted, addresses in order, each once; the endpoint may be a name; IPv6. */
static void test_sans_of_the_configuration(void **state) {
        const char *const api[] = { "zebra.example", "172.18.0.154",   "alpha.example", "10.0.0.9",
                                    "host1",         "*.wild.example", "2001:db8::1",   NULL };
        const char *const server[] = { "etcd.example", "127.0.0.1", NULL };
        const char *const peer[] = { "10.0.0.7", NULL };
        struct pki_params p = fixture_params(*state);
        struct pki_error e;

        p.cert_sans = api;
        p.etcd_server_sans = server;
        p.etcd_peer_sans = peer;
        p.endpoint_host = "cp.example";
        p.dns_domain = "k8s.example";
        assert_int_equal(pki_certs_ensure(&p, "all", NULL, NULL, &e), 0);
        assert_sans(*state, CERT_DIR "/apiserver.crt",
                    "DNS:*.wild.example, DNS:alpha.example, DNS:cp.example, DNS:host1, DNS:kubernetes, "
                    "DNS:kubernetes.default, DNS:kubernetes.default.svc, "
                    "DNS:kubernetes.default.svc.k8s.example, DNS:zebra.example, IP Address:10.96.0.1, "
                    "IP Address:172.18.0.154, IP Address:10.0.0.9, IP Address:2001:DB8:0:0:0:0:0:1");
        assert_sans(*state, CERT_DIR "/etcd/server.crt",
                    "DNS:etcd.example, DNS:host1, DNS:localhost, IP Address:172.18.0.154, "
                    "IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1");
        assert_sans(*state, CERT_DIR "/etcd/peer.crt", SAN_ETCD ", IP Address:10.0.0.7");
}

static void test_kubeconfig_of_an_ipv6_endpoint(void **state) {
        struct pki_params p = fixture_params(*state);
        struct pki_error e;
        char *text;

        p.endpoint_host = "2001:db8::192";
        p.endpoint_port = 8443;
        p.cluster_name = "yes"; /* a string for every reader */
        assert_int_equal(pki_certs_ensure(&p, "ca", NULL, NULL, &e), 0);
        assert_int_equal(pki_kubeconfig_ensure(&p, "admin", NULL, NULL, &e), 0);
        text = slurp(*state, KUBE_DIR "/admin.conf");
        assert_yaml(text, "server", "https://[2001:db8::192]:8443");
        assert_non_null(strstr(text, "cluster: \"yes\"\n"));
        assert_non_null(strstr(text, "  name: \"yes\"\n"));
        free(text);
}

/* Over 64 characters, as "system:node:NAME" may be. */
static void test_long_node_name(void **state) {
        static const char name[] = "a-node-with-a-rather-long-name.rack-17.row-3.room-2.site-1.example.com";
        struct pki_params p = fixture_params(*state);
        struct pki_error e;
        X509 *crt;

        p.node_name = name;
        assert_int_equal(pki_certs_ensure(&p, "all", NULL, NULL, &e), 0);
        assert_int_equal(pki_kubeconfig_ensure(&p, "all", NULL, NULL, &e), 0);
        crt = fixture_cert(*state, CERT_DIR "/etcd/server.crt");
        assert_name(X509_get_subject_name(crt),
                    "CN=a-node-with-a-rather-long-name.rack-17.row-3.room-2.site-1.example.com");
        X509_free(crt);
        assert_int_equal(pki_certs_ensure(&p, "all", NULL, NULL, &e), 0);
}

static void test_triarchs_own_leaves(void **state) {
        struct pki_params p = fixture_params(*state);
        char sans[200], id[PKI_CLUSTER_ID_SIZE], path[PATH_MAX];
        struct row rows_[] = {
                { .subject = "CN=triarch-enroll", .issuer = "CN=kubernetes", .ku = KU_LEAF, .eku = SERVER },
                { .subject = "CN=triarch-healthcheck",
                  .issuer = "CN=kubernetes",
                  .sans = "-",
                  .ku = KU_LEAF,
                  .eku = CLIENT },
        };
        struct fixture_log log;
        struct pki_error e;
        X509 *ca, *crt;
        struct stat st;

        assert_int_equal(fixture_all(&p, &log, &e), 0);
        assert_int_equal(pki_cluster_id(tmp_path(*state, CERT_DIR "/ca.crt", path), id, &e), 0);
        snprintf(sans, sizeof sans, "DNS:host1, IP Address:172.18.0.154, URI:triarch://%s/enroll", id);
        rows_[0].sans = sans;
        ca = fixture_cert(*state, CERT_DIR "/ca.crt");
        crt = fixture_cert(*state, "/etc/triarch/pki/enroll.crt");
        assert_certificate(crt, ca, &rows_[0], PKI_ECDSA_P256);
        X509_free(crt);
        crt = fixture_cert(*state, "/etc/triarch/pki/healthcheck-client.crt");
        assert_certificate(crt, ca, &rows_[1], PKI_ECDSA_P256);
        X509_free(crt);
        X509_free(ca);
        assert_mode(*state, "/etc/triarch/pki/enroll.key", 0600);
        assert_mode(*state, "/etc/triarch/pki/enroll.crt", 0644);
        assert_mode(*state, "/etc/triarch/pki/healthcheck-client.key", 0640);
        assert_int_equal(stat(tmp_path(*state, "/etc/triarch/pki/healthcheck-client.key", path), &st), 0);
        assert_int_equal(st.st_gid, getegid());
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_ecdsa_set_is_kubeadms),
                tmp_test(test_rsa_set_is_kubeadms),
                tmp_test(test_directories),
                tmp_test(test_all_keys_and_serials_differ),
                tmp_test(test_sans_of_the_configuration),
                tmp_test(test_kubeconfig_of_an_ipv6_endpoint),
                tmp_test(test_long_node_name),
                tmp_test(test_triarchs_own_leaves),
        };

        return cmocka_run_group_tests_name("pki/table", tests, NULL, NULL);
}
