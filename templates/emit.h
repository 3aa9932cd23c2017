/* libyaml's tree of nodes as text. Internal. */
#ifndef TEMPLATES_EMIT_H
#define TEMPLATES_EMIT_H

#include <stddef.h>
#include <stdio.h>
#include <yaml.h>

/* An emitter into f, opened; yaml_emitter_delete() is due in every case. -ENOMEM. */
int tmpl_emitter_open(yaml_emitter_t *emitter, FILE *f);

/* One document. Consumes it, also on error. *ret is malloc'ed, NUL-terminated. -ENOMEM. */
int tmpl_emit(yaml_document_t *doc, char **ret, size_t *ret_size);

#endif
