#include "agent/yaml_out.h"
#include "agent/yaml.h"
#include <errno.h>

static int take_output(void *userdata, unsigned char *data, size_t size) {
        struct yaml_out *o = userdata;

        if (o->size + size + 1 > o->room) {
                size_t room = 2 * (o->size + size + 1);
                char *grown = realloc(o->text, room);

                if (!grown)
                        return 0;
                o->text = grown;
                o->room = room;
        }
        if (size)
                memcpy(o->text + o->size, data, size);
        o->size += size;
        o->text[o->size] = 0;
        return 1;
}

/* The emitter owns the event from here on, also when it fails. */
static void emit(struct yaml_out *o, int initialized, yaml_event_t *ev) {
        if (!initialized || !yaml_emitter_emit(&o->em, ev))
                o->failed = true;
}

#define EMIT(o, initialize)                                                                                  \
        do {                                                                                                 \
                yaml_event_t ev;                                                                             \
                if (!(o)->failed)                                                                            \
                        emit((o), (initialize), &ev);                                                        \
        } while (0)

void yaml_out_begin(struct yaml_out *o) {
        *o = (struct yaml_out){ .failed = false };
        if (!yaml_emitter_initialize(&o->em)) {
                o->failed = true;
                return;
        }
        yaml_emitter_set_output(&o->em, take_output, o);
        yaml_emitter_set_unicode(&o->em, 1);
        yaml_emitter_set_width(&o->em, -1);
        EMIT(o, yaml_stream_start_event_initialize(&ev, YAML_UTF8_ENCODING));
}

int yaml_out_end(struct yaml_out *o, char **ret, size_t *ret_size) {
        EMIT(o, yaml_stream_end_event_initialize(&ev));
        yaml_emitter_delete(&o->em);
        if (!o->text && !o->failed)
                o->failed = !take_output(o, (unsigned char *)"", 0); /* no document: an empty text */
        if (o->failed) {
                free(o->text);
                return -ENOMEM;
        }
        *ret = o->text;
        *ret_size = o->size;
        return 0;
}

void yaml_out_document(struct yaml_out *o) {
        EMIT(o, yaml_document_start_event_initialize(&ev, NULL, NULL, NULL, 0));
}

void yaml_out_document_end(struct yaml_out *o) {
        EMIT(o, yaml_document_end_event_initialize(&ev, 1));
}

void yaml_out_map(struct yaml_out *o) {
        EMIT(o, yaml_mapping_start_event_initialize(&ev, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE));
}

void yaml_out_map_end(struct yaml_out *o) {
        EMIT(o, yaml_mapping_end_event_initialize(&ev));
}

void yaml_out_list(struct yaml_out *o) {
        EMIT(o, yaml_sequence_start_event_initialize(&ev, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE));
}

void yaml_out_list_end(struct yaml_out *o) {
        EMIT(o, yaml_sequence_end_event_initialize(&ev));
}

static void scalar(struct yaml_out *o, const char *value, yaml_scalar_style_t style) {
        EMIT(o, yaml_scalar_event_initialize(&ev, NULL, NULL, (const yaml_char_t *)value, (int)strlen(value),
                                             1, 1, style));
}

/* Quoted whenever a reader could take it for something else than this text; what does not print, or not
 * everywhere, is written as escapes. */
static yaml_scalar_style_t style_of(const char *value) {
        if (ynode_plain_type(value) != YTYPE_STRING)
                return YAML_DOUBLE_QUOTED_SCALAR_STYLE;
        for (const unsigned char *p = (const unsigned char *)value; *p; p++)
                if (*p < ' ' || *p >= 0x7f)
                        return YAML_DOUBLE_QUOTED_SCALAR_STYLE;
        return YAML_PLAIN_SCALAR_STYLE; /* the emitter quotes it where the syntax needs that */
}

void yaml_out_text(struct yaml_out *o, const char *value) {
        scalar(o, value, style_of(value));
}

void yaml_out_plain(struct yaml_out *o, const char *value) {
        scalar(o, value, YAML_PLAIN_SCALAR_STYLE);
}

/* ---- a tree ---- */

static void node(struct yaml_out *o, const struct ynode *n) {
        if (n->kind == YNODE_SCALAR && n->type == YTYPE_STRING) {
                yaml_out_text(o, n->value);
        } else if (n->kind == YNODE_SCALAR) {
                yaml_out_plain(o, *n->value ? n->value : "null");
        } else if (n->kind == YNODE_LIST) {
                yaml_out_list(o);
                for (size_t i = 0; i < n->n; i++)
                        node(o, n->items[i]);
                yaml_out_list_end(o);
        } else {
                yaml_out_map(o);
                for (size_t i = 0; i < n->n; i++) {
                        node(o, n->keys[i]);
                        node(o, n->items[i]);
                }
                yaml_out_map_end(o);
        }
}

void ynode_write(struct yaml_out *o, const struct ynode *root) {
        yaml_out_document(o);
        node(o, root);
        yaml_out_document_end(o);
}

int ynode_render(const struct ynode *root, char **ret, size_t *ret_size) {
        struct yaml_out o;

        yaml_out_begin(&o);
        EMIT(&o, yaml_document_start_event_initialize(&ev, NULL, NULL, NULL, 1));
        node(&o, root);
        yaml_out_document_end(&o);
        return yaml_out_end(&o, ret, ret_size);
}
