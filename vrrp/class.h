/* Classes of nodes, in order, and how they travel in a VRRP priority. Pure. */
#ifndef VRRP_CLASS_H
#define VRRP_CLASS_H

#include <stdint.h>

enum vrrp_class { VRRP_HEALTHY, VRRP_DEGRADED, VRRP_FAILED };
enum vrrp_preempt { VRRP_PREEMPT_ALWAYS, VRRP_PREEMPT_NEVER, VRRP_PREEMPT_HEALTH };

/* As the ip transport carries them: the configured priority while healthy, half of it (at least 2) while
 * degraded, 1 while failed. */
uint8_t vrrp_priority_of_class(uint8_t configured, enum vrrp_class c);
/* What a priority heard tells, for a router configured with `own`: 1 is failed; below 128 degraded
 * where own is 128 or more; else healthy. */
enum vrrp_class vrrp_class_of_priority(uint8_t own, uint8_t heard);
uint32_t vrrp_skew_us(uint8_t priority, uint32_t interval_us); /* RFC 9568 section 6.1 */

#endif
