/* pki/file: modes from the first byte, no part of a file is ever seen, what a power cut left is no obstacle.
 */
#include "pki/file.h"
#include "pki/util.h"
#include "tests/unit/tmpdir.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static mode_t mode_of(const char *path) {
        struct stat st;

        assert_int_equal(lstat(path, &st), 0);
        return st.st_mode & 07777;
}

static void assert_content(const char *path, const char *want) {
        char *text = NULL;
        size_t n;

        assert_int_equal(pki_file_read(path, 1 << 20, &text, &n), 0);
        assert_int_equal(n, strlen(want));
        assert_string_equal(text, want);
        free(text);
}

static void test_writes_with_the_mode_asked_for_whatever_the_umask(void **state) {
        static const mode_t modes[] = { 0600, 0644, 0640, 0400, 0444 };
        static const mode_t umasks[] = { 0, 022, 077, 0777 };
        char path[PATH_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
                for (size_t k = 0; k < ARRAY_SIZE(umasks); k++) {
                        mode_t old = umask(umasks[k]);
                        int r = pki_file_write(tmp_path(*state, "f", path), modes[i], (gid_t)-1, "x", 1, 0);

                        umask(old);
                        assert_int_equal(r, 0);
                        assert_int_equal(mode_of(path), modes[i]);
                }
}

static void test_replaces_whole_files_only_when_asked(void **state) {
        char path[PATH_MAX];

        tmp_path(*state, "f", path);
        assert_int_equal(pki_file_write(path, 0600, (gid_t)-1, "one", 3, PKI_FILE_EXCL), 0);
        assert_int_equal(pki_file_write(path, 0644, (gid_t)-1, "two", 3, PKI_FILE_EXCL), -EEXIST);
        assert_content(path, "one");
        assert_int_equal(mode_of(path), 0600);
        assert_int_equal(pki_file_write(path, 0644, (gid_t)-1, "two", 3, 0), 0);
        assert_content(path, "two");
        assert_int_equal(mode_of(path), 0644);
        assert_int_equal(tmp_count(*state), 1); /* no temporary file stays */
}

static void test_a_dangling_link_counts_as_existing(void **state) {
        char path[PATH_MAX];

        assert_int_equal(symlink("nowhere", tmp_path(*state, "f", path)), 0);
        assert_int_equal(pki_file_write(path, 0600, (gid_t)-1, "x", 1, PKI_FILE_EXCL), -EEXIST);
        assert_int_equal(pki_file_write(path, 0600, (gid_t)-1, "x", 1, 0), 0);
        assert_content(path, "x");
}

/* What a power cut leaves: a temporary file with a part of the content, even wider in mode. */
static void test_a_stale_temporary_file_is_not_reused(void **state) {
        char path[PATH_MAX], temp[PATH_MAX];
        struct stat before, after;
        int fd;

        tmp_path(*state, "f", path);
        tmp_path(*state, ".f.triarch", temp);
        fd = open(temp, O_RDWR | O_CREAT, 0644);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, "half", 4), 4);
        assert_int_equal(fstat(fd, &before), 0);
        assert_int_equal(pki_file_write(path, 0600, (gid_t)-1, "secret", 6, PKI_FILE_EXCL), 0);
        assert_int_equal(stat(path, &after), 0);
        assert_int_not_equal(before.st_ino, after.st_ino); /* who holds the old one open sees no secret */
        close(fd);
        assert_content(path, "secret");
        assert_int_equal(access(temp, F_OK), -1);
}

static void test_a_temporary_name_that_is_a_link_is_not_followed(void **state) {
        char path[PATH_MAX], temp[PATH_MAX], victim[PATH_MAX];

        assert_int_equal(pki_file_write(tmp_path(*state, "victim", victim), 0600, (gid_t)-1, "v", 1, 0), 0);
        tmp_path(*state, "f", path);
        assert_int_equal(symlink("victim", tmp_path(*state, ".f.triarch", temp)), 0);
        assert_int_equal(pki_file_write(path, 0600, (gid_t)-1, "x", 1, 0), -ELOOP);
        assert_content(victim, "v");
}

/* Eight processes replace one file: a reader sees one of the contents, whole. */
static void test_concurrent_writers_never_mix(void **state) {
        enum { WRITERS = 8, ROUNDS = 20, SIZE = 20000 };
        char path[PATH_MAX], *buf, *text = NULL;
        size_t n;

        tmp_path(*state, "f", path);
        buf = malloc(SIZE);
        assert_non_null(buf);
        for (int i = 0; i < WRITERS; i++) {
                if (fork() != 0)
                        continue;
                memset(buf, 'a' + i, SIZE);
                for (int k = 0; k < ROUNDS; k++)
                        if (pki_file_write(path, 0600, (gid_t)-1, buf, SIZE, 0) < 0)
                                _exit(1);
                _exit(0);
        }
        for (int i = 0, status; i < WRITERS; i++) {
                assert_true(wait(&status) > 0);
                assert_int_equal(status, 0);
        }
        assert_int_equal(pki_file_read(path, SIZE, &text, &n), 0);
        assert_int_equal(n, SIZE);
        for (size_t i = 1; i < SIZE; i++)
                assert_int_equal(text[i], text[0]);
        assert_int_equal(tmp_count(*state), 1);
        free(text);
        free(buf);
}

static void test_errors_of_writing(void **state) {
        char path[PATH_MAX], name[NAME_MAX + 1];

        tmp_path(*state, "none/f", path);
        assert_int_equal(pki_file_write(path, 0600, (gid_t)-1, "x", 1, 0), -ENOENT);
        assert_int_equal(pki_file_write(tmp_path(*state, "d/", path), 0600, (gid_t)-1, "x", 1, 0), -ENOENT);
        memset(name, 'n', sizeof name - 1);
        name[NAME_MAX] = '\0';
        tmp_path(*state, name, path);
        assert_int_equal(pki_file_write(path, 0600, (gid_t)-1, "x", 1, 0), -ENAMETOOLONG);
        assert_int_equal(mkdir(tmp_path(*state, "d", path), 0700), 0);
        assert_int_equal(pki_file_write(path, 0600, (gid_t)-1, "x", 1, 0), -EISDIR);
        assert_int_equal(tmp_count(*state), 1); /* the directory d alone */
}

static void test_reads_within_limits(void **state) {
        char path[PATH_MAX], *text = NULL;
        size_t n = 99;

        tmp_path(*state, "f", path);
        assert_int_equal(pki_file_read(path, 10, &text, &n), -ENOENT);
        assert_int_equal(pki_file_write(path, 0600, (gid_t)-1, "0123456789", 10, 0), 0);
        assert_int_equal(pki_file_read(path, 9, &text, &n), -EFBIG);
        assert_null(text);
        assert_int_equal(pki_file_read(path, 10, &text, &n), 0);
        assert_int_equal(n, 10);
        assert_int_equal(text[10], '\0');
        free(text);
        assert_int_equal(pki_file_write(path, 0600, (gid_t)-1, "", 0, 0), 0);
        assert_int_equal(pki_file_read(path, 10, &text, &n), 0);
        assert_int_equal(n, 0);
        assert_string_equal(text, "");
        free(text);
        assert_int_equal(pki_file_read(*state, 10, &text, &n), -EINVAL); /* a directory */
        assert_int_equal(mkfifo(tmp_path(*state, "fifo", path), 0600), 0);
        assert_int_equal(pki_file_read(path, 10, &text, &n), -EINVAL); /* and does not hang */
}

static void test_makes_directories(void **state) {
        char path[PATH_MAX], parent[PATH_MAX];
        mode_t old = umask(077);

        assert_int_equal(pki_mkdir_p(tmp_path(*state, "a/b/c", path), 0700), 0);
        assert_int_equal(pki_mkdir_p(tmp_path(*state, "x//y/", parent), 0755), 0);
        umask(old);
        assert_int_equal(mode_of(path), 0700);
        assert_int_equal(mode_of(tmp_path(*state, "a/b", parent)), 0755);
        assert_int_equal(mode_of(tmp_path(*state, "x/y", parent)), 0755);
        assert_int_equal(pki_mkdir_p(path, 0755), 0);
        assert_int_equal(mode_of(path), 0700); /* what exists keeps its mode */
        assert_int_equal(pki_mkdir_p("/", 0755), 0);
        assert_int_equal(pki_file_write(tmp_path(*state, "f", path), 0600, (gid_t)-1, "x", 1, 0), 0);
        assert_int_equal(pki_mkdir_p(path, 0755), -ENOTDIR);
        assert_int_equal(pki_mkdir_p(tmp_path(*state, "f/g", path), 0755), -ENOTDIR);
}

static void test_removes(void **state) {
        char path[PATH_MAX];

        tmp_path(*state, "f", path);
        assert_int_equal(pki_file_write(path, 0600, (gid_t)-1, "x", 1, 0), 0);
        assert_int_equal(pki_file_remove(path), 0);
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(pki_file_remove(path), 0);
        assert_int_equal(pki_file_remove(tmp_path(*state, "none/f", path)), 0);
        assert_int_equal(mkdir(tmp_path(*state, "d", path), 0700), 0);
        assert_int_equal(pki_file_remove(path), -EISDIR);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_writes_with_the_mode_asked_for_whatever_the_umask),
                tmp_test(test_replaces_whole_files_only_when_asked),
                tmp_test(test_a_dangling_link_counts_as_existing),
                tmp_test(test_a_stale_temporary_file_is_not_reused),
                tmp_test(test_a_temporary_name_that_is_a_link_is_not_followed),
                tmp_test(test_concurrent_writers_never_mix),
                tmp_test(test_errors_of_writing),
                tmp_test(test_reads_within_limits),
                tmp_test(test_makes_directories),
                tmp_test(test_removes),
        };

        return cmocka_run_group_tests_name("pki/file", tests, NULL, NULL);
}
