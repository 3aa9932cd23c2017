#include "tests/sim/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

unsigned batch_cores(void) {
        long n = sysconf(_SC_NPROCESSORS_ONLN);

        return n < 1 ? 1 : n > 64 ? 64 : (unsigned)n;
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

static void one(struct sim *w, uint64_t seed, int profile, struct batch *b) {
        bool violating = false;

        sim_schedule(w, seed, profile, NULL, 0);
        b->schedules++;
        for (unsigned k = 0; k < SIM_CLAIMS; k++) {
                b->violations[k] += w->violations[k] > 0;
                violating |= w->violations[k] > 0;
        }
        b->violating += violating;
        if (violating)
                note_bad(b, seed);
        add_counters(&b->count, &w->count);
        if (!violating && w->quiet) {
                unsigned permille = (unsigned)(w->longest_us * 1000 / (7ULL * w->base.interval_us));

                if (permille > b->longest_permille)
                        b->longest_permille = permille;
        }
}

static void worker(uint64_t from, uint64_t to, unsigned step, int profile, int out) {
        struct sim *w = calloc(1, sizeof *w);
        struct batch b = { 0 };

        if (!w)
                _exit(1);
        for (uint64_t seed = from; seed <= to; seed += step)
                one(w, seed, profile, &b);
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

static int start(uint64_t from, uint64_t to, unsigned step, int profile, int *ret_fd) {
        int fds[2];
        pid_t pid;

        if (pipe(fds) < 0)
                return -errno;
        fflush(stdout);
        pid = fork();
        if (pid == 0) {
                close(fds[0]);
                worker(from, to, step, profile, fds[1]);
        }
        close(fds[1]);
        *ret_fd = fds[0];
        if (pid < 0)
                close(fds[0]);
        return pid < 0 ? -EAGAIN : 0;
}

int batch_run(uint64_t from, uint64_t to, int profile, unsigned jobs, struct batch *ret) {
        int fd[64], r = 0, status;
        struct batch b;

        *ret = (struct batch){ 0 };
        jobs = jobs < 1 ? 1 : jobs > 64 ? 64 : jobs;
        for (unsigned k = 0; k < jobs; k++)
                if ((r = start(from + k, to, jobs, profile, &fd[k])) < 0)
                        return r;
        for (unsigned k = 0; k < jobs; k++) {
                if (read(fd[k], &b, sizeof b) == (ssize_t)sizeof b)
                        merge(ret, &b);
                else
                        r = -EPROTO;
                close(fd[k]);
        }
        for (unsigned k = 0; k < jobs; k++)
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
