#include "agent/paths.h"
#include "agent/reset.h"
#include "agent/rootpath.h"
#include "pki/file.h"
#include "templates/render.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <sys/stat.h>

static int failed(struct error *e, int r, const char *path) {
        error_set(e, EXIT_FAILED, "cannot be removed: %s", strerror(-r));
        if (e)
                snprintf(e->file, sizeof e->file, "%s", path);
        return r;
}

/* The file, and the temporary file of it that a killed run may have left (pki/file.h). */
static int remove_file(struct reset *r, const char *path, struct error *e) {
        char real[PATH_MAX], temp[PATH_MAX];
        const char *name = strrchr(path, '/') + 1;
        int k;

        if (root_path(real, r->root, path) < 0 ||
            snprintf(temp, sizeof temp, "%s%.*s.%s.triarch", r->root, (int)(name - path), path, name) >=
                    (int)sizeof temp)
                return failed(e, -ENAMETOOLONG, path);
        if (faccessat(AT_FDCWD, real, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                r->removed++;
        if ((k = pki_file_remove(temp)) < 0 || (k = pki_file_remove(real)) < 0)
                return failed(e, k, path);
        return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
        (void)st;
        if (at->level == 0)
                return 0;
        if ((type == FTW_DP ? rmdir(path) : unlink(path)) < 0 && errno != ENOENT)
                return errno;
        return 0;
}

/* What is in the directory, depth first; links are removed, not followed. FTW_MOUNT would
 * skip everything on an overlay file system, whose files have another device than its directories. */
static int empty_dir(struct reset *r, const char *path, struct error *e) {
        char real[PATH_MAX];
        struct stat st;
        int k;

        if (root_path(real, r->root, path) < 0)
                return failed(e, -ENAMETOOLONG, path);
        if (lstat(real, &st) < 0 || !S_ISDIR(st.st_mode))
                return 0;
        k = nftw(real, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        return k ? failed(e, k < 0 ? -errno : -k, path) : 0;
}

static void remove_dir_if_empty(const struct reset *r, const char *path) {
        char real[PATH_MAX];

        if (root_path(real, r->root, path) == 0)
                rmdir(real);
}

static int remove_glob(struct reset *r, const char *pattern, struct error *e) {
        char real[PATH_MAX];
        glob_t g = { 0 };
        int k = 0;

        if (root_path(real, r->root, pattern) < 0)
                return failed(e, -ENAMETOOLONG, pattern);
        if (glob(real, GLOB_NOSORT, NULL, &g) == 0)
                for (size_t i = 0; i < g.gl_pathc && k == 0; i++)
                        k = remove_file(r, g.gl_pathv[i] + strlen(r->root), e);
        globfree(&g);
        return k;
}

static const char *const pods[] = { "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd" };

int reset_manifests(struct reset *r, bool etcd, struct error *e) {
        unsigned mode;
        int k;

        for (size_t i = 0; i < ARRAY_SIZE(pods) - !etcd; i++)
                if ((k = remove_file(r, tmpl_path(pods[i], &mode), e)) < 0)
                        return k;
        return 0;
}

static int remove_kubelet(struct reset *r, struct error *e) {
        static const char *const names[] = { "kubelet-config", "kubelet-instance-config", "kubelet-flags",
                                             "kubelet-dropin" };
        unsigned mode;
        int k;

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                const char *path = tmpl_path(names[i], &mode);
                char dir[PATH_MAX];

                if ((k = remove_file(r, path, e)) < 0)
                        return k;
                snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(path, '/') - path), path);
                remove_dir_if_empty(r, dir);
        }
        return remove_glob(r, "/var/lib/kubelet/pki/kubelet-client-*.pem", e);
}

static int remove_pki(struct reset *r, struct error *e) {
        char path[PATH_MAX];
        int k;

        for (size_t i = 0; pki_path(r->cert_dir, "/etc/kubernetes", i, path); i++)
                if ((k = remove_file(r, path, e)) < 0)
                        return k;
        snprintf(path, sizeof path, "%.4000s/etcd", r->cert_dir);
        remove_dir_if_empty(r, path);
        remove_dir_if_empty(r, r->cert_dir);
        return 0;
}

/* config.yaml goes last: it tells a repeated reset where everything is. */
static const char *const own_files[] = {
        TRIARCH_ENROLL_CRT,
        TRIARCH_ENROLL_KEY,
        TRIARCH_HEALTH_CRT,
        TRIARCH_HEALTH_KEY,
        "/etc/systemd/system/triarch-enroll.socket.d/10-triarch.conf",
        TRIARCH_MEMBERS_FILE,
        TRIARCH_MEMBER_ID,
        TRIARCH_VIP_KEY,
        TRIARCH_CONFIG_FILE,
};
static const char *const own_dirs[] = {
        "/var/lib/kubelet/pki",
        "/var/lib/kubelet",
        "/etc/kubernetes/manifests",
        "/etc/kubernetes",
        TRIARCH_PKI_DIR,
        TRIARCH_AGENT_DIR,
        "/etc/systemd/system/triarch-enroll.socket.d",
};

int reset_files(struct reset *r, struct error *e) {
        int k;

        if ((!r->worker && (k = empty_dir(r, r->etcd_dir, e)) < 0) || (k = remove_kubelet(r, e)) < 0 ||
            (k = remove_pki(r, e)) < 0 || (k = empty_dir(r, TRIARCH_STATE_DIR, e)) < 0 ||
            (k = empty_dir(r, TRIARCH_AGENT_DIR, e)) < 0)
                return k;
        if (!r->worker)
                remove_dir_if_empty(r, r->etcd_dir);
        for (size_t i = 0; i < ARRAY_SIZE(own_files); i++)
                if ((k = remove_file(r, own_files[i], e)) < 0)
                        return k;
        for (size_t i = 0; i < ARRAY_SIZE(own_dirs); i++)
                remove_dir_if_empty(r, own_dirs[i]);
        return 0;
}
