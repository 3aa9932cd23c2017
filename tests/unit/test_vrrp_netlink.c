/* Netlink messages and ARP frames: what is built, what is read, what is refused; and the rate of notices. */
#include "vrrp/address.h"
#include "vrrp/arp.h"
#include "vrrp/nlmsg.h"
#include "vrrp/notice.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct seen {
        struct vrrp_nl v[8];
        size_t n;
};

static void collect(const struct vrrp_nl *m, void *userdata) {
        struct seen *s = userdata;

        assert_true(s->n < 8);
        s->v[s->n++] = *m;
}

static struct vrrp_ip ip(const char *text) {
        struct vrrp_ip a;

        assert_int_equal(vrrp_ip_parse(text, &a), 0);
        return a;
}

static struct in_addr ip4(const char *text) {
        struct vrrp_ip a = ip(text);

        return vrrp_ip_in(&a);
}

union buffer {
        struct nlmsghdr align;
        uint8_t v[1024];
};

static const struct {
        const char *text;
        uint8_t bits;
        unsigned preferred_s;
        uint32_t flags;
} samples[] = {
        { "10.1.2.3", 32, 2, IFA_F_NOPREFIXROUTE },
        { "fd00:77::100", 128, 0, IFA_F_NOPREFIXROUTE | IFA_F_NODAD },
};

static void address_requests_read_back(void **state) {
        (void)state;
        for (size_t k = 0; k < 2; k++) {
                struct vrrp_nl_address a = { 7, ip(samples[k].text), samples[k].bits, 2 };
                struct seen s = { .n = 0 };
                union buffer b;
                size_t n = vrrp_nl_add(b.v, 5, &a);

                assert_true(n <= VRRP_NL_REQUEST_MAX);
                assert_int_equal(b.align.nlmsg_flags,
                                 NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
                assert_int_equal(vrrp_nl_parse(b.v, n, collect, &s), 0);
                n = vrrp_nl_delete(b.v, 6, &a);
                assert_int_equal(b.align.nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
                assert_int_equal(vrrp_nl_parse(b.v, n, collect, &s), 0);
                assert_int_equal(s.n, 2);
                for (size_t i = 0; i < 2; i++) {
                        assert_int_equal(s.v[i].kind, VRRP_NL_ADDRESS);
                        assert_int_equal(s.v[i].seq, 5 + i);
                        assert_int_equal(s.v[i].removed, i);
                        assert_int_equal(s.v[i].ifindex, 7);
                        assert_int_equal(s.v[i].prefix, samples[k].bits);
                        assert_int_equal(s.v[i].proto, i == 0 ? VRRP_ADDR_PROTO : 0);
                        assert_true(vrrp_ip_equal(&s.v[i].address, &a.address));
                }
        }
}

struct attributes {
        unsigned found;
        size_t sample;
};

static int lifetime_and_flags(const struct nlattr *a, void *userdata) {
        struct attributes *t = userdata;
        const struct ifa_cacheinfo *c;

        if (mnl_attr_get_type(a) == IFA_CACHEINFO) {
                c = mnl_attr_get_payload(a);
                assert_int_equal(c->ifa_valid, 2);
                assert_int_equal(c->ifa_prefered, samples[t->sample].preferred_s);
                t->found |= 1;
        } else if (mnl_attr_get_type(a) == IFA_FLAGS) {
                assert_int_equal(mnl_attr_get_u32(a), samples[t->sample].flags);
                t->found |= 2;
        } else if (mnl_attr_get_type(a) == IFA_ADDRESS) {
                t->found |= 4; /* without it the prefix length of a deletion is not looked at */
        }
        return MNL_CB_OK;
}

static void address_is_added_with_a_lifetime(void **state) {
        (void)state;
        for (size_t k = 0; k < 2; k++) {
                struct vrrp_nl_address a = { 7, ip(samples[k].text), samples[k].bits, 2 };
                struct attributes t = { 0, k };
                union buffer b;

                vrrp_nl_add(b.v, 5, &a);
                mnl_attr_parse(&b.align, sizeof(struct ifaddrmsg), lifetime_and_flags, &t);
                assert_int_equal(t.found, 7);
                t.found = 0;
                vrrp_nl_delete(b.v, 5, &a);
                mnl_attr_parse(&b.align, sizeof(struct ifaddrmsg), lifetime_and_flags, &t);
                assert_int_equal(t.found, 4);
        }
}

static struct nlmsghdr *message(void *buf, uint16_t type, size_t extra) {
        struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

        h->nlmsg_type = type;
        mnl_nlmsg_put_extra_header(h, extra);
        return h;
}

/* As the kernel tells of IPv6: no IFA_LOCAL unless there is a peer, flags beyond eight bits in IFA_FLAGS. */
static void ipv6_addresses_of_the_kernel(void **state) {
        struct vrrp_ip own = ip("fd00:77::100"), peer = ip("fd00:77::1");
        static const struct {
                uint32_t flags;
                bool unusable;
        } cases[] = { { IFA_F_PERMANENT | IFA_F_NODAD, false },
                      { IFA_F_TENTATIVE, true },
                      { IFA_F_TENTATIVE | IFA_F_DADFAILED, true },
                      { IFA_F_TEMPORARY | IFA_F_NOPREFIXROUTE, false } };

        (void)state;
        for (size_t i = 0; i < 8; i++) {
                struct seen s = { .n = 0 };
                union buffer b = { .v = { 0 } };
                struct nlmsghdr *h = message(b.v, RTM_NEWADDR, sizeof(struct ifaddrmsg));
                struct ifaddrmsg *info = mnl_nlmsg_get_payload(h);

                info->ifa_family = AF_INET6;
                info->ifa_prefixlen = 128;
                info->ifa_index = 3;
                info->ifa_flags = (uint8_t)cases[i % 4].flags;
                mnl_attr_put(h, IFA_ADDRESS, 16, i < 4 ? own.b : peer.b);
                if (i >= 4)
                        mnl_attr_put(h, IFA_LOCAL, 16, own.b);
                mnl_attr_put_u32(h, IFA_FLAGS, cases[i % 4].flags);
                assert_int_equal(vrrp_nl_parse(b.v, h->nlmsg_len, collect, &s), 0);
                assert_int_equal(s.n, 1);
                assert_true(vrrp_ip_equal(&s.v[0].address, &own));
                assert_int_equal(s.v[0].unusable, cases[i % 4].unusable);
                assert_false(s.v[0].secondary); /* IFA_F_TEMPORARY is the same bit */
        }
}

static void link_states(void **state) {
        static const struct {
                unsigned flags;
                bool running;
        } cases[] = {
                { IFF_UP | IFF_RUNNING, true }, { IFF_UP, false }, { IFF_RUNNING, false }, { 0, false }
        };
        static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };

        (void)state;
        for (size_t i = 0; i < 4; i++) {
                struct seen s = { .n = 0 };
                union buffer b = { .v = { 0 } };
                struct nlmsghdr *h =
                        message(b.v, i == 3 ? RTM_DELLINK : RTM_NEWLINK, sizeof(struct ifinfomsg));
                struct ifinfomsg *info = mnl_nlmsg_get_payload(h);

                info->ifi_index = 3;
                info->ifi_flags = cases[i].flags;
                mnl_attr_put_strz(h, IFLA_IFNAME, "eth0");
                mnl_attr_put(h, IFLA_ADDRESS, 6, mac);
                assert_int_equal(vrrp_nl_parse(b.v, h->nlmsg_len, collect, &s), 0);
                assert_int_equal(s.n, 1);
                assert_int_equal(s.v[0].kind, VRRP_NL_LINK);
                assert_int_equal(s.v[0].ifindex, 3);
                assert_int_equal(s.v[0].running, cases[i].running);
                assert_int_equal(s.v[0].removed, i == 3);
                assert_string_equal(s.v[0].name, "eth0");
                assert_memory_equal(s.v[0].mac, mac, 6);
                info->ifi_family = AF_BRIDGE; /* about a bridge's port, not the link */
                assert_int_equal(vrrp_nl_parse(b.v, h->nlmsg_len, collect, &s), 0);
                assert_int_equal(s.n, 1);
        }
}

static void acknowledgements(void **state) {
        struct seen s = { .n = 0 };
        union buffer b = { .v = { 0 } };
        struct nlmsghdr *h = message(b.v, NLMSG_ERROR, sizeof(struct nlmsgerr));

        (void)state;
        h->nlmsg_seq = 9;
        ((struct nlmsgerr *)mnl_nlmsg_get_payload(h))->error = -EADDRNOTAVAIL;
        assert_int_equal(vrrp_nl_parse(b.v, h->nlmsg_len, collect, &s), 0);
        assert_int_equal(s.n, 1);
        assert_int_equal(s.v[0].kind, VRRP_NL_ACK);
        assert_int_equal(s.v[0].seq, 9);
        assert_int_equal(s.v[0].error, -EADDRNOTAVAIL);
}

/* Each change makes the message unreadable as a whole: it is skipped, nothing is read beyond it. */
static void broken_messages_are_skipped(void **state) {
        struct vrrp_nl_address a = { 7, ip("10.1.2.3"), 32, 2 };
        struct seen s = { .n = 0 };
        union buffer b;
        size_t n = vrrp_nl_add(b.v, 5, &a);

        (void)state;
        for (size_t size = 0; size < n; size++)
                vrrp_nl_parse(b.v, size, collect, &s);
        assert_int_equal(vrrp_nl_parse(b.v, n - 1, collect, &s), -EBADMSG);
        b.v[16] = AF_INET6; /* four bytes are no IPv6 address */
        vrrp_nl_parse(b.v, n, collect, &s);
        b.v[16] = AF_BRIDGE;
        vrrp_nl_parse(b.v, n, collect, &s);
        b.v[16] = AF_INET;
        b.v[17] = 33; /* prefix length */
        vrrp_nl_parse(b.v, n, collect, &s);
        b.v[17] = 32;
        b.v[24] = 6; /* IFA_LOCAL of two bytes */
        vrrp_nl_parse(b.v, n, collect, &s);
        b.v[24] = 8;
        memset(b.v + 28, 0, 4); /* 0.0.0.0 */
        vrrp_nl_parse(b.v, n, collect, &s);
        assert_int_equal(s.n, 0);
}

/* A captured gratuitous ARP of keepalived: VIP 10.9.0.100. */
static const uint8_t garp[VRRP_ARP_FRAME] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x62, 0xed, 0x92, 0xdc, 0xbf, 0x9a, 0x08, 0x06,
        0,    1,    8,    0,    6,    4,    0,    1,    0x62, 0xed, 0x92, 0xdc, 0xbf, 0x9a,
        10,   9,    0,    100,  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 10,   9,    0,    100,
};

static void gratuitous_arp_as_others_send_it(void **state) {
        struct vrrp_arp a = { .sender = ip4("10.9.0.100"), .target = ip4("10.9.0.100") }, back;
        uint8_t frame[VRRP_ARP_FRAME];

        (void)state;
        memcpy(a.sender_mac, garp + 6, 6);
        memset(a.target_mac, 0xff, 6);
        vrrp_arp_build(&a, frame);
        assert_memory_equal(frame, garp, sizeof garp);
        assert_true(vrrp_arp_parse(frame, sizeof frame, &back));
        assert_memory_equal(&a, &back, sizeof a);
}

static void other_frames_are_no_arp(void **state) {
        static const uint8_t at[] = { 12, 13, 15, 17, 18, 19, 21 };
        struct vrrp_arp a;
        uint8_t frame[VRRP_ARP_FRAME];

        (void)state;
        for (size_t i = 0; i < sizeof at; i++) {
                memcpy(frame, garp, sizeof frame);
                frame[at[i]] = 9;
                assert_false(vrrp_arp_parse(frame, sizeof frame, &a));
        }
        for (size_t size = 0; size < sizeof garp; size++)
                assert_false(vrrp_arp_parse(garp, size, &a));
}

static void notices_once_until_something_changes(void **state) {
        struct vrrp_notices n = { 0 };
        struct vrrp_ip a = ip("10.0.0.1"), b = ip("10.0.0.2");
        const uint64_t gap = VRRP_NOTICE_GAP_US, again = VRRP_NOTICE_AGAIN_US;

        (void)state;
        assert_true(vrrp_notice_due(&n, VRRP_NOTICE_SOURCE, &a, 1000));
        assert_false(vrrp_notice_due(&n, VRRP_NOTICE_SOURCE, &a, 1000 + 5 * gap)); /* same sender */
        assert_true(vrrp_notice_due(&n, VRRP_NOTICE_SEND, &a, 1000));              /* another kind */
        assert_true(vrrp_notice_due(&n, VRRP_NOTICE_SOURCE, &b, 1000 + gap));
        assert_false(vrrp_notice_due(&n, VRRP_NOTICE_SOURCE, &a, 1001 + gap)); /* taking turns is no flood */
        assert_false(vrrp_notice_due(&n, VRRP_NOTICE_SOURCE, &b, 1000 + gap + again - 1));
        assert_true(vrrp_notice_due(&n, VRRP_NOTICE_SOURCE, &b, 1000 + gap + again)); /* it still does */
        vrrp_notice_reset(&n);
        assert_true(vrrp_notice_due(&n, VRRP_NOTICE_SOURCE, &b, 1001 + gap + again));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(address_requests_read_back),
                cmocka_unit_test(address_is_added_with_a_lifetime),
                cmocka_unit_test(ipv6_addresses_of_the_kernel),
                cmocka_unit_test(link_states),
                cmocka_unit_test(acknowledgements),
                cmocka_unit_test(broken_messages_are_skipped),
                cmocka_unit_test(gratuitous_arp_as_others_send_it),
                cmocka_unit_test(other_frames_are_no_arp),
                cmocka_unit_test(notices_once_until_something_changes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
