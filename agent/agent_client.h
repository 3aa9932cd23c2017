/* Asks the running agent over its control socket. Blocking, a few seconds at most: for commands. */
#ifndef AGENT_AGENT_CLIENT_H
#define AGENT_AGENT_CLIENT_H

#include "agent/error.h"
#include <jansson.h>

/* The agent's report (report.h), owned by the caller. 0 or negative errno with *e: nobody answers, or
 * not an agent. */
int agent_status(const char *socket_path, json_t **ret, struct error *e);

/* A changing call (needs root): body is JSON, "{}" for nothing to say. *ret (may be NULL) is the answer,
 * owned by the caller. 0; -ENOENT: no agent runs; -EPERM: not root; -EBUSY: not in this state (HTTP 409);
 * -EINVAL: refused otherwise; in each case *e has the agent's "error". */
int agent_post(const char *socket_path, const char *path, const char *body, json_t **ret, struct error *e);

#endif
