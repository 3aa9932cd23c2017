/* The etcd that this machine's API server uses: its own, at the loopback address of the node's family, or the
 * administrator's. */
#ifndef AGENT_ETCD_OWN_H
#define AGENT_ETCD_OWN_H

#include "agent/config.h"
#include "agent/etcd.h"

/* The files of a client of it, under `root` where they are the cluster's, and where it is asked (static, or
 * borrowed from c; of several endpoints the first). An external etcd over http has no files: "".
 * -ENAMETOOLONG. */
int etcd_own(const struct config *c, const char *root, struct etcd_files *ret, const char **ret_endpoint);

/* Of several endpoints of an external etcd the first that answers a linearizable read within three seconds,
 * beginning with the one that the client has; that one stays when none does. Another one is not asked. To be
 * called before each piece of work: a write whose answer is lost must not be sent to the next endpoint, but
 * the next piece of work may go there. */
void etcd_own_pick(const struct config *c, struct etcd_client *client);

/* Both at once, for one piece of work; borrows ret_files and c. *e on failure. */
int etcd_own_client(const struct config *c, const char *root, unsigned timeout_ms,
                    struct etcd_files *ret_files, struct etcd_client *ret, struct error *e);

/* Its members. -ENOENT with *e: this machine, or this user, has no files to ask with; otherwise as
 * etcd_member_list(). */
int etcd_own_members(const struct config *c, unsigned timeout_ms, struct etcd_members *ret, struct error *e);

#endif
