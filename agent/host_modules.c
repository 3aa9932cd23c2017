#include "agent/host.h"
#include "agent/managed.h"
#include "pki/file.h"
#include <errno.h>
#include <libkmod.h>
#include <stdarg.h>

/* sign: what shows that the kernel has it, under whatever name it was built. */
static const struct module {
        const char *name, *sign, *what;
        bool ipvs, vxlan; /* only with that */
} modules[] = {
        { "overlay", "/sys/module/overlay", "containers' file systems", false, false },
        { "br_netfilter", "/proc/sys/net/bridge", "the packet filter sees what pods send one another", false,
          false },
        { "nf_conntrack", "/proc/sys/net/netfilter", "kube-proxy", false, false },
        { "ip_vs", "/proc/sys/net/ipv4/vs", "kube-proxy in mode ipvs", true, false },
        { "ip_vs_rr", "/sys/module/ip_vs_rr", "kube-proxy in mode ipvs", true, false },
        { "ip_vs_wrr", "/sys/module/ip_vs_wrr", "kube-proxy in mode ipvs", true, false },
        { "ip_vs_sh", "/sys/module/ip_vs_sh", "kube-proxy in mode ipvs", true, false },
        { "vxlan", "/sys/module/vxlan", "the pods' network between nodes", false, true },
};

DEFINE_CLEANUP(struct kmod_ctx *, kmod_unref)
DEFINE_CLEANUP(struct kmod_module *, kmod_module_unref)

static bool wanted(const struct config *c, const struct module *m) {
        char mode[32];

        if (m->ipvs && (!host_proxy_value(c, "mode", mode, sizeof mode) || strcmp(mode, "ipvs") != 0))
                return false;
        return !m->vxlan || (c->cni == CNI_FLANNEL && c->flannel_backend == FLANNEL_VXLAN);
}

/* /sys/module has no module that was built in without parameters, and in a container maybe none at all. */
static bool is_link_kind(const struct module *m) {
        return m->vxlan && host_link_kind(m->name) > 0;
}

/* A file system is listed whatever it was built as, and where a container sees nothing of /sys/module. */
static bool is_file_system(const char *name) {
        CLEANUP(freep) char *text = NULL;
        char line[64];
        size_t size;

        snprintf(line, sizeof line, "\t%s\n", name);
        return pki_file_read("/proc/filesystems", 65536, &text, &size) == 0 && strstr(text, line);
}

/* What fails is said by us. */
static void no_log(void *data, int priority, const char *file, int line, const char *fn, const char *format,
                   va_list args) {
        (void)data, (void)priority, (void)file, (void)line, (void)fn, (void)format, (void)args;
}

/* Loaded or built in is fine; 1: loaded now. */
static int load(struct kmod_ctx *kmod, const struct module *m) {
        CLEANUP(kmod_module_unrefp) struct kmod_module *mod = NULL;
        int r, state;

        if (access(m->sign, F_OK) == 0 || is_file_system(m->name) || is_link_kind(m))
                return 0;
        if ((r = kmod_module_new_from_name(kmod, m->name, &mod)) < 0)
                return r;
        state = kmod_module_get_initstate(mod);
        if (state == KMOD_MODULE_BUILTIN || state == KMOD_MODULE_LIVE)
                return 0;
        r = kmod_module_probe_insert_module(mod, KMOD_PROBE_APPLY_BLACKLIST, NULL, NULL, NULL, NULL);
        if (r == KMOD_PROBE_APPLY_BLACKLIST)
                return -EPERM;
        return r < 0 ? r : 1;
}

static void load_all(struct phase_ctx *ctx) {
        CLEANUP(kmod_unrefp) struct kmod_ctx *kmod = kmod_new(NULL, NULL);

        if (kmod)
                kmod_set_log_fn(kmod, no_log, NULL);
        for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
                int r;

                if (!wanted(ctx->config, &modules[i]))
                        continue;
                r = kmod ? load(kmod, &modules[i]) : -ENOMEM;
                if (r < 0)
                        host_warn("the kernel's module %s (%s) is not there and cannot be loaded: %s; "
                                  "install the kernel's modules, or load it where this container runs",
                                  modules[i].name, modules[i].what, strerror(-r));
                else if (r > 0)
                        printf("[host] loaded the kernel's module %s\n", modules[i].name);
        }
}

int host_modules(struct phase_ctx *ctx, struct error *e) {
        char text[1024] = "# Written by triarch; `triarch reset` removes it.\n";
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
                if (wanted(ctx->config, &modules[i]))
                        snprintf(text + strlen(text), sizeof text - strlen(text), "%s\n", modules[i].name);
        r = managed_own(ctx, "host", HOST_MODULES_FILE, 0644, text, strlen(text), e);
        if (r < 0)
                return r;
        if (!*ctx->root && !ctx->config->dry_run)
                load_all(ctx);
        return 0;
}
