/* ARP for one IPv4 address: gratuitous requests, watching for other owners, and a probe. */
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

/* Packet socket on the interface (CAP_NET_RAW), non-blocking; receives only ARP whose sender address is
 * `owned`, not what this host sends. 0 or negative errno. */
int vrrp_arp_open(unsigned ifindex, struct in_addr owned, int *ret_fd);
/* 1 and *ret, 0 when nothing (more) is queued, or negative errno. */
int vrrp_arp_receive(int fd, struct vrrp_arp *ret);
/* One gratuitous ARP request as keepalived and FRR send it: sender and target are the address, target MAC
 * all ones (RFC 9568 section 8.1.2). */
int vrrp_arp_announce(int fd, const uint8_t mac[6], struct in_addr address);

/* Does anybody own the address? RFC 5227 section 2.1.1: probes with sender address 0.0.0.0, which
 * disturb no neighbour cache. Blocking, up to timeout_ms. 1 and the owner's mac, 0 nobody answered, or
 * negative errno. An address of this host does not answer. */
int vrrp_arp_probe(const char *ifname, struct in_addr target, unsigned timeout_ms, uint8_t mac[6]);

#endif
