/* The sealed transport between members that are three instances on the loopback of a network namespace, and a
 * stranger who can send from any address and repeat all that was ever on the wire. */
#include "pki/util.h"
#include "vrrp/clock.h"
#include "vrrp/sealed.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

enum { SKIP = 77, MEMBERS = 3, GAP_US = 2000, TEXT = 32, PORT = VRRP_SEAL_PORT };

struct member {
        struct vrrp_sealed *s;
        uint64_t id;
        struct vrrp_sealed_ops ops;
        unsigned heard[MEMBERS + 1], restarted[MEMBERS + 1], looked;
        char last[TEXT];
        const struct vrrp_list *set; /* set this list from within the next message */
};
struct world {
        sd_event *loop;
        struct vrrp_list list;
        struct member m[MEMBERS + 1]; /* by id */
};

static const struct vrrp_keys keys = {
        .n = 2,
        .v = { { .id = 1, .key = { 1 } }, { .id = 2, .key = { 2 } } },
};

static struct vrrp_ip address(const char *text) {
        struct vrrp_ip a;

        assert_int_equal(vrrp_ip_parse(text, &a), 0);
        return a;
}

static void on_message(void *userdata, const struct vrrp_sealed_in *in) {
        struct member *m = userdata;
        size_t n = in->size < TEXT ? in->size : TEXT - 1;

        assert_true(in->src >= 1 && in->src <= MEMBERS && in->src != m->id);
        m->heard[in->src]++;
        memcpy(m->last, in->body, n);
        m->last[n] = '\0';
        if (m->set) {
                const struct vrrp_list *l = TAKE_PTR(m->set);

                vrrp_sealed_drain(m->s); /* does nothing here */
                assert_int_equal(vrrp_sealed_set_list(m->s, l), 0);
        }
}

static void on_restart(void *userdata, uint64_t id) {
        ((struct member *)userdata)->restarted[id]++;
}

static void before_io(void *userdata) {
        ((struct member *)userdata)->looked++;
}

static int start(struct world *w, uint64_t id, size_t send) {
        struct member *m = &w->m[id];
        struct vrrp_sealed_params p = {
                .interface = "lo",
                .address = w->list.v[id - 1].address,
                .port = PORT,
                .self = id,
                .challenge_gap_us = GAP_US,
        };
        struct vrrp_keys k = keys;
        struct vrrp_keyring *ring;

        *m = (struct member){ .id = id, .ops = { .message = on_message, .peer_restarted = on_restart } };
        k.send = send;
        assert_int_equal(vrrp_keyring_new(&k, &ring), 0);
        assert_int_equal(vrrp_sealed_new(w->loop, &p, ring, before_io, m, &m->s), 0);
        assert_int_equal(vrrp_sealed_subscribe(m->s, 51, &m->ops, m), 0);
        return vrrp_sealed_set_list(m->s, &w->list);
}

static void stop(struct world *w, uint64_t id) {
        vrrp_sealed_free(TAKE_PTR(w->m[id].s));
}

static void make_list(struct world *w, const char *const addresses[MEMBERS]) {
        w->list = (struct vrrp_list){ .gen = 1, .n = MEMBERS };
        for (size_t i = 0; i < MEMBERS; i++) {
                w->list.v[i].id = i + 1;
                w->list.v[i].address = address(addresses[i]);
        }
        assert_int_equal(vrrp_list_check(&w->list), 0);
}

static const char *const ipv4[MEMBERS] = { "127.0.0.1", "127.0.0.2", "127.0.0.3" };

static int setup(void **state) {
        static struct world w;

        w = (struct world){ 0 };
        assert_true(sd_event_new(&w.loop) >= 0);
        make_list(&w, ipv4);
        *state = &w;
        return 0;
}

static int teardown(void **state) {
        struct world *w = *state;

        for (uint64_t id = 1; id <= MEMBERS; id++)
                stop(w, id);
        sd_event_unref(w->loop);
        return 0;
}

/* Until nothing has happened for 5 ms: on loopback what was sent is there. */
static void settle(struct world *w) {
        while (sd_event_run(w->loop, 5000) > 0)
                ;
}

/* One after the other, more than a gap between them: the first's challenges find nobody. */
static void start_all(struct world *w) {
        for (uint64_t id = 1; id <= MEMBERS; id++) {
                assert_int_equal(start(w, id, 0), 0);
                settle(w);
        }
}

static int say(struct world *w, uint64_t from, uint64_t to, const char *text) {
        return vrrp_sealed_send(w->m[from].s, to, 51, VRRP_SEAL_LEASE + VRRP_LEASE_CLAIM, text, strlen(text));
}

static void assert_all_hear_all(struct world *w) {
        for (uint64_t from = 1; from <= MEMBERS; from++) {
                assert_int_equal(say(w, from, 0, "hello"), 0);
                settle(w);
                for (uint64_t to = 1; to <= MEMBERS; to++)
                        assert_int_equal(w->m[to].heard[from], to != from);
        }
}

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
        for (unsigned i = 0; i < 1000 && !is_local(&req.addr); i++)
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
        assert_int_equal(start(w, 2, 0), 0);
        settle(w);
        assert_int_equal(w->m[1].restarted[2], 2);
        assert_int_equal(say(w, 2, 1, "after"), 0);
        settle(w);
        assert_string_equal(w->m[1].last, "after");
        assert_int_equal(w->m[1].heard[2], 2);
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

/* The stranger. A datagram from 127.0.0.FROM to 127.0.0.TO, whatever is in it. */
static void forge(int raw, uint8_t from, uint8_t to, const void *payload, size_t size) {
        struct {
                struct iphdr ip;
                struct udphdr udp;
                uint8_t payload[VRRP_SEAL_MAX];
        } __attribute__((packed)) d = {
                .ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP },
                .udp = { .source = htons(PORT), .dest = htons(PORT) },
        };
        struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000000 | to) };
        size_t length = sizeof d.ip + sizeof d.udp + size;

        memcpy(d.payload, payload, size);
        d.ip.saddr = htonl(0x7f000000 | from);
        d.ip.daddr = sa.sin_addr.s_addr;
        d.ip.tot_len = htons((uint16_t)length);
        d.udp.len = htons((uint16_t)(sizeof d.udp + size)); /* checksum 0: none */
        while (sendto(raw, &d, length, 0, (struct sockaddr *)&sa, sizeof sa) < 0)
                assert_true(errno == ENOBUFS || errno == EAGAIN);
}

static int stranger(void) {
        int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

        assert_true(fd >= 0);
        return fd;
}

/* As of a member, whole but for its tag. */
static size_t forgery(const struct world *w, uint64_t from, uint64_t to, uint8_t *out) {
        struct vrrp_seal_header h = { .type = 0x11, .group = 51, .src = from, .dst = to, .seq = 1 << 20 };
        CLEANUP(freep) void *nothing = NULL;
        struct vrrp_keys k = keys;
        struct vrrp_keyring *ring;
        size_t n;

        vrrp_sealed_network(h.cluster, &w->list.v[from - 1].address, &w->list.v[to - 1].address, h.cluster);
        k.v[0].key[0] ^= 1;
        assert_int_equal(vrrp_keyring_new(&k, &ring), 0);
        n = vrrp_seal(ring, &h, "take it", 7, out, VRRP_SEAL_MAX);
        vrrp_keyring_free(ring);
        return n;
}

static void forged_datagrams_are_counted_and_noise_is_not_even_read(void **state) {
        struct world *w = *state;
        CLEANUP(closep) int raw = stranger();
        uint8_t d[VRRP_SEAL_MAX];
        uint64_t challenges;
        unsigned looked;
        size_t n;

        start_all(w);
        challenges = vrrp_sealed_counters(w->m[1].s)->challenges;
        n = forgery(w, 2, 1, d);
        forge(raw, 2, 1, d, n);
        settle(w);
        assert_int_equal(vrrp_sealed_counters(w->m[1].s)->bad[VRRP_SEAL_BAD_TAG], 1);
        d[7] = 9; /* key id */
        forge(raw, 2, 1, d, n);
        settle(w);
        assert_int_equal(vrrp_sealed_counters(w->m[1].s)->bad[VRRP_SEAL_BAD_KEY], 1);
        forge(raw, 2, 1, d, n - 1);
        settle(w);
        assert_int_equal(vrrp_sealed_counters(w->m[1].s)->bad[VRRP_SEAL_BAD_FORM], 1);
        looked = w->m[1].looked;
        forge(raw, 2, 1, "noise", 5);
        forge(raw, 3, 1, d, n); /* says 2, comes from 3 */
        forge(raw, 9, 1, d, n); /* from no member: no socket */
        d[3] = 2;               /* version */
        forge(raw, 2, 1, d, n);
        d[3] = 1;
        d[8] ^= 1; /* cluster */
        forge(raw, 2, 1, d, n);
        settle(w);
        assert_int_equal(w->m[1].looked, looked);
        assert_int_equal(w->m[1].heard[2] + w->m[1].heard[3], 0);
        assert_int_equal(vrrp_sealed_counters(w->m[1].s)->challenges,
                         challenges); /* none was worth a challenge */
}

/* An ICMP message that quotes the datagrams of `to` to `from`. */
static void forge_icmp(int raw, uint8_t from, uint8_t to, uint8_t type, uint8_t code) {
        struct {
                struct iphdr ip;
                struct icmphdr icmp;
                struct iphdr quoted;
                struct udphdr udp;
        } __attribute__((packed)) d = {
                .ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_ICMP },
                .icmp = { .type = type, .code = code, .un.frag.mtu = htons(68) },
                .quoted = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP },
                .udp = { .source = htons(PORT), .dest = htons(PORT), .len = htons(100) },
        };
        struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000000 | to) };
        const uint8_t *p = (const uint8_t *)&d.icmp;
        uint32_t sum = 0;

        d.ip.saddr = d.quoted.daddr = htonl(0x7f000000 | from);
        d.ip.daddr = d.quoted.saddr = sa.sin_addr.s_addr;
        d.ip.tot_len = htons(sizeof d);
        d.quoted.tot_len = htons(120);
        for (size_t i = 0; i < sizeof d - sizeof d.ip; i += 2)
                sum += (uint32_t)(p[i] << 8 | p[i + 1]);
        d.icmp.checksum = htons((uint16_t) ~((sum & 0xffff) + (sum >> 16)));
        assert_int_equal(sendto(raw, &d, sizeof d, 0, (struct sockaddr *)&sa, sizeof sa), sizeof d);
}

/* Several at once of each kind, before something is said and before something is heard. */
static void forged_icmp_errors_cost_no_datagram(void **state) {
        static const uint8_t types[] = { ICMP_DEST_UNREACH, ICMP_SOURCE_QUENCH, ICMP_REDIRECT,
                                         ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB };
        struct world *w = *state;
        CLEANUP(closep) int raw = stranger();
        unsigned said = 0;

        start_all(w);
        for (size_t t = 0; t < ARRAY_SIZE(types); t++)
                for (uint8_t code = 0; code < 16; code++) {
                        forge_icmp(raw, 2, 1, types[t], code);
                        assert_int_equal(say(w, 1, 2, "said"), 0);
                        forge_icmp(raw, 2, 1, types[t], code);
                        assert_int_equal(say(w, 2, 1, "heard"), 0);
                        settle(w);
                        said++;
                        assert_int_equal(w->m[2].heard[1], said);
                        assert_int_equal(w->m[1].heard[2], said);
                }
        assert_int_equal(vrrp_sealed_counters(w->m[1].s)->send_errors, 0);
}

/* The same ids and the same key, but between other addresses. */
static void what_is_carried_from_another_network_is_not_even_read(void **state) {
        struct world *w = *state;
        CLEANUP(closep) int raw = stranger();
        struct vrrp_ip here[2] = { address("127.0.0.2"), address("127.0.0.1") };
        struct vrrp_ip there[2] = { address("127.0.1.2"), address("127.0.1.1") };
        struct vrrp_seal_header h = { .type = 0x11, .group = 51, .src = 2, .dst = 1, .boot = 5, .seq = 1 };
        const uint8_t cluster[VRRP_SEAL_CLUSTER] = { 0 };
        struct vrrp_keyring *ring;
        uint8_t d[VRRP_SEAL_MAX];
        unsigned looked;
        size_t n;

        start_all(w);
        looked = w->m[1].looked;
        assert_int_equal(vrrp_keyring_new(&keys, &ring), 0);
        vrrp_sealed_network(cluster, &there[0], &there[1], h.cluster);
        n = vrrp_seal(ring, &h, "take it", 7, d, sizeof d);
        forge(raw, 2, 1, d, n);
        settle(w);
        assert_int_equal(w->m[1].looked, looked);
        vrrp_sealed_network(cluster, &here[0], &here[1], h.cluster);
        n = vrrp_seal(ring, &h, "take it", 7, d, sizeof d);
        vrrp_keyring_free(ring);
        forge(raw, 2, 1, d, n);
        settle(w);
        assert_true(w->m[1].looked > looked);
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

static uint64_t cpu_us(void) {
        struct timespec t;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Forged in one member's name until its socket's queue is full, again and again, while the others talk. */
static void a_flood_in_one_members_name_silences_no_other(void **state) {
        enum { ROUNDS = 100, BURST = 1000 };
        struct world *w = *state;
        CLEANUP(closep) int raw = stranger();
        const struct vrrp_sealed_counters *c;
        uint8_t d[VRRP_SEAL_MAX];
        size_t n = forgery(w, 2, 1, d);
        uint64_t t, spent = 0;

        start_all(w);
        c = vrrp_sealed_counters(w->m[1].s);
        for (unsigned round = 0; round < ROUNDS; round++) {
                for (unsigned i = 0; i < BURST; i++)
                        forge(raw, 2, 1, d, n);
                assert_int_equal(say(w, 3, 1, "in between"), 0);
                t = cpu_us();
                /* the first turn is the flood's, the second the other member's */
                for (unsigned i = 0; i < 3; i++) {
                        uint64_t before = c->bad[VRRP_SEAL_BAD_TAG];

                        assert_true(sd_event_run(w->loop, 0) >= 0);
                        assert_true(c->bad[VRRP_SEAL_BAD_TAG] - before <= 64);
                }
                assert_int_equal(w->m[1].heard[3], round + 1);
                settle(w);
                spent += cpu_us() - t;
        }
        assert_int_equal(w->m[1].heard[2], 0);
        assert_true(c->bad[VRRP_SEAL_BAD_TAG] > ROUNDS * BURST / 2);
        assert_int_equal(say(w, 2, 1, "the true one"), 0);
        settle(w);
        assert_int_equal(w->m[1].heard[2], 1);
        print_message("%llu forged datagrams refused, %.2f us of processor time each\n",
                      (unsigned long long)c->bad[VRRP_SEAL_BAD_TAG],
                      (double)spent / (double)c->bad[VRRP_SEAL_BAD_TAG]);
}

/* All that is on the loopback, as a stranger on the wire has it. */
struct recording {
        int fd;
        size_t n;
        struct {
                uint8_t from, to, payload[256];
                size_t size;
        } v[256];
};

static void record(struct recording *r) {
        struct sockaddr_ll ll = { .sll_family = AF_PACKET,
                                  .sll_protocol = htons(ETH_P_IP),
                                  .sll_ifindex = (int)if_nametoindex("lo") };

        *r = (struct recording){ .fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_IP)) };
        assert_true(r->fd >= 0);
        assert_int_equal(bind(r->fd, (struct sockaddr *)&ll, sizeof ll), 0);
}

static void stop_recording(struct recording *r) {
        uint8_t packet[2048];
        struct sockaddr_ll ll;
        socklen_t size = sizeof ll;
        ssize_t n;

        while ((n = recvfrom(r->fd, packet, sizeof packet, MSG_DONTWAIT, (struct sockaddr *)&ll, &size)) >
               0) {
                if (ll.sll_pkttype == PACKET_OUTGOING || packet[9] != IPPROTO_UDP || n < 28 + 96)
                        continue;
                assert_true(r->n < ARRAY_SIZE(r->v) && n - 28 <= 256);
                r->v[r->n].from = packet[15];
                r->v[r->n].to = packet[19];
                r->v[r->n].size = (size_t)n - 28;
                memcpy(r->v[r->n++].payload, packet + 28, (size_t)n - 28);
        }
        close(r->fd);
}

static void replay(const struct recording *r, int raw, uint8_t to) {
        for (size_t i = 0; i < r->n; i++)
                if (r->v[i].to == to)
                        forge(raw, r->v[i].from, to, r->v[i].payload, r->v[i].size);
}

static void nothing_repeated_counts_not_even_after_a_restart(void **state) {
        struct world *w = *state;
        CLEANUP(closep) int raw = stranger();
        static struct recording r;
        uint64_t challenges;

        record(&r);
        start_all(w);
        assert_all_hear_all(w);
        stop_recording(&r);
        assert_true(r.n >= 3 * 2 + 6 + 6); /* words, challenges and responses of each pair */
        replay(&r, raw, 1);
        replay(&r, raw, 1);
        settle(w);
        assert_int_equal(w->m[1].heard[2] + w->m[1].heard[3], 2);
        assert_int_equal(w->m[1].restarted[2], 1);

        for (uint64_t id = 1; id <= MEMBERS; id++)
                stop(w, id);
        assert_int_equal(start(w, 1, 0), 0); /* alone: whatever it hears is of the past */
        settle(w);
        for (unsigned i = 0; i < 20; i++)
                replay(&r, raw, 1);
        settle(w);
        assert_int_equal(w->m[1].heard[2] + w->m[1].heard[3], 0);
        assert_int_equal(w->m[1].restarted[2] + w->m[1].restarted[3], 0);
        challenges = vrrp_sealed_counters(w->m[1].s)->challenges;
        assert_true(challenges >= 2 && challenges < 20);
        assert_int_equal(start(w, 2, 0), 0);
        settle(w);
        assert_int_equal(say(w, 2, 1, "true"), 0);
        settle(w);
        assert_int_equal(w->m[1].heard[2], 1);
}

static size_t nonces_asked(const struct recording *r, uint8_t from, uint8_t to, uint64_t *out, size_t max) {
        size_t n = 0;

        for (size_t i = 0; i < r->n; i++)
                if (r->v[i].from == from && r->v[i].to == to && r->v[i].payload[4] == VRRP_SEAL_CHALLENGE) {
                        assert_true(n < max);
                        memcpy(&out[n++], r->v[i].payload + VRRP_SEAL_HEADER, sizeof *out);
                }
        return n;
}

static void each_life_is_asked_with_a_nonce_of_its_own(void **state) {
        enum { LIVES = 6 };
        struct world *w = *state;
        static struct recording r;
        uint64_t nonces[32];
        size_t n;

        record(&r);
        assert_int_equal(start(w, 1, 0), 0);
        for (unsigned i = 0; i < LIVES; i++) {
                assert_int_equal(start(w, 2, 0), 0);
                settle(w);
                assert_int_equal(w->m[1].restarted[2], i + 1);
                stop(w, 2);
        }
        stop_recording(&r);
        n = nonces_asked(&r, 1, 2, nonces, ARRAY_SIZE(nonces));
        assert_true(n >= LIVES);
        for (size_t i = 0; i < n; i++)
                for (size_t j = i + 2; j < n; j++) /* the first may be asked twice */
                        assert_true(nonces[i] != nonces[j] && nonces[i] != 0);
}

static int enter_network(void) {
        struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
        CLEANUP(closep) int fd = -1;

        if (unshare(CLONE_NEWNET) < 0)
                return -errno;
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        return fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0 ? -errno : 0;
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
                cmocka_unit_test_setup_teardown(forged_icmp_errors_cost_no_datagram, setup, teardown),
                cmocka_unit_test(the_network_is_the_same_in_both_directions),
                cmocka_unit_test_setup_teardown(what_is_carried_from_another_network_is_not_even_read, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(forged_datagrams_are_counted_and_noise_is_not_even_read,
                                                setup, teardown),
                cmocka_unit_test_setup_teardown(a_flood_in_one_members_name_silences_no_other, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(each_life_is_asked_with_a_nonce_of_its_own, setup, teardown),
                cmocka_unit_test_setup_teardown(nothing_repeated_counts_not_even_after_a_restart, setup,
                                                teardown),
        };

        if (enter_network() < 0) {
                fprintf(stderr, "needs root, for a network namespace of its own\n");
                return SKIP;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
