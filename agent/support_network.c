/* Interfaces and their addresses, the routing and neighbour tables as the kernel prints them. */
#include "agent/support.h"
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/if.h>

static const char *const tables[] = { "/proc/net/dev", "/proc/net/route", "/proc/net/ipv6_route",
                                      "/proc/net/arp", "/proc/net/if_inet6" };

static void print_mac(FILE *f, const struct sockaddr *a) {
        struct sockaddr_ll ll;

        memcpy(&ll, a, sizeof ll);
        for (int i = 0; i < ll.sll_halen && i < 8; i++)
                fprintf(f, "%s%02x", i ? ":" : "", ll.sll_addr[i]);
}

static void print_ip(FILE *f, const struct sockaddr *a) {
        char text[INET6_ADDRSTRLEN] = "";

        if (a->sa_family == AF_INET) {
                struct sockaddr_in in;

                memcpy(&in, a, sizeof in);
                inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
        } else {
                struct sockaddr_in6 in6;

                memcpy(&in6, a, sizeof in6);
                inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof text);
        }
        fputs(text, f);
}

static void print_address(FILE *f, const struct ifaddrs *i) {
        int family = i->ifa_addr ? i->ifa_addr->sa_family : AF_UNSPEC;

        if (family != AF_INET && family != AF_INET6 && family != AF_PACKET)
                return;
        fprintf(f, "%-16s %s%s ", i->ifa_name, i->ifa_flags & IFF_UP ? "up" : "down",
                i->ifa_flags & IFF_RUNNING ? ",carrier" : "");
        if (family == AF_PACKET)
                print_mac(f, i->ifa_addr);
        else
                print_ip(f, i->ifa_addr);
        if (i->ifa_netmask && family != AF_PACKET) {
                fputs(" mask ", f);
                print_ip(f, i->ifa_netmask);
        }
        fputc('\n', f);
}

static void print_table(FILE *f, const char *path) {
        CLEANUP(fclosep) FILE *in = fopen(path, "re");
        char line[512];

        fprintf(f, "\n%s\n", path);
        while (in && fgets(line, sizeof line, in))
                fputs(line, f);
}

int support_network(struct support *s, struct error *e) {
        CLEANUP(freep) char *text = NULL;
        struct ifaddrs *list = NULL;
        size_t size;
        FILE *f;

        if (*s->root)
                return 0;
        if (!(f = open_memstream(&text, &size)))
                return error_set(e, EXIT_FAILED, "out of memory");
        if (getifaddrs(&list) < 0)
                support_missing(s, "network.txt", "the interfaces cannot be listed: %m");
        for (const struct ifaddrs *i = list; i; i = i->ifa_next)
                print_address(f, i);
        if (list)
                freeifaddrs(list);
        for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
                print_table(f, tables[i]);
        return fclose(f) == 0 ? support_add(s, "network.txt", text, size, e)
                              : error_set(e, EXIT_FAILED, "out of memory");
}
