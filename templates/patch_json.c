/* JSON patch, RFC 6902, with JSON pointers, RFC 6901. */
#include "templates/patch_priv.h"
#include <errno.h>

/* A place: an entry of a map, or an item of a list. */
struct place {
        struct tmpl_tree *parent; /* NULL: the whole document */
        char *key;                /* of a map; owned */
        size_t index;             /* of a list; n: past the end */
        struct tmpl_tree *item;   /* NULL: nothing is there */
};

static void place_done(struct place *place) {
        free(place->key);
}

struct op {
        struct tmpl_patching *p;
        const struct tmpl_tree *node; /* of the patch, to blame */
        struct tmpl_tree **target;
};

/* RFC 6901 section 4: "~1" is '/', "~0" is '~'; any other '~' is an error. NULL with errno. */
static char *unescape(const char *token, size_t size) {
        char *key = malloc(size + 1), *to = key;

        for (size_t i = 0; key && i < size; i++) {
                char c = token[i];

                if (c == '~') {
                        c = ++i < size ? token[i] : '\0';
                        if (c != '0' && c != '1') {
                                free(key);
                                errno = EINVAL;
                                return NULL;
                        }
                        c = c == '1' ? '/' : '~';
                }
                *to++ = c;
        }
        if (key)
                *to = '\0';
        return key;
}

/* RFC 6901 section 4: digits without a leading zero, or '-' for the place past the last item. */
static bool parse_index(const char *token, const struct tmpl_tree *list, size_t *ret) {
        size_t digits = strspn(token, "0123456789");

        if (!strcmp(token, "-")) {
                *ret = list->n;
                return true;
        }
        if (!digits || token[digits] || digits > 6 || (digits > 1 && *token == '0'))
                return false;
        *ret = strtoul(token, NULL, 10);
        return *ret <= list->n;
}

/* One step down from place->item. */
static int step(struct op *op, const char *token, size_t size, struct place *place) {
        CLEANUP(freep) char *key = unescape(token, size);
        struct tmpl_tree *at = place->item;

        if (!key)
                return errno == ENOMEM ? -ENOMEM
                                       : tmpl_patch_fail(op->p, op->node, "a '~' must be followed by 0 or 1");
        if (!at || at->kind == TMPL_TREE_SCALAR)
                return tmpl_patch_fail(op->p, op->node, "there is nothing above \"%.*s\"", (int)size, token);
        place->parent = at;
        free(place->key);
        place->key = NULL;
        if (at->kind == TMPL_TREE_MAP) {
                place->item = tmpl_tree_get(at, key);
                place->key = TAKE_PTR(key);
                return 0;
        }
        if (!parse_index(key, at, &place->index))
                return tmpl_patch_fail(op->p, op->node, "\"%s\" is no place in a list of %zu items", key,
                                       at->n);
        place->item = place->index < at->n ? at->items[place->index] : NULL;
        return 0;
}

static int find(struct op *op, const char *pointer, struct place *ret) {
        *ret = (struct place){ .item = *op->target };
        if (*pointer && *pointer != '/')
                return tmpl_patch_fail(op->p, op->node, "the path must begin with '/'");
        while (*pointer) {
                size_t size = strcspn(++pointer, "/");
                int r = step(op, pointer, size, ret);

                if (r < 0)
                        return r;
                pointer += size;
        }
        return 0;
}

static int find_existing(struct op *op, const char *pointer, struct place *ret) {
        int r = find(op, pointer, ret);

        if (r == 0 && !ret->item)
                return tmpl_patch_fail(op->p, op->node, "nothing is at %s", pointer);
        return r;
}

/* Takes `value`. */
static int put(struct op *op, const struct place *place, struct tmpl_tree *value, bool replace) {
        if (!value)
                return -ENOMEM;
        if (!place->parent) {
                tmpl_tree_free(*op->target);
                *op->target = value;
                return 0;
        }
        if (place->key)
                return tmpl_tree_set(place->parent, place->key, value);
        if (replace)
                tmpl_tree_free(tmpl_tree_take(place->parent, place->index));
        return tmpl_tree_insert(place->parent, place->index, value);
}

static struct tmpl_tree *cut(const struct place *place) {
        for (size_t i = 0; i < place->parent->n; i++)
                if (place->parent->items[i] == place->item)
                        return tmpl_tree_take(place->parent, i);
        return NULL;
}

static int op_add(struct op *op, const char *path, const char *from, const struct tmpl_tree *value) {
        CLEANUP(place_done) struct place place;
        int r = find(op, path, &place);

        (void)from;
        return r < 0 ? r : put(op, &place, tmpl_tree_copy(value), false);
}

static int op_replace(struct op *op, const char *path, const char *from, const struct tmpl_tree *value) {
        CLEANUP(place_done) struct place place;
        int r = find_existing(op, path, &place);

        (void)from;
        return r < 0 ? r : put(op, &place, tmpl_tree_copy(value), true);
}

static int op_remove(struct op *op, const char *path, const char *from, const struct tmpl_tree *value) {
        CLEANUP(place_done) struct place place;
        int r = find_existing(op, path, &place);

        (void)from;
        (void)value;
        if (r < 0)
                return r;
        if (!place.parent)
                return tmpl_patch_fail(op->p, op->node, "the whole cannot be removed");
        tmpl_tree_free(cut(&place));
        return 0;
}

static int op_test(struct op *op, const char *path, const char *from, const struct tmpl_tree *value) {
        CLEANUP(place_done) struct place place;
        int r = find_existing(op, path, &place);

        (void)from;
        if (r == 0 && !tmpl_tree_equal(place.item, value))
                return tmpl_patch_fail(op->p, op->node, "the test of %s failed: it is another value", path);
        return r;
}

/* Copies of copies could grow without end. */
static int check_growth(struct op *op, const struct tmpl_tree *copy) {
        if (tmpl_tree_count(*op->target) + tmpl_tree_count(copy) <= TMPL_TREE_MAX)
                return 0;
        return tmpl_patch_fail(op->p, op->node, "the result is too large");
}

static int op_copy(struct op *op, const char *path, const char *from, const struct tmpl_tree *value) {
        CLEANUP(place_done) struct place source;
        CLEANUP(tmpl_tree_freep) struct tmpl_tree *copy = NULL;
        int r = find_existing(op, from, &source);

        (void)value;
        if (r < 0)
                return r;
        if ((r = check_growth(op, source.item)) < 0)
                return r;
        if (!(copy = tmpl_tree_copy(source.item)))
                return -ENOMEM;
        return op_add(op, path, NULL, copy);
}

/* RFC 6902 section 4.4: nothing can be moved into itself. */
static int op_move(struct op *op, const char *path, const char *from, const struct tmpl_tree *value) {
        CLEANUP(place_done) struct place source;
        CLEANUP(tmpl_tree_freep) struct tmpl_tree *item = NULL;
        size_t size = strlen(from);
        int r = find_existing(op, from, &source);

        (void)value;
        if (r < 0)
                return r;
        if (!source.parent || (!strncmp(path, from, size) && path[size] == '/'))
                return tmpl_patch_fail(op->p, op->node, "%s cannot be moved into itself",
                                       *from ? from : "all");
        item = cut(&source);
        return op_add(op, path, NULL, item);
}

static const struct {
        const char *name;
        int (*run)(struct op *op, const char *path, const char *from, const struct tmpl_tree *value);
        bool value, from; /* members that it needs besides "path" */
} ops[] = {
        { "add", op_add, true, false },         { "remove", op_remove, false, false },
        { "replace", op_replace, true, false }, { "move", op_move, false, true },
        { "copy", op_copy, false, true },       { "test", op_test, true, false },
};

/* A member that must be a string. */
static int get_text(struct op *op, const char *name, const char **ret) {
        const struct tmpl_tree *member = tmpl_tree_get(op->node, name);

        if (!member || member->kind != TMPL_TREE_SCALAR || member->type != TMPL_STRING)
                return tmpl_patch_fail(op->p, op->node, "\"%s\" is missing, or no string", name);
        *ret = member->text;
        return 0;
}

static int run(struct op *op) {
        const struct tmpl_tree *value = tmpl_tree_get(op->node, "value");
        const char *name = "", *path = "", *from = "";
        int r;

        if ((r = get_text(op, "op", &name)) < 0 || (r = get_text(op, "path", &path)) < 0)
                return r;
        tmpl_path_push(&op->p->path, "%s", path);
        for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
                if (strcmp(ops[i].name, name) != 0)
                        continue;
                if (ops[i].value && !value)
                        return tmpl_patch_fail(op->p, op->node, "\"value\" is missing");
                if (ops[i].from && (r = get_text(op, "from", &from)) < 0)
                        return r;
                return ops[i].run(op, path, from, value);
        }
        return tmpl_patch_fail(op->p, op->node,
                               "\"%s\" is no operation; there are add, remove, replace, move, copy and test",
                               name);
}

int tmpl_patch_json(struct tmpl_patching *p, struct tmpl_tree **target, const struct tmpl_tree *patch) {
        int r = 0;

        if (patch->kind != TMPL_TREE_LIST)
                return tmpl_patch_fail(p, patch, "a JSON patch is a list of operations, not %s",
                                       tmpl_tree_describe(patch));
        for (size_t i = 0; i < patch->n && r == 0; i++) {
                struct op op = { p, patch->items[i], target };

                tmpl_path_pop(&p->path, 0);
                r = run(&op);
        }
        return r;
}
