/* Whole numbers as people write them, on the command line and in files. Pure. */
#ifndef AGENT_DECIMAL_H
#define AGENT_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

/* Plain decimal within min..max. False for anything else: signs, spaces, 0x10, 010 and 1_000 are numbers to
 * some readers and others or none to others. *ret is set only when true. */
bool decimal_parse(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

#endif
