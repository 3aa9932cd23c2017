/* keepalived.conf: what is taken from it, what is said of the rest, and where mistakes are. */
#include "agent/keepalived_conf.h"
#include "tests/unit/tmpdir.h"

static struct keepalived_conf *parse(const char *text) {
        struct keepalived_conf *c = NULL;
        struct error e = { 0 };

        if (keepalived_conf_parse(text, strlen(text), "k.conf", &c, &e) < 0)
                fail_msg("line %u: %s", e.line, e.message);
        return c;
}

static const struct keepalived_note *find_note(const struct keepalived_conf *c, const char *part) {
        for (size_t i = 0; i < c->n_notes; i++)
                if (strstr(c->notes[i].text, part))
                        return &c->notes[i];
        return NULL;
}

static void expect_refusal(const char *text, unsigned line, const char *name) {
        CLEANUP(keepalived_conf_freep) struct keepalived_conf *c = parse(text);

        for (size_t i = 0; i < c->n_notes; i++)
                if (c->notes[i].refusal && !strcmp(c->notes[i].refusal, name)) {
                        assert_int_equal(c->notes[i].line, line);
                        return;
                }
        fail_msg("no %s", name);
}

#define MINIMAL "vrrp_instance a {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress { 10.0.0.9 }\n"

static void defaults_are_keepalived_s(void **state) {
        CLEANUP(keepalived_conf_freep) struct keepalived_conf *c = parse(MINIMAL "}");
        const struct keepalived_instance *i = &c->instances[0];

        (void)state;
        assert_int_equal(c->n_instances, 1);
        assert_int_equal(c->n_notes, 0);
        assert_string_equal(i->name, "a");
        assert_string_equal(i->interface, "eth0");
        assert_int_equal(i->vrid, 51);
        assert_int_equal(i->priority, 100);
        assert_int_equal(i->version, 2);
        assert_int_equal(i->interval_us, 1000000);
        assert_int_equal(i->n_peers, 0);
        assert_int_equal(i->n_addresses, 1);
        assert_string_equal(vrrp_ip_text(&i->addresses[0].ip).v, "10.0.0.9");
        assert_int_equal(i->addresses[0].prefix, 32);
        assert_false(i->nopreempt || i->no_accept || i->use_vmac);
}

static void everything_that_is_taken(void **state) {
        CLEANUP(keepalived_conf_freep)
        struct keepalived_conf *c =
                parse("vrrp_instance \"the one\" # comment\n{\n"
                      " version 3\n interface bond0\n virtual_router_id 7\n priority 150\n"
                      " advert_int 0.25 ! another\n nopreempt\n preempt_delay 2.5\n"
                      " no_accept\n use_vmac\n unicast_src_ip 10.1.2.3\n"
                      " unicast_peer {\n  10.1.2.4\n  10.1.2.5\n }\n"
                      " virtual_ipaddress\n {\n  10.1.2.9/24 dev bond0 scope global\n"
                      "  10.1.2.10/24\n }\n}\nglobal_defs { vrrp_version 2\n}\n");
        const struct keepalived_instance *i = &c->instances[0];

        (void)state;
        assert_string_equal(i->name, "the one");
        assert_int_equal(i->version, 3);
        assert_int_equal(i->priority, 150);
        assert_int_equal(i->interval_us, 250000);
        assert_int_equal(i->preempt_delay_us, 2500000);
        assert_true(i->nopreempt && i->no_accept && i->use_vmac);
        assert_string_equal(vrrp_ip_text(&i->source).v, "10.1.2.3");
        assert_int_equal(i->n_peers, 2);
        assert_string_equal(vrrp_ip_text(&i->peers[1]).v, "10.1.2.5");
        assert_int_equal(i->n_addresses, 2);
        assert_int_equal(i->addresses[0].prefix, 24);
        assert_int_equal(c->n_notes, 0);
}

/* What keepalived sends while all is well is what the others compare with. */
static void positive_weights_count(void **state) {
        CLEANUP(keepalived_conf_freep)
        struct keepalived_conf *c =
                parse(MINIMAL " priority 100\n track_script {\n good\n bad\n other weight 5\n }\n"
                              " track_interface {\n eth1 weight 7\n eth2\n }\n}\n"
                              "vrrp_script good { weight 20\n}\nvrrp_script bad { weight -30\n}\n"
                              "vrrp_script other { weight 50\n}\n");

        (void)state;
        assert_int_equal(c->instances[0].priority, 132);
        assert_non_null(find_note(c, "track_script good"));
        expect_refusal(MINIMAL "track_script {\n x weight 3 reverse\n }\n}", 6, "ReverseWeight");
}

static void what_is_left_is_said(void **state) {
        CLEANUP(keepalived_conf_freep)
        struct keepalived_conf *c = parse(MINIMAL " notify_master /x\n frobnicate 7\n}\n");

        (void)state;
        assert_int_equal(c->n_notes, 2);
        assert_int_equal(find_note(c, "notify_master")->line, 5);
        assert_null(find_note(c, "notify_master")->refusal);
        assert_int_equal(find_note(c, "frobnicate: not known")->line, 6);
}

static void what_cannot_be_left_is_refused(void **state) {
        CLEANUP(keepalived_conf_freep)
        struct keepalived_conf *c = parse(MINIMAL " version 3\n authentication { auth_type PASS\n }\n}\n");

        (void)state;
        assert_null(find_note(c, "authentication")->refusal);
        expect_refusal(MINIMAL " authentication {\n auth_type PASS\n auth_pass x\n }\n}", 5,
                       "Authentication");
        expect_refusal(MINIMAL " authentication { auth_type AH\n }\n}", 5, "Authentication");
        expect_refusal(MINIMAL " priority 255\n}", 5, "AddressOwner");
        expect_refusal(MINIMAL " virtual_routes { 10.0.0.0/8 via 10.0.0.1\n }\n}", 5, "virtual_routes");
        expect_refusal(MINIMAL " virtual_ipaddress_excluded { 10.0.0.10\n }\n}", 5,
                       "virtual_ipaddress_excluded");
        expect_refusal(MINIMAL "}\nvirtual_server 10.0.0.9 443 {\n}\n", 6, "virtual_server");
        expect_refusal(MINIMAL "}\nvrrp_sync_group g { group { a\n }\n}\n", 6, "vrrp_sync_group");
        expect_refusal("global_defs {\n vrrp_mcast_group4 224.0.0.19\n}\n" MINIMAL "}", 2,
                       "vrrp_mcast_group4");
        expect_refusal("vrrp_instance a {\n interface eth0\n virtual_router_id 1\n"
                       " virtual_ipaddress { 10.0.0.1 dev eth1 }\n}",
                       4, "AddressInterface");
}

static void strictness_and_default_interface(void **state) {
        CLEANUP(keepalived_conf_freep)
        struct keepalived_conf *c = parse("global_defs {\n vrrp_strict\n default_interface eth7\n}\n"
                                          "vrrp_instance a { virtual_router_id 1\n virtual_ipaddress {\n"
                                          "10.0.0.1\n }\n}\nvrrp_instance b { virtual_router_id 2\n accept\n"
                                          "virtual_ipaddress {\n10.0.0.2\n }\n}\n");

        (void)state;
        assert_true(c->instances[0].no_accept);
        assert_false(c->instances[1].no_accept);
        assert_string_equal(c->instances[0].interface, "eth7");
}

static void mistakes_have_their_place(void **state) {
        static const struct {
                const char *text, *part;
                unsigned line;
        } bad[] = {
                { "", "no vrrp_instance", 0 },
                { "vrrp_instance a {\n\n", "not closed", 1 },
                { "}\n", "closes nothing", 1 },
                { "{\n", "belongs to nothing", 1 },
                { "\n\nvrrp_instance {\n}\n", "needs a name", 3 },
                { "vrrp_instance a {\n virtual_router_id 256\n}", "1 to 255", 2 },
                { "vrrp_instance a {\n virtual_router_id 1\n}", "no virtual_ipaddress", 1 },
                { "vrrp_instance a {\n virtual_ipaddress { 10.0.0.1 }\n}", "no virtual_router_id", 1 },
                { MINIMAL " priority x\n}", "whole number", 5 },
                { MINIMAL " advert_int 0.5\n}", "whole seconds", 1 },
                { MINIMAL " advert_int 0\n}", "seconds", 5 },
                { MINIMAL " version 4\n}", "2 to 3", 5 },
                { MINIMAL " virtual_ipaddress { 10.0.0.300 }\n}", "not an address", 5 },
                { MINIMAL " virtual_ipaddress { 10.0.0.3/33 }\n}", "prefix", 5 },
                { MINIMAL " virtual_ipaddress { fe80::1 }\n}", "another family", 5 },
                { MINIMAL " unicast_peer { me }\n}", "not an address", 5 },
                { MINIMAL " track_script { a weight much }\n}", "weight", 5 },
                { "x \"y\n", "quote", 1 },
                { "x\ny $V\n", "known to keepalived alone", 2 },
                { "x\n@a y\n", "known to keepalived alone", 2 },
                { "include x\n", "include", 1 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct keepalived_conf *c = NULL;
                struct error e = { 0 };

                assert_true(keepalived_conf_parse(bad[i].text, strlen(bad[i].text), "k.conf", &c, &e) < 0);
                assert_null(c);
                if (!strstr(e.message, bad[i].part))
                        fail_msg("\"%s\" has no \"%s\"", e.message, bad[i].part);
                assert_string_equal(e.file, "k.conf");
                assert_int_equal(e.line, bad[i].line);
                assert_int_equal(e.status, EXIT_INPUT);
        }
}

static void write_text(const char *dir, const char *name, const char *text) {
        char path[PATH_MAX];
        FILE *f;

        snprintf(path, sizeof path, "%s/%s", dir, name);
        assert_non_null(f = fopen(path, "we"));
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
}

static void includes_are_followed(void **state) {
        struct keepalived_conf *c = NULL;
        struct error e = { 0 };
        const char *root = *state;
        char dir[PATH_MAX];

        assert_int_equal(mkdir(tmp_path(*state, "d", dir), 0700), 0);
        write_text(root, "main.conf", "include d/*.conf\ninclude d/none-*\n");
        write_text(root, "d/a.conf", MINIMAL "}\n");
        write_text(root, "d/b.conf", "\nbad {\n");
        assert_true(keepalived_conf_load(root, "/main.conf", &c, &e) < 0);
        assert_string_equal(e.file, "/d/b.conf");
        assert_int_equal(e.line, 2);
        write_text(root, "d/b.conf", "include b.conf\n");
        assert_true(keepalived_conf_load(root, "/main.conf", &c, &e) < 0);
        assert_non_null(strstr(e.message, "deep"));
        write_text(root, "d/b.conf", "\nodd 1\n");
        assert_int_equal(keepalived_conf_load(root, "/main.conf", &c, &e), 0);
        assert_int_equal(c->n_instances, 1);
        assert_string_equal(c->notes[0].file, "/d/b.conf");
        keepalived_conf_free(c);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(defaults_are_keepalived_s),
                cmocka_unit_test(everything_that_is_taken),
                cmocka_unit_test(positive_weights_count),
                cmocka_unit_test(what_is_left_is_said),
                cmocka_unit_test(what_cannot_be_left_is_refused),
                cmocka_unit_test(strictness_and_default_interface),
                cmocka_unit_test(mistakes_have_their_place),
                tmp_test(includes_are_followed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
