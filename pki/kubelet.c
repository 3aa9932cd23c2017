#include "pki/kubelet.h"
#include "pki/check.h"
#include "pki/fail.h"
#include "pki/file.h"
#include "pki/key.h"
#include "pki/pair.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>

static const char pattern[] = "kubelet-client-[0-9]*.pem";

void pki_kubelet_done(struct pki_kubelet *k) {
        EVP_PKEY_free(k->key);
        X509_free(k->crt);
        k->key = NULL;
        k->crt = NULL;
}

static void dir_closep(DIR **d) {
        if (*d)
                closedir(*d);
}

/* The dates in the names sort as text. "" when there is none. */
static void find_latest(const char *dir, char name[NAME_MAX + 1]) {
        CLEANUP(dir_closep) DIR *d = opendir(dir);

        *name = '\0';
        for (struct dirent *entry; d && (entry = readdir(d));)
                if (fnmatch(pattern, entry->d_name, 0) == 0 && strcmp(entry->d_name, name) > 0)
                        snprintf(name, NAME_MAX + 1, "%s", entry->d_name);
}

static int new_name(time_t now, char name[NAME_MAX + 1]) {
        struct tm tm;

        if (!gmtime_r(&now, &tm))
                return -EOVERFLOW;
        return strftime(name, NAME_MAX + 1, "kubelet-client-%Y-%m-%d-%H-%M-%S.pem", &tm) ? 0 : -EOVERFLOW;
}

/* The name of the dated file, in PKI_KUBELET_DIR. */
static int find_name(const struct pki_params *p, struct pki_kubelet *k, char name[NAME_MAX + 1],
                     struct pki_error *e) {
        char path[PATH_MAX], target[PATH_MAX];
        const char *base;
        ssize_t n;

        snprintf(path, sizeof path, "%s%s", p->root, PKI_KUBELET_CURRENT);
        n = readlink(path, target, sizeof target - 1);
        k->linked = n >= 0;
        if (n < 0 && errno == EINVAL)
                return pki_fail(e, -EINVAL, path, "remove it, and it is made again",
                                "is not a symbolic link, as the kubelet needs it");
        if (n < 0) {
                snprintf(path, sizeof path, "%s%s", p->root, PKI_KUBELET_DIR);
                find_latest(path, name);
                return *name ? 0 : new_name(p->now, name);
        }
        target[n] = '\0';
        base = strrchr(target, '/') ? strrchr(target, '/') + 1 : target;
        if (fnmatch(pattern, base, 0) != 0)
                return pki_fail(e, -EINVAL, path, "remove it, and it is made again",
                                "leads to \"%.200s\", which is no kubelet-client-TIME.pem", target);
        snprintf(name, NAME_MAX + 1, "%.*s", NAME_MAX, base);
        return 0;
}

int pki_kubelet_load(const struct pki_params *p, struct pki_kubelet *ret, struct pki_error *e) {
        char name[NAME_MAX + 1];
        int r;

        *ret = (struct pki_kubelet){ .linked = false };
        r = find_name(p, ret, name, e);
        if (r < 0)
                return r;
        if (snprintf(ret->path, PATH_MAX, "%s%s/%s", p->root, PKI_KUBELET_DIR, name) >= PATH_MAX)
                return pki_fail(e, -ENAMETOOLONG, p->root, NULL, "is too long a path");
        r = pki_load_key(ret->path, 0600, &ret->key, e);
        if (r == -ENOENT)
                return 0;
        if (r < 0 || (r = pki_load_cert(ret->path, &ret->crt, e)) < 0)
                return r;
        return pki_check_key_fits(ret->crt, ret->key, ret->path, ret->path, e);
}

static int write_pair(const char *path, const EVP_PKEY *key, X509 *crt, struct pki_error *e) {
        CLEANUP(pki_wipe_freep) char *key_pem = NULL;
        CLEANUP(pki_wipe_freep) char *both = NULL;
        CLEANUP(freep) char *crt_pem = NULL;

        if (pki_key_to_pem(key, &key_pem) < 0 || pki_cert_to_pem(crt, &crt_pem) < 0 ||
            asprintf(&both, "%s%s", crt_pem, key_pem) < 0)
                return pki_fail_crypto(e, path, "writing a key");
        return pki_put(path, 0600, (gid_t)-1, both, false, e);
}

/* Relative, so that it also holds while the tree lies under a root. */
static int make_link(const char *path, const char *name, struct pki_error *e) {
        int r = pki_symlink(name, path);

        return r < 0 ? pki_fail_errno(e, r, path, "made") : 0;
}

int pki_kubelet_store(const struct pki_params *p, const struct pki_kubelet *k, const EVP_PKEY *key, X509 *crt,
                      pki_report_fn report, void *userdata, struct pki_error *e) {
        char path[PATH_MAX];
        int r;

        snprintf(path, sizeof path, "%s%s", p->root, PKI_KUBELET_HOME);
        if (!p->dry_run && (r = pki_mkdir_p(path, 0700)) < 0)
                return pki_fail_errno(e, r, path, "made");
        if (!k->crt && !p->dry_run && (r = write_pair(k->path, key, crt, e)) < 0)
                return r;
        if (report)
                report(userdata, k->crt ? PKI_KEPT : PKI_MADE, k->path + strlen(p->root));
        snprintf(path, sizeof path, "%s%s", p->root, PKI_KUBELET_CURRENT);
        if (!k->linked && !p->dry_run && (r = make_link(path, strrchr(k->path, '/') + 1, e)) < 0)
                return r;
        if (report)
                report(userdata, k->linked ? PKI_KEPT : PKI_MADE, PKI_KUBELET_CURRENT);
        return 0;
}
