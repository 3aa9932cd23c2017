/* The codec against captured packets, and each reason to reject. */
#include "vrrp/wire.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct in_addr ip(const char *text) {
        struct in_addr a;

        assert_int_equal(inet_pton(AF_INET, text, &a), 1);
        return a;
}

/* Captured messages; `alone` is what the checksum would be without the pseudo-header. */
static const struct vector {
        const char *src;
        uint8_t vrid, priority;
        uint16_t interval_cs, alone;
        const char *vip;
        uint8_t msg[12];
} vectors[] = {
        { "10.9.0.1",
          0x33,
          150,
          50,
          0x2e2c,
          "10.9.0.100",
          { 0x31, 0x33, 0x96, 1, 0, 0x32, 0x43, 0x93, 10, 9, 0, 100 } },
        { "10.9.0.1",
          0x33,
          0,
          50,
          0xc42c,
          "10.9.0.100",
          { 0x31, 0x33, 0, 1, 0, 0x32, 0xd9, 0x93, 10, 9, 0, 100 } },
        { "10.9.0.2",
          5,
          200,
          100,
          0xfbc3,
          "10.9.0.200",
          { 0x31, 5, 0xc8, 1, 0, 0x64, 0x11, 0x2a, 10, 9, 0, 200 } },
};

/* An IPv4 packet around msg, as a raw socket delivers it. */
static size_t packet(uint8_t *buf, const char *src, const void *msg, size_t size) {
        struct in_addr s = ip(src), d = ip("224.0.0.18");
        uint8_t header[20] = { 0x45, 0xc0, 0, (uint8_t)(20 + size), 0, 0, 0, 0, 255, 112 };

        memcpy(header + 12, &s, 4);
        memcpy(header + 16, &d, 4);
        memcpy(buf, header, sizeof header);
        memcpy(buf + sizeof header, msg, size);
        return sizeof header + size;
}

static void decodes_captured_packets(void **state) {
        struct vrrp_received got;
        uint8_t buf[64];

        (void)state;
        for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
                const struct vector *v = &vectors[i];
                size_t n = packet(buf, v->src, v->msg, sizeof v->msg);

                assert_int_equal(vrrp_wire_decode(buf, n, v->vrid, &got), VRRP_ACCEPT);
                assert_int_equal(got.sum, VRRP_SUM_PSEUDO_HEADER);
                assert_int_equal(got.src.s_addr, ip(v->src).s_addr);
                assert_int_equal(got.dst.s_addr, htonl(VRRP_GROUP_IPV4));
                assert_int_equal(got.pdu.priority, v->priority);
                assert_int_equal(got.pdu.interval_cs, v->interval_cs);
                assert_int_equal(got.pdu.n_addresses, 1);
                assert_int_equal(got.pdu.addresses[0].s_addr, ip(v->vip).s_addr);
                buf[26] = (uint8_t)(v->alone >> 8); /* RFC 9568's form of the same message */
                buf[27] = (uint8_t)v->alone;
                assert_int_equal(vrrp_wire_decode(buf, n, v->vrid, &got), VRRP_ACCEPT);
                assert_int_equal(got.sum, VRRP_SUM_MESSAGE);
        }
}

static void encodes_as_captured(void **state) {
        uint8_t buf[VRRP_PDU_MAX];

        (void)state;
        for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
                const struct vector *v = &vectors[i];
                struct vrrp_pdu pdu = { v->vrid, v->priority, v->interval_cs, 1, { ip(v->vip) } };

                assert_int_equal(vrrp_wire_encode(&pdu, ip(v->src), ip("224.0.0.18"), VRRP_SUM_PSEUDO_HEADER,
                                                  buf, sizeof buf),
                                 12);
                assert_memory_equal(buf, v->msg, 12);
                assert_int_equal(
                        vrrp_wire_encode(&pdu, ip(v->src), ip("224.0.0.18"), VRRP_SUM_MESSAGE, buf, 12), 12);
                assert_int_equal(buf[6] << 8 | buf[7], v->alone);
        }
}

static void refuses_to_encode(void **state) {
        struct vrrp_pdu pdu = { 1, 100, 100, 1, { ip("10.0.0.1") } };
        struct in_addr a = ip("10.0.0.2");
        uint8_t buf[12];

        (void)state;
        assert_int_equal(vrrp_wire_encode(&pdu, a, a, VRRP_SUM_MESSAGE, buf, 11), 0);
        pdu.interval_cs = 0;
        assert_int_equal(vrrp_wire_encode(&pdu, a, a, VRRP_SUM_MESSAGE, buf, 12), 0);
        pdu.interval_cs = 4096;
        assert_int_equal(vrrp_wire_encode(&pdu, a, a, VRRP_SUM_MESSAGE, buf, 12), 0);
        pdu.interval_cs = 1;
        pdu.n_addresses = 0;
        assert_int_equal(vrrp_wire_encode(&pdu, a, a, VRRP_SUM_MESSAGE, buf, 12), 0);
}

/* Recompute the message-only checksum, so that a change is rejected for its own reason. */
static void fix_sum(uint8_t *msg, size_t size) {
        uint32_t sum = 0;

        msg[6] = msg[7] = 0;
        for (size_t i = 0; i < size; i++)
                sum += i % 2 ? msg[i] : (uint32_t)(msg[i] << 8);
        while (sum >> 16)
                sum = (sum >> 16) + (sum & 0xffff);
        msg[6] = (uint8_t)(~sum >> 8);
        msg[7] = (uint8_t)~sum;
}

static void rejects_each_malformed_class(void **state) {
        static const struct {
                size_t at; /* offset in the packet */
                uint8_t value;
                enum vrrp_reject reason;
        } cases[] = {
                { 0, 0x65, VRRP_REJECT_LENGTH }, /* IP version */
                { 0, 0x44, VRRP_REJECT_LENGTH }, /* IP header of 16 bytes */
                { 0, 0x4f, VRRP_REJECT_LENGTH }, /* header longer than the packet */
                { 3, 33, VRRP_REJECT_LENGTH },   /* total length beyond what was received */
                { 3, 31, VRRP_REJECT_LENGTH },   /* cuts the address */
                { 3, 19, VRRP_REJECT_LENGTH },   /* cuts the IP header */
                { 3, 27, VRRP_REJECT_LENGTH },   /* cuts the VRRP header */
                { 9, 17, VRRP_REJECT_LENGTH },   /* another protocol */
                { 8, 254, VRRP_REJECT_TTL },     /* crossed a router */
                { 20, 0x21, VRRP_REJECT_VERSION },
                { 20, 0x41, VRRP_REJECT_VERSION },
                { 20, 0x32, VRRP_REJECT_TYPE },
                { 21, 0x34, VRRP_REJECT_VRID },
                { 23, 2, VRRP_REJECT_LENGTH }, /* one address fewer than announced */
                { 23, 0, VRRP_REJECT_LENGTH }, /* one more */
                { 25, 0, VRRP_REJECT_INTERVAL },
                { 24, 0xf0, VRRP_ACCEPT }, /* the reserved nibble is not looked at */
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct vrrp_received got;
                uint8_t buf[64];
                size_t n = packet(buf, "10.9.0.1", vectors[0].msg, 12);

                buf[cases[i].at] = cases[i].value;
                fix_sum(buf + 20, 12);
                assert_string_equal(vrrp_reject_text(vrrp_wire_decode(buf, n, 0x33, &got)),
                                    vrrp_reject_text(cases[i].reason));
        }
}

static void rejects_no_address(void **state) {
        uint8_t msg[8] = { 0x31, 0x33, 150, 0, 0, 50 }, buf[64];
        struct vrrp_received got;
        size_t n;

        (void)state;
        fix_sum(msg, sizeof msg);
        n = packet(buf, "10.9.0.1", msg, sizeof msg);
        assert_int_equal(vrrp_wire_decode(buf, n, 0x33, &got), VRRP_REJECT_COUNT);
        assert_int_equal(got.src.s_addr, ip("10.9.0.1").s_addr); /* known for the complaint */
}

static void rejects_every_flipped_bit_of_the_message(void **state) {
        struct vrrp_received got;
        uint8_t buf[64];
        size_t n = packet(buf, "10.9.0.1", vectors[0].msg, 12);

        (void)state;
        for (size_t bit = 20 * 8; bit < n * 8; bit++) {
                buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
                assert_int_not_equal(vrrp_wire_decode(buf, n, 0x33, &got), VRRP_ACCEPT);
                buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (size_t size = 0; size < n; size++)
                assert_int_equal(vrrp_wire_decode(buf, size, 0x33, &got), VRRP_REJECT_LENGTH);
}

static void padding_and_ip_options(void **state) {
        struct vrrp_received got;
        uint8_t buf[64] = { 0 };

        (void)state;
        packet(buf, "10.9.0.1", vectors[0].msg, 12);
        memset(buf + 32, 0xaa, 14); /* Ethernet's minimum */
        assert_int_equal(vrrp_wire_decode(buf, 46, 0x33, &got), VRRP_ACCEPT);
        memmove(buf + 24, buf + 20, 12); /* a router alert option */
        memcpy(buf + 20, (uint8_t[]){ 0x94, 4, 0, 0 }, 4);
        buf[0] = 0x46;
        buf[3] = 36;
        assert_int_equal(vrrp_wire_decode(buf, 46, 0x33, &got), VRRP_ACCEPT);
}

static void address_lists(void **state) {
        struct vrrp_pdu pdu = { 1, 1, 1, 3, { ip("10.0.0.1"), ip("10.0.0.2"), ip("10.0.0.2") } };
        struct in_addr same[] = { ip("10.0.0.2"), ip("10.0.0.1"), ip("10.0.0.2") };
        struct in_addr other[] = { ip("10.0.0.2"), ip("10.0.0.1"), ip("10.0.0.1") };

        (void)state;
        assert_true(vrrp_wire_same_addresses(&pdu, same, 3));
        assert_false(vrrp_wire_same_addresses(&pdu, same, 2));
        assert_false(vrrp_wire_same_addresses(&pdu, other, 3));
}

static void random_pdus_survive_the_round_trip(void **state) {
        unsigned seed = getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : (unsigned)time(NULL);
        static struct vrrp_received got;
        static uint8_t buf[VRRP_PACKET_MAX];

        (void)state;
        print_message("SEED=%u\n", seed);
        srand(seed);
        for (int i = 0; i < 2000; i++) {
                struct vrrp_pdu pdu = { (uint8_t)rand(),
                                        (uint8_t)rand(),
                                        (uint16_t)(1 + rand() % 4095),
                                        (uint8_t)(1 + rand() % 255),
                                        { { 0 } } };
                struct in_addr src = { (in_addr_t)rand() }, dst = { (in_addr_t)rand() };
                enum vrrp_sum sum = rand() % 2 ? VRRP_SUM_MESSAGE : VRRP_SUM_PSEUDO_HEADER;
                uint8_t header[20] = { 0x45, 0xc0, 0, 0, 0, 0, 0, 0, 255, 112 };
                size_t n;

                for (size_t k = 0; k < pdu.n_addresses; k++)
                        pdu.addresses[k].s_addr = (in_addr_t)rand();
                n = 20 + vrrp_wire_encode(&pdu, src, dst, sum, buf + 20, sizeof buf - 20);
                header[2] = (uint8_t)(n >> 8);
                header[3] = (uint8_t)n;
                memcpy(header + 12, &src, 4);
                memcpy(header + 16, &dst, 4);
                memcpy(buf, header, sizeof header);
                assert_int_equal(vrrp_wire_decode(buf, n, pdu.vrid, &got), VRRP_ACCEPT);
                assert_int_equal(got.sum, sum);
                assert_int_equal(got.pdu.priority, pdu.priority);
                assert_int_equal(got.pdu.interval_cs, pdu.interval_cs);
                assert_int_equal(got.pdu.n_addresses, pdu.n_addresses);
                assert_memory_equal(got.pdu.addresses, pdu.addresses, 4 * (size_t)pdu.n_addresses);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(decodes_captured_packets),
                cmocka_unit_test(encodes_as_captured),
                cmocka_unit_test(refuses_to_encode),
                cmocka_unit_test(rejects_each_malformed_class),
                cmocka_unit_test(rejects_no_address),
                cmocka_unit_test(rejects_every_flipped_bit_of_the_message),
                cmocka_unit_test(padding_and_ip_options),
                cmocka_unit_test(address_lists),
                cmocka_unit_test(random_pdus_survive_the_round_trip),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
