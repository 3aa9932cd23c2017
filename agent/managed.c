#include "agent/managed.h"
#include "agent/diff.h"
#include "agent/managed_priv.h"
#include "agent/paths.h"
#include "agent/rootpath.h"
#include "pki/file.h"
#include <errno.h>
#include <sys/stat.h>

/* What is at a path, seen once. */
struct seen {
        char *text; /* "" when nothing is there */
        size_t size;
        bool there;
        struct stat st;
        char digest[MANAGED_DIGEST]; /* "" when nothing is there */
};

static void seen_done(struct seen *s) {
        free(s->text);
}

/* One change on its way. */
struct change {
        struct phase_ctx *ctx;
        const char *phase, *path;
        mode_t mode;
        const void *data;
        size_t size;
        bool own;
};

static int look(const struct phase_ctx *ctx, const char *path, struct seen *ret, struct error *e) {
        char real[PATH_MAX];
        int r;

        if (!phase_path(ctx, path, real))
                return managed_failed(e, -ENAMETOOLONG, path, "cannot be read");
        if (lstat(real, &ret->st) < 0) {
                if (errno != ENOENT && errno != ENOTDIR)
                        return managed_failed(e, -errno, path, "cannot be read");
                ret->text = calloc(1, 1);
                return ret->text ? 0 : -ENOMEM;
        }
        if (!S_ISREG(ret->st.st_mode)) {
                error_set(e, EXIT_FAILED,
                          "is no regular file but a %s, through which nothing is written; put a file in its "
                          "place, or leave the phase out (--skip-phases) and set by hand what it would",
                          S_ISLNK(ret->st.st_mode) ? "link" : "directory or device");
                if (e)
                        snprintf(e->file, sizeof e->file, "%s", path);
                return -EINVAL;
        }
        if ((r = pki_file_read(real, MANAGED_FILE_MAX, &ret->text, &ret->size)) < 0)
                return managed_failed(e, r, path, "cannot be read");
        ret->there = true;
        managed_digest(ret->text, ret->size, ret->digest);
        return 0;
}

int managed_read(const struct phase_ctx *ctx, const char *path, char **ret, size_t *ret_size, bool *ret_there,
                 struct error *e) {
        CLEANUP(seen_done) struct seen s = { 0 };
        int r = look(ctx, path, &s, e);

        if (r < 0)
                return r;
        *ret = TAKE_PTR(s.text);
        *ret_size = s.size;
        *ret_there = s.there;
        return 0;
}

/* The directories that are to be made, the outermost first, so that undoing goes the other way round. */
static int note_dirs(const struct phase_ctx *ctx, struct managed_journal *j, const char *path,
                     struct error *e) {
        char dir[PATH_MAX], real[PATH_MAX];

        for (const char *s = strchr(path + 1, '/'); s; s = strchr(s + 1, '/')) {
                snprintf(dir, sizeof dir, "%.*s", (int)(s - path), path);
                if (!phase_path(ctx, dir, real))
                        return managed_failed(e, -ENAMETOOLONG, path, "cannot be made");
                if (access(real, F_OK) < 0 && !managed_journal_find(j, MANAGED_SUBDIR, dir) &&
                    !managed_journal_add(j, MANAGED_SUBDIR, dir, e))
                        return -EIO;
        }
        return 0;
}

/* The copy is on disk before the journal says that there is one. */
static int keep_copy(const struct phase_ctx *ctx, struct managed_entry *x, const struct seen *s,
                     struct error *e) {
        char dir[PATH_MAX], path[PATH_MAX];
        int r;

        if ((r = root_path(dir, ctx->root, TRIARCH_STATE_DIR)) < 0 || (r = pki_mkdir_p(dir, 0700)) < 0 ||
            (r = root_path(dir, ctx->root, MANAGED_DIR)) < 0 || (r = pki_mkdir_p(dir, 0700)) < 0)
                return managed_failed(e, r, MANAGED_DIR, "cannot be made; nothing was changed");
        snprintf(x->before, sizeof x->before, "%.16s.before", s->digest);
        if ((r = root_path_below(path, ctx->root, MANAGED_DIR, x->before)) == 0)
                r = pki_file_write(path, 0600, (gid_t)-1, s->text, s->size, 0);
        if (r < 0)
                return managed_failed(e, r, x->key, "a copy of it cannot be kept, so it was not changed");
        x->mode = s->st.st_mode & 07777;
        x->uid = s->st.st_uid;
        x->gid = s->st.st_gid;
        snprintf(x->was, sizeof x->was, "%s", s->digest);
        return 0;
}

/* Once there is something of somebody else's in it, it stays his. */
static bool is_mixed(const struct managed_entry *x, const struct seen *s) {
        if (*x->wrote == *MANAGED_MIXED)
                return true;
        return s->there && *x->wrote && strcmp(s->digest, x->wrote) != 0 &&
               strcmp(s->digest, x->replaced) != 0 && strcmp(s->digest, x->was) != 0;
}

static int note(const struct change *c, const struct seen *s, struct error *e) {
        CLEANUP(managed_journal_done) struct managed_journal j = { 0 };
        struct managed_entry *x;
        char digest[MANAGED_DIGEST], wrote[MANAGED_DIGEST + 1];
        size_t before;
        int r;

        if ((r = managed_journal_load(c->ctx->root, &j, e)) < 0)
                return r;
        before = j.n;
        if ((r = note_dirs(c->ctx, &j, c->path, e)) < 0)
                return r;
        if (!(x = managed_journal_find(&j, MANAGED_FILE, c->path))) {
                if (!(x = managed_journal_add(&j, MANAGED_FILE, c->path, e)))
                        return -EIO;
                if (s->there && (r = keep_copy(c->ctx, x, s, e)) < 0)
                        return r;
        }
        managed_digest(c->data, c->size, digest);
        snprintf(wrote, sizeof wrote, "%s%s", is_mixed(x, s) ? MANAGED_MIXED : "", digest);
        if (j.n == before && !strcmp(x->wrote, wrote) && !strcmp(x->replaced, s->digest))
                return 0; /* made again after somebody deleted it */
        snprintf(x->replaced, sizeof x->replaced, "%s", *wrote == *MANAGED_MIXED ? "" : s->digest);
        snprintf(x->wrote, sizeof x->wrote, "%s", wrote);
        return managed_journal_save(c->ctx->root, &j, e);
}

/* A file that was there keeps its owner; rename(2) would give it ours. */
static int write_file(const struct change *c, const struct seen *s, mode_t mode) {
        char real[PATH_MAX], dir[PATH_MAX];
        int r;

        phase_path(c->ctx, c->path, real);
        snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(real, '/') - real), real);
        if ((r = pki_mkdir_p(dir, 0755)) < 0)
                return r;
        r = pki_file_write(real, mode, s->there ? s->st.st_gid : (gid_t)-1, c->data, c->size,
                           s->there ? 0 : PKI_FILE_EXCL);
        if (r == 0 && s->there && s->st.st_uid != geteuid() && chown(real, s->st.st_uid, (gid_t)-1) < 0)
                r = -errno;
        return r;
}

static void tell(const struct change *c, const struct seen *s, bool dry) {
        printf("[%s] %s%s %s\n", c->phase, dry ? "would have " : "", s->there ? "changed" : "made", c->path);
        if (s->there || dry)
                diff_print(stdout, "    ", s->text, c->data);
        fflush(stdout);
}

/* Is what is there what we wrote, or was about to be overwritten by us? */
static int check_ours(const struct change *c, const struct seen *s, struct error *e) {
        CLEANUP(managed_journal_done) struct managed_journal j = { 0 };
        const struct managed_entry *x;
        int r = managed_journal_load(c->ctx->root, &j, e);

        if (r < 0)
                return r;
        x = managed_journal_find(&j, MANAGED_FILE, c->path);
        if (x && (!strcmp(x->wrote, s->digest) || !strcmp(x->replaced, s->digest)))
                return 0;
        error_set(e, EXIT_FAILED,
                  x ? "was changed since triarch wrote it; nothing was overwritten: put your settings into a "
                      "file of another name, and move this one away to have it made again"
                    : "is there, and triarch did not write it; nothing was overwritten: move it away, or put "
                      "your settings into a file of another name");
        if (e)
                snprintf(e->file, sizeof e->file, "%s", c->path);
        return -EEXIST;
}

static int put(const struct change *c, struct error *e) {
        CLEANUP(seen_done) struct seen s = { 0 };
        mode_t mode = c->mode;
        int r = look(c->ctx, c->path, &s, e);

        if (r < 0)
                return r;
        if (s.there)
                mode = s.st.st_mode & 07777 & (c->mode == 0600 ? 07700 : 07777);
        if (s.there && s.size == c->size && !memcmp(s.text, c->data, c->size) &&
            mode == (s.st.st_mode & 07777)) {
                phase_report(c->ctx, c->phase, false, c->path);
                return MANAGED_KEPT;
        }
        if (s.there && c->own && (r = check_ours(c, &s, e)) < 0)
                return r;
        if (c->ctx->config->dry_run) {
                c->ctx->made++;
                tell(c, &s, true);
                return s.there ? MANAGED_CHANGED : MANAGED_MADE;
        }
        if ((r = note(c, &s, e)) < 0)
                return r;
        if ((r = write_file(c, &s, mode)) < 0)
                return managed_failed(e, r, c->path, "cannot be written");
        c->ctx->made++;
        tell(c, &s, false);
        return s.there ? MANAGED_CHANGED : MANAGED_MADE;
}

int managed_put(struct phase_ctx *ctx, const char *phase, const char *path, mode_t mode, const void *data,
                size_t size, struct error *e) {
        return put(&(struct change){ ctx, phase, path, mode, data, size, false }, e);
}

int managed_own(struct phase_ctx *ctx, const char *phase, const char *path, mode_t mode, const void *data,
                size_t size, struct error *e) {
        return put(&(struct change){ ctx, phase, path, mode, data, size, true }, e);
}

static int make_link(const struct phase_ctx *ctx, const char *path, const char *real, const char *target,
                     struct error *e) {
        CLEANUP(managed_journal_done) struct managed_journal j = { 0 };
        struct managed_entry *x;
        char dir[PATH_MAX];
        int r;

        if ((r = managed_journal_load(ctx->root, &j, e)) < 0 || (r = note_dirs(ctx, &j, path, e)) < 0)
                return r;
        x = managed_journal_find(&j, MANAGED_LINK, path);
        if (!x && !(x = managed_journal_add(&j, MANAGED_LINK, path, e)))
                return -EIO;
        snprintf(x->wrote, sizeof x->wrote, "%s", target);
        if ((r = managed_journal_save(ctx->root, &j, e)) < 0)
                return r;
        snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(real, '/') - real), real);
        if ((r = pki_mkdir_p(dir, 0755)) < 0 || (r = pki_symlink(target, real)) < 0)
                return managed_failed(e, r, path, "cannot be made");
        return 0;
}

int managed_link(struct phase_ctx *ctx, const char *phase, const char *path, const char *target,
                 struct error *e) {
        char real[PATH_MAX], have[PATH_MAX];
        ssize_t n;
        int r;

        if (!phase_path(ctx, path, real))
                return managed_failed(e, -ENAMETOOLONG, path, "cannot be made");
        n = readlink(real, have, sizeof have - 1);
        have[n > 0 ? n : 0] = '\0';
        if (n > 0 && !strcmp(have, target)) {
                phase_report(ctx, phase, false, path);
                return MANAGED_KEPT;
        }
        if (n > 0 || errno != ENOENT)
                return managed_failed(e, -EEXIST, path, "is there and no link of triarch's; move it away");
        if (ctx->config->dry_run) {
                ctx->made++;
                printf("[%s] would have made %s, a link to %s\n", phase, path, target);
                return MANAGED_MADE;
        }
        if ((r = make_link(ctx, path, real, target, e)) < 0)
                return r;
        phase_report(ctx, phase, true, path);
        return MANAGED_MADE;
}

int managed_drop(struct phase_ctx *ctx, const char *phase, const char *path, struct error *e) {
        CLEANUP(managed_journal_done) struct managed_journal j = { 0 };
        struct managed_entry *x;
        int r;

        if ((r = managed_journal_load(ctx->root, &j, e)) < 0)
                return r;
        if (!(x = managed_journal_find(&j, MANAGED_FILE, path)) &&
            !(x = managed_journal_find(&j, MANAGED_LINK, path)))
                return 0;
        if (ctx->config->dry_run) {
                printf("[%s] would have put back %s\n", phase, path);
                return 1;
        }
        if ((r = managed_undo_path(ctx->root, x, e)) == -ESTALE)
                return managed_failed(e, r, path,
                                      "is no longer wanted, but was changed since triarch wrote it; put back "
                                      "by hand what it was");
        if (r < 0)
                return r;
        managed_journal_remove(&j, x);
        if ((r = managed_journal_save(ctx->root, &j, e)) < 0)
                return r;
        ctx->made++;
        printf("[%s] put back %s\n", phase, path);
        return 1;
}

/* seal: what is there now was written at our request. */
static int guard(const struct phase_ctx *ctx, const char *path, bool seal, struct error *e) {
        CLEANUP(managed_journal_done) struct managed_journal j = { 0 };
        CLEANUP(seen_done) struct seen s = { 0 };
        struct managed_entry *x;
        int r;

        if ((r = look(ctx, path, &s, e)) < 0 || (r = managed_journal_load(ctx->root, &j, e)) < 0)
                return r;
        x = managed_journal_find(&j, MANAGED_GUARD, path);
        if (x ? !seal : seal) /* nothing was to be guarded, or it is already */
                return 0;
        if (!x) {
                if (!(x = managed_journal_add(&j, MANAGED_GUARD, path, e)))
                        return -EIO;
                if (s.there && (r = keep_copy(ctx, x, &s, e)) < 0)
                        return r;
        }
        snprintf(x->wrote, sizeof x->wrote, "%s", s.digest);
        return managed_journal_save(ctx->root, &j, e);
}

int managed_guard(const struct phase_ctx *ctx, const char *path, struct error *e) {
        return guard(ctx, path, false, e);
}

int managed_guard_seal(const struct phase_ctx *ctx, const char *path, struct error *e) {
        return guard(ctx, path, true, e);
}

int managed_note(const struct phase_ctx *ctx, const char *kind, const char *key, const char *before,
                 struct error *e) {
        CLEANUP(managed_journal_done) struct managed_journal j = { 0 };
        struct managed_entry *x;
        int r;

        if ((r = managed_journal_load(ctx->root, &j, e)) < 0)
                return r;
        if (managed_journal_find(&j, kind, key))
                return 0;
        if (!(x = managed_journal_add(&j, kind, key, e)))
                return -EIO;
        snprintf(x->before, sizeof x->before, "%s", before);
        return managed_journal_save(ctx->root, &j, e);
}

bool managed_noted(const char *root, const char *kind, const char *key) {
        CLEANUP(managed_journal_done) struct managed_journal j = { 0 };

        return managed_journal_load(root, &j, NULL) == 0 && managed_journal_find(&j, kind, key);
}
