/* Whatever is in a value arrives at the program as that value: rendered, read back by libyaml and by
 * Python's reader, compared byte by byte. */
#include "pki/util.h"
#include "templates/render.h"
#include "templates/scalar.h"
#include "tests/unit/templates_values.h"
#include <errno.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

static const char *const hostile[] = {
        "",
        "~",
        "null",
        "yes",
        "no",
        "y",
        "true",
        "007",
        "0x1f",
        "1e3",
        "1_000",
        "-1",
        ".inf",
        "2001-12-14",
        "12:30:45",
        "1.2.3",
        "1.2.3.4",
        "...1",
        "1.2.3.4e5",
        "12e03",
        "0b1",
        "0o7",
        "190:20:30",
        "190:20:30.15",
        "Off",
        "NULL",
        "N",
        "nan",
        "inf",
        "=",
        "<<",
        "---",
        "...",
        "--- a",
        "- a",
        "-",
        "--",
        "--x",
        "--x:",
        "a: b",
        "a:",
        ":",
        "a #b",
        "#",
        "#a",
        "'",
        "\"",
        "''",
        "\\",
        "\\n",
        "it's \"quoted\"",
        "{",
        "}",
        "{a: b}",
        "[",
        "[a]",
        "&a",
        "*a",
        "!a",
        "!!int 3",
        "%TAG",
        "|",
        "|-\n  x",
        ">",
        "?",
        "? a",
        "@a",
        "`a`",
        ",",
        " leading",
        "trailing ",
        " ",
        "  ",
        "\t",
        "\ttab\t",
        "a\tb",
        "\n",
        "\n\n",
        "a\nb",
        "a\n\nb",
        "a\n b",
        "a \n b",
        "a\n",
        "\na",
        "a\r\nb",
        "\r",
        "a\n---\nb",
        "a\n...\nb",
        "中文",
        "中: 文 #",
        "\xf0\x9f\x98\x80",         /* an emoji */
        "e\xcc\x81",                /* a combining accent */
        "\xc2\x85",                 /* next line */
        "\xe2\x80\xa8\xe2\x80\xa9", /* line and paragraph separator */
        "\xef\xbb\xbf",             /* byte order mark */
        "\xef\xbf\xbf",             /* U+FFFF */
        "\xf4\x8f\xbf\xbf",         /* U+10FFFF */
        "\xc2\xa0",                 /* no-break space */
        "\x01\x02\x1b[31m\x7f",     /* control characters */
        "\xc2\x80\xc2\x9f",         /* and the upper ones */
        "$HOME ${HOME} $(id) `id`",
        "${advertise_address}",
        "${@extra_args}",
        "${",
        "%s%n",
};

static void load(const char *text, size_t size, yaml_document_t *doc) {
        yaml_parser_t parser;

        assert_true(yaml_parser_initialize(&parser));
        yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
        if (!yaml_parser_load(&parser, doc))
                fail_msg("line %zu: %s in\n%s", parser.problem_mark.line + 1, parser.problem, text);
        yaml_parser_delete(&parser);
}

static yaml_node_t *entry(yaml_document_t *doc, yaml_node_t *mapping, const char *key) {
        yaml_node_pair_t *p;

        assert_non_null(mapping);
        assert_int_equal(mapping->type, YAML_MAPPING_NODE);
        for (p = mapping->data.mapping.pairs.start; p < mapping->data.mapping.pairs.top; p++)
                if (!strcmp((char *)yaml_document_get_node(doc, p->key)->data.scalar.value, key))
                        return yaml_document_get_node(doc, p->value);
        fail_msg("no key %s", key);
        return NULL;
}

static yaml_node_t *item(yaml_document_t *doc, yaml_node_t *sequence, size_t i) {
        assert_int_equal(sequence->type, YAML_SEQUENCE_NODE);
        assert_true(i < (size_t)(sequence->data.sequence.items.top - sequence->data.sequence.items.start));
        return yaml_document_get_node(doc, sequence->data.sequence.items.start[i]);
}

static size_t count(const yaml_node_t *sequence) {
        return (size_t)(sequence->data.sequence.items.top - sequence->data.sequence.items.start);
}

static void check_string(const yaml_node_t *node, const char *prefix, const char *value) {
        CLEANUP(freep) char *want = NULL;
        struct tmpl_scalar s;

        assert_true(asprintf(&want, "%s%s", prefix, value) >= 0);
        assert_int_equal(node->type, YAML_SCALAR_NODE);
        tmpl_scalar_resolve(node, &s);
        assert_int_equal(s.type, TMPL_STRING);
        assert_int_equal(s.size, strlen(want));
        assert_string_equal(s.text, want);
}

static yaml_node_t *container_of(yaml_document_t *doc) {
        yaml_node_t *spec = entry(doc, yaml_document_get_root_node(doc), "spec");

        return item(doc, entry(doc, spec, "containers"), 0);
}

/* The value in every place that takes a free text. Names take "n" in front: an empty one is refused. */
static void render_with(const char *value, const char *name, char **text, size_t *size) {
        struct tmpl_pair arg = { "x", value }, env = { name, value };
        struct tmpl_volume volume = { name, name, name, false, name };
        struct tmpl_values v = measured_values();
        struct tmpl_error e = { 0 };

        if (strchr(name, '='))
                env.name = "n";
        v.scheduler = (struct tmpl_extra){ &arg, 1, &volume, 1, &env, 1 };
        v.image_repository = name;
        if (tmpl_render("kube-scheduler", &v, text, size, &e) < 0)
                fail_msg("%s: %s", value, e.what);
}

static void expect_round_trip(const char *value) {
        CLEANUP(freep) char *text = NULL, *name = NULL;
        yaml_document_t doc;
        yaml_node_t *c, *volumes, *volume, *env;
        size_t size, last;

        assert_true(asprintf(&name, "n%s", value) >= 0);
        render_with(value, name, &text, &size);
        load(text, size, &doc);
        c = container_of(&doc);
        assert_int_equal(count(entry(&doc, c, "command")), 7);
        check_string(item(&doc, entry(&doc, c, "command"), 6), "--x=", value);
        env = item(&doc, entry(&doc, c, "env"), 0);
        check_string(entry(&doc, env, "name"), "", strchr(name, '=') ? "n" : name);
        check_string(entry(&doc, env, "value"), "", value);
        volumes = entry(&doc, entry(&doc, yaml_document_get_root_node(&doc), "spec"), "volumes");
        last = count(volumes) - 1;
        volume = item(&doc, volumes, last);
        check_string(entry(&doc, volume, "name"), "", name);
        check_string(entry(&doc, entry(&doc, volume, "hostPath"), "path"), "", name);
        check_string(entry(&doc, entry(&doc, volume, "hostPath"), "type"), "", name);
        check_string(entry(&doc, item(&doc, entry(&doc, c, "volumeMounts"), last), "mountPath"), "", name);
        check_string(entry(&doc, c, "image"), name, "/kube-scheduler:v1.36.2");
        yaml_document_delete(&doc);
}

static void test_hostile_values(void **state) {
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(hostile); i++)
                expect_round_trip(hostile[i]);
}

/* Every code point that UTF-8 can carry, a thousand to a value. */
static void test_every_code_point(void **state) {
        char text[4001];
        size_t n = 0;

        (void)state;
        for (uint32_t c = 1; c <= 0x10ffff; c++) {
                unsigned char *p = (unsigned char *)text + n;

                if (c >= 0xd800 && c <= 0xdfff)
                        continue;
                /* Above the first plane a sample will do. */
                if (c > 0x10ffff - 64 || c < 0x10100 || c % 97 == 0) {
                        int size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

                        for (int i = size - 1; i > 0; i--)
                                p[i] = (unsigned char)(0x80 | ((c >> 6 * (size - 1 - i)) & 0x3f));
                        p[0] = (unsigned char)(size == 1 ? c : (0xf00 >> size) | (c >> 6 * (size - 1)));
                        n += (size_t)size;
                }
                if (n > sizeof text - 5 || c == 0x10ffff) {
                        text[n] = '\0';
                        expect_round_trip(text);
                        n = 0;
                }
        }
}

static void test_long_values(void **state) {
        static char text[100001];

        (void)state;
        for (size_t i = 0; i < sizeof text - 1; i++)
                text[i] = i % 61 == 0 ? ' ' : i % 977 == 0 ? '\n' : (char)('a' + i % 26);
        for (size_t size = sizeof text - 1; size > 60; size /= 3) {
                text[size] = '\0';
                expect_round_trip(text);
        }
}

static void test_random_values(void **state) {
        static const char *const pieces[] = {
                " ", "\n", "\t", "\"", "'", "\\", ":",  "#", "-",    "a",  "1",
                "é", "中", ",",  "[",  "}", "&",  "\r", "%", "\x7f", "--", "${"
        };
        const char *given = getenv("SEED");
        unsigned seed = given ? (unsigned)strtoul(given, NULL, 0) : (unsigned)time(NULL);

        (void)state;
        print_message("SEED=%u\n", seed);
        for (int i = 0; i < 2000; i++) {
                char text[128] = "";
                int n = rand_r(&seed) % 24;

                while (n-- > 0)
                        strncat(text, pieces[(size_t)rand_r(&seed) % ARRAY_SIZE(pieces)], 4);
                expect_round_trip(text);
        }
}

static void write_file(const char *path, const char *text, size_t size) {
        CLEANUP(fclosep) FILE *f = fopen(path, "w");

        assert_non_null(f);
        assert_int_equal(fwrite(text, 1, size, f), size);
}

static void put_hex(FILE *f, const char *prefix, const char *s) {
        for (; *prefix; prefix++)
                fprintf(f, "%02x", (unsigned char)*prefix);
        for (; *s; s++)
                fprintf(f, "%02x", (unsigned char)*s);
        fputc('\n', f);
}

/* What Python has to find: the hostile values as arguments and as variables. */
static char *expected_hex(const struct tmpl_pair *pairs, size_t n) {
        char *want = NULL;
        size_t size;
        FILE *f = open_memstream(&want, &size);

        assert_non_null(f);
        for (size_t i = 0; i < n; i++) {
                char prefix[32];

                snprintf(prefix, sizeof prefix, "--%s=", pairs[i].name);
                put_hex(f, prefix, pairs[i].value);
        }
        for (size_t i = 0; i < n; i++)
                put_hex(f, "", pairs[i].value);
        fclose(f);
        return want;
}

static void run_python(char *pod, char *out) {
        char script[] = "tests/unit/yaml_values.py", python[] = "python3";
        char *argv[] = { python, script, pod, out, NULL };
        int status = -1;
        pid_t pid;

        assert_int_equal(posix_spawnp(&pid, "python3", NULL, NULL, argv, environ), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static char *read_file(const char *path) {
        CLEANUP(fclosep) FILE *f = fopen(path, "r");
        char *text = NULL;
        size_t size = 0;

        assert_non_null(f);
        assert_true(getdelim(&text, &size, '\0', f) >= 0);
        return text;
}

static void test_python_reads_the_same(void **state) {
        struct tmpl_pair pairs[ARRAY_SIZE(hostile)];
        char names[ARRAY_SIZE(hostile)][8], dir[] = "/tmp/triarch-hostile-XXXXXX", pod[64], out[64];
        CLEANUP(freep) char *text = NULL, *want = NULL, *got = NULL;
        struct tmpl_values v = measured_values();
        struct tmpl_error e;
        size_t size;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
                snprintf(names[i], sizeof names[i], "v%03zu", i);
                pairs[i] = (struct tmpl_pair){ names[i], hostile[i] };
        }
        v.scheduler = (struct tmpl_extra){ pairs, ARRAY_SIZE(pairs), NULL, 0, pairs, ARRAY_SIZE(pairs) };
        assert_int_equal(tmpl_render("kube-scheduler", &v, &text, &size, &e), 0);
        assert_non_null(mkdtemp(dir));
        snprintf(pod, sizeof pod, "%s/pod.yaml", dir);
        snprintf(out, sizeof out, "%s/values", dir);
        write_file(pod, text, size);
        run_python(pod, out);
        want = expected_hex(pairs, ARRAY_SIZE(pairs));
        got = read_file(out);
        unlink(pod);
        unlink(out);
        rmdir(dir);
        assert_string_equal(got, want);
}

static void test_not_utf8_is_refused(void **state) {
        static const struct {
                const char *text;
                size_t at;
        } cases[] = {
                { "\xff", 0 },
                { "ab\x80", 2 },
                { "\xc0\x80", 0 },
                { "\xc1\xbf", 0 },
                { "a\xe0\x9f\xbf", 1 },
                { "\xed\xa0\x80", 0 },
                { "\xf0\x8f\xbf\xbf", 0 },
                { "\xf4\x90\x80\x80", 0 },
                { "\xf5\x80\x80\x80", 0 },
                { "中\xe4\xb8", 3 },
                { "\xc3", 0 },
                { "\xe4\xb8z", 0 },
        };
        char what[128];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct tmpl_pair env = { "x", cases[i].text };
                struct tmpl_values v = measured_values();
                struct tmpl_error e = { 0 };
                char *text = NULL;
                size_t size;

                v.etcd = (struct tmpl_extra){ .envs = &env, .n_envs = 1 };
                assert_int_equal(tmpl_render("etcd", &v, &text, &size, &e), -EINVAL);
                assert_null(text);
                snprintf(what, sizeof what,
                         "etcd.local.extraEnvs[0].value: byte %zu (0x%02x) is not UTF-8, which YAML cannot "
                         "carry",
                         cases[i].at, (unsigned char)cases[i].text[cases[i].at]);
                assert_string_equal(e.what, what);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_hostile_values),        cmocka_unit_test(test_every_code_point),
                cmocka_unit_test(test_long_values),           cmocka_unit_test(test_random_values),
                cmocka_unit_test(test_python_reads_the_same), cmocka_unit_test(test_not_utf8_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
