#include "vrrp/router_priv.h"

#include <errno.h>

/* One announcement as soon as the kernel has the address, repeats soon after for neighbours that lost it or
 * learned the old owner last, then a slow refresh for switches that forget. */
static const uint64_t gaps_us[] = { 5000, 50000, 200000, 1000000 };
enum { REFRESH_US = 30000000 };
/* From one burst to the next at least, so that a stranger cannot make us flood; short beside an interval, so
 * that neighbours who believed it have us back soon. */
enum { AGAIN_US = 20000, AGAIN_PER_ADDRESS_US = 2000 };

static int send_one(struct vrrp_router *r, const struct vrrp_ip *vip) {
        struct vrrp_neighbour n = { .address = *vip };

        memcpy(n.mac, r->carrier->now.mac, sizeof n.mac);
        return vrrp_neighbour_announce(r->carrier->neighbours[vrrp_family(vip)].fd, &n, r->link->forwards);
}

static void send_all(struct vrrp_router *r) {
        uint64_t gap = r->announced < ARRAY_SIZE(gaps_us) ? gaps_us[r->announced++] : REFRESH_US;
        uint64_t now = vrrp_now_us();
        int k;

        if (r->announced == 1)
                r->burst_us = now;
        r->announce_us = now + gap;
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
        r->announcing = true;
        r->announced = 0;
        send_all(r);
}

void vrrp_router_announce_again(struct vrrp_router *r) {
        uint64_t least = AGAIN_PER_ADDRESS_US * (uint64_t)r->p.n_vips;
        uint64_t again = r->burst_us + (least > AGAIN_US ? least : AGAIN_US);

        if (!r->announcing)
                return;
        if (vrrp_now_us() >= again) {
                vrrp_router_announce(r);
        } else if (r->announce_us > again) { /* else what comes before then serves as well */
                r->announced = 0;
                r->announce_us = again;
        }
}

void vrrp_router_announce_due(struct vrrp_router *r) {
        r->announce_us = VRRP_NEVER;
        if (r->announcing)
                send_all(r);
}

void vrrp_router_silence(struct vrrp_router *r) {
        r->announcing = false;
        r->announce_us = VRRP_NEVER;
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
