/* The clock that nobody sets: for deadlines of commands and services that block. */
#ifndef AGENT_MONOTONIC_H
#define AGENT_MONOTONIC_H

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC, microseconds. */
static inline int64_t monotonic_us(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

#endif
