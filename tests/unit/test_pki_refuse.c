/* What exists and does not fit is an error that names file and reason, and changes nothing. The
 * misfits are forged with OpenSSL's own means, not with what issues the good ones. */
#include "pki/file.h"
#include "pki/util.h"
#include "tests/unit/pki_fixture.h"
#include <errno.h>

enum { DAY = 86400, SET = 31 };

struct refusal {
        const char *name;
        void (*spoil)(void *state, struct pki_params *p);
        const char *file, *reason; /* the end of the one; a part of the other */
};

/* A certificate that differs from apiserver.crt's good form in what is given. */
struct forgery {
        const char *file; /* to put it in; its key is FILE's own, without .crt */
        const char *ca;   /* NULL: itself */
        const char *ca_key;
        const char *cn, *o;
        const char *ku, *eku, *bc, *san;
        bool broken; /* a byte of the signature is changed */
};

static void put(void *state, const char *file, const char *text, mode_t mode) {
        char path[PATH_MAX];

        assert_int_equal(pki_file_write(tmp_path(state, file, path), mode, (gid_t)-1, text, strlen(text), 0),
                         0);
}

static char *slurp(void *state, const char *file) {
        char path[PATH_MAX], *text = NULL;
        size_t n;

        assert_int_equal(pki_file_read(tmp_path(state, file, path), 1 << 20, &text, &n), 0);
        return text;
}

/* Replace the first `from` by `to`. */
static void edit(void *state, const char *file, const char *from, const char *to) {
        char *text = slurp(state, file), *at = strstr(text, from), *out;

        assert_non_null(at);
        assert_true(asprintf(&out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) > 0);
        put(state, file, out, 0600);
        free(out);
        free(text);
}

static void add_extension(X509 *crt, int nid, const char *value) {
        X509_EXTENSION *x = value ? X509V3_EXT_conf_nid(NULL, NULL, nid, (char *)value) : NULL;

        assert_true(!value || X509_add_ext(crt, x, -1) == 1);
        X509_EXTENSION_free(x);
}

static void write_cert(void *state, const char *file, X509 *crt) {
        BIO *bio = BIO_new(BIO_s_mem());
        char *text;
        long n;

        assert_int_equal(PEM_write_bio_X509(bio, crt), 1);
        n = BIO_get_mem_data(bio, &text);
        text = strndup(text, (size_t)n);
        put(state, file, text, 0644);
        free(text);
        BIO_free(bio);
}

static void break_signature(X509 *crt) {
        const ASN1_BIT_STRING *sig;

        X509_get0_signature(&sig, NULL, crt);
        ((ASN1_BIT_STRING *)sig)->data[sig->length - 1] ^= 1;
}

static void forge(void *state, const struct forgery *f) {
        X509 *crt = X509_new(), *ca = f->ca ? fixture_cert(state, f->ca) : NULL;
        X509_NAME *name = X509_get_subject_name(crt);
        char key_file[PATH_MAX];
        EVP_PKEY *key, *ca_key;

        snprintf(key_file, sizeof key_file, "%.*s.key", (int)strlen(f->file) - 4, f->file);
        key = fixture_key(state, key_file);
        ca_key = fixture_key(state, f->ca_key ? f->ca_key : key_file);
        X509_set_version(crt, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(crt), 4711);
        ASN1_TIME_set(X509_getm_notBefore(crt), FIXTURE_NOW - 300);
        ASN1_TIME_set(X509_getm_notAfter(crt), FIXTURE_NOW + DAY);
        if (f->o)
                X509_NAME_add_entry_by_txt(name, "O", V_ASN1_PRINTABLESTRING, (unsigned char *)f->o, -1, -1,
                                           0);
        X509_NAME_add_entry_by_txt(name, "CN", V_ASN1_PRINTABLESTRING, (unsigned char *)f->cn, -1, -1, 0);
        X509_set_issuer_name(crt, ca ? X509_get_subject_name(ca) : name);
        X509_set_pubkey(crt, key);
        add_extension(crt, NID_key_usage, f->ku);
        add_extension(crt, NID_ext_key_usage, f->eku);
        add_extension(crt, NID_basic_constraints, f->bc);
        add_extension(crt, NID_subject_alt_name, f->san);
        assert_true(X509_sign(crt, ca_key, EVP_sha256()) > 0);
        if (f->broken)
                break_signature(crt);
        write_cert(state, f->file, crt);
        EVP_PKEY_free(key);
        EVP_PKEY_free(ca_key);
        X509_free(ca);
        X509_free(crt);
}

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

static void copy(void *state, const char *from, const char *to) {
        char *text = slurp(state, from);

        put(state, to, text, 0600);
        free(text);
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

static void truncate_file(void *state, const char *file) {
        char path[PATH_MAX];
        struct stat st;

        assert_int_equal(stat(tmp_path(state, file, path), &st), 0);
        assert_int_equal(truncate(path, st.st_size / 2), 0);
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

static void set_mode(void *state, const char *file, mode_t mode) {
        char path[PATH_MAX];

        assert_int_equal(chmod(tmp_path(state, file, path), mode), 0);
}

static void spoil_key_mode(void *state, struct pki_params *p) {
        (void)p;
        set_mode(state, CERT_DIR "/apiserver.key", 0640);
}

static void spoil_sa_key_mode(void *state, struct pki_params *p) {
        (void)p;
        set_mode(state, CERT_DIR "/sa.key", 0604);
}

static void spoil_conf_mode(void *state, struct pki_params *p) {
        (void)p;
        set_mode(state, KUBE_DIR "/admin.conf", 0644);
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
        { "kubeconfig readable", spoil_conf_mode, "/admin.conf", "holds a private key and has mode 0644" },
        { "directory", spoil_crt_is_directory, LEAF, "is not a regular file" },
        { "huge", spoil_crt_huge, LEAF, "cannot be read: File too large" },
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

static bool ends_with(const char *text, const char *end) {
        size_t n = strlen(text), k = strlen(end);

        return n >= k && strcmp(text + n - k, end) == 0;
}

static void assert_refused(void *state, const struct pki_params *p, const char *file, const char *reason) {
        char *before = fixture_snapshot(state), *after;
        struct fixture_log log;
        struct pki_error e;
        int r = fixture_all(p, &log, &e);

        if (r >= 0 || !ends_with(e.file, file) || !strstr(e.reason, reason) || log.made)
                print_error("got %d, %s: %s; %s\n%s", r, e.file, e.reason, e.remedy, log.text);
        assert_true(r < 0);
        assert_true(ends_with(e.file, file));
        assert_non_null(strstr(e.reason, reason));
        assert_int_equal(log.made, 0);
        after = fixture_snapshot(state);
        assert_string_equal(before, after);
        free(before);
        free(after);
}

static void test_misfits_are_named_and_left_alone(void **state) {
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
                struct pki_params p;
                struct fixture_log log;
                struct pki_error e;
                void *dir = NULL;

                print_message("  %s\n", refusals[i].name);
                assert_int_equal(tmp_setup(&dir), 0);
                p = fixture_params(dir);
                assert_int_equal(fixture_all(&p, &log, &e), 0);
                refusals[i].spoil(dir, &p);
                assert_refused(dir, &p, refusals[i].file, refusals[i].reason);
                tmp_teardown(&dir);
        }
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
