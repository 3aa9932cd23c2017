#include "templates/expand.h"
#include "pki/util.h"
#include "templates/args.h"
#include "templates/check.h"
#include "templates/emit.h"
#include "templates/lists.h"
#include <errno.h>

struct expand {
        const struct tmpl_vars *vars;
        yaml_document_t *src, *dst;
        struct tmpl_error *e;
};

/* Each returns the node made in the output, 0 when it is to be left out, or negative errno. */
static int expand_node(struct expand *x, int id);

/* One "${...}" whose inside is s: its value into f. 1; 0: leave the scalar out; negative errno. */
static int expand_reference(struct expand *x, const char *s, size_t size, FILE *f) {
        bool kind = size && strchr("?!#", *s);
        const char *value = NULL, *name = kind ? s + 1 : s;
        size_t name_size = kind ? size - 1 : size;
        int r = tmpl_var(x->vars, name, name_size, &value);

        if (r < 0)
                return tmpl_error_set(x->e, r, "template: ${%.*s} is unknown", (int)size, s);
        if (*s == '?')
                return value != NULL;
        if (*s == '!')
                return value == NULL;
        if (!value)
                return tmpl_error_set(x->e, -EINVAL, "%.*s: missing", (int)name_size, name);
        return fputs(value, f) < 0 ? -ENOMEM : 1;
}

static int expand_to(struct expand *x, const char *s, FILE *f) {
        const char *open, *close;
        int r;

        for (; (open = strstr(s, "${")); s = close + 1) {
                close = strchr(open, '}');
                if (!close)
                        return tmpl_error_set(x->e, -EINVAL, "template: \"%s\" is not closed", open);
                fwrite(s, 1, (size_t)(open - s), f);
                r = expand_reference(x, open + 2, (size_t)(close - open - 2), f);
                if (r <= 0)
                        return r;
        }
        return fputs(s, f) < 0 ? -ENOMEM : 1;
}

/* 1 and *ret (malloc'ed); 0: leave it out; negative errno. */
static int expand_text(struct expand *x, const char *s, char **ret) {
        CLEANUP(freep) char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        int r;

        if (!f)
                return -ENOMEM;
        r = expand_to(x, s, f);
        if (fclose(f) != 0)
                return -ENOMEM;
        if (r > 0)
                *ret = TAKE_PTR(text);
        return r;
}

/* In a block scalar stands what is in every reader's view a printable character or a line's end. */
static bool is_block(const char *s) {
        if (!strchr(s, '\n'))
                return false;
        for (; *s; s++)
                if (*s != '\n' && (*s < ' ' || *s > '~'))
                        return false;
        return true;
}

static int add_text(struct expand *x, const char *text) {
        return is_block(text) ? tmpl_node_scalar(x->dst, text, YAML_LITERAL_SCALAR_STYLE)
                              : tmpl_node_string(x->dst, text);
}

static int expand_scalar(struct expand *x, const yaml_node_t *node) {
        const char *s = (const char *)node->data.scalar.value;
        CLEANUP(freep) char *text = NULL;
        int r;

        if (!strstr(s, "${"))
                return tmpl_node_scalar(x->dst, s, node->data.scalar.style);
        r = expand_text(x, s, &text);
        if (r <= 0)
                return r;
        if (!strstr(s, "${#"))
                return add_text(x, text);
        if (!*text || text[strspn(text, "0123456789")])
                return tmpl_error_set(x->e, -EINVAL, "template: %s: \"%s\" is not a number", s, text);
        return tmpl_node_scalar(x->dst, text, YAML_PLAIN_SCALAR_STYLE);
}

static int expand_item(struct expand *x, int id, struct tmpl_items *items) {
        yaml_node_t *node = yaml_document_get_node(x->src, id);
        const char *s;

        if (node->type != YAML_SCALAR_NODE)
                return tmpl_items_add(items, x->dst, expand_node(x, id));
        s = (const char *)node->data.scalar.value;
        if (!strncmp(s, "${@", 3)) {
                int r = tmpl_items_add_marker(items, x->dst, x->vars, s + 3, strcspn(s + 3, "}"));

                return r == -ENOENT ? tmpl_error_set(x->e, r, "template: %s is unknown", s) : r;
        }
        if (tmpl_arg_replaced(x->vars->extra, s))
                return 0;
        return tmpl_items_add(items, x->dst, expand_scalar(x, node));
}

static int expand_sequence(struct expand *x, const yaml_node_t *node) {
        CLEANUP(tmpl_items_done) struct tmpl_items items = { 0 };
        const yaml_node_item_t *i;
        int r, id;

        for (i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++)
                if ((r = expand_item(x, *i, &items)) < 0)
                        return r;
        if (!items.n)
                return 0;
        id = yaml_document_add_sequence(x->dst, NULL, node->data.sequence.style);
        if (!id)
                return -ENOMEM;
        r = tmpl_items_write(&items, x->dst, id);
        return r < 0 ? r : id;
}

static int expand_pair(struct expand *x, int mapping, const yaml_node_pair_t *p) {
        int key = expand_node(x, p->key), value;

        if (key <= 0)
                return key;
        value = expand_node(x, p->value);
        if (value <= 0)
                return value;
        return yaml_document_append_mapping_pair(x->dst, mapping, key, value) ? 1 : -ENOMEM;
}

static int expand_mapping(struct expand *x, const yaml_node_t *node) {
        int id = yaml_document_add_mapping(x->dst, NULL, node->data.mapping.style);
        const yaml_node_pair_t *first = node->data.mapping.pairs.start, *p;
        bool empty = first < node->data.mapping.pairs.top;
        int r;

        if (!id)
                return -ENOMEM;
        for (p = first; p < node->data.mapping.pairs.top; p++) {
                if ((r = expand_pair(x, id, p)) < 0)
                        return r;
                empty = empty && r == 0;
        }
        return empty ? 0 : id;
}

static int expand_node(struct expand *x, int id) {
        const yaml_node_t *node = yaml_document_get_node(x->src, id);

        switch (node ? node->type : YAML_NO_NODE) {
        case YAML_SCALAR_NODE:
                return expand_scalar(x, node);
        case YAML_SEQUENCE_NODE:
                return expand_sequence(x, node);
        case YAML_MAPPING_NODE:
                return expand_mapping(x, node);
        case YAML_NO_NODE:
                break;
        }
        return tmpl_error_set(x->e, -EINVAL, "template: is empty");
}

static int load_failed(const struct tmpl_data *template, const yaml_parser_t *parser, struct tmpl_error *e) {
        return tmpl_error_set(e, parser->error == YAML_MEMORY_ERROR ? -ENOMEM : -EINVAL,
                              "template: %s:%zu: %s", template->file, parser->problem_mark.line + 1,
                              parser->problem ? parser->problem : "is not YAML");
}

/* One document of the template; the emitter takes what is made of it. */
static int expand_document(const struct tmpl_vars *vars, yaml_document_t *src, yaml_emitter_t *emitter,
                           struct tmpl_error *e) {
        yaml_document_t dst;
        struct expand x = { vars, src, &dst, e };
        int r;

        if (!yaml_document_initialize(&dst, NULL, NULL, NULL, 1, 1))
                return -ENOMEM;
        r = expand_node(&x, 1); /* the root; and the first node made is the output's root */
        if (r <= 0) {
                yaml_document_delete(&dst);
                return r;
        }
        return yaml_emitter_dump(emitter, &dst) ? 0 : -ENOMEM;
}

static int expand_all(const struct tmpl_data *template, const struct tmpl_vars *vars, yaml_parser_t *parser,
                      yaml_emitter_t *emitter, struct tmpl_error *e) {
        for (unsigned n = 0;; n++) {
                yaml_document_t src;
                int r;

                if (!yaml_parser_load(parser, &src))
                        return load_failed(template, parser, e);
                if (!yaml_document_get_root_node(&src)) {
                        yaml_document_delete(&src);
                        return n ? 0 : tmpl_error_set(e, -EINVAL, "template: is empty");
                }
                r = expand_document(vars, &src, emitter, e);
                yaml_document_delete(&src);
                if (r < 0)
                        return r;
        }
}

static int expand_stream(const struct tmpl_data *template, const struct tmpl_vars *vars, FILE *f,
                         struct tmpl_error *e) {
        yaml_parser_t parser;
        yaml_emitter_t emitter;
        int r;

        if (!yaml_parser_initialize(&parser))
                return -ENOMEM;
        yaml_parser_set_input_string(&parser, template->text, template->size);
        r = tmpl_emitter_open(&emitter, f);
        if (r == 0)
                r = expand_all(template, vars, &parser, &emitter, e);
        if (r == 0 && !yaml_emitter_close(&emitter))
                r = -ENOMEM;
        yaml_emitter_delete(&emitter);
        yaml_parser_delete(&parser);
        return r;
}

int tmpl_expand(const struct tmpl_data *template, const struct tmpl_vars *vars, char **ret, size_t *ret_size,
                struct tmpl_error *e) {
        CLEANUP(freep) char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        int r;

        if (!f)
                return -ENOMEM;
        r = expand_stream(template, vars, f, e);
        if (fclose(f) != 0)
                return -ENOMEM;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        *ret_size = size;
        return 0;
}
