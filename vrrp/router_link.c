#include "vrrp/router_priv.h"

#include <errno.h>

enum { DRAIN_WAKE = 64 };

static int add_io(struct vrrp_router *r, sd_event_source **ret, int fd, sd_event_io_handler_t fn,
                  int priority) {
        int k;

        if ((k = sd_event_add_io(r->loop, ret, fd, EPOLLIN, fn, r)) < 0)
                return k;
        return sd_event_source_set_priority(*ret, priority);
}

void vrrp_router_close(struct vrrp_router *r) {
        r->raw_io = sd_event_source_disable_unref(r->raw_io);
        r->arp_io = sd_event_source_disable_unref(r->arp_io);
        closep(&r->raw);
        closep(&r->arp);
        r->raw = r->arp = -1;
}

int vrrp_router_open(struct vrrp_router *r) {
        int k;

        if ((k = vrrp_socket_open(r->name, r->link.ifindex, r->p.n_peers == 0, &r->raw)) < 0 ||
            (k = vrrp_arp_open(r->link.ifindex, r->p.vip, &r->arp)) < 0 ||
            (k = add_io(r, &r->raw_io, r->raw, vrrp_router_on_raw, SD_EVENT_PRIORITY_IMPORTANT)) < 0 ||
            (k = add_io(r, &r->arp_io, r->arp, vrrp_router_on_arp, SD_EVENT_PRIORITY_IMPORTANT + 1)) < 0)
                vrrp_router_close(r);
        return k;
}

int vrrp_router_on_raw(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        (void)s;
        (void)fd;
        (void)revents;
        vrrp_router_catch_up(userdata);
        vrrp_router_drain(userdata, DRAIN_WAKE);
        return 0;
}

static const char *why_unusable(const struct vrrp_router *r, const struct vrrp_interface *now) {
        if (now->ifindex == 0)
                return "the interface is gone";
        if (!now->running)
                return "link down";
        if (now->self.s_addr == INADDR_ANY)
                return "the interface has no primary address";
        if (r->usable && now->ifindex != r->link.ifindex)
                return "the interface was replaced";
        if (r->usable && now->self.s_addr != r->link.self.s_addr)
                return "the primary address changed";
        return NULL;
}

/* Resign while the old interface is still what r->link says: priority 0 may just get out. */
static void leave(struct vrrp_router *r, const char *reason) {
        r->usable = false;
        vrrp_router_feed(r, (struct vrrp_event){ .type = VRRP_EV_STOP, .now_us = vrrp_now_us() }, reason);
}

static void adopt(struct vrrp_router *r, const struct vrrp_interface *now) {
        bool other = now->ifindex != r->link.ifindex, mac = memcmp(now->mac, r->link.mac, 6) != 0;
        bool link_changed = now->running != r->link.running;
        int k;

        r->link = *now;
        if (other)
                vrrp_router_close(r);
        if (r->raw < 0 && r->link.ifindex > 0 && (k = vrrp_router_open(r)) < 0)
                vrrp_router_notice(r, VRRP_NOTICE_SOCKET, r->p.vip, "cannot open sockets on %s: %s", r->name,
                                   strerror(-k));
        if (mac && !other)
                vrrp_router_announce_again(r);
        if (link_changed && r->ops.link_changed)
                r->ops.link_changed(r->userdata, r->link.running);
}

static void enter(struct vrrp_router *r) {
        r->usable = true;
        memcpy(r->fsm.self, &r->link.self, sizeof r->link.self); /* the tie-break's address */
        if (r->started && r->fsm.state == VRRP_INIT)
                vrrp_router_feed(r, (struct vrrp_event){ .type = VRRP_EV_START, .now_us = vrrp_now_us() },
                                 NULL);
}

void vrrp_router_look(struct vrrp_router *r) {
        struct vrrp_interface now;
        int k = vrrp_netlink_scan(r->name, r->p.vip, r->p.self, &now);

        r->look_again = false;
        if (k < 0) {
                vrrp_router_notice(r, VRRP_NOTICE_NETLINK, r->p.vip, "cannot look at %s: %s", r->name,
                                   strerror(-k));
                return;
        }
        if (r->usable && why_unusable(r, &now)) {
                leave(r, why_unusable(r, &now));
                now.vip_prefixes &= ~(UINT64_C(1) << 32); /* just removed */
        }
        adopt(r, &now);
        if (!r->usable && r->raw >= 0 && !why_unusable(r, &now))
                enter(r);
        if (r->link.ifindex > 0)
                vrrp_router_repair(r);
}

/* What we caused ourselves is known; of the rest only what concerns our interface counts. */
static void on_event(const struct vrrp_nl *m, void *userdata) {
        struct vrrp_router *r = userdata;

        if (m->portid == mnl_socket_get_portid(r->requests))
                return;
        if (m->kind == VRRP_NL_LINK)
                r->look_again |= m->ifindex == r->link.ifindex || !strcmp(m->name, r->name);
        else if (m->kind == VRRP_NL_ADDRESS)
                r->look_again |= m->ifindex == r->link.ifindex;
}

int vrrp_router_on_events(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        struct vrrp_router *r = userdata;
        int k;

        (void)s;
        (void)fd;
        (void)revents;
        vrrp_router_catch_up(r);
        k = vrrp_netlink_read(r->events, on_event, r);
        if (k < 0 || r->look_again) /* -ENOBUFS: something was lost, whatever it was the look finds it */
                vrrp_router_look(r);
        return 0;
}
