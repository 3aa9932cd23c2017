#include "agent/archive_lib.h"
#include "agent/image_archive.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>

struct archive_writer {
        struct archive_lib lib;
        struct archive *a;
        int fd;
        char file[PATH_MAX], temporary[PATH_MAX];
        struct oci_hash *hash;
        struct oci_blob blob; /* being written; size 0 and no digest: none */
        uint64_t written;     /* of it */
};

static int failed(struct archive_writer *w, int r, struct error *e) {
        const char *why = w->a ? w->lib.archive_error_string(w->a) : NULL;

        error_at(e, w->file, 0, 0, "cannot be written: %s%s; nothing of it was left behind",
                 r == -EIO && why ? why : strerror(-r),
                 r == -ENOSPC ? "; make room or name another place" : "");
        if (e)
                e->status = EXIT_FAILED;
        return r;
}

static int archive_errno_of(struct archive_writer *w) {
        int code = w->lib.archive_errno(w->a);

        return code > 0 && code < 4096 ? -code : -EIO;
}

/* 0644 whatever the umask leaves of it: there is no secret in an image. */
static int open_temporary(struct archive_writer *w) {
        int n = snprintf(w->temporary, sizeof w->temporary, "%s.triarch-new", w->file);

        if (n < 0 || (size_t)n >= sizeof w->temporary)
                return -ENAMETOOLONG;
        if (unlink(w->temporary) < 0 && errno != ENOENT) /* of a run that was killed */
                return -errno;
        w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (w->fd < 0) {
                int r = -errno;

                *w->temporary = '\0';
                return r;
        }
        return 0;
}

int archive_writer_new(const char *file, struct archive_writer **ret, struct error *e) {
        CLEANUP(archive_writer_freep) struct archive_writer *w = calloc(1, sizeof *w);
        int r;

        if (!w)
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        w->fd = -1;
        if (snprintf(w->file, sizeof w->file, "%s", file) >= (int)sizeof w->file)
                return error_set(e, EXIT_INPUT, "the name of the archive is too long"), -ENAMETOOLONG;
        if (access(file, F_OK) == 0) {
                error_at(e, file, 0, 0, "is there already; remove it, or name another file");
                return -EEXIST;
        }
        if ((r = archive_lib_load(&w->lib, e)) < 0)
                return r;
        if (oci_hash_new(&w->hash) < 0 || !(w->a = w->lib.archive_write_new()))
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        if ((r = open_temporary(w)) < 0)
                return failed(w, r, e);
        w->lib.archive_write_set_format_pax_restricted(w->a);
        w->lib.archive_write_set_bytes_in_last_block(w->a, 1);
        if (w->lib.archive_write_open_fd(w->a, w->fd) != ARCHIVE_OK)
                return failed(w, archive_errno_of(w), e);
        *ret = TAKE_PTR(w);
        return 0;
}

void archive_writer_free(struct archive_writer *w) {
        if (!w)
                return;
        if (w->a)
                w->lib.archive_write_free(w->a);
        archive_lib_unload(&w->lib);
        if (w->fd >= 0)
                close(w->fd);
        if (*w->temporary)
                unlink(w->temporary);
        oci_hash_free(w->hash);
        free(w);
}

static int begin_entry(struct archive_writer *w, const char *path, uint64_t size, struct error *e) {
        struct archive_entry *entry = w->lib.archive_entry_new();
        int r;

        if (!entry)
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        w->lib.archive_entry_set_pathname(entry, path);
        w->lib.archive_entry_set_filetype(entry, AE_IFREG);
        w->lib.archive_entry_set_perm(entry, 0644);
        w->lib.archive_entry_set_size(entry, (int64_t)size);
        w->lib.archive_entry_set_mtime(entry, 0, 0); /* the same images make the same archive */
        r = w->lib.archive_write_header(w->a, entry);
        w->lib.archive_entry_free(entry);
        return r == ARCHIVE_OK ? 0 : failed(w, archive_errno_of(w), e);
}

/* The blob before must have come whole and unaltered. */
static int end_blob(struct archive_writer *w, struct error *e) {
        char digest[OCI_DIGEST];

        if (!*w->blob.digest)
                return 0;
        oci_hash_end(w->hash, digest);
        if (w->written == w->blob.size && !strcmp(digest, w->blob.digest)) {
                *w->blob.digest = '\0';
                return 0;
        }
        error_set(e, EXIT_FAILED,
                  "the container runtime's bytes of %s do not have that digest: its store is damaged; have "
                  "the image pulled anew",
                  w->blob.digest);
        return -EBADMSG;
}

int archive_writer_document(struct archive_writer *w, const char *path, const char *text, struct error *e) {
        size_t size = strlen(text);
        int r;

        if ((r = end_blob(w, e)) < 0 || (r = begin_entry(w, path, size, e)) < 0)
                return r;
        return w->lib.archive_write_data(w->a, text, size) == (ssize_t)size
                       ? 0
                       : failed(w, archive_errno_of(w), e);
}

int archive_writer_blob(struct archive_writer *w, const struct oci_blob *blob, struct error *e) {
        char path[32 + OCI_DIGEST];
        int r;

        if ((r = end_blob(w, e)) < 0)
                return r;
        w->blob = *blob;
        w->written = 0;
        snprintf(path, sizeof path, "blobs/sha256/%s", strchr(blob->digest, ':') + 1);
        return begin_entry(w, path, blob->size, e);
}

int archive_writer_data(struct archive_writer *w, const void *data, size_t size, struct error *e) {
        oci_hash_feed(w->hash, data, size);
        w->written += size;
        if (w->written > w->blob.size)
                return end_blob(w, e);
        return w->lib.archive_write_data(w->a, data, size) == (ssize_t)size
                       ? 0
                       : failed(w, archive_errno_of(w), e);
}

static int sync_directory(const char *file) {
        char copy[PATH_MAX];
        CLEANUP(closep) int fd = -1;

        snprintf(copy, sizeof copy, "%s", file);
        fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd >= 0 && fsync(fd) == 0 ? 0 : -errno;
}

/* A file that somebody else has made meanwhile is left alone, where the file system can tell. */
static int give_name(const struct archive_writer *w) {
        int r = renameat2(AT_FDCWD, w->temporary, AT_FDCWD, w->file, RENAME_NOREPLACE);

        return r < 0 && errno == EINVAL ? rename(w->temporary, w->file) : r;
}

int archive_writer_end(struct archive_writer *w, struct error *e) {
        int r = end_blob(w, e);

        if (r < 0)
                return r;
        if (w->lib.archive_write_close(w->a) != ARCHIVE_OK)
                return failed(w, archive_errno_of(w), e);
        if (fsync(w->fd) < 0)
                return failed(w, -errno, e);
        if (give_name(w) < 0)
                return failed(w, -errno, e);
        *w->temporary = '\0';
        return (r = sync_directory(w->file)) < 0 ? failed(w, r, e) : 0;
}
