#include "agent/evidence.h"
#include "pki/util.h"

const struct evidence_params evidence_params_default = {
        .hold_us = 3000000,
        .again_us = 1000000,
        .gather_us = 50000,
};

enum { SLOW_FACTOR = 2 }; /* of what replaces a time-out: twice as fast at least */

void evidence_init(struct evidence *e, const struct evidence_params *p) {
        *e = (struct evidence){ .params = *p, .fit_us = VRRP_NEVER, .deadline_us = VRRP_NEVER };
}

bool evidence_fit(const struct exchange_peer *p, enum vrrp_class own, uint64_t now_us) {
        return exchange_fresh(p, now_us) && !p->report.standby && !p->report.witness &&
               p->report.class <= own;
}

static bool measured_good(const struct evidence *e, const struct exchange_report *r, enum health_check c) {
        const struct exchange_check *k = &r->check[c];

        if (!k->enabled || !k->fresh || (k->last != HEALTH_OK && k->last != HEALTH_MARGINAL))
                return false;
        return !(e->timeouts >> c & 1) || (uint64_t)k->took_us * SLOW_FACTOR < e->params.timeout_us[c];
}

/* Better, and measured after we asked. */
static bool is_successor(const struct evidence *e, const struct health *h, const struct exchange_peer *p,
                         uint64_t now_us) {
        enum vrrp_class bad = h->pending.class;

        if (p->answers != e->nonce || !evidence_fit(p, bad, now_us) || p->report.class >= bad ||
            p->answer.class >= bad || p->answer.judged >= bad)
                return false;
        for (enum health_check c = 0; c < HEALTH_CHECKS; c++)
                if (e->asked >> c & 1 && !measured_good(e, &p->answer, c))
                        return false;
        return true;
}

static bool ranks_before(const struct exchange_peer *a, const struct exchange_peer *b) {
        if (a->report.class != b->report.class)
                return a->report.class < b->report.class;
        if (a->report.priority != b->report.priority)
                return a->report.priority > b->report.priority;
        return a->id > b->id;
}

const struct exchange_peer *evidence_best(const struct exchange *x, enum vrrp_class own, uint64_t now_us) {
        const struct exchange_peer *best = NULL;

        for (size_t i = 0; i < x->n; i++)
                if (evidence_fit(&x->peer[i], own, now_us) && (!best || ranks_before(&x->peer[i], best)))
                        best = &x->peer[i];
        return best;
}

static const struct exchange_peer *successor(const struct evidence *e, const struct health *h,
                                             const struct exchange *x, uint64_t now_us) {
        const struct exchange_peer *best = NULL;

        for (size_t i = 0; i < x->n; i++)
                if (is_successor(e, h, &x->peer[i], now_us) && (!best || ranks_before(&x->peer[i], best)))
                        best = &x->peer[i];
        return best;
}

static bool all_answered(const struct evidence *e, const struct exchange *x, uint64_t now_us) {
        for (size_t i = 0; i < x->n; i++)
                if (exchange_fresh(&x->peer[i], now_us) && x->peer[i].answers != e->nonce)
                        return false;
        return true;
}

static void forget(struct evidence *e) {
        e->nonce = 0;
        e->fit_us = e->deadline_us = VRRP_NEVER;
}

static enum evidence_do ask(struct evidence *e, const struct health *h, uint64_t now_us) {
        e->asked = h->pending.checks;
        e->timeouts = h->pending.timeouts;
        e->asked_us = now_us;
        e->fit_us = VRRP_NEVER;
        e->deadline_us = now_us + e->params.again_us;
        return EVIDENCE_ASK;
}

enum evidence_do evidence_step(struct evidence *e, const struct health *h, const struct exchange *x,
                               uint64_t now_us, uint64_t *ret_succ) {
        const struct health_pending *p = &h->pending;
        uint64_t due_us = p->since_us + (p->checks == p->timeouts ? 0 : e->params.hold_us);
        const struct exchange_peer *s;

        if (p->class == VRRP_HEALTHY || p->checks == 0) {
                forget(e);
                return EVIDENCE_NOTHING;
        }
        if (now_us < due_us) {
                forget(e);
                e->deadline_us = due_us;
                return EVIDENCE_NOTHING;
        }
        if (e->nonce == 0 || now_us >= e->asked_us + e->params.again_us || p->checks & ~e->asked)
                return ask(e, h, now_us);
        e->deadline_us = e->asked_us + e->params.again_us;
        if (!(s = successor(e, h, x, now_us)))
                return EVIDENCE_NOTHING;
        if (e->fit_us == VRRP_NEVER)
                e->fit_us = now_us;
        if (now_us >= e->fit_us + e->params.gather_us || all_answered(e, x, now_us)) {
                *ret_succ = s->id;
                forget(e);
                return EVIDENCE_GIVE_UP;
        }
        if (e->fit_us + e->params.gather_us < e->deadline_us)
                e->deadline_us = e->fit_us + e->params.gather_us;
        return EVIDENCE_NOTHING;
}
