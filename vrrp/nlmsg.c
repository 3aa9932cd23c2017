#include "vrrp/nlmsg.h"
#include "vrrp/address.h"
#include "vrrp/nlraw.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>

/* Not mnl_attr_parse(): it reads up to the aligned end, which may be beyond the message's. */
static bool attributes(const struct nlmsghdr *h, size_t header, mnl_attr_cb_t fn, void *userdata) {
        return mnl_attr_parse_payload((const uint8_t *)mnl_nlmsg_get_payload(h) + header,
                                      mnl_nlmsg_get_payload_len(h) - header, fn, userdata) == MNL_CB_OK;
}

static int link_attribute(const struct nlattr *a, void *userdata) {
        struct vrrp_nl *m = userdata;
        size_t size = mnl_attr_get_payload_len(a);

        switch (mnl_attr_get_type(a)) {
        case IFLA_IFNAME:
                if (size > sizeof m->name || mnl_attr_validate(a, MNL_TYPE_NUL_STRING) < 0)
                        return MNL_CB_ERROR;
                memcpy(m->name, mnl_attr_get_payload(a), size);
                break;
        case IFLA_ADDRESS:
                if (size == sizeof m->mac)
                        memcpy(m->mac, mnl_attr_get_payload(a), size);
                break;
        }
        return MNL_CB_OK;
}

static bool parse_link(const struct nlmsghdr *h, struct vrrp_nl *m) {
        const struct ifinfomsg *info = mnl_nlmsg_get_payload(h);

        if (mnl_nlmsg_get_payload_len(h) < sizeof *info)
                return false;
        m->kind = VRRP_NL_LINK;
        m->ifindex = (unsigned)info->ifi_index;
        m->running = (info->ifi_flags & IFF_UP) && (info->ifi_flags & IFF_RUNNING);
        /* A bridge reports its ports in its own family; such a message speaks of the port's membership. */
        return info->ifi_family == AF_UNSPEC && attributes(h, sizeof *info, link_attribute, m);
}

static bool take_address(const struct nlattr *a, struct vrrp_ip *ret) {
        size_t size = mnl_attr_get_payload_len(a);

        if (size != vrrp_ip_size(ret))
                return false;
        memcpy(ret->b, mnl_attr_get_payload(a), size);
        return true;
}

static void take_flags(struct vrrp_nl *m, uint32_t flags) {
        bool ipv6 = m->address.family == AF_INET6;

        m->secondary = !ipv6 && flags & IFA_F_SECONDARY; /* the same bit says "temporary" in IPv6 */
        m->unusable = ipv6 && flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED);
}

struct address_parts {
        struct vrrp_nl *m;
        struct vrrp_ip local, address; /* zero: not there */
};

static int address_attribute(const struct nlattr *a, void *userdata) {
        struct address_parts *p = userdata;

        switch (mnl_attr_get_type(a)) {
        case IFA_LOCAL:
                return take_address(a, &p->local) ? MNL_CB_OK : MNL_CB_ERROR;
        case IFA_ADDRESS:
                return take_address(a, &p->address) ? MNL_CB_OK : MNL_CB_ERROR;
        case IFA_FLAGS:
                if (mnl_attr_validate(a, MNL_TYPE_U32) < 0)
                        return MNL_CB_ERROR;
                take_flags(p->m, mnl_attr_get_u32(a));
                break;
        case IFA_PROTO:
                if (mnl_attr_validate(a, MNL_TYPE_U8) < 0)
                        return MNL_CB_ERROR;
                p->m->proto = mnl_attr_get_u8(a);
                break;
        }
        return MNL_CB_OK;
}

static bool parse_address(const struct nlmsghdr *h, struct vrrp_nl *m) {
        const struct ifaddrmsg *info = mnl_nlmsg_get_payload(h);
        struct address_parts p = { .m = m };
        struct vrrp_ip zero;

        if (mnl_nlmsg_get_payload_len(h) < sizeof *info ||
            (info->ifa_family != AF_INET && info->ifa_family != AF_INET6))
                return false;
        zero.family = info->ifa_family;
        memset(zero.b, 0, sizeof zero.b);
        m->kind = VRRP_NL_ADDRESS;
        m->ifindex = info->ifa_index;
        m->prefix = info->ifa_prefixlen;
        m->address = p.local = p.address = zero;
        take_flags(m, info->ifa_flags);
        if (m->prefix > vrrp_ip_bits(&zero) || !attributes(h, sizeof *info, address_attribute, &p))
                return false;
        /* With a peer IFA_ADDRESS is the peer's; IPv6 leaves IFA_LOCAL out when there is none. */
        m->address = vrrp_ip_equal(&p.local, &zero) && zero.family == AF_INET6 ? p.address : p.local;
        return !vrrp_ip_equal(&m->address, &zero);
}

static bool parse_one(const struct nlmsghdr *h, struct vrrp_nl *m) {
        switch (h->nlmsg_type) {
        case NLMSG_ERROR:
        case NLMSG_DONE:
                m->kind = h->nlmsg_type == NLMSG_DONE ? VRRP_NL_DONE : VRRP_NL_ACK;
                return vrrp_nl_result(h, &m->error);
        case RTM_DELLINK:
                m->removed = true;
                return parse_link(h, m);
        case RTM_NEWLINK:
                return parse_link(h, m);
        case RTM_DELADDR:
                m->removed = true;
                return parse_address(h, m);
        case RTM_NEWADDR:
                return parse_address(h, m);
        }
        return false;
}

int vrrp_nl_parse(const void *buf, size_t size, vrrp_nl_fn *fn, void *userdata) {
        struct vrrp_nl_messages messages = vrrp_nl_messages(buf, size);
        const struct nlmsghdr *h;

        while ((h = vrrp_nl_next(&messages))) {
                struct vrrp_nl m = { .seq = h->nlmsg_seq, .portid = h->nlmsg_pid };

                if (parse_one(h, &m))
                        fn(&m, userdata);
        }
        return vrrp_nl_rest(&messages);
}

static struct nlmsghdr *address_request(void *buf, uint16_t type, uint32_t seq,
                                        const struct vrrp_nl_address *a) {
        struct nlmsghdr *h = vrrp_nl_request(buf, VRRP_NL_REQUEST_MAX, type, NLM_F_ACK, seq);
        struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(h, sizeof *info);

        info->ifa_family = a->address.family;
        info->ifa_prefixlen = a->prefix;
        info->ifa_scope = RT_SCOPE_UNIVERSE;
        info->ifa_index = a->ifindex;
        mnl_attr_put(h, IFA_LOCAL, vrrp_ip_size(&a->address), a->address.b);
        mnl_attr_put(h, IFA_ADDRESS, vrrp_ip_size(&a->address), a->address.b);
        return h;
}

size_t vrrp_nl_add(void *buf, uint32_t seq, const struct vrrp_nl_address *a) {
        struct nlmsghdr *h = address_request(buf, RTM_NEWADDR, seq, a);
        bool ipv6 = a->address.family == AF_INET6;
        struct ifa_cacheinfo lifetime = { .ifa_prefered = ipv6 ? 0 : a->valid_s, .ifa_valid = a->valid_s };

        h->nlmsg_flags |= NLM_F_CREATE | NLM_F_REPLACE;
        mnl_attr_put_u32(h, IFA_FLAGS, IFA_F_NOPREFIXROUTE | (ipv6 ? IFA_F_NODAD : 0));
        mnl_attr_put(h, IFA_CACHEINFO, sizeof lifetime, &lifetime);
        mnl_attr_put_u8(h, IFA_PROTO, VRRP_ADDR_PROTO);
        return h->nlmsg_len;
}

size_t vrrp_nl_delete(void *buf, uint32_t seq, const struct vrrp_nl_address *a) {
        return address_request(buf, RTM_DELADDR, seq, a)->nlmsg_len;
}

size_t vrrp_nl_dump_addresses(void *buf, uint32_t seq, unsigned ifindex) {
        struct nlmsghdr *h = vrrp_nl_request(buf, VRRP_NL_REQUEST_MAX, RTM_GETADDR, NLM_F_DUMP, seq);
        struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(h, sizeof *info);

        info->ifa_family = AF_UNSPEC;
        info->ifa_index = ifindex;
        return h->nlmsg_len;
}

size_t vrrp_nl_get_link(void *buf, uint32_t seq, const char *name) {
        struct nlmsghdr *h = vrrp_nl_request(buf, VRRP_NL_REQUEST_MAX, RTM_GETLINK, NLM_F_ACK, seq);

        mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
        mnl_attr_put_strz(h, IFLA_IFNAME, name);
        return h->nlmsg_len;
}
