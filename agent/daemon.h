/* The node agent: one event loop with the virtual router, the health checks, the control socket and the
 * loopback pages. Under systemd it notifies (READY, STATUS, watchdog); without it, it just runs. */
#ifndef AGENT_DAEMON_H
#define AGENT_DAEMON_H

#include "agent/config.h"

/* Runs until SIGTERM or SIGINT, then gives the address up. The configuration's interface and addresses
 * are resolved here, as soon as the interface is there. The exit status. */
int agent_run(struct config *c);

#endif
