#include "vrrp/port.h"
#include "pki/util.h"
#include "vrrp/port_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
        BATCH = 16,      /* packets in one system call */
        WAKE_BOUND = 64, /* packets in one turn of the loop: a flood must not starve the timers */
        CONTROL = CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int)),
};

struct vrrp_port {
        int fd;
        uint8_t family;
        bool multicast, send_only, draining;
        unsigned ifindex;
        sd_event_source *io;
        void (*before_io)(void *userdata);
        void *userdata;
        struct {
                vrrp_port_fn *fn; /* NULL: none */
                void *userdata;
        } subscribers[256];
        struct vrrp_vrids vrids;
        struct vrrp_port_counters counters;
        struct mmsghdr headers[BATCH];
        struct slot {
                struct iovec iov;
                struct sockaddr_storage from;
                _Alignas(struct cmsghdr) uint8_t control[CONTROL];
                uint8_t data[VRRP_PACKET_MAX];
        } slots[BATCH]; /* only what is received touches its pages */
};

static int on_readable(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        struct vrrp_port *port = userdata;

        (void)s;
        (void)fd;
        (void)revents;
        if (port->before_io)
                port->before_io(port->userdata);
        vrrp_port_drain(port, WAKE_BOUND);
        return 0;
}

DEFINE_CLEANUP(struct vrrp_port *, vrrp_port_free)

int vrrp_port_new(sd_event *loop, const struct vrrp_port_params *p, void (*before_io)(void *userdata),
                  void *userdata, struct vrrp_port **ret) {
        CLEANUP(vrrp_port_freep) struct vrrp_port *port = calloc(1, sizeof *port);
        int r;

        if (!port)
                return -ENOMEM;
        port->fd = -1;
        port->family = p->family;
        port->multicast = p->multicast;
        port->send_only = p->send_only;
        port->ifindex = p->ifindex;
        port->before_io = before_io;
        port->userdata = userdata;
        if ((r = vrrp_port_socket(p, &port->fd)) < 0)
                return r;
        if (!p->send_only &&
            ((r = sd_event_add_io(loop, &port->io, port->fd, EPOLLIN, on_readable, port)) < 0 ||
             (r = sd_event_source_set_priority(port->io, SD_EVENT_PRIORITY_IMPORTANT)) < 0))
                return r;
        *ret = TAKE_PTR(port);
        return 0;
}

void vrrp_port_free(struct vrrp_port *port) {
        if (!port)
                return;
        sd_event_source_disable_unref(port->io);
        closep(&port->fd);
        free(port);
}

int vrrp_port_join(struct vrrp_port *port) {
        if (!port->multicast || port->send_only)
                return 0;
        return vrrp_port_rejoin(port->fd, port->family, port->ifindex);
}

int vrrp_port_subscribe(struct vrrp_port *port, uint8_t vrid, vrrp_port_fn *fn, void *userdata) {
        if (port->subscribers[vrid].fn)
                return -EEXIST;
        port->subscribers[vrid].fn = fn;
        port->subscribers[vrid].userdata = userdata;
        port->vrids.words[vrid / 32] |= UINT32_C(1) << vrid % 32;
        return vrrp_port_filter(port->fd, port->family, &port->vrids);
}

void vrrp_port_unsubscribe(struct vrrp_port *port, uint8_t vrid) {
        port->subscribers[vrid].fn = NULL;
        port->vrids.words[vrid / 32] &= ~(UINT32_C(1) << vrid % 32);
        /* A filter that stays too wide does no harm: what nobody subscribed to is dropped below. */
        vrrp_port_filter(port->fd, port->family, &port->vrids);
}

static void put_control(struct msghdr *m, int level, int type, const void *data, size_t size) {
        struct cmsghdr *c = CMSG_FIRSTHDR(m);

        c->cmsg_level = level;
        c->cmsg_type = type;
        c->cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(c), data, size);
        m->msg_controllen = CMSG_SPACE(size);
}

/* The source by control message, not by bind(): that would also keep multicast packets from being received.
 */
static void put_source(struct msghdr *m, const struct vrrp_ip *src, unsigned ifindex) {
        struct in_pktinfo ipv4 = { .ipi_ifindex = (int)ifindex };
        struct in6_pktinfo ipv6 = { .ipi6_ifindex = ifindex };

        if (src->family == AF_INET) {
                ipv4.ipi_spec_dst = vrrp_ip_in(src);
                put_control(m, IPPROTO_IP, IP_PKTINFO, &ipv4, sizeof ipv4);
        } else {
                ipv6.ipi6_addr = vrrp_ip_in6(src);
                put_control(m, IPPROTO_IPV6, IPV6_PKTINFO, &ipv6, sizeof ipv6);
        }
}

int vrrp_port_send(struct vrrp_port *port, const struct vrrp_ip *src, const struct vrrp_ip *dst,
                   const void *msg, size_t size) {
        _Alignas(struct cmsghdr) uint8_t control[CONTROL] = { 0 };
        struct iovec iov = { .iov_base = (void *)msg, .iov_len = size };
        struct sockaddr_storage to;
        struct msghdr m = { .msg_name = &to,
                            .msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof control };

        if (src->family != port->family || dst->family != port->family)
                return -EAFNOSUPPORT;
        m.msg_namelen = vrrp_ip_sockaddr(dst, 0, port->ifindex, &to);
        put_source(&m, src, port->ifindex);
        return sendmsg(port->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* An IPv6 raw socket gives the message alone, and what stood before it as control messages. */
static enum vrrp_reject ipv6_packet(const struct slot *s, struct msghdr *m, size_t size,
                                    struct vrrp_packet *ret) {
        struct in6_pktinfo info = { 0 };
        int hops = 0;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
                if (c->cmsg_level != IPPROTO_IPV6)
                        continue;
                if (c->cmsg_type == IPV6_PKTINFO && c->cmsg_len == CMSG_LEN(sizeof info))
                        memcpy(&info, CMSG_DATA(c), sizeof info);
                else if (c->cmsg_type == IPV6_HOPLIMIT && c->cmsg_len == CMSG_LEN(sizeof hops))
                        memcpy(&hops, CMSG_DATA(c), sizeof hops);
        }
        *ret = (struct vrrp_packet){
                .src = vrrp_ip_of_sockaddr(&s->from),
                .dst = vrrp_ip_v6(&info.ipi6_addr),
                .hops = (uint8_t)hops,
                .msg = s->data,
                .size = size,
        };
        return ret->src.family == AF_INET6 ? VRRP_ACCEPT : VRRP_REJECT_LENGTH;
}

static void hand_on(struct vrrp_port *port, struct slot *s, struct mmsghdr *h) {
        enum vrrp_reject why = VRRP_REJECT_LENGTH;
        struct vrrp_packet p;
        uint8_t vrid;

        if (!(h->msg_hdr.msg_flags & MSG_TRUNC))
                why = port->family == AF_INET ? vrrp_wire_ipv4(s->data, h->msg_len, &p)
                                              : ipv6_packet(s, &h->msg_hdr, h->msg_len, &p);
        if (why != VRRP_ACCEPT) {
                port->counters.not_whole++;
                return;
        }
        port->counters.received++;
        vrid = vrrp_wire_vrid(&p);
        if (port->subscribers[vrid].fn)
                port->subscribers[vrid].fn(&p, port->subscribers[vrid].userdata);
}

static int receive(struct vrrp_port *port, unsigned n) {
        for (unsigned i = 0; i < n; i++) {
                struct slot *s = &port->slots[i];

                s->iov = (struct iovec){ s->data, sizeof s->data };
                port->headers[i].msg_hdr = (struct msghdr){
                        .msg_name = &s->from,
                        .msg_namelen = sizeof s->from,
                        .msg_iov = &s->iov,
                        .msg_iovlen = 1,
                        .msg_control = s->control,
                        .msg_controllen = sizeof s->control,
                };
        }
        return recvmmsg(port->fd, port->headers, n, MSG_DONTWAIT, NULL);
}

void vrrp_port_drain(struct vrrp_port *port, unsigned bound) {
        int n, wanted;

        if (port->draining || port->send_only)
                return;
        port->draining = true;
        for (n = wanted = 0; bound > 0 && n == wanted; bound -= (unsigned)wanted) {
                wanted = bound < BATCH ? (int)bound : BATCH;
                n = receive(port, (unsigned)wanted);
                for (int i = 0; i < n; i++)
                        hand_on(port, &port->slots[i], &port->headers[i]);
                if (n < 0 && errno != EAGAIN)
                        n = wanted; /* the link went down, or the like: said once, and behind it are packets
                                     */
        }
        port->draining = false;
}

const struct vrrp_port_counters *vrrp_port_counters(const struct vrrp_port *port) {
        return &port->counters;
}
