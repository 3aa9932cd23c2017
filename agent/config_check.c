/* What must hold between values. The value that was given is blamed, the later one first. */
#include "agent/config_fields.h"
#include <arpa/inet.h>

static uint32_t host_order(struct in_addr a) {
        return ntohl(a.s_addr);
}

static bool is_address(const char *text, struct in_addr *ret) {
        return text && inet_pton(AF_INET, text, ret) == 1;
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
        if (!c->vips.n || !is_address(c->endpoint_host, &a))
                return 0;
        if (a.s_addr != config_vip_address(c).s_addr)
                return config_blame(
                        r, BLAME(&c->endpoint_host, &c->vips.items[0].addresses),
                        "controlPlaneEndpoint: %s is not the VIP %s; use the VIP, a DNS name that leads "
                        "to it, or leave it out",
                        c->endpoint_host, inet_ntoa(config_vip_address(c)));
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

static int check_vip_apart(struct config_reader *r, const struct vip_config *v, size_t i) {
        const struct config *c = r->c;
        struct in_addr a = vrrp_ip_in(&v->addresses[i].ip); /* a cluster's are IPv4: checked before */
        int k = check_subnet_holds(r, &c->service_subnet, "networking.serviceSubnet", c->service_subnet,
                                   &v->addresses, "VIP", a);

        return k < 0 ? k
                     : check_subnet_holds(r, &c->pod_subnet, "networking.podSubnet", c->pod_subnet,
                                          &v->addresses, "VIP", a);
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
        for (size_t i = 0; i < c->vips.n; i++)
                for (size_t j = 0; j < c->vips.items[i].n_addresses; j++)
                        if ((k = check_vip_apart(r, &c->vips.items[i], j)) < 0)
                                return k;
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

        if ((k = config_check_vips(r)) < 0 || (k = check_health(r)) < 0 || (k = check_ports(r)) < 0)
                return k;
        if (!r->c->cluster)
                return 0;
        if ((k = check_volumes(r)) < 0 || (k = check_endpoint(r)) < 0)
                return k;
        return check_subnets(r);
}
