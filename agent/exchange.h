/* What the agents of the masters tell one another in VRRP_SEAL_HEALTH datagrams (docs/wire.md, "Health"):
 * the codec, and the table of peers as a value: no clock, socket, log or malloc. Only authentic messages of
 * listed members arrive here (vrrp/sealed.h).
 *
 * REPORT  class, checks, clock, list, keys of the sender: to all every second, and at once on a change;
 *         to one, repeating its nonce, when what that one asked for has been measured
 * ECHO    answers a REPORT: with it the sender compares the two clocks (four timestamps, as in NTP)
 * MEASURE probe these checks now, answer by a REPORT with this nonce
 * MOVE    give the address of this group to that member, 0: the best (`vip move` on another node); MOVED
 *         answers
 *
 * Times in `us` are of one monotonic clock, `clock_ns` is the node's own idea of the time: the system's clock
 * plus the correction that its chronyd still has to make, in ns since 1970. */
#ifndef AGENT_EXCHANGE_H
#define AGENT_EXCHANGE_H

#include "agent/chrony.h"
#include "agent/health.h"
#include "vrrp/keyring.h"
#include "vrrp/list.h"

enum {
        EXCHANGE_VERSION = 1,
        EXCHANGE_PEERS = VRRP_LIST_MEMBERS,
        EXCHANGE_REASON = 160,
        EXCHANGE_MAX = 512,    /* whole message */
        EXCHANGE_GROUPS = 256, /* virtual router ids */
        EXCHANGE_EVERY_US = 1000000,
        EXCHANGE_FRESH_US = 3000000, /* what is older does not count */
};
#define EXCHANGE_DISTANCE_NONE UINT32_MAX /* not synchronised: there is no bound on the error */

enum exchange_type {
        EXCHANGE_REPORT = 1,
        EXCHANGE_ECHO,
        EXCHANGE_MEASURE,
        EXCHANGE_MOVE,
        EXCHANGE_MOVED,
};
enum exchange_moved {
        EXCHANGE_MOVED_DONE,       /* it has been given up, naming the member */
        EXCHANGE_MOVED_NOT_ACTIVE, /* the address is not here */
        EXCHANGE_MOVED_UNFIT, /* the member (0: every one) is not heard, stands by or is of a worse class;
                                 not forced */
        EXCHANGE_MOVED_RESULTS,
};

struct exchange_check {
        bool enabled, fresh; /* fresh: measured after it was asked for */
        enum vrrp_class class;
        enum health_outcome last;
        uint32_t serial, age_ms, took_us; /* of the last result; serial 0: none yet */
};
struct exchange_clock {
        enum clock_verdict verdict; /* the node's own judgement; CLOCK_UNKNOWN: not checked */
        uint32_t distance_us;       /* root distance: bound on the error of clock_ns */
        int64_t correction_ns;      /* contained in clock_ns; positive: the system clock is slow */
};
struct exchange_report {
        enum vrrp_class class;  /* as published: damped, withheld while nobody measured better */
        enum vrrp_class judged; /* the worst check now */
        uint8_t priority;
        bool standby, witness;
        uint64_t gen;                /* of the newest list on disk, 0: none */
        uint16_t sends;              /* key id it seals with, 0: none */
        uint16_t accepts[VRRP_KEYS]; /* key ids it accepts */
        size_t n_accepts;
        uint8_t owns[EXCHANGE_GROUPS / 8]; /* bit by virtual router id: it has the address */
        struct exchange_check check[HEALTH_CHECKS];
        struct exchange_clock clock;
        int64_t clock_ns;             /* own clock when it was sent */
        char reason[EXCHANGE_REASON]; /* of `class`; printable ASCII */
};
struct exchange_message {
        enum exchange_type type;
        uint64_t nonce; /* MEASURE, MOVE: random, not 0; REPORT, MOVED: of what they answer, REPORT else 0 */
        union {
                struct exchange_report report;
                struct {
                        int64_t t1, t2, t3;    /* the report's clock_ns; received, answered */
                        int64_t correction_ns; /* contained in t2 and t3 */
                } echo;
                unsigned measure; /* bits 1 << enum health_check */
                struct {
                        uint32_t group;
                        uint64_t member;
                        bool force;
                } move;
                enum exchange_moved moved;
        };
};

/* exchange_wire.c. The length, or 0 when buf is too small or a value has no place on the wire. */
size_t exchange_encode(const struct exchange_message *m, uint8_t *buf, size_t size);
/* False unless it is exactly one message of this version with every field in its range. */
bool exchange_decode(const uint8_t *body, size_t size, struct exchange_message *ret);

struct exchange_now {
        uint64_t us;
        int64_t clock_ns, correction_ns; /* the correction is contained in the clock */
};
struct exchange_peer { /* one other master */
        uint64_t id;
        bool heard;
        bool told; /* our report has left since it was first heard in this session: it knew ours by then */
        uint64_t last_us, owned_us; /* of `report`, its newest; of the newest that had an address, 0: none */
        struct exchange_report report;
        bool compared;
        double offset_s,
                system_s; /* its clock minus ours: its own idea of the time, and the bare system clock */
        double error_s;   /* how far both may be off */
        uint64_t compared_us;
        uint64_t answers, answered_us; /* nonce of `answer`, 0: none */
        struct exchange_report answer;
        struct {
                uint64_t nonce, asked_us; /* 0: nothing */
                unsigned asked, missing;  /* bits of checks */
        } wants;                          /* what it asked us to measure */
};

struct exchange;
/* Called from exchange_receive() and others; must not call back into the exchange. */
struct exchange_ops {
        void (*send)(void *userdata, uint64_t dst, const uint8_t *body, size_t size); /* dst 0: all */
        void (*measure)(void *userdata, unsigned checks); /* probe these at once */
        enum exchange_moved (*move)(void *userdata, uint32_t group, uint64_t member, bool force,
                                    uint64_t now_us);
        void (*moved)(void *userdata, uint64_t nonce, enum exchange_moved result);
};
struct exchange {
        uint64_t self, nonce; /* nonce: of the next question */
        struct exchange_ops ops;
        void *userdata;
        struct exchange_report own; /* as last set; clock_ns and fresh are filled in when it is sent */
        int64_t sent_ns; /* clock_ns of the report to all that an ECHO may answer; the correction contained */
        int64_t sent_correction_ns;
        uint64_t sent_us;
        bool owes; /* somebody may not have our report yet: exchange_send_report() is due now */
        size_t n;
        struct exchange_peer peer[EXCHANGE_PEERS];
};

/* seed: 64 random bits; nonces count from there. ops are copied; `move`, `moved` may be NULL. */
void exchange_init(struct exchange *x, uint64_t self, uint64_t seed, const struct exchange_ops *ops,
                   void *userdata);
/* Peers that are not in the list are forgotten. */
void exchange_set_list(struct exchange *x, const struct vrrp_list *list);
/* A session with it was proven. What we send now may come before the peer knows our session, too: so it is
 * told once more, when it is heard. */
void exchange_proven(struct exchange *x, uint64_t id);
/* Tell everyone. */
void exchange_send_report(struct exchange *x, const struct exchange_report *own, struct exchange_now now);
void exchange_receive(struct exchange *x, uint64_t src, const uint8_t *body, size_t size,
                      struct exchange_now now);
/* Ask all peers to probe these checks now; answers are peers whose `answers` is the nonce returned. */
uint64_t exchange_ask(struct exchange *x, unsigned checks);
/* A result of an own probe that began at started_us; x->own holds it already. Answers who waits for it. */
void exchange_measured(struct exchange *x, enum health_check c, uint64_t started_us,
                       const struct exchange_report *own, struct exchange_now now);
/* Ask whoever is active in the group to give it to the member (0: the best). The nonce, which ops.moved
 * repeats. */
uint64_t exchange_move(struct exchange *x, uint32_t group, uint64_t member, bool force);

const struct exchange_peer *exchange_find(const struct exchange *x, uint64_t id); /* NULL: never heard */
bool exchange_fresh(const struct exchange_peer *p, uint64_t now_us);              /* its report counts */
bool exchange_compared(const struct exchange_peer *p, uint64_t now_us);           /* its offset counts */

#endif
