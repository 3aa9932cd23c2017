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

static struct in_addr ip(const char *text) {
        struct in_addr a;

        assert_int_equal(inet_pton(AF_INET, text, &a), 1);
        return a;
}

union buffer {
        struct nlmsghdr align;
        uint8_t v[1024];
};

static void address_requests_read_back(void **state) {
        struct vrrp_nl_address a = { .ifindex = 7, .address = ip("10.1.2.3"), .prefix = 32, .valid_s = 2 };
        struct seen s = { .n = 0 };
        union buffer b;
        size_t n = vrrp_nl_add(b.v, 5, &a);

        (void)state;
        assert_true(n <= VRRP_NL_REQUEST_MAX);
        assert_int_equal(b.align.nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
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
                assert_int_equal(s.v[i].prefix, 32);
                assert_int_equal(s.v[i].proto, i == 0 ? VRRP_ADDR_PROTO : 0);
                assert_int_equal(s.v[i].address.s_addr, a.address.s_addr);
        }
}

static int lifetime_and_flags(const struct nlattr *a, void *userdata) {
        unsigned *found = userdata;
        const struct ifa_cacheinfo *c;

        if (mnl_attr_get_type(a) == IFA_CACHEINFO) {
                c = mnl_attr_get_payload(a);
                assert_int_equal(c->ifa_valid, 2);
                assert_int_equal(c->ifa_prefered, 2);
                *found |= 1;
        } else if (mnl_attr_get_type(a) == IFA_FLAGS) {
                assert_int_equal(mnl_attr_get_u32(a), IFA_F_NOPREFIXROUTE);
                *found |= 2;
        } else if (mnl_attr_get_type(a) == IFA_ADDRESS) {
                *found |= 4; /* without it the prefix length of a deletion is not looked at */
        }
        return MNL_CB_OK;
}

static void address_is_added_with_a_lifetime(void **state) {
        struct vrrp_nl_address a = { .ifindex = 7, .address = ip("10.1.2.3"), .prefix = 32, .valid_s = 2 };
        unsigned found = 0;
        union buffer b;

        (void)state;
        vrrp_nl_add(b.v, 5, &a);
        mnl_attr_parse(&b.align, sizeof(struct ifaddrmsg), lifetime_and_flags, &found);
        assert_int_equal(found, 7);
        found = 0;
        vrrp_nl_delete(b.v, 5, &a);
        mnl_attr_parse(&b.align, sizeof(struct ifaddrmsg), lifetime_and_flags, &found);
        assert_int_equal(found, 4);
}

static struct nlmsghdr *message(void *buf, uint16_t type, size_t extra) {
        struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

        h->nlmsg_type = type;
        mnl_nlmsg_put_extra_header(h, extra);
        return h;
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
        struct vrrp_nl_address a = { .ifindex = 7, .address = ip("10.1.2.3"), .prefix = 32, .valid_s = 2 };
        struct seen s = { .n = 0 };
        union buffer b;
        size_t n = vrrp_nl_add(b.v, 5, &a);

        (void)state;
        for (size_t size = 0; size < n; size++)
                vrrp_nl_parse(b.v, size, collect, &s);
        assert_int_equal(vrrp_nl_parse(b.v, n - 1, collect, &s), -EBADMSG);
        b.v[16] = AF_INET6;
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
        struct vrrp_arp a = { .sender = ip("10.9.0.100"), .target = ip("10.9.0.100") }, back;
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
        struct in_addr a = ip("10.0.0.1"), b = ip("10.0.0.2");
        const uint64_t gap = VRRP_NOTICE_GAP_US;

        (void)state;
        assert_true(vrrp_notice_due(&n, VRRP_NOTICE_SOURCE, a, 1000));
        assert_false(vrrp_notice_due(&n, VRRP_NOTICE_SOURCE, a, 1000 + 5 * gap)); /* same sender */
        assert_true(vrrp_notice_due(&n, VRRP_NOTICE_SEND, a, 1000));              /* another kind */
        assert_true(vrrp_notice_due(&n, VRRP_NOTICE_SOURCE, b, 1000 + gap));
        assert_false(vrrp_notice_due(&n, VRRP_NOTICE_SOURCE, a, 1001 + gap)); /* taking turns is no flood */
        vrrp_notice_reset(&n);
        assert_true(vrrp_notice_due(&n, VRRP_NOTICE_SOURCE, a, 1002 + gap));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(address_requests_read_back),
                cmocka_unit_test(address_is_added_with_a_lifetime),
                cmocka_unit_test(link_states),
                cmocka_unit_test(acknowledgements),
                cmocka_unit_test(broken_messages_are_skipped),
                cmocka_unit_test(gratuitous_arp_as_others_send_it),
                cmocka_unit_test(other_frames_are_no_arp),
                cmocka_unit_test(notices_once_until_something_changes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
