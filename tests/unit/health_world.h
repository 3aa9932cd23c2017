/* Three masters on virtual time, for stories about their health: each is a struct health_node (the agent's
 * own module) with a model of what it probes, of its clock and of the network, and the address moves by a
 * model of the routers: a named successor takes it 3 ms later, a Backup whose published class is better for
 * five intervals preempts (lease rule 8), a failed Active gives up to a better one. What happens is written
 * to a trace. */
#ifndef TESTS_HEALTH_WORLD_H
#define TESTS_HEALTH_WORLD_H

#include "agent/health_node.h"
#include "pki/util.h"
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MS(n)  ((uint64_t)(n)*1000)
#define SEC(n) MS((uint64_t)(n)*1000)
#define NEVER  UINT64_MAX
#define EPOCH  1795408722000000000

enum {
        NODES = 3,
        NOBODY = NODES,
        EVENTS = 512,
        GROUP = 51,
        INTERVAL_US = 100000,
        PREEMPT_INTERVALS = 5,
        DELAY_US = 200,
        TAKE_US = 3000,
        CLOCK_TOOK_US = 1000,
        API_EVERY_US = 250000,
        API_TIMEOUT_US = 500000,
        CLOCK_EVERY_US = 1000000,
};

struct world;
struct master {
        struct world *world;
        struct health_node node;
        struct health health;
        struct health_self self;
        /* the API server beside it */
        enum health_outcome answers;
        uint64_t latency_us, answered_us; /* answered_us: what was asked before is moot */
        /* its chronyd */
        double correction_s, drift, distance_s; /* correction grows by drift (s/s) from drift_us on */
        uint64_t drift_us;
        bool lost;            /* no time source */
        int64_t system_ns;    /* its system clock is ahead by */
        bool cut;             /* hears and tells nobody */
        bool unproven[NODES]; /* has no session with that node, whose messages do not count */
        unsigned better_n;    /* intervals for which it has been better than the Active */
        uint64_t asked;       /* fresh measurements made for others */
        enum exchange_moved moved;
};
enum world_event_kind { WORLD_START, WORLD_RESULT, WORLD_MESSAGE, WORLD_TAKE, WORLD_ROUTERS };
struct world_event {
        uint64_t at_us, order;
        enum world_event_kind kind;
        size_t node;
        enum health_check check;
        uint64_t started_us;
        enum health_outcome outcome;
        bool regular;
        uint64_t src;
        size_t size;
        uint8_t body[EXCHANGE_MAX];
};
struct world {
        uint64_t now_us, order;
        struct master m[NODES];
        size_t owner, next; /* next: who takes it, NOBODY: no move under way */
        size_t n;
        struct world_event event[EVENTS];
        char trace[8192];
};

static inline void world_note(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static inline void world_note(struct world *w, const char *fmt, ...) {
        size_t n = strlen(w->trace);
        va_list ap;

        n += (size_t)snprintf(w->trace + n, sizeof w->trace - n, "[%" PRIu64 "] ", w->now_us / 1000);
        va_start(ap, fmt);
        vsnprintf(w->trace + n, sizeof w->trace - n, fmt, ap);
        va_end(ap);
        strncat(w->trace, "\n", sizeof w->trace - strlen(w->trace) - 1);
}

static inline struct world_event *world_add(struct world *w, uint64_t at_us, enum world_event_kind kind,
                                            size_t node) {
        struct world_event *e = &w->event[w->n];

        assert_true(w->n < EVENTS);
        w->n++;
        *e = (struct world_event){ .at_us = at_us, .order = w->order++, .kind = kind, .node = node };
        return e;
}

static inline struct health_when world_when(const struct master *m) {
        uint64_t us = m->world->now_us;

        return (struct health_when){ .us = us, .system_ns = EPOCH + (int64_t)us * 1000 + m->system_ns };
}

static inline size_t world_index(const struct master *m) {
        return (size_t)(m - m->world->m);
}

static inline void world_start_probe(struct master *m, enum health_check c, bool regular) {
        struct world *w = m->world;
        uint64_t took_us = c == HEALTH_CLOCK ? CLOCK_TOOK_US : m->latency_us;
        bool late = took_us >= API_TIMEOUT_US;
        struct world_event *e =
                world_add(w, w->now_us + (late ? API_TIMEOUT_US : took_us), WORLD_RESULT, world_index(m));

        e->check = c;
        e->started_us = w->now_us;
        e->outcome = late ? HEALTH_TIMEOUT : m->answers;
        if (regular) {
                e = world_add(w, w->now_us + (c == HEALTH_CLOCK ? CLOCK_EVERY_US : API_EVERY_US), WORLD_START,
                              world_index(m));
                e->check = c;
                e->regular = true;
        }
}

static inline void world_on_send(void *userdata, uint64_t dst, const uint8_t *body, size_t size) {
        struct master *m = userdata;
        struct world *w = m->world;

        for (size_t i = 0; i < NODES; i++) {
                struct world_event *e;

                if (m == &w->m[i] || (dst != 0 && dst != i + 1) || m->cut || w->m[i].cut)
                        continue;
                e = world_add(w, w->now_us + DELAY_US, WORLD_MESSAGE, i);
                e->src = world_index(m) + 1;
                e->size = size;
                memcpy(e->body, body, size);
        }
}

static inline void world_on_probe(void *userdata, unsigned checks) {
        struct master *m = userdata;

        for (enum health_check c = 0; c < HEALTH_CHECKS; c++)
                if (checks >> c & 1) {
                        m->asked++;
                        world_start_probe(m, c, false);
                }
}

static inline void world_move(struct world *w, size_t to, const char *why) {
        world_note(w, "address n%zu -> n%zu: %s", w->owner + 1, to + 1, why);
        w->next = to;
        world_add(w, w->now_us + TAKE_US, WORLD_TAKE, to);
}

static inline int world_on_give_up(void *userdata, uint32_t group, uint64_t succ, const char *reason) {
        struct master *m = userdata;

        assert_true(group == 0 || group == GROUP);
        assert_true(m->world->owner == world_index(m) && m->world->next == NOBODY);
        world_move(m->world, succ - 1, group == 0 ? "measured better" : reason);
        return 0;
}

static inline void world_on_published(void *userdata, enum vrrp_class from, enum vrrp_class to,
                                      const char *reason) {
        struct master *m = userdata;
        struct world *w = m->world;

        world_note(w, "n%zu %s -> %s (%.*s)", world_index(m) + 1, health_class_name(from),
                   health_class_name(to), (int)strcspn(reason, ";("), reason);
        if (to != VRRP_FAILED || w->owner != world_index(m) || w->next != NOBODY)
                return;
        for (size_t i = 0; i < NODES; i++)
                if (w->m[i].health.published < VRRP_FAILED) {
                        world_move(w, i, "failed");
                        break;
                }
}

static inline void world_on_moved(void *userdata, uint64_t nonce, enum exchange_moved result) {
        struct master *m = userdata;

        (void)nonce;
        if (m->moved == EXCHANGE_MOVED_RESULTS || result != EXCHANGE_MOVED_NOT_ACTIVE)
                m->moved = result;
}

static inline void world_owns(struct master *m, bool on) {
        m->self.owns[GROUP / 8] = on ? 1 << GROUP % 8 : 0;
        health_node_self(&m->node, &m->self, world_when(m));
}

static inline void world_take(struct world *w) {
        world_owns(&w->m[w->owner], false);
        w->owner = w->next;
        w->next = NOBODY;
        world_owns(&w->m[w->owner], true);
}

/* Once per interval: who has been better than the Active for five of them preempts. */
static inline void world_routers(struct world *w) {
        enum vrrp_class active = w->m[w->owner].health.published;

        world_add(w, w->now_us + INTERVAL_US, WORLD_ROUTERS, 0);
        for (size_t i = 0; i < NODES; i++) {
                struct master *m = &w->m[i];
                bool better = i != w->owner && m->health.published < active && !m->cut;

                m->better_n = better ? m->better_n + 1 : 0;
                if (m->better_n > PREEMPT_INTERVALS && w->next == NOBODY)
                        world_move(w, i, "preempted by a better class");
        }
}

static inline struct clock_state world_clock(const struct master *m) {
        struct chrony_tracking t = { .ref_id = 0x0a000001, .leap = m->lost ? 3 : 0, .update_interval = 1 };
        struct clock_state s;

        t.correction = m->correction_s;
        if (m->world->now_us > m->drift_us)
                t.correction += m->drift * (double)(m->world->now_us - m->drift_us) / 1e6;
        t.root_dispersion = m->distance_s;
        clock_judge(&t, (struct timespec){ 0 }, 0.1, &s);
        return s;
}

static inline void world_result(struct master *m, const struct world_event *e) {
        struct health_result r = { .outcome = e->outcome,
                                   .detail = health_outcome_name(e->outcome),
                                   .started_us = e->started_us,
                                   .took_us = (uint32_t)(m->world->now_us - e->started_us) };
        struct clock_state s = world_clock(m);

        if (e->check == HEALTH_CLOCK) {
                health_node_clock(&m->node, &s);
                r.outcome = clock_outcome(&s, 0.1);
                r.detail = s.reason;
        } else if (e->started_us < m->answered_us) {
                return;
        } else if (e->outcome != HEALTH_TIMEOUT) {
                m->answered_us = e->started_us;
        }
        health_node_result(&m->node, e->check, &r, world_when(m));
}

static inline void world_event(struct world *w, const struct world_event *e) {
        struct master *m = &w->m[e->node];

        switch (e->kind) {
        case WORLD_START:
                world_start_probe(m, e->check, e->regular);
                break;
        case WORLD_RESULT:
                world_result(m, e);
                break;
        case WORLD_MESSAGE:
                if (!m->unproven[e->src - 1])
                        health_node_receive(&m->node, e->src, e->body, e->size, world_when(m));
                break;
        case WORLD_TAKE:
                world_take(w);
                break;
        case WORLD_ROUTERS:
                world_routers(w);
                break;
        }
}

/* The next event, or NULL when a node's deadline comes before it. */
static inline struct world_event *world_next(struct world *w, uint64_t before_us) {
        struct world_event *first = NULL;

        for (size_t i = 0; i < w->n; i++)
                if (w->event[i].at_us <= before_us &&
                    (!first || w->event[i].at_us < first->at_us ||
                     (w->event[i].at_us == first->at_us && w->event[i].order < first->order)))
                        first = &w->event[i];
        return first;
}

static inline struct master *world_due(struct world *w) {
        struct master *due = &w->m[0];

        for (size_t i = 1; i < NODES; i++)
                if (w->m[i].node.deadline_us < due->node.deadline_us)
                        due = &w->m[i];
        return due;
}

static inline void world_run(struct world *w, uint64_t until_us) {
        for (;;) {
                struct master *due = world_due(w);
                uint64_t at_us = due->node.deadline_us < until_us ? due->node.deadline_us : until_us;
                struct world_event *e = world_next(w, at_us);

                if (e) {
                        struct world_event now = *e;

                        *e = w->event[--w->n];
                        w->now_us = now.at_us;
                        world_event(w, &now);
                } else if (due->node.deadline_us <= until_us) {
                        assert_true(due->node.deadline_us >= w->now_us);
                        w->now_us = due->node.deadline_us;
                        health_node_tick(&due->node, world_when(due));
                        assert_true(due->node.deadline_us > w->now_us); /* else the loop would spin */
                } else {
                        w->now_us = until_us;
                        return;
                }
        }
}

static inline void world_start_master(struct world *w, size_t i, bool api, bool clock) {
        static const struct health_node_ops ops = { world_on_published, world_on_send, world_on_probe,
                                                    world_on_give_up, world_on_moved };
        struct health_params p = {
                .fall = 2, .rise = 2, .interval_us = INTERVAL_US, .times = health_times_default
        };
        struct evidence_params e = evidence_params_default;
        struct master *m = &w->m[i];

        *m = (struct master){ .world = w, .answers = HEALTH_OK, .latency_us = 20000, .distance_s = 0.001 };
        m->self.priority = (uint8_t)(250 - 20 * i);
        p.enabled[HEALTH_API_SERVER] = api;
        p.enabled[HEALTH_CLOCK] = clock;
        e.timeout_us[HEALTH_API_SERVER] = API_TIMEOUT_US;
        health_node_init(&m->node, &m->health, &p, 0.1, &ops, m, world_when(m));
        health_node_self(&m->node, &m->self, world_when(m));
        health_node_join(&m->node, i + 1, 1000 * i, &e, world_when(m));
}

/* Everyone healthy, n1 active, the trace empty; 10 s have passed. Probes of different nodes do not begin at
 * the same moments. */
static inline void world_init(struct world *w, bool api, bool clock) {
        *w = (struct world){ .now_us = SEC(1), .owner = 0, .next = NOBODY };
        for (size_t i = 0; i < NODES; i++)
                world_start_master(w, i, api, clock);
        for (size_t i = 0; i < NODES; i++) {
                struct world_event *e;

                if (api) {
                        e = world_add(w, w->now_us + MS(10 * i), WORLD_START, i);
                        e->check = HEALTH_API_SERVER;
                        e->regular = true;
                }
                if (clock) {
                        e = world_add(w, w->now_us + MS(5 + 300 * i), WORLD_START, i);
                        e->check = HEALTH_CLOCK;
                        e->regular = true;
                }
        }
        world_owns(&w->m[0], true);
        world_add(w, w->now_us, WORLD_ROUTERS, 0);
        world_run(w, SEC(10));
        for (size_t i = 0; i < NODES; i++)
                assert_int_equal(w->m[i].health.published, VRRP_HEALTHY);
        assert_int_equal(w->owner, 0);
        w->trace[0] = '\0';
}

#endif
