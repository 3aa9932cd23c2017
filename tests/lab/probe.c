/* The lab's client: a new verified TLS connection to the virtual IP at a fixed rhythm, however many are
 * still under way, and a line for each that succeeds. Gaps are computed from its log, see gap.py.
 *
 * usage: probe ADDRESS PORT CA_FILE LOG [INTERVAL_MS]    until SIGTERM
 *
 * An attempt succeeds when the handshake is complete, with the certificate verified against the CA and
 * naming ADDRESS; it is given up after a second. No session is resumed and the neighbour cache is
 * left alone. LOG has "DONE_NS STARTED_NS" per success, in CLOCK_MONOTONIC. */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { LIMIT_MS = 1000, MAX_UNDER_WAY = 4096 };

struct attempt {
        int fd;
        SSL *ssl;
        int64_t started_ns;
        struct attempt *previous, *next; /* in the order of their start */
};

struct probe {
        struct sockaddr_storage to;
        socklen_t to_size;
        const char *address;
        SSL_CTX *ctx;
        FILE *log;
        int epoll;
        struct attempt *first, *last;
        unsigned under_way;
        uint64_t started, succeeded;
};

static volatile sig_atomic_t ending;

static void end(int signal_number) {
        (void)signal_number;
        ending = 1;
}

static int64_t now_ns(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void attempt_free(struct probe *p, struct attempt *a) {
        const struct linger reset = { .l_onoff = 1 }; /* leave no TIME_WAIT behind: ports are few */

        *(a->previous ? &a->previous->next : &p->first) = a->next;
        *(a->next ? &a->next->previous : &p->last) = a->previous;
        SSL_free(a->ssl);
        setsockopt(a->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(a->fd);
        free(a);
        p->under_way--;
}

static SSL *new_tls(const struct probe *p, int fd) {
        SSL *ssl = SSL_new(p->ctx);

        if (ssl && X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), p->address) == 1 &&
            SSL_set_fd(ssl, fd) == 1) {
                SSL_set_connect_state(ssl);
                return ssl;
        }
        SSL_free(ssl);
        return NULL;
}

static void attempt_start(struct probe *p) {
        struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET };
        struct attempt *a = p->under_way < MAX_UNDER_WAY ? calloc(1, sizeof *a) : NULL;

        if (!a)
                return;
        p->started++;
        p->under_way++;
        a->started_ns = now_ns();
        a->previous = p->last;
        *(p->last ? &p->last->next : &p->first) = a;
        p->last = a;
        a->fd = socket(p->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        ev.data.ptr = a;
        if (a->fd < 0 ||
            (connect(a->fd, (struct sockaddr *)&p->to, p->to_size) < 0 && errno != EINPROGRESS) ||
            !(a->ssl = new_tls(p, a->fd)) || epoll_ctl(p->epoll, EPOLL_CTL_ADD, a->fd, &ev) < 0)
                attempt_free(p, a);
}

static void attempt_continue(struct probe *p, struct attempt *a) {
        int r = SSL_do_handshake(a->ssl), why = SSL_get_error(a->ssl, r);

        if (r != 1 && (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE))
                return;
        if (r == 1) {
                p->succeeded++;
                fprintf(p->log, "%jd %jd\n", (intmax_t)now_ns(), (intmax_t)a->started_ns);
        }
        ERR_clear_error();
        attempt_free(p, a);
}

static void give_up_old(struct probe *p) {
        int64_t oldest = now_ns() - (int64_t)LIMIT_MS * 1000000;

        while (p->first && p->first->started_ns < oldest)
                attempt_free(p, p->first);
}

static int start_timer(unsigned interval_ms) {
        const struct timespec t = { interval_ms / 1000, (long)(interval_ms % 1000) * 1000000 };
        const struct itimerspec its = { t, t };
        int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

        return fd >= 0 && timerfd_settime(fd, 0, &its, NULL) == 0 ? fd : -1;
}

static void run(struct probe *p, int timer) {
        struct epoll_event events[64], ev = { .events = EPOLLIN };

        epoll_ctl(p->epoll, EPOLL_CTL_ADD, timer, &ev); /* data.ptr NULL: the timer */
        while (!ending) {
                int n = epoll_wait(p->epoll, events, 64, 100);

                for (int i = 0; i < n; i++) {
                        uint64_t ticks;

                        if (events[i].data.ptr)
                                attempt_continue(p, events[i].data.ptr);
                        else if (read(timer, &ticks, sizeof ticks) == sizeof ticks)
                                attempt_start(p);
                }
                give_up_old(p);
        }
}

static bool parse_address(struct probe *p, const char *address, const char *port) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)&p->to;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&p->to;

        p->address = address;
        if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
                v4->sin_family = AF_INET;
                v4->sin_port = htons((uint16_t)atoi(port));
                p->to_size = sizeof *v4;
                return true;
        }
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)atoi(port));
        p->to_size = sizeof *v6;
        return inet_pton(AF_INET6, address, &v6->sin6_addr) == 1;
}

static bool set_up(struct probe *p, char **argv) {
        if (!parse_address(p, argv[1], argv[2]))
                return false;
        p->ctx = SSL_CTX_new(TLS_client_method());
        if (!p->ctx || SSL_CTX_load_verify_file(p->ctx, argv[3]) != 1)
                return false;
        SSL_CTX_set_verify(p->ctx, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_session_cache_mode(p->ctx, SSL_SESS_CACHE_OFF);
        p->epoll = epoll_create1(EPOLL_CLOEXEC);
        p->log = fopen(argv[4], "we");
        if (p->log)
                setvbuf(p->log, NULL, _IOLBF, 0);
        return p->epoll >= 0 && p->log;
}

int main(int argc, char **argv) {
        struct probe p = { 0 };
        int timer;

        if (argc < 5 || !set_up(&p, argv) ||
            (timer = start_timer(argc > 5 ? (unsigned)atoi(argv[5]) : 5)) < 0) {
                fputs("usage: probe ADDRESS PORT CA_FILE LOG [INTERVAL_MS]\n", stderr);
                ERR_print_errors_fp(stderr);
                return 1;
        }
        signal(SIGTERM, end);
        signal(SIGINT, end);
        signal(SIGPIPE, SIG_IGN);
        run(&p, timer);
        while (p.first)
                attempt_free(&p, p.first);
        fclose(p.log);
        printf("%ju attempts, %ju verified\n", (uintmax_t)p.started, (uintmax_t)p.succeeded);
        return 0;
}
