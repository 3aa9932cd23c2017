/* kubeadm's discovery hash of a certificate that is in memory; pki.h has it for a file. */
#ifndef PKI_PIN_H
#define PKI_PIN_H

#include "pki/pki.h"
#include <openssl/x509.h>

/* "sha256:" + 64 hex digits over the SubjectPublicKeyInfo. -ENOMEM. */
int pki_cert_pin(const X509 *crt, char out[PKI_PIN_SIZE]);

#endif
