/* One certificate: what it must say, issuing it, its PEM form. */
#ifndef PKI_CERT_H
#define PKI_CERT_H

#include "pki/ossl.h"
#include "pki/pki.h"

enum { PKI_EKU_SERVER = 1, PKI_EKU_CLIENT = 2 };
enum { PKI_BACKDATE_S = 5 * 60, PKI_LEAF_S = 365 * 86400, PKI_CA_S = 3650 * 86400 };

/* Strings and names are borrowed. */
struct pki_spec {
        const char *cn;
        const char *o;             /* NULL: none */
        bool ca;                   /* self-signed; otherwise a leaf */
        bool as_old_as_ca;         /* NotBefore is the CA's, as kubeadm has it in kubeconfigs */
        unsigned eku;              /* PKI_EKU_*; 0: no such extension */
        unsigned valid_s;          /* 0: PKI_LEAF_S, PKI_CA_S */
        const GENERAL_NAMES *sans; /* NULL: none */
};

/* key: of the new certificate (a leaf needs its public half only). ca, ca_key: the signer; ca is NULL
 * for a self-signed one. 0, -ENOMEM. */
int pki_cert_issue(const struct pki_spec *spec, EVP_PKEY *key, const X509 *ca, EVP_PKEY *ca_key, time_t now,
                   X509 **ret);

/* The digest that this key signs with, as Go has it. */
const EVP_MD *pki_cert_digest(const EVP_PKEY *key);

/* The subject that a certificate by this specification has. NULL: out of memory. */
X509_NAME *pki_cert_subject(const struct pki_spec *spec);

int pki_cert_to_pem(X509 *crt, char **ret);
/* Names, validity and extensions, for people: lines of text. -ENOMEM. */
int pki_cert_describe(X509 *crt, char **ret);
/* The first certificate in the text; -EINVAL when there is none. */
int pki_cert_from_pem(const char *text, size_t size, X509 **ret);

#endif
