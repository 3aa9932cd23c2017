/* The loops over the tables: read a map, remember where values came from, fill in defaults, free. */
#include "agent/config_fields.h"
#include "agent/suggest.h"
#include <errno.h>
#include <stdarg.h>

static int PRINTF_LIKE(6, 0) fail(struct config_reader *r, const char *file, unsigned line, unsigned column,
                                  const char *path, const char *fmt, va_list ap) {
        char text[768];

        vsnprintf(text, sizeof text, fmt, ap);
        return error_at(r->e, file, line, column, "%s%s%s", path, *path ? ": " : "", text);
}

int config_fail(struct config_reader *r, const struct ynode *n, const char *fmt, ...) {
        va_list ap;
        int k;

        va_start(ap, fmt);
        k = fail(r, r->file, n->line, n->column, r->path, fmt, ap);
        va_end(ap);
        return k;
}

int config_no_memory(struct config_reader *r) {
        error_set(r->e, EXIT_FAILED, "out of memory");
        return -ENOMEM;
}

static int remember(struct config_reader *r, const void *target, const struct ynode *n) {
        struct config_place *grown = r->places;

        if ((r->n_places & (r->n_places - 1)) == 0) { /* full at every power of two */
                size_t room = r->n_places ? 2 * r->n_places : 1;

                grown = reallocarray(grown, room, sizeof *grown);
                if (!grown)
                        return config_no_memory(r);
                r->places = grown;
        }
        grown[r->n_places++] = (struct config_place){ target, r->file, n->line, n->column };
        return 0;
}

const struct config_place *config_place(const struct config_reader *r, const void *target) {
        for (size_t i = r->n_places; i > 0; i--) /* the last one is in force */
                if (r->places[i - 1].target == target)
                        return &r->places[i - 1];
        return NULL;
}

int config_blame(struct config_reader *r, const void *const *targets, const char *fmt, ...) {
        const struct config_place *place = NULL;
        va_list ap;
        int k;

        while (*targets && !place)
                place = config_place(r, *targets++);
        va_start(ap, fmt);
        if (place)
                k = fail(r, place->file, place->line, place->column, "", fmt, ap);
        else
                k = fail(r, r->file, 0, 0, "", fmt, ap);
        va_end(ap);
        return k;
}

static const struct field *find(const struct field *table, const char *key) {
        for (; table->key; table++)
                if (!strcmp(table->key, key))
                        return table;
        return NULL;
}

static int unknown_key(struct config_reader *r, const struct field *table, const struct ynode *key) {
        const struct field *best = NULL;
        unsigned distance = SUGGEST_FAR;

        for (; table->key; table++) {
                unsigned d = suggest_distance(key->value, table->key);

                if (table->ops && d < distance) {
                        distance = d;
                        best = table;
                }
        }
        if (best)
                return config_fail(r, key, "unknown key \"%s\"; did you mean \"%s\"?", key->value, best->key);
        return config_fail(r, key, "unknown key \"%s\"", key->value);
}

/* Append ".name" or "[i]" to the path; what is cut off there is only text for a message. */
static size_t path_push(struct config_reader *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
static size_t path_push(struct config_reader *r, const char *fmt, ...) {
        size_t len = strlen(r->path);
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(r->path + len, sizeof r->path - len, fmt, ap);
        va_end(ap);
        return len;
}

/* Its fields are its parent's: it has no member of its own. */
static bool is_group(const struct field *f) {
        return f->ops == &op_map || f->ops == &op_local_etcd || f->ops == &op_control_plane;
}

int config_read_value(struct config_reader *r, const struct field *f, const struct ynode *n, void *base) {
        void *target = (char *)base + f->offset;
        int k = f->ops->read(r, f, n, target);

        if (k < 0 || is_group(f) || f->ops == &op_ignore || f->ops == &op_only)
                return k;
        return remember(r, target, n);
}

static int read_key(struct config_reader *r, const struct field *table, const struct ynode *key,
                    const struct ynode *value, void *base) {
        const struct field *f = find(table, key->value);
        size_t len;
        int k;

        if (!f)
                return unknown_key(r, table, key);
        len = path_push(r, "%s%s", *r->path ? "." : "", f->key);
        if (!f->ops)
                return config_fail(r, key, "is not taken: %s", f->refused);
        if (f->cluster && !r->c->cluster)
                return config_fail(r, key, "belongs to a cluster, and there is no ClusterConfiguration here");
        k = config_read_value(r, f, value, base);
        if (k == 0)
                r->path[len] = 0;
        return k;
}

int config_read_fields(struct config_reader *r, const struct field *table, const struct ynode *map,
                       void *base) {
        int k;

        if (map->kind == YNODE_SCALAR && map->type == YTYPE_NULL)
                return 0; /* a key with nothing below it */
        if (map->kind != YNODE_MAP)
                return config_fail(r, map, "must be a map, not %s", ynode_describe(map));
        for (size_t i = 0; i < map->n; i++)
                if ((k = read_key(r, table, map->keys[i], map->items[i], base)) < 0)
                        return k;
        for (; table->key; table++)
                if (table->required && !ynode_get(map, table->key))
                        return config_fail(r, map, "\"%s\" is missing", table->key);
        return 0;
}

/* ---- groups and lists ---- */

int config_read_map(struct config_reader *r, const struct field *f, const struct ynode *n, void *target) {
        return config_read_fields(r, f->sub, n, target);
}

void config_done_map(const struct field *f, void *target) {
        config_fields_done(f->sub, target);
}

int config_read_check(struct config_reader *r, const struct field *f, const struct ynode *n, void *target) {
        *(bool *)target = true; /* a check that is given is made, unless it says enabled: false */
        return config_read_fields(r, f->sub, n, target);
}

void config_done_list(const struct field *f, void *target) {
        struct any_list *list = target;

        for (size_t i = 0; i < list->n; i++)
                config_fields_done(f->sub, list->items + i * f->size);
        free(list->items);
        *list = (struct any_list){ 0 };
}

static int read_items(struct config_reader *r, const struct field *f, const struct ynode *n,
                      struct any_list *list) {
        int k;

        for (size_t i = 0; i < n->n; i++) {
                char *item = list->items + i * f->size;
                size_t len = path_push(r, "[%zu]", i);

                list->n = i + 1;
                if ((k = config_read_defaults(r, f->sub, item)) < 0 ||
                    (k = remember(r, item, n->items[i])) < 0)
                        return k;
                if (n->items[i]->kind != YNODE_MAP)
                        return config_fail(r, n->items[i], "must be a map, not %s",
                                           ynode_describe(n->items[i]));
                if ((k = config_read_fields(r, f->sub, n->items[i], item)) < 0)
                        return k;
                r->path[len] = 0;
        }
        return 0;
}

int config_read_list(struct config_reader *r, const struct field *f, const struct ynode *n, void *target) {
        struct any_list *list = target;

        config_done_list(f, list);
        if (n->kind == YNODE_SCALAR && n->type == YTYPE_NULL)
                return 0;
        if (n->kind == YNODE_MAP && !strcmp(f->sub->key, "name") && !strcmp(f->sub[1].key, "value"))
                return config_fail(r, n,
                                   "must be a list in v1beta4, not a map (`triarch config migrate` makes "
                                   "one); write \"- name: NAME\" and below it "
                                   "\"value: VALUE\" for each");
        if (n->kind != YNODE_LIST)
                return config_fail(r, n, "must be a list, not %s", ynode_describe(n));
        if (!n->n)
                return 0;
        list->items = calloc(n->n, f->size);
        if (!list->items)
                return config_no_memory(r);
        return read_items(r, f, n, list);
}

/* One map, or nothing below the key: a list of one. */
static int read_one(struct config_reader *r, const struct field *f, const struct ynode *n,
                    struct any_list *list) {
        int k;

        config_done_list(f, list);
        list->items = calloc(1, f->size);
        if (!list->items)
                return config_no_memory(r);
        list->n = 1;
        if ((k = config_read_defaults(r, f->sub, list->items)) < 0 || (k = remember(r, list->items, n)) < 0)
                return k;
        return config_read_fields(r, f->sub, n, list->items);
}

int config_read_one_or_list(struct config_reader *r, const struct field *f, const struct ynode *n,
                            void *target) {
        if (n->kind != YNODE_LIST)
                return read_one(r, f, n, target);
        if (n->n == 0 || n->n > CONFIG_MAX_VIPS)
                return config_fail(r, n, "must be one map or a list of up to %d", CONFIG_MAX_VIPS);
        return config_read_list(r, f, n, target);
}

/* ---- maps with the user's keys ---- */

static int by_key(const void *a, const void *b, void *map) {
        const struct ynode *m = map;

        return strcmp(m->keys[*(const size_t *)a]->value, m->keys[*(const size_t *)b]->value);
}

static int read_keyed_item(struct config_reader *r, const struct field *sub, const struct ynode *key,
                           const struct ynode *value, char *item) {
        struct ynode name = *key;
        int k;

        name.type = YTYPE_STRING; /* a key is text, whatever it looks like */
        if ((k = config_read_value(r, sub, &name, item)) < 0)
                return k;
        if (!*sub[1].key)
                return config_read_value(r, &sub[1], value, item);
        return config_read_fields(r, sub + 1, value, item);
}

/* In the order of the keys: what a map means does not depend on how it is written. */
int config_read_keyed(struct config_reader *r, const struct field *f, const struct ynode *n, void *target) {
        CLEANUP(freep) size_t *order = calloc(n->n + 1, sizeof *order);
        struct any_list *list = target;

        config_done_list(f, list);
        if (n->kind == YNODE_SCALAR && n->type == YTYPE_NULL)
                return 0;
        if (n->kind != YNODE_MAP)
                return config_fail(r, n, "must be a map, not %s", ynode_describe(n));
        list->items = n->n ? calloc(n->n, f->size) : NULL;
        if (!order || (n->n && !list->items))
                return config_no_memory(r);
        for (size_t i = 0; i < n->n; i++)
                order[i] = i;
        qsort_r(order, n->n, sizeof *order, by_key, (void *)n);
        for (list->n = 0; list->n < n->n;) {
                const struct ynode *key = n->keys[order[list->n]], *value = n->items[order[list->n]];
                char *item = list->items + list->n++ * f->size;
                size_t len = path_push(r, "[\"%s\"]", key->value);
                int k = read_keyed_item(r, f->sub, key, value, item);

                if (k < 0)
                        return k;
                r->path[len] = 0;
        }
        return 0;
}

int config_read_ignore(struct config_reader *r, const struct field *f, const struct ynode *n, void *target) {
        (void)r;
        (void)f;
        (void)n;
        (void)target;
        return 0;
}

/* ---- over whole tables ---- */

int config_read_defaults(struct config_reader *r, const struct field *table, void *base) {
        for (const struct field *f = table; f->key; f++) {
                struct ynode n = { .kind = YNODE_SCALAR, .type = YTYPE_ANY, .value = (char *)f->def };
                char *target = (char *)base + f->offset;
                int k = 0;

                if (is_group(f) || f->ops == &op_check)
                        k = config_read_defaults(r, f->sub, target);
                else if (f->def && (r->c->cluster || !f->cluster))
                        k = f->ops->read(r, f, &n, target);
                if (k < 0)
                        return k;
        }
        return 0;
}

void config_fields_done(const struct field *table, void *base) {
        for (; table->key; table++)
                if (table->ops && table->ops->done)
                        table->ops->done(table, (char *)base + table->offset);
}

const struct field *config_find(const struct field *table, const char *path) {
        size_t len = strcspn(path, ".");

        for (; table->key; table++)
                if (strlen(table->key) == len && !strncmp(table->key, path, len))
                        return path[len] ? config_find(table->sub, path + len + 1) : table;
        return NULL;
}
