#include "agent/addon.h"
#include "agent/preflight.h"
#include "agent/rootpath.h"
#include "agent/runtime.h"
#include <errno.h>

/* flannel's own plugin calls bridge and host-local, its list of plugins names portmap, and containerd sets up
 * each pod's lo with loopback. */
static const char *const programs[] = { "loopback", "bridge", "host-local", "portmap" };
/* Of runtimes whose configuration is not read. */
static const char *const usual[] = { "/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni" };

static bool is_in(const struct phase_ctx *ctx, const char *dir, const char *program) {
        char path[PATH_MAX];

        return root_path_below(path, ctx->root, dir, program) == 0 && access(path, X_OK) == 0;
}

static bool is_in_usual(const struct phase_ctx *ctx, const char *program) {
        for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
                if (is_in(ctx, usual[i], program))
                        return true;
        return false;
}

bool runtime_cni_lacks(const struct phase_ctx *ctx, char out[RUNTIME_LACKS_SIZE]) {
        bool ours = runtime_is_containerd(ctx->config);
        char dir[PATH_MAX] = "";
        size_t n = 0;

        if (addon_unwanted(ctx->config, "flannel") || (ours && runtime_cni_bin_dir(ctx, dir, NULL) < 0))
                return false;
        *out = '\0';
        for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
                if (ours ? !is_in(ctx, dir, programs[i]) : !is_in_usual(ctx, programs[i]))
                        n += (size_t)snprintf(out + n, RUNTIME_LACKS_SIZE - n, "%s%s", n ? ", " : "",
                                              programs[i]);
        if (!n)
                return false;
        snprintf(out + n, RUNTIME_LACKS_SIZE - n,
                 ": not in %.200s, but flannel's network needs them; install CNI's plugins (Debian: "
                 "containernetworking-plugins, in /usr/lib/cni; Kubernetes' packages: kubernetes-cni, in "
                 "/opt/cni/bin)",
                 ours ? dir : "/opt/cni/bin, /usr/lib/cni or /usr/libexec/cni");
        return true;
}

void preflight_cni(struct preflight *p, const struct preflight_check *c) {
        char text[RUNTIME_LACKS_SIZE];

        if (runtime_cni_lacks(p->ctx, text))
                preflight_add(p, c->level, c->name, "%s", text);
}
