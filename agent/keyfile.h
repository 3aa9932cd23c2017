/* The file of the sealed transport's keys (vrrp/keyring.h has its form) and who may read it. */
#ifndef AGENT_KEYFILE_H
#define AGENT_KEYFILE_H

#include "agent/error.h"
#include "vrrp/keyring.h"

enum { KEYFILE_MAX = 16 * 1024 };

/* A regular file of root's or our own that others than its owner and group may neither read nor write, and
 * its group not write. 0; negative errno with *e that names file and line. *ret is wiped by the caller, also
 * after a failure. Blocks as long as the disk does. */
int keyfile_load(const char *path, struct vrrp_keys *ret, struct error *e);

#endif
