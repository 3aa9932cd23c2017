/* Routers on one link on virtual time: traces of elections compared as text, and random schedules. */
#include "vrrp/fsm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define MS(n) ((uint64_t)(n)*1000)
enum { MAX_NODES = 5, MAX_IN_FLIGHT = 256, A = 100000, DELAY = 200 };

struct packet {
        uint64_t at_us;
        unsigned from, to;
        uint8_t prio;
        bool used;
};

struct sim {
        unsigned n;
        uint64_t now_us;
        struct vrrp_fsm node[MAX_NODES];
        bool owns[MAX_NODES];          /* has the address */
        bool cut[MAX_NODES];           /* its packets reach nobody and nothing reaches it */
        uint64_t frozen_us[MAX_NODES]; /* handles nothing before this time; packets wait */
        struct packet flight[MAX_IN_FLIGHT];
        char trace[8192];
        size_t length;
};

static void record(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void record(struct sim *s, const char *fmt, ...) {
        va_list ap;

        if (s->length > sizeof s->trace - 200)
                return;
        va_start(ap, fmt);
        s->length += (size_t)vsnprintf(s->trace + s->length, sizeof s->trace - s->length, fmt, ap);
        va_end(ap);
}

static void transmit(struct sim *s, unsigned from, uint8_t prio) {
        for (unsigned to = 0; to < s->n; to++) {
                struct packet p = { s->now_us + DELAY, from, to, prio, true };
                size_t slot = 0;

                if (to == from || s->cut[from] || s->cut[to])
                        continue;
                while (slot < MAX_IN_FLIGHT && s->flight[slot].used)
                        slot++;
                assert_true(slot < MAX_IN_FLIGHT);
                s->flight[slot] = p;
        }
}

static void feed(struct sim *s, unsigned i, struct vrrp_event ev) {
        enum vrrp_state from = s->node[i].state;
        struct vrrp_actions out;

        ev.now_us = s->now_us;
        vrrp_fsm_step(&s->node[i], &ev, &out);
        for (size_t k = 0; k < out.n; k++) {
                if (out.v[k] == VRRP_ACT_ADVERTISE)
                        transmit(s, i, out.prio[k]);
                else if (out.v[k] != VRRP_ACT_ANNOUNCE)
                        s->owns[i] = out.v[k] == VRRP_ACT_CLAIM;
        }
        assert_int_equal(s->owns[i], s->node[i].state == VRRP_ACTIVE);
        if (from != s->node[i].state)
                record(s, "[%llu.%03llu] %u %s -> %s: %s\n", (unsigned long long)s->now_us / 1000,
                       (unsigned long long)s->now_us % 1000, i, vrrp_state_name(from),
                       vrrp_state_name(s->node[i].state), out.reason);
}

/* As the router does it: queued packets in their order first, then the timer. */
static uint64_t node_due(const struct sim *s, unsigned i, struct packet **ret) {
        uint64_t due = s->node[i].deadline_us;

        *ret = NULL;
        for (size_t k = 0; k < MAX_IN_FLIGHT; k++) {
                const struct packet *p = &s->flight[k];

                if (p->used && p->to == i && (p->at_us <= due || s->frozen_us[i] > due) &&
                    (!*ret || p->at_us < (*ret)->at_us))
                        *ret = (struct packet *)p;
        }
        if (*ret)
                due = (*ret)->at_us;
        return due < s->frozen_us[i] ? s->frozen_us[i] : due;
}

static void handle(struct sim *s, unsigned i, struct packet *p) {
        struct vrrp_event ev = { .type = VRRP_EV_DEADLINE };

        if (p) {
                ev = (struct vrrp_event){ .type = VRRP_EV_ADVERT, .prio = p->prio, .interval_us = A };
                memcpy(ev.src, s->node[p->from].self, sizeof ev.src);
                p->used = false;
        }
        feed(s, i, ev);
}

static void sim_run(struct sim *s, uint64_t until_us) {
        for (;;) {
                struct packet *first = NULL, *p;
                uint64_t at = VRRP_NEVER, due;
                unsigned who = 0;

                for (unsigned i = 0; i < s->n; i++)
                        if ((due = node_due(s, i, &p)) < at) {
                                at = due;
                                who = i;
                                first = p;
                        }
                if (at > until_us)
                        break;
                s->now_us = at;
                handle(s, who, first);
        }
        s->now_us = until_us;
}

static void sim_init(struct sim *s, unsigned n, const uint8_t *priorities, enum vrrp_preempt preempt) {
        *s = (struct sim){ .n = n };
        for (unsigned i = 0; i < n; i++) {
                struct vrrp_fsm_params p = { .priority = priorities[i],
                                             .interval_us = A,
                                             .preempt = preempt };

                p.self[0] = 10;
                p.self[3] = (uint8_t)(i + 1);
                vrrp_fsm_init(&s->node[i], &p);
                feed(s, i, (struct vrrp_event){ .type = VRRP_EV_START });
        }
}

static void sim_expect(struct sim *s, const char *wanted) {
        assert_string_equal(s->trace, wanted);
        s->length = 0;
        s->trace[0] = '\0';
}

static void tell(struct sim *s, unsigned i, enum vrrp_ev type, uint8_t prio) {
        feed(s, i, (struct vrrp_event){ .type = type, .prio = prio });
}

static const uint8_t three[] = { 250, 230, 210 };
#define STARTED                                                                                              \
        "[0.000] 0 initialize -> backup: started\n"                                                          \
        "[0.000] 1 initialize -> backup: started\n"                                                          \
        "[0.000] 2 initialize -> backup: started\n"
#define ELECTED STARTED "[302.343] 0 backup -> active: no advertisement from an active router\n"

static void three_routers_elect_the_highest(void **state) {
        struct sim s;

        (void)state;
        sim_init(&s, 3, three, VRRP_PREEMPT_HEALTH);
        sim_run(&s, MS(5000));
        sim_expect(&s, ELECTED);
}

static void second_takes_over_when_the_active_is_cut(void **state) {
        struct sim s;

        (void)state;
        sim_init(&s, 3, three, VRRP_PREEMPT_HEALTH);
        sim_run(&s, MS(1000)); /* last advertisement heard at 902.343 + 0.2 ms */
        s.cut[0] = true;
        sim_run(&s, MS(3000)); /* + 300 ms + skew of 230 */
        sim_expect(&s, ELECTED "[1212.699] 1 backup -> active: no advertisement from an active router\n");
        s.cut[0] = false; /* both are active: the first advertisement heard decides */
        sim_run(&s, MS(6000));
        sim_expect(&s, "[3002.543] 1 active -> backup: heard a higher priority\n");
}

static void resignation_costs_the_skew_only(void **state) {
        struct sim s;

        (void)state;
        sim_init(&s, 3, three, VRRP_PREEMPT_HEALTH);
        sim_run(&s, MS(1000));
        tell(&s, 0, VRRP_EV_STOP, 0);
        sim_run(&s, MS(3000));
        tell(&s, 0, VRRP_EV_START, 0); /* back again, higher, and equally healthy: nothing moves */
        sim_run(&s, MS(9000));
        sim_expect(&s, ELECTED "[1000.000] 0 active -> initialize: stopped\n"
                               "[1010.356] 1 backup -> active: the active router gave up (priority 0)\n"
                               "[3000.000] 0 initialize -> backup: started\n");
}

static void plain_preemption_returns_to_the_highest(void **state) {
        struct sim s;

        (void)state;
        sim_init(&s, 2, three, VRRP_PREEMPT_ALWAYS);
        tell(&s, 0, VRRP_EV_STOP, 0);
        sim_run(&s, MS(1000));
        tell(&s, 0, VRRP_EV_START, 0);
        sim_run(&s, MS(3000));
        sim_expect(&s, "[0.000] 0 initialize -> backup: started\n"
                       "[0.000] 1 initialize -> backup: started\n"
                       "[0.000] 0 backup -> initialize: stopped\n"
                       "[310.156] 1 backup -> active: no advertisement from an active router\n"
                       "[1000.000] 0 initialize -> backup: started\n"
                       "[1302.343] 0 backup -> active: the active router has a lower priority\n"
                       "[1302.543] 1 active -> backup: heard a higher priority\n");
}

static void degraded_active_is_preempted_by_a_healthy_backup(void **state) {
        struct sim s;

        (void)state;
        sim_init(&s, 3, three, VRRP_PREEMPT_HEALTH);
        sim_run(&s, MS(1000));
        tell(&s, 0, VRRP_EV_PRIORITY, 125);
        sim_run(&s, MS(5000)); /* three intervals and a skew after the last healthy advertisement */
        sim_expect(&s, ELECTED "[1212.699] 1 backup -> active: the active router is of a worse class\n"
                               "[1212.899] 0 active -> backup: heard a higher priority\n");
        tell(&s, 0, VRRP_EV_PRIORITY, 250); /* healthy again: stays where it is */
        sim_run(&s, MS(9000));
        sim_expect(&s, "");
}

static void fault_that_all_share_moves_nothing(void **state) {
        struct sim s;

        (void)state;
        sim_init(&s, 3, three, VRRP_PREEMPT_HEALTH);
        sim_run(&s, MS(1000));
        for (unsigned i = 0; i < 3; i++)
                tell(&s, i, VRRP_EV_PRIORITY, vrrp_priority_of_class(three[i], VRRP_DEGRADED));
        sim_run(&s, MS(9000));
        sim_expect(&s, ELECTED);
}

static void failed_active_gives_up_and_does_not_return(void **state) {
        struct sim s;

        (void)state;
        sim_init(&s, 3, three, VRRP_PREEMPT_HEALTH);
        sim_run(&s, MS(1000));
        tell(&s, 0, VRRP_EV_GIVE_UP, 1);
        sim_run(&s, MS(5000));
        sim_expect(&s, ELECTED "[1000.000] 0 active -> backup: gave up\n"
                               "[1010.356] 1 backup -> active: the active router gave up (priority 0)\n");
}

static void frozen_active_yields_when_it_thaws(void **state) {
        struct sim s;

        (void)state;
        sim_init(&s, 3, three, VRRP_PREEMPT_HEALTH);
        sim_run(&s, MS(1000));
        s.frozen_us[0] = MS(4000);
        sim_run(&s, MS(9000));
        sim_expect(&s,
                   ELECTED "[1212.699] 1 backup -> active: no advertisement from an active router\n"
                           "[4000.000] 0 active -> backup: woke up late, another router had taken over\n");
}

static void frozen_backup_does_not_take_over(void **state) {
        struct sim s;

        (void)state;
        sim_init(&s, 2, three, VRRP_PREEMPT_HEALTH);
        sim_run(&s, MS(1000));
        s.frozen_us[1] = MS(4000);
        sim_run(&s, MS(4000));
        s.trace[0] = '\0';
        s.length = 0;
        sim_run(&s, MS(9000));
        sim_expect(&s, "");
}

static void equal_priorities_tie_by_address(void **state) {
        struct sim s;

        (void)state;
        sim_init(&s, 2, (const uint8_t[]){ 200, 200 }, VRRP_PREEMPT_ALWAYS);
        sim_run(&s, MS(1000)); /* both fire at once */
        sim_expect(&s, "[0.000] 0 initialize -> backup: started\n"
                       "[0.000] 1 initialize -> backup: started\n"
                       "[321.875] 0 backup -> active: no advertisement from an active router\n"
                       "[321.875] 1 backup -> active: no advertisement from an active router\n"
                       "[322.075] 0 active -> backup: heard equal priority from a greater address\n");
}

static unsigned actives(const struct sim *s, unsigned *who) {
        unsigned count = 0;

        for (unsigned i = 0; i < s->n; i++)
                if (s->node[i].state == VRRP_ACTIVE) {
                        *who = i;
                        count++;
                }
        return count;
}

static void disturb(struct sim *s, const uint8_t *prio) {
        unsigned i = (unsigned)rand() % s->n;

        switch (rand() % 6) {
        case 0:
                s->cut[i] = !s->cut[i];
                break;
        case 1:
                s->frozen_us[i] = s->now_us + MS(rand() % 2000);
                break;
        case 2:
                tell(s, i, s->node[i].state == VRRP_INIT ? VRRP_EV_START : VRRP_EV_STOP, 0);
                break;
        case 3:
                tell(s, i, VRRP_EV_GIVE_UP, 1);
                break;
        default:
                tell(s, i, VRRP_EV_PRIORITY, vrrp_priority_of_class(prio[i], (enum vrrp_class)(rand() % 3)));
        }
}

/* Whatever happened: some time after the last disturbance there is exactly one active, and no router is of
 * a better class than it. */
static void random_schedules_settle(void **state) {
        unsigned seed = getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : (unsigned)time(NULL);
        static const uint8_t five[] = { 250, 230, 210, 190, 170 };

        (void)state;
        print_message("SEED=%u\n", seed);
        srand(seed);
        for (int round = 0; round < 300; round++) {
                static struct sim s;
                unsigned owner = 0;

                sim_init(&s, 2 + (unsigned)rand() % 4, five, (enum vrrp_preempt)(round % 3));
                for (int k = 0; k < 20; k++) {
                        sim_run(&s, s.now_us + MS(rand() % 500));
                        disturb(&s, five);
                }
                for (unsigned i = 0; i < s.n; i++) {
                        s.cut[i] = false;
                        tell(&s, i, VRRP_EV_START, 0);
                }
                sim_run(&s, s.now_us + MS(4000));
                assert_int_equal(actives(&s, &owner), 1);
                for (unsigned i = 0; i < s.n && s.node[i].preempt == VRRP_PREEMPT_HEALTH; i++)
                        assert_true(vrrp_class_of_priority(five[i], s.node[i].prio) >=
                                    vrrp_class_of_priority(five[owner], s.node[owner].prio));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(three_routers_elect_the_highest),
                cmocka_unit_test(second_takes_over_when_the_active_is_cut),
                cmocka_unit_test(resignation_costs_the_skew_only),
                cmocka_unit_test(plain_preemption_returns_to_the_highest),
                cmocka_unit_test(degraded_active_is_preempted_by_a_healthy_backup),
                cmocka_unit_test(fault_that_all_share_moves_nothing),
                cmocka_unit_test(failed_active_gives_up_and_does_not_return),
                cmocka_unit_test(frozen_active_yields_when_it_thaws),
                cmocka_unit_test(frozen_backup_does_not_take_over),
                cmocka_unit_test(equal_priorities_tie_by_address),
                cmocka_unit_test(random_schedules_settle),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
