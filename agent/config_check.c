/* What must hold between values. The value that was given is blamed, the later one first. */
#include "agent/config_fields.h"

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
        const struct vip_config *v = config_vip(c);
        struct vrrp_ip a;

        if (!c->endpoint_host && r->any_address)
                return 0;
        if (!c->endpoint_host)
                return config_blame(
                        r, BLAME(NULL),
                        "a cluster needs an address that moves; give --vip ADDR/PREFIX or vip.address "
                        "(or controlPlaneEndpoint where another load balancer has it)");
        if (!v || vrrp_ip_parse(c->endpoint_host, &a) < 0)
                return 0;
        if (vrrp_ip_link_local(&a))
                return config_blame(
                        r, BLAME(&v->addresses),
                        "vip.address: %s is link-local, which no controlPlaneEndpoint can be; put "
                        "another address first, or give a DNS name there",
                        c->endpoint_host);
        if (!vrrp_ip_equal(&a, &v->addresses[0].ip))
                return config_blame(
                        r, BLAME(&c->endpoint_host, &v->addresses),
                        "controlPlaneEndpoint: %s is not the VIP %s; use the VIP, a DNS name that leads "
                        "to it, or leave it out",
                        c->endpoint_host, vrrp_ip_text(&v->addresses[0].ip).v);
        if (c->endpoint_port != c->bind_port)
                return config_blame(
                        r, BLAME(&c->endpoint_host, &c->bind_port),
                        "controlPlaneEndpoint: the VIP leads to the API server itself, whose port is "
                        "%u, not %u",
                        c->bind_port, c->endpoint_port);
        return 0;
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
        if ((k = check_volumes(r)) < 0 || (k = config_check_networks(r)) < 0 || (k = check_endpoint(r)) < 0)
                return k;
        return config_check_kubeadm(r);
}
