/* The `ip` transport: protocol 112 in IPv4 (RFC 9568 section 5.1), multicast or unicast, on one interface.
 * Carries messages and knows nothing of what they say. */
#ifndef VRRP_SOCKET_H
#define VRRP_SOCKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Raw socket (CAP_NET_RAW), non-blocking, bound to the interface; multicast: member of 224.0.0.18 there.
 * Never hears what this host sends. It dies with the interface index: open a new one when that
 * changes. 0 or negative errno. */
int vrrp_socket_open(const char *ifname, unsigned ifindex, bool multicast, int *ret_fd);
/* One VRRP message; the kernel puts the IP header before it: source src, TTL 255, DSCP 0xc0. */
int vrrp_socket_send(int fd, unsigned ifindex, struct in_addr src, struct in_addr dst, const void *msg,
                     size_t size);
/* One whole IPv4 packet: its length, 0 when none is queued, or negative errno. */
int vrrp_socket_receive(int fd, void *buf, size_t size);

/* For preflight, blocking: is the VRID in use on the interface? 1 and *who as soon as an advertisement
 * of it (any version) is heard, 0 when none within timeout_ms (or only unicast to others), or negative
 * errno. */
int vrrp_listen_vrid(const char *ifname, uint8_t vrid, unsigned timeout_ms, struct in_addr *who);

#endif
