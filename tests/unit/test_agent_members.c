/* The list of members that the configuration gives, what may follow which, and the key file. */
#include "agent/daemon_priv.h"
#include "agent/keyfile.h"
#include "tmpdir.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define KEY1 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY2 "10112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const char text[] = "apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\nnodeName: n1\n"
                           "membersGeneration: 4\n"
                           "vip: {address: 10.0.0.9/24, keyFile: /k, members: [\n"
                           "  {name: n3, address: 10.0.0.3, id: 0000000000000003, witness: true},\n"
                           "  {name: n1, address: 10.0.0.1, id: 0000000000000001},\n"
                           "  {name: n2, address: 10.0.0.2, id: 0000000000000002}]}\n";

static void load(struct vrrp_list *ret) {
        CLEANUP(config_freep) struct config *c = NULL;
        struct error e;

        assert_int_equal(config_parse(text, sizeof text - 1, "t", NULL, &c, &e), 0);
        agent_members_of_config(c, &c->vips.items[0], ret);
}

static void test_list_of_the_configuration(void **state) {
        struct vrrp_list l;
        char said[256];

        (void)state;
        load(&l);
        assert_int_equal(vrrp_list_check(&l), 0);
        assert_int_equal(l.gen, 4);
        assert_int_equal(l.n, 3);
        for (size_t i = 0; i < 3; i++)
                assert_int_equal(l.v[i].id, i + 1); /* whatever the order in the file */
        assert_string_equal(l.v[0].name, "n1");
        assert_true(l.v[2].witness);
        agent_members_text(&l, said, sizeof said);
        assert_string_equal(said, "members, generation 4: n1, n2, n3 (witness)");
}

static void expect(const struct vrrp_list *stored, const struct vrrp_list *given, const char *in) {
        const char *got = agent_members_conflict(stored, given);

        if (!got != !in || (in && !strstr(got, in)))
                fail_msg("got %s, wanted %s", got ? got : "nothing", in ? in : "nothing");
}

/* Lists of one generation must be the same, of the next one differ by one member. */
static void test_what_may_follow_which(void **state) {
        struct vrrp_list old, new;

        (void)state;
        load(&old);
        new = old;
        expect(&old, &new, NULL);
        new.v[1].name[0] = 'x'; /* for people only */
        expect(&old, &new, NULL);
        new.v[1].address.b[3] = 9;
        expect(&old, &new, "raise it by one");
        new.gen = old.gen + 1;
        expect(&old, &new, NULL);
        new.v[0].witness = true; /* who they are is as it was */
        expect(&old, &new, NULL);
        new.n = 2; /* one went */
        expect(&old, &new, NULL);
        expect(&new, &old, NULL);
        new.v[1].id = 77; /* and another came: {1, 3} and {77, 2} would both be a majority */
        expect(&old, &new, "more than one member");
        new.n = 3;
        expect(&old, &new, "more than one member");
        new.gen = old.gen + 2; /* forced: the operator has seen to it */
        expect(&old, &new, NULL);
        new.gen = old.gen - 1; /* the stored one counts */
        expect(&old, &new, NULL);
}

/* ---- key file ---- */

static int put(const char *dir, const char *content, mode_t mode, char path[PATH_MAX]) {
        FILE *f;

        snprintf(path, PATH_MAX, "%s/key", dir);
        unlink(path);
        if (!(f = fopen(path, "we")))
                return -1;
        fputs(content, f);
        fclose(f);
        return chmod(path, mode);
}

static void expect_key(const char *dir, const char *content, mode_t mode, unsigned line,
                       const char *message) {
        struct vrrp_keys keys = { 0 };
        struct error e = { 0 };
        char path[PATH_MAX];
        int r;

        assert_int_equal(put(dir, content, mode, path), 0);
        r = keyfile_load(path, &keys, &e);
        if (!message) {
                assert_int_equal(r, 0);
                assert_int_equal(keys.n, 1);
                vrrp_keys_wipe(&keys);
                return;
        }
        assert_true(r < 0);
        assert_string_equal(e.file, path);
        assert_int_equal(e.line, line);
        if (!strstr(e.message, message))
                fail_msg("%s, wanted %s", e.message, message);
}

static void test_key_files(void **state) {
        const char *dir = *state;
        struct vrrp_keys keys;
        struct error e;
        char path[PATH_MAX];

        expect_key(dir, "send 1 " KEY1 "\n", 0640, 0, NULL);
        expect_key(dir, "send 1 " KEY1 "\n", 0600, 0, NULL);
        expect_key(dir, "send 1 " KEY1 "\n", 0644, 0, "has mode 0644");
        expect_key(dir, "send 1 " KEY1 "\n", 0660, 0, "has mode 0660");
        expect_key(dir, "# old\nsend 1 " KEY1 "\nsend 2 " KEY2 "\n", 0640, 3, "send");
        snprintf(path, sizeof path, "%s/key", dir);
        if (geteuid() == 0) {
                assert_int_equal(put(dir, "send 1 " KEY1 "\n", 0640, path), 0);
                assert_int_equal(chown(path, 65534, 0), 0);
                assert_true(keyfile_load(path, &keys, &e) < 0);
                assert_non_null(strstr(e.message, "belongs to user 65534"));
        }
        unlink(path);
        assert_int_equal(mkfifo(path, 0640), 0);
        assert_true(keyfile_load(path, &keys, &e) < 0); /* at once */
        assert_non_null(strstr(e.message, "no regular file"));
        unlink(path);
        assert_true(keyfile_load(path, &keys, &e) < 0);
        assert_non_null(strstr(e.message, "No such file"));
}

/* For ever: what the path names is now a file with proper rights, now one that anybody may have written. */
_Noreturn static void swap(const char *a, const char *b) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
                renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

/* Rights and content are of one and the same file, whatever is put in its place meanwhile. */
static void test_key_file_that_is_swapped(void **state) {
        enum { CHANGES = 2000, AT_MOST = 200000 }; /* changes: the other process runs beside this one */
        unsigned read = 0, refused = 0, foreign = 0, changes = 0;
        char path[PATH_MAX], other[PATH_MAX + 2];
        bool last = false;
        int status;
        pid_t pid;

        assert_int_equal(put(*state, "send 2 " KEY2 "\n", 0644, path), 0);
        snprintf(other, sizeof other, "%s.2", path);
        assert_int_equal(rename(path, other), 0);
        assert_int_equal(put(*state, "send 1 " KEY1 "\n", 0640, path), 0);
        if ((pid = fork()) == 0)
                swap(path, other);
        assert_true(pid > 0);
        for (unsigned i = 0; i < AT_MOST && changes < CHANGES; i++) {
                struct vrrp_keys keys;
                struct error e;
                bool good = keyfile_load(path, &keys, &e) == 0;

                changes += good != last;
                last = good;
                read += good;
                refused += !good;
                foreign += good && keys.v[0].id != 1;
        }
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(read > 0 && refused > 0);
        assert_int_equal(foreign, 0);
}

/* ---- the groups that there are ---- */

static void expect_no_group(struct agent *a, int64_t vrid, const char *in) {
        struct agent_wish w = { .vrid = vrid, .on = -1 };
        struct control_page page = { 0 };

        assert_null(agent_wish_group(a, &w, &page));
        assert_int_equal(page.status, vrid ? 404 : 400);
        if (!strstr(page.body, in))
                fail_msg("%s, wanted %s", page.body, in);
        free(page.body);
}

static void test_refusals_tell_the_groups(void **state) {
        static const char two[] = "apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\nnodeName: n1\n"
                                  "vip:\n- {address: 10.0.0.9/24, virtualRouterID: 51, transport: ip}\n"
                                  "- {address: fd00::9/64, virtualRouterID: 52, transport: ip}\n";
        CLEANUP(config_freep) struct config *c = NULL;
        struct agent_wish w = { .vrid = 52, .on = -1 };
        struct control_page page = { 0 };
        struct agent a = { 0 };
        struct error e;

        (void)state;
        assert_int_equal(config_parse(two, sizeof two - 1, "t", NULL, &c, &e), 0);
        a.config = c;
        assert_int_equal(agent_groups_init(&a), 0);
        expect_no_group(&a, 7, "there is no group 7; the groups are 51 (10.0.0.9), 52 (fd00::9)");
        expect_no_group(&a, 0,
                        "2 groups are meant; name one by its virtualRouterID (--group): 51 (10.0.0.9)");
        assert_ptr_equal(agent_wish_group(&a, &w, &page), &a.groups[1]);
        free(a.groups);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_list_of_the_configuration),
                cmocka_unit_test(test_what_may_follow_which),
                tmp_test(test_key_files),
                tmp_test(test_key_file_that_is_swapped),
                cmocka_unit_test(test_refusals_tell_the_groups),
        };

        return cmocka_run_group_tests_name("agent_members", tests, NULL, NULL);
}
