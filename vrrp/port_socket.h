/* The raw socket under a port (port.h): options, group, filter. */
#ifndef VRRP_PORT_SOCKET_H
#define VRRP_PORT_SOCKET_H

#include "vrrp/port.h"

struct vrrp_vrids {
        uint32_t words[8]; /* bit n % 32 of word n / 32: VRID n */
};
/* Non-blocking, bound to the interface, in the group; lets nothing through yet. 0 or negative errno. */
int vrrp_port_socket(const struct vrrp_port_params *p, int *ret_fd);
/* Let through what carries one of these VRIDs, whatever else is wrong with it. */
int vrrp_port_filter(int fd, uint8_t family, const struct vrrp_vrids *vrids);
/* Leave the group and join it again. */
int vrrp_port_rejoin(int fd, uint8_t family, unsigned ifindex);

#endif
