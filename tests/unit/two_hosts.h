/* Two network namespaces with a cable between: eth0 in each, 10.9.0.1 and 10.9.0.2, fe80::1 and
 * fe80::2, fd00:9::1 and fd00:9::2. Root only. What is sent first arrives first: on one processor the kernel
 * has one queue of what was sent, and works on it in its own time. */
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

/* An end sends when both are up and the kernel has noticed, which a worker of its own does: until then what
 * is sent is lost, and no call says so. */
static inline bool host_plugged(void) {
        for (int i = 0; i < 200; i++) {
                if (HOST_RUN("sh", "-c", "ip link show dev eth0 | grep -q 'state UP'"))
                        return true;
                usleep(50000);
        }
        return false;
}

static inline bool host_set_up(const char *ipv4, const char *link_local, const char *ipv6) {
        return host_plugged() && HOST_RUN("ip", "address", "add", ipv4, "dev", "eth0") &&
               HOST_RUN("ip", "address", "add", link_local, "dev", "eth0", "nodad") &&
               HOST_RUN("ip", "address", "add", ipv6, "dev", "eth0", "nodad");
}

/* The other end is given to a child that lives in the first namespace meanwhile. */
static inline bool two_hosts_make(void) {
        cpu_set_t one;
        char pid[16];
        pid_t child;
        bool ok;

        CPU_ZERO(&one);
        CPU_SET((size_t)sched_getcpu(), &one);
        if (sched_setaffinity(0, sizeof one, &one) < 0 || !host_new(0) || (child = fork()) < 0)
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
        return ok && HOST_RUN("ip", "link", "set", "eth0", "up") && host_enter(0) &&
               HOST_RUN("ip", "link", "set", "eth0", "up") &&
               host_set_up("10.9.0.1/24", "fe80::1/64", "fd00:9::1/64") && host_enter(1) &&
               host_set_up("10.9.0.2/24", "fe80::2/64", "fd00:9::2/64") && host_enter(0);
}

#endif
