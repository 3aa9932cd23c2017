#include "agent/preflight.h"
#include "agent/reset.h"
#include "agent/unit.h"
#include "vrrp/router.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <time.h>

#define KUBELET_PODS "/var/lib/kubelet/pods"

enum { STOP_TIMEOUT_S = 90, PODS_TIMEOUT_S = 60, API_PORT = 6443 };

static const struct {
        const char *name;
        bool agent; /* else the kubelet's turn, later */
} units[] = {
        { "triarch-reconcile.service", true }, { "triarch-agent.service", true },
        { "triarch-enroll.socket", true },     { "triarch-enroll.service", true },
        { "kubelet.service", false },
};

/* A static unit file (the enrolment service) is never enabled, and a missing one is already off. */
static int unit_off(struct unit_bus *b, const char *unit, struct error *e) {
        bool changed, enabled;
        char state[32];
        int r;

        if ((r = unit_state(b, unit, state, e)) < 0)
                return r;
        if (!strcmp(state, "not-found"))
                return 0;
        if (strcmp(state, "inactive") != 0 && strcmp(state, "failed") != 0) {
                printf("[reset] stopping %s\n", unit);
                fflush(stdout);
                if ((r = unit_stop(b, unit, STOP_TIMEOUT_S, e)) < 0)
                        return r;
        }
        if ((r = unit_enabled(b, unit, &enabled, e)) < 0 || !enabled)
                return r;
        return unit_disable(b, unit, &changed, e);
}

static int units_off(struct unit_bus *b, bool agent, struct error *e) {
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(units) && r == 0; i++)
                if (units[i].agent == agent)
                        r = unit_off(b, units[i].name, e);
        return r;
}

static bool flush_address(const struct vrrp_ip *ip, struct error *e) {
        unsigned removed = 0;
        int k = vrrp_address_flush(ip, NULL, &removed);

        if (k < 0) {
                error_set(e, EXIT_FAILED, "the virtual address %s cannot be removed: %s", vrrp_ip_text(ip).v,
                          strerror(-k));
                return false;
        }
        if (removed)
                printf("[reset] %s removed from the interface\n", vrrp_ip_text(ip).v);
        return true;
}

static bool flush_addresses(const struct config *c, struct error *e) {
        for (size_t i = 0; c && i < c->vips.n; i++)
                for (size_t j = 0; j < c->vips.items[i].n_addresses; j++)
                        if (!flush_address(&c->vips.items[i].addresses[j].ip, e))
                                return false;
        return true;
}

int reset_agent_off(struct reset *r, struct unit_bus *b, struct error *e) {
        int k = units_off(b, true, e);

        if (k < 0)
                return k;
        return flush_addresses(r->config, e) ? 0 : -EIO;
}

/* The first port of a static pod on which something listens, 0 when none. */
static unsigned busy_port(const struct reset *r, bool etcd) {
        const unsigned ports[] = { r->config ? r->config->bind_port : API_PORT, 10259, 10257, 2379, 2380 };

        for (size_t i = 0; i < ARRAY_SIZE(ports) - (etcd ? 0 : 2); i++)
                if (preflight_try_listen((uint16_t)ports[i], (struct in_addr){ INADDR_ANY }) == -EADDRINUSE)
                        return ports[i];
        return 0;
}

/* The kubelet names a pod's directory by its uid: a static pod's is a hash without the dashes of a UUID. */
unsigned reset_count_pods(const char *dir, bool of_static) {
        DIR *d = opendir(dir);
        const struct dirent *entry;
        unsigned n = 0;

        while (d && (entry = readdir(d)))
                n += *entry->d_name != '.' && (strchr(entry->d_name, '-') == NULL) == of_static;
        if (d)
                closedir(d);
        return n;
}

static bool kubelet_runs(struct unit_bus *b) {
        char state[32];

        return unit_state(b, "kubelet.service", state, NULL) == 0 && !strcmp(state, "active");
}

static void warn_of_the_rest(struct reset *r, unsigned port) {
        unsigned others = reset_count_pods(KUBELET_PODS, false);

        if (port)
                reset_warn(r,
                           "something still listens on port %u: end the containers that are left through the "
                           "container runtime",
                           port);
        if (others)
                reset_warn(r,
                           "%u other pods were on this machine (" KUBELET_PODS
                           "): end their containers through the container runtime",
                           others);
}

/* The kubelet ends a static pod when its manifest is gone, so it must still run here. Its ports are closed
 * before its sandbox is gone; of that the pod's directory tells, which the kubelet removes last. */
void reset_wait_for_pods(struct reset *r, struct unit_bus *b, bool etcd) {
        bool runs = kubelet_runs(b);
        unsigned port = 0, pods = 0;

        for (unsigned tenths = 0; tenths < PODS_TIMEOUT_S * 10; tenths++) {
                port = busy_port(r, etcd);
                pods = etcd ? reset_count_pods(KUBELET_PODS, true) : 0;
                if (!runs || (!port && !pods))
                        break;
                if (tenths % 100 == 0)
                        printf("[reset] waiting for the static pods to end (%s %u; %u s of %d s)\n",
                               port ? "port" : "pods left:", port ? port : pods, tenths / 10, PODS_TIMEOUT_S);
                fflush(stdout);
                nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
        }
        if (etcd)
                warn_of_the_rest(r, port);
}

int reset_kubelet_off(struct unit_bus *b, struct error *e) {
        return units_off(b, false, e);
}
