/* The two primitives of enrolment: HKDF-SHA-256 (RFC 5869) and AES-256-GCM. 0, -EIO when OpenSSL
 * fails, -EBADMSG when a tag is wrong. */
#ifndef PKI_CRYPT_H
#define PKI_CRYPT_H

#include <stddef.h>
#include <stdint.h>

enum { PKI_AEAD_KEY = 32, PKI_AEAD_NONCE = 12, PKI_AEAD_TAG = 16, PKI_SHA256_SIZE = 32 };
/* Room that a sealed text needs beyond the plain one: nonce before it, tag behind it. */
enum { PKI_AEAD_EXTRA = PKI_AEAD_NONCE + PKI_AEAD_TAG };

struct pki_bytes {
        const void *data;
        size_t size;
};

int pki_hkdf(struct pki_bytes secret, struct pki_bytes salt, struct pki_bytes info, uint8_t out[32]);

/* out: nonce || ciphertext || tag, size + PKI_AEAD_EXTRA bytes; a new random nonce each time. */
int pki_aead_seal(const uint8_t key[PKI_AEAD_KEY], struct pki_bytes ad, struct pki_bytes plain, uint8_t *out);
/* out: sealed.size - PKI_AEAD_EXTRA bytes (-EBADMSG when there are fewer); all zero after an error. */
int pki_aead_open(const uint8_t key[PKI_AEAD_KEY], struct pki_bytes ad, struct pki_bytes sealed,
                  uint8_t *out);

#endif
