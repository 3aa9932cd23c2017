#include "agent/image_archive.h"
#include "agent/archive_lib.h"
#include <errno.h>
#include <stdarg.h>

enum { MAX_BLOBS = 4096, BLOCK = 1 << 16, MAX_DOCUMENTS = 64 << 20 };

#define BLOBS "blobs/sha256/"

struct archive_stream {
        struct archive_lib lib;
        struct archive *a;
};

/* The first time over. */
struct scan {
        struct image_archive *to;
        struct archive_stream *from;
        struct oci_hash *hash;
        char *index;      /* index.json */
        size_t documents; /* bytes kept of them */
        size_t capacity;
};

void image_archive_free(struct image_archive *a) {
        if (!a)
                return;
        for (size_t i = 0; i < a->n_blobs; i++)
                free(a->blobs[i].document);
        free(a->blobs);
        for (size_t i = 0; i < a->n_images; i++)
                free(a->images[i]);
        free(a->images);
        free(a);
}

struct archive_blob *image_archive_blob(const struct image_archive *a, const char *digest) {
        for (size_t i = 0; i < a->n_blobs; i++)
                if (!strcmp(a->blobs[i].digest, digest))
                        return &a->blobs[i];
        return NULL;
}

static int PRINTF_LIKE(3, 4) bad(const struct image_archive *a, struct error *e, const char *fmt, ...) {
        char text[768]; /* e->message may be among what is put into it */
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        error_at(e, a->file, 0, 0, "%s; nothing of the archive was used, get it anew", text);
        e->status = EXIT_FAILED;
        return -EBADMSG;
}

static void stream_done(struct archive_stream *s) {
        if (s->a)
                s->lib.archive_read_free(s->a);
        archive_lib_unload(&s->lib);
}

static int stream_new(struct archive_stream *ret, struct error *e) {
        int r = archive_lib_load(&ret->lib, e);

        if (r < 0)
                return r;
        if (!(ret->a = ret->lib.archive_read_new()))
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        ret->lib.archive_read_support_format_tar(ret->a);
        ret->lib.archive_read_support_filter_gzip(ret->a);
        ret->lib.archive_read_support_filter_zstd(ret->a);
        return 0;
}

static const char *why(const struct archive_stream *s) {
        const char *text = s->lib.archive_error_string(s->a);

        return text ? text : "no reason given";
}

/* "./blobs/sha256/..." is how tar itself writes it. */
static const char *path_of(const struct archive_lib *l, struct archive_entry *entry) {
        const char *path = l->archive_entry_pathname(entry);

        if (!path || l->archive_entry_filetype(entry) != AE_IFREG || l->archive_entry_hardlink(entry))
                return "";
        return strncmp(path, "./", 2) ? path : path + 2;
}

/* 1: `path` is where a blob lies, and this its digest. */
static bool digest_of(const char *path, char ret[OCI_DIGEST]) {
        if (strncmp(path, BLOBS, strlen(BLOBS)) != 0)
                return false;
        return snprintf(ret, OCI_DIGEST, "sha256:%s", path + strlen(BLOBS)) == OCI_DIGEST - 1 &&
               oci_digest_valid(ret);
}

static struct archive_blob *add_blob(struct scan *s) {
        struct image_archive *to = s->to;
        struct archive_blob *blobs = to->blobs;

        if (to->n_blobs == s->capacity) {
                s->capacity = s->capacity ? 2 * s->capacity : 64;
                if (!(blobs = reallocarray(blobs, s->capacity, sizeof *blobs)))
                        return NULL;
                to->blobs = blobs;
        }
        blobs[to->n_blobs] = (struct archive_blob){ 0 };
        return &blobs[to->n_blobs++];
}

/* All of the entry's bytes; small documents are kept, everything is summed up. */
static int read_entry(struct scan *s, uint64_t *ret_size, char ret_digest[OCI_DIGEST], char **ret_text) {
        CLEANUP(freep) char *text = NULL;
        uint64_t size = 0;
        char block[BLOCK];
        ssize_t n;

        while ((n = image_archive_data(s->from, block, sizeof block)) > 0) {
                oci_hash_feed(s->hash, block, (size_t)n);
                if (size == 0 && *block == '{' && s->documents < MAX_DOCUMENTS)
                        text = calloc(1, OCI_MAX_DOCUMENT + 1);
                if (text && size + (uint64_t)n > OCI_MAX_DOCUMENT) {
                        free(text);
                        text = NULL;
                }
                if (text)
                        memcpy(text + size, block, (size_t)n);
                size += (uint64_t)n;
        }
        oci_hash_end(s->hash, ret_digest);
        if (n < 0)
                return -EBADMSG;
        if (text) {
                char *fit = realloc(text, size + 1);

                *ret_text = fit ? fit : text;
                text = NULL;
                s->documents += size;
        }
        *ret_size = size;
        return 0;
}

static int take_blob(struct scan *s, const char *digest, struct error *e) {
        CLEANUP(freep) char *document = NULL;
        char found[OCI_DIGEST];
        struct archive_blob *blob;
        uint64_t size;

        if (read_entry(s, &size, found, &document) < 0)
                return bad(s->to, e, "the archive is cut short or damaged (%s)", why(s->from));
        if (strcmp(digest, found) != 0)
                return bad(s->to, e, "%s was altered: its bytes have another digest", digest);
        if (image_archive_blob(s->to, digest))
                return 0;
        if (s->to->n_blobs == MAX_BLOBS)
                return bad(s->to, e, "the archive has too many blobs");
        if (!(blob = add_blob(s)))
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        snprintf(blob->digest, sizeof blob->digest, "%s", digest);
        blob->size = size;
        blob->document = TAKE_PTR(document);
        return 0;
}

static int take_index(struct scan *s, struct error *e) {
        char digest[OCI_DIGEST];
        uint64_t size;

        free(s->index);
        s->index = NULL;
        if (read_entry(s, &size, digest, &s->index) < 0)
                return bad(s->to, e, "the archive is cut short or damaged (%s)", why(s->from));
        return s->index ? 0 : bad(s->to, e, "index.json is no index");
}

static int scan_entries(struct scan *s, struct error *e) {
        struct archive_entry *entry;
        char digest[OCI_DIGEST];
        int found, r = 0;

        while (r == 0 && (found = s->from->lib.archive_read_next_header(s->from->a, &entry)) == ARCHIVE_OK) {
                const char *path = path_of(&s->from->lib, entry);

                if (digest_of(path, digest))
                        r = take_blob(s, digest, e);
                else if (!strcmp(path, "index.json"))
                        r = take_index(s, e);
        }
        if (r < 0)
                return r;
        if (found != ARCHIVE_EOF)
                return bad(s->to, e, "that is no tar archive, or it is cut short or damaged (%s)",
                           why(s->from));
        return 0;
}

/* The manifest of an entry of the index: itself, or this machine's in an index of its own. */
static int find_manifest(const struct image_archive *a, const struct oci_entry *entry, struct oci_blob *ret,
                         struct error *e) {
        CLEANUP(freep) struct oci_index *index = NULL;
        const struct archive_blob *blob;
        const struct oci_entry *ours;

        *ret = entry->blob;
        if (oci_is_manifest(entry->blob.media_type)) {
                if (*entry->arch && strcmp(entry->arch, oci_arch()) != 0)
                        return bad(a, e, "the images are for %s machines, not for this one", entry->arch);
                return 0;
        }
        if (!oci_is_index(entry->blob.media_type))
                return bad(a, e, "%s is neither an index nor a manifest", entry->blob.digest);
        if (!(blob = image_archive_blob(a, entry->blob.digest)) || !blob->document)
                return bad(a, e, "%s is missing: the archive is cut short or incomplete", entry->blob.digest);
        if (!(index = calloc(1, sizeof *index)))
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        if (oci_index_parse(blob->document, blob->size, blob->digest, index, e) < 0)
                return bad(a, e, "%s", e->message);
        if (!(ours = oci_index_pick(index)))
                return bad(a, e, "%s has no image for this machine's architecture", entry->name);
        *ret = ours->blob;
        return 0;
}

static int check_blob(const struct image_archive *a, const struct oci_blob *wanted, struct error *e) {
        const struct archive_blob *blob = image_archive_blob(a, wanted->digest);

        if (!blob)
                return bad(a, e, "%s is missing: the archive is cut short or incomplete", wanted->digest);
        if (blob->size != wanted->size)
                return bad(a, e, "%s has another size than its description says", wanted->digest);
        return 0;
}

static int check_image(const struct image_archive *a, struct archive_image *image, struct error *e) {
        const struct archive_blob *blob;
        int r;

        if ((r = check_blob(a, &image->blob, e)) < 0)
                return r;
        blob = image_archive_blob(a, image->blob.digest);
        if (!blob->document)
                return bad(a, e, "%s is no manifest", blob->digest);
        if (oci_manifest_parse(blob->document, blob->size, blob->digest, &image->manifest, e) < 0)
                return bad(a, e, "%s", e->message);
        r = check_blob(a, &image->manifest.config, e);
        for (size_t i = 0; r == 0 && i < image->manifest.n_layers; i++)
                r = check_blob(a, &image->manifest.layers[i], e);
        return r;
}

static int add_image(struct image_archive *a, const struct oci_entry *entry, struct error *e) {
        struct archive_image *image;
        int r;

        if (!*entry->name)
                return bad(a, e, "%s has no name: make the archive by `triarch config images save`",
                           entry->blob.digest);
        if (!(image = calloc(1, sizeof *image)))
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        a->images[a->n_images++] = image;
        if (!oci_name_full(entry->name, image->name))
                return bad(a, e, "\"%s\" is no name of an image", entry->name);
        if ((r = find_manifest(a, entry, &image->blob, e)) < 0)
                return r;
        return check_image(a, image, e);
}

static int resolve(struct image_archive *a, const char *text, struct error *e) {
        CLEANUP(freep) struct oci_index *index = calloc(1, sizeof *index);
        int r = 0;

        if (!text)
                return bad(a, e, "there is no index.json: that is no archive of images, or it is cut short");
        if (!index || !(a->images = calloc(OCI_MAX_ENTRIES, sizeof *a->images)))
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        if (oci_index_parse(text, strlen(text), "index.json", index, e) < 0)
                return bad(a, e, "%s", e->message);
        if (!index->n)
                return bad(a, e, "there is no image in it");
        for (size_t i = 0; r == 0 && i < index->n; i++)
                r = add_image(a, &index->v[i], e);
        return r;
}

/* `from` is open. */
static int scan_all(struct archive_stream *from, const char *name, struct image_archive **ret,
                    struct error *e) {
        CLEANUP(image_archive_freep) struct image_archive *a = calloc(1, sizeof *a);
        CLEANUP(oci_hash_freep) struct oci_hash *hash = NULL;
        struct scan s = { .to = a, .from = from };
        int r;

        if (!a || oci_hash_new(&hash) < 0)
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        s.hash = hash;
        snprintf(a->file, sizeof a->file, "%s", name);
        r = scan_entries(&s, e);
        if (r == 0)
                r = resolve(a, s.index, e);
        free(s.index);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(a);
        return 0;
}

static int open_file(const char *file, struct archive_stream *ret, struct error *e) {
        int r = stream_new(ret, e);

        if (r < 0)
                return r;
        if (access(file, R_OK) < 0) {
                r = -errno;
                error_at(e, file, 0, 0, "%s", strerror(-r));
                return r;
        }
        if (ret->lib.archive_read_open_filename(ret->a, file, BLOCK) == ARCHIVE_OK)
                return 0;
        error_at(e, file, 0, 0, "that is no archive, or it is cut short (%s)", why(ret));
        e->status = EXIT_FAILED;
        return -EBADMSG;
}

int image_archive_read(const char *file, struct image_archive **ret, struct error *e) {
        CLEANUP(stream_done) struct archive_stream from = { 0 };
        int r = open_file(file, &from, e);

        return r < 0 ? r : scan_all(&from, file, ret, e);
}

int image_archive_parse(const void *data, size_t size, const char *name, struct image_archive **ret,
                        struct error *e) {
        CLEANUP(stream_done) struct archive_stream from = { 0 };
        int r = stream_new(&from, e);

        if (r < 0)
                return r;
        if (from.lib.archive_read_open_memory(from.a, data, size) != ARCHIVE_OK) {
                error_at(e, name, 0, 0, "that is no archive, or it is cut short (%s)", why(&from));
                return -EBADMSG;
        }
        return scan_all(&from, name, ret, e);
}

ssize_t image_archive_data(struct archive_stream *s, void *to, size_t room) {
        ssize_t n = s->lib.archive_read_data(s->a, to, room);

        return n < 0 ? -EIO : n;
}

/* The file may have changed since it was scanned, or its disk fail: no image must be named without its
 * layers. */
static int check_taken(const struct image_archive *a, struct error *e) {
        for (size_t i = 0; i < a->n_blobs; i++) {
                if (!a->blobs[i].wanted)
                        continue;
                error_at(e, a->file, 0, 0,
                         "%s is no longer in it: it changed while it was read; run the "
                         "command again",
                         a->blobs[i].digest);
                e->status = EXIT_FAILED;
                return -EBADMSG;
        }
        return 0;
}

int image_archive_each(const struct image_archive *a, archive_take_fn take, void *userdata, struct error *e) {
        CLEANUP(stream_done) struct archive_stream s = { 0 };
        struct archive_entry *entry;
        int r = open_file(a->file, &s, e);

        while (r == 0 && s.lib.archive_read_next_header(s.a, &entry) == ARCHIVE_OK) {
                struct archive_blob *blob;
                char digest[OCI_DIGEST];

                if (!digest_of(path_of(&s.lib, entry), digest) || !(blob = image_archive_blob(a, digest)) ||
                    !blob->wanted)
                        continue;
                r = take(userdata, blob, &s, e);
                blob->wanted = false;
        }
        return r < 0 ? r : check_taken(a, e);
}
