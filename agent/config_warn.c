/* What a configuration may say, but is worth a word. */
#include "agent/config_fields.h"
#include <stdarg.h>

struct warner {
        void (*warn)(void *userdata, const char *text);
        void *userdata;
};

static void say(const struct warner *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(const struct warner *w, const char *fmt, ...) {
        char text[320];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        w->warn(w->userdata, text);
}

bool config_size_warning(enum vip_election election, size_t n, size_t witnesses, char *out, size_t size) {
        bool majority = election == VIP_ELECTION_MAJORITY;

        if (!majority && n == 2)
                snprintf(out, size,
                         "two members: when they cannot hear each other, both take the address (and etcd, if "
                         "it runs there, loses its majority with one of them)");
        else if (majority && n == 1)
                snprintf(out, size, "one member: when it dies, nobody has the address");
        else if (majority && n == 2)
                snprintf(out, size,
                         "two members: the death of either takes the address away, for one of two is no "
                         "majority; add a third, which may be a witness");
        else if (majority && n > 0 && n % 2 == 0)
                snprintf(
                        out, size,
                        "%zu members: the address survives %zu death%s, as it does with %zu; %zu deaths take "
                        "it away, for %zu of %zu are no majority; an odd number is better",
                        n, n / 2 - 1, n == 4 ? "" : "s", n - 1, n / 2, n / 2, n);
        else if (n > 1 && n - witnesses == 1)
                snprintf(out, size,
                         "all members but one are witnesses, which never have the address: when that one "
                         "dies, "
                         "nobody has it");
        else
                return false;
        return true;
}

static void warn_size(const struct warner *w, const struct vip_config *v) {
        size_t witnesses = 0;
        char text[256];

        for (size_t i = 0; i < v->n_members; i++)
                witnesses += v->members[i].witness;
        if (config_size_warning(v->election, v->n_members, witnesses, text, sizeof text))
                say(w, "%s", text);
}

static void warn_members(const struct warner *w, const struct vip_config *v) {
        const struct vip_address *a = &v->addresses[0];

        for (size_t i = 0; i < v->n_members; i++) {
                const struct member *m = &v->members[i];

                if (m->address.family == a->ip.family && !m->witness &&
                    !vrrp_ip_same_network(&m->address, &a->ip, a->prefix))
                        say(w, "member \"%.60s\" (%s) is not in the VIP's network", m->name,
                            vrrp_ip_text(&m->address).v);
        }
}

/* RFC 9568 section 5.2.9. */
static void warn_ipv6(const struct warner *w, const struct vip_config *v) {
        const struct vrrp_ip *first = NULL;

        for (size_t i = 0; i < v->n_addresses && !first; i++)
                if (v->addresses[i].ip.family == AF_INET6)
                        first = &v->addresses[i].ip;
        if (v->transport == VIP_TRANSPORT_IP && first && !vrrp_ip_link_local(first))
                say(w,
                    "the first IPv6 address, %s, is not link-local: RFC 9568 wants one there, and other "
                    "makers' routers may insist",
                    vrrp_ip_text(first).v);
}

static bool is_listed(const struct str_list *names, const struct vrrp_ip *ip) {
        struct vrrp_ip a;

        for (size_t i = 0; i < names->n; i++)
                if (vrrp_ip_parse(names->items[i], &a) == 0 && vrrp_ip_equal(&a, ip))
                        return true;
        return false;
}

/* The API server answers at every address of the group; its certificate has the endpoint's name alone. */
static void warn_sans(const struct warner *w, const struct config *c, const struct vip_config *v) {
        for (size_t i = 1; c->cluster && i < v->n_addresses; i++) {
                struct vrrp_ip_text address = vrrp_ip_text(&v->addresses[i].ip);

                if (!is_listed(&c->cert_sans, &v->addresses[i].ip))
                        say(w,
                            "the VIP %s is not among apiServer.certSANs: the certificate of the API server "
                            "will not hold for it",
                            address.v);
        }
}

void config_warnings(const struct config *c, void (*warn)(void *userdata, const char *text), void *userdata) {
        const struct warner w = { warn, userdata };
        const struct vip_config *v = config_vip(c);
        struct vrrp_ip self;

        if (c->cluster && !c->endpoint_host)
                say(&w, "there is neither vip.address nor controlPlaneEndpoint: init needs --vip with it");
        if (!v)
                return;
        warn_size(&w, v);
        warn_members(&w, v);
        warn_sans(&w, c, v);
        for (size_t i = 0; i < c->vips.n; i++)
                warn_ipv6(&w, &c->vips.items[i]);
        if (c->advertise_address && vrrp_ip_parse(c->advertise_address, &self) == 0 &&
            self.family == v->addresses[0].ip.family &&
            !vrrp_ip_same_network(&self, &v->addresses[0].ip, v->addresses[0].prefix))
                say(&w, "the advertise address %s is not in the VIP's network", c->advertise_address);
}
