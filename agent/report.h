/* What the agent tells about itself: a snapshot, and the pure functions that write it as JSON (stable:
 * `triarch status -o json`, GET /v1/status) and as Prometheus metrics. */
#ifndef AGENT_REPORT_H
#define AGENT_REPORT_H

#include "agent/balance.h"
#include "agent/config.h"
#include "agent/health.h"
#include "agent/history.h"
#include "agent/probe.h"
#include "vrrp/keyring.h"
#include "vrrp/router.h"
#include "vrrp/sealed.h"
#include <jansson.h>

struct report_group { /* one virtual router */
        const struct vip_config *vip;
        uint8_t family; /* AF_UNSPEC: all addresses of vip, else those of this family */
        bool routing;   /* router is valid */
        bool standby;   /* asked for */
        struct vrrp_router_status router;
        const char *problem; /* why there is no router yet, "" */
        uint64_t became_active, lost_active;
};
struct report_member { /* of the list that the sealed groups of an interface follow */
        uint64_t id;
        const char *name;
        struct vrrp_ip address;
        bool witness, self, standby;
        bool session;                       /* proven, and for the others: heard */
        uint64_t last_us;                   /* last heard, 0: never */
        uint64_t gen;                       /* of its list, 0: not known */
        uint16_t key_id;                    /* of its last datagram, 0: none */
        uint16_t sends, accepts[VRRP_KEYS]; /* keys, as it says itself; sends 0: it does not */
        size_t n_accepts;
        uint8_t priority;
        bool known; /* the next two were told by it */
        enum vrrp_class class;
        const char *reason;
        bool compared; /* its clock minus ours, and how far that may be off */
        double offset_s, error_s;
};
struct report_transport { /* sealed, of one interface */
        const char *interface, *key_file, *keys_problem;
        uint16_t port, sends, accepts[VRRP_KEYS];
        size_t n_accepts;
        struct vrrp_sealed_counters counters;
        uint64_t gen;
        struct report_member members[VRRP_LIST_MEMBERS];
        size_t n_members;
};
struct report { /* everything borrowed */
        const struct config *config;
        struct timespec wall;        /* now, CLOCK_REALTIME */
        uint64_t now_us, started_us; /* CLOCK_MONOTONIC */
        uint64_t router_now_us;      /* now on the clock of the routers' and members' times */
        const struct report_group *groups;
        size_t n_groups;
        const struct report_transport *transports;
        size_t n_transports;
        const struct health *health;
        const struct clock_state *clock; /* NULL: not checked */
        const struct etcd_facts *etcd;   /* NULL: not checked */
        const struct history *history;
        const struct balance *balance; /* apiServerLoadBalancing as in force; NULL: off, or not known now */
        const char *balance_problem;   /* "" */
        uint64_t class_changes;        /* since the start */
};

/* malloc'ed text, NUL-terminated; -ENOMEM. */
int report_json(const struct report *r, char **ret, size_t *ret_size);
int report_metrics(const struct report *r, char **ret, size_t *ret_size);

/* Of report_json(); report_vip.c. New references. */
json_t *report_vip_json(const struct report *r, const struct report_group *g);
json_t *report_vips_json(const struct report *r);
json_t *report_peers_json(const struct report *r);
json_t *report_members_json(const struct report *r);
json_t *report_transports_json(const struct report *r);
/* Of report_metrics(); report_vip_metrics.c. Labels have values of a fixed vocabulary, or of the
 * configuration: free text would make a new series with each change. */
void report_metric_head(FILE *f, const char *name, const char *type, const char *help);
void report_metric_label(FILE *f, const char *text); /* a label's value, escaped */
void report_vip_metrics(FILE *f, const struct report *r);
/* Age of a time of a router or member, in ms. */
uint64_t report_age_ms(const struct report *r, uint64_t us);
const char *report_seal_verdict(enum vrrp_seal_verdict v); /* "tag": what was wrong with a datagram */
/* The group's first address of its family. */
const struct vrrp_ip *report_group_address(const struct report_group *g);

#endif
