/* The key file of the sealed transport: made once with its mode and group, never overwritten, refused when it
 * is not whole or not the agent's to read. */
#include "agent/keyfile.h"
#include "agent/vip_key.h"
#include "pki/file.h"
#include "tests/unit/tmpdir.h"
#include <errno.h>

static struct vrrp_keys load(const char *path) {
        struct error e = { 0 };
        struct vrrp_keys k;

        if (keyfile_load(path, &k, &e) < 0)
                fail_msg("%s", e.message);
        return k;
}

static void put(const char *path, mode_t mode, const char *text) {
        assert_int_equal(pki_file_write(path, mode, (gid_t)-1, text, strlen(text), 0), 0);
}

static void test_it_is_made_once(void **state) {
        struct vrrp_keys first, second;
        struct error e = { 0 };
        char path[PATH_MAX];
        struct stat st;
        bool made;

        umask(077);
        assert_int_equal(vip_key_ensure(tmp_path(*state, "vip.key", path), (gid_t)-1, &made, &e), 0);
        umask(022);
        assert_true(made);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        first = load(path);
        assert_int_equal(first.n, 1);
        assert_int_equal(first.v[0].id, 1);
        assert_int_equal(vip_key_ensure(path, (gid_t)-1, &made, &e), 0);
        assert_false(made);
        second = load(path);
        assert_memory_equal(&first, &second, sizeof first);
        assert_int_equal(vip_key_create(path, (gid_t)-1, &first, &e), -EEXIST);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(vip_key_ensure(path, (gid_t)-1, &made, &e), 0);
        second = load(path);
        assert_memory_not_equal(first.v[0].key, second.v[0].key, VRRP_KEY_SIZE);
        assert_int_equal(tmp_count(*state), 1);
}

static void test_it_belongs_to_the_agents_group(void **state) {
        struct error e = { 0 };
        char path[PATH_MAX];
        struct vrrp_keys k;
        struct stat st;
        uint16_t id;
        bool made;

        if (geteuid() != 0)
                skip();
        assert_int_equal(vip_key_ensure(tmp_path(*state, "vip.key", path), 77, &made, &e), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_gid, 77);
        assert_int_equal(vip_key_ensure(path, 78, &made, &e), -EINVAL);
        assert_string_equal(e.file, path);
        assert_non_null(strstr(e.message, "group 77, mode 0640; chown it to root:78"));
        assert_int_equal(chmod(path, 0600), 0);
        assert_int_equal(vip_key_check(path, 77, &e), -EINVAL);
        assert_non_null(strstr(e.message, "mode 0600"));
        assert_int_equal(vip_key_check(path, (gid_t)-1, &e), 0);
        k = load(path); /* what takes its place has its group */
        assert_int_equal(vip_key_add(&k, &id, &e), 0);
        assert_int_equal(vip_key_replace(path, &k, &e), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_gid, 77);
        assert_int_equal(st.st_mode & 07777, 0640);
}

static void test_what_is_there_is_kept_and_refused_when_it_is_not_whole(void **state) {
        struct error e = { 0 };
        char path[PATH_MAX], *text;
        size_t size;
        bool made;

        put(tmp_path(*state, "vip.key", path), 0640, "# mine\nsend 1 123\n");
        assert_true(vip_key_ensure(path, (gid_t)-1, &made, &e) < 0);
        assert_false(made);
        assert_string_equal(e.file, path);
        assert_int_equal(e.line, 2);
        assert_non_null(strstr(e.message, "64 hexadecimal digits"));
        assert_int_equal(pki_file_read(path, 1000, &text, &size), 0);
        assert_string_equal(text, "# mine\nsend 1 123\n");
        free(text);
        put(path, 0644, "");
        assert_true(vip_key_ensure(path, (gid_t)-1, &made, &e) < 0);
        assert_non_null(strstr(e.message, "0644"));
        assert_true(vip_key_check(tmp_path(*state, "none", path), (gid_t)-1, &e) < 0);
        assert_string_equal(e.file, path);
}

static void test_no_more_keys_than_fit(void **state) {
        struct vrrp_keys k = { 0 };
        struct error e = { 0 };
        uint16_t id;

        (void)state;
        for (unsigned i = 0; i < VRRP_KEYS; i++)
                assert_int_equal(vip_key_add(&k, &id, &e), 0);
        assert_int_equal(vip_key_add(&k, &id, &e), -ENOSPC);
        assert_non_null(strstr(e.message, "there are 4 keys already"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_it_is_made_once),
                tmp_test(test_it_belongs_to_the_agents_group),
                tmp_test(test_what_is_there_is_kept_and_refused_when_it_is_not_whole),
                tmp_test(test_no_more_keys_than_fit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
