#include "agent/managed.h"
#include "pki/file.h"
#include "tests/unit/tmpdir.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define OLD "/etc/old.conf"
#define NEW "/etc/some.d/triarch.conf"

static struct config config;
static char warned[4096];

static void warn(void *userdata, const char *text) {
        (void)userdata;
        snprintf(warned, sizeof warned, "%s", text);
}

static struct phase_ctx context(const char *root) {
        return (struct phase_ctx){ .config = &config, .root = root };
}

static void put_raw(const char *root, const char *path, const char *text, mode_t mode) {
        char real[PATH_MAX];
        FILE *f;

        snprintf(real, sizeof real, "%s%s", root, path);
        assert_non_null(f = fopen(real, "w"));
        fputs(text, f);
        fclose(f);
        assert_int_equal(chmod(real, mode), 0);
}

static bool is(const char *root, const char *path, const char *text) {
        CLEANUP(freep) char *have = NULL;
        char real[PATH_MAX];
        size_t n;
        int r;

        snprintf(real, sizeof real, "%s%s", root, path);
        r = pki_file_read(real, 4096, &have, &n);
        return text ? r == 0 && !strcmp(have, text) : r == -ENOENT;
}

static mode_t mode_of(const char *root, const char *path) {
        char real[PATH_MAX];
        struct stat st = { 0 };

        snprintf(real, sizeof real, "%s%s", root, path);
        assert_int_equal(lstat(real, &st), 0);
        return st.st_mode & 07777;
}

static void make_etc(const char *root) {
        char real[PATH_MAX];

        snprintf(real, sizeof real, "%s/etc", root);
        assert_int_equal(mkdir(real, 0755), 0);
        put_raw(root, OLD, "a = 1\nb = 2\nc = 3\n", 0640);
}

static int put_str(struct phase_ctx *c, const char *path, mode_t mode, const char *text, struct error *e) {
        return managed_put(c, "host", path, mode, text, strlen(text), e);
}

static int own_str(struct phase_ctx *c, const char *path, const char *text, struct error *e) {
        return managed_own(c, "host", path, 0644, text, strlen(text), e);
}

static unsigned undo(const char *root) {
        struct error e = { 0 };
        unsigned n;

        *warned = '\0';
        assert_int_equal(managed_undo(root, NULL, 0, NULL, warn, &n, &e), 0);
        return n;
}

/* Directory entries below root, apart from the directories of the state. */
static unsigned entries;
static size_t root_length; /* which may be in a /var itself */
static int count_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        (void)st, (void)type, (void)ftw;
        entries += strstr(path + root_length, "/var") == NULL;
        return 0;
}
static unsigned count(const char *root) {
        entries = 0;
        root_length = strlen(root);
        nftw(root, count_entry, 16, FTW_PHYS);
        return entries;
}

static void test_there_and_back(void **state) {
        const char *root = *state;
        struct phase_ctx c = context(root);
        struct error e = { 0 };
        unsigned before;

        make_etc(root);
        before = count(root);
        assert_int_equal(put_str(&c, OLD, 0644, "a = 1\nb = 9\nc = 3\n", &e), MANAGED_CHANGED);
        assert_int_equal(own_str(&c, NEW, "x\n", &e), MANAGED_MADE);
        assert_int_equal(managed_link(&c, "host", "/etc/systemd/x.swap", "/dev/null", &e), MANAGED_MADE);
        assert_int_equal(c.made, 3);
        assert_int_equal(mode_of(root, OLD), 0640); /* its own */
        assert_int_equal(mode_of(root, NEW), 0644);
        assert_int_equal(mode_of(root, MANAGED_JOURNAL), 0600);
        assert_int_equal(mode_of(root, MANAGED_DIR), 0700);
        /* The second run. */
        assert_int_equal(put_str(&c, OLD, 0644, "a = 1\nb = 9\nc = 3\n", &e), MANAGED_KEPT);
        assert_int_equal(own_str(&c, NEW, "x\n", &e), MANAGED_KEPT);
        assert_int_equal(managed_link(&c, "host", "/etc/systemd/x.swap", "/dev/null", &e), MANAGED_KEPT);
        assert_int_equal(c.made, 3);
        assert_int_equal(undo(root), 3);
        assert_string_equal(warned, "");
        assert_true(is(root, OLD, "a = 1\nb = 2\nc = 3\n"));
        assert_int_equal(mode_of(root, OLD), 0640);
        assert_int_equal(count(root), before);
        assert_true(is(root, MANAGED_JOURNAL, NULL));
        assert_int_equal(undo(root), 0);
}

static void test_original_outlives_two_changes(void **state) {
        const char *root = *state;
        struct phase_ctx c = context(root);
        struct error e = { 0 };

        make_etc(root);
        assert_int_equal(put_str(&c, OLD, 0644, "second\n", &e), MANAGED_CHANGED);
        assert_int_equal(put_str(&c, OLD, 0644, "third\n", &e), MANAGED_CHANGED);
        undo(root);
        assert_true(is(root, OLD, "a = 1\nb = 2\nc = 3\n"));
        assert_string_equal(warned, "");
}

static void test_secret_takes_rights_away(void **state) {
        const char *root = *state;
        struct phase_ctx c = context(root);
        struct error e = { 0 };

        make_etc(root);
        assert_int_equal(put_str(&c, OLD, 0600, "password = 1\n", &e), MANAGED_CHANGED);
        assert_int_equal(mode_of(root, OLD), 0600);
        undo(root);
        assert_int_equal(mode_of(root, OLD), 0640);
}

static void test_somebody_elses_changes_are_kept(void **state) {
        const char *root = *state;
        struct phase_ctx c = context(root);
        struct error e = { 0 };

        make_etc(root);
        assert_int_equal(put_str(&c, OLD, 0644, "ours\n", &e), MANAGED_CHANGED);
        assert_int_equal(own_str(&c, NEW, "x\n", &e), MANAGED_MADE);
        put_raw(root, OLD, "ours\nand theirs\n", 0644);
        put_raw(root, NEW, "y\n", 0644);
        assert_int_equal(own_str(&c, NEW, "x\n", &e), -EEXIST);
        assert_non_null(strstr(e.message, "was changed since"));
        assert_string_equal(e.file, NEW);
        undo(root);
        assert_true(is(root, OLD, "ours\nand theirs\n"));
        assert_true(is(root, OLD ".before-triarch", "a = 1\nb = 2\nc = 3\n"));
        assert_true(is(root, NEW, "y\n"));
        assert_non_null(strstr(warned, OLD));
}

/* Between two changes of ours somebody else made one: the bytes of before would take it away again. */
static void test_changes_in_between_are_kept(void **state) {
        const char *root = *state;
        struct phase_ctx c = context(root);
        struct error e = { 0 };

        make_etc(root);
        assert_int_equal(put_str(&c, OLD, 0644, "a = 1\nours\n", &e), MANAGED_CHANGED);
        put_raw(root, OLD, "a = 1\nours\ntheirs\n", 0644);
        assert_int_equal(put_str(&c, OLD, 0644, "a = 1\nours, too\ntheirs\n", &e), MANAGED_CHANGED);
        assert_int_equal(put_str(&c, OLD, 0644, "a = 1\nours again\ntheirs\n", &e), MANAGED_CHANGED);
        assert_int_equal(managed_drop(&c, "host", OLD, &e), -ESTALE);
        undo(root);
        assert_true(is(root, OLD, "a = 1\nours again\ntheirs\n"));
        assert_true(is(root, OLD ".before-triarch", "a = 1\nb = 2\nc = 3\n"));
        assert_non_null(strstr(warned, OLD));
}

static void test_refusals(void **state) {
        const char *root = *state;
        struct phase_ctx c = context(root);
        struct error e = { 0 };
        char real[PATH_MAX];

        make_etc(root);
        assert_int_equal(own_str(&c, OLD, "x\n", &e), -EEXIST);
        assert_non_null(strstr(e.message, "triarch did not write it"));
        snprintf(real, sizeof real, "%s/etc/link.conf", root);
        assert_int_equal(symlink("old.conf", real), 0);
        assert_int_equal(put_str(&c, "/etc/link.conf", 0644, "x\n", &e), -EINVAL);
        assert_non_null(strstr(e.message, "link"));
        assert_int_equal(managed_link(&c, "host", "/etc/link.conf", "/dev/null", &e), -EEXIST);
        assert_int_equal(managed_link(&c, "host", OLD, "/dev/null", &e), -EEXIST);
        assert_true(is(root, OLD, "a = 1\nb = 2\nc = 3\n"));
        assert_true(is(root, MANAGED_JOURNAL, NULL));
}

static void test_drop(void **state) {
        const char *root = *state;
        struct phase_ctx c = context(root);
        struct error e = { 0 };

        make_etc(root);
        assert_int_equal(managed_drop(&c, "host", OLD, &e), 0);
        assert_int_equal(put_str(&c, OLD, 0644, "ours\n", &e), MANAGED_CHANGED);
        assert_int_equal(managed_drop(&c, "host", OLD, &e), 1);
        assert_true(is(root, OLD, "a = 1\nb = 2\nc = 3\n"));
        assert_int_equal(managed_drop(&c, "host", OLD, &e), 0);
}

static int undo_value(void *userdata, const char *key, const char *before, struct error *why) {
        (void)userdata;
        if (!strcmp(key, "bad"))
                return error_set(why, EXIT_FAILED, "bad cannot be put back");
        snprintf(warned, sizeof warned, "%s=%s", key, before);
        return 0;
}

static void test_notes(void **state) {
        static const struct managed_undoer undoers[] = { { "sysctl", undo_value } };
        const char *root = *state;
        struct phase_ctx c = context(root);
        struct error e = { 0 };
        unsigned n;

        assert_int_equal(managed_note(&c, "sysctl", "ip_forward", "0", &e), 0);
        assert_int_equal(managed_note(&c, "sysctl", "ip_forward", "1", &e), 0);
        assert_true(managed_noted(root, "sysctl", "ip_forward"));
        assert_false(managed_noted(root, "sysctl", "other"));
        /* Under a root nothing runs; here the values have a machine. */
        assert_int_equal(managed_undo(root, undoers, 1, NULL, warn, &n, &e), 0);
        assert_int_equal(n, 0);
}

/* As another program writes at our request; then somebody else by himself. */
static void test_guarded_files(void **state) {
        const char *root = *state;
        struct phase_ctx c = context(root);
        struct error e = { 0 };

        make_etc(root);
        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(managed_guard(&c, OLD, &e), 0);
                assert_int_equal(managed_guard(&c, "/etc/zone.xml", &e), 0);
                put_raw(root, OLD, i ? "at our request, again\n" : "at our request\n", 0644);
                put_raw(root, "/etc/zone.xml", i ? "b" : "a", 0644);
                assert_int_equal(managed_guard_seal(&c, OLD, &e), 0);
                assert_int_equal(managed_guard_seal(&c, "/etc/zone.xml", &e), 0);
        }
        undo(root);
        assert_true(is(root, OLD, "a = 1\nb = 2\nc = 3\n"));
        assert_int_equal(mode_of(root, OLD), 0640);
        assert_true(is(root, "/etc/zone.xml", NULL));
        assert_int_equal(managed_guard(&c, OLD, &e), 0);
        put_raw(root, OLD, "at our request\n", 0644);
        assert_int_equal(managed_guard_seal(&c, OLD, &e), 0);
        put_raw(root, OLD, "by himself\n", 0644);
        undo(root);
        assert_true(is(root, OLD, "by himself\n"));
}

static void test_damaged_journal(void **state) {
        const char *root = *state;
        struct phase_ctx c = context(root);
        struct error e = { 0 };
        unsigned n;

        make_etc(root);
        assert_int_equal(put_str(&c, OLD, 0644, "ours\n", &e), MANAGED_CHANGED);
        put_raw(root, MANAGED_JOURNAL, "{\"changes\": [{\"kind\": \"fi", 0600);
        assert_int_equal(managed_undo(root, NULL, 0, NULL, warn, &n, &e), -EBADMSG);
        assert_int_equal(put_str(&c, OLD, 0644, "other\n", &e), -EBADMSG);
        assert_true(is(root, OLD, "ours\n"));
}

/* A child that changes and undoes is killed at some moment; afterwards one undo gives the bytes before. */
static void change_and_undo(const char *root) {
        struct phase_ctx c = context(root);
        unsigned n;

        if (!freopen("/dev/null", "w", stdout))
                _exit(1);
        for (unsigned i = 0; i < 1000; i++) {
                put_str(&c, OLD, 0644, i % 2 ? "one\n" : "two\n", NULL);
                own_str(&c, NEW, "x\n", NULL);
                managed_link(&c, "host", "/etc/y.d/x", "/dev/null", NULL);
                if (i % 3 == 0)
                        managed_undo(root, NULL, 0, NULL, warn, &n, NULL);
        }
        _exit(0);
}

static void test_killed_at_any_moment(void **state) {
        const char *root = *state;
        unsigned seed = (unsigned)time(NULL), before;

        print_message("seed %u\n", seed);
        make_etc(root);
        before = count(root);
        for (unsigned i = 0; i < 60; i++) {
                pid_t pid = fork();
                int status;

                assert_true(pid >= 0);
                if (pid == 0)
                        change_and_undo(root);
                usleep((useconds_t)(rand_r(&seed) % 12000));
                kill(pid, SIGKILL);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                undo(root);
                assert_string_equal(warned, "");
                assert_true(is(root, OLD, "a = 1\nb = 2\nc = 3\n"));
                assert_int_equal(mode_of(root, OLD), 0640);
                assert_int_equal(count(root), before);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_there_and_back),
                tmp_test(test_original_outlives_two_changes),
                tmp_test(test_secret_takes_rights_away),
                tmp_test(test_somebody_elses_changes_are_kept),
                tmp_test(test_changes_in_between_are_kept),
                tmp_test(test_refusals),
                tmp_test(test_drop),
                tmp_test(test_notes),
                tmp_test(test_guarded_files),
                tmp_test(test_damaged_journal),
                tmp_test(test_killed_at_any_moment),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
