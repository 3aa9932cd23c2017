#include "vrrp/router_priv.h"

#include <arpa/inet.h>
#include <errno.h>

struct text {
        char v[INET_ADDRSTRLEN];
};

static struct text text_of(struct in_addr a) {
        struct text t;

        inet_ntop(AF_INET, &a, t.v, sizeof t.v);
        return t;
}

static void send_to(struct vrrp_router *r, const struct vrrp_pdu *pdu, struct in_addr dst) {
        uint8_t msg[VRRP_PDU_MAX];
        struct vrrp_ip from = vrrp_ip_v4(r->link.self), to = vrrp_ip_v4(dst);
        size_t n = vrrp_wire_encode(pdu, &from, &to, VRRP_SUM_PSEUDO_HEADER, msg, sizeof msg);
        int k = vrrp_socket_send(r->raw, r->link.ifindex, r->link.self, dst, msg, n);

        if (k == 0)
                r->counters.sent++;
        else if (r->usable)
                vrrp_router_notice(r, VRRP_NOTICE_SEND, dst, "cannot send to %s on %s: %s", text_of(dst).v,
                                   r->name, strerror(-k));
}

void vrrp_router_advertise(struct vrrp_router *r, uint8_t priority) {
        struct vrrp_pdu pdu = {
                .version = 3,
                .family = AF_INET,
                .vrid = r->p.vrid,
                .priority = priority,
                .interval_us = r->p.interval_us,
                .n_addresses = 1,
                .addresses = { vrrp_ip_v4(r->p.vip) },
        };
        struct vrrp_ip all = vrrp_group(AF_INET);
        struct in_addr group = vrrp_ip_in(&all);

        if (r->raw < 0)
                return;
        if (r->p.n_peers == 0)
                send_to(r, &pdu, group);
        for (size_t i = 0; i < r->p.n_peers; i++)
                if (r->p.peers[i].s_addr != r->link.self.s_addr)
                        send_to(r, &pdu, r->p.peers[i]);
}

static void count_reject(struct vrrp_counters *c, enum vrrp_reject why) {
        uint64_t *const counters[VRRP_N_REJECTS] = {
                [VRRP_REJECT_LENGTH] = &c->bad_length, [VRRP_REJECT_HOPS] = &c->bad_ttl,
                [VRRP_REJECT_VRID] = &c->bad_vrid,     [VRRP_REJECT_VERSION] = &c->bad_version,
                [VRRP_REJECT_TYPE] = &c->bad_type,     [VRRP_REJECT_CHECKSUM] = &c->bad_checksum,
                [VRRP_REJECT_COUNT] = &c->bad_count,   [VRRP_REJECT_INTERVAL] = &c->bad_interval,
        };

        ++*counters[why];
}

static bool is_member(const struct vrrp_router *r, struct in_addr a) {
        for (size_t i = 0; i < r->p.n_peers; i++)
                if (r->p.peers[i].s_addr == a.s_addr)
                        return true;
        return false;
}

/* NULL, or what is wrong with where it came from and went to. */
static const char *bad_source(const struct vrrp_router *r, const struct vrrp_received *got) {
        struct in_addr src = vrrp_ip_in(&got->src), dst = vrrp_ip_in(&got->dst);
        struct vrrp_ip group = vrrp_group(AF_INET);

        if (src.s_addr == r->link.self.s_addr)
                return "another host uses our address";
        if (r->p.n_peers == 0)
                return vrrp_ip_equal(&got->dst, &group) ? NULL : "sent to us alone, not to 224.0.0.18";
        if (dst.s_addr != r->link.self.s_addr)
                return "not sent to us alone";
        return is_member(r, src) ? NULL : "the sender is no listed member";
}

/* Differences that are only told of: the address list, and an interval that is adopted. */
static void compare(struct vrrp_router *r, const struct vrrp_received *got) {
        struct in_addr src = vrrp_ip_in(&got->src);
        struct vrrp_ip vip = vrrp_ip_v4(r->p.vip);

        if (!vrrp_wire_same_addresses(&got->pdu, &vip, 1)) {
                r->counters.other_addresses++;
                vrrp_router_notice(r, VRRP_NOTICE_OTHER_ADDRESSES, src,
                                   "%s advertises other addresses for VRID %u (%u, the first %s)",
                                   text_of(src).v, r->p.vrid, got->pdu.n_addresses,
                                   vrrp_ip_text(&got->pdu.addresses[0]).v);
        }
        if (got->pdu.interval_us != r->p.interval_us)
                vrrp_router_notice(r, VRRP_NOTICE_INTERVAL, src,
                                   "%s advertises every %u ms, we are set to %u ms", text_of(src).v,
                                   got->pdu.interval_us / 1000, r->p.interval_us / 1000);
}

static void remember(struct vrrp_router *r, const struct vrrp_received *got, uint64_t now_us) {
        struct vrrp_peer *oldest = &r->peers[0], *peer = NULL;
        struct vrrp_ip src = got->src;

        for (size_t i = 0; i < r->n_peers && !peer; i++) {
                if (vrrp_ip_equal(&r->peers[i].address, &src))
                        peer = &r->peers[i];
                if (r->peers[i].last_us < oldest->last_us)
                        oldest = &r->peers[i];
        }
        if (!peer)
                peer = r->n_peers < VRRP_MAX_MEMBERS ? &r->peers[r->n_peers++] : oldest;
        *peer = (struct vrrp_peer){ .address = src,
                                    .priority = got->pdu.priority,
                                    .class = vrrp_class_of_priority(r->p.priority, got->pdu.priority),
                                    .message_sum = got->sum == VRRP_SUM_MESSAGE,
                                    .last_us = now_us };
}

static void accept_advert(struct vrrp_router *r, const struct vrrp_received *got) {
        struct vrrp_event ev = {
                .type = VRRP_EV_ADVERT,
                .now_us = vrrp_now_us(),
                .prio = got->pdu.priority,
                .interval_us = got->pdu.interval_us,
        };

        memcpy(ev.src, got->src.b, sizeof ev.src);
        r->counters.received++;
        compare(r, got);
        remember(r, got, ev.now_us);
        vrrp_router_feed(r, ev, NULL);
        if (r->fsm.state != VRRP_BACKUP)
                return;
        if (ev.prio > 0)
                r->active = vrrp_ip_in(&got->src);
        else if (r->active.s_addr == vrrp_ip_in(&got->src).s_addr)
                r->active.s_addr = INADDR_ANY;
}

static void receive(struct vrrp_router *r, const uint8_t *packet, size_t size) {
        const struct vrrp_wire_config own = { .version = 3, .vrid = r->p.vrid };
        struct vrrp_received got;
        struct vrrp_packet heard;
        enum vrrp_reject why = vrrp_wire_ipv4(packet, size, &heard);
        struct in_addr src = vrrp_ip_in(&heard.src);
        const char *complaint;

        if (why == VRRP_ACCEPT)
                why = vrrp_wire_decode(&heard, &own, &got);
        if (why != VRRP_ACCEPT) {
                count_reject(&r->counters, why);
                if (why != VRRP_REJECT_VRID)
                        vrrp_router_notice(r, VRRP_NOTICE_REJECTED + why, src,
                                           "advertisement from %s dropped: %s", text_of(src).v,
                                           vrrp_reject_text(why));
        } else if ((complaint = bad_source(r, &got))) {
                r->counters.bad_source++;
                vrrp_router_notice(r, VRRP_NOTICE_SOURCE, src, "advertisement from %s dropped: %s",
                                   text_of(src).v, complaint);
        } else {
                accept_advert(r, &got);
        }
}

void vrrp_router_drain(struct vrrp_router *r, unsigned bound) {
        uint8_t packet[VRRP_PACKET_MAX];
        int n;

        /* r->raw may change meanwhile: what is heard can close nothing, but callbacks may look. */
        while (bound-- > 0 && r->raw >= 0 && (n = vrrp_socket_receive(r->raw, packet, sizeof packet)) != 0)
                if (n > 0)
                        receive(r, packet, (size_t)n);
}
