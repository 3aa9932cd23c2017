/* Neighbour advertisements (RFC 4861 sections 4.4 and 7.2.6, RFC 9568 section 8.2.2) as Ethernet frames.
 * Pure. */
#ifndef VRRP_ND_H
#define VRRP_ND_H

#include "vrrp/ip.h"

enum {
        VRRP_ND_FRAME = 86, /* Ethernet, IPv6, advertisement with one option */
        VRRP_ND_PROBE = 78, /* the same of a solicitation without */
};

struct vrrp_nd {
        uint8_t mac[6];        /* of the target link-layer address option; else of the frame */
        struct vrrp_ip target; /* whose owner the sender says to be */
        bool router, solicited, override;
};
/* From the target itself to ff02::1, so not as an answer: `solicited` is for parsing only. */
void vrrp_nd_build(const struct vrrp_nd *nd, uint8_t frame[VRRP_ND_FRAME]);
/* A valid neighbour advertisement (RFC 4861 section 7.1.2): hop limit 255, checksum, options; false for
 * anything else, IPv6 extension headers included. */
bool vrrp_nd_parse(const uint8_t *frame, size_t size, struct vrrp_nd *ret);
/* Who owns the target? Asks its solicited-node group, from the unspecified address: as duplicate address
 * detection does, which disturbs no neighbour cache. */
void vrrp_nd_build_probe(const uint8_t mac[6], const struct vrrp_ip *target, uint8_t frame[VRRP_ND_PROBE]);

#endif
