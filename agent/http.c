#include "agent/http.h"
#include "agent/curl.h"
#include <arpa/inet.h>
#include <errno.h>
#include <sys/epoll.h>

enum { LIFETIME_S = 60, CA_CACHE_S = 60, TIMER_ACCURACY_US = 1, MIN_TIMEOUT_MS = 1 };

DEFINE_CLEANUP(CURL *, curl_easy_cleanup)
DEFINE_CLEANUP(CURLU *, curl_url_cleanup)

struct http {
        sd_event *loop;
        CURLM *multi;
        sd_event_source *timer;
};

struct http_call {
        struct http *http;
        CURL *easy;
        http_done_fn done;
        void *userdata;
        size_t max_body, size;
        char *body;
        bool truncated, hold;
        sd_event_source *closed; /* of a held connection */
        char error[CURL_ERROR_SIZE];
};

/* Without brackets: "[::1]" is how URLs write it. */
static bool is_address(char *host) {
        struct in6_addr a;
        size_t n = strlen(host);

        if (n > 2 && host[0] == '[') {
                host[n - 1] = '\0';
                return inet_pton(AF_INET6, host + 1, &a) == 1;
        }
        return inet_pton(AF_INET, host, &a) == 1;
}

int http_check_url(const char *url) {
        CLEANUP(curl_url_cleanupp) CURLU *u = curl_url();
        char *host = NULL, *scheme = NULL;
        bool good;

        if (!u)
                return -ENOMEM;
        good = curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
               curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
               curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && is_address(host) &&
               (!strcmp(scheme, "http") || !strcmp(scheme, "https"));
        curl_free(host);
        curl_free(scheme);
        return good ? 0 : -EINVAL;
}

static bool is_local_file_error(CURLcode code) {
        return code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CERTPROBLEM;
}

static enum http_failure classify(const struct http_call *c, CURLcode code) {
        long os_errno = 0;

        if (code == CURLE_OK)
                return c->hold ? HTTP_BROKEN : HTTP_ANSWERED;
        curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &os_errno);
        if (code == CURLE_COULDNT_CONNECT && os_errno == ECONNREFUSED)
                return HTTP_REFUSED;
        if (code == CURLE_OPERATION_TIMEDOUT)
                return HTTP_TIMEOUT;
        if (code == CURLE_PEER_FAILED_VERIFICATION)
                return HTTP_UNTRUSTED;
        return is_local_file_error(code) ? HTTP_LOCAL_FILES : HTTP_BROKEN;
}

/* Tell the owner and free the call. */
static void finish(struct http_call *c, CURLcode code) {
        struct http_result r = { .failure = classify(c, code), .size = c->size, .truncated = c->truncated };
        http_done_fn done = c->done;
        void *userdata = c->userdata;
        long status = 0;

        curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
        r.status = (unsigned)status;
        r.body = c->body;
        r.error = code == CURLE_OK ? "" : *c->error ? c->error : curl_easy_strerror(code);
        done(userdata, &r);
        http_call_free(c);
}

static int on_held_readable(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        struct http_call *c = userdata;
        char scrap[256];
        size_t n = 0;
        CURLcode code;

        (void)s;
        (void)fd;
        (void)events;
        /* Session tickets and the like make the socket readable, too: only the end of the stream counts. */
        do
                code = curl_easy_recv(c->easy, scrap, sizeof scrap, &n);
        while (code == CURLE_OK && n > 0);
        if (code != CURLE_AGAIN)
                finish(c, code);
        return 0;
}

static int watch_held(struct http_call *c) {
        curl_socket_t fd = CURL_SOCKET_BAD;

        if (curl_easy_getinfo(c->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK || fd == CURL_SOCKET_BAD)
                return -ENOTCONN;
        return sd_event_add_io(c->http->loop, &c->closed, fd, EPOLLIN | EPOLLRDHUP, on_held_readable, c);
}

static void reap(struct http *h) {
        CURLMsg *m;
        int left;

        while ((m = curl_multi_info_read(h->multi, &left))) {
                CURLcode code = m->data.result; /* m is gone after the call's end */
                struct http_call *c = NULL;

                if (m->msg != CURLMSG_DONE)
                        continue;
                curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&c);
                if (!c->hold || code != CURLE_OK || watch_held(c) < 0)
                        finish(c, code);
        }
}

static void act(struct http *h, curl_socket_t fd, int events) {
        int running;

        curl_multi_socket_action(h->multi, fd, events, &running);
        reap(h);
}

static int on_socket(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        (void)s;
        act(userdata, fd,
            (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                    (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0));
        return 0;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        (void)s;
        (void)usec;
        act(userdata, CURL_SOCKET_TIMEOUT, 0);
        return 0;
}

/* curl wants (or no longer wants) to hear of a socket; `socketp` is the source given to it before. */
static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *userdata, void *socketp) {
        struct http *h = userdata;
        sd_event_source *s = socketp;
        uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);

        (void)easy;
        if (what == CURL_POLL_REMOVE) {
                sd_event_source_disable_unref(s);
                return 0;
        }
        if (s)
                return sd_event_source_set_io_events(s, events) < 0 ? -1 : 0;
        if (sd_event_add_io(h->loop, &s, fd, events, on_socket, h) < 0)
                return -1;
        curl_multi_assign(h->multi, fd, s);
        return 0;
}

static int timer_wanted(CURLM *multi, long timeout_ms, void *userdata) {
        struct http *h = userdata;

        (void)multi;
        if (timeout_ms < 0)
                return sd_event_source_set_enabled(h->timer, SD_EVENT_OFF) < 0 ? -1 : 0;
        if (sd_event_source_set_time_relative(h->timer, (uint64_t)timeout_ms * 1000) < 0 ||
            sd_event_source_set_enabled(h->timer, SD_EVENT_ONESHOT) < 0)
                return -1;
        return 0;
}

int http_new(sd_event *loop, struct http **ret) {
        CLEANUP(http_freep) struct http *h = calloc(1, sizeof *h);
        int r;

        if (!h || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(h->multi = curl_multi_init()))
                return -ENOMEM;
        h->loop = sd_event_ref(loop);
        r = sd_event_add_time_relative(loop, &h->timer, CLOCK_MONOTONIC, 0, TIMER_ACCURACY_US, on_timer, h);
        if (r < 0 || (r = sd_event_source_set_enabled(h->timer, SD_EVENT_OFF)) < 0)
                return r;
        curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
        curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
        curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
        curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
        *ret = TAKE_PTR(h);
        return 0;
}

void http_free(struct http *h) {
        if (!h)
                return;
        if (h->multi)
                curl_multi_cleanup(h->multi);
        sd_event_source_disable_unref(h->timer);
        sd_event_unref(h->loop);
        free(h);
}

static size_t on_body(char *data, size_t size, size_t n, void *userdata) {
        struct http_call *c = userdata;
        size_t got = size * n, keep = c->max_body - c->size;
        char *body;

        if (got > keep)
                c->truncated = true;
        else
                keep = got;
        body = realloc(c->body, c->size + keep + 1);
        if (!body)
                return 0; /* ends the call as broken */
        c->body = body;
        memcpy(c->body + c->size, data, keep);
        c->size += keep;
        c->body[c->size] = '\0';
        return got;
}

static void set_tls(CURL *e, const struct http_request *q) {
        curl_mutual_tls(e, q->ca_file, q->cert_file, q->key_file);
        curl_easy_setopt(e, CURLOPT_CA_CACHE_TIMEOUT, (long)CA_CACHE_S);
        curl_easy_setopt(e, CURLOPT_SSL_ENABLE_ALPN, 0L);
}

static void set_options(struct http_call *c, const struct http_request *q) {
        long ms = q->timeout_us / 1000 < MIN_TIMEOUT_MS ? MIN_TIMEOUT_MS : (long)(q->timeout_us / 1000);
        CURL *e = c->easy;

        curl_defaults(e, q->url, "http,https");
        curl_easy_setopt(e, CURLOPT_PRIVATE, c);
        curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->error);
        curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
        curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, ms);
        curl_easy_setopt(e, CURLOPT_MAXLIFETIME_CONN, (long)LIFETIME_S); /* to see renewed certificates */
        if (c->hold)
                curl_easy_setopt(e, CURLOPT_CONNECT_ONLY, 1L);
        else
                curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, ms);
        set_tls(e, q);
}

static int call_new(struct http *h, const struct http_request *q, bool hold, http_done_fn done,
                    void *userdata, struct http_call **ret) {
        struct http_call *c = calloc(1, sizeof *c);

        if (!c)
                return -ENOMEM;
        *c = (struct http_call){
                .http = h, .done = done, .userdata = userdata, .max_body = q->max_body, .hold = hold
        };
        c->body = calloc(1, 1);
        c->easy = curl_easy_init();
        if (!c->body || !c->easy) {
                http_call_free(c);
                return -ENOMEM;
        }
        set_options(c, q);
        if (curl_multi_add_handle(h->multi, c->easy) != CURLM_OK) {
                http_call_free(c);
                return -ENOMEM;
        }
        *ret = c;
        return 0;
}

int http_get(struct http *h, const struct http_request *q, http_done_fn done, void *userdata,
             struct http_call **ret) {
        return call_new(h, q, false, done, userdata, ret);
}

int http_hold(struct http *h, const struct http_request *q, http_done_fn done, void *userdata,
              struct http_call **ret) {
        return call_new(h, q, true, done, userdata, ret);
}

void http_call_free(struct http_call *c) {
        if (!c)
                return;
        sd_event_source_disable_unref(c->closed);
        if (c->easy) {
                curl_multi_remove_handle(c->http->multi, c->easy);
                curl_easy_cleanup(c->easy);
        }
        free(c->body);
        free(c);
}
