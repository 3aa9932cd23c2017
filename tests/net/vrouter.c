/* Virtual routers from the command line, telling on stdout what happens:
 *
 *     vrouter [OPTION...] INTERFACE VIP[,VIP...] VRID PRIORITY INTERVAL_MS always|never|health [MEMBER...]
 *     vrouter --probe INTERFACE ADDRESS TIMEOUT_MS     (who owns the address: prints it or "nobody")
 *     vrouter --listen INTERFACE VRID TIMEOUT_MS [6]   (prints who uses the VRID, over IPv6, or "nobody")
 *     vrouter --flush VIP [INTERFACE]
 *     vrouter --now                                    (the time stamp only)
 *
 * Transport ip: MEMBER is an address; none: multicast. With --id N it is sealed, and MEMBER is ID=ADDRESS,
 * this node included; --majority: by the lease, then. Lines are "MILLISECONDS EVENT ...", on CLOCK_MONOTONIC,
 * which all network namespaces share; of several groups (--groups N, VRIDs and last bytes of the VIPs counted
 * up) each says its VRID. SIGUSR1: class failed, SIGUSR2: healthy, SIGHUP: print counters, SIGPWR: drop
 * CAP_NET_ADMIN, SIGWINCH: do nothing else for --stall MS, SIGURG: give up, SIGTTIN: standby on, SIGTTOU:
 * off, SIGTERM: stop. */
#include "pki/util.h"
#include "vrrp/clock.h"
#include "vrrp/keyring.h"
#include "vrrp/neighbour.h"
#include "vrrp/port.h"
#include "vrrp/router.h"

#include <errno.h>
#include <getopt.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MAX_GROUPS = 255 };

struct group {
        uint8_t vrid;
        bool named; /* one of several */
        struct vrrp_router *router;
};
struct program {
        struct vrrp_router_params p;
        unsigned groups, stall_ms;
        struct group group[MAX_GROUPS];
        struct vrrp_host *host;
};

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...) {
        struct timespec t;
        va_list ap;

        clock_gettime(CLOCK_MONOTONIC, &t);
        printf("%lld.%03ld ", (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000, t.tv_nsec / 1000 % 1000);
        va_start(ap, fmt);
        vprintf(fmt, ap);
        va_end(ap);
        putchar('\n');
        fflush(stdout);
}

static const char *name(const struct group *g) {
        static char text[16];

        snprintf(text, sizeof text, "group %u ", g->vrid);
        return g->named ? text : "";
}

static void on_state(void *userdata, enum vrrp_state from, enum vrrp_state to, const char *reason) {
        say("%sstate %s -> %s: %s", name(userdata), vrrp_state_name(from), vrrp_state_name(to), reason);
}

static void on_link(void *userdata, bool up) {
        say("%slink %s", name(userdata), up ? "up" : "down");
}

static void on_notice(void *userdata, const char *text) {
        say("%snotice %s", name(userdata), text);
}

static struct vrrp_ip address(const char *text) {
        struct vrrp_ip a = { 0 };

        if (vrrp_ip_parse(text, &a) < 0) {
                fprintf(stderr, "vrouter: \"%s\" is no address\n", text);
                exit(3);
        }
        return a;
}

static void print_status(const struct group *g) {
        struct vrrp_router_status s;
        const struct vrrp_counters *c = &s.counters;
        uint64_t now = vrrp_now_us();

        vrrp_router_status(g->router, &s);
        say("%sstatus %s self=%s active=%s priority=%u peers=%zu present=%d sent=%llu received=%llu "
            "garp=%llu "
            "refreshes=%llu repaired=%llu conflicts=%llu bad_source=%llu bad_checksum=%llu late=%llu "
            "claims=%llu",
            name(g), s.state_text, vrrp_ip_text(&s.self).v, vrrp_ip_text(&s.active).v, s.priority, s.n_peers,
            s.address_present, (unsigned long long)c->sent, (unsigned long long)c->received,
            (unsigned long long)c->garp_sent, (unsigned long long)c->refreshes,
            (unsigned long long)c->address_repaired, (unsigned long long)c->conflicts,
            (unsigned long long)c->bad_source, (unsigned long long)c->bad_checksum,
            (unsigned long long)c->late, (unsigned long long)c->claims);
        if (s.election == VRRP_ELECTION_MAJORITY)
                say("%slease ms=%lld gen=%llu majority=%u/%u active=%llu promise=%llu guard_fired=%llu "
                    "elections=%llu expired=%llu refused=%llu",
                    name(g), s.lease_us > now ? (long long)(s.lease_us - now) / 1000 : -1,
                    (unsigned long long)s.gen, s.majority, s.n_members, (unsigned long long)s.active_id,
                    (unsigned long long)s.promise_to, (unsigned long long)s.guard_fired,
                    (unsigned long long)s.lease.elections, (unsigned long long)s.lease.expired,
                    (unsigned long long)s.lease.refused_acks);
}

/* From now on the kernel refuses every change of an address. */
static void drop_net_admin(void) {
        struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct d[2];

        if (syscall(SYS_capget, &h, d) == 0) {
                d[0].effective &= ~(1u << CAP_NET_ADMIN);
                d[0].permitted &= ~(1u << CAP_NET_ADMIN);
                syscall(SYS_capset, &h, d);
        }
}

/* As a handler that hangs. */
static void stall(unsigned ms) {
        uint64_t end = vrrp_now_us() + ms * 1000;

        say("stalls");
        while (vrrp_now_us() < end)
                ;
        say("goes on");
}

static void tell_group(struct group *g, int signal) {
        switch (signal) {
        case SIGUSR1:
                vrrp_router_set_class(g->router, VRRP_FAILED, "told to fail");
                break;
        case SIGUSR2:
                vrrp_router_set_class(g->router, VRRP_HEALTHY, "told to be healthy");
                break;
        case SIGHUP:
                print_status(g);
                break;
        case SIGURG:
                say("%sgives up: %d", name(g), vrrp_router_give_up(g->router, 0, "told to give up"));
                break;
        case SIGTTIN:
        case SIGTTOU:
                vrrp_router_standby(g->router, signal == SIGTTIN);
                break;
        }
}

static int on_signal(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        struct program *m = userdata;

        if (si->ssi_signo == SIGTERM || si->ssi_signo == SIGINT)
                sd_event_exit(sd_event_source_get_event(s), 0);
        else if (si->ssi_signo == SIGPWR)
                drop_net_admin();
        else if (si->ssi_signo == SIGWINCH)
                stall(m->stall_ms);
        else
                for (unsigned i = 0; i < m->groups; i++)
                        tell_group(&m->group[i], (int)si->ssi_signo);
        return 0;
}

static int watch_signals(sd_event *loop, struct program *m) {
        static const int signals[] = { SIGUSR1,  SIGUSR2, SIGHUP,  SIGPWR,  SIGTERM,
                                       SIGWINCH, SIGURG,  SIGTTIN, SIGTTOU, SIGINT };
        sigset_t set;
        int k = 0;

        sigemptyset(&set);
        for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
                sigaddset(&set, signals[i]);
        sigprocmask(SIG_BLOCK, &set, NULL);
        for (size_t i = 0; i < sizeof signals / sizeof *signals && k >= 0; i++)
                k = sd_event_add_signal(loop, NULL, signals[i], on_signal, m);
        return k;
}

/* All tests share a key. */
static int open_sealed(struct program *m) {
        struct vrrp_keys keys = { .n = 1, .v = { { .id = 1 } } };
        struct vrrp_sealed_params p = {
                .interface = m->p.interface,
                .port = VRRP_SEAL_PORT,
                .self = m->p.member,
                .cluster = "network test",
                .challenge_gap_us = m->p.interval_us / 4,
        };
        const struct vrrp_list_member *self = vrrp_list_find(&m->p.list, m->p.member);
        struct vrrp_keyring *ring = NULL;
        int k;

        if (!self)
                return -EINVAL;
        p.address = m->p.self = self->address;
        memset(keys.v[0].key, 0x42, sizeof keys.v[0].key);
        if ((k = vrrp_keyring_new(&keys, &ring)) < 0)
                return k;
        if ((k = vrrp_host_sealed(m->host, &p, ring, &m->p.sealed)) < 0)
                vrrp_keyring_free(ring);
        return k;
}

static int open_group(struct program *m, unsigned i) {
        static const struct vrrp_router_ops ops = { on_state, on_link, on_notice, NULL };
        struct vrrp_router_params p = m->p;
        struct group *g = &m->group[i];

        g->vrid = p.vrid = (uint8_t)(p.vrid + i);
        g->named = m->groups > 1;
        for (size_t k = 0; k < p.n_vips; k++)
                p.vips[k].b[vrrp_ip_size(&p.vips[k]) - 1] += (uint8_t)i;
        return vrrp_router_new(m->host, &p, &ops, g, &g->router);
}

static int open_all(sd_event *loop, struct program *m) {
        int k = watch_signals(loop, m);

        if (k >= 0)
                k = vrrp_host_new(loop, &m->host);
        if (k >= 0 && m->p.transport == VRRP_TRANSPORT_SEALED)
                k = open_sealed(m);
        for (unsigned i = 0; i < m->groups && k >= 0; i++)
                k = open_group(m, i);
        return k;
}

static int run(struct program *m) {
        sd_event *loop = NULL;
        int k = sd_event_new(&loop);

        if (k < 0 || (k = open_all(loop, m)) < 0) {
                fprintf(stderr, "vrouter: %s: %s\n", m->p.interface, strerror(-k));
        } else {
                say("started");
                for (unsigned i = 0; i < m->groups; i++)
                        vrrp_router_start(m->group[i].router);
                k = sd_event_loop(loop);
                for (unsigned i = 0; i < m->groups; i++)
                        vrrp_router_stop(m->group[i].router);
                say("stopped");
                for (unsigned i = 0; i < m->groups; i++)
                        print_status(&m->group[i]);
        }
        for (unsigned i = 0; i < m->groups; i++)
                vrrp_router_free(m->group[i].router);
        vrrp_host_free(m->host);
        sd_event_unref(loop);
        return k < 0;
}

static int probe(const char *ifname, const char *target, const char *timeout) {
        uint8_t m[6];
        struct vrrp_ip a = address(target);
        int k = vrrp_neighbour_probe(ifname, &a, (unsigned)atoi(timeout), m);

        if (k == 1)
                say("owner %02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
        else
                say("%s", k == 0 ? "nobody" : strerror(-k));
        return k < 0;
}

static int listen_vrid(const char *ifname, const char *vrid, const char *timeout, bool ipv6) {
        CLEANUP(closep) int fd = -1;
        struct vrrp_ip who;
        int k = vrrp_port_listen(ifname, ipv6 ? AF_INET6 : AF_INET, (uint8_t)atoi(vrid), &fd);

        if (k == 0)
                k = vrrp_port_heard(fd, (unsigned)atoi(timeout), &who);
        if (k == 1)
                say("used by %s", vrrp_ip_text(&who).v);
        else
                say("%s", k == 0 ? "nobody" : strerror(-k));
        return k < 0;
}

static int flush(const char *vip, const char *ifname) {
        struct vrrp_ip a = address(vip);
        unsigned removed;
        int k = vrrp_address_flush(&a, ifname, &removed);

        say("removed %u %s", removed, k < 0 ? strerror(-k) : "");
        return k < 0;
}

static void set_member(struct vrrp_router_params *p, const char *text) {
        const char *equals = strchr(text, '=');
        struct vrrp_list_member *m = &p->list.v[p->list.n];

        if (p->n_peers >= VRRP_MAX_MEMBERS || p->list.n >= VRRP_LIST_MEMBERS)
                exit(3);
        if (p->transport == VRRP_TRANSPORT_IP) {
                p->peers[p->n_peers++] = address(text);
                return;
        }
        p->list.gen = 1;
        p->list.n++;
        m->id = strtoull(text, NULL, 0);
        m->address = address(equals ? equals + 1 : text);
        snprintf(m->name, sizeof m->name, "n%llu", (unsigned long long)m->id);
}

static void set_vips(struct vrrp_router_params *p, char *text) {
        for (char *at = strtok(text, ","); at && p->n_vips < VRRP_MAX_VIPS; at = strtok(NULL, ","))
                p->vips[p->n_vips++] = address(at);
}

/* The number of the first argument, 0: no such option. */
static int options(int argc, char **argv, struct program *m) {
        static const struct option table[] = {
                { "version", 1, NULL, 'v' },
                { "message-sum", 0, NULL, 's' },
                { "delay", 1, NULL, 'd' },
                { "vmac", 0, NULL, 'm' },
                { "groups", 1, NULL, 'g' },
                { "id", 1, NULL, 'i' },
                { "majority", 0, NULL, 'M' },
                { "witness", 0, NULL, 'w' },
                { "stall", 1, NULL, 'S' },
                { "no-accept", 0, NULL, 'a' },
                { 0 },
        };
        struct vrrp_router_params *p = &m->p;

        for (int c; (c = getopt_long(argc, argv, "+", table, NULL)) >= 0;)
                switch (c) {
                case 'v':
                        p->version = (uint8_t)atoi(optarg);
                        break;
                case 's':
                        p->sum = VRRP_SUM_MESSAGE;
                        break;
                case 'd':
                        p->preempt_delay_us = (uint64_t)atoi(optarg) * 1000;
                        break;
                case 'm':
                        p->virtual_mac = true;
                        break;
                case 'g':
                        m->groups = (unsigned)atoi(optarg) % (MAX_GROUPS + 1);
                        break;
                case 'i':
                        p->transport = VRRP_TRANSPORT_SEALED;
                        p->member = strtoull(optarg, NULL, 0);
                        break;
                case 'M':
                        p->election = VRRP_ELECTION_MAJORITY;
                        break;
                case 'w':
                        p->witness = true;
                        break;
                case 'S':
                        m->stall_ms = (unsigned)atoi(optarg);
                        break;
                case 'a':
                        p->accept = false;
                        break;
                default:
                        return 0;
                }
        return optind;
}

static int routers(int argc, char **argv) {
        static const char *const modes[] = { "always", "never", "health" };
        static struct program m = { .p = { .accept = true, .valid_lft_s = 2 },
                                    .groups = 1,
                                    .stall_ms = 1000 };
        int first = options(argc, argv, &m);

        argv += first;
        argc -= first;
        if (first == 0 || argc < 6) {
                fprintf(stderr, "usage: vrouter [OPTION...] INTERFACE VIP[,VIP...] VRID PRIORITY INTERVAL_MS "
                                "MODE [MEMBER...]\n");
                return 3;
        }
        m.p.interface = argv[0];
        set_vips(&m.p, argv[1]);
        m.p.vrid = (uint8_t)atoi(argv[2]);
        m.p.priority = (uint8_t)atoi(argv[3]);
        m.p.interval_us = (uint32_t)atoi(argv[4]) * 1000;
        for (int i = 0; i < 3; i++)
                if (!strcmp(argv[5], modes[i]))
                        m.p.preempt = (enum vrrp_preempt)i;
        for (int i = 6; i < argc; i++)
                set_member(&m.p, argv[i]);
        return run(&m);
}

int main(int argc, char **argv) {
        if (argc == 2 && !strcmp(argv[1], "--now")) {
                say("now");
                return 0;
        }
        if (argc == 5 && !strcmp(argv[1], "--probe"))
                return probe(argv[2], argv[3], argv[4]);
        if ((argc == 5 || argc == 6) && !strcmp(argv[1], "--listen"))
                return listen_vrid(argv[2], argv[3], argv[4], argc == 6);
        if ((argc == 3 || argc == 4) && !strcmp(argv[1], "--flush"))
                return flush(argv[2], argv[3]);
        return routers(argc, argv);
}
