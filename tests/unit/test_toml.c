#include "agent/toml.h"
#include "pki/file.h"
#include "pki/util.h"
#include "tests/unit/tmpdir.h"
#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>

#define PATH(...) ((const char *[]){ __VA_ARGS__, NULL })
#define CRI       "io.containerd.grpc.v1.cri"

static const char debian[] = "version = 2\n"
                             "\n"
                             "[plugins]\n"
                             "  [plugins.\"io.containerd.grpc.v1.cri\"]\n"
                             "    [plugins.\"io.containerd.grpc.v1.cri\".cni]\n"
                             "      bin_dir = \"/usr/lib/cni\" # ours\n"
                             "      conf_dir = \"/etc/cni/net.d\"\n"
                             "  [plugins.\"io.containerd.internal.v1.opt\"]\n"
                             "    path = \"/var/lib/containerd\"\n";

/* text with value at path is `want`; setting it again changes nothing. */
static void sets(const char *text, const char *const *path, const char *value, const char *want) {
        CLEANUP(freep) char *out = NULL;
        CLEANUP(freep) char *again = NULL;
        struct toml_error e = { 0 };
        const char *v;
        size_t n, m;

        if (toml_set(text, strlen(text), path, value, &out, &n, &e) < 0)
                fail_msg("line %u: %s", e.line, e.what);
        assert_string_equal(out, want);
        assert_int_equal(n, strlen(want));
        assert_int_equal(toml_get(out, n, path, &v, &m, &e), 1);
        assert_int_equal(m, strlen(value));
        assert_memory_equal(v, value, m);
        assert_int_equal(toml_set(out, n, path, value, &again, &m, &e), 0);
        assert_string_equal(again, want);
}

static void refuses(const char *text, const char *const *path, unsigned line, const char *what) {
        struct toml_error e = { 0 };
        char *out = NULL;
        size_t n;

        assert_int_equal(toml_set(text, strlen(text), path, "1", &out, &n, &e), -EINVAL);
        if (!strstr(e.what, what) || e.line != line)
                fail_msg("line %u: %s", e.line, e.what);
}

static void test_replaces(void **state) {
        (void)state;
        sets("a = 1 # one\n b=2\n", PATH("a"), "7", "a = 7 # one\n b=2\n");
        sets("[t]\nb = '''x\n[t]\na = 1\n''' # c\na = [ 1, # ]\n 2 ]\n", PATH("t", "a"), "[3]",
             "[t]\nb = '''x\n[t]\na = 1\n''' # c\na = [3]\n");
        sets("[a.b]\r\nc = \"x\"\r\n", PATH("a", "b", "c"), "\"y\"", "[a.b]\r\nc = \"y\"\r\n");
        sets("a.b.c = 1\n", PATH("a", "b", "c"), "2", "a.b.c = 2\n");
        sets("[ 'a' . \"b\" ] # x\nc.\"d\"=1", PATH("a", "b", "c", "d"), "2",
             "[ 'a' . \"b\" ] # x\nc.\"d\"=2");
        sets("x = {a = 1, b = \"}\", c = [\"]\"]}\ny = 1\n", PATH("y"), "2",
             "x = {a = 1, b = \"}\", c = [\"]\"]}\ny = 2\n");
}

static void test_adds(void **state) {
        (void)state;
        sets("", PATH("version"), "2", "version = 2\n");
        sets("# c\n[a]\nx = 1\n", PATH("version"), "2", "version = 2\n# c\n[a]\nx = 1\n");
        sets("[a]\n  x = 1\n[b]\n", PATH("a", "y"), "2", "[a]\n  y = 2\n  x = 1\n[b]\n");
        sets("[a]", PATH("a", "y"), "2", "[a]\n  y = 2\n");
        sets("x = 1", PATH("a", "b.c", "y"), "2", "x = 1\n\n[a.\"b.c\"]\n  y = 2\n");
        sets("[a.b.c]\nx = 1\n", PATH("a", "b", "y"), "2", "[a.b.c]\nx = 1\n\n[a.b]\n  y = 2\n");
        sets(debian, PATH("plugins", CRI, "sandbox_image"), "\"p\"",
             "version = 2\n"
             "\n"
             "[plugins]\n"
             "  [plugins.\"io.containerd.grpc.v1.cri\"]\n"
             "    sandbox_image = \"p\"\n"
             "    [plugins.\"io.containerd.grpc.v1.cri\".cni]\n"
             "      bin_dir = \"/usr/lib/cni\" # ours\n"
             "      conf_dir = \"/etc/cni/net.d\"\n"
             "  [plugins.\"io.containerd.internal.v1.opt\"]\n"
             "    path = \"/var/lib/containerd\"\n");
}

static void test_refuses_what_it_would_break(void **state) {
        (void)state;
        refuses("x = 1\na = { b = 2 }\n", PATH("a", "b"), 2, "on one line");
        refuses("a = 1\n", PATH("a", "b"), 1, "not a table");
        refuses("a.b.c = 1\n", PATH("a", "b", "d"), 1, "dotted");
        refuses("[a]\nb.c = 1\n", PATH("a", "b", "d"), 2, "dotted");
        refuses("[a]\n[a.b]\n", PATH("a", "b"), 0, "as a table");
        refuses("[[a]]\nb = 1\n", PATH("a", "b"), 2, "array of tables");
        refuses("a = 1\na = 2\n", PATH("a"), 2, "twice");
}

static void test_refuses_what_is_no_toml(void **state) {
        (void)state;
        refuses("a = \n", PATH("a"), 1, "value");
        refuses("\na = \"x\n", PATH("a"), 2, "no end");
        refuses("a = '''x\n\n", PATH("a"), 3, "no end");
        refuses("a = [1, 2\n", PATH("b"), 2, "no end");
        refuses("a = { b = 1\n", PATH("b"), 1, "no end");
        refuses("[a\n", PATH("b"), 1, "no end");
        refuses("[a] x\n", PATH("b"), 1, "follows");
        refuses("a b\n", PATH("b"), 1, "=");
        refuses("= 1\n", PATH("b"), 1, "key");
        refuses("a = 1 \"x\" ]\n", PATH("b"), 1, "follows");
}

static void test_reads(void **state) {
        CLEANUP(freep) char *s = NULL;
        struct toml_error e = { 0 };
        const char *text = "a = 'C:\\x'\nb = 3\n[t.\"u.v\"]\nc = \"q\"\nd = \"\"\"m\"\"\"\n";
        size_t n = strlen(text);

        (void)state;
        assert_int_equal(toml_get_string(text, n, PATH("a"), &s, &e), 1);
        assert_string_equal(s, "C:\\x");
        free(TAKE_PTR(s));
        assert_int_equal(toml_get_string(text, n, PATH("t", "u.v", "c"), &s, &e), 1);
        assert_string_equal(s, "q");
        assert_int_equal(toml_get_string(text, n, PATH("t", "u.v", "d"), &s, &e), -EINVAL);
        assert_int_equal(toml_get_string(text, n, PATH("b"), &s, &e), -EINVAL);
        assert_int_equal(toml_get_string(text, n, PATH("t", "c"), &s, &e), 0);
        assert_int_equal(toml_has(text, n, PATH("t"), &e), 1);
        assert_int_equal(toml_has(text, n, PATH("t", "u"), &e), 0);
        assert_int_equal(toml_has(text, n, PATH("b"), &e), 1);
}

static void test_quotes(void **state) {
        CLEANUP(freep) char *s = toml_quote("a\"b\\c\nd");

        (void)state;
        assert_string_equal(s, "\"a\\\"b\\\\c\\u000ad\"");
}

/* Another reader of TOML agrees on what came out, and on everything else that is in the file. */
static void test_python_agrees(void **state) {
        static const char script[] =
                "import sys, tomllib\n"
                "old, new = (tomllib.load(open(p, 'rb')) for p in sys.argv[1:3])\n"
                "o = new['plugins']['" CRI "']\n"
                "assert o['containerd']['runtimes']['runc']['options'].pop('SystemdCgroup') is True\n"
                "del o['containerd']\n"
                "assert old == new, (old, new)\n";
        CLEANUP(freep) char *out = NULL;
        struct toml_error e = { 0 };
        char a[PATH_MAX], b[PATH_MAX];
        const char *const args[] = { "python3", "-c", script, a, b, NULL };
        int status = -1;
        pid_t pid;
        size_t n;

        snprintf(a, sizeof a, "%s/a", (char *)*state);
        snprintf(b, sizeof b, "%s/b", (char *)*state);
        assert_int_equal(
                toml_set(debian, strlen(debian),
                         PATH("plugins", CRI, "containerd", "runtimes", "runc", "options", "SystemdCgroup"),
                         "true", &out, &n, &e),
                1);
        assert_int_equal(pki_file_write(a, 0644, (gid_t)-1, debian, strlen(debian), 0), 0);
        assert_int_equal(pki_file_write(b, 0644, (gid_t)-1, out, n, 0), 0);
        assert_int_equal(posix_spawnp(&pid, args[0], NULL, NULL, (char *const *)args, environ), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_replaces),
                cmocka_unit_test(test_adds),
                cmocka_unit_test(test_refuses_what_it_would_break),
                cmocka_unit_test(test_refuses_what_is_no_toml),
                cmocka_unit_test(test_reads),
                cmocka_unit_test(test_quotes),
                tmp_test(test_python_agrees),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
