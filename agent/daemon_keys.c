/* The key files of the sealed transports: read at the start, and again on request, off the loop. */
#include "agent/daemon_priv.h"
#include "agent/keyfile.h"
#include "pki/file.h"
#include <errno.h>

#define RETRY_US 1000000u

struct reload {
        struct agent *a;
        size_t index; /* of a->keys */
        char path[PATH_MAX];
        struct vrrp_keys keys;
        struct error e;
};

/* "FILE:LINE: MESSAGE" */
static void set_problem(struct agent_keys *k, const struct error *e) {
        if (e->line)
                snprintf(k->problem, sizeof k->problem, "%.120s:%u: %.100s", e->file, e->line, e->message);
        else
                snprintf(k->problem, sizeof k->problem, "%.120s: %.120s", e->file, e->message);
}

/* A transport that runs goes on with the new keys at once. */
static void use(struct agent *a, struct agent_keys *k) {
        for (size_t i = 0; i < a->n_transports; i++) {
                struct agent_transport *t = a->transports[i];
                struct vrrp_keyring *ring;

                if (t->keys == k && t->sealed && vrrp_keyring_new(&k->keys, &ring) == 0)
                        vrrp_sealed_set_keys(t->sealed, ring);
        }
}

static void take(struct agent *a, struct agent_keys *k, struct vrrp_keys *keys, int r,
                 const struct error *e) {
        k->read_us = agent_now_us(a);
        if (r < 0) {
                set_problem(k, e); /* the keys in use stay in use */
                return;
        }
        vrrp_keys_wipe(&k->keys);
        k->keys = *keys;
        k->good = true;
        k->loads++;
        k->problem[0] = '\0';
        use(a, k);
}

/* ---- again ---- */

static int reload_work(void *arg) {
        struct reload *l = arg;

        return keyfile_load(l->path, &l->keys, &l->e);
}

static void reload_drop(void *arg) {
        pki_wipe(arg, sizeof(struct reload));
        free(arg);
}

static void reload_done(void *arg, int r) {
        struct reload *l = arg;
        struct agent *a = l->a;
        struct agent_keys *k = &a->keys[l->index];
        bool was_good = k->good && !*k->problem;
        char text[HISTORY_REASON];

        k->reading = false;
        take(a, k, &l->keys, r, &l->e);
        reload_drop(l);
        if (r == 0) {
                snprintf(text, sizeof text, "keys read from %.150s: sends with key %u", k->path,
                         k->keys.v[k->keys.send].id);
                agent_record(a, LOG_NOTICE, NULL, "keys", "", "", text);
        } else if (was_good)
                agent_record(a, LOG_ERR, NULL, "keys", "", "", k->problem);
        agent_control_keys_read(a);
}

static void reload(struct agent *a, size_t index) {
        struct agent_keys *k = &a->keys[index];
        struct reload *l = k->reading ? NULL : calloc(1, sizeof *l);

        if (!l)
                return;
        l->a = a;
        l->index = index;
        snprintf(l->path, sizeof l->path, "%s", k->path);
        if (worker_run(a->worker, &(struct worker_job){ reload_work, reload_done, reload_drop, l }) < 0)
                reload_drop(l);
        else
                k->reading = true;
}

void agent_keys_reload(struct agent *a) {
        for (size_t i = 0; i < a->n_keys; i++)
                reload(a, i);
}

void agent_keys_retry(struct agent *a) {
        for (size_t i = 0; i < a->n_keys; i++)
                if (!a->keys[i].good && agent_now_us(a) >= a->keys[i].read_us + RETRY_US)
                        reload(a, i);
}

bool agent_keys_reading(const struct agent *a) {
        for (size_t i = 0; i < a->n_keys; i++)
                if (a->keys[i].reading)
                        return true;
        return false;
}

/* ---- the start ---- */

struct agent_keys *agent_keys_find(struct agent *a, const char *path) {
        for (size_t i = 0; i < a->n_keys; i++)
                if (a->keys[i].path && !strcmp(a->keys[i].path, path))
                        return &a->keys[i];
        return NULL;
}

int agent_keys_init(struct agent *a) {
        const struct vip_list *vips = &a->config->vips;

        a->keys = calloc(vips->n + 1, sizeof *a->keys);
        if (!a->keys)
                return -ENOMEM;
        for (size_t i = 0; i < vips->n; i++) {
                const struct vip_config *v = &vips->items[i];
                struct vrrp_keys keys = { 0 };
                struct error e;
                int r;

                if (v->transport != VIP_TRANSPORT_SEALED || agent_keys_find(a, v->key_file))
                        continue;
                r = keyfile_load(v->key_file, &keys, &e);
                a->keys[a->n_keys].path = v->key_file;
                take(a, &a->keys[a->n_keys++], &keys, r, &e);
                vrrp_keys_wipe(&keys);
        }
        return 0;
}

void agent_keys_done(struct agent *a) {
        for (size_t i = 0; i < a->n_keys; i++)
                vrrp_keys_wipe(&a->keys[i].keys);
        free(a->keys);
}
