/* What agents tell one another: every field through the codec, what is refused, and conversations of two
 * tables on virtual time with clocks of their own. */
#include "agent/exchange.h"
#include "pki/util.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MS(n)    ((uint64_t)(n)*1000)
#define SEC(n)   MS((n)*1000)
#define EPOCH_NS 1795408722000000000

static struct exchange_report full_report(void) {
        struct exchange_report r = { .class = VRRP_DEGRADED,
                                     .judged = VRRP_FAILED,
                                     .priority = 250,
                                     .standby = true,
                                     .witness = true,
                                     .gen = 0x0102030405060708,
                                     .sends = 7,
                                     .accepts = { 6, 7, 65535 },
                                     .n_accepts = 3,
                                     .clock = { CLOCK_OFFSET, 1234, -5000000000 },
                                     .clock_ns = EPOCH_NS,
                                     .reason = "clock: off by 5 s" };

        r.owns[51 / 8] = 1 << 51 % 8;
        r.check[HEALTH_API_SERVER] =
                (struct exchange_check){ true, true, VRRP_HEALTHY, HEALTH_OK, 77, 12, 3456 };
        r.check[HEALTH_CLOCK] =
                (struct exchange_check){ true, false, VRRP_DEGRADED, HEALTH_OFFSET, 1, 999, 0 };
        return r;
}

static size_t full_messages(struct exchange_message out[6]) {
        out[0] = (struct exchange_message){ .type = EXCHANGE_REPORT, .report = full_report() };
        out[1] = (struct exchange_message){ .type = EXCHANGE_REPORT, .nonce = 9, .report = full_report() };
        out[2] = (struct exchange_message){ .type = EXCHANGE_ECHO,
                                            .echo = { EPOCH_NS, -1, EPOCH_NS + 1, -7 } };
        out[3] = (struct exchange_message){ .type = EXCHANGE_MEASURE, .nonce = 1, .measure = 0x1f };
        out[4] = (struct exchange_message){ .type = EXCHANGE_MOVE, .nonce = 2, .move = { 51, 88, true } };
        out[5] = (struct exchange_message){ .type = EXCHANGE_MOVED,
                                            .nonce = 3,
                                            .moved = EXCHANGE_MOVED_UNFIT };
        return 6;
}

static void test_every_field_survives(void **state) {
        struct exchange_message m[6];
        size_t n = full_messages(m);

        (void)state;
        for (size_t i = 0; i < n; i++) {
                uint8_t a[EXCHANGE_MAX], b[EXCHANGE_MAX];
                size_t size = exchange_encode(&m[i], a, sizeof a);
                struct exchange_message got;

                assert_true(size > 0);
                assert_true(exchange_decode(a, size, &got));
                assert_int_equal(got.type, m[i].type);
                assert_int_equal(got.nonce, m[i].nonce);
                assert_int_equal(exchange_encode(&got, b, sizeof b), size);
                assert_memory_equal(a, b, size);
        }
}

static void test_report_field_by_field(void **state) {
        struct exchange_message m = { .type = EXCHANGE_REPORT, .report = full_report() }, got;
        const struct exchange_report *g = &got.report;
        uint8_t a[EXCHANGE_MAX];
        size_t size = exchange_encode(&m, a, sizeof a);

        (void)state;
        assert_true(exchange_decode(a, size, &got));
        assert_int_equal(g->class, VRRP_DEGRADED);
        assert_int_equal(g->judged, VRRP_FAILED);
        assert_int_equal(g->priority, 250);
        assert_true(g->standby && g->witness);
        assert_int_equal(g->gen, 0x0102030405060708);
        assert_int_equal(g->sends, 7);
        assert_int_equal(g->n_accepts, 3);
        assert_int_equal(g->accepts[2], 65535);
        assert_memory_equal(g->owns, m.report.owns, sizeof g->owns);
        assert_int_equal(g->clock.verdict, CLOCK_OFFSET);
        assert_int_equal(g->clock.distance_us, 1234);
        assert_true(g->clock.correction_ns == -5000000000);
        assert_true(g->clock_ns == EPOCH_NS);
        assert_string_equal(g->reason, "clock: off by 5 s");
        assert_true(g->check[HEALTH_API_SERVER].enabled && g->check[HEALTH_API_SERVER].fresh);
        assert_int_equal(g->check[HEALTH_API_SERVER].serial, 77);
        assert_int_equal(g->check[HEALTH_API_SERVER].age_ms, 12);
        assert_int_equal(g->check[HEALTH_API_SERVER].took_us, 3456);
        assert_false(g->check[HEALTH_ETCD].enabled);
        assert_int_equal(g->check[HEALTH_CLOCK].last, HEALTH_OFFSET);
        assert_int_equal(g->check[HEALTH_CLOCK].class, VRRP_DEGRADED);
}

/* The bytes of docs/wire.md. */
static void test_vectors(void **state) {
        static const uint8_t measure[] = { 1, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0x1f };
        static const uint8_t move[] = {
                1, 4, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 51, 0, 0, 0, 0, 0, 0, 0, 88, 1
        };
        struct exchange_message m[6];
        uint8_t a[EXCHANGE_MAX];

        (void)state;
        full_messages(m);
        assert_int_equal(exchange_encode(&m[3], a, sizeof a), sizeof measure);
        assert_memory_equal(a, measure, sizeof measure);
        assert_int_equal(exchange_encode(&m[4], a, sizeof a), sizeof move);
        assert_memory_equal(a, move, sizeof move);
}

static void test_every_cut_and_every_longer_one_is_refused(void **state) {
        struct exchange_message m[6], got;
        size_t n = full_messages(m);

        (void)state;
        for (size_t i = 0; i < n; i++) {
                uint8_t a[EXCHANGE_MAX + 1] = { 0 };
                size_t size = exchange_encode(&m[i], a, EXCHANGE_MAX);

                for (size_t cut = 0; cut < size; cut++) {
                        assert_false(exchange_decode(a, cut, &got));
                        assert_int_equal(exchange_encode(&m[i], (uint8_t[EXCHANGE_MAX]){ 0 }, cut), 0);
                }
                assert_false(exchange_decode(a, size + 1, &got));
        }
}

static void test_values_out_of_range_are_refused(void **state) {
        static const struct {
                size_t message, at;
                uint8_t value;
        } v[] = {
                { 0, 0, 2 }, /* version */
                { 0, 1, 0 }, /* type */
                { 0, 1, 6 },
                { 0, 10, VRRP_FAILED + 1 },
                { 0, 11, VRRP_FAILED + 1 },
                { 0, 13, 4 }, /* flags */
                { 0, 24, VRRP_KEYS + 1 },
                { 0, 63, 0x40 }, /* clock_ns too far off */
                { 0, 71, CLOCK_UNKNOWN + 1 },
                { 0, 84, HEALTH_CHECKS + 1 },
                { 0, 85, HEALTH_CHECKS },
                { 0, 86, VRRP_FAILED + 1 },
                { 0, 87, HEALTH_OUTCOMES },
                { 0, 88, 2 },
                { 0, 101, 0 }, /* the same check again */
                { 0, 118, '\n' },
                { 3, 10, 0x20 },
                { 4, 22, 2 },
                { 5, 10, EXCHANGE_MOVED_RESULTS },
                { 3, 9, 0 }, /* a question without a nonce */
                { 2, 9, 1 }, /* an echo with one */
        };
        struct exchange_message m[6], got;

        (void)state;
        full_messages(m);
        for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
                uint8_t a[EXCHANGE_MAX];
                size_t size = exchange_encode(&m[v[i].message], a, sizeof a);

                assert_true(v[i].at < size);
                assert_true(exchange_decode(a, size, &got));
                a[v[i].at] = v[i].value;
                if (exchange_decode(a, size, &got))
                        fail_msg("byte %zu of message %zu may be %u", v[i].at, v[i].message, v[i].value);
        }
}

/* --- conversations: what one sends arrives at the others after `delay_us` */
enum { NODES = 3, QUEUE = 64 };
struct node {
        struct net *net;
        struct exchange x;
        struct exchange_report own;
        int64_t clock_offset_ns;
        unsigned measured;
        uint32_t moved_group;
        uint64_t moved_member, moved_nonce;
        enum exchange_moved result;
};
struct net {
        uint64_t now_us, delay_us;
        struct node node[NODES];
        size_t n;
        struct {
                uint64_t at_us, src, dst;
                size_t size;
                uint8_t body[EXCHANGE_MAX];
        } queue[QUEUE];
};

static struct exchange_now now_of(const struct node *n) {
        return (struct exchange_now){ .us = n->net->now_us,
                                      .clock_ns =
                                              EPOCH_NS + (int64_t)n->net->now_us * 1000 + n->clock_offset_ns,
                                      .correction_ns = n->own.clock.correction_ns };
}

static void on_send(void *userdata, uint64_t dst, const uint8_t *body, size_t size) {
        struct node *n = userdata;
        struct net *net = n->net;

        for (uint64_t to = 1; to <= NODES; to++) {
                if (to == n->x.self || (dst != 0 && dst != to))
                        continue;
                assert_true(net->n < QUEUE);
                net->queue[net->n].at_us = net->now_us + net->delay_us;
                net->queue[net->n].src = n->x.self;
                net->queue[net->n].dst = to;
                net->queue[net->n].size = size;
                memcpy(net->queue[net->n++].body, body, size);
        }
}

static void on_measure(void *userdata, unsigned checks) {
        struct node *n = userdata;

        n->measured = checks;
}

static enum exchange_moved on_move(void *userdata, uint32_t group, uint64_t member, bool force,
                                   uint64_t now_us) {
        struct node *n = userdata;

        (void)now_us;
        n->moved_group = group;
        n->moved_member = member;
        return force ? EXCHANGE_MOVED_DONE : EXCHANGE_MOVED_UNFIT;
}

static void on_moved(void *userdata, uint64_t nonce, enum exchange_moved result) {
        struct node *n = userdata;

        n->moved_nonce = nonce;
        n->result = result;
}

static void net_init(struct net *net) {
        static const struct exchange_ops ops = { on_send, on_measure, on_move, on_moved };

        *net = (struct net){ .now_us = SEC(1), .delay_us = 200 };
        for (unsigned i = 0; i < NODES; i++) {
                net->node[i].net = net;
                exchange_init(&net->node[i].x, i + 1, 1000 * i, &ops, &net->node[i]);
                net->node[i].own.check[HEALTH_API_SERVER].enabled = true;
                net->node[i].own.check[HEALTH_CLOCK].enabled = true;
        }
}

/* Deliver all that is on its way, and what that causes. */
static void net_run(struct net *net) {
        for (size_t i = 0; i < net->n; i++) {
                struct node *to = &net->node[net->queue[i].dst - 1];

                if (net->now_us < net->queue[i].at_us)
                        net->now_us = net->queue[i].at_us;
                exchange_receive(&to->x, net->queue[i].src, net->queue[i].body, net->queue[i].size,
                                 now_of(to));
        }
        net->n = 0;
}

static void report(struct node *n) {
        exchange_send_report(&n->x, &n->own, now_of(n));
}

static const struct exchange_peer *peer(struct net *net, unsigned at, unsigned of) {
        const struct exchange_peer *p = exchange_find(&net->node[at].x, of + 1);

        assert_non_null(p);
        return p;
}

static void test_reports_reach_everyone_and_grow_old(void **state) {
        struct net net;

        (void)state;
        net_init(&net);
        net.node[0].own.class = VRRP_DEGRADED;
        assert_null(exchange_find(&net.node[1].x, 1));
        report(&net.node[0]);
        net_run(&net);
        assert_int_equal(peer(&net, 1, 0)->report.class, VRRP_DEGRADED);
        assert_int_equal(peer(&net, 2, 0)->report.class, VRRP_DEGRADED);
        assert_true(exchange_fresh(peer(&net, 1, 0), net.now_us));
        assert_true(exchange_fresh(peer(&net, 1, 0), net.now_us + MS(2990)));
        assert_false(exchange_fresh(peer(&net, 1, 0), net.now_us + MS(3001)));
}

static void test_clocks_are_compared(void **state) {
        struct net net;

        (void)state;
        net_init(&net);
        net.delay_us = MS(3);
        net.node[1].clock_offset_ns = 5000000000;
        net.node[2].clock_offset_ns = -20000000;
        net.node[1].own.clock.correction_ns = 5000000000; /* its system clock is right */
        net.node[0].own.clock.correction_ns = 1000000000; /* ours is 1 s slow */
        report(&net.node[1]);
        report(&net.node[2]);
        net_run(&net);
        assert_false(peer(&net, 0, 1)->compared); /* who has not asked knows nothing */
        report(&net.node[0]);
        net_run(&net);
        assert_true(exchange_compared(peer(&net, 0, 1), net.now_us));
        assert_true(fabs(peer(&net, 0, 1)->offset_s - 5) < 1e-6);
        assert_true(fabs(peer(&net, 0, 1)->system_s - 1) < 1e-6);
        assert_true(fabs(peer(&net, 0, 2)->offset_s + 0.02) < 1e-6);
        assert_true(fabs(peer(&net, 0, 2)->system_s - 0.98) < 1e-6);
        assert_true(fabs(peer(&net, 0, 1)->error_s - 0.003) < 1e-6);
        assert_true(fabs(peer(&net, 1, 0)->offset_s + 5) < 1e-6);
}

static void test_comparison_across_a_step_is_dropped(void **state) {
        struct net net;

        (void)state;
        net_init(&net);
        report(&net.node[0]);
        net.node[0].clock_offset_ns = 1000000000; /* its own clock is set while the report is away */
        net_run(&net);
        assert_false(peer(&net, 0, 1)->compared);
        report(&net.node[0]);
        report(&net.node[0]); /* only the echo of the last report counts; the times differ not at all here */
        net_run(&net);
        assert_true(fabs(peer(&net, 0, 1)->offset_s + 1) < 1e-6);
}

static void test_late_echo_is_dropped(void **state) {
        struct net net;

        (void)state;
        net_init(&net);
        net.delay_us = MS(600);
        report(&net.node[0]);
        net_run(&net);
        assert_false(peer(&net, 0, 1)->compared);
}

static void test_fresh_measurement_on_request(void **state) {
        struct net net;
        uint64_t nonce, began;

        (void)state;
        net_init(&net);
        for (unsigned i = 0; i < NODES; i++)
                report(&net.node[i]);
        net_run(&net);
        nonce = exchange_ask(&net.node[0].x, 1U << HEALTH_API_SERVER);
        began = net.now_us; /* a probe of node 2 that is under way already */
        net_run(&net);
        assert_int_equal(net.node[1].measured, 1U << HEALTH_API_SERVER);
        exchange_measured(&net.node[1].x, HEALTH_API_SERVER, began, &net.node[1].own, now_of(&net.node[1]));
        net_run(&net);
        assert_int_not_equal(peer(&net, 0, 1)->answers, nonce);
        exchange_measured(&net.node[1].x, HEALTH_CLOCK, net.now_us, &net.node[1].own, now_of(&net.node[1]));
        net_run(&net);
        assert_int_not_equal(peer(&net, 0, 1)->answers, nonce);
        net.node[1].own.check[HEALTH_API_SERVER].took_us = 4242;
        exchange_measured(&net.node[1].x, HEALTH_API_SERVER, net.now_us, &net.node[1].own,
                          now_of(&net.node[1]));
        net_run(&net);
        assert_int_equal(peer(&net, 0, 1)->answers, nonce);
        assert_true(peer(&net, 0, 1)->answer.check[HEALTH_API_SERVER].fresh);
        assert_false(peer(&net, 0, 1)->answer.check[HEALTH_CLOCK].fresh);
        assert_int_equal(peer(&net, 0, 1)->answer.check[HEALTH_API_SERVER].took_us, 4242);
        report(&net.node[1]); /* a later report does not wipe the answer out */
        net_run(&net);
        assert_int_equal(peer(&net, 0, 1)->answers, nonce);
        assert_int_not_equal(peer(&net, 0, 2)->answers, nonce);
}

static void test_what_is_not_checked_is_not_fresh(void **state) {
        struct net net;
        uint64_t nonce;

        (void)state;
        net_init(&net);
        net.node[1].own.check[HEALTH_CLOCK].enabled = false;
        report(&net.node[1]);
        net_run(&net);
        nonce = exchange_ask(&net.node[0].x, 1U << HEALTH_CLOCK);
        net_run(&net);
        assert_int_equal(peer(&net, 0, 1)->answers, nonce); /* at once, with nothing in it */
        assert_false(peer(&net, 0, 1)->answer.check[HEALTH_CLOCK].fresh);
}

static void test_move_is_answered(void **state) {
        struct net net;
        uint64_t nonce;

        (void)state;
        net_init(&net);
        nonce = exchange_move(&net.node[0].x, 51, 3, true);
        net_run(&net);
        assert_int_equal(net.node[1].moved_group, 51);
        assert_int_equal(net.node[2].moved_member, 3);
        assert_int_equal(net.node[0].moved_nonce, nonce);
        assert_int_equal(net.node[0].result, EXCHANGE_MOVED_DONE);
        nonce = exchange_move(&net.node[0].x, 51, 3, false);
        net_run(&net);
        assert_int_equal(net.node[0].moved_nonce, nonce);
        assert_int_equal(net.node[0].result, EXCHANGE_MOVED_UNFIT);
}

static void test_who_left_the_list_is_forgotten(void **state) {
        struct vrrp_list list = { .gen = 2, .n = 2, .v = { { .id = 1 }, { .id = 3 } } };
        struct net net;

        (void)state;
        net_init(&net);
        report(&net.node[1]);
        report(&net.node[2]);
        net_run(&net);
        exchange_set_list(&net.node[0].x, &list);
        assert_null(exchange_find(&net.node[0].x, 2));
        assert_non_null(exchange_find(&net.node[0].x, 3));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_field_survives),
                cmocka_unit_test(test_report_field_by_field),
                cmocka_unit_test(test_vectors),
                cmocka_unit_test(test_every_cut_and_every_longer_one_is_refused),
                cmocka_unit_test(test_values_out_of_range_are_refused),
                cmocka_unit_test(test_reports_reach_everyone_and_grow_old),
                cmocka_unit_test(test_clocks_are_compared),
                cmocka_unit_test(test_comparison_across_a_step_is_dropped),
                cmocka_unit_test(test_late_echo_is_dropped),
                cmocka_unit_test(test_fresh_measurement_on_request),
                cmocka_unit_test(test_what_is_not_checked_is_not_fresh),
                cmocka_unit_test(test_move_is_answered),
                cmocka_unit_test(test_who_left_the_list_is_forgotten),
        };

        return cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
}
