/* The token store and `triarch token`'s promises: never the secret on disk, compare-and-set, limits. */
#include "tests/unit/tmpdir.h"

#include "agent/jread.h"
#include "agent/token.h"
#include "pki/file.h"
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>

/* A key to wrap under, in *state/ca.key. */
static const char *make_key(void *state, char out[PATH_MAX]) {
        EVP_PKEY *key = EVP_EC_gen("P-256");
        FILE *f = fopen(tmp_path(state, "ca.key", out), "w");

        assert_non_null(key);
        assert_non_null(f);
        assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
        fclose(f);
        assert_int_equal(chmod(out, 0600), 0);
        EVP_PKEY_free(key);
        return out;
}

static void create(void *state, unsigned ttl_s, unsigned uses, const char *node, const char *address,
                   char token[PKI_TOKEN_SIZE], char id[PKI_TOKEN_ID + 1]) {
        char key[PATH_MAX];
        struct error e = { 0 };

        tmp_path(state, "ca.key", key);
        if (access(key, F_OK) < 0)
                make_key(state, key);
        assert_int_equal(token_create(state, key, ENROLL_MASTER, ttl_s, uses, node, address, token, &e), 0);
        snprintf(id, PKI_TOKEN_ID + 1, "%.6s", token);
}

static void token_file(void *state, const char *id, char out[PATH_MAX]) {
        char name[64];

        snprintf(name, sizeof name, "var/lib/triarch/tokens/%s.json", id);
        tmp_path(state, name, out);
}

static void test_created_token_is_stored_without_its_secret(void **state) {
        char token[PKI_TOKEN_SIZE], id[PKI_TOKEN_ID + 1], path[PATH_MAX], *text;
        uint8_t kp[PKI_KP_SIZE], want[PKI_KP_SIZE];
        struct token t;
        struct stat st;
        size_t size;

        create(*state, 600, 2, "n2", "172.18.0.155", token, id);
        assert_int_equal(pki_token_check(token), 0);
        token_file(*state, id, path);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(pki_file_read(path, 65536, &text, &size), 0);
        assert_null(strstr(text, token + PKI_TOKEN_ID + 1));
        free(text);
        assert_int_equal(token_get(*state, id, &t, NULL), 0);
        assert_int_equal(t.uses_left, 2);
        assert_string_equal(t.node, "n2");
        assert_string_equal(t.address, "172.18.0.155");
        assert_int_equal(t.expires_s - t.created_s, 600);
        assert_int_equal(pki_kp_unwrap(tmp_path(*state, "ca.key", path), id, t.wrapped, kp), 0);
        assert_int_equal(pki_token_kp(token, want), 0);
        assert_memory_equal(kp, want, sizeof kp);
}

static void test_directory_is_private(void **state) {
        char token[PKI_TOKEN_SIZE], id[PKI_TOKEN_ID + 1], path[PATH_MAX];
        struct stat st;

        create(*state, 600, 1, NULL, NULL, token, id);
        assert_int_equal(stat(tmp_path(*state, "var/lib/triarch", path), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        assert_int_equal(stat(tmp_path(*state, "var/lib/triarch/tokens", path), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
}

static void test_uses_are_consumed_and_a_resumed_join_is_free(void **state) {
        char token[PKI_TOKEN_SIZE], id[PKI_TOKEN_ID + 1];
        const uint8_t a[PKI_X25519_SIZE] = { 1 }, b[PKI_X25519_SIZE] = { 2 }, c[PKI_X25519_SIZE] = { 3 };
        int64_t now = time(NULL);
        struct error e = { 0 };
        struct token t;

        create(*state, 600, 2, NULL, NULL, token, id);
        assert_int_equal(token_consume(*state, id, now, "n2", "172.18.0.155", a, &e), 0);
        assert_int_equal(token_consume(*state, id, now, "n2", "172.18.0.155", a, &e), 0);
        assert_int_equal(token_get(*state, id, &t, NULL), 0);
        assert_int_equal(t.uses_left, 1);
        assert_int_equal(token_consume(*state, id, now, "n3", "172.18.0.156", b, &e), 0);
        assert_int_equal(token_consume(*state, id, now, "n4", "172.18.0.157", c, &e), -EDQUOT);
        assert_non_null(strstr(e.message, "used up"));
        /* the same key under another name is another joiner */
        assert_int_equal(token_consume(*state, id, now, "n4", "172.18.0.157", a, &e), -EDQUOT);
        assert_int_equal(token_consume(*state, id, now, "n2", "172.18.0.155", a, &e), 0);
}

static void test_expiry_is_exact(void **state) {
        char token[PKI_TOKEN_SIZE], id[PKI_TOKEN_ID + 1];
        const uint8_t a[PKI_X25519_SIZE] = { 1 };
        struct error e = { 0 };
        struct token t;

        create(*state, 60, 1, NULL, NULL, token, id);
        assert_int_equal(token_get(*state, id, &t, NULL), 0);
        assert_int_equal(token_usable(&t, t.expires_s - 1, "n2", "172.18.0.155", a, &e), 0);
        assert_int_equal(token_usable(&t, t.expires_s, "n2", "172.18.0.155", a, &e), -EKEYEXPIRED);
        assert_int_equal(token_consume(*state, id, t.expires_s, "n2", "172.18.0.155", a, &e), -EKEYEXPIRED);
        assert_non_null(strstr(e.message, "expired"));
}

static void test_binding_to_a_node(void **state) {
        char token[PKI_TOKEN_SIZE], id[PKI_TOKEN_ID + 1];
        const uint8_t a[PKI_X25519_SIZE] = { 1 };
        int64_t now = time(NULL);
        struct error e = { 0 };

        create(*state, 600, 1, "n2", "172.18.0.155", token, id);
        assert_int_equal(token_consume(*state, id, now, "n3", "172.18.0.155", a, &e), -EPERM);
        assert_non_null(strstr(e.message, "n2"));
        assert_int_equal(token_consume(*state, id, now, "n2", "172.18.0.156", a, &e), -EPERM);
        assert_non_null(strstr(e.message, "172.18.0.155"));
        assert_int_equal(token_consume(*state, id, now, "n2", "172.18.0.155", a, &e), 0);
}

static void test_ids_never_leave_the_directory(void **state) {
        static const char *const bad[] = { "../etc", "a/b/cd", "", "ABCDEF", "abcde", "abcdefg", ".lock." };
        char path[PATH_MAX];
        struct token t;

        create(*state, 600, 1, NULL, NULL, (char[PKI_TOKEN_SIZE]){ 0 }, (char[PKI_TOKEN_ID + 1]){ 0 });
        assert_int_equal(
                pki_file_write(tmp_path(*state, "var/lib/triarch/x.json", path), 0600, (gid_t)-1, "{}", 2, 0),
                0);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                assert_int_equal(token_get(*state, bad[i], &t, NULL), -ENOENT);
                assert_int_equal(token_delete(*state, bad[i], NULL), -ENOENT);
        }
}

static int count_one(void *userdata, const struct token *t) {
        (void)t;
        ++*(unsigned *)userdata;
        return 0;
}

static unsigned count(void *state) {
        unsigned n = 0;

        assert_int_equal(token_list(state, count_one, &n, NULL), 0);
        return n;
}

static void test_list_and_delete(void **state) {
        char token[PKI_TOKEN_SIZE], id[PKI_TOKEN_ID + 1], second[PKI_TOKEN_ID + 1];

        assert_int_equal(count(*state), 0);
        create(*state, 600, 1, NULL, NULL, token, id);
        create(*state, 600, 1, NULL, NULL, token, second);
        assert_int_equal(count(*state), 2);
        assert_int_equal(token_delete(*state, id, NULL), 0);
        assert_int_equal(token_delete(*state, id, NULL), -ENOENT);
        assert_int_equal(count(*state), 1);
}

static void rewrite(void *state, const char *id, const char *key, const char *value) {
        char path[PATH_MAX], *text;
        size_t size;
        json_t *o;

        token_file(state, id, path);
        assert_int_equal(pki_file_read(path, 65536, &text, &size), 0);
        o = jread_parse(text, size);
        free(text);
        assert_non_null(o);
        if (value)
                json_object_set_new(o, key, json_loads(value, JSON_DECODE_ANY, NULL));
        else
                json_object_del(o, key);
        text = json_dumps(o, 0);
        assert_int_equal(pki_file_write(path, 0600, (gid_t)-1, text, strlen(text), 0), 0);
        free(text);
        json_decref(o);
}

static void test_create_purges_expired_ones(void **state) {
        char token[PKI_TOKEN_SIZE], id[PKI_TOKEN_ID + 1], other[PKI_TOKEN_ID + 1];
        struct token t;

        create(*state, 600, 1, NULL, NULL, token, id);
        rewrite(*state, id, "expires", "1000");
        assert_int_equal(count(*state), 1);
        create(*state, 600, 1, NULL, NULL, token, other);
        assert_int_equal(token_get(*state, id, &t, NULL), -ENOENT);
        assert_int_equal(count(*state), 1);
}

static void test_files_that_are_none_are_named(void **state) {
        static const struct {
                const char *key, *value;
        } changes[] = {
                { "uses", "9" },         { "uses", "-1" },  { "uses", "\"1\"" }, { "id", "\"zzzzzz\"" },
                { "wrapped", "\"ab\"" }, { "bound", "{}" }, { "bound", "[1]" },  { "version", "1" },
                { "role", "\"x\"" },     { "role", NULL },  { "extra", "1" },    { "node", NULL },
                { "expires", "1.5" },
        };
        char token[PKI_TOKEN_SIZE], id[PKI_TOKEN_ID + 1];
        struct error e;
        struct token t;

        for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
                create(*state, 600, 1, NULL, NULL, token, id);
                rewrite(*state, id, changes[i].key, changes[i].value);
                e = (struct error){ 0 };
                assert_int_equal(token_get(*state, id, &t, &e), -EBADMSG);
                assert_non_null(strstr(e.file, id));
                assert_int_equal(token_delete(*state, id, &e), 0);
        }
}

struct racer {
        void *state;
        const char *id;
        uint8_t pub[PKI_X25519_SIZE];
        int result;
};

static void *race(void *userdata) {
        struct racer *r = userdata;

        r->result = token_consume(r->state, r->id, time(NULL), "n2", "172.18.0.155", r->pub, NULL);
        return NULL;
}

static void test_two_joiners_cannot_both_have_the_last_use(void **state) {
        enum { RACERS = 12 };
        char token[PKI_TOKEN_SIZE], id[PKI_TOKEN_ID + 1];
        struct racer r[RACERS];
        pthread_t thread[RACERS];
        unsigned in = 0;

        create(*state, 600, 3, NULL, NULL, token, id);
        for (unsigned i = 0; i < RACERS; i++) {
                r[i] = (struct racer){ .state = *state, .id = id, .pub = { (uint8_t)i } };
                assert_int_equal(pthread_create(&thread[i], NULL, race, &r[i]), 0);
        }
        for (unsigned i = 0; i < RACERS; i++) {
                pthread_join(thread[i], NULL);
                in += r[i].result == 0;
        }
        assert_int_equal(in, 3);
}

static void test_uses_have_limits(void **state) {
        char token[PKI_TOKEN_SIZE], key[PATH_MAX];
        struct error e = { 0 };

        make_key(*state, key);
        assert_int_equal(token_create(*state, key, ENROLL_MASTER, 60, 0, NULL, NULL, token, &e), -EINVAL);
        assert_int_equal(
                token_create(*state, key, ENROLL_MASTER, 60, TOKEN_MAX_USES + 1, NULL, NULL, token, &e),
                -EINVAL);
        assert_int_equal(e.status, EXIT_INPUT);
}

static void test_missing_ca_key_is_named_and_leaves_no_token(void **state) {
        char token[PKI_TOKEN_SIZE];
        struct error e = { 0 };

        assert_true(token_create(*state, "/nonexistent/ca.key", ENROLL_MASTER, 60, 1, NULL, NULL, token, &e) <
                    0);
        assert_string_equal(e.file, "/nonexistent/ca.key");
        assert_non_null(strstr(e.message, "external"));
        assert_int_equal(count(*state), 0);
        assert_int_equal(tmp_count(*state), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(test_created_token_is_stored_without_its_secret),
                tmp_test(test_directory_is_private),
                tmp_test(test_uses_are_consumed_and_a_resumed_join_is_free),
                tmp_test(test_expiry_is_exact),
                tmp_test(test_binding_to_a_node),
                tmp_test(test_ids_never_leave_the_directory),
                tmp_test(test_list_and_delete),
                tmp_test(test_create_purges_expired_ones),
                tmp_test(test_files_that_are_none_are_named),
                tmp_test(test_two_joiners_cannot_both_have_the_last_use),
                tmp_test(test_uses_have_limits),
                tmp_test(test_missing_ca_key_is_named_and_leaves_no_token),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
