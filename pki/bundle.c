#include "pki/crypt.h"
#include "pki/file.h"
#include "pki/ossl.h"
#include "pki/transcript.h"
#include "pki/x25519.h"
#include <errno.h>
#include <openssl/err.h>

enum { HEADER = PKI_X25519_SIZE, MAX_PLAIN = 16 << 20 };

/* HKDF(shared || Kp, info = SHA-256(transcript)): to open it takes the joiner's private key, the
 * token, and the very connection on which both were shown. */
static int sealing_key(const uint8_t kp[PKI_KP_SIZE], const struct pki_transcript *t,
                       const uint8_t priv[PKI_X25519_SIZE], const uint8_t peer[PKI_X25519_SIZE],
                       uint8_t out[PKI_AEAD_KEY]) {
        static const char salt[] = "triarch bundle v1";
        uint8_t secret[PKI_X25519_SIZE + PKI_KP_SIZE], text[PKI_TRANSCRIPT_MAX], hash[PKI_SHA256_SIZE];
        size_t size;
        int r = pki_transcript_encode(t, text, &size);

        if (r < 0)
                return r;
        if (EVP_Digest(text, size, hash, NULL, EVP_sha256(), NULL) != 1) {
                ERR_clear_error();
                return -EIO;
        }
        r = pki_x25519_shared(priv, peer, secret);
        if (r < 0)
                return r;
        memcpy(secret + PKI_X25519_SIZE, kp, PKI_KP_SIZE);
        r = pki_hkdf((struct pki_bytes){ secret, sizeof secret }, (struct pki_bytes){ salt, sizeof salt - 1 },
                     (struct pki_bytes){ hash, sizeof hash }, out);
        pki_wipe(secret, sizeof secret);
        return r;
}

/* The ephemeral public key is authenticated with the text. */
static int seal(const uint8_t kp[PKI_KP_SIZE], const struct pki_transcript *t, struct pki_bytes plain,
                uint8_t *out) {
        uint8_t priv[PKI_X25519_SIZE], key[PKI_AEAD_KEY];
        int r = pki_x25519_generate(priv, out);

        if (r == 0)
                r = sealing_key(kp, t, priv, t->joiner_pub, key);
        if (r == 0)
                r = pki_aead_seal(key, (struct pki_bytes){ out, HEADER }, plain, out + HEADER);
        pki_wipe(priv, sizeof priv);
        pki_wipe(key, sizeof key);
        return r;
}

int pki_bundle_seal(const uint8_t kp[PKI_KP_SIZE], const struct pki_transcript *t, const void *plain,
                    size_t size, uint8_t **ret, size_t *ret_size) {
        CLEANUP(freep) uint8_t *out = NULL;
        int r;

        if (size > MAX_PLAIN)
                return -EFBIG;
        out = malloc(HEADER + PKI_AEAD_EXTRA + size);
        if (!out)
                return -ENOMEM;
        r = seal(kp, t, (struct pki_bytes){ plain, size }, out);
        if (r < 0)
                return r;
        *ret_size = HEADER + PKI_AEAD_EXTRA + size;
        *ret = TAKE_PTR(out);
        return 0;
}

int pki_bundle_open(const uint8_t kp[PKI_KP_SIZE], const struct pki_transcript *t,
                    const uint8_t joiner_priv[PKI_X25519_SIZE], const uint8_t *sealed, size_t size,
                    uint8_t **ret, size_t *ret_size) {
        CLEANUP(freep) uint8_t *out = NULL;
        uint8_t key[PKI_AEAD_KEY];
        int r;

        if (size < HEADER + PKI_AEAD_EXTRA)
                return -EBADMSG;
        if (size > HEADER + PKI_AEAD_EXTRA + MAX_PLAIN)
                return -EFBIG;
        out = malloc(size - HEADER - PKI_AEAD_EXTRA + 1);
        if (!out)
                return -ENOMEM;
        r = sealing_key(kp, t, joiner_priv, sealed, key);
        if (r == 0)
                r = pki_aead_open(key, (struct pki_bytes){ sealed, HEADER },
                                  (struct pki_bytes){ sealed + HEADER, size - HEADER }, out);
        pki_wipe(key, sizeof key);
        if (r < 0)
                return r;
        *ret_size = size - HEADER - PKI_AEAD_EXTRA;
        out[*ret_size] = '\0'; /* text stays text */
        *ret = TAKE_PTR(out);
        return 0;
}
