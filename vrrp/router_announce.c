#include "vrrp/router_priv.h"

#include <errno.h>

static int send_one(struct vrrp_router *r, const struct vrrp_ip *vip) {
        struct vrrp_neighbour n = { .address = *vip };

        memcpy(n.mac, r->carrier->now.mac, sizeof n.mac);
        return vrrp_neighbour_announce(r->carrier->neighbours[vrrp_family(vip)].fd, &n, r->link->forwards);
}

static void send_all(struct vrrp_router *r) {
        int k;

        vrrp_announce_sent(&r->announce, vrrp_now_us());
        memcpy(r->mac, r->carrier->now.mac, sizeof r->mac);
        for (size_t i = 0; i < r->p.n_vips && vrrp_now_us() < r->until_us; i++) /* lease rule 15 */
                if ((k = send_one(r, &r->p.vips[i])) == 0)
                        r->counters.garp_sent++;
                else
                        vrrp_router_notice(r, VRRP_NOTICE_SEND, &r->p.vips[i], "cannot announce %s on %s: %s",
                                           vrrp_ip_text(&r->p.vips[i]).v, r->carrier->name, strerror(-k));
}

void vrrp_router_announce(struct vrrp_router *r) {
        if (!r->owns)
                return;
        vrrp_announce_start(&r->announce, vrrp_now_us());
        send_all(r);
}

void vrrp_router_announce_again(struct vrrp_router *r) {
        uint64_t now = vrrp_now_us();

        if (!r->owns)
                return;
        vrrp_announce_again(&r->announce, r->p.n_vips, now);
        if (r->announce.due_us <= now)
                send_all(r);
}

void vrrp_router_announce_due(struct vrrp_router *r) {
        if (r->announce.on)
                send_all(r);
}

void vrrp_router_silence(struct vrrp_router *r) {
        vrrp_announce_stop(&r->announce);
}

static bool is_vip(const struct vrrp_router *r, const struct vrrp_ip *a) {
        for (size_t i = 0; i < r->p.n_vips; i++)
                if (vrrp_ip_equal(&r->p.vips[i], a))
                        return true;
        return false;
}

void vrrp_router_neighbour(struct vrrp_router *r, const struct vrrp_neighbour *heard) {
        if (!is_vip(r, &heard->address))
                return;
        vrrp_router_drain(r); /* a new active advertises before it announces */
        if (!r->owns || memcmp(heard->mac, r->carrier->now.mac, sizeof heard->mac) == 0)
                return;
        r->counters.conflicts++;
        vrrp_router_notice(r, VRRP_NOTICE_CONFLICT, &heard->address,
                           "%02x:%02x:%02x:%02x:%02x:%02x claims the virtual address %s on %s", heard->mac[0],
                           heard->mac[1], heard->mac[2], heard->mac[3], heard->mac[4], heard->mac[5],
                           vrrp_ip_text(&heard->address).v, r->carrier->name);
        vrrp_router_announce_again(r);
        vrrp_router_schedule(r);
}
