/* The rows of docs/configuration.md, out of the tables of agent/config_tables*.c. */
#ifndef TESTS_CONFIG_ROWS_H
#define TESTS_CONFIG_ROWS_H

#include "agent/config_fields.h"

enum { ROWS_MAX = 320 };

struct row {
        const struct config_kind *kind;
        const struct field *field;
        char path[128]; /* "apiServer.extraVolumes"; of what is refused in an item
                           "apiServer.extraEnvs[].valueFrom" */
};
struct rows {
        struct row v[ROWS_MAX];
        size_t n;
};

static inline bool row_is_group(const struct field *f) {
        return f->ops == &op_map || f->ops == &op_local_etcd || f->ops == &op_check ||
               f->ops == &op_control_plane || f->ops == &op_one_or_list;
}

static inline void rows_add(struct rows *rows, const struct config_kind *kind, const struct field *f,
                            const char *path) {
        struct row *row = &rows->v[rows->n++];

        *row = (struct row){ .kind = kind, .field = f };
        snprintf(row->path, sizeof row->path, "%s", path);
}

/* A list or map of the user's is one row; what is refused within has its own. */
static inline void rows_walk(struct rows *rows, const struct config_kind *kind, const struct field *table,
                             const char *prefix, bool items) {
        for (const struct field *f = table; f->key; f++) {
                char path[128];

                if (f->ops == &op_ignore)
                        continue;
                snprintf(path, sizeof path, "%s%s%s", prefix, *prefix && *f->key ? "." : "", f->key);
                if (row_is_group(f)) {
                        rows_walk(rows, kind, f->sub, path, items);
                        continue;
                }
                if (!items || !f->ops)
                        rows_add(rows, kind, f, path);
                if (f->sub) {
                        char item[136];

                        snprintf(item, sizeof item, "%s[]", path);
                        rows_walk(rows, kind, f->sub, item, true);
                }
        }
}

static inline void rows_make(struct rows *rows) {
        rows->n = 0;
        for (const struct config_kind *k = config_kinds; k->kind; k++)
                if (k->fields)
                        rows_walk(rows, k, k->fields, "", false);
}

#endif
