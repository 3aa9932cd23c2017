/* Pages over HTTP on the event loop, for the control socket and the loopback port: libmicrohttpd without
 * a thread of its own, its epoll descriptor as one low-priority source. GET and HEAD only. Connections,
 * their memory and their idle time are limited, so that a stuck client harms nobody but itself. */
#ifndef AGENT_CONTROL_H
#define AGENT_CONTROL_H

#include "pki/util.h"
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct control_page { /* filled by the handler; body is malloc'ed and freed by the server */
        unsigned status;
        const char *type;
        char *body;
        size_t size;
};
/* Called from the loop with *ret zeroed; a status of 0 means that there is no such page. */
typedef void (*control_handler)(void *userdata, const char *path, struct control_page *ret);

struct control;
/* On a Unix socket (mode 0660). What is left of a dead server is replaced; -EADDRINUSE: one is alive. */
int control_new_unix(sd_event *loop, const char *path, control_handler handler, void *userdata,
                     struct control **ret);
/* On 127.0.0.1:port; requests whose Host is not this host's loopback are refused (DNS rebinding). */
int control_new_loopback(sd_event *loop, uint16_t port, control_handler handler, void *userdata,
                         struct control **ret);
void control_free(struct control *c);
DEFINE_CLEANUP(struct control *, control_free)

/* Pure: "localhost", "127.0.0.1" or "[::1]", with or without a port. NULL is not. */
bool control_host_allowed(const char *host);

#endif
