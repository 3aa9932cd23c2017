/* RFC 9568 virtual router as a value: no clock, socket, log or malloc. Version 2 (RFC 3768) differs in three
 * things: its skew is a part of a second whatever the interval, intervals are not learned, and an Active
 * does not answer a lower priority.
 *
 * Beyond the RFC's table (section 6.4): a priority that changes while running, giving up on request
 * (shutdown of the role, not of the router), the preempt rule `health`, which preempts only a priority
 * that tells of a worse class (see vrrp_class_of_priority), a delay before preempting, a bound to what a
 * forged interval can cost, and an Active that was not run for so long that the others have timed out: it
 * has lost the role to whoever it then hears. Times are microseconds on one monotonic clock. */
#ifndef VRRP_FSM_H
#define VRRP_FSM_H

#include "vrrp/class.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef VRRP_NEVER
#define VRRP_NEVER UINT64_MAX
#endif
#define VRRP_INTERVAL_MAX_US 40950000u /* 4095 centiseconds */

enum vrrp_state { VRRP_INIT, VRRP_BACKUP, VRRP_ACTIVE };
enum vrrp_ev {
        VRRP_EV_START,
        VRRP_EV_RESUME, /* as START, but Active at once: this host has the role already, by another program */
        VRRP_EV_DEADLINE, /* now_us has reached deadline_us */
        VRRP_EV_ADVERT,   /* an advertisement that passed every receive check */
        VRRP_EV_PRIORITY, /* prio: the new effective priority; 0, and 255 unless configured, are ignored */
        VRRP_EV_GIVE_UP,  /* as PRIORITY, and an Active resigns by priority 0 and stays as Backup */
        VRRP_EV_STOP,
};
struct vrrp_event {
        enum vrrp_ev type;
        uint64_t now_us;
        uint8_t prio;
        uint32_t interval_us; /* ADVERT: sender's Max Advertise Interval */
        uint8_t src[16]; /* ADVERT: sender's primary address, network order; IPv4 in the first 4, rest 0 */
};
enum vrrp_act {
        VRRP_ACT_ADVERTISE, /* send at out->prio[i] */
        VRRP_ACT_CLAIM,     /* add the addresses and announce them */
        VRRP_ACT_ANNOUNCE,  /* announce them again: neighbours may have learned another owner */
        VRRP_ACT_RELEASE,   /* remove the addresses */
};
enum { VRRP_MAX_ACTIONS = 4 };
struct vrrp_actions {
        size_t n;
        enum vrrp_act v[VRRP_MAX_ACTIONS];
        uint8_t prio[VRRP_MAX_ACTIONS];
        const char *reason; /* static text when the state changed, else NULL */
};
struct vrrp_fsm {
        /* set by vrrp_fsm_init() */
        uint8_t prio_configured, prio;
        uint8_t version;
        uint32_t interval_us, interval_max_us; /* learned intervals are capped to interval_max_us */
        enum vrrp_preempt preempt;
        uint64_t preempt_delay_us;
        uint8_t self[16];
        /* running */
        enum vrrp_state state;
        uint32_t active_interval_us; /* Active_Adver_Interval, learned */
        uint64_t deadline_us;        /* the caller's one timer; VRRP_NEVER: none */
        uint64_t sent_us;            /* Active: our newest advertisement */
        uint64_t preempt_at_us; /* Backup: a worse active is put up with until then; VRRP_NEVER: none heard */
        const char *down_reason; /* Backup: why the Active_Down_Timer would fire; static text */
};
struct vrrp_fsm_params {
        uint8_t priority; /* 1..255; 255: address owner */
        uint8_t version;  /* 2; else 3 */
        uint32_t interval_us;
        uint32_t interval_max_us; /* 0: twice our own, or a second: one forged packet costs four of these */
        enum vrrp_preempt preempt;
        uint64_t preempt_delay_us; /* from when a worse active is first heard; an owner does not wait */
        uint8_t self[16];
};
void vrrp_fsm_init(struct vrrp_fsm *f, const struct vrrp_fsm_params *p);
/* Consume one event. Overwrites *out; the caller performs out->v in order, then re-arms its
 * one timer at f->deadline_us (VRRP_NEVER: none). Cannot fail. */
void vrrp_fsm_step(struct vrrp_fsm *f, const struct vrrp_event *ev, struct vrrp_actions *out);
const char *vrrp_state_name(enum vrrp_state s); /* "initialize", "backup", "active" */

#endif
