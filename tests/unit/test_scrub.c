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
                cmocka_unit_test(test_removed),
                cmocka_unit_test(test_kept),
                cmocka_unit_test(test_cut_anywhere),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
