#include "agent/containerd.h"
#include "agent/image_archive.h"
#include "agent/images.h"
#include <errno.h>
#include <jansson.h>

struct saved { /* an image to be saved */
        const char *name;
        struct oci_blob blob; /* the manifest for this machine */
        struct oci_manifest manifest;
        char *text; /* of the manifest */
        size_t size;
};
struct save {
        struct containerd *c;
        struct archive_writer *w;
        struct saved *images;
        size_t n;
        char (*written)[OCI_DIGEST]; /* blobs that are in the archive: layers are shared */
        size_t n_written;
        uint64_t bytes;
        struct error *e;
};

static void save_done(struct save *s) {
        for (size_t i = 0; s->images && i < s->n; i++)
                free(s->images[i].text);
        free(s->images);
        free(s->written);
}

/* An index of several machines' images is replaced by this machine's manifest. */
static int pick_manifest(struct save *s, struct saved *image, struct error *e) {
        CLEANUP(freep) struct oci_index *index = NULL;
        CLEANUP(freep) char *text = NULL;
        const struct oci_entry *entry;
        size_t size;
        int r;

        if (oci_is_manifest(image->blob.media_type))
                return 0;
        if ((r = containerd_read_document(s->c, &image->blob, &text, &size, e)) < 0)
                return r;
        if (!(index = calloc(1, sizeof *index)))
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        if ((r = oci_index_parse(text, size, image->name, index, e)) < 0)
                return r;
        if (!(entry = oci_index_pick(index)))
                return error_set(e, EXIT_FAILED, "%s has no image for linux/%s", image->name, oci_arch());
        image->blob = entry->blob;
        return 0;
}

static int find_image(struct save *s, struct saved *image, struct error *e) {
        int r = containerd_get_image(s->c, image->name, &image->blob, e);

        if (r == -ENOENT)
                error_set(e, EXIT_FAILED, "%s is not here; `triarch config images pull` has it pulled",
                          image->name);
        if (r < 0 || (r = pick_manifest(s, image, e)) < 0 ||
            (r = containerd_read_document(s->c, &image->blob, &image->text, &image->size, e)) < 0)
                return r;
        return oci_manifest_parse(image->text, image->size, image->name, &image->manifest, e);
}

static json_t *index_entry(const struct saved *image) {
        const char *tag = strrchr(image->name, ':');
        bool tagged = tag && !strchr(tag, '/');

        return json_pack("{s:s, s:s, s:I, s:{s:s, s:s}, s:{s:s, s:s}}", "mediaType", image->blob.media_type,
                         "digest", image->blob.digest, "size", (json_int_t)image->blob.size, "platform",
                         "architecture", oci_arch(), "os", "linux", "annotations", "io.containerd.image.name",
                         image->name, "org.opencontainers.image.ref.name", tagged ? tag + 1 : "latest");
}

static json_t *blob_path(const struct oci_blob *blob) {
        return json_sprintf("blobs/sha256/%s", strchr(blob->digest, ':') + 1);
}

/* Of manifest.json, which `docker load` reads. */
static json_t *docker_entry(const struct saved *image) {
        json_t *layers = json_array();

        for (size_t i = 0; i < image->manifest.n_layers; i++)
                json_array_append_new(layers, blob_path(&image->manifest.layers[i]));
        return json_pack("{s:o, s:[s], s:o}", "Config", blob_path(&image->manifest.config), "RepoTags",
                         image->name, "Layers", layers);
}

/* Consumes o. */
static int write_json(struct save *s, const char *path, json_t *o, struct error *e) {
        CLEANUP(freep) char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

        json_decref(o);
        if (!text)
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        return archive_writer_document(s->w, path, text, e);
}

static int write_documents(struct save *s, struct error *e) {
        json_t *entries = json_array(), *docker = json_array();
        int r;

        for (size_t i = 0; i < s->n; i++) {
                json_array_append_new(entries, index_entry(&s->images[i]));
                json_array_append_new(docker, docker_entry(&s->images[i]));
        }
        r = write_json(s, "oci-layout", json_pack("{s:s}", "imageLayoutVersion", "1.0.0"), e);
        if (r == 0)
                r = write_json(s, "index.json",
                               json_pack("{s:i, s:s, s:O}", "schemaVersion", 2, "mediaType", OCI_INDEX,
                                         "manifests", entries),
                               e);
        if (r == 0)
                r = write_json(s, "manifest.json", json_incref(docker), e);
        json_decref(entries);
        json_decref(docker);
        return r;
}

static int to_archive(void *userdata, const void *data, size_t size) {
        struct save *s = userdata;

        return archive_writer_data(s->w, data, size, s->e);
}

static int write_blob(struct save *s, const struct saved *image, const struct oci_blob *blob,
                      struct error *e) {
        int r;

        for (size_t i = 0; i < s->n_written; i++)
                if (!strcmp(s->written[i], blob->digest))
                        return 0;
        memcpy(s->written[s->n_written++], blob->digest, OCI_DIGEST);
        s->e = e;
        if ((r = archive_writer_blob(s->w, blob, e)) < 0)
                return r;
        r = containerd_read(s->c, blob, to_archive, s, e);
        if (r == -ENOENT)
                error_set(e, EXIT_FAILED,
                          "containerd has not kept %s of %s as it came from the registry "
                          "(discard_unpacked_layers in its configuration); save where this is not set",
                          blob->digest, image->name);
        s->bytes += blob->size;
        return r;
}

static int write_image(struct save *s, const struct saved *image, struct error *e) {
        uint64_t before = s->bytes;
        char size[24];
        int r = write_blob(s, image, &image->blob, e);

        if (r == 0)
                r = write_blob(s, image, &image->manifest.config, e);
        for (size_t i = 0; r == 0 && i < image->manifest.n_layers; i++)
                r = write_blob(s, image, &image->manifest.layers[i], e);
        if (r == 0) {
                printf("[images] saved %s (%s)\n", image->name, images_size(s->bytes - before, size));
                fflush(stdout);
        }
        return r;
}

static int save_all(struct save *s, const struct str_list *images, struct error *e) {
        size_t most = images->n * (OCI_MAX_LAYERS + 2);
        int r = 0;

        s->images = calloc(images->n, sizeof *s->images);
        s->written = calloc(most, sizeof *s->written);
        if (!s->images || !s->written)
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        for (; r == 0 && s->n < images->n; s->n++) {
                s->images[s->n].name = images->items[s->n];
                r = find_image(s, &s->images[s->n], e);
        }
        if (r == 0)
                r = write_documents(s, e);
        for (size_t i = 0; r == 0 && i < s->n; i++)
                r = write_image(s, &s->images[i], e);
        return r < 0 ? r : archive_writer_end(s->w, e);
}

int images_save(const struct config *c, const struct str_list *images, const char *file, struct error *e) {
        CLEANUP(containerd_freep) struct containerd *containerd = NULL;
        CLEANUP(archive_writer_freep) struct archive_writer *w = NULL;
        struct save s = { 0 };
        char size[24];
        int r;

        if ((r = containerd_open(cri_socket_path(c->cri_socket), &containerd, e)) < 0 ||
            (r = archive_writer_new(file, &w, e)) < 0)
                return r;
        s.c = containerd;
        s.w = w;
        if ((r = save_all(&s, images, e)) == 0)
                printf("[images] %zu images, %s: %s\n", images->n, images_size(s.bytes, size), file);
        save_done(&s);
        return r;
}
