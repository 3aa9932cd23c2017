#include "agent/config_join.h"
#include "agent/config_fields.h"
#include "agent/config_migrate.h"
#include "agent/yaml_edit.h"
#include "pki/file.h"
#include <errno.h>

void config_join_done(struct config_join *j) {
        config_free(j->said);
        free(j->overlay);
        *j = (struct config_join){ 0 };
}

static int out_of_memory(struct error *e) {
        error_set(e, EXIT_FAILED, "out of memory");
        return -ENOMEM;
}

static int refuse_others(struct config_reader *r, const struct ydocs *docs,
                         const struct config_kind *const *kinds) {
        for (size_t i = 0; i < docs->n; i++)
                if (kinds[i] && !kinds[i]->join)
                        return config_fail(
                                r, ynode_get(docs->items[i], "kind"),
                                "%s is not taken by join: whatever is the cluster's comes from its "
                                "master; leave the document out",
                                kinds[i]->kind);
        if (!config_only_join(docs, kinds))
                return error_at(r->e, r->file, 0, 0, "there is no JoinConfiguration in it");
        return 0;
}

static int read_said(struct config_reader *r, const struct ydocs *docs) {
        CLEANUP(freep) const struct config_kind **kinds = calloc(docs->n + 1, sizeof(*kinds));
        const struct config_flags flags = { .join = true };
        int k;

        if (!kinds)
                return config_no_memory(r);
        r->c->cluster = true;
        if ((k = config_survey(r, docs, kinds)) < 0 || (k = refuse_others(r, docs, kinds)) < 0)
                return k;
        return config_read_documents(r, docs, kinds, &flags);
}

/* The way in stays out: a token is no part of a configuration. */
static int make_overlay(struct ydocs *docs, char **ret, struct error *e) {
        size_t size;

        if (config_migrate_docs(docs) < 0)
                return out_of_memory(e);
        for (size_t i = 0; i < docs->n; i++) {
                if (docs->items[i]->kind != YNODE_MAP)
                        continue;
                ynode_free(ynode_take(docs->items[i], "discovery"));
                return ynode_render(docs->items[i], ret, &size) < 0 ? out_of_memory(e) : 0;
        }
        return -EINVAL; /* cannot be: there is one document */
}

int config_join_parse(const char *text, size_t size, const char *name, struct config_join *ret,
                      struct error *e) {
        struct config_reader r = { .file = name, .e = e };
        CLEANUP(ydocs_done) struct ydocs docs = { 0 };
        int k = ydocs_parse(text, size, name, &docs, e);

        *ret = (struct config_join){ 0 };
        if (k < 0)
                return k;
        r.c = ret->said = calloc(1, sizeof *r.c);
        k = r.c ? read_said(&r, &docs) : config_no_memory(&r);
        free(r.places);
        if (k == 0)
                k = make_overlay(&docs, &ret->overlay, e);
        if (k < 0)
                config_join_done(ret);
        return k;
}

int config_join_load(const char *file, struct config_join *ret, struct error *e) {
        char *text = NULL;
        size_t size;
        int k = config_read_file(file, &text, &size, e);

        *ret = (struct config_join){ 0 };
        if (k < 0)
                return k;
        k = config_join_parse(text, size, file, ret, e);
        pki_wipe_free(text);
        return k;
}
