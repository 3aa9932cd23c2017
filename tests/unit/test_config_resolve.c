/* Which interface and address are this host's, from made-up lists of addresses. */
#include "agent/config_fields.h"
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct host {
        struct ifaddrs v[8];
        struct sockaddr_storage addresses[8];
        size_t n;
};

static void add(struct host *h, const char *name, const char *address) {
        struct ifaddrs *a = &h->v[h->n];
        struct sockaddr_storage *sa = &h->addresses[h->n];
        struct vrrp_ip ip;

        *a = (struct ifaddrs){ .ifa_name = (char *)name,
                               .ifa_flags = strcmp(name, "lo") != 0 ? IFF_UP : IFF_UP | IFF_LOOPBACK };
        if (address) {
                assert_int_equal(vrrp_ip_parse(address, &ip), 0);
                vrrp_ip_sockaddr(&ip, 0, 0, sa);
                a->ifa_addr = (struct sockaddr *)sa;
        }
        if (h->n++)
                h->v[h->n - 2].ifa_next = a;
}

static struct config *cluster(const char *interface, const char *advertise) {
        const struct config_flags flags = { .vip = "172.18.0.192/22",
                                            .node_name = "n1",
                                            .interface = interface,
                                            .advertise_address = advertise,
                                            .cluster = true };
        struct config *c = NULL;
        struct error e;

        assert_int_equal(config_parse("", 0, "", &flags, &c, &e), 0);
        return c;
}

static void expect(const struct host *h, const char *interface, const char *advertise,
                   const char *ret_interface, const char *ret_address) {
        CLEANUP(config_freep) struct config *c = cluster(interface, advertise);
        struct error e = { 0 };

        if (config_resolve_from(c, h->v, &e) < 0)
                fail_msg("%s", e.message);
        assert_string_equal(c->vips.items[0].interface, ret_interface);
        assert_string_equal(c->advertise_address, ret_address);
        assert_non_null(strstr(c->health.api_server.endpoint, ret_address));
}

static void expect_error(const struct host *h, const char *interface, const char *message) {
        CLEANUP(config_freep) struct config *c = cluster(interface, NULL);
        struct error e = { 0 };

        assert_int_equal(config_resolve_from(c, h->v, &e), -EINVAL);
        assert_int_equal(e.status, EXIT_INPUT);
        if (!strstr(e.message, message))
                fail_msg("%s", e.message);
}

static void test_the_one_that_holds_the_vip(void **state) {
        struct host h = { 0 };

        (void)state;
        add(&h, "lo", "172.18.0.1"); /* loopback never counts */
        add(&h, "eth0", NULL);
        add(&h, "eth0", "10.0.0.1");
        add(&h, "eth1", "172.18.0.192"); /* the VIP itself, left from before */
        add(&h, "eth1", "172.18.1.5");
        add(&h, "eth1", "172.18.1.6");
        expect(&h, NULL, NULL, "eth1", "172.18.1.5");
        expect(&h, "eth1", NULL, "eth1", "172.18.1.5");
        expect(&h, NULL, "172.18.1.6", "eth1", "172.18.1.6");
        expect_error(&h, "eth0",
                     "\"eth0\" has no address of its own in the VIP's network 172.18.0.192/22; "
                     "those that have: eth1");
        expect_error(&h, "eth7", "there is no interface \"eth7\"; there are: eth0, eth1");
}

static void test_none_and_several(void **state) {
        struct host none = { 0 }, several = { 0 };

        (void)state;
        add(&none, "eth0", "10.0.0.1");
        add(&none, "eth1", "172.18.0.192");
        expect_error(
                &none, NULL,
                "no interface has an address in the VIP's network 172.18.0.192/22 besides the VIP itself "
                "(there are: eth0, eth1)");
        add(&several, "eth0", "172.18.0.1");
        add(&several, "eth00", "172.18.0.2");
        add(&several, "eth0", "172.18.0.3");
        expect_error(&several, NULL,
                     "several interfaces have an address in the VIP's network 172.18.0.192/22: "
                     "eth0, eth00; choose with --interface");
        expect(&several, "eth00", NULL, "eth00", "172.18.0.2");
}

/* What is asked of the machine itself is of the family that is found. */
static void test_ipv6(void **state) {
        static const char text[] =
                "apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\nnodeName: n1\n"
                "vip: {address: 'fd00::9/64'}\n---\n"
                "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
                "networking: {serviceSubnet: 'fd00:96::/112', podSubnet: 'fd00:244::/56'}\n";
        CLEANUP(config_freep) struct config *c = NULL;
        struct host h = { 0 };
        struct error e = { 0 };

        (void)state;
        add(&h, "eth0", "10.0.0.1");
        add(&h, "eth0", "fd00::1");
        if (config_parse(text, sizeof text - 1, "t", NULL, &c, &e) < 0 || config_resolve_from(c, h.v, &e) < 0)
                fail_msg("%u: %s", e.line, e.message);
        assert_string_equal(c->advertise_address, "fd00::1");
        assert_string_equal(c->health.api_server.endpoint, "https://[fd00::1]:6443/livez?exclude=etcd");
        assert_string_equal(c->health.etcd.endpoint, "http://[::1]:2381");
}

static void test_without_a_vip(void **state) {
        const struct config_flags flags = { .control_plane_endpoint = "lb.example",
                                            .node_name = "n1",
                                            .cluster = true };
        struct host one = { 0 }, two = { 0 };
        struct config *c = NULL;
        struct error e;

        (void)state;
        add(&one, "lo", "127.0.0.1");
        add(&one, "eth0", "10.0.0.1");
        add(&two, "eth0", "10.0.0.1");
        add(&two, "eth0", "10.0.0.2");
        assert_int_equal(config_parse("", 0, "", &flags, &c, &e), 0);
        assert_int_equal(config_resolve_from(c, two.v, &e), -EINVAL);
        assert_non_null(strstr(e.message, "--apiserver-advertise-address (there are: 10.0.0.1, 10.0.0.2)"));
        assert_int_equal(config_resolve_from(c, one.v, &e), 0);
        assert_string_equal(c->advertise_address, "10.0.0.1");
        config_free(c);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_one_that_holds_the_vip),
                cmocka_unit_test(test_none_and_several),
                cmocka_unit_test(test_ipv6),
                cmocka_unit_test(test_without_a_vip),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
