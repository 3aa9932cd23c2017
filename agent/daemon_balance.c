/* Over whom the owner of the control plane's address spreads new connections to the API server: those who are
 * heard and healthy. Decided here, in the loop; done by the worker, for it may take its time. */
#include "agent/balance.h"
#include "agent/daemon_priv.h"
#include "vrrp/clock.h"
#include <errno.h>
#include <fcntl.h>

enum { LOOK_US = 100000, RETRY_LOOKS = 50, LOOK_ACCURACY_US = 10000, HEARD_INTERVALS = 5 };

struct agent_balance {
        struct agent *agent;
        sd_event_source *timer;
        struct balance_kernel *kernel; /* the worker's alone */
        struct balance wanted, given;  /* given: to the worker, last */
        bool busy;
        unsigned looks; /* since it failed */
        char problem[BALANCE_ERROR];
};
struct job {
        struct agent_balance *b;
        struct balance want;
        char why[BALANCE_ERROR];
};

/* ---- who ---- */

static struct agent_group *group_of(const struct agent *a) {
        const struct vip_config *v = config_vip(a->config);

        for (size_t i = 0; i < a->n_groups; i++)
                if (a->groups[i].vip == v && a->groups[i].transport && a->groups[i].router)
                        return &a->groups[i];
        return NULL;
}

static bool is_heard(const struct vrrp_router_status *s, uint64_t id) {
        for (size_t i = 0; i < s->n_peers; i++)
                if (s->peers[i].id == id)
                        return vrrp_now_us() <
                               s->peers[i].last_us + (uint64_t)HEARD_INTERVALS * s->interval_us;
        return false;
}

static bool takes_part(const struct agent *a, const struct agent_transport *t,
                       const struct vrrp_router_status *s, const struct vrrp_list_member *m) {
        const struct exchange_peer *x;

        if (m->witness)
                return false;
        if (m->id == t->self)
                return a->health.published == VRRP_HEALTHY;
        x = exchange_find(&a->node.exchange, m->id);
        return x && exchange_fresh(x, agent_health_now().us) && is_heard(s, m->id) &&
               x->report.class == VRRP_HEALTHY && !x->report.standby;
}

static void add_targets(const struct agent_group *g, const struct vrrp_router_status *s, struct balance *b) {
        const struct agent_transport *t = g->transport;

        for (size_t i = 0; i < t->list.n; i++) {
                const struct vrrp_list_member *m = &t->list.v[i];

                if (m->id == t->self)
                        b->self = m->address;
                if (takes_part(g->agent, t, s, m) && b->n_targets < BALANCE_TARGETS)
                        b->targets[b->n_targets++] = m->address;
        }
}

/* Nothing while the address is elsewhere. */
static void decide(const struct agent *a, struct balance *ret) {
        const struct agent_group *g = group_of(a);
        struct vrrp_router_status s;

        *ret = (struct balance){ .port = a->config->bind_port };
        if (!g)
                return;
        vrrp_router_status(g->router, &s);
        if (s.state != VRRP_ACTIVE)
                return;
        add_targets(g, &s, ret);
        for (size_t i = 0; i < g->vip->n_addresses && ret->n_vips < BALANCE_VIPS; i++)
                if (g->vip->addresses[i].ip.family == ret->self.family)
                        ret->vips[ret->n_vips++] = g->vip->addresses[i].ip;
}

/* ---- the worker's part ---- */

static bool forwards(uint8_t family) {
        const char *path = family == AF_INET6 ? "/proc/sys/net/ipv6/conf/all/forwarding"
                                              : "/proc/sys/net/ipv4/ip_forward";
        CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
        char c = '1';

        return fd < 0 || read(fd, &c, 1) != 1 || c != '0';
}

static int work(void *arg) {
        struct job *j = arg;
        struct agent_balance *b = j->b;
        int r;

        if (balance_spreads(&j->want) && !forwards(j->want.self.family)) {
                j->want.n_targets = 0; /* what went elsewhere would be lost */
                snprintf(j->why, sizeof j->why, "this machine does not forward packets (sysctl %s)",
                         j->want.self.family == AF_INET6 ? "net.ipv6.conf.all.forwarding"
                                                         : "net.ipv4.ip_forward");
        }
        if (!b->kernel && !balance_spreads(&j->want))
                return *j->why ? -EHOSTUNREACH : 0;
        if (!b->kernel && (r = balance_kernel_new(&b->kernel, j->why)) < 0)
                return r;
        if (*j->why) {
                char unused[BALANCE_ERROR];

                balance_kernel_set(b->kernel, &j->want, unused);
                return -EHOSTUNREACH;
        }
        return balance_kernel_set(b->kernel, &j->want, j->why);
}

static void look(struct agent_balance *b);

static void tell(struct agent_balance *b, int r, const char *why) {
        char text[HISTORY_REASON] = "to this machine alone";
        size_t used = 0;

        if (r < 0 && strcmp(why, b->problem) != 0)
                agent_record(b->agent, LOG_ERR, NULL, "balance", "", "", why);
        snprintf(b->problem, sizeof b->problem, "%s", r < 0 ? why : "");
        if (r < 0)
                return;
        for (size_t i = 0; balance_spreads(&b->given) && i < b->given.n_targets && used < sizeof text; i++)
                used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? ", " : "over ",
                                         vrrp_ip_text(&b->given.targets[i]).v);
        if (b->given.n_vips)
                agent_record(b->agent, LOG_NOTICE, NULL, "balance", "", "", text);
}

static void done(void *arg, int r) {
        struct job *j = arg;
        struct agent_balance *b = j->b;

        b->busy = false;
        b->looks = 0;
        tell(b, r, j->why);
        free(j);
        look(b);
}

static void drop(void *arg) {
        free(arg);
}

static void look(struct agent_balance *b) {
        struct job *j;

        decide(b->agent, &b->wanted);
        if (b->busy || balance_equal(&b->wanted, &b->given) || !(j = calloc(1, sizeof *j)))
                return;
        *j = (struct job){ .b = b, .want = b->wanted };
        if (worker_run(b->agent->worker, &(struct worker_job){ work, done, drop, j }) < 0) {
                free(j);
                return;
        }
        b->busy = true;
        b->given = b->wanted;
}

/* ---- in the loop ---- */

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        struct agent_balance *b = userdata;

        if (*b->problem && ++b->looks >= RETRY_LOOKS && !b->busy)
                b->given = (struct balance){ 0 }; /* what was wrong may have been put right */
        look(b);
        sd_event_source_set_time(s, usec + LOOK_US);
        return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

void agent_balance_changed(struct agent *a) {
        if (a->balance)
                look(a->balance);
}

int agent_balance_init(struct agent *a) {
        struct agent_balance *b;
        int r;

        if (!a->config->api_load_balancing)
                return 0;
        if (!(b = calloc(1, sizeof *b)))
                return -ENOMEM;
        b->agent = a;
        decide(a, &b->given);
        r = sd_event_add_time(a->loop, &b->timer, CLOCK_MONOTONIC, agent_now_us(a), LOOK_ACCURACY_US,
                              on_timer, b);
        if (r < 0) {
                free(b);
                return r;
        }
        a->balance = b;
        return 0;
}

const struct balance *agent_balance_now(const struct agent *a, const char **ret_problem) {
        const struct agent_balance *b = a->balance;

        *ret_problem = b ? b->problem : "";
        return b && !b->busy && !*b->problem ? &b->given : NULL;
}

/* After the worker, which uses it. */
void agent_balance_done(struct agent *a) {
        if (!a->balance)
                return;
        sd_event_source_disable_unref(a->balance->timer);
        balance_kernel_free(a->balance->kernel);
        free(a->balance);
        a->balance = NULL;
}
