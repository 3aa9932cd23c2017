/* JSON merge patch, RFC 7386 section 2: null removes, a map is merged, all else replaces. */
#include "templates/patch_priv.h"
#include <errno.h>

/* Without the nulls, which say what to remove and are no values. Lists keep theirs. */
static void drop_nulls(struct tmpl_tree *tree) {
        for (size_t i = tree->kind == TMPL_TREE_MAP ? tree->n : 0; i-- > 0;)
                if (tmpl_tree_is_null(tree->items[i]))
                        tmpl_tree_free(tmpl_tree_take(tree, i));
                else
                        drop_nulls(tree->items[i]);
}

static int merge_map(struct tmpl_tree *target, struct tmpl_tree *patch) {
        int r = 0;

        while (patch->n && r == 0) {
                CLEANUP(freep) char *key = strdup(patch->keys[0]);
                CLEANUP(tmpl_tree_freep) struct tmpl_tree *value = tmpl_tree_take(patch, 0);
                struct tmpl_tree *old;

                if (!key)
                        return -ENOMEM;
                old = tmpl_tree_get(target, key);
                if (tmpl_tree_is_null(value)) {
                        tmpl_tree_unset(target, key);
                } else if (old && old->kind == TMPL_TREE_MAP && value->kind == TMPL_TREE_MAP) {
                        r = merge_map(old, value);
                } else {
                        drop_nulls(value);
                        r = tmpl_tree_set(target, key, TAKE_PTR(value));
                }
        }
        return r;
}

int tmpl_patch_merge(struct tmpl_patching *p, struct tmpl_tree **target, struct tmpl_tree *patch) {
        (void)p;
        return merge_map(*target, patch);
}
