#include "pki/sa.h"
#include "pki/fail.h"
#include "pki/file.h"
#include "pki/key.h"
#include <errno.h>

void pki_sa_init(struct pki_pair *pair) {
        char *dot = strrchr(pair->crt_path, '.');

        memcpy(dot, ".pub", sizeof ".pub");
}

static int load_public(const char *path, EVP_PKEY **ret, struct pki_error *e) {
        CLEANUP(freep) char *text = NULL;
        size_t n;
        int r = pki_file_read(path, PKI_MAX_FILE, &text, &n);

        if (r == -ENOENT)
                return r;
        if (r < 0)
                return pki_fail_errno(e, r, path, "read");
        if (pki_key_public_from_pem(text, n, ret) < 0)
                return pki_fail(e, -EINVAL, path, "remove it, and it is made again from sa.key",
                                "holds no public key in PEM form");
        return 0;
}

int pki_sa_load(struct pki_pair *pair, struct pki_error *e) {
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *pub = NULL;
        int r = pki_load_key(pair->key_path, pair->key_mode, &pair->key, e);

        if (r < 0 && r != -ENOENT)
                return r;
        r = load_public(pair->crt_path, &pub, e);
        if (r < 0 && r != -ENOENT)
                return r;
        pair->new_crt = !pub;
        if (pub && !pair->key)
                return pki_fail(e, -EINVAL, pair->key_path,
                                "copy it from another master; in a new cluster, remove sa.pub",
                                "is missing, but %s is there, and it cannot be made again", pair->crt_path);
        if (pub && EVP_PKEY_eq(pub, pair->key) != 1)
                return pki_fail(e, -EINVAL, pair->crt_path, "remove it, and it is made again from sa.key",
                                "is not the public half of %s", pair->key_path);
        return 0;
}

static int put(const char *path, char *pem, struct pki_error *e) {
        return pki_put(path, 0600, (gid_t)-1, pem, false, e);
}

int pki_sa_write(const struct pki_pair *pair, const char *root, pki_report_fn report, void *userdata,
                 struct pki_error *e) {
        CLEANUP(pki_wipe_freep) char *key = NULL;
        CLEANUP(freep) char *pub = NULL;
        size_t skip = strlen(root);
        int r;

        if (pki_key_to_pem(pair->key, &key) < 0 || pki_key_public_to_pem(pair->key, &pub) < 0)
                return pki_fail_crypto(e, pair->key_path, "writing a key");
        if (pair->new_key && !pair->dry_run && (r = put(pair->key_path, key, e)) < 0)
                return r;
        if (report)
                report(userdata, pair->new_key ? PKI_MADE : PKI_KEPT, pair->key_path + skip);
        if (pair->new_crt && !pair->dry_run && (r = put(pair->crt_path, pub, e)) < 0)
                return r;
        if (report)
                report(userdata, pair->new_crt ? PKI_MADE : PKI_KEPT, pair->crt_path + skip);
        return 0;
}
