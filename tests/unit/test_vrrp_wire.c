/* The codec against captured packets, and each reason to reject. */
#include "vrrp/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct vrrp_ip ip(const char *text) {
        struct vrrp_ip a;

        assert_int_equal(vrrp_ip_parse(text, &a), 0);
        return a;
}

/* Captured messages; `alone` is what the checksum would be without the pseudo-header (0: there is no other
 * form). */
static const struct vector {
        const char *what, *src, *group, *vips[2];
        uint8_t version, vrid, priority;
        uint16_t alone;
        uint32_t interval_us;
        size_t size;
        uint8_t msg[40];
} vectors[] = {
        { .what = "v3, 0.5 s",
          .src = "10.9.0.1",
          .group = "224.0.0.18",
          .vips = { "10.9.0.100" },
          .version = 3,
          .vrid = 0x33,
          .priority = 150,
          .interval_us = 500000,
          .alone = 0x2e2c,
          .size = 12,
          .msg = { 0x31, 0x33, 0x96, 1, 0, 0x32, 0x43, 0x93, 10, 9, 0, 100 } },
        { .what = "v3, priority 0",
          .src = "10.9.0.1",
          .group = "224.0.0.18",
          .vips = { "10.9.0.100" },
          .version = 3,
          .vrid = 0x33,
          .priority = 0,
          .interval_us = 500000,
          .alone = 0xc42c,
          .size = 12,
          .msg = { 0x31, 0x33, 0, 1, 0, 0x32, 0xd9, 0x93, 10, 9, 0, 100 } },
        { .what = "v3 of FRR",
          .src = "10.9.0.2",
          .group = "224.0.0.18",
          .vips = { "10.9.0.200" },
          .version = 3,
          .vrid = 5,
          .priority = 200,
          .interval_us = 1000000,
          .alone = 0xfbc3,
          .size = 12,
          .msg = { 0x31, 5, 0xc8, 1, 0, 0x64, 0x11, 0x2a, 10, 9, 0, 200 } },
        { .what = "v2",
          .src = "10.9.0.1",
          .group = "224.0.0.18",
          .vips = { "10.9.0.102" },
          .version = 2,
          .vrid = 0x35,
          .priority = 150,
          .interval_us = 1000000,
          .size = 20,
          .msg = { 0x21, 0x35, 0x96, 1, 0, 1, 0x3e, 0x59, 10, 9, 0, 102 } },
        { .what = "v3, IPv6, two addresses",
          .src = "fe80::60ed:92ff:fedc:bf9a",
          .group = "ff02::12",
          .vips = { "fe80::54", "fd00:9::54" },
          .version = 3,
          .vrid = 0x36,
          .priority = 150,
          .interval_us = 1000000,
          .size = 40,
          .msg = { 0x31, 0x36, 0x96, 2, 0, 0x64, 0x8b, 0x9d, 0xfe, 0x80, [23] = 0x54, [24] = 0xfd, 0x00, 0x00,
                   0x09, [39] = 0x54 } },
};
enum { N_VECTORS = sizeof vectors / sizeof *vectors, V2 = 3, V6 = 4 };

static struct vrrp_packet packet_of(const struct vector *v, const uint8_t *msg) {
        return (struct vrrp_packet){ ip(v->src), ip(v->group), 255, msg, v->size };
}

static size_t addresses_of(const struct vector *v, struct vrrp_ip out[2]) {
        size_t n = 0;

        for (; n < 2 && v->vips[n]; n++)
                out[n] = ip(v->vips[n]);
        return n;
}

static enum vrrp_reject decode(const struct vector *v, const uint8_t *msg, struct vrrp_received *got) {
        struct vrrp_ip list[2];
        struct vrrp_wire_config own = { v->version, v->vrid, v->interval_us, list, addresses_of(v, list),
                                        false };
        struct vrrp_packet p = packet_of(v, msg);

        return vrrp_wire_decode(&p, &own, got);
}

static void expect_reject(enum vrrp_reject got, enum vrrp_reject wanted) {
        assert_string_equal(vrrp_reject_text(got), vrrp_reject_text(wanted));
}

static void decodes_captured_packets(void **state) {
        static struct vrrp_received got;

        (void)state;
        for (size_t i = 0; i < N_VECTORS; i++) {
                const struct vector *v = &vectors[i];
                struct vrrp_ip list[2], src = ip(v->src);
                size_t n = addresses_of(v, list);

                expect_reject(decode(v, v->msg, &got), VRRP_ACCEPT);
                assert_int_equal(got.sum, v->version == 2 ? VRRP_SUM_MESSAGE : VRRP_SUM_PSEUDO_HEADER);
                assert_true(vrrp_ip_equal(&got.src, &src));
                assert_int_equal(got.pdu.priority, v->priority);
                assert_int_equal(got.pdu.interval_us, v->interval_us);
                assert_true(vrrp_wire_same_addresses(&got.pdu, list, n));
        }
}

static void accepts_both_checksum_forms(void **state) {
        static struct vrrp_received got;
        uint8_t msg[12];

        (void)state;
        for (size_t i = 0; i < N_VECTORS; i++) {
                if (vectors[i].alone == 0)
                        continue;
                memcpy(msg, vectors[i].msg, sizeof msg);
                msg[6] = (uint8_t)(vectors[i].alone >> 8);
                msg[7] = (uint8_t)vectors[i].alone;
                expect_reject(decode(&vectors[i], msg, &got), VRRP_ACCEPT);
                assert_int_equal(got.sum, VRRP_SUM_MESSAGE);
        }
}

static struct vrrp_pdu pdu_of(const struct vector *v) {
        struct vrrp_pdu pdu = {
                .version = v->version,
                .family = ip(v->src).family,
                .vrid = v->vrid,
                .priority = v->priority,
                .interval_us = v->interval_us,
        };

        pdu.n_addresses = (uint8_t)addresses_of(v, pdu.addresses);
        return pdu;
}

static void encodes_as_captured(void **state) {
        uint8_t buf[64];

        (void)state;
        for (size_t i = 0; i < N_VECTORS; i++) {
                const struct vector *v = &vectors[i];
                struct vrrp_ip src = ip(v->src), dst = ip(v->group);
                struct vrrp_pdu pdu = pdu_of(v);

                memset(buf, 0xee, sizeof buf);
                assert_int_equal(vrrp_wire_encode(&pdu, &src, &dst, VRRP_SUM_PSEUDO_HEADER, buf, sizeof buf),
                                 v->size);
                assert_memory_equal(buf, v->msg, v->size);
                assert_int_equal(vrrp_wire_encode(&pdu, &src, &dst, VRRP_SUM_MESSAGE, buf, v->size), v->size);
                if (v->alone)
                        assert_int_equal(buf[6] << 8 | buf[7], v->alone);
                else
                        assert_memory_equal(buf, v->msg, v->size); /* no choice */
                assert_int_equal(vrrp_wire_encode(&pdu, &src, &dst, VRRP_SUM_MESSAGE, buf, v->size - 1), 0);
        }
}

static void refuses_to_encode(void **state) {
        static const struct {
                size_t vector;
                uint8_t version, family, n;
                uint32_t interval_us;
        } cases[] = {
                { 0, 3, AF_INET, 1, 0 },        { 0, 3, AF_INET, 1, 40960000 },
                { 0, 3, AF_INET, 1, 15000 },    { 0, 3, AF_INET, 0, 1000000 },
                { 0, 3, AF_INET6, 1, 1000000 }, { 0, 4, AF_INET, 1, 1000000 },
                { V2, 2, AF_INET, 1, 100000 },  { V2, 2, AF_INET, 1, 256000000 },
                { V2, 2, AF_INET, 1, 0 },       { V6, 2, AF_INET6, 1, 1000000 },
                { V6, 3, AF_INET, 1, 1000000 },
        };
        uint8_t buf[64];

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                const struct vector *v = &vectors[cases[i].vector];
                struct vrrp_ip src = ip(v->src), dst = ip(v->group);
                struct vrrp_pdu pdu = pdu_of(v);

                pdu.version = cases[i].version;
                pdu.family = cases[i].family;
                pdu.n_addresses = cases[i].n;
                pdu.interval_us = cases[i].interval_us;
                assert_int_equal(vrrp_wire_encode(&pdu, &src, &dst, VRRP_SUM_MESSAGE, buf, sizeof buf), 0);
        }
}

/* Recompute the checksum, so that a change is rejected for its own reason; v6: the pseudo-header stays, so
 * the difference the change made is taken out of the field. */
static void fix_sum(const uint8_t *captured, uint8_t *msg, size_t size) {
        uint32_t sum = (uint32_t)(captured[6] << 8 | captured[7]);

        for (size_t i = 0; i + 1 < size; i += 2) {
                if (i == 6)
                        continue;
                sum += (uint32_t)(captured[i] << 8 | captured[i + 1]);
                sum += 0xffff - (uint32_t)(msg[i] << 8 | msg[i + 1]);
        }
        while (sum >> 16)
                sum = (sum >> 16) + (sum & 0xffff);
        msg[6] = (uint8_t)(sum >> 8);
        msg[7] = (uint8_t)sum;
}

static void rejects_each_malformed_class(void **state) {
        static const struct {
                size_t vector, at;
                uint8_t value;
                enum vrrp_reject reason;
        } cases[] = {
                { 0, 0, 0x21, VRRP_REJECT_VERSION },
                { 0, 0, 0x41, VRRP_REJECT_VERSION },
                { 0, 0, 0x32, VRRP_REJECT_TYPE },
                { 0, 1, 0x34, VRRP_REJECT_VRID },
                { 0, 3, 2, VRRP_REJECT_LENGTH }, /* one address fewer than announced */
                { 0, 3, 0, VRRP_REJECT_LENGTH }, /* one more */
                { 0, 3, 255, VRRP_REJECT_LENGTH },
                { 0, 5, 0, VRRP_REJECT_INTERVAL },
                { 0, 4, 0xf0, VRRP_ACCEPT }, /* the reserved nibble is not looked at */
                { 0, 2, 255, VRRP_ACCEPT },  /* erratum 8298: owners are heard */
                { 0, 11, 7, VRRP_ACCEPT },   /* v3: other addresses are only told of */
                { V2, 0, 0x31, VRRP_REJECT_VERSION },
                { V2, 0, 0x22, VRRP_REJECT_TYPE },
                { V2, 1, 0x34, VRRP_REJECT_VRID },
                { V2, 3, 0, VRRP_REJECT_LENGTH },
                { V2, 3, 4, VRRP_REJECT_LENGTH },
                { V2, 4, 1, VRRP_REJECT_AUTH },
                { V2, 5, 0, VRRP_REJECT_INTERVAL },
                { V2, 5, 2, VRRP_REJECT_OTHER_INTERVAL },
                { V2, 11, 7, VRRP_REJECT_ADDRESSES },
                { V2, 19, 7, VRRP_ACCEPT }, /* what is in the authentication data counts for nothing */
                { V6, 3, 1, VRRP_REJECT_LENGTH },
                { V6, 8, 0xfd, VRRP_REJECT_LINK_LOCAL },
                { V6, 24, 0xfe, VRRP_ACCEPT },
        };
        static struct vrrp_received got;

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                const struct vector *v = &vectors[cases[i].vector];
                uint8_t msg[40];

                memcpy(msg, v->msg, sizeof msg);
                msg[cases[i].at] = cases[i].value;
                fix_sum(v->msg, msg, v->size);
                expect_reject(decode(v, msg, &got), cases[i].reason);
        }
}

static void the_reserved_nibble_is_no_part_of_the_interval(void **state) {
        static struct vrrp_received got;
        uint8_t msg[12];

        (void)state;
        memcpy(msg, vectors[0].msg, sizeof msg);
        msg[4] = 0xf0;
        fix_sum(vectors[0].msg, msg, sizeof msg);
        expect_reject(decode(&vectors[0], msg, &got), VRRP_ACCEPT);
        assert_int_equal(got.pdu.interval_us, vectors[0].interval_us);
}

/* Nobody sums the pseudo-header in version 2, nor leaves it out over IPv6. */
static void no_other_checksum_form(void **state) {
        static struct vrrp_received got;
        uint8_t msg[40];

        (void)state;
        memcpy(msg, vectors[V2].msg, sizeof msg);
        msg[6] = 0x53; /* with 10.9.0.1, 224.0.0.18, 112 and 20 */
        msg[7] = 0xb8;
        expect_reject(decode(&vectors[V2], msg, &got), VRRP_REJECT_CHECKSUM);
        memcpy(msg, vectors[V6].msg, sizeof msg);
        msg[6] = 0x3c; /* the message alone */
        msg[7] = 0x30;
        expect_reject(decode(&vectors[V6], msg, &got), VRRP_REJECT_CHECKSUM);
}

/* RFC 3768 section 7.1: another address list is dropped unless its sender is the owner. */
static void v2_owner_may_have_other_addresses(void **state) {
        static struct vrrp_received got;
        uint8_t msg[20];

        (void)state;
        memcpy(msg, vectors[V2].msg, sizeof msg);
        msg[2] = 255;
        msg[11] = 7;
        fix_sum(vectors[V2].msg, msg, sizeof msg);
        expect_reject(decode(&vectors[V2], msg, &got), VRRP_ACCEPT);
}

static void rejects_no_address(void **state) {
        static const uint8_t v3[8] = { 0x31, 0x33, 150, 0, 0, 50, 0x38, 0x9a };
        struct vrrp_wire_config own = { .version = 3, .vrid = 0x33 };
        struct vrrp_packet p = { ip("10.9.0.1"), ip("224.0.0.18"), 255, v3, sizeof v3 };
        static struct vrrp_received got;

        (void)state;
        expect_reject(vrrp_wire_decode(&p, &own, &got), VRRP_REJECT_COUNT);
        assert_memory_equal(&got.src, &p.src, sizeof p.src); /* known for the complaint */
}

static void rejects_hops(void **state) {
        static struct vrrp_received got;

        (void)state;
        for (size_t i = 0; i < N_VECTORS; i++) {
                struct vrrp_packet p = packet_of(&vectors[i], vectors[i].msg);
                struct vrrp_wire_config own = { .version = vectors[i].version, .vrid = vectors[i].vrid };

                p.hops = 254;
                expect_reject(vrrp_wire_decode(&p, &own, &got), VRRP_REJECT_HOPS);
        }
}

static void version_2_has_no_ipv6(void **state) {
        struct vrrp_packet p = packet_of(&vectors[V6], vectors[V2].msg);
        struct vrrp_wire_config own = { .version = 2, .vrid = vectors[V2].vrid };
        static struct vrrp_received got;

        (void)state;
        p.size = vectors[V2].size;
        expect_reject(vrrp_wire_decode(&p, &own, &got), VRRP_REJECT_VERSION);
}

static void rejects_every_flipped_bit_and_cut(void **state) {
        static struct vrrp_received got;

        (void)state;
        for (size_t i = 0; i < N_VECTORS; i++) {
                const struct vector *v = &vectors[i];
                uint8_t msg[40];

                memcpy(msg, v->msg, sizeof msg);
                for (size_t bit = 0; bit < v->size * 8; bit++) {
                        msg[bit / 8] ^= (uint8_t)(1 << bit % 8);
                        assert_int_not_equal(decode(v, msg, &got), VRRP_ACCEPT);
                        msg[bit / 8] ^= (uint8_t)(1 << bit % 8);
                }
                for (size_t size = 0; size < v->size; size++) {
                        struct vrrp_packet p = packet_of(v, msg);
                        struct vrrp_wire_config own = { .version = v->version, .vrid = v->vrid };

                        p.size = size;
                        expect_reject(vrrp_wire_decode(&p, &own, &got), VRRP_REJECT_LENGTH);
                }
        }
}

/* An IPv4 packet around the first vector, as a raw socket delivers it. */
static size_t whole(uint8_t *buf) {
        static const uint8_t header[20] = { 0x45, 0xc0, 0,  32, 0, 0, 0,   0, 255, 112,
                                            0,    0,    10, 9,  0, 1, 224, 0, 0,   18 };

        memcpy(buf, header, sizeof header);
        memcpy(buf + 20, vectors[0].msg, 12);
        return 32;
}

static void ipv4_headers(void **state) {
        static const struct {
                size_t at;
                uint8_t value;
                enum vrrp_reject reason;
                size_t size;
        } cases[] = {
                { 0, 0x45, VRRP_ACCEPT, 12 },       { 3, 31, VRRP_ACCEPT, 11 }, /* the total length counts */
                { 3, 20, VRRP_ACCEPT, 0 },          { 0, 0x65, VRRP_REJECT_LENGTH, 0 }, /* IP version */
                { 0, 0x44, VRRP_REJECT_LENGTH, 0 }, /* IP header of 16 bytes */
                { 0, 0x4f, VRRP_REJECT_LENGTH, 0 }, /* header longer than the packet */
                { 3, 33, VRRP_REJECT_LENGTH, 0 },   /* beyond what was received */
                { 3, 19, VRRP_REJECT_LENGTH, 0 },   /* cuts the IP header */
                { 9, 17, VRRP_REJECT_LENGTH, 0 },   /* another protocol */
        };
        uint8_t buf[64];

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                size_t n = whole(buf);
                struct vrrp_packet p;

                buf[cases[i].at] = cases[i].value;
                expect_reject(vrrp_wire_ipv4(buf, n, &p), cases[i].reason);
                assert_string_equal(vrrp_ip_text(&p.src).v, "10.9.0.1"); /* known for the complaint */
                if (cases[i].reason != VRRP_ACCEPT)
                        continue;
                assert_int_equal(p.size, cases[i].size);
                assert_int_equal(p.hops, 255);
                assert_string_equal(vrrp_ip_text(&p.dst).v, "224.0.0.18");
                assert_int_equal(vrrp_wire_vrid(&p), cases[i].size ? 0x33 : 0);
        }
        for (size_t size = 0; size < 32; size++) {
                struct vrrp_packet p;

                whole(buf);
                expect_reject(vrrp_wire_ipv4(buf, size, &p), VRRP_REJECT_LENGTH);
        }
}

static void padding_and_ip_options(void **state) {
        uint8_t buf[64] = { 0 };
        struct vrrp_packet p;

        (void)state;
        whole(buf);
        memset(buf + 32, 0xaa, 14); /* Ethernet's minimum */
        expect_reject(vrrp_wire_ipv4(buf, 46, &p), VRRP_ACCEPT);
        assert_int_equal(p.size, 12);
        memmove(buf + 24, buf + 20, 12); /* a router alert option */
        memcpy(buf + 20, (uint8_t[]){ 0x94, 4, 0, 0 }, 4);
        buf[0] = 0x46;
        buf[3] = 36;
        expect_reject(vrrp_wire_ipv4(buf, 46, &p), VRRP_ACCEPT);
        assert_int_equal(p.size, 12);
        assert_memory_equal(p.msg, vectors[0].msg, 12);
}

static void groups(void **state) {
        (void)state;
        assert_string_equal(vrrp_ip_text(&(struct vrrp_ip){ 0 }).v, "");
        for (size_t i = 0; i < N_VECTORS; i++) {
                struct vrrp_ip group = vrrp_group(ip(vectors[i].group).family);

                assert_string_equal(vrrp_ip_text(&group).v, vectors[i].group);
        }
}

static void address_lists(void **state) {
        struct vrrp_ip a = ip("10.0.0.1"), b = ip("10.0.0.2"), c = ip("::a00:1");
        static struct vrrp_pdu pdu;

        (void)state;
        pdu = (struct vrrp_pdu){ .n_addresses = 3, .addresses = { a, b, b } };
        assert_true(vrrp_wire_same_addresses(&pdu, (struct vrrp_ip[]){ b, a, b }, 3));
        assert_false(vrrp_wire_same_addresses(&pdu, (struct vrrp_ip[]){ b, a, b }, 2));
        assert_false(vrrp_wire_same_addresses(&pdu, (struct vrrp_ip[]){ b, a, a }, 3));
        assert_false(vrrp_wire_same_addresses(&pdu, (struct vrrp_ip[]){ b, c, b }, 3));
}

static struct vrrp_ip random_ip(uint8_t family) {
        struct vrrp_ip a = { .family = family };

        for (size_t i = 0; i < vrrp_ip_size(&a); i++)
                a.b[i] = (uint8_t)rand();
        return a;
}

static struct vrrp_pdu random_pdu(void) {
        struct vrrp_pdu pdu = {
                .version = rand() % 3 ? 3 : 2,
                .vrid = (uint8_t)rand(),
                .priority = (uint8_t)rand(),
                .n_addresses = (uint8_t)(1 + rand() % 255),
        };

        pdu.family = pdu.version == 3 && rand() % 2 ? AF_INET6 : AF_INET;
        pdu.interval_us = pdu.version == 2 ? 1000000u * (1u + rand() % 255u) : 10000u * (1u + rand() % 4095u);
        for (size_t i = 0; i < pdu.n_addresses; i++)
                pdu.addresses[i] = random_ip(pdu.family);
        if (pdu.family == AF_INET6)
                memcpy(pdu.addresses[0].b, "\xfe\x80", 2);
        return pdu;
}

static void random_pdus_survive_the_round_trip(void **state) {
        unsigned seed = getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : (unsigned)time(NULL);
        static struct vrrp_received got;
        static uint8_t buf[VRRP_PDU_MAX], other[VRRP_PDU_MAX];

        (void)state;
        print_message("SEED=%u\n", seed);
        srand(seed);
        for (int i = 0; i < 2000; i++) {
                struct vrrp_pdu pdu = random_pdu();
                struct vrrp_ip src = random_ip(pdu.family), dst = random_ip(pdu.family);
                struct vrrp_wire_config own = { pdu.version,   pdu.vrid,        pdu.interval_us,
                                                pdu.addresses, pdu.n_addresses, false };
                enum vrrp_sum sum = rand() % 2 ? VRRP_SUM_MESSAGE : VRRP_SUM_PSEUDO_HEADER;
                size_t n = vrrp_wire_encode(&pdu, &src, &dst, sum, buf, sizeof buf);
                struct vrrp_packet p = { src, dst, 255, buf, n };

                assert_true(n > 0);
                expect_reject(vrrp_wire_decode(&p, &own, &got), VRRP_ACCEPT);
                if (pdu.version == 3 && pdu.family == AF_INET && got.sum != sum) {
                        /* of one pair of addresses in 65535 both forms have the same checksum */
                        assert_int_equal(vrrp_wire_encode(&pdu, &src, &dst, got.sum, other, sizeof other), n);
                        assert_memory_equal(buf, other, n);
                }
                assert_memory_equal(got.pdu.addresses, pdu.addresses,
                                    pdu.n_addresses * sizeof *pdu.addresses);
                assert_memory_equal(&got.pdu, &pdu, offsetof(struct vrrp_pdu, addresses));
        }
}

/* In a sealed datagram the order of addresses says nothing about whom neighbours know. */
static void any_first_address_when_sealed(void **state) {
        struct vrrp_ip none = { .family = AF_INET6 };
        struct vrrp_pdu pdu = { .version = 3,
                                .family = AF_INET6,
                                .vrid = 7,
                                .priority = 100,
                                .interval_us = 100000,
                                .n_addresses = 1,
                                .addresses = { ip("fd00::1") } };
        struct vrrp_wire_config own = { .version = 3, .vrid = 7 };
        uint8_t buf[64];
        size_t n = vrrp_wire_encode(&pdu, &none, &none, VRRP_SUM_MESSAGE, buf, sizeof buf);
        struct vrrp_packet p = { none, none, VRRP_HOPS, buf, n };
        struct vrrp_received got;

        (void)state;
        assert_int_equal(vrrp_wire_decode(&p, &own, &got), VRRP_REJECT_LINK_LOCAL);
        own.sealed = true;
        assert_int_equal(vrrp_wire_decode(&p, &own, &got), VRRP_ACCEPT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(decodes_captured_packets),
                cmocka_unit_test(any_first_address_when_sealed),
                cmocka_unit_test(accepts_both_checksum_forms),
                cmocka_unit_test(encodes_as_captured),
                cmocka_unit_test(refuses_to_encode),
                cmocka_unit_test(rejects_each_malformed_class),
                cmocka_unit_test(the_reserved_nibble_is_no_part_of_the_interval),
                cmocka_unit_test(no_other_checksum_form),
                cmocka_unit_test(v2_owner_may_have_other_addresses),
                cmocka_unit_test(rejects_no_address),
                cmocka_unit_test(rejects_hops),
                cmocka_unit_test(version_2_has_no_ipv6),
                cmocka_unit_test(rejects_every_flipped_bit_and_cut),
                cmocka_unit_test(ipv4_headers),
                cmocka_unit_test(padding_and_ip_options),
                cmocka_unit_test(groups),
                cmocka_unit_test(address_lists),
                cmocka_unit_test(random_pdus_survive_the_round_trip),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
