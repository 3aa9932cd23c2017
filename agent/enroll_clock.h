/* Comparing two clocks across one exchange. A node's clock is CLOCK_REALTIME plus chronyd's correction,
 * as nanoseconds since 1970. Pure, but for the one reader. */
#ifndef AGENT_ENROLL_CLOCK_H
#define AGENT_ENROLL_CLOCK_H

#include "agent/time_text.h"
#include <stdint.h>

/* This node's clock now, `correction` (s) applied: see struct clock_state. */
int64_t enroll_clock_now(double correction);

/* `theirs` was read somewhere between our clock's `sent` and `received`: by how much it lies outside of
 * that interval (s, positive: ahead); 0 inside. So delays on the way, a loaded machine's too, never
 * count as a difference, and can hide one of at most their own length. */
double enroll_clock_distance(int64_t theirs, int64_t sent, int64_t received);

/* "2026-11-23T10:00:00.000Z" */
const char *enroll_time_text(int64_t ns, char out[TIME_TEXT_SIZE]);

#endif
