/* The `ip` transport of a router: advertisements as RFC 9568 and RFC 3768 have them. */
#include "vrrp/router_priv.h"

#include <errno.h>

static void send_to(struct vrrp_router *r, const struct vrrp_pdu *pdu, const struct vrrp_ip *dst) {
        uint8_t msg[VRRP_PDU_MAX];
        size_t n = vrrp_wire_encode(pdu, &r->self, dst, r->p.sum, msg, sizeof msg);
        int k = n > 0 ? vrrp_port_send(r->out, &r->self, dst, msg, n) : -EMSGSIZE;

        if (k == 0)
                r->counters.sent++;
        else if (r->usable)
                vrrp_router_notice(r, VRRP_NOTICE_SEND, dst, "cannot send to %s on %s: %s",
                                   vrrp_ip_text(dst).v, r->link->name, strerror(-k));
}

void vrrp_router_wire_advertise(struct vrrp_router *r, uint8_t priority) {
        struct vrrp_ip group = vrrp_group(r->p.vips[0].family);
        struct vrrp_pdu pdu = {
                .version = r->p.version,
                .family = r->p.vips[0].family,
                .vrid = r->p.vrid,
                .priority = priority,
                .interval_us = r->p.interval_us,
                .n_addresses = (uint8_t)r->p.n_vips,
        };

        memcpy(pdu.addresses, r->p.vips, r->p.n_vips * sizeof *r->p.vips);
        if (!r->out)
                return;
        if (r->p.n_peers == 0)
                send_to(r, &pdu, &group);
        for (size_t i = 0; i < r->p.n_peers; i++)
                if (!vrrp_ip_equal(&r->p.peers[i], &r->self))
                        send_to(r, &pdu, &r->p.peers[i]);
}

static void count_reject(struct vrrp_counters *c, enum vrrp_reject why) {
        uint64_t *const counters[VRRP_N_REJECTS] = {
                [VRRP_REJECT_LENGTH] = &c->bad_length,
                [VRRP_REJECT_HOPS] = &c->bad_ttl,
                [VRRP_REJECT_VRID] = &c->bad_vrid,
                [VRRP_REJECT_VERSION] = &c->bad_version,
                [VRRP_REJECT_TYPE] = &c->bad_type,
                [VRRP_REJECT_CHECKSUM] = &c->bad_checksum,
                [VRRP_REJECT_AUTH] = &c->bad_type,
                [VRRP_REJECT_COUNT] = &c->bad_count,
                [VRRP_REJECT_INTERVAL] = &c->bad_interval,
                [VRRP_REJECT_LINK_LOCAL] = &c->other_addresses,
                [VRRP_REJECT_OTHER_INTERVAL] = &c->bad_interval,
                [VRRP_REJECT_ADDRESSES] = &c->other_addresses,
        };

        if (counters[why])
                ++*counters[why];
}

static bool is_member(const struct vrrp_router *r, const struct vrrp_ip *a) {
        for (size_t i = 0; i < r->p.n_peers; i++)
                if (vrrp_ip_equal(&r->p.peers[i], a))
                        return true;
        return false;
}

/* NULL, or what is wrong with where it came from and went to. */
static const char *bad_source(const struct vrrp_router *r, const struct vrrp_received *got) {
        struct vrrp_ip group = vrrp_group(got->src.family);

        if (vrrp_ip_equal(&got->src, &r->self))
                return "another host uses our address";
        if (r->p.n_peers == 0)
                return vrrp_ip_equal(&got->dst, &group) ? NULL : "sent to us alone, not to the group";
        if (!vrrp_ip_equal(&got->dst, &r->self))
                return "not sent to us alone";
        return is_member(r, &got->src) ? NULL : "the sender is no listed member";
}

/* Differences that are only told of: the address list, and an interval that is adopted. */
static void compare(struct vrrp_router *r, const struct vrrp_received *got) {
        if (!vrrp_wire_same_addresses(&got->pdu, r->p.vips, r->p.n_vips)) {
                r->counters.other_addresses++;
                vrrp_router_notice(r, VRRP_NOTICE_OTHER_ADDRESSES, &got->src,
                                   "%s advertises other addresses for VRID %u (%u, the first %s)",
                                   vrrp_ip_text(&got->src).v, r->p.vrid, got->pdu.n_addresses,
                                   vrrp_ip_text(&got->pdu.addresses[0]).v);
        }
        if (got->pdu.interval_us != r->p.interval_us)
                vrrp_router_notice(
                        r, VRRP_NOTICE_INTERVAL, &got->src, "%s advertises every %u ms, we are set to %u ms",
                        vrrp_ip_text(&got->src).v, got->pdu.interval_us / 1000, r->p.interval_us / 1000);
}

static void on_packet(const struct vrrp_packet *packet, void *userdata) {
        struct vrrp_router *r = userdata;
        struct vrrp_wire_config own = { .version = r->p.version,
                                        .vrid = r->p.vrid,
                                        .interval_us = r->p.interval_us,
                                        .addresses = r->p.vips,
                                        .n_addresses = r->p.n_vips };
        struct vrrp_received got;
        enum vrrp_reject why = vrrp_wire_decode(packet, &own, &got);
        const char *complaint = why == VRRP_ACCEPT ? bad_source(r, &got) : NULL;
        struct vrrp_peer *peer;

        if (why != VRRP_ACCEPT) {
                count_reject(&r->counters, why);
                vrrp_router_notice(r, VRRP_NOTICE_REJECTED + why, &got.src,
                                   "advertisement from %s dropped: %s", vrrp_ip_text(&got.src).v,
                                   vrrp_reject_text(why));
        } else if (complaint) {
                r->counters.bad_source++;
                vrrp_router_notice(r, VRRP_NOTICE_SOURCE, &got.src, "advertisement from %s dropped: %s",
                                   vrrp_ip_text(&got.src).v, complaint);
        } else {
                compare(r, &got);
                peer = vrrp_router_peer(r, &got.src, 0);
                peer->message_sum = got.sum == VRRP_SUM_MESSAGE;
                vrrp_router_advert(r, &got.pdu, &got.src, peer, vrrp_now_us());
        }
}

int vrrp_router_wire_open(struct vrrp_router *r) {
        uint8_t family = r->p.vips[0].family;
        bool multicast = r->p.n_peers == 0;
        struct vrrp_port_params out = {
                .interface = r->carrier->name,
                .ifindex = r->carrier->now.ifindex,
                .family = family,
                .multicast = multicast,
                .send_only = true,
        };
        struct vrrp_port *port;
        int k;

        if ((k = vrrp_link_port(r->link, family, multicast, &port)) < 0 ||
            (k = vrrp_port_subscribe(port, r->p.vrid, on_packet, r)) < 0)
                return k;
        r->port = r->out = port;
        if (r->carrier == r->link)
                return 0;
        r->out = NULL;
        return vrrp_port_new(r->host->loop, &out, NULL, NULL, &r->out);
}

void vrrp_router_wire_close(struct vrrp_router *r) {
        if (r->out != r->port)
                vrrp_port_free(r->out);
        if (r->port)
                vrrp_port_unsubscribe(r->port, r->p.vrid);
        r->port = r->out = NULL;
}
