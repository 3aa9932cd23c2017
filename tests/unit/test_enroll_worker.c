/* Enrolment of workers: what a worker's token is good for, and what it is not. */
#include "pki/node.h"
#include "tests/unit/enroll_world.h"

struct setup {
        struct world w;
        struct joining j;
        char token[PKI_TOKEN_SIZE];
        char *key, *csr;
};

static struct setup *begin(void **state, enum enroll_role token_role, enum enroll_role joins_as) {
        struct setup *s = calloc(1, sizeof *s);

        assert_non_null(s);
        world_open(&s->w, *state);
        world_role_token(&s->w, token_role, 1, NULL, NULL, s->token);
        joining_init(&s->j, &s->w, s->token);
        s->j.joiner.role = joins_as;
        assert_int_equal(pki_node_key(&s->key), 0);
        assert_int_equal(pki_node_request(s->key, &s->csr), 0);
        if (joins_as == ENROLL_WORKER)
                s->j.joiner.csr = s->csr;
        return s;
}

static void end(struct setup *s) {
        joining_done(&s->j);
        world_close(&s->w);
        pki_wipe_free(s->key);
        free(s->csr);
        free(s);
}

static void expect_refusal(struct setup *s, enum enroll_code code, const char *words) {
        joining_expect_refusal(&s->j, &s->w, code, words);
        assert_int_equal(world_uses_left(&s->w, s->token), 1);
}

static void test_worker_gets_its_certificate_and_no_key(void **state) {
        struct setup *s = begin(state, ENROLL_WORKER, ENROLL_WORKER);
        const struct enroll_bundle *b = &s->j.result.bundle;
        struct pki_error pe = { 0 };
        struct pki_params p = { .root = s->w.root,
                                .cert_dir = "/etc/kubernetes/pki",
                                .kube_dir = "/etc/kubernetes",
                                .node_name = "n2",
                                .cluster_name = "kubernetes",
                                .endpoint_host = "172.18.0.192",
                                .endpoint_port = 6443,
                                .now = time(NULL) };

        joining_run(&s->j, &s->w);
        if (s->j.r < 0)
                fail_msg("%s", s->j.e.message);
        assert_int_equal(b->role, ENROLL_WORKER);
        for (size_t i = 0; i < ENROLL_ENTRIES; i++)
                assert_true((b->entries[i] != NULL) == (i == ENROLL_CA_CRT));
        assert_int_equal(b->members.n, 0);
        assert_null(strstr(b->config, "PRIVATE KEY"));
        /* the node can use it, under its own name alone */
        if (pki_node_install(&p, s->key, b->certificate, NULL, NULL, &pe) < 0)
                fail_msg("%s: %s", pe.file, pe.reason);
        assert_int_equal(world_uses_left(&s->w, s->token), 0);
        assert_non_null(strstr(s->w.audit, "granted: n2 at " JOINER_ADDRESS " as worker"));
        end(s);
}

static void test_worker_token_makes_no_master(void **state) {
        struct setup *s = begin(state, ENROLL_WORKER, ENROLL_MASTER);

        expect_refusal(s, ENROLL_ROLE, "is for workers");
        end(s);
}

static void test_master_token_makes_no_worker(void **state) {
        struct setup *s = begin(state, ENROLL_MASTER, ENROLL_WORKER);

        expect_refusal(s, ENROLL_ROLE, "is for masters");
        end(s);
}

/* The stored role is the server's own word: who edits a file of root's has the keys anyhow. */
static void test_role_is_told_after_the_proof_only(void **state) {
        struct setup *s = begin(state, ENROLL_WORKER, ENROLL_MASTER);
        char *last = &s->token[PKI_TOKEN_SIZE - 2];

        *last = *last == 'a' ? 'b' : 'a';
        joining_run(&s->j, &s->w);
        assert_int_equal(s->j.result.refusal.code, ENROLL_DENIED);
        end(s);
}

static void test_name_of_a_master_or_of_a_node_that_is_ready(void **state) {
        struct setup *s = begin(state, ENROLL_WORKER, ENROLL_WORKER);

        s->j.joiner.node_name = "n1";
        expect_refusal(s, ENROLL_NAME_EXISTS, "the cluster has the member n1");
        s->j.joiner.node_name = "n2";
        s->w.node_result = 1;
        expect_refusal(s, ENROLL_NAME_EXISTS, "kubectl delete node n2");
        s->w.node_result = -EAGAIN;
        expect_refusal(s, ENROLL_BUSY, "no answer about n2");
        assert_true(s->j.result.refusal.retry_s > 0);
        s->w.node_result = 0;
        joining_run(&s->j, &s->w);
        assert_int_equal(s->j.r, 0);
        end(s);
}

/* Its own node is Ready by then, and it asks again because the answer was lost. */
static void test_worker_that_resumes_costs_nothing(void **state) {
        struct setup *s = begin(state, ENROLL_WORKER, ENROLL_WORKER);

        joining_run(&s->j, &s->w);
        assert_int_equal(s->j.r, 0);
        joining_done(&s->j);
        s->w.node_result = 1;
        joining_run(&s->j, &s->w);
        assert_int_equal(s->j.r, 0);
        assert_int_equal(world_uses_left(&s->w, s->token), 0);
        end(s);
}

/* A master that joins asks etcd for its name; an API server that is away is no obstacle, a node is. */
static void test_master_with_the_name_of_a_node(void **state) {
        struct setup *s = begin(state, ENROLL_MASTER, ENROLL_MASTER);

        s->w.node_result = 1;
        expect_refusal(s, ENROLL_NAME_EXISTS, "the cluster has a node n2");
        s->w.node_result = -EAGAIN;
        joining_run(&s->j, &s->w);
        assert_int_equal(s->j.r, 0);
        end(s);
}

static void test_request_that_is_none_spends_no_use(void **state) {
        struct setup *s = begin(state, ENROLL_WORKER, ENROLL_WORKER);

        s->j.joiner.csr = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n";
        expect_refusal(s, ENROLL_FAILED, "journalctl");
        assert_non_null(strstr(s->w.audit, "no certificate request"));
        end(s);
}

/* Bound to a name, the token signs for no other. */
static void test_bound_token_signs_for_its_node_alone(void **state) {
        struct setup *s = begin(state, ENROLL_WORKER, ENROLL_WORKER);

        world_role_token(&s->w, ENROLL_WORKER, 1, "n3", NULL, s->token);
        expect_refusal(s, ENROLL_BOUND, "for the node n3, not for n2");
        end(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_worker_gets_its_certificate_and_no_key),
                tmp_test(test_worker_token_makes_no_master),
                tmp_test(test_master_token_makes_no_worker),
                tmp_test(test_role_is_told_after_the_proof_only),
                tmp_test(test_name_of_a_master_or_of_a_node_that_is_ready),
                tmp_test(test_worker_that_resumes_costs_nothing),
                tmp_test(test_master_with_the_name_of_a_node),
                tmp_test(test_request_that_is_none_spends_no_use),
                tmp_test(test_bound_token_signs_for_its_node_alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
