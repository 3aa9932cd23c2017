#include "agent/vip_rotate.h"
#include "agent/agent_client.h"
#include "agent/keyfile.h"
#include "agent/vip_key.h"
#include <errno.h>
#include <grp.h>
#include <unistd.h>

/* ---- what the members say ---- */

static int not_a_report(struct error *e) {
        return error_set(e, EXIT_FAILED, "the agent's report names no members of the sealed transport");
}

static int read_member(const json_t *o, struct vip_rotate_member *m) {
        const char *name = json_string_value(json_object_get(o, "name"));
        const json_t *accepts = json_object_get(o, "acceptsKeys");
        json_int_t sends = json_integer_value(json_object_get(o, "sendsWithKey"));

        if (!name || sends < 0 || sends > UINT16_MAX || json_array_size(accepts) > VRRP_KEYS)
                return -EINVAL;
        snprintf(m->name, sizeof m->name, "%s", name);
        m->sends = (uint16_t)sends;
        for (m->n_accepts = 0; m->n_accepts < json_array_size(accepts); m->n_accepts++) {
                json_int_t id = json_integer_value(json_array_get(accepts, m->n_accepts));

                if (id < 1 || id > UINT16_MAX)
                        return -EINVAL;
                m->accepts[m->n_accepts] = (uint16_t)id;
        }
        return 0;
}

int vip_rotate_read(const json_t *report, struct vip_rotate_view *ret, struct error *e) {
        const json_t *members = json_object_get(report, "members");
        size_t n = json_array_size(members);

        if (n == 0 || n > VRRP_LIST_MEMBERS)
                return not_a_report(e);
        for (ret->n = 0; ret->n < n; ret->n++)
                if (read_member(json_array_get(members, ret->n), &ret->v[ret->n]) < 0)
                        return not_a_report(e);
        return 0;
}

static bool accepts(const struct vip_rotate_member *m, uint16_t id) {
        for (size_t i = 0; i < m->n_accepts; i++)
                if (m->accepts[i] == id)
                        return true;
        return false;
}

/* ---- the steps ---- */

/* Keys are in the order in which they came: the newest is the last. */
static const struct vrrp_key *newest(const struct vrrp_keys *k) {
        return &k->v[k->n - 1];
}

static int step_new(struct vrrp_keys *k, uint16_t *ret_id, struct error *e) {
        if (k->n > 1)
                return error_set(
                        e, EXIT_FAILED,
                        "a rotation is under way: there are %zu keys; go on with --send, then --drop-old",
                        k->n);
        return vip_key_add(k, ret_id, e);
}

static int step_send(const struct vip_rotate_view *view, struct vrrp_keys *k, uint16_t *ret_id,
                     struct error *e) {
        uint16_t id = newest(k)->id;

        if (k->send == k->n - 1)
                return error_set(e, EXIT_FAILED, "key %u, the newest, is sent with already%s", id,
                                 k->n == 1 ? "; --new makes another" : "; go on with --drop-old");
        for (size_t i = 0; i < view->n; i++)
                if (!accepts(&view->v[i], id))
                        return error_set(
                                e, EXIT_FAILED,
                                "%s does not say that it accepts key %u, and would hear nothing; its key "
                                "file needs the line \"accept %u ...\" of this one, and its agent a reload",
                                view->v[i].name, id, id);
        *ret_id = id;
        return vrrp_keys_send(k, id);
}

static int step_drop(const struct vip_rotate_view *view, struct vrrp_keys *k, uint16_t *ret_id,
                     struct error *e) {
        uint16_t keep = k->v[k->send].id;
        int r = 0;

        if (k->n == 1)
                return error_set(e, EXIT_FAILED, "key %u is the only one; there is nothing to drop", keep);
        if (k->send != k->n - 1)
                return error_set(e, EXIT_FAILED, "key %u is still sent with here; --send comes first", keep);
        for (size_t i = 0; i < view->n; i++)
                if (view->v[i].sends != keep)
                        return error_set(
                                e, EXIT_FAILED,
                                "%s does not say that it sends with key %u, and might not be heard any "
                                "more; run `triarch vip rotate-key --send` there",
                                view->v[i].name, keep);
        while (k->n > 1 && r == 0)
                r = vrrp_keys_drop(k, k->v[k->send == 0].id);
        *ret_id = keep;
        return r;
}

int vip_rotate_keys(enum vip_rotate_step step, const struct vip_rotate_view *view, struct vrrp_keys *k,
                    uint16_t *ret_id, struct error *e) {
        if (step == VIP_ROTATE_NEW)
                return step_new(k, ret_id, e);
        return step == VIP_ROTATE_SEND ? step_send(view, k, ret_id, e) : step_drop(view, k, ret_id, e);
}

/* ---- the command ---- */

static int ask(const char *socket_path, struct vip_rotate_view *ret, struct error *e) {
        CLEANUP(json_decrefp) json_t *report = NULL;
        int r = agent_status(socket_path, &report, e);

        return r < 0 ? r : vip_rotate_read(report, ret, e);
}

static void say(enum vip_rotate_step step, uint16_t id, const char *path) {
        switch (step) {
        case VIP_ROTATE_NEW:
                printf("key %u is accepted here; now copy %s, with its mode and owner, to every other "
                       "member, "
                       "reload the agents there (systemctl reload triarch-agent), then run `triarch vip "
                       "rotate-key "
                       "--send` on each member\n",
                       id, path);
                break;
        case VIP_ROTATE_SEND:
                printf("key %u is sent with here; when that is so on every member, run `triarch vip "
                       "rotate-key "
                       "--drop-old` on each\n",
                       id);
                break;
        default:
                printf("key %u is the only one here\n", id);
                break;
        }
}

static int reload(const char *socket_path, struct error *e) {
        int r = agent_post(socket_path, "/v1/keys/reload", "{}", NULL, e);

        if (r != -ENOENT)
                return r;
        printf("no agent runs at %s: the next one that starts reads the keys\n", socket_path);
        return 0;
}

/* The first key of members that are listed by hand. The agent's group, where there is one, reads it. */
static int make_first(const char *path, struct error *e) {
        struct group g, *found = NULL;
        char buffer[4096];
        bool made;
        int r;

        if (getgrnam_r("triarch", &g, buffer, sizeof buffer, &found))
                found = NULL;
        if ((r = vip_key_ensure(path, found ? found->gr_gid : (gid_t)-1, &made, e)) < 0)
                return r;
        printf("made %s; copy it, with its mode and owner, to every other member before their agents start\n",
               path);
        return 0;
}

int vip_rotate(enum vip_rotate_step step, const char *path, const char *socket_path, struct error *e) {
        struct vip_rotate_view view = { 0 };
        struct vrrp_keys k = { 0 };
        uint16_t id = 0;
        int r;

        if (step == VIP_ROTATE_NEW && access(path, F_OK) < 0 && errno == ENOENT)
                return make_first(path, e);
        r = keyfile_load(path, &k, e);
        if (r == 0 && step != VIP_ROTATE_NEW)
                r = ask(socket_path, &view, e);
        if (r == 0 && (r = vip_rotate_keys(step, &view, &k, &id, e)) == 0)
                r = vip_key_replace(path, &k, e);
        vrrp_keys_wipe(&k);
        if (r < 0 || (r = reload(socket_path, e)) < 0)
                return r;
        say(step, id, path);
        return 0;
}
