#include "agent/keyfile.h"
#include "pki/file.h"
#include <errno.h>
#include <sys/stat.h>

enum { FORBIDDEN = 0027 }; /* write by the group, anything by others */

/* The owner may change mode and content: that is root, or whoever we are. */
static int check_rights(const char *path, const struct stat *st, struct error *e) {
        if (st->st_uid != 0 && st->st_uid != geteuid())
                return error_at(e, path, 0, 0,
                                "belongs to user %u, who could change the key; give it to root (chown root)",
                                (unsigned)st->st_uid);
        if (st->st_mode & FORBIDDEN)
                return error_at(
                        e, path, 0, 0,
                        "has mode %04o, so that others can read or change the key; use 0640 (chmod 0640)",
                        (unsigned)st->st_mode & 07777);
        return 0;
}

int keyfile_load(const char *path, struct vrrp_keys *ret, struct error *e) {
        CLEANUP(pki_wipe_freep) char *text = NULL;
        const char *problem = "";
        unsigned line = 0;
        struct stat st;
        size_t size;
        int r = pki_file_read_stat(path, KEYFILE_MAX, &text, &size, &st);

        if (r < 0)
                return error_at(e, path, 0, 0, "the key cannot be read: %s",
                                r == -EINVAL ? "it is no regular file" : strerror(-r));
        if ((r = check_rights(path, &st, e)) < 0)
                return r;
        if (vrrp_keys_parse(text, size, ret, &line, &problem) < 0)
                return error_at(e, path, line, 0, "%s", problem);
        return 0;
}
