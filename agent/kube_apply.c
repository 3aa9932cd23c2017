#include "agent/kube_apply.h"
#include "agent/jread.h"
#include "agent/kube_priv.h"
#include "agent/yaml.h"
#include <errno.h>

/* Building JSON from YAML: what YAML's readers do not agree on (yes, 0x10, 1_000, 1e3) is refused. */
struct build {
        const char *name; /* of the text, for messages */
        struct error *e;
};

static json_t *from_yaml(const struct build *b, const struct ynode *n);

static json_t *refuse(const struct build *b, const struct ynode *n) {
        error_at(b->e, b->name, n->line, n->column,
                 "%s: readers of YAML do not agree on its value; write it in quotes, or as a decimal number, "
                 "true or false",
                 n->value);
        return NULL;
}

static json_t *from_integer(const struct build *b, const struct ynode *n) {
        long long value;
        char *end;

        errno = 0;
        value = strtoll(n->value, &end, 10);
        if (errno || *end || n->value[0] == '+' || (n->value[0] == '0' && n->value[1]))
                return refuse(b, n);
        return json_integer(value);
}

static json_t *from_scalar(const struct build *b, const struct ynode *n) {
        bool yes = !strcmp(n->value, "true");

        switch (n->type) {
        case YTYPE_NULL:
                return json_null();
        case YTYPE_BOOL:
                return yes || !strcmp(n->value, "false") ? json_boolean(yes) : refuse(b, n);
        case YTYPE_INT:
                return from_integer(b, n);
        case YTYPE_FLOAT:
                return refuse(b, n);
        case YTYPE_STRING:
        case YTYPE_ANY:
                break;
        }
        return json_string(n->value);
}

static json_t *from_list(const struct build *b, const struct ynode *n) {
        CLEANUP(jread_decref) json_t *list = json_array();

        for (size_t i = 0; i < n->n; i++)
                if (json_array_append_new(list, from_yaml(b, n->items[i])) < 0)
                        return NULL;
        return TAKE_PTR(list);
}

static json_t *from_map(const struct build *b, const struct ynode *n) {
        CLEANUP(jread_decref) json_t *map = json_object();

        for (size_t i = 0; i < n->n; i++)
                if (json_object_set_new(map, n->keys[i]->value, from_yaml(b, n->items[i])) < 0)
                        return NULL;
        return TAKE_PTR(map);
}

/* NULL: b->e says why, unless memory has run out. */
static json_t *from_yaml(const struct build *b, const struct ynode *n) {
        switch (n->kind) {
        case YNODE_SCALAR:
                return from_scalar(b, n);
        case YNODE_LIST:
                return from_list(b, n);
        case YNODE_MAP:
                return from_map(b, n);
        }
        return NULL;
}

static int add_document(const struct ynode *n, const char *name, json_t *objects, struct error *e) {
        struct build b = { name, e };
        struct kube_ref ref;
        json_t *object;

        if (n->kind == YNODE_SCALAR && n->type == YTYPE_NULL)
                return 0;
        if (n->kind != YNODE_MAP)
                return error_at(e, name, n->line, n->column, "is no object, but %s", ynode_describe(n));
        error_at(e, name, n->line, n->column, "out of memory");
        if (!(object = from_map(&b, n)))
                return -EINVAL;
        if (json_array_append_new(objects, object) < 0)
                return -ENOMEM;
        if (kube_ref_of(object, &ref, NULL) < 0)
                return error_at(e, name, n->line, n->column, "has no apiVersion, kind or metadata.name");
        return 0;
}

int kube_objects_parse(const char *text, size_t size, const char *name, json_t **ret, struct error *e) {
        CLEANUP(jread_decref) json_t *objects = json_array();
        CLEANUP(ydocs_done) struct ydocs docs = { 0 };
        int r;

        if (!objects)
                return error_set(e, EXIT_FAILED, "%s: out of memory", name), -ENOMEM;
        if ((r = ydocs_parse(text, size, name, &docs, e)) < 0)
                return r;
        for (size_t i = 0; i < docs.n; i++)
                if ((r = add_document(docs.items[i], name, objects, e)) < 0)
                        return r;
        *ret = TAKE_PTR(objects);
        return 0;
}

static const char *version_of(const json_t *object) {
        const char *s = kube_string(object, "metadata", "resourceVersion", NULL);

        return s ? s : "";
}

static int put_missing(struct kube *k, const json_t *object, enum kube_mode mode, struct error *e) {
        int r;

        if (mode != KUBE_ONCE)
                return kube_server_apply(k, object, mode == KUBE_OURS, NULL, e);
        r = kube_create(k, object, NULL, e);
        return r == -EEXIST ? 0 : r; /* somebody was faster, or the answer of an earlier try was lost */
}

int kube_put(struct kube *k, const json_t *object, enum kube_mode mode, enum kube_outcome *ret_outcome,
             struct error *e) {
        CLEANUP(jread_decref) json_t *before = NULL, *after = NULL;
        struct kube_ref ref;
        int r;

        if ((r = kube_ref_of(object, &ref, e)) < 0)
                return r;
        r = kube_get(k, &ref, &before, e);
        if (r < 0 && r != -ENOENT)
                return r;
        *ret_outcome = r == 0 ? KUBE_KEPT : KUBE_MADE;
        if (r == -ENOENT)
                return put_missing(k, object, mode, e);
        if (mode == KUBE_ONCE)
                return 0;
        if ((r = kube_server_apply(k, object, mode == KUBE_OURS, &after, e)) < 0)
                return r;
        if (strcmp(version_of(before), version_of(after)) != 0)
                *ret_outcome = KUBE_CHANGED;
        return 0;
}

int kube_apply(struct kube *k, const char *text, size_t size, const char *name, enum kube_mode mode,
               kube_report_fn report, void *userdata, struct error *e) {
        CLEANUP(jread_decref) json_t *objects = NULL;
        json_t *object;
        size_t i;
        int r;

        if ((r = kube_objects_parse(text, size, name, &objects, e)) < 0)
                return r;
        json_array_foreach(objects, i, object) {
                char subject[KUBE_SUBJECT_SIZE];
                enum kube_outcome outcome;
                struct kube_ref ref;

                if ((r = kube_put(k, object, mode, &outcome, e)) < 0)
                        return r;
                kube_ref_of(object, &ref, NULL);
                kube_subject(&ref, subject);
                if (report)
                        report(userdata, outcome, subject);
        }
        return 0;
}
