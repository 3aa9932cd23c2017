/* Health of this node as a value: results of checks and the time in, the class and its reason out. No clock,
 * socket, log or malloc. Times are microseconds of one monotonic clock.
 *
 * Each check has a class of its own; the node's class is the worst of them, and `published` is what
 * the node tells others, after damping:
 * - local and hard faults (connection refused, link down) are published at once;
 * - other faults once they have lasted (count or time, by the table in health.c), but not while the
 *   rest after a health move runs: that is what keeps the address from wandering;
 * - a better class once it has held, also during the rest: whoever has recovered must be there to take
 *   over from a hard fault;
 * - where masters exchange measurements, the one that has the address is gated: a fault that others may
 *   share is `pending` until health_concede() (docs/health.md).
 * What is not known (at the start) counts as degraded. */
#ifndef AGENT_HEALTH_H
#define AGENT_HEALTH_H

#include "vrrp/fsm.h"

enum health_check {
        HEALTH_API_SERVER,
        HEALTH_ETCD,
        HEALTH_CLOCK,
        HEALTH_KUBELET,
        HEALTH_LINK,
        HEALTH_CHECKS,
};
enum health_outcome {
        HEALTH_UNKNOWN, /* no evidence: not asked yet, or a certificate file is not there yet */
        HEALTH_OK,
        HEALTH_MARGINAL, /* no fault, but not good enough to end one (clock between half the limit and the
                            limit) */
        HEALTH_REFUSED,  /* nobody listens */
        HEALTH_TIMEOUT,
        HEALTH_ERROR,  /* answers, but not well */
        HEALTH_OFFSET, /* clock beyond its limit */
        HEALTH_UNSYNCHRONISED,
        HEALTH_DOWN,
        HEALTH_OUTCOMES,
};

struct health_result { /* of one probe */
        enum health_outcome outcome;
        const char *detail;  /* borrowed: valid during the call */
        uint64_t started_us; /* when the question was put */
        uint32_t took_us;
};

struct health_times {
        uint64_t etcd_us, clock_us, kubelet_us;        /* a fault must last that long */
        uint64_t hold_shared_us, hold_clock_us;        /* a better class must hold that long */
        uint64_t rest_us, rest_max_us, rest_window_us; /* after a health move; doubled from the third in the
                                                          window */
};
struct health_params {
        bool enabled[HEALTH_CHECKS];
        unsigned fall, rise;  /* of apiServer: consecutive time-outs or errors, consecutive successes */
        uint32_t interval_us; /* advertisements; a hard fault's end must hold five of them */
        struct health_times times;
};
extern const struct health_times health_times_default;

enum { HEALTH_REASON = 256, HEALTH_MOVES = 8 };
struct health_item {
        enum vrrp_class class;
        bool known, hard;             /* hard: the fault that made `class` is local and hard */
        enum health_outcome last;     /* outcome of the last result */
        unsigned same_n, bad_n, ok_n; /* consecutive results: like the last, faulty, good */
        uint64_t bad_since_us, better_since_us, changed_us, last_us; /* VRRP_NEVER: not running */
        enum vrrp_class better;     /* class that holds since better_since_us */
        char detail[HEALTH_REASON]; /* of the last result */
        char reason[HEALTH_REASON]; /* of `class` */
};
struct health_pending {        /* proven, perhaps shared, and not published because gated */
        enum vrrp_class class; /* VRRP_HEALTHY: nothing */
        uint64_t since_us;
        unsigned checks,
                timeouts; /* bits 1 << enum health_check; timeouts: those that fail by time-out now */
};
struct health {
        struct health_params params;
        struct health_item item[HEALTH_CHECKS];
        enum vrrp_class class;                          /* worst item now */
        enum vrrp_class published;                      /* what others are told */
        char reason[HEALTH_REASON];                     /* of `published`: "apiServer: connection refused" */
        uint64_t published_us;                          /* since when */
        uint64_t deadline_us;                           /* call health_tick() then; VRRP_NEVER: no need */
        uint64_t rest_until_us, moves_us[HEALTH_MOVES]; /* ring of the last health moves */
        unsigned n_moves;
        bool gated;
        struct health_pending pending;
};

void health_init(struct health *h, const struct health_params *p, uint64_t now_us);
/* One result. True when the published class changed. `detail` is copied: cut to fit, what is not
 * printable ASCII replaced. */
bool health_report(struct health *h, enum health_check c, enum health_outcome o, const char *detail,
                   uint64_t now_us);
/* deadline_us has come. True when the published class changed. */
bool health_tick(struct health *h, uint64_t now_us);
/* Gate, or publish at once what was pending. True when the published class changed. */
bool health_gate(struct health *h, bool on, uint64_t now_us);
/* Somebody else was measured to be better: publish what is pending. True when there was anything. */
bool health_concede(struct health *h, uint64_t now_us);
/* The address moved because of health (to or from this node): the rest begins. */
void health_moved(struct health *h, uint64_t now_us);

const char *health_check_name(enum health_check c);     /* "apiServer" */
const char *health_outcome_name(enum health_outcome o); /* "refused" */
const char *health_class_name(enum vrrp_class c);       /* "healthy" */

#endif
