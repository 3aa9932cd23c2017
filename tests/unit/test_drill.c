/* The plan of a drill: which way the address goes, and everything that must not be wrong before. */
#include "agent/drill.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static json_t *member(const char *name, bool self) {
        json_t *m = json_pack("{s:s, s:s, s:b, s:b, s:b, s:s, s:s, s:i}", "name", name, "interface", "eth0",
                              "self", self, "witness", 0, "standby", 0, "class", "healthy", "reason", "",
                              "generation", 4);

        if (!self) {
                json_object_set_new(m, "session", json_true());
                json_object_set_new(m, "ageMs", json_integer(40));
        }
        return m;
}

static json_t *group(const char *address, int vrid) {
        return json_pack("{s:s, s:s, s:i, s:s, s:s}", "address", address, "interface", "eth0",
                         "virtualRouterID", vrid, "transport", "sealed", "ownerName", "n2");
}

/* Three healthy masters; asked on n1, the address is at n2. */
static json_t *report(void) {
        return json_pack("{s:[o], s:[o, o, o]}", "vips", group("10.0.0.9", 9), "members", member("n1", true),
                         member("n2", false), member("n3", false));
}

static json_t *at(json_t *r, const char *list, size_t i) {
        return json_array_get(json_object_get(r, list), i);
}

static void assert_refused(json_t *r, const struct etcd_members *etcd, const char *why) {
        struct drill_plan p;
        struct error e;

        assert_int_equal(drill_plan(r, etcd, 0, &p, &e), -EPERM);
        assert_int_equal(e.status, EXIT_PREFLIGHT);
        if (!strstr(e.message, why))
                fail_msg("\"%s\" does not say \"%s\"", e.message, why);
        json_decref(r);
}

static void test_the_way(void **state) {
        struct etcd_members etcd = { .v = { { .name = "n1" }, { .name = "n2" }, { .name = "n3" } }, .n = 3 };
        json_t *r = report();
        struct drill_plan p;
        struct error e;

        (void)state;
        assert_int_equal(drill_plan(r, &etcd, 0, &p, &e), 0);
        assert_string_equal(p.address, "10.0.0.9");
        assert_string_equal(p.owner, "n2");
        assert_int_equal(p.vrid, 9);
        assert_int_equal(p.n, 3);
        assert_string_equal(p.to[0], "n1");
        assert_string_equal(p.to[1], "n3");
        assert_string_equal(p.to[2], "n2"); /* home */
        json_decref(r);
}

static void test_a_witness_is_no_station(void **state) {
        json_t *r = report();
        struct drill_plan p;
        struct error e;

        (void)state;
        json_object_set_new(at(r, "members", 2), "witness", json_true());
        json_object_set_new(at(r, "members", 2), "class", json_string("degraded"));
        assert_int_equal(drill_plan(r, NULL, 9, &p, &e), 0);
        assert_int_equal(p.n, 2);
        assert_string_equal(p.to[0], "n1");
        assert_string_equal(p.to[1], "n2");
        json_object_set_new(at(r, "members", 2), "session", json_false()); /* but its vote is needed */
        assert_refused(r, NULL, "n3 is not heard");
}

static void test_which_group(void **state) {
        json_t *r = report();
        struct drill_plan p;
        struct error e;

        (void)state;
        json_array_append_new(json_object_get(r, "vips"), group("10.0.0.10", 10));
        assert_int_equal(drill_plan(r, NULL, 0, &p, &e), -EINVAL);
        assert_int_equal(e.status, EXIT_INPUT);
        assert_int_equal(drill_plan(r, NULL, 11, &p, &e), -EINVAL);
        assert_int_equal(drill_plan(r, NULL, 10, &p, &e), 0);
        assert_string_equal(p.address, "10.0.0.10");
        json_decref(r);
        r = json_pack("{s:[], s:[]}", "vips", "members");
        assert_int_equal(drill_plan(r, NULL, 0, &p, &e), -EINVAL);
        json_decref(r);
}

static void test_unhealthy_members(void **state) {
        static const struct {
                const char *key, *text, *why;
        } cases[] = {
                { "class", "degraded", "n3 is degraded" },
                { "class", "failed", "n3 is failed" },
                { "class", "", "n3 is of unknown health" },
        };
        json_t *r;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                r = report();
                json_object_set_new(at(r, "members", 2), cases[i].key, json_string(cases[i].text));
                assert_refused(r, NULL, cases[i].why);
        }
        json_object_set_new(at(r = report(), "members", 2), "standby", json_true());
        assert_refused(r, NULL, "n3 stands by");
        json_object_set_new(at(r = report(), "members", 2), "ageMs", json_integer(DRILL_FRESH_MS));
        assert_refused(r, NULL, "n3 is not heard");
        json_object_set_new(at(r = report(), "members", 2), "ageMs", json_null());
        assert_refused(r, NULL, "n3 is not heard");
        json_object_set_new(at(r = report(), "members", 2), "generation", json_integer(5));
        assert_refused(r, NULL, "lists differ");
        json_object_set_new(at(r = report(), "members", 0), "class", json_string("degraded"));
        assert_refused(r, NULL, "n1 is degraded");
}

static void test_group_not_ready(void **state) {
        json_t *r = report();

        (void)state;
        json_object_set_new(at(r, "vips", 0), "ownerName", json_string(""));
        assert_refused(r, NULL, "nobody is known to have 10.0.0.9");
        json_object_set_new(at(r = report(), "vips", 0), "problem", json_string("no interface"));
        assert_refused(r, NULL, "no interface");
        json_object_set_new(at(r = report(), "vips", 0), "transport", json_string("ip"));
        assert_refused(r, NULL, "transport ip");
        r = json_pack("{s:[o], s:[o]}", "vips", group("10.0.0.9", 9), "members", member("n2", true));
        assert_refused(r, NULL, "no other master");
}

static void test_etcd(void **state) {
        struct etcd_members etcd = { .v = { { .name = "n1" }, { .name = "n2" }, { .name = "n3" } }, .n = 3 };

        (void)state;
        etcd.v[1].learner = true;
        assert_refused(report(), &etcd, "n2 is a learner");
        etcd.v[2].name[0] = '\0';
        assert_refused(report(), &etcd, "has not started");
}

/* Every fault is told, and a long list is cut, not written past its end. */
static void test_all_faults_in_one_message(void **state) {
        json_t *r = report(), *members = json_object_get(r, "members");

        (void)state;
        json_object_set_new(at(r, "members", 0), "class", json_string("degraded"));
        for (int i = 0; i < 200; i++) {
                json_t *m = member("a-rather-long-name-of-a-member", false);

                json_object_set_new(m, "session", json_false());
                json_array_append_new(members, m);
        }
        assert_refused(r, NULL, "n1 is degraded; a-rather-long-name-of-a-member is not heard; a-rather");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_way),
                cmocka_unit_test(test_a_witness_is_no_station),
                cmocka_unit_test(test_which_group),
                cmocka_unit_test(test_unhealthy_members),
                cmocka_unit_test(test_group_not_ready),
                cmocka_unit_test(test_etcd),
                cmocka_unit_test(test_all_faults_in_one_message),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
