#include "pki/crypt.h"
#include "pki/file.h"
#include "pki/pair.h"
#include "pki/proof.h"
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>

static const char label[] = "triarch kp wrap v1";

/* The private number itself, big-endian, as long as the modulus or the order of the curve: the same
 * however the file encodes the key. */
static int private_number(const EVP_PKEY *key, uint8_t *out, size_t size, size_t *ret_size) {
        bool rsa = EVP_PKEY_is_a(key, "RSA");
        size_t n = (size_t)(EVP_PKEY_get_bits(key) + 7) / 8;
        BIGNUM *bn = NULL;
        int r = -EIO;

        if (n <= size &&
            EVP_PKEY_get_bn_param(key, rsa ? OSSL_PKEY_PARAM_RSA_D : OSSL_PKEY_PARAM_PRIV_KEY, &bn) == 1 &&
            BN_bn2binpad(bn, out, (int)n) == (int)n)
                r = 0;
        BN_clear_free(bn);
        ERR_clear_error();
        *ret_size = n;
        return r;
}

static int wrapping_key(const char *ca_key_path, uint8_t out[PKI_AEAD_KEY]) {
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
        uint8_t number[1024]; /* RSA-8192 */
        size_t n;
        int r = pki_load_key(ca_key_path, 0600, &key, NULL);

        if (r < 0)
                return r;
        r = private_number(key, number, sizeof number, &n);
        if (r == 0)
                r = pki_hkdf((struct pki_bytes){ number, n }, (struct pki_bytes){ label, sizeof label - 1 },
                             (struct pki_bytes){ "", 0 }, out);
        pki_wipe(number, sizeof number);
        return r;
}

int pki_kp_wrap(const char *ca_key_path, const char id[PKI_TOKEN_ID + 1], const uint8_t kp[PKI_KP_SIZE],
                uint8_t out[PKI_WRAPPED_SIZE]) {
        uint8_t key[PKI_AEAD_KEY];
        int r = wrapping_key(ca_key_path, key);

        if (r == 0)
                r = pki_aead_seal(key, (struct pki_bytes){ id, strnlen(id, PKI_TOKEN_ID) },
                                  (struct pki_bytes){ kp, PKI_KP_SIZE }, out);
        pki_wipe(key, sizeof key);
        return r;
}

int pki_kp_unwrap(const char *ca_key_path, const char id[PKI_TOKEN_ID + 1],
                  const uint8_t in[PKI_WRAPPED_SIZE], uint8_t kp[PKI_KP_SIZE]) {
        uint8_t key[PKI_AEAD_KEY];
        int r = wrapping_key(ca_key_path, key);

        if (r == 0)
                r = pki_aead_open(key, (struct pki_bytes){ id, strnlen(id, PKI_TOKEN_ID) },
                                  (struct pki_bytes){ in, PKI_WRAPPED_SIZE }, kp);
        pki_wipe(key, sizeof key);
        return r;
}
