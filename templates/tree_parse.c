#include "templates/check.h"
#include "templates/tree.h"
#include <errno.h>

/* Aliases can make a small text a tree without end. */
enum { MAX_SIZE = 1 << 20, MAX_DEPTH = 64 };

struct convert {
        yaml_document_t *doc;
        const char *name;
        unsigned depth, nodes;
        struct tmpl_error *e;
};

static int convert(struct convert *c, int id, struct tmpl_tree **ret);

static int refuse(struct convert *c, const yaml_node_t *node, const char *what) {
        return tmpl_error_set(c->e, -EINVAL, "%s:%zu: %s", c->name, node->start_mark.line + 1, what);
}

/* Integers in one form, so that they can be compared as texts. */
static char *scalar_text(const struct tmpl_scalar *s) {
        char number[32];

        switch (s->type) {
        case TMPL_NULL:
                return strdup("null");
        case TMPL_BOOL:
                return strdup(s->boolean ? "true" : "false");
        case TMPL_INT:
                snprintf(number, sizeof number, "%lld", s->integer);
                return strdup(number);
        case TMPL_FLOAT:
        case TMPL_STRING:
        case TMPL_TAGGED:
                break;
        }
        return strdup(s->text);
}

static int convert_scalar(struct convert *c, const yaml_node_t *node, struct tmpl_tree *tree) {
        struct tmpl_scalar s;

        if (memchr(node->data.scalar.value, '\0', node->data.scalar.length))
                return refuse(c, node, "a NUL byte");
        tmpl_scalar_resolve(node, &s);
        if (s.type == TMPL_TAGGED)
                return refuse(c, node, "a tag; values must be plain YAML");
        tree->type = s.type;
        tree->text = scalar_text(&s);
        return tree->text ? 0 : -ENOMEM;
}

static int convert_list(struct convert *c, const yaml_node_t *node, struct tmpl_tree *tree) {
        const yaml_node_item_t *i;
        int r;

        for (i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
                struct tmpl_tree *item = NULL;

                if ((r = convert(c, *i, &item)) < 0 || (r = tmpl_tree_insert(tree, tree->n, item)) < 0)
                        return r;
        }
        return 0;
}

static int check_key(struct convert *c, const yaml_node_t *key, const struct tmpl_tree *map) {
        const char *text = (const char *)key->data.scalar.value;

        if (key->type != YAML_SCALAR_NODE)
                return refuse(c, key, "a key that is no scalar");
        if (strlen(text) != key->data.scalar.length)
                return refuse(c, key, "a NUL byte");
        if (!strcmp(text, "<<"))
                return refuse(c, key, "a merge key (<<); write the keys out");
        if (tmpl_tree_get(map, text))
                return tmpl_error_set(c->e, -EINVAL, "%s:%zu: the key \"%.100s\" is there twice", c->name,
                                      key->start_mark.line + 1, text);
        return 0;
}

static int convert_map(struct convert *c, const yaml_node_t *node, struct tmpl_tree *tree) {
        const yaml_node_pair_t *p;
        int r;

        for (p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
                const yaml_node_t *key = yaml_document_get_node(c->doc, p->key);
                struct tmpl_tree *item = NULL;

                if ((r = check_key(c, key, tree)) < 0 || (r = convert(c, p->value, &item)) < 0 ||
                    (r = tmpl_tree_set(tree, (const char *)key->data.scalar.value, item)) < 0)
                        return r;
        }
        return 0;
}

static int convert(struct convert *c, int id, struct tmpl_tree **ret) {
        const yaml_node_t *node = yaml_document_get_node(c->doc, id);
        CLEANUP(tmpl_tree_freep) struct tmpl_tree *tree = NULL;
        int r;

        if (++c->nodes > TMPL_TREE_MAX || c->depth >= MAX_DEPTH)
                return tmpl_error_set(c->e, -E2BIG, "%s:%zu: nested too deep or too large", c->name,
                                      node->start_mark.line + 1);
        if (!(tree = tmpl_tree_new(node->type == YAML_MAPPING_NODE    ? TMPL_TREE_MAP
                                   : node->type == YAML_SEQUENCE_NODE ? TMPL_TREE_LIST
                                                                      : TMPL_TREE_SCALAR)))
                return -ENOMEM;
        tree->line = (unsigned)node->start_mark.line + 1;
        c->depth++;
        r = tree->kind == TMPL_TREE_MAP    ? convert_map(c, node, tree)
            : tree->kind == TMPL_TREE_LIST ? convert_list(c, node, tree)
                                           : convert_scalar(c, node, tree);
        c->depth--;
        if (r == 0)
                *ret = TAKE_PTR(tree);
        return r;
}

static int add(struct tmpl_trees *trees, struct tmpl_tree *tree) {
        struct tmpl_tree **items = reallocarray(trees->items, trees->n + 1, sizeof *items);

        if (!items) {
                tmpl_tree_free(tree);
                return -ENOMEM;
        }
        trees->items = items;
        items[trees->n++] = tree;
        return 0;
}

/* 1: there was a document. */
static int parse_next(yaml_parser_t *parser, struct convert *c, struct tmpl_trees *ret) {
        struct tmpl_tree *tree = NULL;
        yaml_document_t doc;
        int r;

        if (!yaml_parser_load(parser, &doc))
                return parser->error == YAML_MEMORY_ERROR
                               ? -ENOMEM
                               : tmpl_error_set(c->e, -EINVAL, "%s:%zu: %s", c->name,
                                                parser->problem_mark.line + 1,
                                                parser->problem ? parser->problem : "is not YAML");
        c->doc = &doc;
        r = yaml_document_get_root_node(&doc) ? convert(c, 1, &tree) : 1;
        yaml_document_delete(&doc);
        c->doc = NULL;
        if (r != 0)
                return r < 0 ? r : 0;
        if (tmpl_tree_is_null(tree)) {
                tmpl_tree_free(tree);
                return 1;
        }
        return add(ret, tree) < 0 ? -ENOMEM : 1;
}

int tmpl_trees_parse(const char *text, size_t size, const char *name, struct tmpl_trees *ret,
                     struct tmpl_error *e) {
        struct convert c = { .name = name, .e = e };
        yaml_parser_t parser;
        int r;

        *ret = (struct tmpl_trees){ 0 };
        if (size > MAX_SIZE)
                return tmpl_error_set(e, -E2BIG, "%s: %zu bytes are too many", name, size);
        if (!yaml_parser_initialize(&parser))
                return -ENOMEM;
        yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
        do
                r = parse_next(&parser, &c, ret);
        while (r > 0);
        yaml_parser_delete(&parser);
        return r;
}

void tmpl_trees_done(struct tmpl_trees *trees) {
        for (size_t i = 0; i < trees->n; i++)
                tmpl_tree_free(trees->items[i]);
        free(trees->items);
        *trees = (struct tmpl_trees){ 0 };
}

int tmpl_tree_parse(const char *text, size_t size, const char *name, struct tmpl_tree **ret,
                    struct tmpl_error *e) {
        CLEANUP(tmpl_trees_done) struct tmpl_trees trees;
        int r = tmpl_trees_parse(text, size, name, &trees, e);

        if (r < 0)
                return r;
        if (trees.n != 1)
                return tmpl_error_set(e, -EINVAL, "%s: holds %zu documents, not one", name, trees.n);
        *ret = TAKE_PTR(trees.items[0]);
        return 0;
}
