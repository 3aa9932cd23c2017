#include "agent/patches.h"
#include "pki/file.h"
#include "pki/util.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

enum { PATCH_MAX_SIZE = 1 << 20, PATCH_MAX_DEPTH = 16, PATCH_MAX_FILES = 1024 };

static int no_memory(struct error *e) {
        error_set(e, EXIT_FAILED, "out of memory");
        return -ENOMEM;
}

static int ignore(struct patches *p, const char *name, const char *why, struct error *e) {
        char **ignored = reallocarray(p->ignored, p->n_ignored + 1, sizeof *ignored);

        if (!ignored)
                return no_memory(e);
        p->ignored = ignored;
        if (asprintf(&ignored[p->n_ignored], "%s: %s", name, why) < 0)
                return no_memory(e);
        p->n_ignored++;
        return 0;
}

/* Takes the text. */
static int add(struct patches *p, const char *path, const struct tmpl_patch *patch, char *text, size_t size,
               struct error *e) {
        CLEANUP(freep) char *owned = text;
        struct tmpl_patch *v = reallocarray(p->v, p->n + 1, sizeof *v);

        if (!v)
                return no_memory(e);
        p->v = v;
        v[p->n] = *patch;
        if (!(v[p->n].file = strdup(path)))
                return no_memory(e);
        v[p->n].text = TAKE_PTR(owned);
        v[p->n++].size = size;
        return 0;
}

static int load_file(struct patches *p, const char *path, const char *name, struct error *e) {
        struct tmpl_patch patch = { 0 };
        struct tmpl_error why = { 0 };
        char *text = NULL;
        size_t size;
        int r = tmpl_patch_name(name, &patch.target, &patch.type, &why);

        if (r == -ENOENT)
                return ignore(p, path, why.what + strlen(name) + 2, e);
        if (r < 0)
                return error_set(e, EXIT_INPUT, "patches: %s", why.what);
        if (p->n == PATCH_MAX_FILES)
                return error_set(e, EXIT_INPUT, "patches: more than %d files", PATCH_MAX_FILES);
        if ((r = pki_file_read(path, PATCH_MAX_SIZE, &text, &size)) < 0)
                return error_set(e, EXIT_INPUT, "patches: %s cannot be read: %s", path, strerror(-r));
        if (!size) {
                free(text);
                return ignore(p, path, "is empty", e);
        }
        return add(p, path, &patch, text, size, e);
}

/* By bytes, whatever the locale. */
static int compare_names(const struct dirent **a, const struct dirent **b) {
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_dir(struct patches *p, const char *dir, unsigned depth, struct error *e);

static int load_entry(struct patches *p, const char *dir, const char *name, unsigned depth, struct error *e) {
        char path[PATH_MAX];
        struct stat st;

        if (!strcmp(name, ".") || !strcmp(name, ".."))
                return 0;
        if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
                return error_set(e, EXIT_INPUT, "patches: the path of %s is too long", name);
        if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
                return load_dir(p, path, depth + 1, e);
        return load_file(p, path, name, e);
}

static int load_dir(struct patches *p, const char *dir, unsigned depth, struct error *e) {
        struct dirent **names = NULL;
        int n, r = 0;

        if (depth > PATCH_MAX_DEPTH)
                return error_set(e, EXIT_INPUT, "patches: %s is nested too deep", dir);
        n = scandir(dir, &names, NULL, compare_names);
        if (n < 0)
                return error_set(e, EXIT_INPUT,
                                 "patches.directory (--patches): %s cannot be read: %s; give a directory",
                                 dir, strerror(errno));
        for (int i = 0; i < n && r == 0; i++)
                r = load_entry(p, dir, names[i]->d_name, depth, e);
        for (int i = 0; i < n; i++)
                free(names[i]);
        free(names);
        return r;
}

int patches_load(const char *dir, struct patches *ret, struct error *e) {
        *ret = (struct patches){ 0 };
        return dir ? load_dir(ret, dir, 0, e) : 0;
}

void patches_done(struct patches *p) {
        for (size_t i = 0; i < p->n; i++) {
                free((void *)p->v[i].file);
                free((void *)p->v[i].text);
        }
        for (size_t i = 0; i < p->n_ignored; i++)
                free(p->ignored[i]);
        free(p->v);
        free(p->ignored);
        *p = (struct patches){ 0 };
}
