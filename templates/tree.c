#include "templates/tree.h"
#include <errno.h>

struct tmpl_tree *tmpl_tree_new(enum tmpl_tree_kind kind) {
        struct tmpl_tree *tree = calloc(1, sizeof *tree);

        if (tree)
                tree->kind = kind;
        return tree;
}

static struct tmpl_tree *new_scalar(enum tmpl_type type, const char *text) {
        CLEANUP(tmpl_tree_freep) struct tmpl_tree *tree = tmpl_tree_new(TMPL_TREE_SCALAR);

        if (!tree || !(tree->text = strdup(text)))
                return NULL;
        tree->type = type;
        return TAKE_PTR(tree);
}

struct tmpl_tree *tmpl_tree_string(const char *text) {
        return new_scalar(TMPL_STRING, text);
}

struct tmpl_tree *tmpl_tree_bool(bool value) {
        return new_scalar(TMPL_BOOL, value ? "true" : "false");
}

void tmpl_tree_free(struct tmpl_tree *tree) {
        if (!tree)
                return;
        for (size_t i = 0; i < tree->n; i++) {
                tmpl_tree_free(tree->items[i]);
                if (tree->keys)
                        free(tree->keys[i]);
        }
        free(tree->items);
        free(tree->keys);
        free(tree->text);
        free(tree);
}

/* Room for one more item. */
static int grow(struct tmpl_tree *tree) {
        struct tmpl_tree **items = reallocarray(tree->items, tree->n + 1, sizeof *items);
        char **keys;

        if (!items)
                return -ENOMEM;
        tree->items = items;
        if (tree->kind != TMPL_TREE_MAP)
                return 0;
        if (!(keys = reallocarray(tree->keys, tree->n + 1, sizeof *keys)))
                return -ENOMEM;
        tree->keys = keys;
        return 0;
}

static size_t find(const struct tmpl_tree *map, const char *key) {
        size_t i = 0;

        while (i < map->n && strcmp(map->keys[i], key) != 0)
                i++;
        return i;
}

struct tmpl_tree *tmpl_tree_get(const struct tmpl_tree *map, const char *key) {
        size_t i;

        if (!map || map->kind != TMPL_TREE_MAP)
                return NULL;
        i = find(map, key);
        return i < map->n ? map->items[i] : NULL;
}

int tmpl_tree_set(struct tmpl_tree *map, const char *key, struct tmpl_tree *item) {
        size_t i = find(map, key);
        char *copy;

        if (!item)
                return -ENOMEM;
        if (i < map->n) {
                tmpl_tree_free(map->items[i]);
                map->items[i] = item;
                return 0;
        }
        if (grow(map) < 0 || !(copy = strdup(key))) {
                tmpl_tree_free(item);
                return -ENOMEM;
        }
        map->keys[map->n] = copy;
        map->items[map->n++] = item;
        return 0;
}

int tmpl_tree_insert(struct tmpl_tree *list, size_t i, struct tmpl_tree *item) {
        if (!item || grow(list) < 0) {
                tmpl_tree_free(item);
                return -ENOMEM;
        }
        memmove(&list->items[i + 1], &list->items[i], (list->n - i) * sizeof *list->items);
        list->items[i] = item;
        list->n++;
        return 0;
}

struct tmpl_tree *tmpl_tree_take(struct tmpl_tree *tree, size_t i) {
        struct tmpl_tree *item = tree->items[i];

        tree->n--;
        memmove(&tree->items[i], &tree->items[i + 1], (tree->n - i) * sizeof *tree->items);
        if (tree->keys) {
                free(tree->keys[i]);
                memmove(&tree->keys[i], &tree->keys[i + 1], (tree->n - i) * sizeof *tree->keys);
        }
        return item;
}

void tmpl_tree_unset(struct tmpl_tree *map, const char *key) {
        size_t i = find(map, key);

        if (i < map->n)
                tmpl_tree_free(tmpl_tree_take(map, i));
}

struct tmpl_tree *tmpl_tree_copy(const struct tmpl_tree *tree) {
        CLEANUP(tmpl_tree_freep) struct tmpl_tree *copy = tmpl_tree_new(tree->kind);

        if (!copy || (tree->text && !(copy->text = strdup(tree->text))))
                return NULL;
        copy->type = tree->type;
        copy->line = tree->line;
        for (size_t i = 0; i < tree->n; i++) {
                struct tmpl_tree *item = tmpl_tree_copy(tree->items[i]);

                if (tree->kind == TMPL_TREE_MAP ? tmpl_tree_set(copy, tree->keys[i], item) < 0
                                                : tmpl_tree_insert(copy, i, item) < 0)
                        return NULL;
        }
        return TAKE_PTR(copy);
}

size_t tmpl_tree_count(const struct tmpl_tree *tree) {
        size_t count = 1;

        for (size_t i = 0; i < tree->n; i++)
                count += tmpl_tree_count(tree->items[i]);
        return count;
}

bool tmpl_tree_is_null(const struct tmpl_tree *tree) {
        return tree->kind == TMPL_TREE_SCALAR && tree->type == TMPL_NULL;
}

static bool equal_scalars(const struct tmpl_tree *a, const struct tmpl_tree *b) {
        bool numbers = (a->type == TMPL_INT || a->type == TMPL_FLOAT) &&
                       (b->type == TMPL_INT || b->type == TMPL_FLOAT);

        if (numbers && (a->type == TMPL_FLOAT || b->type == TMPL_FLOAT))
                return strtod(a->text, NULL) == strtod(b->text, NULL);
        return a->type == b->type && !strcmp(a->text, b->text);
}

bool tmpl_tree_equal(const struct tmpl_tree *a, const struct tmpl_tree *b) {
        if (a->kind != b->kind || a->n != b->n)
                return false;
        if (a->kind == TMPL_TREE_SCALAR)
                return equal_scalars(a, b);
        for (size_t i = 0; i < a->n; i++) {
                const struct tmpl_tree *other =
                        a->kind == TMPL_TREE_MAP ? tmpl_tree_get(b, a->keys[i]) : b->items[i];

                if (!other || !tmpl_tree_equal(a->items[i], other))
                        return false;
        }
        return true;
}

const char *tmpl_tree_describe(const struct tmpl_tree *tree) {
        static const char *const types[] = {
                [TMPL_NULL] = "null",      [TMPL_BOOL] = "a boolean",  [TMPL_INT] = "a number",
                [TMPL_FLOAT] = "a number", [TMPL_STRING] = "a string", [TMPL_TAGGED] = "a tagged value",
        };

        if (tree->kind != TMPL_TREE_SCALAR)
                return tree->kind == TMPL_TREE_MAP ? "a map" : "a list";
        return types[tree->type];
}
