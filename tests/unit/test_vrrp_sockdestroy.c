/* Connections of a lost address, on a real kernel in a network namespace of its own: those with it as their
 * own address end, whatever family their socket has; others and listening sockets stay. */
#include "vrrp/diagmsg.h"
#include "vrrp/sockdestroy.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <net/if.h>

#include <cmocka.h>

enum { PORT = 6443 };

static struct vrrp_ip ip(const char *text) {
        struct vrrp_ip a;

        assert_int_equal(vrrp_ip_parse(text, &a), 0);
        return a;
}

static int stream(uint8_t family) {
        int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        return fd;
}

static int listening(void) { /* of both families, as Go's are */
        struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
        int fd = stream(AF_INET6);

        assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof any), 0);
        assert_int_equal(listen(fd, 64), 0);
        return fd;
}

static int connected(const char *to) {
        struct sockaddr_storage sa;
        struct vrrp_ip a = ip(to);
        socklen_t size = vrrp_ip_sockaddr(&a, PORT, 0, &sa);
        int fd = stream(a.family);

        assert_int_equal(connect(fd, (struct sockaddr *)&sa, size), 0);
        return fd;
}

static bool ended(int fd, int timeout_ms) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        char c;

        return poll(&p, 1, timeout_ms) == 1 && recv(fd, &c, 1, MSG_DONTWAIT) <= 0 && errno != EAGAIN;
}

static void wait_for(struct vrrp_abort *a, uint64_t n) {
        struct vrrp_abort_counters c;

        for (int i = 0; i < 1000; i++) {
                vrrp_abort_counters(a, &c);
                assert_int_equal(c.error, 0);
                if (c.ended >= n)
                        return;
                usleep(5000);
        }
        fail_msg("only %llu connections ended", (unsigned long long)c.ended);
}

static void connections_of_the_address_end(void **state) {
        struct vrrp_ip lost = ip("127.0.0.9"), lost6 = ip("::1");
        static const char *const to[] = { "127.0.0.8", "127.0.0.9", "::1" };
        int l = listening(), from[3], at[3], kept, v4, v6;
        struct vrrp_abort *a;

        (void)state;
        for (int i = 0; i < 3; i++) {
                from[i] = connected(to[i]);
                assert_true((at[i] = accept(l, NULL, NULL)) >= 0);
        }
        kept = from[0], v4 = from[1], v6 = from[2];
        assert_int_equal(vrrp_abort_new(&a), 0);
        vrrp_abort_sockets(a, &lost);
        wait_for(a, 1); /* the service's side, a mapped address */
        assert_true(ended(at[1], 5000));
        assert_false(ended(at[0], 0) || ended(at[2], 0));
        vrrp_abort_sockets(a, &lost6);
        wait_for(a, 2);
        assert_true(ended(at[2], 5000) && ended(v6, 5000));
        assert_false(ended(kept, 0));
        close(connected("127.0.0.8")); /* it still listens */
        vrrp_abort_free(a);
        for (int i = 0; i < 3; i++)
                close(at[i]);
        close(kept), close(v4), close(v6), close(l);
}

static void an_address_that_is_back_is_left_alone(void **state) {
        struct vrrp_ip lost = ip("127.0.0.9");
        struct vrrp_abort_counters c;
        struct vrrp_abort *a;

        (void)state;
        assert_int_equal(vrrp_abort_new(&a), 0);
        vrrp_abort_cancel(a, &lost); /* nothing was asked for: no thread yet */
        vrrp_abort_sockets(a, &lost);
        vrrp_abort_cancel(a, &lost);
        vrrp_abort_free(a); /* waits */
        vrrp_abort_counters(NULL, &c);
        assert_int_equal(c.ended, 0);
        vrrp_abort_sockets(NULL, &lost); /* nowhere to go: harmless */
}

struct seen {
        unsigned sockets, mapped, ends;
};

static void count(const struct vrrp_diag *m, void *userdata) {
        struct seen *s = userdata;

        if (m->kind == VRRP_DIAG_END)
                s->ends++;
        else
                s->sockets++;
        s->mapped += m->kind == VRRP_DIAG_SOCKET && m->family == AF_INET6 && m->local.family == AF_INET;
}

static size_t load(const char *name, void *buf, size_t size) {
        char path[128];
        FILE *f;
        size_t n;

        snprintf(path, sizeof path, "tests/fuzz/corpus/diag/%s", name);
        assert_non_null(f = fopen(path, "r"));
        n = fread(buf, 1, size, f);
        fclose(f);
        return n;
}

static void answers_of_the_kernel(void **state) {
        _Alignas(uint32_t) static uint8_t buf[65536];
        struct seen s = { 0 };
        size_t n = load("dump-ipv6-and-mapped", buf, sizeof buf);

        (void)state;
        assert_int_equal(vrrp_diag_parse(buf, n, count, &s), 0);
        assert_true(s.sockets >= 3 && s.mapped >= 1);
        assert_int_equal(vrrp_diag_parse(buf, n - 1, count, &s), -EBADMSG);
        s = (struct seen){ 0 };
        n = load("destroy-not-there", buf, sizeof buf);
        assert_int_equal(vrrp_diag_parse(buf, n, count, &s), 0);
        assert_int_equal(s.ends, 1);
}

static void lo_up(void) {
        struct ifreq q = { .ifr_name = "lo", .ifr_flags = IFF_UP };
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &q) < 0)
                perror("lo");
        close(fd);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(answers_of_the_kernel),
                cmocka_unit_test(connections_of_the_address_end),
                cmocka_unit_test(an_address_that_is_back_is_left_alone),
        };

        if (unshare(CLONE_NEWNET) < 0) {
                printf("skipped: a network namespace of its own needs root\n");
                return 77;
        }
        lo_up();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
