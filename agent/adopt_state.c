#include "agent/adopt.h"
#include "agent/jread.h"
#include "agent/paths.h"
#include "agent/rootpath.h"
#include "pki/file.h"
#include <errno.h>

enum { FILE_MAX = 4096, VERSION = 1 };

static int fail(struct error *e, int r, const char *what) {
        error_set(e, EXIT_FAILED, "%s: %s", what, strerror(-r));
        if (e)
                snprintf(e->file, sizeof e->file, ADOPT_FILE);
        return r;
}

static int parse(const char *text, size_t size, struct adopt_state *ret) {
        CLEANUP(jread_decref) json_t *o = jread_parse(text, size);
        int64_t version, step;
        const struct jread_field fields[] = {
                { "version", JREAD_INT, &version, 0, VERSION, VERSION },
                { "step", JREAD_INT, &step, 0, ADOPT_BEGUN, ADOPT_DONE },
                { "unit", JREAD_STRING, ret->unit, sizeof ret->unit, 0, 0 },
                { "wasEnabled", JREAD_BOOL, &ret->was_enabled, 0, 0, 0 },
                { "wasActive", JREAD_BOOL, &ret->was_active, 0, 0, 0 },
                { "madeConfig", JREAD_BOOL, &ret->made_config, 0, 0, 0 },
                { 0 },
        };
        int r = jread_object(o, fields, NULL);

        if (r == 0)
                ret->step = (enum adopt_step)step;
        return r;
}

int adopt_state_load(const char *root, struct adopt_state *ret, struct error *e) {
        CLEANUP(freep) char *text = NULL;
        char path[PATH_MAX];
        size_t size;
        int r = root_path(path, root, ADOPT_FILE);

        *ret = (struct adopt_state){ 0 };
        if (r == 0)
                r = pki_file_read(path, FILE_MAX, &text, &size);
        if (r == -ENOENT)
                return r;
        if (r == 0)
                r = parse(text, size, ret);
        return r < 0 ? fail(e, r, "the journal of the adoption cannot be read") : 0;
}

int adopt_state_save(const char *root, const struct adopt_state *s, struct error *e) {
        CLEANUP(jread_decref)
        json_t *o = json_pack("{s:i, s:i, s:s, s:b, s:b, s:b}", "version", VERSION, "step", (int)s->step,
                              "unit", s->unit, "wasEnabled", s->was_enabled, "wasActive", s->was_active,
                              "madeConfig", s->made_config);
        CLEANUP(freep) char *text = o ? json_dumps(o, JSON_INDENT(2)) : NULL;
        char path[PATH_MAX];
        int r = text ? 0 : -ENOMEM;

        if (r == 0 && (r = root_path(path, root, TRIARCH_STATE_DIR)) == 0)
                r = pki_mkdir_p(path, 0700);
        if (r == 0 && (r = root_path(path, root, ADOPT_FILE)) == 0)
                r = pki_file_write(path, 0600, (gid_t)-1, text, strlen(text), 0);
        return r < 0 ? fail(e, r, "the journal of the adoption cannot be written") : 0;
}

void adopt_state_remove(const char *root) {
        char path[PATH_MAX];

        if (root_path(path, root, ADOPT_FILE) == 0)
                pki_file_remove(path);
}
