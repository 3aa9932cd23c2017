/* Each row of RFC 9568's table (section 6.4), and each rule of ours beyond it, as one exact step:
 * state after it, deadline, actions in order, reason. */
#include "vrrp/fsm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { A = 100000 }; /* advertisement interval, us */

static const uint8_t self_address[16] = { 10, 0, 0, 5 };
static const uint8_t smaller[16] = { 10, 0, 0, 4 };
static const uint8_t greater[16] = { 10, 0, 1, 1 };

static struct vrrp_fsm made(struct vrrp_fsm_params p) {
        struct vrrp_fsm f;

        memcpy(p.self, self_address, sizeof p.self);
        vrrp_fsm_init(&f, &p);
        return f;
}

static struct vrrp_fsm router(uint8_t priority, enum vrrp_preempt preempt) {
        return made((struct vrrp_fsm_params){ .priority = priority, .interval_us = A, .preempt = preempt });
}

static const char *describe(const struct vrrp_fsm *f, const struct vrrp_actions *out, char *buf,
                            size_t size) {
        static const char *const names[] = { "advertise", "claim", "announce", "release" };
        size_t n = (size_t)snprintf(buf, size, "%s", vrrp_state_name(f->state));

        if (f->deadline_us == VRRP_NEVER)
                n += (size_t)snprintf(buf + n, size - n, " @never");
        else
                n += (size_t)snprintf(buf + n, size - n, " @%llu", (unsigned long long)f->deadline_us);
        for (size_t i = 0; i < out->n; i++) {
                n += (size_t)snprintf(buf + n, size - n, " %s", names[out->v[i]]);
                if (out->v[i] == VRRP_ACT_ADVERTISE)
                        n += (size_t)snprintf(buf + n, size - n, "=%u", out->prio[i]);
        }
        if (out->reason)
                snprintf(buf + n, size - n, " (%s)", out->reason);
        return buf;
}

static void expect(struct vrrp_fsm *f, struct vrrp_event ev, const char *wanted) {
        struct vrrp_actions out = { .n = 77 };
        char got[256];

        vrrp_fsm_step(f, &ev, &out);
        assert_string_equal(describe(f, &out, got, sizeof got), wanted);
}

static struct vrrp_event ev(enum vrrp_ev type, uint64_t now_us) {
        return (struct vrrp_event){ .type = type, .now_us = now_us };
}

static struct vrrp_event ev_prio(enum vrrp_ev type, uint64_t now_us, uint8_t prio) {
        return (struct vrrp_event){ .type = type, .now_us = now_us, .prio = prio };
}

static struct vrrp_event advert(uint64_t now_us, uint8_t prio, uint32_t interval_us, const uint8_t *src) {
        struct vrrp_event e = { VRRP_EV_ADVERT, now_us, prio, interval_us, { 0 } };

        memcpy(e.src, src, sizeof e.src);
        return e;
}

/* Priority 192 has a skew of exactly a quarter interval: 25 ms of 100. */
static struct vrrp_fsm backup(enum vrrp_preempt preempt) {
        struct vrrp_fsm f = router(192, preempt);

        expect(&f, ev(VRRP_EV_START, 1000), "backup @326000 (started)");
        return f;
}

static struct vrrp_fsm active(enum vrrp_preempt preempt) {
        struct vrrp_fsm f = backup(preempt);

        expect(&f, ev(VRRP_EV_DEADLINE, 400000),
               "active @500000 advertise=192 claim (no advertisement from an active router)");
        return f;
}

/* The table of RFC 9568 section 6.4, row by row, each with its guard just met and just not met. The Backup
 * has
 * @326000 and hears at 50000, the Active has @500000 and hears at 450000 (both as made above). */
static const struct row {
        const char *name;
        enum vrrp_state from;
        uint8_t priority;
        enum vrrp_preempt preempt;
        struct vrrp_event ev;
        const char *trace;
} rows[] = {
#define ADVERT_AT(t, p, i, ...)                                                                              \
        {                                                                                                    \
                VRRP_EV_ADVERT, t, p, i, {                                                                   \
                        __VA_ARGS__                                                                          \
                }                                                                                            \
        }
#define SMALLER 10, 0, 0, 4
#define GREATER 10, 0, 1, 1
        { "Initialize, Startup, priority 255",
          VRRP_INIT,
          255,
          VRRP_PREEMPT_ALWAYS,
          { VRRP_EV_START, 0, 0, 0, { 0 } },
          "active @100000 advertise=255 claim (started as the owner of the address)" },
        { "Initialize, Startup, priority < 255",
          VRRP_INIT,
          254,
          VRRP_PREEMPT_ALWAYS,
          { VRRP_EV_START, 0, 0, 0, { 0 } },
          "backup @300781 (started)" },
        { "Initialize, anything else", VRRP_INIT, 192, VRRP_PREEMPT_ALWAYS, ADVERT_AT(0, 255, A, GREATER),
          "initialize @never" },
        { "Backup, Shutdown",
          VRRP_BACKUP,
          192,
          VRRP_PREEMPT_ALWAYS,
          { VRRP_EV_STOP, 50000, 0, 0, { 0 } },
          "initialize @never (stopped)" },
        { "Backup, Active_Down_Timer fires",
          VRRP_BACKUP,
          192,
          VRRP_PREEMPT_ALWAYS,
          { VRRP_EV_DEADLINE, 326000, 0, 0, { 0 } },
          "active @426000 advertise=192 claim (no advertisement from an active router)" },
        { "Backup, Active_Down_Timer has not fired",
          VRRP_BACKUP,
          192,
          VRRP_PREEMPT_ALWAYS,
          { VRRP_EV_DEADLINE, 325999, 0, 0, { 0 } },
          "backup @326000" },
        { "Backup, advert of priority 0", VRRP_BACKUP, 192, VRRP_PREEMPT_ALWAYS,
          ADVERT_AT(50000, 0, 200000, SMALLER), "backup @75000" },
        { "Backup, advert, Preempt_Mode false, lower", VRRP_BACKUP, 192, VRRP_PREEMPT_NEVER,
          ADVERT_AT(50000, 1, 200000, SMALLER), "backup @700000" },
        { "Backup, advert, Preempt_Mode true, equal", VRRP_BACKUP, 192, VRRP_PREEMPT_ALWAYS,
          ADVERT_AT(50000, 192, 200000, SMALLER), "backup @700000" },
        { "Backup, advert, Preempt_Mode true, higher", VRRP_BACKUP, 192, VRRP_PREEMPT_ALWAYS,
          ADVERT_AT(50000, 193, 200000, SMALLER), "backup @700000" },
        { "Backup, advert, Preempt_Mode true, lower", VRRP_BACKUP, 192, VRRP_PREEMPT_ALWAYS,
          ADVERT_AT(50000, 191, 200000, GREATER), "backup @326000" },
        { "Active, Shutdown",
          VRRP_ACTIVE,
          192,
          VRRP_PREEMPT_ALWAYS,
          { VRRP_EV_STOP, 450000, 0, 0, { 0 } },
          "initialize @never advertise=0 release (stopped)" },
        { "Active, Adver_Timer fires",
          VRRP_ACTIVE,
          192,
          VRRP_PREEMPT_ALWAYS,
          { VRRP_EV_DEADLINE, 500000, 0, 0, { 0 } },
          "active @600000 advertise=192" },
        { "Active, Adver_Timer has not fired",
          VRRP_ACTIVE,
          192,
          VRRP_PREEMPT_ALWAYS,
          { VRRP_EV_DEADLINE, 499999, 0, 0, { 0 } },
          "active @500000" },
        { "Active, advert of priority 0", VRRP_ACTIVE, 192, VRRP_PREEMPT_ALWAYS,
          ADVERT_AT(450000, 0, 200000, GREATER), "active @550000 advertise=192 announce" },
        { "Active, advert, higher priority", VRRP_ACTIVE, 192, VRRP_PREEMPT_NEVER,
          ADVERT_AT(450000, 193, 200000, SMALLER), "backup @1100000 release (heard a higher priority)" },
        { "Active, advert, equal priority, greater address", VRRP_ACTIVE, 192, VRRP_PREEMPT_NEVER,
          ADVERT_AT(450000, 192, 200000, GREATER),
          "backup @1100000 release (heard equal priority from a greater address)" },
        { "Active, advert, equal priority, smaller address", VRRP_ACTIVE, 192, VRRP_PREEMPT_ALWAYS,
          ADVERT_AT(450000, 192, 200000, SMALLER), "active @500000 advertise=192 announce" },
        { "Active, advert, lower priority, greater address", VRRP_ACTIVE, 192, VRRP_PREEMPT_ALWAYS,
          ADVERT_AT(450000, 191, 200000, GREATER), "active @500000 advertise=192 announce" },
};

static struct vrrp_fsm in_state(enum vrrp_state s, uint8_t priority, enum vrrp_preempt preempt) {
        if (s == VRRP_INIT)
                return router(priority, preempt);
        return s == VRRP_BACKUP ? backup(preempt) : active(preempt);
}

static void every_row_of_the_table(void **state) {
        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct vrrp_fsm f = in_state(rows[i].from, rows[i].priority, rows[i].preempt);

                print_message("%s\n", rows[i].name);
                expect(&f, rows[i].ev, rows[i].trace);
        }
}

static void init_start_backup(void **state) {
        struct vrrp_fsm f = router(100, VRRP_PREEMPT_ALWAYS);

        (void)state;
        f.active_interval_us = 7; /* learned in an earlier life: forgotten */
        expect(&f, ev(VRRP_EV_START, 0), "backup @360937 (started)");
}

static void init_resumes_as_active(void **state) {
        struct vrrp_fsm f = router(150, VRRP_PREEMPT_NEVER);

        (void)state;
        expect(&f, ev(VRRP_EV_RESUME, 5),
               "active @100005 advertise=150 claim (started with the address of another program here)");
        expect(&f, ev(VRRP_EV_RESUME, 6), "active @100005");
        f = router(150, VRRP_PREEMPT_NEVER);
        expect(&f, ev(VRRP_EV_START, 0), "backup @341406 (started)");
        expect(&f, ev(VRRP_EV_RESUME, 6), "backup @341406");
}

static void init_ignores_the_rest(void **state) {
        struct vrrp_fsm f = router(192, VRRP_PREEMPT_ALWAYS);

        (void)state;
        expect(&f, ev(VRRP_EV_DEADLINE, 10), "initialize @never");
        expect(&f, advert(10, 0, A, greater), "initialize @never");
        expect(&f, advert(10, 250, A, greater), "initialize @never");
        expect(&f, ev(VRRP_EV_STOP, 10), "initialize @never");
        expect(&f, ev_prio(VRRP_EV_GIVE_UP, 10, 1), "initialize @never");
        expect(&f, ev_prio(VRRP_EV_PRIORITY, 10, 128), "initialize @never");
        expect(&f, ev(VRRP_EV_START, 0), "backup @350000 (started)"); /* skew of 128 */
}

static void backup_hears_zero(void **state) {
        struct vrrp_fsm f = backup(VRRP_PREEMPT_NEVER);

        (void)state;
        expect(&f, advert(50000, 0, A, greater), "backup @75000");
        expect(&f, ev(VRRP_EV_DEADLINE, 75000),
               "active @175000 advertise=192 claim (the active router gave up (priority 0))");
}

static void backup_accepts_higher_or_equal(void **state) {
        struct vrrp_fsm f = backup(VRRP_PREEMPT_ALWAYS);

        (void)state;
        expect(&f, advert(50000, 193, A, smaller), "backup @375000");
        expect(&f, advert(60000, 192, A, smaller), "backup @385000");      /* equal: no look at addresses */
        expect(&f, advert(70000, 250, 200000, greater), "backup @720000"); /* learned, skew too */
        expect(&f, advert(80000, 0, A, greater), "backup @130000");        /* skew of the learned interval */
}

static void backup_preempt_always_ignores_lower(void **state) {
        struct vrrp_fsm f = backup(VRRP_PREEMPT_ALWAYS);

        (void)state;
        expect(&f, advert(50000, 191, 500000, greater), "backup @326000"); /* nor its interval */
        expect(&f, ev(VRRP_EV_DEADLINE, 326000),
               "active @426000 advertise=192 claim (the active router has a lower priority)");
}

static void backup_preempt_health_looks_at_the_class(void **state) {
        struct vrrp_fsm f = backup(VRRP_PREEMPT_HEALTH);

        (void)state;
        expect(&f, advert(50000, 130, A, smaller), "backup @375000"); /* lower, healthy */
        expect(&f, advert(60000, 127, A, smaller), "backup @375000"); /* degraded: timer runs */
        expect(&f, ev(VRRP_EV_DEADLINE, 375000),
               "active @475000 advertise=192 claim (the active router is of a worse class)");
        f = backup(VRRP_PREEMPT_HEALTH);
        expect(&f, ev_prio(VRRP_EV_PRIORITY, 1000, 96), "backup @363500"); /* degraded myself */
        expect(&f, advert(60000, 65, A, smaller), "backup @422500");       /* same class */
        expect(&f, advert(70000, 1, A, smaller), "backup @422500");        /* failed: worse */
        expect(&f, ev_prio(VRRP_EV_PRIORITY, 80000, 1), "backup @459609");
        expect(&f, advert(90000, 1, A, smaller), "backup @489609"); /* failed too */
}

static void backup_owner_preempts_in_every_mode(void **state) {
        struct vrrp_fsm f = router(255, VRRP_PREEMPT_NEVER);

        (void)state;
        expect(&f, ev(VRRP_EV_START, 0),
               "active @100000 advertise=255 claim (started as the owner of the address)");
        expect(&f, advert(10, 255, A, greater),
               "backup @300400 release (another owner of the address (priority 255) has a greater address)");
        expect(&f, advert(20, 254, A, greater), "backup @300400");
}

/* RFC 9568 erratum 8298: owners elect one among themselves, so a conflict of owners ends. */
static void owners_settle_by_address(void **state) {
        struct vrrp_fsm f = router(255, VRRP_PREEMPT_ALWAYS);

        (void)state;
        expect(&f, ev(VRRP_EV_START, 0),
               "active @100000 advertise=255 claim (started as the owner of the address)");
        expect(&f, advert(50000, 255, A, smaller), "active @100000 advertise=255 announce");
        expect(&f, advert(50020, 255, A, greater),
               "backup @350410 release (another owner of the address (priority 255) has a greater address)");
        expect(&f, advert(50030, 255, A, greater), "backup @350420"); /* put up with while it lives */
        expect(&f, ev(VRRP_EV_DEADLINE, 350420),
               "active @450420 advertise=255 claim (no advertisement from an active router)");
}

static struct vrrp_fsm version_2(uint8_t priority) {
        return made((struct vrrp_fsm_params){ .priority = priority, .version = 2, .interval_us = 2000000 });
}

/* RFC 3768: skew of 256ths of a second whatever the interval, nothing learned, a lower one is not answered.
 */
static void version_2_rows(void **state) {
        struct vrrp_fsm f = version_2(192);

        (void)state;
        expect(&f, ev(VRRP_EV_START, 0), "backup @6250000 (started)");
        expect(&f, advert(1000000, 193, 500000, smaller), "backup @7250000");
        expect(&f, advert(2000000, 191, 2000000, greater), "backup @7250000");
        expect(&f, ev_prio(VRRP_EV_PRIORITY, 2000000, 128), "backup @7500000");
        expect(&f, ev_prio(VRRP_EV_PRIORITY, 2000000, 192), "backup @7250000");
        expect(&f, advert(2000000, 0, 2000000, greater), "backup @2250000");
        expect(&f, ev(VRRP_EV_DEADLINE, 2250000),
               "active @4250000 advertise=192 claim (the active router gave up (priority 0))");
        expect(&f, advert(3000000, 191, 2000000, greater), "active @4250000 announce");
        expect(&f, advert(3000000, 192, 2000000, smaller), "active @4250000 announce");
        expect(&f, advert(3000000, 0, 2000000, greater), "active @5000000 advertise=192 announce");
        expect(&f, ev(VRRP_EV_DEADLINE, 5000000), "active @7000000 advertise=192");
        expect(&f, advert(5500000, 192, 2000000, greater),
               "backup @11750000 release (heard equal priority from a greater address)");
        f = version_2(255);
        expect(&f, ev(VRRP_EV_START, 0),
               "active @2000000 advertise=255 claim (started as the owner of the address)");
        expect(&f, advert(10, 255, 2000000, greater), "active @2000000"); /* an owner hears nobody */
}

static struct vrrp_fsm delaying(uint8_t priority) {
        return made((struct vrrp_fsm_params){
                .priority = priority, .interval_us = A, .preempt_delay_us = 1000000 });
}

static void preempt_delay_puts_up_with_a_lower_one(void **state) {
        struct vrrp_fsm f = delaying(192);

        (void)state;
        expect(&f, ev(VRRP_EV_START, 0), "backup @325000 (started)");
        expect(&f, advert(100000, 100, A, smaller), "backup @425000"); /* until 1100000 */
        expect(&f, advert(1099999, 100, A, smaller), "backup @1424999");
        expect(&f, advert(1100000, 100, A, smaller), "backup @1424999"); /* on top of the delay */
        expect(&f, advert(1200000, 100, A, smaller), "backup @1424999"); /* it does not begin anew */
        expect(&f, ev(VRRP_EV_DEADLINE, 1424999),
               "active @1524999 advertise=192 claim (the active router has a lower priority)");
}

static void preempt_delay_ends_with_a_higher_one(void **state) {
        struct vrrp_fsm f = delaying(192);

        (void)state;
        expect(&f, ev(VRRP_EV_START, 0), "backup @325000 (started)");
        expect(&f, advert(100000, 100, A, smaller), "backup @425000");
        expect(&f, advert(1000000, 200, A, greater), "backup @1325000");
        expect(&f, advert(1200000, 100, A, smaller), "backup @1525000"); /* again a second */
        expect(&f, advert(2199999, 100, A, smaller), "backup @2524999");
        expect(&f, advert(2200000, 100, A, smaller), "backup @2524999");
}

static void preempt_delay_waits_for_nobody_else(void **state) {
        struct vrrp_fsm f = delaying(192);

        (void)state;
        expect(&f, ev(VRRP_EV_START, 0), "backup @325000 (started)");
        expect(&f, ev(VRRP_EV_DEADLINE, 325000),
               "active @425000 advertise=192 claim (no advertisement from an active router)");
        f = delaying(192); /* nor when a worse one gives up */
        expect(&f, ev(VRRP_EV_START, 0), "backup @325000 (started)");
        expect(&f, advert(100000, 100, A, smaller), "backup @425000");
        expect(&f, advert(200000, 0, A, smaller), "backup @225000");
        f = delaying(255);
        expect(&f, ev(VRRP_EV_START, 0),
               "active @100000 advertise=255 claim (started as the owner of the address)");
        expect(&f, ev_prio(VRRP_EV_GIVE_UP, 10, 255), "backup @300400 advertise=0 release (gave up)");
        expect(&f, advert(100000, 254, A, greater), "backup @300400"); /* an owner does not wait */
}

static void active_tie_break(void **state) {
        struct vrrp_fsm f = active(VRRP_PREEMPT_ALWAYS);

        (void)state;
        expect(&f, advert(450000, 192, A, smaller), "active @500000 advertise=192 announce");
        expect(&f, advert(450000, 192, A, greater),
               "backup @775000 release (heard equal priority from a greater address)");
}

static void active_hears_lower(void **state) {
        struct vrrp_fsm f = active(VRRP_PREEMPT_ALWAYS);

        (void)state;
        expect(&f, advert(450000, 191, 500000, greater), "active @500000 advertise=192 announce");
        expect(&f, ev(VRRP_EV_DEADLINE, 500000), "active @600000 advertise=192"); /* own interval */
}

/* Sixteen answers an interval at most; a flood of priority 0 does not hold back the periodic one either. */
static void active_answers_no_flood(void **state) {
        struct vrrp_fsm f = active(VRRP_PREEMPT_ALWAYS); /* sent at 400000 */

        (void)state;
        expect(&f, advert(406249, 191, A, greater), "active @500000 announce");
        expect(&f, advert(406249, 0, A, greater), "active @500000 announce");
        expect(&f, advert(406250, 191, A, greater), "active @500000 advertise=192 announce");
        expect(&f, advert(406250, 191, A, greater), "active @500000 announce");
        expect(&f, advert(412500, 0, A, greater), "active @512500 advertise=192 announce");
        expect(&f, ev(VRRP_EV_DEADLINE, 512500), "active @612500 advertise=192");
        expect(&f, advert(512501, 191, A, greater), "active @612500 announce");
}

static void active_that_slept_lost_the_role(void **state) {
        struct vrrp_fsm f = active(VRRP_PREEMPT_HEALTH);

        (void)state;
        expect(&f, advert(699999, 191, A, smaller), "active @500000 advertise=192 announce");
        expect(&f, advert(700000, 191, A, smaller),
               "backup @1025000 release (woke up late, another router had taken over)");
        f = active(VRRP_PREEMPT_ALWAYS); /* it will preempt, but after a full down interval */
        expect(&f, advert(900000, 191, A, smaller),
               "backup @1225000 release (woke up late, another router had taken over)");
        expect(&f, ev(VRRP_EV_DEADLINE, 1225000),
               "active @1325000 advertise=192 claim (the active router has a lower priority)");
        f = active(VRRP_PREEMPT_ALWAYS); /* nobody was heard: it goes on */
        expect(&f, ev(VRRP_EV_DEADLINE, 9000000), "active @9100000 advertise=192");
        f = active(VRRP_PREEMPT_ALWAYS); /* a resignation is no owner */
        expect(&f, advert(900000, 0, A, smaller), "active @1000000 advertise=192 announce");
}

static void active_priority_and_give_up(void **state) {
        struct vrrp_fsm f = active(VRRP_PREEMPT_HEALTH);

        (void)state;
        expect(&f, ev_prio(VRRP_EV_PRIORITY, 450000, 96), "active @500000");
        expect(&f, ev(VRRP_EV_DEADLINE, 500000), "active @600000 advertise=96");
        expect(&f, ev_prio(VRRP_EV_GIVE_UP, 510000, 1), "backup @909609 advertise=0 release (gave up)");
        expect(&f, ev(VRRP_EV_DEADLINE, 909609),
               "active @1009609 advertise=1 claim (no advertisement from an active router)");
}

/* What was learned as Backup says nothing about the others once we were Active ourselves. */
static void give_up_forgets_the_learned_interval(void **state) {
        struct vrrp_fsm f = backup(VRRP_PREEMPT_ALWAYS);

        (void)state;
        expect(&f, advert(10000, 250, 200000, greater), "backup @660000");
        expect(&f, ev(VRRP_EV_DEADLINE, 660000),
               "active @760000 advertise=192 claim (no advertisement from an active router)");
        expect(&f, ev_prio(VRRP_EV_GIVE_UP, 700000, 192), "backup @1025000 advertise=0 release (gave up)");
}

static void priorities_that_are_refused(void **state) {
        struct vrrp_fsm f = active(VRRP_PREEMPT_ALWAYS);

        (void)state;
        expect(&f, ev_prio(VRRP_EV_PRIORITY, 450000, 255), "active @500000");
        expect(&f, ev_prio(VRRP_EV_PRIORITY, 450000, 0), "active @500000");
        expect(&f, ev(VRRP_EV_DEADLINE, 500000), "active @600000 advertise=192");
        expect(&f, ev_prio(VRRP_EV_GIVE_UP, 510000, 0), "backup @835000 advertise=0 release (gave up)");
        assert_int_equal(f.prio, 192);
}

static void backup_priority_shifts_the_timer(void **state) {
        struct vrrp_fsm f = backup(VRRP_PREEMPT_ALWAYS); /* @326000 with a skew of 25000 */

        (void)state;
        expect(&f, ev_prio(VRRP_EV_PRIORITY, 200000, 64), "backup @376000");
        expect(&f, ev_prio(VRRP_EV_PRIORITY, 200000, 192), "backup @326000");
        expect(&f, ev_prio(VRRP_EV_GIVE_UP, 200000, 64), "backup @376000");   /* nothing to give up */
        expect(&f, ev_prio(VRRP_EV_PRIORITY, 375000, 192), "backup @375000"); /* not into the past */
        expect(&f, ev_prio(VRRP_EV_PRIORITY, 375000, 255), "backup @375000");
        assert_int_equal(f.prio, 192);
}

static void events_that_do_not_apply(void **state) {
        struct vrrp_fsm f = backup(VRRP_PREEMPT_ALWAYS);

        (void)state;
        expect(&f, ev(VRRP_EV_START, 2000), "backup @326000");
        f = active(VRRP_PREEMPT_ALWAYS);
        expect(&f, ev(VRRP_EV_START, 410000), "active @500000");
}

static void learned_interval_is_capped(void **state) {
        struct vrrp_fsm_params p = { .priority = 192, .interval_us = A, .interval_max_us = 1000000 };
        struct vrrp_fsm f;

        (void)state;
        vrrp_fsm_init(&f, &p);
        expect(&f, ev(VRRP_EV_START, 0), "backup @325000 (started)");
        expect(&f, advert(0, 250, 40950000, greater), "backup @3250000");
        expect(&f, advert(0, 250, 0, greater), "backup @3250000"); /* 0 teaches nothing */
}

/* By default: twice the own, a second at least. What one forged packet can park us for is three of it and a
 * skew. */
static void learned_interval_is_bounded_by_default(void **state) {
        static const struct {
                uint32_t own_us;
                const char *start, *parked;
        } cases[] = {
                { 10000, "backup @32500 (started)", "backup @3250000" },
                { 100000, "backup @325000 (started)", "backup @3250000" },
                { 500000, "backup @1625000 (started)", "backup @3250000" },
                { 1000000, "backup @3250000 (started)", "backup @6500000" },
                { 40950000, "backup @133087500 (started)", "backup @133087500" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct vrrp_fsm_params p = { .priority = 192, .interval_us = cases[i].own_us };
                struct vrrp_fsm f;

                vrrp_fsm_init(&f, &p);
                expect(&f, ev(VRRP_EV_START, 0), cases[i].start);
                expect(&f, advert(0, 250, VRRP_INTERVAL_MAX_US, greater), cases[i].parked);
        }
}

static void skew_needs_microseconds_and_64_bits(void **state) {
        (void)state;
        assert_int_equal(vrrp_skew_us(1, VRRP_INTERVAL_MAX_US), 40790039);
        assert_int_equal(vrrp_skew_us(254, 100000), 781);
        assert_int_equal(vrrp_skew_us(240, 100000), 6250); /* both 0 in centiseconds */
        assert_int_equal(vrrp_skew_us(255, 1000000), 3906);
        assert_int_equal(3000000 + vrrp_skew_us(150, 1000000), 3414062); /* 3414.1 ms */
        assert_int_equal(3 * 200000 + vrrp_skew_us(50, 200000), 760937);
}

static void classes_and_priorities(void **state) {
        (void)state;
        for (unsigned p = 128; p < 255; p++) {
                assert_int_equal(vrrp_priority_of_class((uint8_t)p, VRRP_HEALTHY), p);
                for (int c = VRRP_HEALTHY; c <= VRRP_FAILED; c++)
                        assert_int_equal(vrrp_class_of_priority(
                                                 200, vrrp_priority_of_class((uint8_t)p, (enum vrrp_class)c)),
                                         c);
        }
        assert_int_equal(vrrp_priority_of_class(1, VRRP_DEGRADED), 2);
        assert_int_equal(vrrp_class_of_priority(100, 50), VRRP_HEALTHY);
        assert_int_equal(vrrp_class_of_priority(100, 1), VRRP_FAILED);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_row_of_the_table),
                cmocka_unit_test(init_start_backup),
                cmocka_unit_test(init_resumes_as_active),
                cmocka_unit_test(init_ignores_the_rest),
                cmocka_unit_test(backup_hears_zero),
                cmocka_unit_test(backup_accepts_higher_or_equal),
                cmocka_unit_test(backup_preempt_always_ignores_lower),
                cmocka_unit_test(backup_preempt_health_looks_at_the_class),
                cmocka_unit_test(backup_owner_preempts_in_every_mode),
                cmocka_unit_test(owners_settle_by_address),
                cmocka_unit_test(version_2_rows),
                cmocka_unit_test(preempt_delay_puts_up_with_a_lower_one),
                cmocka_unit_test(preempt_delay_ends_with_a_higher_one),
                cmocka_unit_test(preempt_delay_waits_for_nobody_else),
                cmocka_unit_test(active_tie_break),
                cmocka_unit_test(active_hears_lower),
                cmocka_unit_test(active_answers_no_flood),
                cmocka_unit_test(active_that_slept_lost_the_role),
                cmocka_unit_test(active_priority_and_give_up),
                cmocka_unit_test(give_up_forgets_the_learned_interval),
                cmocka_unit_test(priorities_that_are_refused),
                cmocka_unit_test(backup_priority_shifts_the_timer),
                cmocka_unit_test(events_that_do_not_apply),
                cmocka_unit_test(learned_interval_is_capped),
                cmocka_unit_test(learned_interval_is_bounded_by_default),
                cmocka_unit_test(skew_needs_microseconds_and_64_bits),
                cmocka_unit_test(classes_and_priorities),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
