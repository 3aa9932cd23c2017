/* The `sealed` transport of a router: what its election says, in sealed datagrams of its group. */
#include "vrrp/router_priv.h"

#include <errno.h>

/* A VRRP message is summed with the addresses around it; here there are none. */
static struct vrrp_ip nowhere(uint8_t family) {
        return (struct vrrp_ip){ .family = family };
}

static bool address_of(const struct vrrp_router *r, uint64_t id, struct vrrp_ip *ret) {
        struct vrrp_sealed_peer peers[VRRP_LIST_MEMBERS];
        size_t n = vrrp_sealed_peers(r->p.sealed, peers, ARRAY_SIZE(peers));

        for (size_t i = 0; i < n; i++)
                if (peers[i].id == id) {
                        *ret = peers[i].address;
                        return true;
                }
        return false;
}

static void on_advert(struct vrrp_router *r, const struct vrrp_sealed_in *in) {
        struct vrrp_wire_config own = { .version = 3, .vrid = r->p.vrid, .sealed = true };
        uint8_t family = r->p.vips[0].family;
        struct vrrp_packet packet = {
                .src = nowhere(family),
                .dst = nowhere(family),
                .hops = VRRP_HOPS,
                .msg = in->body,
                .size = in->size,
        };
        struct vrrp_received got;
        enum vrrp_reject why = vrrp_wire_decode(&packet, &own, &got);
        struct vrrp_ip src;

        if (!address_of(r, in->src, &src))
                return;
        if (why == VRRP_ACCEPT)
                vrrp_router_advert(r, &got.pdu, &src, vrrp_router_peer(r, &src, in->src), in->now_us);
        else
                vrrp_router_notice(r, VRRP_NOTICE_REJECTED + why, &src, "advertisement from %s dropped: %s",
                                   vrrp_ip_text(&src).v, vrrp_reject_text(why));
}

static void on_lease(struct vrrp_router *r, const struct vrrp_sealed_in *in) {
        enum vrrp_lease_type type = (enum vrrp_lease_type)(in->type - VRRP_SEAL_LEASE);
        struct vrrp_lease_msg m;
        struct vrrp_list list;

        if (vrrp_lease_decode(type, in->src, in->body, in->size, &list, &m))
                vrrp_router_lease_message(r, &m, in->now_us);
        else
                r->counters.bad_type++;
}

static void on_message(void *userdata, const struct vrrp_sealed_in *in) {
        struct vrrp_router *r = userdata;
        bool lease = in->type > VRRP_SEAL_LEASE && in->type < VRRP_SEAL_LEASE + VRRP_LEASE_N_TYPES;

        if (in->type == VRRP_SEAL_ADVERT && r->p.election == VRRP_ELECTION_PRIORITY)
                on_advert(r, in);
        else if (lease && r->p.election == VRRP_ELECTION_MAJORITY)
                on_lease(r, in);
        else
                r->counters.bad_type++; /* the other is configured differently */
}

/* What the network between says of a member that is not there is no news. */
static bool is_news(int error) {
        return error < 0 && error != -ECONNREFUSED && error != -EHOSTUNREACH && error != -EHOSTDOWN;
}

static void send_to(struct vrrp_router *r, uint64_t dst, uint8_t type, const void *body, size_t size) {
        int k = size > 0 ? vrrp_sealed_send(r->p.sealed, dst, r->p.vrid, type, body, size) : -EMSGSIZE;

        if (k >= 0)
                r->counters.sent++;
        else if (r->usable && is_news(k))
                vrrp_router_notice(r, VRRP_NOTICE_SEND, &r->self, "cannot send sealed datagrams on %s: %s",
                                   r->link->name, strerror(-k));
}

void vrrp_router_sealed_advertise(struct vrrp_router *r, uint8_t priority) {
        struct vrrp_ip none = nowhere(r->p.vips[0].family);
        struct vrrp_pdu pdu = {
                .version = 3,
                .family = none.family,
                .vrid = r->p.vrid,
                .priority = priority,
                .interval_us = r->p.interval_us,
        };
        uint8_t msg[VRRP_PDU_MAX];

        for (size_t i = 0; i < r->p.n_vips; i++) /* those of the other family do not fit */
                if (r->p.vips[i].family == none.family)
                        pdu.addresses[pdu.n_addresses++] = r->p.vips[i];
        send_to(r, 0, VRRP_SEAL_ADVERT, msg,
                vrrp_wire_encode(&pdu, &none, &none, VRRP_SUM_MESSAGE, msg, sizeof msg));
}

void vrrp_router_sealed_lease(struct vrrp_router *r, uint64_t dst, const struct vrrp_lease_msg *m) {
        uint8_t body[VRRP_SEAL_MAX];

        send_to(r, dst, (uint8_t)(VRRP_SEAL_LEASE + m->type), body, vrrp_lease_encode(m, body, sizeof body));
}

int vrrp_router_sealed_members(struct vrrp_router *r) {
        const struct vrrp_list *list = r->lease ? &r->lease->p.list : &r->p.list;
        int k = list->n > 0 ? vrrp_sealed_set_list(r->p.sealed, list) : 0;

        return k == -EADDRNOTAVAIL ? 0 : k; /* not yet: our address is still to come */
}

int vrrp_router_sealed_open(struct vrrp_router *r) {
        static const struct vrrp_sealed_ops ops = { .message = on_message };
        int k = vrrp_router_sealed_members(r);

        return k < 0 ? k : vrrp_sealed_subscribe(r->p.sealed, r->p.vrid, &ops, r);
}

void vrrp_router_sealed_close(struct vrrp_router *r) {
        vrrp_sealed_unsubscribe(r->p.sealed, r->p.vrid);
}
