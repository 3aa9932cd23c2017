#include "templates/etcd_dirs.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* As kubeadm compares: by the beginning of the text, not by components. */
static bool begins(const char *path, const char *dir) {
        return !strncmp(path, dir, strlen(dir));
}

static bool is_mounted(const struct tmpl_values *v, const char *dir) {
        const char *ca;

        for (size_t i = 0; (ca = tmpl_ca_dir(i)); i++)
                if (begins(dir, ca))
                        return true;
        return begins(dir, "/etc/ssl/certs") || begins(dir, v->cert_dir);
}

static void remove_at(struct tmpl_etcd_dirs *dirs, size_t i) {
        free(dirs->v[i]);
        memmove(&dirs->v[i], &dirs->v[i + 1], (dirs->n - i - 1) * sizeof *dirs->v);
        dirs->n--;
}

/* Takes `dir`. One that another holds is not added; those that it holds are removed. */
static void add(struct tmpl_etcd_dirs *dirs, char *dir) {
        size_t k;

        for (size_t i = dirs->n; i-- > 0;)
                if (begins(dirs->v[i], dir)) {
                        remove_at(dirs, i);
                } else if (begins(dir, dirs->v[i])) {
                        free(dir);
                        return;
                }
        for (k = dirs->n++; k > 0 && strcmp(dir, dirs->v[k - 1]) < 0; k--)
                dirs->v[k] = dirs->v[k - 1];
        dirs->v[k] = dir;
}

int tmpl_etcd_dirs(const struct tmpl_values *v, struct tmpl_etcd_dirs *ret) {
        const char *const files[TMPL_ETCD_DIRS_MAX] = { v->etcd_ca_file, v->etcd_cert_file,
                                                        v->etcd_key_file };

        *ret = (struct tmpl_etcd_dirs){ 0 };
        for (size_t i = 0; v->etcd_servers && i < TMPL_ETCD_DIRS_MAX; i++) {
                const char *slash = files[i] ? strrchr(files[i], '/') : NULL;
                char *dir;

                if (!slash)
                        continue;
                dir = slash > files[i] ? strndup(files[i], (size_t)(slash - files[i])) : strdup("/");
                if (!dir)
                        return -ENOMEM;
                if (is_mounted(v, dir))
                        free(dir);
                else
                        add(ret, dir);
        }
        return 0;
}

void tmpl_etcd_dirs_done(struct tmpl_etcd_dirs *dirs) {
        for (size_t i = 0; i < dirs->n; i++)
                free(dirs->v[i]);
        dirs->n = 0;
}
