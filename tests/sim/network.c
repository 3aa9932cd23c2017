/* Datagrams between members: delayed, lost, doubled, overtaken, cut off, and repeated long after. */
#include "tests/sim/sim.h"

static unsigned take_packet(struct sim *w) {
        for (unsigned n = 0; n < SIM_PACKETS; n++) {
                unsigned at = w->free_packet++ % SIM_PACKETS;

                if (!w->packet[at].used)
                        return at;
        }
        return SIM_PACKETS;
}

void sim_packet_free(struct sim *w, unsigned packet) {
        w->packet[packet].used = false;
}

static void fly(struct sim *w, const struct sim_packet *p, uint64_t at_us, bool again) {
        unsigned at = take_packet(w);

        if (at == SIM_PACKETS) {
                w->count.lost++;
                return;
        }
        w->packet[at] = *p;
        w->packet[at].used = true;
        w->packet[at].again = again;
        sim_at(w, at_us, SIM_ARRIVE, p->to, 0, at);
        if (again)
                return;
        if (at_us < w->arrival_us[p->from][p->to])
                w->count.reordered++;
        else
                w->arrival_us[p->from][p->to] = at_us;
}

void sim_archive(struct sim *w, const struct sim_packet *p) {
        if (!w->net.replaying || p->again)
                return;
        if (w->archived < SIM_ARCHIVE)
                w->archive[w->archived++] = *p;
        else if (sim_chance(w, 100))
                w->archive[sim_below(w, SIM_ARCHIVE)] = *p;
}

static uint64_t delay(struct sim *w) {
        uint64_t us = w->net.delay_us + (w->net.jitter_us > 0 ? sim_below(w, w->net.jitter_us) : 0);

        return sim_chance(w, w->net.tail) ? us + sim_below(w, w->net.tail_us) : us;
}

void sim_send(struct sim *w, unsigned from, unsigned to, const struct sim_packet *p) {
        w->count.messages++;
        if (w->net.told_alone && p->msg.type == VRRP_LEASE_RESIGN && p->msg.succ != p->dst)
                return;
        if (!w->host[from].link || w->net.cut[from][to]) {
                w->count.cut++;
                return;
        }
        if (sim_chance(w, w->net.duplicate)) {
                w->count.duplicates++;
                fly(w, p, w->now_us + delay(w), true);
        }
        if (sim_chance(w, w->net.late)) {
                w->count.late_duplicates++;
                fly(w, p, w->now_us + sim_d(w) + sim_spread(w, 10 * sim_d(w)), true);
        }
        if (sim_chance(w, w->net.loss)) {
                w->count.lost++;
                return;
        }
        fly(w, p, w->now_us + delay(w), false);
}

/* Somebody on the link has listened, and repeats what was genuine once, to whom it was for. */
void sim_replay(struct sim *w) {
        const struct sim_packet *p;

        if (w->archived == 0)
                return;
        p = &w->archive[sim_below(w, w->archived)];
        w->count.replays++;
        if (w->host[p->to].life != p->to_life)
                w->count.replays_to_new++;
        fly(w, p, w->now_us + w->net.delay_us + w->net.jitter_us + sim_below(w, 300), true);
}
