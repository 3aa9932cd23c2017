/* VRRP on the wire: version 3 for IPv4 and IPv6 (RFC 9568 section 5), version 2 for IPv4 (RFC 3768). Codec
 * only, no socket, clock, log or malloc.
 *
 * The message is decoded apart from what carried it: an IPv4 raw socket gives the IP header too
 * (vrrp_wire_ipv4()), an IPv6 one does not. Checksum of version 3 over IPv4: RFC 9568 sums the message alone,
 * what is deployed (keepalived, FRR) sums the pseudo-header too. Both are accepted, the form found is
 * returned, the form sent is chosen. */
#ifndef VRRP_WIRE_H
#define VRRP_WIRE_H

#include "vrrp/ip.h"

enum {
        VRRP_PROTOCOL = 112,
        VRRP_HOPS = 255, /* TTL, hop limit */
        VRRP_MAX_ADDRESSES = 255,
        VRRP_PDU_MAX = 8 + 16 * VRRP_MAX_ADDRESSES,
        VRRP_PACKET_MAX = 4096, /* the longest message of either family, and an IPv4 header with options */
};
/* 224.0.0.18, ff02::12 */
struct vrrp_ip vrrp_group(uint8_t family);

enum vrrp_sum { VRRP_SUM_PSEUDO_HEADER, VRRP_SUM_MESSAGE };

struct vrrp_pdu {
        uint8_t version; /* 2, 3 */
        uint8_t family;  /* of the addresses, and of the packet around */
        uint8_t vrid, priority;
        uint32_t interval_us; /* version 2: 1..255 s; version 3: 10 ms..40.95 s, a multiple of 10 ms */
        uint8_t n_addresses;  /* version 2: 0..255; version 3: 1..255 */
        struct vrrp_ip addresses[VRRP_MAX_ADDRESSES];
};

/* A message and what carried it. */
struct vrrp_packet {
        struct vrrp_ip src, dst;
        uint8_t hops;
        const uint8_t *msg;
        size_t size;
};

/* Why a packet is not an advertisement for us (RFC 9568 section 7.1, RFC 3768 section 7.1), in the order of
 * the checks. The VRID is looked at early, so that the routers of another VRID cause no complaint. */
enum vrrp_reject {
        VRRP_ACCEPT,
        VRRP_REJECT_LENGTH, /* no whole IP packet of protocol 112, or not header + addresses exactly */
        VRRP_REJECT_HOPS,
        VRRP_REJECT_VRID,
        VRRP_REJECT_VERSION,
        VRRP_REJECT_TYPE,
        VRRP_REJECT_CHECKSUM,
        VRRP_REJECT_AUTH,           /* version 2: authentication type is not 0 */
        VRRP_REJECT_COUNT,          /* version 3: no address (erratum 8299) */
        VRRP_REJECT_INTERVAL,       /* 0 (erratum 8301) */
        VRRP_REJECT_LINK_LOCAL,     /* IPv6: the first address is not link-local (erratum 8300) */
        VRRP_REJECT_OTHER_INTERVAL, /* version 2: not ours */
        VRRP_REJECT_ADDRESSES,      /* version 2: not ours, and the sender is no owner (priority 255) */
        VRRP_N_REJECTS,
};

/* What the receiver is set to. Version 3 learns the interval and only tells of another address list
 * (vrrp_wire_same_addresses()); version 2 must discard both. */
struct vrrp_wire_config {
        uint8_t version, vrid;
        uint32_t interval_us;
        const struct vrrp_ip *addresses; /* borrowed */
        size_t n_addresses;
        bool sealed; /* not carried by IP: no neighbour learns from it, any IPv6 address may be the first */
};
struct vrrp_received {
        struct vrrp_ip src, dst;
        enum vrrp_sum sum;
        struct vrrp_pdu pdu; /* only when accepted */
};

/* A whole IPv4 packet as a raw socket gives it: bytes after its total length (padding) are left out of the
 * message. VRRP_ACCEPT or VRRP_REJECT_LENGTH; src is filled in as far as it is there. */
enum vrrp_reject vrrp_wire_ipv4(const uint8_t *packet, size_t size, struct vrrp_packet *ret);
/* 0: too short to have one. */
uint8_t vrrp_wire_vrid(const struct vrrp_packet *p);
enum vrrp_reject vrrp_wire_decode(const struct vrrp_packet *p, const struct vrrp_wire_config *own,
                                  struct vrrp_received *ret);

/* The message without an IP header. sum counts for version 3 over IPv4; over IPv6 it is always with the
 * pseudo-header, in version 2 never. Returns its length, or 0 when buf is too small or the PDU cannot be
 * expressed. */
size_t vrrp_wire_encode(const struct vrrp_pdu *pdu, const struct vrrp_ip *src, const struct vrrp_ip *dst,
                        enum vrrp_sum sum, uint8_t *buf, size_t size);
/* The same set, in any order; duplicates count. */
bool vrrp_wire_same_addresses(const struct vrrp_pdu *pdu, const struct vrrp_ip *list, size_t n);
const char *vrrp_reject_text(enum vrrp_reject r); /* static: "checksum is wrong" */

#endif
