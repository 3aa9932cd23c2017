#include "agent/etcd_kv.h"
#include "agent/monotonic.h"
#include "agent/paths.h"
#include "agent/phase.h"
#include "agent/reconcile_priv.h"
#include "agent/rootpath.h"
#include "agent/vip_key.h"
#include "pki/file.h"
#include "vrrp/keyring.h"
#include <errno.h>
#include <openssl/rand.h>
#include <time.h>

enum { WAIT_S = 60, PAUSE_MS = 300 };

static int file_error(struct error *e, const char *path, int r, const char *what) {
        error_set(e, EXIT_FAILED, "%s: %s", what, strerror(-r));
        snprintf(e->file, sizeof e->file, "%s", path);
        return r;
}

static int put_file(const struct reconcile *x, const char *path, const struct etcd_value *v,
                    struct error *e) {
        struct phase_ctx ctx = { .root = x->root, .config = x->config };
        gid_t gid;
        int r = phase_agent_gid(&ctx, &gid, e);

        if (r < 0)
                return r;
        r = pki_file_write(path, VIP_KEY_MODE, gid, v->data, v->size, 0);
        return r < 0 ? file_error(e, path, r, "the key of the virtual address cannot be written") : 0;
}

/* etcd has none yet: this machine's. */
static int push(struct reconcile *x, const char *text, size_t size, uint64_t *ret_revision, struct error *e) {
        CLEANUP(etcd_value_done) struct etcd_value v = { 0 };
        int r;

        if ((r = etcd_put_if(&x->client, VIP_ETCD_KEYS, 0, text, size, e)) < 0 ||
            (r = etcd_get(&x->client, VIP_ETCD_KEYS, &v, e)) < 0)
                return r;
        /* If somebody was faster, the next look finds the difference. */
        *ret_revision = v.size == size && !memcmp(v.data, text, size) ? v.revision : 0;
        return 0;
}

static int adopt(struct reconcile *x, const char *path, const struct etcd_value *v, struct error *e) {
        struct vrrp_keys keys;
        const char *problem;
        unsigned line;
        int r;

        if (vrrp_keys_parse(v->data, v->size, &keys, &line, &problem) < 0) {
                error_set(e, EXIT_FAILED, "etcd's %s, line %u: %s", VIP_ETCD_KEYS, line, problem);
                return -EBADMSG;
        }
        vrrp_keys_wipe(&keys);
        if ((r = put_file(x, path, v, e)) < 0)
                return r;
        reconcile_say(x, "the keys of the virtual address were changed");
        return 0;
}

int reconcile_keys(struct reconcile *x, uint64_t *ret_revision, struct error *e) {
        CLEANUP(etcd_value_done) struct etcd_value v = { 0 };
        char path[PATH_MAX], *text = NULL;
        size_t size = 0;
        int r;

        *ret_revision = 0;
        if (root_path(path, x->root, TRIARCH_VIP_KEY) < 0)
                return error_set(e, EXIT_FAILED, "--root: the path is too long");
        if ((r = etcd_get(&x->client, VIP_ETCD_KEYS, &v, e)) < 0)
                return r;
        r = pki_file_read(path, (size_t)VRRP_KEYS_TEXT * 4, &text, &size);
        if (r < 0 && r != -ENOENT)
                return file_error(e, path, r, "the key of the virtual address cannot be read");
        if (v.revision == 0) {
                r = text ? push(x, text, size, ret_revision, e) : 0;
        } else {
                bool same = text && size == v.size && !memcmp(text, v.data, size);

                /* The agent is asked also when the file is right: the last try may have ended before that. */
                if ((r = same ? 0 : adopt(x, path, &v, e)) == 0 && (r = reconcile_agent_reload(x, e)) == 0)
                        *ret_revision = v.revision;
        }
        pki_wipe_free(text);
        return r < 0 ? r : 0;
}

/* Every listed member's agent has the keys of this revision, or -ETIMEDOUT. */
static int wait_for_all(struct reconcile *x, uint64_t revision, struct error *e) {
        int64_t end_us = monotonic_us() + WAIT_S * INT64_C(1000000);

        for (;;) {
                struct reconcile_current now;
                const char *missing = NULL;
                uint64_t seen_revision, own;
                struct vip_seen seen;
                int r;

                if ((r = reconcile_keys(x, &own, e)) < 0 || (r = reconcile_read(x, &now, e)) < 0)
                        return r;
                for (size_t i = 0; i < now.record.list.n && !missing; i++) {
                        bool self = vrrp_ip_equal(&now.record.list.v[i].address, &x->self);

                        if ((r = reconcile_seen(x, now.record.list.v[i].id, &seen, &seen_revision, e)) < 0)
                                return r;
                        if ((self ? own : seen.keys) < revision)
                                missing = now.record.list.v[i].name;
                }
                if (!missing)
                        return 0;
                if (monotonic_us() >= end_us) {
                        error_set(e, EXIT_FAILED,
                                  "%s has not read the keys within %d s (does triarch-reconcile.service run "
                                  "there?); nothing is "
                                  "lost: run this again when it does",
                                  missing, WAIT_S);
                        return -ETIMEDOUT;
                }
                nanosleep(&(struct timespec){ 0, PAUSE_MS * 1000000L }, NULL);
        }
}

/* What the next step of a rotation is, by what is there: one key: another is accepted; a newer key beside the
 * one to send with: it is sent with; an older one: it is dropped. 1: *keys was changed, 2: that was the last
 * step. */
static int next_step(struct vrrp_keys *keys, const char **ret_what, struct error *e) {
        uint8_t fresh[VRRP_KEY_SIZE];
        uint16_t id = 0;
        int r;

        if (keys->n == 1) {
                r = RAND_bytes(fresh, sizeof fresh) == 1 ? vrrp_keys_add(keys, fresh, &id) : -EIO;
                OPENSSL_cleanse(fresh, sizeof fresh);
                *ret_what = "a new key is accepted";
                if (r < 0)
                        error_set(e, EXIT_FAILED, "a key cannot be made: %s", strerror(-r));
                return r < 0 ? r : 1;
        }
        /* Keys are in the order in which they came. */
        if (keys->send != keys->n - 1) {
                *ret_what = "the new key is sent with";
                keys->send = keys->n - 1;
                return 1;
        }
        *ret_what = "the old key is dropped";
        while (keys->n > 1)
                if ((r = vrrp_keys_drop(keys, keys->v[keys->send == 0].id)) < 0)
                        return r;
        return 2;
}

/* One step: 1 done, 2 done and the last, 0 another command was faster. */
static int rotate_step(struct reconcile *x, struct error *e) {
        CLEANUP(etcd_value_done) struct etcd_value v = { 0 };
        char text[VRRP_KEYS_TEXT];
        struct vrrp_keys keys;
        const char *what, *problem;
        unsigned line;
        int r, step;

        if ((r = etcd_get(&x->client, VIP_ETCD_KEYS, &v, e)) < 0)
                return r;
        if (v.revision == 0 || vrrp_keys_parse(v.data, v.size, &keys, &line, &problem) < 0)
                return error_set(e, EXIT_FAILED, "etcd has no keys of the virtual address that can be read");
        if ((r = wait_for_all(x, v.revision, e)) == 0 && (r = step = next_step(&keys, &what, e)) > 0 &&
            (r = vrrp_keys_render(&keys, text, sizeof text)) >= 0 &&
            (r = etcd_put_if(&x->client, VIP_ETCD_KEYS, v.revision, text, strlen(text), e)) > 0) {
                reconcile_say(x, "%s", what);
                r = step;
        }
        vrrp_keys_wipe(&keys);
        OPENSSL_cleanse(text, sizeof text);
        return r;
}

int reconcile_rotate_keys(struct reconcile *x, struct error *e) {
        CLEANUP(etcd_value_done) struct etcd_value v = { 0 };
        int r;

        reconcile_pick(x);
        do
                r = rotate_step(x, e);
        while (r == 0 || r == 1);
        if (r < 0 || (r = etcd_get(&x->client, VIP_ETCD_KEYS, &v, e)) < 0)
                return r;
        return wait_for_all(x, v.revision, e);
}
