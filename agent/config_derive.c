/* Values that follow from others. */
#include "agent/config_fields.h"
#include "agent/paths.h"
#include "vrrp/seal.h"
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>

enum { PRIORITY_FIRST = 250, PRIORITY_STEP = 20, PRIORITY_LEAST = 130 };

static int set(char **target, const char *fmt, ...) PRINTF_LIKE(2, 3);
static int set(char **target, const char *fmt, ...) {
        va_list ap;
        char *text;
        int k;

        va_start(ap, fmt);
        k = vasprintf(&text, fmt, ap);
        va_end(ap);
        if (k < 0)
                return -ENOMEM;
        free(*target);
        *target = text;
        return 0;
}

static int derive_name(struct config_reader *r) {
        char name[256] = "";

        if (r->c->node_name)
                return 0;
        if (gethostname(name, sizeof name - 1) < 0)
                name[0] = 0;
        for (char *p = name; *p; p++)
                *p = (char)tolower((unsigned char)*p);
        if (syntax_node_name(name))
                return config_blame(
                        r, BLAME(NULL),
                        "the host name \"%s\" cannot name the node: it %s; give --node-name or nodeName",
                        name, syntax_node_name(name));
        return set(&r->c->node_name, "%s", name);
}

/* Position in the list; its end when this node is not in it. */
static size_t own_position(const struct config *c, const struct vip_config *v) {
        size_t i = 0;

        while (i < v->n_members && strcmp(v->members[i].name, c->node_name) != 0)
                i++;
        return i;
}

static uint8_t default_router_id(const struct vip_config *v) {
        const struct vrrp_ip *ip = &v->addresses[0].ip;
        uint8_t last = ip->b[vrrp_ip_size(ip) - 1];

        return last ? last : UINT8_MAX;
}

static int copy_members(const struct vip_config *from, struct vip_config *to) {
        to->members = calloc(from->n_members, sizeof *to->members);
        if (!to->members)
                return -ENOMEM;
        for (to->n_members = 0; to->n_members < from->n_members; to->n_members++) {
                struct member *m = &to->members[to->n_members];

                *m = from->members[to->n_members];
                m->name = strdup(m->name);
                if (!m->name)
                        return -ENOMEM;
        }
        return 0;
}

/* Who takes part and with which key is said once, in the first group. */
static int inherit(const struct config *c, const struct vip_config *first, struct vip_config *v) {
        bool sealed = v->transport == VIP_TRANSPORT_SEALED;

        if (!v->port)
                v->port = first->port ? first->port : VRRP_SEAL_PORT;
        if (!v->n_members && first->n_members && copy_members(first, v) < 0)
                return -ENOMEM;
        if (!sealed || v->key_file)
                return 0;
        if (first->key_file)
                return set(&v->key_file, "%s", first->key_file);
        return c->cluster ? set(&v->key_file, TRIARCH_VIP_KEY) : 0;
}

static int derive_group(struct config_reader *r, struct vip_config *v) {
        struct config *c = r->c;
        bool only_flags = !config_place(r, &c->vips);
        size_t self;

        if (!v->n_addresses && only_flags)
                return config_blame(r, BLAME(&v->interface),
                                    "an interface is given, but no VIP; give --vip or vip.address");
        if (!v->n_addresses)
                return config_blame(r, BLAME(v), "vip.address is missing");
        if (!v->election)
                v->election =
                        v->transport == VIP_TRANSPORT_SEALED ? VIP_ELECTION_MAJORITY : VIP_ELECTION_PRIORITY;
        if (!v->vrid)
                v->vrid = default_router_id(v);
        if (inherit(c, &c->vips.items[0], v) < 0)
                return -ENOMEM;
        self = own_position(c, v);
        if (!v->priority)
                v->priority = self * PRIORITY_STEP > PRIORITY_FIRST - PRIORITY_LEAST
                                      ? PRIORITY_LEAST
                                      : (uint8_t)(PRIORITY_FIRST - self * PRIORITY_STEP);
        if (self < v->n_members)
                v->self = v->members[self].address;
        return 0;
}

static int derive_vips(struct config_reader *r) {
        struct config *c = r->c;
        int k;

        for (size_t i = 0; i < c->vips.n; i++)
                if ((k = derive_group(r, &c->vips.items[i])) < 0)
                        return k;
        if (!c->vips.n || c->advertise_address || vrrp_ip_none(&c->vips.items[0].self))
                return 0;
        return set(&c->advertise_address, "%s", vrrp_ip_text(&c->vips.items[0].self).v);
}

/* Several agents on one machine have several sockets: what they keep is told apart by that, too. */
static int derive_state_dir(struct config *c) {
        const char *slash = strrchr(c->socket_path, '/');

        if (c->state_dir)
                return 0;
        if (c->cluster || !strcmp(c->socket_path, TRIARCH_SOCKET) || slash == c->socket_path)
                return set(&c->state_dir, TRIARCH_AGENT_DIR);
        return set(&c->state_dir, "%.*s", (int)(slash - c->socket_path), c->socket_path);
}

/* The n-th address of the first network. */
static int nth_address(const char *networks, unsigned n, char **target) {
        struct network net[NETWORKS_MAX];
        struct vrrp_ip a;

        if (networks_parse(networks, net) == 0)
                return -EINVAL;
        a = net[0].address;
        for (size_t i = vrrp_ip_size(&a); i-- > 0 && n; n >>= 8) {
                n += a.b[i];
                a.b[i] = (uint8_t)n;
        }
        return set(target, "%s", vrrp_ip_text(&a).v);
}

static int add_string(struct str_list *list, const char *value) {
        char **grown = reallocarray(list->items, list->n + 2, sizeof *grown);

        if (!grown)
                return -ENOMEM;
        list->items = grown;
        if (!(grown[list->n] = strdup(value)))
                return -ENOMEM;
        grown[++list->n] = NULL;
        return 0;
}

/* kubeadm prints an empty text where there is no file. */
static void drop_empty(char **text) {
        if (*text && !**text) {
                free(*text);
                *text = NULL;
        }
}

static int derive_external_etcd(struct config_reader *r) {
        struct external_etcd *x = &r->c->etcd_external;

        drop_empty(&x->ca_file);
        drop_empty(&x->cert_file);
        drop_empty(&x->key_file);
        if (!x->endpoints.n)
                return 0;
        if (!config_place(r, &r->c->health.etcd))
                r->c->health.etcd.enabled = false; /* it does not run here */
        for (size_t i = x->http_endpoints.n ? x->endpoints.n : 0; i < x->endpoints.n; i++)
                if (add_string(&x->http_endpoints, x->endpoints.items[i]) < 0)
                        return -ENOMEM;
        return 0;
}

static int derive_tokens(struct config *c) {
        for (size_t i = 0; i < c->bootstrap_tokens.n; i++) {
                struct bootstrap_token *t = &c->bootstrap_tokens.items[i];

                if (!t->usages.n &&
                    (add_string(&t->usages, "signing") < 0 || add_string(&t->usages, "authentication") < 0))
                        return -ENOMEM;
                if (!t->groups.n &&
                    add_string(&t->groups, "system:bootstrappers:kubeadm:default-node-token") < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* What v1beta3 has in place of encryptionAlgorithm. */
static void derive_algorithm(struct config_reader *r) {
        struct config *c = r->c;

        if (!config_place(r, &c->alg) && config_gate(c, "PublicKeysECDSA", true) == false)
                c->alg = ALG_RSA_2048;
}

/* flannel's own default; where the services are IPv6 there is none. */
static int derive_pods(struct config *c) {
        if (c->pod_subnet || c->cni != CNI_FLANNEL || strchr(c->service_subnet, ':'))
                return 0;
        return set(&c->pod_subnet, "10.244.0.0/16");
}

static int derive_cluster(struct config_reader *r) {
        struct config *c = r->c;
        int k;

        if (!c->endpoint_host && c->vips.n &&
            (k = set(&c->endpoint_host, "%s", vrrp_ip_text(&c->vips.items[0].addresses[0].ip).v)) < 0)
                return k;
        if (!c->endpoint_port)
                c->endpoint_port = c->bind_port;
        derive_algorithm(r);
        if ((k = nth_address(c->service_subnet, 1, &c->service_ip)) < 0 ||
            (k = nth_address(c->service_subnet, 10, &c->cluster_dns)) < 0 || (k = derive_pods(c)) < 0 ||
            (k = derive_external_etcd(r)) < 0)
                return k;
        return derive_tokens(c);
}

static int derive_check(struct config *c) {
        struct http_check *h = &c->health.api_server;
        int k;

        if (!c->cluster || !h->enabled)
                return 0;
        if (!h->ca_file && (k = set(&h->ca_file, "%s/ca.crt", c->cert_dir)) < 0)
                return k;
        if (!h->cert_file && !h->key_file) {
                if ((k = set(&h->cert_file, TRIARCH_HEALTH_CRT)) < 0 ||
                    (k = set(&h->key_file, TRIARCH_HEALTH_KEY)) < 0)
                        return k;
        }
        return 0;
}

int config_derive_local(struct config *c) {
        struct http_check *h = &c->health.api_server;
        char server[CONFIG_HOST_PORT_SIZE];

        if (c->cluster && c->advertise_address && strchr(c->advertise_address, ':') &&
            !strcmp(c->health.etcd.endpoint, "http://127.0.0.1:2381") &&
            set(&c->health.etcd.endpoint, "http://[::1]:2381") < 0)
                return -ENOMEM;
        if (!c->cluster || !h->enabled || h->endpoint || !c->advertise_address)
                return 0;
        return set(&h->endpoint, "https://%s/livez?exclude=etcd",
                   config_host_port(c->advertise_address, c->bind_port, server));
}

int config_derive(struct config_reader *r) {
        int k;

        if ((k = derive_name(r)) == 0 && (k = derive_vips(r)) == 0 && (k = derive_state_dir(r->c)) == 0 &&
            r->c->cluster)
                k = derive_cluster(r);
        if (k == 0 && (k = derive_check(r->c)) == 0)
                k = config_derive_local(r->c);
        return k == -ENOMEM ? config_no_memory(r) : k;
}
