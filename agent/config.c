/* From text and flags to one constant struct. */
#include "agent/config_fields.h"
#include "pki/file.h"
#include <errno.h>

static void reader_done(struct config_reader *r) {
        free(r->places);
        config_free(r->c);
}

void config_free(struct config *c) {
        if (!c)
                return;
        config_fields_done(fields_agent, c);
        config_fields_done(fields_cluster, c);
        config_fields_done(fields_init, c);
        free(c->service_ip);
        free(c->cluster_dns);
        free(c);
}

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
        return config_fail(r, ynode_get(root, "apiVersion"), "unknown apiVersion \"%s\" of %s", api, kind);
}

static int find_kind(struct config_reader *r, const struct ynode *root, const struct config_kind **ret) {
        const char *api, *kind;
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
        if (!(*ret)->fields)
                return config_fail(r, ynode_get(root, "kind"), "%s of %s is not supported yet%s%s", kind, api,
                                   (*ret)->remedy ? "; " : "", (*ret)->remedy ? (*ret)->remedy : "");
        return 0;
}

/* Know every document before any is read: whether this is a cluster decides the defaults. */
static int survey(struct config_reader *r, const struct ydocs *docs, const struct config_kind **kinds) {
        bool found = false;
        int k;

        for (size_t i = 0; i < docs->n; i++) {
                if (is_empty(docs->items[i]))
                        continue;
                found = true;
                if ((k = find_kind(r, docs->items[i], &kinds[i])) < 0)
                        return k;
                for (size_t j = 0; j < i; j++)
                        if (kinds[j] == kinds[i])
                                return config_fail(r, docs->items[i], "a second %s; the first is in line %u",
                                                   kinds[i]->kind, docs->items[j]->line);
                r->c->cluster |= kinds[i]->cluster;
        }
        if (!found && *r->file)
                return error_at(r->e, r->file, 0, 0,
                                "there is no document in it; `triarch config print-defaults` shows one");
        return 0;
}

static const struct ynode *find_path(const struct ynode *root, const char *group, const char *key) {
        const struct ynode *map = group ? ynode_get(root, group) : root;

        return map ? ynode_get(map, key) : NULL;
}

/* What a file may say in two places must be the same in both. */
static int check_twice(struct config_reader *r, const struct ydocs *docs) {
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

static int read_documents(struct config_reader *r, const struct ydocs *docs,
                          const struct config_kind *const *kinds) {
        int k;

        for (size_t i = 0; i < docs->n; i++)
                if (kinds[i] && (k = config_read_fields(r, kinds[i]->fields, docs->items[i], r->c)) < 0)
                        return k;
        return check_twice(r, docs);
}

static int read_defaults(struct config_reader *r) {
        struct health_config *h = &r->c->health;
        int k = config_read_defaults(r, fields_agent, r->c);

        if (k < 0 || !r->c->cluster)
                return k;
        h->api_server.enabled = h->etcd.enabled = h->kubelet.enabled = h->clock.enabled = true;
        r->c->token_ttl_s = 2 * 3600;
        if ((k = config_read_defaults(r, fields_cluster, r->c)) < 0)
                return k;
        return config_read_defaults(r, fields_init, r->c);
}

static int read_all(struct config_reader *r, const struct ydocs *docs, const struct config_flags *flags) {
        CLEANUP(freep) const struct config_kind **kinds = calloc(docs->n + 1, sizeof *kinds);
        int k;

        if (!kinds)
                return config_no_memory(r);
        r->c->cluster = flags && flags->cluster;
        if ((k = survey(r, docs, kinds)) < 0 || (k = read_defaults(r)) < 0 ||
            (k = read_documents(r, docs, kinds)) < 0 || (k = config_read_flags(r, flags)) < 0 ||
            (k = config_derive(r)) < 0)
                return k;
        return config_check(r);
}

int config_parse(const char *text, size_t size, const char *name, const struct config_flags *flags,
                 struct config **ret, struct error *e) {
        CLEANUP(reader_done) struct config_reader r = { .file = name, .e = e };
        CLEANUP(ydocs_done) struct ydocs docs = { 0 };
        int k = ydocs_parse(text, size, name, &docs, e);

        if (k < 0)
                return k;
        r.c = calloc(1, sizeof *r.c);
        if (!r.c)
                return config_no_memory(&r);
        if ((k = read_all(&r, &docs, flags)) < 0)
                return k;
        *ret = TAKE_PTR(r.c);
        return 0;
}

int config_load(const char *file, const struct config_flags *flags, struct config **ret, struct error *e) {
        CLEANUP(freep) char *text = NULL;
        size_t size = 0;
        int k;

        if (!file)
                return config_parse("", 0, "", flags, ret, e);
        k = pki_file_read(file, YAML_MAX_SIZE, &text, &size);
        if (k == -EFBIG)
                return error_at(e, file, 0, 0, "more than %d bytes are too many for a configuration",
                                YAML_MAX_SIZE);
        if (k < 0)
                return error_at(e, file, 0, 0, "cannot be read: %s%s",
                                k == -EINVAL ? "it is no regular file" : strerror(-k),
                                k == -ENOENT ? "; `triarch config print-defaults` prints one to begin with"
                                             : "");
        return config_parse(text, size, file, flags, ret, e);
}
