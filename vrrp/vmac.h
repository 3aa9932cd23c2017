/* The virtual router's MAC address (RFC 9568 section 7.3) as a macvlan of the interface, named
 * vmac4-VRID-IFINDEX or vmac6-VRID-IFINDEX, which then carries the virtual addresses.
 *
 * All through rtnetlink, the IPv4 settings too, and one pair of files under /proc/sys/net/ipv6/conf (see
 * ra_error). Blocks for the kernel only. CAP_NET_ADMIN. All: 0 or negative errno. */
#ifndef VRRP_VMAC_H
#define VRRP_VMAC_H

#include <net/if.h>
#include <stdint.h>

void vrrp_vmac_address(uint8_t family, uint8_t vrid,
                       uint8_t ret_mac[6]); /* 00:00:5e:00:01:VRID, ...:02:... */

struct vrrp_vmac {
        unsigned ifindex;
        char name[IF_NAMESIZE];
        uint8_t mac[6];
        /* 0, or why the interface still listens to router advertisements (/proc/sys may
         * be read-only): where there are any, it then gets addresses and routes. */
        int ra_error;
};
/* Make it, up, without an address of its own. A stale one of ours is replaced; -EEXIST: there is one of that
 * name that is not ours. The parent then answers ARP, and asks, by its own addresses only (arp_ignore 1,
 * arp_announce 2, which stay), or neighbours would learn its MAC for the macvlan's. It goes with the
 * parent. */
int vrrp_vmac_create(unsigned parent, uint8_t family, uint8_t vrid, struct vrrp_vmac *ret);
int vrrp_vmac_delete(const struct vrrp_vmac *v); /* gone already: 0 */
/* Remove all of ours, on `parent` or (0) anywhere: left over by an agent that was killed. Ours are macvlans
 * with the virtual MAC and the parent that their name tells. */
int vrrp_vmac_flush(unsigned parent, unsigned *ret_removed);

#endif
