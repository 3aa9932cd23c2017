/* How late a timer of 10 ms is while others want all processors: the agent's event loop, clock and locked
 * memory, without its real-time policy and with it. Prints "name figure unit"; asserts nothing. */
#include "agent/memory.h"
#include "agent/realtime.h"
#include "pki/util.h"
#include "vrrp/clock.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { INTERVAL_US = 10000, ROUNDS = 1000, HOGS_PER_CPU = 2, HOGS_MAX = 64 };

struct timer {
        sd_event_source *source;
        uint64_t due_us;
        size_t n;
        uint64_t late_us[ROUNDS];
};

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        struct timer *t = userdata;
        uint64_t now = vrrp_now_us();

        (void)usec;
        if (now >= t->due_us) { /* else it was a hint, as for the agent */
                t->late_us[t->n++] = now - t->due_us;
                t->due_us = now + INTERVAL_US;
        }
        if (t->n == ROUNDS)
                return sd_event_exit(sd_event_source_get_event(s), 0);
        vrrp_clock_arm(t->source, t->due_us);
        return 0;
}

static int compare(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

/* p99 of the lateness, or negative errno. */
static int64_t measure(void) {
        static struct timer t;
        sd_event *loop = NULL;
        int r;

        t = (struct timer){ .due_us = vrrp_now_us() + INTERVAL_US };
        if ((r = sd_event_new(&loop)) < 0 ||
            (r = sd_event_add_time(loop, &t.source, CLOCK_MONOTONIC, UINT64_MAX, 1, on_timer, &t)) < 0 ||
            (r = sd_event_source_set_priority(t.source, SD_EVENT_PRIORITY_IMPORTANT)) < 0)
                return r;
        vrrp_clock_arm(t.source, t.due_us);
        r = sd_event_loop(loop);
        sd_event_source_unref(t.source);
        sd_event_unref(loop);
        qsort(t.late_us, ROUNDS, sizeof t.late_us[0], compare);
        return r < 0 ? r : (int64_t)t.late_us[ROUNDS * 99 / 100];
}

static _Noreturn void hog(void) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (volatile unsigned i = 0;; i++)
                ;
}

static size_t start_hogs(pid_t pids[HOGS_MAX]) {
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);
        size_t n = 0;

        while (n < HOGS_MAX && n < (size_t)cpus * HOGS_PER_CPU) {
                if ((pids[n] = fork()) == 0)
                        hog();
                if (pids[n] < 0)
                        break;
                n++;
        }
        return n;
}

static int run(void) {
        int64_t without = measure(), with;
        int r = realtime_policy();

        if (r < 0) {
                fprintf(stderr, "bench_timer: no real-time policy: %s\n", strerror(-r));
                return r;
        }
        if (without < 0 || (with = measure()) < 0)
                return -EIO;
        printf("timer-10ms-late-p99-without %.3f ms\n", (double)without / 1000);
        printf("timer-10ms-late-p99-with-sched-rr %.3f ms\n", (double)with / 1000);
        printf("timer-10ms-late-p99-ratio %.4f of 1\n", (double)with / (double)(without ? without : 1));
        return 0;
}

int main(void) {
        pid_t pids[HOGS_MAX];
        size_t n = start_hogs(pids);
        int r = memory_lock();

        if (r < 0)
                fprintf(stderr, "bench_timer: memory is not locked: %s\n", strerror(-r));
        r = run();
        for (size_t i = 0; i < n; i++) {
                kill(pids[i], SIGKILL);
                waitpid(pids[i], NULL, 0);
        }
        return r < 0;
}
