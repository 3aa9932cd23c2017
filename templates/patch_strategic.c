/* Kubernetes' strategic merge patch, as far as patches of static pods, of Deployments and of the kubelet's
 * configuration can meet it. */
#include "templates/patch_priv.h"
#include <errno.h>

#define DIRECTIVE   "$patch"
#define RETAIN_KEYS "$retainKeys"
#define SET_ORDER   "$setElementOrder/"
#define DELETE_FROM "$deleteFromPrimitiveList/"

/* The lists that are merged, and the key that tells their items apart (NULL: scalars, a set). Source: the
 * patchStrategy and patchMergeKey tags of Pod and Deployment in k8s.io/api. Others, tolerations among them,
 * are replaced as a whole. A name means the same list wherever it stands in these objects. */
static const struct merged_list {
        const char *name, *key;
} merged_lists[] = {
        { "containers", "name" },
        { "initContainers", "name" },
        { "ephemeralContainers", "name" },
        { "volumes", "name" },
        { "imagePullSecrets", "name" },
        { "hostAliases", "ip" },
        { "topologySpreadConstraints", "topologyKey" },
        { "schedulingGates", "name" },
        { "resourceClaims", "name" },
        { "ports", "containerPort" },
        { "env", "name" },
        { "volumeMounts", "mountPath" },
        { "volumeDevices", "devicePath" },
        { "ownerReferences", "uid" },
        { "conditions", "type" },
        { "finalizers", NULL },
};

static int merge_map(struct tmpl_patching *p, struct tmpl_tree *target, struct tmpl_tree *patch);

static const struct merged_list *find_list(const struct tmpl_patching *p, const char *name) {
        for (size_t i = 0; p->lists_by_key && i < ARRAY_SIZE(merged_lists); i++)
                if (!strcmp(merged_lists[i].name, name))
                        return &merged_lists[i];
        return NULL;
}

static bool begins(const char *s, const char *prefix) {
        return !strncmp(s, prefix, strlen(prefix));
}

static bool is_directive(const char *key) {
        return !strcmp(key, RETAIN_KEYS) || begins(key, SET_ORDER) || begins(key, DELETE_FROM);
}

/* What is taken as it is: without directives, and without nulls, which say what to remove. A map that is
 * itself one big directive is nothing at all: false. */
static bool clean(struct tmpl_tree *tree) {
        if (tree->kind == TMPL_TREE_MAP && tmpl_tree_get(tree, DIRECTIVE))
                return false;
        for (size_t i = tree->n; i-- > 0;) {
                bool map = tree->kind == TMPL_TREE_MAP;

                if ((map && (is_directive(tree->keys[i]) || tmpl_tree_is_null(tree->items[i]))) ||
                    !clean(tree->items[i]))
                        tmpl_tree_free(tmpl_tree_take(tree, i));
        }
        return true;
}

/* The index of the item whose key is `value`, or n. */
static size_t find_item(const struct tmpl_tree *list, const char *key, const struct tmpl_tree *value) {
        size_t i = 0;

        for (; i < list->n; i++) {
                const struct tmpl_tree *item = key ? tmpl_tree_get(list->items[i], key) : list->items[i];

                if (item && tmpl_tree_equal(item, value))
                        break;
        }
        return i;
}

static int check_items(struct tmpl_patching *p, const struct tmpl_tree *list, const char *key) {
        for (size_t i = 0; i < list->n; i++) {
                const struct tmpl_tree *item = list->items[i];

                if (!key && item->kind == TMPL_TREE_SCALAR)
                        continue;
                if (!key)
                        return tmpl_patch_fail(p, item, "must be a scalar, not %s", tmpl_tree_describe(item));
                if (item->kind != TMPL_TREE_MAP)
                        return tmpl_patch_fail(p, item, "must be a map with a \"%s\", not %s", key,
                                               tmpl_tree_describe(item));
                if (!tmpl_tree_get(item, key) && !tmpl_tree_get(item, DIRECTIVE))
                        return tmpl_patch_fail(p, item, "\"%s\" is missing, by which these are merged", key);
        }
        return 0;
}

/* "$patch" in an item of a list. */
static int item_directive(struct tmpl_patching *p, struct tmpl_tree *list, const struct tmpl_tree *item,
                          const char *key, bool *replace) {
        const struct tmpl_tree *directive = tmpl_tree_get(item, DIRECTIVE), *value = tmpl_tree_get(item, key);
        const char *word = directive->text ? directive->text : "";

        if (!strcmp(word, "replace")) {
                *replace = true;
                return 0;
        }
        if (strcmp(word, "delete") != 0)
                return tmpl_patch_fail(p, directive, DIRECTIVE " must be delete or replace here, not \"%s\"",
                                       word);
        if (!value)
                return tmpl_patch_fail(p, item, "\"%s\" of what is to be deleted is missing", key);
        for (size_t i; (i = find_item(list, key, value)) < list->n;)
                tmpl_tree_free(tmpl_tree_take(list, i));
        return 0;
}

/* The directives among the items are acted on and taken out. */
static int list_directives(struct tmpl_patching *p, struct tmpl_tree *list, struct tmpl_tree *patch,
                           const char *key) {
        bool replace = false;
        size_t i = 0;
        int r;

        while (key && i < patch->n) {
                if (!tmpl_tree_get(patch->items[i], DIRECTIVE)) {
                        i++;
                        continue;
                }
                CLEANUP(tmpl_tree_freep) struct tmpl_tree *item = tmpl_tree_take(patch, i);
                if ((r = item_directive(p, list, item, key, &replace)) < 0)
                        return r;
        }
        while (replace && list->n)
                tmpl_tree_free(tmpl_tree_take(list, 0));
        return 0;
}

static bool is_among(struct tmpl_tree *const *items, size_t n, const struct tmpl_tree *item) {
        for (size_t i = 0; i < n; i++)
                if (items[i] == item)
                        return true;
        return false;
}

static size_t position(const struct tmpl_tree *list, const struct tmpl_tree *item) {
        size_t i = 0;

        while (list->items[i] != item)
                i++;
        return i;
}

/* The items that the patch names come in its order, new ones (from n_old on) as early as they can; the
 * others keep theirs among themselves and before those that followed them. */
static int reorder(struct tmpl_tree *list, size_t n_old, struct tmpl_tree *const *order, size_t n_order) {
        struct tmpl_tree **sorted = calloc(list->n + 1, sizeof *sorted);
        size_t left = 0, right = 0;

        if (!sorted)
                return -ENOMEM;
        for (size_t k = 0; k < list->n; k++) {
                while (left < list->n && is_among(order, n_order, list->items[left]))
                        left++;
                if (right < n_order) {
                        size_t at = position(list, order[right]);

                        if (left == list->n || at >= n_old || at < left) {
                                sorted[k] = order[right++];
                                continue;
                        }
                }
                sorted[k] = list->items[left++];
        }
        free(list->items);
        list->items = sorted;
        return 0;
}

/* One item of the patch, taken, into the list; *ret: where it is now. */
static int merge_item(struct tmpl_patching *p, struct tmpl_tree *list, struct tmpl_tree *item,
                      const char *key, struct tmpl_tree **ret) {
        CLEANUP(tmpl_tree_freep) struct tmpl_tree *owned = item;
        const struct tmpl_tree *value = key ? tmpl_tree_get(item, key) : item;
        size_t at = find_item(list, key, value), before;
        int r = 0;

        if (at == list->n) {
                clean(owned);
                if ((r = tmpl_tree_insert(list, at, TAKE_PTR(owned))) < 0)
                        return r;
        } else if (key) {
                before = tmpl_path_push(&p->path, "[%s=%s]", key, value->text ? value->text : "?");
                r = merge_map(p, list->items[at], item);
                tmpl_path_pop(&p->path, before);
        }
        *ret = list->items[at];
        return r;
}

static int merge_list(struct tmpl_patching *p, struct tmpl_tree *list, struct tmpl_tree *patch,
                      const char *key) {
        CLEANUP(freep) struct tmpl_tree **order = NULL;
        size_t n_old, n_order = 0;
        int r;

        if ((r = check_items(p, patch, key)) < 0 || (r = check_items(p, list, key)) < 0 ||
            (r = list_directives(p, list, patch, key)) < 0)
                return r;
        n_old = list->n;
        if (!(order = calloc(patch->n + 1, sizeof *order)))
                return -ENOMEM;
        while (patch->n && r == 0) {
                struct tmpl_tree *item;

                r = merge_item(p, list, tmpl_tree_take(patch, 0), key, &item);
                if (r == 0 && !is_among(order, n_order, item))
                        order[n_order++] = item;
        }
        return r < 0 ? r : reorder(list, n_old, order, n_order);
}

static int delete_from(struct tmpl_patching *p, struct tmpl_tree *target, const char *key,
                       const struct tmpl_tree *values) {
        struct tmpl_tree *list = tmpl_tree_get(target, key);

        if (values->kind != TMPL_TREE_LIST)
                return tmpl_patch_fail(p, values, DELETE_FROM "%s must be a list, not %s", key,
                                       tmpl_tree_describe(values));
        for (size_t i = 0; list && list->kind == TMPL_TREE_LIST && i < values->n; i++)
                for (size_t k; (k = find_item(list, NULL, values->items[i])) < list->n;)
                        tmpl_tree_free(tmpl_tree_take(list, k));
        return 0;
}

static int merge_value(struct tmpl_patching *p, struct tmpl_tree *target, const char *key,
                       struct tmpl_tree *value) {
        CLEANUP(tmpl_tree_freep) struct tmpl_tree *owned = value;
        const struct merged_list *list = find_list(p, key);
        struct tmpl_tree *old = tmpl_tree_get(target, key);

        if (old && !tmpl_tree_is_null(old) && old->kind != value->kind)
                return tmpl_patch_fail(p, value, "is %s and cannot become %s", tmpl_tree_describe(old),
                                       tmpl_tree_describe(value));
        if (old && value->kind == TMPL_TREE_MAP && old->kind == TMPL_TREE_MAP)
                return merge_map(p, old, value);
        if (old && list && value->kind == TMPL_TREE_LIST && old->kind == TMPL_TREE_LIST)
                return merge_list(p, old, value, list->key);
        return clean(value) ? tmpl_tree_set(target, key, TAKE_PTR(owned)) : 0;
}

/* One entry of the patch, whose value is taken. */
static int merge_entry(struct tmpl_patching *p, struct tmpl_tree *target, const char *key,
                       struct tmpl_tree *value) {
        size_t before;
        int r;

        if (tmpl_tree_is_null(value) || is_directive(key)) {
                r = begins(key, DELETE_FROM) ? delete_from(p, target, key + strlen(DELETE_FROM), value) : 0;
                tmpl_tree_unset(target, key); /* a directive is none of its keys */
                tmpl_tree_free(value);
                return r;
        }
        before = tmpl_path_push_key(&p->path, key);
        r = merge_value(p, target, key, value);
        tmpl_path_pop(&p->path, before);
        return r;
}

/* "$retainKeys": of the target only these stay; the patch may give no others. */
static int retain_keys(struct tmpl_patching *p, struct tmpl_tree *target, const struct tmpl_tree *patch) {
        const struct tmpl_tree *keys = tmpl_tree_get(patch, RETAIN_KEYS);

        if (!keys)
                return 0;
        if (keys->kind != TMPL_TREE_LIST)
                return tmpl_patch_fail(p, keys, RETAIN_KEYS " must be a list, not %s",
                                       tmpl_tree_describe(keys));
        for (size_t i = 0; i < patch->n; i++) {
                struct tmpl_tree name = { .type = TMPL_STRING, .text = patch->keys[i] };

                if (!is_directive(patch->keys[i]) && !tmpl_tree_is_null(patch->items[i]) &&
                    find_item(keys, NULL, &name) == keys->n)
                        return tmpl_patch_fail(p, patch->items[i], "\"%s\" is not in " RETAIN_KEYS,
                                               patch->keys[i]);
        }
        for (size_t i = target->n; i-- > 0;) {
                struct tmpl_tree name = { .type = TMPL_STRING, .text = target->keys[i] };

                if (find_item(keys, NULL, &name) == keys->n)
                        tmpl_tree_free(tmpl_tree_take(target, i));
        }
        return 0;
}

/* "$patch" in a map: the target's entries go, and with `replace` the patch's come instead. */
static int map_directive(struct tmpl_patching *p, struct tmpl_tree *target, struct tmpl_tree *patch) {
        const struct tmpl_tree *directive = tmpl_tree_get(patch, DIRECTIVE);
        const char *word = directive->text ? directive->text : "";
        bool replace = !strcmp(word, "replace");
        int r = 0;

        if (!replace && strcmp(word, "delete") != 0)
                return tmpl_patch_fail(p, directive, DIRECTIVE " must be delete or replace here, not \"%s\"",
                                       word);
        while (target->n)
                tmpl_tree_free(tmpl_tree_take(target, target->n - 1));
        tmpl_tree_unset(patch, DIRECTIVE);
        clean(patch);
        while (replace && patch->n && r == 0) {
                CLEANUP(freep) char *key = strdup(patch->keys[0]);

                r = key ? tmpl_tree_set(target, key, tmpl_tree_take(patch, 0)) : -ENOMEM;
        }
        return r;
}

static int merge_map(struct tmpl_patching *p, struct tmpl_tree *target, struct tmpl_tree *patch) {
        int r;

        if (tmpl_tree_get(patch, DIRECTIVE))
                return map_directive(p, target, patch);
        r = retain_keys(p, target, patch);
        while (patch->n && r == 0) {
                CLEANUP(freep) char *key = strdup(patch->keys[0]);

                r = key ? merge_entry(p, target, key, tmpl_tree_take(patch, 0)) : -ENOMEM;
        }
        return r;
}

int tmpl_patch_strategic(struct tmpl_patching *p, struct tmpl_tree *target, struct tmpl_tree *patch) {
        return merge_map(p, target, patch);
}
