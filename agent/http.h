/* HTTP GET on the event loop: libcurl's multi interface, its sockets and timer as sd-event sources.
 * HTTP/1.1, no proxy, no redirect, no cookie; host names are refused, so that nothing here resolves.
 * Nothing blocks, but libcurl reads the (small, local) certificate files when it connects. */
#ifndef AGENT_HTTP_H
#define AGENT_HTTP_H

#include "pki/util.h"
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct http;
struct http_call;

struct http_request {    /* borrowed: must live as long as the calls made from it */
        const char *url; /* http or https, host an address */
        const char *ca_file, *cert_file, *key_file; /* https; cert_file and key_file may be NULL */
        uint32_t timeout_us;
        size_t max_body; /* what is beyond is cut off, `truncated` */
};
enum http_failure {
        HTTP_ANSWERED, /* status is valid */
        HTTP_REFUSED,  /* connection refused */
        HTTP_TIMEOUT,
        HTTP_BROKEN,      /* connection failed or broke otherwise */
        HTTP_UNTRUSTED,   /* the server's certificate does not verify */
        HTTP_LOCAL_FILES, /* a certificate or key file of ours is missing or bad */
};
struct http_result {
        enum http_failure failure;
        unsigned status;  /* 200, ... */
        const char *body; /* NUL-terminated, valid during the call back */
        size_t size;
        bool truncated;
        const char *error; /* for people; "" when answered */
};
/* The call is over and freed when it returns; the callee may start another. */
typedef void (*http_done_fn)(void *userdata, const struct http_result *r);

/* 0, -EINVAL: no http(s) URL or its host is no address. */
int http_check_url(const char *url);

int http_new(sd_event *loop, struct http **ret);
void http_free(struct http *h); /* after all its calls */
int http_get(struct http *h, const struct http_request *q, http_done_fn done, void *userdata,
             struct http_call **ret);
/* Connect (and handshake), then hold the connection idle: `done` comes once, when connecting failed or,
 * with HTTP_BROKEN, as soon as the peer has closed. */
int http_hold(struct http *h, const struct http_request *q, http_done_fn done, void *userdata,
              struct http_call **ret);
/* Forget it without a call back. NULL is fine. */
void http_call_free(struct http_call *c);
DEFINE_CLEANUP(struct http *, http_free)

#endif
