/* Results of the probes into health, the class out of it into the router. */
#include "agent/daemon_priv.h"
#include "agent/monotonic.h"
#include <errno.h>

enum {
        ACCURACY_US = 1,
        KUBELET_BODY = 256,
        INTERVAL_US = 100000,
        API_SERVER_BODY = 512,
        WITHHELD_US = 5000000,
};

void agent_health_arm(struct agent *a) {
        bool at_once = a->role_changed || a->asked != 0;

        if (!a->health_timer)
                return; /* the end: routers still tell that they stop */
        if (!at_once && a->node.deadline_us == VRRP_NEVER) {
                sd_event_source_set_enabled(a->health_timer, SD_EVENT_OFF);
                return;
        }
        sd_event_source_set_time(a->health_timer, at_once ? 0 : a->node.deadline_us);
        sd_event_source_set_enabled(a->health_timer, SD_EVENT_ONESHOT);
}

static void on_published(void *userdata, enum vrrp_class from, enum vrrp_class to, const char *reason) {
        struct agent *a = userdata;

        a->class_changes++;
        agent_record(a, to > from ? LOG_WARNING : LOG_NOTICE, JOURNAL_ID_CLASS, "class",
                     health_class_name(from), health_class_name(to), reason);
        for (size_t i = 0; i < a->n_groups; i++)
                if (a->groups[i].router)
                        vrrp_router_set_class(a->groups[i].router, to, reason);
        agent_balance_changed(a);
        agent_notify_status(a);
}

/* Nothing moves, and the class does not tell why. Not said while the others may still answer. */
static void tell_withheld(struct agent *a, uint64_t now_us) {
        const struct health_pending *p = &a->health.pending;
        bool withheld = p->class != VRRP_HEALTHY && (a->withheld || now_us > p->since_us + WITHHELD_US);

        if (withheld != a->withheld)
                agent_record(a, withheld ? LOG_WARNING : LOG_NOTICE, NULL, "withheld",
                             withheld ? "no" : "yes", withheld ? "yes" : "no", a->health.reason);
        a->withheld = withheld;
}

static void on_report(void *userdata, enum health_check c, const struct health_result *r) {
        struct health_when now = agent_health_now();
        struct agent *a = userdata;

        if (c == HEALTH_CLOCK)
                health_node_clock(&a->node, clock_probe_state(a->clock));
        health_node_result(&a->node, c, r, now);
        tell_withheld(a, now.us);
        agent_health_arm(a);
}

static int on_health_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        struct agent *a = userdata;
        struct health_when now;

        (void)s;
        (void)usec;
        agent_exchange_due(a);
        now = agent_health_now();
        health_node_tick(&a->node, now);
        tell_withheld(a, now.us);
        agent_health_arm(a);
        return 0;
}

/* A group gives up by itself when its link is down; the whole node is unfit when all links are. */
void agent_health_link(struct agent *a) {
        bool up = false, any = false;

        for (size_t i = 0; i < a->n_groups; i++) {
                bool counts = a->groups[i].router || a->keep;

                any |= counts;
                up |= counts && a->groups[i].link_up;
        }
        if (any)
                on_report(a, HEALTH_LINK,
                          &(struct health_result){ .outcome = up ? HEALTH_OK : HEALTH_DOWN,
                                                   .detail = up ? "link is up" : "link is down",
                                                   .started_us = (uint64_t)monotonic_us() });
}

/* libcurl and its TLS library are set up before the memory is locked, and only where something asks over
 * HTTP. */
static int open_http(struct agent *a) {
        const struct config *c = a->config;
        bool asks = c->health.api_server.enabled || c->health.etcd.enabled || c->health.kubelet.enabled;

        return asks ? http_new(a->loop, &a->http) : 0;
}

int agent_health_init(struct agent *a) {
        static const struct health_node_ops ops = { .published = on_published,
                                                    .send = agent_exchange_send,
                                                    .probe = agent_exchange_probe,
                                                    .give_up = agent_exchange_give_up,
                                                    .moved = agent_moved };
        const struct config *c = a->config;
        struct health_params p = {
                .enabled = { [HEALTH_API_SERVER] = c->health.api_server.enabled,
                             [HEALTH_ETCD] = c->health.etcd.enabled,
                             [HEALTH_CLOCK] = c->health.clock.enabled,
                             [HEALTH_KUBELET] = c->health.kubelet.enabled,
                             [HEALTH_LINK] = c->vips.n > 0 },
                .fall = c->health.api_server.fall,
                .rise = c->health.api_server.rise,
                .interval_us = c->vips.n ? c->vips.items[0].interval_us : INTERVAL_US,
                .times = health_times_default,
        };
        int r;

        if ((r = open_http(a)) < 0)
                return r;
        health_node_init(&a->node, &a->health, &p, c->time_max_offset_s, &ops, a, agent_health_now());
        r = sd_event_add_time(a->loop, &a->health_timer, CLOCK_MONOTONIC, UINT64_MAX, ACCURACY_US,
                              on_health_timer, a);
        return r < 0 ? r : sd_event_source_set_enabled(a->health_timer, SD_EVENT_OFF);
}

static int check_url(const char *url, const char *field, struct error *e) {
        if (url && http_check_url(url) == 0)
                return 0;
        return error_set(e, EXIT_INPUT,
                         "%s \"%s\" is not a URL with an address for host; names are not resolved here",
                         field, url ? url : "");
}

static int open_api_server(struct agent *a, const struct probe_env *env, struct error *e) {
        const struct http_check *h = &a->config->health.api_server;
        struct http_request q = { .url = h->endpoint,
                                  .ca_file = h->ca_file,
                                  .cert_file = h->cert_file,
                                  .key_file = h->key_file,
                                  .timeout_us = h->timeout_us,
                                  .max_body = API_SERVER_BODY };
        int r;

        if (!h->enabled)
                return 0;
        if ((r = check_url(h->endpoint, "health.apiServer.endpoint", e)) < 0)
                return r;
        return http_probe_new(env, HEALTH_API_SERVER, &q, h->interval_us, true, &a->api_server);
}

static int open_kubelet(struct agent *a, const struct probe_env *env, struct error *e) {
        const struct plain_check *h = &a->config->health.kubelet;
        struct http_request q = { .url = h->endpoint, .timeout_us = h->timeout_us, .max_body = KUBELET_BODY };
        int r;

        if (!h->enabled)
                return 0;
        if ((r = check_url(h->endpoint, "health.kubelet.endpoint", e)) < 0)
                return r;
        return http_probe_new(env, HEALTH_KUBELET, &q, h->interval_us, false, &a->kubelet);
}

static int open_etcd(struct agent *a, const struct probe_env *env, struct error *e) {
        const struct plain_check *h = &a->config->health.etcd;
        int r;

        if (!h->enabled)
                return 0;
        if ((r = check_url(h->endpoint, "health.etcd.endpoint", e)) < 0)
                return r;
        return etcd_probe_new(env, h->endpoint, h->interval_us, h->timeout_us, &a->etcd);
}

static int open_clock(struct agent *a, const struct probe_env *env, struct error *e) {
        const struct config *c = a->config;

        (void)e;
        if (!c->health.clock.enabled)
                return 0;
        return clock_probe_new(env, c->health.clock.port, c->health.clock.interval_us, c->time_max_offset_s,
                               &a->clock);
}

int agent_probes_open(struct agent *a, struct error *e) {
        static int (*const openers[])(struct agent *, const struct probe_env *,
                                      struct error *) = { open_api_server, open_etcd, open_clock,
                                                          open_kubelet };
        struct probe_env env = { .loop = a->loop, .http = a->http, .report = on_report, .userdata = a };
        int r;

        *e = (struct error){ 0 };
        for (size_t i = 0; i < ARRAY_SIZE(openers); i++)
                if ((r = openers[i](a, &env, e)) < 0)
                        return *e->message ? r
                                           : error_set(e, EXIT_FAILED, "a health check cannot start: %s",
                                                       strerror(-r));
        return 0;
}

void agent_probes_close(struct agent *a) {
        http_probe_free(a->api_server);
        http_probe_free(a->kubelet);
        etcd_probe_free(a->etcd);
        clock_probe_free(a->clock);
        http_free(a->http);
        a->health_timer = sd_event_source_disable_unref(a->health_timer);
}
