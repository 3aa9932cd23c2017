#include "agent/chrony.h"
#include "agent/host.h"
#include "agent/monotonic.h"
#include "agent/preflight.h"
#include "vrrp/neighbour.h"
#include "vrrp/port.h"
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>

/* Three default intervals of other makers' routers are 3 s; ours and most are heard within one second. */
enum { PROBE_MS = 1000, LISTEN_MS = 1500 };

/* As a server would: TIME_WAIT of an earlier one is no obstacle. */
static int try_bind(int type, const void *address, socklen_t size) {
        const struct sockaddr *sa = address;
        CLEANUP(closep) int fd = socket(sa->sa_family, type | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        if (sa->sa_family == AF_INET6)
                setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 0 }, sizeof(int));
        if (type == SOCK_STREAM)
                setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
        return bind(fd, sa, size) < 0 || (type == SOCK_STREAM && listen(fd, 1) < 0) ? -errno : 0;
}

/* Whoever has the port, on an address of either family; where the kernel has no IPv6, of IPv4. */
static int try_any(int type, uint16_t port) {
        const struct sockaddr_in6 both = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
        const struct sockaddr_in ipv4 = { .sin_family = AF_INET, .sin_port = htons(port) };
        int r = try_bind(type, &both, sizeof both);

        return r == 0 || r == -EADDRINUSE ? r : try_bind(type, &ipv4, sizeof ipv4);
}

int preflight_try_listen(uint16_t port, struct in_addr address) {
        const struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = address };

        if (address.s_addr == INADDR_ANY)
                return try_any(SOCK_STREAM, port);
        return try_bind(SOCK_STREAM, &sa, sizeof sa);
}

int preflight_try_datagrams(uint16_t port) {
        return try_any(SOCK_DGRAM, port);
}

static void tell_port(struct preflight *p, const struct preflight_check *c, const char *kind, unsigned port,
                      const char *whose, int r) {
        char name[96];

        snprintf(name, sizeof name, "%s-%u", c->name, port);
        if (r == -EADDRINUSE)
                preflight_add(p, c->level, name, "%s %u, which is for %s, is in use", kind, port, whose);
        else
                preflight_add(p, c->level, name, "%s %u, which is for %s, cannot be used: %s", kind, port,
                              whose, strerror(-r));
}

static void check_port(struct preflight *p, const struct preflight_check *c, unsigned port,
                       struct in_addr address, const char *whose) {
        int r = p->rerun ? 0 : preflight_try_listen((uint16_t)port, address);

        if (r < 0)
                tell_port(p, c, "port", port, whose, r);
}

void preflight_port(struct preflight *p, const struct preflight_check *c) {
        bool etcd = c->port == 2379 || c->port == 2380;

        if (!etcd || !p->ctx->config->etcd_external.endpoints.n)
                check_port(p, c, c->port, (struct in_addr){ INADDR_ANY }, c->arg);
}

void preflight_api_port(struct preflight *p, const struct preflight_check *c) {
        check_port(p, c, p->ctx->config->bind_port, (struct in_addr){ INADDR_ANY }, "kube-apiserver");
}

void preflight_enroll_port(struct preflight *p, const struct preflight_check *c) {
        check_port(p, c, p->ctx->config->enroll_port, (struct in_addr){ INADDR_ANY }, "enrolment");
}

void preflight_metrics_port(struct preflight *p, const struct preflight_check *c) {
        check_port(p, c, p->ctx->config->metrics_port, (struct in_addr){ htonl(INADDR_LOOPBACK) },
                   "the agent's metrics");
}

void preflight_sealed_port(struct preflight *p, const struct preflight_check *c) {
        const struct vip_config *v = config_vip(p->ctx->config);
        int r = v && v->transport == VIP_TRANSPORT_SEALED && !p->rerun ? preflight_try_datagrams(v->port) : 0;

        if (r < 0)
                tell_port(p, c, "UDP port", v->port, "the virtual address's members", r);
}

void preflight_time(struct preflight *p, const struct preflight_check *c) {
        const struct config *config = p->ctx->config;
        struct clock_state s;
        struct timespec now;
        char both[160];

        clock_read(config->health.clock.port, 1000, config->time_max_offset_s, &s);
        if (s.verdict == CLOCK_GOOD)
                return;
        /* The phase host is about to give chrony its servers, and waits for them. */
        if (s.verdict != CLOCK_OFFSET && config->time_servers.n > 0 && host_will_do(p->ctx, "time"))
                return;
        clock_gettime(CLOCK_REALTIME, &now);
        clock_both_times(&s, now, both, sizeof both);
        if (s.verdict == CLOCK_OFFSET)
                preflight_add(p, c->level, c->name, "the clock is wrong (%s): %s", s.reason, both);
        else
                preflight_add(p, c->level, c->name,
                              "the clock is not known to be right (%s); start chronyd and wait until it is "
                              "synchronised",
                              s.reason);
}

static struct vrrp_ip host_address(const struct ifaddrs *i) {
        struct sockaddr_storage sa = { 0 };
        int family = i->ifa_addr ? i->ifa_addr->sa_family : AF_UNSPEC;

        if (family != AF_INET && family != AF_INET6)
                return (struct vrrp_ip){ 0 };
        memcpy(&sa, i->ifa_addr,
               family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
        return vrrp_ip_of_sockaddr(&sa);
}

/* Does an address of the interface (any, when NULL), of the VIP's family, satisfy the test? `seen`: the last
 * of them, for the message. */
static bool interface_has(const char *interface, const struct vip_config *vip,
                          bool (*test)(const struct vip_config *vip, const struct vrrp_ip *a),
                          struct vrrp_ip_text *seen) {
        struct ifaddrs *list = NULL;
        bool found = false;

        if (getifaddrs(&list) < 0)
                return false;
        for (const struct ifaddrs *i = list; i && !found; i = i->ifa_next) {
                struct vrrp_ip ip = host_address(i);

                if (ip.family != vip->addresses[0].ip.family ||
                    (interface && strcmp(i->ifa_name, interface) != 0))
                        continue;
                *seen = vrrp_ip_text(&ip);
                found = test(vip, &ip);
        }
        freeifaddrs(list);
        return found;
}

static bool carries_network(const struct vip_config *vip, const struct vrrp_ip *a) {
        const struct vip_address *first = &vip->addresses[0];

        return !vrrp_ip_equal(a, &first->ip) && vrrp_ip_same_network(a, &first->ip, first->prefix);
}

void preflight_vip_interface(struct preflight *p, const struct preflight_check *c) {
        const struct vip_config *vip = config_vip(p->ctx->config);
        struct vrrp_ip_text seen = { "none" };
        struct vrrp_ip_text address;

        if (!vip)
                return;
        address = vrrp_ip_text(&vip->addresses[0].ip);
        if (!vip->interface)
                preflight_add(p, c->level, c->name,
                              "no interface of this machine has an address in the network of %s/%u",
                              address.v, vip->addresses[0].prefix);
        else if (!if_nametoindex(vip->interface))
                preflight_add(p, c->level, c->name, "there is no interface %s, which is to carry %s",
                              vip->interface, address.v);
        else if (!interface_has(vip->interface, vip, carries_network, &seen))
                preflight_add(p, c->level, c->name,
                              "the interface %s has no address in the network of %s/%u (it has %s)",
                              vip->interface, address.v, vip->addresses[0].prefix, seen.v);
}

static bool is_the_vip(const struct vip_config *vip, const struct vrrp_ip *a) {
        return vrrp_ip_equal(a, &vip->addresses[0].ip);
}

static bool has_interface(const struct vip_config *v) {
        return v && v->interface && if_nametoindex(v->interface);
}

/* This host's own addresses answer no probe of its own, so they are looked at first. Without the
 * interface there is a finding of VIPInterface already. */
void preflight_vip(struct preflight *p, const struct preflight_check *c) {
        const struct vip_config *vip = config_vip(p->ctx->config);
        struct vrrp_ip_text seen;
        struct vrrp_ip_text address;
        uint8_t mac[6];
        int r;

        if (p->rerun || !has_interface(vip))
                return;
        address = vrrp_ip_text(&vip->addresses[0].ip);
        if (interface_has(NULL, vip, is_the_vip, &seen))
                preflight_add(p, c->level, c->name,
                              "this machine has %s already; remove it (another VRRP program?)", address.v);
        else if ((r = vrrp_neighbour_probe(vip->interface, &vip->addresses[0].ip, PROBE_MS, mac)) > 0)
                preflight_add(p, c->level, c->name,
                              "%s is in use: %02x:%02x:%02x:%02x:%02x:%02x answers for it on %s", address.v,
                              mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], vip->interface);
        else if (r < 0)
                preflight_add(p, c->level, c->name, "whether %s is in use could not be asked on %s: %s",
                              address.v, vip->interface, strerror(-r));
}

void preflight_listen(struct preflight *p) {
        const struct vip_config *vip = config_vip(p->ctx->config);
        int r;

        if (p->rerun || !has_interface(vip))
                return;
        p->vrid_since_us = monotonic_us();
        if ((r = vrrp_port_listen(vip->interface, vip->addresses[0].ip.family, vip->vrid, &p->vrid_fd)) < 0)
                p->vrid_fd = r;
}

void preflight_vrid(struct preflight *p, const struct preflight_check *c) {
        const struct vip_config *vip = config_vip(p->ctx->config);
        int64_t left_ms = LISTEN_MS - (monotonic_us() - p->vrid_since_us) / 1000;
        struct vrrp_ip who;
        int r = p->vrid_fd;

        if (p->rerun || !has_interface(vip))
                return;
        if (r >= 0)
                r = vrrp_port_heard(p->vrid_fd, left_ms > 0 ? (unsigned)left_ms : 0, &who);
        if (r > 0)
                preflight_add(
                        p, c->level, c->name,
                        "the virtual router ID %u is in use on %s, by %s: choose another (virtualRouterID)",
                        vip->vrid, vip->interface, vrrp_ip_text(&who).v);
        else if (r < 0)
                preflight_add(p, PREFLIGHT_WARNING, c->name,
                              "whether the virtual router ID %u is in use on %s could not be heard: %s",
                              vip->vrid, vip->interface, strerror(-r));
}
