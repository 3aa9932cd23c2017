#include "agent/masters.h"
#include "agent/etcd_kv.h"
#include "agent/jread.h"
#include "agent/vip_record.h"
#include <errno.h>
#include <sys/random.h>

enum { TRIES = 10, PEER_PORT = 2380 };

static int entry_from_json(const json_t *o, struct etcd_member *m) {
        uint8_t id[8];
        const struct jread_field fields[] = {
                { .name = "id", .type = JREAD_HEX, .target = id, .size = sizeof id },
                { .name = "name", .type = JREAD_STRING, .target = m->name, .size = sizeof m->name },
                { .name = "url", .type = JREAD_STRING, .target = m->peer_url, .size = sizeof m->peer_url },
                { 0 },
        };
        int r = jread_object(o, fields, NULL);

        for (size_t i = 0; r == 0 && i < sizeof id; i++)
                m->id = m->id << 8 | id[i];
        return r;
}

int masters_parse(const char *text, size_t size, struct etcd_members *ret) {
        CLEANUP(jread_decref) json_t *list = jread_parse(text, size);
        struct etcd_members m = { 0 };
        int r;

        if (!json_is_array(list) || json_array_size(list) > ETCD_MAX_MEMBERS)
                return -EBADMSG;
        for (; m.n < json_array_size(list); m.n++)
                if ((r = entry_from_json(json_array_get(list, m.n), &m.v[m.n])) < 0)
                        return r;
        *ret = m;
        return 0;
}

int masters_render(const struct etcd_members *m, char **ret) {
        CLEANUP(jread_decref) json_t *list = json_array();
        char id[17];

        for (size_t i = 0; i < m->n; i++) {
                snprintf(id, sizeof id, "%016llx", (unsigned long long)m->v[i].id);
                if (json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "id", id, "name", m->v[i].name,
                                                          "url", m->v[i].peer_url)) < 0)
                        return -ENOMEM;
        }
        return (*ret = json_dumps(list, JSON_INDENT(1))) ? 0 : -ENOMEM;
}

static int read_list(const struct etcd_client *client, struct etcd_members *ret, uint64_t *ret_revision,
                     struct error *e) {
        CLEANUP(etcd_value_done) struct etcd_value v = { 0 };
        int r = etcd_get(client, MASTERS_KEY, &v, e);

        if (r < 0)
                return r;
        *ret = (struct etcd_members){ 0 };
        *ret_revision = v.revision;
        if (v.revision > 0 && (r = masters_parse(v.data, v.size, ret)) < 0)
                error_set(e, EXIT_FAILED, "etcd's %s is no list of masters that this version knows",
                          MASTERS_KEY);
        return r;
}

/* 1 written, 0 somebody was faster. */
static int write_list(const struct etcd_client *client, const struct etcd_members *m, uint64_t revision,
                      struct error *e) {
        CLEANUP(freep) char *text = NULL;

        if (masters_render(m, &text) < 0)
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        return etcd_put_if(client, MASTERS_KEY, revision, text, strlen(text), e);
}

int masters_list(const struct config *c, const struct etcd_client *client, struct etcd_members *ret,
                 struct error *e) {
        uint64_t revision;

        return c->etcd_external.endpoints.n ? read_list(client, ret, &revision, e)
                                            : etcd_member_list(client, ret, e);
}

static int own_entry(const struct config *c, struct etcd_member *ret, struct error *e) {
        char host[CONFIG_HOST_PORT_SIZE];

        if (!c->advertise_address)
                return error_set(e, EXIT_INPUT, "no address of this machine is known");
        *ret = (struct etcd_member){ 0 };
        snprintf(ret->name, sizeof ret->name, "%s", c->node_name);
        snprintf(ret->peer_url, sizeof ret->peer_url, "https://%s",
                 config_host_port(c->advertise_address, PEER_PORT, host));
        if (getrandom(&ret->id, sizeof ret->id, 0) != sizeof ret->id)
                return error_set(e, EXIT_FAILED, "there is no randomness for a master's id");
        ret->id |= 1;                    /* never 0 */
        ret->id &= ~(UINT64_C(1) << 63); /* never UINT64_MAX */
        return 0;
}

/* Without the entries at that URL or, if it is not NULL, of that name. */
static void drop(struct etcd_members *m, const char *url, const char *name) {
        size_t kept = 0;

        for (size_t i = 0; i < m->n; i++)
                if (strcmp(m->v[i].peer_url, url) != 0 && (!name || strcmp(m->v[i].name, name) != 0))
                        m->v[kept++] = m->v[i];
        m->n = kept;
}

static bool has(const struct etcd_members *m, const struct etcd_member *own) {
        for (size_t i = 0; i < m->n; i++)
                if (!strcmp(m->v[i].peer_url, own->peer_url) && !strcmp(m->v[i].name, own->name))
                        return true;
        return false;
}

static int busy(struct error *e) {
        error_set(e, EXIT_FAILED, "etcd's %s is changed all the time by others", MASTERS_KEY);
        return -EAGAIN;
}

int masters_enlist(const struct config *c, const struct etcd_client *client, struct error *e) {
        struct etcd_members m;
        struct etcd_member own;
        uint64_t revision;
        int r;

        if (!c->etcd_external.endpoints.n)
                return 0;
        if ((r = own_entry(c, &own, e)) < 0)
                return r;
        for (unsigned i = 0; i < TRIES; i++) {
                if ((r = read_list(client, &m, &revision, e)) < 0 || has(&m, &own))
                        return r;
                drop(&m, own.peer_url, own.name);
                if (m.n == ETCD_MAX_MEMBERS)
                        return error_set(e, EXIT_FAILED, "there are %zu masters already", m.n), -E2BIG;
                m.v[m.n++] = own;
                if ((r = write_list(client, &m, revision, e)) != 0)
                        return r;
        }
        return busy(e);
}

/* What another cluster in this etcd would take for its own. */
static int forget(const struct etcd_client *client, struct error *e) {
        static const char *const keys[] = { VIP_ETCD_MEMBERS, VIP_ETCD_KEYS, MASTERS_KEY };
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(keys) && r == 0; i++)
                r = etcd_delete(client, keys[i], e);
        return r;
}

int masters_delist(const struct config *c, const struct etcd_client *client, size_t *ret_left,
                   struct error *e) {
        struct etcd_members m;
        struct etcd_member own;
        uint64_t revision;
        int r = own_entry(c, &own, e);

        for (unsigned i = 0; i < TRIES && r == 0; i++) {
                if ((r = read_list(client, &m, &revision, e)) < 0)
                        return r;
                drop(&m, own.peer_url, NULL);
                *ret_left = m.n;
                if (m.n == 0)
                        return forget(client, e);
                if ((r = write_list(client, &m, revision, e)) != 0)
                        return r < 0 ? r : 0;
        }
        return r < 0 ? r : busy(e);
}
