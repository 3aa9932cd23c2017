/* Values that follow from others. */
#include "agent/config_fields.h"
#include "agent/paths.h"
#include <arpa/inet.h>
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
static size_t own_position(const struct config *c) {
        size_t i = 0;

        while (i < c->vip.n_members && strcmp(c->vip.members[i].name, c->node_name) != 0)
                i++;
        return i;
}

static int derive_vip(struct config_reader *r) {
        struct config *c = r->c;
        struct vip_config *vip = &c->vip;
        size_t self = own_position(c);

        if (!vip->present)
                return 0;
        if (!vip->address.s_addr)
                return config_blame(r, BLAME(&c->vip), "vip.address is missing");
        if (!vip->vrid) {
                uint8_t last = (uint8_t)ntohl(vip->address.s_addr);

                vip->vrid = last ? last : 255;
        }
        if (!vip->priority)
                vip->priority = self * PRIORITY_STEP > PRIORITY_FIRST - PRIORITY_LEAST
                                        ? PRIORITY_LEAST
                                        : (uint8_t)(PRIORITY_FIRST - self * PRIORITY_STEP);
        if (!c->advertise_address && self < vip->n_members)
                return set(&c->advertise_address, "%s", inet_ntoa(vip->members[self].address));
        return 0;
}

static int nth_address(const char *subnet, uint32_t n, char **target) {
        struct cidr net;
        struct in_addr a;

        if (!cidr_parse(subnet, &net))
                return -EINVAL;
        a.s_addr = htonl((net.address & net.mask) + n);
        return set(target, "%s", inet_ntoa(a));
}

static int derive_cluster(struct config_reader *r) {
        struct config *c = r->c;
        int k;

        if (!c->endpoint_host && c->vip.present &&
            (k = set(&c->endpoint_host, "%s", inet_ntoa(c->vip.address))) < 0)
                return k;
        if (!c->endpoint_port)
                c->endpoint_port = c->bind_port;
        if ((k = nth_address(c->service_subnet, 1, &c->service_ip)) < 0)
                return k;
        return nth_address(c->service_subnet, 10, &c->cluster_dns);
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

        if (!c->cluster || !h->enabled || h->endpoint || !c->advertise_address)
                return 0;
        return set(&h->endpoint, "https://%s:%u/livez?exclude=etcd", c->advertise_address, c->bind_port);
}

int config_derive(struct config_reader *r) {
        int k;

        if ((k = derive_name(r)) == 0 && (k = derive_vip(r)) == 0 && r->c->cluster)
                k = derive_cluster(r);
        if (k == 0 && (k = derive_check(r->c)) == 0)
                k = config_derive_local(r->c);
        return k == -ENOMEM ? config_no_memory(r) : k;
}
