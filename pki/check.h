/* Does a certificate that exists say what it must? One small named check for each rule. */
#ifndef PKI_CHECK_H
#define PKI_CHECK_H

#include "pki/cert.h"

struct pki_check {
        const char *path; /* the file to blame */
        X509 *crt;
        const struct pki_spec *spec;
        X509 *ca; /* NULL for a CA: it must have signed itself */
        const char *ca_path;
        time_t now;
};

/* 0, or -EINVAL with file, reason and remedy of the first rule that is broken. Of a CA the subject
 * and the SANs may be the operator's own, as with kubeadm. */
int pki_cert_check(const struct pki_check *c, struct pki_error *e);

/* -EINVAL unless the key is that of the certificate. */
int pki_check_key_fits(X509 *crt, const EVP_PKEY *key, const char *crt_path, const char *key_path,
                       struct pki_error *e);
/* -EINVAL when others than the owner may read the file beyond `mode`, or it is someone else's. */
int pki_check_private(const char *path, mode_t mode, struct pki_error *e);

#endif
