#include "agent/token.h"
#include "agent/jread.h"
#include "agent/paths.h"
#include "agent/rootpath.h"
#include "pki/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define TOKEN_LOCK TRIARCH_TOKEN_DIR "/.lock"
enum { TOKEN_FILE_MAX = 16384, TOKEN_VERSION = 2 };

/* Ids reach us from the wire: nothing but six letters and digits may become a file name. */
static bool id_ok(const char *id) {
        return strlen(id) == PKI_TOKEN_ID &&
               strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789") == PKI_TOKEN_ID;
}

static int token_path(char out[PATH_MAX], const char *root, const char *id) {
        char name[sizeof TRIARCH_TOKEN_DIR + PKI_TOKEN_ID + 8];

        if (!id_ok(id))
                return -ENOENT;
        snprintf(name, sizeof name, TRIARCH_TOKEN_DIR "/%.*s.json", PKI_TOKEN_ID, id);
        return root_path(out, root, name);
}

static int fail(struct error *e, const char *file, int r, const char *what) {
        error_set(e, EXIT_FAILED, "%s: %s", what, strerror(-r));
        if (e)
                snprintf(e->file, sizeof e->file, "%s", file);
        return r;
}

/* The file's form: one JSON object. */

static json_t *bindings_to_json(const struct token *t) {
        char hex[2 * PKI_X25519_SIZE + 1];
        json_t *list = json_array();

        for (unsigned i = 0; i < t->n_bound; i++) {
                json_t *one;

                hex_encode(t->bound[i].pub, PKI_X25519_SIZE, hex);
                one = json_pack("{s:s, s:s}", "pub", hex, "node", t->bound[i].node);
                if (json_array_append_new(list, one) < 0) {
                        json_decref(list);
                        return NULL;
                }
        }
        return list;
}

static char *token_to_text(const struct token *t) {
        char hex[2 * PKI_WRAPPED_SIZE + 1];
        CLEANUP(jread_decref) json_t *o = NULL;

        hex_encode(t->wrapped, PKI_WRAPPED_SIZE, hex);
        o = json_pack("{s:i, s:s, s:s, s:s, s:I, s:I, s:i, s:s, s:s, s:o}", "version", TOKEN_VERSION, "id",
                      t->id, "role", enroll_role_name(t->role), "wrapped", hex, "created",
                      (json_int_t)t->created_s, "expires", (json_int_t)t->expires_s, "uses",
                      (int)t->uses_left, "node", t->node, "address", t->address, "bound",
                      bindings_to_json(t));
        return o ? json_dumps(o, JSON_INDENT(1)) : NULL;
}

static int bindings_from_json(const json_t *list, struct token *t) {
        int r;

        for (t->n_bound = 0; t->n_bound < json_array_size(list); t->n_bound++) {
                struct token_binding *b = &t->bound[t->n_bound];
                const struct jread_field fields[] = {
                        { .name = "pub", .type = JREAD_HEX, .target = b->pub, .size = sizeof b->pub },
                        { .name = "node", .type = JREAD_STRING, .target = b->node, .size = sizeof b->node },
                        { 0 },
                };

                if ((r = jread_object(json_array_get(list, t->n_bound), fields, NULL)) < 0)
                        return r;
        }
        return 0;
}

static int token_from_text(const char *text, size_t size, struct token *t) {
        CLEANUP(jread_decref) json_t *o = jread_parse(text, size);
        json_t *bound = NULL;
        char role[ENROLL_ROLE_SIZE];
        int64_t version, uses;
        const struct jread_field fields[] = {
                { .name = "version",
                  .type = JREAD_INT,
                  .target = &version,
                  .min = TOKEN_VERSION,
                  .max = TOKEN_VERSION },
                { .name = "role", .type = JREAD_STRING, .target = role, .size = sizeof role },
                { .name = "id", .type = JREAD_STRING, .target = t->id, .size = sizeof t->id },
                { .name = "wrapped", .type = JREAD_HEX, .target = t->wrapped, .size = sizeof t->wrapped },
                { .name = "created", .type = JREAD_INT, .target = &t->created_s, .max = INT64_MAX },
                { .name = "expires", .type = JREAD_INT, .target = &t->expires_s, .max = INT64_MAX },
                { .name = "uses", .type = JREAD_INT, .target = &uses, .max = TOKEN_MAX_USES },
                { .name = "node", .type = JREAD_STRING, .target = t->node, .size = sizeof t->node },
                { .name = "address", .type = JREAD_STRING, .target = t->address, .size = sizeof t->address },
                { .name = "bound", .type = JREAD_ARRAY, .target = &bound, .size = TOKEN_MAX_USES },
                { 0 },
        };
        int r = jread_object(o, fields, NULL);

        if (r < 0 || (r = enroll_role_parse(role, &t->role)) < 0)
                return r;
        t->uses_left = (unsigned)uses;
        return bindings_from_json(bound, t);
}

/* The store. */

static int lock_store(const char *root, int *ret_fd, struct error *e) {
        char base[PATH_MAX], dir[PATH_MAX], lock[PATH_MAX];
        int fd, r;

        if ((r = root_path(base, root, TRIARCH_STATE_DIR)) < 0 ||
            (r = root_path(dir, root, TRIARCH_TOKEN_DIR)) < 0 || (r = root_path(lock, root, TOKEN_LOCK)) < 0)
                return fail(e, root, r, "the path is too long");
        if ((r = pki_mkdir_p(base, 0700)) < 0 || (r = pki_mkdir_p(dir, 0700)) < 0)
                return fail(e, dir, r, "cannot make the directory");
        fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return fail(e, lock, -errno, "cannot open the lock file");
        while (flock(fd, LOCK_EX) < 0)
                if (errno != EINTR) {
                        r = -errno;
                        close(fd);
                        return fail(e, lock, r, "cannot lock the token store");
                }
        *ret_fd = fd;
        return 0;
}

static int token_store(const char *root, const struct token *t, unsigned flags, struct error *e) {
        CLEANUP(freep) char *text = token_to_text(t);
        char path[PATH_MAX];
        int r;

        if (!text)
                return fail(e, "", -ENOMEM, "cannot write the token");
        if ((r = token_path(path, root, t->id)) < 0)
                return fail(e, root, r, "cannot name the token's file");
        r = pki_file_write(path, 0600, (gid_t)-1, text, strlen(text), flags);
        return r < 0 && r != -EEXIST ? fail(e, path, r, "cannot write the token") : r;
}

int token_get(const char *root, const char *id, struct token *ret, struct error *e) {
        CLEANUP(freep) char *text = NULL;
        char path[PATH_MAX];
        size_t size;
        int r = token_path(path, root, id);

        if (r == 0)
                r = pki_file_read(path, TOKEN_FILE_MAX, &text, &size);
        if (r == -ENOENT) {
                error_set(e, EXIT_FAILED,
                          "there is no token \"%.32s\" on this master; `triarch token list` "
                          "tells those there are",
                          id);
                return -ENOENT;
        }
        if (r < 0)
                return fail(e, path, r, "cannot read the token");
        if ((r = token_from_text(text, size, ret)) < 0 || strcmp(ret->id, id) != 0)
                return fail(e, path, -EBADMSG, "this is no token's file; remove it");
        return 0;
}

static int is_token_file(const struct dirent *d) {
        char id[PKI_TOKEN_ID + 1];

        if (strlen(d->d_name) != PKI_TOKEN_ID + 5 || strcmp(d->d_name + PKI_TOKEN_ID, ".json") != 0)
                return 0;
        memcpy(id, d->d_name, PKI_TOKEN_ID);
        id[PKI_TOKEN_ID] = '\0';
        return id_ok(id);
}

int token_list(const char *root, int (*fn)(void *userdata, const struct token *t), void *userdata,
               struct error *e) {
        struct dirent **names = NULL;
        char dir[PATH_MAX];
        int n, r = 0;

        if (root_path(dir, root, TRIARCH_TOKEN_DIR) < 0)
                return fail(e, root, -ENAMETOOLONG, "the path is too long");
        n = scandir(dir, &names, is_token_file, alphasort);
        if (n < 0)
                return errno == ENOENT ? 0 : fail(e, dir, -errno, "cannot read the directory");
        for (int i = 0; i < n; i++) {
                struct token t = { 0 };

                names[i]->d_name[PKI_TOKEN_ID] = '\0';
                if (r >= 0)
                        r = token_get(root, names[i]->d_name, &t, e);
                if (r == -ENOENT) /* deleted while we looked */
                        r = 0;
                else if (r >= 0)
                        r = fn(userdata, &t);
                free(names[i]);
        }
        free(names);
        return r < 0 ? r : 0;
}

int token_delete(const char *root, const char *id, struct error *e) {
        CLEANUP(closep) int lock = -1;
        char path[PATH_MAX];
        struct token t;
        int r;

        /* Before the lock, too, which would make the directory. */
        if ((r = token_get(root, id, &t, e)) == -ENOENT || (r = lock_store(root, &lock, e)) < 0)
                return r;
        r = token_get(root, id, &t, e);
        if (r < 0 && r != -EBADMSG) /* a broken file can be deleted too */
                return r;
        if ((r = token_path(path, root, id)) < 0 || (r = pki_file_remove(path)) < 0)
                return fail(e, path, r, "cannot delete the token");
        return 0;
}

struct purge {
        const char *root;
        int64_t now_s;
};

static int purge_one(void *userdata, const struct token *t) {
        const struct purge *p = userdata;
        char path[PATH_MAX];

        if (t->expires_s > p->now_s)
                return 0;
        return token_path(path, p->root, t->id) < 0 ? 0 : pki_file_remove(path);
}

static int token_fill(struct token *t, const char *ca_key_path, const char *token, struct error *e) {
        uint8_t kp[PKI_KP_SIZE];
        int r;

        memcpy(t->id, token, PKI_TOKEN_ID);
        r = pki_token_kp(token, kp);
        if (r == 0)
                r = pki_kp_wrap(ca_key_path, t->id, kp, t->wrapped);
        OPENSSL_cleanse(kp, sizeof kp);
        return r < 0 ? fail(e, ca_key_path, r, "cannot protect the token with the CA's key") : 0;
}

/* Masters get the CA's key when they join, and workers a certificate that it signs. */
static int check_ca_key(const char *path, struct error *e) {
        if (access(path, F_OK) == 0 || errno != ENOENT)
                return 0;
        error_at(e, path, 0, 0,
                 "it is not here, so the CA is an external one, with which no machine can join by triarch: a "
                 "master needs the key, a worker its signature. Put it here, or have the CA sign for each "
                 "further machine and set that up with kubeadm");
        return -ENOENT;
}

int token_create(const char *root, const char *ca_key_path, enum enroll_role role, unsigned ttl_s,
                 unsigned uses, const char *node, const char *address, char out[PKI_TOKEN_SIZE],
                 struct error *e) {
        CLEANUP(closep) int lock = -1;
        struct token t = { .role = role, .uses_left = uses, .created_s = time(NULL) };
        struct purge purge = { root, t.created_s };
        int r;

        if (uses < 1 || uses > TOKEN_MAX_USES)
                return error_set(e, EXIT_INPUT, "uses %u: give 1 to %d", uses, TOKEN_MAX_USES);
        if ((r = check_ca_key(ca_key_path, e)) < 0)
                return r;
        t.expires_s = t.created_s + ttl_s;
        snprintf(t.node, sizeof t.node, "%s", node ? node : "");
        snprintf(t.address, sizeof t.address, "%s", address ? address : "");
        if ((r = lock_store(root, &lock, e)) < 0 || (r = token_list(root, purge_one, &purge, e)) < 0)
                return r;
        do { /* -EEXIST: the id is taken; 36^6 of them, so once more is enough */
                if ((r = pki_token_generate(out)) < 0)
                        return fail(e, "", r, "cannot get random bytes");
                if ((r = token_fill(&t, ca_key_path, out, e)) == 0)
                        r = token_store(root, &t, PKI_FILE_EXCL, e);
        } while (r == -EEXIST);
        if (r < 0)
                OPENSSL_cleanse(out, PKI_TOKEN_SIZE);
        return r;
}

bool token_was_used_by(const struct token *t, const char *node, const uint8_t pub[PKI_X25519_SIZE]) {
        for (unsigned i = 0; i < t->n_bound; i++)
                if (!memcmp(t->bound[i].pub, pub, PKI_X25519_SIZE) && !strcmp(t->bound[i].node, node))
                        return true;
        return false;
}

int token_usable(const struct token *t, int64_t now_s, const char *node, const char *address,
                 const uint8_t pub[PKI_X25519_SIZE], struct error *e) {
        if (now_s >= t->expires_s) {
                error_set(e, EXIT_FAILED,
                          "the token %s has expired; make a new one with `triarch token "
                          "create --print-join-command` on a master",
                          t->id);
                return -EKEYEXPIRED;
        }
        if (*t->node && strcmp(t->node, node) != 0) {
                error_set(e, EXIT_FAILED, "the token %s is for the node %s, not for %s", t->id, t->node,
                          node);
                return -EPERM;
        }
        if (*t->address && strcmp(t->address, address) != 0) {
                error_set(e, EXIT_FAILED, "the token %s is for the address %s, not for %s", t->id, t->address,
                          address);
                return -EPERM;
        }
        if (token_was_used_by(t, node, pub))
                return 0;
        if (t->uses_left == 0 || t->n_bound == TOKEN_MAX_USES) {
                error_set(e, EXIT_FAILED,
                          "the token %s is used up; make a new one with `triarch token create "
                          "--print-join-command` on a master",
                          t->id);
                return -EDQUOT;
        }
        return 0;
}

int token_consume(const char *root, const char *id, int64_t now_s, const char *node, const char *address,
                  const uint8_t pub[PKI_X25519_SIZE], struct error *e) {
        CLEANUP(closep) int lock = -1;
        struct token_binding *b;
        struct token t;
        int r;

        if ((r = lock_store(root, &lock, e)) < 0 || (r = token_get(root, id, &t, e)) < 0 ||
            (r = token_usable(&t, now_s, node, address, pub, e)) < 0)
                return r;
        if (token_was_used_by(&t, node, pub))
                return 0;
        b = &t.bound[t.n_bound++];
        memcpy(b->pub, pub, PKI_X25519_SIZE);
        snprintf(b->node, sizeof b->node, "%s", node);
        t.uses_left--;
        return token_store(root, &t, 0, e);
}
