/* Every field of every kind, by the tables that read it: a value comes back as it was, does what it says in
 * the files that init makes, and what is refused is refused at its place. docs/configuration.md is made of
 * the same: TRIARCH_WRITE_DOCS=1 in the environment writes it anew. */
#include "agent/command.h"
#include "agent/yaml_edit.h"
#include "pki/file.h"
#include "tests/unit/config_cases.h"
#include "tests/unit/config_rows.h"
#include "tests/unit/tmpdir.h"
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <sys/wait.h>

#define DOCS "docs/configuration.md"

static struct rows *all_rows(void **state) {
        return *state;
}

static int make_rows(void **state) {
        struct rows *rows = calloc(1, sizeof *rows);

        rows_make(rows);
        assert_true(rows->n < ROWS_MAX);
        *state = rows;
        return 0;
}

static int free_rows(void **state) {
        free(*state);
        return 0;
}

/* ---- a configuration with one value ---- */

/* What must be beside a value; a document has these also without it, unless `with` is set. */
static const struct sibling {
        const char *kind, *group, *key, *value;
        bool with;
} siblings[] = {
        { AGENT_KIND, "", "nodeName", "n1", false },
        { AGENT_KIND, "vip", "address", "10.0.0.9/24", false },
        { AGENT_KIND, "vip", "interface", "eth0", false },
        { INIT_KIND, "localAPIEndpoint", "advertiseAddress", "10.0.0.1", false },
        { CLUSTER_KIND, "etcd.external", "endpoints", "['https://10.0.0.60:2379']", true },
};

/* The map at "a.b" of a document, made where it is not there. */
static struct ynode *group_at(struct ynode *doc, const char *path, size_t len) {
        char copy[128], *rest = copy, *word;

        snprintf(copy, sizeof copy, "%.*s", (int)len, path);
        while (len && (word = strsep(&rest, ".")))
                assert_non_null(doc = ynode_map_below(doc, word));
        return doc;
}

static void put(struct ynode *doc, const char *group, size_t len, const char *key, const char *value) {
        struct ynode *map = group_at(doc, group, len);
        struct ydocs docs;
        struct error e;
        char text[512];

        if (ynode_get(map, key))
                return;
        snprintf(text, sizeof text, "v: %s\n", value);
        if (ydocs_parse(text, strlen(text), "value", &docs, &e) < 0)
                fail_msg("%s: %s", value, e.message);
        assert_int_equal(ynode_put(map, key, ynode_take(docs.items[0], "v")), 0);
        ydocs_done(&docs);
}

static size_t group_len(const char *path) {
        const char *dot = strrchr(path, '.');

        return dot ? (size_t)(dot - path) : 0;
}

static void put_path(struct ynode *doc, const char *path, const char *value) {
        size_t len = group_len(path);

        put(doc, path, len, path + len + (len > 0), value);
}

static void put_siblings(struct ynode *doc, const char *kind, bool its, const char *path) {
        for (size_t i = 0; i < ARRAY_SIZE(siblings); i++) {
                const struct sibling *s = &siblings[i];
                size_t len = strlen(s->group);
                bool beside = its && !strncmp(path, s->group, len) && path[len] == '.';

                /* A node is named in one of the two places. */
                if (!strcmp(s->key, "nodeName") && !strcmp(path, "nodeRegistration.name"))
                        continue;
                if (!strcmp(s->kind, kind) && (!s->with || beside))
                        put(doc, s->group, len, s->key, s->value);
        }
}

/* "[]" in a path: of an item, "vip" a map. */
static char *document(const struct config_kind *k, bool its, const char *path, const char *value) {
        struct ynode *doc = ynode_new(YNODE_MAP);
        char *text;
        size_t size;

        put(doc, "", 0, "apiVersion", k->api_version);
        put(doc, "", 0, "kind", k->kind);
        if (its)
                put_path(doc, path, value);
        put_siblings(doc, k->kind, its, path);
        assert_int_equal(ynode_render(doc, &text, &size), 0);
        ynode_free(doc);
        return text;
}

/* An agent's, a cluster's and a node's document, and a JoinConfiguration where the value is one's. */
static char *compose(const struct config_kind *kind, const char *path, const char *value) {
        char *all = strdup("");

        for (const struct config_kind *k = config_kinds; k->kind; k++) {
                bool its = k == kind;
                char *doc, *before = all;

                if (!k->fields || (!its && (k->old || k->join || !strcmp(k->kind, kind->kind))))
                        continue;
                doc = document(k, its, path, value);
                assert_true(asprintf(&all, "%s---\n%s", before, doc) > 0);
                free(before);
                free(doc);
        }
        return all;
}

static const struct config_kind *newest(const char *kind) {
        const struct config_kind *k = config_kinds;

        while (k->kind && (k->old || strcmp(k->kind, kind) != 0))
                k++;
        assert_non_null(k->kind);
        return k;
}

/* ---- values come back ---- */

static const struct ynode *look_up(const struct ydocs *docs, const char *kind, const char *path) {
        const struct ynode *n = NULL;
        char copy[128], *rest = copy, *word;

        for (size_t i = 0; i < docs->n; i++)
                if (!strcmp(ynode_get(docs->items[i], "kind")->value, kind))
                        n = docs->items[i];
        snprintf(copy, sizeof copy, "%s", path);
        while (n && (word = strsep(&rest, ".")))
                n = ynode_get(n, word);
        return n;
}

static char *rendered(const struct ynode *n) {
        char *text;
        size_t size;

        assert_int_equal(ynode_render(n, &text, &size), 0);
        return text;
}

/* What a JoinConfiguration says becomes the node's own InitConfiguration. */
static const char *written_kind(const struct config_case *c) {
        return strcmp(c->kind, JOIN_KIND) ? c->kind : INIT_KIND;
}

static const char *written_path(const struct config_case *c) {
        static const char head[] = "controlPlane.";

        return strncmp(c->path, head, sizeof head - 1) ? c->path : c->path + sizeof head - 1;
}

static void expect_written(const struct config_case *c, const char *text) {
        CLEANUP(ydocs_done) struct ydocs docs = { 0 }, wanted = { 0 };
        CLEANUP(freep) char *have = NULL, *want = NULL;
        const struct ynode *n;
        struct error e;
        char sample[512];

        snprintf(sample, sizeof sample, "v: %s\n", c->value);
        assert_int_equal(ydocs_parse(text, strlen(text), "t", &docs, &e), 0);
        assert_int_equal(ydocs_parse(sample, strlen(sample), "t", &wanted, &e), 0);
        n = look_up(&docs, written_kind(c), written_path(c));
        if (!n)
                fail_msg("%s %s is not in:\n%s", c->kind, c->path, text);
        have = rendered(n);
        want = rendered(ynode_get(wanted.items[0], "v"));
        if (strcmp(have, want) != 0)
                fail_msg("%s %s: %s instead of %s", c->kind, c->path, have, want);
}

static void test_values_come_back(void **state) {
        const struct config_flags flags = { .join = true };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(config_cases); i++) {
                const struct config_case *c = &config_cases[i];
                CLEANUP(freep) char *text = c->value ? compose(newest(c->kind), c->path, c->value) : NULL;
                CLEANUP(config_freep) struct config *config = NULL;
                CLEANUP(freep) char *out = NULL;
                struct error e = { 0 };
                size_t size;

                if (!c->value)
                        continue;
                if (config_parse(text, strlen(text), "t", &flags, &config, &e) < 0)
                        fail_msg("%s %s: %u:%u: %s in:\n%s", c->kind, c->path, e.line, e.column, e.message,
                                 text);
                assert_int_equal(config_render(config, false, &out, &size), 0);
                expect_written(c, out);
        }
}

/* ---- values do what they say ---- */

static int init(const char *dir, const char *config_file) {
        char *argv[] = { (char *)"init",
                         (char *)"--root",
                         (char *)(uintptr_t)dir,
                         (char *)"--config",
                         (char *)(uintptr_t)config_file,
                         NULL };
        int status, null;
        pid_t pid;

        fflush(NULL);
        if (!(pid = fork())) {
                null = open("/dev/null", O_WRONLY);
                dup2(null, 1);
                _exit(cmd_init(5, argv));
        }
        assert_true(waitpid(pid, &status, 0) == pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* What values name has to be there. */
static void make_tree(const char *dir) {
        static const char *const files[][2] = {
                { "etc/chrony/chrony.conf", "" },
                { "pw", "secret\n" },
        };
        char path[PATH_MAX], parent[PATH_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                snprintf(path, sizeof path, "%s/%s", dir, files[i][0]);
                snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(path, '/') - path), path);
                assert_int_equal(pki_mkdir_p(parent, 0755), 0);
                assert_int_equal(pki_file_write(path, 0600, (gid_t)-1, files[i][1], strlen(files[i][1]), 0),
                                 0);
        }
}

/* A CA for the fields that name one. */
static void make_ca(const char *dir) {
        EVP_PKEY *key = EVP_EC_gen("P-256");
        X509 *crt = X509_new();
        char path[PATH_MAX];
        FILE *f;

        snprintf(path, sizeof path, "%s/ca", dir);
        assert_non_null(f = fopen(path, "we"));
        assert_int_equal(X509_set_pubkey(crt, key), 1);
        assert_non_null(X509_gmtime_adj(X509_getm_notBefore(crt), 0));
        assert_non_null(X509_gmtime_adj(X509_getm_notAfter(crt), 3600));
        assert_true(X509_sign(crt, key, EVP_sha256()) > 0);
        assert_int_equal(PEM_write_X509(f, crt), 1);
        assert_int_equal(fclose(f), 0);
        X509_free(crt);
        EVP_PKEY_free(key);
}

static bool has_made(const struct config_case *c, const char *file) {
        CLEANUP(freep) char *made = NULL;
        size_t size;

        return pki_file_read(file, 1 << 20, &made, &size) == 0 && strstr(made, c->text);
}

/* triarch's clock may be behind: certificates begin some minutes before they are made. */
static bool is_certificate(const struct config_case *c, const char *file) {
        FILE *f = fopen(file, "re");
        X509 *crt = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
        int days = 0, seconds = 0;
        bool good;

        if (f)
                fclose(f);
        good = crt && (c->san ? X509_check_host(crt, c->san, 0, 0, NULL) == 1
                              : ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(crt),
                                               X509_get0_notAfter(crt)) == 1 &&
                                        (unsigned)(days * 24 + seconds / 3600) == c->hours);
        X509_free(crt);
        return good;
}

static void expect_made(const struct config_case *c, const char *dir) {
        CLEANUP(freep) char *text = NULL, *path = NULL, *file = NULL;

        assert_true(asprintf(&path, "%s/%s", dir, "config.yaml") > 0);
        assert_true(asprintf(&file, "%s%s", dir, c->file) > 0);
        text = compose(newest(c->kind), c->path, c->value);
        assert_int_equal(pki_file_write(path, 0600, (gid_t)-1, text, strlen(text), 0), 0);
        if (init(dir, path) != 0)
                fail_msg("%s %s: init failed", c->kind, c->path);
        if (c->text ? !has_made(c, file) : !is_certificate(c, file))
                fail_msg("%s %s: %s is without its effect", c->kind, c->path, c->file);
}

static void test_values_do_what_they_say(void **state) {
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(config_cases); i++) {
                char dir[] = "/tmp/triarch-fields.XXXXXX";

                if (!config_cases[i].file)
                        continue;
                assert_non_null(mkdtemp(dir));
                make_tree(dir);
                make_ca(dir);
                expect_made(&config_cases[i], dir);
                nftw(dir, tmp_remove_one, 16, FTW_DEPTH | FTW_PHYS);
        }
}

/* ---- what is refused ---- */

static bool is_refused(const struct row *row) {
        return !row->field->ops || row->field->ops == &op_only;
}

static void expect_refused(const struct row *row) {
        const char *item = strstr(row->path, "[].");
        CLEANUP(freep) char *text = NULL;
        struct config *c = NULL;
        struct error e = { 0 };
        char path[128], value[192];

        snprintf(path, sizeof path, "%.*s", item ? (int)(item - row->path) : 127, row->path);
        snprintf(value, sizeof value, item ? "[{%s: other}]" : "other", item ? item + 3 : "");
        text = compose(row->kind, path, value);
        if (config_parse(text, strlen(text), "t", NULL, &c, &e) == 0)
                fail_msg("%s %s is taken", row->kind->kind, row->path);
        if (!e.line || !strstr(e.message, row->field->key) || !strstr(e.message, row->field->refused))
                fail_msg("%s %s: %u:%u: %s", row->kind->kind, row->path, e.line, e.column, e.message);
}

static void test_the_rest_is_refused(void **state) {
        const struct rows *rows = all_rows(state);

        for (size_t i = 0; i < rows->n; i++)
                if (is_refused(&rows->v[i]))
                        expect_refused(&rows->v[i]);
}

/* ---- each field has a case, and each case its test ---- */

static const struct config_case *case_of(const struct row *row) {
        for (size_t i = 0; i < ARRAY_SIZE(config_cases); i++)
                if (!strcmp(config_cases[i].kind, row->kind->kind) &&
                    !strcmp(config_cases[i].path, row->path))
                        return &config_cases[i];
        return NULL;
}

static void test_each_field_has_a_case(void **state) {
        const struct rows *rows = all_rows(state);

        for (size_t i = 0; i < rows->n; i++)
                if (!is_refused(&rows->v[i]) && !case_of(&rows->v[i]))
                        fail_msg("%s %s: no case in config_cases.h", rows->v[i].kind->kind, rows->v[i].path);
        for (size_t i = 0; i < ARRAY_SIZE(config_cases); i++) {
                bool found = false;

                for (size_t j = 0; j < rows->n; j++)
                        found |= case_of(&rows->v[j]) == &config_cases[i];
                if (!found)
                        fail_msg("%s %s: there is no such field", config_cases[i].kind, config_cases[i].path);
        }
}

/* A function of tests that is there and is run. */
static bool is_run(const char *text, const char *function) {
        char defined[128], listed[128];

        snprintf(defined, sizeof defined, "static void %s(void **state) {", function);
        snprintf(listed, sizeof listed, "test(%s)", function);
        return strstr(text, defined) && strstr(text, listed);
}

static void test_each_test_is_there_and_names_its_field(void **state) {
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(config_cases); i++) {
                const struct config_case *c = &config_cases[i];
                CLEANUP(freep) char *text = NULL;
                size_t size;

                if (!c->test == !c->file)
                        fail_msg("%s %s: a test or a file?", c->kind, c->path);
                if (!c->test)
                        continue;
                if (pki_file_read(c->test, 1 << 20, &text, &size) < 0 || !strstr(text, c->word))
                        fail_msg("%s %s: %s has no \"%s\"", c->kind, c->path, c->test, c->word);
                if (c->function ? !is_run(text, c->function) : !strstr(c->test, ".sh"))
                        fail_msg("%s %s: %s runs no %s", c->kind, c->path, c->test,
                                 c->function ? c->function : "script");
        }
}

/* ---- docs/configuration.md ---- */

static const char *version_of(const struct config_kind *k) {
        return strrchr(k->api_version, '/') + 1;
}

/* The versions that have the field: the newest first, in the row of which it is said. */
static bool is_in(const struct rows *rows, const struct row *row, bool old) {
        for (size_t i = 0; i < rows->n; i++)
                if (rows->v[i].kind->old == old && !strcmp(rows->v[i].kind->kind, row->kind->kind) &&
                    !strcmp(rows->v[i].path, row->path))
                        return true;
        return false;
}

static void print_test(FILE *out, const struct config_case *c) {
        if (c && c->test)
                fprintf(out, "%s%s%s", c->test, c->function ? ": " : "", c->function ? c->function : "");
        else if (c)
                fprintf(out, "test_config_fields: %s", strrchr(c->file, '/') + 1);
        else
                fprintf(out, "test_config_fields: refused");
}

static void print_row(FILE *out, const struct rows *rows, const struct row *row) {
        const struct config_case *c = case_of(row);
        const struct field *f = row->field;

        if (row->kind->old && is_in(rows, row, false))
                return;
        fprintf(out, "| `%s` ", row->path);
        if (!strcmp(row->kind->kind, AGENT_KIND))
                fprintf(out, "| ");
        else if (row->kind->old)
                fprintf(out, "| v1beta3 ");
        else
                fprintf(out, "| %s%s ", version_of(row->kind), is_in(rows, row, true) ? ", v1beta3" : "");
        fprintf(out, "| %s%s%s ", f->def && *f->def ? "`" : "", f->def ? f->def : "",
                f->def && *f->def ? "`" : "");
        if (!f->ops)
                fprintf(out, "| **refused**: %s |", f->refused);
        else if (f->ops == &op_only)
                fprintf(out, "| **refused** unless it is the default: %s |", f->refused);
        else
                fprintf(out, "| %s |", c ? c->does : "");
        fprintf(out, " ");
        print_test(out, is_refused(row) ? NULL : c);
        fprintf(out, " |\n");
}

static void print_kind(FILE *out, const struct rows *rows, const char *kind) {
        fprintf(out,
                "\n## %s\n\n| field | version | default | what it does | test |\n|---|---|---|---|---|\n",
                kind);
        for (size_t i = 0; i < rows->n; i++)
                if (!strcmp(rows->v[i].kind->kind, kind))
                        print_row(out, rows, &rows->v[i]);
}

static const char head[] =
        "# Configuration, field by field\n\n"
        "Made by `tests/unit/test_config_fields.c` out of the tables that read the configuration; the test\n"
        "fails when this page is not what it would write (`TRIARCH_WRITE_DOCS=1` writes it). `triarch "
        "config\n"
        "print-defaults` prints a commented file with every field; `triarch config validate FILE` says "
        "where\n"
        "a file is wrong.\n\n"
        "A field that is refused is an error with file, line, column and the reason; nothing is done then.\n"
        "`[]` stands for the items of a list. That each value is read and written as it was is tested by\n"
        "`test_config_fields` for every field; the last column names what tests its effect: a test, or the\n"
        "file that `init --root` is seen to make with it.\n";

static const char tail[] =
        "\n## Other kinds\n\n| kind | what it does | test |\n|---|---|---|\n"
        "| `KubeletConfiguration` of kubelet.config.k8s.io/v1beta1 | taken as it is; what it says goes "
        "before "
        "what init would say | tests/unit/test_config_kubeadm.c |\n"
        "| `KubeProxyConfiguration` of kubeproxy.config.k8s.io/v1alpha1 | the same for kube-proxy | "
        "tests/unit/test_config_kubeadm.c |\n"
        "| `ResetConfiguration`, `UpgradeConfiguration` | **refused** | tests/unit/test_config_errors.c |\n\n"
        "## Who gets what\n\n"
        "What a file says on the first master is carried to every master that joins, but for what is a\n"
        "machine's own: its name, interface, addresses and priority, `skipPhases`, `ignorePreflightErrors`,\n"
        "`patches.directory` and `dryRun`. Taints and the kubelet's extra arguments of an InitConfiguration\n"
        "are not for workers. A JoinConfiguration goes over all that for the machine it is given on.\n"
        "Bootstrap tokens are never written to a file.\n\n"
        "`triarch config migrate` turns v1beta3 into v1beta4: `extraArgs` and `kubeletExtraArgs` become\n"
        "lists, `apiServer.timeoutForControlPlane` and `discovery.timeout` move to `timeouts`, the gate\n"
        "`PublicKeysECDSA` becomes `encryptionAlgorithm`. Comments are lost.\n";

static void test_docs_are_up_to_date(void **state) {
        static const char *const kinds[] = { CLUSTER_KIND, INIT_KIND, JOIN_KIND, AGENT_KIND };
        const struct rows *rows = all_rows(state);
        CLEANUP(freep) char *want = NULL, *have = NULL;
        size_t size, have_size;
        FILE *out = open_memstream(&want, &size);

        fputs(head, out);
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                print_kind(out, rows, kinds[i]);
        fputs(tail, out);
        fclose(out);
        if (getenv("TRIARCH_WRITE_DOCS"))
                assert_int_equal(pki_file_write(DOCS, 0644, (gid_t)-1, want, size, 0), 0);
        if (pki_file_read(DOCS, 1 << 20, &have, &have_size) < 0 || strcmp(have, want) != 0)
                fail_msg(DOCS " is not up to date: TRIARCH_WRITE_DOCS=1 %s writes it", "test_config_fields");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values_come_back),
                cmocka_unit_test(test_values_do_what_they_say),
                cmocka_unit_test(test_the_rest_is_refused),
                cmocka_unit_test(test_each_field_has_a_case),
                cmocka_unit_test(test_each_test_is_there_and_names_its_field),
                cmocka_unit_test(test_docs_are_up_to_date),
        };

        return cmocka_run_group_tests(tests, make_rows, free_rows);
}
