#include "vrrp/netlink.h"
#include "pki/util.h"
#include "vrrp/address.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

DEFINE_CLEANUP(struct mnl_socket *, mnl_socket_close)

enum {
        READ_BOUND = 64,       /* datagrams per wake-up */
        READ_SIZE = 32 * 1024, /* the kernel fills dumps up to this */
        ACK_SIZE = 512,        /* an error repeats the request */
        EVENTS_BUFFER = 1024 * 1024
};

static int open_socket(int flags, unsigned groups, struct mnl_socket **ret) {
        CLEANUP(mnl_socket_closep) struct mnl_socket *nl = NULL;

        nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | flags);
        if (!nl || mnl_socket_bind(nl, groups, MNL_SOCKET_AUTOPID) < 0)
                return -errno;
        *ret = TAKE_PTR(nl);
        return 0;
}

/* Strict checking makes the kernel filter dumps by interface; older ones send all, so we filter too. */
int vrrp_netlink_open(struct vrrp_netlink *n) {
        struct timeval limit = { .tv_sec = 1 }; /* never reached: the answer is there after send() */
        int on = 1, r;

        if ((r = open_socket(0, 0, &n->socket)) < 0)
                return r;
        mnl_socket_setsockopt(n->socket, NETLINK_GET_STRICT_CHK, &on, sizeof on);
        setsockopt(mnl_socket_get_fd(n->socket), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        n->portid = mnl_socket_get_portid(n->socket);
        n->seq = 0;
        return 0;
}

void vrrp_netlink_close(struct vrrp_netlink *n) {
        if (n->socket)
                mnl_socket_close(n->socket);
        n->socket = NULL;
}

/* 1 read, 0 nothing there (or not within the socket's limit), or negative errno. */
static int read_one(struct mnl_socket *nl, void *buf, size_t size, vrrp_nl_fn *fn, void *userdata) {
        ssize_t n;
        int r;

        do
                n = mnl_socket_recvfrom(nl, buf, size);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return errno == EAGAIN ? 0 : -errno;
        r = vrrp_nl_parse(buf, (size_t)n, fn, userdata);
        return r < 0 ? r : 1;
}

/* A request and its whole answer: up to the ACK or the end of the dump. */
struct transaction {
        vrrp_nl_fn *fn;
        void *userdata;
        uint32_t seq;
        bool ended;
        int error;
};

static void on_answer(const struct vrrp_nl *m, void *userdata) {
        struct transaction *t = userdata;

        if (m->seq != t->seq) /* of one that was given up */
                return;
        if (m->kind == VRRP_NL_ACK || m->kind == VRRP_NL_DONE) {
                t->ended = true;
                t->error = m->error;
        } else if (t->fn) {
                t->fn(m, t->userdata);
        }
}

static int transact(struct vrrp_netlink *n, const void *request, size_t size, struct transaction *t,
                    void *buf, size_t buf_size) {
        int r;

        if (mnl_socket_sendto(n->socket, request, size) < 0)
                return -errno;
        while (!t->ended) {
                r = read_one(n->socket, buf, buf_size, on_answer, t);
                if (r <= 0)
                        return r < 0 ? r : -ETIMEDOUT;
        }
        return t->error;
}

/* Small buffers: the guard thread's stack is small. */
static int change(struct vrrp_netlink *n, const void *request, size_t size) {
        _Alignas(struct nlmsghdr) uint8_t buf[ACK_SIZE];
        struct transaction t = { .seq = n->seq };

        return transact(n, request, size, &t, buf, sizeof buf);
}

int vrrp_netlink_add(struct vrrp_netlink *n, const struct vrrp_nl_address *a) {
        _Alignas(struct nlmsghdr) uint8_t buf[VRRP_NL_REQUEST_MAX];

        return change(n, buf, vrrp_nl_add(buf, ++n->seq, a));
}

int vrrp_netlink_delete(struct vrrp_netlink *n, const struct vrrp_nl_address *a) {
        _Alignas(struct nlmsghdr) uint8_t buf[VRRP_NL_REQUEST_MAX];

        return change(n, buf, vrrp_nl_delete(buf, ++n->seq, a));
}

static int ask(struct vrrp_netlink *n, const void *request, size_t size, vrrp_nl_fn *fn, void *userdata) {
        _Alignas(struct nlmsghdr) uint8_t buf[READ_SIZE];
        struct transaction t = { .fn = fn, .userdata = userdata, .seq = n->seq };

        return transact(n, request, size, &t, buf, sizeof buf);
}

static void scan_link(const struct vrrp_nl *m, void *userdata) {
        struct vrrp_interface *found = userdata;

        if (m->kind != VRRP_NL_LINK)
                return;
        found->ifindex = m->ifindex;
        found->running = m->running;
        memcpy(found->mac, m->mac, sizeof found->mac);
}

struct scan {
        struct vrrp_interface *found;
        int error;
};

static bool grow(struct vrrp_interface *i) {
        size_t size = i->size ? 2 * i->size : 16;
        struct vrrp_found *more =
                i->n_addresses < i->size ? i->addresses : reallocarray(i->addresses, size, sizeof *more);

        if (!more)
                return false;
        i->size = i->n_addresses < i->size ? i->size : size;
        i->addresses = more;
        return true;
}

static void scan_address(const struct vrrp_nl *m, void *userdata) {
        struct scan *s = userdata;
        struct vrrp_interface *i = s->found;

        if (m->kind != VRRP_NL_ADDRESS || m->ifindex != i->ifindex)
                return;
        if (!grow(i)) {
                s->error = -ENOMEM;
                return;
        }
        i->addresses[i->n_addresses++] =
                (struct vrrp_found){ m->address, m->prefix, m->proto, m->secondary, m->unusable };
}

int vrrp_netlink_scan(struct vrrp_netlink *n, const char *name, struct vrrp_interface *ret) {
        _Alignas(struct nlmsghdr) uint8_t buf[VRRP_NL_REQUEST_MAX];
        struct scan s = { .found = ret };
        int r;

        ret->ifindex = 0;
        ret->running = false;
        ret->n_addresses = 0;
        r = ask(n, buf, vrrp_nl_get_link(buf, ++n->seq, name), scan_link, ret);
        if (r < 0)
                return r == -ENODEV ? 0 : r;
        if (ret->ifindex == 0)
                return 0;
        r = ask(n, buf, vrrp_nl_dump_addresses(buf, ++n->seq, ret->ifindex), scan_address, &s);
        if (r < 0 && r != -ENODEV) /* gone in between: an event says so next */
                return r;
        return s.error;
}

void vrrp_interface_done(struct vrrp_interface *i) {
        free(i->addresses);
        *i = (struct vrrp_interface){ 0 };
}

const struct vrrp_found *vrrp_interface_find(const struct vrrp_interface *i, const struct vrrp_ip *a,
                                             uint8_t prefix) {
        for (size_t k = 0; k < i->n_addresses; k++)
                if (i->addresses[k].prefix == prefix && vrrp_ip_equal(&i->addresses[k].address, a))
                        return &i->addresses[k];
        return NULL;
}

static size_t find(const struct vrrp_interface *i, const struct vrrp_ip *a, uint8_t prefix) {
        const struct vrrp_found *f = vrrp_interface_find(i, a, prefix);

        return f ? (size_t)(f - i->addresses) : i->n_addresses;
}

void vrrp_interface_put(struct vrrp_interface *i, const struct vrrp_ip *a, uint8_t prefix) {
        size_t k = find(i, a, prefix);

        if (k == i->n_addresses && !grow(i))
                return;
        i->addresses[k] = (struct vrrp_found){ .address = *a, .prefix = prefix, .proto = VRRP_ADDR_PROTO };
        i->n_addresses += k == i->n_addresses;
}

void vrrp_interface_drop(struct vrrp_interface *i, const struct vrrp_ip *a, uint8_t prefix) {
        size_t k = find(i, a, prefix);

        if (k < i->n_addresses)
                i->addresses[k] = i->addresses[--i->n_addresses];
}

/* One notification is one datagram, and its header tells who caused it. */
static int leave_out(int fd, uint32_t portid) {
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(portid), 0, 1), /* loads are big-endian */
                BPF_STMT(BPF_RET | BPF_K, 0),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        };
        struct sock_fprog filter = { .len = ARRAY_SIZE(code), .filter = code };

        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0 ? -errno : 0;
}

int vrrp_netlink_open_events(const struct vrrp_netlink *requests, struct mnl_socket **ret) {
        CLEANUP(mnl_socket_closep) struct mnl_socket *nl = NULL;
        int size = EVENTS_BUFFER, r;

        r = open_socket(SOCK_NONBLOCK, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, &nl);
        if (r < 0 || (r = leave_out(mnl_socket_get_fd(nl), requests->portid)) < 0)
                return r;
        setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size); /* if allowed */
        *ret = TAKE_PTR(nl);
        return 0;
}

int vrrp_netlink_read(struct mnl_socket *events, vrrp_nl_fn *fn, void *userdata) {
        _Alignas(struct nlmsghdr) uint8_t buf[READ_SIZE];
        int r = 1;

        for (unsigned i = 0; i < READ_BOUND && r > 0; i++)
                r = read_one(events, buf, sizeof buf, fn, userdata);
        return r < 0 ? r : 0;
}

struct search {
        const struct vrrp_ip *vip;
        unsigned ifindex; /* 0: every interface */
        uint8_t prefix;   /* 0: any */
        struct vrrp_nl_address found[64];
        size_t n;
};

static void collect(const struct vrrp_nl *m, void *userdata) {
        struct search *s = userdata;

        if (m->kind == VRRP_NL_ADDRESS && vrrp_ip_equal(&m->address, s->vip) &&
            (s->ifindex == 0 || s->ifindex == m->ifindex) && (s->prefix == 0 || s->prefix == m->prefix) &&
            s->n < ARRAY_SIZE(s->found))
                s->found[s->n++] = (struct vrrp_nl_address){ m->ifindex, m->address, m->prefix, 0 };
}

/* Nothing can be on an interface that does not exist. */
static int search(struct vrrp_netlink *n, struct search *s, const char *interface) {
        _Alignas(struct nlmsghdr) uint8_t buf[VRRP_NL_REQUEST_MAX];
        int r;

        if (interface && (s->ifindex = if_nametoindex(interface)) == 0)
                return errno == ENODEV || errno == ENXIO ? 0 : -errno;
        if ((r = vrrp_netlink_open(n)) < 0)
                return r;
        return ask(n, buf, vrrp_nl_dump_addresses(buf, ++n->seq, s->ifindex), collect, s);
}

static int remove_found(struct vrrp_netlink *n, const struct search *s, unsigned *ret_removed) {
        *ret_removed = 0;
        for (size_t i = 0; i < s->n; i++) {
                int r = vrrp_netlink_delete(n, &s->found[i]);

                if (r < 0 && r != -EADDRNOTAVAIL && r != -ENODEV) /* it went by itself: as wanted */
                        return r;
                *ret_removed += r == 0;
        }
        return 0;
}

int vrrp_address_flush(const struct vrrp_ip *vip, const char *interface, unsigned *ret_removed) {
        CLEANUP(vrrp_netlink_close) struct vrrp_netlink n = { 0 };
        struct search s = { .vip = vip };
        int r;

        *ret_removed = 0;
        if ((r = search(&n, &s, interface)) < 0)
                return r;
        return remove_found(&n, &s, ret_removed);
}

bool vrrp_address_is_here(const struct vrrp_ip *vip) {
        CLEANUP(vrrp_netlink_close) struct vrrp_netlink n = { 0 };
        struct search s = { .vip = vip };

        return search(&n, &s, NULL) == 0 && s.n > 0;
}

int vrrp_address_remove(const struct vrrp_ip *vip, uint8_t prefix, const char *interface) {
        CLEANUP(vrrp_netlink_close) struct vrrp_netlink n = { 0 };
        struct search s = { .vip = vip, .prefix = prefix };
        unsigned removed;
        int r;

        if ((r = search(&n, &s, interface)) < 0)
                return r;
        return remove_found(&n, &s, &removed);
}

int vrrp_address_make_permanent(const struct vrrp_ip *vip, const char *interface) {
        CLEANUP(vrrp_netlink_close) struct vrrp_netlink n = { 0 };
        struct search s = { .vip = vip, .prefix = vrrp_ip_bits(vip) };
        int r = search(&n, &s, interface);

        for (size_t i = 0; r == 0 && i < s.n; i++) {
                s.found[i].valid_s = UINT32_MAX; /* the kernel's word for it */
                r = vrrp_netlink_add(&n, &s.found[i]);
        }
        return r;
}
