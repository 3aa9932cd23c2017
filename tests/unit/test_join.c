/* join up to the point where it needs etcd: what a refusal leaves, what the journal keeps, how a killed
 * run is taken up. The tree is under a root; the enrolment service is real. */
#include "tests/unit/join_fixture.h"

#include "agent/command.h"
#include <fcntl.h>
#include <sys/prctl.h>

static void file_under(const struct fixture *f, const char *file, char out[PATH_MAX]) {
        assert_true(snprintf(out, PATH_MAX, "%s%s", f->root, file) < PATH_MAX);
}

static void test_refused_join_leaves_nothing(void **state) {
        struct fixture *f = fixture_begin(state);
        char wrong[PKI_TOKEN_SIZE];
        struct error e = { 0 };

        memcpy(wrong, f->service->token, sizeof wrong);
        wrong[PKI_TOKEN_SIZE - 2] = wrong[PKI_TOKEN_SIZE - 2] == 'a' ? 'b' : 'a';
        f->join.token = wrong;
        assert_int_equal(join_run(&f->join, &e), -EACCES);
        assert_int_equal(e.status, EXIT_FAILED);
        assert_int_equal(entries_under(f->root), EMPTY);

        f->join.token = f->service->token;
        f->join.pins.v[0][10] = f->join.pins.v[0][10] == '0' ? '1' : '0';
        assert_int_equal(join_run(&f->join, &e), -EIO);
        assert_int_equal(entries_under(f->root), EMPTY);

        f->join.pins = f->service->w.pins;
        f->join.port = PORT + 1; /* nobody listens */
        assert_true(join_run(&f->join, &e) < 0);
        assert_non_null(strstr(e.message, "cannot connect"));
        assert_int_equal(entries_under(f->root), EMPTY);
        fixture_end(f);
}

static void test_missing_words_are_asked_for(void **state) {
        struct fixture *f = fixture_begin(state);
        struct error e = { 0 };

        f->join.pins.n = 0;
        assert_int_equal(join_run(&f->join, &e), -EINVAL);
        assert_non_null(strstr(e.message, "--discovery-token-ca-cert-hash"));
        f->join.token = NULL;
        assert_int_equal(join_run(&f->join, &e), -EINVAL);
        assert_non_null(strstr(e.message, "--token"));
        f->join.host = NULL;
        assert_int_equal(join_run(&f->join, &e), -EINVAL);
        assert_int_equal(e.status, EXIT_INPUT);
        assert_int_equal(entries_under(f->root), EMPTY);
        fixture_end(f);
}

/* Kill a join when its journal has come to `step`. */
static void kill_at(const struct fixture *f, pid_t pid, unsigned step) {
        int64_t deadline = monotonic_us() + PATIENCE_US;
        struct join_state s = { 0 };

        while (join_state_load(f->root, &s, NULL) < 0 || s.step < step) {
                assert_true(monotonic_us() < deadline);
                nanosleep(&(struct timespec){ 0, 2000000 }, NULL);
        }
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

static void run_until(struct fixture *f, unsigned step) {
        pid_t pid = fork();

        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                _exit(join_run(&f->join, NULL) < 0);
        }
        kill_at(f, pid, step);
}

static void expect_same_file(const struct fixture *f, const char *file, mode_t mode) {
        char here[PATH_MAX], there[PATH_MAX], *a, *b;
        struct stat st;
        size_t n;

        file_under(f, file, here);
        world_path(&f->service->w, file, there);
        assert_int_equal(pki_file_read(here, 65536, &a, &n), 0);
        assert_int_equal(pki_file_read(there, 65536, &b, &n), 0);
        assert_string_equal(a, b);
        assert_int_equal(stat(here, &st), 0);
        assert_int_equal(st.st_mode & 07777, mode);
        free(a);
        free(b);
}

static void test_enrolled_machine_has_the_keys_and_its_own_certificates(void **state) {
        struct fixture *f = fixture_begin(state);
        char path[PATH_MAX], *text;
        struct join_state s;
        struct config *c;
        struct error e;
        struct stat st;
        size_t size;

        run_until(f, STEP_ETCD);
        expect_same_file(f, "/etc/kubernetes/pki/ca.key", 0600);
        expect_same_file(f, "/etc/kubernetes/pki/ca.crt", 0644);
        expect_same_file(f, "/etc/kubernetes/pki/etcd/ca.key", 0600);
        expect_same_file(f, "/etc/kubernetes/pki/front-proxy-ca.key", 0600);
        expect_same_file(f, "/etc/kubernetes/pki/sa.key", 0600);
        expect_same_file(f, "/etc/triarch/vip.key", 0640);
        file_under(f, "/etc/kubernetes/pki/apiserver.key", path);
        assert_int_equal(access(path, F_OK), 0);
        file_under(f, "/etc/kubernetes/super-admin.conf", path);
        assert_int_equal(access(path, F_OK), -1);
        file_under(f, "/var/lib/triarch/join/bundle.json", path);
        assert_int_equal(access(path, F_OK), -1);
        file_under(f, "/var/lib/triarch/join", path);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        file_under(f, "/var/lib/triarch/join/state.json", path);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);

        assert_int_equal(join_state_load(f->root, &s, NULL), 0);
        assert_string_equal(s.node_name, "n2");
        assert_string_equal(s.address, JOINER_ADDRESS);
        assert_int_equal(s.position, 1);
        assert_int_equal(s.n_endpoints, 1);
        assert_string_equal(s.endpoints[0], "https://" SERVER_ADDRESS ":2379");
        file_under(f, "/var/lib/triarch/join/config.yaml", path);
        assert_int_equal(pki_file_read(path, 65536, &text, &size), 0);
        assert_int_equal(config_parse(text, size, "x", NULL, &c, &e), 0);
        assert_int_equal(c->vips.items[0].priority, 230);
        assert_string_equal(c->node_name, "n2");
        assert_string_equal(c->advertise_address, JOINER_ADDRESS);
        config_free(c);
        free(text);
        fixture_end(f);
}

/* The token was consumed, the machine lost power before it had the bundle: the key in its journal opens the
 * door again, though the token is used up. */
static void test_lost_answer_is_asked_for_again(void **state) {
        struct fixture *f = fixture_begin(state);
        struct join_state s, again;
        char path[PATH_MAX];

        world_edit_token(&f->service->w, f->service->token, "uses", json_integer(1));
        run_until(f, 1);
        assert_int_equal(join_state_load(f->root, &s, NULL), 0);
        s.step = 0;
        memset(s.cluster_id, 0, sizeof s.cluster_id);
        assert_int_equal(join_state_save(f->root, &s, NULL), 0);
        assert_int_equal(join_file_remove(f->root, JOIN_BUNDLE, NULL), 0);
        run_until(f, STEP_ETCD);
        assert_int_equal(join_state_load(f->root, &again, NULL), 0);
        assert_memory_equal(again.key, s.key, sizeof s.key);
        /* another key is another joiner */
        file_under(f, "", path);
        join_journal_remove(f->root, false);
        assert_int_equal(join_run(&f->join, NULL), -EACCES);
        fixture_end(f);
}

/* The master does not even answer: what the token may be spent on is on disk before anything is sent. */
static void test_key_is_kept_before_the_request(void **state) {
        struct fixture *f = fixture_begin(state);
        static const uint8_t none[PKI_X25519_SIZE];
        struct join_state s;

        kill(f->service->pid, SIGSTOP);
        run_until(f, 0);
        assert_int_equal(join_state_load(f->root, &s, NULL), 0);
        assert_int_equal(s.step, 0);
        assert_memory_not_equal(s.key, none, sizeof none);
        kill(f->service->pid, SIGCONT);
        run_until(f, STEP_ETCD);
        fixture_end(f);
}

/* Once the bundle is here neither master nor token is needed. */
static void test_killed_join_goes_on_without_the_master(void **state) {
        struct fixture *f = fixture_begin(state);

        run_until(f, 1);
        kill(f->service->pid, SIGSTOP);
        f->join.host = NULL;
        f->join.token = NULL;
        f->join.pins.n = 0;
        run_until(f, STEP_ETCD);
        expect_same_file(f, "/etc/kubernetes/pki/ca.key", 0600);
        kill(f->service->pid, SIGCONT);
        fixture_end(f);
}

static void test_journal_stands_for_one_node_of_one_cluster(void **state) {
        struct fixture *f = fixture_begin(state);
        struct error e = { 0 };

        run_until(f, STEP_ETCD);
        f->join.flags.node_name = "n9";
        assert_int_equal(join_run(&f->join, &e), -EINVAL);
        assert_non_null(strstr(e.message, "as n2, not as n9"));
        f->join.flags.node_name = "n2";
        f->join.pins.v[0][10] = f->join.pins.v[0][10] == '0' ? '1' : '0';
        assert_int_equal(join_run(&f->join, &e), -EINVAL);
        assert_non_null(strstr(e.message, "another cluster"));
        fixture_end(f);
}

static void test_finished_join_changes_nothing(void **state) {
        struct fixture *f = fixture_begin(state);
        struct join_state s = { .step = 12, .finished = true, .node_name = "n2", .address = JOINER_ADDRESS };
        struct stat before, after;
        char path[PATH_MAX];
        int n;

        snprintf(s.cluster_id, sizeof s.cluster_id, "%.32s", f->join.pins.v[0] + 7);
        assert_int_equal(join_state_save(f->root, &s, NULL), 0);
        n = entries_under(f->root);
        file_under(f, "/var/lib/triarch/join/state.json", path);
        assert_int_equal(stat(path, &before), 0);
        assert_int_equal(join_run(&f->join, NULL), 0);
        assert_int_equal(stat(path, &after), 0);
        assert_true(before.st_ino == after.st_ino);
        assert_int_equal(entries_under(f->root), n);
        fixture_end(f);
}

/* Wrong tries until the master holds this source back for some seconds. */
static void make_the_master_slow(struct fixture *f) {
        char wrong[PKI_TOKEN_SIZE];
        struct error e = { 0 };

        memcpy(wrong, f->service->token, sizeof wrong);
        for (unsigned i = 0; i < 500 && !strstr(e.message, "in 4 s"); i++) {
                wrong[PKI_TOKEN_SIZE - 2] = (char)('a' + i % 26);
                if (!strcmp(wrong, f->service->token))
                        continue;
                f->join.token = wrong;
                assert_true(join_run(&f->join, &e) < 0); /* or turned away: those before are not over */
        }
        assert_non_null(strstr(e.message, "try again in 4 s"));
        f->join.token = f->service->token;
}

#define JOIN_FILE "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\n"

/* timeouts.discovery: as long as that a busy master is waited for, and not longer. */
static void test_discovery_has_its_time(void **state) {
        struct fixture *f = fixture_begin(state);
        struct error e = { 0 };

        f->join.overlay = JOIN_FILE "timeouts: {discovery: 1s}\n";
        make_the_master_slow(f);
        assert_int_equal(join_run(&f->join, &e), -EACCES);
        assert_int_equal(entries_under(f->root), EMPTY);
        f->join.overlay = JOIN_FILE "timeouts: {discovery: 1h}\n";
        run_until(f, STEP_ETCD);
        fixture_end(f);
}

/* ---- triarch join --config FILE ---- */

/* The bootstrapToken of the file's discovery. */
struct way_in {
        const char *token, *endpoint, *hash;
};

/* On a machine that is f->root; what it says there is in /said. */
static pid_t join_with_file(const struct fixture *f, const struct way_in *w) {
        char join[] = "join", option[] = "--config", file[] = "/join.yaml", path[PATH_MAX], text[1024];
        char *argv[] = { join, option, file, NULL };
        int n = snprintf(text, sizeof text,
                         JOIN_FILE "discovery:\n  bootstrapToken:\n    token: %s\n    apiServerEndpoint: %s\n"
                                   "    caCertHashes: ['%s']\nnodeRegistration: {name: n2}\n"
                                   "controlPlane: {localAPIEndpoint: {advertiseAddress: " JOINER_ADDRESS
                                   "}}\n"
                                   "skipPhases: [preflight]\n",
                         w->token, w->endpoint, w->hash);
        pid_t pid;
        int said;

        file_under(f, "/run", path);
        assert_int_equal(pki_mkdir_p(path, 0755), 0);
        file_under(f, file, path);
        assert_int_equal(pki_file_write(path, 0600, (gid_t)-1, text, (size_t)n, 0), 0);
        file_under(f, "/said", path);
        assert_true((said = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) >= 0);
        fflush(NULL);
        if ((pid = fork()) == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                dup2(said, 1);
                dup2(said, 2);
                _exit(chroot(f->root) < 0 || chdir("/") < 0 ? 127 : cmd_join(3, argv));
        }
        close(said);
        return pid;
}

static void expect_no_way_in(const struct fixture *f, const struct way_in *w, const char *words) {
        char path[PATH_MAX], *said;
        size_t size;
        int status;

        assert_true(waitpid(join_with_file(f, w), &status, 0) > 0);
        file_under(f, "/said", path);
        assert_int_equal(pki_file_read(path, 65536, &said, &size), 0);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_FAILED || !strstr(said, words))
                fail_msg("status %d, wanted \"%s\" in: %s", status, words, said);
        free(said);
        file_under(f, "/var/lib/triarch", path);
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(world_uses_left(&f->service->w, f->token), 3);
}

/* Nothing else tells this machine where to go, with which token, and whom to believe. The master that answers
 * at the API server's address enrols on a port of its own. */
static void test_file_is_the_way_in(void **state) {
        static const char endpoint[] = SERVER_ADDRESS ":6443";
        struct fixture *f = fixture_begin(state);
        const char *hash = f->join.pins.v[0];
        char wrong_token[PKI_TOKEN_SIZE], wrong_hash[PKI_PIN_SIZE];
        struct join_state s;

        memcpy(wrong_token, f->token, sizeof wrong_token);
        wrong_token[PKI_TOKEN_SIZE - 2] = wrong_token[PKI_TOKEN_SIZE - 2] == 'a' ? 'b' : 'a';
        memcpy(wrong_hash, hash, sizeof wrong_hash);
        wrong_hash[10] = wrong_hash[10] == '0' ? '1' : '0';
        expect_no_way_in(f, &(struct way_in){ f->token, "192.0.2.1:6443", hash },
                         "cannot connect to 192.0.2.1:7644");
        expect_no_way_in(f, &(struct way_in){ wrong_token, endpoint, hash }, "the master refused");
        expect_no_way_in(f, &(struct way_in){ f->token, endpoint, wrong_hash }, wrong_hash);
        kill_at(f, join_with_file(f, &(struct way_in){ f->token, endpoint, hash }), 1);
        assert_int_equal(world_uses_left(&f->service->w, f->token), 2);
        assert_int_equal(join_state_load(f->root, &s, NULL), 0);
        assert_string_equal(s.node_name, "n2");
        assert_memory_equal(s.cluster_id, hash + strlen("sha256:"), PKI_CLUSTER_ID_SIZE - 1);
        fixture_end(f);
}

static void test_foreign_ca_is_found_before_the_token_is_used(void **state) {
        struct fixture *f = fixture_begin(state);
        char here[PATH_MAX], there[PATH_MAX], id[PKI_TOKEN_ID + 1], *text;
        struct error e = { 0 };
        struct token t;
        size_t size;

        world_path(&f->service->w, "/etc/kubernetes/pki/etcd/ca.crt", there);
        assert_int_equal(pki_file_read(there, 65536, &text, &size), 0);
        file_under(f, "/etc/kubernetes/pki", here);
        assert_int_equal(pki_mkdir_p(here, 0755), 0);
        file_under(f, "/etc/kubernetes/pki/ca.crt", here);
        assert_int_equal(pki_file_write(here, 0644, (gid_t)-1, text, size, 0), 0);
        free(text);
        assert_true(join_run(&f->join, &e) < 0);
        assert_non_null(strstr(e.message, "another cluster"));
        snprintf(id, sizeof id, "%.6s", f->service->token);
        assert_int_equal(token_get(f->service->w.root, id, &t, NULL), 0);
        assert_int_equal(t.uses_left, 3);
        fixture_end(f);
}

static void test_initial_cluster_names_every_member(void **state) {
        struct etcd_members m = { .n = 3 };
        char out[512];

        (void)state;
        m.v[0] = (struct etcd_member){ .id = 1, .name = "n1", .peer_url = "https://172.18.0.154:2380" };
        m.v[1] = (struct etcd_member){ .id = 2, .peer_url = "https://172.18.0.155:2380", .learner = true };
        m.v[2] = (struct etcd_member){ .id = 0xabc, .peer_url = "https://172.18.0.156:2380" };
        assert_int_equal(join_initial_cluster(&m, "n2", "https://172.18.0.155:2380", out, sizeof out), 0);
        assert_string_equal(out, "n1=https://172.18.0.154:2380,n2=https://172.18.0.155:2380,"
                                 "abc=https://172.18.0.156:2380");
        assert_int_equal(join_initial_cluster(&m, "n2", "https://172.18.0.155:2380", out, 40), -E2BIG);
}

static void test_damaged_journal_is_named(void **state) {
        struct fixture *f = fixture_begin(state);
        struct error e = { 0 };

        assert_int_equal(join_file_put(f->root, "state.json", "{", 1, NULL), 0);
        assert_true(join_run(&f->join, &e) < 0);
        assert_non_null(strstr(e.file, "state.json"));
        assert_non_null(strstr(e.message, "triarch reset"));
        fixture_end(f);
}

static void test_token_leaves_the_command_line(void **state) {
        char token[] = "abcdef.0123456789abcdef", joined[] = "--token=abcdef.0123456789abcdef";
        char join[] = "join", host[] = "n1", surplus[] = "n2", option[] = "--token";
        char *apart[] = { join, host, surplus, option, token, NULL };
        char *together[] = { join, host, surplus, joined, NULL };

        (void)state;
        assert_int_equal(cmd_join(5, apart), EXIT_INPUT);
        assert_string_equal(token, "xxxxxxxxxxxxxxxxxxxxxxx");
        assert_int_equal(cmd_join(4, together), EXIT_INPUT);
        assert_string_equal(joined, "--token=xxxxxxxxxxxxxxxxxxxxxxx");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_refused_join_leaves_nothing),
                tmp_test(test_missing_words_are_asked_for),
                tmp_test(test_enrolled_machine_has_the_keys_and_its_own_certificates),
                tmp_test(test_lost_answer_is_asked_for_again),
                tmp_test(test_key_is_kept_before_the_request),
                tmp_test(test_killed_join_goes_on_without_the_master),
                tmp_test(test_journal_stands_for_one_node_of_one_cluster),
                tmp_test(test_finished_join_changes_nothing),
                tmp_test(test_discovery_has_its_time),
                tmp_test(test_file_is_the_way_in),
                tmp_test(test_foreign_ca_is_found_before_the_token_is_used),
                tmp_test(test_initial_cluster_names_every_member),
                tmp_test(test_damaged_journal_is_named),
                tmp_test(test_token_leaves_the_command_line),
        };

        if (lacks_network())
                return 77;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
