#include "agent/worker.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>

enum { STACK_SIZE = 256 * 1024 };

/* Jobs go round a ring: taken..done have been worked on, done..put wait or are under way. */
struct worker {
        sd_event_source *io;
        int wake; /* eventfd, to the loop */
        pthread_t thread;
        bool running;
        pthread_mutex_t lock; /* held for moments only, never during work */
        pthread_cond_t more;
        bool stop;
        struct worker_job job[WORKER_QUEUE];
        int result[WORKER_QUEUE];
        size_t put, done, taken; /* counted, not wrapped */
};

static bool next(struct worker *w, struct worker_job *ret) {
        bool stop;

        pthread_mutex_lock(&w->lock);
        while (!w->stop && w->done == w->put)
                pthread_cond_wait(&w->more, &w->lock);
        stop = w->stop;
        *ret = w->job[w->done % WORKER_QUEUE];
        pthread_mutex_unlock(&w->lock);
        return !stop;
}

static void finished(struct worker *w, int r) {
        pthread_mutex_lock(&w->lock);
        w->result[w->done++ % WORKER_QUEUE] = r;
        pthread_mutex_unlock(&w->lock);
        (void)eventfd_write(w->wake, 1);
}

static void *main_loop(void *userdata) {
        struct worker *w = userdata;
        struct worker_job job;

        while (next(w, &job))
                finished(w, job.work(job.arg));
        return NULL;
}

static bool take(struct worker *w, struct worker_job *job, int *result) {
        bool any;

        pthread_mutex_lock(&w->lock);
        any = w->taken < w->done;
        if (any) {
                *job = w->job[w->taken % WORKER_QUEUE];
                *result = w->result[w->taken++ % WORKER_QUEUE];
        }
        pthread_mutex_unlock(&w->lock);
        return any;
}

static int on_wake(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        struct worker *w = userdata;
        struct worker_job job;
        eventfd_t n;
        int result;

        (void)s;
        (void)events;
        (void)eventfd_read(fd, &n);
        while (take(w, &job, &result))
                job.done(job.arg, result);
        return 0;
}

int worker_new(sd_event *loop, struct worker **ret) {
        CLEANUP(worker_freep) struct worker *w = calloc(1, sizeof *w);
        int r;

        if (!w)
                return -ENOMEM;
        pthread_mutex_init(&w->lock, NULL);
        pthread_cond_init(&w->more, NULL);
        w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (w->wake < 0)
                return -errno;
        if ((r = sd_event_add_io(loop, &w->io, w->wake, EPOLLIN, on_wake, w)) < 0)
                return r;
        *ret = TAKE_PTR(w);
        return 0;
}

/* Signals are the loop's; a real-time policy is not inherited (SCHED_RESET_ON_FORK). */
static int start_thread(struct worker *w) {
        pthread_attr_t attr;
        sigset_t all, before;
        int r;

        if (w->running)
                return 0;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, STACK_SIZE);
        r = pthread_create(&w->thread, &attr, main_loop, w);
        pthread_attr_destroy(&attr);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        w->running = r == 0;
        return -r;
}

int worker_run(struct worker *w, const struct worker_job *job) {
        int r = start_thread(w);

        if (r < 0)
                return r;
        pthread_mutex_lock(&w->lock);
        if (w->put - w->taken == WORKER_QUEUE)
                r = -EAGAIN;
        else
                w->job[w->put++ % WORKER_QUEUE] = *job;
        pthread_cond_signal(&w->more);
        pthread_mutex_unlock(&w->lock);
        return r;
}

void worker_free(struct worker *w) {
        if (!w)
                return;
        pthread_mutex_lock(&w->lock);
        w->stop = true;
        pthread_cond_signal(&w->more);
        pthread_mutex_unlock(&w->lock);
        if (w->running)
                pthread_join(w->thread, NULL);
        for (; w->taken < w->put; w->taken++)
                w->job[w->taken % WORKER_QUEUE].drop(w->job[w->taken % WORKER_QUEUE].arg);
        sd_event_source_disable_unref(w->io);
        if (w->wake >= 0)
                close(w->wake);
        pthread_cond_destroy(&w->more);
        pthread_mutex_destroy(&w->lock);
        free(w);
}
