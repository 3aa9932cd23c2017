#include "pki/x25519.h"
#include "pki/ossl.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdbool.h>

static int result(bool ok, int r) {
        if (!ok)
                ERR_clear_error();
        return ok ? 0 : r;
}

int pki_x25519_public(const uint8_t priv[PKI_X25519_SIZE], uint8_t pub[PKI_X25519_SIZE]) {
        CLEANUP(EVP_PKEY_freep)
        EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, priv, PKI_X25519_SIZE);
        size_t n = PKI_X25519_SIZE;

        return result(key && EVP_PKEY_get_raw_public_key(key, pub, &n) == 1, -EIO);
}

/* Any 32 bytes are a private key (RFC 7748 section 5: clamped when used). */
int pki_x25519_generate(uint8_t priv[PKI_X25519_SIZE], uint8_t pub[PKI_X25519_SIZE]) {
        int r = result(RAND_priv_bytes(priv, PKI_X25519_SIZE) == 1, -EIO);

        return r < 0 ? r : pki_x25519_public(priv, pub);
}

int pki_x25519_shared(const uint8_t priv[PKI_X25519_SIZE], const uint8_t peer[PKI_X25519_SIZE],
                      uint8_t out[PKI_X25519_SIZE]) {
        CLEANUP(EVP_PKEY_freep)
        EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, priv, PKI_X25519_SIZE);
        CLEANUP(EVP_PKEY_freep)
        EVP_PKEY *other = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer, PKI_X25519_SIZE);
        CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = own ? EVP_PKEY_CTX_new(own, NULL) : NULL;
        size_t n = PKI_X25519_SIZE;

        if (!ctx || !other || EVP_PKEY_derive_init(ctx) != 1 || EVP_PKEY_derive_set_peer(ctx, other) != 1)
                return result(false, -EIO);
        return result(EVP_PKEY_derive(ctx, out, &n) == 1, -EBADMSG);
}
