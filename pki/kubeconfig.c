#include "pki/kubeconfig.h"
#include "pki/base64.h"
#include "pki/file.h"
#include "pki/key.h"
#include <errno.h>
#include <stdbool.h>
#include <yaml.h>

DEFINE_CLEANUP(yaml_document_t *, yaml_document_delete)
DEFINE_CLEANUP(yaml_parser_t *, yaml_parser_delete)
DEFINE_CLEANUP(yaml_emitter_t *, yaml_emitter_delete)

void pki_kubeconfig_done(struct pki_kubeconfig *k) {
        free(k->cluster);
        free(k->user);
        free(k->server);
        free(k->ca_pem);
        free(k->crt_pem);
        pki_wipe_free(k->key_pem);
        free(k->crt_file);
        free(k->key_file);
        pki_wipe_free(k->token);
        *k = (struct pki_kubeconfig){ 0 };
}

/* Rendering: add() and the like return a node's id, or 0 when memory ran out or an argument was 0;
 * so a chain of them needs one check at its end. */

static int scalar(yaml_document_t *doc, const char *text, yaml_scalar_style_t style) {
        return text ? yaml_document_add_scalar(doc, NULL, (const yaml_char_t *)text, (int)strlen(text), style)
                    : 0;
}

static int map_put(yaml_document_t *doc, int map, const char *key, int value) {
        int k = scalar(doc, key, YAML_PLAIN_SCALAR_STYLE);

        return map && k && value && yaml_document_append_mapping_pair(doc, map, k, value) ? map : 0;
}

/* Quoted: a name like "yes" or "007" stays a string for every reader. */
static int map_put_text(yaml_document_t *doc, int map, const char *key, const char *value) {
        return map_put(doc, map, key, scalar(doc, value, YAML_DOUBLE_QUOTED_SCALAR_STYLE));
}

static int map_put_word(yaml_document_t *doc, int map, const char *key, const char *value) {
        return map_put(doc, map, key, scalar(doc, value, YAML_PLAIN_SCALAR_STYLE));
}

static int map_put_base64(yaml_document_t *doc, int map, const char *key, const char *value) {
        CLEANUP(pki_wipe_freep) char *text = pki_base64_encode(value);

        return map_put_word(doc, map, key, text);
}

static int map_new(yaml_document_t *doc) {
        return yaml_document_add_mapping(doc, NULL, YAML_BLOCK_MAPPING_STYLE);
}

/* - KEY: value
 *   name: NAME */
static int list_of_one(yaml_document_t *doc, const char *key, int value, const char *name) {
        int list = yaml_document_add_sequence(doc, NULL, YAML_BLOCK_SEQUENCE_STYLE);
        int entry = map_put_text(doc, map_put(doc, map_new(doc), key, value), "name", name);

        return list && entry && yaml_document_append_sequence_item(doc, list, entry) ? list : 0;
}

static int user_of(yaml_document_t *doc, const struct pki_kubeconfig *k) {
        int map = map_new(doc);

        if (k->crt_file) {
                map = map_put_text(doc, map, "client-certificate", k->crt_file);
                return map_put_text(doc, map, "client-key", k->key_file);
        }
        if (!k->key_pem)
                return map_put_text(doc, map, "token", k->token);
        if (k->crt_pem)
                map = map_put_base64(doc, map, "client-certificate-data", k->crt_pem);
        return map_put_base64(doc, map, "client-key-data", k->key_pem);
}

static bool fill(yaml_document_t *doc, const struct pki_kubeconfig *k, const char *context) {
        int root = map_new(doc); /* the first node is the document's root */
        int cluster, ctx;

        cluster = map_put_base64(doc, map_new(doc), "certificate-authority-data", k->ca_pem);
        cluster = map_put_text(doc, cluster, "server", k->server);
        ctx = map_put_text(doc, map_put_text(doc, map_new(doc), "cluster", k->cluster), "user", k->user);
        root = map_put_word(doc, root, "apiVersion", "v1");
        root = map_put(doc, root, "clusters", list_of_one(doc, "cluster", cluster, k->cluster));
        root = map_put(doc, root, "contexts", list_of_one(doc, "context", ctx, context));
        root = map_put_text(doc, root, "current-context", context);
        root = map_put_word(doc, root, "kind", "Config");
        return map_put(doc, root, "users", list_of_one(doc, "user", user_of(doc, k), k->user)) != 0;
}

static int to_bio(void *bio, unsigned char *data, size_t size) {
        return BIO_write(bio, data, (int)size) == (int)size;
}

/* yaml_emitter_dump() takes the document over, also when it fails. */
static bool dump(yaml_document_t *doc, BIO *bio) {
        yaml_emitter_t emitter;
        CLEANUP(yaml_emitter_deletep) yaml_emitter_t *em = &emitter;

        if (!yaml_emitter_initialize(em)) {
                em = NULL;
                yaml_document_delete(doc);
                return false;
        }
        yaml_emitter_set_output(em, to_bio, bio);
        yaml_emitter_set_width(em, -1);
        yaml_emitter_set_unicode(em, 1);
        return yaml_emitter_open(em) && yaml_emitter_dump(em, doc) && yaml_emitter_close(em);
}

int pki_kubeconfig_render(const struct pki_kubeconfig *k, char **ret) {
        CLEANUP(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());
        CLEANUP(freep) char *context = NULL;
        yaml_document_t doc;
        bool files = k->crt_file && k->key_file, data = !k->crt_file && k->key_pem;

        if (!files && !data && !(k->token && !k->crt_file && !k->crt_pem))
                return -EINVAL;
        if (!bio || asprintf(&context, "%s@%s", k->user, k->cluster) < 0)
                return -ENOMEM;
        if (!yaml_document_initialize(&doc, NULL, NULL, NULL, 1, 1))
                return -ENOMEM;
        if (!fill(&doc, k, context)) {
                yaml_document_delete(&doc);
                return -ENOMEM;
        }
        return dump(&doc, bio) ? pki_bio_text(bio, ret) : -ENOMEM;
}

/* NULL for what is no scalar, or holds a NUL byte. */
static const char *text_of(const yaml_node_t *node) {
        const char *text;

        if (!node || node->type != YAML_SCALAR_NODE)
                return NULL;
        text = (const char *)node->data.scalar.value;
        return strlen(text) == node->data.scalar.length ? text : NULL;
}

static yaml_node_t *get(yaml_document_t *doc, const yaml_node_t *map, const char *key) {
        if (!map || map->type != YAML_MAPPING_NODE)
                return NULL;
        for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
                const char *k = text_of(yaml_document_get_node(doc, p->key));

                if (k && strcmp(k, key) == 0)
                        return yaml_document_get_node(doc, p->value);
        }
        return NULL;
}

/* In the list ROOT[list], the entry called `name`; of that, the value of `key`. */
static yaml_node_t *find(yaml_document_t *doc, const yaml_node_t *root, const char *list, const char *name,
                         const char *key) {
        const yaml_node_t *seq = get(doc, root, list);

        if (!seq || seq->type != YAML_SEQUENCE_NODE)
                return NULL;
        for (yaml_node_item_t *i = seq->data.sequence.items.start; i < seq->data.sequence.items.top; i++) {
                yaml_node_t *entry = yaml_document_get_node(doc, *i);
                const char *n = text_of(get(doc, entry, "name"));

                if (n && strcmp(n, name) == 0)
                        return get(doc, entry, key);
        }
        return NULL;
}

static int refuse(char why[200], const char *what, const char *name) {
        snprintf(why, 200, "has no %s%s%.100s", what, *name ? " " : "", name);
        return -EINVAL;
}

/* A field that may be absent, plain or base64. */
static int take(yaml_document_t *doc, const yaml_node_t *map, const char *key, bool base64, char **ret,
                char why[200]) {
        const char *text = text_of(get(doc, map, key));
        int r;

        if (!text || !*text)
                return 0;
        if (!base64)
                return (*ret = strdup(text)) ? 0 : -ENOMEM;
        r = pki_base64_decode(text, ret);
        if (r == -EINVAL)
                snprintf(why, 200, "its %s is not base64", key);
        if (r == 0 && !**ret) { /* nothing is as good as absent */
                free(*ret);
                *ret = NULL;
        }
        return r;
}

static int take_cluster(yaml_document_t *doc, const yaml_node_t *root, struct pki_kubeconfig *ret,
                        char why[200]) {
        const yaml_node_t *cluster = find(doc, root, "clusters", ret->cluster, "cluster");
        int r;

        if (!cluster)
                return refuse(why, "cluster", ret->cluster);
        if ((r = take(doc, cluster, "server", false, &ret->server, why)) < 0 ||
            (r = take(doc, cluster, "certificate-authority-data", true, &ret->ca_pem, why)) < 0)
                return r;
        if (!ret->server)
                return refuse(why, "server for its cluster", "");
        return ret->ca_pem ? 0 : refuse(why, "certificate-authority-data", "");
}

static int take_user(yaml_document_t *doc, const yaml_node_t *root, struct pki_kubeconfig *ret,
                     char why[200]) {
        const struct {
                const char *key;
                bool base64;
                char **to;
        } fields[] = {
                { "client-certificate-data", true, &ret->crt_pem },
                { "client-key-data", true, &ret->key_pem },
                { "client-certificate", false, &ret->crt_file },
                { "client-key", false, &ret->key_file },
                { "token", false, &ret->token },
        };
        const yaml_node_t *user = find(doc, root, "users", ret->user, "user");
        int r = 0;

        if (!user)
                return refuse(why, "user", ret->user);
        for (size_t i = 0; i < ARRAY_SIZE(fields) && r == 0; i++)
                r = take(doc, user, fields[i].key, fields[i].base64, fields[i].to, why);
        return r;
}

static int take_all(yaml_document_t *doc, struct pki_kubeconfig *ret, char why[200]) {
        const yaml_node_t *root = yaml_document_get_root_node(doc), *context;
        const char *current = text_of(get(doc, root, "current-context"));
        const char *cluster, *user;
        int r;

        if (!current)
                return refuse(why, "current-context", "");
        context = find(doc, root, "contexts", current, "context");
        cluster = text_of(get(doc, context, "cluster"));
        user = text_of(get(doc, context, "user"));
        if (!cluster || !user)
                return refuse(why, "cluster and user in its context", current);
        if (!(ret->cluster = strdup(cluster)) || !(ret->user = strdup(user)))
                return -ENOMEM;
        r = take_cluster(doc, root, ret, why);
        return r < 0 ? r : take_user(doc, root, ret, why);
}

int pki_kubeconfig_parse(const char *text, size_t size, struct pki_kubeconfig *ret, char why[200]) {
        yaml_parser_t parser;
        CLEANUP(yaml_parser_deletep) yaml_parser_t *p = &parser;
        yaml_document_t document;
        CLEANUP(yaml_document_deletep) yaml_document_t *doc = NULL;

        *ret = (struct pki_kubeconfig){ 0 };
        if (!yaml_parser_initialize(p)) {
                p = NULL;
                return -ENOMEM;
        }
        yaml_parser_set_input_string(p, (const unsigned char *)text, size);
        if (!yaml_parser_load(p, &document)) {
                snprintf(why, 200, "is not YAML: line %zu: %s", p->problem_mark.line + 1,
                         p->problem ? p->problem : "unknown problem");
                return -EINVAL;
        }
        doc = &document;
        return take_all(doc, ret, why);
}
