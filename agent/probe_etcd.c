#include "agent/monotonic.h"
#include "agent/probe.h"
#include <errno.h>
#include <jansson.h>

enum { HEALTH_BODY = 4096, METRICS_BODY = 1 << 20, METRICS_EVERY_US = 5000000, ACCURACY_US = 1000 };

struct etcd_probe {
        struct probe_env env;
        uint32_t interval_us;
        char health_url[256], metrics_url[256];
        struct http_request health, metrics;
        sd_event_source *timer;
        struct http_call *call;
        enum health_outcome outcome; /* of /health, while /metrics is asked */
        char detail[HEALTH_REASON];
        uint64_t metrics_due_us, started_us;
        struct etcd_facts facts;
};

static const struct gauge {
        const char *name;
        size_t offset;
} gauges[] = {
        { "etcd_server_has_leader ", offsetof(struct etcd_facts, has_leader) },
        { "etcd_server_is_leader ", offsetof(struct etcd_facts, is_leader) },
        { "etcd_server_is_learner ", offsetof(struct etcd_facts, is_learner) },
};

static void parse_line(const char *line, size_t size, struct etcd_facts *f) {
        for (size_t i = 0; i < ARRAY_SIZE(gauges); i++) {
                size_t n = strlen(gauges[i].name);
                enum etcd_flag *flag = (enum etcd_flag *)(void *)((char *)f + gauges[i].offset);

                if (size == n + 1 && !memcmp(line, gauges[i].name, n) && (line[n] == '0' || line[n] == '1'))
                        *flag = line[n] == '1' ? ETCD_FLAG_YES : ETCD_FLAG_NO;
        }
}

void etcd_metrics_parse(const char *text, size_t size, struct etcd_facts *ret) {
        struct etcd_facts f = { ETCD_FLAG_UNKNOWN, ETCD_FLAG_UNKNOWN, ETCD_FLAG_UNKNOWN };
        const char *nl;

        for (size_t at = 0; at < size && (nl = memchr(text + at, '\n', size - at));
             at = (size_t)(nl - text) + 1)
                parse_line(text + at, (size_t)(nl - text) - at, &f);
        *ret = f;
}

enum health_outcome etcd_health_judge(unsigned status, const char *body, size_t size,
                                      char detail[HEALTH_REASON]) {
        json_t *root = json_loadb(body, size, 0, NULL);
        const char *health = json_string_value(json_object_get(root, "health"));
        const char *reason = json_string_value(json_object_get(root, "reason"));
        bool good = status == 200 && health && !strcmp(health, "true");

        if (good)
                snprintf(detail, HEALTH_REASON, "healthy");
        else if (reason && *reason)
                snprintf(detail, HEALTH_REASON, "not healthy: %.200s", reason);
        else
                snprintf(detail, HEALTH_REASON, "not healthy (status %u)", status);
        json_decref(root);
        return good ? HEALTH_OK : HEALTH_ERROR;
}

static uint64_t now_us(void) {
        return (uint64_t)monotonic_us();
}

static void report(struct etcd_probe *p) {
        struct health_result r = { .detail = p->detail,
                                   .started_us = p->started_us,
                                   .took_us = (uint32_t)(now_us() - p->started_us) };

        if (p->facts.has_leader == ETCD_FLAG_NO && p->outcome != HEALTH_REFUSED) {
                p->outcome = HEALTH_ERROR;
                snprintf(p->detail, sizeof p->detail, "has no leader");
        }
        r.outcome = p->outcome;
        p->env.report(p->env.userdata, HEALTH_ETCD, &r);
}

static void on_metrics(void *userdata, const struct http_result *r) {
        struct etcd_probe *p = userdata;

        p->call = NULL;
        p->facts = (struct etcd_facts){ ETCD_FLAG_UNKNOWN, ETCD_FLAG_UNKNOWN, ETCD_FLAG_UNKNOWN };
        if (r->failure == HTTP_ANSWERED && r->status == 200)
                etcd_metrics_parse(r->body, r->size, &p->facts);
        p->metrics_due_us = now_us() + (p->facts.has_leader == ETCD_FLAG_YES ? METRICS_EVERY_US : 0);
        report(p);
}

static void judge_health(struct etcd_probe *p, const struct http_result *r) {
        if (r->failure == HTTP_ANSWERED) {
                p->outcome = etcd_health_judge(r->status, r->body, r->size, p->detail);
                return;
        }
        p->outcome = r->failure == HTTP_REFUSED   ? HEALTH_REFUSED
                     : r->failure == HTTP_TIMEOUT ? HEALTH_TIMEOUT
                                                  : HEALTH_ERROR;
        snprintf(p->detail, sizeof p->detail, "%.100s: %.120s", p->health_url, r->error);
}

static void on_health(void *userdata, const struct http_result *r) {
        struct etcd_probe *p = userdata;

        p->call = NULL;
        judge_health(p, r);
        /* The gauges tell a missing leader from an alarm; nobody home has none. */
        if (r->failure == HTTP_ANSWERED && (p->outcome != HEALTH_OK || now_us() >= p->metrics_due_us) &&
            http_get(p->env.http, &p->metrics, on_metrics, p, &p->call) == 0)
                return;
        if (r->failure != HTTP_ANSWERED)
                p->facts = (struct etcd_facts){ ETCD_FLAG_UNKNOWN, ETCD_FLAG_UNKNOWN, ETCD_FLAG_UNKNOWN };
        report(p);
}

static void probe(struct etcd_probe *p) {
        p->started_us = now_us();
        if (http_get(p->env.http, &p->health, on_health, p, &p->call) < 0)
                p->env.report(p->env.userdata, HEALTH_ETCD,
                              &(struct health_result){ .outcome = HEALTH_UNKNOWN,
                                                       .detail = "out of memory",
                                                       .started_us = p->started_us });
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        struct etcd_probe *p = userdata;

        sd_event_source_set_time(s, usec + p->interval_us);
        sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        if (!p->call)
                probe(p);
        return 0;
}

void etcd_probe_now(struct etcd_probe *p) {
        http_call_free(p->call);
        p->call = NULL;
        probe(p);
}

int etcd_probe_new(const struct probe_env *env, const char *endpoint, uint32_t interval_us,
                   uint32_t timeout_us, struct etcd_probe **ret) {
        CLEANUP(etcd_probe_freep) struct etcd_probe *p = calloc(1, sizeof *p);
        int r;

        if (!p)
                return -ENOMEM;
        p->env = *env;
        p->interval_us = interval_us;
        p->facts = (struct etcd_facts){ ETCD_FLAG_UNKNOWN, ETCD_FLAG_UNKNOWN, ETCD_FLAG_UNKNOWN };
        snprintf(p->health_url, sizeof p->health_url, "%s/health", endpoint);
        snprintf(p->metrics_url, sizeof p->metrics_url, "%s/metrics", endpoint);
        p->health = (struct http_request){ .url = p->health_url,
                                           .timeout_us = timeout_us,
                                           .max_body = HEALTH_BODY };
        p->metrics = (struct http_request){ .url = p->metrics_url,
                                            .timeout_us = timeout_us,
                                            .max_body = METRICS_BODY };
        r = sd_event_add_time_relative(env->loop, &p->timer, CLOCK_MONOTONIC, 0, ACCURACY_US, on_timer, p);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

const struct etcd_facts *etcd_probe_facts(const struct etcd_probe *p) {
        return &p->facts;
}

void etcd_probe_free(struct etcd_probe *p) {
        if (!p)
                return;
        http_call_free(p->call);
        sd_event_source_disable_unref(p->timer);
        free(p);
}
