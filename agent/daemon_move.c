/* POST /v1/vip/move: the address to another node. The owner gives it up naming who follows; an agent that
 * does not have it asks the owner, so that the command works on any member. */
#include "agent/daemon_priv.h"
#include "vrrp/clock.h"
#include <errno.h>

/* The owner hears of every member in each interval, with the sealed transport. */
enum { HEARD_INTERVALS = 5, MOVE_WAIT_US = 1500000, MOVE_ACCURACY_US = 10000 };

/* ---- who could take over ---- */

static bool is_heard(const struct vrrp_router_status *s, const struct vrrp_peer *p) {
        return p->last_us && vrrp_now_us() < p->last_us + (uint64_t)HEARD_INTERVALS * s->interval_us;
}

/* Why a member cannot have the address, "" when it can. What it says of itself counts, and where it says
 * nothing, what the group heard of it. */
static const char *unfit(const struct agent_group *g, const struct vrrp_router_status *s,
                         const struct vrrp_peer *p) {
        const struct agent *a = g->agent;
        const struct vrrp_list_member *m = g->transport ? vrrp_list_find(&g->transport->list, p->id) : NULL;
        const struct exchange_peer *x = a->exchange ? exchange_find(&a->node.exchange, p->id) : NULL;
        enum vrrp_class class = x ? x->report.class : p->class;

        if (m && m->witness)
                return "is a witness";
        if (!is_heard(s, p) || (x && !exchange_fresh(x, agent_health_now().us)))
                return "is not heard";
        if (x && x->report.standby)
                return "is standing by";
        if (class == VRRP_FAILED)
                return "has failed";
        return class > a->health.published ? "is in worse health" : "";
}

bool agent_other_is_fit(const struct agent_group *g) {
        struct vrrp_router_status s;

        vrrp_router_status(g->router, &s);
        for (size_t i = 0; i < s.n_peers; i++)
                if (!*unfit(g, &s, &s.peers[i]))
                        return true;
        return false;
}

/* ---- the owner is here ---- */

static const struct vrrp_list_member *member_by_name(const struct agent_transport *t, const char *name) {
        for (size_t i = 0; i < t->list.n; i++)
                if (!strncmp(t->list.v[i].name, name, VRRP_LIST_NAME - 1))
                        return &t->list.v[i];
        return NULL;
}

static void refuse_stranger(const struct agent_transport *t, const char *name, struct control_page *ret) {
        char members[320];

        agent_members_text(&t->list, members, sizeof members);
        control_refuse(ret, 404, "there is no member \"%.80s\"; %s", name, members);
}

static bool find_target(const struct agent_group *g, const struct agent_wish *w, uint64_t *ret_id,
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
                refuse_stranger(g->transport, w->to, ret);
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
                return agent_other_is_fit(g) || !g->transport ? "" : "nobody else could take it";
        vrrp_router_status(g->router, &s);
        for (size_t i = 0; i < s.n_peers; i++)
                if (s.peers[i].id == id)
                        return unfit(g, &s, &s.peers[i]);
        return "is not heard";
}

static void hand_over(struct agent_group *g, const struct agent_wish *w, uint64_t id,
                      struct control_page *ret) {
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
                agent_answer(ret, json_pack("{s:s, s:s, s:s}", "address", agent_group_name(g).v, "from",
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

/* ---- the owner is elsewhere ---- */

static void ask_owner(struct agent_group *g, const struct agent_wish *w, const struct vrrp_router_status *s,
                      uint64_t id, struct control_ticket *ticket, struct control_page *ret) {
        struct agent *a = g->agent;
        struct agent_move *m = &a->moves[a->n_moves];
        enum exchange_moved unused;
        uint64_t nonce = 0;

        if (a->n_moves == AGENT_WAITING ||
            !health_node_move(&a->node, g->vip->vrid, id, w->force, agent_health_now(), &unused, &nonce)) {
                control_refuse(ret, 503, "the owner cannot be asked now");
                return;
        }
        *m = (struct agent_move){
                .ticket = ticket, .group = g, .nonce = nonce, .until_us = agent_now_us(a) + MOVE_WAIT_US
        };
        snprintf(m->from, sizeof m->from, "%s", owner_name(g, s));
        snprintf(m->to, sizeof m->to, "%.*s", VRRP_LIST_NAME - 1, w->to ? w->to : "");
        sd_event_source_set_time(a->move_timer, a->moves[0].until_us); /* the oldest is the first */
        sd_event_source_set_enabled(a->move_timer, SD_EVENT_ONESHOT);
        a->n_moves++;
        ret->status = CONTROL_LATER;
}

static void fill_answer(const struct agent_move *m, enum exchange_moved result, struct control_page *page) {
        const struct vrrp_ip_text name = agent_group_name(m->group);
        const char *address = name.v;

        if (result == EXCHANGE_MOVED_DONE)
                agent_answer(page,
                             json_pack("{s:s, s:s, s:s}", "address", address, "from", m->from, "to", m->to));
        else if (result == EXCHANGE_MOVED_UNFIT)
                control_refuse(page, 409,
                               "%s has %s and does not give it up: %s is not heard there, stands by or is in "
                               "worse health; --force does it all the same",
                               m->from, address, *m->to ? m->to : "every other member");
        else
                control_refuse(page, 409, "%s, which has %s, did not answer", m->from, address);
}

static void finish(struct agent *a, size_t i, enum exchange_moved result) {
        struct agent_move m = a->moves[i];
        struct control_page page = { 0 };

        memmove(&a->moves[i], &a->moves[i + 1], (--a->n_moves - i) * sizeof a->moves[0]);
        fill_answer(&m, result, &page);
        control_answer(m.ticket, &page);
}

/* Everybody was asked: that one of them is not the owner says nothing about the others. */
void agent_moved(void *userdata, uint64_t nonce, enum exchange_moved result) {
        struct agent *a = userdata;

        for (size_t i = 0; i < a->n_moves && result != EXCHANGE_MOVED_NOT_ACTIVE; i++)
                if (a->moves[i].nonce == nonce) {
                        finish(a, i, result);
                        return;
                }
}

static int on_move_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        struct agent *a = userdata;

        while (a->n_moves && a->moves[0].until_us <= usec)
                finish(a, 0, EXCHANGE_MOVED_NOT_ACTIVE);
        if (a->n_moves) {
                sd_event_source_set_time(s, a->moves[0].until_us);
                sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        }
        return 0;
}

int agent_move_init(struct agent *a) {
        int r = sd_event_add_time(a->loop, &a->move_timer, CLOCK_MONOTONIC, UINT64_MAX, MOVE_ACCURACY_US,
                                  on_move_timer, a);

        return r < 0 ? r : sd_event_source_set_enabled(a->move_timer, SD_EVENT_OFF);
}

void agent_move_done(struct agent *a) {
        sd_event_source_disable_unref(a->move_timer);
}

/* ---- the request ---- */

static void move(struct agent_group *g, const struct agent_wish *w, struct control_ticket *ticket,
                 struct control_page *ret) {
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
        else if (id && id == s.active_id)
                control_refuse(ret, 409, "%s has %s already", w->to, agent_group_name(g).v);
        else if (g->transport && g->agent->exchange)
                ask_owner(g, w, &s, id, ticket, ret);
        else
                control_refuse(ret, 409, "%s is not here but on %s (%s); do it there", agent_group_name(g).v,
                               owner_name(g, &s), vrrp_ip_text(&s.active).v);
}

void agent_control_move(void *userdata, const struct control_request *q, struct control_page *ret) {
        CLEANUP(json_decrefp) json_t *doc = NULL;
        struct agent_group *g;
        struct agent_wish w;

        if (agent_wish_parse(q, &doc, &w, ret) && (g = agent_wish_group(userdata, &w, ret)))
                move(g, &w, q->ticket, ret);
}
