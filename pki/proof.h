/* The cryptography of enrolment: tokens, proof of their possession, the sealed bundle.
 *
 * Kp = HKDF-SHA-256(secret, salt "triarch token v1", info = token id). The server stores Kp only
 * wrapped by AES-256-GCM under a key derived from the CA's private key. The proof is
 * HMAC-SHA-256(Kp, transcript); the bundle is sealed by AES-256-GCM under
 * HKDF-SHA-256(X25519(shared) || Kp, info = transcript hash). docs/wire.md has the byte layouts and
 * test vectors. Secrets are compared in constant time and wiped. 0 or negative errno throughout;
 * -EBADMSG: tag or proof is wrong. */
#ifndef PKI_PROOF_H
#define PKI_PROOF_H

#include <stddef.h>
#include <stdint.h>

enum {
        PKI_TOKEN_ID = 6,
        PKI_TOKEN_SECRET = 16,
        PKI_TOKEN_SIZE = 24, /* "abcdef.0123456789abcdef" and NUL */
        PKI_KP_SIZE = 32,
        PKI_X25519_SIZE = 32,
        PKI_MAC_SIZE = 32,
        PKI_EXPORTER_SIZE = 32,
        PKI_WRAPPED_SIZE = 12 + PKI_KP_SIZE + 16, /* nonce, ciphertext, tag */
};

/* Uniform over [a-z0-9] (rejection sampling), from RAND_bytes. */
int pki_token_generate(char out[PKI_TOKEN_SIZE]);
/* -EINVAL when not [a-z0-9]{6}\.[a-z0-9]{16}. */
int pki_token_check(const char *token);
int pki_token_kp(const char *token, uint8_t kp[PKI_KP_SIZE]);

/* Wrap and unwrap Kp under the CA's private key (PEM file); id is authenticated with it. */
int pki_kp_wrap(const char *ca_key_path, const char id[PKI_TOKEN_ID + 1], const uint8_t kp[PKI_KP_SIZE],
                uint8_t out[PKI_WRAPPED_SIZE]);
int pki_kp_unwrap(const char *ca_key_path, const char id[PKI_TOKEN_ID + 1],
                  const uint8_t in[PKI_WRAPPED_SIZE], uint8_t kp[PKI_KP_SIZE]);

/* What both sides must agree on. Every field is encoded with its length, so that no two
 * transcripts share an encoding. clock_ns: the joiner's clock, nanoseconds since 1970, UTC. */
struct pki_transcript {
        const char *cluster_id, *token_id, *role, *node_name, *node_address;
        int64_t clock_ns;
        uint8_t exporter[PKI_EXPORTER_SIZE]; /* TLS exporter, label "EXPORTER-triarch-enroll" */
        uint8_t joiner_pub[PKI_X25519_SIZE];
        const char *csr; /* as it was sent; "" for none */
};
int pki_proof_make(const uint8_t kp[PKI_KP_SIZE], const struct pki_transcript *t, uint8_t mac[PKI_MAC_SIZE]);
int pki_proof_check(const uint8_t kp[PKI_KP_SIZE], const struct pki_transcript *t,
                    const uint8_t mac[PKI_MAC_SIZE]);

int pki_x25519_generate(uint8_t priv[PKI_X25519_SIZE], uint8_t pub[PKI_X25519_SIZE]);
int pki_x25519_public(const uint8_t priv[PKI_X25519_SIZE], uint8_t pub[PKI_X25519_SIZE]);

/* Seal for the joiner: out = server's ephemeral public key || nonce || ciphertext || tag; *ret is
 * malloc'ed. Open is its inverse; what it returns holds keys: wipe it. */
int pki_bundle_seal(const uint8_t kp[PKI_KP_SIZE], const struct pki_transcript *t, const void *plain,
                    size_t size, uint8_t **ret, size_t *ret_size);
int pki_bundle_open(const uint8_t kp[PKI_KP_SIZE], const struct pki_transcript *t,
                    const uint8_t joiner_priv[PKI_X25519_SIZE], const uint8_t *sealed, size_t size,
                    uint8_t **ret, size_t *ret_size);

#endif
