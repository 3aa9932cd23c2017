#include "agent/preflight.h"
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void test_names_are_kubeadms(void **state) {
        char name[96];

        (void)state;
        preflight_path_name(name, "FileAvailable", "/etc/kubernetes/manifests/etcd.yaml");
        assert_string_equal(name, "FileAvailable--etc-kubernetes-manifests-etcd.yaml");
        preflight_path_name(name, "DirAvailable", "/var/lib/etcd");
        assert_string_equal(name, "DirAvailable--var-lib-etcd");
        preflight_path_name(name, "FileContent", "/proc/sys/net/ipv4/ip_forward");
        assert_string_equal(name, "FileContent--proc-sys-net-ipv4-ip_forward");
        preflight_path_name(name, "FileExisting", "mount");
        assert_string_equal(name, "FileExisting-mount");
}

static const struct preflight_finding findings[] = {
        { PREFLIGHT_WARNING, "Swap", "swap is on" },
        { PREFLIGHT_ERROR, "Port-6443", "port 6443 is in use" },
        { PREFLIGHT_ERROR, "CRI", "no runtime" },
};

static unsigned verdict(const char *const *ignored, size_t n, char *out, size_t size) {
        char *items[4] = { 0 };
        struct config c = { .ignore_preflight_errors = { items, n } };
        FILE *f = fmemopen(out, size, "w");
        unsigned errors;

        for (size_t i = 0; i < n; i++)
                items[i] = (char *)(uintptr_t)ignored[i];
        errors = preflight_verdict(&c, findings, ARRAY_SIZE(findings), f);
        fclose(f);
        return errors;
}

static void test_errors_and_warnings_are_told_apart(void **state) {
        char out[512];

        (void)state;
        assert_int_equal(verdict(NULL, 0, out, sizeof out), 2);
        assert_string_equal(out, "\t[WARNING Swap]: swap is on\n[preflight] Some fatal errors occurred:\n"
                                 "\t[ERROR Port-6443]: port 6443 is in use\n\t[ERROR CRI]: no runtime\n");
}

static void test_ignored_errors_are_warnings(void **state) {
        char out[512];

        (void)state;
        assert_int_equal(verdict((const char *const[]){ "port-6443" }, 1, out, sizeof out), 1);
        assert_non_null(strstr(out, "[WARNING Port-6443]"));
        assert_non_null(strstr(out, "[ERROR CRI]"));
        assert_int_equal(verdict((const char *const[]){ "cri", "PORT-6443" }, 2, out, sizeof out), 0);
        assert_null(strstr(out, "ERROR"));
        assert_int_equal(verdict((const char *const[]){ "ALL" }, 1, out, sizeof out), 0);
}

static void test_a_udp_port_in_use_is_found(void **state) {
        struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof sa;
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        (void)state;
        assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &size), 0);
        assert_int_equal(preflight_try_datagrams(ntohs(sa.sin_port)), -EADDRINUSE);
        close(fd);
        assert_int_equal(preflight_try_datagrams(ntohs(sa.sin_port)), 0);
}

static void test_a_port_in_use_is_found(void **state) {
        struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
        socklen_t len = sizeof sa;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void)state;
        assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
        assert_int_equal(listen(fd, 1), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
        assert_int_equal(preflight_try_listen(ntohs(sa.sin_port), (struct in_addr){ INADDR_ANY }),
                         -EADDRINUSE);
        close(fd);
        assert_int_equal(preflight_try_listen(ntohs(sa.sin_port), (struct in_addr){ INADDR_ANY }), 0);
}

/* As etcd of an IPv6 control plane has its ports: on addresses of that family alone. */
static void test_a_port_in_use_by_ipv6_is_found(void **state) {
        static const int types[] = { SOCK_STREAM, SOCK_DGRAM };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
                struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
                socklen_t len = sizeof sa;
                int fd = socket(AF_INET6, types[i] | SOCK_CLOEXEC, 0);
                uint16_t port;

                if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0) {
                        close(fd);
                        skip(); /* no IPv6 here */
                }
                assert_true(types[i] == SOCK_DGRAM || listen(fd, 1) == 0);
                assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
                port = ntohs(sa.sin6_port);
                assert_int_equal(types[i] == SOCK_DGRAM
                                         ? preflight_try_datagrams(port)
                                         : preflight_try_listen(port, (struct in_addr){ INADDR_ANY }),
                                 -EADDRINUSE);
                close(fd);
        }
}

static struct preflight *with(const struct phase_ctx *ctx) {
        struct preflight *p = calloc(1, sizeof *p);

        p->ctx = ctx;
        return p;
}

static void test_interface_must_carry_the_network(void **state) {
        static const struct preflight_check check = {
                "VIPInterface", PREFLIGHT_BOTH, PREFLIGHT_ERROR, NULL, 0, NULL
        };
        char lo[] = "lo", none[] = "nosuch0";
        struct vip_address vip = { .prefix = 8 };
        struct vip_config group = { .addresses = &vip, .n_addresses = 1, .interface = lo };
        struct config c = { .vips = { &group, 1 } };
        struct phase_ctx ctx = { .config = &c, .root = "" };
        CLEANUP(freep) struct preflight *p = with(&ctx);

        (void)state;
        vrrp_ip_parse("127.9.9.9", &vip.ip);
        preflight_vip_interface(p, &check);
        assert_int_equal(p->n, 0);
        vrrp_ip_parse("127.0.0.1", &vip.ip); /* the address itself is no proof */
        preflight_vip_interface(p, &check);
        assert_int_equal(p->n, 1);
        vrrp_ip_parse("172.18.0.192", &vip.ip);
        vip.prefix = 22;
        preflight_vip_interface(p, &check);
        assert_int_equal(p->n, 2);
        assert_non_null(
                strstr(p->v[1].text, "no address in the network of 172.18.0.192/22 (it has 127.0.0.1)"));
        group.interface = none;
        preflight_vip_interface(p, &check);
        assert_int_equal(p->n, 3);
        assert_non_null(strstr(p->v[2].text, "there is no interface nosuch0"));
}

static void test_findings_have_a_limit(void **state) {
        CLEANUP(freep) struct preflight *p = with(NULL);

        (void)state;
        for (unsigned i = 0; i < PREFLIGHT_MAX_FINDINGS + 5; i++)
                preflight_add(p, PREFLIGHT_WARNING, "X", "%u", i);
        assert_int_equal(p->n, PREFLIGHT_MAX_FINDINGS);
}

/* In a network of its own no other program takes a port in between, where that is allowed. */
static void enter_network(void) {
        struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
        int fd;

        if (unshare(CLONE_NEWNET) < 0)
                return;
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
                perror("lo");
        close(fd);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names_are_kubeadms),
                cmocka_unit_test(test_errors_and_warnings_are_told_apart),
                cmocka_unit_test(test_ignored_errors_are_warnings),
                cmocka_unit_test(test_a_port_in_use_is_found),
                cmocka_unit_test(test_a_port_in_use_by_ipv6_is_found),
                cmocka_unit_test(test_a_udp_port_in_use_is_found),
                cmocka_unit_test(test_interface_must_carry_the_network),
                cmocka_unit_test(test_findings_have_a_limit),
        };

        enter_network();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
