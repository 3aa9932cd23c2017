/* The virtual address on this host's interfaces, without a router or a loop. */
#ifndef VRRP_ADDRESS_H
#define VRRP_ADDRESS_H

#include "vrrp/ip.h"

enum { VRRP_ADDR_PROTO = 112 }; /* IFA_PROTO mark of the addresses that are ours (Linux 5.18) */

/* Remove the address, whatever its prefix length, from the interface (every interface when NULL): for
 * `vip flush`, ExecStopPost and start. *ret_removed counts; an interface that does not exist has
 * none. Needs CAP_NET_ADMIN when there is something to remove. 0 or negative errno. */
int vrrp_address_flush(const struct vrrp_ip *vip, const char *interface, unsigned *ret_removed);

/* For taking the place of another program. Is it on any interface, with whatever prefix length? False also
 * where the kernel cannot be asked. */
bool vrrp_address_is_here(const struct vrrp_ip *vip);
/* Remove it where it has this prefix length; none is no error. */
int vrrp_address_remove(const struct vrrp_ip *vip, uint8_t prefix, const char *interface);
/* Where it is a host's alone (/32, /128), as a router's is: from now on without an end to its life. */
int vrrp_address_make_permanent(const struct vrrp_ip *vip, const char *interface);

#endif
