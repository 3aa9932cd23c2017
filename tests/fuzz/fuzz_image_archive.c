/* Archives of images and what is in them: what is accepted is whole. */
#include "agent/archive_lib.h"
#include "agent/image_archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_blob(const struct image_archive *a, const struct oci_blob *wanted) {
        const struct archive_blob *blob = image_archive_blob(a, wanted->digest);

        if (!blob || blob->size != wanted->size || !oci_digest_valid(blob->digest))
                abort();
}

static void check(const struct image_archive *a) {
        char full[OCI_NAME];

        if (!a->n_images)
                abort();
        for (size_t i = 0; i < a->n_images; i++) {
                const struct archive_image *image = a->images[i];

                if (!oci_name_full(image->name, full) || strcmp(full, image->name) != 0)
                        abort();
                check_blob(a, &image->blob);
                check_blob(a, &image->manifest.config);
                for (size_t k = 0; k < image->manifest.n_layers; k++)
                        check_blob(a, &image->manifest.layers[k]);
        }
}

/* Without a tar around it, which a fuzzer seldom gets right. */
static void documents(const char *text, size_t size) {
        struct oci_manifest *manifest = calloc(1, sizeof *manifest);
        struct oci_index *index = calloc(1, sizeof *index);
        struct error e;

        if (!manifest || !index)
                abort();
        if (oci_index_parse(text, size, "x", index, &e) == 0 && index->n > OCI_MAX_ENTRIES)
                abort();
        (void)oci_index_pick(index);
        if (oci_manifest_parse(text, size, "x", manifest, &e) == 0 &&
            !oci_digest_valid(manifest->config.digest))
                abort();
        free(manifest);
        free(index);
}

/* libarchive stays loaded: to load it anew for each input takes longer than all the rest. */
static void keep_library(void) {
        static struct archive_lib lib;
        struct error e;

        if (!lib.handle && archive_lib_load(&lib, &e) < 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        CLEANUP(image_archive_freep) struct image_archive *a = NULL;
        struct error e;

        keep_library();
        documents((const char *)data, size);
        if (image_archive_parse(data, size, "x", &a, &e) == 0)
                check(a);
        return 0;
}
