/* The one table of what a control plane's PKI consists of: kubeadm 1.36's names, subjects, usages. */
#ifndef PKI_TABLE_H
#define PKI_TABLE_H

#include "pki/cert.h"

enum pki_kind { PKI_KIND_CA, PKI_KIND_LEAF, PKI_KIND_SA };

struct pki_row {
        const char *name; /* kubeadm's sub-phase */
        const char *file; /* under cert_dir, without .crt and .key */
        enum pki_kind kind;
        const char *signer; /* a leaf's CA, by name */
        const char *cn;     /* NULL: the node's name */
        unsigned eku;
        int (*sans)(const struct pki_row *row, const struct pki_params *p, GENERAL_NAMES *names,
                    struct pki_error *e); /* NULL: none */
};

struct pki_conf_row {
        const char *name; /* kubeadm's sub-phase; the file is NAME.conf */
        const char *user; /* and CN */
        const char *o;
        bool node;  /* the node's name is appended to user */
        bool local; /* server is this node's API server, not the endpoint of the cluster */
};

#define PKI_CLUSTER_CA "ca" /* the CA that signs API server, clients and kubeconfigs */

enum { PKI_ROWS = 11, PKI_CONF_ROWS = 5 };
extern const struct pki_row pki_rows[PKI_ROWS];
extern const struct pki_conf_row pki_conf_rows[PKI_CONF_ROWS];

const struct pki_row *pki_row_find(const char *name);
const struct pki_conf_row *pki_conf_row_find(const char *name);

/* Add one configured name; an error calls it by `what` ("certSANs"). */
int pki_row_add_san(GENERAL_NAMES *names, const char *what, const char *text, struct pki_error *e);

#endif
