/* What the failover benchmark asks and who answers, in three small programs of which each runs in a namespace
 * of its own:
 *
 *     probe echo NAME PORT                 a service: answers each datagram with NAME, from the address asked
 *     probe ask ADDRESS PORT LOG           the client: asks each millisecond; LOG has "NS NAME" per answer
 *     probe watch INTERFACE ADDRESS LOG    who has the address: an ARP request every 5 ms; LOG has "NS ask",
 *                                          "NS answer MAC" and "NS announce MAC" (gratuitous, unasked)
 *
 * Each runs until SIGTERM, in real time where that is allowed, so that what it measures is not its own
 * waiting. NS is CLOCK_MONOTONIC, which all network namespaces share. The client keeps its neighbour cache as
 * any client does; the watcher has no IP address and so none. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { ASK_US = 1000, WATCH_US = 5000, REALTIME = 30 };

static volatile sig_atomic_t ending;

static void end(int signal_number) {
        (void)signal_number;
        ending = 1;
}

static int fail(const char *what) {
        fprintf(stderr, "probe: %s: %s\n", what, strerror(errno));
        return 1;
}

static intmax_t now_ns(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (intmax_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int start_timer(long period_us) {
        const struct timespec t = { 0, period_us * 1000 };
        const struct itimerspec its = { t, t };
        int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);

        return fd >= 0 && timerfd_settime(fd, 0, &its, NULL) == 0 ? fd : -1;
}

/* Line by line: the benchmark looks at it while the trial runs. It is to be in memory (tmpfs), so that no
 * disk delays the next question. */
static FILE *open_log(const char *path) {
        FILE *log = fopen(path, "we");

        if (log)
                setvbuf(log, NULL, _IOLBF, 0);
        return log;
}

/* The answer leaves from the address that was asked, as a service bound to it would. */
static void answer(int fd, const char *name) {
        char question[64], control[CMSG_SPACE(sizeof(struct in_pktinfo))];
        struct sockaddr_in from;
        struct iovec iov = { question, sizeof question };
        struct msghdr m = { .msg_name = &from,
                            .msg_namelen = sizeof from,
                            .msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof control };
        struct cmsghdr *c;

        if (recvmsg(fd, &m, 0) < 0 || !(c = CMSG_FIRSTHDR(&m)))
                return;
        ((struct in_pktinfo *)(void *)CMSG_DATA(c))->ipi_ifindex = 0;
        iov = (struct iovec){ (char *)name, strlen(name) };
        (void)!sendmsg(fd, &m, 0);
}

static int run_echo(char **argv) {
        const struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])) };
        int fd = socket(AF_INET, SOCK_DGRAM, 0), one = 1;

        if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof one) < 0 ||
            bind(fd, (const struct sockaddr *)&any, sizeof any) < 0)
                return fail("echo");
        while (!ending)
                answer(fd, argv[0]);
        return 0;
}

static int run_ask(char **argv) {
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])) };
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), timer = start_timer(ASK_US);
        struct pollfd p[] = { { .fd = fd, .events = POLLIN }, { .fd = timer, .events = POLLIN } };
        FILE *log = open_log(argv[2]);
        char name[32];
        uint64_t ticks;
        ssize_t n;

        if (fd < 0 || timer < 0 || !log || inet_pton(AF_INET, argv[0], &to.sin_addr) != 1)
                return fail("ask");
        while (!ending) {
                poll(p, 2, -1);
                while ((n = recv(fd, name, sizeof name - 1, 0)) > 0)
                        fprintf(log, "%jd %.*s\n", now_ns(), (int)n, name);
                if (read(timer, &ticks, sizeof ticks) > 0)
                        (void)!sendto(fd, "?", 1, 0, (struct sockaddr *)&to, sizeof to);
        }
        return fclose(log) == 0 ? 0 : fail(argv[2]);
}

struct frame {
        struct ether_header eth;
        struct ether_arp arp;
} __attribute__((packed));

/* A probe in the sense of RFC 5227: no sender address, so that nobody's neighbour cache changes. */
static struct frame question(int fd, const char *interface, struct in_addr about) {
        struct frame f = { .eth.ether_type = htons(ETHERTYPE_ARP),
                           .arp.ea_hdr = { htons(ARPHRD_ETHER), htons(ETHERTYPE_IP), 6, 4,
                                           htons(ARPOP_REQUEST) } };
        struct ifreq ifr = { 0 };

        snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", interface);
        ioctl(fd, SIOCGIFHWADDR, &ifr);
        memset(f.eth.ether_dhost, 0xff, 6);
        memcpy(f.eth.ether_shost, ifr.ifr_hwaddr.sa_data, 6);
        memcpy(f.arp.arp_sha, ifr.ifr_hwaddr.sa_data, 6);
        memcpy(f.arp.arp_tpa, &about, 4);
        return f;
}

/* An owner that asks for the client's address does so in the virtual address's name: that answers nobody. */
static void note(FILE *log, const struct frame *f, const struct frame *ask) {
        const uint8_t *mac = f->arp.arp_sha;
        bool unasked = memcmp(f->arp.arp_spa, f->arp.arp_tpa, 4) == 0;
        bool reply =
                f->arp.ea_hdr.ar_op == htons(ARPOP_REPLY) && memcmp(f->arp.arp_tha, ask->arp.arp_sha, 6) == 0;

        if (memcmp(f->arp.arp_spa, ask->arp.arp_tpa, 4) == 0 && (unasked || reply))
                fprintf(log, "%jd %s %02x:%02x:%02x:%02x:%02x:%02x\n", now_ns(),
                        unasked ? "announce" : "answer", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static int run_watch(char **argv) {
        int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ARP)), timer = start_timer(WATCH_US);
        struct pollfd p[] = { { .fd = fd, .events = POLLIN }, { .fd = timer, .events = POLLIN } };
        const struct sockaddr_ll at = { .sll_family = AF_PACKET,
                                        .sll_protocol = htons(ETH_P_ARP),
                                        .sll_ifindex = (int)if_nametoindex(argv[0]) };
        FILE *log = open_log(argv[2]);
        struct frame ask, heard;
        struct in_addr about;
        uint64_t ticks;

        if (fd < 0 || timer < 0 || !log || bind(fd, (const struct sockaddr *)&at, sizeof at) < 0 ||
            inet_pton(AF_INET, argv[1], &about) != 1)
                return fail("watch");
        ask = question(fd, argv[0], about);
        while (!ending) {
                poll(p, 2, -1);
                while (recv(fd, &heard, sizeof heard, 0) >= (ssize_t)sizeof heard)
                        note(log, &heard, &ask);
                if (read(timer, &ticks, sizeof ticks) > 0 && send(fd, &ask, sizeof ask, 0) > 0)
                        fprintf(log, "%jd ask\n", now_ns());
        }
        return fclose(log) == 0 ? 0 : fail(argv[2]);
}

int main(int argc, char **argv) {
        static const struct {
                const char *name;
                int args, (*run)(char **argv);
        } programs[] = { { "echo", 2, run_echo }, { "ask", 3, run_ask }, { "watch", 3, run_watch } };
        const struct sched_param rt = { .sched_priority = REALTIME };
        const struct sigaction on_end = { .sa_handler = end };

        sigaction(SIGTERM, &on_end, NULL);
        sched_setscheduler(0, SCHED_FIFO, &rt);
        for (size_t i = 0; argc > 1 && i < sizeof programs / sizeof *programs; i++)
                if (strcmp(argv[1], programs[i].name) == 0 && argc == programs[i].args + 2)
                        return programs[i].run(argv + 2);
        fputs("usage: probe echo NAME PORT | ask ADDRESS PORT LOG | watch INTERFACE ADDRESS LOG\n", stderr);
        return 3;
}
