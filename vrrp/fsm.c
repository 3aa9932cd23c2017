#include "vrrp/fsm.h"

#include <string.h>

enum { OWNER = 255 };

static const char because_silent[] = "no advertisement from an active router";
static const char because_resigned[] = "the active router gave up (priority 0)";
static const char because_lower[] = "the active router has a lower priority";
static const char because_worse[] = "the active router is of a worse class";

/* Active_Down_Interval: microseconds keep the order of priorities that centiseconds would round away. */
static uint64_t down_interval(const struct vrrp_fsm *f) {
        return 3 * (uint64_t)f->active_interval_us + vrrp_skew_us(f->prio, f->active_interval_us);
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
                .interval_us = p->interval_us,
                .interval_max_us = p->interval_max_us ? p->interval_max_us : VRRP_INTERVAL_MAX_US,
                .preempt = p->preempt,
                .state = VRRP_INIT,
                .active_interval_us = p->interval_us,
                .deadline_us = VRRP_NEVER,
        };
        memcpy(f->self, p->self, sizeof f->self);
}

static void act(struct vrrp_actions *out, enum vrrp_act what, uint8_t prio) {
        out->v[out->n] = what;
        out->prio[out->n++] = prio;
}

static void become_active(struct vrrp_fsm *f, uint64_t now_us, const char *reason, struct vrrp_actions *out) {
        f->state = VRRP_ACTIVE;
        f->deadline_us = now_us + f->interval_us;
        out->reason = reason;
        /* The advertisement first: an old active that hears it drops its addresses before ours answer. */
        act(out, VRRP_ACT_ADVERTISE, f->prio);
        act(out, VRRP_ACT_CLAIM, 0);
}

static void become_backup(struct vrrp_fsm *f, uint64_t now_us, const char *reason, struct vrrp_actions *out) {
        if (f->state == VRRP_ACTIVE)
                act(out, VRRP_ACT_RELEASE, 0);
        f->state = VRRP_BACKUP;
        f->deadline_us = now_us + down_interval(f);
        f->down_reason = because_silent;
        out->reason = reason;
}

static void learn_interval(struct vrrp_fsm *f, uint32_t interval_us) {
        if (interval_us > 0)
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
static bool backup_accepts(const struct vrrp_fsm *f, uint8_t heard) {
        if (heard >= f->prio)
                return true;
        if (f->prio == OWNER)
                return false;
        switch (f->preempt) {
        case VRRP_PREEMPT_NEVER:
                return true;
        case VRRP_PREEMPT_HEALTH:
                return vrrp_class_of_priority(f->prio_configured, heard) <=
                       vrrp_class_of_priority(f->prio_configured, f->prio);
        case VRRP_PREEMPT_ALWAYS:
                break;
        }
        return false;
}

static void backup_advert(struct vrrp_fsm *f, const struct vrrp_event *ev) {
        if (ev->prio == 0) {
                f->deadline_us = ev->now_us + vrrp_skew_us(f->prio, f->active_interval_us);
                f->down_reason = because_resigned;
        } else if (backup_accepts(f, ev->prio)) {
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
        uint64_t before = vrrp_skew_us(f->prio, f->active_interval_us), moved;

        if (!priority_allowed(f, prio))
                return;
        f->prio = prio;
        moved = f->deadline_us + vrrp_skew_us(f->prio, f->active_interval_us);
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
                break;
        }
}

/* Our last advertisement left one interval before the deadline, so a backup may have taken over two
 * intervals (and its skew) after it. */
static bool active_overdue(const struct vrrp_fsm *f, uint64_t now_us) {
        return now_us > f->deadline_us && now_us - f->deadline_us >= 2 * (uint64_t)f->interval_us;
}

static void active_advert(struct vrrp_fsm *f, const struct vrrp_event *ev, struct vrrp_actions *out) {
        bool greater = memcmp(ev->src, f->self, sizeof f->self) > 0;

        if (ev->prio > f->prio || (ev->prio == f->prio && greater)) {
                learn_interval(f, ev->interval_us); /* before the down interval is computed from it */
                become_backup(f, ev->now_us,
                              ev->prio > f->prio ? "heard a higher priority"
                                                 : "heard equal priority from a greater address",
                              out);
        } else if (ev->prio > 0 && active_overdue(f, ev->now_us)) {
                become_backup(f, ev->now_us, "woke up late, another router had taken over", out);
                backup_advert(f, ev);
        } else {
                if (ev->prio == 0)
                        f->deadline_us = ev->now_us + f->interval_us;
                act(out, VRRP_ACT_ADVERTISE, f->prio);
                act(out, VRRP_ACT_ANNOUNCE, 0);
        }
}

static void active_step(struct vrrp_fsm *f, const struct vrrp_event *ev, struct vrrp_actions *out) {
        switch (ev->type) {
        case VRRP_EV_DEADLINE:
                if (ev->now_us < f->deadline_us)
                        break;
                f->deadline_us = ev->now_us + f->interval_us;
                act(out, VRRP_ACT_ADVERTISE, f->prio);
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
                break;
        }
}

void vrrp_fsm_step(struct vrrp_fsm *f, const struct vrrp_event *ev, struct vrrp_actions *out) {
        *out = (struct vrrp_actions){ 0 };
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
