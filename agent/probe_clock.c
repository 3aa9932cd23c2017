#include "agent/monotonic.h"
#include "agent/probe.h"
#include <errno.h>
#include <sys/epoll.h>
#include <time.h>

enum { PATIENCE_US = 500000, ACCURACY_US = 1000 };

struct clock_probe {
        struct probe_env env;
        uint16_t port;
        uint32_t interval_us;
        double max_offset_s;
        int fd;
        uint32_t sequence;
        uint64_t started_us;
        sd_event_source *timer, *late, *io;
        struct clock_state state;
};

enum health_outcome clock_outcome(const struct clock_state *s, double max_offset_s) {
        double offset = s->correction < 0 ? -s->correction : s->correction;

        switch (s->verdict) {
        case CLOCK_GOOD:
                return offset > max_offset_s / 2 ? HEALTH_MARGINAL : HEALTH_OK;
        case CLOCK_OFFSET:
                return HEALTH_OFFSET;
        case CLOCK_UNSYNCHRONISED:
        case CLOCK_STALE:
        case CLOCK_UNKNOWN:
                break;
        }
        return HEALTH_UNSYNCHRONISED;
}

static uint64_t now_us(void) {
        return (uint64_t)monotonic_us();
}

static void report(struct clock_probe *p) {
        struct health_result r = { .outcome = clock_outcome(&p->state, p->max_offset_s),
                                   .detail = p->state.reason,
                                   .started_us = p->started_us,
                                   .took_us = (uint32_t)(now_us() - p->started_us) };

        sd_event_source_set_enabled(p->late, SD_EVENT_OFF);
        p->env.report(p->env.userdata, HEALTH_CLOCK, &r);
}

static void ask_kernel(struct clock_probe *p) {
        clock_read_kernel(p->max_offset_s, &p->state);
        report(p);
}

static int on_reply(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        struct clock_probe *p = userdata;
        struct chrony_tracking t;
        struct timespec now;
        int r = chrony_receive(fd, p->sequence, &t);

        (void)s;
        (void)events;
        if (r == -EAGAIN)
                return 0;
        if (r < 0) {
                ask_kernel(p);
                return 0;
        }
        clock_gettime(CLOCK_REALTIME, &now); /* compared with the wall clock time of the last update */
        clock_judge(&t, now, p->max_offset_s, &p->state);
        report(p);
        return 0;
}

static int on_late(sd_event_source *s, uint64_t usec, void *userdata) {
        (void)s;
        (void)usec;
        ask_kernel(userdata);
        return 0;
}

/* An answer to the question before has another sequence number and no longer counts. */
void clock_probe_now(struct clock_probe *p) {
        p->started_us = now_us();
        if (chrony_send(p->fd, 0, &p->sequence) < 0) {
                ask_kernel(p); /* ECONNREFUSED of the last time: nobody is there */
                return;
        }
        sd_event_source_set_time_relative(p->late, PATIENCE_US);
        sd_event_source_set_enabled(p->late, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        struct clock_probe *p = userdata;

        sd_event_source_set_time(s, usec + p->interval_us);
        sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        clock_probe_now(p);
        return 0;
}

int clock_probe_new(const struct probe_env *env, uint16_t port, uint32_t interval_us, double max_offset_s,
                    struct clock_probe **ret) {
        CLEANUP(clock_probe_freep) struct clock_probe *p = calloc(1, sizeof *p);
        int r;

        if (!p)
                return -ENOMEM;
        *p = (struct clock_probe){ .env = *env,
                                   .port = port,
                                   .interval_us = interval_us,
                                   .max_offset_s = max_offset_s,
                                   .state = { .verdict = CLOCK_UNKNOWN, .reason = "not known yet" } };
        p->fd = chrony_open(port);
        if (p->fd < 0)
                return p->fd;
        if ((r = sd_event_add_io(env->loop, &p->io, p->fd, EPOLLIN, on_reply, p)) < 0 ||
            (r = sd_event_add_time_relative(env->loop, &p->late, CLOCK_MONOTONIC, PATIENCE_US, ACCURACY_US,
                                            on_late, p)) < 0 ||
            (r = sd_event_source_set_enabled(p->late, SD_EVENT_OFF)) < 0 ||
            (r = sd_event_add_time_relative(env->loop, &p->timer, CLOCK_MONOTONIC, 0, ACCURACY_US, on_timer,
                                            p)) < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

const struct clock_state *clock_probe_state(const struct clock_probe *p) {
        return &p->state;
}

void clock_probe_free(struct clock_probe *p) {
        if (!p)
                return;
        sd_event_source_disable_unref(p->timer);
        sd_event_source_disable_unref(p->late);
        sd_event_source_disable_unref(p->io);
        closep(&p->fd);
        free(p);
}
