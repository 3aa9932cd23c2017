/* Neighbour advertisements against a captured one, the probe, and what is refused. */
#include "vrrp/nd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Captured from keepalived 2.2.7 on a host that does not forward: its address fd00:9::54. */
static const uint8_t captured[VRRP_ND_FRAME] = {
        0x33, 0x33, 0,    0,    0,    1,    2, 0, 0,    0, 0, 1, 0x86, 0xdd, 0x60, 0, 0, 0,
        0,    0x20, 0x3a, 0xff, 0xfd, 0,    0, 9, 0,    0, 0, 0, 0,    0,    0,    0, 0, 0,
        0,    0x54, 0xff, 2,    0,    0,    0, 0, 0,    0, 0, 0, 0,    0,    0,    0, 0, 1,
        0x88, 0,    0x59, 0xe3, 0x20, 0,    0, 0, 0xfd, 0, 0, 9, 0,    0,    0,    0, 0, 0,
        0,    0,    0,    0,    0,    0x54, 2, 1, 2,    0, 0, 0, 0,    1
};
static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };

static struct vrrp_ip ip(const char *text) {
        struct vrrp_ip a;

        assert_int_equal(vrrp_ip_parse(text, &a), 0);
        return a;
}

static void built_as_captured(void **state) {
        struct vrrp_nd nd = { .target = ip("fd00:9::54"), .override = true };
        uint8_t frame[VRRP_ND_FRAME];

        (void)state;
        memcpy(nd.mac, mac, sizeof mac);
        vrrp_nd_build(&nd, frame);
        assert_memory_equal(frame, captured, sizeof captured);
}

static void parsed_as_built(void **state) {
        struct vrrp_nd nd = { .target = ip("fe80::54"), .router = true, .override = true }, back;
        uint8_t frame[VRRP_ND_FRAME];

        (void)state;
        memcpy(nd.mac, mac, sizeof mac);
        vrrp_nd_build(&nd, frame);
        assert_int_equal(frame[58], 0xa0); /* as FRR sends it: Router and Override */
        assert_true(vrrp_nd_parse(frame, sizeof frame, &back));
        assert_memory_equal(&nd, &back, sizeof nd);
        memset(frame, 0, 12); /* Ethernet's addresses count for nothing while there is the option */
        assert_true(vrrp_nd_parse(frame, sizeof frame, &back));
        assert_memory_equal(back.mac, mac, sizeof mac);
}

/* As DAD asks: from ::, to the solicited-node group, without a link-layer option (RFC 4862 section 5.4.2). */
static void probe(void **state) {
        static const uint8_t wanted[VRRP_ND_PROBE] = {
                0x33, 0x33, 0xff,        0x12,        0x34,        0x56, 2,    0,    0,    0,
                0,    1,    0x86,        0xdd,        0x60,        0,    0,    0,    0,    24,
                58,   255,  [38] = 0xff, 2,           [49] = 1,    0xff, 0x12, 0x34, 0x56, 135,
                0,    0x14, 0xd7,        [62] = 0xfd, [75] = 0x12, 0x34, 0x56,
        };
        struct vrrp_ip target = ip("fd00::12:3456");
        uint8_t frame[VRRP_ND_PROBE];
        struct vrrp_nd nd;

        (void)state;
        vrrp_nd_build_probe(mac, &target, frame);
        assert_memory_equal(frame, wanted, sizeof wanted);
        assert_false(vrrp_nd_parse(frame, sizeof frame, &nd)); /* it claims nothing */
}

/* The checksum is made to fit again, so that each is refused for its own reason. */
static void fix(uint8_t *frame) {
        uint32_t sum = 58 + (uint32_t)(frame[18] << 8 | frame[19]);

        frame[56] = frame[57] = 0;
        for (size_t i = 22; i < VRRP_ND_FRAME; i += 2)
                sum += (uint32_t)(frame[i] << 8 | frame[i + 1]);
        while (sum >> 16)
                sum = (sum >> 16) + (sum & 0xffff);
        frame[56] = (uint8_t)(~sum >> 8);
        frame[57] = (uint8_t)~sum;
}

static void refused(void **state) {
        static const struct {
                size_t at;
                uint8_t value;
                bool fine;
        } cases[] = {
                { 13, 0xdd, true },  { 13, 0x00, false }, /* no IPv6 */
                { 14, 0x40, false },                      /* version */
                { 19, 31, false },                        /* cuts the option */
                { 19, 24, false },                        /* checksum is of the whole */
                { 19, 33, false },                        /* longer than the frame */
                { 19, 23, false },                        /* shorter than an advertisement */
                { 20, 0, false },                         /* an extension header */
                { 21, 254, false },                       /* came through a router */
                { 54, 135, false },  { 55, 1, false },    /* a solicitation, code */
                { 58, 0x60, false },                      /* solicited, yet to all nodes */
                { 62, 0xff, false },                      /* of a group */
                { 78, 1, true },                          /* another option is skipped */
                { 79, 0, false },    { 79, 2, false },    /* option of length 0, beyond the end */
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                uint8_t frame[VRRP_ND_FRAME];
                struct vrrp_nd nd;

                memcpy(frame, captured, sizeof frame);
                frame[cases[i].at] = cases[i].value;
                if (cases[i].at != 19)
                        fix(frame);
                if (vrrp_nd_parse(frame, sizeof frame, &nd) != cases[i].fine)
                        fail_msg("byte %zu = 0x%02x", cases[i].at, cases[i].value);
        }
}

static void no_flipped_bit_and_no_cut(void **state) {
        uint8_t frame[VRRP_ND_FRAME];
        struct vrrp_nd nd;

        (void)state;
        memcpy(frame, captured, sizeof frame);
        for (size_t bit = 22 * 8; bit < sizeof frame * 8; bit++) {
                frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
                assert_false(vrrp_nd_parse(frame, sizeof frame, &nd));
                frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (size_t size = 0; size < sizeof frame; size++)
                assert_false(vrrp_nd_parse(frame, size, &nd));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(built_as_captured),
                cmocka_unit_test(parsed_as_built),
                cmocka_unit_test(probe),
                cmocka_unit_test(refused),
                cmocka_unit_test(no_flipped_bit_and_no_cut),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
