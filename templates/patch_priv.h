/* One patch document on one tree. Internal. */
#ifndef TEMPLATES_PATCH_PRIV_H
#define TEMPLATES_PATCH_PRIV_H

#include "templates/tree.h"

struct tmpl_patching {
        const char *file;
        char path[256]; /* where in the target the patch is at work; cut off when longer */
        size_t path_size;
        bool lists_by_key; /* of a Pod or of what holds one: some lists are merged by a key */
        struct tmpl_error *e;
};

/* Appends to the path; the size before, for tmpl_path_pop(). */
size_t tmpl_path_push(struct tmpl_patching *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
void tmpl_path_pop(struct tmpl_patching *p, size_t before);
/* "FILE:LINE: PATH: ..." into the error; -EINVAL. */
int tmpl_patch_fail(struct tmpl_patching *p, const struct tmpl_tree *at, const char *fmt, ...)
        PRINTF_LIKE(3, 4);

/* The patch is consumed: what of it becomes part of the target is taken out of it. */
int tmpl_patch_strategic(struct tmpl_patching *p, struct tmpl_tree *target, struct tmpl_tree *patch);
int tmpl_patch_merge(struct tmpl_patching *p, struct tmpl_tree **target, struct tmpl_tree *patch);
int tmpl_patch_json(struct tmpl_patching *p, struct tmpl_tree **target, const struct tmpl_tree *patch);

#endif
