/* A kubeconfig as a value: rendered with, and read through, libyaml. */
#ifndef PKI_KUBECONFIG_H
#define PKI_KUBECONFIG_H

#include "pki/util.h"
#include <stdint.h>

/* What current-context leads to. All strings are owned; key and token are secrets. */
struct pki_kubeconfig {
        char *cluster, *user; /* names */
        char *server;
        char *ca_pem;              /* certificate-authority-data, decoded */
        char *crt_pem, *key_pem;   /* client-*-data, decoded; NULL where absent */
        char *crt_file, *key_file; /* client-certificate, client-key; NULL where absent */
        char *token;               /* of the user, a bearer token; NULL where absent */
};

/* Context and current-context are USER@CLUSTER. *ret is malloc'ed and a secret. crt_file and
 * key_file go before the data, and those before the token. key_pem may be alone, while its certificate is
 * still to come. 0, -ENOMEM; -EINVAL when there is no way to be known by. */
int pki_kubeconfig_render(const struct pki_kubeconfig *k, char **ret);

/* -EINVAL with the reason in `why` when it is no YAML or lacks what is listed above:
 * names, server and CA data must be there. *ret is overwritten; done() also after an error. -ENOMEM. */
int pki_kubeconfig_parse(const char *text, size_t size, struct pki_kubeconfig *ret, char why[200]);

void pki_kubeconfig_done(struct pki_kubeconfig *k);

#endif
