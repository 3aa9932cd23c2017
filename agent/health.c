#include "agent/health.h"
#include "pki/util.h"

#define SEC(n) ((uint64_t)(n)*1000000)

const struct health_times health_times_default = {
        .etcd_us = SEC(3),
        .clock_us = SEC(30),
        .kubelet_us = SEC(60),
        .hold_shared_us = SEC(3),
        .hold_clock_us = SEC(60),
        .rest_us = SEC(10),
        .rest_max_us = SEC(300),
        .rest_window_us = SEC(300),
};

enum { HOLD_HARD_INTERVALS = 5, REFUSED_COUNT = 2, OFFSET_COUNT = 2, MOVES_CALM = 2, BY_FALL = 0 };
enum lasting { AT_ONCE, ETCD_TIME, CLOCK_TIME, KUBELET_TIME };

/* When a fault of a check becomes a class: after `same` results of this kind in a row, or after `any`
 * faulty results in a row (BY_FALL: the configured number), and once it has lasted. */
static const struct rule {
        enum health_check check;
        enum health_outcome outcome;
        enum vrrp_class class;
        bool hard;
        unsigned same, any;
        enum lasting lasting;
} rules[] = {
        { HEALTH_API_SERVER, HEALTH_REFUSED, VRRP_FAILED, true, REFUSED_COUNT, 1, AT_ONCE },
        { HEALTH_API_SERVER, HEALTH_TIMEOUT, VRRP_DEGRADED, false, 1, BY_FALL, AT_ONCE },
        { HEALTH_API_SERVER, HEALTH_ERROR, VRRP_DEGRADED, false, 1, BY_FALL, AT_ONCE },
        { HEALTH_ETCD, HEALTH_REFUSED, VRRP_DEGRADED, false, 1, 1, ETCD_TIME },
        { HEALTH_ETCD, HEALTH_TIMEOUT, VRRP_DEGRADED, false, 1, 1, ETCD_TIME },
        { HEALTH_ETCD, HEALTH_ERROR, VRRP_DEGRADED, false, 1, 1, ETCD_TIME },
        { HEALTH_CLOCK, HEALTH_OFFSET, VRRP_DEGRADED, false, OFFSET_COUNT, 1, AT_ONCE },
        { HEALTH_CLOCK, HEALTH_UNSYNCHRONISED, VRRP_DEGRADED, false, 1, 1, CLOCK_TIME },
        { HEALTH_KUBELET, HEALTH_REFUSED, VRRP_DEGRADED, false, 1, 1, KUBELET_TIME },
        { HEALTH_KUBELET, HEALTH_TIMEOUT, VRRP_DEGRADED, false, 1, 1, KUBELET_TIME },
        { HEALTH_KUBELET, HEALTH_ERROR, VRRP_DEGRADED, false, 1, 1, KUBELET_TIME },
        { HEALTH_LINK, HEALTH_DOWN, VRRP_FAILED, true, 1, 1, AT_ONCE },
};

const char *health_check_name(enum health_check c) {
        static const char *const names[] = { "apiServer", "etcd", "clock", "kubelet", "link" };

        return names[c];
}

const char *health_outcome_name(enum health_outcome o) {
        static const char *const names[] = { "unknown", "ok",     "marginal",       "refused", "timeout",
                                             "error",   "offset", "unsynchronised", "down" };

        return names[o];
}

const char *health_class_name(enum vrrp_class c) {
        static const char *const names[] = { "healthy", "degraded", "failed" };

        return names[c];
}

static bool is_fault(enum health_outcome o) {
        return o > HEALTH_MARGINAL;
}

static uint64_t lasting_us(const struct health_times *t, enum lasting l) {
        switch (l) {
        case ETCD_TIME:
                return t->etcd_us;
        case CLOCK_TIME:
                return t->clock_us;
        case KUBELET_TIME:
                return t->kubelet_us;
        case AT_ONCE:
                break;
        }
        return 0;
}

/* How long better results must go on before they are believed. First knowledge is not an improvement
 * over a fault: it waits no longer than the end of a hard one. */
static uint64_t hold_us(const struct health *h, enum health_check c) {
        const struct health_item *i = &h->item[c];

        if (!i->known || i->hard)
                return (uint64_t)HOLD_HARD_INTERVALS * h->params.interval_us;
        return c == HEALTH_CLOCK ? h->params.times.hold_clock_us : h->params.times.hold_shared_us;
}

static void need_tick(struct health *h, uint64_t at_us) {
        if (at_us < h->deadline_us)
                h->deadline_us = at_us;
}

static const struct rule *find_rule(enum health_check c, enum health_outcome o) {
        for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
                if (rules[i].check == c && rules[i].outcome == o)
                        return &rules[i];
        return NULL;
}

/* True when the fault is proven; one that still has to last asks for a tick. */
static bool rule_holds(struct health *h, const struct rule *r, uint64_t now_us) {
        const struct health_item *i = &h->item[r->check];
        unsigned any = r->any == BY_FALL ? h->params.fall : r->any;
        uint64_t due_us = i->bad_since_us + lasting_us(&h->params.times, r->lasting);

        if (i->same_n < r->same || i->bad_n < any)
                return false;
        if (now_us < due_us)
                need_tick(h, due_us);
        return now_us >= due_us;
}

static void item_set(struct health_item *i, enum vrrp_class class, bool hard, uint64_t now_us) {
        if (i->class != class)
                i->changed_us = now_us;
        i->class = class;
        i->hard = hard;
        i->known = true;
        i->better_since_us = VRRP_NEVER;
        memcpy(i->reason, i->detail, sizeof i->reason);
}

/* A class better than the item's becomes its class only when it has held. */
static void item_improve(struct health *h, enum health_check c, enum vrrp_class class, bool hard,
                         uint64_t now_us) {
        struct health_item *i = &h->item[c];
        unsigned rise = c == HEALTH_API_SERVER && i->known && class == VRRP_HEALTHY ? h->params.rise : 0;

        if (i->better_since_us == VRRP_NEVER || i->better != class) {
                i->better_since_us = now_us;
                i->better = class;
        }
        if (now_us < i->better_since_us + hold_us(h, c))
                need_tick(h, i->better_since_us + hold_us(h, c));
        else if (class != VRRP_HEALTHY || i->ok_n >= rise)
                item_set(i, class, hard, now_us);
}

static void item_judge(struct health *h, enum health_check c, uint64_t now_us) {
        struct health_item *i = &h->item[c];
        enum health_outcome o = i->last;
        const struct rule *r;

        if (o == HEALTH_MARGINAL && !i->known)
                o = HEALTH_OK;
        if (o == HEALTH_UNKNOWN) {
                item_set(i, VRRP_DEGRADED, false, now_us);
                i->known = false;
        } else if (o == HEALTH_OK && (i->class != VRRP_HEALTHY || !i->known)) {
                item_improve(h, c, VRRP_HEALTHY, false, now_us);
        } else if (o == HEALTH_OK) {
                memcpy(i->reason, i->detail, sizeof i->reason);
        } else if (o == HEALTH_MARGINAL) {
                i->better_since_us = VRRP_NEVER;
        } else if ((r = find_rule(c, o)) && rule_holds(h, r, now_us)) {
                if (r->class >= i->class)
                        item_set(i, r->class, r->hard, now_us);
                else
                        item_improve(h, c, r->class, r->hard, now_us);
        } else {
                i->better_since_us = VRRP_NEVER;
                if (!i->known)
                        memcpy(i->reason, i->detail, sizeof i->reason);
        }
}

/* The worst check; the first of the table among equals. */
static enum health_check worst(const struct health *h) {
        enum health_check w = HEALTH_CHECKS;

        for (enum health_check c = 0; c < HEALTH_CHECKS; c++)
                if (h->params.enabled[c] && (w == HEALTH_CHECKS || h->item[c].class > h->item[w].class))
                        w = c;
        return w;
}

static void set_reason(struct health *h, enum health_check w) {
        char text[HEALTH_REASON] = "all checks pass";

        if (h->pending.class != VRRP_HEALTHY)
                snprintf(text, sizeof text, "%s: %.160s (withheld: no other master was measured better)",
                         health_check_name(w), h->item[w].reason);
        else if (w != HEALTH_CHECKS && h->item[w].class != VRRP_HEALTHY)
                snprintf(text, sizeof text, "%s: %.200s", health_check_name(w), h->item[w].reason);
        memcpy(h->reason, text, sizeof h->reason);
}

/* What makes the class worse than the published one, without local and hard faults. What has begun to
 * recover keeps its class until that has held, but is no reason to move the address now. */
static void set_pending(struct health *h, uint64_t now_us) {
        struct health_pending p = { .class = h->class, .since_us = now_us };

        if (h->pending.class != VRRP_HEALTHY)
                p.since_us = h->pending.since_us;
        for (enum health_check c = 0; c < HEALTH_CHECKS; c++) {
                const struct health_item *i = &h->item[c];

                if (!h->params.enabled[c] || i->class <= h->published || i->hard || i->last == HEALTH_OK ||
                    i->last == HEALTH_MARGINAL)
                        continue;
                p.checks |= 1U << c;
                if (i->last == HEALTH_TIMEOUT)
                        p.timeouts |= 1U << c;
        }
        h->pending = p;
}

static void publish_class(struct health *h, enum health_check w, uint64_t now_us) {
        h->pending = (struct health_pending){ .class = VRRP_HEALTHY };
        h->published = h->class;
        h->published_us = now_us;
        set_reason(h, w);
}

static bool publish(struct health *h, uint64_t now_us) {
        enum health_check w = worst(h);
        bool hard = w != HEALTH_CHECKS && h->item[w].hard, worse;

        h->class = w == HEALTH_CHECKS ? VRRP_HEALTHY : h->item[w].class;
        worse = h->class > h->published && !hard;
        if (worse && now_us < h->rest_until_us) {
                need_tick(h, h->rest_until_us);
                return false;
        }
        if (worse && h->gated)
                set_pending(h, now_us);
        else
                h->pending = (struct health_pending){ .class = VRRP_HEALTHY };
        if (h->class == h->published || (worse && h->gated)) {
                set_reason(h, w);
                return false;
        }
        publish_class(h, w, now_us);
        return true;
}

static bool judge_all(struct health *h, uint64_t now_us) {
        h->deadline_us = VRRP_NEVER;
        for (enum health_check c = 0; c < HEALTH_CHECKS; c++)
                if (h->params.enabled[c] && h->item[c].last_us != VRRP_NEVER)
                        item_judge(h, c, now_us);
        return publish(h, now_us);
}

void health_init(struct health *h, const struct health_params *p, uint64_t now_us) {
        *h = (struct health){ .params = *p, .deadline_us = VRRP_NEVER, .published_us = now_us };
        for (size_t i = 0; i < HEALTH_CHECKS; i++) {
                h->item[i] = (struct health_item){ .class = VRRP_DEGRADED,
                                                   .last_us = VRRP_NEVER,
                                                   .better_since_us = VRRP_NEVER,
                                                   .changed_us = now_us };
                snprintf(h->item[i].reason, HEALTH_REASON, "not known yet");
                snprintf(h->item[i].detail, HEALTH_REASON, "not known yet");
        }
        /* Not asked but told: were the link down, that would have been the first thing reported. */
        item_set(&h->item[HEALTH_LINK], VRRP_HEALTHY, false, now_us);
        h->published = VRRP_DEGRADED;
        publish(h, now_us);
}

/* Details quote what servers answered: nothing of that may break a log, a metric or JSON. */
static void copy_printable(char out[HEALTH_REASON], const char *in) {
        size_t n = 0;

        for (; in[n] && n < HEALTH_REASON - 1; n++)
                out[n] = in[n] >= ' ' && in[n] <= '~' ? in[n] : '?';
        out[n] = '\0';
}

bool health_report(struct health *h, enum health_check c, enum health_outcome o, const char *detail,
                   uint64_t now_us) {
        struct health_item *i = &h->item[c];

        i->same_n = i->last == o && i->last_us != VRRP_NEVER ? i->same_n + 1 : 1;
        i->ok_n = o == HEALTH_OK ? i->ok_n + 1 : 0;
        if (!is_fault(o))
                i->bad_n = 0;
        else if (i->bad_n++ == 0)
                i->bad_since_us = now_us;
        i->last = o;
        i->last_us = now_us;
        copy_printable(i->detail, detail);
        return judge_all(h, now_us);
}

bool health_tick(struct health *h, uint64_t now_us) {
        return judge_all(h, now_us);
}

bool health_gate(struct health *h, bool on, uint64_t now_us) {
        h->gated = on;
        return publish(h, now_us);
}

bool health_concede(struct health *h, uint64_t now_us) {
        if (h->pending.class == VRRP_HEALTHY)
                return false;
        publish_class(h, worst(h), now_us);
        return true;
}

/* Ten seconds; from the third move within the window on, twice as long each time. */
void health_moved(struct health *h, uint64_t now_us) {
        const struct health_times *t = &h->params.times;
        uint64_t rest_us = t->rest_us;
        unsigned recent = 0;

        h->moves_us[h->n_moves++ % HEALTH_MOVES] = now_us;
        for (unsigned i = 0; i < HEALTH_MOVES && i < h->n_moves; i++)
                if (now_us - h->moves_us[i] < t->rest_window_us)
                        recent++;
        for (unsigned i = MOVES_CALM; i < recent && rest_us < t->rest_max_us; i++)
                rest_us *= 2;
        h->rest_until_us = now_us + (rest_us < t->rest_max_us ? rest_us : t->rest_max_us);
}
