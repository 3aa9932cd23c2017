#include "tests/sim/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

unsigned batch_cores(void) {
        long n = sysconf(_SC_NPROCESSORS_ONLN);

        return n < 1 ? 1 : n > BATCH_JOBS ? BATCH_JOBS : (unsigned)n;
}

bool batch_range(const char *text, uint64_t *from, uint64_t *to) {
        char *end;

        errno = 0;
        *from = *to = strtoull(text, &end, 10);
        if (end != text && *end == '-')
                *to = strtoull(text = end + 1, &end, 10);
        return errno == 0 && end != text && *end == '\0' && *from <= *to;
}

static void add_counters(struct sim_counters *sum, const struct sim_counters *c) {
#define X(name, text) sum->name += c->name;
        SIM_COUNTERS(X)
#undef X
}

static void note_bad(struct batch *b, uint64_t seed) {
        unsigned at = b->n_bad;

        while (at > 0 && b->bad[at - 1] > seed)
                at--;
        if (at == BATCH_BAD)
                return;
        if (b->n_bad < BATCH_BAD)
                b->n_bad++;
        memmove(&b->bad[at + 1], &b->bad[at], (b->n_bad - 1 - at) * sizeof b->bad[0]);
        b->bad[at] = seed;
}

static bool violates(struct sim *w, uint64_t seed, int profile) {
        sim_schedule(w, seed, profile, NULL, 0);
        return w->violations[SIM_S1] + w->violations[SIM_S2] + w->violations[SIM_L] > 0;
}

/* Whether it takes all parts together to violate a claim in this seed. */
static bool takes_all(struct sim *w, uint64_t seed, int profile, const struct batch_parts *parts) {
        bool alone = false;

        if (!parts || parts->n < 2)
                return true;
        for (unsigned k = 0; k < parts->n && !alone; k++) {
                parts->leave_out(parts->mutation, k);
                alone = violates(w, seed, profile);
        }
        parts->leave_out(parts->mutation, parts->n);
        return !alone;
}

static void note_violation(struct sim *w, uint64_t seed, int profile, const struct batch_parts *parts,
                           struct batch *b) {
        unsigned violations[SIM_CLAIMS];

        memcpy(violations, w->violations, sizeof violations);
        if (!takes_all(w, seed, profile, parts))
                return;
        for (unsigned k = 0; k < SIM_CLAIMS; k++)
                b->violations[k] += violations[k] > 0;
        b->violating++;
        note_bad(b, seed);
}

static void one(struct sim *w, uint64_t seed, int profile, const struct batch_parts *parts, struct batch *b) {
        bool violating = violates(w, seed, profile);
        unsigned permille = (unsigned)(w->longest_us * 1000 / (7ULL * w->base.interval_us));

        b->schedules++;
        add_counters(&b->count, &w->count);
        if (violating)
                note_violation(w, seed, profile, parts, b);
        else if (!w->half_connected && permille > b->longest_permille)
                b->longest_permille = permille;
}

struct job {
        uint64_t from, to;
        unsigned step;
        int profile;
        const struct batch_parts *parts;
};

static void worker(const struct job *j, int out) {
        struct sim *w = calloc(1, sizeof *w);
        struct batch b = { 0 };

        if (!w)
                _exit(1);
        for (uint64_t seed = j->from; seed <= j->to; seed += j->step)
                one(w, seed, j->profile, j->parts, &b);
        _exit(write(out, &b, sizeof b) == (ssize_t)sizeof b ? 0 : 1);
}

static void merge(struct batch *sum, const struct batch *b) {
        sum->schedules += b->schedules;
        sum->violating += b->violating;
        for (unsigned k = 0; k < SIM_CLAIMS; k++)
                sum->violations[k] += b->violations[k];
        for (unsigned k = 0; k < b->n_bad; k++)
                note_bad(sum, b->bad[k]);
        if (b->longest_permille > sum->longest_permille)
                sum->longest_permille = b->longest_permille;
        add_counters(&sum->count, &b->count);
}

static int start(const struct job *j, int *ret_fd) {
        int fds[2];
        pid_t pid;

        if (pipe(fds) < 0)
                return -errno;
        fflush(stdout);
        pid = fork();
        if (pid == 0) {
                close(fds[0]);
                worker(j, fds[1]);
        }
        close(fds[1]);
        *ret_fd = fds[0];
        if (pid < 0)
                close(fds[0]);
        return pid < 0 ? -EAGAIN : 0;
}

int batch_run(uint64_t from, uint64_t to, int profile, unsigned jobs, const struct batch_parts *parts,
              struct batch *ret) {
        int fd[BATCH_JOBS], r = 0, status;
        unsigned started = 0;
        struct batch b;

        *ret = (struct batch){ 0 };
        jobs = jobs < 1 ? 1 : jobs > BATCH_JOBS ? BATCH_JOBS : jobs;
        for (; started < jobs && r == 0; started += r == 0) {
                struct job j = { from + started, to, jobs, profile, parts };

                r = start(&j, &fd[started]);
        }
        for (unsigned k = 0; k < started; k++) {
                if (read(fd[k], &b, sizeof b) == (ssize_t)sizeof b)
                        merge(ret, &b);
                else
                        r = -EPROTO;
                close(fd[k]);
        }
        for (unsigned k = 0; k < started; k++)
                if (wait(&status) < 0 || status != 0)
                        r = -EPROTO;
        return r;
}

static void print_tail(const char *text, unsigned lines) {
        const char *at = text + strlen(text);

        for (; lines > 0 && at > text; at--)
                if (at[-1] == '\n' && at[0] != '\0' && --lines == 0)
                        break;
        fputs(lines == 0 ? at : text, stdout);
}

void batch_tell(uint64_t seed, int profile, unsigned level, unsigned lines) {
        struct sim *w = calloc(1, sizeof *w);
        char *text = NULL;
        size_t size = 0;
        FILE *story = lines > 0 ? open_memstream(&text, &size) : stdout;

        if (w && story)
                sim_schedule(w, seed, profile, story, level);
        if (lines > 0 && story) {
                fclose(story);
                print_tail(text, lines);
                free(text);
        }
        free(w);
}

bool batch_print(const struct batch *b) {
        bool complete = true;

#define X(name, text)                                                                                        \
        printf("%12llu  %s%s\n", (unsigned long long)b->count.name, text,                                    \
               b->count.name ? "" : "  <-- NEVER");                                                          \
        complete &= b->count.name > 0;
        SIM_COUNTERS(X)
#undef X
        return complete;
}
