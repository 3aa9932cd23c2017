/* The manual page and --help say the same: every command and option of the one is in the other. */
#include "pki/util.h"
#include <ctype.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { TEXT_MAX = 64 * 1024, NAMES_MAX = 128, NAME_MAX_LEN = 40 };

struct names {
        char items[NAMES_MAX][NAME_MAX_LEN];
        size_t n;
};

static bool has(const struct names *s, const char *name) {
        for (size_t i = 0; i < s->n; i++)
                if (!strcmp(s->items[i], name))
                        return true;
        return false;
}

static void add(struct names *s, const char *name, size_t len) {
        char copy[NAME_MAX_LEN];

        assert_true(len < sizeof copy);
        snprintf(copy, sizeof copy, "%.*s", (int)len, name);
        if (has(s, copy))
                return;
        assert_true(s->n < NAMES_MAX);
        memcpy(s->items[s->n++], copy, sizeof copy);
}

/* Every "--name" in a text. */
static void add_options(struct names *s, const char *text) {
        static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

        for (const char *p = text; (p = strstr(p, "--")); p += 2) {
                size_t len = strspn(p + 2, letters);

                if (islower((unsigned char)p[2]) &&
                    (p == text || !strchr("-abcdefghijklmnopqrstuvwxyz", p[-1])))
                        add(s, p + 2, len);
        }
}

/* "triarch WORDS --help", its standard output. */
static void help_of(const char *words, char out[TEXT_MAX]) {
        char copy[64], *argv[6] = { (char *)"triarch" };
        const char *program = getenv("TRIARCH");
        posix_spawn_file_actions_t actions;
        size_t n = 1, size = 0;
        int ends[2], status;
        ssize_t got;
        pid_t pid;

        assert_non_null(program);
        snprintf(copy, sizeof copy, "%s", words);
        for (char *rest = copy, *word; n < 4 && (word = strsep(&rest, " "));)
                if (*word)
                        argv[n++] = word;
        argv[n] = (char *)"--help";
        assert_int_equal(pipe(ends), 0);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
        posix_spawn_file_actions_addclose(&actions, ends[0]);
        assert_int_equal(posix_spawn(&pid, program, &actions, NULL, argv, environ), 0);
        posix_spawn_file_actions_destroy(&actions);
        close(ends[1]);
        while ((got = read(ends[0], out + size, TEXT_MAX - 1 - size)) > 0)
                size += (size_t)got;
        out[size] = 0;
        close(ends[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The page without roff's words: font changes and requests go, "\-" is "-". */
static void read_page(char out[TEXT_MAX]) {
        CLEANUP(fclosep) FILE *f = fopen("packaging/triarch.8", "r");
        size_t n = 0;
        int c;

        assert_non_null(f);
        while ((c = getc(f)) != EOF && n < TEXT_MAX - 2) {
                if (c == '\\') {
                        c = getc(f);
                        if (c == 'f') {
                                getc(f);
                                continue;
                        }
                }
                if (c == '"') /* what an argument of a request is written in */
                        continue;
                out[n++] = (char)c;
        }
        out[n] = 0;
        assert_int_equal(c, EOF);
}

/* The commands that `triarch --help` lists, and those below them that have options of their own. */
static void commands(struct names *s) {
        static const char *const below[] = { "config images", "init phase" };
        char help[TEXT_MAX], *rest = help, *line;

        help_of("", help);
        while ((line = strsep(&rest, "\n")))
                if (line[0] == ' ' && line[1] == ' ' && islower((unsigned char)line[2]))
                        add(s, line + 2, strcspn(line + 2, " "));
        assert_true(s->n > 10);
        for (size_t i = 0; i < ARRAY_SIZE(below); i++)
                add(s, below[i], strlen(below[i]));
}

static void test_commands(void **state) {
        static struct names s;
        static char page[TEXT_MAX];

        (void)state;
        read_page(page);
        commands(&s);
        for (size_t i = 0; i < s.n; i++) {
                char synopsis[64];

                snprintf(synopsis, sizeof synopsis, "\n.B triarch %s", s.items[i]);
                if (!strstr(page, synopsis))
                        fail_msg("triarch.8 has no synopsis of `triarch %s`", s.items[i]);
        }
        for (const char *p = page; (p = strstr(p, "\n.B triarch ")); p++) {
                char name[NAME_MAX_LEN];

                snprintf(name, sizeof name, "%.*s", (int)strcspn(p + 12, " \n"), p + 12);
                if (!has(&s, name))
                        fail_msg("triarch.8 has a synopsis of `triarch %s`, --help does not list it", name);
        }
}

static void test_options(void **state) {
        static struct names s, help, manual;
        static char text[TEXT_MAX];

        (void)state;
        read_page(text);
        add_options(&manual, text);
        commands(&s);
        for (size_t i = 0; i < s.n; i++) {
                help_of(s.items[i], text);
                add_options(&help, text);
        }
        assert_true(help.n > 30);
        for (size_t i = 0; i < help.n; i++)
                if (!has(&manual, help.items[i]))
                        fail_msg("--%s is in --help and not in triarch.8", help.items[i]);
        for (size_t i = 0; i < manual.n; i++)
                if (!has(&help, manual.items[i]))
                        fail_msg("--%s is in triarch.8 and in no --help", manual.items[i]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_commands),
                cmocka_unit_test(test_options),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
