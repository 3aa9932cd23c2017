#include "pki/util.h"
#include "templates/check.h"
#include "templates/path.h"
#include "templates/render.h"
#include "templates/scalar.h"
#include <errno.h>

/* Aliases can make a small file a tree without end; real manifests are far below these. */
enum { MAX_SIZE = 1 << 20, MAX_DEPTH = 64, MAX_STEPS = 1 << 20, STEP_BYTES = 32 };

struct compare {
        yaml_document_t *a, *b;
        unsigned depth;
        size_t steps;
        struct tmpl_path path; /* where the walk is */
        struct tmpl_error *e;
};

static int compare_nodes(struct compare *c, int a, int b);

static int too_large(struct compare *c) {
        return tmpl_error_set(c->e, -E2BIG, "%s: nested too deep or too large", tmpl_path_text(&c->path));
}

/* False: no more of it. Also by the bytes: aliases repeat a long text as often as a short one. */
static bool spend(struct compare *c, size_t bytes) {
        c->steps += 1 + bytes / STEP_BYTES;
        return c->steps <= MAX_STEPS;
}

static int compare_scalars(struct compare *c, const yaml_node_t *a, const yaml_node_t *b) {
        struct tmpl_scalar x, y;
        const char *quote_x, *quote_y;

        if (!spend(c, a->data.scalar.length + b->data.scalar.length))
                return too_large(c);
        tmpl_scalar_resolve(a, &x);
        tmpl_scalar_resolve(b, &y);
        if (tmpl_scalar_equal(&x, &y))
                return 1;
        quote_x = x.type == TMPL_STRING ? "\"" : "";
        quote_y = y.type == TMPL_STRING ? "\"" : "";
        return tmpl_error_set(c->e, 0, "%s: %s%.100s%s and %s%.100s%s", tmpl_path_text(&c->path), quote_x,
                              x.text, quote_x, quote_y, y.text, quote_y);
}

static int compare_sequences(struct compare *c, const yaml_node_t *a, const yaml_node_t *b) {
        const yaml_node_item_t *x = a->data.sequence.items.start, *y = b->data.sequence.items.start;
        size_t n = (size_t)(a->data.sequence.items.top - x), m = (size_t)(b->data.sequence.items.top - y);

        for (size_t i = 0; i < n && i < m; i++) {
                size_t before = tmpl_path_push(&c->path, "[%zu]", i);
                int r = compare_nodes(c, x[i], y[i]);

                if (r <= 0)
                        return r;
                tmpl_path_pop(&c->path, before);
        }
        return n == m ? 1
                      : tmpl_error_set(c->e, 0, "%s: %zu items and %zu items", tmpl_path_text(&c->path), n,
                                       m);
}

static bool same_key(const yaml_node_t *a, const yaml_node_t *b) {
        return a->data.scalar.length == b->data.scalar.length &&
               !memcmp(a->data.scalar.value, b->data.scalar.value, a->data.scalar.length);
}

static int not_scalar(struct compare *c, const yaml_node_t *key) {
        return tmpl_error_set(c->e, -EINVAL, "%s: a key is no scalar (line %zu)", tmpl_path_text(&c->path),
                              key->start_mark.line + 1);
}

/* The one value of a key. 1 and *ret; 0: not there; -EINVAL: there twice, or a key is no scalar. */
static int find(struct compare *c, yaml_document_t *doc, const yaml_node_t *mapping, const yaml_node_t *key,
                int *ret) {
        const yaml_node_pair_t *p;
        int found = 0;

        for (p = mapping->data.mapping.pairs.start; p < mapping->data.mapping.pairs.top; p++) {
                const yaml_node_t *k = yaml_document_get_node(doc, p->key);

                if (k->type != YAML_SCALAR_NODE)
                        return not_scalar(c, k);
                if (!spend(c, k->data.scalar.length == key->data.scalar.length ? k->data.scalar.length : 0))
                        return too_large(c);
                if (!same_key(k, key))
                        continue;
                if (found++)
                        return tmpl_error_set(c->e, -EINVAL, "%s: key %.100s is there twice (line %zu)",
                                              tmpl_path_text(&c->path), k->data.scalar.value,
                                              k->start_mark.line + 1);
                *ret = p->value;
        }
        return found;
}

static int compare_values(struct compare *c, const yaml_node_t *key, const yaml_node_t *a,
                          const yaml_node_t *b) {
        int x = 0, y = 0, r;
        size_t before;

        if ((r = find(c, c->a, a, key, &x)) < 0 || (r = find(c, c->b, b, key, &y)) < 0)
                return r;
        if (!r)
                return tmpl_error_set(c->e, 0, "%s: key %.100s is only in the first",
                                      tmpl_path_text(&c->path), key->data.scalar.value);
        before = tmpl_path_push_key(&c->path, (const char *)key->data.scalar.value);
        r = compare_nodes(c, x, y);
        if (r > 0)
                tmpl_path_pop(&c->path, before);
        return r;
}

static int compare_mappings(struct compare *c, const yaml_node_t *a, const yaml_node_t *b) {
        const yaml_node_pair_t *p;
        int r, unused;

        for (p = a->data.mapping.pairs.start; p < a->data.mapping.pairs.top; p++) {
                const yaml_node_t *key = yaml_document_get_node(c->a, p->key);

                if (key->type != YAML_SCALAR_NODE)
                        return not_scalar(c, key);
                if ((r = compare_values(c, key, a, b)) <= 0)
                        return r;
        }
        for (p = b->data.mapping.pairs.start; p < b->data.mapping.pairs.top; p++) {
                const yaml_node_t *key = yaml_document_get_node(c->b, p->key);

                if (key->type != YAML_SCALAR_NODE)
                        return not_scalar(c, key);
                if ((r = find(c, c->a, a, key, &unused)) < 0)
                        return r;
                if (!r)
                        return tmpl_error_set(c->e, 0, "%s: key %.100s is only in the second",
                                              tmpl_path_text(&c->path), key->data.scalar.value);
        }
        return 1;
}

static int compare_nodes(struct compare *c, int a, int b) {
        const yaml_node_t *x = yaml_document_get_node(c->a, a), *y = yaml_document_get_node(c->b, b);
        static const char *const kinds[] = { "nothing", "a scalar", "a list", "a mapping" };
        int r = 1;

        if (!spend(c, 0) || c->depth >= MAX_DEPTH)
                return too_large(c);
        if (!x || !y || x->type != y->type)
                return x || y ? tmpl_error_set(c->e, 0, "%s: %s and %s", tmpl_path_text(&c->path),
                                               kinds[x ? x->type : 0], kinds[y ? y->type : 0])
                              : 1;
        c->depth++;
        if (x->type == YAML_SCALAR_NODE)
                r = compare_scalars(c, x, y);
        else if (x->type == YAML_SEQUENCE_NODE)
                r = compare_sequences(c, x, y);
        else if (x->type == YAML_MAPPING_NODE)
                r = compare_mappings(c, x, y);
        c->depth--;
        return r;
}

static int load_error(const yaml_parser_t *parser, const char *which, struct tmpl_error *e) {
        if (parser->error == YAML_MEMORY_ERROR)
                return -ENOMEM;
        return tmpl_error_set(e, -EINVAL, "%s text: line %zu: %s", which, parser->problem_mark.line + 1,
                              parser->problem ? parser->problem : "is not YAML");
}

/* Exactly one document, or an empty text. */
static int load_from(yaml_parser_t *parser, const char *which, yaml_document_t *doc, struct tmpl_error *e) {
        yaml_document_t next;
        bool more;

        if (!yaml_parser_load(parser, doc))
                return load_error(parser, which, e);
        if (!yaml_document_get_root_node(doc))
                return 0;
        if (!yaml_parser_load(parser, &next)) {
                yaml_document_delete(doc);
                return load_error(parser, which, e);
        }
        more = yaml_document_get_root_node(&next) != NULL;
        yaml_document_delete(&next);
        if (!more)
                return 0;
        yaml_document_delete(doc);
        return tmpl_error_set(e, -EINVAL, "%s text: has more than one document", which);
}

static int load(const char *text, size_t size, const char *which, yaml_document_t *doc,
                struct tmpl_error *e) {
        yaml_parser_t parser;
        int r;

        if (size > MAX_SIZE)
                return tmpl_error_set(e, -EFBIG, "%s text: %zu bytes are too many", which, size);
        if (!yaml_parser_initialize(&parser))
                return -ENOMEM;
        yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
        r = load_from(&parser, which, doc, e);
        yaml_parser_delete(&parser);
        return r;
}

int tmpl_equal(const char *a, size_t na, const char *b, size_t nb, struct tmpl_error *e) {
        yaml_document_t x, y;
        struct compare c = { .a = &x, .b = &y, .e = e };
        int r;

        if ((r = load(a, na, "first", &x, e)) < 0)
                return r;
        r = load(b, nb, "second", &y, e);
        if (r >= 0) {
                r = compare_nodes(&c, 1, 1);
                yaml_document_delete(&y);
        }
        yaml_document_delete(&x);
        return r;
}
