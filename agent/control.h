/* Pages over HTTP on the event loop, for the control socket and the loopback port: libmicrohttpd without
 * a thread of its own, its epoll descriptor as one low-priority source. Connections, their memory and their
 * idle time are limited, so that a stuck client harms nobody but itself. HEAD is answered where GET is. */
#ifndef AGENT_CONTROL_H
#define AGENT_CONTROL_H

#include "pki/util.h"
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

enum { CONTROL_BODY_MAX = 4096, CONTROL_LATER = 1 /* a status */ };

struct control_ticket; /* a request that is still to be answered */
struct control_request {
        const char *body; /* of a POST, NUL-terminated beyond size */
        size_t size;
        struct control_ticket *ticket;
};
struct control_page {    /* filled by the handler; body is malloc'ed and freed by the server */
        unsigned status; /* CONTROL_LATER: control_answer() will tell */
        const char *type;
        char *body;
        size_t size;
};
struct control_route { /* a table ends with a NULL method */
        const char *method, *path;
        bool needs_root; /* the peer's uid is 0 (SO_PEERCRED) */
        /* Called from the loop with *ret zeroed. */
        void (*fn)(void *userdata, const struct control_request *q, struct control_page *ret);
};

struct control;
/* On a Unix socket (mode 0660). What is left of a dead server is replaced; -EADDRINUSE: one is alive. */
int control_new_unix(sd_event *loop, const char *path, const struct control_route *routes, void *userdata,
                     struct control **ret);
/* On 127.0.0.1:port; requests whose Host is not this host's loopback are refused (DNS rebinding). Routes that
 * need root are nobody's here. */
int control_new_loopback(sd_event *loop, uint16_t port, const struct control_route *routes, void *userdata,
                         struct control **ret);
/* Answers with *page what was left for later, once and before control_free(). Not from within its handler. */
void control_answer(struct control_ticket *ticket, struct control_page *page);
/* What is still to be answered is answered by 503. */
void control_free(struct control *c);
DEFINE_CLEANUP(struct control *, control_free)

/* {"error": TEXT} with that status. */
void control_refuse(struct control_page *ret, unsigned status, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Pure: "localhost", "127.0.0.1" or "[::1]", with or without a port. NULL is not. */
bool control_host_allowed(const char *host);

#endif
