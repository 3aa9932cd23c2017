#include "agent/host.h"
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

enum { SEQ = 1 };

static void put_question(char *buffer, const char *kind) {
        struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
        struct ifinfomsg *link;
        struct nlattr *info;

        nlh->nlmsg_type = RTM_NEWLINK;
        nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
        nlh->nlmsg_seq = SEQ;
        link = mnl_nlmsg_put_extra_header(nlh, sizeof *link);
        link->ifi_family = AF_UNSPEC;
        info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
        mnl_attr_put_strz(nlh, IFLA_INFO_KIND, kind);
        mnl_attr_nest_end(nlh, info);
}

/* The kernel looks for the kind first, and asks for its module; then for what the kind needs. */
static int ask(struct mnl_socket *s, const char *kind) {
        char buffer[8192];
        ssize_t n;

        put_question(buffer, kind);
        if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0 ||
            mnl_socket_sendto(s, buffer, ((const struct nlmsghdr *)(const void *)buffer)->nlmsg_len) < 0 ||
            (n = mnl_socket_recvfrom(s, buffer, sizeof buffer)) < 0)
                return -errno;
        return mnl_cb_run(buffer, (size_t)n, SEQ, mnl_socket_get_portid(s), NULL, NULL) < 0 ? -errno : 0;
}

int host_link_kind(const char *kind) {
        struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
        int r;

        if (!s)
                return -errno;
        r = ask(s, kind);
        mnl_socket_close(s);
        switch (r) {
        case -EINVAL:
                return 1;
        case -EOPNOTSUPP:
                return 0;
        default:
                return r < 0 ? r : -EPROTO;
        }
}
