/* The majority lease (docs/lease.md) of one group as a value: no clock, socket, log or malloc.
 *
 * A member may hold the address only while a majority of the members has acknowledged its claims; who
 * acknowledges promises to acknowledge nobody else for D = 3 A; the address is gone before the lease ends.
 * Two leases at once never exist, whatever is lost, late, repeated, cut or restarted, as long as the
 * members' clocks run at rates within 2 % and nobody who has the key lies.
 *
 * Times are microseconds of one CLOCK_MONOTONIC_RAW; each event's now_us was read for it: for a message
 * after it was received, for what sends claims right before they are sent.
 * What this module relies on: vrrp/session.h (rule 2) lets no replay, duplicate or reordering through;
 * the guard thread (rule 13) removes the address at guard_us whatever happens; at start the caller
 * has removed the address from the interface. */
#ifndef VRRP_LEASE_H
#define VRRP_LEASE_H

#include "vrrp/class.h"
#include "vrrp/ip.h"
#include "vrrp/list.h"

#ifndef VRRP_NEVER
#define VRRP_NEVER UINT64_MAX
#endif

enum {
        VRRP_LEASE_SENT = 64,         /* claims whose acknowledgement still counts: more than fit in D */
        VRRP_LEASE_ACTIONS = 8,       /* of one event */
        VRRP_LEASE_REMOVAL_US = 5000, /* R, at least */
};

struct vrrp_rank {     /* order of nodes: class, then priority (higher first), then id (higher first) */
        uint8_t class; /* enum vrrp_class */
        uint8_t priority;
        uint64_t id;
};
struct vrrp_ballot { /* names one candidature; num 0: none */
        uint64_t num, src, boot;
        uint32_t count; /* counts the candidatures of one boot */
};

enum vrrp_lease_type {
        VRRP_LEASE_CLAIM = 1, /* the Candidate's and the Active's advertisement */
        VRRP_LEASE_ACK,       /* promise to the claim's ballot for D */
        VRRP_LEASE_PROBE,     /* could I win? changes nothing at the receiver */
        VRRP_LEASE_YES,
        VRRP_LEASE_RESIGN,  /* the ballot is over, its address gone; names a successor or none */
        VRRP_LEASE_PREEMPT, /* a majority would follow me, who am better: give up naming me */
        VRRP_LEASE_NACK,    /* your list is old, here is mine */
        VRRP_LEASE_N_TYPES,
};
struct vrrp_lease_msg {
        enum vrrp_lease_type type;
        uint64_t src;              /* the sender's member id; the session vouches for it */
        uint64_t gen;              /* of the sender's list */
        struct vrrp_rank rank;     /* the sender's; its id is src */
        bool standby;              /* the sender never stands: it is on standby or a witness */
        struct vrrp_ballot ballot; /* CLAIM, ACK, RESIGN: whose; PREEMPT, PROBE with preempt: the Active's */
        uint32_t k;    /* CLAIM: number within the ballot; ACK: repeated; PROBE, YES: number of the probe */
        bool active;   /* CLAIM: the sender has the address (or is adding it) */
        bool preempt;  /* PROBE, YES */
        uint64_t succ; /* RESIGN: the named successor, 0: none */
        uint64_t released_src; /* CLAIM: the ballot that was resigned in the sender's favour; 0: none */
        struct vrrp_ballot released;
        const struct vrrp_list *list; /* NACK; sent: the lease's own, received: valid during the step */
};

enum vrrp_lease_state {
        VRRP_LEASE_BACKUP,
        VRRP_LEASE_CANDIDATE,
        VRRP_LEASE_ACTIVE,
        VRRP_LEASE_LEAVING, /* gave up; waits for the kernel's answer that the address is gone (rule 10) */
};
enum vrrp_lease_ev {
        VRRP_LEASE_EV_START,   /* the address is not on the interface (rule 3). Again after a suspend, with a
                                  new boot (rule 1): removes the address, forgets all but standby, link, stop */
        VRRP_LEASE_EV_TIMER,   /* deadline_us was reached, or guard_us, or nothing of that: always harmless */
        VRRP_LEASE_EV_MESSAGE, /* msg: authentic, in its session, addressed to us */
        VRRP_LEASE_EV_ADDED,   /* the kernel answered the ADD: error 0 or negative errno, or it was not tried
                                  because guard_us had passed: any error */
        VRRP_LEASE_EV_REMOVED, /* the kernel answered the REMOVE: the address is gone, and the ADD before it,
                                  if one was pending, is answered or will not be */
        VRRP_LEASE_EV_RANK,    /* class and priority of this node changed */
        VRRP_LEASE_EV_GIVE_UP, /* as Active: resign, naming succ (0: the best that is known;
                                  VRRP_LEASE_NOBODY). Else nothing */
        VRRP_LEASE_EV_STANDBY, /* on: give up and never stand; still votes */
        VRRP_LEASE_EV_LINK, /* on: the interface is usable (as it is taken to be from init on); off: give up
                               at once, do not stand */
        VRRP_LEASE_EV_LIST, /* list, which is on disk by now; adopted when its gen is higher (rule 12) */
        VRRP_LEASE_EV_GAP,  /* woke up more than A late, and the queued input was discarded (rule 14); comes
                               before any other event; on: the address is on the interface now */
        VRRP_LEASE_EV_STOP, /* shutdown: give up, then never stand, never vote again */
};
#define VRRP_LEASE_NOBODY UINT64_MAX
struct vrrp_lease_event {
        enum vrrp_lease_ev type;
        uint64_t now_us;
        uint64_t boot;                    /* START */
        const struct vrrp_lease_msg *msg; /* MESSAGE */
        const struct vrrp_list *list;     /* LIST */
        int error;                        /* ADDED */
        struct vrrp_rank rank;            /* RANK; id is ignored, priority 0: unchanged */
        uint64_t succ;                    /* GIVE_UP */
        bool on;                          /* STANDBY, LINK, GAP */
        const char *reason;               /* GIVE_UP, STANDBY, LINK, STOP, RANK: static text or NULL */
};

enum vrrp_lease_act {
        VRRP_LEASE_SEND,     /* msg to dst (0: every listed member but us) */
        VRRP_LEASE_ADD,      /* add the address, if now < guard_us; ADDED answers */
        VRRP_LEASE_REMOVE,   /* remove it whatever its state, also where an add is pending; REMOVED answers,
                                once; there is no second REMOVE before the answer */
        VRRP_LEASE_ANNOUNCE, /* the address is there: announce now and again, each time only before guard_us
                                (rule 15) */
        VRRP_LEASE_STORE,    /* copy out->list, write it to disk, then feed LIST; done off the loop: takes any
                                time */
};
struct vrrp_lease_actions { /* to be performed in order; then re-arm at deadline_us and set the guard to
                               guard_us */
        size_t n;
        struct {
                enum vrrp_lease_act what;
                uint64_t dst;
                struct vrrp_lease_msg msg; /* SEND; src, gen, rank, standby are filled in */
        } v[VRRP_LEASE_ACTIONS];
        const struct vrrp_list *list; /* STORE: valid as long as the event's message */
        const char *reason;           /* static text when the state changed, else NULL */
};

struct vrrp_lease_params {
        uint64_t self;        /* member id, in the list unless this node is still to be added to it */
        uint32_t interval_us; /* A; 10 ms .. 40.95 s */
        uint32_t removal_us;  /* R; at least VRRP_LEASE_REMOVAL_US */
        uint32_t add_us;      /* budget for an add, at most A: less than this before lease - R nobody becomes
                                 Active */
        uint8_t priority, class;
        enum vrrp_preempt preempt; /* whom a Backup asks to give up: worse class (health), also lower priority
                                      in the same class (always), nobody (never) */
        uint64_t preempt_delay_us; /* on top of the 5 A that a better rank must hold */
        bool witness;              /* votes, never stands */
        uint64_t seed;             /* of the random waits (rule 6) */
        struct vrrp_list list;     /* newest on disk */
};

struct vrrp_lease_peer {                     /* by position in the list */
        uint64_t last_us, gen, gen_since_us; /* last message; its list's gen, and since when it tells so */
        struct vrrp_rank rank;
        uint64_t nack_us; /* when the last NACK left for it, 0: never */
        uint64_t ack_us;  /* sent[k] of its newest acknowledgement of our ballot, 0: none */
        uint32_t probe;   /* newest probe it said YES to */
        bool heard, standby;
};

struct vrrp_lease {
        struct vrrp_lease_params p; /* p.list is the adopted list */
        uint64_t d_us, e_us;        /* D, e */
        uint64_t random;            /* state of the generator */

        enum vrrp_lease_state state;
        uint64_t boot, maxnum;
        uint32_t count;
        struct vrrp_rank rank;
        struct vrrp_ballot ballot;         /* own candidature */
        uint32_t k;                        /* newest claim */
        uint32_t probe, probe_first;       /* newest probe, first one of its kind in a row */
        uint64_t sent_us[VRRP_LEASE_SENT]; /* of claim k at k % VRRP_LEASE_SENT */
        uint64_t lease_us;                 /* end of the lease, 0: none */
        struct vrrp_ballot released;       /* resigned in our favour; all claims of the ballot say so */
        uint64_t released_src;
        uint64_t stood_us, send_us, next_probe_us; /* candidature since, next claim, next probe */
        bool probe_preempt;
        uint64_t storing_gen, storing_us; /* newest list that STORE asked for, and when */

        struct { /* whom we acknowledged; src 0: nobody */
                uint64_t src;
                struct vrrp_ballot ballot;
                uint64_t until_us;
        } promise;
        uint64_t down_us, silent_us;
        uint64_t better_since_us; /* Backup that outranks the Active, VRRP_NEVER: does not */
        uint64_t active_id;       /* whose ACTIVE claims we hear, 0: nobody's */
        uint64_t active_us;       /* the last of them */
        struct vrrp_ballot active_ballot;
        struct vrrp_rank active_rank;
        uint64_t succ; /* LEAVING: to be named */

        bool started, stopping, standby, link;
        bool adding, holds, removing; /* ADD not answered; the kernel has it; REMOVE not answered */
        struct vrrp_lease_peer peers[VRRP_LIST_MEMBERS];
        struct vrrp_lease_counters {
                uint64_t elections, acks, refused_acks, probes, resigns, preempts, nacks, expired,
                        list_changes;
        } counters;

        /* for the caller, after each step */
        uint64_t deadline_us; /* the one timer; VRRP_NEVER: none */
        uint64_t guard_us; /* while the address is or may be on the interface: lease - R, 0 without a lease;
                              else VRRP_NEVER */
};

/* -EINVAL: self is 0, priority is 0, vrrp_list_check() refuses the list, the interval or R is out of range,
 * D - e - R < 2 A, or add_us > A. */
int vrrp_lease_init(struct vrrp_lease *l, const struct vrrp_lease_params *p);
/* Consume one event; overwrites *out (of v the first n). Cannot fail. */
void vrrp_lease_step(struct vrrp_lease *l, const struct vrrp_lease_event *ev, struct vrrp_lease_actions *out);
bool vrrp_rank_better(const struct vrrp_rank *a, const struct vrrp_rank *b); /* strictly */
unsigned vrrp_lease_majority(const struct vrrp_list *list);
const char *vrrp_lease_state_name(enum vrrp_lease_state s); /* "backup", "candidate", "active", "leaving" */
const char *vrrp_lease_type_name(enum vrrp_lease_type t);   /* "CLAIM" */

#endif
