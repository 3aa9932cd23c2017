#include "templates/component.h"
#include "templates/check.h"
#include "templates/path.h"
#include <errno.h>

struct merge {
        const char *kind;
        struct tmpl_path path;
        tmpl_warn_fn warn;
        void *userdata;
        struct tmpl_error *e;
};

/* kubeadm has its own value here without a word, or (rotateCertificates) always. */
static bool is_silent(const char *key) {
        static const char *const keys[] = { "apiVersion", "kind", "cgroupDriver", "rotateCertificates" };

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                if (!strcmp(keys[i], key))
                        return true;
        return false;
}

/* To kubeadm's decoder an empty string is no value. */
static bool is_given(const struct tmpl_tree *value) {
        return value && !tmpl_tree_is_null(value) && !(value->kind == TMPL_TREE_SCALAR && !*value->text);
}

/* "a", "[a, b]" or what else it is, cut off where it is long. */
static void describe(const struct tmpl_tree *value, char *out, size_t size) {
        size_t used;

        if (value->kind != TMPL_TREE_LIST) {
                snprintf(out, size, "%s", value->text ? value->text : tmpl_tree_describe(value));
                return;
        }
        snprintf(out, size, "[");
        for (size_t i = 0; i < value->n; i++) {
                used = strlen(out);
                snprintf(out + used, size - used, "%s%s", i ? ", " : "",
                         value->items[i]->text ? value->items[i]->text : "...");
        }
        used = strlen(out);
        snprintf(out + used, size - used, "]");
}

static void warn(const struct merge *m, const struct tmpl_tree *given, const struct tmpl_tree *ours) {
        char a[160], b[160], text[640];

        if (!m->warn || tmpl_tree_equal(given, ours))
                return;
        describe(given, a, sizeof a);
        describe(ours, b, sizeof b);
        snprintf(text, sizeof text, "%s: %s is %s; kubeadm's value is %s", m->kind, m->path.text, a, b);
        m->warn(m->userdata, text);
}

static int fill(struct merge *m, struct tmpl_tree *given, const struct tmpl_tree *ours);

static int fill_entry(struct merge *m, struct tmpl_tree *given, const char *key,
                      const struct tmpl_tree *ours) {
        struct tmpl_tree *value = tmpl_tree_get(given, key);
        size_t before;
        int r = 0;

        if (!is_given(value))
                return tmpl_tree_set(given, key, tmpl_tree_copy(ours));
        before = tmpl_path_push_key(&m->path, key);
        if (value->kind != ours->kind)
                r = tmpl_error_set(m->e, -EINVAL, "%s:%u: %s is %s, not %s", m->kind, value->line,
                                   m->path.text, tmpl_tree_describe(value), tmpl_tree_describe(ours));
        else if (ours->kind == TMPL_TREE_MAP)
                r = fill(m, value, ours);
        else if (!is_silent(key))
                warn(m, value, ours);
        tmpl_path_pop(&m->path, before);
        return r;
}

static int fill(struct merge *m, struct tmpl_tree *given, const struct tmpl_tree *ours) {
        int r = 0;

        for (size_t i = 0; i < ours->n && r == 0; i++)
                r = fill_entry(m, given, ours->keys[i], ours->items[i]);
        return r;
}

int tmpl_component_merge(const char *kind, const char *defaults, size_t size, const char *given,
                         struct tmpl_tree **ret, tmpl_warn_fn warn_fn, void *userdata, struct tmpl_error *e) {
        CLEANUP(tmpl_tree_freep) struct tmpl_tree *ours = NULL, *tree = NULL;
        struct merge m = { .kind = kind, .warn = warn_fn, .userdata = userdata, .e = e };
        int r = tmpl_tree_parse(defaults, size, kind, &ours, e);

        if (r < 0)
                return r;
        if (given && (r = tmpl_tree_parse(given, strlen(given), kind, &tree, e)) < 0)
                return r;
        if (tree && tree->kind != TMPL_TREE_MAP)
                return tmpl_error_set(e, -EINVAL, "%s: is %s, not a map", kind, tmpl_tree_describe(tree));
        if (tree && (r = fill(&m, tree, ours)) < 0)
                return r;
        if (tree && tmpl_tree_get(ours, "rotateCertificates") &&
            (r = tmpl_tree_set(tree, "rotateCertificates", tmpl_tree_bool(true))) < 0)
                return r;
        *ret = tree ? TAKE_PTR(tree) : TAKE_PTR(ours);
        return 0;
}

static int apply_patches(const struct tmpl_values *v, struct tmpl_tree **config, struct tmpl_error *e) {
        CLEANUP(freep) char *text = NULL;
        size_t size;
        int r = tmpl_tree_emit(*config, &text, &size);

        if (r < 0 ||
            (r = tmpl_patch_apply(v->patches, v->n_patches, "kubeletconfiguration", &text, &size, e)) < 0)
                return r;
        tmpl_tree_free(*config);
        *config = NULL;
        return tmpl_tree_parse(text, size, "kubeletconfiguration", config, e);
}

int tmpl_kubelet_finish(const struct tmpl_values *v, struct tmpl_tree **config, struct tmpl_error *e) {
        int r = 0;

        if (v->resolv_conf && !tmpl_tree_get(*config, "resolvConf"))
                r = tmpl_tree_set(*config, "resolvConf", tmpl_tree_string(v->resolv_conf));
        if (r == 0 && v->n_patches)
                r = apply_patches(v, config, e);
        if (r == 0 && tmpl_version_has(v->kubernetes_version, v->gates, v->n_gates, TMPL_INSTANCE_CONFIG))
                r = tmpl_tree_set(*config, "containerRuntimeEndpoint", tmpl_tree_string(v->cri_socket));
        return r;
}
