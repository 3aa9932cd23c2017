/* The probes: they ask on the event loop and report outcomes; what an outcome means is health.h's.
 * Nothing blocks. Each is owned by its caller, and freed without a call back. */
#ifndef AGENT_PROBE_H
#define AGENT_PROBE_H

#include "agent/chrony.h"
#include "agent/health.h"
#include "agent/http.h"

/* Borrowed by every probe made with it. */
struct probe_env {
        sd_event *loop;
        struct http *http;
        void (*report)(void *userdata, enum health_check c, const struct health_result *r);
        void *userdata;
};

/* GET answered by 200 is good. Probes begin at their interval whether or not the one before has been
 * answered, three at most at a time: a server that accepts and never answers shows after
 * interval * fall + timeout. Whatever is answered makes what was asked before it moot. With `hold`, one idle
 * connection is held open between the probes, whose end triggers a probe at once: a killed server shows
 * within milliseconds. A refused or broken connection is asked again after 10 ms. */
struct http_probe;
int http_probe_new(const struct probe_env *env, enum health_check check, const struct http_request *q,
                   uint32_t interval_us, bool hold, struct http_probe **ret);
void http_probe_now(struct http_probe *p); /* a fresh measurement, besides those of the interval */
void http_probe_free(struct http_probe *p);

/* etcd's plain metrics listener: /health every interval, /metrics now and then and when in doubt. */
enum etcd_flag { ETCD_FLAG_UNKNOWN = -1, ETCD_FLAG_NO, ETCD_FLAG_YES };
struct etcd_facts {
        enum etcd_flag has_leader, is_leader, is_learner;
};
struct etcd_probe;
int etcd_probe_new(const struct probe_env *env, const char *endpoint, uint32_t interval_us,
                   uint32_t timeout_us, struct etcd_probe **ret);
void etcd_probe_now(struct etcd_probe *p);
const struct etcd_facts *etcd_probe_facts(const struct etcd_probe *p);
void etcd_probe_free(struct etcd_probe *p);
/* Pure: the gauges above in a text of Prometheus's format; what is missing is ETCD_FLAG_UNKNOWN. */
void etcd_metrics_parse(const char *text, size_t size, struct etcd_facts *ret);
/* Pure: the answer to GET /health. */
enum health_outcome etcd_health_judge(unsigned status, const char *body, size_t size,
                                      char detail[HEALTH_REASON]);

/* chronyd on 127.0.0.1:port; where it does not answer within half a second, the kernel's word. */
struct clock_probe;
int clock_probe_new(const struct probe_env *env, uint16_t port, uint32_t interval_us, double max_offset_s,
                    struct clock_probe **ret);
void clock_probe_now(struct clock_probe *p);
const struct clock_state *clock_probe_state(const struct clock_probe *p);
void clock_probe_free(struct clock_probe *p);
/* Pure. */
enum health_outcome clock_outcome(const struct clock_state *s, double max_offset_s);

DEFINE_CLEANUP(struct http_probe *, http_probe_free)
DEFINE_CLEANUP(struct etcd_probe *, etcd_probe_free)
DEFINE_CLEANUP(struct clock_probe *, clock_probe_free)

#endif
