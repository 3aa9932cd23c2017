/* ARP for one IPv4 address as Ethernet frames (RFC 826, RFC 5227). Pure. */
#ifndef VRRP_ARP_H
#define VRRP_ARP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VRRP_ARP_FRAME = 42 };

struct vrrp_arp {
        uint8_t sender_mac[6], target_mac[6];
        struct in_addr sender, target;
};
/* An ARP request in an Ethernet broadcast frame. */
void vrrp_arp_build(const struct vrrp_arp *a, uint8_t frame[VRRP_ARP_FRAME]);
/* Request or reply of IPv4 over Ethernet; false for anything else. */
bool vrrp_arp_parse(const uint8_t *frame, size_t size, struct vrrp_arp *ret);

#endif
