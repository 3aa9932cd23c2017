#include "agent/config_migrate.h"
#include "agent/config.h"
#include "agent/yaml_edit.h"
#include "agent/yaml_out.h"
#include <errno.h>

static const char old_version[] = "kubeadm.k8s.io/v1beta3", new_version[] = "kubeadm.k8s.io/v1beta4";

static bool is_kind(const struct ynode *doc, const char *kind) {
        const struct ynode *n = ynode_get(doc, "kind");

        return n && !strcmp(n->value, kind);
}

static struct ynode *below(struct ynode *doc, const char *key) {
        return doc ? (struct ynode *)ynode_get(doc, key) : NULL;
}

/* ---- NAME: VALUE as a list ---- */

static int compare_keys(const void *a, const void *b, void *map) {
        const struct ynode *m = map;

        return strcmp(m->keys[*(const size_t *)a]->value, m->keys[*(const size_t *)b]->value);
}

static int push_pair(struct ynode *list, const struct ynode *key, const struct ynode *value) {
        CLEANUP(ynode_freep) struct ynode *pair = ynode_new(YNODE_MAP);
        int r;

        if (!pair || (r = ynode_put(pair, "name", ynode_new_text(key->value))) < 0 ||
            (r = ynode_put(pair, "value", ynode_new_text(value->value))) < 0)
                return -ENOMEM;
        return ynode_push(list, TAKE_PTR(pair));
}

/* In the order of the names, as kubeadm has it. */
static int list_of(struct ynode *args, struct ynode **ret) {
        CLEANUP(ynode_freep) struct ynode *list = ynode_new(YNODE_LIST);
        CLEANUP(freep) size_t *order = calloc(args->n + 1, sizeof *order);

        if (!list || !order)
                return -ENOMEM;
        for (size_t i = 0; i < args->n; i++)
                order[i] = i;
        qsort_r(order, args->n, sizeof *order, compare_keys, args);
        for (size_t i = 0; i < args->n; i++)
                if (push_pair(list, args->keys[order[i]], args->items[order[i]]) < 0)
                        return -ENOMEM;
        *ret = TAKE_PTR(list);
        return 0;
}

static int migrate_args(struct ynode *component, const char *key) {
        CLEANUP(ynode_freep) struct ynode *args = NULL;
        struct ynode *list;

        if (!component || !ynode_get(component, key) || ynode_get(component, key)->kind != YNODE_MAP)
                return 0;
        args = ynode_take(component, key);
        return list_of(args, &list) < 0 ? -ENOMEM : ynode_put(component, key, list);
}

/* ---- what moves ---- */

static struct ynode *find_init(struct ydocs *docs) {
        for (size_t i = 0; i < docs->n; i++)
                if (is_kind(docs->items[i], "InitConfiguration"))
                        return docs->items[i];
        return NULL;
}

static struct ynode *make_init(struct ydocs *docs) {
        CLEANUP(ynode_freep) struct ynode *doc = ynode_new(YNODE_MAP);
        struct ynode **grown = reallocarray(docs->items, docs->n + 1, sizeof(*grown));

        if (!grown)
                return NULL;
        docs->items = grown;
        if (!doc || ynode_put(doc, "apiVersion", ynode_new_text(new_version)) < 0 ||
            ynode_put(doc, "kind", ynode_new_text("InitConfiguration")) < 0)
                return NULL;
        grown[docs->n++] = doc;
        return TAKE_PTR(doc);
}

/* What the new place says already is newer. */
static int move_timeout(struct ynode *from, const char *key, struct ynode *to, const char *name) {
        CLEANUP(ynode_freep) struct ynode *value = ynode_take(from, key);
        struct ynode *timeouts = to ? ynode_map_below(to, "timeouts") : NULL;

        if (!timeouts)
                return -ENOMEM;
        return ynode_get(timeouts, name) ? 0 : ynode_put(timeouts, name, TAKE_PTR(value));
}

static int migrate_control_plane_timeout(struct ydocs *docs, struct ynode *cluster) {
        struct ynode *api_server = below(cluster, "apiServer"), *init;

        if (!api_server || !ynode_get(api_server, "timeoutForControlPlane"))
                return 0;
        init = find_init(docs);
        return move_timeout(api_server, "timeoutForControlPlane", init ? init : make_init(docs),
                            "controlPlaneComponentHealthCheck");
}

static int migrate_gate(struct ynode *cluster) {
        struct ynode *gates = below(cluster, "featureGates");
        CLEANUP(ynode_freep) struct ynode *gate = gates ? ynode_take(gates, "PublicKeysECDSA") : NULL;

        if (!gate)
                return 0;
        if (!gates->n)
                ynode_free(ynode_take(cluster, "featureGates"));
        return ynode_put(cluster, "encryptionAlgorithm",
                         ynode_new_text(strcasecmp(gate->value, "true") ? "RSA-2048" : "ECDSA-P256"));
}

/* ---- documents ---- */

static int migrate_cluster(struct ydocs *docs, struct ynode *doc) {
        static const char *const components[] = { "apiServer", "controllerManager", "scheduler" };
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(components) && r == 0; i++)
                r = migrate_args(below(doc, components[i]), "extraArgs");
        if (r < 0 || (r = migrate_args(below(below(doc, "etcd"), "local"), "extraArgs")) < 0 ||
            (r = migrate_gate(doc)) < 0)
                return r;
        return migrate_control_plane_timeout(docs, doc);
}

static int migrate_node(struct ynode *doc) {
        struct ynode *discovery = below(doc, "discovery");
        int r = migrate_args(below(doc, "nodeRegistration"), "kubeletExtraArgs");

        if (r == 0 && discovery && ynode_get(discovery, "timeout"))
                r = move_timeout(discovery, "timeout", doc, "discovery");
        return r;
}

int config_migrate_docs(struct ydocs *docs) {
        size_t n = docs->n; /* one that is made is new already */
        int r = 0;

        for (size_t i = 0; i < n && r == 0; i++) {
                struct ynode *doc = docs->items[i], *version = below(doc, "apiVersion");

                if (!version || strcmp(version->value, old_version) != 0)
                        continue;
                if ((r = ynode_set(version, new_version)) == 0)
                        r = is_kind(doc, "ClusterConfiguration") ? migrate_cluster(docs, doc)
                                                                 : migrate_node(doc);
        }
        return r;
}

static int write_docs(const struct ydocs *docs, char **ret, size_t *ret_size) {
        struct yaml_out o;

        yaml_out_begin(&o);
        for (size_t i = 0; i < docs->n; i++)
                if (docs->items[i]->kind == YNODE_MAP) /* not the empty ones */
                        ynode_write(&o, docs->items[i]);
        return yaml_out_end(&o, ret, ret_size);
}

int config_migrate(const char *text, size_t size, const char *name, char **ret, size_t *ret_size,
                   struct error *e) {
        const struct config_flags flags = { .join_alone = true, .any_address = true };
        CLEANUP(config_freep) struct config *c = NULL;
        CLEANUP(ydocs_done) struct ydocs docs = { 0 };
        int r;

        if ((r = config_parse(text, size, name, &flags, &c, e)) < 0 ||
            (r = ydocs_parse(text, size, name, &docs, e)) < 0)
                return r;
        if ((r = config_migrate_docs(&docs)) < 0 || (r = write_docs(&docs, ret, ret_size)) < 0)
                error_set(e, EXIT_FAILED, "out of memory");
        return r;
}
