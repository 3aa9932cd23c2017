/* What only this host knows: the interface that carries the VIP's network, and its address there. */
#include "agent/config_fields.h"
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>

struct names { /* "eth0, eth1", each once */
        char text[256];
        unsigned n;
        const char *first;
};

static bool is_ipv4(const struct ifaddrs *a) {
        return a->ifa_addr && a->ifa_addr->sa_family == AF_INET && !(a->ifa_flags & IFF_LOOPBACK);
}

static uint32_t address_of(const struct ifaddrs *a) {
        return ntohl(((const struct sockaddr_in *)(const void *)a->ifa_addr)->sin_addr.s_addr);
}

/* Carries the VIP's network: an address in it that is not the VIP, which may be left from before. */
static bool carries(const struct ifaddrs *a, const struct vip_config *vip) {
        uint32_t address = ntohl(vip->address.s_addr), mask = UINT32_MAX << (32 - vip->prefix);

        return is_ipv4(a) && address_of(a) != address && (address_of(a) & mask) == (address & mask);
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

static int resolve_interface(struct config *c, const struct ifaddrs *all, struct error *e) {
        struct names names = carriers(all, &c->vip);
        char vip[INET_ADDRSTRLEN];

        if (c->vip.interface)
                return 0;
        inet_ntop(AF_INET, &c->vip.address, vip, sizeof vip);
        if (!names.n)
                return error_set(
                        e, EXIT_INPUT,
                        "no interface has an address in the VIP's network %s/%u (there are: %s); give the "
                        "machine one, or correct the VIP",
                        vip, c->vip.prefix, every_interface(all).text);
        if (names.n > 1)
                return error_set(
                        e, EXIT_INPUT,
                        "several interfaces have an address in the VIP's network %s/%u: %s; choose with "
                        "--interface or vip.interface",
                        vip, c->vip.prefix, names.text);
        return set(&c->vip.interface, names.first, e);
}

static int check_interface(const struct config *c, const struct ifaddrs *all, struct error *e) {
        char vip[INET_ADDRSTRLEN];
        bool exists = false;

        for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
                if (strcmp(a->ifa_name, c->vip.interface) != 0)
                        continue;
                if (carries(a, &c->vip))
                        return 0;
                exists = true;
        }
        if (!exists)
                return error_set(e, EXIT_INPUT, "there is no interface \"%s\"; there are: %s",
                                 c->vip.interface, every_interface(all).text);
        inet_ntop(AF_INET, &c->vip.address, vip, sizeof vip);
        return error_set(
                e, EXIT_INPUT,
                "interface \"%s\" has no address of its own in the VIP's network %s/%u; those that have: "
                "%s",
                c->vip.interface, vip, c->vip.prefix,
                carriers(all, &c->vip).n ? carriers(all, &c->vip).text : "none");
}

static int resolve_address(struct config *c, const struct ifaddrs *all, struct error *e) {
        struct in_addr address;

        for (const struct ifaddrs *a = all; a && !c->advertise_address; a = a->ifa_next) {
                if (strcmp(a->ifa_name, c->vip.interface) != 0 || !carries(a, &c->vip))
                        continue;
                address.s_addr = htonl(address_of(a));
                return set(&c->advertise_address, inet_ntoa(address), e);
        }
        return 0;
}

/* Without a VIP: the host's one address. */
static int resolve_only_address(struct config *c, const struct ifaddrs *all, struct error *e) {
        struct names names = { 0 };
        char address[INET_ADDRSTRLEN] = "";

        if (c->advertise_address || !c->cluster)
                return 0;
        for (const struct ifaddrs *a = all; a; a = a->ifa_next)
                if (is_ipv4(a) && a->ifa_flags & IFF_UP) {
                        struct in_addr in = { htonl(address_of(a)) };

                        inet_ntop(AF_INET, &in, address, sizeof address);
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

        if (!c->vip.present)
                k = resolve_only_address(c, addresses, e);
        else if ((k = resolve_interface(c, addresses, e)) == 0 && (k = check_interface(c, addresses, e)) == 0)
                k = resolve_address(c, addresses, e);
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
