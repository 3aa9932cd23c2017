#include "agent/archive.h"
#include "agent/archive_lib.h"
#include "pki/file.h"
#include <errno.h>

struct archive_file {
        struct archive_lib lib;
        struct archive *archive;
        FILE *stream;
        char *data, dir[256];
        size_t size;
        bool closed;
};

static la_ssize_t on_write(struct archive *archive, void *userdata, const void *data, size_t size) {
        struct archive_file *a = userdata;

        (void)archive;
        return fwrite(data, 1, size, a->stream) == size ? (la_ssize_t)size : -1;
}

static int failed(const struct archive_file *a, struct error *e) {
        const char *why = a->archive ? a->lib.archive_error_string(a->archive) : NULL;

        return error_set(e, EXIT_FAILED, "the archive cannot be made: %s", why ? why : "out of memory");
}

int archive_file_new(const char *dir, struct archive_file **ret, struct error *e) {
        CLEANUP(archive_file_freep) struct archive_file *a = calloc(1, sizeof *a);
        int r;

        if (!a)
                return error_set(e, EXIT_FAILED, "out of memory");
        snprintf(a->dir, sizeof a->dir, "%s%s", dir, *dir ? "/" : "");
        if ((r = archive_lib_load(&a->lib, e)) < 0)
                return r;
        a->stream = open_memstream(&a->data, &a->size);
        a->archive = a->stream ? a->lib.archive_write_new() : NULL;
        if (!a->archive || a->lib.archive_write_set_format_pax_restricted(a->archive) != ARCHIVE_OK ||
            a->lib.archive_write_add_filter_gzip(a->archive) != ARCHIVE_OK ||
            a->lib.archive_write_open(a->archive, a, NULL, on_write, NULL) != ARCHIVE_OK)
                return failed(a, e);
        *ret = TAKE_PTR(a);
        return 0;
}

int archive_file_add(struct archive_file *a, const char *name, const void *data, size_t size, time_t mtime,
                     struct error *e) {
        struct archive_entry *entry = a->lib.archive_entry_new();
        char path[PATH_MAX];
        int r = 0;

        if (!entry)
                return failed(a, e);
        snprintf(path, sizeof path, "%s%s", a->dir, name);
        a->lib.archive_entry_set_pathname(entry, path);
        a->lib.archive_entry_set_size(entry, (la_int64_t)size);
        a->lib.archive_entry_set_filetype(entry, AE_IFREG);
        a->lib.archive_entry_set_perm(entry, 0600);
        a->lib.archive_entry_set_mtime(entry, mtime, 0);
        if (a->lib.archive_write_header(a->archive, entry) != ARCHIVE_OK ||
            a->lib.archive_write_data(a->archive, data, size) != (la_ssize_t)size)
                r = failed(a, e);
        a->lib.archive_entry_free(entry);
        return r;
}

int archive_file_write(struct archive_file *a, const char *path, size_t *ret_size, struct error *e) {
        int r;

        if (a->lib.archive_write_close(a->archive) != ARCHIVE_OK || fclose(TAKE_PTR(a->stream)) != 0)
                return failed(a, e);
        r = pki_file_write(path, 0600, (gid_t)-1, a->data, a->size, PKI_FILE_EXCL);
        if (r < 0) {
                error_at(e, path, 0, 0, "%s",
                         r == -EEXIST ? "is there already; give another name" : strerror(-r));
                return r;
        }
        *ret_size = a->size;
        return 0;
}

void archive_file_free(struct archive_file *a) {
        if (!a)
                return;
        if (a->archive)
                a->lib.archive_write_free(a->archive);
        if (a->stream)
                fclose(a->stream);
        free(a->data);
        archive_lib_unload(&a->lib);
        free(a);
}
