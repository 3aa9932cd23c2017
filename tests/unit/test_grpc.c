/* Protocol buffers and gRPC's framing; the call itself is tried against a containerd (tests/net). */
#include "agent/grpc.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void assert_bytes(const struct pb_out *o, const char *expected, size_t size) {
        assert_false(o->failed);
        assert_int_equal(o->size, size);
        assert_memory_equal(o->data, expected, size);
}

/* The first two are the examples of the format's own documentation: 150 in field 1, "testing" in 2. */
static void test_written(void **state) {
        CLEANUP(pb_out_donep) struct pb_out o = { 0 };
        struct pb_out sub = { 0 }, empty = { 0 };

        (void)state;
        pb_number(&o, 1, 150);
        pb_text(&o, 2, "testing");
        pb_number(&o, 3, 0);
        pb_text(&o, 3, "");
        pb_text(&o, 3, NULL);
        pb_number(&sub, 1, 150);
        pb_sub(&o, 3, &sub);
        pb_sub(&o, 4, &empty);
        pb_entry(&o, 16, "k", "v");
        assert_bytes(&o,
                     "\x08\x96\x01"
                     "\x12\x07testing"
                     "\x1a\x03\x08\x96\x01"
                     "\x22\x00"
                     "\x82\x01\x06\x0a\x01k\x12\x01v",
                     3 + 9 + 5 + 2 + 9);
}

static void test_read(void **state) {
        static const char message[] = "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" /* 1: 2^64 - 1 */
                                      "\x11\x01\x00\x00\x00\x00\x00\x00\x80"         /* 2: fixed64 */
                                      "\x1d\x02\x00\x00\x80"                         /* 3: fixed32 */
                                      "\x22\x03"
                                      "abc"
                                      "\x22\x01z";
        struct pb_in in = pb_in(message, sizeof message - 1);
        CLEANUP(freep) char *text = NULL;
        struct pb_value v;

        (void)state;
        assert_int_equal(pb_next(&in, &v), 1);
        assert_true(v.field == 1 && !v.is_data && v.number == UINT64_MAX);
        assert_int_equal(pb_next(&in, &v), 1);
        assert_true(v.field == 2 && v.number == 0x8000000000000001U);
        assert_int_equal(pb_next(&in, &v), 1);
        assert_true(v.field == 3 && v.number == 0x80000002U);
        assert_int_equal(pb_copy_text(&v, &text), -EBADMSG);
        assert_int_equal(pb_next(&in, &v), 1);
        assert_int_equal(pb_copy_text(&v, &text), 0);
        assert_string_equal(text, "abc");
        assert_int_equal(pb_next(&in, &v), 1);
        assert_int_equal(pb_next(&in, &v), 0);
        assert_int_equal(pb_find(pb_in(message, sizeof message - 1), 4, &v), 1);
        assert_int_equal(v.size, 3);
        assert_int_equal(pb_find(pb_in(message, sizeof message - 1), 5, &v), 0);
}

static void test_refused(void **state) {
        static const struct {
                const char *bytes;
                size_t size;
        } cases[] = {
                { "\x08", 1 },                                          /* no value */
                { "\x08\x80", 2 },                                      /* cut off */
                { "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11 }, /* beyond 64 bits */
                { "\x00\x01", 2 },                                      /* field 0 */
                { "\x0b\x0c", 2 },                                      /* a group */
                { "\x0a\x05xyz", 5 },                                   /* longer than what is there */
                { "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 },
                { "\x09\x01\x02", 3 },
                { "\x0d\x01\x02", 3 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct pb_in in = pb_in(cases[i].bytes, cases[i].size);
                struct pb_value v;

                assert_int_equal(pb_next(&in, &v), -EBADMSG);
                assert_int_equal(pb_find(pb_in(cases[i].bytes, cases[i].size), 9, &v), -EBADMSG);
        }
}

static void test_entry(void **state) {
        CLEANUP(freep) char *key = NULL;
        CLEANUP(freep) char *value = NULL;
        struct pb_value v = { .is_data = true, .data = (const uint8_t *)"\x0a\x01k", .size = 3 };

        (void)state;
        assert_int_equal(pb_copy_entry(&v, &key, &value), 0);
        assert_string_equal(key, "k");
        assert_string_equal(value, "");
        v = (struct pb_value){ .is_data = true, .data = (const uint8_t *)"\x0a\x01\0", .size = 3 };
        assert_int_equal(pb_copy_entry(&v, &key, &value), -EBADMSG); /* a zero byte in a text */
}

struct heard {
        char text[64];
        unsigned n;
        int r;
};

static int hear(void *userdata, const uint8_t *data, size_t size) {
        struct heard *h = userdata;
        size_t at = strlen(h->text);

        h->n++;
        snprintf(h->text + at, sizeof h->text - at, "%.*s|", (int)size, (const char *)data);
        return h->r;
}

/* However the bytes come: whole, one by one, several messages at once. */
static void test_frames(void **state) {
        static const char stream[] = "\0\0\0\0\x03"
                                     "one\0\0\0\0\0\0\0\0\0\x05three";

        (void)state;
        for (size_t step = 1; step < sizeof stream; step++) {
                struct grpc_frames f = { 0 };
                struct heard h = { 0 };

                for (size_t at = 0; at < sizeof stream - 1; at += step) {
                        size_t left = sizeof stream - 1 - at;

                        assert_int_equal(
                                grpc_frames_feed(&f, stream + at, left < step ? left : step, hear, &h), 0);
                }
                assert_string_equal(h.text, "one||three|");
                assert_int_equal(f.size, 0);
                grpc_frames_done(&f);
        }
}

static void test_bad_frames(void **state) {
        struct grpc_frames f = { 0 };
        struct heard h = { .r = -ECANCELED };

        (void)state;
        assert_int_equal(grpc_frames_feed(&f, "\1\0\0\0\1x", 6, hear, &h), -EPROTO); /* compressed */
        grpc_frames_done(&f);
        assert_int_equal(grpc_frames_feed(&f, "\0\xff\0\0\0", 5, hear, &h), -EMSGSIZE);
        grpc_frames_done(&f);
        assert_int_equal(grpc_frames_feed(&f, "\0\0\0\0\1xy", 7, hear, &h), -ECANCELED);
        assert_int_equal(h.n, 1);
        grpc_frames_done(&f);
        assert_int_equal(grpc_frames_feed(&f, "\0\0\0\0\2x", 6, hear, &h), 0);
        assert_int_not_equal(f.size, 0); /* cut off: known at the end */
        grpc_frames_done(&f);
}

static void unescaped(const char *in, const char *expected) {
        char out[16];

        grpc_unescape(in, strlen(in), out, sizeof out);
        assert_string_equal(out, expected);
}

static void test_unescape(void **state) {
        (void)state;
        unescaped("not found", "not found");
        unescaped("100%25%20sure", "100% sure");
        unescaped("%e2%82%AC", "\xe2\x82\xac");
        unescaped("%", "%");
        unescaped("%4", "%4");
        unescaped("%zz%41", "%zzA");
        unescaped("a%0A%1b[2Jb%00c", "a  [2Jb c"); /* nothing that moves a terminal's cursor */
        unescaped("0123456789abcdefgh", "0123456789abcde");
}

static void test_socket_path(void **state) {
        struct grpc *g = NULL;
        char path[200];

        (void)state;
        memset(path, 'x', sizeof path - 1);
        path[sizeof path - 1] = '\0';
        assert_int_equal(grpc_new(path, &g), -ENAMETOOLONG);
        assert_null(g);
}

static void test_nobody_there(void **state) {
        CLEANUP(grpc_freep) struct grpc *g = NULL;
        CLEANUP(pb_out_donep) struct pb_out q = { 0 };
        struct grpc_call c = { .method = "/x.Y/Z", .request = &q, .timeout_s = 1 };
        struct grpc_status s;

        (void)state;
        assert_int_equal(grpc_new("/nonexistent/socket", &g), 0);
        assert_int_equal(grpc_run(g, &c, &s), -ENOENT);
        assert_string_equal(s.message, "/nonexistent/socket: /x.Y/Z: No such file or directory");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_written),      cmocka_unit_test(test_read),
                cmocka_unit_test(test_refused),      cmocka_unit_test(test_entry),
                cmocka_unit_test(test_frames),       cmocka_unit_test(test_bad_frames),
                cmocka_unit_test(test_unescape),     cmocka_unit_test(test_socket_path),
                cmocka_unit_test(test_nobody_there),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
