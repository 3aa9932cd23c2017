/* kubelet.conf in both of its forms, and the way from the one to the other. */
#include "pki/file.h"
#include "pki/util.h"
#include "tests/unit/pki_fixture.h"
#include <errno.h>

#define CONF    KUBE_DIR "/kubelet.conf"
#define PKI     "/var/lib/kubelet/pki"
#define CURRENT PKI "/kubelet-client-current.pem"
#define DATED   PKI "/kubelet-client-2026-11-23-02-13-20.pem"

static char *slurp(void *state, const char *file) {
        char path[PATH_MAX], *text = NULL;
        size_t n;

        assert_int_equal(pki_file_read(tmp_path(state, file, path), 1 << 20, &text, &n), 0);
        return text;
}

static void remove_file(void *state, const char *file) {
        char path[PATH_MAX];

        assert_int_equal(unlink(tmp_path(state, file, path)), 0);
}

/* The calls of an init: kubeconfig phase, then kubelet-finalize. */
static void run(const struct pki_params *p, struct fixture_log *log) {
        struct pki_error e = { 0 };
        int r;

        memset(log, 0, sizeof *log);
        r = pki_kubeconfig_ensure(p, "kubelet", fixture_report, log, &e);
        if (r == 0)
                r = pki_kubelet_finalize(p, fixture_report, log, &e);
        if (r < 0)
                print_error("%s: %s; %s\n", e.file, e.reason, e.remedy);
        assert_int_equal(r, 0);
}

static struct pki_params finished(void *state) {
        struct pki_params p = fixture_params(state);
        struct fixture_log log;
        struct pki_error e;

        assert_int_equal(pki_certs_ensure(&p, "ca", NULL, NULL, &e), 0);
        run(&p, &log);
        assert_string_equal(log.text, "made " CONF "\nmade " DATED "\nmade " CURRENT "\nmade " CONF "\n");
        return p;
}

static const char kept_all[] = "kept " CONF "\nkept " DATED "\nkept " CURRENT "\n"
                               "kept " DATED "\nkept " CURRENT "\nkept " CONF "\n";

static void test_finalize_moves_the_pair(void **state) {
        struct pki_params p = finished(*state);
        char path[PATH_MAX], target[PATH_MAX] = "";
        char *conf = slurp(*state, CONF);
        X509 *crt = fixture_cert(*state, CURRENT);
        EVP_PKEY *key = fixture_key(*state, CURRENT);
        struct fixture_log log;
        struct stat st;

        assert_non_null(strstr(conf, "    client-certificate: \"" CURRENT "\"\n"
                                     "    client-key: \"" CURRENT "\"\n"));
        assert_null(strstr(conf, "client-certificate-data"));
        assert_null(strstr(conf, "client-key-data"));
        assert_int_equal(X509_check_private_key(crt, key), 1);
        assert_int_equal(lstat(tmp_path(*state, DATED, path), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(stat(tmp_path(*state, "/var/lib/kubelet", path), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        assert_true(readlink(tmp_path(*state, CURRENT, path), target, sizeof target - 1) > 0);
        assert_string_equal(target, "kubelet-client-2026-11-23-02-13-20.pem");
        run(&p, &log);
        assert_string_equal(log.text, kept_all);
        X509_free(crt);
        EVP_PKEY_free(key);
        free(conf);
}

/* It is the certificate that was embedded, not another one. */
static void test_finalize_keeps_the_embedded_certificate(void **state) {
        static const char field[] = "client-certificate-data: ";
        struct pki_params p = fixture_params(*state);
        BIO *bio = BIO_new(BIO_s_mem());
        unsigned char *pem, want[8192];
        struct pki_error e;
        char *conf;
        X509 *crt;
        long n;

        assert_int_equal(pki_certs_ensure(&p, "ca", NULL, NULL, &e), 0);
        assert_int_equal(pki_kubeconfig_ensure(&p, "kubelet", NULL, NULL, &e), 0);
        conf = slurp(*state, CONF);
        assert_int_equal(pki_kubelet_finalize(&p, NULL, NULL, &e), 0);
        crt = fixture_cert(*state, CURRENT);
        assert_int_equal(PEM_write_bio_X509(bio, crt), 1);
        n = BIO_get_mem_data(bio, &pem);
        assert_in_range(n, 100, 4096);
        n = EVP_EncodeBlock(want, pem, (int)n);
        assert_memory_equal(strstr(conf, field) + strlen(field), want, (size_t)n);
        BIO_free(bio);
        X509_free(crt);
        free(conf);
}

static void test_a_lost_link_is_made_again_alone(void **state) {
        struct pki_params p = finished(*state);
        struct fixture_log log;

        remove_file(*state, CURRENT);
        p.now += 60;
        run(&p, &log);
        assert_string_equal(log.text, "kept " CONF "\nkept " DATED "\nmade " CURRENT "\n"
                                      "kept " DATED "\nkept " CURRENT "\nkept " CONF "\n");
}

static void test_a_lost_pair_is_made_again_under_its_name(void **state) {
        struct pki_params p = finished(*state);
        struct fixture_log log;

        remove_file(*state, DATED);
        p.now += 60;
        run(&p, &log);
        assert_string_equal(log.text, "kept " CONF "\nmade " DATED "\nkept " CURRENT "\n"
                                      "kept " DATED "\nkept " CURRENT "\nkept " CONF "\n");
}

static void test_lost_link_and_pair(void **state) {
        struct pki_params p = finished(*state);
        struct fixture_log log;

        remove_file(*state, DATED);
        remove_file(*state, CURRENT);
        p.now += 60;
        run(&p, &log);
        assert_string_equal(log.text, "kept " CONF "\nmade " PKI "/kubelet-client-2026-11-23-02-14-20.pem\n"
                                      "made " CURRENT "\n"
                                      "kept " PKI "/kubelet-client-2026-11-23-02-14-20.pem\n"
                                      "kept " CURRENT "\nkept " CONF "\n");
}

static void test_a_lost_kubelet_conf_comes_back_with_the_pair_that_is_there(void **state) {
        struct pki_params p = finished(*state);
        X509 *before = fixture_cert(*state, CURRENT), *after;
        struct fixture_log log;

        remove_file(*state, CONF);
        run(&p, &log);
        assert_string_equal(log.text, "made " CONF "\nkept " DATED "\nkept " CURRENT "\nmade " CONF "\n");
        after = fixture_cert(*state, CURRENT);
        assert_int_equal(X509_cmp(before, after), 0);
        X509_free(before);
        X509_free(after);
        run(&p, &log);
        assert_string_equal(log.text, kept_all);
}

/* Killed before the link, or before kubelet.conf was rewritten. */
static void test_a_killed_finalize_goes_on(void **state) {
        struct pki_params p = fixture_params(*state);
        struct fixture_log log;
        struct pki_error e;
        char *embedded, path[PATH_MAX];

        assert_int_equal(pki_certs_ensure(&p, "ca", NULL, NULL, &e), 0);
        assert_int_equal(pki_kubeconfig_ensure(&p, "kubelet", NULL, NULL, &e), 0);
        embedded = slurp(*state, CONF);
        run(&p, &log);
        for (int lost_link = 0; lost_link <= 1; lost_link++) {
                tmp_path(*state, CONF, path);
                assert_int_equal(pki_file_write(path, 0600, (gid_t)-1, embedded, strlen(embedded), 0), 0);
                if (lost_link)
                        remove_file(*state, CURRENT);
                p.now += 60;
                run(&p, &log);
                assert_non_null(strstr(log.text, "kept " DATED "\n"));
                assert_non_null(strstr(log.text, "made " CONF "\n"));
                assert_non_null(strstr(log.text, lost_link ? "made " CURRENT : "kept " CURRENT));
        }
        free(embedded);
}

/* The kubelet rotates: a new dated file, the link absolute. It is found under the root all the same. */
static void test_what_the_kubelet_has_rotated_is_kept(void **state) {
        static const char rotated[] = PKI "/kubelet-client-2027-01-01-00-00-00.pem";
        struct pki_params p = finished(*state);
        char from[PATH_MAX], to[PATH_MAX];
        struct fixture_log log;

        tmp_path(*state, CURRENT, to);
        assert_int_equal(unlink(to), 0);
        assert_int_equal(rename(tmp_path(*state, DATED, from), tmp_path(*state, rotated, to)), 0);
        assert_int_equal(symlink(rotated, tmp_path(*state, CURRENT, from)), 0);
        run(&p, &log);
        assert_int_equal(log.made, 0);
        assert_non_null(strstr(log.text, rotated));
}

static void test_a_pair_of_another_node_is_refused(void **state) {
        struct pki_params p = finished(*state);
        struct pki_error e;

        p.node_name = "host2";
        assert_int_equal(pki_kubeconfig_ensure(&p, "kubelet", NULL, NULL, &e), -EINVAL);
        assert_non_null(strstr(e.reason, "subject is CN=system:node:host1,O=system:nodes, "
                                         "wanted is CN=system:node:host2,O=system:nodes"));
        assert_non_null(strstr(e.file, DATED));
}

static void test_finalize_needs_kubelet_conf(void **state) {
        struct pki_params p = fixture_params(*state);
        struct pki_error e;

        assert_int_equal(pki_certs_ensure(&p, "ca", NULL, NULL, &e), 0);
        assert_int_equal(pki_kubelet_finalize(&p, NULL, NULL, &e), -EINVAL);
        assert_non_null(strstr(e.file, CONF));
        assert_string_equal(e.remedy, "make it first: init phase kubeconfig kubelet");
        p = finished(*state);
        remove_file(*state, DATED);
        assert_int_equal(pki_kubelet_finalize(&p, NULL, NULL, &e), -EINVAL);
        assert_non_null(strstr(e.file, DATED));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_finalize_moves_the_pair),
                tmp_test(test_finalize_keeps_the_embedded_certificate),
                tmp_test(test_a_lost_link_is_made_again_alone),
                tmp_test(test_a_lost_pair_is_made_again_under_its_name),
                tmp_test(test_lost_link_and_pair),
                tmp_test(test_a_lost_kubelet_conf_comes_back_with_the_pair_that_is_there),
                tmp_test(test_a_killed_finalize_goes_on),
                tmp_test(test_what_the_kubelet_has_rotated_is_kept),
                tmp_test(test_a_pair_of_another_node_is_refused),
                tmp_test(test_finalize_needs_kubelet_conf),
        };

        return cmocka_run_group_tests_name("pki/kubelet", tests, NULL, NULL);
}
