#include "agent/chrony.h"
#include "agent/host.h"
#include "agent/managed.h"
#include "agent/members.h"
#include "agent/monotonic.h"
#include "agent/paths.h"
#include "agent/rootpath.h"
#include "agent/unit.h"
#include "pki/file.h"
#include <ctype.h>
#include <errno.h>

#define MEMBERS_WATCH "triarch-time.path"

enum { MAX_PEERS = 16, WAIT_S = 60 };

/* Debian's, and Fedora's. */
static const char *const mains[] = { "/etc/chrony/chrony.conf", "/etc/chrony.conf" };
static const char *const units[] = { "chrony.service", "chronyd.service" };

/* Orphan mode (chrony.conf(5)): cut off from all servers, the masters follow the one of them with the lowest
 * reference ID, and so stay in step. For that each asks and answers every other. */
char *host_time_text(const struct str_list *servers, const char *const *peers, size_t n_peers,
                     const char *network, bool worker) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        fputs("# Written by triarch from timeSync; `triarch reset` removes it.\n", f);
        for (size_t i = 0; i < servers->n; i++)
                fprintf(f, "server %s iburst\n", servers->items[i]);
        if (n_peers > 0)
                fputs(worker ? "# The masters.\n" : "# The other masters.\n", f);
        for (size_t i = 0; i < n_peers; i++)
                fprintf(f, "server %s iburst\n", peers[i]);
        if (*network && !worker)
                fprintf(f, "allow %s\n", network);
        fputs(worker ? "" : "local stratum 10 orphan\n", f);
        fputs("maxslewrate 500\n", f);
        if (fclose(f) == 0)
                return text;
        free(text);
        return NULL;
}

/* The network of the virtual address, in which the masters are. */
static void network_text(const struct config *c, char out[64]) {
        const struct vip_config *vip = config_vip(c);
        struct vrrp_ip ip;
        unsigned bits;

        *out = '\0';
        if (!vip || vip->n_addresses == 0)
                return;
        ip = vip->addresses[0].ip;
        bits = vip->addresses[0].prefix;
        for (size_t i = 0; i < vrrp_ip_size(&ip); i++)
                ip.b[i] &= (uint8_t)(i * 8 >= bits ? 0 : i * 8 + 8 <= bits ? 0xff : 0xff00 >> (bits - i * 8));
        snprintf(out, 64, "%s/%u", vrrp_ip_text(&ip).v, bits);
}

struct peers {
        struct vrrp_ip_text text[MAX_PEERS];
        const char *v[MAX_PEERS];
        size_t n;
};

static void add_peer(struct peers *p, const struct config *c, const struct vrrp_ip *ip) {
        struct vrrp_ip self;

        if (p->n == MAX_PEERS || (c->advertise_address && vrrp_ip_parse(c->advertise_address, &self) == 0 &&
                                  vrrp_ip_equal(&self, ip)))
                return;
        p->text[p->n] = vrrp_ip_text(ip);
        for (size_t i = 0; i < p->n; i++)
                if (!strcmp(p->text[i].v, p->text[p->n].v))
                        return;
        p->v[p->n] = p->text[p->n].v;
        p->n++;
}

/* As the file of the root services has them, or as the configuration does. */
static void find_peers(const char *root, const struct config *c, struct peers *p) {
        const struct vip_config *vip = config_vip(c);
        struct vrrp_list list;
        char path[PATH_MAX];

        for (size_t i = 0; vip && i < vip->n_members; i++)
                add_peer(p, c, &vip->members[i].address);
        if (root_path(path, root, TRIARCH_MEMBERS_FILE) == 0 && members_load(path, &list, NULL) == 0)
                for (size_t i = 0; i < list.n; i++)
                        add_peer(p, c, &list.v[i].address);
}

/* Does a line that counts begin with `word`, and have `arg` if that is given? Its number; 0: none. */
static unsigned find_line(const char *text, const char *word, const char *arg, unsigned after) {
        unsigned line = 0;

        for (const char *s = text; *s; s += strcspn(s, "\n"), s += *s == '\n') {
                const char *t = s + strspn(s, " \t");
                size_t k = strlen(word);

                if (++line <= after || strncmp(t, word, k) != 0 || !isspace((unsigned char)t[k]))
                        continue;
                t += k + strspn(t + k, " \t");
                if (!arg ||
                    (!strncmp(t, arg, strlen(arg)) && (!t[strlen(arg)] || strchr(" \t\n/", t[strlen(arg)]))))
                        return line;
        }
        return 0;
}

/* What chrony already has, and keeps. */
static void name_others(const char *main, const char *text) {
        static const char *const words[] = { "server", "pool", "peer", "local", "maxslewrate" };
        unsigned line = 0;

        for (size_t i = 0; i < ARRAY_SIZE(words); i++, line = 0)
                while ((line = find_line(text, words[i], NULL, line)))
                        printf("[host] %s:%u, a \"%s\" of this machine's own, stays in force "
                               "beside " HOST_CHRONY_FILE "\n",
                               main, line, words[i]);
}

/* The main file must read ours: Debian's does by confdir, Fedora's gets such a line at its end. Where that
 * line has to stay (somebody else changed the file, too), a directory that is gone is no error to chronyd; a
 * file that is included and gone would keep it from starting. */
static int include_ours(struct phase_ctx *ctx, bool *ret_changed, struct error *e) {
        for (size_t i = 0; i < ARRAY_SIZE(mains); i++) {
                CLEANUP(freep) char *text = NULL;
                CLEANUP(freep) char *more = NULL;
                size_t size;
                bool there;
                int r = managed_read(ctx, mains[i], &text, &size, &there, e);

                if (r < 0)
                        return r;
                if (!there)
                        continue;
                if (*ret_changed)
                        name_others(mains[i], text);
                if (find_line(text, "confdir", "/etc/chrony/conf.d", 0) ||
                    find_line(text, "include", HOST_CHRONY_FILE, 0) ||
                    find_line(text, "include", "/etc/chrony/conf.d/*.conf", 0))
                        return 0;
                if (asprintf(&more, "%s%sconfdir /etc/chrony/conf.d\n", text,
                             size > 0 && text[size - 1] != '\n' ? "\n" : "") < 0)
                        return -ENOMEM;
                r = managed_put(ctx, "host", mains[i], 0644, more, strlen(more), e);
                *ret_changed |= r > 0;
                return r < 0 ? r : 0;
        }
        return error_set(e, EXIT_FAILED,
                         "timeSync.servers is given, but chrony is not installed (no %s, no %s); install "
                         "chrony, or "
                         "leave this out with --skip-phases host/time",
                         mains[0], mains[1]),
               -ENOENT;
}

static int find_unit(const char **ret, struct error *e) {
        CLEANUP(unit_bus_freep) struct unit_bus *b = NULL;
        char state[32];
        int r = unit_bus_open(&b, e);

        for (size_t i = 0; i < ARRAY_SIZE(units) && r == 0; i++) {
                r = unit_state(b, units[i], state, e);
                if (r == 0 && strcmp(state, "not-found") != 0) {
                        *ret = units[i];
                        return 0;
                }
        }
        if (r == 0)
                r = error_set(e, EXIT_FAILED, "systemd knows no chrony.service nor chronyd.service");
        return r;
}

/* Certificates come next, and a clock that is known to be wrong signs none. */
static void wait_for_time(const struct config *c) {
        int64_t deadline_us = monotonic_us() + WAIT_S * INT64_C(1000000);
        struct clock_state s;
        bool said = false;

        for (;;) {
                clock_read(c->health.clock.port, 1000, c->time_max_offset_s, &s);
                if (s.verdict == CLOCK_GOOD)
                        return;
                if (monotonic_us() > deadline_us)
                        break;
                if (!said)
                        printf("[host] waiting for chrony to be synchronised (at most %d s)\n", WAIT_S);
                said = true;
                fflush(stdout);
                nanosleep(&(struct timespec){ .tv_nsec = 500000000 }, NULL);
        }
        host_warn("chrony is not synchronised after %d s (%s); are timeSync.servers reached?", WAIT_S,
                  s.reason);
}

static int put_file(struct phase_ctx *ctx, struct error *e) {
        const struct config *c = ctx->config;
        CLEANUP(freep) char *text = NULL;
        struct peers peers = { 0 };
        char network[64];

        find_peers(ctx->root, c, &peers);
        network_text(c, network);
        text = host_time_text(&c->time_servers, peers.v, peers.n, network, ctx->worker);
        return text ? managed_own(ctx, "host", HOST_CHRONY_FILE, 0644, text, strlen(text), e) : -ENOMEM;
}

static int restart_chrony(struct phase_ctx *ctx, bool changed, struct error *e) {
        const char *unit = NULL, *files[ARRAY_SIZE(mains) + 1] = { HOST_CHRONY_FILE, mains[0], mains[1] };
        unsigned before = ctx->unit_changes;
        int r;

        if ((r = find_unit(&unit, e)) < 0 ||
            (r = host_converge_unit(ctx, "host", unit, files, ARRAY_SIZE(files), changed, e)) < 0)
                return r;
        if (ctx->unit_changes > before)
                wait_for_time(ctx->config);
        return 0;
}

int host_time(struct phase_ctx *ctx, struct error *e) {
        bool changed;
        int r;

        if (ctx->config->time_servers.n == 0)
                return 0;
        if ((r = put_file(ctx, e)) < 0)
                return r;
        changed = r > 0;
        if ((r = include_ours(ctx, &changed, e)) < 0 || *ctx->root || ctx->config->dry_run)
                return r;
        if (!ctx->worker && (r = host_converge_unit(ctx, "host", MEMBERS_WATCH, NULL, 0, false, e)) < 0)
                return r;
        return restart_chrony(ctx, changed, e);
}

int host_time_members(const char *root, const struct config *c, struct error *e) {
        struct phase_ctx ctx = { .config = c, .root = root };
        int r;

        if (c->time_servers.n == 0 || !managed_noted(root, "file", HOST_CHRONY_FILE))
                return 0;
        if ((r = put_file(&ctx, e)) <= 0 || *root)
                return r < 0 ? r : 0;
        return restart_chrony(&ctx, true, e);
}
