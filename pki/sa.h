/* The service-account key pair: a plain key and its public half, no certificate. It is the same on
 * every master of a cluster: made again, it would make every token of the cluster invalid. */
#ifndef PKI_SA_H
#define PKI_SA_H

#include "pki/pair.h"

void pki_sa_init(struct pki_pair *pair); /* after pki_pair_init(): crt_path becomes sa.pub */
int pki_sa_load(struct pki_pair *pair, struct pki_error *e);
int pki_sa_write(const struct pki_pair *pair, const char *root, pki_report_fn report, void *userdata,
                 struct pki_error *e);

#endif
