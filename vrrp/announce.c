#include "vrrp/announce.h"

static const uint64_t gaps_us[] = { 5000, 50000, 200000, 1000000 };
enum { GAPS = sizeof gaps_us / sizeof gaps_us[0], REFRESH_US = 30000000 };
/* From one burst to the next at least; short beside an interval, so that neighbours who believed the other
 * one have us back soon. */
enum { AGAIN_US = 20000, AGAIN_PER_ADDRESS_US = 2000 };

void vrrp_announce_start(struct vrrp_announce *a, uint64_t now_us) {
        a->on = true;
        a->sent = 0;
        a->due_us = now_us;
}

void vrrp_announce_stop(struct vrrp_announce *a) {
        *a = (struct vrrp_announce){ .due_us = VRRP_NEVER };
}

void vrrp_announce_again(struct vrrp_announce *a, size_t n, uint64_t now_us) {
        uint64_t least = AGAIN_PER_ADDRESS_US * (uint64_t)n;
        uint64_t again = a->burst_us + (least > AGAIN_US ? least : AGAIN_US);

        if (!a->on)
                return;
        if (now_us >= again)
                vrrp_announce_start(a, now_us);
        else if (a->due_us > again) /* else what comes before then serves as well */
                vrrp_announce_start(a, again);
}

void vrrp_announce_sent(struct vrrp_announce *a, uint64_t now_us) {
        if (a->sent == 0)
                a->burst_us = now_us;
        a->due_us = now_us + (a->sent < GAPS ? gaps_us[a->sent++] : REFRESH_US);
}
