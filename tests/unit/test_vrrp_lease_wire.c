/* Whatever the lease says arrives as it was said: members that elect, resign, preempt and learn lists on
 * virtual time, with every message encoded and decoded on its way. */
#include "vrrp/lease.h"
#include "vrrp/seal.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { MEMBERS = 3, A = 10000, FLIGHTS = 512, LOSS_PERCENT = 5 };

struct flight { /* a message, or the kernel's answer, on its way to one member */
        uint64_t at_us;
        size_t to;
        enum vrrp_lease_ev what;
        enum vrrp_lease_type type;
        uint64_t src;
        uint8_t body[VRRP_SEAL_BODY];
        size_t size;
        struct vrrp_list list;
};
struct world {
        uint64_t now_us, random;
        struct vrrp_lease l[MEMBERS];
        struct flight v[FLIGHTS];
        size_t n;
        unsigned seen[VRRP_LEASE_N_TYPES];
};

static uint64_t draw(struct world *w, uint64_t below) {
        w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (w->random >> 33) % below;
}

static struct flight *take_off(struct world *w, size_t to, enum vrrp_lease_ev what, uint64_t delay_us) {
        struct flight *f = &w->v[w->n++];

        assert_true(w->n <= FLIGHTS);
        *f = (struct flight){ .at_us = w->now_us + delay_us, .to = to, .what = what };
        return f;
}

static bool ballots_equal(const struct vrrp_ballot *a, const struct vrrp_ballot *b) {
        return a->num == b->num && a->src == b->src && a->boot == b->boot && a->count == b->count;
}

static void assert_arrives_as_said(const struct vrrp_lease_msg *said, const struct flight *f) {
        struct vrrp_lease_msg m;
        struct vrrp_list list;

        if (!vrrp_lease_decode(said->type, said->src, f->body, f->size, &list, &m))
                fail_msg("%s is refused", vrrp_lease_type_name(said->type));
        assert_true(m.gen == said->gen && m.k == said->k && m.succ == said->succ);
        assert_true(m.rank.class == said->rank.class && m.rank.priority == said->rank.priority);
        assert_true(m.rank.id == said->rank.id);
        assert_true(m.active == said->active && m.preempt == said->preempt && m.standby == said->standby);
        assert_true(m.released_src == said->released_src && ballots_equal(&m.released, &said->released));
        assert_true(ballots_equal(&m.ballot, &said->ballot));
        assert_true(!m.list == !said->list && (!m.list || vrrp_list_equal(m.list, said->list)));
}

static void send_to(struct world *w, size_t to, const struct vrrp_lease_msg *m) {
        struct flight *f = take_off(w, to, VRRP_LEASE_EV_MESSAGE, 50 + draw(w, 400));

        f->type = m->type;
        f->src = m->src;
        f->size = vrrp_lease_encode(m, f->body, sizeof f->body);
        if (f->size == 0)
                fail_msg("%s cannot be said", vrrp_lease_type_name(m->type));
        assert_arrives_as_said(m, f);
        w->seen[m->type]++;
        if (draw(w, 100) < LOSS_PERCENT)
                w->n--;
}

static void perform(struct world *w, size_t i, const struct vrrp_lease_actions *out) {
        for (size_t k = 0; k < out->n; k++) {
                uint64_t dst = out->v[k].dst;

                switch (out->v[k].what) {
                case VRRP_LEASE_SEND:
                        for (size_t to = 0; to < MEMBERS; to++)
                                if (to != i && (dst == 0 || dst == to + 1))
                                        send_to(w, to, &out->v[k].msg);
                        break;
                case VRRP_LEASE_ADD:
                        take_off(w, i, VRRP_LEASE_EV_ADDED, 100);
                        break;
                case VRRP_LEASE_REMOVE:
                        take_off(w, i, VRRP_LEASE_EV_REMOVED, 200);
                        break;
                case VRRP_LEASE_STORE:
                        take_off(w, i, VRRP_LEASE_EV_LIST, 500)->list = *out->list;
                        break;
                case VRRP_LEASE_ANNOUNCE:
                        break;
                }
        }
}

static void feed(struct world *w, size_t i, struct vrrp_lease_event *ev) {
        struct vrrp_lease_actions out;

        ev->now_us = w->now_us;
        vrrp_lease_step(&w->l[i], ev, &out);
        perform(w, i, &out);
}

static void land(struct world *w, size_t at) {
        struct flight f = w->v[at];
        struct vrrp_lease_event ev = { .type = f.what, .list = &f.list };
        struct vrrp_lease_msg m;
        struct vrrp_list list;

        w->v[at] = w->v[--w->n];
        if (f.what == VRRP_LEASE_EV_MESSAGE) {
                assert_true(vrrp_lease_decode(f.type, f.src, f.body, f.size, &list, &m));
                ev.msg = &m;
        }
        feed(w, f.to, &ev);
}

/* To the next thing that happens, at most to until_us. */
static bool advance(struct world *w, uint64_t until_us) {
        size_t flight = FLIGHTS, member = MEMBERS;
        uint64_t next = until_us;

        for (size_t i = 0; i < w->n; i++)
                if (w->v[i].at_us < next) {
                        next = w->v[i].at_us;
                        flight = i;
                }
        for (size_t i = 0; i < MEMBERS; i++)
                if (w->l[i].deadline_us < next) {
                        next = w->l[i].deadline_us;
                        member = i;
                }
        w->now_us = next > w->now_us ? next : w->now_us;
        if (member < MEMBERS)
                feed(w, member, &(struct vrrp_lease_event){ .type = VRRP_LEASE_EV_TIMER });
        else if (flight < FLIGHTS)
                land(w, flight);
        return member < MEMBERS || flight < FLIGHTS;
}

static struct vrrp_list members(uint64_t gen) {
        struct vrrp_list l = { .gen = gen, .n = MEMBERS };

        for (size_t i = 0; i < MEMBERS; i++) {
                l.v[i].id = i + 1;
                l.v[i].address = vrrp_ip_v4((struct in_addr){ htonl(0x0a000001u + (uint32_t)i) });
                snprintf(l.v[i].name, sizeof l.v[i].name, "host%zu", i + 1);
        }
        return l;
}

static void start(struct world *w) {
        for (size_t i = 0; i < MEMBERS; i++) {
                struct vrrp_lease_params p = { .self = i + 1,
                                               .interval_us = A,
                                               .removal_us = VRRP_LEASE_REMOVAL_US,
                                               .add_us = 1000,
                                               .priority = (uint8_t)(250 - 20 * i),
                                               .preempt = VRRP_PREEMPT_HEALTH,
                                               .seed = draw(w, 1 << 30) + 1,
                                               .list = members(1) };

                assert_int_equal(vrrp_lease_init(&w->l[i], &p), 0);
                feed(w, i,
                     &(struct vrrp_lease_event){ .type = VRRP_LEASE_EV_START, .boot = draw(w, 1u << 30) });
        }
}

/* Something that makes one of them speak. */
static void disturb(struct world *w) {
        struct vrrp_list list = members(w->l[0].p.list.gen + 1);
        struct vrrp_lease_event ev = { .on = draw(w, 2), .list = &list };
        size_t i = draw(w, MEMBERS);

        switch (draw(w, 5)) {
        case 0:
                ev.type = VRRP_LEASE_EV_GIVE_UP;
                ev.succ = draw(w, 2) ? VRRP_LEASE_NOBODY : 0;
                break;
        case 1:
                ev.type = VRRP_LEASE_EV_STANDBY;
                break;
        case 2: /* the others hear of it by NACK */
                ev.type = VRRP_LEASE_EV_LIST;
                i = 0;
                break;
        case 3:
                ev.type = VRRP_LEASE_EV_LINK;
                break;
        default:
                ev.type = VRRP_LEASE_EV_RANK;
                ev.rank = (struct vrrp_rank){ .class = (uint8_t)draw(w, 3) };
        }
        feed(w, i, &ev);
}

static void every_message_arrives_as_it_was_said(void **state) {
        static struct world w;
        uint64_t seed = (uint64_t)time(NULL);

        (void)state;
        print_message("seed %llu\n", (unsigned long long)seed);
        w = (struct world){ .now_us = 1000, .random = seed };
        start(&w);
        for (uint64_t until = 0; until < 400 * UINT64_C(1000000); until += A + draw(&w, 20 * A)) {
                while (advance(&w, until))
                        ;
                disturb(&w);
        }
        for (enum vrrp_lease_type t = VRRP_LEASE_CLAIM; t < VRRP_LEASE_N_TYPES; t++) {
                print_message("%s %u, ", vrrp_lease_type_name(t), w.seen[t]);
                assert_true(w.seen[t] > 0);
        }
        print_message("all as said\n");
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(every_message_arrives_as_it_was_said) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
