#include "vrrp/notice.h"

bool vrrp_notice_due(struct vrrp_notices *n, unsigned kind, const struct vrrp_ip *who, uint64_t now_us) {
        uint64_t gap = vrrp_ip_equal(&n->v[kind].who, who) ? VRRP_NOTICE_AGAIN_US : VRRP_NOTICE_GAP_US;

        if (n->v[kind].said && now_us - n->v[kind].at_us < gap)
                return false;
        n->v[kind].said = true;
        n->v[kind].who = *who;
        n->v[kind].at_us = now_us;
        return true;
}

void vrrp_notice_reset(struct vrrp_notices *n) {
        *n = (struct vrrp_notices){ 0 };
}
