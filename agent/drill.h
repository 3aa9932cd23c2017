/* `triarch drill`: the virtual address walks over all masters and back while this machine asks the API
 * through it. What decides is pure: the agent's report and etcd's members in, the way or a refusal out. */
#ifndef AGENT_DRILL_H
#define AGENT_DRILL_H

#include "agent/config.h"
#include "agent/etcd.h"
#include <jansson.h>

struct drill_plan {
        char address[46];
        unsigned vrid;
        char owner[256];                  /* who has it before */
        char to[CONFIG_MAX_MEMBERS][256]; /* one after the other; the last is the owner of before */
        size_t n;
};
enum { DRILL_FRESH_MS = 1000 }; /* members report ten times as often by default */

/* From the report of report.h, the group of this virtualRouterID (0: the only one). etcd NULL: none is
 * asked. -EPERM with *e (EXIT_PREFLIGHT) names everything that is not as healthy as a drill needs, -EINVAL
 * (EXIT_INPUT) that there is no such group. */
int drill_plan(const json_t *report, const struct etcd_members *etcd, unsigned vrid, struct drill_plan *ret,
               struct error *e);

/* ---- questions through the address, from a thread of their own ---- */

struct drill_probe;
struct drill_question {
        const char *url, *ca_file; /* borrowed until drill_probe_free() */
        unsigned rhythm_ms, timeout_ms;
};
struct drill_measure {
        unsigned asked, answered; /* those answered may have been asked before the measure began */
        int64_t gap_us;           /* longest time without an answer, the one still open included */
        char problem[256];        /* of the last that failed; "" */
};
/* A connection each `rhythm_ms`, new and verified every time, however many are under way. An answer is any
 * HTTP status below 500: whether anonymous questions are allowed is another matter. curl_global_init() was
 * called. */
int drill_probe_new(const struct drill_question *q, struct drill_probe **ret, struct error *e);
/* What was measured since the last call or the beginning; begins anew. */
void drill_probe_take(struct drill_probe *p, struct drill_measure *ret);
void drill_probe_free(struct drill_probe *p);
DEFINE_CLEANUP(struct drill_probe *, drill_probe_free)

#endif
