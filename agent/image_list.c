#include "agent/images.h"
#include "agent/oci.h"
#include "agent/phase.h"
#include <errno.h>

enum { MAX_IMAGES = 32 };

void images_list_done(struct str_list *l) {
        for (size_t i = 0; i < l->n; i++)
                free(l->items[i]);
        free(l->items);
        *l = (struct str_list){ 0 };
}

static int add(struct str_list *l, const char *name, struct error *e) {
        char full[OCI_NAME];

        if (!oci_name_full(name, full))
                return error_set(e, EXIT_INPUT,
                                 "\"%s\" is no name of an image; imageRepository and the like are "
                                 "HOST[:PORT][/PATH] without a scheme",
                                 name);
        if (l->n == MAX_IMAGES || !(l->items[l->n] = strdup(full)))
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        l->n++;
        return 0;
}

int images_list(const struct config *c, struct str_list *ret, struct error *e) {
        const struct phase_ctx ctx = { .config = c, .root = "" };
        char name[OCI_NAME];
        int r;

        *ret = (struct str_list){ .items = calloc(MAX_IMAGES + 1, sizeof *ret->items) };
        if (!ret->items)
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        for (size_t i = 0; (r = phase_image(&ctx, i, name, sizeof name)) == 0; i++)
                if ((r = add(ret, name, e)) < 0)
                        return r;
        if (r == -ENOENT)
                return 0;
        return error_set(e, EXIT_INPUT, "the images of Kubernetes %s from %s: %s", c->kubernetes_version,
                         c->image_repository,
                         r == -EOPNOTSUPP ? "this version is not known here" : strerror(-r));
}

static const struct str_list *mirrors_of(const struct config *c, const char *host) {
        for (size_t i = 0; i < c->registry_mirrors.n; i++)
                if (!strcmp(c->registry_mirrors.items[i].registry, host))
                        return &c->registry_mirrors.items[i].mirrors;
        return NULL;
}

void images_places(const struct config *c, const char *image, char ret[IMAGES_PLACES]) {
        const struct str_list *mirrors;
        char host[256];
        size_t n = 0;

        oci_name_host(image, host);
        if (!(mirrors = mirrors_of(c, host)))
                mirrors = mirrors_of(c, "*");
        *ret = '\0';
        for (size_t i = 0; mirrors && i < mirrors->n && n < IMAGES_PLACES; i++)
                n += (size_t)snprintf(ret + n, IMAGES_PLACES - n, "%s%s", i ? ", " : "", mirrors->items[i]);
        if (n < IMAGES_PLACES)
                snprintf(ret + n, IMAGES_PLACES - n, "%s%s", n ? " (registryMirrors), then " : "", host);
}

const char *images_size(uint64_t bytes, char out[24]) {
        static const struct {
                double bytes;
                const char *unit;
        } units[] = { { 1 << 30, "GiB" }, { 1 << 20, "MiB" }, { 1 << 10, "KiB" } };

        for (size_t i = 0; i < ARRAY_SIZE(units); i++)
                if ((double)bytes >= units[i].bytes) {
                        snprintf(out, 24, "%.1f %s", (double)bytes / units[i].bytes, units[i].unit);
                        return out;
                }
        snprintf(out, 24, "%u bytes", (unsigned)bytes);
        return out;
}
