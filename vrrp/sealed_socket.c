#include "vrrp/sealed_socket.h"
#include "pki/util.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/pkt_sched.h>
#include <net/if.h>
#include <sys/socket.h>

enum {
        TOS_INTERNET_CONTROL = 0xc0,
        QUEUE_SIZE = 1 << 20, /* over 10 ms of a flood of 100,000 datagrams per second */
        UDP_HEADER = 8,       /* where the filter's offsets start */
        SOFT_ERRORS = 16,     /* that one datagram may meet; in a flood of ICMP one call in two does */
};

/* Every word of the envelope that is the same in all of one member's datagrams. */
struct filter {
        size_t n;
        struct sock_filter v[40];
};

static void emit(struct filter *f, uint16_t code, uint32_t k) {
        f->v[f->n++] = (struct sock_filter){ .code = code, .k = k };
}

/* Jumps that fail go to the program's end: their distance is filled in there. */
static void expect_word(struct filter *f, size_t offset, uint32_t value) {
        emit(f, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(UDP_HEADER + offset));
        emit(f, BPF_JMP | BPF_JEQ | BPF_K, value);
}

static void expect_u64(struct filter *f, size_t offset, uint64_t value) {
        expect_word(f, offset, (uint32_t)(value >> 32));
        expect_word(f, offset + 4, (uint32_t)value);
}

static uint32_t word_at(const uint8_t *p) {
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void make_filter(const struct vrrp_sealed_path *p, struct filter *f) {
        *f = (struct filter){ 0 };
        emit(f, BPF_LD | BPF_W | BPF_LEN, 0);
        emit(f, BPF_JMP | BPF_JGE | BPF_K, UDP_HEADER + VRRP_SEAL_HEADER + VRRP_TAG_SIZE);
        expect_word(f, VRRP_SEAL_AT_MAGIC, VRRP_SEAL_MAGIC);
        for (size_t i = 0; i < VRRP_SEAL_CLUSTER; i += 4)
                expect_word(f, VRRP_SEAL_AT_CLUSTER + i, word_at(p->network + i));
        expect_u64(f, VRRP_SEAL_AT_SRC, p->peer_id);
        expect_u64(f, VRRP_SEAL_AT_DST, p->own_id);
        emit(f, BPF_RET | BPF_K, UINT32_MAX);
        emit(f, BPF_RET | BPF_K, 0);
        for (size_t i = 0; i < f->n; i++)
                if (BPF_CLASS(f->v[i].code) == BPF_JMP)
                        f->v[i].jf = (uint8_t)(f->n - 1 - (i + 1));
}

static int set_filter(int fd, const struct vrrp_sealed_path *p) {
        struct filter f;
        struct sock_fprog program = { .filter = f.v };

        make_filter(p, &f);
        program.len = (unsigned short)f.n;
        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ? -errno : 0;
}

/* Not SO_REUSEADDR: with that any user of the machine could take the port of one member over. Path MTU: what
 * ICMP says of it is not authentic, the interface's own counts. */
static const struct option {
        int family; /* AF_UNSPEC: both */
        int level, name, value;
        bool optional; /* needs a right that a test may not have, or is best effort */
} options[] = {
        { AF_UNSPEC, SOL_SOCKET, SO_REUSEPORT, 1, false },
        { AF_INET, IPPROTO_IP, IP_TOS, TOS_INTERNET_CONTROL, false },
        { AF_INET, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT, true },
        { AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY, 1, false },
        { AF_INET6, IPPROTO_IPV6, IPV6_TCLASS, TOS_INTERNET_CONTROL, false },
        { AF_INET6, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT, true },
        { AF_UNSPEC, SOL_SOCKET, SO_PRIORITY, TC_PRIO_CONTROL, true }, /* after IP_TOS, which sets it too */
        { AF_UNSPEC, SOL_SOCKET, SO_RCVBUF, QUEUE_SIZE, true },
        { AF_UNSPEC, SOL_SOCKET, SO_RCVBUFFORCE, QUEUE_SIZE, true },
};

static int set_options(int fd, int family) {
        for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
                const struct option *o = &options[i];

                if (o->family != AF_UNSPEC && o->family != family)
                        continue;
                if (setsockopt(fd, o->level, o->name, &o->value, sizeof o->value) < 0 && !o->optional)
                        return -errno;
        }
        return 0;
}

static int prepare(int fd, const struct vrrp_sealed_path *p) {
        struct sockaddr_storage own, peer;
        socklen_t own_size = vrrp_ip_sockaddr(&p->own, p->port, p->ifindex, &own);
        socklen_t peer_size = vrrp_ip_sockaddr(&p->peer, p->port, p->ifindex, &peer);
        int r;

        if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, p->interface,
                       (socklen_t)strnlen(p->interface, IFNAMSIZ)) < 0)
                return -errno;
        if ((r = set_options(fd, p->own.family)) < 0 || (r = set_filter(fd, p)) < 0)
                return r;
        /* The filter is there before the first datagram can arrive. */
        if (bind(fd, (struct sockaddr *)&own, own_size) < 0 ||
            connect(fd, (struct sockaddr *)&peer, peer_size) < 0)
                return -errno;
        return 0;
}

int vrrp_sealed_socket(const struct vrrp_sealed_path *p) {
        CLEANUP(closep) int fd = -1;
        int r;

        if (vrrp_ip_none(&p->own) || p->own.family != p->peer.family)
                return -EAFNOSUPPORT;
        fd = socket(p->own.family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if ((r = prepare(fd, p)) < 0)
                return r;
        r = fd;
        fd = -1;
        return r;
}

/* Everything else may be what an ICMP message has left on the socket, even "too big". Anybody can send those,
 * and each spoils one call. */
static bool is_own(int error) {
        return error == EAGAIN || error == ENOBUFS;
}

int vrrp_sealed_socket_send(int fd, const void *datagram, size_t size) {
        for (unsigned i = 0;; i++) {
                if (send(fd, datagram, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
                        return 0;
                if (is_own(errno) || i == SOFT_ERRORS)
                        return -errno;
        }
}

size_t vrrp_sealed_socket_receive(int fd, struct vrrp_sealed_batch *b) {
        struct mmsghdr m[VRRP_SEALED_BATCH];
        struct iovec iov[VRRP_SEALED_BATCH];
        int n = -1;

        memset(m, 0, sizeof m);
        for (size_t i = 0; i < VRRP_SEALED_BATCH; i++) {
                iov[i] = (struct iovec){ .iov_base = b->v[i], .iov_len = sizeof b->v[i] };
                m[i].msg_hdr.msg_iov = &iov[i];
                m[i].msg_hdr.msg_iovlen = 1;
        }
        for (unsigned i = 0; n < 0 && i <= SOFT_ERRORS; i++) {
                n = recvmmsg(fd, m, VRRP_SEALED_BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL);
                if (n < 0 && errno == EAGAIN)
                        break;
        }
        b->n = n > 0 ? (size_t)n : 0;
        for (size_t i = 0; i < b->n; i++)
                b->size[i] = m[i].msg_len; /* MSG_TRUNC: the real length, refused when above the maximum */
        return b->n;
}
