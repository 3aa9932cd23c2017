#include "agent/config.h"
#include "agent/enroll_proto.h"
#include "agent/jread.h"
#include "agent/paths.h"
#include "agent/rootpath.h"
#include "agent/vip_key.h"
#include "pki/file.h"
#include <errno.h>

/* Names are those of kubeadm's upload-certs; modes those of its files. One field is named in each row, or
 * clang asks for all. */
static const struct enroll_entry_place places[ENROLL_ENTRIES] = {
        [ENROLL_CA_CRT] = { "ca.crt", "ca.crt", 0644, .worker = true },
        [ENROLL_CA_KEY] = { "ca.key", "ca.key", 0600, .agent = false },
        [ENROLL_FRONT_PROXY_CA_CRT] = { "front-proxy-ca.crt", "front-proxy-ca.crt", 0644, .agent = false },
        [ENROLL_FRONT_PROXY_CA_KEY] = { "front-proxy-ca.key", "front-proxy-ca.key", 0600, .agent = false },
        [ENROLL_ETCD_CA_CRT] = { "etcd-ca.crt", "etcd/ca.crt", 0644, .etcd = ENROLL_OWN_ETCD },
        [ENROLL_ETCD_CA_KEY] = { "etcd-ca.key", "etcd/ca.key", 0600, .etcd = ENROLL_OWN_ETCD },
        [ENROLL_SA_KEY] = { "sa.key", "sa.key", 0600, .agent = false },
        [ENROLL_SA_PUB] = { "sa.pub", "sa.pub", 0600, .agent = false },
        [ENROLL_VIP_KEY] = { "vip.key", TRIARCH_VIP_KEY, VIP_KEY_MODE, .agent = true },
        [ENROLL_EXTERNAL_ETCD_CA] = { "external-etcd-ca.crt", NULL, 0644, .etcd = ENROLL_EXTERNAL_ETCD },
        [ENROLL_EXTERNAL_ETCD_CRT] = { "external-etcd.crt", NULL, 0644, .etcd = ENROLL_EXTERNAL_ETCD },
        [ENROLL_EXTERNAL_ETCD_KEY] = { "external-etcd.key", NULL, 0600, .etcd = ENROLL_EXTERNAL_ETCD },
};

const struct enroll_entry_place *enroll_entry_place(enum enroll_entry i) {
        return i < ENROLL_ENTRIES ? &places[i] : NULL;
}

int enroll_entry_path(enum enroll_entry i, const char *root, const char *cert_dir,
                      const struct external_etcd *etcd, char out[PATH_MAX]) {
        const char *file = i == ENROLL_EXTERNAL_ETCD_CA    ? etcd->ca_file
                           : i == ENROLL_EXTERNAL_ETCD_CRT ? etcd->cert_file
                           : i == ENROLL_EXTERNAL_ETCD_KEY ? etcd->key_file
                                                           : places[i].file;

        if (!file)
                return -ENOENT;
        return *file == '/' ? root_path(out, root, file) : root_path_below(out, root, cert_dir, file);
}

bool enroll_entry_of(enum enroll_role role, bool external_etcd, enum enroll_entry i) {
        if (i >= ENROLL_ENTRIES)
                return false;
        if (role == ENROLL_WORKER)
                return places[i].worker;
        return places[i].etcd != (external_etcd ? ENROLL_OWN_ETCD : ENROLL_EXTERNAL_ETCD);
}

static json_t *entries_to_json(const struct enroll_bundle *b) {
        bool external = !b->entries[ENROLL_ETCD_CA_CRT];
        json_t *o = json_object();

        for (enum enroll_entry i = 0; i < ENROLL_ENTRIES; i++) {
                if (!enroll_entry_of(b->role, external, i) ||
                    (places[i].etcd == ENROLL_EXTERNAL_ETCD && !b->entries[i]))
                        continue;
                if (json_object_set_new(o, places[i].name, json_string(b->entries[i])) < 0) {
                        json_decref(o);
                        return NULL;
                }
        }
        return o;
}

static json_t *members_to_json(const struct etcd_members *members) {
        json_t *list = json_array();

        for (size_t i = 0; i < members->n; i++) {
                const struct etcd_member *m = &members->v[i];
                json_t *one = json_pack("{s:s, s:s, s:s, s:b}", "name", m->name, "peer_url", m->peer_url,
                                        "client_url", m->client_url, "learner", m->learner);

                if (json_array_append_new(list, one) < 0) {
                        json_decref(list);
                        return NULL;
                }
        }
        return list;
}

static json_t *bundle_to_json(const struct enroll_bundle *b) {
        if (b->role == ENROLL_WORKER)
                return json_pack("{s:i, s:s, s:o, s:s, s:s}", "version", ENROLL_VERSION, "role",
                                 enroll_role_name(b->role), "entries", entries_to_json(b), "config",
                                 b->config, "certificate", b->certificate);
        return json_pack("{s:i, s:s, s:o, s:s, s:i, s:o}", "version", ENROLL_VERSION, "role",
                         enroll_role_name(b->role), "entries", entries_to_json(b), "config", b->config,
                         "position", (int)b->position, "members", members_to_json(&b->members));
}

int enroll_bundle_encode(const struct enroll_bundle *b, char **ret, size_t *ret_size) {
        CLEANUP(jread_decref) json_t *o = bundle_to_json(b);
        char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

        if (!text)
                return -ENOMEM;
        if (strlen(text) > ENROLL_SEALED_MAX - 128) {
                pki_wipe_free(text);
                return -EMSGSIZE;
        }
        *ret = text;
        *ret_size = strlen(text);
        return 0;
}

static int entries_from_json(const json_t *o, struct enroll_bundle *b) {
        bool external = !json_object_get(o, places[ENROLL_ETCD_CA_CRT].name);
        struct jread_field fields[ENROLL_ENTRIES + 1] = { 0 };
        const char *text[ENROLL_ENTRIES] = { NULL };
        size_t n = 0;
        int r;

        for (enum enroll_entry i = 0; i < ENROLL_ENTRIES; i++)
                if (enroll_entry_of(b->role, external, i) &&
                    (places[i].etcd != ENROLL_EXTERNAL_ETCD || json_object_get(o, places[i].name)))
                        fields[n++] = (struct jread_field){ .name = places[i].name,
                                                            .type = JREAD_TEXT,
                                                            .target = &text[i],
                                                            .size = ENROLL_TEXT_MAX };
        if ((r = jread_object(o, fields, NULL)) < 0)
                return r;
        for (size_t i = 0; i < ENROLL_ENTRIES; i++)
                if (text[i] && !(b->entries[i] = strdup(text[i])))
                        return -ENOMEM;
        return 0;
}

static int members_from_json(const json_t *list, struct etcd_members *members) {
        int r;

        for (members->n = 0; members->n < json_array_size(list); members->n++) {
                struct etcd_member *m = &members->v[members->n];
                const json_t *one = json_array_get(list, members->n);
                const struct jread_field fields[] = {
                        { .name = "name", .type = JREAD_STRING, .target = m->name, .size = sizeof m->name },
                        { .name = "peer_url",
                          .type = JREAD_STRING,
                          .target = m->peer_url,
                          .size = sizeof m->peer_url },
                        { .name = "client_url",
                          .type = JREAD_STRING,
                          .target = m->client_url,
                          .size = sizeof m->client_url },
                        { .name = "learner", .type = JREAD_BOOL, .target = &m->learner },
                        { 0 },
                };

                if ((r = jread_object(one, fields, NULL)) < 0)
                        return r;
        }
        return 0;
}

/* What each role's bundle has beside version, role, entries and config. */
static int master_from_json(const json_t *o, struct jread_field *fields, size_t n, struct enroll_bundle *b) {
        json_t *members = NULL;
        int64_t position;
        int r;

        fields[n++] = (struct jread_field){
                .name = "position", .type = JREAD_INT, .target = &position, .max = ETCD_MAX_MEMBERS
        };
        fields[n] = (struct jread_field){
                .name = "members", .type = JREAD_ARRAY, .target = &members, .size = ETCD_MAX_MEMBERS
        };
        if ((r = jread_object(o, fields, NULL)) < 0)
                return r;
        b->position = (unsigned)position;
        return members_from_json(members, &b->members);
}

static int worker_from_json(const json_t *o, struct jread_field *fields, size_t n, struct enroll_bundle *b) {
        const char *certificate = NULL;
        int r;

        fields[n] = (struct jread_field){
                .name = "certificate", .type = JREAD_TEXT, .target = &certificate, .size = ENROLL_TEXT_MAX
        };
        if ((r = jread_object(o, fields, NULL)) < 0)
                return r;
        return (b->certificate = strdup(certificate)) ? 0 : -ENOMEM;
}

/* The role says which fields there are, so it is looked at before the rest. */
static int bundle_from_json(const json_t *o, struct enroll_bundle *b) {
        const json_t *role = json_object_get(o, "role");
        char role_text[ENROLL_ROLE_SIZE];
        const char *config = NULL;
        json_t *entries = NULL;
        int64_t version;
        struct jread_field fields[8] = {
                { .name = "version",
                  .type = JREAD_INT,
                  .target = &version,
                  .min = ENROLL_VERSION,
                  .max = ENROLL_VERSION },
                { .name = "role", .type = JREAD_STRING, .target = role_text, .size = sizeof role_text },
                { .name = "entries", .type = JREAD_OBJECT, .target = &entries },
                { .name = "config", .type = JREAD_TEXT, .target = &config, .size = ENROLL_TEXT_MAX },
        };
        int r;

        if (!json_is_string(role) || enroll_role_parse(json_string_value(role), &b->role) < 0)
                return -EBADMSG;
        r = (b->role == ENROLL_WORKER ? worker_from_json : master_from_json)(o, fields, 4, b);
        if (r < 0 || (r = entries_from_json(entries, b)) < 0)
                return r;
        return (b->config = strdup(config)) ? 0 : -ENOMEM;
}

int enroll_bundle_decode(const void *data, size_t size, struct enroll_bundle *ret) {
        CLEANUP(jread_decref) json_t *o = jread_parse(data, size);
        struct enroll_bundle b = { 0 };
        int r = bundle_from_json(o, &b);

        if (r < 0) {
                enroll_bundle_done(&b);
                return r;
        }
        *ret = b;
        return 0;
}

void enroll_bundle_done(struct enroll_bundle *b) {
        for (size_t i = 0; i < ENROLL_ENTRIES; i++) {
                pki_wipe_free(b->entries[i]);
                b->entries[i] = NULL;
        }
        free(b->config);
        free(b->certificate);
        b->config = b->certificate = NULL;
}
