#include "pki/crypt.h"
#include "pki/ossl.h"
#include "pki/transcript.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <stdbool.h>

/* Big-endian, n bytes. */
static void put_uint(uint8_t *out, uint64_t v, size_t n) {
        while (n > 0) {
                out[--n] = (uint8_t)v;
                v >>= 8;
        }
}

static bool append(uint8_t out[PKI_TRANSCRIPT_MAX], size_t *at, const void *data, size_t size) {
        if (!data || size > PKI_TRANSCRIPT_MAX - 4 || *at > PKI_TRANSCRIPT_MAX - 4 - size)
                return false;
        put_uint(out + *at, size, 4);
        memcpy(out + *at + 4, data, size);
        *at += 4 + size;
        return true;
}

static bool append_text(uint8_t out[PKI_TRANSCRIPT_MAX], size_t *at, const char *text) {
        return text && append(out, at, text, strlen(text));
}

int pki_transcript_encode(const struct pki_transcript *t, uint8_t out[PKI_TRANSCRIPT_MAX], size_t *ret_size) {
        uint8_t clock[8];
        size_t at = 0;

        put_uint(clock, (uint64_t)t->clock_ns, sizeof clock);
        if (!append_text(out, &at, "triarch enroll v2") || !append_text(out, &at, t->cluster_id) ||
            !append_text(out, &at, t->token_id) || !append_text(out, &at, t->role) ||
            !append_text(out, &at, t->node_name) || !append_text(out, &at, t->node_address) ||
            !append(out, &at, clock, sizeof clock) || !append(out, &at, t->exporter, PKI_EXPORTER_SIZE) ||
            !append(out, &at, t->joiner_pub, PKI_X25519_SIZE) || !append_text(out, &at, t->csr))
                return -EINVAL;
        *ret_size = at;
        return 0;
}

int pki_proof_make(const uint8_t kp[PKI_KP_SIZE], const struct pki_transcript *t, uint8_t mac[PKI_MAC_SIZE]) {
        uint8_t text[PKI_TRANSCRIPT_MAX];
        unsigned n = PKI_MAC_SIZE;
        size_t size;
        int r = pki_transcript_encode(t, text, &size);

        if (r < 0)
                return r;
        if (!HMAC(EVP_sha256(), kp, PKI_KP_SIZE, text, size, mac, &n)) {
                ERR_clear_error();
                return -EIO;
        }
        return 0;
}

int pki_proof_check(const uint8_t kp[PKI_KP_SIZE], const struct pki_transcript *t,
                    const uint8_t mac[PKI_MAC_SIZE]) {
        uint8_t want[PKI_MAC_SIZE];
        int r = pki_proof_make(kp, t, want);

        if (r == 0 && CRYPTO_memcmp(want, mac, sizeof want) != 0)
                r = -EBADMSG;
        OPENSSL_cleanse(want, sizeof want);
        return r;
}
