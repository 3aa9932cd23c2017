#include "agent/yaml.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void parse(const char *text, struct ydocs *d) {
        struct error e = { 0 };

        if (ydocs_parse(text, strlen(text), "t", d, &e) < 0)
                fail_msg("%u:%u: %s", e.line, e.column, e.message);
}

static void test_tree_and_places(void **state) {
        CLEANUP(ydocs_done) struct ydocs d = { 0 };
        const struct ynode *list, *map;

        (void)state;
        parse("a: x\n\xe4\xb8\xad\xe6\x96\x87: [1, {b: \"2\"}]\n--- \n--- {c: }\n", &d);
        assert_int_equal(d.n, 3);
        assert_int_equal(d.items[0]->kind, YNODE_MAP);
        assert_int_equal(d.items[0]->n, 2);
        assert_int_equal(d.items[1]->type, YTYPE_NULL);
        assert_string_equal(ynode_get(d.items[0], "a")->value, "x");
        list = ynode_get(d.items[0], "\xe4\xb8\xad\xe6\x96\x87");
        assert_int_equal(list->kind, YNODE_LIST);
        assert_int_equal(list->line, 2);
        assert_int_equal(list->column, 5); /* characters, not bytes */
        map = list->items[1];
        assert_int_equal(map->column, 9);
        assert_int_equal(map->keys[0]->column, 10);
        assert_int_equal(map->items[0]->type, YTYPE_STRING);
        assert_int_equal(ynode_get(d.items[2], "c")->type, YTYPE_NULL);
        assert_null(ynode_get(list, "a"));
        assert_null(ynode_get(map, "a"));
}

static void test_plain_types(void **state) {
        static const struct {
                const char *text;
                enum ynode_type type;
        } t[] = {
                { "", YTYPE_NULL },          { "~", YTYPE_NULL },        { "null", YTYPE_NULL },
                { "NULL", YTYPE_NULL },      { "nULL", YTYPE_STRING },   { "yes", YTYPE_BOOL },
                { "No", YTYPE_BOOL },        { "on", YTYPE_BOOL },       { "OFF", YTYPE_BOOL },
                { "y", YTYPE_BOOL },         { "true", YTYPE_BOOL },     { "tRUE", YTYPE_STRING },
                { "yess", YTYPE_STRING },    { "0", YTYPE_INT },         { "007", YTYPE_INT },
                { "-12", YTYPE_INT },        { "+3", YTYPE_INT },        { "1_000", YTYPE_INT },
                { "0x1F", YTYPE_INT },       { "0b01", YTYPE_INT },      { "0o17", YTYPE_INT },
                { "0x", YTYPE_STRING },      { "0xg", YTYPE_STRING },    { "_1", YTYPE_STRING },
                { "1.0", YTYPE_FLOAT },      { "1.", YTYPE_FLOAT },      { ".5", YTYPE_FLOAT },
                { "1e3", YTYPE_FLOAT },      { "-1.5E-7", YTYPE_FLOAT }, { ".inf", YTYPE_FLOAT },
                { "-.Inf", YTYPE_FLOAT },    { ".nan", YTYPE_FLOAT },    { ".", YTYPE_STRING },
                { "-", YTYPE_STRING },       { "+", YTYPE_STRING },      { "1e", YTYPE_STRING },
                { "e3", YTYPE_STRING },      { "1.36.2", YTYPE_STRING }, { "10.0.0.1", YTYPE_STRING },
                { "250ms", YTYPE_STRING },   { "12:30", YTYPE_STRING },  { "2001-12-14", YTYPE_STRING },
                { "v1.36.2", YTYPE_STRING }, { "a b", YTYPE_STRING },    { "<<", YTYPE_STRING },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(t); i++)
                if (ynode_plain_type(t[i].text) != t[i].type)
                        fail_msg("\"%s\" is type %d, not %d", t[i].text, ynode_plain_type(t[i].text),
                                 t[i].type);
}

static void test_styles(void **state) {
        CLEANUP(ydocs_done) struct ydocs d = { 0 };
        const struct ynode *list;

        (void)state;
        parse("- 1\n- '1'\n- \"yes\"\n- |\n  7\n- >-\n  7\n- !!str 7\n- ! 7\n- \"a\\u4e2d\\n\"\n", &d);
        list = d.items[0];
        assert_int_equal(list->items[0]->type, YTYPE_INT);
        for (size_t i = 1; i < list->n; i++)
                assert_int_equal(list->items[i]->type, YTYPE_STRING);
        assert_string_equal(list->items[3]->value, "7\n");
        assert_string_equal(list->items[4]->value, "7");
        assert_string_equal(list->items[7]->value, "a\xe4\xb8\xad\n");
}

static void test_errors(void **state) {
        static const struct {
                const char *text;
                size_t size; /* 0: up to the NUL */
                unsigned line, column;
                const char *message;
        } t[] = {
                { "a: 1\nb: 2\na: 3\n", 0, 3, 1, "\"a\" is given twice; the first is in line 1" },
                { "x:\n  'a': 1\n  a: 3\n", 0, 3, 3, "\"a\" is given twice; the first is in line 2" },
                { "a: &x 1\n", 0, 1, 4, "anchors and aliases" },
                { "a: &x [1]\n", 0, 1, 4, "anchors and aliases" },
                { "a: &x {b: 1}\n", 0, 1, 4, "anchors and aliases" },
                { "a: *x\n", 0, 1, 4, "anchors and aliases" },
                { "*x : 1\n", 0, 1, 1, "anchors and aliases" },
                { "a: !foo x\n", 0, 1, 4, "tags are not understood" },
                { "a: !!int 7\n", 0, 1, 4, "tags are not understood" },
                { "a: !!map {}\n", 0, 1, 4, "tags are not understood" },
                { "a: !!seq []\n", 0, 1, 4, "tags are not understood" },
                { "[a, b]: 1\n", 0, 1, 1, "a key must be a word, not a list" },
                { "? {a: b}\n: 1\n", 0, 1, 3, "a key must be a word, not a map" },
                { "a: 1\n?\n: 1\n", 0, 2, 2, "a key must be a word, not empty (null)" },
                { "a: 1\nnull: 1\n", 0, 2, 1, "a key must be a word, not empty (null)" },
                { "a: \"x\\0y\"\n", 0, 1, 4, "NUL character" },
                { "a: x\0y\n", 7, 1, 5, "control characters are not allowed" },
                { "a: b: c\n", 0, 1, 5, "mapping values are not allowed" },
                { "a:\n\t- x\n", 0, 2, 1, "cannot start any token" },
                { "a: [1, 2\n", 0, 2, 1, "did not find expected ',' or ']'" },
                { "a: 'x\n", 0, 2, 1, "unexpected end of stream" },
                { "a: x\n b: y\n", 0, 2, 3, "mapping values are not allowed" },
                { "a: 1\nb: \xff\n", 0, 2, 4, "invalid leading UTF-8 octet" },
                { "\xe4\xb8\xad: \xe4\n", 0, 1, 4, "UTF-8" },
                { "\xff\xfe"
                  "a\0:\0 \0b\0",
                  10, 1, 1, "UTF-8" },
                { "%YAML 3.0\n--- a\n", 0, 1, 1, "incompatible YAML document" },
                { "a: 1\n...\nb\n", 0, 3, 1, "did not find expected <document start>" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                struct ydocs d = { 0 };
                struct error e = { 0 };
                size_t size = t[i].size ? t[i].size : strlen(t[i].text);

                if (ydocs_parse(t[i].text, size, "t", &d, &e) != -EINVAL)
                        fail_msg("accepted: %s", t[i].text);
                assert_null(d.items);
                assert_string_equal(e.file, "t");
                if (e.line != t[i].line || e.column != t[i].column || !strstr(e.message, t[i].message))
                        fail_msg("%s: %u:%u: %s, expected %u:%u: %s", t[i].text, e.line, e.column, e.message,
                                 t[i].line, t[i].column, t[i].message);
        }
}

/* `n` copies of `piece`, between head and tail. */
static char *repeat(const char *head, const char *piece, size_t n, size_t *ret_size) {
        size_t h = strlen(head), p = strlen(piece);
        char *text = malloc(h + n * p + 1);

        assert_non_null(text);
        memcpy(text, head, h + 1);
        for (size_t i = 0; i < n; i++)
                memcpy(text + h + i * p, piece, p + 1);
        *ret_size = h + n * p;
        return text;
}

static void expect_refused(const char *head, const char *piece, size_t n, const char *message) {
        CLEANUP(ydocs_done) struct ydocs d = { 0 };
        struct error e = { 0 };
        size_t size;
        CLEANUP(freep) char *text = repeat(head, piece, n, &size);

        assert_int_equal(ydocs_parse(text, size, "t", &d, &e), -EINVAL);
        if (!strstr(e.message, message))
                fail_msg("%s x %zu: %s", piece, n, e.message);
}

static void test_limits(void **state) {
        (void)state;
        expect_refused("", "[", 100000, "nested too deeply");
        expect_refused("", "{a: ", 100000, "nested too deeply");
        expect_refused("", "- ", 100000, "nested too deeply");
        expect_refused("", "? ", 10000, "nested too deeply");
        expect_refused("", "- x\n", YAML_MAX_NODES + 1, "too many values");
        expect_refused("", "--- x\n", YAML_MAX_NODES + 1, "too many values");
        expect_refused("", "#aaaaaaa", YAML_MAX_SIZE / 8 + 1, "too many for a configuration");
}

static void test_nothing_is_no_error(void **state) {
        static const char *const empty[] = { "", "\n", "# a comment\n", "\xef\xbb\xbf" };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(empty); i++) {
                CLEANUP(ydocs_done) struct ydocs d = { 0 };

                parse(empty[i], &d);
                assert_int_equal(d.n, 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_tree_and_places), cmocka_unit_test(test_plain_types),
                cmocka_unit_test(test_styles),          cmocka_unit_test(test_errors),
                cmocka_unit_test(test_limits),          cmocka_unit_test(test_nothing_is_no_error),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
