#include "agent/chrony.h"
#include "agent/diff.h"
#include "agent/etcd_own.h"
#include "agent/managed.h"
#include "agent/masters.h"
#include "agent/paths.h"
#include "agent/phase_dry.h"
#include "agent/rootpath.h"
#include "pki/file.h"
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <sys/stat.h>

enum { RENDERED_MAX = 1 << 20, ETCD_MS = 9000 };

bool phase_path(const struct phase_ctx *ctx, const char *path, char out[PATH_MAX]) {
        return root_path(out, ctx->root, path) == 0;
}

static int file_error(struct error *e, int r, const char *path, const char *what) {
        error_set(e, EXIT_FAILED, "%s: %s", what, strerror(-r));
        if (e)
                snprintf(e->file, sizeof e->file, "%s", path);
        return r;
}

/* "line 3 is `a`, would be `b`": enough to see what was changed. */
static void first_difference(const char *have, const char *want, char *out, size_t size) {
        unsigned line = 1;

        for (;;) {
                int n = (int)strcspn(have, "\n"), m = (int)strcspn(want, "\n");

                if (n != m || strncmp(have, want, (size_t)n) != 0 || !have[n] || !want[m]) {
                        snprintf(out, size, "line %u is `%.*s`, would be `%.*s`", line, n > 120 ? 120 : n,
                                 have, m > 120 ? 120 : m, want);
                        return;
                }
                have += n + 1;
                want += m + 1;
                line++;
        }
}

static bool same_file(const char *old, size_t n, const void *data, size_t size, bool yaml,
                      struct tmpl_error *why) {
        int r = yaml ? tmpl_equal(old, n, data, size, why) : n == size && !memcmp(old, data, size);

        if (r < 0)
                snprintf(why->what, sizeof why->what, "it is not YAML");
        else if (r == 0 && !yaml)
                first_difference(old, data, why->what, sizeof why->what);
        return r == 1;
}

int phase_compare_file(const struct phase_ctx *ctx, const char *path, const void *data, size_t size,
                       bool yaml, struct error *e) {
        CLEANUP(freep) char *old = NULL;
        struct tmpl_error why = { 0 };
        char real[PATH_MAX];
        size_t n;
        int r;

        if (!phase_path(ctx, path, real))
                return file_error(e, -ENAMETOOLONG, path, "read");
        if ((r = pki_file_read(real, RENDERED_MAX, &old, &n)) == -ENOENT)
                return 0;
        if (r < 0)
                return file_error(e, r, path, "read");
        if (same_file(old, n, data, size, yaml, &why))
                return 1;
        error_set(e, EXIT_FAILED,
                  "exists and differs from what this configuration gives: %s; nothing was changed: "
                  "move the file away to have it made, or give the configuration it was made from",
                  why.what);
        if (e)
                snprintf(e->file, sizeof e->file, "%s", path);
        return -EEXIST;
}

/* Directories whose mode is not 0755 when they are made here (kubeadm's modes). */
static const struct dir_mode {
        const char *path;
        mode_t mode;
} dir_modes[] = {
        { "/etc/kubernetes/manifests", 0700 },
        { "/var/lib/kubelet", 0700 },
};

static int make_parent(const struct phase_ctx *ctx, const char *path) {
        char dir[PATH_MAX], real[PATH_MAX];
        mode_t mode = 0755;

        snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(path, '/') - path), path);
        for (size_t i = 0; i < ARRAY_SIZE(dir_modes); i++)
                if (!strcmp(dir_modes[i].path, dir))
                        mode = dir_modes[i].mode;
        return phase_path(ctx, dir, real) ? pki_mkdir_p(real, mode) : -ENAMETOOLONG;
}

int phase_put_file(struct phase_ctx *ctx, const char *phase, const char *path, mode_t mode, gid_t gid,
                   const void *data, size_t size, bool yaml, struct error *e) {
        char real[PATH_MAX];
        int r;

        if (phase_is_dry(ctx))
                return phase_dry_file(ctx, phase, path, data, size, yaml, e);
        if ((r = phase_compare_file(ctx, path, data, size, yaml, e)) < 0)
                return r;
        if (r == 0) {
                if ((r = make_parent(ctx, path)) < 0)
                        return file_error(e, r, path, "make the directory");
                phase_path(ctx, path, real);
                if ((r = pki_file_write(real, mode, gid, data, size, PKI_FILE_EXCL)) < 0)
                        return file_error(e, r, path, "write");
                phase_report(ctx, phase, true, path);
        } else
                phase_report(ctx, phase, false, path);
        return 0;
}

static const char *const our_dirs[] = { "/etc/kubernetes",
                                        "/etc/kubernetes/manifests",
                                        "/etc/kubernetes/pki",
                                        "/etc/kubernetes/pki/etcd",
                                        "/etc/systemd/system/kubelet.service.d",
                                        "/etc/systemd/system/triarch-enroll.socket.d",
                                        "/etc/triarch",
                                        TRIARCH_PKI_DIR,
                                        (MANAGED_DIR),
                                        "/var/lib/kubelet",
                                        "/var/lib/kubelet/pki" };

static void sweep_dir(const char *root, const char *dir) {
        const struct dirent *entry;
        char path[PATH_MAX];
        DIR *d = root_path(path, root, dir) < 0 ? NULL : opendir(path);

        while (d && (entry = readdir(d))) {
                size_t n = strlen(entry->d_name);

                if (*entry->d_name == '.' && n > 8 && !strcmp(entry->d_name + n - 8, ".triarch"))
                        unlinkat(dirfd(d), entry->d_name, 0);
        }
        if (d)
                closedir(d);
}

void phase_sweep(const char *root, const char *cert_dir) {
        char etcd[PATH_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(our_dirs); i++)
                sweep_dir(root, our_dirs[i]);
        if (!cert_dir)
                return;
        sweep_dir(root, cert_dir);
        if (root_path(etcd, cert_dir, "/etcd") == 0)
                sweep_dir(root, etcd);
}

int phase_put_template(struct phase_ctx *ctx, const char *phase, const struct phase_values *v,
                       const char *name, struct error *e) {
        CLEANUP(freep) char *text = NULL;
        const char *path, *dot;
        unsigned mode = 0600;
        size_t size;
        int r;

        if ((r = phase_render(v, name, &text, &size, e)) < 0)
                return r;
        path = tmpl_path(name, &mode);
        dot = strrchr(path, '.');
        return phase_put_file(ctx, phase, path, (mode_t)mode, (gid_t)-1, text, size, !strcmp(dot, ".yaml"),
                              e);
}

struct reporter {
        struct phase_ctx *ctx;
        const char *phase;
};

static void on_pki(void *userdata, enum pki_action action, const char *file) {
        const struct reporter *r = userdata;

        if (action == PKI_TEXT)
                diff_print(stdout, "    ", "", file);
        else
                phase_report(r->ctx, r->phase, action == PKI_MADE, file);
}

int phase_agent_gid(const struct phase_ctx *ctx, gid_t *ret, struct error *e) {
        struct group g, *found = NULL;
        char path[PATH_MAX], buffer[4096];

        *ret = (gid_t)-1;
        if (!*ctx->root) {
                bool missing = getgrnam_r("triarch", &g, buffer, sizeof buffer, &found) || !found;

                if (missing && phase_is_dry(ctx))
                        return 0;
                if (missing)
                        return error_set(
                                e, EXIT_FAILED,
                                "there is no group \"triarch\", as which the agent runs; install the "
                                "package, or run systemd-sysusers");
                *ret = found->gr_gid;
                return 0;
        }
        CLEANUP(fclosep) FILE *f = phase_path(ctx, "/etc/group", path) ? fopen(path, "re") : NULL;
        while (f && geteuid() == 0 && !fgetgrent_r(f, &g, buffer, sizeof buffer, &found))
                if (!strcmp(found->gr_name, "triarch"))
                        *ret = found->gr_gid;
        return 0;
}

static int certs_triarch(struct phase_ctx *ctx, const struct pki_params *p, struct error *e) {
        struct reporter reporter = { ctx, "certs" };
        struct pki_error pe = { 0 };
        gid_t gid;
        int r;

        if (phase_dry_triarch(ctx))
                return 0;
        if ((r = phase_agent_gid(ctx, &gid, e)) < 0)
                return r;
        r = pki_triarch_ensure(p, gid, on_pki, &reporter, &pe);
        return r < 0 ? error_from_pki(e, EXIT_FAILED, &pe) : 0;
}

int phase_certs(struct phase_ctx *ctx, const char *sub, struct error *e) {
        struct reporter reporter = { ctx, "certs" };
        struct pki_error pe = { 0 };
        struct pki_params p;
        bool all = !sub || !strcmp(sub, "all");
        int r;

        if (sub && !strcmp(sub, "vip-key"))
                return phase_vip_files(ctx, e);
        if ((r = phase_clock_gate(ctx, e)) < 0 || (r = phase_pki_params(ctx, &p, e)) < 0)
                return r;
        if (all || strcmp(sub, "triarch") != 0) {
                r = pki_certs_ensure(&p, all ? "all" : sub, on_pki, &reporter, &pe);
                if (r < 0)
                        return error_from_pki(e, EXIT_FAILED, &pe);
        }
        if ((all || !strcmp(sub, "triarch")) && (r = certs_triarch(ctx, &p, e)) < 0)
                return r;
        return all ? phase_vip_files(ctx, e) : 0;
}

int phase_kubeconfig(struct phase_ctx *ctx, const char *sub, struct error *e) {
        struct reporter reporter = { ctx, "kubeconfig" };
        struct pki_error pe = { 0 };
        struct pki_params p;
        int r;

        if (ctx->join && sub && !strcmp(sub, "super-admin")) /* that one is the first master's */
                return 0;
        if (phase_dry_kubeconfigs(ctx, sub))
                return 0;
        if ((r = phase_clock_gate(ctx, e)) < 0 || (r = phase_pki_params(ctx, &p, e)) < 0)
                return r;
        r = pki_kubeconfig_ensure(&p, sub ? sub : "all", on_pki, &reporter, &pe);
        return r < 0 ? error_from_pki(e, EXIT_FAILED, &pe) : 0;
}

/* The administrator's etcd has no member for this master. Who joins does this later. */
static int enlist(struct phase_ctx *ctx, struct error *e) {
        struct etcd_client client;
        struct etcd_files files;
        int r;

        if (ctx->join || *ctx->root || !ctx->config->etcd_external.endpoints.n)
                return 0;
        if (phase_is_dry(ctx)) {
                phase_would(ctx, "etcd", "enlisted this master in the external etcd");
                return 0;
        }
        if ((r = etcd_own_client(ctx->config, ctx->root, ETCD_MS, &files, &client, e)) < 0)
                return r;
        r = masters_enlist(ctx->config, &client, e);
        if (r > 0)
                printf("[etcd] enlisted as a master in the external etcd at %s\n", client.endpoint);
        return r < 0 ? r : 0;
}

int phase_etcd(struct phase_ctx *ctx, const char *sub, struct error *e) {
        CLEANUP(phase_values_freep) struct phase_values *v = NULL;
        const char *dir = ctx->config->etcd_data_dir;
        char real[PATH_MAX];
        int r;

        (void)sub;
        if ((r = phase_values_new(ctx, &v, e)) < 0)
                return r;
        if (!phase_wanted(v, "etcd"))
                return enlist(ctx, e);
        r = !phase_path(ctx, dir, real) ? -ENAMETOOLONG : phase_is_dry(ctx) ? 0 : pki_mkdir_p(real, 0700);
        if (r < 0)
                return file_error(e, r, dir, "make the directory");
        if (phase_is_dry(ctx) && access(real, F_OK) < 0)
                phase_would(ctx, "etcd", "made %s/", dir);
        return phase_put_template(ctx, "etcd", v, "etcd", e);
}

static const struct {
        const char *sub, *template;
} pods[] = {
        { "apiserver", "kube-apiserver" },
        { "controller-manager", "kube-controller-manager" },
        { "scheduler", "kube-scheduler" },
};

int phase_control_plane(struct phase_ctx *ctx, const char *sub, struct error *e) {
        CLEANUP(phase_values_freep) struct phase_values *v = NULL;
        int r;

        if ((r = phase_values_new(ctx, &v, e)) < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(pods); i++)
                if (!sub || !strcmp(sub, "all") || !strcmp(sub, pods[i].sub))
                        if ((r = phase_put_template(ctx, "control-plane", v, pods[i].template, e)) < 0)
                                return r;
        return 0;
}

int phase_is_ours(const struct phase_ctx *ctx, struct error *e) {
        static const char *const names[] = { "etcd", "kube-apiserver", "kube-controller-manager",
                                             "kube-scheduler" };
        CLEANUP(phase_values_freep) struct phase_values *v = NULL;
        int r, found = 0;

        if ((r = phase_values_new(ctx, &v, e)) < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                CLEANUP(freep) char *text = NULL;
                unsigned mode;
                size_t size;

                if (!phase_wanted(v, names[i]))
                        continue;
                if ((r = phase_render(v, names[i], &text, &size, e)) < 0 ||
                    (r = phase_compare_file(ctx, tmpl_path(names[i], &mode), text, size, true, e)) < 0)
                        return r;
                found |= r;
        }
        return found;
}

int phase_clock_gate(const struct phase_ctx *ctx, struct error *e) {
        const struct config *c = ctx->config;
        struct clock_state s;
        struct timespec now;
        char both[160];

        clock_read(c->health.clock.port, 1000, c->time_max_offset_s, &s);
        if (s.verdict != CLOCK_OFFSET || phase_ignored(c, "TimeSync"))
                return 0;
        clock_gettime(CLOCK_REALTIME, &now);
        clock_both_times(&s, now, both, sizeof both);
        return error_set(
                e, EXIT_FAILED,
                "nothing is signed while this machine's clock is known to be wrong (%s): %s; put the "
                "time right, then run this again",
                s.reason, both);
}
