/* What triarch changes on the host for the host's sake, and takes back: files of its own in other programs'
 * directories, edits of files that were there, and running values. Certificates, manifests and the kubelet's
 * files are no part of this: those are phase_put_file()'s.
 *
 * Before anything is changed, /var/lib/triarch/host (0700) has what it was: a copy of each file (0600), and a
 * journal of all changes, both synced. So a power loss at any moment is undone by `triarch reset`, to the
 * byte, mode and owner. */
#ifndef AGENT_MANAGED_H
#define AGENT_MANAGED_H

#include "agent/paths.h"
#include "agent/phase.h"

#define MANAGED_DIR     TRIARCH_STATE_DIR "/host"
#define MANAGED_JOURNAL MANAGED_DIR "/journal.json"

enum managed { MANAGED_KEPT, MANAGED_MADE, MANAGED_CHANGED };

/* Make `path` (under ctx->root) be `data`, and say so: "[host] made F", "[host] changed F" with the lines
 * that went and came. A file made here gets `mode`; one that was there keeps owner and mode, apart from what
 * 0600 forbids (a secret comes into it). In a dry run the lines are printed, and nothing is done. enum
 * managed, or negative errno with *e. */
int managed_put(struct phase_ctx *ctx, const char *phase, const char *path, mode_t mode, const void *data,
                size_t size, struct error *e);
/* As managed_put(), for a file that is triarch's alone: if somebody else made or changed it, -EEXIST with *e
 * that says where. */
int managed_own(struct phase_ctx *ctx, const char *phase, const char *path, mode_t mode, const void *data,
                size_t size, struct error *e);
/* A symbolic link, where nothing is; one to `target` is kept, anything else is -EEXIST. */
int managed_link(struct phase_ctx *ctx, const char *phase, const char *path, const char *target,
                 struct error *e);
/* Put back what `path` was before, if it was changed here (a setting that is no longer wanted). 1: done. */
int managed_drop(struct phase_ctx *ctx, const char *phase, const char *path, struct error *e);
/* What is at `path` (malloc'ed, NUL-terminated); no file: *ret "" and *ret_there false. */
int managed_read(const struct phase_ctx *ctx, const char *path, char **ret, size_t *ret_size, bool *ret_there,
                 struct error *e);

/* Running values: note under (kind, key) what the value was, before it is changed. The first note counts. */
int managed_note(const struct phase_ctx *ctx, const char *kind, const char *key, const char *before,
                 struct error *e);
/* Files that another program writes at our request (firewalld its zones): what `path` is now is kept before
 * the first request, and how the program left it is noted after the last. Where that is still so when
 * `triarch reset` begins, nobody else changed it, and the bytes before come back. */
int managed_guard(const struct phase_ctx *ctx, const char *path, struct error *e);
int managed_guard_seal(const struct phase_ctx *ctx, const char *path, struct error *e);
/* Does the journal have (kind, key)? */
bool managed_noted(const char *root, const char *kind, const char *key);

/* reset: takes back the running values of one kind. 0: done; negative errno: `why` is filled, and it stays a
 * warning. */
struct managed_undoer {
        const char *kind;
        int (*undo)(void *userdata, const char *key, const char *before, struct error *why);
};
/* Everything in the journal, last change first, then the journal itself. Can be killed anywhere and run
 * again. What somebody else changed since is left with a warning, and what it was before laid beside it as
 * FILE.before-triarch. Under a root, files alone. *ret: number of changes taken back. */
int managed_undo(const char *root, const struct managed_undoer *undoers, size_t n, void *userdata,
                 void (*warn)(void *userdata, const char *text), unsigned *ret, struct error *e);

#endif
