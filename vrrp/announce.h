/* When an owner announces its addresses (gratuitous ARP, unsolicited NA), as a value: no clock, socket or
 * log. At once, 5, 55, 255 and 1255 ms after that, for neighbours that lost one or learned the old owner
 * last; then every 30 s, for switches that forget. From the start again when another owner was heard, but not
 * before a burst had its chance: a stranger cannot make us flood. */
#ifndef VRRP_ANNOUNCE_H
#define VRRP_ANNOUNCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef VRRP_NEVER
#define VRRP_NEVER UINT64_MAX
#endif

struct vrrp_announce { /* vrrp_announce_stop() makes one */
        bool on;
        unsigned sent;     /* in this burst */
        uint64_t burst_us; /* when it began */
        uint64_t due_us;   /* announce then; VRRP_NEVER: off */
};

/* The addresses have come: due at once. */
void vrrp_announce_start(struct vrrp_announce *a, uint64_t now_us);
void vrrp_announce_stop(struct vrrp_announce *a);
/* Another owner of one of n addresses was heard. Nothing while it is off. */
void vrrp_announce_again(struct vrrp_announce *a, size_t n, uint64_t now_us);
/* All addresses are announced now: when next? */
void vrrp_announce_sent(struct vrrp_announce *a, uint64_t now_us);

#endif
