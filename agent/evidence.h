/* What other masters' measurements say about a fault of our own (docs/health.md): pure rules, the time as
 * an argument. No clock, socket, log or malloc.
 *
 * A fault that others may share must not move the address: it would be no better there. So the node that
 * has it asks for fresh measurements, and gives up only to one whose better class was measured after that. */
#ifndef AGENT_EVIDENCE_H
#define AGENT_EVIDENCE_H

#include "agent/exchange.h"

struct evidence_params {
        uint64_t hold_us;   /* a pending fault must have lasted that long; time-outs alone: not at all */
        uint64_t again_us;  /* between two questions */
        uint64_t gather_us; /* from the first fit answer on, for better ones, unless all have answered */
        uint32_t timeout_us[HEALTH_CHECKS]; /* of our own probes */
};
extern const struct evidence_params evidence_params_default; /* without timeout_us */

struct evidence {
        struct evidence_params params;
        uint64_t nonce, asked_us; /* of the question that is out; nonce 0: none */
        unsigned asked, timeouts;
        uint64_t fit_us;      /* since when one is known to be fit, VRRP_NEVER: none */
        uint64_t deadline_us; /* step again then; VRRP_NEVER: no need */
};
enum evidence_do {
        EVIDENCE_NOTHING,
        EVIDENCE_ASK,     /* exchange_ask(e->asked), its nonce to e->nonce */
        EVIDENCE_GIVE_UP, /* health_concede(), then name *ret_succ */
};

void evidence_init(struct evidence *e, const struct evidence_params *p);
/* Call after every result, every report of a peer and at deadline_us, as long as something else than
 * EVIDENCE_NOTHING comes. */
enum evidence_do evidence_step(struct evidence *e, const struct health *h, const struct exchange *x,
                               uint64_t now_us, uint64_t *ret_succ);
/* Whether the address may go to this peer, when our class is `own`: heard, no witness, not standing by, not
 * of a worse class. */
bool evidence_fit(const struct exchange_peer *p, enum vrrp_class own, uint64_t now_us);

/* The best of them by (class, priority, id); NULL: none. */
const struct exchange_peer *evidence_best(const struct exchange *x, enum vrrp_class own, uint64_t now_us);

struct evidence_clock {                  /* of one master */
        enum clock_verdict verdict;      /* its own judgement */
        double correction_s, distance_s; /* distance_s INFINITY: none */
        bool compared;                   /* the next three are known */
        double offset_s, system_s;       /* its clock minus ours: own idea of the time, bare system clock */
        double error_s;                  /* how far both may be off */
};
/* The clock check's outcome in the light of the other masters' clocks: the odd one out is beyond its limit,
 * whatever it thinks of itself; a fault for which none of them is better is no fault. `own_detail` is the
 * reason of the own judgement. */
enum health_outcome evidence_clock(const struct evidence_clock *own, enum health_outcome own_outcome,
                                   const char *own_detail, const struct evidence_clock *peers, size_t n,
                                   double limit_s, char detail[HEALTH_REASON]);
/* The clocks of all peers whose reports are fresh and who check theirs. Their number. */
size_t evidence_clocks(const struct exchange *x, uint64_t now_us, struct evidence_clock out[EXCHANGE_PEERS]);

#endif
