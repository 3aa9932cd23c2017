#include "agent/balance.h"
#include <errno.h>
#include <stdarg.h>

struct writer {
        char *out;
        size_t size, used;
};

static void put(struct writer *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void put(struct writer *w, const char *fmt, ...) {
        va_list ap;
        int n;

        if (w->used >= w->size)
                return;
        va_start(ap, fmt);
        n = vsnprintf(w->out + w->used, w->size - w->used, fmt, ap);
        va_end(ap);
        w->used += n > 0 ? (size_t)n : 0;
}

static void put_list(struct writer *w, const struct vrrp_ip *v, size_t n, const struct vrrp_ip *without) {
        const char *separator = "";

        put(w, "{ ");
        for (size_t i = 0; i < n; i++) {
                if (without && vrrp_ip_equal(&v[i], without))
                        continue;
                put(w, "%s%s", separator, vrrp_ip_text(&v[i]).v);
                separator = ", ";
        }
        put(w, " }");
}

bool balance_spreads(const struct balance *b) {
        return b->n_vips > 0 &&
               (b->n_targets > 1 || (b->n_targets == 1 && !vrrp_ip_equal(&b->targets[0], &b->self)));
}

static bool same(const struct vrrp_ip *a, size_t na, const struct vrrp_ip *b, size_t nb) {
        if (na != nb)
                return false;
        for (size_t i = 0; i < na; i++)
                if (!vrrp_ip_equal(&a[i], &b[i]))
                        return false;
        return true;
}

bool balance_equal(const struct balance *a, const struct balance *b) {
        return a->port == b->port && vrrp_ip_equal(&a->self, &b->self) &&
               same(a->vips, a->n_vips, b->vips, b->n_vips) &&
               same(a->targets, a->n_targets, b->targets, b->n_targets);
}

/* Whoever is asked answers to this machine, or the client would hear from a stranger: its address is
 * replaced, except for what stays here. */
static void put_rules(struct writer *w, const struct balance *b, const char *ip) {
        put(w, "chain spread { %s daddr ", ip);
        put_list(w, b->vips, b->n_vips, NULL);
        put(w, " tcp dport %u dnat to numgen inc mod %zu map { ", b->port, b->n_targets);
        for (size_t i = 0; i < b->n_targets; i++)
                put(w, "%s%zu : %s", i ? ", " : "", i, vrrp_ip_text(&b->targets[i]).v);
        put(w,
            " }; }\n"
            "chain in { type nat hook prerouting priority -100; jump spread; }\n"
            "chain out { type nat hook output priority -100; jump spread; }\n"
            "chain back { type nat hook postrouting priority 100; ct status dnat ct original %s daddr ",
            ip);
        put_list(w, b->vips, b->n_vips, NULL);
        put(w, " %s daddr ", ip);
        put_list(w, b->targets, b->n_targets, &b->self);
        put(w, " tcp dport %u masquerade; }\n", b->port);
}

int balance_text(const struct balance *b, char *out, size_t size) {
        const char *ip = b->self.family == AF_INET6 ? "ip6" : "ip";
        struct writer w = { out, size, 0 };

        /* Added first, so that it can be deleted whether it was there or not. */
        put(&w, "add table %s " BALANCE_TABLE " { flags owner; }\ndelete table %s " BALANCE_TABLE "\n", ip,
            ip);
        if (balance_spreads(b)) {
                put(&w, "table %s " BALANCE_TABLE " {\nflags owner;\n", ip);
                put_rules(&w, b, ip);
                put(&w, "}\n");
        }
        return w.used < w.size ? 0 : -ENOBUFS;
}
