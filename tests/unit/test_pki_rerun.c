/* A second run keeps every file; a deleted file is made again, alone, or its loss is refused; what a
 * power cut leaves is completed. */
#include "pki/file.h"
#include "pki/table.h"
#include "pki/util.h"
#include "tests/unit/pki_fixture.h"
#include <errno.h>

enum { SET = 22 + 5 + 4 };

static void make_all(void *state) {
        struct pki_params p = fixture_params(state);
        struct fixture_log log;
        struct pki_error e;

        assert_int_equal(fixture_all(&p, &log, &e), 0);
}

static void assert_untouched(void *state, char *before) {
        char *after = fixture_snapshot(state);

        assert_string_equal(before, after);
        free(before);
        free(after);
}

static void remove_file(void *state, const char *file) {
        char path[PATH_MAX];

        assert_int_equal(unlink(tmp_path(state, file, path)), 0);
}

static void test_second_run_touches_no_file(void **state) {
        struct pki_params p = fixture_params(*state);
        struct fixture_log log;
        struct pki_error e;
        char *before;

        assert_int_equal(fixture_all(&p, &log, &e), 0);
        assert_int_equal(log.kept, 0);
        assert_int_equal(log.made, SET);
        before = fixture_snapshot(*state);
        p.now += 86400;
        assert_int_equal(fixture_all(&p, &log, &e), 0);
        assert_int_equal(log.made, 0);
        assert_int_equal(log.kept, SET);
        assert_untouched(*state, before);
}

/* The algorithm is that of new keys: what exists is kept, and a set may be mixed. */
static void test_another_algorithm_keeps_what_exists(void **state) {
        struct pki_params p = fixture_params(*state);
        struct fixture_log log;
        struct pki_error e;
        EVP_PKEY *key;

        make_all(*state);
        remove_file(*state, CERT_DIR "/etcd/peer.crt");
        remove_file(*state, CERT_DIR "/etcd/peer.key");
        p.alg = PKI_RSA_2048;
        assert_int_equal(fixture_all(&p, &log, &e), 0);
        assert_int_equal(log.made, 2);
        key = fixture_key(*state, CERT_DIR "/etcd/peer.key");
        assert_true(EVP_PKEY_is_a(key, "RSA"));
        EVP_PKEY_free(key);
        assert_int_equal(fixture_all(&p, &log, &e), 0);
        assert_int_equal(log.kept, SET);
}

static bool is_under(const char *path, const char *end) {
        size_t n = strlen(path), k = strlen(end);

        return n >= k && strcmp(path + n - k, end) == 0;
}

/* What deleting one file of a finished set leads to. */
static const char *expectation(const char *file, char out[PATH_MAX * 2]) {
        *out = '\0';
        if (is_under(file, "sa.key"))
                return NULL; /* refused */
        if (is_under(file, "ca.key"))
                return out;         /* a CA whose key is elsewhere */
        if (is_under(file, ".key")) /* a leaf: a new pair */
                snprintf(out, PATH_MAX * 2, "made %s\nmade %.*s.crt\n", file, (int)strlen(file) - 4, file);
        else
                snprintf(out, PATH_MAX * 2, "made %s\n", file);
        return out;
}

static void only_made(const char *log, char out[8192]) {
        *out = '\0';
        for (const char *line = log; *line; line = strchr(line, '\n') + 1)
                if (strncmp(line, "made", 4) == 0)
                        strncat(out, line, (size_t)(strchr(line, '\n') + 1 - line));
}

static void check_deletion(void *state, const char *file) {
        char want[PATH_MAX * 2], have[8192], *before;
        struct pki_params p = fixture_params(state);
        struct fixture_log log;
        struct pki_error e;
        int r;

        make_all(state);
        remove_file(state, file);
        before = fixture_snapshot(state);
        r = fixture_all(&p, &log, &e);
        if (!expectation(file, want)) {
                assert_int_equal(r, -EINVAL);
                assert_true(is_under(e.file, file));
                assert_non_null(strstr(e.reason, "is missing"));
                assert_true(*e.remedy);
                assert_untouched(state, before);
                return;
        }
        free(before);
        assert_int_equal(r, 0);
        only_made(log.text, have);
        assert_string_equal(have, want);
        assert_int_equal(fixture_all(&p, &log, &e), 0);
        assert_int_equal(log.kept, SET - !*want); /* that key is not ours to keep */
}

static void remove_tree(void *state) {
        char path[PATH_MAX];

        nftw(tmp_path(state, "etc", path), tmp_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void test_each_deleted_file_is_made_again_alone(void **state) {
        static const char *const own[] = { "/etc/triarch/pki/enroll.key", "/etc/triarch/pki/enroll.crt",
                                           "/etc/triarch/pki/healthcheck-client.key",
                                           "/etc/triarch/pki/healthcheck-client.crt" };
        char file[PATH_MAX];
        size_t n = 0;

        for (; pki_path(CERT_DIR, KUBE_DIR, n, file); n++) {
                check_deletion(*state, file);
                remove_tree(*state);
        }
        assert_int_equal(n, 22 + 5);
        for (size_t i = 0; i < ARRAY_SIZE(own); i++)
                check_deletion(*state, own[i]);
}

/* What the CA has signed is good under its certificate made again. */
static void test_ca_certificate_made_again_verifies_what_it_signed(void **state) {
        static const char *const cas[][2] = { { "ca", "apiserver" },
                                              { "etcd/ca", "etcd/server" },
                                              { "front-proxy-ca", "front-proxy-client" } };
        struct pki_params p = fixture_params(*state);
        char ca_file[100], leaf_file[100];
        struct fixture_log log;
        struct pki_error e;

        make_all(*state);
        for (size_t i = 0; i < ARRAY_SIZE(cas); i++) {
                X509 *old, *ca, *leaf;

                snprintf(ca_file, sizeof ca_file, CERT_DIR "/%s.crt", cas[i][0]);
                snprintf(leaf_file, sizeof leaf_file, CERT_DIR "/%s.crt", cas[i][1]);
                old = fixture_cert(*state, ca_file);
                remove_file(*state, ca_file);
                assert_int_equal(fixture_all(&p, &log, &e), 0);
                assert_int_equal(log.made, 1);
                ca = fixture_cert(*state, ca_file);
                leaf = fixture_cert(*state, leaf_file);
                assert_int_not_equal(X509_cmp(old, ca), 0);
                assert_int_equal(X509_check_issued(ca, leaf), X509_V_OK);
                assert_int_equal(X509_verify(leaf, X509_get0_pubkey(ca)), 1);
                X509_free(old);
                X509_free(ca);
                X509_free(leaf);
        }
}

/* Certificate and key gone, but not what they signed: a new CA would end the cluster. */
static void test_a_lost_ca_is_not_replaced_under_its_leaves(void **state) {
        static const struct {
                const char *ca, *dependent;
        } cas[] = {
                { "ca", "/apiserver.crt" },
                { "etcd/ca", "/etcd/server.crt" },
                { "front-proxy-ca", "/front-proxy-client.crt" },
        };
        struct pki_params p = fixture_params(*state);
        struct fixture_log log;
        struct pki_error e;
        char file[100], *before;

        for (size_t i = 0; i < ARRAY_SIZE(cas); i++) {
                make_all(*state);
                snprintf(file, sizeof file, CERT_DIR "/%s.crt", cas[i].ca);
                remove_file(*state, file);
                snprintf(file, sizeof file, CERT_DIR "/%s.key", cas[i].ca);
                remove_file(*state, file);
                before = fixture_snapshot(*state);
                assert_int_equal(fixture_all(&p, &log, &e), -EINVAL);
                assert_non_null(strstr(e.reason, cas[i].dependent));
                assert_int_equal(log.made, 0);
                assert_untouched(*state, before);
                remove_tree(*state);
        }
}

static void test_a_lost_cluster_ca_is_not_replaced_under_kubeconfigs(void **state) {
        struct pki_params p = fixture_params(*state);
        struct fixture_log log;
        struct pki_error e;
        char path[PATH_MAX];

        make_all(*state);
        nftw(tmp_path(*state, CERT_DIR, path), tmp_remove_one, 16, FTW_DEPTH | FTW_PHYS);
        assert_int_equal(fixture_all(&p, &log, &e), -EINVAL);
        assert_non_null(strstr(e.reason, "/admin.conf"));
        assert_int_equal(access(path, F_OK), -1);
}

/* The power may go after any write: the first i files of the order in which they are written are there. */
static void test_power_cut_after_each_write(void **state) {
        struct pki_params p = fixture_params(*state);
        struct fixture_log log, again;
        struct pki_error e;

        for (unsigned cut = 0; cut <= SET; cut++) {
                char *line;
                unsigned i = 0;

                assert_int_equal(fixture_all(&p, &log, &e), 0);
                for (line = strtok(log.text, "\n"); line; line = strtok(NULL, "\n"))
                        if (i++ >= cut)
                                remove_file(*state, line + strlen("made "));
                assert_int_equal(i, SET);
                assert_int_equal(fixture_all(&p, &again, &e), 0);
                assert_int_equal(again.kept, cut);
                assert_int_equal(again.made, SET - cut);
                assert_int_equal(fixture_all(&p, &again, &e), 0);
                assert_int_equal(again.kept, SET);
                remove_tree(*state);
        }
}

static void test_only_keys_are_there(void **state) {
        struct pki_params p = fixture_params(*state);
        char file[PATH_MAX], path[PATH_MAX];
        struct fixture_log log;
        struct pki_error e;
        EVP_PKEY *before, *after;

        make_all(*state);
        for (size_t i = 0; pki_path(CERT_DIR, KUBE_DIR, i, file); i++)
                if (!is_under(file, ".key"))
                        remove_file(*state, file);
        before = fixture_key(*state, CERT_DIR "/apiserver.key");
        assert_int_equal(fixture_all(&p, &log, &e), 0);
        assert_int_equal(log.made, 11 + 5);
        after = fixture_key(*state, CERT_DIR "/apiserver.key");
        assert_int_equal(EVP_PKEY_eq(before, after), 1);
        EVP_PKEY_free(before);
        EVP_PKEY_free(after);
        assert_int_equal(access(tmp_path(*state, CERT_DIR "/sa.pub", path), F_OK), 0);
}

/* Halves of files under their temporary names. */
static void test_stale_temporary_files(void **state) {
        struct pki_params p = fixture_params(*state);
        char file[PATH_MAX], path[PATH_MAX], temp[PATH_MAX];
        struct fixture_log log;
        struct pki_error e;

        for (size_t i = 0; pki_path(CERT_DIR, KUBE_DIR, i, file); i++) {
                char *slash = strrchr(tmp_path(*state, file, path), '/');

                snprintf(temp, sizeof temp, "%.*s/.%s.triarch", (int)(slash - path), path, slash + 1);
                *slash = '\0';
                assert_int_equal(pki_mkdir_p(path, 0755), 0);
                assert_int_equal(pki_file_write(temp, 0644, (gid_t)-1, "-----BEGIN", 10, 0), 0);
        }
        assert_int_equal(fixture_all(&p, &log, &e), 0);
        assert_int_equal(log.made, SET);
        for (size_t i = 0; pki_path(CERT_DIR, KUBE_DIR, i, file); i++) {
                char *slash = strrchr(tmp_path(*state, file, path), '/');

                snprintf(temp, sizeof temp, "%.*s/.%s.triarch", (int)(slash - path), path, slash + 1);
                assert_int_equal(access(temp, F_OK), -1);
        }
        assert_int_equal(fixture_all(&p, &log, &e), 0);
        assert_int_equal(log.kept, SET);
}

/* Each sub-phase alone, in kubeadm's order, makes just its files; a leaf without its CA is refused. */
static void test_each_name_alone(void **state) {
        struct pki_params p = fixture_params(*state);
        struct fixture_log log;
        struct pki_error e;

        assert_int_equal(pki_certs_ensure(&p, "apiserver", NULL, NULL, &e), -EINVAL);
        assert_true(is_under(e.file, CERT_DIR "/ca.crt"));
        assert_string_equal(e.remedy, "make it first: init phase certs ca");
        assert_int_equal(tmp_count(*state), 0);
        for (size_t i = 0; i < PKI_ROWS; i++) {
                memset(&log, 0, sizeof log);
                assert_int_equal(pki_certs_ensure(&p, pki_rows[i].name, fixture_report, &log, &e), 0);
                assert_int_equal(log.made, 2);
                assert_int_equal(log.kept, 0);
        }
        for (size_t i = 0; i < PKI_CONF_ROWS; i++) {
                memset(&log, 0, sizeof log);
                assert_int_equal(pki_kubeconfig_ensure(&p, pki_conf_rows[i].name, fixture_report, &log, &e),
                                 0);
                assert_int_equal(log.made, 1);
        }
        assert_int_equal(fixture_all(&p, &log, &e), 0);
        assert_int_equal(log.kept, 27);
        assert_int_equal(pki_certs_ensure(&p, "apiserer", NULL, NULL, &e), -ENOENT);
        assert_non_null(strstr(e.reason, "\"apiserer\""));
        assert_int_equal(pki_kubeconfig_ensure(&p, "admim", NULL, NULL, &e), -ENOENT);
}

static void test_super_admin_is_made_on_the_first_master_only(void **state) {
        struct pki_params p = fixture_params(*state);
        struct fixture_log log;
        struct pki_error e;
        char path[PATH_MAX];

        p.super_admin = false;
        assert_int_equal(fixture_all(&p, &log, &e), 0);
        assert_int_equal(log.made, SET - 1);
        assert_int_equal(access(tmp_path(*state, KUBE_DIR "/super-admin.conf", path), F_OK), -1);
}

static void test_other_directories_and_no_root(void **state) {
        struct pki_params p = fixture_params(*state);
        char certs[PATH_MAX], kube[PATH_MAX], path[PATH_MAX];
        struct fixture_log log = { .made = 0 };
        struct pki_error e;

        p.root = "";
        p.cert_dir = tmp_path(*state, "certs", certs);
        p.kube_dir = tmp_path(*state, "kube", kube);
        assert_int_equal(pki_certs_ensure(&p, "all", fixture_report, &log, &e), 0);
        assert_int_equal(pki_kubeconfig_ensure(&p, "all", fixture_report, &log, &e), 0);
        for (size_t i = 0; pki_path(certs, kube, i, path); i++)
                assert_int_equal(access(path, F_OK), 0);
        assert_non_null(strstr(log.text, certs));
}

static void test_agent_key_belongs_to_the_agents_group(void **state) {
        gid_t gid = geteuid() == 0 ? 54321 : getegid();
        struct pki_params p = fixture_params(*state);
        char path[PATH_MAX];
        struct pki_error e;
        struct stat st;

        assert_int_equal(pki_certs_ensure(&p, "ca", NULL, NULL, &e), 0);
        assert_int_equal(pki_triarch_ensure(&p, gid, NULL, NULL, &e), 0);
        assert_int_equal(stat(tmp_path(*state, "/etc/triarch/pki/healthcheck-client.key", path), &st), 0);
        assert_int_equal(st.st_gid, gid);
        assert_int_equal(st.st_mode & 07777, 0640);
        assert_int_equal(pki_triarch_ensure(&p, (gid_t)-1, NULL, NULL, &e), 0); /* not known: not checked */
        assert_int_equal(pki_triarch_ensure(&p, gid + 1, NULL, NULL, &e), -EINVAL);
        assert_string_equal(e.file, path);
        assert_non_null(strstr(e.reason, "cannot be read by the agent"));
        assert_int_equal(chmod(path, 0600), 0);
        assert_int_equal(pki_triarch_ensure(&p, gid, NULL, NULL, &e), -EINVAL);
        assert_int_equal(chmod(path, 0644), 0);
        assert_int_equal(pki_triarch_ensure(&p, gid, NULL, NULL, &e), -EINVAL);
        assert_string_equal(e.remedy, "chmod it to 0640");
        assert_int_equal(chmod(path, 0640), 0);
        assert_int_equal(pki_triarch_ensure(&p, gid, NULL, NULL, &e), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_second_run_touches_no_file),
                tmp_test(test_another_algorithm_keeps_what_exists),
                tmp_test(test_each_deleted_file_is_made_again_alone),
                tmp_test(test_ca_certificate_made_again_verifies_what_it_signed),
                tmp_test(test_a_lost_ca_is_not_replaced_under_its_leaves),
                tmp_test(test_a_lost_cluster_ca_is_not_replaced_under_kubeconfigs),
                tmp_test(test_power_cut_after_each_write),
                tmp_test(test_only_keys_are_there),
                tmp_test(test_stale_temporary_files),
                tmp_test(test_each_name_alone),
                tmp_test(test_super_admin_is_made_on_the_first_master_only),
                tmp_test(test_other_directories_and_no_root),
                tmp_test(test_agent_key_belongs_to_the_agents_group),
        };

        return cmocka_run_group_tests_name("pki/rerun", tests, NULL, NULL);
}
