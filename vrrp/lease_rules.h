/* The rules of the lease that a test can leave out, one by one or together: a simulation that finds nothing
 * wrong proves something only if it finds what goes wrong without each rule (docs/lease.md).
 *
 * In the product LEASE_RULE(NAME) is the constant true, and nothing of this is compiled. With
 * VRRP_LEASE_SWITCHES it asks the test's mask; only tests are built so. */
#ifndef VRRP_LEASE_RULES_H
#define VRRP_LEASE_RULES_H

#include <stdbool.h>
#include <stdint.h>

/* name, rule, what happens without it */
#define VRRP_LEASE_RULES(X)                                                                                  \
        X(RESTART, 1, "a member forgets nothing when it is restarted after a suspend")                       \
        X(SESSION_PROOF, 2, "a boot is believed without a challenge")                                        \
        X(SESSION_ORDER, 2, "repeated and reordered messages count")                                         \
        X(SILENT, 3, "a member votes at once after its start")                                               \
        X(RELEASED, 4, "a claim that shows a resignation does not free the promise")                         \
        X(LISTED, 4, "who is not in the list is answered as who is")                                         \
        X(REFUSE_OTHERS, 4, "an unexpired promise refuses nobody")                                           \
        X(ACTIVE_REFUSES, 4, "the Active acknowledges others")                                               \
        X(CANDIDATE_YIELDS, 4, "a Candidate yields to nobody")                                               \
        X(ANY_CLASS, 4, "a member votes for no class worse than its own")                                    \
        X(DOWN_TIMER, 4, "a vote does not put off the own candidature")                                      \
        X(PROMISED_WAITS, 5, "an own promise to another does not put off the own candidature")               \
        X(PROBE, 5, "a member stands without asking whether it could win")                                   \
        X(STAND_ENDS, 6, "a Candidate that gets no lease goes on claiming")                                  \
        X(OWN_PROMISE, 7, "a claim does not bind the claimant's own vote")                                   \
        X(ACK_BALLOT, 7, "acknowledgements of other ballots count")                                          \
        X(ACK_SENT, 7, "the lease counts from the receipt of the acknowledgement")                           \
        X(MAJORITY, 7, "the newest acknowledgement of anybody makes the lease")                              \
        X(DRIFT, 7, "the lease lasts D instead of D - e")                                                    \
        X(REMOVAL, 7, "nothing is kept back for the removal: R is 0")                                        \
        X(PREEMPT_MAJORITY, 8, "who is better asks the Active to give up, majority or not")                  \
        X(PREEMPT_CHECK, 8, "the Active gives up whatever class and ballot it is asked with")                \
        X(YIELD_TELLS, 9, "a Candidate that yields does not resign")                                         \
        X(WAIT_REMOVED, 10, "the resignation does not wait for the kernel")                                  \
        X(HIGHER_ACTIVE, 10, "the Active ignores an Active of a higher ballot")                              \
        X(NOT_LISTED, 10, "who is not in the list any more stays Active")                                    \
        X(RESIGN_BALLOT, 11, "a resignation clears the promise to any ballot of its sender")                 \
        X(SUCCESSOR_FREE, 11, "the named successor stands although it promised to another")                  \
        X(GEN_EQUAL, 12, "votes count across generations of the list")                                       \
        X(FORGET_ACKS, 12, "acknowledgements outlive a change of the list")                                  \
        X(KEEP_PROMISE, 12, "a change of the list clears the promise")                                       \
        X(LEASE_CHECK, 13, "the end of the lease is not looked at, nor is the guard set")                    \
        X(GAP, 14, "a late wake-up is a wake-up like any other")                                             \
        X(ANNOUNCE, 15, "the address is announced although lease - R has passed")

#define VRRP_LEASE_RULE(name, rule, without) VRRP_LEASE_RULE_##name,
enum vrrp_lease_rule { VRRP_LEASE_RULES(VRRP_LEASE_RULE) VRRP_LEASE_N_RULES };

#ifdef VRRP_LEASE_SWITCHES
extern uint64_t vrrp_lease_rules_off; /* bit: enum vrrp_lease_rule; the test's */
#define LEASE_RULE(name) (!(vrrp_lease_rules_off >> VRRP_LEASE_RULE_##name & 1))
#else
#define LEASE_RULE(name) true
#endif

#endif
