/* The member list of the virtual address as a file (lease rule 12), TRIARCH_MEMBERS_FILE by the root services
 * and the agent's own copy: {"gen": N, "members": [{"id": 16 hex digits, "name", "address", "witness"}]},
 * read strictly. */
#ifndef AGENT_MEMBERS_H
#define AGENT_MEMBERS_H

#include "agent/error.h"
#include "vrrp/list.h"
#include <jansson.h>

enum { MEMBERS_FILE_MAX = 16 * 1024 };

/* Pure. A list that vrrp_list_check() refuses is -EBADMSG. NULL: no memory. */
int members_from_json(const json_t *o, struct vrrp_list *ret);
json_t *members_to_json(const struct vrrp_list *list);
int members_parse(const char *text, size_t size, struct vrrp_list *ret);

/* -ENOENT without *e: there is no file; -EBADMSG and others with *e. */
int members_load(const char *path, struct vrrp_list *ret, struct error *e);
/* As a whole and on disk when it returns; mode 0644. Blocks as long as the disk does. */
int members_store(const char *path, const struct vrrp_list *list, struct error *e);

/* The id with which a machine that joins will be listed: 16 hex digits. With it its agent is ready to vote
 * from the moment on at which the others count it. 0, -ENOENT, -EBADMSG, other negative errno. */
int members_id_load(const char *path, uint64_t *ret);
int members_id_store(const char *path, uint64_t id, struct error *e);

#endif
