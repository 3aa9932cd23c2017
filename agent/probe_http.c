#include "agent/monotonic.h"
#include "agent/probe.h"
#include <errno.h>

enum { AGAIN_US = 10000, AGAIN_MAX = 3, ACCURACY_US = 1, FLIGHTS = 3 };

struct flight { /* one question that is not answered yet */
        struct http_probe *probe;
        struct http_call *call; /* NULL: free */
        uint64_t started_us;
};
struct http_probe {
        struct probe_env env;
        enum health_check check;
        struct http_request request;
        uint32_t interval_us;
        bool hold;
        sd_event_source *timer;
        struct flight flight[FLIGHTS];
        struct http_call *held;
        uint64_t started_us; /* of the last question */
        unsigned again;      /* quick repetitions in a row */
};

static uint64_t now_us(void) {
        return (uint64_t)monotonic_us();
}

static void arm(struct http_probe *p, uint64_t at_us) {
        sd_event_source_set_time(p->timer, at_us);
        sd_event_source_set_enabled(p->timer, SD_EVENT_ONESHOT);
}

static enum health_outcome outcome(const struct http_result *r) {
        switch (r->failure) {
        case HTTP_ANSWERED:
                return r->status == 200 ? HEALTH_OK : HEALTH_ERROR;
        case HTTP_REFUSED:
                return HEALTH_REFUSED;
        case HTTP_TIMEOUT:
                return HEALTH_TIMEOUT;
        case HTTP_LOCAL_FILES:
                return HEALTH_UNKNOWN; /* says nothing about the server: before certificates are made */
        case HTTP_BROKEN:
        case HTTP_UNTRUSTED:
                break;
        }
        return HEALTH_ERROR;
}

static void describe(const struct http_probe *p, const struct http_result *r, char detail[HEALTH_REASON]) {
        if (r->failure == HTTP_REFUSED)
                snprintf(detail, HEALTH_REASON, "connection refused (%.200s)", p->request.url);
        else if (r->failure != HTTP_ANSWERED)
                snprintf(detail, HEALTH_REASON, "%.100s: %.120s", p->request.url, r->error);
        else if (r->status == 200)
                snprintf(detail, HEALTH_REASON, "answers 200");
        else
                snprintf(detail, HEALTH_REASON, "%.100s answers %u: %.*s", p->request.url, r->status,
                         (int)strcspn(r->body, "\r\n"), r->body);
}

/* Forget what was asked before. */
static void drop_older(struct http_probe *p, uint64_t than_us) {
        for (size_t i = 0; i < FLIGHTS; i++)
                if (p->flight[i].call && p->flight[i].started_us <= than_us) {
                        http_call_free(p->flight[i].call);
                        p->flight[i].call = NULL;
                }
}

/* A free place; NULL: as many as allowed are under way. */
static struct flight *free_flight(struct http_probe *p) {
        for (size_t i = 0; i < FLIGHTS; i++)
                if (!p->flight[i].call)
                        return &p->flight[i];
        return NULL;
}

static void probe(struct http_probe *p);

static void on_closed(void *userdata, const struct http_result *r) {
        struct http_probe *p = userdata;

        p->held = NULL;
        if (r->failure != HTTP_BROKEN && r->failure != HTTP_REFUSED)
                return; /* could not be opened: the next probe finds out why */
        drop_older(p, now_us());
        p->again = 0;
        probe(p);
}

/* When to ask next, now that one question is answered. */
static uint64_t next_us(struct http_probe *p, const struct http_result *r, uint64_t t) {
        uint64_t at_us = p->started_us + p->interval_us;

        if (r->failure != HTTP_REFUSED && r->failure != HTTP_BROKEN)
                p->again = 0;
        else if (p->again++ < AGAIN_MAX)
                at_us = t + AGAIN_US;
        return at_us > t ? at_us : t + 1;
}

static void on_answer(void *userdata, const struct http_result *r) {
        struct flight *f = userdata;
        struct http_probe *p = f->probe;
        char detail[HEALTH_REASON];
        uint64_t t = now_us();
        struct health_result result = { .outcome = outcome(r),
                                        .detail = detail,
                                        .started_us = f->started_us,
                                        .took_us = (uint32_t)(t - f->started_us) };

        f->call = NULL;
        if (r->failure != HTTP_TIMEOUT)
                drop_older(p, f->started_us);
        if (p->hold && !p->held && r->failure == HTTP_ANSWERED)
                (void)http_hold(p->env.http, &p->request, on_closed, p, &p->held); /* else after the next */
        arm(p, next_us(p, r, t));
        describe(p, r, detail);
        p->env.report(p->env.userdata, p->check, &result);
}

static void probe(struct http_probe *p) {
        struct flight *f = free_flight(p);

        if (!f) {
                sd_event_source_set_enabled(p->timer, SD_EVENT_OFF); /* the next answer arms it */
                return;
        }
        p->started_us = f->started_us = now_us();
        arm(p, p->started_us + p->interval_us);
        if (http_get(p->env.http, &p->request, on_answer, f, &f->call) < 0)
                p->env.report(p->env.userdata, p->check,
                              &(struct health_result){ .outcome = HEALTH_UNKNOWN,
                                                       .detail = "out of memory",
                                                       .started_us = p->started_us });
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        (void)s;
        (void)usec;
        probe(userdata);
        return 0;
}

/* The oldest question has waited longest and is told by its time-out last: it makes room. */
void http_probe_now(struct http_probe *p) {
        struct flight *oldest = &p->flight[0];

        for (size_t i = 1; i < FLIGHTS; i++)
                if (p->flight[i].started_us < oldest->started_us)
                        oldest = &p->flight[i];
        if (!free_flight(p))
                drop_older(p, oldest->started_us);
        probe(p);
}

int http_probe_new(const struct probe_env *env, enum health_check check, const struct http_request *q,
                   uint32_t interval_us, bool hold, struct http_probe **ret) {
        CLEANUP(http_probe_freep) struct http_probe *p = calloc(1, sizeof *p);
        int r;

        if (!p)
                return -ENOMEM;
        *p = (struct http_probe){
                .env = *env, .check = check, .request = *q, .interval_us = interval_us, .hold = hold
        };
        for (size_t i = 0; i < FLIGHTS; i++)
                p->flight[i].probe = p;
        r = sd_event_add_time_relative(env->loop, &p->timer, CLOCK_MONOTONIC, 0, ACCURACY_US, on_timer, p);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

void http_probe_free(struct http_probe *p) {
        if (!p)
                return;
        drop_older(p, UINT64_MAX);
        http_call_free(p->held);
        sd_event_source_disable_unref(p->timer);
        free(p);
}
