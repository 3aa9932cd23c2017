/* Two network namespaces with a cable between: eth0 in each, 10.9.0.1 and 10.9.0.2, fe80::1 and
 * fe80::2, fd00:9::1 and fd00:9::2. Root only. */
#ifndef TESTS_TWO_HOSTS_H
#define TESTS_TWO_HOSTS_H

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int two_hosts[2]; /* namespaces */

static inline bool host_run(const char *const argv[]) {
        int status = 1;
        pid_t child = fork();

        if (child == 0) {
                execvp(argv[0], (char *const *)argv);
                _exit(127);
        }
        return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}
#define HOST_RUN(...) host_run((const char *const[]){ __VA_ARGS__, NULL })

static inline bool host_enter(int i) {
        return setns(two_hosts[i], CLONE_NEWNET) == 0;
}

static inline bool host_new(int i) {
        return unshare(CLONE_NEWNET) == 0 &&
               (two_hosts[i] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) >= 0;
}

static inline bool host_set_up(const char *ipv4, const char *link_local, const char *ipv6) {
        return HOST_RUN("ip", "link", "set", "eth0", "up") &&
               HOST_RUN("ip", "address", "add", ipv4, "dev", "eth0") &&
               HOST_RUN("ip", "address", "add", link_local, "dev", "eth0", "nodad") &&
               HOST_RUN("ip", "address", "add", ipv6, "dev", "eth0", "nodad");
}

/* The other end is given to a child that lives in the first namespace meanwhile. */
static inline bool two_hosts_make(void) {
        char pid[16];
        pid_t child;
        bool ok;

        if (!host_new(0) || (child = fork()) < 0)
                return false;
        if (child == 0) {
                pause();
                _exit(0);
        }
        snprintf(pid, sizeof pid, "%d", (int)child);
        ok = host_new(1) &&
             HOST_RUN("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", pid);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        return ok && host_set_up("10.9.0.2/24", "fe80::2/64", "fd00:9::2/64") && host_enter(0) &&
               host_set_up("10.9.0.1/24", "fe80::1/64", "fd00:9::1/64");
}

#endif
