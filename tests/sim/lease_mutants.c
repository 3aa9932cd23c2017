/* Shows that the simulation can fail: the same sources of the lease and the sessions, compiled so that their
 * rules can be left out (vrrp/lease_rules.h, SIM_RULES), go through random schedules with each rule left out
 * in turn, or with those together that mask one another. For each, some seeds must violate a claim. Exit
 * status 0: so it is; 1: a switch without a violating seed, or a rule without a switch; 3: wrong use. */
#include "tests/sim/batch.h"
#include "vrrp/lease_rules.h"

uint64_t vrrp_lease_rules_off;

#define RULE(name) (UINT64_C(1) << VRRP_LEASE_RULE_##name)
#define SIM(name)  (1U << SIM_RULE_##name)

enum { CHUNK = 500, ENOUGH = 3 }; /* seeds at a time; violating seeds after which the next switch's turn is */

static const struct rule {
        const char *name, *without;
        unsigned number;
} rules[] = {
#define X(name, number, without) { #name, without, number },
        VRRP_LEASE_RULES(X) SIM_RULES(X)
#undef X
};

enum { N_RULES = sizeof rules / sizeof rules[0] };

/* What is left out, and where it shows best. */
static const struct mutation {
        uint64_t lease;
        uint32_t sim;
        const char *profile;
} mutations[] = {
        { RULE(RESTART), 0, "freeze" },
        { RULE(SESSION_PROOF), 0, "replay" },
        { RULE(SESSION_ORDER), 0, "replay" },
        { 0, SIM(BOOT), "replay" },
        { RULE(SILENT), 0, "restart" },
        { RULE(RELEASED), 0, "split" },
        { RULE(REFUSE_OTHERS), 0, "split" },
        { RULE(ACTIVE_REFUSES) | RULE(OWN_PROMISE), 0, "split" },
        { RULE(CANDIDATE_YIELDS), 0, "handover" },
        { RULE(ANY_CLASS), 0, "handover" },
        { RULE(DOWN_TIMER) | RULE(PROMISED_WAITS), 0, "split" },
        { RULE(PROBE), 0, "lossy" },
        { RULE(STAND_ENDS), 0, "split" },
        { RULE(ACK_BALLOT) | RULE(SESSION_ORDER), 0, "replay" },
        { RULE(ACK_SENT), 0, "late" },
        { RULE(MAJORITY), 0, "split" },
        { RULE(DRIFT) | RULE(REMOVAL), 0, "clocks" },
        { RULE(REMOVAL), 0, "freeze" },
        { RULE(PREEMPT_MAJORITY), 0, "handover" },
        { RULE(PREEMPT_CHECK) | RULE(SESSION_ORDER), 0, "replay" },
        { RULE(YIELD_TELLS), 0, "clocks" },
        { RULE(WAIT_REMOVED), 0, "handover" },
        { RULE(HIGHER_ACTIVE), 0, "freeze" },
        { RULE(NOT_LISTED) | RULE(LISTED), SIM(SOCKETS), "members" },
        { RULE(RESIGN_BALLOT) | RULE(SESSION_ORDER), 0, "replay" },
        { RULE(SUCCESSOR_FREE) | RULE(SESSION_ORDER), 0, "replay" },
        { RULE(GEN_EQUAL), 0, "stale" },
        { RULE(FORGET_ACKS), SIM(PUBLISH_MAJORITY), "members" },
        { RULE(KEEP_PROMISE), 0, "members" },
        { 0, SIM(STORE), "restart" },
        { 0, SIM(PUBLISH_MAJORITY), "members" },
        { 0, SIM(PUBLISH_WAIT), "members" },
        { RULE(LEASE_CHECK), 0, "freeze" },
        { 0, SIM(GUARD), "freeze" },
        { 0, SIM(ADD_TIME), "freeze" },
        { RULE(GAP), SIM(CATCH_UP) | SIM(REFRESH_ADDS), "freeze" },
        { RULE(LEASE_CHECK) | RULE(ANNOUNCE), 0, "freeze" },
        { 0, SIM(REPEAT), "freeze" },
};

static bool left_out(const struct mutation *m, unsigned rule) {
        return rule < VRRP_LEASE_N_RULES ? m->lease >> rule & 1 : m->sim >> (rule - VRRP_LEASE_N_RULES) & 1;
}

static void print_names(const struct mutation *m) {
        int column = 0;

        for (unsigned r = 0; r < N_RULES; r++)
                if (left_out(m, r))
                        column += printf("%s%u %s", column > 0 ? " + " : "", rules[r].number, rules[r].name);
        printf("%*s", column < 48 ? 48 - column : 1, "");
}

static void sum(struct batch *all, const struct batch *b) {
        all->schedules += b->schedules;
        all->violating += b->violating;
        for (unsigned k = 0; k < SIM_CLAIMS; k++)
                all->violations[k] += b->violations[k];
}

/* The rule that comes as number `part` among those left out, or all of them. */
static void leave_out(const void *mutation, unsigned part) {
        const struct mutation *m = mutation;
        unsigned at = 0;

        vrrp_lease_rules_off = m->lease;
        sim_rules_off = m->sim;
        for (unsigned r = 0; r < N_RULES; r++)
                if (left_out(m, r) && at++ == part) {
                        vrrp_lease_rules_off = r < VRRP_LEASE_N_RULES ? UINT64_C(1) << r : 0;
                        sim_rules_off = r < VRRP_LEASE_N_RULES ? 0 : 1U << (r - VRRP_LEASE_N_RULES);
                        return;
                }
}

/* Whether it was found out. */
static bool try_one(const struct mutation *m, uint64_t most, unsigned jobs) {
        struct batch_parts parts = { .leave_out = leave_out, .mutation = m };
        int profile = sim_profile_find(m->profile);
        struct batch all = { 0 }, b;

        for (unsigned r = 0; r < N_RULES; r++)
                parts.n += left_out(m, r);
        leave_out(m, parts.n);
        for (uint64_t from = 1; from <= most && all.violating < ENOUGH; from += CHUNK) {
                if (batch_run(from, from + CHUNK - 1, profile, jobs, &parts, &b) < 0) {
                        fputs("lease_mutants: a worker died\n", stderr);
                        return false;
                }
                sum(&all, &b);
        }
        print_names(m);
        printf("%-9s %5llu of %5llu  S1 %-4llu S2 %-4llu L %-4llu%s\n", m->profile,
               (unsigned long long)all.violating, (unsigned long long)all.schedules,
               (unsigned long long)all.violations[SIM_S1], (unsigned long long)all.violations[SIM_S2],
               (unsigned long long)all.violations[SIM_L], all.violating > 0 ? "" : "  <-- NOT FOUND OUT");
        return all.violating > 0;
}

static bool all_covered(void) {
        bool all = true;

        for (unsigned r = 0; r < N_RULES; r++) {
                bool covered = false;

                for (unsigned k = 0; k < sizeof mutations / sizeof mutations[0]; k++)
                        covered |= left_out(&mutations[k], r);
                if (!covered)
                        printf("rule %u %s is never left out\n", rules[r].number, rules[r].name);
                all &= covered;
        }
        return all;
}

/* The story of one seed without a rule, to see how it goes wrong. */
static int tell(unsigned k, uint64_t seed) {
        if (k >= sizeof mutations / sizeof mutations[0])
                return 3;
        leave_out(&mutations[k], N_RULES);
        batch_tell(seed, sim_profile_find(mutations[k].profile), 2, 0);
        return 0;
}

int main(int argc, char **argv) {
        uint64_t most = 100000, ignored;
        bool fine = all_covered();

        if (argc == 4 && strcmp(argv[1], "--tell") == 0)
                return tell((unsigned)atoi(argv[2]), strtoull(argv[3], NULL, 10));
        if (argc > 2 || (argc == 2 && !batch_range(argv[1], &most, &ignored))) {
                fputs("usage: lease_mutants [SEEDS]     at most so many for each switch (100000)\n", stderr);
                return 3;
        }
        for (unsigned r = 0; r < N_RULES; r++)
                printf("%2u %-16s without it: %s\n", rules[r].number, rules[r].name, rules[r].without);
        puts("\nleft out, profile, violating seeds:");
        for (unsigned k = 0; k < sizeof mutations / sizeof mutations[0]; k++)
                fine &= try_one(&mutations[k], most, batch_cores());
        return fine ? 0 : 1;
}
