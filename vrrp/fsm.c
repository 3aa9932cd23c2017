#include "vrrp/fsm.h"

#include <string.h>

enum { OWNER = 255, SECOND_US = 1000000, ANSWERS = 16 }; /* ANSWERS: at most, in one interval */

static const char because_silent[] = "no advertisement from an active router";
static const char because_resigned[] = "the active router gave up (priority 0)";
static const char because_lower[] = "the active router has a lower priority";
static const char because_worse[] = "the active router is of a worse class";

/* RFC 3768 section 6.1 takes 256ths of a second, RFC 9568 of the interval. Microseconds keep the order of
 * priorities that centiseconds would round away. */
static uint64_t skew(const struct vrrp_fsm *f) {
        return vrrp_skew_us(f->prio, f->version == 2 ? SECOND_US : f->active_interval_us);
}

/* Active_Down_Interval */
static uint64_t down_interval(const struct vrrp_fsm *f) {
        return 3 * (uint64_t)f->active_interval_us + skew(f);
}

/* A backup misses nothing of an active whose interval is up to three times the bound, so honest routers set
 * differently keep to one owner; a forged 40 s is not waited for. */
static uint32_t interval_bound(uint32_t interval_us) {
        uint32_t bound = interval_us > SECOND_US / 2 ? 2 * interval_us : SECOND_US;

        return bound < VRRP_INTERVAL_MAX_US ? bound : VRRP_INTERVAL_MAX_US;
}

const char *vrrp_state_name(enum vrrp_state s) {
        static const char *const names[] = {
                [VRRP_INIT] = "initialize",
                [VRRP_BACKUP] = "backup",
                [VRRP_ACTIVE] = "active",
        };

        return names[s];
}

void vrrp_fsm_init(struct vrrp_fsm *f, const struct vrrp_fsm_params *p) {
        *f = (struct vrrp_fsm){
                .prio_configured = p->priority,
                .prio = p->priority,
                .version = p->version == 2 ? 2 : 3,
                .interval_us = p->interval_us,
                .interval_max_us = p->interval_max_us ? p->interval_max_us : interval_bound(p->interval_us),
                .preempt = p->preempt,
                .preempt_delay_us = p->preempt_delay_us,
                .state = VRRP_INIT,
                .active_interval_us = p->interval_us,
                .deadline_us = VRRP_NEVER,
                .preempt_at_us = VRRP_NEVER,
        };
        memcpy(f->self, p->self, sizeof f->self);
}

static void act(struct vrrp_actions *out, enum vrrp_act what, uint8_t prio) {
        out->v[out->n] = what;
        out->prio[out->n++] = prio;
}

static void advertise(struct vrrp_fsm *f, uint64_t now_us, struct vrrp_actions *out) {
        f->sent_us = now_us;
        act(out, VRRP_ACT_ADVERTISE, f->prio);
}

static void become_active(struct vrrp_fsm *f, uint64_t now_us, const char *reason, struct vrrp_actions *out) {
        f->state = VRRP_ACTIVE;
        f->deadline_us = now_us + f->interval_us;
        out->reason = reason;
        /* The advertisement first: an old active that hears it drops its addresses before ours answer. */
        advertise(f, now_us, out);
        act(out, VRRP_ACT_CLAIM, 0);
}

static void become_backup(struct vrrp_fsm *f, uint64_t now_us, const char *reason, struct vrrp_actions *out) {
        if (f->state == VRRP_ACTIVE)
                act(out, VRRP_ACT_RELEASE, 0);
        f->state = VRRP_BACKUP;
        f->deadline_us = now_us + down_interval(f);
        f->preempt_at_us = VRRP_NEVER;
        f->down_reason = because_silent;
        out->reason = reason;
}

static void learn_interval(struct vrrp_fsm *f, uint32_t interval_us) {
        if (interval_us > 0 && f->version > 2)
                f->active_interval_us = interval_us < f->interval_max_us ? interval_us : f->interval_max_us;
}

static bool priority_allowed(const struct vrrp_fsm *f, uint8_t prio) {
        return prio > 0 && (prio < OWNER || f->prio_configured == OWNER);
}

static void init_step(struct vrrp_fsm *f, const struct vrrp_event *ev, struct vrrp_actions *out) {
        switch (ev->type) {
        case VRRP_EV_START:
                f->active_interval_us = f->interval_us;
                if (f->prio == OWNER)
                        become_active(f, ev->now_us, "started as the owner of the address", out);
                else
                        become_backup(f, ev->now_us, "started", out);
                break;
        case VRRP_EV_RESUME:
                f->active_interval_us = f->interval_us;
                become_active(f, ev->now_us, "started with the address of another program here", out);
                break;
        case VRRP_EV_PRIORITY:
        case VRRP_EV_GIVE_UP:
                if (priority_allowed(f, ev->prio))
                        f->prio = ev->prio;
                break;
        case VRRP_EV_DEADLINE:
        case VRRP_EV_ADVERT:
        case VRRP_EV_STOP:
                break;
        }
}

/* Preempt_Mode, read in Backup only (6.4.2). An owner preempts whatever the mode. */
static bool would_preempt(const struct vrrp_fsm *f, uint8_t heard) {
        if (heard >= f->prio)
                return false;
        if (f->prio == OWNER)
                return true;
        switch (f->preempt) {
        case VRRP_PREEMPT_NEVER:
                return false;
        case VRRP_PREEMPT_HEALTH:
                return vrrp_class_of_priority(f->prio_configured, heard) >
                       vrrp_class_of_priority(f->prio_configured, f->prio);
        case VRRP_PREEMPT_ALWAYS:
                break;
        }
        return true;
}

/* The delay runs from the first advertisement of a worse active; one that is no worse ends it. */
static bool backup_accepts(struct vrrp_fsm *f, uint8_t heard, uint64_t now_us) {
        if (!would_preempt(f, heard)) {
                f->preempt_at_us = VRRP_NEVER;
                return true;
        }
        if (f->preempt_at_us == VRRP_NEVER)
                f->preempt_at_us = now_us + (f->prio == OWNER ? 0 : f->preempt_delay_us);
        return now_us < f->preempt_at_us;
}

static void backup_advert(struct vrrp_fsm *f, const struct vrrp_event *ev) {
        if (ev->prio == 0) {
                f->deadline_us = ev->now_us + skew(f);
                f->down_reason = because_resigned;
        } else if (backup_accepts(f, ev->prio, ev->now_us)) {
                learn_interval(f, ev->interval_us);
                f->deadline_us = ev->now_us + down_interval(f);
                f->down_reason = because_silent;
        } else {
                /* The timer keeps running: that is how preemption happens. */
                f->down_reason = f->preempt == VRRP_PREEMPT_HEALTH ? because_worse : because_lower;
        }
}

/* The running timer moves by the difference of the skews: what was already waited still counts. */
static void backup_priority(struct vrrp_fsm *f, uint8_t prio, uint64_t now_us) {
        uint64_t before = skew(f), moved;

        if (!priority_allowed(f, prio))
                return;
        f->prio = prio;
        moved = f->deadline_us + skew(f);
        f->deadline_us = moved > now_us + before ? moved - before : now_us;
}

static void backup_step(struct vrrp_fsm *f, const struct vrrp_event *ev, struct vrrp_actions *out) {
        switch (ev->type) {
        case VRRP_EV_DEADLINE:
                if (ev->now_us >= f->deadline_us)
                        become_active(f, ev->now_us, f->down_reason, out);
                break;
        case VRRP_EV_ADVERT:
                backup_advert(f, ev);
                break;
        case VRRP_EV_PRIORITY:
        case VRRP_EV_GIVE_UP:
                backup_priority(f, ev->prio, ev->now_us);
                break;
        case VRRP_EV_STOP:
                f->state = VRRP_INIT;
                f->deadline_us = VRRP_NEVER;
                out->reason = "stopped";
                break;
        case VRRP_EV_START:
        case VRRP_EV_RESUME:
                break;
        }
}

/* Our last advertisement left one interval before the deadline, so a backup may have taken over two
 * intervals (and its skew) after it. */
static bool active_overdue(const struct vrrp_fsm *f, uint64_t now_us) {
        return now_us > f->deadline_us && now_us - f->deadline_us >= 2 * (uint64_t)f->interval_us;
}

static const char *why_yield(const struct vrrp_fsm *f, uint8_t heard) {
        if (heard > f->prio)
                return "heard a higher priority";
        return heard == OWNER ? "another owner of the address (priority 255) has a greater address"
                              : "heard equal priority from a greater address";
}

/* What does not make an Active yield it answers: a lower one hears it and yields at once, switches learn
 * where we are. Not each of a flood: whoever became active in spite of our newest advertisement hears the
 * next. */
static void active_answer(struct vrrp_fsm *f, const struct vrrp_event *ev, struct vrrp_actions *out) {
        if (ev->now_us - f->sent_us >= f->interval_us / ANSWERS && (ev->prio == 0 || f->version > 2)) {
                if (ev->prio == 0)
                        f->deadline_us = ev->now_us + f->interval_us;
                advertise(f, ev->now_us, out);
        }
        act(out, VRRP_ACT_ANNOUNCE, 0);
}

static void active_advert(struct vrrp_fsm *f, const struct vrrp_event *ev, struct vrrp_actions *out) {
        bool greater = memcmp(ev->src, f->self, sizeof f->self) > 0;

        if (ev->prio > f->prio || (ev->prio == f->prio && greater)) {
                learn_interval(f, ev->interval_us); /* before the down interval is computed from it */
                become_backup(f, ev->now_us, why_yield(f, ev->prio), out);
        } else if (ev->prio > 0 && active_overdue(f, ev->now_us)) {
                become_backup(f, ev->now_us, "woke up late, another router had taken over", out);
                backup_advert(f, ev);
        } else {
                active_answer(f, ev, out);
        }
}

static void active_step(struct vrrp_fsm *f, const struct vrrp_event *ev, struct vrrp_actions *out) {
        switch (ev->type) {
        case VRRP_EV_DEADLINE:
                if (ev->now_us < f->deadline_us)
                        break;
                f->deadline_us = ev->now_us + f->interval_us;
                advertise(f, ev->now_us, out);
                break;
        case VRRP_EV_ADVERT:
                active_advert(f, ev, out);
                break;
        case VRRP_EV_PRIORITY:
                if (priority_allowed(f, ev->prio))
                        f->prio = ev->prio;
                break;
        case VRRP_EV_GIVE_UP:
                if (priority_allowed(f, ev->prio))
                        f->prio = ev->prio;
                f->active_interval_us = f->interval_us;
                act(out, VRRP_ACT_ADVERTISE, 0);
                become_backup(f, ev->now_us, "gave up", out);
                break;
        case VRRP_EV_STOP:
                f->state = VRRP_INIT;
                f->deadline_us = VRRP_NEVER;
                out->reason = "stopped";
                act(out, VRRP_ACT_ADVERTISE, 0);
                act(out, VRRP_ACT_RELEASE, 0);
                break;
        case VRRP_EV_START:
        case VRRP_EV_RESUME:
                break;
        }
}

/* RFC 3768 section 7.1: an owner hears nobody. RFC 9568 lets two owners elect one (erratum 8298). */
static bool deaf(const struct vrrp_fsm *f, const struct vrrp_event *ev) {
        return ev->type == VRRP_EV_ADVERT && f->version == 2 && f->prio == OWNER;
}

void vrrp_fsm_step(struct vrrp_fsm *f, const struct vrrp_event *ev, struct vrrp_actions *out) {
        *out = (struct vrrp_actions){ 0 };
        if (deaf(f, ev))
                return;
        switch (f->state) {
        case VRRP_INIT:
                init_step(f, ev, out);
                break;
        case VRRP_BACKUP:
                backup_step(f, ev, out);
                break;
        case VRRP_ACTIVE:
                active_step(f, ev, out);
                break;
        }
}
