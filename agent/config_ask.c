/* What follows from a finished configuration, for those who act on it. */
#include "agent/config.h"
#include <arpa/inet.h>

const struct taints *config_taints(const struct config *c, bool worker) {
        static const struct taint master = { (char *)"node-role.kubernetes.io/control-plane", (char *)"",
                                             (char *)"NoSchedule" };
        static const struct taints of_master = { (struct taint *)&master, 1 }, none = { NULL, 0 };

        if (c->taints_given)
                return &c->taints;
        return worker ? &none : &of_master;
}

static int family_of(const char *text) {
        return strchr(text, ':') ? AF_INET6 : AF_INET;
}

/* "NETWORK" or "NETWORK,NETWORK" */
static bool list_uses(const char *list, int family) {
        const char *comma = list ? strchr(list, ',') : NULL;

        if (!list)
                return false;
        if (comma && family_of(comma) == family)
                return true;
        for (const char *p = list; p != comma && *p; p++)
                if (*p == ':')
                        return family == AF_INET6;
        return family == AF_INET;
}

bool config_uses_family(const struct config *c, int family) {
        return list_uses(c->service_subnet, family) || list_uses(c->pod_subnet, family) ||
               (c->advertise_address && family_of(c->advertise_address) == family);
}

const char *config_host_port(const char *host, unsigned port, char out[CONFIG_HOST_PORT_SIZE]) {
        bool brackets = family_of(host) == AF_INET6;

        snprintf(out, CONFIG_HOST_PORT_SIZE, "%s%s%s:%u", brackets ? "[" : "", host, brackets ? "]" : "",
                 port);
        return out;
}

bool config_gate(const struct config *c, const char *name, bool otherwise) {
        for (size_t i = 0; i < c->feature_gates.n; i++)
                if (!strcmp(c->feature_gates.items[i].name, name))
                        return c->feature_gates.items[i].on;
        return otherwise;
}
