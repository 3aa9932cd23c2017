/* What the agent tells about itself: a snapshot, and the pure functions that write it as JSON (stable:
 * `triarch status -o json`, GET /v1/status) and as Prometheus metrics. */
#ifndef AGENT_REPORT_H
#define AGENT_REPORT_H

#include "agent/config.h"
#include "agent/health.h"
#include "agent/history.h"
#include "agent/probe.h"
#include "vrrp/router.h"

struct report { /* everything borrowed */
        const struct config *config;
        struct timespec wall;        /* now, CLOCK_REALTIME */
        uint64_t now_us, started_us; /* CLOCK_MONOTONIC */
        bool routing;                /* router is valid */
        struct vrrp_router_status router;
        uint64_t router_now_us;     /* now on the clock of router's times */
        const char *router_problem; /* why there is no router yet, "" */
        const struct health *health;
        const struct clock_state *clock; /* NULL: not checked */
        const struct etcd_facts *etcd;   /* NULL: not checked */
        const struct history *history;
        uint64_t became_active, lost_active, class_changes; /* since the start */
};

/* malloc'ed text, NUL-terminated; -ENOMEM. */
int report_json(const struct report *r, char **ret, size_t *ret_size);
int report_metrics(const struct report *r, char **ret, size_t *ret_size);

#endif
