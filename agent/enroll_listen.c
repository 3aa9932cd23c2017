#include "agent/enroll_server.h"
#include "agent/enroll_sources.h"
#include "agent/monotonic.h"
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <systemd/sd-event.h>

enum { MAX_CHILDREN = 24, CHILD_LIFE_S = 60, ACCURACY_US = 100000 };

struct listener {
        const struct enroll_server *s;
        const int *fds;
        size_t n_fds, n_children;
        sd_event *event;
        sd_event_source *accept[8], *idle;
        uint64_t idle_us;
        struct enroll_sources sources;
};
struct child {
        struct listener *l;
        struct vrrp_ip address;
};

static void log_line(struct listener *l, int priority, const char *what, int r) {
        char line[256];

        snprintf(line, sizeof line, "enrolment: %s: %s", what, strerror(-r));
        l->s->ops.audit(l->s->ops.userdata, priority, line);
}

/* With all children busy, further connections wait in the backlog. */
static void accept_when_possible(struct listener *l) {
        int mode = l->n_children < MAX_CHILDREN ? SD_EVENT_ON : SD_EVENT_OFF;

        for (size_t i = 0; i < l->n_fds; i++)
                sd_event_source_set_enabled(l->accept[i], mode);
}

static void restart_idle(struct listener *l) {
        sd_event_source_set_time_relative(l->idle, l->idle_us);
        sd_event_source_set_enabled(l->idle, SD_EVENT_ONESHOT);
}

static int on_idle(sd_event_source *source, uint64_t usec, void *userdata) {
        struct listener *l = userdata;

        (void)source;
        (void)usec;
        if (l->n_children == 0 && !enroll_sources_holding(&l->sources, monotonic_us()))
                sd_event_exit(l->event, 0);
        else
                restart_idle(l);
        return 0;
}

static int on_child(sd_event_source *source, const siginfo_t *si, void *userdata) {
        struct child *c = userdata;
        struct listener *l = c->l;
        bool wrong = si->si_code == CLD_EXITED && si->si_status == ENROLL_OUT_WRONG;

        enroll_source_leave(&l->sources, c->address, wrong, monotonic_us());
        l->n_children--;
        accept_when_possible(l);
        restart_idle(l);
        sd_event_source_unref(source);
        free(c);
        return 0;
}

static _Noreturn void child_run(struct listener *l, int fd, struct vrrp_ip address, unsigned hold_s) {
        struct vrrp_ip_text peer = vrrp_ip_text(&address);
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        for (size_t i = 0; i < l->n_fds; i++)
                close(l->fds[i]);
        alarm(CHILD_LIFE_S);
        _exit((int)enroll_serve(l->s, fd, peer.v, hold_s));
}

static int child_start(struct listener *l, int fd, struct vrrp_ip address, unsigned hold_s) {
        struct child *c = malloc(sizeof *c);
        sd_event_source *source;
        pid_t pid;
        int r;

        if (!c)
                return -ENOMEM;
        *c = (struct child){ l, address };
        if ((pid = fork()) == 0)
                child_run(l, fd, address, hold_s);
        r = pid < 0 ? -errno : sd_event_add_child(l->event, &source, pid, WEXITED, on_child, c);
        if (r < 0) {
                if (pid > 0) {
                        kill(pid, SIGKILL);
                        waitpid(pid, NULL, 0);
                }
                free(c);
                return r;
        }
        l->n_children++;
        return 0;
}

/* Of an IPv4 peer, also behind an IPv6 socket, or an IPv6 one. The address that a joiner names must be the
 * one it comes from, so that others have nothing to ask here. */
static int peer_address(const struct sockaddr_storage *sa, struct vrrp_ip *ret) {
        static const uint8_t mapped[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
        struct in_addr four;

        *ret = vrrp_ip_of_sockaddr(sa);
        if (ret->family == AF_INET6 && !memcmp(ret->b, mapped, sizeof mapped)) {
                memcpy(&four, ret->b + sizeof mapped, sizeof four);
                *ret = vrrp_ip_v4(four);
        }
        return vrrp_ip_none(ret) ? -EAFNOSUPPORT : 0;
}

static int on_connection(sd_event_source *source, int listen_fd, uint32_t events, void *userdata) {
        struct listener *l = userdata;
        struct sockaddr_storage sa = { 0 };
        socklen_t size = sizeof sa;
        CLEANUP(closep) int fd = accept4(listen_fd, (void *)&sa, &size, SOCK_CLOEXEC);
        struct vrrp_ip address;
        unsigned hold_s;
        int r;

        (void)source;
        (void)events;
        if (fd < 0) {
                if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
                        log_line(l, LOG_ERR, "cannot accept", -errno);
                return 0;
        }
        if (peer_address(&sa, &address) < 0 ||
            !enroll_source_enter(&l->sources, address, monotonic_us(), &hold_s))
                return 0;
        if ((r = child_start(l, fd, address, hold_s)) < 0) {
                log_line(l, LOG_ERR, "cannot serve a connection", r);
                enroll_source_leave(&l->sources, address, false, monotonic_us());
        }
        accept_when_possible(l);
        return 0;
}

static int set_up(struct listener *l) {
        sigset_t blocked;
        int r;

        sigemptyset(&blocked);
        sigaddset(&blocked, SIGCHLD);
        sigaddset(&blocked, SIGTERM);
        sigaddset(&blocked, SIGINT);
        if (sigprocmask(SIG_BLOCK, &blocked, NULL) < 0)
                return -errno;
        signal(SIGPIPE, SIG_IGN);
        if ((r = sd_event_new(&l->event)) < 0 ||
            (r = sd_event_add_signal(l->event, NULL, SIGTERM, NULL, NULL)) < 0 ||
            (r = sd_event_add_signal(l->event, NULL, SIGINT, NULL, NULL)) < 0)
                return r;
        for (size_t i = 0; i < l->n_fds; i++)
                if ((r = sd_event_add_io(l->event, &l->accept[i], l->fds[i], EPOLLIN, on_connection, l)) < 0)
                        return r;
        return sd_event_add_time_relative(l->event, &l->idle, CLOCK_MONOTONIC, l->idle_us, ACCURACY_US,
                                          on_idle, l);
}

int enroll_listen(const struct enroll_server *s, const int *fds, size_t n_fds, unsigned idle_s,
                  struct error *e) {
        struct listener l = { .s = s, .fds = fds, .n_fds = n_fds, .idle_us = (uint64_t)idle_s * 1000000 };
        int r;

        if (n_fds < 1 || n_fds > ARRAY_SIZE(l.accept))
                return error_set(e, EXIT_FAILED, "%zu sockets: want 1 to %zu", n_fds, ARRAY_SIZE(l.accept));
        r = set_up(&l);
        if (r >= 0)
                r = sd_event_loop(l.event);
        for (size_t i = 0; i < n_fds; i++)
                sd_event_source_unref(l.accept[i]);
        sd_event_source_unref(l.idle);
        sd_event_unref(l.event);
        if (r < 0)
                error_set(e, EXIT_FAILED, "the enrolment service cannot go on: %s", strerror(-r));
        return r < 0 ? r : 0;
}
