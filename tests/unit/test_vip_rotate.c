/* Rotation step by step: what each step does to the keys, and who can stop it. */
#include "agent/vip_rotate.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct vip_rotate_view read_view(const char *text) {
        json_t *o = json_loads(text, 0, NULL);
        struct vip_rotate_view view;
        struct error e = { 0 };

        assert_non_null(o);
        if (vip_rotate_read(o, &view, &e) < 0)
                fail_msg("%s", e.message);
        json_decref(o);
        return view;
}

static struct vrrp_keys one_key(void) {
        return (struct vrrp_keys){ .n = 1, .v = { { .id = 7, .key = { 7 } } } };
}

static struct vrrp_keys two_keys(size_t send) {
        return (struct vrrp_keys){ .n = 2,
                                   .send = send,
                                   .v = { { .id = 7, .key = { 7 } }, { .id = 8, .key = { 8 } } } };
}

#define SELF      "{\"name\": \"n1\", \"self\": true, \"sendsWithKey\": 7, \"acceptsKeys\": [7, 8]}"
#define SELF_SENT "{\"name\": \"n1\", \"self\": true, \"sendsWithKey\": 8, \"acceptsKeys\": [7, 8]}"

static void test_a_new_key_is_accepted_first(void **state) {
        struct vrrp_keys k = one_key();
        struct error e = { 0 };
        uint16_t id;

        (void)state;
        assert_int_equal(vip_rotate_keys(VIP_ROTATE_NEW, NULL, &k, &id, &e), 0);
        assert_int_equal(id, 8);
        assert_int_equal(k.n, 2);
        assert_int_equal(k.v[k.send].id, 7);
        assert_memory_not_equal(k.v[0].key, k.v[1].key, VRRP_KEY_SIZE);
        assert_true(vip_rotate_keys(VIP_ROTATE_NEW, NULL, &k, &id, &e) < 0);
        assert_int_equal(e.status, EXIT_FAILED);
        assert_non_null(strstr(e.message, "under way"));
        assert_int_equal(k.n, 2);
}

static void test_it_is_sent_with_when_all_accept_it(void **state) {
        struct vip_rotate_view all =
                read_view("{\"members\": [" SELF
                          ", {\"name\": \"n2\", \"sendsWithKey\": 8, \"acceptsKeys\": [7, 8]}]}");
        struct vrrp_keys k = two_keys(0);
        struct error e = { 0 };
        uint16_t id;

        (void)state;
        assert_int_equal(vip_rotate_keys(VIP_ROTATE_SEND, &all, &k, &id, &e), 0);
        assert_int_equal(id, 8);
        assert_int_equal(k.v[k.send].id, 8);
        assert_int_equal(k.n, 2);
        assert_true(vip_rotate_keys(VIP_ROTATE_SEND, &all, &k, &id, &e) < 0);
        assert_non_null(strstr(e.message, "key 8, the newest, is sent with already; go on with --drop-old"));
        k = one_key();
        assert_true(vip_rotate_keys(VIP_ROTATE_SEND, &all, &k, &id, &e) < 0);
        assert_non_null(strstr(e.message, "--new makes another"));
}

static void test_who_does_not_say_that_it_accepts_stops_it(void **state) {
        static const char *const second[] = {
                "{\"name\": \"n2\", \"sendsWithKey\": 7, \"acceptsKeys\": [7]}", /* without the new one */
                "{\"name\": \"n2\"}",                                            /* not heard */
                "{\"name\": \"n2\", \"sendsWithKey\": 7, \"acceptsKeys\": []}",
        };
        struct error e = { 0 };
        char text[512];
        uint16_t id;

        (void)state;
        for (size_t i = 0; i < 3; i++) {
                struct vrrp_keys k = two_keys(0);
                struct vip_rotate_view view;

                snprintf(text, sizeof text, "{\"members\": [%s, %s]}", SELF, second[i]);
                view = read_view(text);
                assert_true(vip_rotate_keys(VIP_ROTATE_SEND, &view, &k, &id, &e) < 0);
                assert_int_equal(e.status, EXIT_FAILED);
                assert_non_null(strstr(e.message, "n2 does not say that it accepts key 8"));
                assert_int_equal(k.send, 0);
        }
}

static void test_the_old_one_is_dropped_when_nobody_sends_with_it(void **state) {
        struct vip_rotate_view all =
                read_view("{\"members\": [" SELF_SENT
                          ", {\"name\": \"n2\", \"sendsWithKey\": 8, \"acceptsKeys\": [8]}]}");
        struct vip_rotate_view old =
                read_view("{\"members\": [" SELF_SENT
                          ", {\"name\": \"n2\", \"sendsWithKey\": 7, \"acceptsKeys\": [7, 8]}]}");
        struct vip_rotate_view silent = read_view("{\"members\": [" SELF_SENT ", {\"name\": \"n3\"}]}");
        struct vrrp_keys k = two_keys(0);
        struct error e = { 0 };
        uint16_t id;

        (void)state;
        assert_true(vip_rotate_keys(VIP_ROTATE_DROP, &all, &k, &id, &e) < 0);
        assert_non_null(strstr(e.message, "key 7 is still sent with here"));
        k = two_keys(1);
        assert_true(vip_rotate_keys(VIP_ROTATE_DROP, &old, &k, &id, &e) < 0);
        assert_non_null(strstr(e.message, "n2 does not say that it sends with key 8"));
        assert_true(vip_rotate_keys(VIP_ROTATE_DROP, &silent, &k, &id, &e) < 0);
        assert_non_null(strstr(e.message, "n3"));
        assert_int_equal(k.n, 2);
        assert_int_equal(vip_rotate_keys(VIP_ROTATE_DROP, &all, &k, &id, &e), 0);
        assert_int_equal(id, 8);
        assert_int_equal(k.n, 1);
        assert_int_equal(k.v[0].id, 8);
        assert_int_equal(k.v[0].key[0], 8);
        assert_true(vip_rotate_keys(VIP_ROTATE_DROP, &all, &k, &id, &e) < 0);
        assert_non_null(strstr(e.message, "key 8 is the only one"));
}

/* The order in the file is that of age, not of the ids. */
static void test_the_newest_is_the_last_of_the_file(void **state) {
        struct vip_rotate_view all = read_view(
                "{\"members\": [{\"name\": \"n1\", \"sendsWithKey\": 65535, \"acceptsKeys\": [65535, 1]}]}");
        struct vrrp_keys k = { .n = 2, .v = { { .id = 65535, .key = { 1 } }, { .id = 1, .key = { 2 } } } };
        struct error e = { 0 };
        uint16_t id;

        (void)state;
        assert_int_equal(vip_rotate_keys(VIP_ROTATE_SEND, &all, &k, &id, &e), 0);
        assert_int_equal(id, 1);
}

static void test_what_is_no_report_is_refused(void **state) {
        static const char *const texts[] = {
                "{}",
                "{\"members\": []}",
                "{\"members\": {}}",
                "{\"members\": [{}]}",
                "{\"members\": [{\"name\": \"a\", \"sendsWithKey\": 65536}]}",
                "{\"members\": [{\"name\": \"a\", \"sendsWithKey\": -1}]}",
                "{\"members\": [{\"name\": \"a\", \"acceptsKeys\": [1, 2, 3, 4, 5]}]}",
                "{\"members\": [{\"name\": \"a\", \"acceptsKeys\": [0]}]}",
                "{\"members\": [{\"name\": \"a\", \"acceptsKeys\": [\"1\"]}]}",
        };

        (void)state;
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                json_t *o = json_loads(texts[i], 0, NULL);
                struct vip_rotate_view view;
                struct error e;

                assert_true(vip_rotate_read(o, &view, &e) < 0);
                json_decref(o);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_new_key_is_accepted_first),
                cmocka_unit_test(test_it_is_sent_with_when_all_accept_it),
                cmocka_unit_test(test_who_does_not_say_that_it_accepts_stops_it),
                cmocka_unit_test(test_the_old_one_is_dropped_when_nobody_sends_with_it),
                cmocka_unit_test(test_the_newest_is_the_last_of_the_file),
                cmocka_unit_test(test_what_is_no_report_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
