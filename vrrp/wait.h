/* Waiting with a limit, for the blocking probes of preflight; the router itself never waits. */
#ifndef VRRP_WAIT_H
#define VRRP_WAIT_H

#include <stdint.h>

/* CLOCK_MONOTONIC now and ms from now, in milliseconds. */
int64_t vrrp_deadline_ms(unsigned ms);
/* 1 readable, 0 the deadline has passed, or negative errno. */
int vrrp_wait_readable(int fd, int64_t deadline_ms);

#endif
