/* Where in a tree a walk is, for its messages: "spec.containers[0].image". Internal. */
#ifndef TEMPLATES_PATH_H
#define TEMPLATES_PATH_H

#include "pki/util.h"

struct tmpl_path {
        char text[256]; /* cut off when it is longer */
        size_t size;
};

/* Appends; the size before, for tmpl_path_pop(). */
size_t tmpl_path_push(struct tmpl_path *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Appends the key of a map, after a dot where it is not the first. */
size_t tmpl_path_push_key(struct tmpl_path *p, const char *key);
void tmpl_path_pop(struct tmpl_path *p, size_t before);
/* "(top)" when it is empty. */
const char *tmpl_path_text(const struct tmpl_path *p);

#endif
