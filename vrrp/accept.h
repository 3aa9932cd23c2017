/* Accept_Mode false (RFC 9568 section 6.1): packets to the virtual addresses are dropped by this host, but
 * for neighbour discovery, which must answer all the same. Done by an nftables table of our own (input hook,
 * through nfnetlink): the addresses stay on the interface, or nobody would answer for them. The kernel
 * removes the table when our socket is closed, also when the process dies (NFT_TABLE_F_OWNER, Linux 5.12). */
#ifndef VRRP_ACCEPT_H
#define VRRP_ACCEPT_H

#include "vrrp/ip.h"

struct vrrp_accept;
/* table: a name that nobody else uses in this network namespace. CAP_NET_ADMIN. 0 or negative errno:
 * -EOPNOTSUPP, -EINVAL: the kernel has no nftables, or not that flag; -EEXIST. */
int vrrp_accept_deny(const char *table, const struct vrrp_ip *vips, size_t n, struct vrrp_accept **ret);
void vrrp_accept_free(struct vrrp_accept *a); /* from then on packets are accepted; NULL is fine */

#endif
