#include "agent/host.h"
#include "agent/managed.h"
#include <errno.h>
#include <systemd/sd-bus.h>

/* firewalld's D-Bus interface (firewalld.dbus(5)): what runs, and what is kept, are told separately, so that
 * nothing of the administrator's that is not yet permanent is lost by a reload. */
#define FW_NAME   "org.fedoraproject.FirewallD1"
#define FW_PATH   "/org/fedoraproject/FirewallD1"
#define FW_ZONE   FW_NAME ".zone"
#define FW_CONFIG FW_NAME ".config"
#define FW_STORE  FW_NAME ".config.zone"

enum { VXLAN_PORT = 8472, MAX_CHAINS = 8 };

static void add_port(struct host_port *out, size_t *n, unsigned port, const char *protocol,
                     const char *what) {
        if (*n == HOST_MAX_PORTS)
                return;
        snprintf(out[*n].port, sizeof out[*n].port, "%u", port);
        snprintf(out[*n].protocol, sizeof out[*n].protocol, "%s", protocol);
        out[(*n)++].what = what;
}

static void add_vips(const struct config *c, struct host_port *out, size_t *n) {
        bool ip = false;

        for (size_t i = 0; i < c->vips.n; i++) {
                const struct vip_config *v = &c->vips.items[i];
                bool sealed = v->transport == VIP_TRANSPORT_SEALED, seen = false;

                ip |= !sealed;
                for (size_t k = 0; k < i; k++)
                        seen |= c->vips.items[k].transport == VIP_TRANSPORT_SEALED &&
                                c->vips.items[k].port == v->port;
                if (sealed && !seen)
                        add_port(out, n, v->port, "udp", "virtual address, sealed");
        }
        if (ip && *n < HOST_MAX_PORTS)
                out[(*n)++] = (struct host_port){ "", "vrrp", "virtual address, VRRP (protocol 112)" };
}

size_t host_ports(const struct config *c, bool worker, struct host_port out[HOST_MAX_PORTS]) {
        size_t n = 0;

        add_port(out, &n, 10250, "tcp", "kubelet");
        if (c->cni == CNI_FLANNEL && c->flannel_backend == FLANNEL_VXLAN)
                add_port(out, &n, VXLAN_PORT, "udp", "flannel, VXLAN");
        if (worker)
                return n;
        add_port(out, &n, c->bind_port, "tcp", "API server");
        if (c->etcd_external.endpoints.n == 0) {
                add_port(out, &n, 2379, "tcp", "etcd, clients");
                add_port(out, &n, 2380, "tcp", "etcd, members");
        }
        add_port(out, &n, c->enroll_port, "tcp", "enrolment");
        if (c->time_servers.n > 0)
                add_port(out, &n, 123, "udp", "time, from the other masters");
        add_vips(c, out, &n);
        return n;
}

struct fw {
        sd_bus *bus;
        char zone[128];
        char store[256]; /* object of the zone as it is kept */
};

static int failed(struct error *e, int r, const sd_bus_error *be, const char *what) {
        error_set(e, EXIT_FAILED, "firewalld: %s: %s", what, be && be->message ? be->message : strerror(-r));
        return r;
}

/* 1: it runs. */
static int runs(sd_bus *bus) {
        CLEANUP(sd_bus_error_free) sd_bus_error be = SD_BUS_ERROR_NULL;
        CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int there = 0, r;

        r = sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                               "NameHasOwner", &be, &reply, "s", FW_NAME);
        if (r < 0 || sd_bus_message_read(reply, "b", &there) < 0)
                return 0;
        return there;
}

static int ask_text(struct fw *f, const char *path, const char *interface, const char *method,
                    const char *arg, char *out, size_t size, struct error *e) {
        CLEANUP(sd_bus_error_free) sd_bus_error be = SD_BUS_ERROR_NULL;
        CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *s = "";
        int r;

        if (arg)
                r = sd_bus_call_method(f->bus, FW_NAME, path, interface, method, &be, &reply, "s", arg);
        else
                r = sd_bus_call_method(f->bus, FW_NAME, path, interface, method, &be, &reply, "");
        if (r >= 0)
                r = sd_bus_message_read_basic(reply, sd_bus_message_has_signature(reply, "o") ? 'o' : 's',
                                              &s);
        if (r < 0)
                return failed(e, r, &be, method);
        snprintf(out, size, "%s", s);
        return 0;
}

static int find_store(struct fw *f, const char *zone, struct error *e) {
        if (strcmp(f->zone, zone) != 0 || !*f->store) {
                snprintf(f->zone, sizeof f->zone, "%s", zone);
                return ask_text(f, FW_PATH "/config", FW_CONFIG, "getZoneByName", zone, f->store,
                                sizeof f->store, e);
        }
        return 0;
}

/* The zone of the interface that the nodes reach one another by, or the default one. */
static int find_zone(struct fw *f, const struct config *c, char out[128], struct error *e) {
        const struct vip_config *vip = config_vip(c);
        int r = 0;

        *out = '\0';
        if (vip && vip->interface)
                r = ask_text(f, FW_PATH, FW_ZONE, "getZoneOfInterface", vip->interface, out, 128, e);
        if (r == 0 && !*out)
                r = ask_text(f, FW_PATH, FW_NAME, "getDefaultZone", NULL, out, 128, e);
        return r;
}

/* One thing in one zone. kept: as it is stored, otherwise as it runs. kind "Port", "Protocol", "Source"; verb
 * "query", "add", "remove". query: 1 there, 0 not. */
struct rule {
        const char *kind, *a, *b; /* "Port" 6443 tcp; "Protocol" vrrp; "Source" 10.244.0.0/16 */
};

static int call(struct fw *f, bool kept, const char *verb, const char *zone, const struct rule *x,
                struct error *e) {
        CLEANUP(sd_bus_error_free) sd_bus_error be = SD_BUS_ERROR_NULL;
        CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        bool query = !strcmp(verb, "query");
        char method[64];
        int r, yes = 1;

        if (kept && (r = find_store(f, zone, e)) < 0)
                return r;
        snprintf(method, sizeof method, "%s%s", verb, x->kind);
        r = sd_bus_message_new_method_call(f->bus, &m, FW_NAME, kept ? f->store : FW_PATH,
                                           kept ? FW_STORE : FW_ZONE, method);
        if (r >= 0 && !kept)
                r = sd_bus_message_append(m, "s", zone);
        if (r >= 0)
                r = sd_bus_message_append(m, "s", x->a);
        if (r >= 0 && x->b)
                r = sd_bus_message_append(m, "s", x->b);
        /* Until when it holds: for good. Sources have no time. */
        if (r >= 0 && !kept && !strcmp(verb, "add") && strcmp(x->kind, "Source") != 0)
                r = sd_bus_message_append(m, "i", 0);
        if (r >= 0)
                r = sd_bus_call(f->bus, m, 0, &be, &reply);
        if (r >= 0 && query)
                r = sd_bus_message_read(reply, "b", &yes);
        return r < 0 ? failed(e, r, &be, method) : yes;
}

static int ensure(struct phase_ctx *ctx, struct fw *f, bool kept, const char *zone, const struct rule *x,
                  const char *what, struct error *e) {
        char key[256];
        int r = call(f, kept, "query", zone, x, e);

        if (r != 0)
                return r < 0 ? r : 0;
        snprintf(key, sizeof key, "%s %s %s %s %s", kept ? "permanent" : "runtime", zone, x->kind, x->a,
                 x->b ? x->b : "-");
        if ((r = managed_note(ctx, "firewalld", key, "", e)) < 0 ||
            (r = call(f, kept, "add", zone, x, e)) < 0)
                return r;
        ctx->made++;
        printf("[host] firewalld, zone %s%s: %s%s%s let in for %s\n", zone, kept ? ", for good" : "", x->a,
               x->b ? "/" : "", x->b ? x->b : "", what);
        return 0;
}

static int ensure_both(struct phase_ctx *ctx, struct fw *f, const char *zone, const struct rule *x,
                       const char *what, struct error *e) {
        int r = ensure(ctx, f, false, zone, x, what, e);

        return r < 0 ? r : ensure(ctx, f, true, zone, x, what, e);
}

/* firewalld writes a zone whole, and keeps the file before as .old. */
static int guard_zones(const struct phase_ctx *ctx, const char *zone, bool seal, struct error *e) {
        const char *const zones[] = { zone, "trusted" }, *const ends[] = { "xml", "xml.old" };
        char path[PATH_MAX];
        int r = 0;

        for (size_t i = 0; i < 4 && r == 0; i++) {
                snprintf(path, sizeof path, "/etc/firewalld/zones/%.100s.%s", zones[i / 2], ends[i % 2]);
                r = (seal ? managed_guard_seal : managed_guard)(ctx, path, e);
        }
        return r;
}

/* What comes from pods and goes to services has no place in a zone of the outside. */
static int trust_subnets(struct phase_ctx *ctx, struct fw *f, const char *list, struct error *e) {
        char one[64];
        int r = 0;

        for (const char *s = list ? list : ""; *s && r == 0; s += strcspn(s, ","), s += *s == ',') {
                snprintf(one, sizeof one, "%.*s", (int)strcspn(s, ","), s);
                r = ensure_both(ctx, f, "trusted", &(struct rule){ "Source", one, NULL }, "pods and services",
                                e);
        }
        return r;
}

static int let_in(struct phase_ctx *ctx, struct fw *f, const char *zone, struct error *e) {
        struct host_port ports[HOST_MAX_PORTS];
        size_t n = host_ports(ctx->config, ctx->worker, ports);
        int r = 0;

        for (size_t i = 0; i < n && r == 0; i++) {
                const struct host_port *p = &ports[i];
                const struct rule rule = *p->port ? (struct rule){ "Port", p->port, p->protocol }
                                                  : (struct rule){ "Protocol", p->protocol, NULL };

                r = ensure_both(ctx, f, zone, &rule, p->what, e);
        }
        if (r == 0)
                r = trust_subnets(ctx, f, ctx->config->pod_subnet, e);
        return r < 0 ? r : trust_subnets(ctx, f, ctx->config->service_subnet, e);
}

static int configure(struct phase_ctx *ctx, struct fw *f, struct error *e) {
        unsigned before = ctx->made;
        char zone[128];
        int r;

        if ((r = find_zone(f, ctx->config, zone, e)) < 0 || (r = guard_zones(ctx, zone, false, e)) < 0 ||
            (r = let_in(ctx, f, zone, e)) < 0 || ctx->made == before)
                return r;
        return guard_zones(ctx, zone, true, e);
}

/* Whoever filters packets otherwise is told what has to pass. */
static void advise(const struct phase_ctx *ctx) {
        char chains[MAX_CHAINS][HOST_CHAIN_SIZE];
        struct host_port ports[HOST_MAX_PORTS];
        int n = host_dropping_chains(chains, MAX_CHAINS);
        size_t n_ports = n > 0 ? host_ports(ctx->config, ctx->worker, ports) : 0;

        for (int i = 0; i < n; i++)
                host_warn("the packet filter drops what no rule lets in (%s), and it is not firewalld's: let "
                          "in "
                          "what follows",
                          chains[i]);
        for (size_t i = 0; i < n_ports; i++)
                printf("[host]   %s %s: %s\n", *ports[i].port ? ports[i].protocol : "protocol",
                       *ports[i].port ? ports[i].port : ports[i].protocol, ports[i].what);
}

int host_firewall(struct phase_ctx *ctx, struct error *e) {
        CLEANUP(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        struct fw f = { 0 };

        if (*ctx->root || ctx->config->dry_run)
                return 0;
        if (sd_bus_open_system(&bus) < 0 || runs(bus) == 0) {
                advise(ctx);
                return 0;
        }
        f.bus = bus;
        return configure(ctx, &f, e);
}

/* A firewalld that has ended, or an entry that somebody took out, needs nothing for what runs. */
int host_firewall_undo(void *userdata, const char *key, const char *before, struct error *why) {
        CLEANUP(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        char kept[16], zone[128], kind[16], a[64], b[16];
        struct fw f = { 0 };
        struct rule x;
        int r;

        (void)userdata, (void)before;
        if (sscanf(key, "%15s %127s %15s %63s %15s", kept, zone, kind, a, b) != 5)
                return error_set(why, EXIT_FAILED, "firewalld: the journal says \"%s\"", key);
        x = (struct rule){ kind, a, strcmp(b, "-") ? b : NULL };
        if (sd_bus_open_system(&bus) < 0 || runs(bus) == 0) {
                if (strcmp(kept, "permanent") != 0)
                        return 0;
                return error_set(
                        why, EXIT_FAILED,
                        "firewalld does not run, so its zone %s still lets in %s%s%s; take it out with "
                        "firewall-offline-cmd",
                        zone, a, x.b ? "/" : "", x.b ? x.b : "");
        }
        f.bus = bus;
        if ((r = call(&f, !strcmp(kept, "permanent"), "query", zone, &x, why)) <= 0)
                return r;
        return call(&f, !strcmp(kept, "permanent"), "remove", zone, &x, why);
}
