/* What only this host knows: the interface that carries the VIP's network, and its address there. */
#include "agent/config_fields.h"
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>

struct names { /* "eth0, eth1", each once */
        char text[256];
        unsigned n;
        const char *first;
};

static struct vrrp_ip ip_of(const struct ifaddrs *a) {
        struct sockaddr_storage sa = { 0 };

        if (!a->ifa_addr || (a->ifa_addr->sa_family != AF_INET && a->ifa_addr->sa_family != AF_INET6))
                return (struct vrrp_ip){ 0 };
        memcpy(&sa, a->ifa_addr,
               a->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
        return vrrp_ip_of_sockaddr(&sa);
}

static bool is_ipv4(const struct ifaddrs *a) {
        return a->ifa_addr && a->ifa_addr->sa_family == AF_INET && !(a->ifa_flags & IFF_LOOPBACK);
}

static bool is_vip(const struct vip_config *vip, const struct vrrp_ip *ip) {
        for (size_t i = 0; i < vip->n_addresses; i++)
                if (vrrp_ip_equal(&vip->addresses[i].ip, ip))
                        return true;
        return false;
}

/* Carries the network of the group's first address: an address in it that is no VIP, which may be left
 * from before. */
static bool carries(const struct ifaddrs *a, const struct vip_config *vip) {
        const struct vip_address *first = &vip->addresses[0];
        struct vrrp_ip ip = ip_of(a);

        return !vrrp_ip_none(&ip) && !(a->ifa_flags & IFF_LOOPBACK) && !is_vip(vip, &ip) &&
               vrrp_ip_same_network(&ip, &first->ip, first->prefix);
}

static void add_name(struct names *names, const char *name) {
        size_t len = strlen(names->text), size = strlen(name);

        for (const char *p = strstr(names->text, name); p; p = strstr(p + 1, name))
                if ((p == names->text || p[-1] == ' ') && (p[size] == ',' || !p[size]))
                        return;
        if (!names->n++)
                names->first = name;
        snprintf(names->text + len, sizeof names->text - len, "%s%s", len ? ", " : "", name);
}

static struct names carriers(const struct ifaddrs *all, const struct vip_config *vip) {
        struct names names = { 0 };

        for (const struct ifaddrs *a = all; a; a = a->ifa_next)
                if (carries(a, vip))
                        add_name(&names, a->ifa_name);
        return names;
}

static struct names every_interface(const struct ifaddrs *all) {
        struct names names = { 0 };

        for (const struct ifaddrs *a = all; a; a = a->ifa_next)
                if (!(a->ifa_flags & IFF_LOOPBACK))
                        add_name(&names, a->ifa_name);
        return names;
}

static int set(char **target, const char *value, struct error *e) {
        char *copy = strdup(value);

        if (!copy) {
                error_set(e, EXIT_FAILED, "out of memory");
                return -ENOMEM;
        }
        free(*target);
        *target = copy;
        return 0;
}

static bool has_vip(const struct ifaddrs *all, const struct vip_config *vip) {
        for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
                struct vrrp_ip ip = ip_of(a);

                if (is_vip(vip, &ip))
                        return true;
        }
        return false;
}

static int resolve_interface(struct vip_config *vip, const struct ifaddrs *all, struct error *e) {
        struct names names = carriers(all, vip);
        const struct vip_address *first = &vip->addresses[0];

        if (vip->interface)
                return 0;
        if (!names.n)
                return error_set(
                        e, EXIT_INPUT,
                        "no interface has an address in the VIP's network %s/%u%s (there are: %s); give the "
                        "machine one, or correct the VIP",
                        vrrp_ip_text(&first->ip).v, first->prefix,
                        has_vip(all, vip) ? " besides the VIP itself" : "", every_interface(all).text);
        if (names.n > 1)
                return error_set(
                        e, EXIT_INPUT,
                        "several interfaces have an address in the VIP's network %s/%u: %s; choose with "
                        "--interface or vip.interface",
                        vrrp_ip_text(&first->ip).v, first->prefix, names.text);
        return set(&vip->interface, names.first, e);
}

static int check_interface(const struct vip_config *vip, const struct ifaddrs *all, struct error *e) {
        const struct vip_address *first = &vip->addresses[0];
        bool exists = false;

        for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
                if (strcmp(a->ifa_name, vip->interface) != 0)
                        continue;
                if (carries(a, vip))
                        return 0;
                exists = true;
        }
        if (!exists)
                return error_set(e, EXIT_INPUT, "there is no interface \"%s\"; there are: %s", vip->interface,
                                 every_interface(all).text);
        return error_set(
                e, EXIT_INPUT,
                "interface \"%s\" has no address of its own in the VIP's network %s/%u; those that have: "
                "%s",
                vip->interface, vrrp_ip_text(&first->ip).v, first->prefix,
                carriers(all, vip).n ? carriers(all, vip).text : "none");
}

static void resolve_self(struct vip_config *vip, const struct ifaddrs *all) {
        for (const struct ifaddrs *a = all; a && vrrp_ip_none(&vip->self); a = a->ifa_next)
                if (!strcmp(a->ifa_name, vip->interface) && carries(a, vip))
                        vip->self = ip_of(a);
}

/* Only now is known which groups share an interface. */
static int check_neighbours(const struct config *c, const struct vip_config *v, struct error *e) {
        for (size_t i = 0; i < c->vips.n; i++) {
                const struct vip_config *o = &c->vips.items[i];
                const char *conflict = o != v && o->interface ? config_conflict(o, v) : NULL;

                if (conflict)
                        return error_set(e, EXIT_INPUT, "%s and %s are both on interface \"%s\": %s",
                                         vrrp_ip_text(&o->addresses[0].ip).v,
                                         vrrp_ip_text(&v->addresses[0].ip).v, v->interface, conflict);
        }
        return 0;
}

int config_resolve_vip(struct config *c, struct vip_config *v, const struct ifaddrs *all, struct error *e) {
        int k;

        if ((k = resolve_interface(v, all, e)) < 0 || (k = check_interface(v, all, e)) < 0 ||
            (k = check_neighbours(c, v, e)) < 0)
                return k;
        if (v == config_vip(c) && c->advertise_address)
                (void)vrrp_ip_parse(c->advertise_address, &v->self);
        resolve_self(v, all);
        if (v == config_vip(c) && !c->advertise_address && !vrrp_ip_none(&v->self) &&
            (k = set(&c->advertise_address, vrrp_ip_text(&v->self).v, e)) < 0)
                return k;
        if ((k = config_derive_local(c)) == -ENOMEM)
                error_set(e, EXIT_FAILED, "out of memory");
        return k;
}

static int resolve_groups(struct config *c, const struct ifaddrs *all, struct error *e) {
        int k = 0;

        for (size_t i = 0; i < c->vips.n && k == 0; i++)
                k = config_resolve_vip(c, &c->vips.items[i], all, e);
        return k;
}

/* Without a VIP: the host's one address. */
static int resolve_only_address(struct config *c, const struct ifaddrs *all, struct error *e) {
        struct names names = { 0 };
        char address[INET6_ADDRSTRLEN] = "";

        if (c->advertise_address || !c->cluster)
                return 0;
        for (const struct ifaddrs *a = all; a; a = a->ifa_next)
                if (is_ipv4(a) && a->ifa_flags & IFF_UP) {
                        struct vrrp_ip ip = ip_of(a);

                        snprintf(address, sizeof address, "%s", vrrp_ip_text(&ip).v);
                        add_name(&names, address);
                }
        if (names.n == 1)
                return set(&c->advertise_address, address, e);
        return error_set(
                e, EXIT_INPUT,
                "which address is this machine's? Give --apiserver-advertise-address (there are: %s)",
                names.n ? names.text : "none");
}

int config_resolve_from(struct config *c, const struct ifaddrs *addresses, struct error *e) {
        int k;

        k = c->vips.n ? resolve_groups(c, addresses, e) : resolve_only_address(c, addresses, e);
        if (k == 0 && (k = config_derive_local(c)) == -ENOMEM)
                error_set(e, EXIT_FAILED, "out of memory");
        return k;
}

int config_resolve(struct config *c, struct error *e) {
        struct ifaddrs *all = NULL;
        int k;

        if (getifaddrs(&all) < 0)
                return error_set(e, EXIT_FAILED, "the host's addresses cannot be read: %s", strerror(errno));
        k = config_resolve_from(c, all, e);
        freeifaddrs(all);
        return k;
}
