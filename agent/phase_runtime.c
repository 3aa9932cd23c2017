#include "agent/addon.h"
#include "agent/cri.h"
#include "agent/host.h"
#include "agent/managed.h"
#include "agent/monotonic.h"
#include "agent/runtime.h"
#include "agent/toml.h"
#include "agent/unit.h"
#include "pki/file.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <time.h>

enum { PASSWORD_MAX = 4096, ANSWER_S = 30 };

bool runtime_is_containerd(const struct config *c) {
        const char *slash = c->cri_socket ? strrchr(c->cri_socket, '/') : NULL;

        return slash && !strcmp(slash, "/containerd.sock");
}

static bool is_skipped(const struct config *c) {
        for (size_t i = 0; i < c->skip_phases.n; i++)
                if (!strcmp(c->skip_phases.items[i], "runtime"))
                        return true;
        return false;
}

static bool unit_is_there(struct error *e) {
        CLEANUP(unit_bus_freep) struct unit_bus *b = NULL;
        char state[32];

        return unit_bus_open(&b, e) == 0 && unit_state(b, RUNTIME_UNIT, state, e) == 0 &&
               strcmp(state, "not-found") != 0;
}

bool runtime_will_do(const struct phase_ctx *ctx) {
        return !*ctx->root && runtime_is_containerd(ctx->config) && !is_skipped(ctx->config) &&
               unit_is_there(NULL);
}

int runtime_cni_bin_dir(const struct phase_ctx *ctx, char out[PATH_MAX], struct error *e) {
        static const char *const paths[][5] = {
                { "plugins", "io.containerd.grpc.v1.cri", "cni", "bin_dir", NULL },
                { "plugins", "io.containerd.cri.v1.runtime", "cni", "bin_dir", NULL },
                { "plugins", "cri", "cni", "bin_dir", NULL },
        };
        CLEANUP(freep) char *text = NULL;
        struct toml_error why;
        size_t size;
        bool there;
        int r = managed_read(ctx, RUNTIME_CONFIG, &text, &size, &there, e);

        snprintf(out, PATH_MAX, "/opt/cni/bin");
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(paths); i++) {
                CLEANUP(freep) char *dir = NULL;

                if (toml_get_string(text, size, paths[i], &dir, &why) == 1 && *dir == '/')
                        snprintf(out, PATH_MAX, "%s", dir);
        }
        return r;
}

/* --- what is wanted ----------------------------------------------------------------------------- */

static int find_sandbox(const struct phase_ctx *ctx, char *out, size_t size, struct error *e) {
        CLEANUP(phase_values_freep) struct phase_values *v = NULL;
        int r = phase_values_new(ctx, &v, e);

        if (r < 0)
                return r;
        for (size_t i = 0; (r = tmpl_image(phase_values_get(v), i, out, size)) == 0; i++) {
                const char *name = strrchr(out, '/');

                if (name && !strncmp(name, "/pause:", 7))
                        return 0;
        }
        return error_set(e, EXIT_FAILED, "the sandbox image of Kubernetes %s is not known",
                         ctx->config->kubernetes_version);
}

/* A CA that containerd could not use would make every pull fail, with a message far from here. */
static int check_ca(const struct phase_ctx *ctx, const struct registry *r, struct error *e) {
        char real[PATH_MAX];
        CLEANUP(fclosep) FILE *f = phase_path(ctx, r->ca_file, real) ? fopen(real, "re") : NULL;
        X509 *crt = NULL;

        if (!f)
                return error_at(e, r->ca_file, 0, 0, "the CA of registry %s cannot be read: %s", r->host,
                                strerror(errno));
        crt = PEM_read_X509(f, NULL, NULL, NULL);
        ERR_clear_error();
        if (!crt)
                return error_at(e, r->ca_file, 0, 0, "the CA of registry %s is no certificate in PEM",
                                r->host);
        X509_free(crt);
        return 0;
}

static int read_login(const struct phase_ctx *ctx, const struct registry *r, struct runtime_wants *w,
                      struct error *e) {
        struct runtime_login *l = &w->logins[w->n_logins];
        char real[PATH_MAX];
        size_t size;
        int k;

        if (w->n_logins == RUNTIME_MAX_LOGINS)
                return error_set(e, EXIT_INPUT, "registries: at most %d have credentials",
                                 RUNTIME_MAX_LOGINS);
        if (!phase_path(ctx, r->password_file, real))
                return error_set(e, EXIT_INPUT, "registries: %s is too long a path", r->password_file);
        if ((k = pki_file_read(real, PASSWORD_MAX, &l->password, &size)) < 0)
                return error_at(e, r->password_file, 0, 0, "the password for registry %s cannot be read: %s",
                                r->host, strerror(-k));
        l->password[strcspn(l->password, "\r\n")] = '\0';
        l->host = r->host;
        l->username = r->username;
        w->n_logins++;
        return *l->password ? 0
                            : error_at(e, r->password_file, 0, 0, "the password for registry %s is empty",
                                       r->host);
}

static int find_wants(const struct phase_ctx *ctx, char *sandbox, size_t size, struct runtime_wants *w,
                      struct error *e) {
        const struct config *c = ctx->config;
        char driver[32];
        int r = find_sandbox(ctx, sandbox, size, e);

        w->sandbox_image = sandbox;
        w->systemd_cgroup =
                !host_kubelet_value(c, "cgroupDriver", driver, sizeof driver) || !strcmp(driver, "systemd");
        w->registries = c->registry_mirrors.n > 0 || c->registries.n > 0;
        for (size_t i = 0; i < c->registries.n && r == 0; i++) {
                const struct registry *one = &c->registries.items[i];

                if (one->ca_file)
                        r = check_ca(ctx, one, e);
                if (r == 0 && one->username && one->password_file)
                        r = read_login(ctx, one, w, e);
        }
        return r;
}

/* --- doing it ----------------------------------------------------------------------------------- */

static int put_hosts(struct phase_ctx *ctx, const char *certs, struct error *e) {
        char dir[300], path[PATH_MAX];
        int r = 0;

        for (size_t i = 0; r >= 0; i++) {
                CLEANUP(freep) char *text = NULL;

                if ((r = runtime_hosts(ctx->config, i, dir, &text)) == -ENOENT)
                        return 0;
                if (r < 0)
                        return r;
                if (snprintf(path, sizeof path, "%s/%s/hosts.toml", certs, dir) >= (int)sizeof path)
                        return error_set(e, EXIT_FAILED, "the path %s is too long", certs);
                r = managed_own(ctx, "runtime", path, 0644, text, strlen(text), e);
        }
        return r;
}

/* What triarch has set and the configuration no longer has is put back. */
static int put_config(struct phase_ctx *ctx, const struct runtime_wants *w, char certs[PATH_MAX],
                      struct error *e) {
        CLEANUP(freep) char *old = NULL;
        char *text = NULL;
        size_t size, new_size = 0;
        bool there;
        int r = managed_read(ctx, RUNTIME_CONFIG, &old, &size, &there, e);

        if (r < 0 || (r = runtime_edit(old, size, w, &text, &new_size, certs, e)) < 0)
                return r;
        r = managed_put(ctx, "runtime", RUNTIME_CONFIG, w->n_logins > 0 ? 0600 : 0644, text, new_size, e);
        pki_wipe(text, new_size);
        free(text);
        return r;
}

/* Until containerd answers; then what it goes by, which another file (imports) may have changed. */
static int check_answer(const struct phase_ctx *ctx, const struct runtime_wants *w, struct error *e) {
        int64_t deadline_us = monotonic_us() + ANSWER_S * INT64_C(1000000);
        CLEANUP(cri_freep) struct cri *cri = NULL;
        struct cri_status status = { 0 };
        int r = cri_new(ctx->config->cri_socket, &cri, e);

        while (r == 0 && (r = cri_status(cri, &status, e)) < 0 && monotonic_us() < deadline_us) {
                nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
                r = 0;
        }
        if (r < 0)
                return r;
        if (*status.sandbox_image && strcmp(status.sandbox_image, w->sandbox_image) != 0)
                host_warn("containerd's sandbox image is %s, not %s as in " RUNTIME_CONFIG
                          ": does a file that it imports say so?",
                          status.sandbox_image, w->sandbox_image);
        return 0;
}

/* A configuration that containerd does not start with must not stay. */
static int restart(struct phase_ctx *ctx, bool changed, struct error *e) {
        static const char *const files[] = { RUNTIME_CONFIG };
        CLEANUP(unit_bus_freep) struct unit_bus *b = NULL;
        int r = host_converge_unit(ctx, "runtime", RUNTIME_UNIT, files, ARRAY_SIZE(files), changed, e);
        struct error why;

        if (r >= 0 || !changed || managed_drop(ctx, "runtime", RUNTIME_CONFIG, &why) <= 0)
                return r;
        if (unit_bus_open(&b, &why) == 0)
                (void)unit_restart(b, RUNTIME_UNIT, ANSWER_S, &why);
        snprintf(e->message + strlen(e->message), sizeof e->message - strlen(e->message),
                 "; " RUNTIME_CONFIG " was put back as it was");
        return r;
}

static int apply(struct phase_ctx *ctx, const struct runtime_wants *w, struct error *e) {
        char certs[PATH_MAX] = "";
        bool changed;
        int r = put_config(ctx, w, certs, e);

        if (r < 0)
                return r;
        changed = r > 0;
        if (*certs && (r = put_hosts(ctx, certs, e)) < 0)
                return r;
        if (*ctx->root || ctx->config->dry_run)
                return 0;
        if ((r = restart(ctx, changed, e)) < 0)
                return r;
        r = check_answer(ctx, w, e);
        return r < 0 && phase_ignored(ctx->config, "CRI") ? 0 : r;
}

/* preflight has said it on the first master. */
static void warn_lacks(const struct phase_ctx *ctx) {
        char text[RUNTIME_LACKS_SIZE];

        if (ctx->join && !*ctx->root && runtime_cni_lacks(ctx, text))
                host_warn("%s", text);
}

/* The two usual directories are served on every node, and besides them the first master's. */
static int check_cni_dir(const struct phase_ctx *ctx, struct error *e) {
        char dir[PATH_MAX];
        int r;

        if (addon_unwanted(ctx->config, "flannel"))
                return 0;
        if ((r = runtime_cni_bin_dir(ctx, dir, e)) == 0 && strcmp(dir, "/opt/cni/bin") != 0 &&
            strcmp(dir, "/usr/lib/cni") != 0)
                host_warn("containerd looks for CNI's plug-ins in %s; flannel's gets there only if the first "
                          "master's containerd looks there, too: otherwise set bin_dir to /opt/cni/bin or "
                          "/usr/lib/cni in " RUNTIME_CONFIG,
                          dir);
        return r;
}

int phase_runtime(struct phase_ctx *ctx, const char *sub, struct error *e) {
        CLEANUP(runtime_wants_done) struct runtime_wants w = { 0 };
        char sandbox[512];
        int r = find_wants(ctx, sandbox, sizeof sandbox, &w, e);

        (void)sub;
        if (r < 0)
                return r;
        warn_lacks(ctx);
        if (!runtime_is_containerd(ctx->config)) {
                printf("[runtime] %s is not containerd's, and is left as it is: its sandbox image should be "
                       "%s, its "
                       "cgroup driver %s\n",
                       ctx->config->cri_socket, sandbox, w.systemd_cgroup ? "systemd" : "cgroupfs");
                return 0;
        }
        if ((r = check_cni_dir(ctx, e)) < 0)
                return r;
        if (*ctx->root || ctx->config->dry_run || unit_is_there(e))
                return apply(ctx, &w, e);
        if (phase_ignored(ctx->config, "CRI")) {
                printf("[runtime] there is no " RUNTIME_UNIT ": nothing to configure\n");
                return 0;
        }
        return error_set(e, EXIT_FAILED,
                         "systemd knows no " RUNTIME_UNIT "; install containerd, or give --cri-socket"),
               -ENOENT;
}
