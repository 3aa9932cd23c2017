/* What the agent answers on its socket and on the loopback port. */
#include "agent/daemon_priv.h"
#include "vrrp/clock.h"
#include <errno.h>
#include <sys/stat.h>
#include <time.h>

/* The report with what it borrows that is made for it alone. */
struct snapshot {
        struct report report;
        struct report_group *groups;
        struct report_transport *transports;
};

static void snapshot_done(struct snapshot *s) {
        free(s->groups);
        free(s->transports);
}

static void fill_group(const struct agent_group *g, struct report_group *ret) {
        *ret = (struct report_group){ .vip = g->vip,
                                      .family = g->family,
                                      .routing = g->router != NULL,
                                      .standby = g->standby,
                                      .problem = g->problem,
                                      .became_active = g->became_active,
                                      .lost_active = g->lost_active };
        if (g->router)
                vrrp_router_status(g->router, &ret->router);
}

static const struct vrrp_sealed_peer *find_peer(const struct vrrp_sealed_peer *v, size_t n, uint64_t id) {
        for (size_t i = 0; i < n; i++)
                if (v[i].id == id)
                        return &v[i];
        return NULL;
}

/* What the first group on the transport heard of a member. */
static const struct vrrp_peer *router_peer(const struct snapshot *s, const struct agent *a,
                                           const struct agent_transport *t, uint64_t id) {
        for (size_t i = 0; i < a->n_groups; i++) {
                const struct vrrp_router_status *r = &s->groups[i].router;

                if (a->groups[i].transport != t || !s->groups[i].routing)
                        continue;
                for (size_t j = 0; j < r->n_peers; j++)
                        if (r->peers[j].id == id)
                                return &r->peers[j];
                return NULL;
        }
        return NULL;
}

static void fill_self(const struct agent *a, const struct agent_transport *t, struct report_member *m) {
        m->self = m->session = m->known = true;
        m->gen = t->list.gen;
        m->key_id = m->sends = t->keys->keys.v[t->keys->keys.send].id;
        for (size_t i = 0; i < t->keys->keys.n; i++)
                m->accepts[m->n_accepts++] = t->keys->keys.v[i].id;
        m->class = a->health.published;
        m->reason = a->health.reason;
        for (size_t i = 0; i < a->n_groups; i++)
                if (a->groups[i].transport == t) {
                        m->priority = t->agent->groups[i].vip->priority;
                        m->standby = a->groups[i].standby;
                        break;
                }
}

static void fill_heard(const struct vrrp_peer *p, struct report_member *m) {
        m->known = true;
        m->class = p->class;
        m->priority = p->priority;
        m->gen = p->gen;
}

/* What it said of itself is more than what a group heard; of its keys only what is fresh counts. */
static void fill_told(const struct exchange_peer *x, struct report_member *m) {
        const struct exchange_report *r = &x->report;
        uint64_t now_us = agent_health_now().us;

        m->known = true;
        m->class = r->class;
        m->reason = r->reason;
        m->priority = r->priority;
        m->standby = r->standby;
        m->gen = r->gen;
        if (exchange_fresh(x, now_us)) {
                m->sends = r->sends;
                m->n_accepts = r->n_accepts;
                memcpy(m->accepts, r->accepts, sizeof m->accepts);
        }
        m->compared = exchange_compared(x, now_us);
        m->offset_s = x->offset_s;
        m->error_s = x->error_s;
}

/* Who tells of itself each second and has not for three is down, or cannot be heard: what it last said says
 * nothing any more. */
static bool is_silent(const struct agent *a, const struct agent_transport *t,
                      const struct vrrp_sealed_peer *p) {
        return t == a->exchange && p && p->last_us && vrrp_now_us() >= p->last_us + EXCHANGE_FRESH_US;
}

static void fill_other(const struct agent *a, const struct agent_transport *t,
                       const struct vrrp_sealed_peer *p, const struct vrrp_peer *heard,
                       struct report_member *m) {
        const struct exchange_peer *x = a->exchange ? exchange_find(&a->node.exchange, m->id) : NULL;
        bool silent = is_silent(a, t, p);

        m->reason = "";
        if (p) {
                m->session = p->session && !silent;
                m->last_us = p->last_us;
                m->key_id = p->key_id;
        }
        if (heard && heard->last_us)
                fill_heard(heard, m);
        if (x && x->heard)
                fill_told(x, m);
        m->known = m->known && !silent;
}

static void fill_members(const struct snapshot *s, const struct agent *a, const struct agent_transport *t,
                         struct report_transport *ret) {
        struct vrrp_sealed_peer peers[VRRP_LIST_MEMBERS];
        size_t n = vrrp_sealed_peers(t->sealed, peers, VRRP_LIST_MEMBERS);

        for (ret->n_members = 0; ret->n_members < t->list.n; ret->n_members++) {
                const struct vrrp_list_member *l = &t->list.v[ret->n_members];
                struct report_member *m = &ret->members[ret->n_members];

                *m = (struct report_member){
                        .id = l->id, .name = l->name, .address = l->address, .witness = l->witness
                };
                if (l->id == t->self)
                        fill_self(a, t, m);
                else
                        fill_other(a, t, find_peer(peers, n, l->id), router_peer(s, a, t, l->id), m);
        }
}

static void fill_transport(const struct snapshot *s, const struct agent *a, const struct agent_transport *t,
                           struct report_transport *ret) {
        const struct vrrp_keys *keys = &t->keys->keys;

        *ret = (struct report_transport){ .interface = t->vip->interface,
                                          .key_file = t->keys->path,
                                          .keys_problem = t->keys->problem,
                                          .port = t->vip->port,
                                          .sends = keys->v[keys->send].id,
                                          .counters = *vrrp_sealed_counters(t->sealed),
                                          .gen = t->list.gen };
        for (size_t i = 0; i < keys->n; i++)
                ret->accepts[ret->n_accepts++] = keys->v[i].id;
        fill_members(s, a, t, ret);
}

static int snapshot_init(const struct agent *a, struct snapshot *s) {
        struct report *r = &s->report;

        s->groups = calloc(a->n_groups + 1, sizeof *s->groups);
        s->transports = calloc(a->n_transports + 1, sizeof *s->transports);
        if (!s->groups || !s->transports)
                return -ENOMEM;
        *r = (struct report){
                .config = a->config,
                .now_us = agent_now_us(a),
                .router_now_us = vrrp_now_us(),
                .started_us = a->started_us,
                .groups = s->groups,
                .n_groups = a->n_groups,
                .transports = s->transports,
                .health = &a->health,
                .clock = a->clock ? clock_probe_state(a->clock) : NULL,
                .etcd = a->etcd ? etcd_probe_facts(a->etcd) : NULL,
                .history = &a->history,
                .balance_problem = "",
                .class_changes = a->class_changes,
        };
        r->balance = agent_balance_now(a, &r->balance_problem);
        clock_gettime(CLOCK_REALTIME, &r->wall);
        for (size_t i = 0; i < a->n_groups; i++)
                fill_group(&a->groups[i], &s->groups[i]);
        for (size_t i = 0; i < a->n_transports; i++)
                if (a->transports[i]->sealed)
                        fill_transport(s, a, a->transports[i], &s->transports[r->n_transports++]);
        return 0;
}

static void page(const struct agent *a, int (*write)(const struct report *, char **, size_t *),
                 struct control_page *ret) {
        CLEANUP(snapshot_done) struct snapshot s = { .groups = NULL };

        if (snapshot_init(a, &s) < 0 || write(&s.report, &ret->body, &ret->size) < 0)
                control_refuse(ret, 500, "out of memory");
        else
                ret->status = 200;
}

static void status_page(void *userdata, const struct control_request *q, struct control_page *ret) {
        (void)q;
        ret->type = "application/json";
        page(userdata, report_json, ret);
}

static void metrics_page(void *userdata, const struct control_request *q, struct control_page *ret) {
        (void)q;
        ret->type = "text/plain; version=0.0.4; charset=utf-8";
        page(userdata, report_metrics, ret);
}

/* That this is answered at all says that the loop lives; 503 while a group waits. */
static void healthz_page(void *userdata, const struct control_request *q, struct control_page *ret) {
        const struct agent *a = userdata;
        const char *problem = NULL;

        (void)q;
        for (size_t i = 0; i < a->n_groups && !problem; i++)
                if (!a->groups[i].router)
                        problem = a->groups[i].problem;
        ret->type = "text/plain; charset=utf-8";
        if (asprintf(&ret->body, "%s\n", problem ? problem : "ok") < 0)
                ret->body = NULL;
        ret->size = ret->body ? strlen(ret->body) : 0;
        ret->status = problem ? 503 : 200;
}

static const struct control_route socket_routes[] = {
        { "GET", "/v1/status", false, status_page },
        { "POST", "/v1/vip/move", true, agent_control_move },
        { "POST", "/v1/vip/standby", true, agent_control_standby },
        { "POST", "/v1/keys/reload", true, agent_control_reload },
        { 0 },
};
static const struct control_route loopback_routes[] = {
        { "GET", "/metrics", false, metrics_page },
        { "GET", "/healthz", false, healthz_page },
        { 0 },
};

/* /run/triarch is systemd's to make; without systemd it is made here. */
static void make_parent(const char *path) {
        CLEANUP(freep) char *dir = strdup(path);
        char *slash = dir ? strrchr(dir, '/') : NULL;

        if (!slash || slash == dir)
                return;
        *slash = '\0';
        (void)mkdir(dir, 0755); /* what is wrong with it, bind tells */
}

/* The address matters more than the pages: a port in use is told, not died of. An agent that is alive on
 * the same socket is another matter: two of them on one machine would fight. */
int agent_pages_open(struct agent *a, struct error *e) {
        const struct config *c = a->config;
        char text[256];
        int r;

        make_parent(c->socket_path);
        r = control_new_unix(a->loop, c->socket_path, socket_routes, a, &a->socket);
        if (r == -EADDRINUSE)
                return error_set(e, EXIT_FAILED, "another agent answers on %s; stop it first",
                                 c->socket_path);
        if (r < 0) {
                snprintf(text, sizeof text, "no control socket at %.150s: %s", c->socket_path, strerror(-r));
                agent_record(a, LOG_ERR, NULL, "notice", "", "", text);
        }
        if (c->metrics_port == 0)
                return 0;
        r = control_new_loopback(a->loop, c->metrics_port, loopback_routes, a, &a->loopback);
        if (r < 0) {
                snprintf(text, sizeof text, "no metrics on 127.0.0.1:%u: %s", c->metrics_port, strerror(-r));
                agent_record(a, LOG_ERR, NULL, "notice", "", "", text);
        }
        return 0;
}

void agent_pages_close(struct agent *a) {
        control_free(a->socket);
        control_free(a->loopback);
}
