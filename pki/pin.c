#include "pki/fail.h"
#include "pki/pair.h"
#include <errno.h>

static int hash_spki(X509 *crt, unsigned char md[32]) {
        unsigned char *der = NULL;
        int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(crt), &der);
        int r = n > 0 && EVP_Digest(der, (size_t)n, md, NULL, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;

        OPENSSL_free(der);
        return r;
}

static void to_hex(const unsigned char *data, size_t n, char *out) {
        for (size_t i = 0; i < n; i++)
                snprintf(out + 2 * i, 3, "%02x", data[i]);
}

static int load_hash(const char *path, unsigned char md[32], struct pki_error *e) {
        CLEANUP(X509_freep) X509 *crt = NULL;
        int r = pki_load_cert(path, &crt, e);

        if (r == -ENOENT)
                return pki_fail_errno(e, r, path, "read");
        if (r < 0)
                return r;
        return hash_spki(crt, md) < 0 ? pki_fail_crypto(e, path, "hashing a public key") : 0;
}

int pki_ca_pin(const char *ca_crt_path, char out[PKI_PIN_SIZE], struct pki_error *e) {
        unsigned char md[32] = { 0 };
        int r = load_hash(ca_crt_path, md, e);

        if (r < 0)
                return r;
        snprintf(out, PKI_PIN_SIZE, "sha256:");
        to_hex(md, sizeof md, out + 7);
        return 0;
}

int pki_cluster_id(const char *ca_crt_path, char out[PKI_CLUSTER_ID_SIZE], struct pki_error *e) {
        unsigned char md[32] = { 0 };
        int r = load_hash(ca_crt_path, md, e);

        if (r < 0)
                return r;
        to_hex(md, (PKI_CLUSTER_ID_SIZE - 1) / 2, out);
        return 0;
}
