/* Frames at a given rate, from a network interface:
 *
 *     flood INTERFACE FILE RATE SECONDS
 *
 * FILE: frames, each behind its length in 2 bytes, big-endian; they are sent in turn, again and again. Prints
 * how many left and in which time, "SENT SECONDS". RATE is per second; what the machine cannot keep up with
 * is not made up for later. SIGTERM ends it early. */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { FRAMES = 65536, BATCH = 256, TICK_NS = 1000000, BEHIND_TICKS = 20, NICE = -20 };

struct frames {
        uint8_t *data;
        size_t n;
        struct iovec v[FRAMES];
};

static int fail(const char *what) {
        fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
        return 1;
}

static int read_frames(const char *path, struct frames *f) {
        FILE *in = fopen(path, "re");
        size_t size;
        long end;

        if (!in || fseek(in, 0, SEEK_END) != 0 || (end = ftell(in)) < 0)
                return -1;
        rewind(in);
        f->data = malloc((size_t)end);
        size = f->data ? fread(f->data, 1, (size_t)end, in) : 0;
        fclose(in);
        for (size_t at = 0; at + 2 <= size && f->n < FRAMES; f->n++) {
                size_t length = (size_t)(f->data[at] << 8 | f->data[at + 1]);

                if (length > size - at - 2)
                        return -1;
                f->v[f->n] = (struct iovec){ f->data + at + 2, length };
                at += 2 + length;
        }
        return f->n > 0 ? 0 : -1;
}

static int open_socket(const char *interface) {
        struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(interface) };
        int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), on = 1;

        if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) < 0 ||
            bind(fd, (struct sockaddr *)&at, sizeof at) < 0)
                return -1;
        return fd;
}

static volatile sig_atomic_t ending;

static void on_end(int number) {
        (void)number;
        ending = 1;
}

static int64_t now_ns(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* What of n frames from the next on the kernel took. */
static size_t send_some(int fd, struct frames *f, size_t next, size_t n) {
        struct mmsghdr m[BATCH];
        int sent;

        memset(m, 0, sizeof m);
        for (size_t i = 0; i < n; i++) {
                m[i].msg_hdr.msg_iov = &f->v[(next + i) % f->n];
                m[i].msg_hdr.msg_iovlen = 1;
        }
        sent = sendmmsg(fd, m, (unsigned)n, 0);
        return sent > 0 ? (size_t)sent : 0;
}

static size_t flood(int fd, struct frames *f, size_t per_tick, int64_t end) {
        int64_t due = now_ns();
        size_t sent = 0;

        while (now_ns() < end && !ending) {
                struct timespec t;

                for (size_t left = per_tick; left > 0;) {
                        size_t n = left < BATCH ? left : BATCH;

                        sent += send_some(fd, f, sent, n);
                        left -= n;
                }
                due += TICK_NS;
                if (now_ns() - due > BEHIND_TICKS * (int64_t)TICK_NS)
                        due = now_ns();
                t = (struct timespec){ due / 1000000000, due % 1000000000 };
                clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
        }
        return sent;
}

int main(int argc, char **argv) {
        static struct frames f;
        int64_t begin;
        size_t sent;
        int fd;

        if (argc != 5) {
                fputs("usage: flood INTERFACE FILE RATE SECONDS\n", stderr);
                return 3;
        }
        if (read_frames(argv[2], &f) < 0)
                return fail(argv[2]);
        if ((fd = open_socket(argv[1])) < 0)
                return fail(argv[1]);
        sigaction(SIGTERM, &(struct sigaction){ .sa_handler = on_end }, NULL);
        setpriority(PRIO_PROCESS, 0, NICE);
        begin = now_ns();
        sent = flood(fd, &f, (size_t)atoi(argv[3]) / 1000, begin + (int64_t)(atof(argv[4]) * 1e9));
        printf("%zu %.3f\n", sent, (double)(now_ns() - begin) / 1e9);
        return 0;
}
