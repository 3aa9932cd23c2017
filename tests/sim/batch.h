/* Many schedules on all cores, and what came of them. */
#ifndef SIM_BATCH_H
#define SIM_BATCH_H

#include "tests/sim/sim.h"

enum { BATCH_BAD = 8, BATCH_JOBS = 64 };

struct batch {
        uint64_t schedules, violating;    /* violating: of them, of any claim */
        uint64_t violations[SIM_CLAIMS];  /* schedules */
        uint64_t bad[BATCH_BAD];          /* first violating seeds */
        unsigned n_bad, longest_permille; /* longest time without an owner in quiet, of what L allows */
        struct sim_counters count;
};

/* What is left out by a mutation: part k alone, or (k == n) all of it. With two parts or more a violating
 * seed counts only if it violates nothing without each part alone: then it took all of them. */
struct batch_parts {
        unsigned n;
        void (*leave_out)(const void *mutation, unsigned part);
        const void *mutation;
};

/* Seeds from..to, both included; profile < 0: each seed its own; parts: NULL for none. Forks `jobs` workers.
 * 0 or negative errno.
 */
int batch_run(uint64_t from, uint64_t to, int profile, unsigned jobs, const struct batch_parts *parts,
              struct batch *ret);
/* Again, telling the story of it; lines: only so many at its end, 0: all. */
void batch_tell(uint64_t seed, int profile, unsigned level, unsigned lines);
/* Prints everything that was counted. Whether nothing was zero. */
bool batch_print(const struct batch *b);
unsigned batch_cores(void);
/* "N" or "FROM-TO". */
bool batch_range(const char *text, uint64_t *from, uint64_t *to);

#endif
