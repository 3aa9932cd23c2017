/* The documents of a file: which kinds they are, and each read into its place. */
#include "agent/config_fields.h"
#include <errno.h>

/* ---- documents ---- */

static bool is_empty(const struct ynode *root) {
        return root->kind == YNODE_SCALAR && root->type == YTYPE_NULL;
}

static int text_of(struct config_reader *r, const struct ynode *root, const char *key, const char **ret) {
        const struct ynode *n = ynode_get(root, key);

        if (!n)
                return config_fail(r, root, "the document has no \"%s\"", key);
        if (n->kind != YNODE_SCALAR || n->type != YTYPE_STRING)
                return config_fail(r, n, "%s: must be a string, not %s", key, ynode_describe(n));
        *ret = n->value;
        return 0;
}

static int unknown_kind(struct config_reader *r, const struct ynode *root, const char *api,
                        const char *kind) {
        bool api_known = false, kind_known = false;

        for (const struct config_kind *k = config_kinds; k->kind; k++) {
                api_known |= !strcmp(k->api_version, api);
                kind_known |= !strcmp(k->kind, kind);
        }
        if (api_known || !kind_known)
                return config_fail(r, ynode_get(root, "kind"), "unknown kind \"%s\" of %s", kind, api);
        return config_fail(
                r, ynode_get(root, "apiVersion"), "unknown apiVersion \"%s\" of %s%s", api, kind,
                strncmp(api, "kubeadm.k8s.io/", 15) != 0 ? "" : "; kubeadm's v1beta3 and v1beta4 are read");
}

static int find_kind(struct config_reader *r, const struct ynode *root, const struct config_kind **ret) {
        const char *api = "", *kind = "";
        int k;

        if (root->kind != YNODE_MAP)
                return config_fail(r, root, "a document must be a map, not %s", ynode_describe(root));
        if ((k = text_of(r, root, "apiVersion", &api)) < 0 || (k = text_of(r, root, "kind", &kind)) < 0)
                return k;
        for (*ret = config_kinds; (*ret)->kind; ++*ret)
                if (!strcmp((*ret)->api_version, api) && !strcmp((*ret)->kind, kind))
                        break;
        if (!(*ret)->kind)
                return unknown_kind(r, root, api, kind);
        if ((*ret)->refused)
                return config_fail(r, ynode_get(root, "kind"), "%s of %s is not taken: %s", kind, api,
                                   (*ret)->refused);
        return 0;
}

/* Know every document before any is read: whether this is a cluster decides the defaults. */
int config_survey(struct config_reader *r, const struct ydocs *docs, const struct config_kind **kinds) {
        bool found = false;
        int k;

        for (size_t i = 0; i < docs->n; i++) {
                if (is_empty(docs->items[i]))
                        continue;
                found = true;
                if ((k = find_kind(r, docs->items[i], &kinds[i])) < 0)
                        return k;
                for (size_t j = 0; j < i; j++)
                        if (kinds[j] && !strcmp(kinds[j]->kind, kinds[i]->kind))
                                return config_fail(r, docs->items[i], "a second %s; the first is in line %u",
                                                   kinds[i]->kind, docs->items[j]->line);
                r->c->cluster |= kinds[i]->cluster;
        }
        if (!found && *r->file)
                return error_at(r->e, r->file, 0, 0,
                                "there is no document in it; `triarch config print-defaults` shows one");
        return 0;
}

bool config_only_join(const struct ydocs *docs, const struct config_kind *const *kinds) {
        bool join = false;

        for (size_t i = 0; i < docs->n; i++) {
                if (kinds[i] && !kinds[i]->join)
                        return false;
                join |= kinds[i] != NULL;
        }
        return join;
}

static const struct ynode *find_path(const struct ynode *root, const char *group, const char *key) {
        const struct ynode *map = group ? ynode_get(root, group) : root;

        return map ? ynode_get(map, key) : NULL;
}

/* What a file may say in two places must be the same in both. */
static int check_twice(struct config_reader *r, const struct ydocs *docs,
                       const struct config_kind *const *kinds) {
        static const struct {
                const char *group, *key, *other, *what;
        } t[] = {
                { "nodeRegistration", "name", "nodeName", "node" },
                { NULL, "clusterName", "clusterName", "cluster" },
        };

        for (size_t k = 0; k < ARRAY_SIZE(t); k++) {
                const struct ynode *first = NULL;

                for (size_t i = 0; i < docs->n; i++) {
                        const struct ynode *n = find_path(docs->items[i], t[k].group, t[k].key);

                        if (!kinds[i] || !kinds[i]->fields || kinds[i]->join)
                                continue;
                        if (!n && !(n = ynode_get(docs->items[i], t[k].other)))
                                continue;
                        if (first && strcmp(first->value, n->value) != 0)
                                return config_fail(r, n, "the %s is named \"%s\" here and \"%s\" in line %u",
                                                   t[k].what, n->value, first->value, first->line);
                        first = n;
                }
        }
        return 0;
}

static bool is_given(const struct ynode *n) {
        return n && !is_empty(n);
}

static int check_etcd(struct config_reader *r, const struct ynode *root) {
        const struct ynode *external = find_path(root, "etcd", "external");

        if (is_given(external) && is_given(find_path(root, "etcd", "local")))
                return config_fail(r, external, "etcd: local and external exclude each other");
        if (is_given(external) && r->c->etcd_external.endpoints.n == 0)
                return config_fail(r, external, "etcd.external: \"endpoints\" is missing");
        return 0;
}

/* One token proves both; kubeadm lets them differ. */
static int check_join(struct config_reader *r, const struct ynode *root) {
        const struct join_config *j = &r->c->join;

        if (j->tls_token && j->token && strcmp(j->tls_token, j->token) != 0)
                return config_fail(r, find_path(root, "discovery", "tlsBootstrapToken"),
                                   "discovery.tlsBootstrapToken: is another than bootstrapToken.token; "
                                   "triarch joins with one");
        return 0;
}

static int read_document(struct config_reader *r, const struct config_kind *kind, const struct ynode *root) {
        char *text = NULL;
        size_t size;
        int k;

        if (kind->fields) {
                if ((k = config_read_fields(r, kind->fields, root, r->c)) < 0)
                        return k;
                return kind->join ? check_join(r, root) : check_etcd(r, root);
        }
        if (ynode_render(root, &text, &size) < 0)
                return config_no_memory(r);
        *(char **)((char *)r->c + kind->text) = text;
        return 0;
}

/* Wrong is wrong, also where it has no effect. */
static int only_check(struct config_reader *r, const struct config_kind *kind, const struct ynode *root) {
        CLEANUP(config_freep) struct config *scratch = calloc(1, sizeof *scratch);
        struct config *real = r->c;
        size_t n_places = r->n_places;
        int k;

        if (!scratch)
                return config_no_memory(r);
        scratch->cluster = true;
        r->c = scratch;
        k = read_document(r, kind, root);
        r->c = real;
        r->n_places = n_places; /* they point into what is freed now */
        return k;
}

static void forget_master(struct config *c) {
        op_taints.done(config_find(fields_init, "nodeRegistration.taints"), &c->taints);
        op_list.done(config_find(fields_init, "nodeRegistration.kubeletExtraArgs"), &c->kubelet_extra_args);
        c->taints_given = false;
}

int config_read_documents(struct config_reader *r, const struct ydocs *docs,
                          const struct config_kind *const *kinds, const struct config_flags *flags) {
        bool join = flags && flags->join;
        int k;

        for (size_t i = 0; i < docs->n; i++)
                if (kinds[i] && !kinds[i]->join && (k = read_document(r, kinds[i], docs->items[i])) < 0)
                        return k;
        if (flags && flags->worker)
                forget_master(r->c);
        for (size_t i = 0; i < docs->n; i++)
                if (kinds[i] && kinds[i]->join &&
                    (k = (join ? read_document : only_check)(r, kinds[i], docs->items[i])) < 0)
                        return k;
        return check_twice(r, docs, kinds);
}
