#include "agent/yaml.h"
#include "pki/file.h"
#include <errno.h>
#include <yaml.h>

struct reader {
        yaml_parser_t parser;
        const char *text, *name;
        size_t nodes;
        struct error *e;
};

/* ---- types of plain scalars ---- */

static bool is_one_of(const char *value, const char *const *words) {
        for (; *words; words++)
                if (!strcmp(value, *words))
                        return true;
        return false;
}

/* Digits of `set` and underscores, at least one digit. */
static bool all_digits(const char *s, const char *set) {
        bool digit = false;

        for (; *s; s++) {
                if (*s != '_' && !strchr(set, *s))
                        return false;
                digit |= *s != '_';
        }
        return digit;
}

static bool is_int(const char *s) {
        s += *s == '+' || *s == '-';
        if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
                return all_digits(s + 2, "0123456789abcdefABCDEF");
        if (s[0] == '0' && (s[1] == 'b' || s[1] == 'B'))
                return all_digits(s + 2, "01");
        if (s[0] == '0' && (s[1] == 'o' || s[1] == 'O'))
                return all_digits(s + 2, "01234567");
        return *s != '_' && all_digits(s, "0123456789");
}

static bool is_float(const char *s) {
        size_t whole, fraction = 0;

        s += *s == '+' || *s == '-';
        whole = strspn(s, "0123456789_");
        s += whole;
        if (*s == '.') {
                s++;
                fraction = strspn(s, "0123456789_");
                s += fraction;
        }
        if (whole + fraction == 0)
                return false;
        if (*s == 'e' || *s == 'E') {
                s++;
                s += *s == '+' || *s == '-';
                if (!*s)
                        return false;
                s += strspn(s, "0123456789");
        }
        return !*s;
}

enum ynode_type ynode_plain_type(const char *value) {
        static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
        static const char *const bools[] = { "true", "True", "TRUE", "false", "False", "FALSE", "yes", "Yes",
                                             "YES",  "no",   "No",   "NO",    "on",    "On",    "ON",  "off",
                                             "Off",  "OFF",  "y",    "Y",     "n",     "N",     NULL };
        static const char *const floats[] = { ".nan",  ".NaN",  ".NAN",  ".inf",  ".Inf",  ".INF", "+.inf",
                                              "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF", NULL };

        if (is_one_of(value, nulls))
                return YTYPE_NULL;
        if (is_one_of(value, bools))
                return YTYPE_BOOL;
        if (is_int(value))
                return YTYPE_INT;
        if (is_one_of(value, floats) || (value[0] != '_' && is_float(value)))
                return YTYPE_FLOAT;
        return YTYPE_STRING;
}

const char *ynode_describe(const struct ynode *n) {
        static const char *const types[] = {
                [YTYPE_STRING] = "a string", [YTYPE_NULL] = "empty (null)", [YTYPE_BOOL] = "a truth value",
                [YTYPE_INT] = "a number",    [YTYPE_FLOAT] = "a number",    [YTYPE_ANY] = "a string",
        };

        if (n->kind == YNODE_LIST)
                return "a list";
        return n->kind == YNODE_MAP ? "a map" : types[n->type];
}

/* ---- building the tree ---- */

void ynode_free(struct ynode *n) {
        if (!n)
                return;
        for (size_t i = 0; i < n->n; i++) {
                if (n->keys)
                        ynode_free(n->keys[i]);
                ynode_free(n->items[i]);
        }
        free(n->keys);
        free(n->items);
        pki_wipe_free(n->value); /* it may be a token */
        free(n);
}

void ydocs_done(struct ydocs *d) {
        for (size_t i = 0; i < d->n; i++)
                ynode_free(d->items[i]);
        free(d->items);
        *d = (struct ydocs){ 0 };
}

static int out_of_memory(struct error *e) {
        error_set(e, EXIT_FAILED, "out of memory");
        return -ENOMEM;
}

static int fail_at(struct reader *r, yaml_mark_t mark, const char *message) {
        return error_at(r->e, r->name, (unsigned)mark.line + 1, (unsigned)mark.column + 1, "%s", message);
}

/* A byte that is no UTF-8 has an offset only. */
static yaml_mark_t mark_of_offset(const struct reader *r, size_t offset) {
        yaml_mark_t m = { 0 };

        for (; m.index < offset; m.index++) {
                if (r->text[m.index] == '\n') {
                        m.line++;
                        m.column = 0;
                } else if ((r->text[m.index] & 0xc0) != 0x80)
                        m.column++;
        }
        return m;
}

static int parser_failed(struct reader *r) {
        const yaml_parser_t *p = &r->parser;
        char message[256];

        if (p->error == YAML_MEMORY_ERROR)
                return out_of_memory(r->e);
        if (p->error == YAML_READER_ERROR)
                return fail_at(r, mark_of_offset(r, p->problem_offset), p->problem);
        snprintf(message, sizeof message, "%s%s%s", p->problem, p->context ? " " : "",
                 p->context ? p->context : "");
        return fail_at(r, p->problem_mark, message);
}

static int next_event(struct reader *r, yaml_event_t *ev) {
        return yaml_parser_parse(&r->parser, ev) ? 0 : parser_failed(r);
}

static int node_new(struct reader *r, enum ynode_kind kind, yaml_mark_t mark, struct ynode **ret) {
        if (++r->nodes > YAML_MAX_NODES)
                return fail_at(r, mark, "too many values for a configuration");
        *ret = calloc(1, sizeof **ret);
        if (!*ret)
                return out_of_memory(r->e);
        (*ret)->kind = kind;
        (*ret)->line = (unsigned)mark.line + 1;
        (*ret)->column = (unsigned)mark.column + 1;
        return 0;
}

static int check_anchor_and_tag(struct reader *r, const yaml_event_t *ev) {
        const yaml_char_t *anchor = NULL, *tag = NULL;

        if (ev->type == YAML_SCALAR_EVENT) {
                anchor = ev->data.scalar.anchor;
                tag = ev->data.scalar.tag;
                if (tag && (!strcmp((const char *)tag, YAML_STR_TAG) || !strcmp((const char *)tag, "!")))
                        tag = NULL;
        } else if (ev->type == YAML_MAPPING_START_EVENT) {
                anchor = ev->data.mapping_start.anchor;
                tag = ev->data.mapping_start.tag;
        } else if (ev->type == YAML_SEQUENCE_START_EVENT) {
                anchor = ev->data.sequence_start.anchor;
                tag = ev->data.sequence_start.tag;
        }
        if (anchor || ev->type == YAML_ALIAS_EVENT)
                return fail_at(r, ev->start_mark,
                               "anchors and aliases are not understood here; write the value out");
        if (tag)
                return fail_at(r, ev->start_mark, "tags are not understood here; leave it out");
        return 0;
}

static int read_scalar(struct reader *r, const yaml_event_t *ev, struct ynode **ret) {
        CLEANUP(ynode_freep) struct ynode *n = NULL;
        const char *value = (const char *)ev->data.scalar.value;
        int k = node_new(r, YNODE_SCALAR, ev->start_mark, &n);

        if (k < 0)
                return k;
        if (strlen(value) != ev->data.scalar.length)
                return fail_at(r, ev->start_mark, "a value cannot hold a NUL character");
        n->value = strdup(value);
        if (!n->value)
                return out_of_memory(r->e);
        n->type = YTYPE_STRING;
        if (ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !ev->data.scalar.tag)
                n->type = ynode_plain_type(value);
        *ret = TAKE_PTR(n);
        return 0;
}

static int append(struct ynode ***items, size_t n, struct ynode *item) {
        struct ynode **grown = *items;

        if ((n & (n - 1)) == 0) { /* full at every power of two */
                grown = reallocarray(*items, n ? 2 * n : 1, sizeof *grown);
                if (!grown)
                        return -ENOMEM;
        }
        grown[n] = item;
        *items = grown;
        return 0;
}

static int check_key(struct reader *r, const struct ynode *map, const struct ynode *key) {
        const struct ynode *first = NULL;

        if (key->kind != YNODE_SCALAR || key->type == YTYPE_NULL)
                return error_at(r->e, r->name, key->line, key->column, "a key must be a word, not %s",
                                ynode_describe(key));
        for (size_t i = 0; i < map->n && !first; i++)
                if (!strcmp(map->keys[i]->value, key->value))
                        first = map->keys[i];
        if (first)
                return error_at(r->e, r->name, key->line, key->column,
                                "\"%s\" is given twice; the first is in line %u", key->value, first->line);
        return 0;
}

static int read_node(struct reader *r, yaml_event_t *ev, unsigned depth, struct ynode **ret);

/* One event and the node that begins with it; *ret stays NULL at `end`. */
static int read_next(struct reader *r, yaml_event_type_t end, unsigned depth, struct ynode **ret) {
        CLEANUP(yaml_event_delete) yaml_event_t ev = { 0 };
        int k = next_event(r, &ev);

        if (k < 0 || ev.type == end)
                return k;
        return read_node(r, &ev, depth, ret);
}

static int read_list(struct reader *r, unsigned depth, struct ynode *list) {
        for (;;) {
                CLEANUP(ynode_freep) struct ynode *item = NULL;
                int k = read_next(r, YAML_SEQUENCE_END_EVENT, depth + 1, &item);

                if (k < 0 || !item)
                        return k;
                if (append(&list->items, list->n, item) < 0)
                        return out_of_memory(r->e);
                list->n++;
                item = NULL;
        }
}

static int read_map(struct reader *r, unsigned depth, struct ynode *map) {
        for (;;) {
                CLEANUP(ynode_freep) struct ynode *key = NULL, *item = NULL;
                int k = read_next(r, YAML_MAPPING_END_EVENT, depth + 1, &key);

                if (k < 0 || !key)
                        return k;
                if ((k = check_key(r, map, key)) < 0 ||
                    (k = read_next(r, YAML_NO_EVENT, depth + 1, &item)) < 0)
                        return k;
                if (append(&map->keys, map->n, key) < 0 || append(&map->items, map->n, item) < 0)
                        return out_of_memory(r->e);
                map->n++;
                key = item = NULL;
        }
}

static int read_node(struct reader *r, yaml_event_t *ev, unsigned depth, struct ynode **ret) {
        CLEANUP(ynode_freep) struct ynode *n = NULL;
        bool map = ev->type == YAML_MAPPING_START_EVENT;
        int k;

        if (depth > YAML_MAX_DEPTH)
                return fail_at(r, ev->start_mark, "nested too deeply for a configuration");
        if ((k = check_anchor_and_tag(r, ev)) < 0)
                return k;
        if (ev->type == YAML_SCALAR_EVENT)
                return read_scalar(r, ev, ret);
        if ((k = node_new(r, map ? YNODE_MAP : YNODE_LIST, ev->start_mark, &n)) < 0)
                return k;
        if ((k = map ? read_map(r, depth, n) : read_list(r, depth, n)) < 0)
                return k;
        *ret = TAKE_PTR(n);
        return 0;
}

static int read_document(struct reader *r, struct ydocs *d) {
        CLEANUP(yaml_event_delete) yaml_event_t end = { 0 };
        CLEANUP(ynode_freep) struct ynode *root = NULL;
        int k = read_next(r, YAML_NO_EVENT, 1, &root);

        if (k < 0 || (k = next_event(r, &end)) < 0)
                return k;
        if (append(&d->items, d->n, root) < 0)
                return out_of_memory(r->e);
        d->n++;
        root = NULL;
        return 0;
}

static int read_stream(struct reader *r, struct ydocs *d) {
        for (;;) {
                CLEANUP(yaml_event_delete) yaml_event_t ev = { 0 };
                int k = next_event(r, &ev);

                if (k < 0 || ev.type == YAML_STREAM_END_EVENT)
                        return k;
                if (ev.type == YAML_DOCUMENT_START_EVENT && (k = read_document(r, d)) < 0)
                        return k;
        }
}

int ydocs_parse(const char *text, size_t size, const char *name, struct ydocs *ret, struct error *e) {
        struct reader r = { .text = text, .name = name, .e = e };
        struct ydocs d = { 0 };
        int k;

        *ret = d;
        if (size > YAML_MAX_SIZE)
                return error_at(e, name, 0, 0, "%zu bytes are too many for a configuration", size);
        if (!yaml_parser_initialize(&r.parser))
                return out_of_memory(e);
        yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, size);
        k = read_stream(&r, &d);
        yaml_parser_delete(&r.parser);
        if (k < 0)
                ydocs_done(&d);
        *ret = d;
        return k;
}

const struct ynode *ynode_get(const struct ynode *map, const char *key) {
        for (size_t i = 0; map->kind == YNODE_MAP && i < map->n; i++)
                if (!strcmp(map->keys[i]->value, key))
                        return map->items[i];
        return NULL;
}
