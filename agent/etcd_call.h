/* One blocking call of etcd's JSON gateway. */
#ifndef AGENT_ETCD_CALL_H
#define AGENT_ETCD_CALL_H

#include "agent/etcd.h"
#include <jansson.h>

/* POST /v3/AREA/NAME with `request` (NULL: making it failed). *ret is malloc'ed and NUL-terminated, whatever
 * the HTTP status: etcd's errors are in it. Negative errno as agent/etcd.h says, when there is no reply. */
int etcd_call(const struct etcd_client *client, const char *area, const char *name, const json_t *request,
              char **ret, size_t *ret_size, struct error *e);

/* A call that is answered by a line at once, and by another when something happens: 1 as soon as there is a
 * second line, 0 when there was none within timeout_ms. */
int etcd_call_events(const struct etcd_client *client, const char *name, const json_t *request,
                     unsigned timeout_ms, struct error *e);

#endif
