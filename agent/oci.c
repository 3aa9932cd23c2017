#include "agent/oci.h"
#include "agent/jread.h"
#include <errno.h>

#define DIGEST_KIND "sha256:"

static int bad(struct error *e, const char *what, const char *why) {
        error_set(e, EXIT_FAILED, "%s: %s", what, why);
        return -EBADMSG;
}

bool oci_is_index(const char *media_type) {
        return !strcmp(media_type, OCI_INDEX) || !strcmp(media_type, DOCKER_INDEX);
}

bool oci_is_manifest(const char *media_type) {
        return !strcmp(media_type, OCI_MANIFEST) || !strcmp(media_type, DOCKER_SCHEMA);
}

bool oci_digest_valid(const char *digest) {
        return !strncmp(digest, DIGEST_KIND, strlen(DIGEST_KIND)) && strlen(digest) == OCI_DIGEST - 1 &&
               strspn(digest + strlen(DIGEST_KIND), "0123456789abcdef") == 64;
}

/* A text that fits, "" when it is absent; false: it is there and no such thing. */
static bool take_text(const json_t *o, const char *key, char *out, size_t size) {
        const json_t *v = json_object_get(o, key);
        const char *text = json_string_value(v);

        *out = '\0';
        if (!v)
                return true;
        if (!text || strlen(text) >= size)
                return false;
        for (const char *s = text; *s; s++)
                if ((unsigned char)*s <= ' ' || *s == 0x7f)
                        return false;
        snprintf(out, size, "%s", text);
        return true;
}

static int read_blob(const json_t *o, const char *what, struct oci_blob *ret, struct error *e) {
        const json_t *size = json_object_get(o, "size");

        if (!json_is_object(o) || !take_text(o, "mediaType", ret->media_type, sizeof ret->media_type))
                return bad(e, what, "a descriptor has no proper mediaType");
        if (!take_text(o, "digest", ret->digest, sizeof ret->digest) || !oci_digest_valid(ret->digest))
                return bad(e, what, "a descriptor's digest is not sha256: and 64 digits");
        if (!json_is_integer(size) || json_integer_value(size) < 0)
                return bad(e, what, "a descriptor has no proper size");
        ret->size = (uint64_t)json_integer_value(size);
        return 0;
}

/* containerd's annotation; else OCI's, which is a full name only with some programs. */
static bool take_name(const json_t *o, struct oci_entry *ret) {
        const json_t *annotations = json_object_get(o, "annotations");

        if (!take_text(annotations, "io.containerd.image.name", ret->name, sizeof ret->name))
                return false;
        if (*ret->name)
                return true;
        if (!take_text(annotations, "org.opencontainers.image.ref.name", ret->name, sizeof ret->name))
                return false;
        if (!strchr(ret->name, '/'))
                *ret->name = '\0';
        return true;
}

static int read_entry(const json_t *o, const char *what, struct oci_entry *ret, struct error *e) {
        const json_t *platform = json_object_get(o, "platform");
        int r = read_blob(o, what, &ret->blob, e);

        if (r < 0)
                return r;
        if (!take_name(o, ret))
                return bad(e, what, "an entry's name is no name of an image");
        if (!take_text(platform, "os", ret->os, sizeof ret->os) ||
            !take_text(platform, "architecture", ret->arch, sizeof ret->arch) ||
            !take_text(platform, "variant", ret->variant, sizeof ret->variant))
                return bad(e, what, "an entry's platform is none");
        return 0;
}

int oci_index_parse(const char *text, size_t size, const char *what, struct oci_index *ret, struct error *e) {
        CLEANUP(jread_decref) json_t *o = jread_parse(text, size);
        const json_t *list = json_object_get(o, "manifests");
        int r;

        ret->n = 0;
        if (!json_is_array(list))
                return bad(e, what, "that is no index of images (\"manifests\")");
        if (json_array_size(list) > OCI_MAX_ENTRIES)
                return bad(e, what, "there are more than 256 entries");
        for (size_t i = 0; i < json_array_size(list); i++)
                if ((r = read_entry(json_array_get(list, i), what, &ret->v[ret->n++], e)) < 0)
                        return r;
        return 0;
}

int oci_manifest_parse(const char *text, size_t size, const char *what, struct oci_manifest *ret,
                       struct error *e) {
        CLEANUP(jread_decref) json_t *o = jread_parse(text, size);
        const json_t *layers = json_object_get(o, "layers");
        int r;

        ret->n_layers = 0;
        if (!json_is_array(layers))
                return bad(e, what, "that is no manifest of an image (\"layers\")");
        if (json_array_size(layers) > OCI_MAX_LAYERS)
                return bad(e, what, "there are more than 256 layers");
        if ((r = read_blob(json_object_get(o, "config"), what, &ret->config, e)) < 0)
                return r;
        for (size_t i = 0; i < json_array_size(layers); i++)
                if ((r = read_blob(json_array_get(layers, i), what, &ret->layers[ret->n_layers++], e)) < 0)
                        return r;
        return 0;
}

/* Of the machine that this program was made for. */
const char *oci_arch(void) {
#if defined __x86_64__
        return "amd64";
#elif defined __aarch64__
        return "arm64";
#elif defined __arm__
        return "arm";
#elif defined __powerpc64__
        return "ppc64le";
#elif defined __s390x__
        return "s390x";
#elif defined __riscv
        return "riscv64";
#else
        return "unknown";
#endif
}

const struct oci_entry *oci_index_pick(const struct oci_index *index) {
        for (size_t i = 0; i < index->n; i++) {
                const struct oci_entry *entry = &index->v[i];

                if (oci_is_manifest(entry->blob.media_type) && !strcmp(entry->os, "linux") &&
                    !strcmp(entry->arch, oci_arch()))
                        return entry;
        }
        return index->n == 1 && !*index->v[0].arch && oci_is_manifest(index->v[0].blob.media_type)
                       ? &index->v[0]
                       : NULL;
}

static bool is_host(const char *part, size_t size) {
        return memchr(part, '.', size) || memchr(part, ':', size) ||
               (size == strlen("localhost") && !memcmp(part, "localhost", size));
}

bool oci_name_full(const char *name, char ret[OCI_NAME]) {
        size_t first = strcspn(name, "/");
        const char *last = strrchr(name, '/'), *host = "", *tag;

        if (!*name || name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                        "._-/:@[]+")])
                return false;
        if (!name[first])
                host = "docker.io/library/";
        else if (!is_host(name, first))
                host = "docker.io/";
        last = last ? last + 1 : name;
        tag = strpbrk(last, ":@") ? "" : ":latest";
        return *last && snprintf(ret, OCI_NAME, "%s%s%s", host, name, tag) < OCI_NAME;
}

void oci_name_host(const char *name, char ret[256]) {
        snprintf(ret, 256, "%.*s", (int)strcspn(name, "/"), name);
}
