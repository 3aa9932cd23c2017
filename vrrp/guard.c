#include "vrrp/guard.h"
#include "pki/util.h"
#include "vrrp/clock.h"
#include "vrrp/netlink.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>

enum {
        SLOTS = 512, /* 255 groups of two families on one interface; more interfaces are rare */
        VIPS = 32,
        STACK = 64 * 1024, /* locked memory, all of it */
        NEAR_US = 1000,
        AGAIN_MIN_US = 5000,
        AGAIN_MAX_US = 1000000,
        US = 1000000,
};

struct vrrp_guard_slot {
        struct vrrp_guard *guard;
        size_t n, place;
        struct vrrp_ip vips[VIPS];
        atomic_uint ifindex;
        atomic_uint_fast64_t until_us, fired;
        /* the thread's own */
        uint64_t done_us, again_us, gap_us; /* the deadline that was acted on; when and how soon again */
};

struct vrrp_guard {
        pthread_t thread;
        struct vrrp_netlink netlink;
        struct sched_param sched;
        int policy;
        atomic_bool stop;
        _Atomic uint32_t bell; /* the futex: changes when the thread is to look again */
        atomic_uint_fast64_t sleeps_until_us;
        atomic_uint_fast64_t passes; /* odd: looking at the slots */
        _Atomic(struct vrrp_guard_slot *) slots[SLOTS];
};

/* The clock of deadlines is RAW, the futex's is slewed by up to 8 %: wake early, read again. */
static void sleep_until(struct vrrp_guard *g, uint32_t bell, uint64_t until_us) {
        uint64_t now = vrrp_now_us(), left = until_us > now ? until_us - now : 0;
        struct timespec t;

        if (left == 0)
                return;
        if (left > NEAR_US)
                left -= left / 8;
        t = (struct timespec){ .tv_sec = (time_t)(left / US), .tv_nsec = (long)(left % US) * 1000 };
        syscall(SYS_futex, &g->bell, FUTEX_WAIT_PRIVATE, bell, until_us == VRRP_NEVER ? NULL : &t, NULL, 0);
}

static void ring(struct vrrp_guard *g) {
        atomic_fetch_add(&g->bell, 1);
        syscall(SYS_futex, &g->bell, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void remove_all(struct vrrp_guard *g, struct vrrp_guard_slot *s) {
        unsigned ifindex = atomic_load(&s->ifindex);
        bool removed = false;

        for (size_t i = 0; i < s->n; i++) {
                struct vrrp_nl_address a = { ifindex, s->vips[i], vrrp_ip_bits(&s->vips[i]), 0 };

                removed |= vrrp_netlink_delete(&g->netlink, &a) == 0;
        }
        if (removed)
                atomic_fetch_add(&s->fired, 1);
}

/* When the slot wants to be looked at next. While nobody tells that the address is gone it is removed again:
 * a loop that was preempted between its look at the clock and its add may have put it back. */
static uint64_t look(struct vrrp_guard *g, struct vrrp_guard_slot *s) {
        uint64_t until = atomic_load(&s->until_us);

        if (until == VRRP_NEVER)
                return VRRP_NEVER;
        if (until != s->done_us) {
                if (vrrp_now_us() < until)
                        return until;
                s->done_us = until;
                s->gap_us = AGAIN_MIN_US;
        } else if (vrrp_now_us() < s->again_us) {
                return s->again_us;
        }
        remove_all(g, s);
        s->again_us = vrrp_now_us() + s->gap_us;
        s->gap_us = s->gap_us < AGAIN_MAX_US ? 2 * s->gap_us : s->gap_us;
        return s->again_us;
}

static uint64_t pass(struct vrrp_guard *g) {
        uint64_t first = VRRP_NEVER;

        atomic_fetch_add(&g->passes, 1);
        for (size_t i = 0; i < SLOTS; i++) {
                struct vrrp_guard_slot *s = atomic_load(&g->slots[i]);
                uint64_t at = s ? look(g, s) : VRRP_NEVER;

                first = at < first ? at : first;
        }
        atomic_fetch_add(&g->passes, 1);
        return first;
}

static void *run(void *arg) {
        struct vrrp_guard *g = arg;

        if (g->policy == SCHED_RR || g->policy == SCHED_FIFO)
                sched_setscheduler(0, SCHED_RR, &g->sched); /* not allowed: as it is */
        while (!atomic_load(&g->stop)) {
                uint32_t bell = atomic_load(&g->bell);
                uint64_t first = pass(g);

                /* Who sets an earlier deadline after this line sees that we would sleep too long, and rings;
                 * who did so before it is seen by the second pass. */
                atomic_store(&g->sleeps_until_us, first);
                if (pass(g) >= first)
                        sleep_until(g, bell, first);
                atomic_store(&g->sleeps_until_us, 0);
        }
        return NULL;
}

/* A reset-on-fork policy does not reach the thread: it sets its own. */
static void choose_policy(struct vrrp_guard *g) {
        g->policy = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
        if (sched_getparam(0, &g->sched) == 0 && g->sched.sched_priority < sched_get_priority_max(SCHED_RR))
                g->sched.sched_priority++;
}

static int start(struct vrrp_guard *g) {
        sigset_t all, before;
        pthread_attr_t attr;
        int r;

        if ((r = pthread_attr_init(&attr)) != 0)
                return -r;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        if ((r = pthread_attr_setstacksize(&attr, STACK)) == 0 &&
            (r = pthread_create(&g->thread, &attr, run, g)) == 0)
                pthread_setname_np(g->thread, "triarch-guard");
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attr);
        return -r;
}

int vrrp_guard_new(struct vrrp_guard **ret) {
        CLEANUP(freep) struct vrrp_guard *g = calloc(1, sizeof *g);
        int r;

        if (!g)
                return -ENOMEM;
        if ((r = vrrp_netlink_open(&g->netlink)) < 0)
                return r;
        choose_policy(g);
        if ((r = start(g)) < 0) {
                vrrp_netlink_close(&g->netlink);
                return r;
        }
        *ret = TAKE_PTR(g);
        return 0;
}

void vrrp_guard_free(struct vrrp_guard *g) {
        if (!g)
                return;
        atomic_store(&g->stop, true);
        ring(g);
        pthread_join(g->thread, NULL);
        vrrp_netlink_close(&g->netlink);
        free(g);
}

int vrrp_guard_slot_new(struct vrrp_guard *g, const struct vrrp_ip *vips, size_t n,
                        struct vrrp_guard_slot **ret) {
        CLEANUP(freep) struct vrrp_guard_slot *s = NULL;
        size_t place = 0;

        if (n > VIPS)
                return -EINVAL;
        while (place < SLOTS && atomic_load(&g->slots[place]))
                place++;
        if (place == SLOTS)
                return -ENOSPC;
        if (!(s = calloc(1, sizeof *s)))
                return -ENOMEM;
        s->guard = g;
        s->place = place;
        s->n = n;
        memcpy(s->vips, vips, n * sizeof *vips);
        atomic_store(&s->until_us, VRRP_NEVER);
        s->done_us = VRRP_NEVER;
        atomic_store(&g->slots[place], s);
        *ret = TAKE_PTR(s);
        return 0;
}

/* Until the pass that may have seen the slot is over. */
void vrrp_guard_slot_free(struct vrrp_guard_slot *s) {
        struct timespec moment = { .tv_nsec = 20000 };
        uint64_t seen;

        if (!s)
                return;
        atomic_store(&s->guard->slots[s->place], NULL);
        seen = atomic_load(&s->guard->passes);
        while (seen % 2 == 1 && atomic_load(&s->guard->passes) == seen)
                nanosleep(&moment, NULL);
        free(s);
}

void vrrp_guard_set(struct vrrp_guard_slot *s, unsigned ifindex, uint64_t until_us) {
        atomic_store(&s->ifindex, ifindex);
        atomic_store(&s->until_us, until_us);
        if (until_us < atomic_load(&s->guard->sleeps_until_us))
                ring(s->guard);
}

uint64_t vrrp_guard_fired(const struct vrrp_guard_slot *s) {
        return atomic_load(&s->fired);
}
