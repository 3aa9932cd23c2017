/* What may happen to members, links and machines. */
#include "tests/sim/sim.h"

static uint64_t intervals(struct sim *w, uint64_t n) {
        return n * w->base.interval_us;
}

static void cut_all(struct sim *w, bool on) {
        for (unsigned a = 0; a < SIM_NODES; a++)
                for (unsigned b = 0; b < SIM_NODES; b++)
                        w->net.cut[a][b] = on && a != b;
}

static void partition(struct sim *w, unsigned i) {
        uint64_t side = sim_random(w);

        (void)i;
        w->count.partitions++;
        sim_tell(w, "partition %03llx", (unsigned long long)side & 0xfff);
        for (unsigned a = 0; a < SIM_NODES; a++)
                for (unsigned b = 0; b < SIM_NODES; b++)
                        w->net.cut[a][b] = (side >> a & 1) != (side >> b & 1);
}

/* One link, or all that one node hears, or all that is heard of it. */
static void one_way(struct sim *w, unsigned i) {
        unsigned kind = (unsigned)sim_below(w, 3), other = (unsigned)sim_below(w, SIM_NODES);

        w->count.one_way++;
        sim_tell(w, "n%u %s", i + 1, kind == 0 ? "is not heard" : kind == 1 ? "is deaf" : "loses a link");
        for (unsigned k = 0; k < SIM_NODES; k++) {
                if (k == i || (kind == 2 && k != other))
                        continue;
                if (kind == 0)
                        w->net.cut[i][k] = true;
                else
                        w->net.cut[k][i] = true;
        }
}

static void heal(struct sim *w, unsigned i) {
        (void)i;
        w->count.heals++;
        sim_tell(w, "all links heal");
        cut_all(w, false);
}

static uint64_t back(struct sim *w) {
        return w->now_us +
               (sim_chance(w, 500) ? sim_spread(w, intervals(w, 2)) : sim_spread(w, intervals(w, 12)));
}

static void power_loss(struct sim *w, unsigned i) {
        sim_host_power_loss(w, i, back(w));
}

static void kill_agent(struct sim *w, unsigned i) {
        sim_host_kill(w, i, back(w));
}

static void stop(struct sim *w, unsigned i) {
        sim_host_stop(w, i, back(w));
}

static void restart_many(struct sim *w, unsigned i) {
        (void)i;
        for (unsigned k = 0; k < SIM_NODES; k++)
                if (w->host[k].running && sim_chance(w, 600))
                        sim_chance(w, 500) ? sim_host_power_loss(w, k, back(w))
                                           : sim_host_kill(w, k, back(w));
}

static uint64_t pause_us(struct sim *w) {
        if (sim_chance(w, 60))
                return SIM_LIFETIME_S * SIM_MS(1000) + sim_below(w, SIM_MS(1000));
        return sim_between(w, w->base.interval_us / 4, intervals(w, sim_chance(w, 500) ? 4 : 10));
}

static void freeze(struct sim *w, unsigned i) {
        sim_host_freeze(w, i, pause_us(w));
}

static void stick(struct sim *w, unsigned i) {
        sim_host_stick(w, i, pause_us(w));
}

static void suspend(struct sim *w, unsigned i) {
        sim_host_suspend(w, i, pause_us(w));
}

static void pause_unnoticed(struct sim *w, unsigned i) {
        sim_host_pause(w, i, pause_us(w));
}

static void rank(struct sim *w, unsigned i) {
        uint8_t class = (uint8_t)sim_below(w, 3), priority = w->host[i].priority;

        if (sim_chance(w, 200))
                priority = (uint8_t)sim_between(w, 1, 254);
        sim_host_rank(w, i, class, priority);
}

static void standby(struct sim *w, unsigned i) {
        sim_host_standby(w, i, !w->host[i].standby);
}

static void link(struct sim *w, unsigned i) {
        sim_host_link(w, i, !w->host[i].link);
}

static void give_up(struct sim *w, unsigned i) {
        unsigned k = (unsigned)sim_below(w, SIM_NODES);
        uint64_t succ = sim_chance(w, 400) ? 0 : w->host[k].exists ? w->host[k].id : VRRP_LEASE_NOBODY;

        if (!w->host[i].running || w->host[i].lease.state != VRRP_LEASE_ACTIVE)
                return;
        w->count.give_ups++;
        sim_tell(w, "n%u is told to give up", i + 1);
        sim_loop_event(w, i,
                       (struct vrrp_lease_event){
                               .type = VRRP_LEASE_EV_GIVE_UP, .succ = succ, .reason = "asked to" });
}

static void grow(struct sim *w, unsigned i) {
        (void)i;
        sim_members_grow(w);
}

static void shrink(struct sim *w, unsigned i) {
        sim_members_shrink(w, i);
}

static void network(struct sim *w, unsigned i) {
        static const unsigned loss[] = { 0, 0, 10, 50, 200, 400 };

        (void)i;
        w->net.delay_us = (uint32_t)sim_between(w, 30, 300);
        w->net.jitter_us = sim_chance(w, 400) ? (uint32_t)sim_spread(w, w->base.interval_us / 2) : 100;
        w->net.tail = sim_chance(w, 400) ? (unsigned)sim_below(w, 100) : 0;
        w->net.tail_us = (uint32_t)sim_between(w, w->base.interval_us / 2, intervals(w, 6));
        w->net.duplicate = sim_chance(w, 300) ? 50 : 5;
        w->net.late = sim_chance(w, 300) ? 30 : 3;
        w->net.loss = loss[0];
        if (w->tails) {
                w->net.tail = (unsigned)sim_between(w, 100, 400);
                w->net.tail_us = (uint32_t)intervals(w, sim_between(w, 2, 8));
                return;
        }
        w->net.loss = loss[sim_below(w, sizeof loss / sizeof loss[0])];
}

static void trouble(struct sim *w, unsigned i) {
        (void)i;
        w->trouble.slow_handler = sim_chance(w, 300) ? (unsigned)sim_below(w, 100) : 2;
        w->trouble.slow_kernel = sim_chance(w, 500) ? 500 : 50;
        w->trouble.slow_disk = w->slow_disks ? 900 : 300;
        w->trouble.spurious = sim_chance(w, 200) ? 300 : 10;
        w->trouble.late_wake = sim_chance(w, 300) ? 100 : 5;
        w->trouble.late_by_timer = sim_chance(w, 500);
}

static void fail_adds(struct sim *w, unsigned i) {
        w->host[i].failing_adds = (unsigned)sim_between(w, 1, 2);
}

static void replays(struct sim *w, unsigned i) {
        uint64_t span = intervals(w, 4);

        (void)i;
        w->net.replaying = true;
        for (unsigned n = 0; n < 25; n++)
                sim_at(w, w->now_us + sim_below(w, span), SIM_REPLAY, 0, 0, 0);
}

/* In the order of enum sim_fate. */
static void (*const fates[SIM_FATES])(struct sim *, unsigned) = {
        partition, one_way, heal,    power_loss, kill_agent, stop,    restart_many,
        freeze,    stick,   suspend, rank,       standby,    link,    give_up,
        grow,      shrink,  network, trouble,    fail_adds,  replays, pause_unnoticed,
};

void sim_fate(struct sim *w, enum sim_fate what, unsigned i) {
        fates[what](w, i);
}

void sim_heal(struct sim *w) {
        cut_all(w, false);
}
