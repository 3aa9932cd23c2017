/* The enrolment service as a process, on the loopback of a network namespace of the test's own. */
#ifndef TESTS_ENROLL_SERVICE_H
#define TESTS_ENROLL_SERVICE_H

#include "tests/unit/enroll_world.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { PORT = 7644, NEVER_IDLE_S = 600 };

struct service {
        struct world w;
        pid_t pid;
        char token[PKI_TOKEN_SIZE];
};

/* Of both families, as systemd makes it. */
static inline int listen_on_any(void) {
        struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
        int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)), 0);
        assert_int_equal(bind(fd, (void *)&sa, sizeof sa), 0);
        assert_int_equal(listen(fd, 64), 0);
        return fd;
}

static inline struct service *service_start_for(const char *root, unsigned idle_s) {
        struct service *s = calloc(1, sizeof *s);
        int fd = listen_on_any();

        assert_non_null(s);
        world_open(&s->w, root);
        world_token(&s->w, 3, NULL, NULL, s->token);
        if ((s->pid = fork()) == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                _exit(enroll_listen(&s->w.server, &fd, 1, idle_s, NULL) < 0);
        }
        close(fd);
        return s;
}

static inline struct service *service_start(const char *root) {
        return service_start_for(root, NEVER_IDLE_S);
}

static inline int service_stop(struct service *s) {
        int status;

        kill(s->pid, SIGTERM);
        assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
        world_close(&s->w);
        free(s);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline int set_address(int fd, const char *address, const char *mask) {
        struct ifreq ifr = { .ifr_name = "lo:1" };
        struct sockaddr_in sa = { .sin_family = AF_INET };

        sa.sin_addr.s_addr = inet_addr(address);
        memcpy(&ifr.ifr_addr, &sa, sizeof sa);
        if (ioctl(fd, SIOCSIFADDR, &ifr) < 0)
                return -1;
        sa.sin_addr.s_addr = inet_addr(mask);
        memcpy(&ifr.ifr_netmask, &sa, sizeof sa);
        return ioctl(fd, SIOCSIFNETMASK, &ifr);
}

/* A loopback to which all of 172.18.0.0/22 belongs. Negative: not allowed to have one. */
static inline int own_network(void) {
        struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
        int fd, r;

        if (unshare(CLONE_NEWNET) < 0)
                return -1;
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        r = ioctl(fd, SIOCSIFFLAGS, &ifr);
        if (r == 0)
                r = set_address(fd, SERVER_ADDRESS, "255.255.252.0");
        close(fd);
        return r;
}

/* Whether the test must be skipped, which it then says. */
static inline bool lacks_network(void) {
        if (own_network() == 0)
                return false;
        fprintf(stderr, "needs root, for a network namespace of its own\n");
        return true;
}

#endif
