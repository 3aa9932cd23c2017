/* The kubelet's client certificate in the form that the kubelet rotates: certificate and key in one
 * kubelet-client-TIME.pem, behind the link kubelet-client-current.pem. */
#ifndef PKI_KUBELET_H
#define PKI_KUBELET_H

#include "pki/cert.h"

#define PKI_KUBELET_HOME    "/var/lib/kubelet" /* 0700 when made here, as kubeadm's */
#define PKI_KUBELET_DIR     PKI_KUBELET_HOME "/pki"
#define PKI_KUBELET_CURRENT PKI_KUBELET_DIR "/kubelet-client-current.pem"

struct pki_kubelet {
        char path[PATH_MAX]; /* the dated file, root included: there, or where it is to be */
        bool linked;         /* the link is there (it may lead nowhere) */
        EVP_PKEY *key;       /* key and crt: NULL when the file is not there */
        X509 *crt;
};

/* Find the pair: through the link, or without a link the latest dated file. The link's directory is
 * not followed: under a root it would lead out of it. -EINVAL: it is there and is no pair. */
int pki_kubelet_load(const struct pki_params *p, struct pki_kubelet *ret, struct pki_error *e);
void pki_kubelet_done(struct pki_kubelet *k);

/* After load(): write the pair where it is missing (key and crt may be NULL where it is not), and the
 * link where that is missing. Both are reported. */
int pki_kubelet_store(const struct pki_params *p, const struct pki_kubelet *k, const EVP_PKEY *key, X509 *crt,
                      pki_report_fn report, void *userdata, struct pki_error *e);

#endif
