#include "agent/registry_auth.h"
#include "agent/jread.h"
#include "pki/base64.h"
#include "pki/file.h"
#include <errno.h>

enum { MAX_FILE = 1 << 20 };

struct entry {
        char *place; /* "registry.example:5000/team" */
        struct registry_auth auth;
};
struct registry_auths {
        struct entry *items;
        size_t n;
};

static void auth_done(struct registry_auth *a) {
        pki_wipe_free(a->username);
        pki_wipe_free(a->password);
        pki_wipe_free(a->identity_token);
}

void registry_auths_free(struct registry_auths *a) {
        if (!a)
                return;
        for (size_t i = 0; i < a->n; i++) {
                free(a->items[i].place);
                auth_done(&a->items[i].auth);
        }
        free(a->items);
        free(a);
}

/* "https://index.docker.io/v1/" and "HOST/" are how others have written it. */
static char *place_of(const char *key) {
        const char *p = strstr(key, "://");
        char *place;
        size_t n;

        p = p ? p + 3 : key;
        if (!strncmp(p, "index.docker.io", strlen("index.docker.io")))
                return strdup("docker.io");
        n = strlen(p);
        while (n && p[n - 1] == '/')
                n--;
        if ((place = strndup(p, n)) && n > 3 &&
            (!strcmp(place + n - 3, "/v1") || !strcmp(place + n - 3, "/v2")))
                place[n - 3] = '\0';
        return place;
}

static char *copy_text(const json_t *o, const char *name) {
        const char *text = json_string_value(json_object_get(o, name));

        return text && *text ? strdup(text) : NULL;
}

/* "auth" is base64 of "USER:PASSWORD" and stands before the two fields. */
static int read_auth(const json_t *o, struct registry_auth *a) {
        CLEANUP(pki_wipe_freep) char *joined = NULL;
        const char *auth = json_string_value(json_object_get(o, "auth"));
        char *colon;

        a->identity_token = copy_text(o, "identitytoken");
        if (!auth || !*auth) {
                a->username = copy_text(o, "username");
                a->password = copy_text(o, "password");
                return 0;
        }
        if (pki_base64_decode(auth, &joined) < 0 || !(colon = strchr(joined, ':')))
                return -EBADMSG;
        *colon = '\0';
        a->username = strdup(joined);
        a->password = strdup(colon + 1);
        return a->username && a->password ? 0 : -ENOMEM;
}

static int fill(struct registry_auths *a, json_t *entries, const char *file, struct error *e) {
        const char *key;
        json_t *value;

        if (!(a->items = calloc(json_object_size(entries) + 1, sizeof *a->items)))
                return error_set(e, EXIT_FAILED, "out of memory");
        json_object_foreach(entries, key, value) {
                struct entry *entry = &a->items[a->n++];

                if (!(entry->place = place_of(key)))
                        return error_set(e, EXIT_FAILED, "out of memory");
                if (read_auth(value, &entry->auth) < 0)
                        return error_at(
                                e, file, 0, 0,
                                "\"auth\" of \"%s\" is not base64 of USER:PASSWORD; write the file again",
                                key);
        }
        return 0;
}

int registry_auths_parse(const char *text, size_t size, const char *file, struct registry_auths **ret,
                         struct error *e) {
        CLEANUP(registry_auths_freep) struct registry_auths *a = calloc(1, sizeof *a);
        CLEANUP(jread_decref) json_t *o = jread_parse(text, size);
        json_t *entries = json_object_get(o, "auths");
        int r;

        if (!a)
                return error_set(e, EXIT_FAILED, "out of memory");
        if (!json_is_object(o) || (entries && !json_is_object(entries)))
                return error_at(e, file, 0, 0,
                                "no credentials for registries: wanted {\"auths\": {\"HOST\": {\"auth\": "
                                "\"base64 of USER:PASSWORD\"}}}");
        if (entries && (r = fill(a, entries, file, e)) < 0)
                return r;
        *ret = TAKE_PTR(a);
        return 0;
}

int registry_auths_load(const char *file, struct registry_auths **ret, struct error *e) {
        CLEANUP(pki_wipe_freep) char *text = NULL;
        size_t size;
        int r = pki_file_read(file, MAX_FILE, &text, &size);

        if (r == -ENOENT)
                return (*ret = calloc(1, sizeof **ret)) ? 0 : error_set(e, EXIT_FAILED, "out of memory");
        if (r < 0)
                return error_at(e, file, 0, 0, "credentials for registries: %s", strerror(-r));
        return registry_auths_parse(text, size, file, ret, e);
}

/* What follows a host's name after a colon is a port, so another server's; after an image's it is a tag. */
static bool is_of(const char *image, const char *place) {
        size_t n = strlen(place);

        return n && !strncmp(place, image, n) && (image[n] == '/' || (image[n] == ':' && strchr(place, '/')));
}

const struct registry_auth *registry_auths_find(const struct registry_auths *a, const char *image) {
        const struct entry *best = NULL;

        for (size_t i = 0; i < a->n; i++) {
                const struct entry *entry = &a->items[i];

                if (is_of(image, entry->place) && (!best || strlen(entry->place) > strlen(best->place)))
                        best = entry;
        }
        return best ? &best->auth : NULL;
}
