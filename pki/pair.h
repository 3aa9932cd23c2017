/* A certificate and its key as two files: read, completed in memory, then written. Nothing is
 * written before everything wanted has been found in order. */
#ifndef PKI_PAIR_H
#define PKI_PAIR_H

#include "pki/cert.h"

enum { PKI_MAX_FILE = 1 << 20 };

struct pki_pair {
        char key_path[PATH_MAX], crt_path[PATH_MAX]; /* real paths, under root */
        mode_t key_mode;
        gid_t key_gid; /* (gid_t)-1: as it comes */
        EVP_PKEY *key;
        X509 *crt;
        bool new_key, new_crt; /* not on disk yet */
        bool lost_key;         /* a certificate is there and its key is not */
        bool dry_run;          /* pki_pair_write() reports, and writes nothing */
};

/* ROOT + base + ".key" and ".crt". -ENAMETOOLONG. */
int pki_pair_init(struct pki_pair *pair, const char *root, const char *base, struct pki_error *e);
void pki_pair_done(struct pki_pair *pair);

/* Read what is there. -EINVAL: unreadable as what it should be, key of another certificate, key file
 * open to others. */
int pki_pair_load(struct pki_pair *pair, struct pki_error *e);
/* The same for a leaf: without its key a certificate is of no use, and counts as missing. */
int pki_pair_load_leaf(struct pki_pair *pair, struct pki_error *e);

/* -EINVAL: `path` needs a certificate, and the key of its CA is elsewhere. */
int pki_fail_external(struct pki_error *e, const char *path, const struct pki_pair *ca);

/* Key and request of a certificate that is to come; nothing of one that is there. */
int pki_pair_request(struct pki_pair *pair, const struct pki_spec *spec, const struct pki_params *p,
                     pki_report_fn report, void *userdata, struct pki_error *e);

/* Check the certificate against spec, or issue it with pair->key when there is none. ca NULL: the pair
 * is a CA itself. */
int pki_pair_settle(struct pki_pair *pair, const struct pki_spec *spec, const struct pki_pair *ca, time_t now,
                    struct pki_error *e);

/* Write what is new, the key before its certificate, and report both files. */
int pki_pair_write(const struct pki_pair *pair, const char *root, pki_report_fn report, void *userdata,
                   struct pki_error *e);

/* Parts of the above, for files of another form. -ENOENT is left to the caller, without a message. */
int pki_load_key(const char *path, mode_t mode, EVP_PKEY **ret, struct pki_error *e);
int pki_load_cert(const char *path, X509 **ret, struct pki_error *e);
/* Make the directory (0755) and write the file; with `replace` whatever is there gives way. */
int pki_put(const char *path, mode_t mode, gid_t gid, const char *text, bool replace, struct pki_error *e);

#endif
