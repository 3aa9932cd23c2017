/* Networks of services, pods and hosts: their sizes, that they are apart, and that their families fit. */
#include "agent/config_fields.h"
#include "agent/decimal.h"

struct networks {
        const void *target;
        const char *name, *text; /* text NULL: none given */
        struct network v[NETWORKS_MAX];
        size_t n;
};

static const char *family_name(const struct vrrp_ip *a) {
        return a->family == AF_INET ? "IPv4" : "IPv6";
}

/* As kube-apiserver has it: at most 20 bits; and as kubeadm: at least ten addresses. */
static int check_service_size(struct config_reader *r, const struct networks *s) {
        for (size_t i = 0; i < s->n; i++) {
                unsigned bits = vrrp_ip_bits(&s->v[i].address), min = bits - 20, max = bits - 4;

                if (s->v[i].prefix < min || s->v[i].prefix > max)
                        return config_blame(r, BLAME(s->target),
                                            "%s: the %s network must have a prefix of %u to %u (at least ten "
                                            "addresses)",
                                            s->name, family_name(&s->v[i].address), min, max);
        }
        return 0;
}

static const char *argument(const struct name_values *args, const char *name) {
        const char *value = NULL;

        for (size_t i = 0; i < args->n; i++)
                if (!strcmp(args->items[i].name, name))
                        value = args->items[i].value; /* the last one is in force */
        return value;
}

/* What kube-controller-manager gives to each node. */
static unsigned node_mask(const struct config *c, const struct vrrp_ip *a) {
        const struct name_values *args = &c->controller_manager.extra_args;
        bool v6 = a->family == AF_INET6;
        const char *text = argument(args, v6 ? "node-cidr-mask-size-ipv6" : "node-cidr-mask-size-ipv4");
        uint64_t mask;

        if (!text)
                text = argument(args, "node-cidr-mask-size");
        return text && decimal_parse(text, 1, vrrp_ip_bits(a), &mask) ? (unsigned)mask : v6 ? 64 : 24;
}

static int check_pod_size(struct config_reader *r, const struct networks *p) {
        const char *allocate = argument(&r->c->controller_manager.extra_args, "allocate-node-cidrs");

        if (allocate && !strcmp(allocate, "false"))
                return 0;
        for (size_t i = 0; i < p->n; i++) {
                unsigned mask = node_mask(r->c, &p->v[i].address), min = mask > 16 ? mask - 16 : 1;

                if (p->v[i].prefix < min || p->v[i].prefix > mask)
                        return config_blame(r, BLAME(p->target),
                                            "%s: the %s network must have a prefix of %u to %u (each node "
                                            "gets a /%u of it)",
                                            p->name, family_name(&p->v[i].address), min, mask, mask);
        }
        return 0;
}

static int check_holds(struct config_reader *r, const struct networks *s, const void *other, const char *what,
                       const struct vrrp_ip *a) {
        for (size_t i = 0; i < s->n; i++)
                if (network_holds(&s->v[i], a))
                        return config_blame(r, BLAME(s->target, other),
                                            "%s: %s holds the %s %s; they must be apart", s->name, s->text,
                                            what, vrrp_ip_text(a).v);
        return 0;
}

static int check_apart(struct config_reader *r, const struct networks *s) {
        const struct config *c = r->c;
        struct vrrp_ip self;
        int k;

        for (size_t i = 0; i < c->vips.n; i++)
                for (size_t j = 0; j < c->vips.items[i].n_addresses; j++)
                        if ((k = check_holds(r, s, &c->vips.items[i].addresses, "VIP",
                                             &c->vips.items[i].addresses[j].ip)) < 0)
                                return k;
        if (!c->advertise_address || vrrp_ip_parse(c->advertise_address, &self) < 0)
                return 0;
        return check_holds(r, s, &c->advertise_address, "advertise address", &self);
}

static int check_overlap(struct config_reader *r, const struct networks *s, const struct networks *p) {
        for (size_t i = 0; i < s->n; i++)
                for (size_t j = 0; j < p->n; j++)
                        if (s->v[i].address.family == p->v[j].address.family &&
                            network_overlap(&s->v[i], &p->v[j]))
                                return config_blame(r, BLAME(p->target, s->target),
                                                    "networking: podSubnet %s and serviceSubnet %s overlap",
                                                    p->text, s->text);
        return 0;
}

/* kube-apiserver wants its own address in the first family of the services. */
static int check_family(struct config_reader *r, const struct networks *s) {
        const struct config *c = r->c;
        const struct vip_config *v = config_vip(c);
        struct vrrp_ip self;
        const char *what = "advertise address";

        if (!c->advertise_address || vrrp_ip_parse(c->advertise_address, &self) < 0) {
                if (!v)
                        return 0;
                self = v->addresses[0].ip; /* the advertise address will be of its network */
                what = "VIP";
        }
        if (self.family == s->v[0].address.family)
                return 0;
        return config_blame(r, BLAME(s->target, &c->advertise_address, v ? &v->addresses : NULL),
                            "%s: the first network, of %s, is of the other family than the %s %s; put the %s "
                            "network first",
                            s->name, s->text, what, vrrp_ip_text(&self).v, family_name(&self));
}

/* Behind a service are pods of its own family. */
static int check_pod_family(struct config_reader *r, const struct networks *s, const struct networks *p) {
        const struct vrrp_ip *first = &s->v[0].address;

        for (size_t i = 0; i < p->n; i++)
                if (p->v[i].address.family == first->family)
                        return 0;
        if (!p->n)
                return 0;
        return config_blame(r, BLAME(p->target, s->target),
                            "%s: %s has no %s network, but the services, %s, have: their pods need one of "
                            "that family",
                            p->name, p->text, family_name(first), s->text);
}

int config_check_networks(struct config_reader *r) {
        const struct config *c = r->c;
        struct networks s = {
                &c->service_subnet, "networking.serviceSubnet", c->service_subnet, { { { 0 }, 0 } }, 0
        };
        struct networks p = { &c->pod_subnet, "networking.podSubnet", c->pod_subnet, { { { 0 }, 0 } }, 0 };
        int k;

        s.n = networks_parse(s.text, s.v);
        p.n = p.text ? networks_parse(p.text, p.v) : 0;
        if ((k = check_service_size(r, &s)) < 0 || (k = check_pod_size(r, &p)) < 0 ||
            (k = check_overlap(r, &s, &p)) < 0 || (k = check_apart(r, &s)) < 0 ||
            (k = check_apart(r, &p)) < 0)
                return k;
        if (!p.n && c->cni == CNI_FLANNEL)
                return config_blame(r, BLAME(s.target, &c->cni),
                                    "networking.podSubnet is missing: flannel needs a network for the pods, "
                                    "and with IPv6 services there is no default; give it, or `cni: none`");
        if ((k = check_family(r, &s)) < 0)
                return k;
        return check_pod_family(r, &s, &p);
}
