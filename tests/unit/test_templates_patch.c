/* Patches: the files of tests/unit/patches on the measured configuration give what kubeadm 1.36.2 made of
 * them (its own bytes, under golden); then the rules one by one, names, and errors. */
#include "tests/unit/templates_golden.h"
#include <dirent.h>
#include <errno.h>

#define DIR_PATCHES "tests/unit/patches"

struct files {
        struct tmpl_patch v[16];
        size_t n;
        struct dirent **names;
        int n_names;
};

static void load(struct files *f) {
        f->n_names = scandir(DIR_PATCHES, &f->names, NULL, alphasort);
        assert_true(f->n_names > 2);
        for (int i = 0; i < f->n_names; i++) {
                struct tmpl_patch *p = &f->v[f->n];
                struct tmpl_error e;
                char path[512];

                if (*f->names[i]->d_name == '.')
                        continue;
                snprintf(path, sizeof path, "%s/%s", DIR_PATCHES, f->names[i]->d_name);
                assert_int_equal(tmpl_patch_name(f->names[i]->d_name, &p->target, &p->type, &e), 0);
                p->file = f->names[i]->d_name;
                p->text = read_file(path);
                p->size = strlen(p->text);
                f->n++;
        }
}

static void unload(struct files *f) {
        for (size_t i = 0; i < f->n; i++)
                free((void *)f->v[i].text);
        for (int i = 0; i < f->n_names; i++)
                free(f->names[i]);
        free(f->names);
}

static void test_as_kubeadm(void **state) {
        static const char *const names[] = { "etcd", "kube-apiserver", "kube-scheduler" };
        struct tmpl_values v = measured_values();
        struct files f = { 0 };

        (void)state;
        load(&f);
        v.patches = f.v;
        v.n_patches = f.n;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                expect_golden(names[i], ".patched", &v, false);
        unload(&f);
}

static void test_kubelet_is_patched_on_this_node_alone(void **state) {
        struct tmpl_values v = measured_values();
        CLEANUP(freep) char *plain = render("kubelet-config-shared", &v);
        struct files f = { 0 };

        (void)state;
        load(&f);
        v.patches = f.v;
        v.n_patches = f.n;
        CLEANUP(freep) char *patched = render("kubelet-config", &v);
        CLEANUP(freep) char *shared = render("kubelet-config-shared", &v);
        assert_string_equal(plain, shared);
        assert_non_null(strstr(patched, "clusterDNS:\n- 169.254.20.10\n"));
        assert_non_null(strstr(patched, "\nmaxPods: 250\n"));
        assert_non_null(strstr(patched, "evictionHard:\n  memory.available: 5%\n"));
        assert_non_null(strstr(patched, "  anonymous:\n    enabled: true\n"));
        assert_null(strstr(shared, "containerRuntimeEndpoint"));
        unload(&f);
}

/* One patch on one document. */
static int apply(enum tmpl_patch_type type, const char *document, const char *patch, char **ret,
                 struct tmpl_error *e) {
        struct tmpl_patch p = { "etcd", type, "etcd+x.yaml", patch, strlen(patch) };
        size_t size = strlen(document);
        int r;

        *ret = strdup(document);
        assert_non_null(*ret);
        r = tmpl_patch_apply(&p, 1, "etcd", ret, &size, e);
        if (r == 0)
                assert_int_equal(strlen(*ret), size);
        return r;
}

struct rule {
        enum tmpl_patch_type type;
        const char *document, *patch, *expected;
};

#define S TMPL_PATCH_STRATEGIC
#define M TMPL_PATCH_MERGE
#define J TMPL_PATCH_JSON

/* The first of M are RFC 7386 appendix A's, those of J RFC 6902 appendix A's, in YAML. */
static const struct rule rules[] = {
        { M, "a: b", "a: c", "a: c\n" },
        { M, "a: b", "b: c", "a: b\nb: c\n" },
        { M, "a: b", "a: null", "{}\n" },
        { M, "{a: b, b: c}", "a: ~", "b: c\n" },
        { M, "a: [b]", "a: c", "a: c\n" },
        { M, "a: c", "a: [b]", "a:\n- b\n" },
        { M, "a: {b: c}", "a: {b: d, c: null}", "a:\n  b: d\n" },
        { M, "a: [{b: c}]", "a: [1]", "a:\n- 1\n" },
        { M, "e: null", "a: 1", "a: 1\ne: null\n" },
        { M, "x: 1", "a: {bb: {ccc: null}}", "a:\n  bb: {}\nx: 1\n" },
        { J, "foo: bar", "[{op: add, path: /baz, value: qux}]", "baz: qux\nfoo: bar\n" },
        { J, "foo: [bar, baz]", "[{op: add, path: /foo/1, value: qux}]", "foo:\n- bar\n- qux\n- baz\n" },
        { J, "{baz: qux, foo: bar}", "[{op: remove, path: /baz}]", "foo: bar\n" },
        { J, "foo: [bar, qux, baz]", "[{op: remove, path: /foo/1}]", "foo:\n- bar\n- baz\n" },
        { J, "{baz: qux, foo: bar}", "[{op: replace, path: /baz, value: boo}]", "baz: boo\nfoo: bar\n" },
        { J, "{foo: {bar: baz, waldo: fred}, qux: {corge: grault}}",
          "[{op: move, from: /foo/waldo, path: /qux/thud}]",
          "foo:\n  bar: baz\nqux:\n  corge: grault\n  thud: fred\n" },
        { J, "foo: [all, grass, cows, eat]", "[{op: move, from: /foo/1, path: /foo/3}]",
          "foo:\n- all\n- cows\n- eat\n- grass\n" },
        { J, "{baz: qux, foo: [a, 2, c]}",
          "[{op: test, path: /baz, value: qux}, {op: test, path: /foo/1, value: 2.0}]",
          "baz: qux\nfoo:\n- a\n- 2\n- c\n" },
        { J, "foo: bar", "[{op: add, path: /child, value: {grandchild: {}}}]",
          "child:\n  grandchild: {}\nfoo: bar\n" },
        { J, "{/: 9, ~1: 10}", "[{op: test, path: /~01, value: 10}, {op: add, path: /~1, value: 8}]",
          "/: 8\n\"~1\": 10\n" },
        { J, "foo: [bar]", "[{op: add, path: /foo/-, value: [abc, def]}]",
          "foo:\n- bar\n- - abc\n  - def\n" },
        { J, "foo: bar", "[{op: replace, path: '', value: {x: 1}}]", "x: 1\n" },
        { J, "foo: null", "[{op: copy, from: /foo, path: /a}, {op: remove, path: /foo}]", "a: null\n" },
        { S, "a: {b: 1, c: 2}", "a: {b: null, d: 3}", "a:\n  c: 2\n  d: 3\n" },
        { S, "a: {b: 1, c: 2}", "a: {$patch: replace, d: 3}", "a:\n  d: 3\n" },
        { S, "a: {b: 1}", "a: {$patch: delete}", "a: {}\n" },
        { S, "x: 1", "a: {$patch: delete}\nb: [{$patch: delete, name: y}, {name: z, n: null}]",
          "b:\n- name: z\nx: 1\n" },
        { S, "command: [a, b]", "command: [c]", "command:\n- c\n" },
        { S, "tolerations: [{key: a}]", "tolerations: [{key: b}]", "tolerations:\n- key: b\n" },
        { S, "env: [{name: a, value: x}, {name: b, value: y}]", "env: [{name: c}, {name: b, value: z}]",
          "env:\n- name: c\n- name: a\n  value: x\n- name: b\n  value: z\n" },
        { S, "env: [{name: a}, {name: b}, {name: c}]",
          "env: [{name: c, value: 1}, {name: new}, {name: a, value: 2}]",
          "env:\n- name: b\n- name: c\n  value: 1\n- name: new\n- name: a\n  value: 2\n" },
        { S, "ports: [{containerPort: 80}]", "ports: [{containerPort: 80, name: w}, {containerPort: 81}]",
          "ports:\n- containerPort: 80\n  name: w\n- containerPort: 81\n" },
        { S, "finalizers: [a, b]", "finalizers: [c, b]", "finalizers:\n- c\n- a\n- b\n" },
        { S, "finalizers: [a, b]", "$deleteFromPrimitiveList/finalizers: [a]", "finalizers:\n- b\n" },
        { S, "env: [{name: a}]", "$setElementOrder/env: [{name: a}]\nenv: [{name: a, value: v}]",
          "env:\n- name: a\n  value: v\n" },
        { S, "strategy: {type: Rolling, rolling: {x: 1}}", "strategy: {$retainKeys: [type], type: Recreate}",
          "strategy:\n  type: Recreate\n" },
        { S, "a: 1", "---\na: 2\n---\n# nothing\n---\nb: 3\n", "a: 2\nb: 3\n" },
};

static void test_rules(void **state) {
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
                CLEANUP(freep) char *text = NULL;
                struct tmpl_error e = { 0 };

                if (apply(rules[i].type, rules[i].document, rules[i].patch, &text, &e) < 0)
                        fail_msg("%s on %s: %s", rules[i].patch, rules[i].document, e.what);
                if (strcmp(text, rules[i].expected) != 0)
                        fail_msg("%s on %s gave\n%s", rules[i].patch, rules[i].document, text);
        }
}

/* Where it is and why; the document stays as it was. */
static void test_errors(void **state) {
        static const struct rule errors[] = {
                { S, "env: [{name: a}]", "env:\n- value: x",
                  "etcd+x.yaml:2: env: \"name\" is missing, by which these are merged" },
                { S, "env: [{name: a}]", "env:\n- name: a\n  $patch: away",
                  "etcd+x.yaml:3: env: $patch must be delete or replace here, not \"away\"" },
                { S, "env: [{name: a}]", "env:\n- $patch: delete",
                  "etcd+x.yaml:2: env: \"name\" of what is to be deleted is missing" },
                { S, "env: [{name: a}]", "env: x",
                  "etcd+x.yaml:1: env: is a list and cannot become a string" },
                { S, "containers: [{name: a, env: [{name: b, x: {}}]}]",
                  "containers:\n- name: a\n  env:\n  - name: b\n    x: []",
                  "etcd+x.yaml:5: containers[name=a].env[name=b].x: is a map and cannot become a list" },
                { S, "a: {b: 1}", "a: {$retainKeys: [c], b: 2}",
                  "etcd+x.yaml:1: a: \"b\" is not in $retainKeys" },
                { S, "a: 1", "- a", "etcd+x.yaml:1: (top): the patch is a list, not a map" },
                { M, "a: 1", "x", "etcd+x.yaml:1: (top): the patch is a string, not a map" },
                { S, "{kind: Pod, apiVersion: v1}", "kind: null",
                  "etcd+x.yaml:1: (top): leaves no Pod of v1" },
                { J, "a: 1", "a: 2",
                  "etcd+x.yaml:1: (top): a JSON patch is a list of operations, not a map" },
                { J, "a: 1", "- op: add\n  path: /b/c\n  value: 1",
                  "etcd+x.yaml:1: /b/c: there is nothing above \"c\"" },
                { J, "a: 1", "\n- {op: remove, path: /b}", "etcd+x.yaml:2: /b: nothing is at /b" },
                { J, "a: 1", "[{op: test, path: /a, value: '1'}]",
                  "etcd+x.yaml:1: /a: the test of /a failed: it is another value" },
                { J, "a: [1]", "[{op: add, path: /a/2, value: 1}]",
                  "etcd+x.yaml:1: /a/2: \"2\" is no place in a list of 1 items" },
                { J, "a: [1]", "[{op: add, path: /a/01, value: 1}]",
                  "etcd+x.yaml:1: /a/01: \"01\" is no place in a list of 1 items" },
                { J, "a: 1", "[{op: add, path: a, value: 1}]",
                  "etcd+x.yaml:1: a: the path must begin with '/'" },
                { J, "a: 1", "[{op: add, path: /~2, value: 1}]",
                  "etcd+x.yaml:1: /~2: a '~' must be followed by 0 or 1" },
                { J, "a: 1", "[{op: add, path: /b}]", "etcd+x.yaml:1: /b: \"value\" is missing" },
                { J, "a: 1", "[{op: copy, path: /b}]",
                  "etcd+x.yaml:1: /b: \"from\" is missing, or no string" },
                { J, "a: 1", "[{op: grow, path: /b}]",
                  "etcd+x.yaml:1: /b: \"grow\" is no operation; there are add, remove, replace, move, copy "
                  "and "
                  "test" },
                { J, "a: {b: 1}", "[{op: move, from: /a, path: /a/c}]",
                  "etcd+x.yaml:1: /a/c: /a cannot be moved into itself" },
                { J, "a: 1", "[{op: remove, path: ''}]",
                  "etcd+x.yaml:1: (top): the whole cannot be removed" },
                { S, "a: 1", "a: 1\na: 2", "etcd+x.yaml:2: the key \"a\" is there twice" },
                { S, "a: 1", "a: !x 2", "etcd+x.yaml:1: a tag; values must be plain YAML" },
                { S, "a: 1", "<<: {a: 2}", "etcd+x.yaml:1: a merge key (<<); write the keys out" },
                { S, "a: 1", "a: [", "etcd+x.yaml:2: did not find expected node content" },
                { J, "a: 1", "[{op: add, path: /<<, value: 1}]",
                  "patched etcd:1: a merge key (<<); write the keys out" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
                CLEANUP(freep) char *text = NULL;
                struct tmpl_error e = { 0 };

                assert_int_equal(apply(errors[i].type, errors[i].document, errors[i].patch, &text, &e),
                                 -EINVAL);
                assert_string_equal(e.what, errors[i].expected);
                assert_string_equal(text, errors[i].document);
        }
}

/* Doubled by every copy: refused long before it fills the memory. */
static void test_growth_is_refused(void **state) {
        CLEANUP(freep) char *patch = calloc(1, 1 << 14), *text = NULL;
        struct tmpl_error e = { 0 };

        (void)state;
        for (int i = 0; i < 40; i++)
                snprintf(patch + strlen(patch), (1 << 14) - strlen(patch),
                         "- {op: copy, from: '', path: /k%d}\n", i);
        assert_int_equal(apply(J, "a: 1", patch, &text, &e), -EINVAL);
        assert_non_null(strstr(e.what, "the result is too large"));
}

/* Each copy lies one deeper than the one before. */
static void test_depth_by_copies_is_refused(void **state) {
        CLEANUP(freep) char *patch = calloc(1, 1 << 12), *text = NULL;
        struct tmpl_error e = { 0 };

        (void)state;
        for (int i = 0; i < 64; i++)
                strcat(patch, "- {op: copy, from: '', path: /a}\n");
        assert_int_equal(apply(J, "a: 1", patch, &text, &e), -E2BIG);
        assert_non_null(strstr(e.what, "patched etcd:"));
}

/* Each value is within the limits, and lies below the one before. */
static void test_depth_is_refused(void **state) {
        static const char
                deep[] = "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
                path[] = "/a/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/-";
        CLEANUP(freep) char *text = NULL;
        struct tmpl_error e = { 0 };
        char patch[512];

        (void)state;
        snprintf(patch, sizeof patch, "- {op: add, path: /a, value: %s}\n- {op: add, path: %s, value: %s}\n",
                 deep, path, deep);
        assert_int_equal(apply(J, "a: 1", patch, &text, &e), -E2BIG);
        assert_non_null(strstr(e.what, "patched etcd:"));
        assert_string_equal(text, "a: 1");
}

/* A text of some kilobytes says more than a mebibyte. */
static void test_size_is_refused(void **state) {
        CLEANUP(freep) char *patch = calloc(1, 1 << 13), *text = NULL;
        struct tmpl_error e = { 0 };
        int n;

        (void)state;
        n = sprintf(patch, "a: &a x%4000dx\nb: [", 1);
        for (int i = 0; i < 300; i++)
                n += sprintf(patch + n, "*a, ");
        sprintf(patch + n, "*a]\n");
        assert_int_equal(apply(M, "a: 1", patch, &text, &e), -E2BIG);
        assert_non_null(strstr(e.what, "patched etcd: "));
        assert_string_equal(text, "a: 1");
}

static void test_names(void **state) {
        static const struct {
                const char *name, *target;
                enum tmpl_patch_type type;
                int r;
        } names[] = {
                { "etcd.yaml", "etcd", S, 0 },
                { "etcd+json.yaml", "etcd", J, 0 },
                { "etcd10-why_not+merge.json", "etcd", M, 0 },
                { "kube-apiserver+strategic.json", "kube-apiserver", S, 0 },
                { "kubeletconfiguration.yaml", "kubeletconfiguration", S, 0 },
                { "corednsdeployment9.x.yaml", "corednsdeployment", S, 0 },
                { "etcd+yaml.yaml", NULL, S, -EINVAL },
                { "etcd+.yaml", NULL, S, -EINVAL },
                { "etcd+jsonx.yaml", NULL, S, -EINVAL },
                { "etcd", NULL, S, -ENOENT },
                { "etcd.yml", NULL, S, -ENOENT },
                { ".yaml", NULL, S, -ENOENT },
                { "kube-proxy.yaml", NULL, S, -ENOENT },
                { "README", NULL, S, -ENOENT },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                enum tmpl_patch_type type = S;
                const char *target = NULL;
                struct tmpl_error e = { 0 };

                assert_int_equal(tmpl_patch_name(names[i].name, &target, &type, &e), names[i].r);
                if (names[i].r < 0) {
                        assert_memory_equal(e.what, names[i].name, strlen(names[i].name));
                        continue;
                }
                assert_string_equal(target, names[i].target);
                assert_int_equal(type, names[i].type);
        }
}

/* A patch for another target, or none, changes not one byte. */
static void test_others_are_left_alone(void **state) {
        struct tmpl_patch p = { "etcd", S, "etcd.yaml", "a: 1", 4 };
        CLEANUP(freep) char *text = strdup("b:   2 # as it is");
        size_t size = strlen(text);
        struct tmpl_error e;

        (void)state;
        assert_int_equal(tmpl_patch_apply(&p, 1, "kube-scheduler", &text, &size, &e), 0);
        assert_int_equal(tmpl_patch_apply(NULL, 0, "etcd", &text, &size, &e), 0);
        assert_string_equal(text, "b:   2 # as it is");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_as_kubeadm),
                cmocka_unit_test(test_kubelet_is_patched_on_this_node_alone),
                cmocka_unit_test(test_rules),
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_growth_is_refused),
                cmocka_unit_test(test_depth_by_copies_is_refused),
                cmocka_unit_test(test_depth_is_refused),
                cmocka_unit_test(test_size_is_refused),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_others_are_left_alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
