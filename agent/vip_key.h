/* The sealed transport's key file as root makes and changes it; the agent only reads it (keyfile.h).
 * Blocking: for commands, never on the agent's loop. */
#ifndef AGENT_VIP_KEY_H
#define AGENT_VIP_KEY_H

#include "agent/error.h"
#include "vrrp/keyring.h"
#include <sys/types.h>

enum { VIP_KEY_MODE = 0640 }; /* root:triarch */

/* A fresh random key more. -ENOSPC, -EIO with *e. */
int vip_key_add(struct vrrp_keys *k, uint16_t *ret_id, struct error *e);
/* Makes the file: it has its mode and group from the first byte on. -EEXIST: there is one, which stays. */
int vip_key_create(const char *path, gid_t gid, const struct vrrp_keys *k, struct error *e);
/* In the place of the file that is there, with that one's group. */
int vip_key_replace(const char *path, const struct vrrp_keys *k, struct error *e);

/* The file of a cluster's master: made with one new key, or found whole and readable by the agent's group
 * ((gid_t)-1: not looked at). *ret_made says which. Never overwrites. */
int vip_key_ensure(const char *path, gid_t gid, bool *ret_made, struct error *e);
/* It must be there already: a joiner's comes from the master. */
int vip_key_check(const char *path, gid_t gid, struct error *e);

#endif
