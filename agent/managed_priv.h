/* The journal of managed.h, and what its files share. Within agent/managed*.c. */
#ifndef AGENT_MANAGED_PRIV_H
#define AGENT_MANAGED_PRIV_H

#include "agent/error.h"
#include <stdbool.h>
#include <sys/types.h>

enum {
        MANAGED_MAX = 512,
        MANAGED_KEY = 512,
        MANAGED_DIGEST = 65,
        MANAGED_FILE_MAX = 1 << 20,
        MANAGED_JOURNAL_MAX = 4 << 20
};

#define MANAGED_MIXED  "+"
#define MANAGED_FILE   "file"
#define MANAGED_LINK   "link"
#define MANAGED_SUBDIR "dir"
#define MANAGED_GUARD  "guard"

struct managed_entry {
        char kind[24];
        char key[MANAGED_KEY];    /* path without root, or the name of a running value */
        char before[MANAGED_KEY]; /* a file's copy in MANAGED_DIR, "" when there was no file; a value */
        mode_t mode;              /* of the file before, and its owner */
        uid_t uid;
        gid_t gid;
        char was[MANAGED_DIGEST]; /* SHA-256 of the file before, "" without one */
        /* Of what was written last, and of what it replaced: a power loss lies between the two. A link's
         * target. MANAGED_MIXED before it: in what was written are changes that somebody else had made
         * between two of ours, so it is not ours to take back. */
        char wrote[MANAGED_KEY], replaced[MANAGED_DIGEST];
};
struct managed_journal {
        struct managed_entry *v;
        size_t n;
};

void managed_digest(const void *data, size_t size, char ret[MANAGED_DIGEST]);
int managed_failed(struct error *e, int r, const char *path, const char *what);
/* A missing journal is an empty one. */
int managed_journal_load(const char *root, struct managed_journal *ret, struct error *e);
int managed_journal_save(const char *root, const struct managed_journal *j, struct error *e);
void managed_journal_done(struct managed_journal *j);
struct managed_entry *managed_journal_find(const struct managed_journal *j, const char *kind,
                                           const char *key);
/* A new entry at the end; NULL with *e when there are too many, or the key is too long. */
struct managed_entry *managed_journal_add(struct managed_journal *j, const char *kind, const char *key,
                                          struct error *e);
/* Remove the entry; the file is saved by the caller. */
void managed_journal_remove(struct managed_journal *j, struct managed_entry *x);

/* One entry of a file, a link or a directory back. 1: done, 0: there was nothing to do, -ESTALE: somebody
 * else changed it since, other negative errno with *e. */
int managed_undo_path(const char *root, const struct managed_entry *x, struct error *e);

#endif
