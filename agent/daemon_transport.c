/* The sealed transports: one per interface, and the list of members that all follow who use it. */
#include "agent/daemon_priv.h"
#include "agent/members.h"
#include <errno.h>

enum { CHALLENGES_PER_INTERVAL = 4 };

/* ---- opening ---- */

static struct agent_transport *find(struct agent *a, const char *interface) {
        for (size_t i = 0; i < a->n_transports; i++)
                if (!strcmp(a->transports[i]->vip->interface, interface))
                        return a->transports[i];
        return NULL;
}

static uint32_t fastest_us(const struct agent *a, const char *interface) {
        uint32_t least = UINT32_MAX;

        for (size_t i = 0; i < a->config->vips.n; i++) {
                const struct vip_config *v = &a->config->vips.items[i];

                if (v->transport == VIP_TRANSPORT_SEALED &&
                    (!v->interface || !strcmp(v->interface, interface)) && v->interval_us < least)
                        least = v->interval_us;
        }
        return least;
}

/* Sockets for all members, or at least those that can be had now. */
void agent_transport_connect(struct agent_transport *t) {
        int r = vrrp_sealed_set_list(t->sealed, &t->list);
        char text[HISTORY_REASON];

        if (r < 0 && !t->incomplete) {
                snprintf(text, sizeof text, "not every member has a socket yet: %s", strerror(-r));
                agent_record(t->agent, LOG_WARNING, NULL, "notice", "", "", text);
        }
        t->incomplete = r < 0;
}

static int open_sealed(struct agent_transport *t, struct error *e) {
        const struct vrrp_list_member *self = vrrp_list_find(&t->list, t->self);
        struct vrrp_sealed_params p = {
                .interface = t->vip->interface,
                .port = t->vip->port,
                .self = t->self,
                .challenge_gap_us = fastest_us(t->agent, t->vip->interface) / CHALLENGES_PER_INTERVAL,
        };
        struct vrrp_keyring *ring = NULL;
        int r;

        _Static_assert((int)CONFIG_CLUSTER_TAG == (int)VRRP_SEAL_CLUSTER, "one tag");
        config_cluster_tag(t->agent->config, p.cluster);
        if (self)
                p.address = self->address;
        else if ((r = vrrp_ip_parse(t->agent->config->advertise_address, &p.address)) < 0)
                return error_set(e, EXIT_FAILED, "this machine's address is not known");
        if ((r = vrrp_keyring_new(&t->keys->keys, &ring)) == 0 &&
            (r = vrrp_host_sealed(t->agent->host, &p, ring, &t->sealed)) < 0)
                vrrp_keyring_free(ring);
        if (r == 0) {
                agent_transport_connect(t);
                r = agent_exchange_join(t->agent, t);
        }
        if (r == 0)
                return 0;
        error_set(e, EXIT_FAILED, "the sealed transport cannot start on %s, %s port %u: %s", p.interface,
                  vrrp_ip_text(&p.address).v, p.port, strerror(-r));
        return r == -ENODEV || r == -EADDRNOTAVAIL ? 1 : r; /* still to come */
}

static int new_transport(struct agent *a, const struct vip_config *v, struct agent_transport **ret,
                         struct error *e) {
        struct agent_transport *t;

        if (a->n_transports == AGENT_TRANSPORTS)
                return error_set(e, EXIT_FAILED, "sealed groups on more than %d interfaces",
                                 AGENT_TRANSPORTS);
        t = calloc(1, sizeof *t);
        if (!t)
                return error_set(e, EXIT_FAILED, "out of memory");
        *t = (struct agent_transport){ .agent = a, .vip = v, .keys = agent_keys_find(a, v->key_file) };
        a->transports[a->n_transports++] = *ret = t;
        return 0;
}

int agent_transport_open(struct agent *a, const struct vip_config *v, struct agent_transport **ret,
                         struct error *e) {
        struct agent_transport *t = find(a, v->interface);
        int r;

        if (!t && (r = new_transport(a, v, &t, e)) < 0)
                return r;
        if (!t->sealed) {
                if (!t->keys->good) {
                        error_set(e, EXIT_FAILED, "%s", t->keys->problem);
                        agent_keys_retry(a);
                        return 1;
                }
                if ((r = agent_members_first(t, e)) != 0 || (r = open_sealed(t, e)) != 0)
                        return r;
                agent_members_warn(a, v, &t->list);
        }
        *ret = t;
        return 0;
}

void agent_transports_done(struct agent *a) {
        for (size_t i = 0; i < a->n_transports; i++)
                free(a->transports[i]);
}

/* ---- a newer list ---- */

struct store {
        struct agent_transport *t;
        struct vrrp_list list;
        char path[PATH_MAX];
        struct error e;
};

static int store_work(void *arg) {
        struct store *s = arg;

        return members_store(s->path, &s->list, &s->e);
}

static void adopt(struct agent_transport *t, const struct vrrp_list *list) {
        struct agent *a = t->agent;
        char text[HISTORY_REASON];

        t->list = *list;
        agent_members_text(list, text, sizeof text);
        agent_record(a, LOG_NOTICE, NULL, "list", "", "", text);
        agent_members_warn(a, t->vip, list);
        agent_transport_connect(t);
        for (size_t i = 0; i < a->n_groups; i++)
                if (a->groups[i].router && a->groups[i].transport == t)
                        vrrp_router_list(a->groups[i].router, list);
}

static void store_done(void *arg, int r) {
        CLEANUP(freep) struct store *s = arg;
        char text[HISTORY_REASON];

        if (s->t->storing == s->list.gen)
                s->t->storing = 0;
        if (r < 0) {
                snprintf(text, sizeof text, "%.80s: %.120s", s->path, s->e.message);
                agent_record(s->t->agent, LOG_ERR, NULL, "notice", "", "", text);
        } else if (s->list.gen > s->t->list.gen)
                adopt(s->t, &s->list);
}

int agent_transport_store(struct agent_transport *t, const struct vrrp_list *list) {
        struct store *s;
        int r;

        if (list->gen <= t->list.gen || list->gen <= t->storing)
                return 0; /* whoever asks gets it, or has it already */
        if (!(s = calloc(1, sizeof *s)))
                return -ENOMEM;
        s->t = t;
        s->list = *list;
        memcpy(s->path, t->path, sizeof s->path);
        r = worker_run(t->agent->worker, &(struct worker_job){ store_work, store_done, free, s });
        if (r < 0)
                free(s);
        else
                t->storing = list->gen;
        return r;
}
