#include "agent/report.h"
#include "agent/time_text.h"
#include <errno.h>
#include <jansson.h>

enum { US_PER_MS = 1000 };

static json_t *time_of(struct timespec t) {
        char text[TIME_TEXT_SIZE];

        return json_string(time_text(t, text));
}

static uint64_t age_ms(const struct report *r, uint64_t us) {
        return us <= r->now_us ? (r->now_us - us) / US_PER_MS : 0;
}

static json_t *check_json(const struct report *r, enum health_check c) {
        const struct health_item *i = &r->health->item[c];
        json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:I}", "name", health_check_name(c), "class",
                              health_class_name(i->class), "last", health_outcome_name(i->last), "reason",
                              i->reason, "classMs", (json_int_t)age_ms(r, i->changed_us));

        if (strcmp(i->detail, i->reason) != 0)
                json_object_set_new(o, "lastDetail", json_string(i->detail));
        if (i->last_us != VRRP_NEVER)
                json_object_set_new(o, "ageMs", json_integer((json_int_t)age_ms(r, i->last_us)));
        return o;
}

static json_t *checks_json(const struct report *r) {
        json_t *a = json_array();

        for (enum health_check c = 0; c < HEALTH_CHECKS; c++)
                if (r->health->params.enabled[c])
                        json_array_append_new(a, check_json(r, c));
        return a;
}

static json_t *clock_json(const struct report *r) {
        static const char *const verdicts[] = { "good", "offset", "unsynchronised", "stale", "unknown" };
        const struct clock_state *s = r->clock;
        char times[128];

        if (!s)
                return json_null();
        clock_both_times(s, r->wall, times, sizeof times);
        return json_pack("{s:s, s:f, s:f, s:f, s:f, s:s, s:s}", "verdict", verdicts[s->verdict],
                         "correctionSeconds", s->correction, "errorBoundSeconds", s->error_bound,
                         "ageSeconds", s->age, "maxOffsetSeconds", r->config->time_max_offset_s, "reason",
                         s->reason, "times", times);
}

static json_t *flag_json(enum etcd_flag f) {
        return f == ETCD_FLAG_UNKNOWN ? json_null() : json_boolean(f == ETCD_FLAG_YES);
}

static json_t *etcd_json(const struct report *r) {
        return !r->etcd ? json_null()
                        : json_pack("{s:o, s:o, s:o}", "hasLeader", flag_json(r->etcd->has_leader),
                                    "isLeader", flag_json(r->etcd->is_leader), "isLearner",
                                    flag_json(r->etcd->is_learner));
}

static json_t *history_json(const struct report *r) {
        json_t *a = json_array();

        for (size_t i = 0; i < history_count(r->history); i++) {
                const struct history_event *e = history_at(r->history, i);

                json_array_append_new(a,
                                      json_pack("{s:o, s:s, s:s, s:s, s:s}", "time", time_of(e->wall), "what",
                                                e->what, "from", e->from, "to", e->to, "reason", e->reason));
        }
        return a;
}

static json_t *cluster_json(const struct report *r) {
        const struct config *c = r->config;

        return !c->cluster
                       ? json_null()
                       : json_pack("{s:s, s:s, s:s?}", "certificatesDir", c->cert_dir, "kubernetesVersion",
                                   c->kubernetes_version, "advertiseAddress", c->advertise_address);
}

static int add(json_t *root, const char *key, json_t *value) {
        return json_object_set_new(root, key, value);
}

/* Where new connections go that come to the address here: null when they stay, or when it is elsewhere. */
static json_t *balance_json(const struct report *r) {
        json_t *o, *targets;

        if (!r->config->api_load_balancing)
                return json_null();
        o = json_pack("{s:b, s:o, s:s}", "spreads", r->balance && balance_spreads(r->balance), "targets",
                      targets = json_array(), "problem", r->balance_problem);
        for (size_t i = 0; r->balance && i < r->balance->n_targets; i++)
                json_array_append_new(targets, json_string(vrrp_ip_text(&r->balance->targets[i]).v));
        return o;
}

int report_json(const struct report *r, char **ret, size_t *ret_size) {
        json_t *root = json_pack("{s:s, s:s, s:i, s:o, s:I, s:s, s:s}", "version", TRIARCH_VERSION, "node",
                                 r->config->node_name, "pid", (int)getpid(), "time", time_of(r->wall),
                                 "uptimeMs", (json_int_t)age_ms(r, r->started_us), "class",
                                 health_class_name(r->health->published), "reason", r->health->reason);
        char *text = NULL;

        if (root && add(root, "vip", r->n_groups ? report_vip_json(r, &r->groups[0]) : json_null()) == 0 &&
            add(root, "vips", report_vips_json(r)) == 0 &&
            add(root, "members", report_members_json(r)) == 0 &&
            add(root, "transports", report_transports_json(r)) == 0 &&
            add(root, "withheld", json_boolean(r->health->pending.class != VRRP_HEALTHY)) == 0 &&
            add(root, "cluster", cluster_json(r)) == 0 && add(root, "checks", checks_json(r)) == 0 &&
            add(root, "clock", clock_json(r)) == 0 && add(root, "etcd", etcd_json(r)) == 0 &&
            add(root, "peers", report_peers_json(r)) == 0 &&
            add(root, "loadBalancing", balance_json(r)) == 0 && add(root, "history", history_json(r)) == 0)
                text = json_dumps(root, JSON_INDENT(2));
        json_decref(root);
        if (!text)
                return -ENOMEM;
        *ret = text;
        *ret_size = strlen(text);
        return 0;
}
