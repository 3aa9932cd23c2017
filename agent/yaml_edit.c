#include "agent/yaml_edit.h"
#include <errno.h>

struct ynode *ynode_new(enum ynode_kind kind) {
        struct ynode *n = calloc(1, sizeof *n);

        if (n)
                n->kind = kind;
        return n;
}

struct ynode *ynode_new_text(const char *value) {
        struct ynode *n = ynode_new(YNODE_SCALAR);

        if (n && !(n->value = strdup(value))) {
                free(n);
                return NULL;
        }
        return n;
}

static int grow(struct ynode ***items, size_t n) {
        struct ynode **grown = reallocarray(*items, n + 1, sizeof *grown);

        if (!grown)
                return -ENOMEM;
        *items = grown;
        return 0;
}

int ynode_push(struct ynode *list, struct ynode *item) {
        if (!item || grow(&list->items, list->n) < 0) {
                ynode_free(item);
                return -ENOMEM;
        }
        list->items[list->n++] = item;
        return 0;
}

int ynode_put(struct ynode *map, const char *key, struct ynode *item) {
        CLEANUP(ynode_freep) struct ynode *name = ynode_new_text(key);

        if (!name || !item || grow(&map->keys, map->n) < 0 || grow(&map->items, map->n) < 0) {
                ynode_free(item);
                return -ENOMEM;
        }
        map->keys[map->n] = TAKE_PTR(name);
        map->items[map->n++] = item;
        return 0;
}

struct ynode *ynode_take(struct ynode *map, const char *key) {
        size_t i = 0;
        struct ynode *item;

        while (map->kind == YNODE_MAP && i < map->n && strcmp(map->keys[i]->value, key) != 0)
                i++;
        if (map->kind != YNODE_MAP || i == map->n)
                return NULL;
        item = map->items[i];
        ynode_free(map->keys[i]);
        map->n--;
        memmove(map->keys + i, map->keys + i + 1, (map->n - i) * sizeof(*map->keys));
        memmove(map->items + i, map->items + i + 1, (map->n - i) * sizeof(*map->items));
        return item;
}

struct ynode *ynode_map_below(struct ynode *map, const char *key) {
        struct ynode *below = (struct ynode *)ynode_get(map, key);

        if (below && below->kind == YNODE_MAP)
                return below;
        if (below && (below->kind != YNODE_SCALAR || below->type != YTYPE_NULL))
                return NULL;
        ynode_free(ynode_take(map, key));
        below = ynode_new(YNODE_MAP);
        return ynode_put(map, key, below) < 0 ? NULL : below;
}

int ynode_set(struct ynode *scalar, const char *value) {
        char *copy = strdup(value);

        if (!copy)
                return -ENOMEM;
        free(scalar->value);
        scalar->value = copy;
        scalar->type = YTYPE_STRING;
        return 0;
}
