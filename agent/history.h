/* The last changes with their reasons, newest overwriting oldest. A value: no allocation. */
#ifndef AGENT_HISTORY_H
#define AGENT_HISTORY_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum { HISTORY_SIZE = 64, HISTORY_REASON = 256 };

struct history_event {
        struct timespec wall;  /* CLOCK_REALTIME: for people */
        const char *what;      /* static: "state", "class", "link", "notice", "agent" */
        const char *from, *to; /* static, "" where they make no sense */
        char reason[HISTORY_REASON];
};
struct history {
        struct history_event v[HISTORY_SIZE];
        uint64_t n; /* ever added */
};

void history_add(struct history *h, struct timespec wall, const char *what, const char *from, const char *to,
                 const char *reason);
size_t history_count(const struct history *h);
/* i counts from the oldest kept. */
const struct history_event *history_at(const struct history *h, size_t i);

#endif
