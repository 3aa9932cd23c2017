/* Where the list of members comes from. In a cluster the root services write it; without one it is in the
 * configuration. Either way the agent keeps its own copy of the newest list it has taken part with, and never
 * begins with an older one (lease rule 12). */
#include "agent/daemon_priv.h"
#include "agent/members.h"
#include "agent/paths.h"
#include "pki/file.h"
#include <errno.h>

enum { STATE_DIR_MODE = 0750 };

void agent_members_text(const struct vrrp_list *list, char *out, size_t size) {
        int n = snprintf(out, size, "members, generation %llu:", (unsigned long long)list->gen);

        for (size_t i = 0; i < list->n && n > 0 && (size_t)n < size; i++)
                n += snprintf(out + n, size - (size_t)n, "%s %s%s", i ? "," : "", list->v[i].name,
                              list->v[i].witness ? " (witness)" : "");
}

void agent_members_warn(struct agent *a, const struct vip_config *v, const struct vrrp_list *list) {
        char text[HISTORY_REASON];
        size_t witnesses = 0;

        for (size_t i = 0; i < list->n; i++)
                witnesses += list->v[i].witness;
        if (config_size_warning(v->election, list->n, witnesses, text, sizeof text))
                agent_record(a, LOG_WARNING, NULL, "notice", "", "", text);
}

/* ---- the list in the configuration ---- */

/* In the order of ids, so that the order in the file does not matter. */
static int by_id(const void *a, const void *b) {
        const struct vrrp_list_member *x = a, *y = b;

        return x->id < y->id ? -1 : x->id > y->id;
}

void agent_members_of_config(const struct config *c, const struct vip_config *v, struct vrrp_list *ret) {
        *ret = (struct vrrp_list){ .gen = c->members_generation };
        for (; ret->n < v->n_members && ret->n < VRRP_LIST_MEMBERS; ret->n++) {
                const struct member *m = &v->members[ret->n];
                struct vrrp_list_member *l = &ret->v[ret->n];

                *l = (struct vrrp_list_member){ .id = config_member_id(m),
                                                .address = m->address,
                                                .witness = m->witness };
                snprintf(l->name, sizeof l->name, "%.*s", VRRP_LIST_NAME - 1, m->name);
        }
        qsort(ret->v, ret->n, sizeof ret->v[0], by_id);
}

/* How many members one list has that the other has not. */
static size_t missing(const struct vrrp_list *a, const struct vrrp_list *b) {
        size_t n = 0;

        for (size_t i = 0; i < a->n; i++)
                n += vrrp_list_find(b, a->v[i].id) == NULL;
        return n;
}

/* Names are for people only. */
static bool same(const struct vrrp_list *a, const struct vrrp_list *b) {
        for (size_t i = 0; i < a->n; i++) {
                const struct vrrp_list_member *m = &a->v[i], *o = vrrp_list_find(b, m->id);

                if (!o || !vrrp_ip_equal(&m->address, &o->address) || m->witness != o->witness)
                        return false;
        }
        return a->n == b->n;
}

/* With one member more or less, every majority of the one list has a member of every majority of the other.
 */
const char *agent_members_conflict(const struct vrrp_list *stored, const struct vrrp_list *given) {
        if (given->gen == stored->gen && !same(stored, given))
                return "members were changed, but membersGeneration was not; raise it by one";
        if (given->gen == stored->gen + 1 && missing(stored, given) + missing(given, stored) > 1)
                return "more than one member came or went in one step, so that two owners would be possible; "
                       "change one at a time, each with membersGeneration one higher and taken up by all";
        return NULL;
}

/* ---- the start ---- */

/* Told apart by interface only where sealed groups name several. */
static bool several_interfaces(const struct config *c) {
        const struct vip_config *first = NULL;

        for (size_t i = 0; i < c->vips.n; i++) {
                const struct vip_config *v = &c->vips.items[i];

                if (v->transport != VIP_TRANSPORT_SEALED)
                        continue;
                if (first &&
                    (!first->interface || !v->interface || strcmp(first->interface, v->interface) != 0))
                        return true;
                first = v;
        }
        return false;
}

static void set_path(struct agent_transport *t) {
        const struct config *c = t->agent->config;

        if (t->agent->several_interfaces)
                snprintf(t->path, sizeof t->path, "%s/members-%s.json", c->state_dir, t->vip->interface);
        else
                snprintf(t->path, sizeof t->path, "%s/members.json", c->state_dir);
}

/* The newer of what is on disk and what is given becomes t->list. Blocks for the disk: nothing of this
 * transport runs yet. */
static int choose(struct agent_transport *t, const struct vrrp_list *given, struct error *e) {
        struct vrrp_list stored = { 0 };
        const char *conflict;
        int r = members_load(t->path, &stored, e);

        if (r < 0 && r != -ENOENT)
                return 1;
        conflict = stored.gen ? agent_members_conflict(&stored, given) : NULL;
        if (conflict && given->gen) {
                error_set(e, EXIT_INPUT,
                          "the list of members (generation %llu) does not follow from the one that this node "
                          "has "
                          "taken part with (%s, generation %llu): %s",
                          (unsigned long long)given->gen, t->path, (unsigned long long)stored.gen, conflict);
                return 1;
        }
        t->list = given->gen > stored.gen ? *given : stored;
        if (t->list.gen > stored.gen && (r = members_store(t->path, &t->list, e)) < 0)
                return 1;
        return 0;
}

static uint64_t id_by_name(const struct vrrp_list *l, const char *name) {
        for (size_t i = 0; i < l->n; i++)
                if (!strncmp(l->v[i].name, name, VRRP_LIST_NAME - 1))
                        return l->v[i].id;
        return 0;
}

int agent_members_first(struct agent_transport *t, struct error *e) {
        const struct config *c = t->agent->config;
        const struct member *self = config_member(t->vip, c->node_name);
        struct vrrp_list given;
        int r;

        set_path(t);
        if (c->cluster)
                given = t->agent->root_list;
        else
                agent_members_of_config(c, t->vip, &given);
        if ((r = choose(t, &given, e)) != 0)
                return r;
        t->self = c->cluster || !self ? id_by_name(&t->list, c->node_name) : config_member_id(self);
        if (t->list.gen && vrrp_list_find(&t->list, t->self))
                return 0;
        if (t->list.gen && c->cluster && c->advertise_address &&
            members_id_load(TRIARCH_MEMBER_ID, &t->self) == 0)
                return 0; /* it joins just now: whoever lists it finds it ready to vote */
        if (!t->list.gen)
                error_set(e, EXIT_FAILED, "there is no list of members yet (%s)", TRIARCH_MEMBERS_FILE);
        else
                error_set(e, EXIT_FAILED,
                          "this node, \"%s\", is not in the list of members (generation %llu)", c->node_name,
                          (unsigned long long)t->list.gen);
        return 1;
}

/* ---- the root services' file ---- */

struct load {
        struct agent *a;
        struct vrrp_list list;
        struct error e;
};

static int load_work(void *arg) {
        struct load *l = arg;

        return members_load(TRIARCH_MEMBERS_FILE, &l->list, &l->e);
}

static void load_done(void *arg, int r) {
        CLEANUP(freep) struct load *l = arg;
        struct agent *a = l->a;

        if (r == -ENOENT)
                return;
        if (r < 0) {
                agent_record(a, LOG_WARNING, NULL, "notice", "", "", l->e.message);
                return;
        }
        if (l->list.gen <= a->root_list.gen)
                return;
        a->root_list = l->list;
        for (size_t i = 0; i < a->n_transports; i++)
                if (a->transports[i]->sealed)
                        (void)agent_transport_store(a->transports[i], &l->list);
}

static int on_file(sd_event_source *s, const struct inotify_event *ev, void *userdata) {
        struct load *l;

        (void)s;
        if (ev->len && strcmp(ev->name, "members.json") != 0)
                return 0;
        if (!(l = calloc(1, sizeof *l)))
                return 0;
        l->a = userdata;
        if (worker_run(l->a->worker, &(struct worker_job){ load_work, load_done, free, l }) < 0)
                free(l);
        return 0;
}

static int watch_root_list(struct agent *a, struct error *e) {
        struct error unused;
        int r = sd_event_add_inotify(a->loop, &a->root_watch, TRIARCH_CONFIG_DIR,
                                     IN_MOVED_TO | IN_CLOSE_WRITE, on_file, a);

        if (r < 0)
                return error_set(e, EXIT_FAILED, "%s cannot be watched: %s", TRIARCH_CONFIG_DIR,
                                 strerror(-r));
        (void)members_load(TRIARCH_MEMBERS_FILE, &a->root_list, &unused); /* if not now, then by the watch */
        return 0;
}

static bool any_sealed(const struct config *c) {
        for (size_t i = 0; i < c->vips.n; i++)
                if (c->vips.items[i].transport == VIP_TRANSPORT_SEALED)
                        return true;
        return false;
}

int agent_members_init(struct agent *a, struct error *e) {
        const struct config *c = a->config;
        struct vrrp_list given;
        int r;

        if (!any_sealed(c)) { /* else when the list is there, which may be a newer one */
                if (c->vips.n) {
                        agent_members_of_config(c, &c->vips.items[0], &given);
                        agent_members_warn(a, &c->vips.items[0], &given);
                }
                return 0;
        }
        a->several_interfaces = several_interfaces(c);
        if ((r = pki_mkdir_p(c->state_dir, STATE_DIR_MODE)) < 0)
                return error_set(e, EXIT_FAILED, "%s, where the list of members is kept, cannot be made: %s",
                                 c->state_dir, strerror(-r));
        return c->cluster ? watch_root_list(a, e) : 0;
}

void agent_members_done(struct agent *a) {
        sd_event_source_disable_unref(a->root_watch);
}
