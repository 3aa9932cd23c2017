/* Who the masters are. Where etcd runs on them, its members are; an administrator's etcd knows nothing of
 * them, so they keep a list of their own in it (MASTERS_KEY), each entry in the shape of a member: a random
 * id, the node's name, https://ADDRESS:2380 for the peers' URL, no clients' URL. Blocking, as agent/etcd.h.
 */
#ifndef AGENT_MASTERS_H
#define AGENT_MASTERS_H

#include "agent/config.h"
#include "agent/etcd.h"

#define MASTERS_KEY "/triarch/masters"

/* Errors as in agent/etcd.h. */
int masters_list(const struct config *c, const struct etcd_client *client, struct etcd_members *ret,
                 struct error *e);
/* This machine into the list of an external etcd, by c's node name and advertised address; an entry of either
 * is of before and goes. Nothing where etcd runs on the masters. 1: it is new there, 0: it was there. */
int masters_enlist(const struct config *c, const struct etcd_client *client, struct error *e);
/* Out of it, by the address. The last one takes along what triarch has in this etcd. Removes no member of
 * etcd. *ret_left: how many are left. */
int masters_delist(const struct config *c, const struct etcd_client *client, size_t *ret_left,
                   struct error *e);

/* Pure. -EBADMSG, -ENOMEM. */
int masters_parse(const char *text, size_t size, struct etcd_members *ret);
int masters_render(const struct etcd_members *m, char **ret);

#endif
