#include "templates/cluster_config.h"
#include "templates/check.h"
#include "templates/tree.h"
#include <errno.h>

#define V1BETA3 "kubeadm.k8s.io/v1beta3"
#define V1BETA4 "kubeadm.k8s.io/v1beta4"

/* What v1beta3 does not know, as "map.map.key". */
static const char *const later_fields[] = {
        "apiServer.extraEnvs",
        "controllerManager.extraEnvs",
        "scheduler.extraEnvs",
        "etcd.local.extraEnvs",
        "dns.disabled",
        "proxy",
        "encryptionAlgorithm",
        "etcd.external.httpEndpoints",
        "certificateValidityPeriod",
        "caCertificateValidityPeriod",
};
static const char *const components[] = { "apiServer", "controllerManager", "scheduler", "etcd.local" };

/* The map that holds the last key of a path, and that key; NULL: it is not there. */
static struct tmpl_tree *walk(struct tmpl_tree *map, const char *path, const char **ret_key) {
        const char *dot;

        for (; map && (dot = strchr(path, '.')); path = dot + 1) {
                char key[64];

                snprintf(key, sizeof key, "%.*s", (int)(dot - path), path);
                map = tmpl_tree_get(map, key);
        }
        *ret_key = path;
        return map;
}

static const char *text_of(const struct tmpl_tree *map, const char *key) {
        const struct tmpl_tree *value = tmpl_tree_get(map, key);

        return value && value->kind == TMPL_TREE_SCALAR ? value->text : "";
}

/* v1beta4's list of names and values as v1beta3's map; of a repeated name the last one counts. */
static int make_map(struct tmpl_tree *component) {
        const struct tmpl_tree *list = tmpl_tree_get(component, "extraArgs");
        CLEANUP(tmpl_tree_freep) struct tmpl_tree *map = NULL;
        int r;

        if (!list || list->kind != TMPL_TREE_LIST)
                return 0;
        if (!(map = tmpl_tree_new(TMPL_TREE_MAP)))
                return -ENOMEM;
        for (size_t i = 0; i < list->n; i++)
                if ((r = tmpl_tree_set(map, text_of(list->items[i], "name"),
                                       tmpl_tree_string(text_of(list->items[i], "value")))) < 0)
                        return r;
        return tmpl_tree_set(component, "extraArgs", TAKE_PTR(map));
}

/* There the choice is between RSA-2048 and, by a gate, ECDSA-P256. */
static int set_algorithm(struct tmpl_tree *root) {
        struct tmpl_tree *gates = tmpl_tree_get(root, "featureGates");
        int r;

        if (strncmp(text_of(root, "encryptionAlgorithm"), "ECDSA", 5) != 0)
                return 0;
        if (!gates) {
                if ((r = tmpl_tree_set(root, "featureGates", tmpl_tree_new(TMPL_TREE_MAP))) < 0)
                        return r;
                gates = tmpl_tree_get(root, "featureGates");
        }
        return tmpl_tree_set(gates, "PublicKeysECDSA", tmpl_tree_bool(true));
}

static int to_v1beta3(struct tmpl_tree *root) {
        struct tmpl_tree *map;
        const char *key;
        int r = set_algorithm(root);

        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(components); i++)
                if ((map = walk(root, components[i], &key)) && (map = tmpl_tree_get(map, key)))
                        r = make_map(map);
        for (size_t i = 0; i < ARRAY_SIZE(later_fields); i++)
                if ((map = walk(root, later_fields[i], &key)))
                        tmpl_tree_unset(map, key);
        return r < 0 ? r : tmpl_tree_set(root, "apiVersion", tmpl_tree_string(V1BETA3));
}

/* Go writes 8760h0m0s where 8760h would do. */
static int lengthen(struct tmpl_tree *root, const char *key) {
        const char *have = text_of(root, key);
        size_t n = strlen(have);
        char text[64];

        if (!n || (have[n - 1] != 'h' && have[n - 1] != 'm'))
                return 0;
        snprintf(text, sizeof text, "%s%s", have, have[n - 1] == 'h' ? "0m0s" : "0s");
        return tmpl_tree_set(root, key, tmpl_tree_string(text));
}

/* The parts that kubeadm always writes, and the one value that it never writes. */
static int fill_parts(struct tmpl_tree *root) {
        static const char *const parts[] = { "apiServer", "controllerManager", "dns", "proxy", "scheduler" };
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                struct tmpl_tree *part = tmpl_tree_get(root, parts[i]);

                if (part && !strcmp(text_of(part, "disabled"), "false"))
                        tmpl_tree_unset(part, "disabled");
                if (!part && (r = tmpl_tree_set(root, parts[i], tmpl_tree_new(TMPL_TREE_MAP))) < 0)
                        return r;
        }
        if ((r = lengthen(root, "certificateValidityPeriod")) < 0)
                return r;
        return lengthen(root, "caCertificateValidityPeriod");
}

int tmpl_cluster_config(const char *text, size_t size, char **ret, size_t *ret_size, struct tmpl_error *e) {
        CLEANUP(tmpl_tree_freep) struct tmpl_tree *root = NULL;
        int r = tmpl_tree_parse(text, size, "ClusterConfiguration", &root, e);

        if (r < 0)
                return r;
        if (root->kind != TMPL_TREE_MAP || strcmp(text_of(root, "apiVersion"), V1BETA4) != 0 ||
            strcmp(text_of(root, "kind"), "ClusterConfiguration") != 0)
                return tmpl_error_set(e, -EINVAL, "this is no ClusterConfiguration of " V1BETA4);
        r = fill_parts(root);
        if (r == 0 && !tmpl_version_has(text_of(root, "kubernetesVersion"), NULL, 0, TMPL_V1BETA4))
                r = to_v1beta3(root);
        if (r < 0)
                return tmpl_error_set(e, r, "ClusterConfiguration: out of memory");
        return tmpl_tree_emit(root, ret, ret_size);
}
