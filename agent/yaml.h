/* A YAML stream as a small tree over libyaml, for configuration files: every node knows its place.
 *
 * Refused with position, because a configuration needs none of them and each hides what is meant:
 * duplicate keys, keys that are no scalars or null, anchors and aliases, tags other than !!str, NUL bytes;
 * also what is larger than the limits below. Plain scalars are typed as Kubernetes' YAML reader
 * types them (YAML 1.1: yes and 007 are no strings). No side effects. */
#ifndef AGENT_YAML_H
#define AGENT_YAML_H

#include "agent/error.h"
#include <stdbool.h>

enum { YAML_MAX_SIZE = 1 << 20, YAML_MAX_NODES = 65536, YAML_MAX_DEPTH = 32 };

enum ynode_kind { YNODE_SCALAR, YNODE_LIST, YNODE_MAP };
enum ynode_type {
        YTYPE_STRING, /* quoted, block, !!str, or plain and nothing else */
        YTYPE_NULL,
        YTYPE_BOOL,
        YTYPE_INT,
        YTYPE_FLOAT,
        YTYPE_ANY, /* not from YAML (a flag's value): whatever is wanted */
};

struct ynode {
        enum ynode_kind kind;
        enum ynode_type type; /* of a scalar */
        char *value;          /* of a scalar, as written (escapes undone); never NULL there */
        struct ynode **keys;  /* of a map: n scalars */
        struct ynode **items; /* of a map or list: n nodes */
        size_t n;
        unsigned line, column; /* from 1; column counts characters */
};

struct ydocs {
        struct ynode **items; /* one root per document; an empty document is a null scalar */
        size_t n;
};

/* `name` stands for the file in messages. *ret is overwritten; on error nothing is left in it. */
int ydocs_parse(const char *text, size_t size, const char *name, struct ydocs *ret, struct error *e);
void ydocs_done(struct ydocs *d);

/* What a plain scalar with this text is. */
enum ynode_type ynode_plain_type(const char *value);
/* "a list", "a number", ...: for "must be a map, not %s". */
const char *ynode_describe(const struct ynode *n);
/* The value of a map's key, or NULL. */
const struct ynode *ynode_get(const struct ynode *map, const char *key);
/* A tree as a document, with its keys in their order and each scalar of the type it had; comments are gone,
 * lists and maps are in block style. *ret: malloc'ed, NUL-terminated beyond *ret_size. -ENOMEM. */
int ynode_render(const struct ynode *root, char **ret, size_t *ret_size);
struct yaml_out; /* agent/yaml_out.h */
void ynode_write(struct yaml_out *o, const struct ynode *root);
void ynode_free(struct ynode *n);
DEFINE_CLEANUP(struct ynode *, ynode_free)

#endif
