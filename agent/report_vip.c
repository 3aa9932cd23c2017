/* The groups, their members and transports as JSON. */
#include "agent/report.h"
#include "agent/time_text.h"
#include <inttypes.h>
#include <jansson.h>

enum { US_PER_MS = 1000 };

uint64_t report_age_ms(const struct report *r, uint64_t us) {
        return us <= r->router_now_us ? (r->router_now_us - us) / US_PER_MS : 0;
}

const struct vrrp_ip *report_group_address(const struct report_group *g) {
        for (size_t i = 0; i < g->vip->n_addresses; i++)
                if (g->family == AF_UNSPEC || g->vip->addresses[i].ip.family == g->family)
                        return &g->vip->addresses[i].ip;
        return &g->vip->addresses[0].ip;
}

static json_t *address(const struct vrrp_ip *a) {
        return json_string(vrrp_ip_text(a).v);
}

static json_t *id_text(uint64_t id) {
        char text[17] = "";

        if (id)
                snprintf(text, sizeof text, "%016" PRIx64, id);
        return json_string(text);
}

/* Wall clock time of something the router says of itself. */
static json_t *moment(const struct report *r, uint64_t us) {
        int64_t ns = (int64_t)r->wall.tv_sec * 1000000000 + r->wall.tv_nsec -
                     (int64_t)(r->router_now_us - us) * 1000;
        char text[TIME_TEXT_SIZE];

        return json_string(
                time_text((struct timespec){ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 }, text));
}

static void set(json_t *o, const char *key, json_t *value) {
        json_object_set_new(o, key, value);
}

/* ---- names ---- */

static const struct report_transport *transport_of(const struct report *r, const struct report_group *g) {
        for (size_t i = 0; i < r->n_transports && g->vip->transport == VIP_TRANSPORT_SEALED; i++)
                if (g->vip->interface && !strcmp(r->transports[i].interface, g->vip->interface))
                        return &r->transports[i];
        return NULL;
}

/* "" when nobody's. */
static const char *name_of_id(const struct report *r, const struct report_group *g, uint64_t id) {
        const struct report_transport *t = transport_of(r, g);

        for (size_t i = 0; t && id && i < t->n_members; i++)
                if (t->members[i].id == id)
                        return t->members[i].name;
        return "";
}

static const char *name_of_address(const struct report *r, const struct report_group *g,
                                   const struct vrrp_ip *a) {
        const struct report_transport *t = transport_of(r, g);

        for (size_t i = 0; i < g->vip->n_members; i++)
                if (vrrp_ip_equal(&g->vip->members[i].address, a))
                        return g->vip->members[i].name;
        for (size_t i = 0; t && i < t->n_members; i++)
                if (vrrp_ip_equal(&t->members[i].address, a))
                        return t->members[i].name;
        return "";
}

static const char *owner_name(const struct report *r, const struct report_group *g) {
        const char *name = name_of_id(r, g, g->router.active_id);

        if (g->router.state == VRRP_ACTIVE)
                return r->config->node_name;
        return *name ? name : name_of_address(r, g, &g->router.active);
}

/* ---- groups ---- */

static json_t *addresses_json(const struct report_group *g) {
        json_t *a = json_array();

        for (size_t i = 0; i < g->vip->n_addresses; i++)
                if (g->family == AF_UNSPEC || g->vip->addresses[i].ip.family == g->family)
                        json_array_append_new(a, address(&g->vip->addresses[i].ip));
        return a;
}

static void add_lease(json_t *o, const struct report *r, const struct report_group *g) {
        const struct vrrp_router_status *s = &g->router;

        set(o, "generation", json_integer((json_int_t)s->gen));
        set(o, "members", json_integer(s->n_members));
        set(o, "majority", json_integer(s->majority));
        set(o, "leaseMs",
            json_integer(s->lease_us > r->router_now_us
                                 ? (json_int_t)((s->lease_us - r->router_now_us) / US_PER_MS)
                                 : 0));
        set(o, "promisedTo", json_string(name_of_id(r, g, s->promise_to)));
        set(o, "guardRemovals", json_integer((json_int_t)s->guard_fired));
}

static void add_state(json_t *o, const struct report *r, const struct report_group *g) {
        const struct vrrp_router_status *s = &g->router;

        set(o, "state", json_string(vrrp_state_name(s->state)));
        set(o, "phase", json_string(s->state_text ? s->state_text : vrrp_state_name(s->state)));
        set(o, "since", moment(r, s->since_us));
        set(o, "stateMs", json_integer((json_int_t)report_age_ms(r, s->since_us)));
        set(o, "owner", address(s->state == VRRP_ACTIVE ? &s->self : &s->active));
        set(o, "ownerName", json_string(owner_name(r, g)));
        set(o, "self", address(&s->self));
        set(o, "priority", json_integer(s->priority));
        set(o, "priorityConfigured", json_integer(s->priority_configured));
        set(o, "addressPresent", json_boolean(s->address_present));
        set(o, "linkUp", json_boolean(s->link_up));
        if (g->vip->election == VIP_ELECTION_MAJORITY)
                add_lease(o, r, g);
}

json_t *report_vip_json(const struct report *r, const struct report_group *g) {
        static const char *const preempt[] = { "health", "always", "never" };
        const struct vip_config *v = g->vip;
        json_t *o = json_pack("{s:o, s:o, s:s, s:i, s:s, s:s, s:s, s:f, s:b}", "address",
                              address(report_group_address(g)), "addresses", addresses_json(g), "interface",
                              v->interface ? v->interface : "", "virtualRouterID", (int)v->vrid, "transport",
                              v->transport == VIP_TRANSPORT_SEALED ? "sealed" : "ip", "election",
                              v->election == VIP_ELECTION_MAJORITY ? "majority" : "priority", "preempt",
                              preempt[v->preempt], "advertisementIntervalMs", v->interval_us / 1000.0,
                              "standby", g->standby);

        if (g->routing) {
                add_state(o, r, g);
        } else {
                set(o, "state", json_string("initialize"));
                set(o, "problem", json_string(g->problem));
        }
        return o;
}

json_t *report_vips_json(const struct report *r) {
        json_t *a = json_array();

        for (size_t i = 0; i < r->n_groups; i++)
                json_array_append_new(a, report_vip_json(r, &r->groups[i]));
        return a;
}

json_t *report_peers_json(const struct report *r) {
        const struct report_group *g = r->n_groups ? &r->groups[0] : NULL;
        json_t *a = json_array();

        for (size_t i = 0; g && g->routing && i < g->router.n_peers; i++) {
                const struct vrrp_peer *p = &g->router.peers[i];

                if (p->last_us)
                        json_array_append_new(
                                a, json_pack("{s:o, s:s, s:i, s:s, s:I}", "address", address(&p->address),
                                             "name", name_of_address(r, g, &p->address), "priority",
                                             (int)p->priority, "class", health_class_name(p->class), "ageMs",
                                             (json_int_t)report_age_ms(r, p->last_us)));
        }
        return a;
}

/* ---- members ---- */

/* The addresses of the groups that this member has, as far as this node knows. */
static json_t *owns_json(const struct report *r, const struct report_transport *t,
                         const struct report_member *m) {
        json_t *a = json_array();

        for (size_t i = 0; i < r->n_groups; i++) {
                const struct report_group *g = &r->groups[i];
                bool owns = g->routing &&
                            (m->self ? g->router.state == VRRP_ACTIVE
                                     : g->router.active_id == m->id && g->router.state != VRRP_ACTIVE);

                if (owns && transport_of(r, g) == t)
                        json_array_append_new(a, address(report_group_address(g)));
        }
        return a;
}

static json_t *key_ids(const uint16_t *ids, size_t n) {
        json_t *a = json_array();

        for (size_t i = 0; i < n; i++)
                json_array_append_new(a, json_integer(ids[i]));
        return a;
}

static json_t *member_json(const struct report *r, const struct report_transport *t,
                           const struct report_member *m) {
        json_t *owns = owns_json(r, t, m);
        const char *role = json_array_size(owns) > 0 ? "active" : m->witness ? "witness" : "backup";
        json_t *o = json_pack("{s:s, s:o, s:o, s:s, s:s, s:o, s:b, s:b, s:b, s:i, s:I, s:i}", "name", m->name,
                              "address", address(&m->address), "id", id_text(m->id), "interface",
                              t->interface, "role", role, "owns", owns, "self", m->self, "witness",
                              m->witness, "standby", m->standby, "priority", (int)m->priority, "generation",
                              (json_int_t)m->gen, "keyID", (int)m->key_id);

        if (m->sends) {
                set(o, "sendsWithKey", json_integer(m->sends));
                set(o, "acceptsKeys", key_ids(m->accepts, m->n_accepts));
        }
        if (m->known) {
                set(o, "class", json_string(health_class_name(m->class)));
                set(o, "reason", json_string(m->reason));
        }
        if (!m->self) {
                set(o, "session", json_boolean(m->session));
                set(o, "ageMs",
                    m->last_us ? json_integer((json_int_t)report_age_ms(r, m->last_us)) : json_null());
        }
        if (m->compared) {
                set(o, "clockOffsetSeconds", json_real(m->offset_s));
                set(o, "clockOffsetErrorSeconds", json_real(m->error_s));
        }
        return o;
}

json_t *report_members_json(const struct report *r) {
        json_t *a = json_array();

        for (size_t i = 0; i < r->n_transports; i++)
                for (size_t j = 0; j < r->transports[i].n_members; j++)
                        json_array_append_new(
                                a, member_json(r, &r->transports[i], &r->transports[i].members[j]));
        return a;
}

const char *report_seal_verdict(enum vrrp_seal_verdict v) {
        static const char *const names[VRRP_SEAL_N_VERDICTS] = {
                [VRRP_SEAL_OK] = "ok",
                [VRRP_SEAL_BAD_FORM] = "form",
                [VRRP_SEAL_BAD_CLUSTER] = "cluster",
                [VRRP_SEAL_BAD_MEMBER] = "member",
                [VRRP_SEAL_BAD_KEY] = "key",
                [VRRP_SEAL_BAD_TAG] = "tag",
        };

        return names[v];
}

static json_t *transport_json(const struct report_transport *t) {
        json_t *accepts = key_ids(t->accepts, t->n_accepts), *bad = json_object(), *o;

        for (enum vrrp_seal_verdict v = 0; v < VRRP_SEAL_N_VERDICTS; v++)
                if (v != VRRP_SEAL_OK)
                        json_object_set_new(bad, report_seal_verdict(v),
                                            json_integer((json_int_t)t->counters.bad[v]));
        o = json_pack("{s:s, s:i, s:s, s:i, s:o, s:I, s:I, s:I, s:I, s:o}", "interface", t->interface, "port",
                      (int)t->port, "keyFile", t->key_file, "sendsWithKey", (int)t->sends, "acceptsKeys",
                      accepts, "generation", (json_int_t)t->gen, "sent", (json_int_t)t->counters.sent,
                      "received", (json_int_t)t->counters.received, "replays",
                      (json_int_t)t->counters.replays, "refused", bad);
        if (*t->keys_problem)
                set(o, "keysProblem", json_string(t->keys_problem));
        return o;
}

json_t *report_transports_json(const struct report *r) {
        json_t *a = json_array();

        for (size_t i = 0; i < r->n_transports; i++)
                json_array_append_new(a, transport_json(&r->transports[i]));
        return a;
}
