/* What must hold between values. The value that was given is blamed, the later one first. */
#include "agent/config_fields.h"
#include <arpa/inet.h>

static uint32_t host_order(struct in_addr a) {
        return ntohl(a.s_addr);
}

static bool is_address(const char *text, struct in_addr *ret) {
        return text && inet_pton(AF_INET, text, ret) == 1;
}

static struct cidr vip_network(const struct config *c) {
        uint32_t mask = UINT32_MAX << (32 - c->vip.prefix);

        return (struct cidr){ host_order(c->vip.address) & mask, mask, c->vip.prefix };
}

/* ---- VIP and members ---- */

static int check_member(struct config_reader *r, size_t i) {
        const struct config *c = r->c;
        const struct member *m = &c->vip.members[i];
        struct in_addr self;

        if (m->address.s_addr == c->vip.address.s_addr)
                return config_blame(r, BLAME(&m->address),
                                    "vip.members: %s is the VIP; give the member's own address",
                                    inet_ntoa(m->address));
        for (size_t j = 0; j < i; j++) {
                const struct member *o = &c->vip.members[j];

                if (!strcmp(o->name, m->name))
                        return config_blame(r, BLAME(&m->name), "vip.members: a second member named \"%s\"",
                                            m->name);
                if (o->address.s_addr == m->address.s_addr)
                        return config_blame(r, BLAME(&m->address), "vip.members: %s is also \"%s\"'s address",
                                            inet_ntoa(m->address), o->name);
        }
        if (!strcmp(m->name, c->node_name) && is_address(c->advertise_address, &self) &&
            self.s_addr != m->address.s_addr)
                return config_blame(
                        r, BLAME(&c->advertise_address, &m->address),
                        "the advertise address %s is not the one that vip.members gives for \"%s\"",
                        c->advertise_address, m->name);
        return 0;
}

static int check_self(struct config_reader *r) {
        const struct config *c = r->c;

        if (c->cluster || !c->vip.n_members)
                return 0; /* in a cluster a node joins first and is listed then */
        for (size_t i = 0; i < c->vip.n_members; i++)
                if (!strcmp(c->vip.members[i].name, c->node_name))
                        return 0;
        return config_blame(
                r, BLAME(&c->node_name, &c->vip.members),
                "this node, \"%s\", is not among vip.members; list it, or set nodeName to its name there",
                c->node_name);
}

static int check_vip(struct config_reader *r) {
        struct config *c = r->c;
        struct in_addr a;
        int k;

        if (!c->vip.present) {
                if (c->vip.interface)
                        return config_blame(r, BLAME(&c->vip.interface),
                                            "an interface is given, but no VIP; give --vip or vip.address");
                if (!c->cluster)
                        return config_blame(r, BLAME(NULL),
                                            "\"vip\" is missing: without it there is nothing to do");
                return 0;
        }
        if (c->vip.interval_us % 10000)
                return config_blame(
                        r, BLAME(&c->vip.interval_us),
                        "vip.advertisementInterval: %u us is no multiple of 10ms, which the protocol "
                        "counts in",
                        c->vip.interval_us);
        if (c->vip.n_members > 16)
                return config_blame(r, BLAME(&c->vip.members), "vip.members: more than 16 members");
        for (size_t i = 0; i < c->vip.n_members; i++)
                if ((k = check_member(r, i)) < 0)
                        return k;
        if (is_address(c->advertise_address, &a) && a.s_addr == c->vip.address.s_addr)
                return config_blame(r, BLAME(&c->advertise_address, &c->vip.address),
                                    "the advertise address %s is the VIP; give the machine's own address",
                                    c->advertise_address);
        if (c->vip.unicast && !c->vip.n_members)
                return config_blame(r, BLAME(&c->vip.unicast), "vip.unicast: needs vip.members to send to");
        return check_self(r);
}

/* ---- health ---- */

static int check_health(struct config_reader *r) {
        struct http_check *h = &r->c->health.api_server;

        if (!h->enabled)
                return 0;
        if (!r->c->cluster && !h->endpoint)
                return config_blame(r, BLAME(h), "health.apiServer: \"endpoint\" is missing");
        if (!r->c->cluster && !h->ca_file)
                return config_blame(r, BLAME(h),
                                    "health.apiServer: \"caFile\" is missing; the server is always verified");
        if (!h->cert_file != !h->key_file)
                return config_blame(r, BLAME(&h->cert_file, &h->key_file),
                                    "health.apiServer: certFile and keyFile go together");
        return 0;
}

/* ---- cluster ---- */

static int check_endpoint(struct config_reader *r) {
        const struct config *c = r->c;
        struct in_addr a;

        if (!c->endpoint_host)
                return config_blame(
                        r, BLAME(NULL),
                        "a cluster needs an address that moves; give --vip ADDR/PREFIX or vip.address "
                        "(or controlPlaneEndpoint where another load balancer has it)");
        if (!c->vip.present || !is_address(c->endpoint_host, &a))
                return 0;
        if (a.s_addr != c->vip.address.s_addr)
                return config_blame(
                        r, BLAME(&c->endpoint_host, &c->vip.address),
                        "controlPlaneEndpoint: %s is not the VIP %s; use the VIP, a DNS name that leads "
                        "to it, or leave it out",
                        c->endpoint_host, inet_ntoa(c->vip.address));
        if (c->endpoint_port != c->bind_port)
                return config_blame(
                        r, BLAME(&c->endpoint_host, &c->bind_port),
                        "controlPlaneEndpoint: the VIP leads to the API server itself, whose port is "
                        "%u, not %u",
                        c->bind_port, c->endpoint_port);
        return 0;
}

static int check_subnet_holds(struct config_reader *r, const void *target, const char *name,
                              const char *subnet, const void *other, const char *what, struct in_addr a) {
        struct cidr net;

        if (!subnet || !cidr_parse(subnet, &net) || !cidr_holds(&net, host_order(a)))
                return 0;
        return config_blame(r, BLAME(target, other), "%s: %s holds the %s %s; they must be apart", name,
                            subnet, what, inet_ntoa(a));
}

static int check_subnets(struct config_reader *r) {
        const struct config *c = r->c;
        struct cidr service, pod;
        struct in_addr self;
        int k = 0;

        if (c->pod_subnet && cidr_parse(c->service_subnet, &service) && cidr_parse(c->pod_subnet, &pod) &&
            cidr_overlap(&service, &pod))
                return config_blame(r, BLAME(&c->pod_subnet, &c->service_subnet),
                                    "networking: podSubnet %s and serviceSubnet %s overlap", c->pod_subnet,
                                    c->service_subnet);
        if (c->vip.present) {
                if ((k = check_subnet_holds(r, &c->service_subnet, "networking.serviceSubnet",
                                            c->service_subnet, &c->vip.address, "VIP", c->vip.address)) < 0 ||
                    (k = check_subnet_holds(r, &c->pod_subnet, "networking.podSubnet", c->pod_subnet,
                                            &c->vip.address, "VIP", c->vip.address)) < 0)
                        return k;
        }
        if (!is_address(c->advertise_address, &self))
                return 0;
        if ((k = check_subnet_holds(r, &c->service_subnet, "networking.serviceSubnet", c->service_subnet,
                                    &c->advertise_address, "advertise address", self)) < 0)
                return k;
        return check_subnet_holds(r, &c->pod_subnet, "networking.podSubnet", c->pod_subnet,
                                  &c->advertise_address, "advertise address", self);
}

static int check_ports(struct config_reader *r) {
        const struct config *c = r->c;
        const struct {
                const void *target;
                const char *name;
                unsigned port;
                bool cluster;
        } ports[] = {
                { NULL, "etcd", 2379, true },
                { NULL, "etcd", 2380, true },
                { NULL, "etcd", 2381, true },
                { NULL, "the kubelet", 10248, true },
                { NULL, "the kubelet", 10250, true },
                { NULL, "kube-controller-manager", 10257, true },
                { NULL, "kube-scheduler", 10259, true },
                { &c->metrics_port, "metrics", c->metrics_port, false },
                { &c->enroll_port, "enrollPort", c->enroll_port, true },
                { &c->bind_port, "localAPIEndpoint.bindPort", c->bind_port, true },
        };

        for (size_t i = 0; i < ARRAY_SIZE(ports); i++)
                for (size_t j = 0; j < i; j++)
                        if (ports[i].port == ports[j].port &&
                            (c->cluster || (!ports[i].cluster && !ports[j].cluster)))
                                return config_blame(r, BLAME(ports[i].target, ports[j].target),
                                                    "%s: port %u is also that of %s", ports[i].name,
                                                    ports[i].port, ports[j].name);
        return 0;
}

static int check_volumes(struct config_reader *r) {
        const struct config *c = r->c;
        const struct extra_volumes *lists[] = { &c->api_server.extra_volumes,
                                                &c->controller_manager.extra_volumes,
                                                &c->scheduler.extra_volumes };

        for (size_t l = 0; l < ARRAY_SIZE(lists); l++)
                for (size_t i = 0; i < lists[l]->n; i++)
                        for (size_t j = 0; j < i; j++)
                                if (!strcmp(lists[l]->items[i].name, lists[l]->items[j].name))
                                        return config_blame(r, BLAME(&lists[l]->items[i].name),
                                                            "extraVolumes: a second volume named \"%s\"",
                                                            lists[l]->items[i].name);
        return 0;
}

int config_check(struct config_reader *r) {
        int k;

        if ((k = check_vip(r)) < 0 || (k = check_health(r)) < 0 || (k = check_ports(r)) < 0)
                return k;
        if (!r->c->cluster)
                return 0;
        if ((k = check_volumes(r)) < 0 || (k = check_endpoint(r)) < 0)
                return k;
        return check_subnets(r);
}

/* ---- what is allowed, but worth a word ---- */

void config_warnings(const struct config *c, void (*warn)(void *userdata, const char *text), void *userdata) {
        struct in_addr self;
        struct cidr net;
        char text[256];

        if (!c->vip.present)
                return;
        net = vip_network(c);
        if (c->vip.n_members == 2)
                warn(userdata, "two members: when one is lost, etcd has no majority; three stay up");
        for (size_t i = 0; i < c->vip.n_members; i++) {
                const struct member *m = &c->vip.members[i];

                if (cidr_holds(&net, host_order(m->address)))
                        continue;
                snprintf(text, sizeof text, "member \"%.60s\" (%s) is not in the VIP's network", m->name,
                         inet_ntoa(m->address));
                warn(userdata, text);
        }
        if (is_address(c->advertise_address, &self) && !cidr_holds(&net, host_order(self))) {
                snprintf(text, sizeof text, "the advertise address %s is not in the VIP's network",
                         c->advertise_address);
                warn(userdata, text);
        }
}
