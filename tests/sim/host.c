/* Machines and the agent's process on them: start, stop, and everything that kills or stops either. */
#include "tests/sim/sim.h"

/* Of a clock: oftener than by chance as wrong as it may be. */
static int64_t rate(struct sim *w) {
        uint64_t kind = sim_below(w, 4);

        if (kind < 2)
                return kind == 0 ? w->max_ppm : -w->max_ppm;
        return (int64_t)sim_below(w, 2 * (uint64_t)w->max_ppm + 1) - w->max_ppm;
}

void sim_host_create(struct sim *w, unsigned i, uint64_t id) {
        struct sim_host *h = &w->host[i];
        unsigned life = h->life;

        memset(h, 0, sizeof *h);
        h->life = h->born = life + 1;
        h->exists = h->powered = h->link = true;
        h->id = id;
        h->priority = (uint8_t)(250 - 20 * i);
        h->refresh_us = h->announce_us = h->guard_us = h->back_us = VRRP_NEVER;
        h->offset_us = 1000000;
        if (w->exact)
                return;
        h->offset_us = (int64_t)sim_between(w, 1000000, 1000000000000);
        h->ppm = rate(w);
}

static void forget_inbox(struct sim *w, unsigned i) {
        struct sim_host *h = &w->host[i];

        for (; h->waiting > 0; h->waiting--, h->first = (h->first + 1) % SIM_INBOX)
                if (h->inbox[h->first].is_packet)
                        sim_packet_free(w, h->inbox[h->first].packet);
}

static void end_process(struct sim *w, unsigned i) {
        struct sim_host *h = &w->host[i];

        forget_inbox(w, i);
        h->running = h->acting = h->exiting = h->suspect = h->paused = h->unnoticed = false;
        h->life++;
        h->wake++;
        h->guard_wake++;
        h->frozen_us = h->stuck_us = h->busy_us = 0;
        h->storing = 0;
        h->refresh_us = h->announce_us = h->guard_us = VRRP_NEVER;
}

/* A new boot: after the start of the process, or after the machine was suspended (rule 1). */
void sim_host_begin(struct sim *w, unsigned i) {
        struct sim_host *h = &w->host[i];

        if (h->suspect)
                h->thawed_us = w->now_us; /* the address goes now */
        h->suspect = false;
        h->announce_us = h->refresh_us = VRRP_NEVER;
        if (!sim_rule(SIM_RULE_BOOT))
                h->boot = h->id;
        else
                h->boot = w->exact ? h->id * 1000 + h->life : sim_random(w);
        sim_session_open(w, i);
        sim_loop_now(w, i, (struct vrrp_lease_event){ .type = VRRP_LEASE_EV_START, .boot = h->boot });
        if (h->running && !h->link)
                sim_loop_now(w, i, (struct vrrp_lease_event){ .type = VRRP_LEASE_EV_LINK, .on = false });
        if (h->running && h->standby)
                sim_loop_now(w, i, (struct vrrp_lease_event){ .type = VRRP_LEASE_EV_STANDBY, .on = true });
}

void sim_host_boot(struct sim *w, unsigned i) {
        struct sim_host *h = &w->host[i];
        struct vrrp_lease_params p = w->base;

        if (h->running || !h->exists)
                return;
        if (h->powered && h->suspended_us != 0) {
                sim_at(w, h->suspended_us + w->base.removal_us, SIM_BOOT, i, h->life, 0);
                return;
        }
        if (h->powered && h->kernel_us > w->now_us) { /* the process before is still in a system call */
                sim_at(w, h->kernel_us + 1, SIM_BOOT, i, h->life, 0);
                return;
        }
        if (!h->powered) { /* another clock */
                h->powered = true;
                h->born = h->life;
                h->suspended_us = 0;
                h->kernel_us = 0;
                if (!w->exact) {
                        h->offset_us = (int64_t)sim_between(w, 1000000, 1000000000000);
                        h->ppm = rate(w);
                }
        }
        sim_kernel_drop(w, i);
        h->life++; /* answers to whoever cleaned up before are not for it */
        h->running = true;
        p.self = h->id;
        p.priority = h->priority;
        p.class = h->class;
        p.witness = h->witness;
        p.seed = w->exact ? i + 1 : sim_random(w);
        p.list = w->list[h->disk_gen];
        if (vrrp_lease_init(&h->lease, &p) < 0)
                abort(); /* the schedule's fault */
        w->count.restarts++;
        sim_tell(w, "n%u starts", i + 1);
        sim_host_begin(w, i);
        sim_loop_arm(w, i);
}

void sim_host_power_loss(struct sim *w, unsigned i, uint64_t back_us) {
        struct sim_host *h = &w->host[i];

        if (!h->powered)
                return;
        w->count.power_losses++;
        sim_tell(w, "n%u loses its power", i + 1);
        end_process(w, i);
        sim_kernel_drop(w, i);
        h->lifetime++;
        h->powered = false;
        h->suspended_us = 0;
        if (back_us != VRRP_NEVER)
                sim_at(w, back_us, SIM_BOOT, i, h->life, 0);
}

void sim_host_kill(struct sim *w, unsigned i, uint64_t back_us) {
        struct sim_host *h = &w->host[i];

        if (!h->running || h->suspended_us != 0)
                return;
        w->count.kills++;
        sim_tell(w, "n%u: the agent is killed", i + 1);
        end_process(w, i);
        sim_at(w, w->now_us + sim_between(w, 12000, 20000), SIM_FLUSH, i, h->life, 0); /* ExecStopPost */
        if (back_us != VRRP_NEVER)
                sim_at(w, back_us + 20000, SIM_BOOT, i, h->life, 0);
}

void sim_host_stop(struct sim *w, unsigned i, uint64_t back_us) {
        struct sim_host *h = &w->host[i];

        if (!h->running || h->exiting)
                return;
        w->count.stops++;
        sim_tell(w, "n%u: SIGTERM", i + 1);
        h->back_us = back_us;
        sim_loop_event(w, i, (struct vrrp_lease_event){ .type = VRRP_LEASE_EV_STOP, .reason = "stopped" });
}

void sim_host_exit(struct sim *w, unsigned i) {
        struct sim_host *h = &w->host[i];

        sim_tell(w, "n%u ends", i + 1);
        end_process(w, i);
        if (h->back_us != VRRP_NEVER)
                sim_at(w, h->back_us > w->now_us ? h->back_us : w->now_us, SIM_BOOT, i, h->life, 0);
        h->back_us = VRRP_NEVER;
}

void sim_host_freeze(struct sim *w, unsigned i, uint64_t us) {
        struct sim_host *h = &w->host[i];

        if (!h->running)
                return;
        w->count.freezes++;
        if (h->address)
                w->count.frozen_actives++;
        sim_tell(w, "n%u: SIGSTOP for %llu us", i + 1, (unsigned long long)us);
        if (w->now_us + us > h->frozen_us)
                h->frozen_us = w->now_us + us;
        sim_at(w, h->frozen_us, SIM_THAW, i, h->life, 0);
}

static void wake_guard(struct sim *w, unsigned i) {
        uint64_t until_us = w->host[i].guard_us;

        w->host[i].guard_us = VRRP_NEVER;
        sim_guard_set(w, i, until_us);
}

void sim_host_thaw(struct sim *w, unsigned i) {
        struct sim_host *h = &w->host[i];

        if (h->frozen_us > w->now_us)
                return;
        h->thawed_us = w->now_us;
        sim_tell(w, "n%u: SIGCONT", i + 1);
        wake_guard(w, i);
        sim_loop_arm(w, i);
        sim_at(w, w->now_us + 2 * w->base.removal_us, SIM_LOOK, i, 0, 0);
}

void sim_host_stick(struct sim *w, unsigned i, uint64_t us) {
        struct sim_host *h = &w->host[i];

        if (!h->running)
                return;
        w->count.stuck++;
        sim_tell(w, "n%u: the loop is stuck for %llu us", i + 1, (unsigned long long)us);
        if (w->now_us + us > h->stuck_us)
                h->stuck_us = w->now_us + us;
        if (!h->acting)
                sim_loop_arm(w, i);
}

void sim_host_suspend(struct sim *w, unsigned i, uint64_t us) {
        struct sim_host *h = &w->host[i];

        if (!h->powered || h->suspended_us != 0 || h->frozen_us > w->now_us)
                return;
        w->count.suspends++;
        sim_tell(w, "n%u is suspended for %llu us", i + 1, (unsigned long long)us);
        h->slept_us = w->now_us;
        h->suspended_us = w->now_us + us;
        sim_at(w, h->suspended_us, SIM_RESUME, i, h->born, 0);
}

void sim_host_pause(struct sim *w, unsigned i, uint64_t us) {
        struct sim_host *h = &w->host[i];

        if (!h->running || sim_host_frozen(w, i))
                return;
        w->count.pauses++;
        w->count.suspends--;
        h->unnoticed = true;
        sim_host_suspend(w, i, us);
}

void sim_host_resume(struct sim *w, unsigned i) {
        struct sim_host *h = &w->host[i];
        int64_t t = (int64_t)w->now_us, showed;

        showed = (int64_t)sim_local(w, i);
        h->suspended_us = 0;
        h->offset_us = showed - t - t * h->ppm / 1000000;
        sim_kernel_slept(w, i, w->now_us - h->slept_us);
        h->thawed_us = w->now_us;
        sim_tell(w, "n%u resumes", i + 1);
        wake_guard(w, i);
        if (!h->running)
                return;
        h->suspect = !h->unnoticed;
        h->paused = h->unnoticed && h->lease.state != VRRP_LEASE_BACKUP;
        h->unnoticed = false;
        if (!h->acting)
                sim_loop_arm(w, i);
}

void sim_host_rank(struct sim *w, unsigned i, uint8_t class, uint8_t priority) {
        struct sim_host *h = &w->host[i];

        if (h->class == class && h->priority == priority)
                return;
        w->count.class_changes++;
        h->class = class;
        h->priority = priority;
        sim_tell(w, "n%u: class %u, priority %u", i + 1, class, priority);
        sim_loop_event(w, i,
                       (struct vrrp_lease_event){ .type = VRRP_LEASE_EV_RANK,
                                                  .rank = { .class = class, .priority = priority },
                                                  .reason = "the class changed" });
}

void sim_host_standby(struct sim *w, unsigned i, bool on) {
        struct sim_host *h = &w->host[i];

        if (h->standby == on)
                return;
        w->count.standbys++;
        h->standby = on;
        sim_tell(w, "n%u: standby %s", i + 1, on ? "on" : "off");
        sim_loop_event(
                w, i,
                (struct vrrp_lease_event){ .type = VRRP_LEASE_EV_STANDBY, .on = on, .reason = "standby" });
}

void sim_host_link(struct sim *w, unsigned i, bool on) {
        struct sim_host *h = &w->host[i];

        if (h->link == on)
                return;
        w->count.links++;
        h->link = on;
        sim_tell(w, "n%u: link %s", i + 1, on ? "up" : "down");
        sim_loop_event(
                w, i,
                (struct vrrp_lease_event){ .type = VRRP_LEASE_EV_LINK, .on = on, .reason = "link down" });
}

bool sim_host_frozen(const struct sim *w, unsigned i) {
        const struct sim_host *h = &w->host[i];

        return h->frozen_us > w->now_us || h->suspended_us != 0;
}
