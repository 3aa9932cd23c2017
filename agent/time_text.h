/* How a wall clock's time is written, for people and in what programs read. Pure. */
#ifndef AGENT_TIME_TEXT_H
#define AGENT_TIME_TEXT_H

#include <time.h>

enum { TIME_TEXT_SIZE = 40 };
/* UTC with milliseconds (RFC 3339): "2026-11-23T10:00:00.123Z"; beyond what a date can say "N s since 1970".
 * Returns out. */
const char *time_text(struct timespec t, char out[TIME_TEXT_SIZE]);

#endif
