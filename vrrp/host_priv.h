/* The host's inside, for the routers and the transports. */
#ifndef VRRP_HOST_PRIV_H
#define VRRP_HOST_PRIV_H

#include "vrrp/host.h"

struct vrrp_host {
        sd_event *loop;
};

#endif
