#include "vrrp/accept.h"
#include "pki/util.h"
#include "vrrp/nlmsg.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/icmp6.h>
#include <sys/time.h>

enum {
        HEAD_SIZE = 1024, /* begin, table, chain, end */
        RULE_SIZE = 1024,
        RULES = 3, /* of one address, at most */
        ANSWER_SIZE = 8192,
        IPV4_DESTINATION = 16, /* offsets in the IP headers */
        IPV6_DESTINATION = 24,
        BEFORE_OTHERS = -310, /* the hook's priority: even before connections are tracked */
};
static const char chain_name[] = "input";

struct vrrp_accept {
        struct mnl_socket *nl;
};

struct batch {
        uint8_t *buf;
        size_t used;
        uint32_t seq;
        const char *table;
        struct nlmsghdr *last;
};

static struct nlmsghdr *put(struct batch *b, uint16_t type, uint16_t flags, uint8_t family,
                            uint16_t resource) {
        struct nlmsghdr *h = mnl_nlmsg_put_header(b->buf + b->used);
        struct nfgenmsg *g;

        h->nlmsg_type = type;
        h->nlmsg_flags = NLM_F_REQUEST | flags;
        h->nlmsg_seq = ++b->seq;
        g = mnl_nlmsg_put_extra_header(h, sizeof *g);
        g->nfgen_family = family;
        g->version = NFNETLINK_V0;
        g->res_id = htons(resource);
        return b->last = h;
}

static void done(struct batch *b) {
        b->used += NLMSG_ALIGN(b->last->nlmsg_len);
}

static void put_limit(struct batch *b, uint16_t type) {
        put(b, type, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
        done(b);
}

static struct nlmsghdr *put_change(struct batch *b, uint16_t type, uint16_t flags) {
        return put(b, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), NLM_F_CREATE | NLM_F_ACK | flags,
                   NFPROTO_INET, 0);
}

static void put_be32(struct nlmsghdr *h, uint16_t type, uint32_t value) {
        mnl_attr_put_u32(h, type, htonl(value));
}

static void put_table(struct batch *b) {
        struct nlmsghdr *h = put_change(b, NFT_MSG_NEWTABLE, NLM_F_EXCL);

        mnl_attr_put_strz(h, NFTA_TABLE_NAME, b->table);
        put_be32(h, NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER);
        done(b);
}

static void put_chain(struct batch *b) {
        struct nlmsghdr *h = put_change(b, NFT_MSG_NEWCHAIN, 0);
        struct nlattr *hook;

        mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, b->table);
        mnl_attr_put_strz(h, NFTA_CHAIN_NAME, chain_name);
        mnl_attr_put_strz(h, NFTA_CHAIN_TYPE, "filter");
        hook = mnl_attr_nest_start(h, NFTA_CHAIN_HOOK);
        put_be32(h, NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_IN);
        put_be32(h, NFTA_HOOK_PRIORITY, (uint32_t)BEFORE_OTHERS);
        mnl_attr_nest_end(h, hook);
        put_be32(h, NFTA_CHAIN_POLICY, NF_ACCEPT);
        done(b);
}

/* An expression of a rule: its name, then its own attributes until it is ended. */
struct expression {
        struct nlattr *element, *data;
};

static struct expression begin(struct nlmsghdr *h, const char *name) {
        struct expression e = { .element = mnl_attr_nest_start(h, NFTA_LIST_ELEM) };

        mnl_attr_put_strz(h, NFTA_EXPR_NAME, name);
        e.data = mnl_attr_nest_start(h, NFTA_EXPR_DATA);
        return e;
}

static void end(struct nlmsghdr *h, struct expression e) {
        mnl_attr_nest_end(h, e.data);
        mnl_attr_nest_end(h, e.element);
}

static void load_meta(struct nlmsghdr *h, uint32_t key) {
        struct expression e = begin(h, "meta");

        put_be32(h, NFTA_META_DREG, NFT_REG_1);
        put_be32(h, NFTA_META_KEY, key);
        end(h, e);
}

static void load_payload(struct nlmsghdr *h, uint32_t base, uint32_t offset, uint32_t size) {
        struct expression e = begin(h, "payload");

        put_be32(h, NFTA_PAYLOAD_DREG, NFT_REG_1);
        put_be32(h, NFTA_PAYLOAD_BASE, base);
        put_be32(h, NFTA_PAYLOAD_OFFSET, offset);
        put_be32(h, NFTA_PAYLOAD_LEN, size);
        end(h, e);
}

/* What was loaded must be this, or the rule does not match. */
static void expect(struct nlmsghdr *h, const void *value, size_t size) {
        struct expression e = begin(h, "cmp");
        struct nlattr *data;

        put_be32(h, NFTA_CMP_SREG, NFT_REG_1);
        put_be32(h, NFTA_CMP_OP, NFT_CMP_EQ);
        data = mnl_attr_nest_start(h, NFTA_CMP_DATA);
        mnl_attr_put(h, NFTA_DATA_VALUE, size, value);
        mnl_attr_nest_end(h, data);
        end(h, e);
}

static void expect_byte(struct nlmsghdr *h, uint8_t value) {
        expect(h, &value, 1);
}

static void decide(struct nlmsghdr *h, uint32_t verdict) {
        struct expression e = begin(h, "immediate");
        struct nlattr *data, *inner;

        put_be32(h, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
        data = mnl_attr_nest_start(h, NFTA_IMMEDIATE_DATA);
        inner = mnl_attr_nest_start(h, NFTA_DATA_VERDICT);
        put_be32(h, NFTA_VERDICT_CODE, verdict);
        mnl_attr_nest_end(h, inner);
        mnl_attr_nest_end(h, data);
        end(h, e);
}

/* icmp_type 0: of whatever is in the packet. */
static void put_rule(struct batch *b, const struct vrrp_ip *vip, uint8_t icmp_type, uint32_t verdict) {
        struct nlmsghdr *h = put_change(b, NFT_MSG_NEWRULE, NLM_F_APPEND);
        bool ipv6 = vip->family == AF_INET6;
        struct nlattr *list;

        mnl_attr_put_strz(h, NFTA_RULE_TABLE, b->table);
        mnl_attr_put_strz(h, NFTA_RULE_CHAIN, chain_name);
        list = mnl_attr_nest_start(h, NFTA_RULE_EXPRESSIONS);
        load_meta(h, NFT_META_NFPROTO);
        expect_byte(h, ipv6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
        load_payload(h, NFT_PAYLOAD_NETWORK_HEADER, ipv6 ? IPV6_DESTINATION : IPV4_DESTINATION,
                     (uint32_t)vrrp_ip_size(vip));
        expect(h, vip->b, vrrp_ip_size(vip));
        if (icmp_type) {
                load_meta(h, NFT_META_L4PROTO);
                expect_byte(h, IPPROTO_ICMPV6);
                load_payload(h, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
                expect_byte(h, icmp_type);
        }
        decide(h, verdict);
        mnl_attr_nest_end(h, list);
        done(b);
}

static void put_rules(struct batch *b, const struct vrrp_ip *vip) {
        if (vip->family == AF_INET6) {
                put_rule(b, vip, ND_NEIGHBOR_SOLICIT, NF_ACCEPT);
                put_rule(b, vip, ND_NEIGHBOR_ADVERT, NF_ACCEPT);
        }
        put_rule(b, vip, 0, NF_DROP);
}

struct answers {
        uint32_t left;
        int error;
};

static void on_answer(const struct vrrp_nl *m, void *userdata) {
        struct answers *a = userdata;

        if (m->kind != VRRP_NL_ACK)
                return;
        a->left -= a->left > 0;
        if (m->error < 0 && a->error == 0)
                a->error = m->error;
}

/* All of the batch or nothing takes effect; each change is answered. */
static int send_batch(struct mnl_socket *nl, const struct batch *b, uint32_t changes) {
        _Alignas(struct nlmsghdr) uint8_t buf[ANSWER_SIZE];
        struct answers a = { .left = changes };
        ssize_t n;

        if (mnl_socket_sendto(nl, b->buf, b->used) < 0)
                return -errno;
        while (a.left > 0 && a.error == 0) {
                if ((n = mnl_socket_recvfrom(nl, buf, sizeof buf)) < 0)
                        return errno == EAGAIN ? -ETIMEDOUT : -errno;
                vrrp_nl_parse(buf, (size_t)n, on_answer, &a);
        }
        return a.error;
}

static int fill(struct mnl_socket *nl, const char *table, const struct vrrp_ip *vips, size_t n) {
        CLEANUP(freep) uint8_t *buf = calloc((size_t)HEAD_SIZE + (size_t)RULES * RULE_SIZE * n, 1);
        struct batch b = { .buf = buf, .table = table };

        if (!buf)
                return -ENOMEM;
        put_limit(&b, NFNL_MSG_BATCH_BEGIN);
        put_table(&b);
        put_chain(&b);
        for (size_t i = 0; i < n; i++)
                put_rules(&b, &vips[i]);
        put_limit(&b, NFNL_MSG_BATCH_END);
        return send_batch(nl, &b, b.seq - 2);
}

int vrrp_accept_deny(const char *table, const struct vrrp_ip *vips, size_t n, struct vrrp_accept **ret) {
        struct timeval limit = { .tv_sec = 1 }; /* never reached: the kernel answers within send() */
        struct vrrp_accept *a = calloc(1, sizeof *a);
        int r;

        if (!a)
                return -ENOMEM;
        a->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
        r = !a->nl || mnl_socket_bind(a->nl, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
        if (r == 0) {
                setsockopt(mnl_socket_get_fd(a->nl), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
                r = fill(a->nl, table, vips, n);
        }
        if (r < 0) {
                vrrp_accept_free(a);
                return r;
        }
        *ret = a;
        return 0;
}

void vrrp_accept_free(struct vrrp_accept *a) {
        if (!a)
                return;
        if (a->nl)
                mnl_socket_close(a->nl);
        free(a);
}
