/* What a YAML scalar means to Kubernetes' decoder: YAML 1.1 types, as far as a manifest can have them.
 * Internal. */
#ifndef TEMPLATES_SCALAR_H
#define TEMPLATES_SCALAR_H

#include <stdbool.h>
#include <yaml.h>

enum tmpl_type { TMPL_NULL, TMPL_BOOL, TMPL_INT, TMPL_FLOAT, TMPL_STRING, TMPL_TAGGED };

struct tmpl_scalar {
        enum tmpl_type type;
        bool boolean;
        long long integer;
        double number;          /* also of an integer */
        const char *text, *tag; /* borrowed */
        size_t size;
};

void tmpl_scalar_resolve(const yaml_node_t *node, struct tmpl_scalar *ret);
/* "yes", "null" and the like: no string without quotes. */
bool tmpl_scalar_is_word(const char *s);
bool tmpl_scalar_equal(const struct tmpl_scalar *a, const struct tmpl_scalar *b);

#endif
