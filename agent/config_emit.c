/* The configuration as YAML, by the same tables that read it. */
#include "agent/config_fields.h"
#include "agent/duration.h"
#include <errno.h>
#include <inttypes.h>
#include <yaml.h>

enum { GROUPS_MAX = 8 };

struct config_writer {
        yaml_emitter_t em;
        char *text;
        size_t size, room;
        const struct config *c;
        bool shared, failed;
        /* Groups that are open; those from n_begun on have had nothing to say yet. */
        const char *groups[GROUPS_MAX];
        size_t n_groups, n_begun;
};

static int take_output(void *userdata, unsigned char *data, size_t size) {
        struct config_writer *w = userdata;

        if (w->size + size + 1 > w->room) {
                size_t room = 2 * (w->size + size + 1);
                char *grown = realloc(w->text, room);

                if (!grown)
                        return 0;
                w->text = grown;
                w->room = room;
        }
        memcpy(w->text + w->size, data, size);
        w->size += size;
        w->text[w->size] = 0;
        return 1;
}

/* The emitter owns the event from here on, also when it fails. */
static void emit(struct config_writer *w, int initialized, yaml_event_t *ev) {
        if (!initialized || !yaml_emitter_emit(&w->em, ev))
                w->failed = true;
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

static void scalar(struct config_writer *w, const char *value, yaml_scalar_style_t style) {
        yaml_event_t ev;

        if (w->failed)
                return;
        emit(w,
             yaml_scalar_event_initialize(&ev, NULL, NULL, (const yaml_char_t *)value, (int)strlen(value), 1,
                                          1, style),
             &ev);
}

static void begin_map(struct config_writer *w) {
        yaml_event_t ev;

        if (!w->failed)
                emit(w, yaml_mapping_start_event_initialize(&ev, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE),
                     &ev);
}

static void end_map(struct config_writer *w) {
        yaml_event_t ev;

        if (!w->failed)
                emit(w, yaml_mapping_end_event_initialize(&ev), &ev);
}

static void begin_list(struct config_writer *w) {
        yaml_event_t ev;

        if (!w->failed)
                emit(w, yaml_sequence_start_event_initialize(&ev, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE),
                     &ev);
}

static void end_list(struct config_writer *w) {
        yaml_event_t ev;

        if (!w->failed)
                emit(w, yaml_sequence_end_event_initialize(&ev), &ev);
}

/* A key, and before it the groups that it is the first of. */
static void key(struct config_writer *w, const char *name) {
        for (; w->n_begun < w->n_groups; w->n_begun++) {
                scalar(w, w->groups[w->n_begun], YAML_PLAIN_SCALAR_STYLE);
                begin_map(w);
        }
        scalar(w, name, YAML_PLAIN_SCALAR_STYLE);
}

static void group(struct config_writer *w, const struct field *f, const void *base) {
        if (w->n_groups == GROUPS_MAX) {
                w->failed = true;
                return;
        }
        w->groups[w->n_groups++] = f->key;
        config_write_fields(w, f->sub, base);
        if (w->n_begun == w->n_groups--) {
                w->n_begun--;
                end_map(w);
        }
}

void config_write_fields(struct config_writer *w, const struct field *table, const void *base) {
        for (; table->key; table++)
                if (table->ops && !(table->own && w->shared))
                        table->ops->write(w, table, (const char *)base + table->offset);
}

/* ---- values ---- */

static void text(struct config_writer *w, const struct field *f, const char *value) {
        key(w, f->key);
        scalar(w, value, style_of(value));
}

static void number(struct config_writer *w, const struct field *f, unsigned long value) {
        char digits[24];

        snprintf(digits, sizeof digits, "%lu", value);
        key(w, f->key);
        scalar(w, digits, YAML_PLAIN_SCALAR_STYLE);
}

void config_write_ignore(struct config_writer *w, const struct field *f, const void *target) {
        (void)w;
        (void)f;
        (void)target;
}

void config_write_string(struct config_writer *w, const struct field *f, const void *target) {
        const char *value = *(char *const *)target;

        if (value)
                text(w, f, value);
}

void config_write_version(struct config_writer *w, const struct field *f, const void *target) {
        config_write_string(w, f, target);
}

void config_write_bool(struct config_writer *w, const struct field *f, const void *target) {
        key(w, f->key);
        scalar(w, *(const bool *)target ? "true" : "false", YAML_PLAIN_SCALAR_STYLE);
}

void config_write_int(struct config_writer *w, const struct field *f, const void *target) {
        unsigned long value = f->size == 1   ? *(const uint8_t *)target
                              : f->size == 2 ? *(const uint16_t *)target
                                             : *(const uint32_t *)target;

        if (value)
                number(w, f, value);
}

void config_write_duration(struct config_writer *w, const struct field *f, const void *target) {
        char value[DURATION_SIZE];

        if (!*(const uint32_t *)target)
                return;
        duration_format(*(const uint32_t *)target, value);
        text(w, f, value);
}

void config_write_seconds(struct config_writer *w, const struct field *f, const void *target) {
        char value[DURATION_SIZE];

        duration_format((uint64_t)(*(const double *)target * 1e6 + 0.5), value);
        text(w, f, value);
}

void config_write_choice(struct config_writer *w, const struct field *f, const void *target) {
        for (const struct choice *c = f->choices; c->name; c++)
                if (c->value == (int)*(const unsigned *)target) {
                        text(w, f, c->name);
                        return;
                }
        w->failed = true;
}

void config_write_strings(struct config_writer *w, const struct field *f, const void *target) {
        const struct str_list *list = target;

        if (!list->n)
                return;
        key(w, f->key);
        begin_list(w);
        for (size_t i = 0; i < list->n; i++)
                scalar(w, list->items[i], style_of(list->items[i]));
        end_list(w);
}

void config_write_list(struct config_writer *w, const struct field *f, const void *target) {
        const struct any_list *list = target;

        if (!list->n)
                return;
        key(w, f->key);
        begin_list(w);
        for (size_t i = 0; i < list->n; i++) {
                begin_map(w);
                config_write_fields(w, f->sub, list->items + i * f->size);
                end_map(w);
        }
        end_list(w);
}

void config_write_map(struct config_writer *w, const struct field *f, const void *target) {
        group(w, f, target);
}

/* A check that is off is left out where checks are off by default, and said to be off in a cluster. */
void config_write_check(struct config_writer *w, const struct field *f, const void *target) {
        const struct field enabled[] = { f->sub[0], { 0 } };
        struct field off = *f;

        off.sub = enabled;
        if (*(const bool *)target)
                group(w, f, target);
        else if (w->c->cluster)
                group(w, &off, target);
}

void config_write_one_or_list(struct config_writer *w, const struct field *f, const void *target) {
        const struct any_list *list = target;

        if (list->n == 1)
                group(w, f, list->items);
        else
                config_write_list(w, f, target);
}

static void address_text(const struct vip_address *a, char out[INET6_ADDRSTRLEN + 4]) {
        snprintf(out, INET6_ADDRSTRLEN + 4, "%s/%u", vrrp_ip_text(&a->ip).v, a->prefix);
}

void config_write_addresses(struct config_writer *w, const struct field *f, const void *target) {
        const struct any_list *list = target;
        const struct vip_address *v = (const void *)list->items;
        char value[INET6_ADDRSTRLEN + 4];

        if (!list->n)
                return;
        key(w, f->key);
        if (list->n > 1)
                begin_list(w);
        for (size_t i = 0; i < list->n; i++) {
                address_text(&v[i], value);
                scalar(w, value, style_of(value));
        }
        if (list->n > 1)
                end_list(w);
}

void config_write_ip(struct config_writer *w, const struct field *f, const void *target) {
        text(w, f, vrrp_ip_text(target).v);
}

void config_write_id(struct config_writer *w, const struct field *f, const void *target) {
        const uint64_t *id = target;
        char digits[17];

        if (!*id)
                return;
        snprintf(digits, sizeof digits, "%016" PRIx64, *id);
        key(w, f->key);
        scalar(w, digits, YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}

void config_write_endpoint(struct config_writer *w, const struct field *f, const void *target) {
        char value[300];

        if (!*(char *const *)target)
                return;
        snprintf(value, sizeof value, "%s:%u", *(char *const *)target, w->c->endpoint_port);
        text(w, f, value);
}

void config_write_local_port(struct config_writer *w, const struct field *f, const void *target) {
        char value[32];

        snprintf(value, sizeof value, "127.0.0.1:%u", *(const uint16_t *)target);
        text(w, f, value);
}

/* ---- documents ---- */

static void document(struct config_writer *w, const struct config_kind *kind) {
        yaml_event_t ev;

        if (!w->failed)
                emit(w, yaml_document_start_event_initialize(&ev, NULL, NULL, NULL, 0), &ev);
        begin_map(w);
        key(w, "apiVersion");
        scalar(w, kind->api_version, YAML_PLAIN_SCALAR_STYLE);
        key(w, "kind");
        scalar(w, kind->kind, YAML_PLAIN_SCALAR_STYLE);
        config_write_fields(w, kind->fields, w->c);
        end_map(w);
        if (!w->failed)
                emit(w, yaml_document_end_event_initialize(&ev, 1), &ev);
}

static void stream(struct config_writer *w) {
        yaml_event_t ev;

        yaml_emitter_set_output(&w->em, take_output, w);
        yaml_emitter_set_unicode(&w->em, 1);
        yaml_emitter_set_width(&w->em, -1);
        emit(w, yaml_stream_start_event_initialize(&ev, YAML_UTF8_ENCODING), &ev);
        for (const struct config_kind *k = config_kinds; k->kind; k++)
                if (k->fields && (w->c->cluster || !k->cluster))
                        document(w, k);
        if (!w->failed)
                emit(w, yaml_stream_end_event_initialize(&ev), &ev);
}

int config_render(const struct config *c, bool shared, char **ret, size_t *ret_size) {
        struct config_writer w = { .c = c, .shared = shared };

        if (!yaml_emitter_initialize(&w.em))
                return -ENOMEM;
        stream(&w);
        yaml_emitter_delete(&w.em);
        if (w.failed) {
                free(w.text);
                return -ENOMEM;
        }
        *ret = w.text;
        *ret_size = w.size;
        return 0;
}
