#include "vrrp/nd.h"

#include <net/ethernet.h>
#include <string.h>

/* Offsets in the frame: Ethernet, IPv6, ICMPv6; an advertisement's and a solicitation's agree. */
enum {
        SOURCE_MAC = 6,
        TYPE = 12,
        IPV6 = 14,
        PAYLOAD_LENGTH = IPV6 + 4,
        NEXT_HEADER = IPV6 + 6,
        HOP_LIMIT = IPV6 + 7,
        SOURCE = IPV6 + 8,
        DESTINATION = IPV6 + 24,
        ICMPV6 = IPV6 + 40,
        CHECKSUM = ICMPV6 + 2,
        FLAGS = ICMPV6 + 4,
        TARGET = ICMPV6 + 8,
        OPTIONS = ICMPV6 + 24,
};
enum { IPV6_VERSION = 6, ICMPV6_PROTOCOL = 58, HOPS = 255, SOLICITATION = 135, ADVERTISEMENT = 136 };
enum { ROUTER = 0x80, SOLICITED = 0x40, OVERRIDE = 0x20 };
enum { TARGET_LINK_LAYER = 2, OPTION_UNIT = 8, MAC_OPTION = 8 };

static const uint8_t all_nodes[16] = { 0xff, 2, [15] = 1 };

/* Of source, destination, length and next header, then the message; 0xffff when it fits (RFC 8200
 * section 8.1). */
static uint16_t icmpv6_sum(const uint8_t *frame, size_t length) {
        uint32_t sum = ICMPV6_PROTOCOL + (uint32_t)length;

        for (size_t i = SOURCE; i < ICMPV6 + length; i += 2)
                sum += (uint32_t)(frame[i] << 8 | (i + 1 < ICMPV6 + length ? frame[i + 1] : 0));
        while (sum > 0xffff)
                sum = (sum >> 16) + (sum & 0xffff);
        return (uint16_t)sum;
}

/* Everything but source, target and what follows it; the group decides the destination's MAC. */
static void put_headers(uint8_t *frame, const uint8_t mac[6], const uint8_t group[16], uint8_t type,
                        size_t length) {
        memset(frame, 0, VRRP_ND_FRAME);
        frame[0] = frame[1] = 0x33;
        memcpy(frame + 2, group + 12, 4);
        memcpy(frame + SOURCE_MAC, mac, 6);
        frame[TYPE] = ETHERTYPE_IPV6 >> 8;
        frame[TYPE + 1] = ETHERTYPE_IPV6 & 0xff;
        frame[IPV6] = IPV6_VERSION << 4;
        frame[PAYLOAD_LENGTH + 1] = (uint8_t)length;
        frame[NEXT_HEADER] = ICMPV6_PROTOCOL;
        frame[HOP_LIMIT] = HOPS;
        memcpy(frame + DESTINATION, group, 16);
        frame[ICMPV6] = type;
}

static void put_checksum(uint8_t *frame, size_t length) {
        uint16_t sum = (uint16_t)~icmpv6_sum(frame, length);

        frame[CHECKSUM] = (uint8_t)(sum >> 8);
        frame[CHECKSUM + 1] = (uint8_t)sum;
}

void vrrp_nd_build(const struct vrrp_nd *nd, uint8_t frame[VRRP_ND_FRAME]) {
        const size_t length = VRRP_ND_FRAME - ICMPV6;

        put_headers(frame, nd->mac, all_nodes, ADVERTISEMENT, length);
        memcpy(frame + SOURCE, nd->target.b, 16);
        frame[FLAGS] = (uint8_t)((nd->router ? ROUTER : 0) | (nd->override ? OVERRIDE : 0));
        memcpy(frame + TARGET, nd->target.b, 16);
        frame[OPTIONS] = TARGET_LINK_LAYER;
        frame[OPTIONS + 1] = MAC_OPTION / OPTION_UNIT;
        memcpy(frame + OPTIONS + 2, nd->mac, 6);
        put_checksum(frame, length);
}

void vrrp_nd_build_probe(const uint8_t mac[6], const struct vrrp_ip *target, uint8_t frame[VRRP_ND_PROBE]) {
        uint8_t group[16] = { 0xff, 2, [11] = 1, [12] = 0xff };
        uint8_t whole[VRRP_ND_FRAME];

        memcpy(group + 13, target->b + 13, 3);
        put_headers(whole, mac, group, SOLICITATION, OPTIONS - ICMPV6);
        memcpy(whole + TARGET, target->b, 16);
        put_checksum(whole, OPTIONS - ICMPV6);
        memcpy(frame, whole, VRRP_ND_PROBE);
}

/* RFC 4861 section 4.6: an option of length 0, or one that does not fit, spoils the message. */
static bool read_options(const uint8_t *p, size_t left, struct vrrp_nd *ret) {
        for (size_t size; left > 0; p += size, left -= size) {
                if (left < 2 || p[1] == 0 || (size = (size_t)p[1] * OPTION_UNIT) > left)
                        return false;
                if (p[0] == TARGET_LINK_LAYER && size == MAC_OPTION)
                        memcpy(ret->mac, p + 2, 6);
        }
        return true;
}

bool vrrp_nd_parse(const uint8_t *frame, size_t size, struct vrrp_nd *ret) {
        size_t length;

        if (size < OPTIONS || frame[TYPE] != ETHERTYPE_IPV6 >> 8 ||
            frame[TYPE + 1] != (ETHERTYPE_IPV6 & 0xff) || frame[IPV6] >> 4 != IPV6_VERSION)
                return false;
        length = (size_t)(frame[PAYLOAD_LENGTH] << 8 | frame[PAYLOAD_LENGTH + 1]);
        if (frame[NEXT_HEADER] != ICMPV6_PROTOCOL || frame[HOP_LIMIT] != HOPS || length > size - ICMPV6 ||
            length < OPTIONS - ICMPV6)
                return false;
        if (frame[ICMPV6] != ADVERTISEMENT || frame[ICMPV6 + 1] != 0 || frame[TARGET] == 0xff ||
            icmpv6_sum(frame, length) != 0xffff)
                return false;
        if ((frame[FLAGS] & SOLICITED) && frame[DESTINATION] == 0xff)
                return false;
        *ret = (struct vrrp_nd){
                .target = { .family = AF_INET6 },
                .router = frame[FLAGS] & ROUTER,
                .solicited = frame[FLAGS] & SOLICITED,
                .override = frame[FLAGS] & OVERRIDE,
        };
        memcpy(ret->mac, frame + SOURCE_MAC, 6);
        memcpy(ret->target.b, frame + TARGET, 16);
        return read_options(frame + OPTIONS, length - (OPTIONS - ICMPV6), ret);
}
