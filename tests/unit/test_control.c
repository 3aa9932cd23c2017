/* What the agent tells: the report as JSON and metrics from a made-up snapshot, the history, the Host rule,
 * journald's datagram. */
#include "agent/control.h"
#include "agent/journal.h"
#include "agent/report.h"
#include "agent/status_text.h"
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Literals of several parts, which inside a list would look like a forgotten comma. */
#define INFO       "triarch_info{version=\"" TRIARCH_VERSION "\",node=\"n2\"} 1"
#define NODE       "node     n2 (10.0.0.2), agent " TRIARCH_VERSION " up 10.0 s"
#define TIMES      "\"" BOTH_TIMES "\""
#define CLOCK      "clock    " BOTH_TIMES
#define BOTH_TIMES "system clock 2026-11-23T04:38:50.000Z, time source says 2026-11-23T04:38:50.251Z"
#define GROUP      "{vip=\"10.0.0.9\",interface=\"eth0\",vrid=\"9\""
#define SEC(n)     ((uint64_t)(n)*1000000)

struct world {
        struct vip_address address;
        struct vip_config vip;
        struct member members[2];
        struct config config;
        struct health health;
        struct history history;
        struct clock_state clock;
        struct etcd_facts etcd;
        struct report_group group;
        struct report_transport transport;
        struct report report;
};

static void snapshot(struct world *w) {
        static char n1[] = "n1", n2[] = "n2", eth0[] = "eth0";
        struct health_params p = {
                .fall = 2, .rise = 2, .interval_us = 100000, .times = health_times_default
        };

        *w = (struct world){ .address = { { AF_INET, { 10, 0, 0, 9 } }, 24 },
                             .members = { { .name = n1, .address = { AF_INET, { 10, 0, 0, 1 } } },
                                          { .name = n2, .address = { AF_INET, { 10, 0, 0, 2 } } } } };
        w->vip = (struct vip_config){ .addresses = &w->address,
                                      .n_addresses = 1,
                                      .interface = eth0,
                                      .vrid = 9,
                                      .interval_us = 100000,
                                      .election = VIP_ELECTION_PRIORITY,
                                      .members = w->members,
                                      .n_members = 2 };
        w->config = (struct config){ .node_name = n2, .time_max_offset_s = 0.1, .vips = { &w->vip, 1 } };
        p.enabled[HEALTH_API_SERVER] = p.enabled[HEALTH_CLOCK] = true;
        health_init(&w->health, &p, 0);
        health_report(&w->health, HEALTH_API_SERVER, HEALTH_OK, "answers 200", SEC(1));
        health_report(&w->health, HEALTH_CLOCK, HEALTH_OFFSET, "clock is 250.000 ms slow", SEC(1));
        health_report(&w->health, HEALTH_CLOCK, HEALTH_OFFSET, "clock is \"251.000 ms\\\" slow", SEC(2));
        health_report(&w->health, HEALTH_API_SERVER, HEALTH_OK, "answers 200", SEC(2));
        w->clock = (struct clock_state){ .verdict = CLOCK_OFFSET, .correction = 0.251, .error_bound = 0.26 };
        w->etcd = (struct etcd_facts){ ETCD_FLAG_YES, ETCD_FLAG_NO, ETCD_FLAG_UNKNOWN };
        history_add(&w->history, (struct timespec){ 1795408722, 5000000 }, "state", "backup", "active",
                    "no advertisement from an active router");
        w->group = (struct report_group){ .vip = &w->vip,
                                          .family = AF_INET,
                                          .routing = true,
                                          .router = { .state = VRRP_BACKUP,
                                                      .vrid = 9,
                                                      .priority = 115,
                                                      .priority_configured = 230,
                                                      .link_up = true,
                                                      .self = { AF_INET, { 10, 0, 0, 2 } },
                                                      .active = { AF_INET, { 10, 0, 0, 1 } },
                                                      .since_us = SEC(4),
                                                      .peers = { { .address = { AF_INET, { 10, 0, 0, 1 } },
                                                                   .priority = 125,
                                                                   .class = VRRP_DEGRADED,
                                                                   .last_us = SEC(10) - 40000 } },
                                                      .n_peers = 1,
                                                      .counters = { .sent = 7, .bad_ttl = 3 } },
                                          .problem = "",
                                          .became_active = 2 };
        w->report = (struct report){ .config = &w->config,
                                     .wall = { 1795408730, 0 },
                                     .now_us = SEC(10),
                                     .router_now_us = SEC(10),
                                     .started_us = 0,
                                     .groups = &w->group,
                                     .n_groups = 1,
                                     .health = &w->health,
                                     .clock = &w->clock,
                                     .etcd = &w->etcd,
                                     .history = &w->history };
}

static json_t *json_of(const struct report *r) {
        CLEANUP(freep) char *text = NULL;
        json_t *o;
        size_t n;

        assert_int_equal(report_json(r, &text, &n), 0);
        o = json_loadb(text, n, 0, NULL);
        assert_non_null(o);
        return o;
}

/* A path like "vip.owner" or "peers.0.name". */
static const json_t *at(const json_t *o, const char *path) {
        char part[64];
        size_t n;

        for (; *path; path += n + (path[n] == '.')) {
                n = strcspn(path, ".");
                snprintf(part, sizeof part, "%.*s", (int)n, path);
                o = json_is_array(o) ? json_array_get(o, strtoul(part, NULL, 10)) : json_object_get(o, part);
        }
        return o;
}

static void expect(const json_t *o, const char *path, const char *want) {
        const json_t *v = at(o, path);
        CLEANUP(freep) char *text = v ? json_dumps(v, JSON_ENCODE_ANY) : NULL;

        if (!text || strcmp(text, want) != 0)
                fail_msg("%s is %s, not %s", path, text ? text : "missing", want);
}

static void test_json(void **state) {
        static const char *const want[][2] = {
                { "node", "\"n2\"" },
                { "class", "\"degraded\"" },
                { "reason", "\"clock: clock is \\\"251.000 ms\\\\\\\" slow\"" },
                { "vip.address", "\"10.0.0.9\"" },
                { "vip.state", "\"backup\"" },
                { "vip.since", "\"2026-11-23T04:38:44.000Z\"" },
                { "vip.stateMs", "6000" },
                { "vip.owner", "\"10.0.0.1\"" },
                { "vip.ownerName", "\"n1\"" },
                { "vip.priority", "115" },
                { "vip.priorityConfigured", "230" },
                { "checks.0.name", "\"apiServer\"" },
                { "checks.0.class", "\"healthy\"" },
                { "checks.1.name", "\"clock\"" },
                { "checks.1.class", "\"degraded\"" },
                { "checks.1.last", "\"offset\"" },
                { "checks.1.ageMs", "8000" },
                { "clock.verdict", "\"offset\"" },
                { "clock.times", TIMES },
                { "etcd.hasLeader", "true" },
                { "etcd.isLeader", "false" },
                { "etcd.isLearner", "null" },
                { "peers.0.name", "\"n1\"" },
                { "peers.0.class", "\"degraded\"" },
                { "peers.0.ageMs", "40" },
                { "history.0.time", "\"2026-11-23T04:38:42.005Z\"" },
                { "history.0.to", "\"active\"" },
                { "cluster", "null" },
        };
        struct world w;
        json_t *o;

        (void)state;
        snapshot(&w);
        health_tick(&w.health, SEC(3));
        o = json_of(&w.report);
        for (size_t i = 0; i < ARRAY_SIZE(want); i++)
                expect(o, want[i][0], want[i][1]);
        json_decref(o);
}

static void test_json_of_the_active_and_of_one_that_waits(void **state) {
        struct world w;
        json_t *o;

        (void)state;
        snapshot(&w);
        w.group.router.state = VRRP_ACTIVE;
        o = json_of(&w.report);
        expect(o, "vip.owner", "\"10.0.0.2\"");
        expect(o, "vip.ownerName", "\"n2\"");
        json_decref(o);
        w.group.routing = false;
        w.group.problem = "there is no interface";
        w.report.clock = NULL;
        w.report.etcd = NULL;
        o = json_of(&w.report);
        expect(o, "vip.state", "\"initialize\"");
        expect(o, "vip.problem", "\"there is no interface\"");
        expect(o, "clock", "null");
        expect(o, "etcd", "null");
        expect(o, "peers", "[]");
        json_decref(o);
}

static void has_line(const char *text, const char *line) {
        size_t n = strlen(line);

        for (const char *p = strstr(text, line); p; p = strstr(p + 1, line))
                if ((p == text || p[-1] == '\n') && p[n] == '\n')
                        return;
        fail_msg("no line \"%s\" in:\n%s", line, text);
}

/* In the text that `triarch status` prints. */
static void has_lines(const struct report *r, const char *const *want, size_t n_want) {
        CLEANUP(freep) char *text = NULL;
        json_t *o = json_of(r);
        size_t n;
        FILE *f = open_memstream(&text, &n);

        assert_non_null(f);
        status_text(f, o, NULL);
        fclose(f);
        json_decref(o);
        for (size_t i = 0; i < n_want; i++)
                has_line(text, want[i]);
}

static void test_metrics(void **state) {
        static const char *const want[] = {
                "triarch_uptime_seconds 10",
                "triarch_class{class=\"healthy\"} 0",
                "triarch_class{class=\"degraded\"} 1",
                "triarch_class_reason{check=\"clock\",outcome=\"offset\"} 1",
                "triarch_check_ok{check=\"apiServer\"} 1",
                "triarch_check_ok{check=\"clock\"} 0",
                "triarch_clock_correction_seconds 0.251",
                "triarch_etcd_has_leader 1",
                "triarch_vip_state" GROUP ",state=\"backup\"} 1",
                "triarch_vip_state" GROUP ",state=\"active\"} 0",
                "triarch_vip_priority" GROUP "} 115",
                "triarch_vip_last_change_timestamp_seconds" GROUP "} 1795408724",
                "triarch_vip_became_active_total" GROUP "} 2",
                "triarch_vrrp_sent_total" GROUP "} 7",
                "triarch_vrrp_rejected_total" GROUP ",reason=\"ttl\"} 3",
                "# TYPE triarch_vrrp_sent_total counter",
        };
        CLEANUP(freep) char *text = NULL;
        struct world w;
        size_t n;

        (void)state;
        snapshot(&w);
        health_tick(&w.health, SEC(3));
        assert_int_equal(report_metrics(&w.report, &text, &n), 0);
        assert_int_equal(n, strlen(text));
        for (size_t i = 0; i < ARRAY_SIZE(want); i++)
                has_line(text, want[i]);
        has_line(text, INFO);
        assert_null(strstr(text, "triarch_etcd_is_learner")); /* not known */
        assert_null(strstr(text, "check=\"kubelet\""));       /* not made */
}

static void test_text(void **state) {
        static const char *const want[] = {
                NODE,
                "vip      10.0.0.9 on eth0, router 9: backup for 6.0 s, priority 115 of 230",
                "owner    n1 (10.0.0.1)",
                "  n1         10.0.0.1        priority 125  degraded  40 ms ago",
                "  apiServer  healthy   answers 200",
                CLOCK,
                "etcd     has a leader; this member is a follower",
                "  2026-11-23T04:38:42.005Z  state  backup -> active: no advertisement from an active router",
        };
        struct world w;

        (void)state;
        snapshot(&w);
        health_tick(&w.health, SEC(3));
        has_lines(&w.report, want, ARRAY_SIZE(want));
}

/* The same node with the sealed transport: active by a lease, one member heard, one never, a witness. */
static void snapshot_sealed(struct world *w) {
        static const char *const names[] = { "n1", "n2", "n3" };

        snapshot(w);
        w->vip.transport = VIP_TRANSPORT_SEALED;
        w->vip.election = VIP_ELECTION_MAJORITY;
        w->group.family = AF_UNSPEC;
        w->group.router.state = VRRP_ACTIVE;
        w->group.router.state_text = "active";
        w->group.router.active_id = 2;
        w->group.router.gen = 5;
        w->group.router.n_members = 3;
        w->group.router.majority = 2;
        w->group.router.lease_us = SEC(10) + 239000;
        w->group.router.lease.elections = 4;
        w->transport =
                (struct report_transport){ .interface = "eth0",
                                           .key_file = "/k",
                                           .keys_problem = "/k: is gone",
                                           .port = 7644,
                                           .sends = 2,
                                           .accepts = { 1, 2 },
                                           .n_accepts = 2,
                                           .gen = 5,
                                           .n_members = 3,
                                           .counters = { .sent = 9, .bad = { [VRRP_SEAL_BAD_TAG] = 3 } } };
        for (unsigned i = 0; i < 3; i++)
                w->transport.members[i] =
                        (struct report_member){ .id = i + 1,
                                                .name = names[i],
                                                .address = { AF_INET, { 10, 0, 0, (uint8_t)(i + 1) } },
                                                .reason = "" };
        w->transport.members[0] = (struct report_member){ .id = 1,
                                                          .name = "n1",
                                                          .address = { AF_INET, { 10, 0, 0, 1 } },
                                                          .session = true,
                                                          .last_us = SEC(10) - 30000,
                                                          .gen = 5,
                                                          .key_id = 2,
                                                          .priority = 250,
                                                          .standby = true,
                                                          .sends = 2,
                                                          .accepts = { 1, 2 },
                                                          .n_accepts = 2,
                                                          .known = true,
                                                          .class = VRRP_DEGRADED,
                                                          .reason = "etcd: no leader",
                                                          .compared = true,
                                                          .offset_s = -0.25,
                                                          .error_s = 0.001 };
        w->transport.members[1].self = w->transport.members[1].known = true;
        w->transport.members[2].witness = true;
        w->report.transports = &w->transport;
        w->report.n_transports = 1;
}

static void test_members_json(void **state) {
        static const char *const want[][2] = {
                { "vip.transport", "\"sealed\"" },
                { "vip.election", "\"majority\"" },
                { "vip.leaseMs", "239" },
                { "vip.majority", "2" },
                { "vip.owner", "\"10.0.0.2\"" },
                { "vips.0.address", "\"10.0.0.9\"" },
                { "vips.0.generation", "5" },
                { "members.0.name", "\"n1\"" },
                { "members.0.id", "\"0000000000000001\"" },
                { "members.0.role", "\"backup\"" },
                { "members.0.class", "\"degraded\"" },
                { "members.0.reason", "\"etcd: no leader\"" },
                { "members.0.standby", "true" },
                { "members.0.session", "true" },
                { "members.0.ageMs", "30" },
                { "members.0.generation", "5" },
                { "members.0.clockOffsetSeconds", "-0.25" },
                { "members.0.sendsWithKey", "2" },
                { "members.0.acceptsKeys.1", "2" },
                { "members.1.role", "\"active\"" },
                { "members.1.owns.0", "\"10.0.0.9\"" },
                { "members.1.self", "true" },
                { "members.2.role", "\"witness\"" },
                { "members.2.session", "false" },
                { "members.2.ageMs", "null" },
                { "transports.0.keysProblem", "\"/k: is gone\"" },
                { "transports.0.refused.tag", "3" },
        };
        struct world w;
        json_t *o;

        (void)state;
        snapshot_sealed(&w);
        o = json_of(&w.report);
        for (size_t i = 0; i < ARRAY_SIZE(want); i++)
                expect(o, want[i][0], want[i][1]);
        assert_null(at(o, "members.2.class")); /* it has not said */
        json_decref(o);
}

static void test_members_metrics(void **state) {
        static const char *const want[] = {
                "triarch_vip_lease_remaining_seconds" GROUP "} 0.239",
                "triarch_vip_list_generation" GROUP "} 5",
                "triarch_lease_elections_total" GROUP "} 4",
                "triarch_member_session{member=\"n1\",interface=\"eth0\"} 1",
                "triarch_member_session{member=\"n3\",interface=\"eth0\"} 0",
                "triarch_member_last_heard_seconds{member=\"n1\",interface=\"eth0\"} 0.03",
                "triarch_member_class{member=\"n1\",interface=\"eth0\"} 1",
                "triarch_member_clock_offset_seconds{member=\"n1\",interface=\"eth0\"} -0.25",
                "triarch_sealed_sent_total{interface=\"eth0\"} 9",
                "triarch_sealed_refused_total{interface=\"eth0\",reason=\"tag\"} 3",
        };
        CLEANUP(freep) char *text = NULL;
        struct world w;
        size_t n;

        (void)state;
        snapshot_sealed(&w);
        assert_int_equal(report_metrics(&w.report, &text, &n), 0);
        for (size_t i = 0; i < ARRAY_SIZE(want); i++)
                has_line(text, want[i]);
        assert_null(strstr(text, "last_heard_seconds{member=\"n3\""));
        assert_null(strstr(text, "no leader")); /* no free text in a label */
}

static void test_members_text(void **state) {
        static const char *const want[] = {
                "owner    n2 (10.0.0.2)",
                "lease    2 of 3 members are a majority, list generation 5, 239 ms left",
                "members",
                "  n1         10.0.0.1        backup  priority 250  degraded  30 ms ago, standing by, clock "
                "-0.250 s, key 2, "
                "list 5: etcd: no leader",
                "  n3         10.0.0.3        witness priority   0  unknown   never heard",
                "keys     /k: is gone (the keys from before stay in use)",
                "refused  3 datagrams on eth0 that none of our keys opens: forged, or a member has other "
                "keys in "
                "/k",
        };
        struct world w;

        (void)state;
        snapshot_sealed(&w);
        has_lines(&w.report, want, ARRAY_SIZE(want));
}

static void test_text_of_anything(void **state) {
        static const char *const inputs[] = {
                "{}", "{\"vip\":{}, \"peers\":[1], \"history\":[null]}",
                "{\"vip\":[], \"checks\":{\"a\":1}, \"etcd\":{}}",
                "{\"vips\":[1,{}], \"members\":[null,{\"ageMs\":\"x\"}], \"transports\":{}}",
                "{\"vips\":[{}], \"transports\":[1,{\"refused\":{\"tag\":\"x\",\"key\":2}}]}"
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(inputs); i++) {
                json_t *o = json_loads(inputs[i], 0, NULL);
                FILE *f = fopen("/dev/null", "w");

                assert_non_null(o);
                assert_non_null(f);
                status_text(f, o, o);
                fclose(f);
                json_decref(o);
        }
}

static void test_history_keeps_the_newest(void **state) {
        struct history h = { .n = 0 };
        char reason[32];

        (void)state;
        for (unsigned i = 0; i < HISTORY_SIZE + 10; i++) {
                snprintf(reason, sizeof reason, "%u", i);
                history_add(&h, (struct timespec){ .tv_sec = i }, "class", "a", "b", reason);
                assert_int_equal(history_count(&h), i < HISTORY_SIZE ? i + 1 : HISTORY_SIZE);
                assert_string_equal(history_at(&h, history_count(&h) - 1)->reason, reason);
        }
        assert_string_equal(history_at(&h, 0)->reason, "10");
}

static void test_host_rule(void **state) {
        static const char *const good[] = { "localhost",   "LocalHost:7645", "127.0.0.1",
                                            "127.0.0.1:1", "[::1]:7645",     "[::1]" };
        static const char *const bad[] = { "",
                                           "evil.example",
                                           "localhost.evil.example",
                                           "127.0.0.1:",
                                           "127.0.0.1:7645.evil",
                                           "127.0.0.2",
                                           "localhost:x",
                                           "xlocalhost" };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                assert_true(control_host_allowed(good[i]));
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_false(control_host_allowed(bad[i]));
        assert_false(control_host_allowed(NULL));
}

static void test_journal_datagram(void **state) {
        struct journal_entry e = { .priority = LOG_NOTICE,
                                   .message_id = JOURNAL_ID_STATE,
                                   .message = "two\nlines",
                                   .what = "state",
                                   .to = "active",
                                   .reason = "r\r\nPRIORITY=0" };
        char out[512];
        size_t n = journal_format(&e, "n1", out, sizeof out);

        (void)state;
        assert_int_equal(n, strlen(out));
        assert_string_equal(out, "PRIORITY=5\nSYSLOG_IDENTIFIER=triarch-agent\nMESSAGE_ID=" JOURNAL_ID_STATE
                                 "\nMESSAGE=two lines\nTRIARCH_NODE=n1\nTRIARCH_WHAT=state\n"
                                 "TRIARCH_TO=active\nTRIARCH_REASON=r  PRIORITY=0\n");
        for (size_t size = 1; size <= n; size++)
                assert_int_equal(journal_format(&e, "n1", out, size), 0);
        assert_int_equal(journal_format(&e, "n1", out, n + 1), n);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_json),
                cmocka_unit_test(test_json_of_the_active_and_of_one_that_waits),
                cmocka_unit_test(test_metrics),
                cmocka_unit_test(test_text),
                cmocka_unit_test(test_members_json),
                cmocka_unit_test(test_members_metrics),
                cmocka_unit_test(test_members_text),
                cmocka_unit_test(test_text_of_anything),
                cmocka_unit_test(test_history_keeps_the_newest),
                cmocka_unit_test(test_host_rule),
                cmocka_unit_test(test_journal_datagram),
        };

        return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
