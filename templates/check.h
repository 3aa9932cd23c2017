/* Refuses values that a rendered file could not carry, before anything is rendered. Internal. */
#ifndef TEMPLATES_CHECK_H
#define TEMPLATES_CHECK_H

#include "templates/render.h"

/* 0; -EINVAL or -EOPNOTSUPP with *e filled. */
int tmpl_values_check(const struct tmpl_values *v, struct tmpl_error *e);

/* One text that YAML is to carry. */
int tmpl_text_check(const char *field, const char *s, struct tmpl_error *e);

/* Fills *e, which may be NULL, and returns r. */
int tmpl_error_set(struct tmpl_error *e, int r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
