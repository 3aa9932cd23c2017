/* Files that survive a power cut: written to a temporary name in the same directory, fsync'ed,
 * renamed, directory fsync'ed. A reader sees the old file, the new one, or none; never a part.
 *
 * All calls: 0 or negative errno. `path` is the real path (the --root prefix already applied). */
#ifndef PKI_FILE_H
#define PKI_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
        PKI_FILE_EXCL = 1, /* -EEXIST when the file is there (checked atomically by the rename) */
};

/* The mode is in force from the first byte, whatever the umask. gid (gid_t)-1: leave the group. */
int pki_file_write(const char *path, mode_t mode, gid_t gid, const void *data, size_t size, unsigned flags);

/* *ret is malloc'ed, NUL-terminated beyond *ret_size; the caller wipes (pki_wipe) and frees it.
 * -EFBIG above max bytes; -EINVAL when it is no regular file. */
int pki_file_read(const char *path, size_t max, char **ret, size_t *ret_size);
/* The same with what fstat(2) says of the very file that was read, whatever the path names by now. */
struct stat;
int pki_file_read_stat(const char *path, size_t max, char **ret, size_t *ret_size, struct stat *ret_stat);

/* symlink(2), synced; -EEXIST. */
int pki_symlink(const char *target, const char *path);

/* mkdir -p; only the directories made here get `mode` (parents 0755). Syncs what it made. */
int pki_mkdir_p(const char *path, mode_t mode);

/* Remove and sync the directory; a missing file is no error. */
int pki_file_remove(const char *path);

/* Overwrite memory so that the compiler cannot leave it out (OPENSSL_cleanse). NULL is fine. */
void pki_wipe(void *p, size_t size);
/* Wipe and free a NUL-terminated secret. */
void pki_wipe_free(char *s);
static inline void pki_wipe_freep(char **s) {
        pki_wipe_free(*s);
}

#endif
