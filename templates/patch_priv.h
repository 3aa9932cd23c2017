/* One patch document on one tree. Internal. */
#ifndef TEMPLATES_PATCH_PRIV_H
#define TEMPLATES_PATCH_PRIV_H

#include "templates/path.h"
#include "templates/tree.h"

struct tmpl_patching {
        const char *file;
        struct tmpl_path path; /* where in the target the patch is at work */
        bool lists_by_key;     /* of a Pod or of what holds one: some lists are merged by a key */
        struct tmpl_error *e;
};

/* "FILE:LINE: PATH: ..." into the error; -EINVAL. */
int tmpl_patch_fail(struct tmpl_patching *p, const struct tmpl_tree *at, const char *fmt, ...)
        PRINTF_LIKE(3, 4);

/* The patch is consumed: what of it becomes part of the target is taken out of it. */
int tmpl_patch_strategic(struct tmpl_patching *p, struct tmpl_tree *target, struct tmpl_tree *patch);
int tmpl_patch_merge(struct tmpl_patching *p, struct tmpl_tree **target, struct tmpl_tree *patch);
int tmpl_patch_json(struct tmpl_patching *p, struct tmpl_tree **target, const struct tmpl_tree *patch);

#endif
