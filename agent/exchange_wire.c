/* The bytes of docs/wire.md, "Health". Numbers are big-endian. */
#include "agent/exchange.h"
#include "pki/util.h"

enum { TEXT_MAX = EXCHANGE_REASON - 1, GROUPS_SIZE = EXCHANGE_GROUPS / 8, CLOCK_BITS = 62 };
enum { FLAG_STANDBY = 1, FLAG_WITNESS = 2, FLAGS = 3 };
enum { CHECK_FRESH = 1, CHECK_FLAGS = 1 };

/* Every access checks the bound; after the first failure nothing is written or all reads give 0, and `bad`
 * stays set. */
struct cursor {
        uint8_t *out;
        const uint8_t *in;
        size_t size, at;
        bool bad;
};

static bool has_room(struct cursor *c, size_t n) {
        if (c->bad || c->size - c->at < n)
                c->bad = true;
        return !c->bad;
}

static void put(struct cursor *c, uint64_t v, size_t n) {
        if (!has_room(c, n))
                return;
        for (size_t i = 0; i < n; i++)
                c->out[c->at + i] = (uint8_t)(v >> 8 * (n - 1 - i));
        c->at += n;
}

static uint64_t take(struct cursor *c, size_t n) {
        uint64_t v = 0;

        if (!has_room(c, n))
                return 0;
        for (size_t i = 0; i < n; i++)
                v = v << 8 | c->in[c->at + i];
        c->at += n;
        return v;
}

/* A value below `end`. */
static unsigned take_below(struct cursor *c, unsigned end) {
        unsigned v = (unsigned)take(c, 1);

        if (v >= end)
                c->bad = true;
        return c->bad ? 0 : v;
}

/* A moment or a difference of moments: so far from the ends that sums do not overflow. */
static int64_t take_ns(struct cursor *c) {
        int64_t v = (int64_t)take(c, 8), end = (int64_t)1 << CLOCK_BITS;

        if (v <= -end || v >= end)
                c->bad = true;
        return c->bad ? 0 : v;
}

static void put_bytes(struct cursor *c, const void *data, size_t n) {
        if (!has_room(c, n))
                return;
        memcpy(c->out + c->at, data, n);
        c->at += n;
}

static void take_bytes(struct cursor *c, void *data, size_t n) {
        if (!has_room(c, n))
                return;
        memcpy(data, c->in + c->at, n);
        c->at += n;
}

static void put_checks(struct cursor *c, const struct exchange_report *r) {
        unsigned n = 0;

        for (size_t i = 0; i < HEALTH_CHECKS; i++)
                n += r->check[i].enabled;
        put(c, n, 1);
        for (size_t i = 0; i < HEALTH_CHECKS; i++) {
                const struct exchange_check *k = &r->check[i];

                if (!k->enabled)
                        continue;
                put(c, i, 1);
                put(c, k->class, 1);
                put(c, k->last, 1);
                put(c, k->fresh ? CHECK_FRESH : 0, 1);
                put(c, k->serial, 4);
                put(c, k->age_ms, 4);
                put(c, k->took_us, 4);
        }
}

static void take_checks(struct cursor *c, struct exchange_report *r) {
        unsigned n = take_below(c, HEALTH_CHECKS + 1), least = 0;

        for (unsigned k = 0; k < n && !c->bad; k++) {
                unsigned i = take_below(c, HEALTH_CHECKS);

                if (i < least) /* each once, in order */
                        c->bad = true;
                least = i + 1;
                r->check[i].enabled = true;
                r->check[i].class = take_below(c, VRRP_FAILED + 1);
                r->check[i].last = take_below(c, HEALTH_OUTCOMES);
                r->check[i].fresh = take_below(c, CHECK_FLAGS + 1) & CHECK_FRESH;
                r->check[i].serial = (uint32_t)take(c, 4);
                r->check[i].age_ms = (uint32_t)take(c, 4);
                r->check[i].took_us = (uint32_t)take(c, 4);
        }
}

static void put_text(struct cursor *c, const char *text) {
        size_t n = strnlen(text, TEXT_MAX);

        put(c, n, 1);
        put_bytes(c, text, n);
}

static void take_text(struct cursor *c, char out[EXCHANGE_REASON]) {
        size_t n = take_below(c, TEXT_MAX + 1);

        take_bytes(c, out, n);
        for (size_t i = 0; i < n; i++)
                if (out[i] < ' ' || out[i] > '~')
                        c->bad = true;
}

static void put_report(struct cursor *c, const struct exchange_report *r) {
        put(c, r->class, 1);
        put(c, r->judged, 1);
        put(c, r->priority, 1);
        put(c, (r->standby ? FLAG_STANDBY : 0) | (r->witness ? FLAG_WITNESS : 0), 1);
        put(c, r->gen, 8);
        put(c, r->sends, 2);
        put(c, r->n_accepts, 1);
        for (size_t i = 0; i < r->n_accepts && i < VRRP_KEYS; i++)
                put(c, r->accepts[i], 2);
        put_bytes(c, r->owns, GROUPS_SIZE);
        put(c, (uint64_t)r->clock_ns, 8);
        put(c, r->clock.verdict, 1);
        put(c, r->clock.distance_us, 4);
        put(c, (uint64_t)r->clock.correction_ns, 8);
        put_checks(c, r);
        put_text(c, r->reason);
}

static void take_report(struct cursor *c, struct exchange_report *r) {
        unsigned flags;

        r->class = take_below(c, VRRP_FAILED + 1);
        r->judged = take_below(c, VRRP_FAILED + 1);
        r->priority = (uint8_t)take(c, 1);
        flags = take_below(c, FLAGS + 1);
        r->standby = flags & FLAG_STANDBY;
        r->witness = flags & FLAG_WITNESS;
        r->gen = take(c, 8);
        r->sends = (uint16_t)take(c, 2);
        r->n_accepts = take_below(c, VRRP_KEYS + 1);
        for (size_t i = 0; i < r->n_accepts; i++)
                r->accepts[i] = (uint16_t)take(c, 2);
        take_bytes(c, r->owns, GROUPS_SIZE);
        r->clock_ns = take_ns(c);
        r->clock.verdict = take_below(c, CLOCK_UNKNOWN + 1);
        r->clock.distance_us = (uint32_t)take(c, 4);
        r->clock.correction_ns = take_ns(c);
        take_checks(c, r);
        take_text(c, r->reason);
}

size_t exchange_encode(const struct exchange_message *m, uint8_t *buf, size_t size) {
        struct cursor c = { .out = buf, .size = size };

        put(&c, EXCHANGE_VERSION, 1);
        put(&c, m->type, 1);
        put(&c, m->nonce, 8);
        switch (m->type) {
        case EXCHANGE_REPORT:
                put_report(&c, &m->report);
                break;
        case EXCHANGE_ECHO:
                put(&c, (uint64_t)m->echo.t1, 8);
                put(&c, (uint64_t)m->echo.t2, 8);
                put(&c, (uint64_t)m->echo.t3, 8);
                put(&c, (uint64_t)m->echo.correction_ns, 8);
                break;
        case EXCHANGE_MEASURE:
                put(&c, m->measure, 1);
                break;
        case EXCHANGE_MOVE:
                put(&c, m->move.group, 4);
                put(&c, m->move.member, 8);
                put(&c, m->move.force, 1);
                break;
        case EXCHANGE_MOVED:
                put(&c, m->moved, 1);
                break;
        }
        return c.bad ? 0 : c.at;
}

/* Questions and their answers have a nonce; a report may be either. */
static bool nonce_fits(const struct exchange_message *m) {
        return m->type == EXCHANGE_REPORT || (m->type == EXCHANGE_ECHO) == (m->nonce == 0);
}

bool exchange_decode(const uint8_t *body, size_t size, struct exchange_message *ret) {
        struct cursor c = { .in = body, .size = size };

        *ret = (struct exchange_message){ .type = 0 };
        if (take(&c, 1) != EXCHANGE_VERSION)
                return false;
        ret->type = (unsigned)take(&c, 1);
        ret->nonce = take(&c, 8);
        switch (ret->type) {
        case EXCHANGE_REPORT:
                take_report(&c, &ret->report);
                break;
        case EXCHANGE_ECHO:
                ret->echo.t1 = take_ns(&c);
                ret->echo.t2 = take_ns(&c);
                ret->echo.t3 = take_ns(&c);
                ret->echo.correction_ns = take_ns(&c);
                break;
        case EXCHANGE_MEASURE:
                ret->measure = take_below(&c, 1U << HEALTH_CHECKS);
                break;
        case EXCHANGE_MOVE:
                ret->move.group = (uint32_t)take(&c, 4);
                ret->move.member = take(&c, 8);
                ret->move.force = take_below(&c, 2);
                break;
        case EXCHANGE_MOVED:
                ret->moved = take_below(&c, EXCHANGE_MOVED_RESULTS);
                break;
        default:
                return false;
        }
        return !c.bad && c.at == size && nonce_fits(ret);
}
