/* The codec of enrolment: round trips, and every class of malformed message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/enroll_clock.h"
#include "agent/enroll_position.h"
#include "agent/enroll_proto.h"
#include "agent/enroll_sources.h"
#include "agent/jread.h"
#include "pki/file.h"
#include <arpa/inet.h>
#include <errno.h>

static struct enroll_message a_request(void) {
        return (struct enroll_message){ .type = ENROLL_REQUEST,
                                        .request = { .token_id = "abc123",
                                                     .node_name = "host2.example",
                                                     .node_address = "172.18.0.155",
                                                     .clock_ns = 1795428000123456789,
                                                     .joiner_pub = { 1, 2, 3 },
                                                     .proof = { 255, 0, 9 } } };
}

static void round_trip(const struct enroll_message *m, struct enroll_message *ret) {
        char *text;
        size_t size;

        assert_int_equal(enroll_encode(m, &text, &size), 0);
        assert_int_equal(enroll_decode(text, size, ret), 0);
        assert_int_equal(ret->type, m->type);
        free(text);
}

static void test_messages_round_trip(void **state) {
        struct enroll_message m = a_request(), got;

        (void)state;
        m.request.role = ENROLL_WORKER;
        snprintf(m.request.csr, sizeof m.request.csr, "-----BEGIN X-----\nab+/=\n");
        round_trip(&m, &got);
        assert_int_equal(got.request.role, ENROLL_WORKER);
        assert_string_equal(got.request.csr, m.request.csr);
        m = a_request();
        round_trip(&m, &got);
        assert_int_equal(got.request.role, ENROLL_MASTER);
        assert_string_equal(got.request.csr, "");
        assert_string_equal(got.request.node_name, "host2.example");
        assert_string_equal(got.request.node_address, "172.18.0.155");
        assert_string_equal(got.request.token_id, "abc123");
        assert_true(got.request.clock_ns == m.request.clock_ns);
        assert_memory_equal(got.request.joiner_pub, m.request.joiner_pub, PKI_X25519_SIZE);
        assert_memory_equal(got.request.proof, m.request.proof, PKI_MAC_SIZE);

        m = (struct enroll_message){ .type = ENROLL_HELLO,
                                     .hello = { "0123456789abcdef0123456789abcdef", 42 } };
        round_trip(&m, &got);
        assert_string_equal(got.hello.cluster_id, m.hello.cluster_id);
        assert_true(got.hello.clock_ns == 42);

        m = (struct enroll_message){ .type = ENROLL_GRANT, .grant = { (uint8_t *)"\0sealed\377", 8 } };
        round_trip(&m, &got);
        assert_int_equal(got.grant.size, 8);
        assert_memory_equal(got.grant.sealed, "\0sealed\377", 8);
        enroll_message_done(&got);

        for (size_t i = 0; i < ENROLL_CODES; i++) {
                m = (struct enroll_message){ .type = ENROLL_REFUSAL,
                                             .refusal = { (enum enroll_code)i, "no \"中文\"", 7 } };
                round_trip(&m, &got);
                assert_int_equal(got.refusal.code, i);
                assert_string_equal(got.refusal.message, "no \"中文\"");
                assert_int_equal(got.refusal.retry_s, 7);
        }
}

/* The request with one field set to `value` (JSON), or without it. */
static int with_field(const char *where, const char *field, const char *value) {
        struct enroll_message m = a_request(), got = { 0 };
        json_t *o, *target;
        char *text;
        size_t size;
        int r;

        assert_int_equal(enroll_encode(&m, &text, &size), 0);
        o = jread_parse(text, size);
        free(text);
        target = *where ? json_object_get(o, where) : o;
        if (value)
                json_object_set_new(target, field, json_loads(value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL));
        else
                json_object_del(target, field);
        text = json_dumps(o, 0);
        r = enroll_decode(text, strlen(text), &got);
        if (r == 0)
                enroll_message_done(&got);
        free(text);
        json_decref(o);
        return r;
}

static void test_fields_are_strict(void **state) {
        static const struct {
                const char *where, *field, *value;
        } bad[] = {
                { "", "type", "\"hello\"" },
                { "", "type", "\"ask\"" },
                { "", "type", "1" },
                { "", "type", NULL },
                { "", "version", "0" },
                { "", "version", "\"1\"" },
                { "", "version", "1.0" },
                { "", "version", NULL },
                { "", "body", "[]" },
                { "", "body", NULL },
                { "", "more", "null" },
                { "body", "more", "1" },
                { "body", "role", NULL },
                { "body", "role", "\"worker\"" }, /* without a certificate request */
                { "body", "role", "\"Master\"" },
                { "body", "role", "1" },
                { "body", "csr", NULL },
                { "body", "csr", "\"x\"" }, /* of a master */
                { "body", "csr", "1" },
                { "body", "token", NULL },
                { "body", "token", "\"abc12\"" },
                { "body", "token", "\"abc1234\"" },
                { "body", "token", "\"ABC123\"" },
                { "body", "token", "\"../..x\"" },
                { "body", "token", "123456" },
                { "body", "name", "\"\"" },
                { "body", "name", "\"Host2\"" },
                { "body", "name", "\"-a\"" },
                { "body", "name", "\"a-\"" },
                { "body", "name", "\"a..b\"" },
                { "body", "name", "\"a.\"" },
                { "body", "name", "\"a/b\"" },
                { "body", "name", "\"a\\nb\"" },
                { "body", "name", "\"a\\u0000b\"" },
                { "body", "address", "\"\"" },
                { "body", "address", "\"172.18.0\"" },
                { "body", "address", "\"172.18.0.256\"" },
                { "body", "address", "\"172.18.000.155\"" },
                { "body", "address", "\"::0001\"" },
                { "body", "address", "\"172.18.0.155 \"" },
                { "body", "clock_ns", "-1" },
                { "body", "clock_ns", "1.5" },
                { "body", "clock_ns", "\"1\"" },
                { "body", "joiner_key", "\"\"" },
                { "body", "joiner_key", "\"0102\"" },
                { "body", "proof", "\"zz\"" },
                { "body", "proof", "null" },
        };

        (void)state;
        assert_int_equal(with_field("body", "name", "\"n3\""), 0);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                if (with_field(bad[i].where, bad[i].field, bad[i].value) != -EBADMSG)
                        fail_msg("%s.%s = %s was accepted", bad[i].where, bad[i].field, bad[i].value);
        assert_int_equal(with_field("", "version", "1"), -EPROTO);
        assert_int_equal(with_field("", "version", "3"), -EPROTO);
}

static void test_names_have_kubernetes_lengths(void **state) {
        char label[80] = "\"", name[300] = "\"";

        (void)state;
        memset(label + 1, 'a', 63);
        strncat(label, "\"", 2);
        assert_int_equal(with_field("body", "name", label), 0);
        memset(label + 1, 'a', 64);
        label[65] = '"';
        label[66] = '\0';
        assert_int_equal(with_field("body", "name", label), -EBADMSG);
        for (int i = 0; i < 254; i++)
                name[1 + i] = i % 2 ? '.' : 'a';
        name[254] = '"'; /* 253 characters */
        assert_int_equal(with_field("body", "name", name), 0);
        name[254] = '.';
        name[255] = 'a';
        name[256] = '"';
        assert_int_equal(with_field("body", "name", name), -EBADMSG);
}

static void test_text_around_a_message_is_refused(void **state) {
        static const char *const bad[] = { "",
                                           " ",
                                           "{",
                                           "null",
                                           "[]",
                                           "\"\"",
                                           "{}{}",
                                           "{\"type\":\"hello\"}",
                                           "{\"version\":2,\"version\":2,\"type\":\"hello\",\"body\":{}}" };
        struct enroll_message m = a_request(), got;
        char *text, *longer;
        size_t size;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(enroll_decode(bad[i], strlen(bad[i]), &got), -EBADMSG);
        assert_int_equal(enroll_encode(&m, &text, &size), 0);
        for (size_t n = 0; n < size; n++)
                assert_int_equal(enroll_decode(text, n, &got), -EBADMSG);
        assert_true(asprintf(&longer, "%s x", text) > 0);
        assert_int_equal(enroll_decode(longer, strlen(longer), &got), -EBADMSG);
        free(longer);
        free(text);
}

static void test_lengths_are_bounded(void **state) {
        uint8_t header[ENROLL_HEADER];
        struct enroll_message m = { .type = ENROLL_GRANT }, got;
        size_t size;
        char *text;

        (void)state;
        enroll_header_put(header, 0x00012345);
        assert_memory_equal(header, "\x00\x01\x23\x45", 4);
        assert_int_equal(enroll_header_get(header, &size), 0);
        assert_int_equal(size, 0x12345);
        enroll_header_put(header, 0);
        assert_int_equal(enroll_header_get(header, &size), -EMSGSIZE);
        enroll_header_put(header, ENROLL_FRAME_MAX);
        assert_int_equal(enroll_header_get(header, &size), 0);
        enroll_header_put(header, ENROLL_FRAME_MAX + 1);
        assert_int_equal(enroll_header_get(header, &size), -EMSGSIZE);
        memset(header, 255, sizeof header);
        assert_int_equal(enroll_header_get(header, &size), -EMSGSIZE);

        m.grant.size = ENROLL_SEALED_MAX + 1;
        m.grant.sealed = calloc(1, m.grant.size);
        assert_int_equal(enroll_encode(&m, &text, &size), 0);
        assert_int_equal(enroll_decode(text, size, &got), -EBADMSG);
        free(text);
        free(m.grant.sealed);
}

static struct enroll_bundle a_bundle(bool external) {
        struct enroll_bundle b = { .config = strdup("kind: x\n"), .position = 2, .members = { .n = 2 } };

        for (size_t i = 0; i < ENROLL_ENTRIES; i++)
                if (enroll_entry_of(ENROLL_MASTER, external, (enum enroll_entry)i))
                        b.entries[i] = strdup(enroll_entry_place((enum enroll_entry)i)->name);
        b.members.v[0] = (struct etcd_member){ .name = "n1",
                                               .peer_url = "https://172.18.0.154:2380",
                                               .client_url = "https://172.18.0.154:2379" };
        b.members.v[1] = (struct etcd_member){ .peer_url = "https://172.18.0.156:2380", .learner = true };
        return b;
}

static void expect_entries(const struct enroll_bundle *got, const struct enroll_bundle *b) {
        for (size_t i = 0; i < ENROLL_ENTRIES; i++)
                if (b->entries[i])
                        assert_string_equal(got->entries[i], b->entries[i]);
                else
                        assert_null(got->entries[i]);
}

/* Beside an administrator's etcd: no CA of etcd, and as much of the client's files as is configured. */
static void test_bundle_beside_an_external_etcd(void **state) {
        struct enroll_bundle b = a_bundle(true), got;
        size_t size;
        char *text;

        (void)state;
        assert_null(b.entries[ENROLL_ETCD_CA_KEY]);
        for (unsigned left = 3; left > 0; left--) {
                assert_int_equal(enroll_bundle_encode(&b, &text, &size), 0);
                assert_null(strstr(text, "\"etcd-ca"));
                assert_int_equal(enroll_bundle_decode(text, size, &got), 0);
                expect_entries(&got, &b);
                enroll_bundle_done(&got);
                free(text);
                pki_wipe_free(b.entries[ENROLL_EXTERNAL_ETCD_CA + left - 1]);
                b.entries[ENROLL_EXTERNAL_ETCD_CA + left - 1] = NULL;
        }
        b.entries[ENROLL_ETCD_CA_CRT] = strdup("half a pair");
        assert_int_equal(enroll_bundle_encode(&b, &text, &size), -ENOMEM);
        enroll_bundle_done(&b);
}

static void test_bundle_round_trips(void **state) {
        struct enroll_bundle b = a_bundle(false), got;
        size_t size;
        char *text;

        (void)state;
        assert_int_equal(enroll_bundle_encode(&b, &text, &size), 0);
        assert_int_equal(enroll_bundle_decode(text, size, &got), 0);
        expect_entries(&got, &b);
        assert_string_equal(got.config, b.config);
        assert_int_equal(got.position, 2);
        assert_int_equal(got.members.n, 2);
        assert_string_equal(got.members.v[0].client_url, "https://172.18.0.154:2379");
        assert_true(got.members.v[1].learner);
        enroll_bundle_done(&got);
        for (size_t n = 0; n < size; n++)
                assert_int_equal(enroll_bundle_decode(text, n, &got), -EBADMSG);
        free(text);
        enroll_bundle_done(&b);
}

static struct enroll_bundle a_worker_bundle(void) {
        struct enroll_bundle b = { .role = ENROLL_WORKER,
                                   .config = strdup("kind: x\n"),
                                   .certificate = strdup("the certificate") };

        b.entries[ENROLL_CA_CRT] = strdup("the CA");
        return b;
}

static void test_bundle_of_a_worker_round_trips(void **state) {
        struct enroll_bundle b = a_worker_bundle(), got;
        size_t size;
        char *text;

        (void)state;
        assert_int_equal(enroll_bundle_encode(&b, &text, &size), 0);
        assert_int_equal(enroll_bundle_decode(text, size, &got), 0);
        assert_int_equal(got.role, ENROLL_WORKER);
        assert_string_equal(got.certificate, "the certificate");
        for (size_t i = 0; i < ENROLL_ENTRIES; i++)
                if (i == ENROLL_CA_CRT)
                        assert_string_equal(got.entries[i], "the CA");
                else
                        assert_null(got.entries[i]);
        enroll_bundle_done(&got);
        for (size_t n = 0; n < size; n++)
                assert_int_equal(enroll_bundle_decode(text, n, &got), -EBADMSG);
        free(text);
        enroll_bundle_done(&b);
}

/* A key in a worker's bundle would be a key on a worker's disk; a master without one would be none. */
static void test_bundles_are_of_one_role(void **state) {
        struct enroll_bundle b = a_worker_bundle(), got;
        size_t size;
        char *text;
        json_t *o;

        (void)state;
        assert_int_equal(enroll_bundle_encode(&b, &text, &size), 0);
        o = jread_parse(text, size);
        free(text);
        json_object_set_new(json_object_get(o, "entries"), "ca.key", json_string("x"));
        text = json_dumps(o, 0);
        assert_int_equal(enroll_bundle_decode(text, strlen(text), &got), -EBADMSG);
        free(text);
        json_object_del(json_object_get(o, "entries"), "ca.key");
        json_object_set_new(o, "role", json_string("master"));
        text = json_dumps(o, 0);
        assert_int_equal(enroll_bundle_decode(text, strlen(text), &got), -EBADMSG);
        free(text);
        json_decref(o);
        enroll_bundle_done(&b);
}

static void test_bundle_is_a_fixed_list(void **state) {
        struct enroll_bundle b = a_bundle(false), got;
        char *text;
        size_t size;
        json_t *o;

        (void)state;
        assert_int_equal(enroll_bundle_encode(&b, &text, &size), 0);
        o = jread_parse(text, size);
        free(text);
        json_object_set_new(json_object_get(o, "entries"), "../../etc/shadow", json_string("x"));
        text = json_dumps(o, 0);
        assert_int_equal(enroll_bundle_decode(text, strlen(text), &got), -EBADMSG);
        free(text);
        json_object_del(json_object_get(o, "entries"), "../../etc/shadow");
        json_object_del(json_object_get(o, "entries"), "sa.pub");
        text = json_dumps(o, 0);
        assert_int_equal(enroll_bundle_decode(text, strlen(text), &got), -EBADMSG);
        free(text);
        json_decref(o);
        enroll_bundle_done(&b);
}

static void test_clocks_are_compared_with_an_interval(void **state) {
        char text[TIME_TEXT_SIZE];

        (void)state;
        assert_true(enroll_clock_distance(150, 100, 200) == 0);
        assert_true(enroll_clock_distance(100, 100, 200) == 0);
        assert_true(enroll_clock_distance(200, 100, 200) == 0);
        assert_true(enroll_clock_distance(3600000000200, 100, 200) == 3600);
        assert_true(enroll_clock_distance(0, 1000000000, 1000000200) == -1);
        assert_string_equal(enroll_time_text(1795428000123456789, text), "2026-11-23T10:00:00.123Z");
        assert_string_equal(enroll_time_text(0, text), "1970-01-01T00:00:00.000Z");
}

static struct vrrp_ip address_of(uint32_t network_order) {
        return vrrp_ip_v4((struct in_addr){ network_order });
}

/* A host may have a network of 64 bits to itself. */
static void test_ipv6_sources_are_networks(void **state) {
        struct enroll_sources s = { 0 };
        struct vrrp_ip a, same, other;
        unsigned hold;

        (void)state;
        assert_int_equal(vrrp_ip_parse("fd00:1::1", &a), 0);
        assert_int_equal(vrrp_ip_parse("fd00:1::ffff:2", &same), 0);
        assert_int_equal(vrrp_ip_parse("fd00:1:0:1::1", &other), 0);
        assert_non_null(enroll_source_enter(&s, a, 1000000000, &hold));
        enroll_source_leave(&s, a, true, 1000000000);
        assert_non_null(enroll_source_enter(&s, same, 1000000000, &hold));
        assert_int_equal(hold, 1);
        assert_non_null(enroll_source_enter(&s, other, 1000000000, &hold));
        assert_int_equal(hold, 0);
}

static void test_only_the_source_of_wrong_tries_waits(void **state) {
        const struct vrrp_ip bad = address_of(htonl(0x0a000001)), good = address_of(htonl(0x0a000002));
        static const unsigned holds[] = { 1, 2, 4, 8, 16, 32, 64, 64, 64 };
        struct enroll_sources s = { 0 };
        int64_t now = 1000000000;
        unsigned hold;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(holds); i++) {
                assert_non_null(enroll_source_enter(&s, bad, now, &hold));
                assert_int_equal(hold, 0);
                enroll_source_leave(&s, bad, true, now);
                assert_true(enroll_sources_holding(&s, now));
                assert_non_null(enroll_source_enter(&s, bad, now, &hold));
                assert_int_equal(hold, holds[i]);
                enroll_source_leave(&s, bad, false, now);
                assert_non_null(enroll_source_enter(&s, good, now, &hold));
                assert_int_equal(hold, 0);
                enroll_source_leave(&s, good, false, now);
                now += holds[i] * INT64_C(1000000);
                assert_false(enroll_sources_holding(&s, now));
        }
        now += 601 * INT64_C(1000000);
        assert_non_null(enroll_source_enter(&s, bad, now, &hold));
        enroll_source_leave(&s, bad, true, now);
        assert_non_null(enroll_source_enter(&s, bad, now, &hold));
        assert_int_equal(hold, 1);
}

static void test_one_source_cannot_take_all_places(void **state) {
        const struct vrrp_ip a = address_of(htonl(0x0a000001));
        struct enroll_sources s = { 0 };
        unsigned hold;

        (void)state;
        assert_non_null(enroll_source_enter(&s, a, 1, &hold));
        assert_non_null(enroll_source_enter(&s, a, 1, &hold));
        assert_null(enroll_source_enter(&s, a, 1, &hold));
        enroll_source_leave(&s, a, false, 1);
        assert_non_null(enroll_source_enter(&s, a, 1, &hold));
        /* many addresses push out those that owe nothing, never one that is held */
        enroll_source_leave(&s, a, false, 1);
        enroll_source_leave(&s, a, true, 1);
        for (uint32_t i = 0; i < 1000; i++) {
                struct vrrp_ip other = address_of(htonl(0x0b000000 + i));

                assert_non_null(enroll_source_enter(&s, other, 2 + i, &hold));
                enroll_source_leave(&s, other, false, 2 + i);
        }
        assert_non_null(enroll_source_enter(&s, a, 1003, &hold));
        assert_int_equal(hold, 1);
}

/* Waiting for one's own wrong tries must never become waiting for those of others. */
static void test_many_held_sources_do_not_lock_others_out(void **state) {
        const struct vrrp_ip first = address_of(htonl(0x0a000000)),
                             last = address_of(htonl(0x0a000000 + ENROLL_SOURCES - 1));
        const struct vrrp_ip honest = address_of(htonl(0x0b000000));
        struct enroll_sources s = { 0 };
        unsigned hold;

        (void)state;
        for (uint32_t i = 0; i < ENROLL_SOURCES; i++) {
                struct vrrp_ip bad = address_of(htonl(0x0a000000 + i));

                assert_non_null(enroll_source_enter(&s, bad, 1000 + i, &hold));
                enroll_source_leave(&s, bad, true, 1000 + i);
        }
        assert_non_null(enroll_source_enter(&s, honest, 5000, &hold));
        assert_int_equal(hold, 0);
        /* the one that had waited longest is forgiven for it, the others still wait */
        assert_non_null(enroll_source_enter(&s, last, 5000, &hold));
        assert_int_equal(hold, 1);
        assert_non_null(enroll_source_enter(&s, first, 5000, &hold));
        assert_int_equal(hold, 0);
}

static struct etcd_members named(const char *a, const char *b, const char *c) {
        const char *names[] = { a, b, c };
        struct etcd_members m = { 0 };

        for (size_t i = 0; i < 3 && names[i]; i++)
                snprintf(m.v[m.n++].name, sizeof m.v[0].name, "%s", names[i]);
        return m;
}

static void test_positions_are_the_smallest_free(void **state) {
        struct etcd_members one = named("n1", NULL, NULL), two = named("n1", "n3", NULL);
        struct enroll_positions p = { 0 };

        (void)state;
        assert_int_equal(enroll_position_pick(&p, &one, "n2", "172.18.0.2", 1000), 1);
        assert_int_equal(enroll_position_pick(&p, &one, "n3", "172.18.0.3", 1001), 2); /* n2 is on its way */
        assert_int_equal(enroll_position_pick(&p, &one, "n2", "172.18.0.2", 1002), 1); /* resumed */
        assert_int_equal(enroll_position_pick(&p, &two, "n4", "172.18.0.4", 1000 + 3599), 3);
        /* n2 and n4 never came: after an hour theirs are free again */
        assert_int_equal(enroll_position_pick(&p, &two, "n5", "172.18.0.5", 1000 + 3599 + 3600), 1);
        p.n = 0; /* another master, that handed none out */
        assert_int_equal(enroll_position_pick(&p, &two, "n4", "172.18.0.4", 0), 2);
}

/* Cloned machines have one name: the second must not come in while no list of members shows the first. */
static void test_one_name_joins_from_one_address_at_a_time(void **state) {
        struct etcd_members one = named("n1", NULL, NULL), learner = named("n1", "", NULL);
        struct etcd_members both = named("n1", "n2", NULL);
        struct enroll_positions p = { 0 };

        (void)state;
        snprintf(learner.v[1].peer_url, sizeof learner.v[1].peer_url, "https://172.18.0.2:2380");
        assert_null(enroll_position_rival(&p, &one, "n2", "172.18.0.2", 1000));
        enroll_position_pick(&p, &one, "n2", "172.18.0.2", 1000);
        assert_null(enroll_position_rival(&p, &one, "n2", "172.18.0.2", 1001)); /* resumed */
        assert_null(enroll_position_rival(&p, &one, "n3", "172.18.0.3", 1001));
        assert_ptr_equal(enroll_position_rival(&p, &one, "n2", "172.18.0.3", 1001), &p.v[0]);
        assert_ptr_equal(enroll_position_rival(&p, &learner, "n2", "172.18.0.3", 1500), &p.v[0]);
        assert_null(enroll_position_rival(&p, &one, "n2", "172.18.0.3", 1500));  /* gave up */
        assert_null(enroll_position_rival(&p, &both, "n2", "172.18.0.2", 1001)); /* told by its name */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_messages_round_trip),
                cmocka_unit_test(test_fields_are_strict),
                cmocka_unit_test(test_names_have_kubernetes_lengths),
                cmocka_unit_test(test_text_around_a_message_is_refused),
                cmocka_unit_test(test_lengths_are_bounded),
                cmocka_unit_test(test_bundle_round_trips),
                cmocka_unit_test(test_bundle_beside_an_external_etcd),
                cmocka_unit_test(test_bundle_of_a_worker_round_trips),
                cmocka_unit_test(test_bundles_are_of_one_role),
                cmocka_unit_test(test_bundle_is_a_fixed_list),
                cmocka_unit_test(test_clocks_are_compared_with_an_interval),
                cmocka_unit_test(test_ipv6_sources_are_networks),
                cmocka_unit_test(test_only_the_source_of_wrong_tries_waits),
                cmocka_unit_test(test_one_source_cannot_take_all_places),
                cmocka_unit_test(test_many_held_sources_do_not_lock_others_out),
                cmocka_unit_test(test_positions_are_the_smallest_free),
                cmocka_unit_test(test_one_name_joins_from_one_address_at_a_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
