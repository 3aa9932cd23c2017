/* Listening sockets of the pages: non-blocking, the caller's. Negative errno on failure. */
#ifndef AGENT_CONTROL_LISTEN_H
#define AGENT_CONTROL_LISTEN_H

#include <stdint.h>

/* Mode 0660. The file that a dead server left is replaced; -EADDRINUSE: one is alive. */
int control_listen_unix(const char *path);
int control_listen_loopback(uint16_t port);

#endif
