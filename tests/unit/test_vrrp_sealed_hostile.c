/* The sealed transport and a stranger, who can send from any address and repeat all that was ever on the
 * wire. */
#include "tests/unit/sealed_world.h"
#include "vrrp/clock.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

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
        uint64_t challenges, began_us, gaps;

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
        began_us = vrrp_now_us();
        assert_int_equal(start(w, 1, 0), 0); /* alone: whatever it hears is of the past */
        settle(w);
        for (unsigned i = 0; i < 20; i++)
                replay(&r, raw, 1);
        settle(w);
        gaps = (vrrp_now_us() - began_us) / GAP_US;
        assert_int_equal(w->m[1].heard[2] + w->m[1].heard[3], 0);
        assert_int_equal(w->m[1].restarted[2] + w->m[1].restarted[3], 0);
        challenges = vrrp_sealed_counters(w->m[1].s)->challenges;
        /* at the start, then to each of the two at most one in a gap */
        assert_true(challenges >= 2 && challenges <= 2 + 2 * (1 + gaps));
        pass_gap(w);
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
                pass_gap(w);
        }
        stop_recording(&r);
        n = nonces_asked(&r, 1, 2, nonces, ARRAY_SIZE(nonces));
        assert_true(n >= LIVES);
        for (size_t i = 0; i < n; i++)
                for (size_t j = i + 2; j < n; j++) /* the first may be asked twice */
                        assert_true(nonces[i] != nonces[j] && nonces[i] != 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(forged_icmp_errors_cost_no_datagram, setup, teardown),
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
