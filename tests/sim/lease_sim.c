/* Random schedules of the majority lease: the claims of docs/lease.md must hold in each of them, and all
 * kinds of trouble must have happened. Exit status 0: so it is; 1: a violation, or a kind of trouble that
 * never happened; 3: wrong use. */
#include "tests/sim/batch.h"

#include <stdlib.h>
#include <time.h>

static const char usage[] = "usage: lease_sim [--schedules N | --seeds FROM-TO | --seed N [--trace]] "
                            "[--profile NAME] [--jobs N]\n"
                            "  --schedules N     that many, with seeds nobody has seen before (20000)\n"
                            "  --seeds FROM-TO   these seeds\n"
                            "  --seed N          one; --trace tells its story, messages included\n"
                            "  --profile NAME    all of one profile (each seed its own)\n"
                            "  --jobs N          processes (one per core)\n"
                            "  --rare-is-fine    do not fail where something never happened (short runs)\n";

struct options {
        uint64_t from, to;
        int profile;
        unsigned jobs;
        bool trace, rare;
};

static bool parse(int argc, char **argv, struct options *o) {
        uint64_t n = 20000, ignored;

        *o = (struct options){ .from = (uint64_t)time(NULL) * 1000000, .profile = -1, .jobs = batch_cores() };
        for (int k = 1; k < argc; k++) {
                const char *value = k + 1 < argc ? argv[k + 1] : "";
                bool takes = strcmp(argv[k], "--trace") != 0 && strcmp(argv[k], "--rare-is-fine") != 0;

                if (strcmp(argv[k], "--trace") == 0)
                        o->trace = true;
                else if (strcmp(argv[k], "--rare-is-fine") == 0)
                        o->rare = true;
                else if (strcmp(argv[k], "--schedules") == 0 && batch_range(value, &n, &ignored) && n > 0)
                        ;
                else if ((strcmp(argv[k], "--seeds") == 0 || strcmp(argv[k], "--seed") == 0) &&
                         batch_range(value, &o->from, &o->to))
                        ;
                else if (strcmp(argv[k], "--profile") == 0 && (o->profile = sim_profile_find(value)) >= 0)
                        ;
                else if (strcmp(argv[k], "--jobs") == 0 && (o->jobs = (unsigned)atoi(value)) > 0)
                        ;
                else
                        return false;
                k += takes;
        }
        if (o->to == 0)
                o->to = o->from + n - 1;
        return true;
}

static bool report(const struct options *o, const struct batch *b, double seconds) {
        bool complete = batch_print(b);

        printf("%llu schedules in %.1f s (%.0f/s, %.0f events/s); S1 violated in %llu, S2 in %llu, L in "
               "%llu\n",
               (unsigned long long)b->schedules, seconds, (double)b->schedules / seconds,
               (double)b->count.events / seconds, (unsigned long long)b->violations[SIM_S1],
               (unsigned long long)b->violations[SIM_S2], (unsigned long long)b->violations[SIM_L]);
        printf("longest time without an owner in quiet: %.3f of 2 D + A\n", b->longest_permille / 1000.0);
        for (unsigned k = 0; k < b->n_bad && k < 3; k++) {
                printf("\nseed %llu:\n", (unsigned long long)b->bad[k]);
                batch_tell(b->bad[k], o->profile, 2, 60);
        }
        for (unsigned k = 0; k < b->n_bad; k++)
                printf("to repeat: lease_sim --seed %llu --trace\n", (unsigned long long)b->bad[k]);
        if (!complete && !o->rare)
                printf("something never happened: this run proves less than it should\n");
        return b->violating == 0 && (complete || o->rare);
}

int main(int argc, char **argv) {
        struct timespec begin, end;
        struct options o;
        struct batch b;

        if (!parse(argc, argv, &o)) {
                fputs(usage, stderr);
                return 3;
        }
        if (o.trace) {
                batch_tell(o.from, o.profile, 2, 0);
                return 0;
        }
        printf("seeds %llu-%llu\n", (unsigned long long)o.from, (unsigned long long)o.to);
        clock_gettime(CLOCK_MONOTONIC, &begin);
        if (batch_run(o.from, o.to, o.profile, o.jobs, NULL, &b) < 0) {
                fputs("lease_sim: a worker died\n", stderr);
                return 1;
        }
        clock_gettime(CLOCK_MONOTONIC, &end);
        return report(&o, &b,
                      (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9)
                       ? 0
                       : 1;
}
