#include "agent/enroll_sources.h"
#include <stddef.h>
#include <string.h>

enum { SECOND_US = 1000000, FORGIVE_S = 600 };

static struct enroll_source *find(struct enroll_sources *s, struct vrrp_ip address) {
        for (size_t i = 0; i < s->n; i++)
                if (vrrp_ip_equal(&s->v[i].address, &address))
                        return &s->v[i];
        return NULL;
}

static struct vrrp_ip source_of(struct vrrp_ip address) {
        if (address.family == AF_INET6)
                memset(address.b + 8, 0, 8);
        return address;
}

static bool owes_less(const struct enroll_source *a, const struct enroll_source *b) {
        return a->until_us != b->until_us ? a->until_us < b->until_us : a->seen_us < b->seen_us;
}

/* A place for a new address: a fresh one, or that of whose wait is over first. Who has many addresses could
 * fill the table with waits: then one of them is forgiven rather than a stranger turned away. */
static struct enroll_source *make_room(struct enroll_sources *s) {
        struct enroll_source *least = NULL;

        if (s->n < ENROLL_SOURCES)
                return &s->v[s->n++];
        for (size_t i = 0; i < s->n; i++)
                if (s->v[i].active == 0 && (!least || owes_less(&s->v[i], least)))
                        least = &s->v[i];
        return least;
}

struct enroll_source *enroll_source_enter(struct enroll_sources *s, struct vrrp_ip address, int64_t now_us,
                                          unsigned *ret_hold_s) {
        struct enroll_source *v = find(s, source_of(address));

        if (!v) {
                if (!(v = make_room(s)))
                        return NULL;
                *v = (struct enroll_source){ .address = source_of(address) };
        }
        if (v->active >= ENROLL_PER_SOURCE)
                return NULL;
        if (now_us - v->seen_us > (int64_t)FORGIVE_S * SECOND_US)
                v->wrong = 0;
        v->active++;
        v->seen_us = now_us;
        *ret_hold_s =
                v->until_us > now_us ? (unsigned)((v->until_us - now_us + SECOND_US - 1) / SECOND_US) : 0;
        return v;
}

void enroll_source_leave(struct enroll_sources *s, struct vrrp_ip address, bool wrong, int64_t now_us) {
        struct enroll_source *v = find(s, source_of(address));
        unsigned hold_s;

        if (!v)
                return;
        if (v->active > 0)
                v->active--;
        if (!wrong)
                return;
        hold_s = v->wrong < 6 ? 1u << v->wrong : ENROLL_HOLD_MAX_S;
        v->wrong++;
        v->until_us = now_us + (int64_t)hold_s * SECOND_US;
}

bool enroll_sources_holding(const struct enroll_sources *s, int64_t now_us) {
        for (size_t i = 0; i < s->n; i++)
                if (s->v[i].until_us > now_us)
                        return true;
        return false;
}
