#include "agent/report.h"
#include "agent/time_text.h"
#include <errno.h>
#include <jansson.h>

enum { US_PER_MS = 1000 };

/* "" when it is nobody's. */
static const char *member_name(const struct config *c, const struct vrrp_ip *a) {
        for (size_t i = 0; i < c->vips.items[0].n_members; i++)
                if (vrrp_ip_equal(&c->vips.items[0].members[i].address, a))
                        return c->vips.items[0].members[i].name;
        return "";
}

static json_t *address(const struct vrrp_ip *a) {
        return json_string(vrrp_ip_text(a).v);
}

static json_t *time_of(struct timespec t) {
        char text[TIME_TEXT_SIZE];

        return json_string(time_text(t, text));
}

/* Wall clock time of something the router says of itself. */
static json_t *moment(const struct report *r, uint64_t us) {
        int64_t ns = (int64_t)r->wall.tv_sec * 1000000000 + r->wall.tv_nsec -
                     (int64_t)(r->router_now_us - us) * 1000;

        return time_of((struct timespec){ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 });
}

static uint64_t age_ms(const struct report *r, uint64_t us) {
        return us <= r->now_us ? (r->now_us - us) / US_PER_MS : 0;
}

static uint64_t router_age_ms(const struct report *r, uint64_t us) {
        return us <= r->router_now_us ? (r->router_now_us - us) / US_PER_MS : 0;
}

/* Who has the address as far as this node knows: itself, or whom it hears. */
static const struct vrrp_ip *owner(const struct vrrp_router_status *s) {
        return s->state == VRRP_ACTIVE ? &s->self : &s->active;
}

static json_t *vip_json(const struct report *r) {
        static const char *const preempt[] = { "health", "always", "never" };
        const struct vrrp_router_status *s = &r->router;
        const struct vip_config *v = config_vip(r->config);
        json_t *o = json_pack("{s:o, s:s, s:i, s:s, s:s, s:f}", "address", address(&v->addresses[0].ip),
                              "interface", v->interface ? v->interface : "", "virtualRouterID", (int)v->vrid,
                              "transport", "ip", "preempt", preempt[v->preempt], "advertisementIntervalMs",
                              v->interval_us / 1000.0);

        if (!r->routing) {
                json_object_set_new(o, "state", json_string("initialize"));
                json_object_set_new(o, "problem", json_string(r->router_problem));
                return o;
        }
        json_object_set_new(o, "state", json_string(vrrp_state_name(s->state)));
        json_object_set_new(o, "since", moment(r, s->since_us));
        json_object_set_new(o, "stateMs", json_integer((json_int_t)router_age_ms(r, s->since_us)));
        json_object_set_new(o, "owner", address(owner(s)));
        json_object_set_new(o, "ownerName",
                            json_string(s->state == VRRP_ACTIVE ? r->config->node_name
                                                                : member_name(r->config, owner(s))));
        json_object_set_new(o, "self", address(&s->self));
        json_object_set_new(o, "priority", json_integer(s->priority));
        json_object_set_new(o, "priorityConfigured", json_integer(s->priority_configured));
        json_object_set_new(o, "addressPresent", json_boolean(s->address_present));
        json_object_set_new(o, "linkUp", json_boolean(s->link_up));
        return o;
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

static json_t *peers_json(const struct report *r) {
        json_t *a = json_array();

        for (size_t i = 0; r->routing && i < r->router.n_peers; i++) {
                const struct vrrp_peer *p = &r->router.peers[i];

                json_array_append_new(
                        a,
                        json_pack("{s:o, s:s, s:i, s:s, s:I}", "address", address(&p->address), "name",
                                  member_name(r->config, &p->address), "priority", (int)p->priority, "class",
                                  health_class_name(
                                          vrrp_class_of_priority(r->router.priority_configured, p->priority)),
                                  "ageMs", (json_int_t)router_age_ms(r, p->last_us)));
        }
        return a;
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

int report_json(const struct report *r, char **ret, size_t *ret_size) {
        json_t *root =
                json_pack("{s:s, s:s, s:i, s:o, s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "version",
                          TRIARCH_VERSION, "node", r->config->node_name, "pid", (int)getpid(), "time",
                          time_of(r->wall), "uptimeMs", (json_int_t)age_ms(r, r->started_us), "class",
                          health_class_name(r->health->published), "reason", r->health->reason, "vip",
                          r->config->vips.n ? vip_json(r) : json_null(), "cluster", cluster_json(r), "checks",
                          checks_json(r), "clock", clock_json(r), "etcd", etcd_json(r), "peers",
                          peers_json(r), "history", history_json(r));
        char *text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;

        json_decref(root);
        if (!text)
                return -ENOMEM;
        *ret = text;
        *ret_size = strlen(text);
        return 0;
}
