#include "agent/curl.h"
#include "agent/drill.h"
#include "agent/monotonic.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

enum { UNDER_WAY = 256 };

struct drill_probe {
        struct drill_question question;
        CURLM *multi;
        CURL *free_handle[UNDER_WAY]; /* those that ask nothing now */
        size_t n_free;
        CURL *handle[UNDER_WAY];
        size_t n_handles;
        pthread_t thread;
        bool running;
        atomic_bool ending;
        pthread_mutex_t lock; /* of what follows */
        struct drill_measure measure;
        int64_t answered_us; /* the last time */
};

static size_t ignore(char *data, size_t size, size_t n, void *userdata) {
        (void)data;
        (void)userdata;
        return size * n;
}

static CURL *new_handle(const struct drill_question *q) {
        CURL *c = curl_easy_init();

        if (!c)
                return NULL;
        curl_defaults(c, q->url, "https");
        curl_mutual_tls(c, q->ca_file, NULL, NULL);
        curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)q->timeout_ms);
        curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
        curl_easy_setopt(c, CURLOPT_SSL_SESSIONID_CACHE, 0L);
        curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, ignore);
        return c;
}

static CURL *take_handle(struct drill_probe *p) {
        if (p->n_free == 0 && p->n_handles < UNDER_WAY &&
            (p->free_handle[0] = new_handle(&p->question)) != NULL) {
                p->handle[p->n_handles++] = p->free_handle[0];
                p->n_free = 1;
        }
        return p->n_free > 0 ? p->free_handle[--p->n_free] : NULL;
}

/* With UNDER_WAY questions open none is added: those say enough. */
static void ask(struct drill_probe *p) {
        CURL *c = take_handle(p);

        if (!c || curl_multi_add_handle(p->multi, c) != CURLM_OK)
                return;
        pthread_mutex_lock(&p->lock);
        p->measure.asked++;
        pthread_mutex_unlock(&p->lock);
}

static void note_gap(struct drill_probe *p, int64_t now_us) {
        if (now_us - p->answered_us > p->measure.gap_us)
                p->measure.gap_us = now_us - p->answered_us;
}

static void note(struct drill_probe *p, CURLcode code, long status) {
        pthread_mutex_lock(&p->lock);
        if (code == CURLE_OK && status < 500) {
                int64_t now_us = monotonic_us();

                note_gap(p, now_us);
                p->answered_us = now_us;
                p->measure.answered++;
        } else if (code == CURLE_OK) {
                snprintf(p->measure.problem, sizeof p->measure.problem, "HTTP status %ld", status);
        } else {
                snprintf(p->measure.problem, sizeof p->measure.problem, "%s", curl_easy_strerror(code));
        }
        pthread_mutex_unlock(&p->lock);
}

static void collect(struct drill_probe *p) {
        CURLMsg *m;
        int left;

        while ((m = curl_multi_info_read(p->multi, &left))) {
                CURL *c = m->easy_handle;
                CURLcode code = m->data.result; /* *m is gone with the handle */
                long status = 0;

                curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
                note(p, code, status);
                curl_multi_remove_handle(p->multi, c);
                p->free_handle[p->n_free++] = c;
        }
}

static void *run(void *arg) {
        struct drill_probe *p = arg;
        int64_t next_us = monotonic_us();
        int running;

        while (!p->ending) {
                int64_t now_us = monotonic_us();

                if (now_us >= next_us) {
                        ask(p);
                        next_us += (int64_t)p->question.rhythm_ms * 1000;
                        if (next_us < now_us) /* what could not be asked in time is not caught up on */
                                next_us = now_us;
                }
                curl_multi_perform(p->multi, &running);
                collect(p);
                now_us = monotonic_us();
                curl_multi_poll(p->multi, NULL, 0,
                                now_us < next_us ? (int)((next_us - now_us + 999) / 1000) : 0, NULL);
        }
        return NULL;
}

int drill_probe_new(const struct drill_question *q, struct drill_probe **ret, struct error *e) {
        CLEANUP(drill_probe_freep) struct drill_probe *p = calloc(1, sizeof *p);
        int r;

        if (!p)
                return error_set(e, EXIT_FAILED, "out of memory");
        p->question = *q;
        p->answered_us = monotonic_us();
        pthread_mutex_init(&p->lock, NULL);
        if (!(p->multi = curl_multi_init()))
                return error_set(e, EXIT_FAILED, "out of memory");
        if ((r = pthread_create(&p->thread, NULL, run, p)) != 0)
                return error_set(e, EXIT_FAILED, "no thread can be made: %s", strerror(r));
        p->running = true;
        *ret = TAKE_PTR(p);
        return 0;
}

void drill_probe_take(struct drill_probe *p, struct drill_measure *ret) {
        pthread_mutex_lock(&p->lock);
        note_gap(p, monotonic_us());
        *ret = p->measure;
        p->measure = (struct drill_measure){ 0 };
        pthread_mutex_unlock(&p->lock);
}

void drill_probe_free(struct drill_probe *p) {
        if (!p)
                return;
        p->ending = true;
        if (p->running)
                pthread_join(p->thread, NULL);
        for (size_t i = 0; i < p->n_handles; i++) {
                curl_multi_remove_handle(p->multi, p->handle[i]);
                curl_easy_cleanup(p->handle[i]);
        }
        curl_multi_cleanup(p->multi);
        pthread_mutex_destroy(&p->lock);
        free(p);
}
