#include "pki/file.h"
#include "pki/util.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>

/* Where a file lives: its directory as a descriptor, its name, and the name it has while it is written.
 * The leading dot keeps the kubelet from taking a half-written manifest for a pod. */
struct place {
        int dir;
        const char *name; /* points into the caller's path */
        char temp[NAME_MAX + 1];
};

static void place_done(struct place *p) {
        closep(&p->dir);
}

static int open_parent(const char *path, const char **ret_name) {
        const char *slash = strrchr(path, '/');
        char dir[PATH_MAX];
        int fd;

        *ret_name = slash ? slash + 1 : path;
        if (!slash)
                snprintf(dir, sizeof dir, ".");
        else if (slash == path)
                snprintf(dir, sizeof dir, "/");
        else if (snprintf(dir, sizeof dir, "%.*s", (int)(slash - path), path) >= (int)sizeof dir)
                return -ENAMETOOLONG;
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

static int place_open(struct place *p, const char *path) {
        int r = open_parent(path, &p->name);

        if (r < 0)
                return r;
        p->dir = r;
        if (!*p->name)
                return -EISDIR;
        if (snprintf(p->temp, sizeof p->temp, ".%s.triarch", p->name) >= (int)sizeof p->temp)
                return -ENAMETOOLONG;
        return 0;
}

/* The temporary file is ours once we hold its lock, it still has its name, and nobody has written
 * to it: what a power cut left is removed, never reused. 1: try again. */
static int claim_temp(const struct place *p, int fd) {
        struct stat ours, named;

        if (flock(fd, LOCK_EX) < 0 || fstat(fd, &ours) < 0)
                return -errno;
        if (fstatat(p->dir, p->temp, &named, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 1 : -errno;
        if (ours.st_dev != named.st_dev || ours.st_ino != named.st_ino)
                return 1;
        if (ours.st_size == 0 && ours.st_nlink == 1 && S_ISREG(ours.st_mode))
                return 0;
        return unlinkat(p->dir, p->temp, 0) < 0 ? -errno : 1;
}

/* Two writers of one file take turns at the lock of its temporary file. */
static int open_temp(const struct place *p, mode_t mode) {
        int r;

        do {
                CLEANUP(closep)
                int fd = openat(p->dir, p->temp, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
                                mode & 0600);

                if (fd < 0)
                        return -errno;
                r = claim_temp(p, fd);
                if (r == 0) {
                        r = fd;
                        fd = -1;
                        return r;
                }
        } while (r > 0);
        return r;
}

static int write_all(int fd, const char *data, size_t size) {
        while (size > 0) {
                ssize_t n = write(fd, data, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                data += n;
                size -= (size_t)n;
        }
        return 0;
}

/* Group before mode: the final mode may give the group a right that the old group must not have. */
static int fill_temp(int fd, mode_t mode, gid_t gid, const void *data, size_t size) {
        int r = write_all(fd, data, size);

        if (r < 0)
                return r;
        if (gid != (gid_t)-1 && fchown(fd, (uid_t)-1, gid) < 0)
                return -errno;
        if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
                return -errno;
        return 0;
}

/* Atomic, and -EEXIST when the name exists. link(2) is for file systems without RENAME_NOREPLACE: killed
 * between its two steps, it leaves the temporary name behind as a second one of the finished file. */
static int publish_new(const struct place *p) {
        if (renameat2(p->dir, p->temp, p->dir, p->name, RENAME_NOREPLACE) == 0)
                return 0;
        if (errno != EINVAL && errno != ENOSYS)
                return -errno;
        if (linkat(p->dir, p->temp, p->dir, p->name, 0) < 0 || unlinkat(p->dir, p->temp, 0) < 0)
                return -errno;
        return 0;
}

static int publish_temp(const struct place *p, unsigned flags) {
        int r;

        if (flags & PKI_FILE_EXCL) {
                if ((r = publish_new(p)) < 0)
                        return r;
        } else if (renameat(p->dir, p->temp, p->dir, p->name) < 0)
                return -errno;
        return fsync(p->dir) < 0 ? -errno : 0;
}

int pki_file_write(const char *path, mode_t mode, gid_t gid, const void *data, size_t size, unsigned flags) {
        CLEANUP(place_done) struct place p = { .dir = -1 };
        CLEANUP(closep) int fd = -1;
        int r = place_open(&p, path);

        if (r < 0)
                return r;
        if ((flags & PKI_FILE_EXCL) && faccessat(p.dir, p.name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return -EEXIST;
        fd = open_temp(&p, mode);
        if (fd < 0)
                return fd;
        r = fill_temp(fd, mode, gid, data, size);
        if (r == 0)
                r = publish_temp(&p, flags);
        if (r < 0)
                unlinkat(p.dir, p.temp, 0); /* while we still hold its lock */
        return r;
}

/* The size is read again from the file itself: it may grow under us. */
static int read_all(int fd, size_t max, char *buf, size_t *ret_size) {
        size_t n = 0;

        for (;;) {
                ssize_t k = read(fd, buf + n, max + 1 - n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                n += (size_t)k;
                if (n > max)
                        return -EFBIG;
        }
        buf[n] = '\0';
        *ret_size = n;
        return 0;
}

int pki_file_read(const char *path, size_t max, char **ret, size_t *ret_size) {
        struct stat unused;

        return pki_file_read_stat(path, max, ret, ret_size, &unused);
}

int pki_file_read_stat(const char *path, size_t max, char **ret, size_t *ret_size, struct stat *ret_stat) {
        CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        size_t limit;
        char *buf;
        int r;

        if (fd < 0 || fstat(fd, ret_stat) < 0)
                return -errno;
        if (!S_ISREG(ret_stat->st_mode))
                return -EINVAL;
        if ((uintmax_t)ret_stat->st_size > max)
                return -EFBIG;
        /* Some files (in /proc) say 0 and have content: those get the whole limit. */
        limit = ret_stat->st_size > 0 ? (size_t)ret_stat->st_size : max;
        buf = malloc(limit + 2);
        if (!buf)
                return -ENOMEM;
        r = read_all(fd, limit, buf, ret_size);
        if (r < 0) {
                pki_wipe(buf, limit + 2);
                free(buf);
                return r;
        }
        *ret = buf;
        return 0;
}

static int sync_parent(const char *path) {
        const char *name;
        CLEANUP(closep) int fd = open_parent(path, &name);

        if (fd < 0)
                return fd;
        return fsync(fd) < 0 ? -errno : 0;
}

int pki_symlink(const char *target, const char *path) {
        return symlink(target, path) < 0 ? -errno : sync_parent(path);
}

/* chmod: mkdir(2) applies the umask. */
static int mkdir_one(const char *path, mode_t mode) {
        if (mkdir(path, mode) < 0)
                return errno == EEXIST ? 0 : -errno;
        if (chmod(path, mode) < 0)
                return -errno;
        return sync_parent(path);
}

int pki_mkdir_p(const char *path, mode_t mode) {
        char buf[PATH_MAX];
        struct stat st;
        size_t n;
        int r;

        n = (size_t)snprintf(buf, sizeof buf, "%s", path);
        if (n >= sizeof buf)
                return -ENAMETOOLONG;
        while (n > 1 && buf[n - 1] == '/')
                buf[--n] = '\0';
        for (char *s = buf + 1; n > 0 && (s = strchr(s, '/')); s++) {
                *s = '\0';
                r = mkdir_one(buf, 0755);
                *s = '/';
                if (r < 0)
                        return r;
        }
        r = mkdir_one(buf, mode);
        if (r < 0)
                return r;
        if (stat(buf, &st) < 0)
                return -errno;
        return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int pki_file_remove(const char *path) {
        const char *name;
        CLEANUP(closep) int dir = open_parent(path, &name);

        if (dir == -ENOENT)
                return 0;
        if (dir < 0)
                return dir;
        if (unlinkat(dir, name, 0) < 0)
                return errno == ENOENT ? 0 : -errno;
        return fsync(dir) < 0 ? -errno : 0;
}
