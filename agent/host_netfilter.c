#include "agent/host.h"
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <time.h>

/* Through nf_tables come the rules of nft, of ufw and of today's iptables; those of the old iptables have no
 * place that tells their policies without loading them. */

struct chains {
        char (*out)[HOST_CHAIN_SIZE];
        size_t max, n;
};

static const char *family_name(unsigned family) {
        switch (family) {
        case NFPROTO_INET:
                return "inet";
        case NFPROTO_IPV4:
                return "ip";
        case NFPROTO_IPV6:
                return "ip6";
        default:
                return NULL;
        }
}

static int on_attribute(const struct nlattr *a, void *data) {
        const struct nlattr **table = data;

        if (mnl_attr_type_valid(a, NFTA_CHAIN_MAX) >= 0)
                table[mnl_attr_get_type(a)] = a;
        return MNL_CB_OK;
}

static int on_hook(const struct nlattr *a, void *data) {
        uint32_t *hook = data;

        if (mnl_attr_get_type(a) == NFTA_HOOK_HOOKNUM && mnl_attr_validate(a, MNL_TYPE_U32) >= 0)
                *hook = ntohl(mnl_attr_get_u32(a));
        return MNL_CB_OK;
}

static bool at_input(const struct nlattr *nested) {
        uint32_t hook = UINT32_MAX;

        mnl_attr_parse_nested(nested, on_hook, &hook);
        return hook == NF_INET_LOCAL_IN;
}

static int on_chain(const struct nlmsghdr *nlh, void *data) {
        const struct nfgenmsg *g = mnl_nlmsg_get_payload(nlh);
        const struct nlattr *a[NFTA_CHAIN_MAX + 1] = { 0 };
        const char *family = family_name(g->nfgen_family);
        struct chains *c = data;

        mnl_attr_parse(nlh, sizeof *g, on_attribute, a);
        if (!family || c->n == c->max || !a[NFTA_CHAIN_HOOK] || !a[NFTA_CHAIN_POLICY] ||
            !a[NFTA_CHAIN_TABLE] || !a[NFTA_CHAIN_NAME] ||
            mnl_attr_validate(a[NFTA_CHAIN_POLICY], MNL_TYPE_U32) < 0 ||
            mnl_attr_validate(a[NFTA_CHAIN_TABLE], MNL_TYPE_NUL_STRING) < 0 ||
            mnl_attr_validate(a[NFTA_CHAIN_NAME], MNL_TYPE_NUL_STRING) < 0)
                return MNL_CB_OK;
        if (ntohl(mnl_attr_get_u32(a[NFTA_CHAIN_POLICY])) == NF_DROP && at_input(a[NFTA_CHAIN_HOOK]))
                snprintf(c->out[c->n++], HOST_CHAIN_SIZE, "%s %.60s %.60s", family,
                         mnl_attr_get_str(a[NFTA_CHAIN_TABLE]), mnl_attr_get_str(a[NFTA_CHAIN_NAME]));
        return MNL_CB_OK;
}

static int dump(struct mnl_socket *s, struct chains *c) {
        char buffer[32768];
        struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
        struct nfgenmsg *g;
        unsigned seq = (unsigned)time(NULL);
        ssize_t n;
        int r = MNL_CB_OK;

        nlh->nlmsg_type = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETCHAIN;
        nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
        nlh->nlmsg_seq = seq;
        g = mnl_nlmsg_put_extra_header(nlh, sizeof *g);
        g->nfgen_family = NFPROTO_UNSPEC;
        g->version = NFNETLINK_V0;
        if (mnl_socket_sendto(s, nlh, nlh->nlmsg_len) < 0)
                return -errno;
        while (r == MNL_CB_OK) {
                n = mnl_socket_recvfrom(s, buffer, sizeof buffer);
                if (n < 0)
                        return -errno;
                r = (int)mnl_cb_run(buffer, (size_t)n, seq, mnl_socket_get_portid(s), on_chain, c);
        }
        return r < 0 ? -errno : 0;
}

int host_dropping_chains(char (*out)[HOST_CHAIN_SIZE], size_t n) {
        struct chains c = { out, n, 0 };
        struct mnl_socket *s = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
        int r;

        if (!s)
                return -errno;
        r = mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : dump(s, &c);
        mnl_socket_close(s);
        return r < 0 ? r : (int)c.n;
}
