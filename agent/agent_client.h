/* Asks the running agent over its control socket. Blocking, a few seconds at most: for commands. */
#ifndef AGENT_AGENT_CLIENT_H
#define AGENT_AGENT_CLIENT_H

#include "agent/error.h"
#include <jansson.h>

/* The agent's report (report.h), owned by the caller. 0 or negative errno with *e: nobody answers, or
 * not an agent. */
int agent_status(const char *socket_path, json_t **ret, struct error *e);

#endif
