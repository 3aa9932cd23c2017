/* Random schedules, by profiles that lean towards one kind of trouble each. */
#include "tests/sim/sim.h"

/* Weights, in the order of enum sim_fate. */
static const struct profile {
        const char *name;
        uint8_t weight[SIM_FATES];
        int32_t max_ppm;
} profiles[] = {
        /*             part 1way heal powr kill stop many frez stck susp rank stby link give grow shrk netw
           trbl fail repl */
        { "mixed", { 4, 4, 8, 4, 4, 4, 1, 5, 5, 2, 6, 2, 2, 4, 4, 4, 4, 3, 2, 2 }, 500 },
        { "split", { 16, 12, 10, 1, 1, 1, 0, 1, 1, 0, 3, 1, 1, 2, 1, 1, 4, 2, 1, 1 }, 500 },
        { "restart", { 2, 2, 5, 10, 8, 6, 6, 1, 1, 4, 2, 0, 1, 2, 1, 1, 3, 2, 1, 4 }, 500 },
        { "members", { 6, 4, 7, 3, 2, 2, 1, 2, 2, 1, 2, 1, 1, 2, 16, 16, 2, 2, 1, 1 }, 500 },
        { "freeze", { 3, 2, 5, 1, 2, 1, 0, 14, 12, 3, 2, 1, 1, 2, 0, 0, 2, 5, 2, 1 }, 500 },
        { "replay", { 3, 3, 5, 4, 4, 3, 2, 1, 1, 1, 3, 1, 1, 4, 1, 1, 3, 1, 1, 20 }, 500 },
        { "clocks", { 8, 8, 8, 2, 1, 1, 0, 3, 2, 0, 2, 1, 1, 3, 1, 1, 4, 3, 1, 1 }, 9500 },
        { "handover", { 1, 2, 4, 1, 1, 5, 0, 1, 1, 0, 16, 4, 2, 14, 1, 1, 4, 5, 3, 1 }, 500 },
        { "lossy", { 3, 3, 4, 2, 1, 2, 0, 2, 2, 0, 3, 1, 1, 4, 2, 2, 16, 6, 2, 1 }, 500 },
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
        unsigned sum = 0, at;

        for (unsigned k = 0; k < SIM_FATES; k++)
                sum += p->weight[k];
        at = (unsigned)sim_below(w, sum);
        for (unsigned k = 0; k < SIM_FATES; k++) {
                if (at < p->weight[k])
                        return (enum sim_fate)k;
                at -= p->weight[k];
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
        if (p->weight[SIM_GROW] > 10)
                s.members = (unsigned)sim_between(w, 1, 4);
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
                w->host[i].priority = (uint8_t)sim_between(w, 1, 254);
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
