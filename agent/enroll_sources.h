/* Wrong tries per source address (of IPv6 per network of 64 bits, which a host may have whole): who has made
 * them waits, and nobody else does. Pure; the caller gives the time. */
#ifndef AGENT_ENROLL_SOURCES_H
#define AGENT_ENROLL_SOURCES_H

#include "vrrp/ip.h"
#include <stdbool.h>
#include <stdint.h>

enum { ENROLL_SOURCES = 256, ENROLL_PER_SOURCE = 2, ENROLL_HOLD_MAX_S = 64 };

struct enroll_source {
        struct vrrp_ip address;
        unsigned wrong, active; /* wrong tries in a row; connections being served */
        int64_t seen_us, until_us;
};
struct enroll_sources {
        struct enroll_source v[ENROLL_SOURCES];
        size_t n;
};

/* A connection from there: NULL when it has to be turned away at once, because that address already has
 * ENROLL_PER_SOURCE of them (or ENROLL_SOURCES others are being served). *ret_hold_s: how long it still
 * has to wait. */
struct enroll_source *enroll_source_enter(struct enroll_sources *s, struct vrrp_ip address, int64_t now_us,
                                          unsigned *ret_hold_s);
/* It is over. Wrong tries hold the address 1, 2, 4, ... ENROLL_HOLD_MAX_S seconds; ten quiet minutes forgive.
 */
void enroll_source_leave(struct enroll_sources *s, struct vrrp_ip address, bool wrong, int64_t now_us);
/* Someone is being held: leaving now would forget that. */
bool enroll_sources_holding(const struct enroll_sources *s, int64_t now_us);

#endif
