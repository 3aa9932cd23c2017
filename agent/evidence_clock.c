/* Which of the masters' clocks is wrong.
 *
 * Two things are compared: the masters' ideas of the time (system clock + correction), which tell a lying
 * time source, and the system clocks themselves, which tell one that was set wrongly, though its chronyd
 * knows better. */
#include "agent/evidence.h"
#include "pki/util.h"
#include <math.h>

enum { COMPARABLE = 3, BETTER_FACTOR = 2 };

/* How far the others' values are from ours, which is 0. */
struct series {
        size_t n; /* ours included */
        double offset[EXCHANGE_PEERS + 1], error[EXCHANGE_PEERS + 1];
};
enum kinship {
        NO_MAJORITY,
        WITH_MAJORITY,
        NEAR_MAJORITY, /* by more than half of the limit */
        ODD,
};

static bool has_source(const struct evidence_clock *c) {
        return c->verdict == CLOCK_GOOD || c->verdict == CLOCK_OFFSET;
}

static void add(struct series *s, double offset, double error) {
        size_t at = s->n++;

        for (; at > 0 && s->offset[at - 1] > offset; at--) { /* sorted */
                s->offset[at] = s->offset[at - 1];
                s->error[at] = s->error[at - 1];
        }
        s->offset[at] = offset;
        s->error[at] = error;
}

/* A majority lies within the limit of the median; we do, or we do not. */
static enum kinship kinship(const struct series *s, double limit_s, double *ret_distance) {
        double median = s->offset[s->n / 2], error = s->error[s->n / 2];
        size_t near = 0;

        *ret_distance = median;
        for (size_t i = 0; i < s->n; i++)
                near += fabs(s->offset[i] - median) <= limit_s;
        if (s->n < COMPARABLE || 2 * near <= s->n)
                return NO_MAJORITY;
        if (fabs(median) - error > limit_s)
                return ODD;
        return fabs(median) - error > limit_s / 2 ? NEAR_MAJORITY : WITH_MAJORITY;
}

/* Both series; the worse one is returned, with the distance in it. */
static enum kinship compare(const struct evidence_clock *own, const struct evidence_clock *peers, size_t n,
                            double limit_s, double *ret_distance) {
        struct series ideas = { .n = 0 }, systems = { .n = 0 };
        enum kinship a, b;
        double d;

        if (!has_source(own))
                return NO_MAJORITY;
        add(&ideas, 0, 0);
        add(&systems, 0, 0);
        for (size_t i = 0; i < n; i++)
                if (has_source(&peers[i]) && peers[i].compared) {
                        add(&ideas, peers[i].offset_s, peers[i].error_s);
                        add(&systems, peers[i].system_s, peers[i].error_s);
                }
        a = kinship(&ideas, limit_s, ret_distance);
        b = kinship(&systems, limit_s, &d);
        if (b > a)
                *ret_distance = d;
        if (a != ODD && b != ODD && (a == NO_MAJORITY || b == NO_MAJORITY))
                return NO_MAJORITY;
        return b > a ? b : a;
}

/* Would the address be better off at this peer, given our fault? */
static bool is_better(const struct evidence_clock *own, const struct evidence_clock *p, double limit_s) {
        if (p->verdict != CLOCK_GOOD)
                return false;
        if (!has_source(own))
                return true;
        if (fabs(own->correction_s) <= limit_s)
                return p->distance_s * BETTER_FACTOR <= own->distance_s;
        return !p->compared || fabs(p->offset_s) - p->error_s > limit_s ||
               fabs(p->system_s) - p->error_s > limit_s;
}

static bool any_better(const struct evidence_clock *own, const struct evidence_clock *peers, size_t n,
                       double limit_s) {
        for (size_t i = 0; i < n; i++)
                if (is_better(own, &peers[i], limit_s))
                        return true;
        return n == 0; /* alone, the own judgement counts */
}

static void describe_odd(double distance_s, double limit_s, char detail[HEALTH_REASON]) {
        snprintf(detail, HEALTH_REASON, "odd one out, %.3f s %s the other masters' clocks, limit %.3f s",
                 fabs(distance_s), distance_s > 0 ? "behind" : "ahead of", limit_s);
}

enum health_outcome evidence_clock(const struct evidence_clock *own, enum health_outcome own_outcome,
                                   const char *own_detail, const struct evidence_clock *peers, size_t n,
                                   double limit_s, char detail[HEALTH_REASON]) {
        bool fault = own_outcome > HEALTH_MARGINAL, known;
        double distance_s = 0;
        enum kinship k = compare(own, peers, n, limit_s, &distance_s);

        if (k == ODD) {
                describe_odd(distance_s, limit_s, detail);
                return HEALTH_OFFSET;
        }
        snprintf(detail, HEALTH_REASON, "%.200s", own_detail);
        /* Two witnesses against us, chronyd and the majority: neither's error has to be allowed for. Who all
         * follow one wrong source differ by less than half, whatever the phase of their polls. */
        known = k != NO_MAJORITY && fabs(own->correction_s) > limit_s;
        if (fault && known && fabs(distance_s) > limit_s / 2)
                return own_outcome;
        if (fault && (known || !any_better(own, peers, n, limit_s))) {
                snprintf(detail, HEALTH_REASON, "%.160s; no other master's is better", own_detail);
                own_outcome = HEALTH_OK;
        }
        return own_outcome == HEALTH_OK && k == NEAR_MAJORITY ? HEALTH_MARGINAL : own_outcome;
}

size_t evidence_clocks(const struct exchange *x, uint64_t now_us, struct evidence_clock out[EXCHANGE_PEERS]) {
        size_t n = 0;

        for (size_t i = 0; i < x->n; i++) {
                const struct exchange_peer *p = &x->peer[i];
                const struct exchange_clock *c = &p->report.clock;

                if (!exchange_fresh(p, now_us) || !p->report.check[HEALTH_CLOCK].enabled)
                        continue;
                out[n++] = (struct evidence_clock){
                        .verdict = c->verdict,
                        .correction_s = (double)c->correction_ns / 1e9,
                        .distance_s = c->distance_us == EXCHANGE_DISTANCE_NONE ? INFINITY
                                                                               : (double)c->distance_us / 1e6,
                        .compared = exchange_compared(p, now_us),
                        .offset_s = p->offset_s,
                        .system_s = p->system_s,
                        .error_s = p->error_s,
                };
        }
        return n;
}
