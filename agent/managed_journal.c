#include "agent/jread.h"
#include "agent/managed.h"
#include "agent/managed_priv.h"
#include "agent/paths.h"
#include "agent/rootpath.h"
#include "pki/file.h"
#include <errno.h>
#include <openssl/sha.h>

int managed_failed(struct error *e, int r, const char *path, const char *what) {
        error_set(e, EXIT_FAILED, "%s: %s", what, strerror(-r));
        if (e)
                snprintf(e->file, sizeof e->file, "%s", path);
        return r;
}

void managed_digest(const void *data, size_t size, char ret[MANAGED_DIGEST]) {
        uint8_t digest[SHA256_DIGEST_LENGTH];

        SHA256(data, size, digest);
        hex_encode(digest, sizeof digest, ret);
}

void managed_journal_done(struct managed_journal *j) {
        free(j->v);
        *j = (struct managed_journal){ 0 };
}

struct managed_entry *managed_journal_find(const struct managed_journal *j, const char *kind,
                                           const char *key) {
        for (size_t i = 0; i < j->n; i++)
                if (!strcmp(j->v[i].kind, kind) && !strcmp(j->v[i].key, key))
                        return &j->v[i];
        return NULL;
}

static struct managed_entry *grow(struct managed_journal *j) {
        struct managed_entry *more = realloc(j->v, (j->n + 1) * sizeof *more);

        if (!more)
                return NULL;
        j->v = more;
        j->v[j->n] = (struct managed_entry){ 0 };
        return &j->v[j->n++];
}

struct managed_entry *managed_journal_add(struct managed_journal *j, const char *kind, const char *key,
                                          struct error *e) {
        struct managed_entry *x;

        if (j->n >= MANAGED_MAX || strlen(key) >= sizeof x->key) {
                managed_failed(e, j->n >= MANAGED_MAX ? -E2BIG : -ENAMETOOLONG, key,
                               "cannot be noted in the journal of changes");
                return NULL;
        }
        if (!(x = grow(j))) {
                managed_failed(e, -ENOMEM, key, "cannot be noted in the journal of changes");
                return NULL;
        }
        snprintf(x->kind, sizeof x->kind, "%s", kind);
        snprintf(x->key, sizeof x->key, "%s", key);
        return x;
}

void managed_journal_remove(struct managed_journal *j, struct managed_entry *x) {
        size_t i = (size_t)(x - j->v);

        memmove(x, x + 1, (j->n - i - 1) * sizeof *x);
        j->n--;
}

static int entry_read(const json_t *o, struct managed_entry *x) {
        int64_t mode, uid, gid;
        const struct jread_field fields[] = {
                { "kind", JREAD_STRING, x->kind, sizeof x->kind, 0, 0 },
                { "key", JREAD_STRING, x->key, sizeof x->key, 0, 0 },
                { "before", JREAD_STRING, x->before, sizeof x->before, 0, 0 },
                { "mode", JREAD_INT, &mode, 0, 0, 07777 },
                { "uid", JREAD_INT, &uid, 0, 0, UINT32_MAX },
                { "gid", JREAD_INT, &gid, 0, 0, UINT32_MAX },
                { "was", JREAD_STRING, x->was, sizeof x->was, 0, 0 },
                { "wrote", JREAD_STRING, x->wrote, sizeof x->wrote, 0, 0 },
                { "replaced", JREAD_STRING, x->replaced, sizeof x->replaced, 0, 0 },
                { 0 },
        };
        int r = jread_object(o, fields, NULL);

        if (r < 0)
                return r;
        x->mode = (mode_t)mode;
        x->uid = (uid_t)uid;
        x->gid = (gid_t)gid;
        return 0;
}

static int entries_read(const json_t *list, struct managed_journal *ret) {
        int r = 0;

        for (size_t i = 0; i < json_array_size(list) && r == 0; i++) {
                struct managed_entry *x = grow(ret);

                r = x ? entry_read(json_array_get(list, i), x) : -ENOMEM;
        }
        return r;
}

int managed_journal_load(const char *root, struct managed_journal *ret, struct error *e) {
        CLEANUP(jread_decref) json_t *o = NULL;
        CLEANUP(freep) char *text = NULL;
        CLEANUP(managed_journal_done) struct managed_journal j = { 0 };
        json_t *list = NULL;
        const struct jread_field fields[] = { { "changes", JREAD_ARRAY, &list, MANAGED_MAX, 0, 0 }, { 0 } };
        char path[PATH_MAX];
        size_t size;
        int r = root_path(path, root, MANAGED_JOURNAL);

        *ret = (struct managed_journal){ 0 };
        if (r == 0)
                r = pki_file_read(path, MANAGED_JOURNAL_MAX, &text, &size);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return managed_failed(e, r, MANAGED_JOURNAL, "cannot be read");
        if (!(o = jread_parse(text, size)) || jread_object(o, fields, NULL) < 0 ||
            entries_read(list, &j) < 0) {
                error_set(e, EXIT_FAILED,
                          "the journal of what was changed on this machine is damaged; put it back from a "
                          "backup, or undo the changes by hand from the copies beside it and remove it");
                if (e)
                        snprintf(e->file, sizeof e->file, "%s", MANAGED_JOURNAL);
                return -EBADMSG;
        }
        *ret = j;
        j = (struct managed_journal){ 0 };
        return 0;
}

static int entries_write(const struct managed_journal *j, json_t *list) {
        int r = 0;

        for (size_t i = 0; i < j->n && r == 0; i++) {
                const struct managed_entry *x = &j->v[i];

                r = json_array_append_new(
                        list, json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:s, s:s}", "kind", x->kind,
                                        "key", x->key, "before", x->before, "mode", (json_int_t)x->mode,
                                        "uid", (json_int_t)x->uid, "gid", (json_int_t)x->gid, "was", x->was,
                                        "wrote", x->wrote, "replaced", x->replaced));
        }
        return r;
}

int managed_journal_save(const char *root, const struct managed_journal *j, struct error *e) {
        CLEANUP(jread_decref) json_t *o = json_pack("{s:[]}", "changes");
        CLEANUP(freep) char *text = NULL;
        char path[PATH_MAX];
        int r = -ENOMEM;

        if (o && entries_write(j, json_object_get(o, "changes")) == 0)
                text = json_dumps(o, JSON_INDENT(1));
        if (text && (r = root_path(path, root, TRIARCH_STATE_DIR)) == 0 &&
            (r = pki_mkdir_p(path, 0700)) == 0 && (r = root_path(path, root, MANAGED_DIR)) == 0 &&
            (r = pki_mkdir_p(path, 0700)) == 0 && (r = root_path(path, root, MANAGED_JOURNAL)) == 0)
                r = pki_file_write(path, 0600, (gid_t)-1, text, strlen(text), 0);
        return r < 0 ? managed_failed(e, r, MANAGED_JOURNAL, "cannot be written; nothing was changed") : 0;
}
