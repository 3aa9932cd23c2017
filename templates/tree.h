/* YAML or JSON as a tree of values that can be changed: what patches and component configurations are merged
 * on. Internal. Scalars are typed as Kubernetes' decoder types them (scalar.h); tags other than !!str, keys
 * that are there twice or are no scalars, and merge keys ("<<") are refused. */
#ifndef TEMPLATES_TREE_H
#define TEMPLATES_TREE_H

#include "pki/util.h"
#include "templates/patch.h"
#include "templates/scalar.h"

enum { TMPL_TREE_MAX = 1 << 13 }; /* nodes in all documents of a text */

enum tmpl_tree_kind { TMPL_TREE_SCALAR, TMPL_TREE_LIST, TMPL_TREE_MAP };

struct tmpl_tree {
        enum tmpl_tree_kind kind;
        enum tmpl_type type; /* of a scalar */
        char *text;          /* of a scalar, owned */
        char **keys;         /* of a map: n, owned */
        struct tmpl_tree **items;
        size_t n;
        unsigned line; /* where it was read, from 1 */
};

struct tmpl_trees {
        struct tmpl_tree **items; /* one per document that is not empty */
        size_t n;
};

/* All documents of a text; `name` stands for it in messages. tmpl_trees_done() is due in every case. -EINVAL,
 * -E2BIG, -ENOMEM with *e filled. */
int tmpl_trees_parse(const char *text, size_t size, const char *name, struct tmpl_trees *ret,
                     struct tmpl_error *e);
void tmpl_trees_done(struct tmpl_trees *trees);
/* The only document of a text. */
int tmpl_tree_parse(const char *text, size_t size, const char *name, struct tmpl_tree **ret,
                    struct tmpl_error *e);
/* As YAML, the keys of every map sorted, as kubeadm's encoder does. *ret is malloc'ed. -ENOMEM. */
int tmpl_tree_emit(const struct tmpl_tree *tree, char **ret, size_t *ret_size);

struct tmpl_tree *tmpl_tree_new(enum tmpl_tree_kind kind);
struct tmpl_tree *tmpl_tree_string(const char *text);
struct tmpl_tree *tmpl_tree_bool(bool value);
struct tmpl_tree *tmpl_tree_copy(const struct tmpl_tree *tree); /* NULL: no memory */
void tmpl_tree_free(struct tmpl_tree *tree);
DEFINE_CLEANUP(struct tmpl_tree *, tmpl_tree_free)

size_t tmpl_tree_count(const struct tmpl_tree *tree); /* of its nodes */
bool tmpl_tree_is_null(const struct tmpl_tree *tree);
/* Lists in order, maps in any; numbers by their value. */
bool tmpl_tree_equal(const struct tmpl_tree *a, const struct tmpl_tree *b);
/* "a map", "a list", "null", ... */
const char *tmpl_tree_describe(const struct tmpl_tree *tree);

/* The value of a map's key; NULL: there is none, or it is no map. Borrowed. */
struct tmpl_tree *tmpl_tree_get(const struct tmpl_tree *map, const char *key);
/* Both take `item`, also on error (-ENOMEM; NULL is that, too). Set replaces; insert moves what is at `i`
 * (0..n) up. */
int tmpl_tree_set(struct tmpl_tree *map, const char *key, struct tmpl_tree *item);
int tmpl_tree_insert(struct tmpl_tree *list, size_t i, struct tmpl_tree *item);
/* Takes the i-th item out of a list or map; the caller's. */
struct tmpl_tree *tmpl_tree_take(struct tmpl_tree *tree, size_t i);
void tmpl_tree_unset(struct tmpl_tree *map, const char *key);

#endif
