#include "vrrp/netlink.h"
#include "pki/util.h"
#include "vrrp/address.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

DEFINE_CLEANUP(struct mnl_socket *, mnl_socket_close)

enum {
        READ_BOUND = 64,      /* datagrams per wake-up */
        READ_SIZE = 32 * 1024 /* the kernel fills dumps up to this */
};

static int open_socket(int flags, unsigned groups, struct mnl_socket **ret) {
        CLEANUP(mnl_socket_closep) struct mnl_socket *nl = NULL;

        nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | flags);
        if (!nl || mnl_socket_bind(nl, groups, MNL_SOCKET_AUTOPID) < 0)
                return -errno;
        *ret = TAKE_PTR(nl);
        return 0;
}

int vrrp_netlink_open_requests(struct mnl_socket **ret) {
        return open_socket(SOCK_NONBLOCK, 0, ret);
}

int vrrp_netlink_open_events(struct mnl_socket **ret) {
        return open_socket(SOCK_NONBLOCK, RTMGRP_LINK | RTMGRP_IPV4_IFADDR, ret);
}

static int send_request(struct mnl_socket *nl, const void *buf, size_t size) {
        return mnl_socket_sendto(nl, buf, size) < 0 ? -errno : 0;
}

int vrrp_netlink_add(struct mnl_socket *requests, uint32_t seq, const struct vrrp_nl_address *a) {
        _Alignas(struct nlmsghdr) uint8_t buf[VRRP_NL_REQUEST_MAX];

        return send_request(requests, buf, vrrp_nl_add(buf, seq, a));
}

int vrrp_netlink_delete(struct mnl_socket *requests, uint32_t seq, const struct vrrp_nl_address *a) {
        _Alignas(struct nlmsghdr) uint8_t buf[VRRP_NL_REQUEST_MAX];

        return send_request(requests, buf, vrrp_nl_delete(buf, seq, a));
}

/* 1 read, 0 nothing there (or not within the socket's limit), or negative errno. */
static int read_one(struct mnl_socket *nl, vrrp_nl_fn *fn, void *userdata) {
        _Alignas(struct nlmsghdr) uint8_t buf[READ_SIZE];
        ssize_t n;
        int r;

        do
                n = mnl_socket_recvfrom(nl, buf, sizeof buf);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return errno == EAGAIN ? 0 : -errno;
        r = vrrp_nl_parse(buf, (size_t)n, fn, userdata);
        return r < 0 ? r : 1;
}

int vrrp_netlink_read(struct mnl_socket *nl, vrrp_nl_fn *fn, void *userdata) {
        int r = 1;

        for (unsigned i = 0; i < READ_BOUND && r > 0; i++)
                r = read_one(nl, fn, userdata);
        return r < 0 ? r : 0;
}

/* A request on a socket of its own and its whole answer: up to the ACK or the end of the dump. */
struct transaction {
        vrrp_nl_fn *fn;
        void *userdata;
        bool ended;
        int error;
};

static void on_answer(const struct vrrp_nl *m, void *userdata) {
        struct transaction *t = userdata;

        if (m->kind == VRRP_NL_ACK || m->kind == VRRP_NL_DONE) {
                t->ended = true;
                t->error = m->error;
        } else if (t->fn) {
                t->fn(m, t->userdata);
        }
}

static int transact(struct mnl_socket *nl, const void *buf, size_t size, vrrp_nl_fn *fn, void *userdata) {
        struct transaction t = { .fn = fn, .userdata = userdata };
        int r = send_request(nl, buf, size);

        while (r >= 0 && !t.ended) {
                r = read_one(nl, on_answer, &t);
                if (r == 0)
                        return -ETIMEDOUT;
        }
        return r < 0 ? r : t.error;
}

/* Strict checking makes the kernel filter the dump by interface; older ones send all, so we filter too. */
static int open_transactions(struct mnl_socket **ret) {
        struct timeval limit = { .tv_sec = 1 };
        int on = 1, r;

        if ((r = open_socket(0, 0, ret)) < 0)
                return r;
        mnl_socket_setsockopt(*ret, NETLINK_GET_STRICT_CHK, &on, sizeof on);
        setsockopt(mnl_socket_get_fd(*ret), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        return 0;
}

struct scan {
        struct vrrp_interface *found;
        struct in_addr vip, wanted_self;
        bool self_fits;
};

static void scan_link(const struct vrrp_nl *m, void *userdata) {
        struct vrrp_interface *found = userdata;

        if (m->kind != VRRP_NL_LINK)
                return;
        found->ifindex = m->ifindex;
        found->running = m->running;
        memcpy(found->mac, m->mac, sizeof found->mac);
}

static bool same_network(struct in_addr a, struct in_addr b, uint8_t prefix) {
        uint32_t mask = prefix ? UINT32_MAX << (32 - prefix) : 0;

        return ((ntohl(a.s_addr) ^ ntohl(b.s_addr)) & mask) == 0;
}

static void scan_address(const struct vrrp_nl *m, void *userdata) {
        struct scan *s = userdata;
        bool fits;

        if (m->kind != VRRP_NL_ADDRESS || m->ifindex != s->found->ifindex)
                return;
        if (m->address.s_addr == s->vip.s_addr) {
                s->found->vip_prefixes |= UINT64_C(1) << m->prefix;
                return;
        }
        if (s->wanted_self.s_addr != INADDR_ANY)
                fits = m->address.s_addr == s->wanted_self.s_addr;
        else
                fits = !m->secondary && same_network(m->address, s->vip, m->prefix);
        if (fits && !s->self_fits) {
                s->found->self = m->address;
                s->self_fits = true;
        } else if (s->wanted_self.s_addr == INADDR_ANY && s->found->self.s_addr == INADDR_ANY &&
                   !m->secondary) {
                s->found->self = m->address;
        }
}

int vrrp_netlink_scan(const char *name, struct in_addr vip, struct in_addr wanted_self,
                      struct vrrp_interface *ret) {
        _Alignas(struct nlmsghdr) uint8_t buf[VRRP_NL_REQUEST_MAX];
        CLEANUP(mnl_socket_closep) struct mnl_socket *nl = NULL;
        struct vrrp_interface found = { 0 };
        struct scan s = { .found = &found, .vip = vip, .wanted_self = wanted_self };
        int r;

        if ((r = open_transactions(&nl)) < 0)
                return r;
        r = transact(nl, buf, vrrp_nl_get_link(buf, 1, name), scan_link, &found);
        if (r < 0 && r != -ENODEV)
                return r;
        if (found.ifindex > 0 &&
            (r = transact(nl, buf, vrrp_nl_dump_addresses(buf, 2, found.ifindex), scan_address, &s)) < 0 &&
            r != -ENODEV)
                return r;
        *ret = found;
        return 0;
}

struct flush {
        struct in_addr vip;
        unsigned ifindex; /* 0: every interface */
        struct vrrp_nl_address found[64];
        size_t n;
};

static void flush_collect(const struct vrrp_nl *m, void *userdata) {
        struct flush *f = userdata;

        if (m->kind == VRRP_NL_ADDRESS && m->address.s_addr == f->vip.s_addr &&
            (f->ifindex == 0 || f->ifindex == m->ifindex) && f->n < ARRAY_SIZE(f->found))
                f->found[f->n++] = (struct vrrp_nl_address){ m->ifindex, m->address, m->prefix, 0 };
}

int vrrp_address_flush(const struct vrrp_ip *vip, const char *interface, unsigned *ret_removed) {
        _Alignas(struct nlmsghdr) uint8_t buf[VRRP_NL_REQUEST_MAX];
        CLEANUP(mnl_socket_closep) struct mnl_socket *nl = NULL;
        struct flush f = { .vip = vrrp_ip_in(vip) };
        int r;

        *ret_removed = 0;
        if (vip->family != AF_INET)
                return -EAFNOSUPPORT;
        if (interface && (f.ifindex = if_nametoindex(interface)) == 0)
                return errno == ENODEV || errno == ENXIO ? 0 : -errno; /* nothing can be on it */
        if ((r = open_transactions(&nl)) < 0 ||
            (r = transact(nl, buf, vrrp_nl_dump_addresses(buf, 1, f.ifindex), flush_collect, &f)) < 0)
                return r;
        for (size_t i = 0; i < f.n; i++) {
                r = transact(nl, buf, vrrp_nl_delete(buf, 2 + (uint32_t)i, &f.found[i]), NULL, NULL);
                if (r < 0 && r != -EADDRNOTAVAIL && r != -ENODEV) /* it went by itself: as wanted */
                        return r;
                *ret_removed += r == 0;
        }
        return 0;
}
