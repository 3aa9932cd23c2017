#include "agent/host.h"
#include "agent/managed.h"
#include "agent/yaml.h"
#include <errno.h>
#include <stdarg.h>

static const struct part {
        const char *name;
        int (*run)(struct phase_ctx *ctx, struct error *e);
} parts[] = {
        { "modules", host_modules }, { "sysctls", host_sysctls },   { "swap", host_swap },
        { "names", host_names },     { "firewall", host_firewall }, { "selinux", host_selinux },
        { "time", host_time },
};

int phase_host(struct phase_ctx *ctx, const char *sub, struct error *e) {
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                int r = 0;

                if (!sub || !strcmp(sub, "all") || !strcmp(sub, parts[i].name))
                        r = parts[i].run(ctx, e);
                if (r < 0)
                        return r;
        }
        return 0;
}

void host_warn(const char *fmt, ...) {
        va_list ap;

        fputs("[host] warning: ", stdout);
        va_start(ap, fmt);
        vprintf(fmt, ap);
        va_end(ap);
        putchar('\n');
        fflush(stdout);
}

static bool top_value(const char *text, const char *key, char *out, size_t size) {
        struct ydocs d;
        const struct ynode *n;
        bool found;

        if (!text || ydocs_parse(text, strlen(text), "", &d, NULL) < 0)
                return false;
        n = d.n > 0 && d.items[0]->kind == YNODE_MAP ? ynode_get(d.items[0], key) : NULL;
        found = n && n->kind == YNODE_SCALAR && n->type != YTYPE_NULL;
        if (found)
                snprintf(out, size, "%s", n->value);
        ydocs_done(&d);
        return found;
}

bool host_kubelet_value(const struct config *c, const char *key, char *out, size_t size) {
        return top_value(c->kubelet_config_text, key, out, size);
}

bool host_proxy_value(const struct config *c, const char *key, char *out, size_t size) {
        return top_value(c->kube_proxy_config_text, key, out, size);
}

bool host_has_ipv6(const struct config *c) {
        bool six = (c->service_subnet && strchr(c->service_subnet, ':')) ||
                   (c->pod_subnet && strchr(c->pod_subnet, ':')) ||
                   (c->advertise_address && strchr(c->advertise_address, ':'));

        for (size_t i = 0; i < c->vips.n; i++)
                for (size_t k = 0; k < c->vips.items[i].n_addresses; k++)
                        six |= c->vips.items[i].addresses[k].ip.family == AF_INET6;
        return six;
}

bool host_will_do(const struct phase_ctx *ctx, const char *part) {
        const struct config *c = ctx->config;

        for (size_t i = 0; i < c->skip_phases.n; i++) {
                const char *s = c->skip_phases.items[i];

                if (!strcmp(s, "host") || !strcmp(s, "host/all") ||
                    (!strncmp(s, "host/", 5) && !strcmp(s + 5, part)))
                        return false;
        }
        return true;
}
