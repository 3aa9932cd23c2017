/* What the router complains of, and how often: each kind once until the state or the sender changes, or after
 * VRRP_NOTICE_AGAIN_US, and for changing senders at most once in VRRP_NOTICE_GAP_US. Pure. */
#ifndef VRRP_NOTICE_H
#define VRRP_NOTICE_H

#include "vrrp/wire.h"

enum vrrp_notice {
        VRRP_NOTICE_REJECTED, /* + enum vrrp_reject */
        VRRP_NOTICE_SOURCE = VRRP_NOTICE_REJECTED + VRRP_N_REJECTS,
        VRRP_NOTICE_OTHER_ADDRESSES,
        VRRP_NOTICE_INTERVAL,
        VRRP_NOTICE_CONFLICT,
        VRRP_NOTICE_REPAIRED,
        VRRP_NOTICE_FOREIGN,
        VRRP_NOTICE_SEND,
        VRRP_NOTICE_ADDRESS,
        VRRP_NOTICE_NETLINK,
        VRRP_NOTICE_SOCKET,
        VRRP_NOTICE_LATE,
        VRRP_NOTICE_LIST,
        VRRP_NOTICE_SELF,
        VRRP_NOTICE_CONNECTIONS,
        VRRP_N_NOTICES,
};
enum { VRRP_NOTICE_GAP_US = 10 * 1000 * 1000, VRRP_NOTICE_AGAIN_US = 600 * 1000 * 1000 };

struct vrrp_notices {
        struct {
                bool said;
                struct vrrp_ip who;
                uint64_t at_us;
        } v[VRRP_N_NOTICES];
};

/* Whether to say it now; remembers that it was. */
bool vrrp_notice_due(struct vrrp_notices *n, unsigned kind, const struct vrrp_ip *who, uint64_t now_us);
/* The state changed: everything may be said again. */
void vrrp_notice_reset(struct vrrp_notices *n);

#endif
