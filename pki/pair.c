#include "pki/pair.h"
#include "pki/check.h"
#include "pki/csr.h"
#include "pki/fail.h"
#include "pki/file.h"
#include "pki/key.h"
#include <errno.h>

int pki_pair_init(struct pki_pair *pair, const char *root, const char *base, struct pki_error *e) {
        *pair = (struct pki_pair){ .key_mode = 0600, .key_gid = (gid_t)-1 };
        if (snprintf(pair->key_path, PATH_MAX, "%s%s.key", root, base) >= PATH_MAX)
                return pki_fail(e, -ENAMETOOLONG, base, NULL, "its path is too long under %s", root);
        snprintf(pair->crt_path, PATH_MAX, "%s%s.crt", root, base);
        return 0;
}

void pki_pair_done(struct pki_pair *pair) {
        EVP_PKEY_free(pair->key);
        X509_free(pair->crt);
        pair->key = NULL;
        pair->crt = NULL;
}

static int read_text(const char *path, char **ret, size_t *ret_size, struct pki_error *e) {
        int r = pki_file_read(path, PKI_MAX_FILE, ret, ret_size);

        if (r == -EINVAL)
                return pki_fail(e, r, path, NULL, "is not a regular file");
        return r < 0 && r != -ENOENT ? pki_fail_errno(e, r, path, "read") : r;
}

int pki_load_key(const char *path, mode_t mode, EVP_PKEY **ret, struct pki_error *e) {
        CLEANUP(pki_wipe_freep) char *text = NULL;
        size_t n;
        int r = read_text(path, &text, &n, e);

        if (r < 0 || (r = pki_check_private(path, mode, e)) < 0)
                return r;
        r = pki_key_from_pem(text, n, ret);
        if (r == -EINVAL)
                return pki_fail(e, r, path, "put the right key back",
                                "holds no private key in PEM form that can be read without a passphrase");
        if (r == -EOPNOTSUPP)
                return pki_fail(e, -EINVAL, path, "put an ECDSA or RSA key there",
                                "is a key of an algorithm that is not supported");
        return r < 0 ? pki_fail_crypto(e, path, "reading a key") : 0;
}

int pki_load_cert(const char *path, X509 **ret, struct pki_error *e) {
        CLEANUP(freep) char *text = NULL;
        size_t n;
        int r = read_text(path, &text, &n, e);

        if (r < 0)
                return r;
        r = pki_cert_from_pem(text, n, ret);
        if (r == -EINVAL)
                return pki_fail(e, r, path, "put the right certificate back, or remove it",
                                "holds no certificate in PEM form");
        return r < 0 ? pki_fail_crypto(e, path, "reading a certificate") : 0;
}

int pki_pair_load(struct pki_pair *pair, struct pki_error *e) {
        int r = pki_load_key(pair->key_path, pair->key_mode, &pair->key, e);

        if (r < 0 && r != -ENOENT)
                return r;
        r = pki_load_cert(pair->crt_path, &pair->crt, e);
        if (r < 0 && r != -ENOENT)
                return r;
        pair->lost_key = pair->crt && !pair->key;
        if (pair->crt && pair->key)
                return pki_check_key_fits(pair->crt, pair->key, pair->crt_path, pair->key_path, e);
        return 0;
}

int pki_pair_load_leaf(struct pki_pair *pair, struct pki_error *e) {
        int r = pki_pair_load(pair, e);

        if (r == 0 && pair->lost_key) {
                X509_free(pair->crt);
                pair->crt = NULL;
        }
        return r;
}

int pki_fail_external(struct pki_error *e, const char *path, const struct pki_pair *ca) {
        char remedy[256];

        snprintf(remedy, sizeof remedy,
                 "let the CA sign what `triarch certs generate-csr` writes, or put the key there: %.100s",
                 ca->key_path);
        return pki_fail(e, -EINVAL, path, remedy,
                        "needs a certificate, and the key of its CA (%.200s) is not here", ca->crt_path);
}

static int issue(struct pki_pair *pair, const struct pki_spec *spec, const struct pki_pair *ca, time_t now,
                 struct pki_error *e) {
        int r;

        if (ca && !ca->key)
                return pki_fail_external(e, pair->crt_path, ca);
        r = pki_cert_issue(spec, pair->key, ca ? ca->crt : NULL, ca ? ca->key : pair->key, now, &pair->crt);
        if (r < 0)
                return pki_fail_crypto(e, pair->crt_path, "issuing a certificate");
        pair->new_crt = true;
        return 0;
}

int pki_pair_settle(struct pki_pair *pair, const struct pki_spec *spec, const struct pki_pair *ca, time_t now,
                    struct pki_error *e) {
        struct pki_check check = {
                .path = pair->crt_path,
                .crt = pair->crt,
                .spec = spec,
                .ca = ca ? ca->crt : NULL,
                .ca_path = ca ? ca->crt_path : NULL,
                .now = now,
        };

        return pair->crt ? pki_cert_check(&check, e) : issue(pair, spec, ca, now, e);
}

int pki_put(const char *path, mode_t mode, gid_t gid, const char *text, bool replace, struct pki_error *e) {
        char dir[PATH_MAX];
        char *slash;
        int r;

        snprintf(dir, sizeof dir, "%s", path);
        slash = strrchr(dir, '/');
        if (slash && slash != dir) {
                *slash = '\0';
                r = pki_mkdir_p(dir, 0755);
                if (r < 0)
                        return pki_fail_errno(e, r, dir, "made");
        }
        r = pki_file_write(path, mode, gid, text, strlen(text), replace ? 0 : PKI_FILE_EXCL);
        if (r == -EEXIST)
                return pki_fail(e, r, path, "run this again", "was made by someone else meanwhile");
        return r < 0 ? pki_fail_errno(e, r, path, "written") : 0;
}

static int put_key(const struct pki_pair *pair, struct pki_error *e) {
        CLEANUP(pki_wipe_freep) char *pem = NULL;

        if (pki_key_to_pem(pair->key, &pem) < 0)
                return pki_fail_crypto(e, pair->key_path, "writing a key");
        return pki_put(pair->key_path, pair->key_mode, pair->key_gid, pem, false, e);
}

/* A certificate whose key is lost is of no use to anyone: the new one takes its place. */
static int put_crt(const struct pki_pair *pair, struct pki_error *e) {
        CLEANUP(freep) char *pem = NULL;

        if (pki_cert_to_pem(pair->crt, &pem) < 0)
                return pki_fail_crypto(e, pair->crt_path, "writing a certificate");
        return pki_put(pair->crt_path, 0644, (gid_t)-1, pem, pair->lost_key, e);
}

/* What a certificate would say. */
static int show_crt(const struct pki_pair *pair, pki_report_fn report, void *userdata, struct pki_error *e) {
        CLEANUP(freep) char *text = NULL;

        if (pki_cert_describe(pair->crt, &text) < 0)
                return pki_fail_crypto(e, pair->crt_path, "describing a certificate");
        if (report)
                report(userdata, PKI_TEXT, text);
        return 0;
}

int pki_pair_write(const struct pki_pair *pair, const char *root, pki_report_fn report, void *userdata,
                   struct pki_error *e) {
        size_t skip = strlen(root);
        int r;

        if (pair->new_key && !pair->dry_run && (r = put_key(pair, e)) < 0)
                return r;
        if (report && pair->key) /* that of an external CA is elsewhere */
                report(userdata, pair->new_key ? PKI_MADE : PKI_KEPT, pair->key_path + skip);
        if (pair->new_crt && !pair->dry_run && (r = put_crt(pair, e)) < 0)
                return r;
        if (report)
                report(userdata, pair->new_crt ? PKI_MADE : PKI_KEPT, pair->crt_path + skip);
        return pair->new_crt && pair->dry_run ? show_crt(pair, report, userdata, e) : 0;
}

int pki_pair_request(struct pki_pair *pair, const struct pki_spec *spec, const struct pki_params *p,
                     pki_report_fn report, void *userdata, struct pki_error *e) {
        EVP_PKEY **keys[] = { &pair->key };
        char path[PATH_MAX];
        int r;

        if (pair->crt)
                return 0;
        if (!pair->key) {
                if (pki_keys_generate(p->alg, keys, 1) < 0)
                        return pki_fail_crypto(e, pair->key_path, "making a key");
                pair->new_key = true;
        }
        if (pair->new_key && !p->dry_run && (r = put_key(pair, e)) < 0)
                return r;
        if (report)
                report(userdata, pair->new_key ? PKI_MADE : PKI_KEPT, pair->key_path + strlen(p->root));
        snprintf(path, sizeof path, "%.*s.csr", (int)(strlen(pair->crt_path) - strlen(".crt")),
                 pair->crt_path);
        return pki_csr_write(path, spec, pair->key, p, report, userdata, e);
}
