/* YAML as text in memory, by libyaml's emitter. Errors (out of memory) stick: what follows one does nothing,
 * and yaml_out_end() reports it. */
#ifndef AGENT_YAML_OUT_H
#define AGENT_YAML_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

struct yaml_out {
        yaml_emitter_t em;
        char *text;
        size_t size, room;
        bool failed;
};

void yaml_out_begin(struct yaml_out *o);
/* *ret: malloc'ed, NUL-terminated beyond *ret_size. -ENOMEM; `o` is done with in any case. */
int yaml_out_end(struct yaml_out *o, char **ret, size_t *ret_size);

void yaml_out_document(struct yaml_out *o);
void yaml_out_document_end(struct yaml_out *o);
void yaml_out_map(struct yaml_out *o);
void yaml_out_map_end(struct yaml_out *o);
void yaml_out_list(struct yaml_out *o);
void yaml_out_list_end(struct yaml_out *o);
/* Text that is read back as this text, quoted where YAML could take it for something else. */
void yaml_out_text(struct yaml_out *o, const char *value);
/* A number, a truth value, a key of our own: as it is. */
void yaml_out_plain(struct yaml_out *o, const char *value);

#endif
