/* The sealed transport between members: who is heard, over which addresses, what a new list, new keys and a
 * restart do. What a stranger can do is in test_vrrp_sealed_hostile.c. */
#include "tests/unit/sealed_world.h"
#include "vrrp/clock.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

static void members_hear_each_other_from_the_first_word(void **state) {
        struct world *w = *state;
        struct vrrp_sealed_peer peers[VRRP_LIST_MEMBERS];

        start_all(w);
        assert_all_hear_all(w);
        assert_string_equal(w->m[1].last, "hello");
        assert_int_equal(vrrp_sealed_peers(w->m[1].s, peers, VRRP_LIST_MEMBERS), 2);
        assert_true(peers[0].session && peers[1].session && peers[0].id == 2 && peers[1].key_id == 1);
        assert_true(peers[0].last_us > 0 && peers[0].last_us <= vrrp_now_us());
        assert_int_equal(w->m[1].restarted[2], 1);
        assert_int_equal(vrrp_sealed_counters(w->m[1].s)->received, 2);
        assert_int_equal(vrrp_sealed_counters(w->m[1].s)->send_errors, 0);
        assert_true(w->m[1].looked > 0);
        assert_int_equal(say(w, 1, 3, "only you"), 0);
        settle(w);
        assert_string_equal(w->m[3].last, "only you");
        assert_string_equal(w->m[2].last, "hello");
        assert_int_equal(say(w, 1, 4, "nobody"), -ENOENT);
}

static bool is_local(const struct in6_addr *a) {
        CLEANUP(closep) int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_addr = *a };

        sa.sin6_scope_id = IN6_IS_ADDR_LINKLOCAL(a) ? if_nametoindex("lo") : 0;
        return bind(fd, (struct sockaddr *)&sa, sizeof sa) == 0;
}

/* Of IPv6 only through the old ioctl: it needs no library here. */
static void add_ipv6(const char *text) {
        struct {
                struct in6_addr addr;
                uint32_t prefix;
                int ifindex;
        } req = { .prefix = 64, .ifindex = (int)if_nametoindex("lo") };
        CLEANUP(closep) int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        assert_int_equal(inet_pton(AF_INET6, text, &req.addr), 1);
        assert_true(ioctl(fd, SIOCSIFADDR, &req) == 0 || errno == EEXIST);
        for (unsigned i = 0; i < 10000 && !is_local(&req.addr); i++)
                usleep(1000); /* the kernel makes it usable in its own time */
}

static void over_ipv6(void **state) {
        static const char *const global[MEMBERS] = { "fd00:7::1", "fd00:7::2", "fd00:7::3" };
        struct world *w = *state;

        for (size_t i = 0; i < MEMBERS; i++)
                add_ipv6(global[i]);
        make_list(w, global);
        start_all(w);
        assert_all_hear_all(w);
}

static void over_link_local_ipv6(void **state) {
        static const char *const link_local[MEMBERS] = { "fe80::1", "fe80::2", "fe80::3" };
        struct world *w = *state;

        for (size_t i = 0; i < MEMBERS; i++)
                add_ipv6(link_local[i]);
        make_list(w, link_local);
        start_all(w);
        assert_all_hear_all(w);
}

static void nobody_there_is_no_error(void **state) {
        struct world *w = *state;

        assert_int_equal(start(w, 1, 0), 0);
        for (unsigned i = 0; i < 50; i++) { /* each brings an ICMP message back */
                assert_int_equal(say(w, 1, 0, "anybody?"), 0);
                settle(w);
        }
        assert_int_equal(vrrp_sealed_counters(w->m[1].s)->send_errors, 0);
        assert_int_equal(start(w, 2, 0), 0);
        settle(w);
        assert_int_equal(say(w, 1, 2, "there"), 0);
        settle(w);
        assert_int_equal(w->m[2].heard[1], 1);
        assert_int_equal(say(w, 2, 1, "here"), 0);
        settle(w);
        assert_int_equal(w->m[1].heard[2], 1);
}

static void a_member_that_restarts_counts_at_once(void **state) {
        struct world *w = *state;

        start_all(w);
        assert_int_equal(say(w, 2, 1, "before"), 0);
        stop(w, 2);
        settle(w);
        pass_gap(w);
        assert_int_equal(start(w, 2, 0), 0);
        settle(w);
        assert_int_equal(w->m[1].restarted[2], 2);
        assert_int_equal(say(w, 2, 1, "after"), 0);
        settle(w);
        assert_string_equal(w->m[1].last, "after");
        assert_int_equal(w->m[1].heard[2], 2);
        pass_gap(w);
        assert_int_equal(vrrp_sealed_restart(w->m[2].s), 0); /* after a suspend */
        settle(w);
        assert_int_equal(w->m[1].restarted[2], 3);
        assert_int_equal(w->m[2].restarted[1], 2);
}

static unsigned descriptors(void) {
        DIR *d = opendir("/proc/self/fd");
        unsigned n = 0;

        while (readdir(d))
                n++;
        closedir(d);
        return n;
}

static void a_list_of_one_needs_no_socket(void **state) {
        struct world *w = *state;
        struct vrrp_list alone = { .gen = 2, .n = 1, .v = { w->list.v[0] } };
        unsigned before;

        before = descriptors();
        assert_int_equal(start(w, 1, 0), 0);
        assert_int_equal(descriptors(), before + 2);
        assert_int_equal(vrrp_sealed_set_list(w->m[1].s, &alone), 0);
        assert_int_equal(descriptors(), before);
        assert_int_equal(say(w, 1, 0, "echo"), 0);
        assert_int_equal(vrrp_sealed_counters(w->m[1].s)->sent, 2); /* the challenges of before */
}

static void the_list_grows_and_shrinks_with_sessions_kept(void **state) {
        struct world *w = *state;
        struct vrrp_list less = { .gen = 2, .n = 2, .v = { w->list.v[0], w->list.v[1] } };
        struct vrrp_sealed_peer peers[2];

        start_all(w);
        assert_int_equal(vrrp_sealed_set_list(w->m[1].s, &less), 0);
        assert_int_equal(say(w, 3, 1, "not listed"), 0);
        assert_int_equal(say(w, 2, 1, "listed"), 0);
        settle(w);
        assert_int_equal(w->m[1].heard[3], 0);
        assert_int_equal(w->m[1].heard[2], 1);
        assert_int_equal(w->m[1].restarted[2], 1);
        assert_int_equal(vrrp_sealed_set_list(w->m[1].s, &w->list), 0);
        settle(w);
        assert_int_equal(vrrp_sealed_peers(w->m[1].s, peers, 2), 2);
        assert_true(peers[0].session && peers[1].session);
        assert_int_equal(say(w, 3, 1, "again"), 0);
        settle(w);
        assert_int_equal(w->m[1].heard[3], 1);
}

static void a_message_may_change_the_list(void **state) {
        struct world *w = *state;
        struct vrrp_list alone = { .gen = 2, .n = 1, .v = { w->list.v[0] } };

        start_all(w);
        w->m[1].set = &alone;
        for (unsigned i = 0; i < 5; i++)
                assert_int_equal(say(w, 2, 1, "remove me"), 0);
        settle(w);
        assert_int_equal(w->m[1].heard[2], 1);
        w->m[2].set = &w->list; /* unchanged: nothing of the batch is lost */
        for (unsigned i = 0; i < 5; i++)
                assert_int_equal(say(w, 3, 2, "as it is"), 0);
        settle(w);
        assert_int_equal(w->m[2].heard[3], 5);
}

static void discarded_input_never_counts(void **state) {
        struct world *w = *state;
        uint64_t replays;

        start_all(w);
        replays = vrrp_sealed_counters(w->m[1].s)->replays;
        for (unsigned i = 0; i < 1000; i++)
                assert_int_equal(say(w, 2, 1, "late"), 0);
        vrrp_sealed_discard(w->m[1].s);
        settle(w);
        assert_int_equal(w->m[1].heard[2], 0);
        assert_int_equal(vrrp_sealed_counters(w->m[1].s)->discarded, 1000);
        assert_int_equal(say(w, 2, 1, "now"), 0);
        vrrp_sealed_drain(w->m[1].s);
        assert_int_equal(w->m[1].heard[2], 1);
        assert_int_equal(vrrp_sealed_counters(w->m[1].s)->replays, replays); /* nor is its session harmed */
}

static void groups_are_told_apart(void **state) {
        struct world *w = *state;

        start_all(w);
        assert_int_equal(vrrp_sealed_subscribe(w->m[1].s, 51, &w->m[1].ops, &w->m[1]), -EEXIST);
        assert_int_equal(vrrp_sealed_subscribe(w->m[1].s, 256, &w->m[1].ops, &w->m[1]), -EINVAL);
        assert_int_equal(vrrp_sealed_send(w->m[2].s, 1, 52, VRRP_SEAL_ADVERT, "x", 1), 0);
        assert_int_equal(vrrp_sealed_send(w->m[2].s, 1, 256, VRRP_SEAL_ADVERT, "x", 1), 0);
        settle(w);
        assert_int_equal(w->m[1].heard[2], 0);
        assert_int_equal(vrrp_sealed_counters(w->m[1].s)->unclaimed, 2);
        assert_int_equal(vrrp_sealed_subscribe(w->m[1].s, 52, &w->m[1].ops, &w->m[1]), 0);
        assert_int_equal(vrrp_sealed_send(w->m[2].s, 1, 52, VRRP_SEAL_ADVERT, "x", 1), 0);
        settle(w);
        assert_int_equal(w->m[1].heard[2], 1);
        vrrp_sealed_unsubscribe(w->m[1].s, 51);
        assert_int_equal(say(w, 2, 1, "gone"), 0);
        settle(w);
        assert_int_equal(w->m[1].heard[2], 1);
}

/* accept-new, send-new, drop-old: in each step all hear each other. */
static void keys_rotate_without_silence(void **state) {
        struct world *w = *state;
        struct vrrp_sealed_peer peers[2];
        struct vrrp_keyring *ring;
        struct vrrp_keys k = keys;

        start_all(w);
        k.send = 1;
        assert_int_equal(vrrp_keyring_new(&k, &ring), 0);
        vrrp_sealed_set_keys(w->m[2].s, ring);
        assert_all_hear_all(w);
        assert_int_equal(vrrp_sealed_peers(w->m[1].s, peers, 2), 2);
        assert_int_equal(peers[0].key_id, 2);
        assert_int_equal(peers[1].key_id, 1);
        assert_int_equal(vrrp_keys_drop(&k, 1), 0); /* too early: the others still send with it */
        assert_int_equal(vrrp_keyring_new(&k, &ring), 0);
        vrrp_sealed_set_keys(w->m[2].s, ring);
        assert_int_equal(say(w, 1, 2, "old key"), 0);
        settle(w);
        assert_int_equal(w->m[2].heard[1], 1);
        assert_int_equal(vrrp_sealed_counters(w->m[2].s)->bad[VRRP_SEAL_BAD_KEY], 1);
}

static void what_cannot_be_opened_is_tried_again(void **state) {
        struct world *w = *state;

        make_list(w, (const char *const[]){ "fd00:8::1", "fd00:8::2", "fd00:8::3" });
        assert_int_equal(start(w, 1, 0), -EADDRNOTAVAIL);
        assert_int_equal(say(w, 1, 0, "x"), -ENOTCONN);
        assert_int_equal(vrrp_sealed_counters(w->m[1].s)->send_errors, 2);
        for (size_t i = 0; i < MEMBERS; i++)
                add_ipv6((const char *const[]){ "fd00:8::1", "fd00:8::2", "fd00:8::3" }[i]);
        assert_int_equal(vrrp_sealed_set_list(w->m[1].s, &w->list), 0);
        stop(w, 1);
        start_all(w);
        assert_all_hear_all(w);
}

static void refuses_what_cannot_work(void **state) {
        struct world *w = *state;
        struct vrrp_sealed_params p = {
                .interface = "none", .address = address("127.0.0.1"), .port = 1, .self = 1
        };
        struct vrrp_sealed *s;

        assert_int_equal(vrrp_sealed_new(w->loop, &p, NULL, NULL, NULL, &s), -ENODEV);
        p.interface = "";
        assert_int_equal(vrrp_sealed_new(w->loop, &p, NULL, NULL, NULL, &s), -EINVAL);
        p.interface = "lo";
        p.self = 0;
        assert_int_equal(vrrp_sealed_new(w->loop, &p, NULL, NULL, NULL, &s), -EINVAL);
}

/* docs/wire.md */
static void the_network_is_the_same_in_both_directions(void **state) {
        const uint8_t cluster[] = { 0x56, 0x30, 0xe3, 0x8e, 0xd5, 0xa8, 0x0f, 0x31,
                                    0x34, 0x86, 0xb8, 0x55, 0x57, 0xcb, 0xec, 0x88 };
        const uint8_t expected[] = { 0xa8, 0x79, 0x62, 0xba, 0x02, 0xa6, 0xd9, 0x0a,
                                     0xec, 0x6e, 0x5a, 0x03, 0xac, 0xe0, 0x67, 0x53 };
        struct vrrp_ip a = address("172.18.0.154"), b = address("172.18.0.155"), c = address("fd00::1");
        uint8_t n[VRRP_SEAL_CLUSTER];

        (void)state;
        vrrp_sealed_network(cluster, &a, &b, n);
        assert_memory_equal(n, expected, sizeof n);
        vrrp_sealed_network(cluster, &b, &a, n);
        assert_memory_equal(n, expected, sizeof n);
        vrrp_sealed_network(cluster, &a, &c, n);
        assert_memory_not_equal(n, expected, sizeof n);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(members_hear_each_other_from_the_first_word, setup, teardown),
                cmocka_unit_test_setup_teardown(over_ipv6, setup, teardown),
                cmocka_unit_test_setup_teardown(over_link_local_ipv6, setup, teardown),
                cmocka_unit_test_setup_teardown(nobody_there_is_no_error, setup, teardown),
                cmocka_unit_test_setup_teardown(a_member_that_restarts_counts_at_once, setup, teardown),
                cmocka_unit_test_setup_teardown(a_list_of_one_needs_no_socket, setup, teardown),
                cmocka_unit_test_setup_teardown(the_list_grows_and_shrinks_with_sessions_kept, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(a_message_may_change_the_list, setup, teardown),
                cmocka_unit_test_setup_teardown(discarded_input_never_counts, setup, teardown),
                cmocka_unit_test_setup_teardown(groups_are_told_apart, setup, teardown),
                cmocka_unit_test_setup_teardown(keys_rotate_without_silence, setup, teardown),
                cmocka_unit_test_setup_teardown(what_cannot_be_opened_is_tried_again, setup, teardown),
                cmocka_unit_test_setup_teardown(refuses_what_cannot_work, setup, teardown),
                cmocka_unit_test(the_network_is_the_same_in_both_directions),
        };

        if (enter_network() < 0) {
                fprintf(stderr, "needs root, for a network namespace of its own\n");
                return SKIP;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
