/* The shared secret of two X25519 keys; a secret: wipe it. -EBADMSG when the other side's key yields
 * the zero secret (RFC 7748 section 6.1). */
#ifndef PKI_X25519_H
#define PKI_X25519_H

#include "pki/proof.h"

int pki_x25519_shared(const uint8_t priv[PKI_X25519_SIZE], const uint8_t peer[PKI_X25519_SIZE],
                      uint8_t out[PKI_X25519_SIZE]);

#endif
