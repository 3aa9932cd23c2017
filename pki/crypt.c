#include "pki/crypt.h"
#include "pki/file.h"
#include "pki/ossl.h"
#include <errno.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <stdbool.h>

DEFINE_CLEANUP(EVP_KDF *, EVP_KDF_free)
DEFINE_CLEANUP(EVP_KDF_CTX *, EVP_KDF_CTX_free)

/* Empties OpenSSL's error queue. */
static int result(bool ok, int r) {
        if (!ok)
                ERR_clear_error();
        return ok ? 0 : r;
}

static OSSL_PARAM octets(const char *key, struct pki_bytes b) {
        return OSSL_PARAM_construct_octet_string(key, (void *)b.data, b.size);
}

int pki_hkdf(struct pki_bytes secret, struct pki_bytes salt, struct pki_bytes info, uint8_t out[32]) {
        CLEANUP(EVP_KDF_freep) EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
        CLEANUP(EVP_KDF_CTX_freep) EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
        char digest[] = "SHA256";
        OSSL_PARAM params[] = {
                OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                octets(OSSL_KDF_PARAM_KEY, secret),
                octets(OSSL_KDF_PARAM_SALT, salt),
                octets(OSSL_KDF_PARAM_INFO, info),
                OSSL_PARAM_construct_end(),
        };

        return result(ctx && EVP_KDF_derive(ctx, out, 32, params) == 1, -EIO);
}

int pki_aead_seal(const uint8_t key[PKI_AEAD_KEY], struct pki_bytes ad, struct pki_bytes plain,
                  uint8_t *out) {
        CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        uint8_t *text = out + PKI_AEAD_NONCE;
        int n;

        if (plain.size > INT_MAX / 2 || ad.size > INT_MAX / 2)
                return -EFBIG;
        return result(
                ctx && RAND_bytes(out, PKI_AEAD_NONCE) == 1 &&
                        EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, out) == 1 &&
                        EVP_EncryptUpdate(ctx, NULL, &n, ad.data, (int)ad.size) == 1 &&
                        EVP_EncryptUpdate(ctx, text, &n, plain.data, (int)plain.size) == 1 &&
                        EVP_EncryptFinal_ex(ctx, text + n, &n) == 1 &&
                        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, PKI_AEAD_TAG, text + plain.size) == 1,
                -EIO);
}

int pki_aead_open(const uint8_t key[PKI_AEAD_KEY], struct pki_bytes ad, struct pki_bytes sealed,
                  uint8_t *out) {
        CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        const uint8_t *nonce = sealed.data;
        size_t size = sealed.size - PKI_AEAD_EXTRA;
        int n, r;

        if (sealed.size < PKI_AEAD_EXTRA)
                return -EBADMSG;
        if (size > INT_MAX / 2 || ad.size > INT_MAX / 2)
                return -EFBIG;
        if (!ctx)
                return -EIO;
        r = result(EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
                           EVP_DecryptUpdate(ctx, NULL, &n, ad.data, (int)ad.size) == 1 &&
                           EVP_DecryptUpdate(ctx, out, &n, nonce + PKI_AEAD_NONCE, (int)size) == 1 &&
                           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, PKI_AEAD_TAG,
                                               (void *)(nonce + PKI_AEAD_NONCE + size)) == 1 &&
                           EVP_DecryptFinal_ex(ctx, out + n, &n) == 1,
                   -EBADMSG);
        if (r < 0)
                pki_wipe(out, size);
        return r;
}
