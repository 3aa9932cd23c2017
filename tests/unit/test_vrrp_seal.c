/* The sealed datagram and the lease's messages in it: test vectors, and all that must be refused. */
#include "pki/util.h"
#include "seal_vectors.h"

DEFINE_CLEANUP(struct vrrp_keyring *, vrrp_keyring_free)
#include "vrrp/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#define OTHER_BALLOT                                                                                         \
        { .num = 4, .src = VECTOR_THIRD, .boot = 0xb003b003b003b003, .count = 1 }
#define OWN_BALLOT                                                                                           \
        { .num = 5, .src = VECTOR_SRC, .boot = VECTOR_BOOT, .count = 2 }
#define RANK(c, p)                                                                                           \
        { .class = c, .priority = p, .id = VECTOR_SRC }

static struct vrrp_ip address(const char *text) {
        struct vrrp_ip a;

        assert_int_equal(vrrp_ip_parse(text, &a), 0);
        return a;
}

static struct vrrp_list vector_list(void) {
        return (struct vrrp_list){
                .gen = 4,
                .n = 3,
                .v = { { .id = VECTOR_SRC, .address = address("172.18.0.154"), .name = "host1" },
                       { .id = VECTOR_DST, .address = address("172.18.0.155"), .name = "host2" },
                       { .id = VECTOR_THIRD,
                         .address = address("fd00::9c"),
                         .name = "host3",
                         .witness = true } },
        };
}

/* What the vectors of the lease's messages say. */
static const struct vrrp_lease_msg messages[] = {
        { .type = VRRP_LEASE_CLAIM,
          .src = VECTOR_SRC,
          .gen = 3,
          .rank = RANK(VRRP_HEALTHY, 250),
          .ballot = OWN_BALLOT,
          .k = 6,
          .active = true,
          .released_src = VECTOR_THIRD,
          .released = OTHER_BALLOT },
        { .type = VRRP_LEASE_ACK,
          .src = VECTOR_SRC,
          .gen = 3,
          .rank = RANK(VRRP_DEGRADED, 230),
          .ballot = OTHER_BALLOT,
          .k = 6 },
        { .type = VRRP_LEASE_PROBE,
          .src = VECTOR_SRC,
          .gen = 3,
          .rank = RANK(VRRP_HEALTHY, 250),
          .ballot = OTHER_BALLOT,
          .k = 8,
          .preempt = true },
        { .type = VRRP_LEASE_YES,
          .src = VECTOR_SRC,
          .gen = 3,
          .rank = RANK(VRRP_FAILED, 210),
          .k = 9,
          .standby = true },
        { .type = VRRP_LEASE_RESIGN,
          .src = VECTOR_SRC,
          .gen = 3,
          .rank = RANK(VRRP_HEALTHY, 250),
          .ballot = OWN_BALLOT,
          .succ = VECTOR_DST },
        { .type = VRRP_LEASE_PREEMPT,
          .src = VECTOR_SRC,
          .gen = 3,
          .rank = RANK(VRRP_HEALTHY, 250),
          .ballot = OTHER_BALLOT },
        { .type = VRRP_LEASE_NACK, .src = VECTOR_SRC, .gen = 4, .rank = RANK(VRRP_HEALTHY, 250) },
};

struct fixture {
        struct vrrp_keyring *ring;
        uint8_t cluster[VRRP_SEAL_CLUSTER];
};

static int setup(void **state) {
        static struct fixture f;

        assert_int_equal(vrrp_keyring_new(&vector_keys, &f.ring), 0);
        memcpy(f.cluster, vector_cluster, sizeof f.cluster);
        *state = &f;
        return 0;
}

static int teardown(void **state) {
        vrrp_keyring_free(((struct fixture *)*state)->ring);
        return 0;
}

static size_t unhex(const char *hex, uint8_t *out) {
        size_t n = strlen(hex) / 2;

        for (size_t i = 0; i < n; i++) {
                unsigned byte;

                assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
                out[i] = (uint8_t)byte;
        }
        return n;
}

static enum vrrp_seal_verdict unseal(const struct fixture *f, const uint8_t *d, size_t size,
                                     struct vrrp_sealed_datagram *ret) {
        /* A copy of just that size, so that the sanitizer sees a read too far. */
        CLEANUP(freep) uint8_t *copy = malloc(size ? size : 1);
        enum vrrp_seal_verdict v;

        memcpy(copy, d, size);
        v = vrrp_unseal(f->ring, f->cluster, VECTOR_SRC, VECTOR_DST, copy, size, ret);
        if (ret->body)
                ret->body = d + (ret->body - copy);
        return v;
}

static struct vrrp_seal_header header(const struct fixture *f, uint8_t type, uint32_t group, uint64_t seq) {
        struct vrrp_seal_header h = { .type = type,
                                      .group = group,
                                      .src = VECTOR_SRC,
                                      .dst = VECTOR_DST,
                                      .boot = VECTOR_BOOT,
                                      .seq = seq };

        memcpy(h.cluster, f->cluster, sizeof h.cluster);
        return h;
}

static void vectors_unseal_and_seal_again(void **state) {
        const struct fixture *f = *state;

        for (size_t i = 0; i < ARRAY_SIZE(seal_vectors); i++) {
                const struct seal_vector *v = &seal_vectors[i];
                uint8_t d[VRRP_SEAL_MAX], again[VRRP_SEAL_MAX];
                size_t n = unhex(v->hex, d);
                struct vrrp_seal_header h = header(f, v->type, v->group, v->seq);
                struct vrrp_sealed_datagram got;

                assert_int_equal(unseal(f, d, n, &got), VRRP_SEAL_OK);
                assert_int_equal(got.header.type, v->type);
                assert_int_equal(got.header.key_id, 7);
                assert_memory_equal(got.header.cluster, f->cluster, sizeof f->cluster);
                assert_int_equal(got.header.group, v->group);
                assert_true(got.header.src == VECTOR_SRC && got.header.dst == VECTOR_DST);
                assert_true(got.header.boot == VECTOR_BOOT && got.header.seq == v->seq);
                assert_int_equal(got.size, n - VRRP_SEAL_HEADER - VRRP_TAG_SIZE);
                assert_int_equal(vrrp_seal(f->ring, &h, got.body, got.size, again, sizeof again), n);
                assert_memory_equal(again, d, n);
                assert_int_equal(vrrp_seal(f->ring, &h, got.body, got.size, again, n - 1), 0);
        }
}

static void assert_same_message(const struct vrrp_lease_msg *a, const struct vrrp_lease_msg *b) {
        assert_int_equal(a->type, b->type);
        assert_true(a->src == b->src && a->gen == b->gen && a->k == b->k && a->succ == b->succ);
        assert_memory_equal(&a->ballot, &b->ballot, sizeof a->ballot.num * 3 + sizeof a->ballot.count);
        assert_memory_equal(&a->released, &b->released, sizeof a->ballot.num * 3 + sizeof a->ballot.count);
        assert_true(a->released_src == b->released_src);
        assert_true(a->rank.class == b->rank.class && a->rank.priority == b->rank.priority);
        assert_true(a->rank.id == b->rank.id);
        assert_true(a->active == b->active && a->preempt == b->preempt && a->standby == b->standby);
        assert_int_equal(!a->list, !b->list);
        if (a->list)
                assert_true(vrrp_list_equal(a->list, b->list));
}

static void vectors_are_the_messages(void **state) {
        struct vrrp_list list = vector_list(), got_list;
        size_t first = ARRAY_SIZE(seal_vectors) - ARRAY_SIZE(messages);

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
                struct vrrp_lease_msg m = messages[i], got;
                uint8_t d[VRRP_SEAL_MAX], body[VRRP_SEAL_MAX];
                size_t n = unhex(seal_vectors[first + i].hex, d) - VRRP_SEAL_HEADER - VRRP_TAG_SIZE;

                m.list = m.type == VRRP_LEASE_NACK ? &list : NULL;
                assert_int_equal(seal_vectors[first + i].type, VRRP_SEAL_LEASE + m.type);
                assert_int_equal(vrrp_lease_encode(&m, body, sizeof body), n);
                assert_memory_equal(body, d + VRRP_SEAL_HEADER, n);
                assert_int_equal(vrrp_lease_encode(&m, body, n - 1), 0);
                assert_true(vrrp_lease_decode(m.type, VECTOR_SRC, d + VRRP_SEAL_HEADER, n, &got_list, &got));
                assert_same_message(&got, &m);
        }
}

static void no_bit_may_differ(void **state) {
        const struct fixture *f = *state;
        unsigned count[VRRP_SEAL_N_VERDICTS] = { 0 };
        uint8_t d[VRRP_SEAL_MAX];
        size_t n = unhex(seal_vectors[3].hex, d);
        struct vrrp_sealed_datagram got;

        for (size_t bit = 0; bit < 8 * n; bit++) {
                enum vrrp_seal_verdict v;

                d[bit / 8] ^= (uint8_t)(1 << bit % 8);
                v = unseal(f, d, n, &got);
                assert_int_not_equal(v, VRRP_SEAL_OK);
                count[v]++;
                d[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        assert_int_equal(count[VRRP_SEAL_BAD_FORM], 8 * (4 + 1 + 4)); /* magic, version, reserved, length */
        assert_int_equal(count[VRRP_SEAL_BAD_CLUSTER], 8 * 16);
        assert_int_equal(count[VRRP_SEAL_BAD_MEMBER], 8 * 16);
        assert_int_equal(count[VRRP_SEAL_BAD_KEY], 15); /* 7 ^ 1 is in the ring: the tag is another there */
        assert_int_equal(unseal(f, d, n, &got), VRRP_SEAL_OK);
}

static void exactly_its_length(void **state) {
        const struct fixture *f = *state;
        uint8_t d[VRRP_SEAL_MAX + 1] = { 0 };
        struct vrrp_sealed_datagram got;
        size_t n = unhex(seal_vectors[9].hex, d);

        for (size_t size = 0; size <= sizeof d; size++)
                assert_int_equal(unseal(f, d, size, &got), size == n ? VRRP_SEAL_OK : VRRP_SEAL_BAD_FORM);
}

static void an_empty_body_and_the_longest(void **state) {
        static const uint8_t zeros[VRRP_SEAL_BODY + 1];
        const struct fixture *f = *state;
        struct vrrp_seal_header h = header(f, VRRP_SEAL_HEALTH, 0, 1);
        struct vrrp_sealed_datagram got;
        uint8_t d[VRRP_SEAL_MAX + 1];

        assert_int_equal(vrrp_seal(f->ring, &h, NULL, 0, d, sizeof d), VRRP_SEAL_HEADER + VRRP_TAG_SIZE);
        assert_int_equal(unseal(f, d, VRRP_SEAL_HEADER + VRRP_TAG_SIZE, &got), VRRP_SEAL_OK);
        assert_int_equal(got.size, 0);
        assert_int_equal(vrrp_seal(f->ring, &h, zeros, VRRP_SEAL_BODY, d, sizeof d), VRRP_SEAL_MAX);
        assert_int_equal(unseal(f, d, VRRP_SEAL_MAX, &got), VRRP_SEAL_OK);
        assert_int_equal(got.size, VRRP_SEAL_BODY);
        assert_int_equal(vrrp_seal(f->ring, &h, zeros, VRRP_SEAL_BODY + 1, d, sizeof d), 0);
}

static void every_accepted_key_opens_and_no_other(void **state) {
        const struct fixture *f = *state;
        CLEANUP(vrrp_keyring_freep) struct vrrp_keyring *other = NULL;
        struct vrrp_keys keys = vector_keys;
        struct vrrp_seal_header h = header(f, VRRP_SEAL_ADVERT, 1, 1);
        struct vrrp_sealed_datagram got;
        uint8_t d[256];
        size_t n;

        keys.send = 0; /* accept-new, send-new, drop-old: the other half still sends with the old one */
        assert_int_equal(vrrp_keyring_new(&keys, &other), 0);
        n = vrrp_seal(other, &h, "x", 1, d, sizeof d);
        assert_int_equal(unseal(f, d, n, &got), VRRP_SEAL_OK);
        assert_int_equal(got.header.key_id, 6);
        vrrp_keyring_free(TAKE_PTR(other));

        keys.v[0].key[31] ^= 1; /* the same id, another key */
        assert_int_equal(vrrp_keyring_new(&keys, &other), 0);
        n = vrrp_seal(other, &h, "x", 1, d, sizeof d);
        assert_int_equal(unseal(f, d, n, &got), VRRP_SEAL_BAD_TAG);
        vrrp_keyring_free(TAKE_PTR(other));

        keys.v[0].id = 5;
        assert_int_equal(vrrp_keyring_new(&keys, &other), 0);
        n = vrrp_seal(other, &h, "x", 1, d, sizeof d);
        assert_int_equal(unseal(f, d, n, &got), VRRP_SEAL_BAD_KEY);
}

/* A datagram sent back to its sender, or on to a third: src and dst are sealed. */
static void for_nobody_else(void **state) {
        const struct fixture *f = *state;
        struct vrrp_sealed_datagram got;
        uint8_t d[VRRP_SEAL_MAX];
        size_t n = unhex(seal_vectors[3].hex, d);
        static const uint8_t cluster[VRRP_SEAL_CLUSTER] = { 1 };

        assert_int_equal(vrrp_unseal(f->ring, f->cluster, VECTOR_DST, VECTOR_SRC, d, n, &got),
                         VRRP_SEAL_BAD_MEMBER);
        assert_int_equal(vrrp_unseal(f->ring, f->cluster, VECTOR_SRC, VECTOR_THIRD, d, n, &got),
                         VRRP_SEAL_BAD_MEMBER);
        assert_int_equal(vrrp_unseal(f->ring, f->cluster, VECTOR_THIRD, VECTOR_DST, d, n, &got),
                         VRRP_SEAL_BAD_MEMBER);
        assert_int_equal(vrrp_unseal(f->ring, cluster, VECTOR_SRC, VECTOR_DST, d, n, &got),
                         VRRP_SEAL_BAD_CLUSTER);
}

static bool decodes(enum vrrp_lease_type type, const uint8_t *body, size_t size) {
        CLEANUP(freep) uint8_t *copy = malloc(size ? size : 1);
        struct vrrp_lease_msg m;
        struct vrrp_list list;

        memcpy(copy, body, size);
        return vrrp_lease_decode(type, VECTOR_SRC, copy, size, &list, &m);
}

static void bodies_have_one_length(void **state) {
        size_t first = ARRAY_SIZE(seal_vectors) - ARRAY_SIZE(messages);

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
                uint8_t d[VRRP_SEAL_MAX + 64] = { 0 };
                size_t n = unhex(seal_vectors[first + i].hex, d) - VRRP_SEAL_HEADER - VRRP_TAG_SIZE;

                for (size_t size = 0; size < n + 64; size++)
                        assert_int_equal(decodes(messages[i].type, d + VRRP_SEAL_HEADER, size), size == n);
                assert_false(decodes(0, d + VRRP_SEAL_HEADER, n));
                assert_false(decodes(VRRP_LEASE_N_TYPES, d + VRRP_SEAL_HEADER, n));
        }
}

/* One byte of a good body, and what it may not be. */
static const struct misfit {
        enum vrrp_lease_type type;
        size_t at;
        uint8_t value;
        const char *what;
} misfits[] = {
        { VRRP_LEASE_CLAIM, 7, 0, "generation 0" },
        { VRRP_LEASE_CLAIM, 8, VRRP_FAILED + 1, "a class that there is not" },
        { VRRP_LEASE_CLAIM, 9, 0, "priority 0" },
        { VRRP_LEASE_CLAIM, 10, 1 << 1, "preempt on a claim" },
        { VRRP_LEASE_CLAIM, 10, 1 << 3, "a flag that there is not" },
        { VRRP_LEASE_ACK, 10, 1 << 0, "active on an acknowledgement" },
        { VRRP_LEASE_CLAIM, 11, 1, "reserved" },
        { VRRP_LEASE_CLAIM, 23, 0, "ballot 0" },
        { VRRP_LEASE_CLAIM, 31, 0, "a claim to another's ballot" },
        { VRRP_LEASE_RESIGN, 31, 0, "the resignation of another's ballot" },
        { VRRP_LEASE_CLAIM, 47, 1, "reserved in the ballot" },
        { VRRP_LEASE_CLAIM, 63, 0, "released from, but no ballot" },
        { VRRP_LEASE_CLAIM, 87, 1, "reserved in the released ballot" },
        { VRRP_LEASE_NACK, 48, 4, "more members than there are" },
        { VRRP_LEASE_NACK, 48, 2, "fewer members than there are" },
        { VRRP_LEASE_NACK, 48, 0, "no member" },
        { VRRP_LEASE_NACK, 48, 255, "255 members" },
        { VRRP_LEASE_NACK, 49, 1, "reserved before the members" },
        { VRRP_LEASE_NACK, 64, 5, "an address of no family" },
        { VRRP_LEASE_NACK, 65, 2, "a member's flag that there is not" },
        { VRRP_LEASE_NACK, 66, 1, "reserved in a member" },
        { VRRP_LEASE_NACK, 67, 6, "a name that reaches into the next member" },
        { VRRP_LEASE_NACK, 67, 255, "a name longer than names are" },
        { VRRP_LEASE_NACK, 72, 1, "something behind an IPv4 address" },
        { VRRP_LEASE_NACK, 84, '\n', "a line end in a name" },
        { VRRP_LEASE_NACK, 84, 0x1b, "an escape in a name" },
        { VRRP_LEASE_NACK, 84, 0, "a NUL in a name" },
        { VRRP_LEASE_NACK, 104, 154, "an address that is there twice" },
};

static void fields_out_of_range_are_refused(void **state) {
        size_t first = ARRAY_SIZE(seal_vectors) - ARRAY_SIZE(messages) - VRRP_LEASE_CLAIM;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(misfits); i++) {
                const struct misfit *m = &misfits[i];
                uint8_t d[VRRP_SEAL_MAX], *body = d + VRRP_SEAL_HEADER;
                size_t n = unhex(seal_vectors[first + m->type].hex, d) - VRRP_SEAL_HEADER - VRRP_TAG_SIZE;

                assert_true(decodes(m->type, body, n));
                assert_int_not_equal(body[m->at], m->value);
                body[m->at] = m->value;
                if (decodes(m->type, body, n))
                        fail_msg("accepted: %s", m->what);
        }
}

/* Who sends what the receiver would refuse would be silent without knowing. */
static void nothing_is_sent_that_would_be_refused(void **state) {
        struct vrrp_list list = vector_list();
        struct vrrp_lease_msg m = messages[0];
        uint8_t body[VRRP_SEAL_MAX];

        (void)state;
        m.rank.priority = 0;
        assert_int_equal(vrrp_lease_encode(&m, body, sizeof body), 0);
        m = messages[6];
        assert_int_equal(vrrp_lease_encode(&m, body, sizeof body), 0); /* no list */
        m.list = &list;
        assert_int_not_equal(vrrp_lease_encode(&m, body, sizeof body), 0);
        m.gen++;
        assert_int_equal(vrrp_lease_encode(&m, body, sizeof body), 0);
        m.gen--;
        list.v[1].name[2] = '\033';
        assert_int_equal(vrrp_lease_encode(&m, body, sizeof body), 0);
        m = messages[0];
        m.type = VRRP_LEASE_N_TYPES;
        assert_int_equal(vrrp_lease_encode(&m, body, sizeof body), 0);
}

static void the_longest_list_fits(void **state) {
        const struct fixture *f = *state;
        struct vrrp_list list = { .gen = 9, .n = VRRP_LIST_MEMBERS }, got_list;
        struct vrrp_lease_msg m = messages[6], got;
        struct vrrp_seal_header h = header(f, VRRP_SEAL_LEASE + VRRP_LEASE_NACK, 255, 1);
        uint8_t body[VRRP_SEAL_BODY], d[VRRP_SEAL_MAX];
        size_t n;

        for (size_t i = 0; i < list.n; i++) {
                list.v[i].id = i + 1;
                list.v[i].address = address("fe80::1");
                list.v[i].address.b[8] = (uint8_t)i;
                memset(list.v[i].name, 'n', sizeof list.v[i].name - 1);
        }
        m.gen = 9;
        m.list = &list;
        n = vrrp_lease_encode(&m, body, sizeof body);
        assert_int_equal(n, 56 + 16 * (28 + 63));
        assert_int_not_equal(vrrp_seal(f->ring, &h, body, n, d, sizeof d), 0);
        assert_true(vrrp_lease_decode(m.type, VECTOR_SRC, body, n, &got_list, &got));
        assert_same_message(&got, &m);
}

static uint64_t now_ns(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Printed, not judged: the machine may be busy. */
static void prints_what_a_datagram_costs(void **state) {
        enum { N = 20000 };
        const struct fixture *f = *state;
        struct vrrp_sealed_datagram got;
        uint8_t d[VRRP_SEAL_MAX];
        size_t n = unhex(seal_vectors[3].hex, d);
        struct vrrp_seal_header h = header(f, d[4], 51, 10);
        uint64_t t = now_ns(), sealed, opened;

        for (unsigned i = 0; i < N; i++)
                assert_int_equal(vrrp_unseal(f->ring, f->cluster, VECTOR_SRC, VECTOR_DST, d, n, &got),
                                 VRRP_SEAL_OK);
        opened = (now_ns() - t) / N;
        t = now_ns();
        for (unsigned i = 0; i < N; i++) {
                uint8_t out[VRRP_SEAL_MAX];

                assert_int_equal(vrrp_seal(f->ring, &h, d + VRRP_SEAL_HEADER, got.size, out, sizeof out), n);
        }
        sealed = (now_ns() - t) / N;
        print_message("a claim of %zu bytes: sealed in %llu ns, unsealed in %llu ns\n", n,
                      (unsigned long long)sealed, (unsigned long long)opened);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(vectors_unseal_and_seal_again),
                cmocka_unit_test(vectors_are_the_messages),
                cmocka_unit_test(no_bit_may_differ),
                cmocka_unit_test(exactly_its_length),
                cmocka_unit_test(an_empty_body_and_the_longest),
                cmocka_unit_test(every_accepted_key_opens_and_no_other),
                cmocka_unit_test(for_nobody_else),
                cmocka_unit_test(bodies_have_one_length),
                cmocka_unit_test(fields_out_of_range_are_refused),
                cmocka_unit_test(nothing_is_sent_that_would_be_refused),
                cmocka_unit_test(the_longest_list_fits),
                cmocka_unit_test(prints_what_a_datagram_costs),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
