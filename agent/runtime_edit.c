#include "agent/runtime.h"
#include "agent/toml.h"
#include "pki/file.h"
#include <errno.h>

/* Names of plugins by the version of the file's format. 1 and 2 have one plugin for all. */
static const struct names {
        const char *images, *runtime;
        const char *sandbox[3]; /* below images */
} versions[] = {
        { "cri", "cri", { "sandbox_image", NULL, NULL } },
        { "io.containerd.grpc.v1.cri", "io.containerd.grpc.v1.cri", { "sandbox_image", NULL, NULL } },
        { "io.containerd.cri.v1.images",
          "io.containerd.cri.v1.runtime",
          { "pinned_images", "sandbox", NULL } },
};

/* A text on its way: each step replaces it. */
struct edit {
        char *text;
        size_t size;
        bool changed;
        const struct names *names;
        struct error *e;
};

static void edit_done(struct edit *x) {
        pki_wipe(x->text, x->size);
        free(x->text);
}

void runtime_wants_done(struct runtime_wants *w) {
        for (size_t i = 0; i < w->n_logins; i++)
                pki_wipe_free(w->logins[i].password);
        w->n_logins = 0;
}

static int refuse(struct edit *x, const struct toml_error *why, const char *setting) {
        return error_at(x->e, RUNTIME_CONFIG, why->line, why->line ? 1 : 0,
                        "%s cannot be set: %s; set it by hand, or move the file away to have a new one made",
                        setting, why->what);
}

static int set(struct edit *x, const char *const *path, const char *value) {
        struct toml_error why = { 0 };
        char *out;
        size_t size;
        int r = toml_set(x->text, x->size, path, value, &out, &size, &why);

        if (r == -EINVAL)
                return refuse(x, &why, path[0] && path[1] ? path[2] ? path[2] : path[1] : path[0]);
        if (r < 0)
                return r;
        pki_wipe(x->text, x->size);
        free(x->text);
        x->text = out;
        x->size = size;
        x->changed |= r == 1;
        return 0;
}

static int set_string(struct edit *x, const char *const *path, const char *value) {
        char *quoted = toml_quote(value);
        int r = quoted ? set(x, path, quoted) : -ENOMEM;

        pki_wipe_free(quoted);
        return r;
}

/* 1: there; *ret is malloc'ed. What is no plain string is refused. */
static int get(struct edit *x, const char *const *path, char **ret) {
        struct toml_error why = { 0 };
        int r = toml_get_string(x->text, x->size, path, ret, &why);

        return r == -EINVAL ? refuse(x, &why, path[1] ? path[1] : path[0]) : r;
}

static int has(struct edit *x, const char *const *path) {
        struct toml_error why = { 0 };
        int r = toml_has(x->text, x->size, path, &why);

        return r == -EINVAL ? refuse(x, &why, path[0]) : r;
}

/* A file without `version` is of version 1; one that sets no plugin may as well become one of version 2. */
static int find_version(struct edit *x) {
        static const char *const path[] = { "version", NULL }, *const plugins[] = { "plugins", NULL };
        struct toml_error why = { 0 };
        const char *v;
        size_t n;
        int r = toml_get(x->text, x->size, path, &v, &n, &why);

        if (r < 0)
                return refuse(x, &why, "a setting");
        if (r == 1 && (n != 1 || *v < '1' || *v > '3'))
                return error_at(
                        x->e, RUNTIME_CONFIG, 0, 0,
                        "version = %.*s is not known; 1, 2 and 3 are: configure containerd by hand and give "
                        "--skip-phases runtime",
                        (int)n, v);
        if (r == 1) {
                x->names = &versions[*v - '1'];
                return 0;
        }
        if ((r = has(x, plugins)) < 0)
                return r;
        x->names = &versions[r ? 0 : 1];
        return r ? 0 : set(x, path, "2");
}

/* ["cri", "x"] without what is CRI. Packages of Docker's come with it disabled. */
static int enable_cri(struct edit *x) {
        static const char *const path[] = { "disabled_plugins", NULL };
        char list[4096] = "[", word[256];
        struct toml_error why = { 0 };
        const char *v;
        bool found = false;
        size_t n;
        int r = toml_get(x->text, x->size, path, &v, &n, &why);

        if (r <= 0)
                return r < 0 ? refuse(x, &why, path[0]) : 0;
        for (const char *s = v, *end; s < v + n; s = end + 1) {
                const char *quote = s + strcspn(s, "\"']");

                if (quote >= v + n || *quote == ']' ||
                    !(end = memchr(quote + 1, *quote, (size_t)(v + n - quote - 1))))
                        break;
                snprintf(word, sizeof word, "%.*s", (int)(end - quote - 1), quote + 1);
                if (!strcmp(word, "cri") || !strcmp(word, "io.containerd.grpc.v1.cri"))
                        found = true;
                else
                        snprintf(list + strlen(list), sizeof list - strlen(list), "%s\"%s\"",
                                 list[1] ? ", " : "", word);
        }
        snprintf(list + strlen(list), sizeof list - strlen(list), "]");
        return found ? set(x, path, list) : 0;
}

static int set_sandbox(struct edit *x, const char *image) {
        const char *path[] = { "plugins", x->names->images, x->names->sandbox[0], x->names->sandbox[1],
                               NULL };

        return set_string(x, path, image);
}

/* Of the runtime that pods get unless they ask for another one. A table for it replaces containerd's own
 * defaults for that runtime, so its type is given, too. */
static int set_cgroup(struct edit *x, bool systemd) {
        const char *chosen[] = { "plugins", x->names->runtime, "containerd", "default_runtime_name", NULL };
        CLEANUP(freep) char *name = NULL;
        CLEANUP(freep) char *type = NULL;
        int r = get(x, chosen, &name);

        if (r < 0)
                return r;
        const char *runtime = name && *name ? name : "runc";
        const char *kind[] = { "plugins", x->names->runtime, "containerd", "runtimes",
                               runtime,   "runtime_type",    NULL };
        const char *group[] = { "plugins", x->names->runtime, "containerd",    "runtimes",
                                runtime,   "options",         "SystemdCgroup", NULL };
        if ((r = get(x, kind, &type)) < 0)
                return r;
        if (r == 0 && strcmp(runtime, "runc") != 0)
                return error_at(x->e, RUNTIME_CONFIG, 0, 0,
                                "default_runtime_name is %s, but that runtime has no runtime_type here",
                                runtime);
        if (r == 0 && (r = set_string(x, kind, "io.containerd.runc.v2")) < 0)
                return r;
        return set(x, group, systemd ? "true" : "false");
}

/* The first directory of a list; a new one where there is none. */
static int set_certs(struct edit *x, bool needed, char certs[PATH_MAX]) {
        const char *path[] = { "plugins", x->names->images, "registry", "config_path", NULL };
        const char *mirrors[] = { "plugins", x->names->images, "registry", "mirrors", NULL };
        CLEANUP(freep) char *old = NULL;
        int r = get(x, path, &old), old_style;

        if (r < 0 || (old_style = has(x, mirrors)) < 0)
                return r < 0 ? r : old_style;
        snprintf(certs, PATH_MAX, "%.*s", old ? (int)strcspn(old, ":") : 0, old ? old : "");
        if (*certs)
                return 0;
        if (old_style && !needed)
                return 0;
        if (old_style)
                return error_at(
                        x->e, RUNTIME_CONFIG, 0, 0,
                        "registry.mirrors is set, with which containerd reads no " RUNTIME_CERTS
                        ": move those mirrors to registryMirrors of the configuration, and take them out "
                        "here");
        snprintf(certs, PATH_MAX, RUNTIME_CERTS);
        return set_string(x, path, RUNTIME_CERTS);
}

static int set_login(struct edit *x, const struct runtime_login *l) {
        const char *user[] = { "plugins", x->names->images, "registry", "configs",
                               l->host,   "auth",           "username", NULL };
        const char *pass[] = { "plugins", x->names->images, "registry", "configs",
                               l->host,   "auth",           "password", NULL };
        int r = set_string(x, user, l->username);

        return r < 0 ? r : set_string(x, pass, l->password);
}

static int edit_all(struct edit *x, const struct runtime_wants *w, char certs[PATH_MAX]) {
        int r;

        if ((r = find_version(x)) < 0 || (r = enable_cri(x)) < 0 ||
            (r = set_sandbox(x, w->sandbox_image)) < 0 || (r = set_cgroup(x, w->systemd_cgroup)) < 0 ||
            (r = set_certs(x, w->registries, certs)) < 0)
                return r;
        for (size_t i = 0; i < w->n_logins; i++)
                if ((r = set_login(x, &w->logins[i])) < 0)
                        return r;
        return 0;
}

int runtime_edit(const char *text, size_t size, const struct runtime_wants *w, char **ret, size_t *ret_size,
                 char certs[PATH_MAX], struct error *e) {
        static const char fresh[] = "# Written by triarch.\nversion = 2\n";
        CLEANUP(edit_done) struct edit x = { .e = e, .changed = size == 0 };
        int r;

        if (size == 0) {
                text = fresh;
                size = strlen(fresh);
        }
        x.text = malloc(size + 1);
        if (!x.text)
                return -ENOMEM;
        memcpy(x.text, text, size);
        x.text[size] = '\0';
        x.size = size;
        if ((r = edit_all(&x, w, certs)) < 0)
                return r == -ENOMEM ? error_set(e, EXIT_FAILED, "out of memory"), r : r;
        *ret = TAKE_PTR(x.text);
        *ret_size = x.size;
        return x.changed;
}
