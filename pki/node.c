#include "pki/node.h"
#include "pki/check.h"
#include "pki/ensure.h"
#include "pki/fail.h"
#include "pki/file.h"
#include "pki/key.h"
#include "pki/kubeconfig.h"
#include "pki/kubelet.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>

DEFINE_CLEANUP(X509_REQ *, X509_REQ_free)

int pki_node_key(char **ret_key_pem) {
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
        EVP_PKEY **keys[] = { &key };
        int r = pki_keys_generate(PKI_ECDSA_P256, keys, 1);

        return r < 0 ? r : pki_key_to_pem(key, ret_key_pem);
}

static int request_to_pem(X509_REQ *request, char **ret) {
        CLEANUP(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());

        if (!bio || PEM_write_bio_X509_REQ(bio, request) != 1) {
                ERR_clear_error();
                return -ENOMEM;
        }
        return pki_bio_text(bio, ret);
}

int pki_node_request(const char *key_pem, char **ret_csr_pem) {
        CLEANUP(X509_REQ_freep) X509_REQ *request = X509_REQ_new();
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
        int r = pki_key_from_pem(key_pem, strlen(key_pem), &key);

        if (r < 0)
                return r;
        if (!request || X509_REQ_set_version(request, X509_REQ_VERSION_1) != 1 ||
            X509_REQ_set_pubkey(request, key) != 1 || X509_REQ_sign(request, key, EVP_sha256()) == 0) {
                ERR_clear_error();
                return -ENOMEM;
        }
        return request_to_pem(request, ret_csr_pem);
}

/* What a CA of this cluster may sign for. */
static bool key_is_fit(const EVP_PKEY *key) {
        int bits = EVP_PKEY_get_bits(key);
        char group[32];
        size_t n;

        if (EVP_PKEY_is_a(key, "RSA"))
                return bits >= 2048 && bits <= 4096;
        return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, &n) == 1 &&
               (!strcmp(group, SN_X9_62_prime256v1) || !strcmp(group, SN_secp384r1));
}

/* The public key of a request that is signed by it. */
static int request_key(const char *csr_pem, EVP_PKEY **ret, struct pki_error *e) {
        CLEANUP(BIO_free_allp) BIO *bio = BIO_new_mem_buf(csr_pem, -1);
        CLEANUP(X509_REQ_freep) X509_REQ *request = NULL;
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;

        if (!bio)
                return pki_fail_crypto(e, NULL, "reading a certificate request");
        request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
        key = request ? X509_REQ_get_pubkey(request) : NULL;
        ERR_clear_error();
        if (!key)
                return pki_fail(e, -EINVAL, NULL, NULL, "this is no certificate request");
        if (!key_is_fit(key))
                return pki_fail(e, -EINVAL, NULL, NULL,
                                "the certificate request is for a key that is neither RSA of 2048 to 4096 "
                                "bits nor EC P-256 or P-384");
        if (X509_REQ_verify(request, key) != 1) {
                ERR_clear_error();
                return pki_fail(e, -EINVAL, NULL, NULL,
                                "the certificate request is not signed by the key that it names");
        }
        *ret = TAKE_PTR(key);
        return 0;
}

/* "system:node:NAME" as spec->cn, which borrows from cn. */
static int node_spec(const char *node_name, char cn[300], struct pki_spec *ret, struct pki_error *e) {
        const struct pki_conf_row *row = pki_conf_row_find("kubelet");

        if (snprintf(cn, 300, "%s%s", row->user, node_name) >= 300)
                return pki_fail(e, -EINVAL, NULL, "shorten it", "the name \"%.100s\" is too long", node_name);
        *ret = (struct pki_spec){ .cn = cn, .o = row->o, .eku = PKI_EKU_CLIENT };
        return 0;
}

int pki_node_issue(const struct pki_params *p, const char *csr_pem, const char *node_name, char **ret_crt_pem,
                   struct pki_error *e) {
        CLEANUP(pki_pair_done) struct pki_pair ca = { 0 };
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
        CLEANUP(X509_freep) X509 *crt = NULL;
        struct pki_spec spec;
        char cn[300];
        int r;

        if ((r = node_spec(node_name, cn, &spec, e)) < 0 || (r = request_key(csr_pem, &key, e)) < 0 ||
            (r = pki_ca_load(p, PKI_CLUSTER_CA, &ca, e)) < 0)
                return r;
        if (!ca.key)
                return pki_fail_external(e, "the kubelet's client certificate", &ca);
        if (pki_cert_issue(&spec, key, ca.crt, ca.key, p->now, &crt) < 0 ||
            pki_cert_to_pem(crt, ret_crt_pem) < 0)
                return pki_fail_crypto(e, NULL, "issuing a certificate");
        return 0;
}

/* What is to be installed, and what is there. */
struct install {
        const struct pki_params *p;
        char ca_path[PATH_MAX], conf_path[PATH_MAX], cn[300], server[300];
        X509 *ca, *crt;
        EVP_PKEY *key;
        struct pki_kubelet kubelet;
        struct pki_spec spec;
};

static void install_done(struct install *x) {
        X509_free(x->ca);
        X509_free(x->crt);
        EVP_PKEY_free(x->key);
        pki_kubelet_done(&x->kubelet);
}

static int install_paths(struct install *x, struct pki_error *e) {
        const struct pki_params *p = x->p;
        bool v6 = strchr(p->endpoint_host, ':') != NULL;

        if (snprintf(x->ca_path, PATH_MAX, "%s%s/ca.crt", p->root, p->cert_dir) >= PATH_MAX ||
            snprintf(x->conf_path, PATH_MAX, "%s%s/kubelet.conf", p->root, p->kube_dir) >= PATH_MAX)
                return pki_fail(e, -ENAMETOOLONG, p->cert_dir, NULL, "is too long a path");
        if (snprintf(x->server, sizeof x->server, "https://%s%s%s:%u", v6 ? "[" : "", p->endpoint_host,
                     v6 ? "]" : "", p->endpoint_port) >= (int)sizeof x->server)
                return pki_fail(e, -EINVAL, NULL, "shorten it", "the name \"%.100s\" is too long",
                                p->endpoint_host);
        return node_spec(p->node_name, x->cn, &x->spec, e);
}

static int check_crt(const struct install *x, X509 *crt, const char *path, struct pki_error *e) {
        const struct pki_check check = { .path = path,
                                         .crt = crt,
                                         .spec = &x->spec,
                                         .ca = x->ca,
                                         .ca_path = x->ca_path,
                                         .now = x->p->now };

        return pki_cert_check(&check, e);
}

static int install_load(struct install *x, const char *key_pem, const char *crt_pem, struct pki_error *e) {
        static const char from[] = "the certificate from the master";
        int r;

        if ((r = pki_load_cert(x->ca_path, &x->ca, e)) < 0)
                return r == -ENOENT ? pki_fail(e, -EINVAL, x->ca_path, NULL, "is missing") : r;
        if (pki_key_from_pem(key_pem, strlen(key_pem), &x->key) < 0 ||
            pki_cert_from_pem(crt_pem, strlen(crt_pem), &x->crt) < 0)
                return pki_fail(e, -EINVAL, from, NULL, "is none, or its key is none");
        if ((r = check_crt(x, x->crt, from, e)) < 0 ||
            (r = pki_check_key_fits(x->crt, x->key, from, "this node's key", e)) < 0 ||
            (r = pki_kubelet_load(x->p, &x->kubelet, e)) < 0)
                return r;
        return x->kubelet.crt ? check_crt(x, x->kubelet.crt, x->kubelet.path, e) : 0;
}

static int render_conf(const struct install *x, char **ret, struct pki_error *e) {
        CLEANUP(freep) char *ca_pem = NULL;
        char current[] = PKI_KUBELET_CURRENT;
        const struct pki_kubeconfig k = { .cluster = (char *)x->p->cluster_name,
                                          .user = (char *)x->cn,
                                          .server = (char *)x->server,
                                          .crt_file = current,
                                          .key_file = current };
        struct pki_kubeconfig whole = k;

        if (pki_cert_to_pem(x->ca, &ca_pem) < 0)
                return pki_fail_crypto(e, x->conf_path, "writing a certificate");
        whole.ca_pem = ca_pem;
        if (pki_kubeconfig_render(&whole, ret) < 0)
                return pki_fail_crypto(e, x->conf_path, "writing YAML");
        return 0;
}

/* Last: the pair is there when kubelet.conf names it. */
static int put_conf(const struct install *x, pki_report_fn report, void *userdata, struct pki_error *e) {
        CLEANUP(freep) char *text = NULL, *old = NULL;
        size_t n;
        int r = render_conf(x, &text, e);

        if (r < 0 || !text)
                return r;
        r = pki_file_read(x->conf_path, PKI_MAX_FILE, &old, &n);
        if (r < 0 && r != -ENOENT)
                return pki_fail_errno(e, r, x->conf_path, "read");
        if (r == 0 && strcmp(old, text) != 0)
                return pki_fail(e, -EINVAL, x->conf_path, "remove it, and it is made again",
                                "exists and is not this node's in this cluster");
        if (r < 0 && (r = pki_put(x->conf_path, 0600, (gid_t)-1, text, false, e)) < 0)
                return r;
        if (report)
                report(userdata, old ? PKI_KEPT : PKI_MADE, x->conf_path + strlen(x->p->root));
        return 0;
}

int pki_node_install(const struct pki_params *p, const char *key_pem, const char *crt_pem,
                     pki_report_fn report, void *userdata, struct pki_error *e) {
        CLEANUP(install_done) struct install x = { .p = p };
        int r;

        if ((r = install_paths(&x, e)) < 0 || (r = install_load(&x, key_pem, crt_pem, e)) < 0 ||
            (r = pki_kubelet_store(p, &x.kubelet, x.key, x.crt, report, userdata, e)) < 0)
                return r;
        return put_conf(&x, report, userdata, e);
}
