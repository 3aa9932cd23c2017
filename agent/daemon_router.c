/* The virtual router as the agent runs it: its parameters, and what it tells. */
#include "agent/daemon_priv.h"
#include "vrrp/clock.h"
#include <errno.h>

enum { VALID_LFT_S = 2, FRESH_INTERVALS = 10 };

/* The address moves because of health when this node gives it up in bad health, or takes it from one
 * that was worse. */
static bool is_health_move(const struct agent *a, enum vrrp_state from, enum vrrp_state to) {
        struct vrrp_router_status s;
        uint64_t now = vrrp_now_us();

        if (from == VRRP_ACTIVE)
                return to == VRRP_BACKUP && a->health.published != VRRP_HEALTHY;
        if (to != VRRP_ACTIVE)
                return false;
        vrrp_router_status(a->router, &s);
        for (size_t i = 0; i < s.n_peers; i++)
                if (s.peers[i].last_us + (uint64_t)FRESH_INTERVALS * s.interval_us > now &&
                    vrrp_class_of_priority(s.priority_configured, s.peers[i].priority) > a->health.published)
                        return true;
        return false;
}

static void on_state(void *userdata, enum vrrp_state from, enum vrrp_state to, const char *reason) {
        struct agent *a = userdata;

        if (to == VRRP_ACTIVE)
                a->became_active++;
        if (from == VRRP_ACTIVE)
                a->lost_active++;
        if (is_health_move(a, from, to))
                health_moved(&a->health, agent_now_us(a));
        agent_record(a, LOG_NOTICE, JOURNAL_ID_STATE, "state", vrrp_state_name(from), vrrp_state_name(to),
                     reason ? reason : "");
        agent_notify_status(a);
}

static void on_link(void *userdata, bool up) {
        struct agent *a = userdata;

        agent_record(a, up ? LOG_NOTICE : LOG_WARNING, NULL, "link", up ? "down" : "up", up ? "up" : "down",
                     config_vip(a->config)->interface);
        agent_health_link(a, up);
}

static void on_notice(void *userdata, const char *text) {
        agent_record(userdata, LOG_WARNING, JOURNAL_ID_NOTICE, "notice", "", "", text);
}

static enum vrrp_preempt preempt(enum vip_preempt p) {
        static const enum vrrp_preempt map[] = { [VIP_PREEMPT_HEALTH] = VRRP_PREEMPT_HEALTH,
                                                 [VIP_PREEMPT_ALWAYS] = VRRP_PREEMPT_ALWAYS,
                                                 [VIP_PREEMPT_NEVER] = VRRP_PREEMPT_NEVER };

        return map[p];
}

static struct vrrp_router_params params(const struct config *c) {
        const struct vip_config *v = config_vip(c);
        struct vrrp_router_params p = {
                .vrid = v->vrid,
                .priority = v->priority,
                .interval_us = v->interval_us,
                .preempt = preempt(v->preempt),
                .accept = true,
                .vips = { v->addresses[0].ip },
                .n_vips = 1,
                .interface = v->interface,
                .self = v->self,
                .valid_lft_s = VALID_LFT_S,
        };

        for (size_t i = 0; v->unicast && i < v->n_members && p.n_peers < VRRP_MAX_MEMBERS; i++)
                if (strcmp(v->members[i].name, c->node_name) != 0)
                        p.peers[p.n_peers++] = v->members[i].address;
        return p;
}

static int not_yet(struct agent *a, const char *why) {
        snprintf(a->problem, sizeof a->problem, "%.*s", (int)sizeof a->problem - 1, why);
        return 1;
}

int agent_router_open(struct agent *a, struct error *e) {
        static const struct vrrp_router_ops ops = { on_state, on_link, on_notice, NULL };
        struct vrrp_router_status s;
        struct vrrp_router_params p;
        int r;

        if (config_resolve(a->config, e) < 0)
                return not_yet(a, e->message); /* the interface or its address is still to come */
        if (!a->config->vips.n)
                return 0;
        p = params(a->config);
        r = a->host ? 0 : vrrp_host_new(a->loop, &a->host);
        if (r == 0)
                r = vrrp_router_new(a->host, &p, &ops, a, &a->router);
        if (r == -ENODEV)
                return not_yet(a, "the interface is not there yet");
        if (r < 0)
                return error_set(e, EXIT_FAILED, "the virtual router cannot start on %s: %s%s", p.interface,
                                 strerror(-r), r == -EPERM ? "; it needs CAP_NET_ADMIN and CAP_NET_RAW" : "");
        vrrp_router_set_class(a->router, a->health.published, a->health.reason);
        vrrp_router_start(a->router);
        vrrp_router_status(a->router, &s);
        agent_health_link(a, s.link_up);
        return 0;
}
