/* VRRPv3 for IPv4 on the wire (RFC 9568 section 5): codec only, no socket, clock, log or malloc.
 *
 * The PDU knows nothing of how it travels; the IPv4 packet around it is vrrp_wire_decode()'s part.
 * Checksum: RFC 9568 sums the message alone, what is deployed (keepalived, FRR) sums the IPv4
 * pseudo-header too. Both are accepted, and the form found is returned. */
#ifndef VRRP_WIRE_H
#define VRRP_WIRE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        VRRP_PROTOCOL = 112,
        VRRP_TTL = 255,
        VRRP_MAX_ADDRESSES = 255,
        VRRP_PDU_MAX = 8 + 4 * VRRP_MAX_ADDRESSES,
        VRRP_PACKET_MAX = 60 + VRRP_PDU_MAX, /* with the longest IPv4 header */
};
#define VRRP_GROUP_IPV4 0xe0000012u /* 224.0.0.18, host order */

enum vrrp_sum { VRRP_SUM_PSEUDO_HEADER, VRRP_SUM_MESSAGE };

struct vrrp_pdu {
        uint8_t vrid, priority;
        uint16_t interval_cs; /* Max Advertise Interval, 1..4095 */
        uint8_t n_addresses;  /* 1..255 */
        struct in_addr addresses[VRRP_MAX_ADDRESSES];
};

/* Why a packet is not an advertisement for us (RFC 9568 section 7.1), in the order of the checks. The
 * VRID is looked at early, so that the routers of another VRID on the same link cause no complaint. */
enum vrrp_reject {
        VRRP_ACCEPT,
        VRRP_REJECT_LENGTH, /* no whole IPv4 packet of protocol 112, or not header + addresses exactly */
        VRRP_REJECT_TTL,
        VRRP_REJECT_VRID,
        VRRP_REJECT_VERSION,
        VRRP_REJECT_TYPE,
        VRRP_REJECT_CHECKSUM,
        VRRP_REJECT_COUNT,    /* no address (erratum 8299) */
        VRRP_REJECT_INTERVAL, /* 0 (erratum 8301) */
        VRRP_N_REJECTS,
};

struct vrrp_received {
        struct in_addr src, dst;
        uint8_t vrid; /* also of a rejected packet, 0 when not reached */
        enum vrrp_sum sum;
        struct vrrp_pdu pdu; /* only when accepted */
};

/* A whole IPv4 packet as a raw socket gives it; bytes after its total length (padding) are ignored. A
 * difference in the address list is no reason to reject: see vrrp_wire_same_addresses(). */
enum vrrp_reject vrrp_wire_decode(const uint8_t *packet, size_t size, uint8_t vrid,
                                  struct vrrp_received *ret);
/* The message without an IP header. Returns its length, or 0 when buf is too small or the PDU has no
 * address or an interval outside 1..4095. */
size_t vrrp_wire_encode(const struct vrrp_pdu *pdu, struct in_addr src, struct in_addr dst, enum vrrp_sum sum,
                        uint8_t *buf, size_t size);
/* The same set, in any order; duplicates count. */
bool vrrp_wire_same_addresses(const struct vrrp_pdu *pdu, const struct in_addr *list, size_t n);
const char *vrrp_reject_text(enum vrrp_reject r); /* static: "checksum is wrong" */

#endif
