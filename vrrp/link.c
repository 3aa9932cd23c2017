#include "vrrp/router_priv.h"

#include <errno.h>

enum { NEIGHBOUR_BOUND = 64 };

static const uint8_t families[VRRP_FAMILIES] = { AF_INET, AF_INET6 };

static void close_sockets(struct vrrp_link *l) {
        for (unsigned i = 0; i < VRRP_FAMILIES; i++) {
                l->neighbours[i].io = sd_event_source_disable_unref(l->neighbours[i].io);
                closep(&l->neighbours[i].fd);
                l->neighbours[i].fd = -1;
                for (unsigned k = 0; k < 2; k++) {
                        vrrp_port_free(l->ports[i][k]);
                        l->ports[i][k] = NULL;
                }
        }
}

DEFINE_CLEANUP(struct vrrp_link *, vrrp_link_put)

int vrrp_link_get(struct vrrp_host *h, const char *name, struct vrrp_link **ret) {
        CLEANUP(vrrp_link_putp) struct vrrp_link *l = h->links;
        int r;

        while (l && (l->refs == 0 || strcmp(l->name, name) != 0))
                l = l->next;
        if (l) {
                l->refs++;
                *ret = TAKE_PTR(l);
                return 0;
        }
        if (!(l = calloc(1, sizeof *l)))
                return -ENOMEM;
        l->refs = 1;
        l->host = h;
        l->next = h->links;
        h->links = l;
        l->neighbours[VRRP_IPV4].fd = l->neighbours[VRRP_IPV6].fd = -1;
        memcpy(l->name, name, strnlen(name, sizeof l->name - 1));
        if ((r = vrrp_netlink_scan(&h->netlink, l->name, &l->now)) < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

/* Not while somebody walks along the links: the next of one may be gone, then. */
static void sweep(struct vrrp_host *h) {
        struct vrrp_link **at = &h->links;

        while (h->walking == 0 && *at) {
                struct vrrp_link *l = *at;

                if (l->refs > 0) {
                        at = &l->next;
                        continue;
                }
                *at = l->next;
                vrrp_interface_done(&l->now);
                vrrp_interface_done(&l->then);
                free(l);
        }
}

void vrrp_link_put(struct vrrp_link *l) {
        if (!l || --l->refs > 0)
                return;
        close_sockets(l);
        sweep(l->host);
}

int vrrp_link_port(struct vrrp_link *l, uint8_t family, bool multicast, struct vrrp_port **ret) {
        struct vrrp_port **port = &l->ports[family == AF_INET6][multicast];
        struct vrrp_port_params p = {
                .interface = l->name,
                .ifindex = l->now.ifindex,
                .family = family,
                .multicast = multicast,
        };
        int r = *port ? 0 : vrrp_port_new(l->host->loop, &p, vrrp_host_on_io, l->host, port);

        *ret = *port;
        return r;
}

static int on_neighbour(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        struct vrrp_link *l = userdata;
        unsigned family = fd == l->neighbours[VRRP_IPV6].fd ? VRRP_IPV6 : VRRP_IPV4;
        struct vrrp_neighbour heard;

        (void)s;
        (void)revents;
        vrrp_host_wake(l->host);
        for (int i = 0; i < NEIGHBOUR_BOUND && l->neighbours[family].fd == fd &&
                        vrrp_neighbour_receive(fd, families[family], &heard) > 0;
             i++)
                for (struct vrrp_router *r = l->host->routers; r; r = r->next)
                        if (r->carrier == l)
                                vrrp_router_neighbour(r, &heard);
        return 0;
}

static int open_neighbours(struct vrrp_link *l, unsigned family) {
        int fd, r;

        if (l->neighbours[family].fd >= 0 || l->now.ifindex == 0)
                return 0;
        if ((r = vrrp_neighbour_open(l->now.ifindex, families[family], &fd)) < 0)
                return r;
        l->neighbours[family].fd = fd;
        if ((r = sd_event_add_io(l->host->loop, &l->neighbours[family].io, fd, EPOLLIN, on_neighbour, l)) < 0)
                return r;
        return sd_event_source_set_priority(l->neighbours[family].io, VRRP_AT_NEIGHBOUR);
}

static size_t count_vips(const struct vrrp_link *l) {
        size_t n = 0;

        for (const struct vrrp_router *r = l->host->routers; r; r = r->next)
                n += r->carrier == l ? r->p.n_vips : 0;
        return n;
}

/* What the routers of the link watch for now, for both families. */
static void set_filters(struct vrrp_link *l) {
        size_t n = count_vips(l), k = 0;
        CLEANUP(freep) struct vrrp_ip *all = calloc(n + 1, sizeof *all);

        l->filters_due = !all; /* no memory: the next look tries again */
        if (!all)
                return;
        for (const struct vrrp_router *o = l->host->routers; o; o = o->next)
                for (size_t i = 0; o->carrier == l && i < o->p.n_vips; i++)
                        all[k++] = o->p.vips[i];
        for (unsigned f = 0; f < VRRP_FAMILIES; f++)
                if (l->neighbours[f].fd >= 0)
                        vrrp_neighbour_watch(l->neighbours[f].fd, families[f], all, n);
}

int vrrp_link_on_later(sd_event_source *s, void *userdata) {
        struct vrrp_host *h = userdata;

        (void)s;
        vrrp_host_wake(h);
        for (struct vrrp_link *l = h->links; l; l = l->next)
                if (l->filters_due)
                        set_filters(l);
        return 0;
}

int vrrp_link_watch(struct vrrp_link *l, const struct vrrp_ip *vips, size_t n) {
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++)
                r = open_neighbours(l, vrrp_family(&vips[i]));
        if (r >= 0)
                l->forwards = vrrp_neighbour_forwards(l->name);
        l->filters_due = true;
        sd_event_source_set_enabled(l->host->later, SD_EVENT_ONESHOT);
        return r;
}

int vrrp_link_add(struct vrrp_link *l, const struct vrrp_ip *a, uint32_t valid_s) {
        struct vrrp_nl_address request = { l->now.ifindex, *a, vrrp_ip_bits(a), valid_s };
        int r = vrrp_netlink_add(&l->host->netlink, &request);

        if (r == 0)
                vrrp_interface_put(&l->now, a, request.prefix);
        return r;
}

int vrrp_link_delete(struct vrrp_link *l, const struct vrrp_ip *a, uint8_t prefix) {
        struct vrrp_nl_address request = { l->now.ifindex, *a, prefix, 0 };
        int r = l->now.ifindex ? vrrp_netlink_delete(&l->host->netlink, &request) : 0;

        if (r == -EADDRNOTAVAIL || r == -ENODEV) /* gone, as wanted */
                r = 0;
        if (r == 0)
                vrrp_interface_drop(&l->now, a, prefix);
        return r;
}

/* Those that must leave do so while the old interface is still what l->now says: a resignation may just get
 * out. True: some did. */
static bool leave_all(struct vrrp_link *l) {
        bool left = false;

        for (struct vrrp_router *r = l->host->routers; r; r = r->next)
                if (r->link == l)
                        left |= vrrp_router_leave_if_unusable(r, &l->then);
        return left;
}

/* The sockets go with the interface; routers open new ones as soon as they can use the next. */
static void close_all(struct vrrp_link *l) {
        for (struct vrrp_router *r = l->host->routers; r; r = r->next)
                if (r->link == l && r->open)
                        vrrp_router_close(r);
        close_sockets(l);
}

static void adopt(struct vrrp_link *l) {
        bool other = l->then.ifindex != l->now.ifindex, came = l->then.running && !l->now.running;
        struct vrrp_interface before;

        if (other)
                close_all(l);
        before = l->now;
        l->now = l->then;
        l->then = before; /* its memory serves the next look */
        for (unsigned i = 0; i < VRRP_FAMILIES && came && !other; i++)
                if (l->ports[i][1])
                        vrrp_port_join(l->ports[i][1]);
}

static void look(struct vrrp_link *l) {
        struct vrrp_host *h = l->host;
        int r = vrrp_netlink_scan(&h->netlink, l->name, &l->then);

        l->look_again = false;
        if (r >= 0 && leave_all(l)) /* what they removed is no longer there */
                r = vrrp_netlink_scan(&h->netlink, l->name, &l->then);
        if (r >= 0)
                adopt(l);
        for (struct vrrp_router *o = h->routers; o; o = o->next)
                if (o->link == l || o->carrier == l)
                        vrrp_router_looked(o, l, r);
}

void vrrp_link_look(struct vrrp_link *l) {
        l->host->walking++;
        if (l->refs > 0)
                look(l);
        l->host->walking--;
        sweep(l->host);
}

void vrrp_link_look_all(struct vrrp_host *h, bool all) {
        h->walking++;
        for (struct vrrp_link *l = h->links; l; l = l->next)
                if (l->refs > 0 && (all || l->look_again))
                        look(l);
        h->walking--;
        sweep(h);
}

/* An event that tells nothing new, as the refresh of a lifetime, causes no look. */
static bool is_news(const struct vrrp_link *l, const struct vrrp_nl *m) {
        const struct vrrp_interface *now = &l->now;
        const struct vrrp_found *f;

        if (m->kind == VRRP_NL_LINK)
                return m->ifindex == now->ifindex ? m->removed || m->running != now->running ||
                                                            memcmp(m->mac, now->mac, sizeof m->mac) != 0 ||
                                                            strcmp(m->name, l->name) != 0
                                                  : !m->removed && strcmp(m->name, l->name) == 0;
        if (m->kind != VRRP_NL_ADDRESS || m->ifindex != now->ifindex)
                return false;
        f = vrrp_interface_find(now, &m->address, m->prefix);
        if (m->removed)
                return f != NULL;
        return !f || f->unusable != m->unusable || f->secondary != m->secondary;
}

static void on_event(const struct vrrp_nl *m, void *userdata) {
        struct vrrp_host *h = userdata;

        for (struct vrrp_link *l = h->links; l; l = l->next)
                l->look_again |= is_news(l, m);
}

int vrrp_link_on_events(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        struct vrrp_host *h = userdata;
        int r;

        (void)s;
        (void)fd;
        (void)revents;
        vrrp_host_wake(h);
        r = vrrp_netlink_read(h->events, on_event, h);
        vrrp_link_look_all(h, r < 0); /* -ENOBUFS: something was lost, whatever it was the look finds it */
        return 0;
}
