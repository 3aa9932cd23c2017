/* Certificate signing requests (PKCS#10) for a CA that is elsewhere. */
#ifndef PKI_CSR_H
#define PKI_CSR_H

#include "pki/cert.h"

/* Subject, SANs and usages of the specification, asked for as extensions; signed by the key. *ret is
 * malloc'ed. -ENOMEM. */
int pki_csr_to_pem(const struct pki_spec *spec, EVP_PKEY *key, char **ret);
/* Into the file (real path, 0644), unless that is there already: the request may be on its way. */
int pki_csr_write(const char *path, const struct pki_spec *spec, EVP_PKEY *key, const struct pki_params *p,
                  pki_report_fn report, void *userdata, struct pki_error *e);

#endif
