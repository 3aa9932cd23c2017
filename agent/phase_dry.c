#include "agent/phase_dry.h"
#include "agent/diff.h"
#include "agent/paths.h"
#include "agent/rootpath.h"
#include "pki/file.h"
#include <errno.h>
#include <stdarg.h>

enum { SHOWN_MAX = 1 << 20 };

void phase_would(const struct phase_ctx *ctx, const char *phase, const char *fmt, ...) {
        va_list ap;

        (void)ctx;
        printf("[%s] would have ", phase);
        va_start(ap, fmt);
        vprintf(fmt, ap);
        va_end(ap);
        putchar('\n');
        fflush(stdout);
}

static void show(const struct phase_ctx *ctx, const char *path, const char *data) {
        CLEANUP(freep) char *old = NULL;
        char real[PATH_MAX];
        size_t size;

        if (phase_path(ctx, path, real) && pki_file_read(real, SHOWN_MAX, &old, &size) < 0)
                old = NULL;
        diff_print(stdout, "    ", old ? old : "", data);
        fflush(stdout);
}

int phase_dry_file(struct phase_ctx *ctx, const char *phase, const char *path, const void *data, size_t size,
                   bool yaml, struct error *e) {
        CLEANUP(freep) char *text = strndup(data, size);
        struct error why = { 0 };
        int r = phase_compare_file(ctx, path, data, size, yaml, &why);

        if (!text)
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        if (r == 1) {
                phase_report(ctx, phase, false, path);
                return 0;
        }
        if (r == -EEXIST) {
                ctx->refused++;
                printf("[%s] would have stopped: %s exists and differs from what this configuration gives\n",
                       phase, path);
        } else if (r < 0) {
                *e = why;
                return r;
        } else
                phase_report(ctx, phase, true, path);
        show(ctx, path, text);
        return 0;
}

static bool is_there(const struct phase_ctx *ctx, const char *dir, const char *file) {
        char path[PATH_MAX];

        return root_path_below(path, ctx->root, dir, file) == 0 && access(path, F_OK) == 0;
}

bool phase_dry_kubeconfigs(struct phase_ctx *ctx, const char *sub) {
        static const char *const names[] = { "admin", "super-admin", "kubelet", "controller-manager",
                                             "scheduler" };

        if (!phase_is_dry(ctx) || is_there(ctx, ctx->config->cert_dir, "ca.crt"))
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                char path[64];

                if (sub && strcmp(sub, "all") != 0 && strcmp(sub, names[i]) != 0)
                        continue;
                if (ctx->join && !strcmp(names[i], "super-admin"))
                        continue;
                snprintf(path, sizeof path, "/etc/kubernetes/%s.conf", names[i]);
                phase_report(ctx, "kubeconfig", true, path);
        }
        return true;
}

bool phase_dry_triarch(struct phase_ctx *ctx) {
        static const char *const files[] = { "enroll.key", "enroll.crt", "healthcheck-client.key",
                                             "healthcheck-client.crt" };

        if (!phase_is_dry(ctx) || is_there(ctx, ctx->config->cert_dir, "ca.crt"))
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                char path[PATH_MAX];

                snprintf(path, sizeof path, "%s/%s", TRIARCH_PKI_DIR, files[i]);
                phase_report(ctx, "certs", true, path);
        }
        return true;
}

bool phase_dry_kubelet(struct phase_ctx *ctx, const char *phase) {
        if (!phase_is_dry(ctx) || is_there(ctx, "/etc/kubernetes", "kubelet.conf"))
                return false;
        phase_report(ctx, phase, true, "/var/lib/kubelet/pki/kubelet-client-current.pem");
        return true;
}

int phase_finish_dry(const struct phase_ctx *ctx, const char *command, struct error *e) {
        if (ctx->refused)
                return error_set(
                        e, EXIT_FAILED,
                        "dry run: nothing was changed; %u files that are there differ from what this "
                        "configuration gives, and %s would have stopped at the first",
                        ctx->refused, command);
        printf("Dry run: nothing was changed; %u files and objects would have been made or changed, %u are "
               "as "
               "they should be.\n",
               ctx->made, ctx->kept);
        return 0;
}
