/* An archive of images: OCI's image layout (image-spec 1.1) in a tar, and in it what `docker load` wants
 * besides (manifest.json). `ctr images import` and `docker load` read it; archives of `ctr images export` and
 * of `docker save` from Docker 25 are read as well, also when compressed by gzip or zstd.
 *
 * Reading takes place twice: first everything is read and every digest checked, so that an archive that was
 * cut short or altered is refused before anything of it is used. */
#ifndef AGENT_IMAGE_ARCHIVE_H
#define AGENT_IMAGE_ARCHIVE_H

#include "agent/oci.h"
#include <sys/types.h>

struct archive_blob {
        char digest[OCI_DIGEST];
        uint64_t size;
        char *document; /* its bytes, when it may be an index or manifest: small, and JSON by its look */
        bool wanted;    /* the caller's mark */
};
struct archive_image {
        char name[OCI_NAME];  /* full name */
        struct oci_blob blob; /* the manifest for this machine */
        struct oci_manifest manifest;
        bool wanted; /* the caller's mark */
};
struct image_archive {
        char file[PATH_MAX];
        struct archive_blob *blobs;
        size_t n_blobs;
        struct archive_image **images; /* all their blobs are among the archive's */
        size_t n_images;
};

/* Read and check `file`. 0; -EBADMSG with *e: cut short, altered, or none at all; other errno. */
int image_archive_read(const char *file, struct image_archive **ret, struct error *e);
/* The same of what is in memory; `name` stands for the file in messages. */
int image_archive_parse(const void *data, size_t size, const char *name, struct image_archive **ret,
                        struct error *e);
void image_archive_free(struct image_archive *a);
DEFINE_CLEANUP(struct image_archive *, image_archive_free)
struct archive_blob *image_archive_blob(const struct image_archive *a, const char *digest);

/* Once more over the file: for each blob that is `wanted`, in the order of the archive, `take` may read its
 * bytes by image_archive_data(); what it returns, when negative, ends it. */
struct archive_stream;
typedef int (*archive_take_fn)(void *userdata, const struct archive_blob *blob, struct archive_stream *s,
                               struct error *e);
int image_archive_each(const struct image_archive *a, archive_take_fn take, void *userdata, struct error *e);
/* How many bytes were put into `to`, 0 at the end, negative errno. */
ssize_t image_archive_data(struct archive_stream *s, void *to, size_t room);

/* An archive being written: to FILE under a temporary name until the end; an existing FILE is left alone. */
struct archive_writer;
int archive_writer_new(const char *file, struct archive_writer **ret, struct error *e); /* -EEXIST */
void archive_writer_free(struct archive_writer *w); /* what is not ended is removed */
DEFINE_CLEANUP(struct archive_writer *, archive_writer_free)
int archive_writer_document(struct archive_writer *w, const char *path, const char *text, struct error *e);
int archive_writer_blob(struct archive_writer *w, const struct oci_blob *blob, struct error *e);
int archive_writer_data(struct archive_writer *w, const void *data, size_t size, struct error *e);
int archive_writer_end(struct archive_writer *w, struct error *e);

#endif
