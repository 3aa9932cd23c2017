/* Changes to a YAML tree that has been read (agent/yaml.h). What is put into a tree belongs to it. */
#ifndef AGENT_YAML_EDIT_H
#define AGENT_YAML_EDIT_H

#include "agent/yaml.h"

/* New nodes without a place; NULL: out of memory. */
struct ynode *ynode_new_text(const char *value);
struct ynode *ynode_new(enum ynode_kind kind);
/* Append; `item` is freed when that fails. -ENOMEM. */
int ynode_push(struct ynode *list, struct ynode *item);
int ynode_put(struct ynode *map, const char *key, struct ynode *item);
/* Out of the map, with its key; NULL: not there. The caller frees it. */
struct ynode *ynode_take(struct ynode *map, const char *key);
/* The map below the key, made when nothing is there. NULL: out of memory, or it is no map. */
struct ynode *ynode_map_below(struct ynode *map, const char *key);
/* Another text in a scalar. -ENOMEM. */
int ynode_set(struct ynode *scalar, const char *value);

#endif
