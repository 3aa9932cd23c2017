#include "pki/pin.h"
#include "pki/fail.h"
#include "pki/pair.h"
#include <errno.h>
#include <openssl/err.h>

static const char prefix[] = "sha256:";

int pki_cert_pin(const X509 *crt, char out[PKI_PIN_SIZE]) {
        unsigned char *der = NULL, md[32];
        int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(crt), &der);
        bool ok = n > 0 && EVP_Digest(der, (size_t)n, md, NULL, EVP_sha256(), NULL) == 1;

        OPENSSL_free(der);
        if (!ok) {
                ERR_clear_error();
                return -ENOMEM;
        }
        memcpy(out, prefix, sizeof prefix);
        for (size_t i = 0; i < sizeof md; i++)
                snprintf(out + strlen(prefix) + 2 * i, 3, "%02x", md[i]);
        return 0;
}

int pki_ca_pin(const char *ca_crt_path, char out[PKI_PIN_SIZE], struct pki_error *e) {
        CLEANUP(X509_freep) X509 *crt = NULL;
        int r = pki_load_cert(ca_crt_path, &crt, e);

        if (r == -ENOENT)
                return pki_fail_errno(e, r, ca_crt_path, "read");
        if (r < 0)
                return r;
        return pki_cert_pin(crt, out) < 0 ? pki_fail_crypto(e, ca_crt_path, "hashing a public key") : 0;
}

int pki_cluster_id(const char *ca_crt_path, char out[PKI_CLUSTER_ID_SIZE], struct pki_error *e) {
        char pin[PKI_PIN_SIZE];
        int r = pki_ca_pin(ca_crt_path, pin, e);

        if (r < 0)
                return r;
        snprintf(out, PKI_CLUSTER_ID_SIZE, "%.*s", PKI_CLUSTER_ID_SIZE - 1, pin + strlen(prefix));
        return 0;
}
