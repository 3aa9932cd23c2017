#include "agent/history.h"
#include <stdio.h>

void history_add(struct history *h, struct timespec wall, const char *what, const char *from, const char *to,
                 const char *reason) {
        struct history_event *e = &h->v[h->n++ % HISTORY_SIZE];

        *e = (struct history_event){ .wall = wall, .what = what, .from = from, .to = to };
        snprintf(e->reason, sizeof e->reason, "%s", reason);
}

size_t history_count(const struct history *h) {
        return h->n < HISTORY_SIZE ? (size_t)h->n : HISTORY_SIZE;
}

const struct history_event *history_at(const struct history *h, size_t i) {
        return &h->v[(h->n - history_count(h) + i) % HISTORY_SIZE];
}
