/* Enrolment, server and joiner in one process: what is granted, and every reason to refuse. */
#include "agent/monotonic.h"
#include "tests/unit/enroll_world.h"

struct setup {
        struct world w;
        struct joining j;
        char token[PKI_TOKEN_SIZE];
};

static struct setup *begin(void **state, unsigned uses) {
        struct setup *s = calloc(1, sizeof *s);

        assert_non_null(s);
        world_open(&s->w, *state);
        if (uses)
                world_token(&s->w, uses, NULL, NULL, s->token);
        joining_init(&s->j, &s->w, s->token);
        return s;
}

static void end(struct setup *s) {
        joining_done(&s->j);
        world_close(&s->w);
        free(s);
}

static void expect_refusal(struct setup *s, enum enroll_code code, const char *words) {
        joining_expect_refusal(&s->j, &s->w, code, words);
        assert_non_null(strstr(s->w.audit, "refused"));
        assert_null(strstr(s->w.audit, s->token + PKI_TOKEN_ID + 1)); /* never the secret */
}

static void test_right_token_gets_the_bundle(void **state) {
        struct setup *s = begin(state, 1);
        struct config *c;
        struct error e;

        joining_run(&s->j, &s->w);
        if (s->j.r < 0)
                fail_msg("%s", s->j.e.message);
        assert_int_equal(s->j.outcome, ENROLL_OUT_GRANTED);
        for (size_t i = 0; i < ENROLL_ENTRIES; i++) {
                char path[PATH_MAX], *text;
                size_t size;

                if (enroll_entry_place((enum enroll_entry)i)->etcd == ENROLL_EXTERNAL_ETCD) {
                        assert_null(s->j.result.bundle.entries[i]);
                        continue;
                }
                assert_int_equal(enroll_entry_path((enum enroll_entry)i, s->w.root, "/etc/kubernetes/pki",
                                                   s->w.server.external_etcd, path),
                                 0);
                assert_int_equal(pki_file_read(path, 65536, &text, &size), 0);
                assert_string_equal(s->j.result.bundle.entries[i], text);
                free(text);
        }
        assert_int_equal(s->j.result.bundle.position, 1);
        assert_int_equal(s->j.result.bundle.members.n, 1);
        assert_string_equal(s->j.result.cluster_id, s->w.server.cluster_id);
        assert_int_equal(world_uses_left(&s->w, s->token), 0);
        assert_non_null(strstr(s->w.audit, "granted: n2 at " JOINER_ADDRESS " as master"));
        /* what travels is a configuration, without the first master's own values */
        assert_int_equal(config_parse(s->j.result.bundle.config, strlen(s->j.result.bundle.config), "x",
                                      &(struct config_flags){ .node_name = "n2" }, &c, &e),
                         0);
        assert_string_equal(c->node_name, "n2");
        assert_null(c->advertise_address);
        config_free(c);
        end(s);
}

static void test_wrong_secret_is_denied(void **state) {
        struct setup *s = begin(state, 1);
        char *last = &s->token[PKI_TOKEN_SIZE - 2];

        *last = *last == 'a' ? 'b' : 'a';
        expect_refusal(s, ENROLL_DENIED, "not valid here");
        assert_int_equal(s->j.outcome, ENROLL_OUT_WRONG);
        assert_int_equal(world_uses_left(&s->w, s->token), 1);
        end(s);
}

static int64_t elapsed_ms(struct setup *s) {
        int64_t start = monotonic_us();

        joining_run(&s->j, &s->w);
        assert_int_equal(s->j.outcome, ENROLL_OUT_WRONG);
        return (monotonic_us() - start) / 1000;
}

static void test_unknown_id_looks_like_a_wrong_secret(void **state) {
        struct setup *s = begin(state, 1);
        char wrong[sizeof s->j.e.message];

        s->token[PKI_TOKEN_SIZE - 2] ^= 1;
        if (pki_token_check(s->token) < 0)
                s->token[PKI_TOKEN_SIZE - 2] = 'q';
        assert_true(elapsed_ms(s) >= s->w.server.wrong_delay_ms);
        memcpy(wrong, s->j.e.message, sizeof wrong);
        memcpy(s->token, "zzzzzz", 6);
        assert_true(elapsed_ms(s) >= s->w.server.wrong_delay_ms);
        assert_string_equal(s->j.e.message, wrong);
        memcpy(s->token, ENROLL_DECOY_ID, 6);
        assert_true(elapsed_ms(s) >= s->w.server.wrong_delay_ms);
        end(s);
}

static void test_expired_token(void **state) {
        struct setup *s = begin(state, 1);

        world_edit_token(&s->w, s->token, "expires", json_integer(time(NULL) - 1));
        expect_refusal(s, ENROLL_EXPIRED, "has expired");
        assert_int_equal(s->j.outcome, ENROLL_OUT_REFUSED);
        end(s);
}

static void test_used_up_token_but_the_same_joiner_may_resume(void **state) {
        struct setup *s = begin(state, 1);
        struct joining again, other;

        joining_run(&s->j, &s->w);
        assert_int_equal(s->j.r, 0);
        again = s->j;
        again.result = (struct enroll_result){ 0 };
        again.joiner.userdata = &again;
        /* meanwhile it has become a member: its own name is no obstacle to it */
        snprintf(s->w.members.v[1].name, sizeof s->w.members.v[1].name, "n2");
        s->w.members.n = 2;
        joining_run(&again, &s->w);
        assert_int_equal(again.r, 0);
        assert_int_equal(again.result.bundle.position, 1);
        joining_done(&again);
        assert_int_equal(world_uses_left(&s->w, s->token), 0);

        s->w.members.n = 1;
        joining_done(&s->j);
        joining_init(&other, &s->w, s->token);
        s->j = other;
        s->j.joiner.userdata = &s->j;
        expect_refusal(s, ENROLL_USED_UP, "used up");
        end(s);
}

static void test_token_bound_to_another_node(void **state) {
        struct setup *s = begin(state, 0);

        world_token(&s->w, 1, "n3", NULL, s->token);
        expect_refusal(s, ENROLL_BOUND, "for the node n3, not for n2");
        world_token(&s->w, 1, "n2", "172.18.0.156", s->token);
        expect_refusal(s, ENROLL_BOUND, "for the address 172.18.0.156");
        world_token(&s->w, 1, "n2", JOINER_ADDRESS, s->token);
        joining_run(&s->j, &s->w);
        assert_int_equal(s->j.r, 0);
        end(s);
}

static void test_address_must_be_the_peers(void **state) {
        struct setup *s = begin(state, 1);

        snprintf(s->j.peer, sizeof s->j.peer, "172.18.0.99");
        expect_refusal(s, ENROLL_ADDRESS, "172.18.0.99");
        assert_int_equal(world_uses_left(&s->w, s->token), 1);
        end(s);
}

static void test_name_or_address_that_exists(void **state) {
        struct setup *s = begin(state, 1);
        struct etcd_member *m = &s->w.members.v[1];

        s->w.members.n = 2;
        *m = (struct etcd_member){ .name = "n2", .peer_url = "https://172.18.0.99:2380" };
        expect_refusal(s, ENROLL_NAME_EXISTS, "the name is taken: the cluster has the member n2 at");
        *m = (struct etcd_member){ .name = "other", .peer_url = "https://" JOINER_ADDRESS ":2380" };
        expect_refusal(s, ENROLL_NAME_EXISTS, "the address is taken: the cluster has the member other at");
        assert_int_equal(world_uses_left(&s->w, s->token), 1);
        /* a learner that never started holds nothing: the machine at its address may take it over */
        *m = (struct etcd_member){ .peer_url = "https://" JOINER_ADDRESS ":2380", .learner = true };
        joining_run(&s->j, &s->w);
        assert_int_equal(s->j.r, 0);
        end(s);
}

static void test_clock_off_by_an_hour(void **state) {
        struct setup *s = begin(state, 1);

        s->j.clock_offset_ns = INT64_C(3600000000000);
        expect_refusal(s, ENROLL_CLOCK, "the clocks differ by 3");
        /* both times, an hour apart: 2026-11-23T11:..Z and 2026-11-23T10:..Z */
        char *joiner = strstr(s->j.e.message, "the joiner says 20"),
             *master = strstr(s->j.e.message, "the master 20");
        assert_non_null(joiner);
        assert_non_null(master);
        assert_int_equal(joiner[strlen("the joiner says 2026-11-23T10:00:00.000")], 'Z');
        assert_int_equal(master[strlen("the master 2026-11-23T10:00:00.000")], 'Z');
        assert_memory_not_equal(joiner + strlen("the joiner says "), master + strlen("the master "), 13);
        assert_int_equal(world_uses_left(&s->w, s->token), 1);

        s->j.clock_offset_ns = 0;
        s->w.clock_offset_ns = -INT64_C(3600000000000);
        expect_refusal(s, ENROLL_CLOCK, "the clocks differ by 3");
        s->w.clock_offset_ns = INT64_C(50000000); /* half of the limit */
        joining_run(&s->j, &s->w);
        assert_int_equal(s->j.r, 0);
        end(s);
}

static void test_etcd_that_does_not_answer(void **state) {
        struct setup *s = begin(state, 1);

        s->w.members_result = -EAGAIN;
        expect_refusal(s, ENROLL_BUSY, "etcd does not answer");
        assert_true(s->j.result.refusal.retry_s > 0);
        assert_int_equal(world_uses_left(&s->w, s->token), 1);
        end(s);
}

static void test_no_token_and_held_source_are_refused_unheard(void **state) {
        struct setup *s = begin(state, 0);

        snprintf(s->token, sizeof s->token, "abcdef.0123456789abcdef");
        expect_refusal(s, ENROLL_NO_TOKEN, "triarch token create");
        assert_false(s->j.result.sent);
        world_token(&s->w, 1, NULL, NULL, s->token);
        s->j.hold_s = 17;
        expect_refusal(s, ENROLL_SLOW_DOWN, "17 s");
        assert_int_equal(s->j.result.refusal.retry_s, 17);
        assert_false(s->j.result.sent);
        assert_int_equal(world_uses_left(&s->w, s->token), 1);
        end(s);
}

static void test_missing_key_spends_no_use(void **state) {
        struct setup *s = begin(state, 1);
        char path[PATH_MAX];

        world_path(&s->w, "/etc/kubernetes/pki/sa.key", path);
        assert_int_equal(unlink(path), 0);
        expect_refusal(s, ENROLL_FAILED, "journalctl");
        assert_non_null(strstr(s->w.audit, "sa.key"));
        assert_null(strstr(s->j.e.message, "sa.key"));
        assert_int_equal(world_uses_left(&s->w, s->token), 1);
        end(s);
}

static void test_wrong_pin_shows_both(void **state) {
        struct setup *s = begin(state, 1);
        char right[PKI_PIN_SIZE];

        memcpy(right, s->w.pins.v[0], sizeof right);
        s->w.pins.v[0][20] = s->w.pins.v[0][20] == 'a' ? 'b' : 'a';
        joining_run(&s->j, &s->w);
        assert_int_equal(s->j.r, -EIO);
        assert_false(s->j.result.sent);
        assert_non_null(strstr(s->j.e.message, right));
        assert_non_null(strstr(s->j.e.message, s->w.pins.v[0]));
        assert_int_equal(s->j.outcome, ENROLL_OUT_BROKEN);
        /* one of several pins is enough */
        memcpy(s->w.pins.v[1], right, sizeof right);
        s->w.pins.n = 2;
        joining_run(&s->j, &s->w);
        assert_int_equal(s->j.r, 0);
        end(s);
}

/* The API server's own certificate, of the same CA, for the same address. */
static void test_other_serving_certificate_of_the_cluster(void **state) {
        struct setup *s = begin(state, 1);
        char crt[PATH_MAX], key[PATH_MAX], ca[PATH_MAX];
        struct error e;

        world_path(&s->w, "/etc/kubernetes/pki/apiserver.crt", crt);
        world_path(&s->w, "/etc/kubernetes/pki/apiserver.key", key);
        world_path(&s->w, "/etc/kubernetes/pki/ca.crt", ca);
        SSL_CTX_free(s->w.server.ctx);
        assert_int_equal(enroll_tls_server(crt, key, ca, &s->w.server.ctx, &e), 0);
        joining_run(&s->j, &s->w);
        assert_int_equal(s->j.r, -EIO);
        assert_false(s->j.result.sent);
        assert_non_null(strstr(s->j.e.message, "triarch://"));
        assert_int_equal(world_uses_left(&s->w, s->token), 1);
        end(s);
}

/* Servers that are not ours, speaking the protocol. */

/* Beside an administrator's etcd: its client's files, as far as they are configured, and no CA of our own. */
static void test_external_etcd(void **state) {
        struct setup *s = begin(state, 1);
        char *endpoints[] = { (char *)"https://172.18.0.160:2379", NULL };
        struct external_etcd etcd = { .endpoints = { endpoints, 1 },
                                      .ca_file = (char *)"/etc/kubernetes/pki/front-proxy-ca.crt",
                                      .key_file = (char *)"/etc/kubernetes/pki/sa.key" };
        char *const *got = s->j.result.bundle.entries;

        s->w.server.external_etcd = &etcd;
        joining_run(&s->j, &s->w);
        if (s->j.r < 0)
                fail_msg("%s", s->j.e.message);
        assert_null(got[ENROLL_ETCD_CA_CRT]);
        assert_null(got[ENROLL_ETCD_CA_KEY]);
        assert_null(got[ENROLL_EXTERNAL_ETCD_CRT]);
        assert_string_equal(got[ENROLL_EXTERNAL_ETCD_CA], got[ENROLL_FRONT_PROXY_CA_CRT]);
        assert_string_equal(got[ENROLL_EXTERNAL_ETCD_KEY], got[ENROLL_SA_KEY]);
        end(s);
}

struct impostor {
        struct setup *s;
        int fd;
        int flip;      /* bit of the sealed bundle, -1: none */
        bool other_ca; /* the bundle names another CA */
};

static void impostor_seal(struct impostor *im, const struct pki_transcript *t, struct enroll_grant *g) {
        struct enroll_bundle b = { .config = strdup("") };
        uint8_t kp[PKI_KP_SIZE];
        char path[PATH_MAX], *text;
        size_t size;

        for (size_t i = 0; i < ENROLL_ENTRIES; i++) {
                world_path(&im->s->w,
                           i == ENROLL_CA_CRT && im->other_ca ? "/etc/kubernetes/pki/etcd/ca.crt"
                                                              : "/etc/kubernetes/pki/ca.crt",
                           path);
                assert_int_equal(pki_file_read(path, 65536, &b.entries[i], &size), 0);
        }
        assert_int_equal(enroll_bundle_encode(&b, &text, &size), 0);
        assert_int_equal(pki_token_kp(im->s->token, kp), 0);
        assert_int_equal(pki_bundle_seal(kp, t, text, size, &g->sealed, &g->size), 0);
        if (im->flip >= 0)
                g->sealed[(size_t)im->flip / 8 % g->size] ^= (uint8_t)(1 << im->flip % 8);
        free(text);
        enroll_bundle_done(&b);
}

static void *impostor_thread(void *userdata) {
        struct impostor *im = userdata;
        struct enroll_message m = { .type = ENROLL_HELLO };
        struct pki_transcript t = { .cluster_id = im->s->w.server.cluster_id };
        struct enroll_request q;
        struct enroll_conn c;

        if (enroll_conn_open(&c, im->s->w.server.ctx, im->fd, true, 5000, NULL) < 0 ||
            enroll_conn_exporter(&c, t.exporter) < 0 || enroll_conn_send(&c, &m, NULL) < 0 ||
            enroll_conn_recv(&c, &m, NULL) < 0)
                return NULL;
        q = m.request;
        t.token_id = q.token_id;
        t.role = enroll_role_name(q.role);
        t.csr = q.csr;
        t.node_name = q.node_name;
        t.node_address = q.node_address;
        t.clock_ns = q.clock_ns;
        memcpy(t.joiner_pub, q.joiner_pub, sizeof t.joiner_pub);
        m = (struct enroll_message){ .type = ENROLL_GRANT };
        impostor_seal(im, &t, &m.grant);
        enroll_conn_send(&c, &m, NULL);
        enroll_message_done(&m);
        enroll_conn_close(&c);
        close(im->fd);
        return NULL;
}

static int ask_impostor(struct setup *s, int flip, bool other_ca) {
        struct impostor im = { .s = s, .flip = flip, .other_ca = other_ca };
        pthread_t thread;
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        im.fd = fds[0];
        assert_int_equal(pthread_create(&thread, NULL, impostor_thread, &im), 0);
        s->j.e = (struct error){ 0 };
        s->j.r = enroll_request_bundle(fds[1], &s->j.joiner, &s->j.result, &s->j.e);
        close(fds[1]);
        pthread_join(thread, NULL);
        return s->j.r;
}

static void test_tampered_bundle_is_not_used(void **state) {
        static const int bits[] = { 0, 255, 256, 352, 1000, 8191 };
        struct setup *s = begin(state, 1);

        assert_int_equal(ask_impostor(s, -1, false), 0);
        joining_done(&s->j);
        for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
                assert_int_equal(ask_impostor(s, bits[i], false), -EBADMSG);
                assert_true(s->j.result.sent);
                assert_null(s->j.result.bundle.config);
        }
        end(s);
}

static void test_bundle_of_another_ca_is_not_used(void **state) {
        struct setup *s = begin(state, 1);

        assert_int_equal(ask_impostor(s, -1, true), -EBADMSG);
        assert_null(s->j.result.bundle.entries[ENROLL_CA_KEY]);
        end(s);
}

/* A joiner of our own making: proof for one connection, sent over another. */

struct raw {
        struct setup *s;
        struct enroll_trust trust;
        SSL_CTX *ctx;
        struct enroll_conn c;
        struct serving serving;
        pthread_t thread;
        int fd;
};

static void raw_open(struct raw *r, struct setup *s) {
        struct enroll_message hello;
        int fds[2];

        *r = (struct raw){ .s = s, .trust = { .pins = s->w.pins } };
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        r->serving = (struct serving){ &s->w, &s->j, fds[0] };
        r->fd = fds[1];
        assert_int_equal(pthread_create(&r->thread, NULL, serve_thread, &r->serving), 0);
        assert_int_equal(enroll_tls_client(&r->trust, &r->ctx, NULL), 0);
        assert_int_equal(enroll_conn_open(&r->c, r->ctx, r->fd, false, 5000, NULL), 0);
        assert_int_equal(enroll_conn_recv(&r->c, &hello, NULL), 0);
        assert_int_equal(hello.type, ENROLL_HELLO);
}

static void raw_close(struct raw *r) {
        enroll_conn_close(&r->c);
        close(r->fd);
        pthread_join(r->thread, NULL);
        SSL_CTX_free(r->ctx);
}

static struct enroll_request prove(struct raw *r) {
        struct setup *s = r->s;
        struct enroll_request q = { .node_name = "n2",
                                    .node_address = JOINER_ADDRESS,
                                    .clock_ns = enroll_clock_now(0) };
        struct pki_transcript t = { .cluster_id = s->w.server.cluster_id,
                                    .token_id = q.token_id,
                                    .role = "master",
                                    .csr = "",
                                    .node_name = q.node_name,
                                    .node_address = q.node_address,
                                    .clock_ns = q.clock_ns };
        uint8_t kp[PKI_KP_SIZE];

        snprintf(q.token_id, sizeof q.token_id, "%.6s", s->token);
        memcpy(q.joiner_pub, s->j.joiner.pub, sizeof q.joiner_pub);
        memcpy(t.joiner_pub, s->j.joiner.pub, sizeof t.joiner_pub);
        assert_int_equal(enroll_conn_exporter(&r->c, t.exporter), 0);
        assert_int_equal(pki_token_kp(s->token, kp), 0);
        assert_int_equal(pki_proof_make(kp, &t, q.proof), 0);
        return q;
}

static enum enroll_code ask_with(struct setup *s, struct enroll_request q) {
        struct enroll_message m = { .type = ENROLL_REQUEST, .request = q };
        struct raw r;

        raw_open(&r, s);
        assert_int_equal(enroll_conn_send(&r.c, &m, NULL), 0);
        assert_int_equal(enroll_conn_recv(&r.c, &m, NULL), 0);
        raw_close(&r);
        assert_int_equal(m.type, ENROLL_REFUSAL);
        return m.refusal.code;
}

static void test_proof_is_bound_to_the_connection(void **state) {
        struct setup *s = begin(state, 1);
        struct enroll_request q;
        struct raw r;

        raw_open(&r, s);
        q = prove(&r);
        raw_close(&r);
        assert_int_equal(ask_with(s, q), ENROLL_DENIED);
        assert_int_equal(s->j.outcome, ENROLL_OUT_WRONG);
        end(s);
}

static void test_every_field_is_under_the_proof(void **state) {
        struct setup *s = begin(state, 2);

        for (unsigned i = 0; i < 7; i++) {
                struct enroll_message m = { .type = ENROLL_REQUEST };
                struct enroll_request *q = &m.request;
                struct raw r;

                raw_open(&r, s);
                *q = prove(&r);
                if (i == 1)
                        snprintf(q->node_name, sizeof q->node_name, "n3");
                else if (i == 2)
                        snprintf(q->node_address, sizeof q->node_address, "172.18.0.156");
                else if (i == 3)
                        q->clock_ns++;
                else if (i == 4)
                        q->joiner_pub[0] ^= 1;
                else if (i == 5)
                        q->proof[31] ^= 1;
                else if (i == 6) {
                        q->role = ENROLL_WORKER;
                        snprintf(q->csr, sizeof q->csr, "x");
                }
                assert_int_equal(enroll_conn_send(&r.c, &m, NULL), 0);
                assert_int_equal(enroll_conn_recv(&r.c, &m, NULL), 0);
                raw_close(&r);
                assert_int_equal(m.type, i == 0 ? ENROLL_GRANT : ENROLL_REFUSAL);
                if (i > 0)
                        assert_int_equal(m.refusal.code, ENROLL_DENIED);
                enroll_message_done(&m);
        }
        end(s);
}

static void test_malformed_request_is_told(void **state) {
        struct setup *s = begin(state, 1);
        struct enroll_message m = { .type = ENROLL_HELLO };
        struct raw r;

        raw_open(&r, s);
        assert_int_equal(enroll_conn_send(&r.c, &m, NULL), 0);
        assert_int_equal(enroll_conn_recv(&r.c, &m, NULL), 0);
        raw_close(&r);
        assert_int_equal(m.type, ENROLL_REFUSAL);
        assert_int_equal(m.refusal.code, ENROLL_MALFORMED);
        end(s);
}

/* Before the proof nothing that costs memory is taken in: a long message is refused by its length. */
static void test_long_request_is_not_read(void **state) {
        struct setup *s = begin(state, 1);
        uint8_t header[ENROLL_HEADER];
        struct enroll_message m;
        struct raw r;
        size_t done;

        enroll_header_put(header, ENROLL_REQUEST_MAX + 1);
        raw_open(&r, s);
        assert_int_equal(SSL_write_ex(r.c.ssl, header, sizeof header, &done), 1);
        assert_int_equal(enroll_conn_recv(&r.c, &m, NULL), 0);
        raw_close(&r);
        assert_int_equal(m.type, ENROLL_REFUSAL);
        assert_int_equal(m.refusal.code, ENROLL_MALFORMED);
        end(s);
}

/* Who talks on after a wrong try cannot put its counting off. */
static void test_wrong_try_that_talks_on_is_counted(void **state) {
        static const uint8_t noise[1024];
        struct setup *s = begin(state, 1);
        struct enroll_message m = { .type = ENROLL_REQUEST };
        int64_t start = monotonic_us();
        struct raw r;
        size_t done;

        raw_open(&r, s);
        m.request = prove(&r);
        m.request.proof[0] ^= 1;
        assert_int_equal(enroll_conn_send(&r.c, &m, NULL), 0);
        while (SSL_write_ex(r.c.ssl, noise, sizeof noise, &done) == 1 ||
               SSL_get_error(r.c.ssl, 0) == SSL_ERROR_WANT_WRITE)
                if (monotonic_us() - start > 10000000)
                        break;
        raw_close(&r);
        print_message("a wrong try that talks on was over after %d ms\n",
                      (int)((monotonic_us() - start) / 1000));
        assert_int_equal(s->j.outcome, ENROLL_OUT_WRONG);
        assert_true(monotonic_us() - start < 5000000);
        end(s);
}

static void test_peer_that_speaks_no_tls(void **state) {
        struct setup *s = begin(state, 1);
        pthread_t thread;
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        struct serving serving = { &s->w, &s->j, fds[0] };
        assert_int_equal(pthread_create(&thread, NULL, serve_thread, &serving), 0);
        assert_true(write(fds[1], "GET / HTTP/1.0\r\n\r\n", 18) == 18);
        pthread_join(thread, NULL);
        close(fds[1]);
        assert_int_equal(s->j.outcome, ENROLL_OUT_BROKEN);
        end(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_right_token_gets_the_bundle),
                tmp_test(test_external_etcd),
                tmp_test(test_wrong_secret_is_denied),
                tmp_test(test_unknown_id_looks_like_a_wrong_secret),
                tmp_test(test_expired_token),
                tmp_test(test_used_up_token_but_the_same_joiner_may_resume),
                tmp_test(test_token_bound_to_another_node),
                tmp_test(test_address_must_be_the_peers),
                tmp_test(test_name_or_address_that_exists),
                tmp_test(test_clock_off_by_an_hour),
                tmp_test(test_etcd_that_does_not_answer),
                tmp_test(test_no_token_and_held_source_are_refused_unheard),
                tmp_test(test_missing_key_spends_no_use),
                tmp_test(test_wrong_pin_shows_both),
                tmp_test(test_other_serving_certificate_of_the_cluster),
                tmp_test(test_tampered_bundle_is_not_used),
                tmp_test(test_bundle_of_another_ca_is_not_used),
                tmp_test(test_proof_is_bound_to_the_connection),
                tmp_test(test_every_field_is_under_the_proof),
                tmp_test(test_malformed_request_is_told),
                tmp_test(test_long_request_is_not_read),
                tmp_test(test_wrong_try_that_talks_on_is_counted),
                tmp_test(test_peer_that_speaks_no_tls),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
