/* The one clock of vrrp/: CLOCK_MONOTONIC_RAW, which chrony does not slew (lease rule 1). Timers of the event
 * loop run on CLOCK_MONOTONIC and are hints only: armed early, then the clock is read again. */
#ifndef VRRP_CLOCK_H
#define VRRP_CLOCK_H

#include <stdint.h>
#include <systemd/sd-event.h>

#define VRRP_NEVER UINT64_MAX

/* Microseconds of CLOCK_MONOTONIC_RAW, read anew: a loop's cached time may be old. */
uint64_t vrrp_now_us(void);
/* BOOTTIME - MONOTONIC: changes only when the machine was suspended (lease rule 1). Microseconds. */
int64_t vrrp_suspended_us(void);
/* Arm a one-shot CLOCK_MONOTONIC timer for at_us of vrrp_now_us(); VRRP_NEVER: off. May fire early by the
 * difference in rate of the two clocks: the handler reads the clock and arms again. */
void vrrp_clock_arm(sd_event_source *timer, uint64_t at_us);

#endif
