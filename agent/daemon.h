/* The node agent: one event loop with the virtual router, the health checks, the control socket and the
 * loopback pages. Under systemd it notifies (READY, STATUS, watchdog); without it, it just runs. */
#ifndef AGENT_DAEMON_H
#define AGENT_DAEMON_H

#include "agent/config.h"

/* Runs until SIGTERM or SIGINT, then gives the address up. The configuration's interface and addresses
 * are resolved here, as soon as the interface is there. The exit status.
 *
 * keep: another program of this machine may have the addresses, and is about to leave (adopt.h). Then no
 * address is taken for a stale one, the routers begin as soon as this machine is healthy, and those whose
 * addresses are here begin as active. */
int agent_run(struct config *c, bool keep);

#endif
