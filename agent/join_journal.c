#include "agent/join_journal.h"
#include "agent/jread.h"
#include "agent/paths.h"
#include "agent/rootpath.h"
#include "pki/file.h"
#include <errno.h>
#include <openssl/crypto.h>

#define JOIN_DIR TRIARCH_STATE_DIR "/join"
#define STATE    "state.json"
enum { FILE_MAX = 256 * 1024, STEPS_MAX = 32, JOURNAL_VERSION = 2 };

static int fail(struct error *e, int r, const char *name, const char *what) {
        error_set(e, EXIT_FAILED, "%s: %s", what, strerror(-r));
        if (e)
                snprintf(e->file, sizeof e->file, JOIN_DIR "/%s", name);
        return r;
}

static int path_of(char out[PATH_MAX], const char *root, const char *name) {
        char file[64];

        snprintf(file, sizeof file, JOIN_DIR "/%s", name);
        return root_path(out, root, file);
}

static int make_dirs(const char *root) {
        char path[PATH_MAX];
        int r;

        if ((r = root_path(path, root, TRIARCH_STATE_DIR)) < 0 || (r = pki_mkdir_p(path, 0700)) < 0 ||
            (r = root_path(path, root, JOIN_DIR)) < 0)
                return r;
        return pki_mkdir_p(path, 0700);
}

int join_file_put(const char *root, const char *name, const void *data, size_t size, struct error *e) {
        char path[PATH_MAX];
        int r;

        if ((r = make_dirs(root)) == 0 && (r = path_of(path, root, name)) == 0)
                r = pki_file_write(path, 0600, (gid_t)-1, data, size, 0);
        return r < 0 ? fail(e, r, name, "cannot write the join journal") : 0;
}

int join_file_get(const char *root, const char *name, char **ret, size_t *ret_size, struct error *e) {
        char path[PATH_MAX];
        int r = path_of(path, root, name);

        if (r == 0)
                r = pki_file_read(path, FILE_MAX, ret, ret_size);
        return r < 0 && r != -ENOENT ? fail(e, r, name, "cannot read the join journal") : r;
}

int join_file_remove(const char *root, const char *name, struct error *e) {
        char path[PATH_MAX];
        int r = path_of(path, root, name);

        if (r == 0)
                r = pki_file_remove(path);
        return r < 0 ? fail(e, r, name, "cannot remove from the join journal") : 0;
}

bool join_base_exists(const char *root) {
        char path[PATH_MAX];

        return root_path(path, root, TRIARCH_STATE_DIR) == 0 && access(path, F_OK) == 0;
}

void join_journal_remove(const char *root, bool base_too) {
        static const char *const names[] = { JOIN_BUNDLE, JOIN_CONFIG, JOIN_KEY, STATE };
        char path[PATH_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                join_file_remove(root, names[i], NULL);
        if (root_path(path, root, JOIN_DIR) == 0)
                rmdir(path);
        if (base_too && root_path(path, root, TRIARCH_STATE_DIR) == 0)
                rmdir(path);
}

int join_state_save(const char *root, const struct join_state *s, struct error *e) {
        char key[2 * PKI_X25519_SIZE + 1];
        CLEANUP(jread_decref) json_t *endpoints = json_array(), *o = NULL;
        char *text;
        int r;

        for (size_t i = 0; i < s->n_endpoints; i++)
                if (json_array_append_new(endpoints, json_string(s->endpoints[i])) < 0)
                        return fail(e, -ENOMEM, STATE, "cannot write the join journal");
        hex_encode(s->key, sizeof s->key, key);
        o = json_pack("{s:i, s:s, s:i, s:b, s:s, s:s, s:s, s:i, s:O, s:s, s:s}", "version", JOURNAL_VERSION,
                      "role", enroll_role_name(s->role), "step", (int)s->step, "finished", s->finished,
                      "node", s->node_name, "address", s->address, "cluster", s->cluster_id, "position",
                      (int)s->position, "endpoints", endpoints, "initial_cluster", s->initial_cluster, "key",
                      key);
        OPENSSL_cleanse(key, sizeof key);
        text = o ? json_dumps(o, JSON_INDENT(1)) : NULL;
        if (!text)
                return fail(e, -ENOMEM, STATE, "cannot write the join journal");
        r = join_file_put(root, STATE, text, strlen(text), e);
        pki_wipe_free(text);
        return r;
}

static int endpoints_from_json(const json_t *list, struct join_state *s) {
        for (s->n_endpoints = 0; s->n_endpoints < json_array_size(list); s->n_endpoints++) {
                const json_t *one = json_array_get(list, s->n_endpoints);

                if (!json_is_string(one) || json_string_length(one) >= sizeof s->endpoints[0])
                        return -EBADMSG;
                memcpy(s->endpoints[s->n_endpoints], json_string_value(one), json_string_length(one) + 1);
        }
        return 0;
}

static int state_from_text(const char *text, size_t size, struct join_state *s) {
        CLEANUP(jread_decref) json_t *o = jread_parse(text, size);
        json_t *endpoints = NULL;
        int64_t version, step, position;
        char role[ENROLL_ROLE_SIZE];
        const struct jread_field fields[] = {
                { .name = "version",
                  .type = JREAD_INT,
                  .target = &version,
                  .min = JOURNAL_VERSION,
                  .max = JOURNAL_VERSION },
                { .name = "role", .type = JREAD_STRING, .target = role, .size = sizeof role },
                { .name = "step", .type = JREAD_INT, .target = &step, .max = STEPS_MAX },
                { .name = "finished", .type = JREAD_BOOL, .target = &s->finished },
                { .name = "node", .type = JREAD_STRING, .target = s->node_name, .size = sizeof s->node_name },
                { .name = "address", .type = JREAD_STRING, .target = s->address, .size = sizeof s->address },
                { .name = "cluster",
                  .type = JREAD_STRING,
                  .target = s->cluster_id,
                  .size = sizeof s->cluster_id },
                { .name = "position", .type = JREAD_INT, .target = &position, .max = ETCD_MAX_MEMBERS },
                { .name = "endpoints", .type = JREAD_ARRAY, .target = &endpoints, .size = ETCD_MAX_MEMBERS },
                { .name = "initial_cluster",
                  .type = JREAD_STRING,
                  .target = s->initial_cluster,
                  .size = sizeof s->initial_cluster },
                { .name = "key", .type = JREAD_HEX, .target = s->key, .size = sizeof s->key },
                { 0 },
        };
        int r = jread_object(o, fields, NULL);

        if (r < 0 || (r = enroll_role_parse(role, &s->role)) < 0)
                return r;
        s->step = (unsigned)step;
        s->position = (unsigned)position;
        return endpoints_from_json(endpoints, s);
}

int join_state_load(const char *root, struct join_state *ret, struct error *e) {
        char *text = NULL;
        size_t size;
        int r = join_file_get(root, STATE, &text, &size, e);

        if (r < 0)
                return r;
        r = state_from_text(text, size, ret);
        pki_wipe_free(text);
        return r < 0 ? fail(e, r, STATE, "not a join journal of this version; `triarch reset` starts over")
                     : 0;
}
