/* The virtual routers as the agent runs them: their parameters, and what they tell. */
#include "agent/daemon_priv.h"
#include "vrrp/clock.h"
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>

enum { VALID_LFT_S = 2 };

/* Without exchange with the others: the address moves because of health when this node gives it up in bad
 * health, or takes it from one that was worse. */
static bool is_health_move(const struct agent_group *g, enum vrrp_state from, enum vrrp_state to) {
        struct vrrp_router_status s;
        enum vrrp_class own = g->agent->health.published;
        uint64_t now = vrrp_now_us();

        if (from == VRRP_ACTIVE)
                return to == VRRP_BACKUP && own != VRRP_HEALTHY;
        if (to != VRRP_ACTIVE)
                return false;
        vrrp_router_status(g->router, &s);
        for (size_t i = 0; i < s.n_peers; i++)
                if (s.peers[i].last_us + (uint64_t)AGENT_FRESH_INTERVALS * s.interval_us > now &&
                    s.peers[i].class > own)
                        return true;
        return false;
}

/* "10.0.0.9: REASON" where it would not be clear whose state it is. */
static void record(struct agent_group *g, int priority, const char *id, const char *what, const char *from,
                   const char *to, const char *reason) {
        char text[HISTORY_REASON];

        if (g->agent->n_groups == 1) {
                agent_record(g->agent, priority, id, what, from, to, reason);
                return;
        }
        snprintf(text, sizeof text, "%s: %s", agent_group_name(g).v, reason);
        agent_record(g->agent, priority, id, what, from, to, text);
}

static void on_state(void *userdata, enum vrrp_state from, enum vrrp_state to, const char *reason) {
        struct agent_group *g = userdata;
        struct agent *a = g->agent;

        if (to == VRRP_ACTIVE)
                g->became_active++;
        if (from == VRRP_ACTIVE)
                g->lost_active++;
        if (!a->exchange && is_health_move(g, from, to))
                health_moved(&a->health, agent_now_us(a));
        record(g, LOG_NOTICE, JOURNAL_ID_STATE, "state", vrrp_state_name(from), vrrp_state_name(to),
               reason ? reason : "");
        agent_exchange_changed(a);
        agent_balance_changed(a);
        agent_notify_status(a);
}

static void on_link(void *userdata, bool up) {
        struct agent_group *g = userdata;

        g->link_up = up;
        record(g, up ? LOG_NOTICE : LOG_WARNING, NULL, "link", up ? "down" : "up", up ? "up" : "down",
               g->vip->interface);
        agent_health_link(g->agent);
        if (up && g->transport) { /* its sockets may have gone with an interface that was made anew */
                g->transport->incomplete = true;
                agent_look_again(g->agent);
        }
}

static void on_notice(void *userdata, const char *text) {
        record(userdata, LOG_WARNING, JOURNAL_ID_NOTICE, "notice", "", "", text);
}

static int on_store_list(void *userdata, const struct vrrp_list *list) {
        struct agent_group *g = userdata;

        return agent_transport_store(g->transport, list);
}

static const struct vrrp_router_ops router_ops = { on_state, on_link, on_notice, on_store_list };

/* ---- parameters ---- */

static enum vrrp_preempt preempt(enum vip_preempt p) {
        static const enum vrrp_preempt map[] = { [VIP_PREEMPT_HEALTH] = VRRP_PREEMPT_HEALTH,
                                                 [VIP_PREEMPT_ALWAYS] = VRRP_PREEMPT_ALWAYS,
                                                 [VIP_PREEMPT_NEVER] = VRRP_PREEMPT_NEVER };

        return map[p];
}

static bool is_witness(const struct agent_group *g) {
        const struct member *m = config_member(g->vip, g->agent->config->node_name);
        const struct vrrp_list_member *l =
                g->transport ? vrrp_list_find(&g->transport->list, g->transport->self) : NULL;

        return l ? l->witness : m && m->witness;
}

static void set_addresses(const struct agent_group *g, struct vrrp_router_params *p) {
        const struct vip_config *v = g->vip;

        for (size_t i = 0; i < v->n_addresses && p->n_vips < VRRP_MAX_VIPS; i++)
                if (g->family == AF_UNSPEC || g->family == v->addresses[i].ip.family)
                        p->vips[p->n_vips++] = v->addresses[i].ip;
        if (g->family == AF_UNSPEC || g->family == v->self.family)
                p->self = v->self;
}

static void set_ip(const struct agent_group *g, struct vrrp_router_params *p) {
        const struct vip_config *v = g->vip;

        p->transport = VRRP_TRANSPORT_IP;
        p->election = VRRP_ELECTION_PRIORITY;
        p->version = v->version;
        p->sum = v->checksum == VIP_CHECKSUM_RFC9568 ? VRRP_SUM_MESSAGE : VRRP_SUM_PSEUDO_HEADER;
        for (size_t i = 0; v->unicast && i < v->n_members && p->n_peers < VRRP_MAX_MEMBERS; i++)
                if (strcmp(v->members[i].name, g->agent->config->node_name) != 0 &&
                    v->members[i].address.family == g->family)
                        p->peers[p->n_peers++] = v->members[i].address;
}

static void set_sealed(const struct agent_group *g, struct vrrp_router_params *p) {
        p->transport = VRRP_TRANSPORT_SEALED;
        p->election =
                g->vip->election == VIP_ELECTION_MAJORITY ? VRRP_ELECTION_MAJORITY : VRRP_ELECTION_PRIORITY;
        p->sealed = g->transport->sealed;
        p->member = g->transport->self;
        p->list = g->transport->list;
        p->witness = is_witness(g);
        p->removal_us = g->vip->removal_us;
}

static void set_params(const struct agent_group *g, struct vrrp_router_params *p) {
        const struct vip_config *v = g->vip;

        *p = (struct vrrp_router_params){
                .vrid = v->vrid,
                .priority = v->priority,
                .interval_us = v->interval_us,
                .preempt = preempt(v->preempt),
                .preempt_delay_us = v->preempt_delay_us,
                .accept = v->accept,
                .virtual_mac = v->virtual_mac,
                .interface = v->interface,
                .valid_lft_s = VALID_LFT_S,
                .keep = g->agent->keep && v->election != VIP_ELECTION_MAJORITY,
        };
        set_addresses(g, p);
        if (v->transport == VIP_TRANSPORT_SEALED)
                set_sealed(g, p);
        else
                set_ip(g, p);
}

/* ---- groups ---- */

struct vrrp_ip_text agent_group_name(const struct agent_group *g) {
        const struct vip_config *v = g->vip;

        for (size_t i = 0; i < v->n_addresses; i++)
                if (g->family == AF_UNSPEC || g->family == v->addresses[i].ip.family)
                        return vrrp_ip_text(&v->addresses[i].ip);
        return (struct vrrp_ip_text){ "" };
}

static bool has_family(const struct vip_config *v, uint8_t family) {
        for (size_t i = 0; i < v->n_addresses; i++)
                if (v->addresses[i].ip.family == family)
                        return true;
        return false;
}

static void add_group(struct agent *a, struct vip_config *v, uint8_t family) {
        a->groups[a->n_groups++] =
                (struct agent_group){ .agent = a, .vip = v, .family = family, .standby = v->standby };
}

int agent_groups_init(struct agent *a) {
        struct config *c = a->config;

        a->groups = calloc(2 * c->vips.n + 1, sizeof *a->groups);
        if (!a->groups)
                return -ENOMEM;
        for (size_t i = 0; i < c->vips.n; i++) {
                struct vip_config *v = &c->vips.items[i];

                if (v->transport == VIP_TRANSPORT_SEALED)
                        add_group(a, v, AF_UNSPEC);
                else {
                        if (has_family(v, AF_INET))
                                add_group(a, v, AF_INET);
                        if (has_family(v, AF_INET6))
                                add_group(a, v, AF_INET6);
                }
        }
        return 0;
}

static int not_yet(struct agent_group *g, const char *why) {
        bool news = strncmp(g->problem, why, sizeof g->problem - 1) != 0;

        snprintf(g->problem, sizeof g->problem, "%.*s", (int)sizeof g->problem - 1, why);
        if (news)
                record(g, LOG_WARNING, NULL, "agent", "", "", g->problem);
        return 1;
}

static int open_router(struct agent_group *g, struct error *e) {
        struct vrrp_router_params p;
        int r;

        set_params(g, &p);
        r = vrrp_router_new(g->agent->host, &p, &router_ops, g, &g->router);
        if (r == -ENODEV)
                return not_yet(g, "the interface is not there yet");
        if (r == -EOPNOTSUPP)
                return not_yet(g, "accept: false needs nftables and Linux 5.12, which this kernel has not");
        if (r < 0)
                return error_set(e, EXIT_FAILED, "the virtual router of %s cannot start on %s: %s%s",
                                 agent_group_name(g).v, p.interface, strerror(-r),
                                 r == -EPERM ? "; it needs CAP_NET_ADMIN and CAP_NET_RAW" : "");
        return 0;
}

static int open_group(struct agent_group *g, const struct ifaddrs *addresses, struct error *e) {
        struct agent *a = g->agent;
        struct vrrp_router_status s;
        int r;

        if (config_resolve_vip(a->config, g->vip, addresses, e) < 0)
                return not_yet(g, e->message); /* the interface or its address is still to come */
        if (g->vip->transport == VIP_TRANSPORT_SEALED && !g->transport &&
            (r = agent_transport_open(a, g->vip, &g->transport, e)) != 0)
                return r < 0 ? r : not_yet(g, e->message);
        if ((r = open_router(g, e)) != 0)
                return r;
        g->problem[0] = '\0';
        vrrp_router_set_class(g->router, a->health.published, a->health.reason);
        agent_group_standby(g, g->standby);
        vrrp_router_start(g->router);
        vrrp_router_status(g->router, &s);
        g->link_up = s.link_up;
        return 0;
}

void agent_group_standby(struct agent_group *g, bool on) {
        g->standby = on;
        agent_exchange_changed(g->agent);
        if (g->router) /* the lease knows of witnesses itself */
                vrrp_router_standby(g->router,
                                    on || (is_witness(g) && g->vip->election != VIP_ELECTION_MAJORITY));
}

static bool is_running(const struct ifaddrs *addresses, const char *interface) {
        for (const struct ifaddrs *i = addresses; interface && i; i = i->ifa_next)
                if (!strcmp(i->ifa_name, interface) && i->ifa_flags & IFF_RUNNING)
                        return true;
        return false;
}

/* To keep an address and not be fit for it would lose it: the program that has it goes on until we are. True:
 * not yet. */
static bool wait_until_healthy(struct agent_group *g, const struct ifaddrs *addresses, struct error *e) {
        struct agent *a = g->agent;

        if (!a->keep || a->health.published == VRRP_HEALTHY)
                return false;
        if (config_resolve_vip(a->config, g->vip, addresses, e) < 0)
                return not_yet(g, e->message);
        g->link_up = is_running(addresses, g->vip->interface);
        return not_yet(g, "it waits until this machine is healthy");
}

int agent_groups_open(struct agent *a, struct error *e) {
        struct ifaddrs *addresses = NULL;
        int worst = 0, r = 0;

        if (!a->host && (r = vrrp_host_new(a->loop, &a->host)) < 0)
                return error_set(e, EXIT_FAILED, "the kernel's links cannot be watched: %s", strerror(-r));
        if (getifaddrs(&addresses) < 0)
                return error_set(e, EXIT_FAILED, "the host's addresses cannot be read: %s", strerror(errno));
        for (size_t i = 0; i < a->n_groups && r >= 0; i++)
                if (!a->groups[i].router && (wait_until_healthy(&a->groups[i], addresses, e) ||
                                             (r = open_group(&a->groups[i], addresses, e)) > 0))
                        worst = 1;
        freeifaddrs(addresses);
        agent_health_link(a);
        return r < 0 ? r : worst;
}

void agent_groups_stop(struct agent *a) {
        for (size_t i = 0; i < a->n_groups; i++)
                if (a->groups[i].router)
                        vrrp_router_stop(a->groups[i].router);
}

void agent_groups_done(struct agent *a) {
        for (size_t i = 0; i < a->n_groups; i++)
                vrrp_router_free(a->groups[i].router);
        vrrp_host_free(a->host); /* and the transports with it */
        free(a->groups);
}
