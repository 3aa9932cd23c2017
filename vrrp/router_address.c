#include "vrrp/router_priv.h"

#include <errno.h>

/* One announcement as soon as the kernel has the address, repeats soon after for neighbours that lost it or
 * learned the old owner last, then a slow refresh for switches that forget. */
static const uint64_t announce_gaps_us[] = { 5000, 50000, 200000, 1000000 };
enum { ANNOUNCE_REFRESH_US = 30000000, ARP_BOUND = 64 };

static struct vrrp_nl_address address_of(const struct vrrp_router *r, uint8_t prefix) {
        return (struct vrrp_nl_address){ r->link.ifindex, r->p.vip, prefix, r->p.valid_lft_s };
}

static void announce_once(struct vrrp_router *r) {
        uint64_t gap = r->announced < ARRAY_SIZE(announce_gaps_us) ? announce_gaps_us[r->announced++]
                                                                   : ANNOUNCE_REFRESH_US;
        int k = r->arp < 0 ? -ENODEV : vrrp_arp_announce(r->arp, r->link.mac, r->p.vip);

        if (k == 0)
                r->counters.garp_sent++;
        else
                vrrp_router_notice(r, VRRP_NOTICE_SEND, r->p.vip, "cannot send gratuitous ARP on %s: %s",
                                   r->name, strerror(-k));
        vrrp_clock_arm(r->announce, vrrp_now_us() + gap);
}

/* While a burst is on its way a further cause adds nothing: so a stranger cannot make us flood. */
void vrrp_router_announce_again(struct vrrp_router *r) {
        if (!r->announcing || r->announced < ARRAY_SIZE(announce_gaps_us))
                return;
        r->announced = 0;
        announce_once(r);
}

int vrrp_router_on_announce(sd_event_source *s, uint64_t usec, void *userdata) {
        struct vrrp_router *r = userdata;

        (void)s;
        (void)usec;
        vrrp_router_catch_up(r);
        if (r->announcing && r->address_present)
                announce_once(r);
        return 0;
}

static void request_add(struct vrrp_router *r) {
        struct vrrp_nl_address a = address_of(r, 32);
        int k;

        r->add_seq = ++r->seq;
        k = vrrp_netlink_add(r->requests, r->add_seq, &a);
        if (k < 0)
                r->add_error = k;
        vrrp_router_settle(r); /* the kernel has answered already: no turn of the loop between */
        vrrp_clock_arm(r->refresh, vrrp_now_us() + r->p.valid_lft_s * UINT64_C(500000));
}

static void request_delete(struct vrrp_router *r, uint8_t prefix) {
        struct vrrp_nl_address a = address_of(r, prefix);
        int k;

        r->seq++;
        if (prefix == 32)
                r->delete_seq = r->seq;
        k = vrrp_netlink_delete(r->requests, r->seq, &a);
        if (k < 0)
                vrrp_router_notice(r, VRRP_NOTICE_ADDRESS, r->p.vip, "cannot remove the address from %s: %s",
                                   r->name, strerror(-k));
        vrrp_router_settle(r);
}

void vrrp_router_claim(struct vrrp_router *r) {
        r->counters.claims++;
        r->announcing = false;
        r->add_error = 0;
        request_add(r);
}

void vrrp_router_release(struct vrrp_router *r) {
        r->counters.releases++;
        r->announcing = false;
        r->add_error = 0;
        vrrp_clock_arm(r->announce, VRRP_NEVER);
        vrrp_clock_arm(r->refresh, VRRP_NEVER);
        request_delete(r, 32);
}

static void added(struct vrrp_router *r) {
        r->address_present = true;
        if (r->announcing || r->fsm.state != VRRP_ACTIVE)
                return;
        r->announcing = true;
        r->announced = 0;
        announce_once(r);
}

static void on_answer(const struct vrrp_nl *m, void *userdata) {
        struct vrrp_router *r = userdata;

        if (m->kind != VRRP_NL_ACK)
                return;
        if (m->seq == r->add_seq) {
                if (m->error == 0)
                        added(r);
                else if (r->fsm.state == VRRP_ACTIVE)
                        r->add_error = m->error;
        } else if (m->error == 0 || m->error == -EADDRNOTAVAIL || m->error == -ENODEV) {
                if (m->seq == r->delete_seq)
                        r->address_present = false;
        } else if (r->fsm.state != VRRP_ACTIVE) {
                vrrp_router_notice(r, VRRP_NOTICE_ADDRESS, r->p.vip, "cannot remove the address from %s: %s",
                                   r->name, strerror(-m->error));
        }
}

void vrrp_router_settle(struct vrrp_router *r) {
        int k = vrrp_netlink_read(r->requests, on_answer, r);

        if (k < 0)
                vrrp_router_notice(r, VRRP_NOTICE_NETLINK, r->p.vip, "cannot read from netlink: %s",
                                   strerror(-k));
}

/* A refused address is acted on outside of any step: an event that changes nothing leads there. */
static void act_on_error(struct vrrp_router *r) {
        struct vrrp_event nothing = { VRRP_EV_PRIORITY, vrrp_now_us(), r->fsm.prio, 0, { 0 } };

        if (r->add_error < 0)
                vrrp_router_feed(r, nothing, NULL);
}

int vrrp_router_on_requests(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        struct vrrp_router *r = userdata;

        (void)s;
        (void)fd;
        (void)revents;
        vrrp_router_settle(r);
        act_on_error(r);
        return 0;
}

static void stand_again(struct vrrp_router *r) {
        struct vrrp_event ev = { .type = VRRP_EV_PRIORITY, .now_us = vrrp_now_us() };

        r->refused = false;
        ev.prio = vrrp_router_priority(r);
        vrrp_router_feed(r, ev, NULL);
}

int vrrp_router_on_refresh(sd_event_source *s, uint64_t usec, void *userdata) {
        struct vrrp_router *r = userdata;

        (void)s;
        (void)usec;
        vrrp_router_catch_up(r);
        if (r->refused)
                stand_again(r);
        if (r->fsm.state != VRRP_ACTIVE)
                return 0;
        r->counters.refreshes++;
        request_add(r);
        act_on_error(r);
        return 0;
}

void vrrp_router_repair(struct vrrp_router *r) {
        const uint64_t ours = UINT64_C(1) << 32;

        r->address_present = r->link.vip_prefixes & ours;
        for (uint8_t prefix = 0; prefix <= 32; prefix++) {
                if (!(r->link.vip_prefixes >> prefix & 1) || (prefix == 32 && r->fsm.state == VRRP_ACTIVE))
                        continue;
                vrrp_router_notice(r, VRRP_NOTICE_FOREIGN, r->p.vip,
                                   "removed the virtual address, put on %s by somebody else with /%u",
                                   r->name, prefix);
                request_delete(r, prefix);
        }
        if (r->fsm.state != VRRP_ACTIVE || r->link.vip_prefixes & ours)
                return;
        r->counters.address_repaired++;
        r->announcing = false;
        request_add(r);
        vrrp_router_notice(r, VRRP_NOTICE_REPAIRED, r->p.vip,
                           "the virtual address was gone from %s, put back", r->name);
        act_on_error(r);
}

int vrrp_router_on_arp(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        struct vrrp_router *r = userdata;
        struct vrrp_arp a;

        (void)s;
        (void)revents;
        vrrp_router_catch_up(r);
        vrrp_router_drain(r, ARP_BOUND); /* a new active advertises before it announces */
        for (int i = 0; i < ARP_BOUND && vrrp_arp_receive(fd, &a) > 0; i++) {
                if (r->fsm.state != VRRP_ACTIVE || memcmp(a.sender_mac, r->link.mac, 6) == 0)
                        continue;
                r->counters.conflicts++;
                vrrp_router_notice(r, VRRP_NOTICE_CONFLICT, r->p.vip,
                                   "%02x:%02x:%02x:%02x:%02x:%02x claims the virtual address on %s",
                                   a.sender_mac[0], a.sender_mac[1], a.sender_mac[2], a.sender_mac[3],
                                   a.sender_mac[4], a.sender_mac[5], r->name);
                vrrp_router_announce_again(r);
        }
        return 0;
}
