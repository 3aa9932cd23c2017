/* Health of this node among the others, as a value: joins health.h, exchange.h and evidence.h; what the
 * daemon does with probes, sockets and routers is behind the ops. Pure: no clock, socket, log or malloc.
 *
 * Before health_node_join() (and always in the `ip` transport) nothing is exchanged: health.h alone decides.
 * Afterwards peers are told, the clock check is judged in the light of theirs, and while this node has an
 * address it gives it up for a perhaps shared fault only to one who was measured to be better. */
#ifndef AGENT_HEALTH_NODE_H
#define AGENT_HEALTH_NODE_H

#include "agent/evidence.h"

struct health_when {
        uint64_t us;       /* monotonic */
        int64_t system_ns; /* the system's clock, since 1970 */
};
/* What the daemon knows of this node, besides its health. */
struct health_self {
        uint8_t priority;
        bool standby, witness;
        uint64_t gen;                /* of the newest list on disk, 0: none */
        uint16_t sends;              /* key id */
        uint16_t accepts[VRRP_KEYS]; /* key ids */
        size_t n_accepts;
        uint8_t owns[EXCHANGE_GROUPS / 8]; /* bit by virtual router id: active */
};
/* Must not call back into health_node_*(), but arrange for it to be done by the loop. */
struct health_node_ops {
        /* The published class changed: tell the routers. */
        void (*published)(void *userdata, enum vrrp_class from, enum vrrp_class to, const char *reason);
        /* The rest only after health_node_join(). */
        void (*send)(void *userdata, uint64_t dst, const uint8_t *body, size_t size); /* dst 0: all */
        void (*probe)(void *userdata, unsigned checks); /* fresh measurements, bits 1 << enum health_check */
        /* group 0: every one that is active here. 0 or negative errno. */
        int (*give_up)(void *userdata, uint32_t group, uint64_t succ, const char *reason);
        void (*moved)(void *userdata, uint64_t nonce, enum exchange_moved result);
};
struct health_node {
        struct health *health; /* borrowed; only read by others */
        struct health_node_ops ops;
        void *userdata;
        struct health_self self;
        double max_offset_s;
        uint32_t serial[HEALTH_CHECKS], took_us[HEALTH_CHECKS];
        struct exchange_clock clock;
        double clock_distance_s; /* INFINITY: none */

        bool joined;
        struct exchange exchange;
        struct evidence evidence;
        struct exchange_report told; /* last sent to all */
        uint64_t report_us;          /* next report is due */
        uint64_t deadline_us;        /* health_node_tick() then; VRRP_NEVER: no need */
};

/* Initialises *health, too. */
void health_node_init(struct health_node *n, struct health *health, const struct health_params *p,
                      double max_offset_s, const struct health_node_ops *ops, void *userdata,
                      struct health_when when);
/* The sealed transport is there. id: own member id; seed: 64 random bits. */
void health_node_join(struct health_node *n, uint64_t id, uint64_t seed, const struct evidence_params *p,
                      struct health_when when);
/* A result of any check; of the clock after health_node_clock(). */
void health_node_result(struct health_node *n, enum health_check c, const struct health_result *r,
                        struct health_when when);
void health_node_clock(struct health_node *n, const struct clock_state *s);
void health_node_self(struct health_node *n, const struct health_self *self, struct health_when when);
void health_node_list(struct health_node *n, const struct vrrp_list *list);
/* A session with the member was proven: it is told at once, for a moved address needs a member that is heard.
 */
void health_node_proven(struct health_node *n, uint64_t id, struct health_when when);
/* Body of an authentic datagram of the member `src`. */
void health_node_receive(struct health_node *n, uint64_t src, const uint8_t *body, size_t size,
                         struct health_when when);
void health_node_tick(struct health_node *n, struct health_when when);
/* `vip move` to a member (0: the best), after health_node_join(): where the group's address is here, it is
 * given up (result in *ret); elsewhere its owner is asked (true is returned, ops.moved tells the result with
 * *ret_nonce). NOT_ACTIVE of one node says nothing about the others: DONE and UNFIT are final. */
bool health_node_move(struct health_node *n, uint32_t group, uint64_t member, bool force,
                      struct health_when when, enum exchange_moved *ret, uint64_t *ret_nonce);

#endif
