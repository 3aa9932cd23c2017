/* What leaves the machine in a report for support has no secrets, and is still readable. */
#include "agent/scrub.h"
#include "pki/util.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define KEY64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void assert_scrubbed(const char *text, const char *want) {
        CLEANUP(freep) char *got = NULL;
        size_t n;

        assert_int_equal(scrub(text, strlen(text), &got, &n), 0);
        assert_string_equal(got, want);
        assert_int_equal(n, strlen(want));
}

static void test_removed(void **state) {
        static const struct {
                const char *text, *want;
        } cases[] = {
                { "a\n-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\nb",
                  "a\n[removed]\nb" },
                { "-----BEGIN PRIVATE KEY-----\nMHcC\n", "[removed]" }, /* cut short */
                { "\"k\": \"-----BEGIN RSA PRIVATE KEY-----\\nMHcC\\n-----END RSA PRIVATE KEY-----\\n\"",
                  "\"k\": \"[removed]\\n\"" },
                { "LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS0tLS0tCk1IY0M= x", "[removed] x" },
                { "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1IY0M= x", "[removed] x" },
                { "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQpNSUlF", "[removed]" },
                { "--token abcdef.0123456789abcdef --x", "--token abcdef.[removed] --x" },
                { "id abcdef.0123456789abcdef\n", "id abcdef.[removed]\n" },
                { "t eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJr.c2ln!", "t [removed]!" },
                { "send 1 " KEY64 "\n", "send 1 [removed]\n" },
                { "Authorization: Bearer c2VjcmV0", "Authorization: Bearer [removed]" },
                { "sent basic dXNlcjpwYXNz ok", "sent basic [removed] ok" },
                { "http://user:pass@proxy:3128/", "http://[removed]@proxy:3128/" },
                { "  password: hunter2\nnext", "  password: [removed]\nnext" },
                { "  \"password\": \"hun\\\"ter2\", \"x\"", "  \"password\": \"[removed]\", \"x\"" },
                { "password = \"hunter2\"", "password = \"[removed]\"" },
                { "DB_PASSWORD=hunter2 next", "DB_PASSWORD=[removed] next" },
                { "    - name: PROXY\n      value: s3cr3t!\n",
                  "    - name: PROXY\n      value: [removed]\n" },
                { "clientSecret: 'a b' # c", "clientSecret: '[removed]' # c" },
                { "bearerToken: 12345678901234567890", "bearerToken: [removed]" },
                { "Authorization: Bearer  c2VjcmV0", "Authorization: Bearer  [removed]" },
                { "http://user:pa#s?s@proxy:3128/", "http://[removed]@proxy:3128/" },
                { ".dockerconfigjson: eyJhdXRocyI6e319Cg", ".dockerconfigjson: [removed]" },
                { "kubeadm join --password hunter2 --v 5", "kubeadm join --password [removed] --v 5" },
                { "auth_pass=1234", "auth_pass=[removed]" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_scrubbed(cases[i].text, cases[i].want);
}

/* A password may look like a number, a path or a structure; one of 64 keys in base64 begins with a slash. */
static void test_values_that_look_like_none(void **state) {
        static const struct {
                const char *text, *want;
        } cases[] = {
                { "password: 12345678\nx", "password: [removed]\nx" },
                { "\"password\": \"{a\"", "\"password\": \"[removed]\"" },
                { "PASSWORD=[a", "PASSWORD=[removed]" },
                { "secret: /W6tMk0SUUcrfBMIg8CVMfSkVjYZbuTSQs2pHvQ9ZkI=",
                  "secret: [removed]" }, /* aescbc, in EncryptionConfiguration */
                { "passwordFile: /etc/p", "passwordFile: /etc/p" },
                { "secretRotationInterval: 20s", "secretRotationInterval: 20s" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_scrubbed(cases[i].text, cases[i].want);
}

/* Journals quote JSON within JSON. */
static void test_escaped(void **state) {
        (void)state;
        assert_scrubbed("msg=\"got {\\\"password\\\":\\\"hunter2\\\",\\\"x\\\":1}\"",
                        "msg=\"got {\\\"password\\\":\\\"[removed]\\\",\\\"x\\\":1}\"");
        assert_scrubbed("{\\\"auth\\\": \\\"dXNlcjpwYXNz\\\"}", "{\\\"auth\\\": \\\"[removed]\\\"}");
}

static void test_many_lines(void **state) {
        static const struct {
                const char *text, *want;
        } cases[] = {
                /* base64(1) breaks lines after 76 characters, and others elsewhere */
                { "k: LS0tLS1CRUdJTiBQUkl\n   WQVRFIEtFWS0tLS0tCk1I\n   Y0M=\nusers:",
                  "k: [removed]\nusers:" },
                { "\"k\": \"LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1I\\nY0M=\\n\"",
                  "\"k\": \"[removed]\\n\"" },
                { "  client-key-data: |\n    TUhj\n\n    Q0FR\n  next: 1\n",
                  "  client-key-data: |\n[removed]\n  next: 1\n" },
                { "- password: >-\n    hunter2\n  user: x", "- password: >-\n[removed]\n  user: x" },
                { "secret: |\nnext: 1\n", "secret: |\nnext: 1\n" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_scrubbed(cases[i].text, cases[i].want);
}

static void test_kept(void **state) {
        static const char *const cases[] = {
                "",
                "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
                "certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUI=",
                "--discovery-token-ca-cert-hash sha256:" KEY64,
                "- --service-account-key-file=/etc/kubernetes/pki/sa.pub",
                "- --enable-bootstrap-token-auth=true",
                "tokenTTL: 2h0m0s",
                "registry.k8s.io/kube-apiserver:v1.36.2",
                "https://10.0.0.1:6443/livez",
                "2026-11-23T10:48:46.715Z agent active -> backup",
                "secret: |\n",
                "KEY" KEY64,
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_scrubbed(cases[i], cases[i]);
}

/* Each of the beginnings looks for a key up to the end: in a time that grows with the text, not with the
 * square of its blanks. */
static void test_blanks_without_end(void **state) {
        enum { BEGINNINGS = 100, BLANKS = 100000 };
        CLEANUP(freep) char *text = malloc(14 * BEGINNINGS + BLANKS + 3);
        char *end = text;

        (void)state;
        assert_non_null(text);
        for (size_t i = 0; i < BEGINNINGS; i++)
                end = stpcpy(end, "LS0tLS1CRUdJTi");
        *end++ = '\n';
        memset(end, ' ', BLANKS);
        strcpy(end + BLANKS, "U");
        assert_scrubbed(text, text);
}

/* At whatever place it is cut, a secret's tail does not come through a rule's look-ahead. */
static void test_cut_anywhere(void **state) {
        static const char text[] = "x token: abcdef.0123456789abcdef " KEY64 " eyJh.b.c http://u:p@h "
                                   "-----BEGIN PRIVATE KEY-----\nMHcC\n-----END PRIVATE KEY-----\n\xff\xfe";

        (void)state;
        for (size_t n = 0; n <= sizeof text; n++) {
                CLEANUP(freep) char *copy = malloc(n + 1), *got = NULL; /* for ASan: nothing behind it */
                size_t size;

                assert_non_null(copy);
                memcpy(copy, text, n < sizeof text ? n : sizeof text);
                assert_int_equal(scrub(copy, n < sizeof text ? n : sizeof text, &got, &size), 0);
                assert_null(memmem(got, size, "MHcC", 4));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_removed),      cmocka_unit_test(test_values_that_look_like_none),
                cmocka_unit_test(test_escaped),      cmocka_unit_test(test_many_lines),
                cmocka_unit_test(test_kept),         cmocka_unit_test(test_blanks_without_end),
                cmocka_unit_test(test_cut_anywhere),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
