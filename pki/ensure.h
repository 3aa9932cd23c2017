/* Loading a CA that must be there, for everything that signs. */
#ifndef PKI_ENSURE_H
#define PKI_ENSURE_H

#include "pki/pair.h"
#include "pki/table.h"

/* The CA of that name, with its key, checked. -EINVAL with a message also when it is missing. */
int pki_ca_load(const struct pki_params *p, const char *name, struct pki_pair *ca, struct pki_error *e);

#endif
