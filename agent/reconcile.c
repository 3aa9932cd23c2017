#include "agent/etcd_kv.h"
#include "agent/etcd_own.h"
#include "agent/masters.h"
#include "agent/members.h"
#include "agent/paths.h"
#include "agent/reconcile_priv.h"
#include "agent/rootpath.h"
#include <errno.h>
#include <stdarg.h>
#include <time.h>

enum { CALL_TIMEOUT_MS = 9000, D_INTERVALS = 3, SETTLE_PERCENT = 110 };

int reconcile_init(struct reconcile *x, const char *root, const struct config *config, const char *endpoint,
                   struct error *e) {
        const char *own;

        *x = (struct reconcile){ .root = root, .config = config, .endpoint_given = endpoint != NULL };
        if (!config->advertise_address || vrrp_ip_parse(config->advertise_address, &x->self) < 0)
                return error_set(e, EXIT_INPUT, "no address of this machine is known");
        if (etcd_own(config, root, &x->files, &own) < 0)
                return error_set(e, EXIT_FAILED, "the path of the certificates is too long");
        x->client = etcd_client_with(&x->files, endpoint ? endpoint : own, CALL_TIMEOUT_MS);
        return 0;
}

void reconcile_pick(struct reconcile *x) {
        if (!x->endpoint_given)
                etcd_own_pick(x->config, &x->client);
}

static int list_masters(struct reconcile *x, struct etcd_members *ret, struct error *e) {
        return masters_list(x->config, &x->client, ret, e);
}

void reconcile_say(const struct reconcile *x, const char *fmt, ...) {
        char text[512];
        va_list ap;

        if (!x->say)
                return;
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        x->say(x->userdata, text);
}

int reconcile_read(struct reconcile *x, struct reconcile_current *ret, struct error *e) {
        CLEANUP(etcd_value_done) struct etcd_value v = { 0 };
        int r;

        *ret = (struct reconcile_current){ 0 };
        if ((r = etcd_get(&x->client, VIP_ETCD_MEMBERS, &v, e)) < 0)
                return r;
        x->at = v.at;
        if (v.revision == 0)
                return 0;
        if (vip_record_parse(v.data, v.size, &ret->record) < 0) {
                error_set(e, EXIT_FAILED, "etcd's %s is no list of members that this version knows",
                          VIP_ETCD_MEMBERS);
                return -EBADMSG;
        }
        ret->revision = v.revision;
        return 0;
}

/* 1 written, 0 somebody was faster. */
static int write_record(struct reconcile *x, const struct vip_record *record, uint64_t revision,
                        struct error *e) {
        CLEANUP(freep) char *text = NULL;
        size_t size;
        int r = vip_record_render(record, &text, &size);

        if (r < 0) {
                error_set(e, EXIT_FAILED, "the list of members cannot be written: %s", strerror(-r));
                return r;
        }
        return etcd_put_if(&x->client, VIP_ETCD_MEMBERS, revision, text, size, e);
}

static int seen_key(uint64_t id, char out[64]) {
        return snprintf(out, 64, "%s%016llx", VIP_ETCD_SEEN, (unsigned long long)id);
}

int reconcile_seen(struct reconcile *x, uint64_t id, struct vip_seen *ret, uint64_t *ret_revision,
                   struct error *e) {
        CLEANUP(etcd_value_done) struct etcd_value v = { 0 };
        char key[64];
        int r;

        *ret = (struct vip_seen){ 0 };
        seen_key(id, key);
        if ((r = etcd_get(&x->client, key, &v, e)) < 0)
                return r;
        if (v.revision > 0 && vip_seen_parse(v.data, v.size, ret) < 0)
                *ret = (struct vip_seen){ 0 };
        *ret_revision = v.revision;
        return 0;
}

static int write_seen(struct reconcile *x, uint64_t id, const struct vip_seen *seen, struct error *e) {
        CLEANUP(freep) char *text = NULL;
        struct vip_seen before;
        uint64_t revision;
        char key[64];
        size_t size;
        int r;

        if ((r = reconcile_seen(x, id, &before, &revision, e)) < 0)
                return r;
        if (revision > 0 && before.gen == seen->gen && before.keys == seen->keys)
                return 0;
        if ((r = vip_seen_render(seen, &text, &size)) < 0) {
                error_set(e, EXIT_FAILED, "what this machine has seen cannot be written: %s", strerror(-r));
                return r;
        }
        seen_key(id, key);
        r = etcd_put_if(&x->client, key, revision, text, size, e);
        return r < 0 ? r : 0; /* if somebody was faster, it was a second service of this machine */
}

/* How many of these have at least the generation on disk. */
static int count_seen(struct reconcile *x, const uint64_t *ids, size_t n, uint64_t gen, size_t *ret,
                      struct error *e) {
        struct vip_seen seen;
        uint64_t revision;
        int r;

        *ret = 0;
        for (size_t i = 0; i < n; i++) {
                if ((r = reconcile_seen(x, ids[i], &seen, &revision, e)) < 0)
                        return r;
                *ret += seen.gen >= gen;
        }
        return 0;
}

/* 1.1 D after the last member of the majority was seen; asked again and again, it is over before long. */
static void pause_settling(const struct reconcile *x) {
        uint64_t longest_us = 0, us;

        for (size_t i = 0; i < x->config->vips.n; i++)
                if (x->config->vips.items[i].interval_us > longest_us)
                        longest_us = x->config->vips.items[i].interval_us;
        us = longest_us * D_INTERVALS * SETTLE_PERCENT / 100;
        nanosleep(&(struct timespec){ (time_t)(us / 1000000), (long)(us % 1000000) * 1000 }, NULL);
}

/* 1 published, 0 not yet: the others must have the present list first, or somebody was faster. */
static int publish(struct reconcile *x, const struct reconcile_current *now, const struct vip_record *next,
                   struct error *e) {
        const struct vip_record *present = &now->record;
        size_t have = 0;
        int r = count_seen(x, present->previous, present->n_previous, present->list.gen, &have, e);

        if (r < 0)
                return r;
        if (!vip_record_settled(present, have)) {
                error_set(
                        e, EXIT_FAILED,
                        "only %zu of the %zu members before the last change have its list (generation %llu)",
                        have, present->n_previous, (unsigned long long)present->list.gen);
                return 0;
        }
        pause_settling(
                x); /* also for the first change: an agent that has just started does not vote before D */
        r = write_record(x, next, now->revision, e);
        if (r == 0)
                error_set(e, EXIT_FAILED, "another master changed the list just now");
        return r;
}

static int members_path(const struct reconcile *x, char out[PATH_MAX], struct error *e) {
        if (root_path(out, x->root, TRIARCH_MEMBERS_FILE) == 0)
                return 0;
        return error_set(e, EXIT_FAILED, "--root: the path is too long");
}

/* This machine's own file; gen 0 when there is none. */
static int read_file(const struct reconcile *x, struct vrrp_list *ret, struct error *e) {
        char path[PATH_MAX];
        int r = members_path(x, path, e);

        if (r < 0)
                return r;
        r = members_load(path, ret, e);
        if (r == -ENOENT) {
                *ret = (struct vrrp_list){ 0 };
                return 0;
        }
        return r;
}

static int write_file(const struct reconcile *x, const struct vrrp_list *list, struct error *e) {
        struct vrrp_list before;
        char path[PATH_MAX];
        int r;

        if ((r = members_path(x, path, e)) < 0 || (r = read_file(x, &before, e)) < 0)
                return r;
        if (before.gen >= list->gen)
                return 0;
        if ((r = members_store(path, list, e)) < 0)
                return r;
        reconcile_say(x, "the virtual address has %zu member%s now (generation %llu)", list->n,
                      list->n == 1 ? "" : "s", (unsigned long long)list->gen);
        return 0;
}

/* The list that init made, or one that etcd has lost by going back to a snapshot. */
static int push_file(struct reconcile *x, const struct etcd_members *members, struct reconcile_current *now,
                     struct error *e) {
        struct vip_record record;
        struct vrrp_list file;
        int r = read_file(x, &file, e);

        if (r < 0 || file.gen <= now->record.list.gen)
                return r;
        vip_record_first(&file, members, &record);
        if ((r = write_record(x, &record, now->revision, e)) < 0)
                return r;
        if (r == 1)
                reconcile_say(x, "etcd has the list of generation %llu from here now",
                              (unsigned long long)file.gen);
        return reconcile_read(x, now, e);
}

static int drop_gone(struct reconcile *x, const struct etcd_members *members, struct reconcile_current *now,
                     struct error *e) {
        int gone = vip_record_gone(&now->record, members), r;
        struct vip_record next;

        if (gone < 0 || vip_record_without(&now->record, (size_t)gone, &next) < 0)
                return 0;
        if ((r = publish(x, now, &next, e)) <= 0)
                return r < 0 ? r : 1;
        reconcile_say(x, "%s is no voting member of etcd any more: taken out of the list",
                      now->record.list.v[gone].name);
        return reconcile_read(x, now, e);
}

/* The present list and keys into this machine's files, and that they are there into etcd. */
static int settle(struct reconcile *x, const struct vip_record *record, struct error *e) {
        struct vip_seen seen = { .gen = record->list.gen };
        int self = vip_record_find(record, &x->self), r, k;
        struct error why;

        if ((r = write_file(x, &record->list, e)) < 0 ||
            (r = reconcile_agent_gen(x, record->list.gen, &seen.gen, e)) < 0)
                return r;
        if (seen.gen > record->list.gen) /* from another master, ahead of etcd's answer */
                seen.gen = record->list.gen;
        k = reconcile_keys(x, &seen.keys, &why); /* trouble with the keys holds no list up */
        if (self >= 0 && (r = write_seen(x, record->list.v[self].id, &seen, e)) < 0)
                return r;
        if (k < 0)
                *e = why;
        return k;
}

int reconcile_once(struct reconcile *x, struct error *e) {
        struct etcd_members members;
        struct reconcile_current now;
        int r, waits;

        reconcile_pick(x);
        if ((r = masters_enlist(x->config, &x->client, e)) < 0 || /* an etcd may have lost what came last */
            (r = list_masters(x, &members, e)) < 0 || (r = reconcile_read(x, &now, e)) < 0 ||
            (r = push_file(x, &members, &now, e)) < 0)
                return r;
        if (now.revision == 0)
                return 0; /* no list anywhere: the virtual address is not elected by majority */
        if (vip_record_identify(&now.record, &members) &&
            ((r = write_record(x, &now.record, now.revision, e)) < 0 || (r = reconcile_read(x, &now, e)) < 0))
                return r;
        if ((waits = drop_gone(x, &members, &now, e)) < 0)
                return waits;
        r = settle(x, &now.record, e);
        return r < 0 ? r : waits;
}

int reconcile_wait(struct reconcile *x, unsigned timeout_ms, struct error *e) {
        return etcd_watch(&x->client, VIP_ETCD_PREFIX, x->at, timeout_ms, e);
}

int reconcile_fetch(struct reconcile *x, struct error *e) {
        struct reconcile_current now;
        uint64_t keys;
        int r;

        reconcile_pick(x);
        if ((r = reconcile_read(x, &now, e)) < 0)
                return r;
        if (now.revision == 0) {
                error_set(e, EXIT_FAILED, "etcd has no list of the virtual address's members yet");
                return -ENOENT;
        }
        if ((r = write_file(x, &now.record.list, e)) < 0)
                return r;
        return reconcile_keys(x, &keys, e);
}

static const struct etcd_member *own_member(const struct reconcile *x, const struct etcd_members *members) {
        struct vrrp_ip a;

        for (size_t i = 0; i < members->n; i++)
                if (!members->v[i].learner && vip_record_address(&members->v[i], &a) == 0 &&
                    vrrp_ip_equal(&a, &x->self))
                        return &members->v[i];
        return NULL;
}

int reconcile_note_id(struct reconcile *x, struct error *e) {
        const struct etcd_member *own;
        struct etcd_members members;
        char path[PATH_MAX];
        int r;

        reconcile_pick(x);
        if ((r = list_masters(x, &members, e)) < 0)
                return r;
        if (!(own = own_member(x, &members))) {
                error_set(e, EXIT_FAILED, "this machine is no voting member of etcd");
                return -EAGAIN;
        }
        if (root_path(path, x->root, TRIARCH_MEMBER_ID) < 0)
                return error_set(e, EXIT_FAILED, "--root: the path is too long");
        return members_id_store(path, own->id, e);
}

int reconcile_enter(struct reconcile *x, struct error *e) {
        const struct etcd_member *own;
        struct etcd_members members;
        struct vip_record next;
        struct reconcile_current now;
        int r, self;

        reconcile_pick(x);
        if ((r = list_masters(x, &members, e)) < 0 || (r = reconcile_read(x, &now, e)) < 0)
                return r == -EAGAIN ? 0 : r;
        if (!(own = own_member(x, &members)) || now.revision == 0) {
                error_set(e, EXIT_FAILED,
                          own ? "etcd has no list of the virtual address's members yet"
                              : "this machine is no voting member of etcd");
                return 0;
        }
        self = vip_record_find(&now.record, &x->self);
        if (self >= 0 && now.record.etcd[self] == own->id) {
                r = settle(x, &now.record, e);
                return r < 0 ? r : 1;
        }
        /* An entry of this address that is another member's is of before: it goes first. */
        r = self >= 0 ? vip_record_without(&now.record, (size_t)self, &next)
                      : vip_record_with(&now.record, own, &next);
        if (r < 0) {
                error_set(e, EXIT_FAILED, "this machine cannot be listed: %s", strerror(-r));
                return r;
        }
        r = publish(x, &now, &next, e);
        if (r <= 0 || self >= 0)
                return r < 0 && r != -EAGAIN ? r : 0;
        r = settle(x, &next, e);
        return r < 0 ? r : 1;
}

/* 1 when a majority of the record's members has it on disk. */
static int followed(struct reconcile *x, const struct vip_record *record, struct error *e) {
        uint64_t ids[VRRP_LIST_MEMBERS];
        size_t have;
        int r;

        for (size_t i = 0; i < record->list.n; i++)
                ids[i] = record->list.v[i].id;
        if ((r = count_seen(x, ids, record->list.n, record->list.gen, &have, e)) < 0)
                return r;
        if (have > record->list.n / 2)
                return 1;
        error_set(e, EXIT_FAILED, "%zu of the %zu members that stay have the new list", have, record->list.n);
        return 0;
}

int reconcile_leave(struct reconcile *x, struct error *e) {
        struct vip_record next;
        struct reconcile_current now;
        int r, self;

        reconcile_pick(x);
        if ((r = reconcile_read(x, &now, e)) < 0)
                return r == -EAGAIN ? 0 : r;
        self = vip_record_find(&now.record, &x->self);
        if (now.revision == 0 || (self >= 0 && now.record.list.n == 1))
                return 1;
        if (self < 0)
                return (r = settle(x, &now.record, e)) < 0 ? r : followed(x, &now.record, e);
        if (vip_record_without(&now.record, (size_t)self, &next) < 0)
                return 1;
        /* While it is listed the others hear whom it names as successor. It leaves without that, too. */
        (void)reconcile_agent_standby(x, e);
        r = publish(x, &now, &next, e);
        if (r == 1)
                r = settle(x, &next, e);
        return r == -EAGAIN ? 0 : r;
}
