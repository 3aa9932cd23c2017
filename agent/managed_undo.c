#include "agent/managed.h"
#include "agent/managed_priv.h"
#include "agent/paths.h"
#include "agent/rootpath.h"
#include "pki/file.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* What is at the path now: its digest ("": nothing), its mode and owner. */
static int digest_of(const char *real, char ret[MANAGED_DIGEST], struct stat *st) {
        CLEANUP(freep) char *text = NULL;
        size_t size = 0;
        int r;

        *ret = '\0';
        *st = (struct stat){ 0 };
        if (lstat(real, st) < 0)
                return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
        if (!S_ISREG(st->st_mode))
                return -ESTALE;
        r = pki_file_read(real, MANAGED_FILE_MAX, &text, &size);
        if (r < 0)
                return r;
        managed_digest(text, size, ret);
        return 0;
}

static int read_copy(const char *root, const struct managed_entry *x, char **ret, size_t *ret_size,
                     struct error *e) {
        char path[PATH_MAX], digest[MANAGED_DIGEST];
        int r = root_path_below(path, root, MANAGED_DIR, x->before);

        if (r == 0)
                r = pki_file_read(path, MANAGED_FILE_MAX, ret, ret_size);
        if (r < 0)
                return managed_failed(e, r, x->before, "the copy of what was changed cannot be read");
        managed_digest(*ret, *ret_size, digest);
        return strcmp(digest, x->was) ? managed_failed(e, -EBADMSG, x->before, "this copy is damaged") : 0;
}

static int put_back(const char *root, const char *real, const struct managed_entry *x, struct error *e) {
        CLEANUP(freep) char *text = NULL;
        size_t size = 0;
        int r;

        if ((r = read_copy(root, x, &text, &size, e)) < 0)
                return r;
        r = pki_file_write(real, x->mode, x->gid, text, size, 0);
        if (r == 0 && x->uid != geteuid() && chown(real, x->uid, (gid_t)-1) < 0)
                r = -errno;
        return r < 0 ? managed_failed(e, r, x->key, "cannot be put back") : 1;
}

/* Of a run that was killed while it wrote the file (pki/file.h). */
static int remove_temp(const char *real) {
        char temp[PATH_MAX];
        const char *name = strrchr(real, '/') + 1;
        int n = snprintf(temp, sizeof temp, "%.*s.%s.triarch", (int)(name - real), real, name);

        return n < (int)sizeof temp ? pki_file_remove(temp) : -ENAMETOOLONG;
}

static bool as_before(const struct managed_entry *x, const char *now, const struct stat *st) {
        return !strcmp(now, x->was) &&
               (!*now || ((st->st_mode & 07777) == x->mode && st->st_uid == x->uid && st->st_gid == x->gid));
}

static int undo_file(const char *root, const char *real, const struct managed_entry *x, struct error *e) {
        char now[MANAGED_DIGEST] = "";
        struct stat st = { 0 };
        int r = remove_temp(real);

        if (r == 0)
                r = digest_of(real, now, &st);
        if (r == -ESTALE)
                return r;
        if (r < 0)
                return managed_failed(e, r, x->key, "cannot be read");
        if (as_before(x, now, &st))
                return 0;
        if (*now && strcmp(now, x->was) != 0 && strcmp(now, x->wrote) != 0 && strcmp(now, x->replaced) != 0)
                return -ESTALE;
        if (*x->was) /* also when it was deleted since: the machine had it */
                return put_back(root, real, x, e);
        r = pki_file_remove(real);
        return r < 0 ? managed_failed(e, r, x->key, "cannot be removed") : 1;
}

static int undo_link(const char *real, const struct managed_entry *x, struct error *e) {
        char have[PATH_MAX] = "";
        ssize_t n = readlink(real, have, sizeof have - 1);
        int r;

        if (n < 0)
                return errno == ENOENT || errno == ENOTDIR ? 0 : -ESTALE;
        have[n] = '\0';
        if (strcmp(have, x->wrote) != 0)
                return -ESTALE;
        r = pki_file_remove(real);
        return r < 0 ? managed_failed(e, r, x->key, "cannot be removed") : 1;
}

int managed_undo_path(const char *root, const struct managed_entry *x, struct error *e) {
        char real[PATH_MAX];

        if (root_path(real, root, x->key) < 0)
                return managed_failed(e, -ENAMETOOLONG, x->key, "cannot be put back");
        if (!strcmp(x->kind, MANAGED_LINK))
                return undo_link(real, x, e);
        if (!strcmp(x->kind, MANAGED_SUBDIR)) {
                rmdir(real); /* somebody else's files may be in it by now */
                return 0;
        }
        return undo_file(root, real, x, e);
}

struct undoing {
        const char *root;
        const struct managed_undoer *undoers;
        size_t n_undoers;
        void *userdata;
        void (*warn)(void *userdata, const char *text);
        unsigned done;
};

/* The change of somebody else stays; what was there before lies beside it from now on. */
static int leave(struct undoing *u, const struct managed_entry *x, struct error *e) {
        CLEANUP(freep) char *text = NULL;
        char real[PATH_MAX], beside[MANAGED_KEY + 32], message[3 * MANAGED_KEY];
        size_t size = 0;
        int r;

        snprintf(beside, sizeof beside, "%s.before-triarch", x->key);
        if (*x->was) {
                if ((r = read_copy(u->root, x, &text, &size, e)) < 0)
                        return r;
                if ((r = root_path(real, u->root, beside)) == 0)
                        r = pki_file_write(real, x->mode & 0600, (gid_t)-1, text, size, 0);
                if (r < 0)
                        return managed_failed(e, r, beside, "cannot be written");
        }
        snprintf(message, sizeof message,
                 "%s was changed by somebody else since triarch changed it, and is left as it is%s%s", x->key,
                 *x->was ? "; what it was before is in " : "", *x->was ? beside : "");
        u->warn(u->userdata, message);
        return 0;
}

static bool is_path(const struct managed_entry *x) {
        return !strcmp(x->kind, MANAGED_FILE) || !strcmp(x->kind, MANAGED_LINK) ||
               !strcmp(x->kind, MANAGED_SUBDIR);
}

static int undo_paths(struct undoing *u, const struct managed_journal *j, struct error *e) {
        for (size_t i = j->n; i-- > 0;) {
                const struct managed_entry *x = &j->v[i];
                int r;

                if (!is_path(x))
                        continue;
                r = managed_undo_path(u->root, x, e);
                if (r == -ESTALE)
                        r = leave(u, x, e);
                if (r < 0)
                        return r;
                u->done += (unsigned)r;
        }
        return 0;
}

/* In the undoers' order: a unit is started again when the running values are as they were. */
static void undo_values(struct undoing *u, const struct managed_journal *j) {
        for (size_t k = 0; k < u->n_undoers && !*u->root; k++)
                for (size_t i = j->n; i-- > 0;) {
                        const struct managed_entry *x = &j->v[i];
                        struct error why = { 0 };

                        if (strcmp(x->kind, u->undoers[k].kind) != 0)
                                continue;
                        if (u->undoers[k].undo(u->userdata, x->key, x->before, &why) < 0)
                                u->warn(u->userdata, why.message);
                        else
                                u->done++;
                }
}

/* Those whose file is as we left it; asked before the other program undoes anything. */
static void find_intact(const char *root, struct managed_journal *j) {
        char real[PATH_MAX], now[MANAGED_DIGEST];
        struct stat st;

        for (size_t i = 0; i < j->n; i++) {
                struct managed_entry *x = &j->v[i];

                if (!strcmp(x->kind, MANAGED_GUARD) &&
                    (root_path(real, root, x->key) < 0 || digest_of(real, now, &st) < 0 ||
                     strcmp(now, x->wrote) != 0))
                        *x->kind = '\0'; /* in memory alone */
        }
}

static int undo_guards(const char *root, const struct managed_journal *j, struct error *e) {
        char real[PATH_MAX];
        int r = 0;

        for (size_t i = 0; i < j->n && r >= 0; i++) {
                const struct managed_entry *x = &j->v[i];

                if (strcmp(x->kind, MANAGED_GUARD) != 0 || root_path(real, root, x->key) < 0)
                        continue;
                r = *x->was ? put_back(root, real, x, e) : pki_file_remove(real);
        }
        return r < 0 ? r : 0;
}

/* The journal goes before the copies: without it they are rubbish, without them it is useless. */
static int forget(const char *root, const struct managed_journal *j, struct error *e) {
        char path[PATH_MAX];
        int r = root_path(path, root, MANAGED_JOURNAL);

        if (r == 0)
                r = pki_file_remove(path);
        for (size_t i = 0; i < j->n && r == 0; i++)
                if (*j->v[i].was && (r = root_path_below(path, root, MANAGED_DIR, j->v[i].before)) == 0)
                        r = pki_file_remove(path);
        if (r == 0 && root_path(path, root, MANAGED_DIR) == 0)
                rmdir(path);
        return r < 0 ? managed_failed(e, r, MANAGED_DIR, "cannot be removed") : 0;
}

int managed_undo(const char *root, const struct managed_undoer *undoers, size_t n, void *userdata,
                 void (*warn)(void *userdata, const char *text), unsigned *ret, struct error *e) {
        CLEANUP(managed_journal_done) struct managed_journal j = { 0 };
        struct undoing u = { root, undoers, n, userdata, warn, 0 };
        int r;

        *ret = 0;
        if ((r = managed_journal_load(root, &j, e)) < 0)
                return r;
        find_intact(root, &j);
        if ((r = undo_paths(&u, &j, e)) < 0)
                return r;
        undo_values(&u, &j);
        if ((r = undo_guards(root, &j, e)) < 0)
                return managed_failed(e, r, MANAGED_DIR, "what was kept cannot be put back");
        *ret = u.done;
        return forget(root, &j, e);
}
