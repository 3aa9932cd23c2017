#include "vrrp/router_priv.h"

#include <errno.h>

static bool is_any_vip(const struct vrrp_host *h, const struct vrrp_ip *a) {
        for (const struct vrrp_router *r = h->routers; r; r = r->next)
                for (size_t i = 0; i < r->p.n_vips; i++)
                        if (vrrp_ip_equal(&r->p.vips[i], a))
                                return true;
        return false;
}

/* RFC 9568 section 5.2.1: IPv6 advertisements come from the link-local address, unless they go to addresses
 * that are not. */
static bool wants_link_local(const struct vrrp_router *r) {
        return r->p.transport == VRRP_TRANSPORT_IP && r->p.vips[0].family == AF_INET6 &&
               (r->p.n_peers == 0 || vrrp_ip_link_local(&r->p.peers[0]));
}

/* How well an address serves as our own: 0 not at all; 2: the VIP lies in its network. */
static int fitness(const struct vrrp_router *r, const struct vrrp_found *f) {
        const struct vrrp_ip *vip = &r->p.vips[0];

        if (f->unusable || is_any_vip(r->host, &f->address))
                return 0;
        if (!vrrp_ip_none(&r->p.self))
                return vrrp_ip_equal(&f->address, &r->p.self) ? 2 : 0;
        if (f->address.family != vip->family || f->secondary || f->proto == VRRP_ADDR_PROTO ||
            (f->address.family == AF_INET6 && vrrp_ip_link_local(&f->address) != wants_link_local(r)))
                return 0;
        return wants_link_local(r) || vrrp_ip_same_network(&f->address, vip, f->prefix) ? 2 : 1;
}

struct vrrp_ip vrrp_router_self(const struct vrrp_router *r, const struct vrrp_interface *i) {
        struct vrrp_ip best = { 0 };
        int found = 0;

        for (size_t k = 0; k < i->n_addresses; k++) {
                int fits = fitness(r, &i->addresses[k]);

                if (fits > found) {
                        found = fits;
                        best = i->addresses[k].address;
                }
        }
        return best;
}

static const char *why_unusable(const struct vrrp_router *r, const struct vrrp_interface *now) {
        struct vrrp_ip self = vrrp_router_self(r, now);

        if (now->ifindex == 0)
                return "the interface is gone";
        if (!now->running)
                return "link down";
        if (vrrp_ip_none(&self))
                return "the interface has no primary address";
        if (r->usable && now->ifindex != r->link->now.ifindex)
                return "the interface was replaced";
        return NULL;
}

bool vrrp_router_leave_if_unusable(struct vrrp_router *r, const struct vrrp_interface *now) {
        const char *reason = r->usable ? why_unusable(r, now) : NULL;

        if (!reason)
                return false;
        r->usable = false;
        if (r->started)
                r->election->link(r, false, reason);
        vrrp_router_release(r);
        vrrp_router_schedule(r);
        return true;
}

static int open_carrier(struct vrrp_router *r) {
        struct vrrp_link *carrier;
        int k;

        if (!r->p.virtual_mac)
                return 0;
        if ((k = vrrp_vmac_create(r->link->now.ifindex, r->p.vips[0].family, r->p.vrid, &r->vmac)) < 0 ||
            (k = vrrp_link_get(r->host, r->vmac.name, &carrier)) < 0)
                return k;
        if (r->vmac.ra_error < 0)
                vrrp_router_notice(r, VRRP_NOTICE_SOCKET, &r->p.vips[0],
                                   "%s listens to router advertisements, accept_ra cannot be written: %s",
                                   r->vmac.name, strerror(-r->vmac.ra_error));
        vrrp_link_put(r->carrier);
        r->carrier = carrier;
        return 0;
}

int vrrp_router_open(struct vrrp_router *r) {
        int k;

        if ((k = open_carrier(r)) < 0 ||
            (k = r->p.transport == VRRP_TRANSPORT_SEALED ? vrrp_router_sealed_open(r)
                                                         : vrrp_router_wire_open(r)) < 0 ||
            (k = vrrp_link_watch(r->carrier, &r->p.vips[0], r->p.n_vips)) < 0) {
                vrrp_router_close(r);
                return k;
        }
        r->open = true;
        r->self = vrrp_router_self(r, &r->link->now);
        r->usable = !why_unusable(r, &r->link->now);
        return 0;
}

void vrrp_router_close(struct vrrp_router *r) {
        r->open = r->usable = false;
        if (r->p.transport == VRRP_TRANSPORT_SEALED)
                vrrp_router_sealed_close(r);
        else
                vrrp_router_wire_close(r);
        if (r->carrier != r->link && r->link) {
                vrrp_vmac_delete(&r->vmac);
                vrrp_link_put(r->carrier);
                r->carrier = r->link;
                r->carrier->refs++;
        }
}

static void enter(struct vrrp_router *r) {
        int k = r->open ? 0 : vrrp_router_open(r);

        if (k >= 0 && r->p.sealed)
                k = vrrp_router_sealed_members(r);
        if (k < 0) {
                vrrp_router_notice(r, VRRP_NOTICE_SOCKET, &r->self, "cannot open sockets on %s: %s",
                                   r->link->name, strerror(-k));
                return;
        }
        r->self = vrrp_router_self(r, &r->link->now);
        r->usable = !why_unusable(r, &r->link->now);
        if (r->usable && r->started)
                r->election->link(r, true, "the link is usable again");
}

/* Another primary address is no reason to give the role up: from now on we speak from that one. */
static void follow_self(struct vrrp_router *r) {
        struct vrrp_ip self = vrrp_router_self(r, &r->link->now);

        if (!r->usable || vrrp_ip_equal(&self, &r->self))
                return;
        r->self = self;
        memcpy(r->fsm.self, self.b, sizeof r->fsm.self);
        if (r->state == VRRP_ACTIVE)
                r->active = self;
        vrrp_router_notice(r, VRRP_NOTICE_SELF, &self, "the primary address of %s is %s now", r->link->name,
                           vrrp_ip_text(&self).v);
}

static void tell_link(struct vrrp_router *r) {
        bool up = r->link->now.running;

        if (r->link_up == up)
                return;
        r->link_up = up;
        if (r->ops.link_changed)
                r->ops.link_changed(r->userdata, up);
}

void vrrp_router_looked(struct vrrp_router *r, struct vrrp_link *l, int error) {
        if (error < 0 && !r->ready) /* opening tells */
                return;
        if (error < 0) {
                vrrp_router_notice(r, VRRP_NOTICE_NETLINK, &r->self, "cannot look at %s: %s", l->name,
                                   strerror(-error));
                return;
        }
        if (l == r->link) {
                tell_link(r);
                follow_self(r);
                if (!r->usable && r->ready && l->now.running)
                        enter(r);
        }
        if (l == r->carrier && l->now.ifindex > 0) {
                vrrp_router_repair(r);
                if (memcmp(r->mac, l->now.mac, sizeof r->mac) != 0)
                        vrrp_router_announce_again(r);
        }
        vrrp_router_schedule(r);
}
