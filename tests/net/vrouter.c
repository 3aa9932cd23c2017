/* One virtual router from the command line, telling on stdout what happens:
 *
 *     vrouter INTERFACE VIP VRID PRIORITY INTERVAL_MS always|never|health [MEMBER...]
 *     vrouter --probe INTERFACE ADDRESS TIMEOUT_MS     (ARP probe: prints the owner or "nobody")
 *     vrouter --listen INTERFACE VRID TIMEOUT_MS       (prints who uses the VRID or "nobody")
 *     vrouter --flush VIP [INTERFACE]
 *     vrouter --now                                    (the time stamp only)
 *
 * Lines are "MILLISECONDS EVENT ...", on CLOCK_MONOTONIC, which all network namespaces share. SIGUSR1:
 * class failed, SIGUSR2: healthy, SIGHUP: print counters, SIGPWR: drop CAP_NET_ADMIN, SIGTERM: stop. */
#include "vrrp/arp.h"
#include "vrrp/router.h"
#include "vrrp/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

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

static void on_state(void *userdata, enum vrrp_state from, enum vrrp_state to, const char *reason) {
        (void)userdata;
        say("state %s -> %s: %s", vrrp_state_name(from), vrrp_state_name(to), reason);
}

static void on_link(void *userdata, bool up) {
        (void)userdata;
        say("link %s", up ? "up" : "down");
}

static void on_notice(void *userdata, const char *text) {
        (void)userdata;
        say("notice %s", text);
}

static struct vrrp_ip address(const char *text) {
        struct vrrp_ip a = { 0 };

        if (vrrp_ip_parse(text, &a) < 0) {
                fprintf(stderr, "vrouter: \"%s\" is no address\n", text);
                exit(3);
        }
        return a;
}

static void print_status(const struct vrrp_router *r) {
        struct vrrp_router_status s;

        vrrp_router_status(r, &s);
        say("status %s self=%s active=%s priority=%u peers=%zu present=%d sent=%llu received=%llu garp=%llu "
            "refreshes=%llu repaired=%llu conflicts=%llu bad_source=%llu bad_checksum=%llu",
            s.state_text, vrrp_ip_text(&s.self).v, vrrp_ip_text(&s.active).v, s.priority, s.n_peers,
            s.address_present, (unsigned long long)s.counters.sent, (unsigned long long)s.counters.received,
            (unsigned long long)s.counters.garp_sent, (unsigned long long)s.counters.refreshes,
            (unsigned long long)s.counters.address_repaired, (unsigned long long)s.counters.conflicts,
            (unsigned long long)s.counters.bad_source, (unsigned long long)s.counters.bad_checksum);
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

static int on_signal(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        struct vrrp_router *r = userdata;

        switch (si->ssi_signo) {
        case SIGUSR1:
                vrrp_router_set_class(r, VRRP_FAILED, "told to fail");
                break;
        case SIGUSR2:
                vrrp_router_set_class(r, VRRP_HEALTHY, "told to be healthy");
                break;
        case SIGHUP:
                print_status(r);
                break;
        case SIGPWR:
                drop_net_admin();
                break;
        default:
                sd_event_exit(sd_event_source_get_event(s), 0);
        }
        return 0;
}

static int run(const struct vrrp_router_params *p) {
        static const int signals[] = { SIGUSR1, SIGUSR2, SIGHUP, SIGPWR, SIGTERM, SIGINT };
        static const struct vrrp_router_ops ops = { on_state, on_link, on_notice, NULL };
        struct vrrp_router *r = NULL;
        struct vrrp_host *h = NULL;
        sd_event *loop = NULL;
        sigset_t set;
        int k;

        sigemptyset(&set);
        for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
                sigaddset(&set, signals[i]);
        sigprocmask(SIG_BLOCK, &set, NULL);
        if ((k = sd_event_new(&loop)) < 0 || (k = vrrp_host_new(loop, &h)) < 0 ||
            (k = vrrp_router_new(h, p, &ops, NULL, &r)) < 0) {
                fprintf(stderr, "vrouter: %s: %s\n", p->interface, strerror(-k));
                vrrp_host_free(h);
                sd_event_unref(loop);
                return 1;
        }
        for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
                sd_event_add_signal(loop, NULL, signals[i], on_signal, r);
        say("started");
        vrrp_router_start(r);
        k = sd_event_loop(loop);
        vrrp_router_stop(r);
        say("stopped");
        print_status(r);
        vrrp_router_free(r);
        vrrp_host_free(h);
        sd_event_unref(loop);
        return k < 0;
}

static int probe(const char *ifname, const char *target, const char *timeout) {
        uint8_t m[6];
        struct vrrp_ip a = address(target);
        int k = vrrp_arp_probe(ifname, vrrp_ip_in(&a), (unsigned)atoi(timeout), m);

        if (k == 1)
                say("owner %02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
        else
                say("%s", k == 0 ? "nobody" : strerror(-k));
        return k < 0;
}

static int listen_vrid(const char *ifname, const char *vrid, const char *timeout) {
        char text[INET_ADDRSTRLEN] = "";
        struct in_addr who;
        int k = vrrp_listen_vrid(ifname, (uint8_t)atoi(vrid), (unsigned)atoi(timeout), &who);

        if (k == 1)
                say("used by %s", inet_ntop(AF_INET, &who, text, sizeof text));
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

int main(int argc, char **argv) {
        static const char *const modes[] = { "always", "never", "health" };
        struct vrrp_router_params p = { .accept = true, .valid_lft_s = 2 };

        if (argc == 2 && !strcmp(argv[1], "--now")) {
                say("now");
                return 0;
        }
        if (argc == 5 && !strcmp(argv[1], "--probe"))
                return probe(argv[2], argv[3], argv[4]);
        if (argc == 5 && !strcmp(argv[1], "--listen"))
                return listen_vrid(argv[2], argv[3], argv[4]);
        if ((argc == 3 || argc == 4) && !strcmp(argv[1], "--flush"))
                return flush(argv[2], argv[3]);
        if (argc < 7 || argc > 7 + VRRP_MAX_MEMBERS) {
                fprintf(stderr, "usage: vrouter INTERFACE VIP VRID PRIORITY INTERVAL_MS MODE [MEMBER...]\n");
                return 3;
        }
        p.interface = argv[1];
        p.vips[p.n_vips++] = address(argv[2]);
        p.vrid = (uint8_t)atoi(argv[3]);
        p.priority = (uint8_t)atoi(argv[4]);
        p.interval_us = (uint32_t)atoi(argv[5]) * 1000;
        for (int i = 0; i < 3; i++)
                if (!strcmp(argv[6], modes[i]))
                        p.preempt = (enum vrrp_preempt)i;
        for (int i = 7; i < argc; i++)
                p.peers[p.n_peers++] = address(argv[i]);
        return run(&p);
}
