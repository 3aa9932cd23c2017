/* What agents tell one another (exchange.h), on the sealed transport, and what follows from it here. Where
 * there are several transports the first that runs carries it: their members are the same machines. */
#include "agent/daemon_priv.h"
#include "agent/monotonic.h"
#include <errno.h>
#include <sys/random.h>

/* Not the loop's cached time: probes are compared with questions that came in the same round. */
struct health_when agent_health_now(void) {
        struct timespec t;

        clock_gettime(CLOCK_REALTIME, &t);
        return (struct health_when){ .us = (uint64_t)monotonic_us(),
                                     .system_ns = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec };
}

/* ---- from and to the others ---- */

static void on_message(void *userdata, const struct vrrp_sealed_in *in) {
        struct agent *a = userdata;

        if (in->type != VRRP_SEAL_HEALTH)
                return;
        health_node_receive(&a->node, in->src, in->body, in->size, agent_health_now());
        agent_balance_changed(a);
        agent_health_arm(a);
}

static void on_proven(void *userdata, uint64_t id) {
        struct agent *a = userdata;

        health_node_proven(&a->node, id, agent_health_now());
        agent_health_arm(a);
}

void agent_exchange_send(void *userdata, uint64_t dst, const uint8_t *body, size_t size) {
        struct agent *a = userdata;

        (void)vrrp_sealed_send(a->exchange->sealed, dst, 0, VRRP_SEAL_HEALTH, body, size); /* counted there */
}

/* Another master waits for a fresh measurement. The probes are started by the loop: one that fails at once
 * would be reported while the question is still being read. */
void agent_exchange_probe(void *userdata, unsigned checks) {
        struct agent *a = userdata;

        a->asked |= checks;
}

int agent_exchange_give_up(void *userdata, uint32_t group, uint64_t succ, const char *reason) {
        struct agent *a = userdata;
        int r = -EPERM;

        for (size_t i = 0; i < a->n_groups; i++) {
                struct agent_group *g = &a->groups[i];
                bool known = g->transport && vrrp_list_find(&g->transport->list, succ);

                if (g->router && (group == 0 || group == g->vip->vrid) &&
                    vrrp_router_give_up(g->router, known ? succ : 0, reason) == 0)
                        r = 0;
        }
        return r;
}

/* ---- this node, as the others are told ---- */

static void fill_keys(const struct agent_keys *k, struct health_self *s) {
        s->sends = k->keys.v[k->keys.send].id;
        for (size_t i = 0; i < k->keys.n && i < VRRP_KEYS; i++)
                s->accepts[s->n_accepts++] = k->keys.v[i].id;
}

static void fill_groups(const struct agent *a, struct health_self *s) {
        for (size_t i = 0; i < a->n_groups; i++) {
                const struct agent_group *g = &a->groups[i];
                struct vrrp_router_status status;

                s->standby |= g->standby;
                if (!g->router)
                        continue;
                vrrp_router_status(g->router, &status);
                if (status.state == VRRP_ACTIVE)
                        s->owns[g->vip->vrid / 8] |= (uint8_t)(1U << g->vip->vrid % 8);
        }
}

static void tell_self(struct agent *a) {
        const struct agent_transport *t = a->exchange;
        const struct vrrp_list_member *m = vrrp_list_find(&t->list, t->self);
        struct health_self s = { .priority = t->vip->priority,
                                 .gen = t->list.gen,
                                 .witness = m && m->witness };

        fill_keys(t->keys, &s);
        fill_groups(a, &s);
        health_node_list(&a->node, &t->list);
        health_node_self(&a->node, &s, agent_health_now());
}

static void probe_now(struct agent *a, unsigned checks) {
        if (a->api_server && checks >> HEALTH_API_SERVER & 1)
                http_probe_now(a->api_server);
        if (a->kubelet && checks >> HEALTH_KUBELET & 1)
                http_probe_now(a->kubelet);
        if (a->etcd && checks >> HEALTH_ETCD & 1)
                etcd_probe_now(a->etcd);
        if (a->clock && checks >> HEALTH_CLOCK & 1)
                clock_probe_now(a->clock);
        if (checks >> HEALTH_LINK & 1)
                agent_health_link(a);
}

void agent_exchange_due(struct agent *a) {
        unsigned asked = a->asked;

        if (!a->exchange)
                return;
        a->asked = 0;
        a->role_changed = false;
        tell_self(a);
        probe_now(a, asked);
}

/* Called by routers, in the midst of what changes them. */
void agent_exchange_changed(struct agent *a) {
        a->role_changed = a->exchange != NULL;
        agent_health_arm(a);
}

static struct evidence_params evidence_params(const struct config *c) {
        struct evidence_params p = evidence_params_default;

        p.timeout_us[HEALTH_API_SERVER] = c->health.api_server.timeout_us;
        p.timeout_us[HEALTH_ETCD] = c->health.etcd.timeout_us;
        p.timeout_us[HEALTH_KUBELET] = c->health.kubelet.timeout_us;
        return p;
}

int agent_exchange_join(struct agent *a, struct agent_transport *t) {
        static const struct vrrp_sealed_ops ops = { .message = on_message, .peer_restarted = on_proven };
        struct evidence_params p = evidence_params(a->config);
        struct health_when now = agent_health_now();
        uint64_t seed;
        int r;

        if (a->exchange)
                return 0;
        if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed)
                seed = now.us; /* early in the boot: the sessions keep old answers away, too */
        if ((r = vrrp_sealed_subscribe(t->sealed, 0, &ops, a)) < 0)
                return r;
        a->exchange = t;
        health_node_join(&a->node, t->self, seed, &p, now);
        tell_self(a);
        agent_health_arm(a);
        return 0;
}
