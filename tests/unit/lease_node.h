/* One member of a list, and a description of each step of its lease that reads like a story. */
#ifndef TESTS_UNIT_LEASE_NODE_H
#define TESTS_UNIT_LEASE_NODE_H

#include "vrrp/lease.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Priority 128 of a healthy node has a skew of exactly a quarter of the interval, degraded (64) of three
 * eighths, failed (1) of 255/512. */
enum {
        A = 100000,
        D = 3 * A,
        E = D / 50 + 1000,
        R = 10000,
        ADD = 5000,
        SKEW = A / 4,
        BOOT = 77,
        T0 = 1000,
        SILENT = T0 + D + D / 500, /* rule 3 */
        DOWN = SILENT + SKEW,
        VACANT = 400000, /* a time at which everything of the start has run out */
};

/* Members 1..n, ourselves 2. */
static inline struct vrrp_list members(uint64_t gen, size_t n) {
        struct vrrp_list list = { .gen = gen, .n = n };

        for (size_t i = 0; i < n; i++) {
                list.v[i].id = i + 1;
                list.v[i].address = vrrp_ip_v4((struct in_addr){ htonl(0x0a000001u + (uint32_t)i) });
                snprintf(list.v[i].name, sizeof list.v[i].name, "host%zu", i + 1);
        }
        return list;
}

static inline struct vrrp_lease_params params(size_t n) {
        return (struct vrrp_lease_params){
                .self = 2,
                .interval_us = A,
                .removal_us = R,
                .add_us = ADD,
                .priority = 128,
                .preempt = VRRP_PREEMPT_HEALTH,
                .seed = 1,
                .list = members(1, n),
        };
}

struct text {
        char v[1024];
        size_t n;
};

__attribute__((format(printf, 2, 3))) static inline void say(struct text *t, const char *format, ...) {
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(t->v + t->n, sizeof t->v - t->n, format, args);
        va_end(args);
        assert_true(n >= 0 && (size_t)n < sizeof t->v - t->n);
        t->n += (size_t)n;
}

static inline void say_time(struct text *t, const char *what, uint64_t us) {
        if (us == VRRP_NEVER)
                say(t, " %snever", what);
        else
                say(t, " %s%llu", what, (unsigned long long)us);
}

static inline void say_msg(struct text *t, uint64_t dst, const struct vrrp_lease_msg *m) {
        say(t, " %s", vrrp_lease_type_name(m->type));
        if (dst)
                say(t, ">%llu", (unsigned long long)dst);
        if (m->ballot.num)
                say(t, " b%llu/%llu", (unsigned long long)m->ballot.num, (unsigned long long)m->ballot.src);
        if (m->k)
                say(t, " k%u", m->k);
        if (m->active)
                say(t, " active");
        if (m->preempt)
                say(t, " preempt");
        if (m->released_src)
                say(t, " released b%llu/%llu", (unsigned long long)m->released.num,
                    (unsigned long long)m->released_src);
        if (m->succ)
                say(t, " to %llu", (unsigned long long)m->succ);
        if (m->list)
                say(t, " list %llu", (unsigned long long)m->list->gen);
        if (m->standby)
                say(t, " standby");
}

/* "state @deadline [guard G]: ACTION ... (reason)" */
static inline struct text story(const struct vrrp_lease *l, const struct vrrp_lease_actions *out) {
        static const char *const names[] = { "", " ADD", " REMOVE", " ANNOUNCE", " STORE" };
        struct text t = { .n = 0 };

        say(&t, "%s", vrrp_lease_state_name(l->state));
        say_time(&t, "@", l->deadline_us);
        if (l->guard_us != VRRP_NEVER)
                say_time(&t, "guard ", l->guard_us);
        say(&t, ":");
        for (size_t i = 0; i < out->n; i++) {
                if (out->v[i].what == VRRP_LEASE_SEND)
                        say_msg(&t, out->v[i].dst, &out->v[i].msg);
                else
                        say(&t, "%s", names[out->v[i].what]);
                if (out->v[i].what == VRRP_LEASE_STORE)
                        say(&t, " %llu", (unsigned long long)out->list->gen);
        }
        if (out->reason)
                say(&t, " (%s)", out->reason);
        return t;
}

/* A message without rank is of a healthy member of our priority. */
static inline struct text step(struct vrrp_lease *l, const struct vrrp_lease_event *ev) {
        struct vrrp_lease_actions out = { .n = 99 };
        struct vrrp_lease_event e = *ev;
        struct vrrp_lease_msg m;

        if (ev->msg) {
                m = *ev->msg;
                if (!m.rank.priority)
                        m.rank = (struct vrrp_rank){ VRRP_HEALTHY, 128, m.src };
                if (!m.gen)
                        m.gen = 1;
                e.msg = &m;
        }
        vrrp_lease_step(l, &e, &out);
        return story(l, &out);
}

#define expect(l, ev, wanted)                                                                                \
        do {                                                                                                 \
                struct text got = step(l, &(ev));                                                            \
                assert_string_equal(got.v, wanted);                                                          \
        } while (0)

#define EV(kind, now, ...)                                                                                   \
        ((struct vrrp_lease_event){ .type = VRRP_LEASE_EV_##kind, .now_us = (now), __VA_ARGS__ })
/* A message of member `from`, of generation 1 unless told otherwise. */
#define MSG(now, kind, from, ...)                                                                            \
        ((struct vrrp_lease_event){                                                                          \
                .type = VRRP_LEASE_EV_MESSAGE,                                                               \
                .now_us = (now),                                                                             \
                .msg = &(struct vrrp_lease_msg){ .type = VRRP_LEASE_##kind, .src = (from), __VA_ARGS__ } })
#define BALLOT(n, from)                                                                                      \
        { .num = (n), .src = (from), .boot = BOOT, .count = 1 }

/* Started at T0; nothing heard. */
static inline struct vrrp_lease started(const struct vrrp_lease_params *p) {
        struct vrrp_lease_event ev = EV(START, T0, .boot = BOOT);
        struct vrrp_lease l;

        assert_int_equal(vrrp_lease_init(&l, p), 0);
        step(&l, &ev);
        return l;
}

static inline struct vrrp_lease backup(void) {
        struct vrrp_lease_params p = params(3);

        return started(&p);
}

/* Stands at VACANT with the ballot 1/2. */
static inline struct vrrp_lease candidate_of(size_t n) {
        struct vrrp_lease_params p = params(n);
        struct vrrp_lease l = started(&p);

        step(&l, &EV(TIMER, VACANT));
        for (uint64_t id = 1; id <= n && l.state == VRRP_LEASE_BACKUP; id++)
                if (id != 2)
                        step(&l, &MSG(VACANT, YES, id, .k = 1));
        assert_int_equal(l.state, VRRP_LEASE_CANDIDATE);
        return l;
}

/* Active since VACANT by member 1's acknowledgement, and has the address. */
static inline struct vrrp_lease active(void) {
        struct vrrp_lease l = candidate_of(3);

        step(&l, &MSG(VACANT, ACK, 1, .ballot = BALLOT(1, 2), .k = 1));
        step(&l, &EV(ADDED, VACANT));
        assert_int_equal(l.state, VRRP_LEASE_ACTIVE);
        return l;
}

/* Backup that acknowledged an ACTIVE claim 9/1 of member 1 at VACANT. */
static inline struct vrrp_lease follower(void) {
        struct vrrp_lease l = backup();

        step(&l, &MSG(VACANT, CLAIM, 1, .ballot = BALLOT(9, 1), .k = 1, .active = true));
        assert_int_equal(l.promise.src, 1);
        return l;
}

#endif
