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

/* Its members. -ENOENT with *e: this machine, or this user, has no files to ask with; otherwise as
 * etcd_member_list(). */
int etcd_own_members(const struct config *c, unsigned timeout_ms, struct etcd_members *ret, struct error *e);

#endif
