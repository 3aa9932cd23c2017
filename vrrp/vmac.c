#include "vrrp/vmac.h"
#include "pki/util.h"
#include "vrrp/nlraw.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

DEFINE_CLEANUP(struct mnl_socket *, mnl_socket_close)

enum { REQUEST_MAX = 512, READ_SIZE = 32 * 1024, STALE_MAX = 512 };

static const char kind_macvlan[] = "macvlan";
/* What people see in `ip link`. */
static const char alias[] = "triarch: MAC address of a virtual router";

void vrrp_vmac_address(uint8_t family, uint8_t vrid, uint8_t ret_mac[6]) {
        const uint8_t mac[6] = { 0, 0, 0x5e, 0, family == AF_INET6 ? 2 : 1, vrid };

        memcpy(ret_mac, mac, sizeof mac);
}

static int name_of(unsigned parent, uint8_t family, uint8_t vrid, char name[IF_NAMESIZE]) {
        int n = snprintf(name, IF_NAMESIZE, "vmac%c-%u-%u", family == AF_INET6 ? '6' : '4', vrid, parent);

        return n < IF_NAMESIZE ? 0 : -ENAMETOOLONG;
}

static int open_socket(struct mnl_socket **ret) {
        CLEANUP(mnl_socket_closep) struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
        struct timeval limit = { .tv_sec = 1 };

        if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
                return -errno;
        setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        *ret = TAKE_PTR(nl);
        return 0;
}

/* Send and read until the ACK or the end of the dump. */
static int transact(struct mnl_socket *nl, const struct nlmsghdr *h, mnl_cb_t fn, void *userdata) {
        _Alignas(struct nlmsghdr) uint8_t buf[READ_SIZE];
        ssize_t n;
        int r = MNL_CB_OK;

        if (mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
                return -errno;
        while (r > MNL_CB_STOP) {
                do
                        n = mnl_socket_recvfrom(nl, buf, sizeof buf);
                while (n < 0 && errno == EINTR);
                if (n < 0)
                        return errno == EAGAIN ? -ETIMEDOUT : -errno;
                r = mnl_cb_run(buf, (size_t)n, h->nlmsg_seq, mnl_socket_get_portid(nl), fn, userdata);
        }
        return r < 0 ? -errno : 0;
}

static struct nlmsghdr *request(void *buf, uint16_t type, uint16_t flags, unsigned ifindex, unsigned up) {
        struct nlmsghdr *h = vrrp_nl_request(buf, REQUEST_MAX, type, NLM_F_ACK | flags, 1);
        struct ifinfomsg *info = mnl_nlmsg_put_extra_header(h, sizeof *info);

        info->ifi_index = (int)ifindex;
        info->ifi_flags = info->ifi_change = up;
        return h;
}

/* Bridge mode: in private mode a frame from the same virtual MAC on another host, its advertisement, would
 * reach this macvlan alone and not the parent, where we listen. */
static int create(struct mnl_socket *nl, unsigned parent, const struct vrrp_vmac *v) {
        _Alignas(struct nlmsghdr) uint8_t buf[REQUEST_MAX];
        struct nlmsghdr *h = request(buf, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, 0);
        struct nlattr *info, *data;

        mnl_attr_put_strz(h, IFLA_IFNAME, v->name);
        mnl_attr_put_u32(h, IFLA_LINK, parent);
        mnl_attr_put(h, IFLA_ADDRESS, sizeof v->mac, v->mac);
        info = mnl_attr_nest_start(h, IFLA_LINKINFO);
        mnl_attr_put_strz(h, IFLA_INFO_KIND, kind_macvlan);
        data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
        mnl_attr_put_u32(h, IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE);
        mnl_attr_nest_end(h, data);
        mnl_attr_nest_end(h, info);
        return transact(nl, h, NULL, NULL);
}

struct setting {
        uint16_t name;
        uint32_t value;
};

static int set_ipv4(struct mnl_socket *nl, unsigned ifindex, const struct setting *settings, size_t n) {
        _Alignas(struct nlmsghdr) uint8_t buf[REQUEST_MAX];
        struct nlmsghdr *h = request(buf, RTM_SETLINK, 0, ifindex, 0);
        struct nlattr *spec = mnl_attr_nest_start(h, IFLA_AF_SPEC);
        struct nlattr *ipv4 = mnl_attr_nest_start(h, AF_INET), *conf = mnl_attr_nest_start(h, IFLA_INET_CONF);

        for (size_t i = 0; i < n; i++)
                mnl_attr_put_u32(h, settings[i].name, settings[i].value);
        mnl_attr_nest_end(h, conf);
        mnl_attr_nest_end(h, ipv4);
        mnl_attr_nest_end(h, spec);
        return transact(nl, h, NULL, NULL);
}

/* No link-local address: every member would derive the same one from the virtual MAC. */
static int set_no_ipv6_address(struct mnl_socket *nl, unsigned ifindex) {
        _Alignas(struct nlmsghdr) uint8_t buf[REQUEST_MAX];
        struct nlmsghdr *h = request(buf, RTM_SETLINK, 0, ifindex, 0);
        struct nlattr *spec = mnl_attr_nest_start(h, IFLA_AF_SPEC), *ipv6 = mnl_attr_nest_start(h, AF_INET6);

        mnl_attr_put_u8(h, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
        mnl_attr_nest_end(h, ipv6);
        mnl_attr_nest_end(h, spec);
        return transact(nl, h, NULL, NULL);
}

/* rtnetlink cannot set these two. */
static int set_no_router_advertisements(const char *name) {
        static const char *const files[] = { "accept_ra", "autoconf" };
        char path[64 + IF_NAMESIZE];

        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                CLEANUP(closep) int fd = -1;

                snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/%s", name, files[i]);
                fd = open(path, O_WRONLY | O_CLOEXEC);
                if (fd < 0 ? errno != ENOENT : write(fd, "0", 1) < 0) /* ENOENT: a kernel without IPv6 */
                        return -errno;
        }
        return 0;
}

static int set_up(struct mnl_socket *nl, unsigned ifindex) {
        _Alignas(struct nlmsghdr) uint8_t buf[REQUEST_MAX];
        struct nlmsghdr *h = request(buf, RTM_SETLINK, 0, ifindex, IFF_UP);

        mnl_attr_put_strz(h, IFLA_IFALIAS, alias);
        return transact(nl, h, NULL, NULL);
}

/* Replies take another way than requests came: rp_filter 2 lets them pass whatever conf/all says, where 0
 * would need conf/all to be 0 too. */
static const struct setting own_settings[] = {
        { IPV4_DEVCONF_ARP_IGNORE, 1 },
        { IPV4_DEVCONF_RP_FILTER, 2 },
        { IPV4_DEVCONF_PROMOTE_SECONDARIES, 1 },
};
/* Answer ARP for own addresses only, and ask by own addresses only: what is sent from a virtual address
 * leaves by the parent, whose question "who has the client, tell the virtual address" would teach the client
 * the parent's MAC. */
static const struct setting parent_settings[] = {
        { IPV4_DEVCONF_ARP_IGNORE, 1 },
        { IPV4_DEVCONF_ARP_ANNOUNCE, 2 },
};

struct conf {
        uint32_t values[IPV4_DEVCONF_MAX]; /* the setting n at n - 1 */
};

static int conf_attribute(const struct nlattr *a, void *userdata) {
        size_t size = mnl_attr_get_payload_len(a);
        struct conf *c = userdata;

        switch (mnl_attr_get_type(a)) { /* of IFLA_AF_SPEC, then of AF_INET */
        case AF_INET:
                return mnl_attr_parse_nested(a, conf_attribute, userdata);
        case IFLA_INET_CONF:
                memcpy(c->values, mnl_attr_get_payload(a), size < sizeof c->values ? size : sizeof c->values);
                break;
        }
        return MNL_CB_OK;
}
_Static_assert((int)AF_INET != (int)IFLA_INET_CONF, "one callback for both levels");

static int spec_attribute(const struct nlattr *a, void *userdata) {
        return mnl_attr_get_type(a) == IFLA_AF_SPEC ? mnl_attr_parse_nested(a, conf_attribute, userdata)
                                                    : MNL_CB_OK;
}

static int conf_link(const struct nlmsghdr *h, void *userdata) {
        return mnl_attr_parse(h, sizeof(struct ifinfomsg), spec_attribute, userdata);
}

/* A stricter value of the operator's stays. */
static int set_parent(struct mnl_socket *nl, unsigned parent) {
        _Alignas(struct nlmsghdr) uint8_t buf[REQUEST_MAX];
        struct conf c = { 0 };
        int r = transact(nl, request(buf, RTM_GETLINK, 0, parent, 0), conf_link, &c);

        for (size_t i = 0; i < ARRAY_SIZE(parent_settings) && r >= 0; i++)
                if (c.values[parent_settings[i].name - 1] < parent_settings[i].value)
                        r = set_ipv4(nl, parent, &parent_settings[i], 1);
        return r;
}

static int delete_link(struct mnl_socket *nl, unsigned ifindex) {
        _Alignas(struct nlmsghdr) uint8_t buf[REQUEST_MAX];
        int r = transact(nl, request(buf, RTM_DELLINK, 0, ifindex, 0), NULL, NULL);

        return r == -ENODEV ? 0 : r;
}

/* One link of a dump, as far as it tells whether it is ours. */
struct link {
        char name[IF_NAMESIZE];
        uint8_t mac[6];
        bool macvlan;
        unsigned parent;
};

static int info_attribute(const struct nlattr *a, void *userdata) {
        struct link *l = userdata;

        if (mnl_attr_get_type(a) == IFLA_INFO_KIND)
                l->macvlan = mnl_attr_get_payload_len(a) == sizeof kind_macvlan &&
                             memcmp(mnl_attr_get_payload(a), kind_macvlan, sizeof kind_macvlan) == 0;
        return MNL_CB_OK;
}

static int link_attribute(const struct nlattr *a, void *userdata) {
        size_t size = mnl_attr_get_payload_len(a);
        struct link *l = userdata;

        switch (mnl_attr_get_type(a)) {
        case IFLA_IFNAME:
                if (size <= sizeof l->name)
                        memcpy(l->name, mnl_attr_get_payload(a), size);
                break;
        case IFLA_ADDRESS:
                if (size == sizeof l->mac)
                        memcpy(l->mac, mnl_attr_get_payload(a), size);
                break;
        case IFLA_LINK:
                if (size == sizeof l->parent)
                        l->parent = mnl_attr_get_u32(a);
                break;
        case IFLA_LINKINFO:
                mnl_attr_parse_nested(a, info_attribute, l);
                break;
        }
        return MNL_CB_OK;
}

static bool is_ours(const struct link *l) {
        static const uint8_t families[] = { AF_INET, AF_INET6 };

        for (size_t i = 0; i < ARRAY_SIZE(families) && l->macvlan; i++) {
                char name[IF_NAMESIZE];
                uint8_t mac[6];

                vrrp_vmac_address(families[i], l->mac[5], mac);
                if (memcmp(mac, l->mac, sizeof mac) == 0 &&
                    name_of(l->parent, families[i], l->mac[5], name) == 0 &&
                    strncmp(name, l->name, sizeof name) == 0)
                        return true;
        }
        return false;
}

struct stale {
        unsigned parent;  /* 0: any */
        const char *name; /* NULL: any */
        unsigned found[STALE_MAX];
        size_t n;
};

static int stale_link(const struct nlmsghdr *h, void *userdata) {
        const struct ifinfomsg *info = mnl_nlmsg_get_payload(h);
        struct stale *s = userdata;
        struct link l = { 0 };

        mnl_attr_parse(h, sizeof *info, link_attribute, &l);
        if (is_ours(&l) && (s->parent == 0 || s->parent == l.parent) &&
            (!s->name || strncmp(s->name, l.name, sizeof l.name) == 0) && s->n < ARRAY_SIZE(s->found))
                s->found[s->n++] = (unsigned)info->ifi_index;
        return MNL_CB_OK;
}

static int flush(struct mnl_socket *nl, struct stale *s) {
        _Alignas(struct nlmsghdr) uint8_t buf[REQUEST_MAX];
        struct nlmsghdr *h = request(buf, RTM_GETLINK, NLM_F_DUMP, 0, 0);
        int r;

        h->nlmsg_flags &= (uint16_t)~NLM_F_ACK; /* the end of the dump is the answer */
        if ((r = transact(nl, h, stale_link, s)) < 0)
                return r;
        for (size_t i = 0; i < s->n; i++)
                if ((r = delete_link(nl, s->found[i])) < 0)
                        return r;
        return 0;
}

static int make(struct mnl_socket *nl, unsigned parent, struct vrrp_vmac *v) {
        int r;

        if ((r = create(nl, parent, v)) < 0)
                return r;
        if ((v->ifindex = if_nametoindex(v->name)) == 0)
                return -errno;
        if ((r = set_no_ipv6_address(nl, v->ifindex)) < 0 && r != -EAFNOSUPPORT && r != -EOPNOTSUPP)
                return r;
        v->ra_error = set_no_router_advertisements(v->name);
        if ((r = set_ipv4(nl, v->ifindex, own_settings, ARRAY_SIZE(own_settings))) < 0 ||
            (r = set_parent(nl, parent)) < 0)
                return r;
        return set_up(nl, v->ifindex);
}

int vrrp_vmac_create(unsigned parent, uint8_t family, uint8_t vrid, struct vrrp_vmac *ret) {
        CLEANUP(mnl_socket_closep) struct mnl_socket *nl = NULL;
        struct vrrp_vmac v = { 0 };
        struct stale s = { .parent = parent, .name = v.name };
        int r;

        vrrp_vmac_address(family, vrid, v.mac);
        if ((r = name_of(parent, family, vrid, v.name)) < 0 || (r = open_socket(&nl)) < 0 ||
            (r = flush(nl, &s)) < 0)
                return r;
        if ((r = make(nl, parent, &v)) < 0) {
                if (v.ifindex > 0)
                        delete_link(nl, v.ifindex);
                return r;
        }
        *ret = v;
        return 0;
}

int vrrp_vmac_delete(const struct vrrp_vmac *v) {
        CLEANUP(mnl_socket_closep) struct mnl_socket *nl = NULL;
        int r = open_socket(&nl);

        return r < 0 ? r : delete_link(nl, v->ifindex);
}

int vrrp_vmac_flush(unsigned parent, unsigned *ret_removed) {
        CLEANUP(mnl_socket_closep) struct mnl_socket *nl = NULL;
        struct stale s = { .parent = parent };
        int r;

        *ret_removed = 0;
        if ((r = open_socket(&nl)) < 0 || (r = flush(nl, &s)) < 0)
                return r;
        *ret_removed = (unsigned)s.n;
        return 0;
}
