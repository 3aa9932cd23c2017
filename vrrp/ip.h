/* An IPv4 or IPv6 address as a value. Equal addresses have equal bytes. */
#ifndef VRRP_IP_H
#define VRRP_IP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct vrrp_ip {
        uint8_t family; /* AF_INET, AF_INET6; AF_UNSPEC: none */
        uint8_t b[16];  /* network order; IPv4 in the first 4, the rest 0 */
};

struct vrrp_ip vrrp_ip_v4(struct in_addr a);
struct vrrp_ip vrrp_ip_v6(const struct in6_addr *a);
struct in_addr vrrp_ip_in(const struct vrrp_ip *a);   /* family must be AF_INET */
struct in6_addr vrrp_ip_in6(const struct vrrp_ip *a); /* family must be AF_INET6 */
bool vrrp_ip_none(const struct vrrp_ip *a);
bool vrrp_ip_equal(const struct vrrp_ip *a, const struct vrrp_ip *b);
/* As unsigned integers in network order, within one family (RFC 9568 section 6.4.3). */
int vrrp_ip_compare(const struct vrrp_ip *a, const struct vrrp_ip *b);
size_t vrrp_ip_size(const struct vrrp_ip *a);     /* 4, 16, or 0 for none */
uint8_t vrrp_ip_bits(const struct vrrp_ip *a);    /* 32, 128, or 0 */
bool vrrp_ip_link_local(const struct vrrp_ip *a); /* fe80::/10; false for IPv4 */
bool vrrp_ip_same_network(const struct vrrp_ip *a, const struct vrrp_ip *b, uint8_t prefix);
/* Numeric text of either family, nothing around it. 0 or -EINVAL. */
int vrrp_ip_parse(const char *text, struct vrrp_ip *ret);
struct vrrp_ip_text {
        char v[INET6_ADDRSTRLEN]; /* "" for none */
};
struct vrrp_ip_text vrrp_ip_text(const struct vrrp_ip *a);
/* For sockets. Returns the length. scope: the interface, used for link-local IPv6. */
socklen_t vrrp_ip_sockaddr(const struct vrrp_ip *a, uint16_t port, unsigned scope,
                           struct sockaddr_storage *ret);
struct vrrp_ip vrrp_ip_of_sockaddr(const struct sockaddr_storage *sa);

#endif
