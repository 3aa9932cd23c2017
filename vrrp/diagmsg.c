#include "vrrp/diagmsg.h"
#include "vrrp/nlraw.h"

#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>

/* Nothing is told of those by an end, or they are nobody's connection. */
enum { CONNECTED = 0xfff & ~(1 << TCP_LISTEN | 1 << TCP_CLOSE | 1 << TCP_TIME_WAIT) };

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool parse_socket(const struct nlmsghdr *h, struct vrrp_diag *m) {
        const struct inet_diag_msg *d = mnl_nlmsg_get_payload(h);

        if (mnl_nlmsg_get_payload_len(h) < sizeof *d ||
            (d->idiag_family != AF_INET && d->idiag_family != AF_INET6))
                return false;
        m->kind = VRRP_DIAG_SOCKET;
        m->family = d->idiag_family;
        m->id = d->id;
        m->local.family = d->idiag_family;
        if (m->family == AF_INET6 && memcmp(d->id.idiag_src, mapped, sizeof mapped) == 0) {
                m->local.family = AF_INET;
                memcpy(m->local.b, (const uint8_t *)d->id.idiag_src + sizeof mapped, 4);
        } else {
                memcpy(m->local.b, d->id.idiag_src, vrrp_ip_size(&m->local));
        }
        return true;
}

static bool parse_one(const struct nlmsghdr *h, struct vrrp_diag *m) {
        switch (h->nlmsg_type) {
        case SOCK_DIAG_BY_FAMILY:
                return parse_socket(h, m);
        case NLMSG_ERROR:
        case NLMSG_DONE:
                m->kind = VRRP_DIAG_END;
                return vrrp_nl_result(h, &m->error);
        }
        return false;
}

int vrrp_diag_parse(const void *buf, size_t size, vrrp_diag_fn *fn, void *userdata) {
        struct vrrp_nl_messages messages = vrrp_nl_messages(buf, size);
        const struct nlmsghdr *h;

        while ((h = vrrp_nl_next(&messages))) {
                struct vrrp_diag m = { .seq = h->nlmsg_seq };

                if (parse_one(h, &m))
                        fn(&m, userdata);
        }
        return vrrp_nl_rest(&messages);
}

static struct nlmsghdr *request(void *buf, uint16_t type, uint16_t flags, uint32_t seq,
                                const struct inet_diag_req_v2 *q) {
        struct nlmsghdr *h = vrrp_nl_request(buf, VRRP_DIAG_REQUEST_MAX, type, flags, seq);

        memcpy(mnl_nlmsg_put_extra_header(h, sizeof *q), q, sizeof *q);
        return h;
}

/* One condition: the local address; met, the end is reached exactly, else jumped beyond, which refuses. */
static size_t source_is(const struct vrrp_ip *local, uint8_t code[64]) {
        struct inet_diag_hostcond cond = { .family = local->family,
                                           .prefix_len = vrrp_ip_bits(local),
                                           .port = -1 };
        uint8_t size = (uint8_t)(sizeof(struct inet_diag_bc_op) + sizeof cond + vrrp_ip_size(local));
        struct inet_diag_bc_op op = { .code = INET_DIAG_BC_S_COND, .yes = size, .no = (uint16_t)(size + 4) };

        memcpy(code, &op, sizeof op);
        memcpy(code + sizeof op, &cond, sizeof cond);
        memcpy(code + sizeof op + sizeof cond, local->b, vrrp_ip_size(local));
        return size;
}

size_t vrrp_diag_dump(void *buf, uint32_t seq, uint8_t family, const struct vrrp_ip *local) {
        struct inet_diag_req_v2 q = { .sdiag_family = family,
                                      .sdiag_protocol = IPPROTO_TCP,
                                      .idiag_states = CONNECTED };
        struct nlmsghdr *h = request(buf, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, seq, &q);
        uint8_t code[64];

        mnl_attr_put(h, INET_DIAG_REQ_BYTECODE, source_is(local, code), code);
        return h->nlmsg_len;
}

size_t vrrp_diag_destroy(void *buf, uint32_t seq, const struct vrrp_diag *socket) {
        struct inet_diag_req_v2 q = { .sdiag_family = socket->family,
                                      .sdiag_protocol = IPPROTO_TCP,
                                      .idiag_states = CONNECTED,
                                      .id = socket->id };

        return request(buf, SOCK_DESTROY, NLM_F_ACK, seq, &q)->nlmsg_len;
}
