/* The signature over cluster-info: kubeadm's own test vector, and what must not pass. */
#include "pki/jws.h"
#include "pki/util.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char content[] = "Hello from the other side. I must have called a thousand times.";
static const char secret[] = "my voice is my passcode";
static const char jws[] =
        "eyJhbGciOiJIUzI1NiIsImtpZCI6Impvc2h1YSJ9..VShe2taLd-YTrmWuRkcL_8QTNDHYxQIEBsAYYiIj1_8";

static void test_vector(void **state) {
        CLEANUP(freep) char *text = NULL;

        (void)state;
        assert_int_equal(pki_jws_sign(content, strlen(content), "joshua", secret, &text), 0);
        assert_string_equal(text, jws);
        assert_int_equal(pki_jws_check(content, strlen(content), "joshua", secret, jws), 0);
}

/* cluster-info of a cluster that this program made, signed by kube-controller-manager 1.36.2. */
static void test_a_controllers_signature(void **state) {
        static const char kubeconfig[] =
                "apiVersion: v1\n"
                "clusters:\n"
                "- cluster:\n"
                "    certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJl"
                "VENDQVIrZ0F3SUJBZ0lJRDQ4TDJWQnFKSGd3Q2dZSUtvWkl6ajBFQXdJd0ZURVRNQkVHQTFVRUF4"
                "TUsKYTNWaVpYSnVaWFJsY3pBZUZ3MHlOakV4TWpNeE1qRXhOREZhRncwek5qRXhNakF4TWpFMk5E"
                "RmFNQlV4RXpBUgpCZ05WQkFNVENtdDFZbVZ5Ym1WMFpYTXdXVEFUQmdjcWhrak9QUUlCQmdncWhr"
                "ak9QUU1CQndOQ0FBUW9Ndm9kCjI2UVdPelpFMVgvSEk1Q2loajFRMDErakhiOVMyaGdHK0hpeWhT"
                "N0IzN0s5OGttYjljcmZZdXhxdWljVlBOb28KcmJ6SzdXNTR1WVgybnpLQm8xa3dWekFPQmdOVkhR"
                "OEJBZjhFQkFNQ0FxUXdEd1lEVlIwVEFRSC9CQVV3QXdFQgovekFkQmdOVkhRNEVGZ1FVRWNoTVI1"
                "U1VuOHJNS0hqRExhMTlHWlJTN1RBd0ZRWURWUjBSQkE0d0RJSUthM1ZpClpYSnVaWFJsY3pBS0Jn"
                "Z3Foa2pPUFFRREFnTklBREJGQWlFQXphc21RTHpjUXVKWU5vSWtPeWxTb2NMdHBHL20KcjQ3YTY0"
                "KzZXUW9TYkFJQ0lCSE1HQ1N6c2J1WG9QM2s3b2pyUGRKQSsxaWVZVDkvc3o4MTVzUG0xRkE1Ci0t"
                "LS0tRU5EIENFUlRJRklDQVRFLS0tLS0K\n"
                "    server: https://172.18.0.192:6443\n"
                "  name: \"\"\n"
                "contexts: null\n"
                "current-context: \"\"\n"
                "kind: Config\n"
                "users: null\n";
        static const char by_controller[] =
                "eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9..ud00-5c9r_gnWNIymDTW3SvypNkQrUKyiTfC92yNRQY";

        (void)state;
        assert_int_equal(
                pki_jws_check(kubeconfig, strlen(kubeconfig), "abcdef", "0123456789abcdef", by_controller),
                0);
        assert_int_equal(pki_jws_check(kubeconfig, strlen(kubeconfig) - 1, "abcdef", "0123456789abcdef",
                                       by_controller),
                         -EBADMSG);
}

static void test_another_is_refused(void **state) {
        const struct {
                const char *content, *id, *secret, *jws;
        } wrong[] = {
                { "Hello", "joshua", secret, jws },
                { content, "joshub", secret, jws },
                { content, "joshua", "my voice is my passcodf", jws },
                { content, "joshua", secret, "" },
                { content, "joshua", secret, ".." },
                /* the same header in another order of its keys */
                { content, "joshua", secret,
                  "eyJraWQiOiJqb3NodWEiLCJhbGciOiJIUzI1NiJ9..VShe2taLd-YTrmWuRkcL_8QTNDHYxQIEBsAYYiIj1_8" },
                /* one that says it is not signed */
                { content, "joshua", secret, "eyJhbGciOiJub25lIiwia2lkIjoiam9zaHVhIn0.." },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                assert_int_equal(pki_jws_check(wrong[i].content, strlen(wrong[i].content), wrong[i].id,
                                               wrong[i].secret, wrong[i].jws),
                                 -EBADMSG);
}

static void test_an_id_cannot_write_the_header(void **state) {
        static const char *const ids[] = { "", "a\"", "a\\", "a b", "a\",\"alg\":\"none" };
        char *text = NULL;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
                assert_int_equal(pki_jws_sign(content, strlen(content), ids[i], secret, &text), -EINVAL);
        assert_null(text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_vector),
                cmocka_unit_test(test_a_controllers_signature),
                cmocka_unit_test(test_another_is_refused),
                cmocka_unit_test(test_an_id_cannot_write_the_header),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
