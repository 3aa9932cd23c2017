/* The agent's event loop around one lease: what vrrp/router.c does with events and actions, on virtual time.
 * One thing is handled at a time; a handler may be slow, the loop stuck, the process frozen; after a late
 * wake-up lease rule 14 comes before anything else. */
#include "tests/sim/sim.h"

#include <errno.h>

enum { ANNOUNCEMENTS = 4 };

static uint64_t later(uint64_t a, uint64_t b) {
        return a > b ? a : b;
}

static uint64_t next_timer(const struct sim_host *h) {
        uint64_t at = h->lease.deadline_us;

        if (h->refresh_us < at)
                at = h->refresh_us;
        if (h->announce_us < at)
                at = h->announce_us;
        return sim_true(h, at);
}

static uint64_t wake_latency(struct sim *w) {
        if (w->exact)
                return 0;
        return sim_chance(w, w->trouble.late_wake) ? sim_spread(w, 8000) : sim_below(w, 40);
}

void sim_loop_arm(struct sim *w, unsigned i) {
        struct sim_host *h = &w->host[i];
        uint64_t at, free_us;

        h->wake++;
        if (!h->running || h->acting)
                return;
        h->due_us = next_timer(h);
        if (h->waiting > 0 && h->inbox[h->first].since_us < h->due_us)
                h->due_us = h->inbox[h->first].since_us;
        if (h->suspect)
                h->due_us = w->now_us;
        if (h->due_us == VRRP_NEVER)
                return;
        free_us = later(w->now_us, later(h->busy_us, h->stuck_us));
        at = later(h->due_us, free_us);
        if (at > free_us && sim_chance(w, w->trouble.spurious)) {
                w->count.spurious++;
                at = sim_between(w, free_us, at);
        }
        at = later(at, later(h->frozen_us, h->suspended_us));
        sim_at(w, at + wake_latency(w), SIM_WAKE, i, h->wake, 0);
}

void sim_loop_push(struct sim *w, unsigned i, const struct sim_item *item) {
        struct sim_host *h = &w->host[i];

        if (item->is_packet && h->waiting >= SIM_SOCKET) { /* its buffer is full */
                w->count.lost++;
                sim_packet_free(w, item->packet);
                return;
        }
        if (h->waiting == SIM_INBOX)
                abort();
        h->inbox[(h->first + h->waiting++) % SIM_INBOX] = *item;
        if (h->waiting == 1)
                sim_loop_arm(w, i);
}

void sim_loop_event(struct sim *w, unsigned i, struct vrrp_lease_event ev) {
        struct sim_item item = { .since_us = w->now_us, .ev = ev };

        if (w->host[i].running)
                sim_loop_push(w, i, &item);
}

static void announce(struct sim *w, unsigned i) {
        struct sim_host *h = &w->host[i];
        uint64_t now = sim_local(w, i);

        if (now >= h->lease.guard_us && sim_rule(SIM_RULE_REPEAT)) {
                h->announce_us = VRRP_NEVER;
                return;
        }
        w->count.announcements++;
        sim_look_announcement(w, i);
        h->announce_us = ++h->announced < ANNOUNCEMENTS ? now + w->base.interval_us / 2 : VRRP_NEVER;
}

static void add(struct sim *w, unsigned i) {
        struct sim_host *h = &w->host[i];
        uint64_t now = sim_local(w, i);

        if (now >= h->lease.guard_us && sim_rule(SIM_RULE_ADD_TIME)) {
                w->count.adds_too_late++;
                sim_loop_event(w, i,
                               (struct vrrp_lease_event){ .type = VRRP_LEASE_EV_ADDED, .error = -ETIME });
                return;
        }
        sim_kernel_ask(w, i, SIM_ADD);
        h->refresh_us = now + SIM_LIFETIME_S * SIM_MS(1000) / 3;
}

static void tell_message(struct sim *w, unsigned i, uint64_t dst, const struct vrrp_lease_msg *m) {
        if (!w->story || w->story_level < 2)
                return;
        sim_tell(w, "n%u: %s%s%s%s to n%u, ballot %llu/%llu, k %u, gen %llu", i + 1,
                 m->preempt ? "preempting " : "", m->active ? "active " : "", vrrp_lease_type_name(m->type),
                 m->released_src ? " (released)" : "", dst ? sim_slot(w, dst) + 1 : 0,
                 (unsigned long long)m->ballot.num, (unsigned long long)sim_slot(w, m->ballot.src) + 1, m->k,
                 (unsigned long long)m->gen);
}

static void send_message(struct sim *w, unsigned i, uint64_t dst, const struct vrrp_lease_msg *m) {
        if (m->type == VRRP_LEASE_PREEMPT)
                w->count.preemptions++;
        if (m->type == VRRP_LEASE_NACK)
                w->count.nacks++;
        tell_message(w, i, dst, m);
        sim_session_send(w, i, dst, m);
}

static void perform(struct sim *w, unsigned i) {
        struct sim_host *h = &w->host[i];

        for (size_t k = 0; k < h->acts.n; k++) {
                switch (h->acts.v[k].what) {
                case VRRP_LEASE_SEND:
                        send_message(w, i, h->acts.v[k].dst, &h->acts.v[k].msg);
                        break;
                case VRRP_LEASE_ADD:
                        add(w, i);
                        break;
                case VRRP_LEASE_REMOVE:
                        h->refresh_us = VRRP_NEVER;
                        if (sim_rule(SIM_RULE_REPEAT))
                                h->announce_us = VRRP_NEVER;
                        sim_kernel_ask(w, i, SIM_REMOVE);
                        break;
                case VRRP_LEASE_ANNOUNCE:
                        h->announced = 0;
                        announce(w, i);
                        break;
                case VRRP_LEASE_STORE:
                        sim_members_store(w, i, (unsigned)h->acts.list->gen);
                        break;
                }
        }
        h->acts.n = 0;
        if (h->exiting && h->lease.state == VRRP_LEASE_BACKUP && !h->lease.removing && !h->lease.adding)
                sim_host_exit(w, i);
}

static void count_change(struct sim *w, unsigned i, enum vrrp_lease_state from, bool released) {
        struct sim_host *h = &w->host[i];
        enum vrrp_lease_state to = h->lease.state;

        if (from == to)
                return;
        w->count.candidatures += to == VRRP_LEASE_CANDIDATE;
        w->count.elections += to == VRRP_LEASE_ACTIVE;
        w->count.successions += to == VRRP_LEASE_ACTIVE && released;
        sim_tell(w, "n%u %s -> %s: %s", i + 1, vrrp_lease_state_name(from), vrrp_lease_state_name(to),
                 h->acts.reason ? h->acts.reason : "?");
}

/* What the actions point at must outlive the step: lists of one gen are all alike. */
static void keep_lists(struct sim *w, struct vrrp_lease_actions *a) {
        for (size_t k = 0; k < a->n; k++) {
                if (a->v[k].what == VRRP_LEASE_SEND && a->v[k].msg.list)
                        a->v[k].msg.list = &w->list[a->v[k].msg.list->gen];
                if (a->v[k].what == VRRP_LEASE_STORE)
                        a->list = &w->list[a->list->gen];
        }
}

static void step(struct sim *w, unsigned i, struct vrrp_lease_event ev) {
        struct sim_host *h = &w->host[i];
        enum vrrp_lease_state from = h->lease.state;
        uint64_t gen = h->lease.p.list.gen;
        bool released = h->lease.released_src != 0, asked = false;
        struct vrrp_lease before;

        ev.now_us = sim_local(w, i);
        w->count.events++;
        asked = ev.type == VRRP_LEASE_EV_MESSAGE && ev.msg->type == VRRP_LEASE_PREEMPT &&
                from == VRRP_LEASE_ACTIVE;
        if (asked)
                before = h->lease;
        vrrp_lease_step(&h->lease, &ev, &h->acts);
        keep_lists(w, &h->acts);
        sim_guard_set(w, i, h->lease.guard_us);
        count_change(w, i, from, released);
        if (h->lease.p.list.gen != gen) {
                w->count.list_changes++;
                sim_members_watch(w);
                sim_session_list(w, i);
        }
        if (ev.type == VRRP_LEASE_EV_STOP)
                h->exiting = true;
        if (h->lease.state != VRRP_LEASE_BACKUP && h->lease.lease_us > ev.now_us)
                h->lease_end_us = sim_true(h, h->lease.lease_us);
        if (asked && h->lease.state == VRRP_LEASE_LEAVING)
                sim_look_preemption(w, i, &before, ev.msg);
        if (h->paused)
                sim_look_paused(w, i, ev.type == VRRP_LEASE_EV_MESSAGE ? ev.msg : NULL);
}

void sim_loop_now(struct sim *w, unsigned i, struct vrrp_lease_event ev) {
        step(w, i, ev);
        perform(w, i);
}

static void handle(struct sim *w, unsigned i, struct vrrp_lease_event ev) {
        struct sim_host *h = &w->host[i];
        uint64_t took = 0, a = w->base.interval_us;

        step(w, i, ev);
        if (!w->exact)
                took = sim_below(w, 30);
        if (sim_chance(w, w->trouble.slow_handler)) {
                w->count.slow_handlers++;
                took = sim_chance(w, 500) ? sim_between(w, 2 * a, 4 * a) : sim_spread(w, 2 * a);
        }
        h->busy_us = w->now_us + took;
        if (took > 200) {
                h->acting = true;
                sim_at(w, h->busy_us, SIM_ACT, i, h->life, 0);
                return;
        }
        perform(w, i);
}

static bool pop(struct sim *w, unsigned i, struct sim_item *ret) {
        struct sim_host *h = &w->host[i];

        if (h->waiting == 0)
                return false;
        *ret = h->inbox[h->first];
        h->first = (h->first + 1) % SIM_INBOX;
        h->waiting--;
        return true;
}

static void handle_item(struct sim *w, unsigned i, struct sim_item *item) {
        struct sim_packet p;

        if (!item->is_packet) {
                handle(w, i, item->ev);
                return;
        }
        p = w->packet[item->packet];
        sim_packet_free(w, item->packet);
        if (!sim_session_receive(w, i, &p, false))
                return;
        p.msg.src = p.src;
        handle(w, i, (struct vrrp_lease_event){ .type = VRRP_LEASE_EV_MESSAGE, .msg = &p.msg });
}

/* What was late has been dealt with; what is left is due now. */
static void on_time_again(struct sim *w, unsigned i) {
        struct sim_host *h = &w->host[i];
        uint64_t now = sim_local(w, i);

        for (unsigned k = 0; k < h->waiting; k++)
                h->inbox[(h->first + k) % SIM_INBOX].since_us = w->now_us;
        if (h->refresh_us < now)
                h->refresh_us = now;
        if (h->announce_us < now)
                h->announce_us = now;
}

/* Rule 14: lease check, drain keeping only sequence numbers, compare the kernel's address. */
static void gap(struct sim *w, unsigned i) {
        struct sim_host *h = &w->host[i];
        unsigned n = h->waiting;
        struct sim_item item;

        w->count.gaps++;
        sim_tell(w, "n%u woke up late", i + 1);
        sim_loop_now(w, i, (struct vrrp_lease_event){ .type = VRRP_LEASE_EV_TIMER });
        while (n-- > 0 && h->running && pop(w, i, &item)) {
                if (!item.is_packet) {
                        h->inbox[(h->first + h->waiting++) % SIM_INBOX] =
                                item; /* the kernel's answers stay */
                        continue;
                }
                w->count.discarded++;
                sim_session_receive(w, i, &w->packet[item.packet], true);
                sim_packet_free(w, item.packet);
        }
        if (h->running)
                sim_loop_now(w, i, (struct vrrp_lease_event){ .type = VRRP_LEASE_EV_GAP, .on = h->address });
        on_time_again(w, i);
}

static void timers(struct sim *w, unsigned i) {
        struct sim_host *h = &w->host[i];
        uint64_t now = sim_local(w, i);

        if (now >= h->refresh_us) {
                h->refresh_us = now + SIM_LIFETIME_S * SIM_MS(1000) / 3;
                if (h->lease.holds && now < h->lease.guard_us)
                        sim_kernel_ask(w, i, SIM_REFRESH);
        }
        if (now >= h->announce_us)
                announce(w, i);
        handle(w, i, (struct vrrp_lease_event){ .type = VRRP_LEASE_EV_TIMER });
}

static bool is_late(const struct sim *w, unsigned i) {
        const struct sim_host *h = &w->host[i];
        uint64_t a = w->base.interval_us;

        if (!sim_rule(SIM_RULE_CATCH_UP))
                return false;
        if (w->trouble.late_by_timer)
                return h->lease.deadline_us != VRRP_NEVER && sim_local(w, i) > h->lease.deadline_us + a;
        return w->now_us > h->due_us + a;
}

void sim_loop_wake(struct sim *w, unsigned i) {
        struct sim_host *h = &w->host[i];
        struct sim_item item;

        if (sim_host_frozen(w, i) || h->stuck_us > w->now_us) {
                sim_loop_arm(w, i);
                return;
        }
        if (h->suspect)
                sim_host_begin(w, i);
        else if (is_late(w, i))
                gap(w, i);
        else if (h->waiting > 0 && (w->now_us < next_timer(h) || sim_chance(w, 500)) && pop(w, i, &item))
                handle_item(w, i, &item);
        else
                timers(w, i);
        sim_loop_arm(w, i);
}

void sim_loop_act(struct sim *w, unsigned i) {
        struct sim_host *h = &w->host[i];
        uint64_t free_us = later(h->stuck_us, later(h->frozen_us, h->suspended_us));

        if (free_us > w->now_us || h->suspended_us != 0) {
                sim_at(w, free_us, SIM_ACT, i, h->life, 0);
                return;
        }
        h->acting = false;
        perform(w, i);
        sim_loop_arm(w, i);
}
