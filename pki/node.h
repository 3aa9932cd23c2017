/* The client certificate of a worker's kubelet: asked for by the node with a PKCS#10 request, issued by a
 * master, installed on the node as the kubelet itself would, which renews it from then on.
 *
 * Of the request nothing is taken but its public key: whose the certificate is, the issuer says. */
#ifndef PKI_NODE_H
#define PKI_NODE_H

#include "pki/pki.h"

/* A new P-256 key, as the kubelet makes them. *ret is malloc'ed and a secret. -ENOMEM. */
int pki_node_key(char **ret_key_pem);
/* The request for it, signed by it. -EINVAL: that is no key. */
int pki_node_request(const char *key_pem, char **ret_csr_pem);

/* By the cluster's CA under p->cert_dir, for system:node:NODE_NAME in system:nodes, clientAuth, p->now to a
 * year later. -EINVAL: no request, not signed by the key that it names, or that key is neither RSA of
 * 2048 to 4096 bits nor EC of P-256 or P-384. */
int pki_node_issue(const struct pki_params *p, const char *csr_pem, const char *node_name, char **ret_crt_pem,
                   struct pki_error *e);

/* Key and certificate into kubelet-client-TIME.pem behind the link, and kubelet.conf that names the link, for
 * the endpoint of p; ca.crt must be under p->cert_dir. What is there already and fits is kept: the kubelet
 * may have renewed it. -EINVAL: the certificate is not p->node_name's, of that CA, for that key. */
int pki_node_install(const struct pki_params *p, const char *key_pem, const char *crt_pem,
                     pki_report_fn report, void *userdata, struct pki_error *e);

#endif
