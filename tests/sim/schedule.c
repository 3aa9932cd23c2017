/* Random schedules, by profiles that lean towards one kind of trouble each. */
#include "tests/sim/sim.h"

static const uint8_t usual[SIM_FATES] = {
        [SIM_PARTITION] = 3,    [SIM_ONE_WAY] = 3, [SIM_HEAL] = 5,    [SIM_POWER_LOSS] = 2, [SIM_KILL] = 2,
        [SIM_STOP] = 2,         [SIM_FREEZE] = 2,  [SIM_STICK] = 2,   [SIM_SUSPEND] = 1,    [SIM_RANK] = 3,
        [SIM_RESTART_MANY] = 1, [SIM_STANDBY] = 1, [SIM_LINK] = 1,    [SIM_GIVE_UP] = 3,    [SIM_GROW] = 2,
        [SIM_SHRINK] = 2,       [SIM_NETWORK] = 3, [SIM_TROUBLE] = 3, [SIM_FAIL_ADDS] = 1,  [SIM_REPLAYS] = 1,
        [SIM_PAUSE] = 1,
};

static const struct profile {
        const char *name;
        struct {
                uint8_t fate, weight;
        } more[6]; /* than usual; up to the first of weight 0 */
        int32_t max_ppm;
        bool tails;      /* datagrams are late for intervals, hardly any is lost */
        bool slow_disks; /* lists take intervals to the disk */
        uint8_t members; /* at the start, at most; 0: as usual */
} profiles[] = {
        { .name = "mixed", .max_ppm = 500 },
        { .name = "split",
          .more = { { SIM_PARTITION, 24 }, { SIM_ONE_WAY, 18 }, { SIM_HEAL, 15 } },
          .max_ppm = 500 },
        { .name = "restart",
          .more = { { SIM_POWER_LOSS, 12 },
                    { SIM_KILL, 10 },
                    { SIM_STOP, 8 },
                    { SIM_RESTART_MANY, 8 },
                    { SIM_SUSPEND, 5 } },
          .max_ppm = 500 },
        { .name = "members",
          .more = { { SIM_GROW, 25 }, { SIM_SHRINK, 20 }, { SIM_PARTITION, 8 } },
          .max_ppm = 500,
          .members = 4 },
        { .name = "stale",
          .more = { { SIM_GROW, 25 }, { SIM_SHRINK, 8 }, { SIM_PARTITION, 20 }, { SIM_HEAL, 8 } },
          .max_ppm = 500,
          .slow_disks = true,
          .members = 5 },
        { .name = "freeze",
          .more = { { SIM_FREEZE, 18 }, { SIM_STICK, 14 }, { SIM_SUSPEND, 4 }, { SIM_PAUSE, 6 } },
          .max_ppm = 500 },
        { .name = "replay",
          .more = { { SIM_REPLAYS, 25 }, { SIM_GIVE_UP, 6 }, { SIM_POWER_LOSS, 5 }, { SIM_RANK, 6 } },
          .max_ppm = 500 },
        { .name = "clocks",
          .more = { { SIM_PARTITION, 14 }, { SIM_ONE_WAY, 10 }, { SIM_HEAL, 12 } },
          .max_ppm = 9500 },
        { .name = "handover",
          .more = { { SIM_RANK, 20 },
                    { SIM_GIVE_UP, 16 },
                    { SIM_STOP, 6 },
                    { SIM_STANDBY, 5 },
                    { SIM_FAIL_ADDS, 4 } },
          .max_ppm = 500 },
        { .name = "late",
          .more = { { SIM_NETWORK, 6 }, { SIM_PARTITION, 8 }, { SIM_GIVE_UP, 10 }, { SIM_RANK, 8 } },
          .max_ppm = 500,
          .tails = true },
        { .name = "lossy", .more = { { SIM_NETWORK, 16 }, { SIM_TROUBLE, 8 } }, .max_ppm = 500 },
};

enum { PROFILES = sizeof profiles / sizeof profiles[0] };

unsigned sim_profiles(void) {
        return PROFILES;
}

const char *sim_profile_name(unsigned profile) {
        return profiles[profile].name;
}

int sim_profile_find(const char *name) {
        for (unsigned k = 0; k < PROFILES; k++)
                if (strcmp(profiles[k].name, name) == 0)
                        return (int)k;
        return -1;
}

static enum sim_fate choose(struct sim *w, const struct profile *p) {
        uint8_t weight[SIM_FATES];
        unsigned sum = 0, at;

        memcpy(weight, usual, sizeof weight);
        for (unsigned k = 0; k < sizeof p->more / sizeof p->more[0] && p->more[k].weight > 0; k++)
                weight[p->more[k].fate] = p->more[k].weight;
        for (unsigned k = 0; k < SIM_FATES; k++)
                sum += weight[k];
        at = (unsigned)sim_below(w, sum);
        for (unsigned k = 0; k < SIM_FATES; k++) {
                if (at < weight[k])
                        return (enum sim_fate)k;
                at -= weight[k];
        }
        return SIM_HEAL;
}

/* Some machine; oftener than by chance the owner, whose troubles count most. */
static unsigned victim(struct sim *w) {
        unsigned i;

        if (sim_chance(w, 350))
                for (i = 0; i < SIM_NODES; i++)
                        if (w->host[i].address)
                                return i;
        do
                i = (unsigned)sim_below(w, SIM_NODES);
        while (!w->host[i].exists);
        return i;
}

static void set_up(struct sim *w, uint64_t seed, const struct profile *p) {
        static const uint32_t a[] = { 10, 20, 50, 100, 100, 250, 1000 };
        static const unsigned sizes[] = { 3, 3, 3, 5, 3, 2, 1, 7, 3, 5, 2, 1 };
        struct sim_setup s = { .seed = seed, .max_ppm = p->max_ppm };
        uint64_t r_max;

        w->random = seed; /* of this function; sim_init() begins anew */
        s.interval_us = a[sim_below(w, sizeof a / sizeof a[0])] * 1000;
        r_max = (uint64_t)s.interval_us * 94 / 100 - 1000; /* D - e - R >= 2 A */
        if (r_max > 30000)
                r_max = 30000;
        s.removal_us = (uint32_t)sim_between(w, VRRP_LEASE_REMOVAL_US, r_max);
        s.add_us = (uint32_t)sim_between(w, 500, s.removal_us / 2);
        s.members = sizes[sim_below(w, sizeof sizes / sizeof sizes[0])];
        if (p->members > 0)
                s.members = (unsigned)sim_between(w, 1, p->members);
        s.preempt = sim_chance(w, 600)   ? VRRP_PREEMPT_HEALTH
                    : sim_chance(w, 700) ? VRRP_PREEMPT_ALWAYS
                                         : VRRP_PREEMPT_NEVER;
        sim_init(w, &s);
}

static void begin(struct sim *w) {
        unsigned n = (unsigned)w->list[1].n;

        if (sim_chance(w, 200))
                w->base.preempt_delay_us = sim_below(w, 4ULL * w->base.interval_us);
        if (n > 1 && sim_chance(w, 200))
                w->host[sim_below(w, n)].witness = true;
        for (unsigned i = 0; i < n; i++) {
                w->host[i].class = sim_chance(w, 700) ? VRRP_HEALTHY : (uint8_t)sim_below(w, 3);
                w->host[i].priority =
                        (uint8_t)(sim_chance(w, 400) ? sim_between(w, 240, 254) : sim_between(w, 1, 254));
                sim_at(w, w->now_us + sim_spread(w, 4ULL * w->base.interval_us), SIM_BOOT, i, w->host[i].life,
                       0);
        }
        sim_members_first(w, n); /* again: witnesses */
        sim_fate(w, SIM_NETWORK, 0);
        sim_fate(w, SIM_TROUBLE, 0);
}

void sim_schedule(struct sim *w, uint64_t seed, int profile, FILE *story, unsigned level) {
        const struct profile *p = &profiles[profile < 0 ? (unsigned)(seed % PROFILES) : (unsigned)profile];
        unsigned steps;

        set_up(w, seed, p);
        w->story = story;
        w->story_level = level;
        sim_tell(w, "profile %s, %zu members, A %u us, R %u us", p->name, w->list[1].n, w->base.interval_us,
                 w->base.removal_us);
        w->tails = p->tails;
        w->slow_disks = p->slow_disks;
        begin(w);
        sim_run(w, w->now_us + sim_between(w, 1, 8) * w->base.interval_us);
        steps = (unsigned)sim_between(w, 8, 60);
        for (unsigned n = 0; n < steps && !w->stop; n++) {
                sim_fate(w, choose(w, p), victim(w));
                sim_run(w, w->now_us + sim_spread(w, 8ULL * w->base.interval_us));
        }
        if (!w->stop)
                sim_settle(w);
}
