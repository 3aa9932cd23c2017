#include "agent/exchange.h"
#include "pki/util.h"

enum { DELAY_MAX_US = 1000000, STEP_MAX_NS = 5000000 };

static void send_message(struct exchange *x, uint64_t dst, const struct exchange_message *m) {
        uint8_t body[EXCHANGE_MAX];
        size_t n = exchange_encode(m, body, sizeof body);

        if (n > 0)
                x->ops.send(x->userdata, dst, body, n);
}

static uint64_t next_nonce(struct exchange *x) {
        if (x->nonce == 0)
                x->nonce++;
        return x->nonce++;
}

void exchange_init(struct exchange *x, uint64_t self, uint64_t seed, const struct exchange_ops *ops,
                   void *userdata) {
        *x = (struct exchange){ .self = self, .nonce = seed, .ops = *ops, .userdata = userdata };
}

void exchange_set_list(struct exchange *x, const struct vrrp_list *list) {
        size_t n = 0;

        for (size_t i = 0; i < x->n; i++)
                if (vrrp_list_find(list, x->peer[i].id))
                        x->peer[n++] = x->peer[i];
        x->n = n;
}

const struct exchange_peer *exchange_find(const struct exchange *x, uint64_t id) {
        for (size_t i = 0; i < x->n; i++)
                if (x->peer[i].id == id)
                        return &x->peer[i];
        return NULL;
}

/* One that was never heard gets a place, if there is any left. */
static struct exchange_peer *peer_of(struct exchange *x, uint64_t id) {
        struct exchange_peer *p = (struct exchange_peer *)exchange_find(x, id);

        if (p || id == x->self || x->n == EXCHANGE_PEERS)
                return p;
        p = &x->peer[x->n++];
        *p = (struct exchange_peer){ .id = id };
        return p;
}

void exchange_proven(struct exchange *x, uint64_t id) {
        for (size_t i = 0; i < x->n; i++)
                if (x->peer[i].id == id)
                        x->peer[i].told = false;
        x->owes = true;
}

bool exchange_fresh(const struct exchange_peer *p, uint64_t now_us) {
        return p->heard && now_us - p->last_us < EXCHANGE_FRESH_US;
}

bool exchange_compared(const struct exchange_peer *p, uint64_t now_us) {
        return exchange_fresh(p, now_us) && p->compared && now_us - p->compared_us < EXCHANGE_FRESH_US;
}

void exchange_send_report(struct exchange *x, const struct exchange_report *own, struct exchange_now now) {
        struct exchange_message m = { .type = EXCHANGE_REPORT, .report = *own };

        m.report.clock_ns = now.clock_ns;
        x->owes = false;
        x->own = *own;
        x->sent_ns = now.clock_ns;
        x->sent_correction_ns = now.correction_ns;
        x->sent_us = now.us;
        send_message(x, 0, &m);
}

static void on_report(struct exchange *x, struct exchange_peer *p, const struct exchange_message *m,
                      struct exchange_now now) {
        x->owes |= !p->told;
        p->told = p->heard = true;
        p->last_us = now.us;
        p->report = m->report;
        for (size_t i = 0; i < sizeof m->report.owns; i++)
                if (m->report.owns[i] != 0)
                        p->owned_us = now.us;
        if (m->nonce != 0) {
                p->answers = m->nonce;
                p->answered_us = now.us;
                p->answer = m->report;
        } else {
                struct exchange_message echo = { .type = EXCHANGE_ECHO };

                echo.echo.t1 = m->report.clock_ns;
                echo.echo.t2 = echo.echo.t3 = now.clock_ns;
                echo.echo.correction_ns = now.correction_ns;
                send_message(x, p->id, &echo);
        }
}

/* How far the two clocks are apart. The way there and back is taken from the monotonic clock; where our own
 * clock says otherwise, it was set meanwhile, and the sample is worth nothing. */
static void on_echo(const struct exchange *x, struct exchange_peer *p, const struct exchange_message *m,
                    struct exchange_now now) {
        int64_t went_ns = now.clock_ns - x->sent_ns, stayed_ns = m->echo.t3 - m->echo.t2;
        uint64_t passed_us = now.us - x->sent_us;
        int64_t passed_ns = (int64_t)passed_us * 1000, step_ns = went_ns - passed_ns;

        if (m->echo.t1 != x->sent_ns || passed_us > DELAY_MAX_US || stayed_ns < 0 || stayed_ns > passed_ns ||
            step_ns > STEP_MAX_NS || step_ns < -STEP_MAX_NS)
                return;
        p->offset_s = ((double)(m->echo.t2 - m->echo.t1) + (double)(m->echo.t3 - now.clock_ns)) / 2e9;
        p->system_s = p->offset_s - (double)(m->echo.correction_ns - x->sent_correction_ns) / 1e9;
        p->error_s = (double)(passed_ns - stayed_ns) / 2e9;
        p->compared = true;
        p->compared_us = now.us;
}

static void answer(struct exchange *x, struct exchange_peer *p, const struct exchange_report *own,
                   struct exchange_now now) {
        struct exchange_message m = { .type = EXCHANGE_REPORT, .nonce = p->wants.nonce, .report = *own };

        m.report.clock_ns = now.clock_ns;
        for (size_t c = 0; c < HEALTH_CHECKS; c++)
                m.report.check[c].fresh = p->wants.asked >> c & 1;
        p->wants.nonce = 0;
        send_message(x, p->id, &m);
}

static void on_measure(struct exchange *x, struct exchange_peer *p, const struct exchange_message *m,
                       struct exchange_now now) {
        unsigned can = 0;

        for (unsigned c = 0; c < HEALTH_CHECKS; c++)
                if (x->own.check[c].enabled)
                        can |= 1U << c;
        p->wants.nonce = m->nonce;
        p->wants.asked_us = now.us;
        p->wants.asked = p->wants.missing = m->measure & can;
        if (p->wants.missing == 0)
                answer(x, p, &x->own, now);
        else
                x->ops.measure(x->userdata, p->wants.missing);
}

void exchange_measured(struct exchange *x, enum health_check c, uint64_t started_us,
                       const struct exchange_report *own, struct exchange_now now) {
        x->own = *own;
        for (size_t i = 0; i < x->n; i++) {
                struct exchange_peer *p = &x->peer[i];

                if (p->wants.nonce == 0 || started_us < p->wants.asked_us)
                        continue;
                p->wants.missing &= ~(1U << c);
                if (p->wants.missing == 0)
                        answer(x, p, own, now);
        }
}

static void on_move(struct exchange *x, struct exchange_peer *p, const struct exchange_message *m,
                    uint64_t now_us) {
        struct exchange_message reply = { .type = EXCHANGE_MOVED,
                                          .nonce = m->nonce,
                                          .moved = EXCHANGE_MOVED_NOT_ACTIVE };

        if (x->ops.move)
                reply.moved = x->ops.move(x->userdata, m->move.group, m->move.member, m->move.force, now_us);
        send_message(x, p->id, &reply);
}

void exchange_receive(struct exchange *x, uint64_t src, const uint8_t *body, size_t size,
                      struct exchange_now now) {
        struct exchange_peer *p = peer_of(x, src);
        struct exchange_message m;

        if (!p || !exchange_decode(body, size, &m))
                return;
        switch (m.type) {
        case EXCHANGE_REPORT:
                on_report(x, p, &m, now);
                break;
        case EXCHANGE_ECHO:
                on_echo(x, p, &m, now);
                break;
        case EXCHANGE_MEASURE:
                on_measure(x, p, &m, now);
                break;
        case EXCHANGE_MOVE:
                on_move(x, p, &m, now.us);
                break;
        case EXCHANGE_MOVED:
                if (x->ops.moved)
                        x->ops.moved(x->userdata, m.nonce, m.moved);
                break;
        }
}

uint64_t exchange_ask(struct exchange *x, unsigned checks) {
        struct exchange_message m = { .type = EXCHANGE_MEASURE, .nonce = next_nonce(x), .measure = checks };

        send_message(x, 0, &m);
        return m.nonce;
}

uint64_t exchange_move(struct exchange *x, uint32_t group, uint64_t member, bool force) {
        struct exchange_message m = { .type = EXCHANGE_MOVE, .nonce = next_nonce(x) };

        m.move.group = group;
        m.move.member = member;
        m.move.force = force;
        send_message(x, 0, &m);
        return m.nonce;
}
