#include "templates/emit.h"
#include "templates/lists.h"
#include "templates/tree.h"
#include <errno.h>

static int build(yaml_document_t *doc, const struct tmpl_tree *tree);

struct entry {
        const char *key;
        const struct tmpl_tree *item;
};

static int compare(const void *a, const void *b) {
        const struct entry *x = a, *y = b;

        return strcmp(x->key, y->key);
}

static int build_entries(yaml_document_t *doc, int id, const struct entry *entries, size_t n) {
        for (size_t i = 0; i < n; i++) {
                int key = tmpl_node_string(doc, entries[i].key);
                int item = key < 0 ? key : build(doc, entries[i].item);

                if (item < 0 || !yaml_document_append_mapping_pair(doc, id, key, item))
                        return -ENOMEM;
        }
        return id;
}

static int build_map(yaml_document_t *doc, const struct tmpl_tree *tree) {
        int id = yaml_document_add_mapping(doc, NULL,
                                           tree->n ? YAML_BLOCK_MAPPING_STYLE : YAML_FLOW_MAPPING_STYLE);
        CLEANUP(freep) struct entry *entries = calloc(tree->n + 1, sizeof *entries);

        if (!id || !entries)
                return -ENOMEM;
        for (size_t i = 0; i < tree->n; i++)
                entries[i] = (struct entry){ tree->keys[i], tree->items[i] };
        qsort(entries, tree->n, sizeof *entries, compare);
        return build_entries(doc, id, entries, tree->n);
}

static int build_list(yaml_document_t *doc, const struct tmpl_tree *tree) {
        int id = yaml_document_add_sequence(doc, NULL,
                                            tree->n ? YAML_BLOCK_SEQUENCE_STYLE : YAML_FLOW_SEQUENCE_STYLE);

        for (size_t i = 0; id && i < tree->n; i++) {
                int item = build(doc, tree->items[i]);

                if (item < 0 || !yaml_document_append_sequence_item(doc, id, item))
                        return -ENOMEM;
        }
        return id ? id : -ENOMEM;
}

static int build(yaml_document_t *doc, const struct tmpl_tree *tree) {
        if (tree->kind == TMPL_TREE_MAP)
                return build_map(doc, tree);
        if (tree->kind == TMPL_TREE_LIST)
                return build_list(doc, tree);
        return tree->type == TMPL_STRING ? tmpl_node_string(doc, tree->text)
                                         : tmpl_node_scalar(doc, tree->text, YAML_PLAIN_SCALAR_STYLE);
}

int tmpl_tree_emit(const struct tmpl_tree *tree, char **ret, size_t *ret_size) {
        yaml_document_t doc;
        int r;

        if (!yaml_document_initialize(&doc, NULL, NULL, NULL, 1, 1))
                return -ENOMEM;
        r = build(&doc, tree); /* the root is the first node made */
        if (r < 0) {
                yaml_document_delete(&doc);
                return r;
        }
        return tmpl_emit(&doc, ret, ret_size);
}
