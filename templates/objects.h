/* Renders Kubernetes objects, and the configuration texts that ConfigMaps carry, from the templates in
 * templates/objects (compiled in). Pure. The rules of templates/render.h hold for values; a value of several
 * lines is written as a block scalar where YAML can carry it so. */
#ifndef TEMPLATES_OBJECTS_H
#define TEMPLATES_OBJECTS_H

#include "templates/render.h"

/* `name` is the file's without ".yaml"; a file may hold several documents. ${x} in it is the value of the
 * pair called x, which may be NULL (missing: ${?x} asks for it); a name that is no pair is looked up in *v,
 * which may be NULL.
 * *ret: malloc'ed, NUL-terminated. -ENOENT no such template, or a name in it that neither has; -EINVAL a
 * value cannot be carried or is missing; -ENOMEM. */
int tmpl_render_objects(const char *name, const struct tmpl_pair *pairs, size_t n_pairs,
                        const struct tmpl_values *v, char **ret, size_t *ret_size, struct tmpl_error *e);

#endif
