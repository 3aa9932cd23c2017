#include "vrrp/notice.h"

bool vrrp_notice_due(struct vrrp_notices *n, unsigned kind, const struct vrrp_ip *who, uint64_t now_us) {
        if (n->v[kind].said &&
            (vrrp_ip_equal(&n->v[kind].who, who) || now_us - n->v[kind].at_us < (uint64_t)VRRP_NOTICE_GAP_US))
                return false;
        n->v[kind].said = true;
        n->v[kind].who = *who;
        n->v[kind].at_us = now_us;
        return true;
}

void vrrp_notice_reset(struct vrrp_notices *n) {
        *n = (struct vrrp_notices){ 0 };
}
