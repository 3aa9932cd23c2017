#include "templates/patch.h"
#include "templates/check.h"
#include "templates/patch_priv.h"
#include <errno.h>
#include <stdarg.h>

static const struct target {
        const char *name;
        bool lists_by_key;
} targets[] = {
        { "etcd", true },           { "kube-apiserver", true },        { "kube-controller-manager", true },
        { "kube-scheduler", true }, { "kubeletconfiguration", false }, { "corednsdeployment", true },
};

static const struct {
        const char *name;
        enum tmpl_patch_type type;
} types[] = {
        { "strategic", TMPL_PATCH_STRATEGIC },
        { "merge", TMPL_PATCH_MERGE },
        { "json", TMPL_PATCH_JSON },
};

const char *tmpl_patch_target(size_t i) {
        return i < ARRAY_SIZE(targets) ? targets[i].name : NULL;
}

static bool has_extension(const char *name) {
        size_t size = strlen(name);

        return size > 5 && (!strcmp(name + size - 5, ".yaml") || !strcmp(name + size - 5, ".json"));
}

/* What follows the target: a suffix without '.' and '+', then '+' and a type, then the extension. */
static int parse_type(const char *name, const char *rest, enum tmpl_patch_type *ret, struct tmpl_error *e) {
        size_t size;

        *ret = TMPL_PATCH_STRATEGIC;
        rest += strcspn(rest, ".+\n");
        if (*rest != '+')
                return 0;
        size = strcspn(++rest, ".");
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (strlen(types[i].name) == size && !memcmp(types[i].name, rest, size)) {
                        *ret = types[i].type;
                        return 0;
                }
        return tmpl_error_set(
                e, -EINVAL,
                "%s: \"%.*s\" after the '+' is no type of patch; there are strategic, merge and "
                "json",
                name, (int)size, rest);
}

int tmpl_patch_name(const char *name, const char **ret_target, enum tmpl_patch_type *ret_type,
                    struct tmpl_error *e) {
        if (!has_extension(name))
                return tmpl_error_set(e, -ENOENT, "%s: ends neither in .yaml nor in .json", name);
        for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
                size_t size = strlen(targets[i].name);

                if (strncmp(name, targets[i].name, size) != 0)
                        continue;
                *ret_target = targets[i].name;
                return parse_type(name, name + size, ret_type, e);
        }
        return tmpl_error_set(e, -ENOENT, "%s: begins with the name of nothing that can be patched", name);
}

int tmpl_patch_fail(struct tmpl_patching *p, const struct tmpl_tree *at, const char *fmt, ...) {
        char reason[256];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(reason, sizeof reason, fmt, ap);
        va_end(ap);
        return tmpl_error_set(p->e, -EINVAL, "%s:%u: %s: %s", p->file, at->line, tmpl_path_text(&p->path),
                              reason);
}

static int apply_document(struct tmpl_patching *p, enum tmpl_patch_type type, struct tmpl_tree **target,
                          struct tmpl_tree *patch) {
        if (type == TMPL_PATCH_JSON)
                return tmpl_patch_json(p, target, patch);
        if (patch->kind != TMPL_TREE_MAP)
                return tmpl_patch_fail(p, patch, "the patch is %s, not a map", tmpl_tree_describe(patch));
        return type == TMPL_PATCH_MERGE ? tmpl_patch_merge(p, target, patch)
                                        : tmpl_patch_strategic(p, *target, patch);
}

/* What the target is, no patch can change. */
struct kind {
        char api_version[64], kind[64];
};

static void read_kind(const struct tmpl_tree *tree, struct kind *ret) {
        const struct tmpl_tree *version = tmpl_tree_get(tree, "apiVersion"),
                               *kind = tmpl_tree_get(tree, "kind");

        snprintf(ret->api_version, sizeof ret->api_version, "%s",
                 version && version->text ? version->text : "");
        snprintf(ret->kind, sizeof ret->kind, "%s", kind && kind->text ? kind->text : "");
}

static int check_result(struct tmpl_patching *p, const struct tmpl_tree *tree, const struct tmpl_tree *patch,
                        const struct kind *kept) {
        struct kind now;

        tmpl_path_pop(&p->path, 0);
        read_kind(tree, &now);
        if (!strcmp(now.api_version, kept->api_version) && !strcmp(now.kind, kept->kind))
                return 0;
        return tmpl_patch_fail(p, patch, "leaves no %s of %s", kept->kind, kept->api_version);
}

static int apply_file(const struct tmpl_patch *patch, const struct target *target, struct tmpl_tree **tree,
                      struct tmpl_error *e) {
        struct tmpl_patching p = { .file = patch->file, .lists_by_key = target->lists_by_key, .e = e };
        CLEANUP(tmpl_trees_done) struct tmpl_trees documents;
        struct kind kept;
        int r = tmpl_trees_parse(patch->text, patch->size, patch->file, &documents, e);

        read_kind(*tree, &kept);
        for (size_t i = 0; i < documents.n && r == 0; i++) {
                tmpl_path_pop(&p.path, 0);
                r = apply_document(&p, patch->type, tree, documents.items[i]);
                if (r == 0)
                        r = check_result(&p, *tree, documents.items[i], &kept);
        }
        return r;
}

static const struct target *find_target(const struct tmpl_patch *patches, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                for (size_t t = 0; !strcmp(patches[i].target, name) && t < ARRAY_SIZE(targets); t++)
                        if (!strcmp(targets[t].name, name))
                                return &targets[t];
        return NULL;
}

/* Within their own limits patches can go beyond a text's: by a path of a JSON patch values come to lie
 * deeper, or below a key "<<"; aliases repeat long texts. Nobody could read that, so it is not made. */
static int check_readable(const char *name, const char *text, size_t size, struct tmpl_error *e) {
        CLEANUP(tmpl_tree_freep) struct tmpl_tree *tree = NULL;
        char patched[64];

        snprintf(patched, sizeof patched, "patched %s", name);
        return tmpl_tree_parse(text, size, patched, &tree, e);
}

int tmpl_patch_apply(const struct tmpl_patch *patches, size_t n, const char *name, char **text, size_t *size,
                     struct tmpl_error *e) {
        const struct target *target = find_target(patches, n, name);
        CLEANUP(tmpl_tree_freep) struct tmpl_tree *tree = NULL;
        CLEANUP(freep) char *patched = NULL;
        size_t patched_size;
        int r;

        if (!target)
                return 0;
        if ((r = tmpl_tree_parse(*text, *size, name, &tree, e)) < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                if (!strcmp(patches[i].target, name) && (r = apply_file(&patches[i], target, &tree, e)) < 0)
                        return r;
        if ((r = tmpl_tree_emit(tree, &patched, &patched_size)) < 0 ||
            (r = check_readable(name, patched, patched_size, e)) < 0)
                return r;
        free(*text);
        *text = TAKE_PTR(patched);
        *size = patched_size;
        return 0;
}
