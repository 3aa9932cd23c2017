#include "agent/runtime.h"
#include "agent/toml.h"
#include <errno.h>

static const struct registry *find_registry(const struct config *c, const char *host, size_t n) {
        for (size_t i = 0; i < c->registries.n; i++)
                if (strlen(c->registries.items[i].host) == n &&
                    !strncmp(c->registries.items[i].host, host, n))
                        return &c->registries.items[i];
        return NULL;
}

static const char *after_scheme(const char *url) {
        const char *s = strstr(url, "://");

        return s ? s + 3 : url;
}

static void put_ca(FILE *f, const char *indent, const struct registry *r) {
        char *quoted = r && r->ca_file ? toml_quote(r->ca_file) : NULL;

        if (quoted)
                fprintf(f, "%sca = %s\n", indent, quoted);
        free(quoted);
}

/* A path of a mirror comes before the names of images, after the version of the API: what a project of a
 * registry that keeps copies is called. containerd adds /v2 at the end by itself, and is told not to. */
static void put_mirror(FILE *f, const struct config *c, const char *url) {
        const char *host = after_scheme(url);
        size_t n = strcspn(host, "/"), k = strlen(host + n);
        bool path = k > 1, given = path && (!strncmp(host + n, "/v2/", 4) || !strcmp(host + n, "/v2"));

        while (k > 0 && host[n + k - 1] == '/')
                k--;
        fprintf(f, "\n[host.\"%.*s%s%.*s\"]\n", (int)(host - url + (ptrdiff_t)n), url,
                path && !given ? "/v2" : "", (int)k, host + n);
        fputs("  capabilities = [\"pull\", \"resolve\"]\n", f);
        if (path)
                fputs("  override_path = true\n", f);
        put_ca(f, "  ", find_registry(c, host, n));
}

static const char *server_of(const char *registry) {
        return !strcmp(registry, "docker.io") ? "registry-1.docker.io" : registry;
}

static int mirrors_text(const struct config *c, const struct registry_mirror *m, char **ret) {
        size_t size;
        FILE *f = open_memstream(ret, &size);

        if (!f)
                return -ENOMEM;
        fputs("# Written by triarch from registryMirrors; `triarch reset` removes it.\n", f);
        if (strcmp(m->registry, "*") != 0) {
                fprintf(f, "server = \"https://%s\"\n", server_of(m->registry));
                put_ca(f, "", find_registry(c, m->registry, strlen(m->registry)));
        }
        for (size_t i = 0; i < m->mirrors.n; i++)
                put_mirror(f, c, m->mirrors.items[i]);
        return fclose(f) == 0 ? 0 : -ENOMEM;
}

static int registry_text(const struct registry *r, char **ret) {
        size_t size;
        FILE *f = open_memstream(ret, &size);

        if (!f)
                return -ENOMEM;
        fputs("# Written by triarch from registries; `triarch reset` removes it.\n", f);
        fprintf(f, "server = \"https://%s\"\n", server_of(r->host));
        put_ca(f, "", r);
        return fclose(f) == 0 ? 0 : -ENOMEM;
}

static bool has_mirrors(const struct config *c, const char *registry) {
        for (size_t i = 0; i < c->registry_mirrors.n; i++)
                if (!strcmp(c->registry_mirrors.items[i].registry, registry))
                        return true;
        return false;
}

/* Is an image ever named by this host? A registry that is a mirror alone is spoken of in the files of those
 * it mirrors. A CA of its own is the only thing such a file could say. */
static bool has_own_file(const struct config *c, const struct registry *r) {
        return r->ca_file && !has_mirrors(c, r->host);
}

int runtime_hosts(const struct config *c, size_t i, char dir[300], char **ret) {
        if (i < c->registry_mirrors.n) {
                const struct registry_mirror *m = &c->registry_mirrors.items[i];

                snprintf(dir, 300, "%.250s", strcmp(m->registry, "*") ? m->registry : "_default");
                return mirrors_text(c, m, ret);
        }
        i -= c->registry_mirrors.n;
        for (size_t k = 0; k < c->registries.n; k++) {
                if (!has_own_file(c, &c->registries.items[k]) || i-- > 0)
                        continue;
                snprintf(dir, 300, "%.250s", c->registries.items[k].host);
                return registry_text(&c->registries.items[k], ret);
        }
        return -ENOENT;
}
