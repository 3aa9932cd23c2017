/* Private keys: made, written and read. What holds a key is wiped before it is freed. */
#ifndef PKI_KEY_H
#define PKI_KEY_H

#include "pki/ossl.h"
#include "pki/pki.h"

/* Fill every slot of keys[0..n) that is NULL; RSA keys are made on all processors at once.
 * 0, -ENOMEM. Slots made before a failure stay made. */
int pki_keys_generate(enum pki_alg alg, EVP_PKEY **keys[], size_t n);

/* "RSA PRIVATE KEY" (PKCS#1) or "EC PRIVATE KEY" (SEC1, named curve), as kubeadm's. *ret is malloc'ed
 * and a secret. 0, -ENOMEM. */
int pki_key_to_pem(const EVP_PKEY *key, char **ret);
/* "PUBLIC KEY" (SubjectPublicKeyInfo). */
int pki_key_public_to_pem(const EVP_PKEY *key, char **ret);

/* The first private key in the text: PKCS#1, SEC1 or PKCS#8, not encrypted. -EINVAL when there is
 * none, -EOPNOTSUPP when it is neither RSA nor EC. */
int pki_key_from_pem(const char *text, size_t size, EVP_PKEY **ret);
int pki_key_public_from_pem(const char *text, size_t size, EVP_PKEY **ret);

/* What is in a memory BIO as a malloc'ed string. */
int pki_bio_text(BIO *bio, char **ret);

#endif
