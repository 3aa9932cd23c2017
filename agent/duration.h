/* Durations as Go writes them, and so kubeadm: "250ms", "1h30m", "1.5s". Pure. */
#ifndef AGENT_DURATION_H
#define AGENT_DURATION_H

#include <stddef.h>
#include <stdint.h>

enum { DURATION_SIZE = 32 };

/* 0; -EINVAL: no duration (a number without a unit neither, but "0" is); -ERANGE: negative, finer than
 * a microsecond or more than 64 bits hold. */
int duration_parse(const char *text, uint64_t *ret_us);
/* The shortest text that duration_parse() reads back. */
void duration_format(uint64_t us, char out[DURATION_SIZE]);

#endif
