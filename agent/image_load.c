#include "agent/containerd.h"
#include "agent/image_archive.h"
#include "agent/images.h"
#include <errno.h>
#include <sys/statvfs.h>

enum { GC_LABELS = OCI_MAX_LAYERS + 1 };

struct load {
        struct containerd *c;
        struct image_archive *a;
        uint64_t bytes;  /* to be written */
        struct error *e; /* of the source while a blob is written */
        struct archive_stream *from;
};

static bool is_named(const struct str_list *names, const char *name) {
        for (size_t i = 0; i < names->n; i++)
                if (!strcmp(names->items[i], name))
                        return true;
        return names->n == 0;
}

static bool has_image(const struct image_archive *a, const char *name) {
        for (size_t i = 0; i < a->n_images; i++)
                if (!strcmp(a->images[i]->name, name))
                        return true;
        return false;
}

static int select_images(const struct image_archive *a, const struct str_list *names, struct error *e) {
        for (size_t i = 0; i < names->n; i++)
                if (!has_image(a, names->items[i]))
                        return error_set(e, EXIT_FAILED, "%s: there is no image %s in it", a->file,
                                         names->items[i]),
                               -ENOENT;
        for (size_t i = 0; i < a->n_images; i++)
                a->images[i]->wanted = is_named(names, a->images[i]->name);
        return 0;
}

/* Mark what containerd lacks; what it has is kept for the time of the lease, too. */
static int want_blob(struct load *l, const char *digest, struct error *e) {
        struct archive_blob *blob = image_archive_blob(l->a, digest);
        int r;

        if (blob->wanted)
                return 0;
        if ((r = containerd_lease_add(l->c, digest, e)) < 0 || (r = containerd_has(l->c, digest, e)) < 0)
                return r;
        blob->wanted = r == 0;
        if (blob->wanted)
                l->bytes += blob->size;
        return 0;
}

static int want_images(struct load *l, struct error *e) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < l->a->n_images; i++) {
                const struct archive_image *image = l->a->images[i];

                if (!image->wanted)
                        continue;
                r = want_blob(l, image->manifest.config.digest, e);
                for (size_t k = 0; r == 0 && k < image->manifest.n_layers; k++)
                        r = want_blob(l, image->manifest.layers[k].digest, e);
                if (r == 0) /* is written afterwards, but belongs to the lease */
                        r = containerd_lease_add(l->c, image->blob.digest, e);
        }
        return r;
}

/* Better known before than in the middle. Where the runtime's directory is not ours to see, it will tell. */
static int check_room(const struct load *l, const struct config *c, struct error *e) {
        CLEANUP(cri_freep) struct cri *cri = NULL;
        char directory[PATH_MAX], need[24], have[24];
        struct statvfs st;
        struct error ignored;

        if (cri_new(c->cri_socket, &cri, &ignored) < 0 || cri_image_directory(cri, directory, &ignored) < 0 ||
            statvfs(directory, &st) < 0)
                return 0;
        if (l->bytes <= (uint64_t)st.f_bavail * st.f_frsize)
                return 0;
        error_set(
                e, EXIT_FAILED,
                "%s: %s are to be put under %s, which has room for %s, and unpacking takes more; make room, "
                "then run the command again (nothing was changed)",
                l->a->file, images_size(l->bytes, need), directory,
                images_size((uint64_t)st.f_bavail * st.f_frsize, have));
        return -ENOSPC;
}

static ssize_t from_archive(void *userdata, void *to, size_t room) {
        struct load *l = userdata;
        ssize_t n = image_archive_data(l->from, to, room);

        if (n > 0)
                return n;
        error_set(l->e, EXIT_FAILED, "%s: changed while it was read; run the command again", l->a->file);
        return -EIO;
}

static int take_blob(void *userdata, const struct archive_blob *blob, struct archive_stream *s,
                     struct error *e) {
        struct load *l = userdata;
        struct oci_blob target = { .size = blob->size };

        memcpy(target.digest, blob->digest, sizeof target.digest);
        l->from = s;
        l->e = e;
        return containerd_write(l->c, &target, from_archive, l, NULL, 0, e);
}

struct text_source {
        const char *at;
        size_t left;
};

static ssize_t from_text(void *userdata, void *to, size_t room) {
        struct text_source *s = userdata;
        size_t n = s->left < room ? s->left : room;

        memcpy(to, s->at, n);
        s->at += n;
        s->left -= n;
        return (ssize_t)n;
}

/* The manifest holds on to what it names by labels: containerd collects what nothing holds. */
static int write_manifest(struct load *l, const struct archive_image *image, struct error *e) {
        const struct archive_blob *blob = image_archive_blob(l->a, image->blob.digest);
        CLEANUP(freep) struct containerd_label *labels = calloc(GC_LABELS, sizeof *labels);
        struct text_source source = { blob->document, blob->size };
        size_t n = 0;

        if (!labels)
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        snprintf(labels[n].key, sizeof labels[n].key, "containerd.io/gc.ref.content.config");
        memcpy(labels[n++].value, image->manifest.config.digest, OCI_DIGEST);
        for (size_t i = 0; i < image->manifest.n_layers; i++) {
                snprintf(labels[n].key, sizeof labels[n].key, "containerd.io/gc.ref.content.l.%zu", i);
                memcpy(labels[n++].value, image->manifest.layers[i].digest, OCI_DIGEST);
        }
        return containerd_write(l->c, &image->blob, from_text, &source, labels, n, e);
}

/* 1: the name stands for this image already, by itself or as one of an index. */
static int is_same(struct load *l, const struct archive_image *image, struct oci_blob *ret_was,
                   struct error *e) {
        CLEANUP(freep) struct oci_index *index = NULL;
        CLEANUP(freep) char *text = NULL;
        size_t size;
        int r = containerd_get_image(l->c, image->name, ret_was, e);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (!strcmp(ret_was->digest, image->blob.digest))
                return 1;
        if (!oci_is_index(ret_was->media_type) ||
            containerd_read_document(l->c, ret_was, &text, &size, e) < 0 ||
            !(index = calloc(1, sizeof *index)) || oci_index_parse(text, size, ret_was->digest, index, e) < 0)
                return 0;
        for (size_t i = 0; i < index->n; i++)
                if (!strcmp(index->v[i].blob.digest, image->blob.digest))
                        return 1;
        return 0;
}

static int name_image(struct load *l, const struct archive_image *image, struct error *e) {
        struct oci_blob was = { 0 };
        int r;

        if ((r = write_manifest(l, image, e)) < 0 || (r = is_same(l, image, &was, e)) < 0)
                return r;
        if (r == 1) {
                printf("[images] kept %s\n", image->name);
                return 0;
        }
        if ((r = containerd_put_image(l->c, image->name, &image->blob, e)) < 0)
                return r;
        if (*was.digest)
                printf("[images] loaded %s (the name stood for %s before)\n", image->name, was.digest);
        else
                printf("[images] loaded %s\n", image->name);
        return 0;
}

static int put_in(struct load *l, const struct config *c, struct error *e) {
        int r;

        if ((r = containerd_lease(l->c, e)) < 0 || (r = want_images(l, e)) < 0 ||
            (r = check_room(l, c, e)) < 0 || (r = image_archive_each(l->a, take_blob, l, e)) < 0)
                return r;
        for (size_t i = 0; r == 0 && i < l->a->n_images; i++)
                if (l->a->images[i]->wanted)
                        r = name_image(l, l->a->images[i], e);
        return r;
}

int images_load(const struct config *c, const struct str_list *images, const char *file, struct error *e) {
        CLEANUP(containerd_freep) struct containerd *containerd = NULL;
        CLEANUP(image_archive_freep) struct image_archive *a = NULL;
        struct load l;
        int r;

        if (access(file, R_OK) < 0) /* said before anything that takes longer */
                return r = -errno, error_at(e, file, 0, 0, "%s", strerror(-r)), r;
        if ((r = containerd_open(cri_socket_path(c->cri_socket), &containerd, e)) < 0)
                return r;
        printf("[images] reading %s\n", file);
        fflush(stdout);
        if ((r = image_archive_read(file, &a, e)) < 0 || (r = select_images(a, images, e)) < 0)
                return r;
        l = (struct load){ .c = containerd, .a = a };
        r = put_in(&l, c, e);
        containerd_lease_end(containerd);
        return r;
}
