/* Members of one group on virtual time: the very modules that the agent links (vrrp/lease.h, vrrp/session.h)
 * under everything around them as it may go wrong: clocks, network, kernel, event loop, guard thread, disks,
 * operators, and whoever repeats old datagrams. One struct sim is one schedule, made from one seed.
 *
 * "True time" is that of the struct, in microseconds; each machine reads it through its own clock
 * (sim_local). No thread, clock, socket or heap: a seed gives the same story each time. */
#ifndef SIM_H
#define SIM_H

#include "vrrp/lease.h"
#include "vrrp/session.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIM_MS(n) ((uint64_t)(n)*1000)

enum {
        SIM_NODES = 12,                 /* machines that ever exist in one schedule */
        SIM_MEMBERS = 7,                /* members at once, at most */
        SIM_GENS = 40,                  /* lists that are ever published */
        SIM_PACKETS = 2048,             /* in flight and queued */
        SIM_SOCKET = 160,               /* datagrams that a host keeps queued */
        SIM_INBOX = 256,                /* these, and everything else */
        SIM_EVENTS = 8192,              /* of the future */
        SIM_ARCHIVE = 96,               /* old datagrams that somebody may repeat */
        SIM_LIFETIME_S = 2,             /* V */
        SIM_LIFETIME_SLACK_US = 350000, /* later than V by so much the kernel removes the address */
};

/* What is counted and printed; none may be zero over a run of random schedules. */
#define SIM_COUNTERS(X)                                                                                      \
        X(events, "events handled by members")                                                               \
        X(messages, "datagrams sent")                                                                        \
        X(elections, "elections won")                                                                        \
        X(candidatures, "candidatures")                                                                      \
        X(lost, "datagrams lost")                                                                            \
        X(cut, "datagrams lost to cuts")                                                                     \
        X(duplicates, "datagrams duplicated")                                                                \
        X(late_duplicates, "late duplicates (after more than D)")                                            \
        X(reordered, "datagrams that overtook others")                                                       \
        X(replays, "old datagrams repeated")                                                                 \
        X(replays_to_new, "of these, at a receiver that had restarted meanwhile")                            \
        X(stale_dropped, "datagrams that did not count (sequence, session)")                                 \
        X(challenges, "sessions proven")                                                                     \
        X(partitions, "partitions")                                                                          \
        X(one_way, "one-way cuts")                                                                           \
        X(heals, "heals")                                                                                    \
        X(power_losses, "power losses")                                                                      \
        X(kills, "agents killed")                                                                            \
        X(stops, "agents stopped (SIGTERM)")                                                                 \
        X(restarts, "restarts")                                                                              \
        X(freezes, "freezes of the process")                                                                 \
        X(frozen_actives, "of these, of the owner")                                                          \
        X(stuck, "event loops stuck")                                                                        \
        X(suspends, "suspends")                                                                              \
        X(gaps, "late wake-ups")                                                                             \
        X(discarded, "datagrams discarded after late wake-ups")                                              \
        X(slow_handlers, "slow handlers")                                                                    \
        X(slow_kernels, "slow answers of the kernel")                                                        \
        X(adds, "addresses added")                                                                           \
        X(add_errors, "adds that failed")                                                                    \
        X(adds_too_late, "adds not tried, the lease was over")                                               \
        X(removes, "addresses removed")                                                                      \
        X(guard, "addresses removed by the guard")                                                           \
        X(expired, "addresses removed by the kernel's lifetime")                                             \
        X(spurious, "timers for nothing")                                                                    \
        X(class_changes, "changes of class or priority")                                                     \
        X(standbys, "standby on and off")                                                                    \
        X(links, "links off and on")                                                                         \
        X(give_ups, "orders to give up")                                                                     \
        X(successions, "elections of a named successor")                                                     \
        X(preemptions, "requests to give up to a better node")                                               \
        X(grown, "members added")                                                                            \
        X(shrunk, "members removed")                                                                         \
        X(list_changes, "lists adopted by members")                                                          \
        X(nacks, "lists sent to members that had an old one")                                                \
        X(slow_disks, "lists slow to disk")                                                                  \
        X(announcements, "announcements")                                                                    \
        X(pauses, "clocks stopped unnoticed (outside of the claims)")                                        \
        X(handovers, "hand-overs in quiet, told to the successor alone")                                     \
        X(owners_removed, "owners removed from the list in quiet")                                           \
        X(overlaps, "times that two had the address while a holder was frozen")                              \
        X(settled, "quiet times that had to bring an owner")                                                 \
        X(settled_class, "of these, that had to bring the best class")

struct sim_counters {
#define X(name, text) uint64_t name;
        SIM_COUNTERS(X)
#undef X
};

enum sim_claim { SIM_S1, SIM_S2, SIM_L, SIM_CLAIMS };

struct sim_packet {
        bool used, again; /* again: repeated by somebody */
        uint8_t from, to;
        enum vrrp_session_kind kind;
        uint64_t src, dst, boot, seq, nonce; /* boot: the sender's */
        unsigned to_life;                    /* incarnation of the receiver when it was sent */
        struct vrrp_lease_msg msg;
};

/* What waits for a host's loop: a datagram, or an event of the lease. */
struct sim_item {
        bool is_packet;
        unsigned packet;
        uint64_t since_us; /* true time */
        struct vrrp_lease_event ev;
};

struct sim_host {
        bool exists, powered, running; /* the machine, its power, the agent's process */
        uint64_t id;
        unsigned life; /* incarnation of the process; what belongs to an older one is void */
        unsigned born; /* life when the machine was switched on */
        int64_t offset_us, ppm;

        /* the agent */
        struct vrrp_lease lease;
        struct vrrp_session session[SIM_NODES];
        uint64_t session_id[SIM_NODES], boot;
        bool exiting;
        uint64_t back_us; /* when it is started again after it has stopped; VRRP_NEVER: not */
        struct sim_item inbox[SIM_INBOX];
        unsigned first, waiting;
        struct vrrp_lease_actions acts; /* to be performed at the end of a slow handler */
        bool acting;
        uint64_t busy_us, stuck_us; /* true time until which the loop handles nothing */
        uint64_t due_us;            /* true time since which the loop has had something to do */
        unsigned wake, guard_wake;  /* newest ones; older ones are void */
        uint64_t refresh_us, announce_us, guard_us; /* local time */
        unsigned announced;
        unsigned storing; /* gen */

        /* the machine */
        uint64_t frozen_us, thawed_us; /* SIGSTOP: the process and its guard; true time */
        uint64_t suspended_us,
                slept_us; /* the machine, its clock too, until it resumes (0: it runs); since when */
        bool suspect;     /* resumed, and has not noticed yet */
        bool unnoticed;   /* nor will it: a pause by the hypervisor */
        bool paused;      /* its lease ran on while its clock stood still */
        bool address;
        uint64_t expires_us, kernel_us; /* true time: of the address; when the kernel is free again */
        unsigned lifetime;              /* newest expiry event */
        unsigned disk_gen;
        unsigned failing_adds;
        uint64_t lease_end_us; /* true time: of the newest lease; for the bound of S2 */
        bool overlapped;

        /* what the operator and the health checks say */
        uint8_t class, priority;
        bool standby, link, witness;
};

struct sim_event {
        uint64_t at_us, order;
        uint8_t what, node;
        unsigned stamp, arg;
        int error;
};

struct sim_network {
        bool cut[SIM_NODES][SIM_NODES]; /* from, to */
        uint32_t delay_us, jitter_us, tail_us;
        unsigned loss, tail, duplicate, late; /* permille */
        bool replaying;
        bool told_alone; /* resignations reach only whom they name */
};

struct sim_trouble { /* of hosts; permille where nothing else is said */
        unsigned slow_handler, slow_kernel, slow_disk, spurious, late_wake;
        bool late_by_timer; /* a late wake-up is seen by the timer alone, not by what waits */
};

struct sim {
        uint64_t random, now_us;
        struct vrrp_lease_params base; /* interval, R, preempt, ... of all */
        int32_t max_ppm;
        bool tails, slow_disks; /* what this schedule leans to */
        struct sim_host host[SIM_NODES];
        unsigned n_addresses;
        struct vrrp_list list[SIM_GENS]; /* by gen; list[0] is none */
        unsigned gen;                    /* newest that is published */
        uint64_t stored_us; /* since when a majority of the list before has stored it; 0: not yet */
        struct sim_network net;
        struct sim_trouble trouble;

        unsigned free_packet, archived, n_events;
        uint64_t order;
        uint64_t arrival_us[SIM_NODES][SIM_NODES]; /* latest so far of each link */

        struct sim_counters count;
        unsigned violations[SIM_CLAIMS];
        bool stop; /* at the first violation */
        uint64_t ownerless_us, longest_us,
                quiet_us;           /* in quiet: since when nobody owns, longest, since when */
        bool quiet, half_connected; /* the latter: somebody hears some of the quorum, and not all */
        FILE *story;                /* NULL: not told */
        unsigned story_level;       /* 1: states, addresses, faults; 2: also messages */
        bool exact;                 /* nothing is random but what the schedule says: for stories */

        struct sim_packet packet[SIM_PACKETS],
                archive[SIM_ARCHIVE]; /* from here on not cleared at the start */
        struct sim_event heap[SIM_EVENTS];
};

/* random.c: splitmix64 */
uint64_t sim_random(struct sim *w);
uint64_t sim_below(struct sim *w, uint64_t n);                    /* n > 0 */
uint64_t sim_between(struct sim *w, uint64_t low, uint64_t high); /* both included */
bool sim_chance(struct sim *w, unsigned permille);
uint64_t sim_spread(struct sim *w, uint64_t max); /* 1..max, each order of magnitude alike */

/* clock.c */
uint64_t sim_local(const struct sim *w, unsigned i);
uint64_t sim_local_at(const struct sim_host *h, uint64_t true_us);
uint64_t sim_true(const struct sim_host *h, uint64_t local_us); /* first at which the clock shows local_us */

/* queue.c */
enum sim_what {
        SIM_ARRIVE, /* arg: packet */
        SIM_WAKE,
        SIM_ACT,
        SIM_GUARD,
        SIM_KERNEL_ADD,
        SIM_KERNEL_REMOVE,
        SIM_KERNEL_REFRESH,
        SIM_KERNEL_GUARD,
        SIM_ANSWER_ADD,
        SIM_ANSWER_REMOVE,
        SIM_EXPIRE,
        SIM_THAW,
        SIM_RESUME,
        SIM_BOOT,
        SIM_FLUSH,
        SIM_STORED, /* arg: gen */
        SIM_TOLD,   /* the root service hands a list to the agent; arg: gen */
        SIM_REPLAY,
        SIM_LOOK, /* at the claims */
};
void sim_at(struct sim *w, uint64_t at_us, enum sim_what what, unsigned node, unsigned stamp, unsigned arg);
void sim_at_error(struct sim *w, uint64_t at_us, enum sim_what what, unsigned node, unsigned stamp,
                  int error);
bool sim_next(struct sim *w, uint64_t until_us, struct sim_event *ret);

/* world.c */
struct sim_setup {
        uint64_t seed;
        unsigned members;
        uint32_t interval_us, removal_us, add_us;
        enum vrrp_preempt preempt;
        int32_t max_ppm;
        bool exact; /* no randomness: for stories */
};
void sim_init(struct sim *w, const struct sim_setup *s);
void sim_run(struct sim *w, uint64_t until_us); /* returns early when w->stop */
uint64_t sim_d(const struct sim *w);            /* D */
void sim_tell(struct sim *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* network.c */
void sim_send(struct sim *w, unsigned from, unsigned to, const struct sim_packet *p);
void sim_archive(struct sim *w, const struct sim_packet *p); /* it has arrived: may be repeated */
void sim_replay(struct sim *w);
void sim_packet_free(struct sim *w, unsigned packet);

/* kernel.c */
enum sim_kernel { SIM_ADD, SIM_REMOVE, SIM_REFRESH, SIM_GUARD_REMOVE };
void sim_kernel_ask(struct sim *w, unsigned i, enum sim_kernel what);
void sim_kernel_done(struct sim *w, const struct sim_event *e);
void sim_kernel_expire(struct sim *w, unsigned i);
void sim_kernel_slept(struct sim *w, unsigned i, uint64_t us);
void sim_kernel_drop(struct sim *w, unsigned i); /* the address is gone, whatever was asked */
void sim_guard_set(struct sim *w, unsigned i, uint64_t until_us);
void sim_guard_look(struct sim *w, const struct sim_event *e);

/* loop.c: the agent's event loop, as vrrp/router.c does it */
void sim_loop_arm(struct sim *w, unsigned i);
void sim_loop_wake(struct sim *w, unsigned i);
void sim_loop_act(struct sim *w, unsigned i);
void sim_loop_push(struct sim *w, unsigned i, const struct sim_item *item);
void sim_loop_now(struct sim *w, unsigned i, struct vrrp_lease_event ev);
void sim_loop_event(struct sim *w, unsigned i, struct vrrp_lease_event ev); /* queued */

/* host.c: machines and processes */
void sim_host_create(struct sim *w, unsigned i, uint64_t id);
void sim_host_boot(struct sim *w, unsigned i); /* start the agent */
void sim_host_power_loss(struct sim *w, unsigned i, uint64_t back_us);
void sim_host_kill(struct sim *w, unsigned i, uint64_t back_us);
void sim_host_stop(struct sim *w, unsigned i, uint64_t back_us);
void sim_host_exit(struct sim *w, unsigned i);
void sim_host_freeze(struct sim *w, unsigned i, uint64_t us);
void sim_host_stick(struct sim *w, unsigned i, uint64_t us);
void sim_host_suspend(struct sim *w, unsigned i, uint64_t us);
void sim_host_pause(struct sim *w, unsigned i, uint64_t us); /* as suspend, but nothing tells */
void sim_host_thaw(struct sim *w, unsigned i);
void sim_host_resume(struct sim *w, unsigned i);
void sim_host_begin(struct sim *w, unsigned i); /* a new boot of sessions and lease */
void sim_host_rank(struct sim *w, unsigned i, uint8_t class, uint8_t priority);
void sim_host_standby(struct sim *w, unsigned i, bool on);
void sim_host_link(struct sim *w, unsigned i, bool on);
bool sim_host_frozen(const struct sim *w, unsigned i); /* process or machine stands still */

/* session.c */
void sim_session_open(struct sim *w, unsigned i);
void sim_session_list(struct sim *w, unsigned i); /* sessions for exactly the listed */
/* Whether the datagram counts; answers challenges unless it is discarded. */
bool sim_session_receive(struct sim *w, unsigned i, const struct sim_packet *p, bool discard);
void sim_session_send(struct sim *w, unsigned i, uint64_t dst, const struct vrrp_lease_msg *m);
unsigned sim_slot(const struct sim *w, uint64_t id); /* SIM_NODES: nobody */

/* members.c: the root services that write the lists, and the disks */
void sim_members_first(struct sim *w, unsigned n);
void sim_members_watch(struct sim *w); /* who goes by which list has changed */
bool sim_members_may_change(struct sim *w);
uint64_t sim_members_id(struct sim *w);
unsigned
sim_members_create(struct sim *w); /* a machine that knows the list and is not in it yet; SIM_NODES: none */
bool sim_members_add(struct sim *w, unsigned i); /* publishes */
void sim_members_grow(struct sim *w);            /* both, and starts it */
bool sim_members_shrink(struct sim *w, unsigned i);
void sim_members_store(struct sim *w, unsigned i, unsigned gen);
void sim_members_stored(struct sim *w, unsigned i, unsigned gen);
void sim_members_hand(struct sim *w, unsigned i, unsigned gen); /* by its own root service */
bool sim_listed(const struct sim *w, unsigned gen, unsigned i);

/* oracle.c: the claims of docs/lease.md */
bool sim_has_lease(const struct sim *w, unsigned i);
bool sim_owns(const struct sim *w, unsigned i); /* lease, address and announced state */
void sim_violation(struct sim *w, enum sim_claim claim, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
void sim_look(struct sim *w);
void sim_look_announcement(struct sim *w, unsigned i);
/* The Active was asked to give up, and did. */
void sim_look_preemption(struct sim *w, unsigned i, const struct vrrp_lease *before,
                         const struct vrrp_lease_msg *request);
/* A host whose clock has stood still unnoticed has handled an event: what it did before does not count until
 * it knows better, at the latest when it hears of another Active. */
void sim_look_paused(struct sim *w, unsigned i, const struct vrrp_lease_msg *heard);

/* fate.c: what may happen */
enum sim_fate {
        SIM_PARTITION,
        SIM_ONE_WAY,
        SIM_HEAL,
        SIM_POWER_LOSS,
        SIM_KILL,
        SIM_STOP,
        SIM_RESTART_MANY,
        SIM_FREEZE,
        SIM_STICK,
        SIM_SUSPEND,
        SIM_RANK,
        SIM_STANDBY,
        SIM_LINK,
        SIM_GIVE_UP,
        SIM_GROW,
        SIM_SHRINK,
        SIM_NETWORK,
        SIM_TROUBLE,
        SIM_FAIL_ADDS,
        SIM_REPLAYS,
        SIM_PAUSE,
        SIM_FATES,
};
void sim_fate(struct sim *w, enum sim_fate what, unsigned i);
void sim_heal(struct sim *w);

/* schedule.c: random schedules */
unsigned sim_profiles(void);
const char *sim_profile_name(unsigned profile);
int sim_profile_find(const char *name); /* -1: no such */
/* One schedule; profile < 0: by the seed. */
void sim_schedule(struct sim *w, uint64_t seed, int profile, FILE *story, unsigned level);

/* settle.c: quiet at the end, and claim L */
void sim_settle(struct sim *w);
void sim_settle_look(struct sim *w);

/* What the harness does in place of vrrp/router.c and the root services, each to be left out as those of
 * vrrp/lease_rules.h: name, rule, what happens without it. */
#define SIM_RULES(X)                                                                                         \
        X(BOOT, 2, "the boot is not random: it is the same after each start")                                \
        X(SOCKETS, 12, "who is not listed any more is heard")                                                \
        X(STORE, 12, "a list is adopted and not stored")                                                     \
        X(PUBLISH_MAJORITY, 12, "a list is published before a majority goes by the one before")              \
        X(PUBLISH_WAIT, 12, "a list is published at once when a majority goes by the one before")            \
        X(GUARD, 13, "there is no guard thread")                                                             \
        X(ADD_TIME, 13, "the address is added although lease - R has passed")                                \
        X(REFRESH_ADDS, 13, "a refresh does not put the address back")                                       \
        X(CATCH_UP, 14, "a late wake-up is not noticed")                                                     \
        X(REPEAT, 15, "announcements are repeated although lease - R has passed")

#define SIM_RULE(name, rule, without) SIM_RULE_##name,
enum sim_rule { SIM_RULES(SIM_RULE) SIM_N_RULES };
extern uint32_t sim_rules_off; /* bit: enum sim_rule */
static inline bool sim_rule(enum sim_rule r) {
        return !(sim_rules_off >> r & 1);
}

#endif
