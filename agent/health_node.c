#include "agent/health_node.h"
#include "pki/util.h"
#include <math.h>

#define NS_PER_S 1e9

/* Our own idea of the time. */
static struct exchange_now now_of(const struct health_node *n, struct health_when w) {
        return (struct exchange_now){ .us = w.us,
                                      .clock_ns = w.system_ns + n->clock.correction_ns,
                                      .correction_ns = n->clock.correction_ns };
}

static bool owns_any(const uint8_t owns[EXCHANGE_GROUPS / 8]) {
        for (size_t i = 0; i < EXCHANGE_GROUPS / 8; i++)
                if (owns[i] != 0)
                        return true;
        return false;
}

static bool owns(const struct health_node *n, uint32_t group) {
        return group < EXCHANGE_GROUPS && n->self.owns[group / 8] >> group % 8 & 1;
}

static void fill_check(const struct health_node *n, enum health_check c, uint64_t now_us,
                       struct exchange_check *k) {
        const struct health_item *i = &n->health->item[c];
        uint64_t age_ms = i->last_us == VRRP_NEVER ? 0 : (now_us - i->last_us) / 1000;

        *k = (struct exchange_check){ .enabled = n->health->params.enabled[c],
                                      .class = i->class,
                                      .last = i->last,
                                      .serial = n->serial[c],
                                      .age_ms = age_ms < UINT32_MAX ? (uint32_t)age_ms : UINT32_MAX,
                                      .took_us = n->took_us[c] };
}

static struct exchange_report report_of(const struct health_node *n, uint64_t now_us) {
        struct exchange_report r = { .class = n->health->published,
                                     .judged = n->health->class,
                                     .priority = n->self.priority,
                                     .standby = n->self.standby,
                                     .witness = n->self.witness,
                                     .gen = n->self.gen,
                                     .sends = n->self.sends,
                                     .n_accepts = n->self.n_accepts,
                                     .clock = n->clock };

        memcpy(r.accepts, n->self.accepts, sizeof r.accepts);
        memcpy(r.owns, n->self.owns, sizeof r.owns);
        for (enum health_check c = 0; c < HEALTH_CHECKS; c++)
                fill_check(n, c, now_us, &r.check[c]);
        snprintf(r.reason, sizeof r.reason, "%.*s", (int)sizeof r.reason - 1, n->health->reason);
        return r;
}

/* Worth telling at once; numbers that change with every probe are not. */
static bool differs(const struct exchange_report *a, const struct exchange_report *b) {
        if (a->class != b->class || a->judged != b->judged || a->standby != b->standby ||
            a->priority != b->priority || a->gen != b->gen || a->sends != b->sends ||
            a->n_accepts != b->n_accepts || memcmp(a->accepts, b->accepts, sizeof a->accepts) != 0 ||
            memcmp(a->owns, b->owns, sizeof a->owns) != 0 || a->clock.verdict != b->clock.verdict)
                return true;
        for (size_t i = 0; i < HEALTH_CHECKS; i++)
                if (a->check[i].last != b->check[i].last)
                        return true;
        return false;
}

static void tell(struct health_node *n, struct health_when when) {
        struct exchange_report r = report_of(n, when.us);

        if (when.us < n->report_us && !n->exchange.owes && !differs(&r, &n->told))
                return;
        n->told = r;
        n->report_us = when.us + EXCHANGE_EVERY_US;
        exchange_send_report(&n->exchange, &r, now_of(n, when));
}

static void give_up(struct health_node *n, uint64_t succ, struct health_when when) {
        enum vrrp_class from = n->health->published;

        if (!health_concede(n->health, when.us))
                return;
        n->ops.published(n->userdata, from, n->health->published, n->health->reason);
        n->ops.give_up(n->userdata, 0, succ, n->health->reason);
}

static void weigh(struct health_node *n, struct health_when when) {
        enum evidence_do what;
        uint64_t succ = 0;

        while ((what = evidence_step(&n->evidence, n->health, &n->exchange, when.us, &succ)) !=
               EVIDENCE_NOTHING) {
                if (what == EVIDENCE_ASK)
                        n->evidence.nonce = exchange_ask(&n->exchange, n->evidence.asked);
                else
                        give_up(n, succ, when);
        }
}

/* After every event: what follows from it, told and timed. */
static void settle(struct health_node *n, enum vrrp_class from, bool changed, struct health_when when) {
        if (changed)
                n->ops.published(n->userdata, from, n->health->published, n->health->reason);
        n->deadline_us = VRRP_NEVER;
        if (n->joined) {
                weigh(n, when);
                tell(n, when);
                n->deadline_us =
                        n->report_us < n->evidence.deadline_us ? n->report_us : n->evidence.deadline_us;
        }
        if (n->health->deadline_us < n->deadline_us)
                n->deadline_us = n->health->deadline_us;
}

void health_node_init(struct health_node *n, struct health *health, const struct health_params *p,
                      double max_offset_s, const struct health_node_ops *ops, void *userdata,
                      struct health_when when) {
        *n = (struct health_node){
                .health = health, .ops = *ops, .userdata = userdata, .max_offset_s = max_offset_s
        };
        n->clock = (struct exchange_clock){ .verdict = CLOCK_UNKNOWN, .distance_us = EXCHANGE_DISTANCE_NONE };
        n->clock_distance_s = INFINITY;
        health_init(n->health, p, when.us);
        n->deadline_us = n->health->deadline_us;
}

static void on_send(void *userdata, uint64_t dst, const uint8_t *body, size_t size) {
        struct health_node *n = userdata;

        n->ops.send(n->userdata, dst, body, size);
}

static void on_measure(void *userdata, unsigned checks) {
        struct health_node *n = userdata;

        n->ops.probe(n->userdata, checks);
}

/* Forced: anybody who was ever heard. */
static const struct exchange_peer *move_target(const struct health_node *n, uint64_t member, bool force,
                                               uint64_t now_us) {
        const struct exchange_peer *p;

        if (member == 0)
                return evidence_best(&n->exchange, force ? VRRP_FAILED : n->health->published, now_us);
        p = exchange_find(&n->exchange, member);
        return p && (force || evidence_fit(p, n->health->published, now_us)) ? p : NULL;
}

static enum exchange_moved move_here(struct health_node *n, uint32_t group, uint64_t member, bool force,
                                     uint64_t now_us) {
        const struct exchange_peer *to;

        if (!owns(n, group))
                return EXCHANGE_MOVED_NOT_ACTIVE;
        if (member == n->exchange.self)
                return EXCHANGE_MOVED_DONE;
        if (!(to = move_target(n, member, force, now_us)))
                return EXCHANGE_MOVED_UNFIT;
        return n->ops.give_up(n->userdata, group, to->id, "moved by the operator") < 0
                       ? EXCHANGE_MOVED_NOT_ACTIVE
                       : EXCHANGE_MOVED_DONE;
}

static enum exchange_moved on_move(void *userdata, uint32_t group, uint64_t member, bool force,
                                   uint64_t now_us) {
        return move_here(userdata, group, member, force, now_us);
}

static void on_moved(void *userdata, uint64_t nonce, enum exchange_moved result) {
        struct health_node *n = userdata;

        if (n->ops.moved)
                n->ops.moved(n->userdata, nonce, result);
}

void health_node_join(struct health_node *n, uint64_t id, uint64_t seed, const struct evidence_params *p,
                      struct health_when when) {
        static const struct exchange_ops ops = {
                .send = on_send, .measure = on_measure, .move = on_move, .moved = on_moved
        };
        enum vrrp_class from = n->health->published;

        exchange_init(&n->exchange, id, seed, &ops, n);
        evidence_init(&n->evidence, p);
        n->joined = true;
        n->report_us = when.us;
        settle(n, from, health_gate(n->health, owns_any(n->self.owns), when.us), when);
}

/* Root distance is what the error bound says beyond the correction; without a source there is no bound. */
void health_node_clock(struct health_node *n, const struct clock_state *s) {
        bool bound = s->verdict == CLOCK_GOOD || s->verdict == CLOCK_OFFSET;
        double distance_s = s->error_bound - fabs(s->correction), us = distance_s * 1e6;

        n->clock.verdict = s->verdict;
        n->clock.correction_ns = (int64_t)(s->correction * NS_PER_S);
        n->clock_distance_s = bound ? distance_s : INFINITY;
        n->clock.distance_us = !bound || us >= UINT32_MAX ? EXCHANGE_DISTANCE_NONE
                               : us > 0                   ? (uint32_t)us
                                                          : 0;
}

static enum health_outcome judge_clock(const struct health_node *n, const struct health_result *r,
                                       uint64_t now_us, char detail[HEALTH_REASON]) {
        struct evidence_clock own = { .verdict = n->clock.verdict,
                                      .correction_s = (double)n->clock.correction_ns / NS_PER_S,
                                      .distance_s = n->clock_distance_s };
        struct evidence_clock peers[EXCHANGE_PEERS];
        size_t k = evidence_clocks(&n->exchange, now_us, peers);

        return evidence_clock(&own, r->outcome, r->detail, peers, k, n->max_offset_s, detail);
}

void health_node_result(struct health_node *n, enum health_check c, const struct health_result *r,
                        struct health_when when) {
        enum vrrp_class from = n->health->published;
        enum health_outcome o = r->outcome;
        const char *detail = r->detail;
        char text[HEALTH_REASON];
        bool changed;

        if (c == HEALTH_CLOCK && n->joined) {
                o = judge_clock(n, r, when.us, text);
                detail = text;
        }
        n->serial[c]++;
        n->took_us[c] = r->took_us;
        changed = health_report(n->health, c, o, detail, when.us);
        if (n->joined) {
                struct exchange_report own = report_of(n, when.us);

                exchange_measured(&n->exchange, c, r->started_us, &own, now_of(n, when));
        }
        settle(n, from, changed, when);
}

/* The address came or went because of health: given up in bad health, or taken from one in worse. */
static bool is_health_move(const struct health_node *n, bool had, bool has, uint64_t now_us) {
        if (had && !has)
                return n->health->published != VRRP_HEALTHY;
        for (size_t i = 0; i < n->exchange.n && has && !had; i++) {
                const struct exchange_peer *p = &n->exchange.peer[i];

                if (p->owned_us != 0 && now_us - p->owned_us < EXCHANGE_FRESH_US &&
                    p->report.class > n->health->published)
                        return true;
        }
        return false;
}

void health_node_self(struct health_node *n, const struct health_self *self, struct health_when when) {
        bool had = owns_any(n->self.owns), has = owns_any(self->owns), changed = false;
        enum vrrp_class from = n->health->published;

        n->self = *self;
        if (n->joined && had != has) {
                if (is_health_move(n, had, has, when.us))
                        health_moved(n->health, when.us);
                changed = health_gate(n->health, has, when.us);
        }
        settle(n, from, changed, when);
}

void health_node_list(struct health_node *n, const struct vrrp_list *list) {
        if (n->joined)
                exchange_set_list(&n->exchange, list);
}

void health_node_proven(struct health_node *n, uint64_t id, struct health_when when) {
        if (!n->joined)
                return;
        exchange_proven(&n->exchange, id);
        settle(n, n->health->published, false, when);
}

void health_node_receive(struct health_node *n, uint64_t src, const uint8_t *body, size_t size,
                         struct health_when when) {
        if (!n->joined)
                return;
        exchange_receive(&n->exchange, src, body, size, now_of(n, when));
        settle(n, n->health->published, false, when);
}

void health_node_tick(struct health_node *n, struct health_when when) {
        enum vrrp_class from = n->health->published;

        settle(n, from, health_tick(n->health, when.us), when);
}

bool health_node_move(struct health_node *n, uint32_t group, uint64_t member, bool force,
                      struct health_when when, enum exchange_moved *ret, uint64_t *ret_nonce) {
        if (!n->joined || owns(n, group)) {
                *ret = move_here(n, group, member, force, when.us);
                return false;
        }
        *ret_nonce = exchange_move(&n->exchange, group, member, force);
        return true;
}
