/* What the control socket lets root change: who has the address, standby, the keys. */
#include "agent/daemon_priv.h"
#include "vrrp/clock.h"
#include <errno.h>
#include <jansson.h>

static void answer_with(struct control_page *ret, json_t *o) {
        ret->status = 200;
        ret->type = "application/json";
        ret->body = o ? json_dumps(o, 0) : NULL;
        ret->size = ret->body ? strlen(ret->body) : 0;
        ret->status = ret->body ? 200 : 0;
        json_decref(o);
}

/* ---- what is asked ---- */

struct wish {
        const char *to;  /* NULL: not given; borrowed from the document */
        json_int_t vrid; /* 0: not given */
        int on, force;
};

static bool parse_wish(const struct control_request *q, json_t **ret_doc, struct wish *w,
                       struct control_page *ret) {
        json_error_t e;

        *w = (struct wish){ .on = -1 };
        *ret_doc = json_loadb(q->size ? q->body : "{}", q->size ? q->size : 2, JSON_REJECT_DUPLICATES, &e);
        if (!*ret_doc || json_unpack_ex(*ret_doc, &e, JSON_STRICT, "{s?s, s?I, s?b, s?b}", "to", &w->to,
                                        "group", &w->vrid, "on", &w->on, "force", &w->force) < 0) {
                control_refuse(ret, 400, "the request is not understood: %s", e.text);
                return false;
        }
        return true;
}

static size_t count(const struct agent *a, json_int_t vrid) {
        size_t n = 0;

        for (size_t i = 0; i < a->n_groups; i++)
                n += vrid == 0 || a->groups[i].vip->vrid == vrid;
        return n;
}

/* The one group that is meant; NULL with the refusal. */
static struct agent_group *find_group(struct agent *a, const struct wish *w, struct control_page *ret) {
        size_t n = count(a, w->vrid);

        if (n == 0)
                control_refuse(ret, 404, w->vrid ? "there is no group %d" : "there is no virtual address",
                               (int)w->vrid);
        else if (n > 1)
                control_refuse(ret, 400, "%zu groups are meant; name one by its virtualRouterID (--group)",
                               n);
        for (size_t i = 0; i < a->n_groups && n == 1; i++)
                if (w->vrid == 0 || a->groups[i].vip->vrid == w->vrid)
                        return &a->groups[i];
        return NULL;
}

/* ---- who could take over ---- */

static bool is_heard(const struct vrrp_router_status *s, const struct vrrp_peer *p) {
        return p->last_us && vrrp_now_us() < p->last_us + (uint64_t)AGENT_FRESH_INTERVALS * s->interval_us;
}

/* Why a member cannot have the address, "" when it can. */
static const char *unfit(const struct agent_group *g, const struct vrrp_router_status *s,
                         const struct vrrp_peer *p) {
        const struct vrrp_list_member *m = g->transport ? vrrp_list_find(&g->transport->list, p->id) : NULL;

        if (m && m->witness)
                return "is a witness";
        if (!is_heard(s, p))
                return "is not heard";
        if (p->class == VRRP_FAILED)
                return "has failed";
        if (p->class > g->agent->health.published)
                return "is in worse health";
        return "";
}

static bool any_other(const struct agent_group *g) {
        struct vrrp_router_status s;

        vrrp_router_status(g->router, &s);
        for (size_t i = 0; i < s.n_peers; i++)
                if (!*unfit(g, &s, &s.peers[i]))
                        return true;
        return false;
}

/* ---- POST /v1/vip/move ---- */

static const struct vrrp_list_member *member_by_name(const struct agent_transport *t, const char *name) {
        for (size_t i = 0; i < t->list.n; i++)
                if (!strncmp(t->list.v[i].name, name, VRRP_LIST_NAME - 1))
                        return &t->list.v[i];
        return NULL;
}

static bool find_target(const struct agent_group *g, const struct wish *w, uint64_t *ret_id,
                        struct control_page *ret) {
        const struct vrrp_list_member *m;

        *ret_id = 0;
        if (!w->to)
                return true;
        if (!g->transport) {
                control_refuse(ret, 400,
                               "transport ip cannot say who follows: the highest priority does; leave %s out",
                               w->to);
                return false;
        }
        if (!(m = member_by_name(g->transport, w->to)))
                control_refuse(ret, 404, "there is no member \"%s\"", w->to);
        else if (m->witness)
                control_refuse(ret, 400, "\"%s\" is a witness, which never has the address", w->to);
        else
                *ret_id = m->id;
        return *ret_id != 0;
}

/* "" or why the named one cannot follow; 0: anybody. */
static const char *target_problem(const struct agent_group *g, uint64_t id) {
        struct vrrp_router_status s;

        if (!id)
                return any_other(g) || !g->transport ? "" : "nobody else could take it";
        vrrp_router_status(g->router, &s);
        for (size_t i = 0; i < s.n_peers; i++)
                if (s.peers[i].id == id)
                        return unfit(g, &s, &s.peers[i]);
        return "is not heard";
}

static void hand_over(struct agent_group *g, const struct wish *w, uint64_t id, struct control_page *ret) {
        const char *problem = target_problem(g, id);
        int r;

        if (g->transport && id == g->transport->self) {
                control_refuse(ret, 409, "it is here already");
                return;
        }
        if (*problem && !w->force) {
                control_refuse(ret, 409, "%s%s%s; --force does it all the same", w->to ? w->to : "",
                               w->to ? " " : "", problem);
                return;
        }
        r = vrrp_router_give_up(g->router, id, "moved by the operator");
        if (r < 0)
                control_refuse(ret, 409, "the address cannot be given up: %s", strerror(-r));
        else
                answer_with(ret, json_pack("{s:s, s:s, s:s}", "address", agent_group_name(g).v, "from",
                                           g->agent->config->node_name, "to", w->to ? w->to : ""));
}

static const char *owner_name(const struct agent_group *g, const struct vrrp_router_status *s) {
        const struct vrrp_list_member *m =
                g->transport ? vrrp_list_find(&g->transport->list, s->active_id) : NULL;

        for (size_t i = 0; !m && i < g->vip->n_members; i++)
                if (vrrp_ip_equal(&g->vip->members[i].address, &s->active))
                        return g->vip->members[i].name;
        return m ? m->name : "";
}

static void move(struct agent_group *g, const struct wish *w, struct control_page *ret) {
        struct vrrp_router_status s;
        uint64_t id;

        if (!g->router) {
                control_refuse(ret, 409, "%s does not run here yet: %s", agent_group_name(g).v, g->problem);
                return;
        }
        if (!find_target(g, w, &id, ret))
                return;
        vrrp_router_status(g->router, &s);
        if (s.state == VRRP_ACTIVE)
                hand_over(g, w, id, ret);
        else if (vrrp_ip_none(&s.active))
                control_refuse(ret, 409, "nobody is known to have %s", agent_group_name(g).v);
        else
                control_refuse(ret, 409, "%s is not here but on %s (%s); do it there", agent_group_name(g).v,
                               owner_name(g, &s), vrrp_ip_text(&s.active).v);
}

void agent_control_move(void *userdata, const struct control_request *q, struct control_page *ret) {
        CLEANUP(json_decrefp) json_t *doc = NULL;
        struct agent_group *g;
        struct wish w;

        if (parse_wish(q, &doc, &w, ret) && (g = find_group(userdata, &w, ret)))
                move(g, &w, ret);
}

/* ---- POST /v1/vip/standby ---- */

/* A node that steps back must leave the address to somebody. */
static bool may_step_back(const struct agent_group *g, struct control_page *ret) {
        struct vrrp_router_status s;

        vrrp_router_status(g->router, &s);
        if (s.state != VRRP_ACTIVE || any_other(g))
                return true;
        control_refuse(ret, 409,
                       "no other node is known to be able to take %s%s; --force does it all the same",
                       agent_group_name(g).v, g->transport ? "" : " (with transport ip backups are silent)");
        return false;
}

void agent_control_standby(void *userdata, const struct control_request *q, struct control_page *ret) {
        CLEANUP(json_decrefp) json_t *doc = NULL;
        struct agent *a = userdata;
        struct wish w;

        if (!parse_wish(q, &doc, &w, ret))
                return;
        if (w.on < 0) {
                control_refuse(ret, 400, "\"on\" is missing: true or false");
                return;
        }
        if (count(a, w.vrid) == 0) {
                control_refuse(ret, 404, "there is no group %d", (int)w.vrid);
                return;
        }
        for (size_t i = 0; i < a->n_groups && w.on && !w.force; i++)
                if ((w.vrid == 0 || a->groups[i].vip->vrid == w.vrid) && a->groups[i].router &&
                    !may_step_back(&a->groups[i], ret))
                        return;
        for (size_t i = 0; i < a->n_groups; i++)
                if (w.vrid == 0 || a->groups[i].vip->vrid == w.vrid)
                        agent_group_standby(&a->groups[i], w.on);
        agent_record(a, LOG_NOTICE, NULL, "standby", w.on ? "off" : "on", w.on ? "on" : "off",
                     "by the operator");
        answer_with(ret, json_pack("{s:b}", "standby", w.on));
}

/* ---- POST /v1/keys/reload ---- */

static void answer_keys(const struct agent *a, struct control_page *ret) {
        json_t *files = json_array();

        for (size_t i = 0; i < a->n_keys; i++) {
                const struct agent_keys *k = &a->keys[i];

                if (*k->problem) {
                        json_decref(files);
                        control_refuse(ret, 422, "%s%s", k->problem,
                                       k->good ? " (the keys from before stay in use)" : "");
                        return;
                }
                json_array_append_new(files, json_pack("{s:s, s:i}", "file", k->path, "sends",
                                                       (int)k->keys.v[k->keys.send].id));
        }
        answer_with(ret, json_pack("{s:o}", "keys", files));
}

/* Answered when the files have been read, by a thread that may wait for a disk. */
void agent_control_reload(void *userdata, const struct control_request *q, struct control_page *ret) {
        struct agent *a = userdata;

        if (a->n_waits_for_keys == AGENT_WAITING) {
                control_refuse(ret, 503, "too many ask at once");
                return;
        }
        agent_keys_reload(a);
        if (!agent_keys_reading(a)) { /* there are none */
                answer_keys(a, ret);
                return;
        }
        a->waits_for_keys[a->n_waits_for_keys++] = q->ticket;
        ret->status = CONTROL_LATER;
}

void agent_control_keys_read(struct agent *a) {
        size_t n = a->n_waits_for_keys;

        if (agent_keys_reading(a))
                return;
        a->n_waits_for_keys = 0;
        for (size_t i = 0; i < n; i++) {
                struct control_page page = { 0 };

                answer_keys(a, &page);
                control_answer(a->waits_for_keys[i], &page);
        }
}
