/* The `ip` transport, announcements and virtual MACs on a real kernel: two namespaces and a cable. */
#include "two_hosts.h"
#include "vrrp/neighbour.h"
#include "vrrp/port.h"
#include "vrrp/vmac.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>

#include <cmocka.h>

enum { PATIENCE_MS = 30000 }; /* of one answer: the machine may be busy */

static struct vrrp_ip ip(const char *text) {
        struct vrrp_ip a;

        assert_int_equal(vrrp_ip_parse(text, &a), 0);
        return a;
}

/* What a subscriber has heard. */
struct heard {
        unsigned n;
        struct vrrp_packet last;
        uint8_t msg[64];
        struct vrrp_port *drain;
};

static void hear(const struct vrrp_packet *p, void *userdata) {
        struct heard *h = userdata;

        h->n++;
        h->last = *p;
        memcpy(h->msg, p->msg, p->size);
        h->last.msg = h->msg;
        if (h->drain)
                vrrp_port_drain(h->drain, 100); /* as a router that wakes up late does: must not go round */
}

static struct vrrp_port *open_port(sd_event *loop, int host, uint8_t family, bool multicast) {
        struct vrrp_port_params p = { .interface = "eth0", .family = family, .multicast = multicast };
        struct vrrp_port *port;

        assert_true(host_enter(host));
        p.ifindex = if_nametoindex("eth0");
        assert_int_equal(vrrp_port_new(loop, &p, NULL, NULL, &port), 0);
        return port;
}

static void settle(sd_event *loop, const struct heard *h, unsigned wanted) {
        for (int i = 0; i < 500 && h->n < wanted; i++)
                sd_event_run(loop, 20000);
        assert_int_equal(h->n, wanted);
}

/* Byte 1 is the VRID; nothing else of a message matters to a port. */
static void say(struct vrrp_port *port, const char *src, const char *dst, uint8_t vrid, size_t size) {
        uint8_t msg[64] = { 0x31, vrid, 7 };
        struct vrrp_ip from = ip(src), to = ip(dst);

        assert_int_equal(vrrp_port_send(port, &from, &to, msg, size), 0);
}

struct link {
        sd_event *loop;
        struct vrrp_port *a, *b;
        struct heard at_a, at_b, other;
};

static struct link *plug(uint8_t family, bool multicast) {
        static struct link l;

        l = (struct link){ 0 };
        assert_true(sd_event_new(&l.loop) >= 0);
        l.a = open_port(l.loop, 0, family, multicast);
        l.b = open_port(l.loop, 1, family, multicast);
        assert_int_equal(vrrp_port_subscribe(l.a, 51, hear, &l.at_a), 0);
        assert_int_equal(vrrp_port_subscribe(l.b, 51, hear, &l.at_b), 0);
        assert_int_equal(vrrp_port_subscribe(l.b, 255, hear, &l.other), 0);
        assert_int_equal(vrrp_port_subscribe(l.b, 51, hear, NULL), -EEXIST);
        return &l;
}

static void unplug(struct link *l) {
        vrrp_port_free(l->a);
        vrrp_port_free(l->b);
        sd_event_unref(l->loop);
}

static void expect_packet(const struct heard *h, const char *src, const char *dst, size_t size) {
        assert_string_equal(vrrp_ip_text(&h->last.src).v, src);
        assert_string_equal(vrrp_ip_text(&h->last.dst).v, dst);
        assert_int_equal(h->last.hops, 255);
        assert_int_equal(h->last.size, size);
        assert_int_equal(h->msg[2], 7);
}

static void exchange(uint8_t family, bool multicast, const char *a, const char *b) {
        struct vrrp_ip all = vrrp_group(family);
        struct vrrp_ip_text group = vrrp_ip_text(&all);
        struct link *l = plug(family, multicast);

        say(l->a, a, multicast ? group.v : b, 51, 12);
        settle(l->loop, &l->at_b, 1);
        expect_packet(&l->at_b, a, multicast ? group.v : b, 12);
        say(l->b, b, multicast ? group.v : a, 51, 40);
        settle(l->loop, &l->at_a, 1);
        expect_packet(&l->at_a, b, multicast ? group.v : a, 40);
        assert_int_equal(l->at_b.n, 1); /* it does not hear itself */
        unplug(l);
}

static void multicast_ipv4(void **state) {
        (void)state;
        exchange(AF_INET, true, "10.9.0.1", "10.9.0.2");
}

static void multicast_ipv6(void **state) {
        (void)state;
        exchange(AF_INET6, true, "fe80::1", "fe80::2");
}

static void unicast_ipv4(void **state) {
        (void)state;
        exchange(AF_INET, false, "10.9.0.1", "10.9.0.2");
}

static void unicast_ipv6(void **state) {
        (void)state;
        exchange(AF_INET6, false, "fe80::1", "fe80::2");
}

/* Unknown VRIDs do not even wake us, and each VRID has its own subscriber. */
static void dispatch(uint8_t family, const char *a) {
        struct vrrp_ip all = vrrp_group(family);
        struct vrrp_ip_text group = vrrp_ip_text(&all);
        struct link *l = plug(family, true);

        for (unsigned vrid = 0; vrid < 256; vrid++)
                say(l->a, a, group.v, (uint8_t)vrid, 12);
        say(l->a, a, group.v, 51, 1); /* too short to have one */
        settle(l->loop, &l->other, 1);
        assert_int_equal(l->at_b.n, 1);
        assert_int_equal(vrrp_port_counters(l->b)->received, 2);
        vrrp_port_unsubscribe(l->b, 51);
        say(l->a, a, group.v, 51, 12);
        say(l->a, a, group.v, 255, 12);
        settle(l->loop, &l->other, 2);
        assert_int_equal(l->at_b.n, 1);
        assert_int_equal(vrrp_port_counters(l->b)->received, 3);
        unplug(l);
}

static void dispatch_ipv4(void **state) {
        (void)state;
        dispatch(AF_INET, "10.9.0.1");
}

static void dispatch_ipv6(void **state) {
        (void)state;
        dispatch(AF_INET6, "fe80::1");
}

/* By calls that may each take what is still wanted: one, unless the kernel delivers late. */
static void drain_until(struct link *l, unsigned wanted) {
        for (int i = 0; i < 500 && l->at_b.n < wanted; i++) {
                vrrp_port_drain(l->b, wanted - l->at_b.n);
                if (l->at_b.n < wanted)
                        poll(NULL, 0, 20);
        }
        assert_int_equal(l->at_b.n, wanted);
}

static void drain_is_bounded_and_does_not_nest(void **state) {
        struct link *l = plug(AF_INET, true);

        (void)state;
        l->at_b.drain = l->b;
        for (int i = 0; i < 40; i++)
                say(l->a, "10.9.0.1", "224.0.0.18", 51, 12);
        drain_until(l, 5);
        drain_until(l, 25);
        drain_until(l, 40);
        vrrp_port_drain(l->b, 1000);
        assert_int_equal(l->at_b.n, 40);
        unplug(l);
}

/* The group is joined again after a flap, and what the error of the flap hides is read, by the call that
 * meets the error. When the cable's other end may send again, and when that arrives, is the kernel's affair:
 * a call that came too early is made up for by the next flap. */
static void flap(void **state) {
        struct link *l = plug(AF_INET, true);

        (void)state;
        for (int i = 0; i < 20 && l->at_b.n == 0; i++) {
                assert_true(host_enter(1) && HOST_RUN("ip", "link", "set", "eth0", "down"));
                assert_true(HOST_RUN("ip", "link", "set", "eth0", "up") && host_plugged());
                assert_true(host_enter(0) && host_plugged());
                assert_int_equal(vrrp_port_join(l->b), 0);
                say(l->a, "10.9.0.1", "224.0.0.18", 51, 12);
                poll(NULL, 0, 20 * i);
                vrrp_port_drain(l->b, 10);
        }
        assert_true(l->at_b.n > 0);
        assert_true(host_enter(1));
        unplug(l);
        assert_true(HOST_RUN("ip", "address", "replace", "fe80::2/64", "dev", "eth0", "nodad") &&
                    HOST_RUN("ip", "address", "replace", "fd00:9::2/64", "dev", "eth0", "nodad"));
}

static void wrong_family_is_not_sent(void **state) {
        struct link *l = plug(AF_INET, true);
        struct vrrp_ip src = ip("fe80::1"), dst = ip("ff02::12");

        (void)state;
        assert_int_equal(vrrp_port_send(l->a, &src, &dst, "xy", 2), -EAFNOSUPPORT);
        unplug(l);
}

/* A child sends while we listen; what comes before anybody waits for it counts, too. */
static void listening(void **state) {
        struct link *l = plug(AF_INET6, true);
        struct vrrp_ip who;
        pid_t child;
        int fd = -1;

        (void)state;
        assert_true(host_enter(1));
        assert_int_equal(vrrp_port_listen("eth0", AF_INET6, 77, &fd), 0);
        assert_int_equal(vrrp_port_heard(fd, 50, &who), 0);
        child = fork();
        if (child == 0) {
                for (int i = 0; i < 20; i++) {
                        say(l->a, "fe80::1", "ff02::12", 78, 12);
                        say(l->a, "fe80::1", "ff02::12", 77, 12);
                        poll(NULL, 0, 20);
                }
                _exit(0);
        }
        assert_int_equal(vrrp_port_heard(fd, PATIENCE_MS, &who), 1);
        assert_string_equal(vrrp_ip_text(&who).v, "fe80::1");
        waitpid(child, NULL, 0); /* what it sent is queued now */
        memset(&who, 0, sizeof who);
        assert_int_equal(vrrp_port_heard(fd, 0, &who), 1);
        assert_string_equal(vrrp_ip_text(&who).v, "fe80::1");
        close(fd);
        assert_int_equal(vrrp_port_listen("none", AF_INET, 77, &fd), -ENODEV);
        unplug(l);
}

static int open_neighbour(int host, uint8_t family) {
        int fd;

        assert_true(host_enter(host));
        assert_int_equal(vrrp_neighbour_open(if_nametoindex("eth0"), family, &fd), 0);
        return fd;
}

/* From the first host: what was sent before, on either, has arrived. */
static void round_trip(void) {
        struct vrrp_ip there = ip("10.9.0.2");
        uint8_t mac[6];

        assert_int_equal(vrrp_neighbour_probe("eth0", &there, PATIENCE_MS, mac), 1);
}

static void announced_and_watched(void **state) {
        static const char *const names[][2] = { { "10.9.0.100", "10.9.0.101" }, { "fd00::64", "fd00::65" } };
        static const uint8_t families[] = { AF_INET, AF_INET6 };

        (void)state;
        for (size_t i = 0; i < 2; i++) {
                int b = open_neighbour(1, families[i]), a = open_neighbour(0, families[i]);
                struct vrrp_neighbour watched = { ip(names[i][0]), { 2, 0, 0, 0, 0, 9 } }, got;
                struct vrrp_neighbour other = { ip(names[i][1]), { 2, 0, 0, 0, 0, 9 } };
                struct vrrp_ip list[2] = { ip(names[1 - i][0]), watched.address };

                assert_int_equal(vrrp_neighbour_announce(a, &watched, false), 0); /* before it watches */
                round_trip();
                assert_int_equal(vrrp_neighbour_watch(b, families[i], list, 2), 0);
                assert_int_equal(vrrp_neighbour_announce(a, &other, true), 0);
                assert_int_equal(vrrp_neighbour_announce(a, &watched, true), 0);
                round_trip();
                assert_int_equal(vrrp_neighbour_receive(b, families[i], &got), 1);
                assert_memory_equal(&got, &watched, sizeof got);
                assert_int_equal(vrrp_neighbour_receive(b, families[i], &got), 0);
                assert_int_equal(vrrp_neighbour_announce(b, &watched, true), 0); /* our own is no news */
                round_trip();
                assert_int_equal(vrrp_neighbour_receive(b, families[i], &got), 0);
                close(a);
                close(b);
        }
}

/* More addresses than a filter can hold. */
static void watching_thousands(void **state) {
        static struct vrrp_ip list[3000];
        int b = open_neighbour(1, AF_INET), a = open_neighbour(0, AF_INET);
        struct vrrp_neighbour said = { .mac = { 2, 0, 0, 0, 0, 9 } }, got;

        (void)state;
        for (unsigned i = 0; i < 3000; i++)
                list[i] = vrrp_ip_v4((struct in_addr){ htonl(0x0a090000 + i) });
        for (size_t n = 900; n <= 3000; n += 2100) {
                assert_int_equal(vrrp_neighbour_watch(b, AF_INET, list, n), 0);
                said.address = list[n - 1];
                assert_int_equal(vrrp_neighbour_announce(a, &said, false), 0);
                round_trip();
                assert_int_equal(vrrp_neighbour_receive(b, AF_INET, &got), 1);
                assert_memory_equal(&got, &said, sizeof got);
        }
        close(a);
        close(b);
}

static void hardware_address(int host, const char *name, uint8_t mac[6]) {
        struct ifreq q = { 0 };
        int fd;

        assert_true(host_enter(host));
        assert_true((fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) >= 0);
        memcpy(q.ifr_name, name, strlen(name));
        assert_int_equal(ioctl(fd, SIOCGIFHWADDR, &q), 0);
        memcpy(mac, q.ifr_hwaddr.sa_data, 6);
        close(fd);
}

static void probed(void **state) {
        static const char *const there[] = { "10.9.0.2", "fe80::2" };
        static const char *const nobody[] = { "10.9.0.77", "fe80::77" };
        uint8_t mac[6], wanted[6];

        (void)state;
        hardware_address(1, "eth0", wanted);
        assert_true(host_enter(0));
        for (size_t i = 0; i < 2; i++) {
                struct vrrp_ip a = ip(there[i]), b = ip(nobody[i]);

                assert_int_equal(vrrp_neighbour_probe("eth0", &a, PATIENCE_MS, mac), 1);
                assert_memory_equal(mac, wanted, sizeof mac);
                assert_int_equal(vrrp_neighbour_probe("eth0", &b, 90, mac), 0);
        }
}

static void forwarding(void **state) {
        (void)state;
        assert_true(host_enter(0));
        assert_false(vrrp_neighbour_forwards("eth0"));
        assert_false(vrrp_neighbour_forwards("none"));
        if (!HOST_RUN("sysctl", "-qw", "net.ipv6.conf.eth0.forwarding=1"))
                return; /* /proc/sys is read-only here */
        assert_true(vrrp_neighbour_forwards("eth0"));
        assert_true(HOST_RUN("sysctl", "-qw", "net.ipv6.conf.eth0.forwarding=0"));
}

/* The address answers with the virtual MAC and with no other. */
static void answers_by(const char *address, const uint8_t mac[6]) {
        struct vrrp_ip a = ip(address);
        uint8_t got[6];

        assert_true(host_enter(1));
        assert_int_equal(vrrp_neighbour_probe("eth0", &a, PATIENCE_MS, got), 1);
        assert_memory_equal(got, mac, sizeof got);
        assert_true(host_enter(0));
}

static int udp_socket(int host, const struct vrrp_ip *a,
                      int (*use)(int, const struct sockaddr *, socklen_t)) {
        struct sockaddr_storage at;
        socklen_t size;
        int fd;

        assert_true(host_enter(host));
        size = vrrp_ip_sockaddr(a, 4711, 0, &at);
        assert_true((fd = socket(a->family, SOCK_DGRAM | SOCK_CLOEXEC, 0)) >= 0);
        assert_int_equal(use(fd, (struct sockaddr *)&at, size), 0);
        return fd;
}

/* Packets to the address arrive, and those sent from it get back by the parent. */
static void reachable(const char *address) {
        struct vrrp_ip a = ip(address);
        int server = udp_socket(0, &a, bind), client = udp_socket(1, &a, connect);
        struct pollfd p = { .fd = server, .events = POLLIN };
        struct sockaddr_storage from;
        socklen_t size = sizeof from;
        char byte;

        assert_int_equal(send(client, "x", 1, 0), 1);
        assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
        assert_int_equal(recvfrom(server, &byte, 1, 0, (struct sockaddr *)&from, &size), 1);
        assert_int_equal(sendto(server, "y", 1, 0, (struct sockaddr *)&from, size), 1);
        p.fd = client;
        assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
        close(server);
        close(client);
        assert_true(host_enter(0));
}

static void virtual_mac(void **state) {
        static const uint8_t ipv4_mac[6] = { 0, 0, 0x5e, 0, 1, 51 }, ipv6_mac[6] = { 0, 0, 0x5e, 0, 2, 51 };
        struct vrrp_vmac v4, v6;
        unsigned parent, removed;
        uint8_t own[6];

        (void)state;
        hardware_address(0, "eth0", own);
        parent = if_nametoindex("eth0");
        assert_int_equal(vrrp_vmac_create(parent, AF_INET, 51, &v4), 0);
        assert_int_equal(vrrp_vmac_create(parent, AF_INET6, 51, &v6), 0);
        assert_memory_equal(v4.mac, ipv4_mac, 6);
        assert_memory_equal(v6.mac, ipv6_mac, 6);
        assert_true(HOST_RUN("ip", "address", "add", "10.9.0.100/32", "dev", v4.name));
        assert_true(HOST_RUN("ip", "address", "add", "fd00:9::64/128", "dev", v6.name, "nodad"));
        answers_by("10.9.0.100", ipv4_mac);
        answers_by("fd00:9::64", ipv6_mac);
        answers_by("10.9.0.1", own);
        reachable("10.9.0.100");
        reachable("fd00:9::64");
        assert_true(host_enter(0));
        assert_int_equal(vrrp_vmac_create(parent, AF_INET, 51, &v4), 0); /* a stale one is replaced */
        assert_int_equal(vrrp_vmac_delete(&v4), 0);
        assert_int_equal(vrrp_vmac_delete(&v4), 0);
        assert_int_equal(vrrp_vmac_flush(v6.ifindex, &removed), 0);
        assert_int_equal(removed, 0);
        assert_int_equal(vrrp_vmac_flush(0, &removed), 0);
        assert_int_equal(removed, 1);
}

/* What only looks like ours is left alone. */
static void foreign_macvlans(void **state) {
        struct vrrp_vmac v;
        char name[IF_NAMESIZE];
        unsigned parent, removed;

        (void)state;
        assert_true(host_enter(0));
        parent = if_nametoindex("eth0");
        snprintf(name, sizeof name, "vmac4-52-%u", parent);
        assert_true(HOST_RUN("ip", "link", "add", name, "link", "eth0", "type", "macvlan"));
        assert_true(HOST_RUN("ip", "link", "add", "vrrp4-2-1", "link", "eth0", "address", "00:00:5e:00:01:34",
                             "type", "macvlan"));
        assert_int_equal(vrrp_vmac_flush(0, &removed), 0);
        assert_int_equal(removed, 0);
        assert_int_equal(vrrp_vmac_create(parent, AF_INET, 52, &v), -EEXIST);
        assert_true(HOST_RUN("ip", "link", "del", name) && HOST_RUN("ip", "link", "del", "vrrp4-2-1"));
        assert_int_equal(vrrp_vmac_create(4711, AF_INET, 52, &v), -ENODEV);
}

/* As a router with a virtual MAC sends: through the macvlan, from its parent's address. */
static void sent_through_the_virtual_mac(void **state) {
        static const char *const src[] = { "10.9.0.1", "fe80::1" }, *const dst[] = { "224.0.0.18",
                                                                                     "ff02::12" };
        static const uint8_t families[] = { AF_INET, AF_INET6 };

        (void)state;
        for (size_t i = 0; i < 2; i++) {
                struct link *l = plug(families[i], true);
                struct vrrp_port_params p = { .family = families[i], .multicast = true, .send_only = true };
                struct vrrp_port *out;
                struct vrrp_vmac v;

                assert_true(host_enter(0));
                assert_int_equal(vrrp_vmac_create(if_nametoindex("eth0"), families[i], 51, &v), 0);
                p.interface = v.name;
                p.ifindex = v.ifindex;
                assert_int_equal(vrrp_port_new(l->loop, &p, NULL, NULL, &out), 0);
                say(out, src[i], dst[i], 51, 12);
                settle(l->loop, &l->at_b, 1);
                expect_packet(&l->at_b, src[i], dst[i], 12);
                vrrp_port_free(out);
                assert_int_equal(vrrp_vmac_delete(&v), 0);
                unplug(l);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(multicast_ipv4),
                cmocka_unit_test(multicast_ipv6),
                cmocka_unit_test(unicast_ipv4),
                cmocka_unit_test(unicast_ipv6),
                cmocka_unit_test(dispatch_ipv4),
                cmocka_unit_test(dispatch_ipv6),
                cmocka_unit_test(drain_is_bounded_and_does_not_nest),
                cmocka_unit_test(flap),
                cmocka_unit_test(wrong_family_is_not_sent),
                cmocka_unit_test(listening),
                cmocka_unit_test(announced_and_watched),
                cmocka_unit_test(watching_thousands),
                cmocka_unit_test(probed),
                cmocka_unit_test(forwarding),
                cmocka_unit_test(virtual_mac),
                cmocka_unit_test(foreign_macvlans),
                cmocka_unit_test(sent_through_the_virtual_mac),
        };

        if (geteuid() != 0) {
                print_message("needs root\n");
                return 77;
        }
        if (!two_hosts_make()) {
                print_message("cannot make two network namespaces\n");
                return 1;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
