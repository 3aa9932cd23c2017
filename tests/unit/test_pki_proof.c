/* The cryptography of enrolment: the vectors of docs/wire.md (computed by another implementation), and
 * that nothing that was tampered with is taken. */
#include "pki/file.h"
#include "pki/proof.h"
#include "pki/transcript.h"
#include "pki/util.h"
#include "pki/x25519.h"
#include "tests/unit/tmpdir.h"
#include <ctype.h>
#include <errno.h>

static const char token[] = "abcdef.0123456789abcdef";
static const char ca_key_pem[] = "-----BEGIN EC PRIVATE KEY-----\n"
                                 "MHcCAQEEIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8goAoGCCqGSM49\n"
                                 "AwEHoUQDQgAEUVw9brnjlrkE0/7Kf1T9zQzB6Ze/N13KUVrQpsO0A19FNr46UPMY\n"
                                 "+/mlR1kCoiFQK+8NV+CMU7LMClbxfZ+TVA==\n"
                                 "-----END EC PRIVATE KEY-----\n";
/* The same key as PKCS#8. */
static const char ca_key_pkcs8[] = "-----BEGIN PRIVATE KEY-----\n"
                                   "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAQIDBAUGBwgJCgsM\n"
                                   "DQ4PEBESExQVFhcYGRobHB0eHyChRANCAARRXD1uueOWuQTT/sp/VP3NDMHpl783\n"
                                   "XcpRWtCmw7QDX0U2vjpQ8xj7+aVHWQKiIVAr7w1X4IxTsswKVvF9n5NU\n"
                                   "-----END PRIVATE KEY-----\n";

static const char kp_hex[] = "59e61f0348a83d7984fcb43ecb5ecb21d96e3bed6d6e3d48e38e72dee5bede96";
static const char wrapped_hex[] = "a0a1a2a3a4a5a6a7a8a9aaab"
                                  "e2e248623bdf9ac3ee25a588d56daafa3bcf7b0e2a4b37085bd6c44f6b003050"
                                  "fd3a169759923514af9331c74aa8e9bb";
static const char joiner_pub_hex[] = "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254";
static const char transcript_hex[] =
        "000000117472696172636820656e726f6c6c207632"
        "000000203030313132323333343435353636373738383939616162626363646465656666"
        "00000006616263646566"
        "000000066d6173746572"
        "00000005686f737432"
        "0000000c3137322e31382e302e313535"
        "0000000818ea8ac9a5184d15"
        "00000020404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
        "00000020358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254"
        "00000000";
static const char proof_hex[] = "8a54eef9418ca116649f408e1a65df6016a15138866c2dda69e8ef67797ccd15";
/* The same joiner as a worker, whose certificate request is the text "the request". */
static const char worker_proof_hex[] = "fae7aba093e7326501b04c542be8ff25985d60a6e23b321ff86aef158fcb40e4";
static const char server_pub_hex[] = "675dd574ed7789310b3d2e7681f3790b466c773b1521fecf36577958371ea52f";
static const char shared_hex[] = "7c79d7b5f31b9aac367477f5f7c7a68b5c44cac28ed5c902a59ec48c02956a6a";
static const char sealed_hex[] = "675dd574ed7789310b3d2e7681f3790b466c773b1521fecf36577958371ea52f"
                                 "c0c1c2c3c4c5c6c7c8c9cacb"
                                 "f7542877affa81b13777"
                                 "2badbbefc02d150754aa35131ca95bf3";

static size_t unhex(const char *hex, uint8_t *out) {
        size_t n = strlen(hex) / 2;

        for (size_t i = 0; i < n; i++) {
                char pair[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

                out[i] = (uint8_t)strtoul(pair, NULL, 16);
        }
        return n;
}

static void assert_hex(const uint8_t *have, size_t size, const char *hex) {
        uint8_t want[512];

        assert_int_equal(unhex(hex, want), size);
        assert_memory_equal(have, want, size);
}

static void count_up(uint8_t *out, uint8_t from, size_t n) {
        for (size_t i = 0; i < n; i++)
                out[i] = (uint8_t)(from + i);
}

static struct pki_transcript transcript(void) {
        struct pki_transcript t = {
                .cluster_id = "00112233445566778899aabbccddeeff",
                .token_id = "abcdef",
                .role = "master",
                .csr = "",
                .node_name = "host2",
                .node_address = "172.18.0.155",
                .clock_ns = 1795400000123456789,
        };

        count_up(t.exporter, 0x40, sizeof t.exporter);
        unhex(joiner_pub_hex, t.joiner_pub);
        return t;
}

static char *ca_key(void *state, const char *pem, char path[PATH_MAX]) {
        tmp_path(state, "ca.key", path);
        assert_int_equal(pki_file_write(path, 0600, (gid_t)-1, pem, strlen(pem), 0), 0);
        return path;
}

static void test_token_has_its_form_and_varies(void **state) {
        unsigned seen[256] = { 0 };
        char out[PKI_TOKEN_SIZE], last[PKI_TOKEN_SIZE] = "";

        (void)state;
        for (int i = 0; i < 20000; i++) {
                assert_int_equal(pki_token_generate(out), 0);
                assert_int_equal(pki_token_check(out), 0);
                assert_string_not_equal(out, last);
                memcpy(last, out, sizeof out);
                for (size_t k = 0; out[k]; k++)
                        seen[(unsigned char)out[k]]++;
        }
        /* 440000 letters over 36: 12222 each, sigma 109; eight sigma never happen by chance, and a byte
         * taken modulo 36 would give the first four letters 13750 each. */
        for (int c = 0; c < 256; c++)
                if (islower(c) || isdigit(c))
                        assert_in_range(seen[c], 12222 - 872, 12222 + 872);
        assert_int_equal(seen['.'], 20000);
}

static void test_what_is_no_token_is_refused(void **state) {
        static const char *const bad[] = {
                "",
                "abcdef",
                "abcdef.0123456789abcde",
                "abcdef.0123456789abcdef0",
                "abcdef-0123456789abcdef",
                "abcdeF.0123456789abcdef",
                "abcdef.0123456789abcde ",
                "abcdef.0123456789abcd\xc3\xa9",
                "abcde.f0123456789abcdef",
                " bcdef.0123456789abcdef",
                "abcdef.0123456789abcdef\n",
        };
        uint8_t kp[PKI_KP_SIZE];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                assert_int_equal(pki_token_check(bad[i]), -EINVAL);
                assert_int_equal(pki_token_kp(bad[i], kp), -EINVAL);
        }
}

static void test_vector_kp(void **state) {
        uint8_t kp[PKI_KP_SIZE];

        (void)state;
        assert_int_equal(pki_token_kp(token, kp), 0);
        assert_hex(kp, sizeof kp, kp_hex);
}

static void test_vector_wrapped(void **state) {
        uint8_t wrapped[PKI_WRAPPED_SIZE], kp[PKI_KP_SIZE];
        char path[PATH_MAX];

        assert_int_equal(unhex(wrapped_hex, wrapped), sizeof wrapped);
        assert_int_equal(pki_kp_unwrap(ca_key(*state, ca_key_pem, path), "abcdef", wrapped, kp), 0);
        assert_hex(kp, sizeof kp, kp_hex);
        memset(kp, 0, sizeof kp); /* another encoding of the key is the same key */
        assert_int_equal(pki_kp_unwrap(ca_key(*state, ca_key_pkcs8, path), "abcdef", wrapped, kp), 0);
        assert_hex(kp, sizeof kp, kp_hex);
}

static void test_wrapping_is_new_each_time_and_comes_back(void **state) {
        uint8_t kp[PKI_KP_SIZE], back[PKI_KP_SIZE], a[PKI_WRAPPED_SIZE], b[PKI_WRAPPED_SIZE];
        char path[PATH_MAX];

        unhex(kp_hex, kp);
        ca_key(*state, ca_key_pem, path);
        assert_int_equal(pki_kp_wrap(path, "abcdef", kp, a), 0);
        assert_int_equal(pki_kp_wrap(path, "abcdef", kp, b), 0);
        assert_memory_not_equal(a, b, 12);
        assert_int_equal(pki_kp_unwrap(path, "abcdef", a, back), 0);
        assert_memory_equal(kp, back, sizeof kp);
        assert_int_equal(pki_kp_unwrap(path, "abcdef", b, back), 0);
        assert_memory_equal(kp, back, sizeof kp);
}

static void test_wrapped_tampered_with_at_each_byte(void **state) {
        uint8_t wrapped[PKI_WRAPPED_SIZE], kp[PKI_KP_SIZE], zero[PKI_KP_SIZE] = { 0 };
        char path[PATH_MAX];

        unhex(wrapped_hex, wrapped);
        ca_key(*state, ca_key_pem, path);
        for (size_t i = 0; i < sizeof wrapped; i++) {
                wrapped[i] ^= 1;
                memset(kp, 0xff, sizeof kp);
                assert_int_equal(pki_kp_unwrap(path, "abcdef", wrapped, kp), -EBADMSG);
                assert_memory_equal(kp, zero, sizeof kp);
                wrapped[i] ^= 1;
        }
        assert_int_equal(pki_kp_unwrap(path, "abcdeg", wrapped, kp), -EBADMSG);
}

static void test_wrapping_needs_the_key_of_the_ca(void **state) {
        uint8_t wrapped[PKI_WRAPPED_SIZE], kp[PKI_KP_SIZE];
        char path[PATH_MAX];

        unhex(wrapped_hex, wrapped);
        assert_int_equal(pki_kp_unwrap(tmp_path(*state, "none", path), "abcdef", wrapped, kp), -ENOENT);
        assert_int_equal(pki_kp_unwrap(ca_key(*state, "no key", path), "abcdef", wrapped, kp), -EINVAL);
        assert_int_equal(pki_kp_wrap(path, "abcdef", kp, wrapped), -EINVAL);
}

static void test_vector_transcript_and_proof(void **state) {
        uint8_t text[PKI_TRANSCRIPT_MAX], kp[PKI_KP_SIZE], mac[PKI_MAC_SIZE];
        struct pki_transcript t = transcript();
        size_t n;

        (void)state;
        unhex(kp_hex, kp);
        assert_int_equal(pki_transcript_encode(&t, text, &n), 0);
        assert_hex(text, n, transcript_hex);
        assert_int_equal(pki_proof_make(kp, &t, mac), 0);
        assert_hex(mac, sizeof mac, proof_hex);
        assert_int_equal(pki_proof_check(kp, &t, mac), 0);
        t.role = "worker";
        t.csr = "the request";
        assert_int_equal(pki_proof_check(kp, &t, mac), -EBADMSG);
        assert_int_equal(pki_proof_make(kp, &t, mac), 0);
        assert_hex(mac, sizeof mac, worker_proof_hex);
}

static void test_proof_tampered_with_at_each_byte(void **state) {
        uint8_t kp[PKI_KP_SIZE], mac[PKI_MAC_SIZE];
        struct pki_transcript t = transcript();

        (void)state;
        unhex(kp_hex, kp);
        unhex(proof_hex, mac);
        for (size_t i = 0; i < sizeof mac; i++) {
                mac[i] ^= 0x80;
                assert_int_equal(pki_proof_check(kp, &t, mac), -EBADMSG);
                mac[i] ^= 0x80;
        }
        for (size_t i = 0; i < sizeof kp; i++) {
                kp[i] ^= 1;
                assert_int_equal(pki_proof_check(kp, &t, mac), -EBADMSG);
                kp[i] ^= 1;
        }
        for (size_t i = 0; i < sizeof t.exporter; i++) {
                t.exporter[i] ^= 1;
                assert_int_equal(pki_proof_check(kp, &t, mac), -EBADMSG);
                t.exporter[i] ^= 1;
                t.joiner_pub[i] ^= 1;
                assert_int_equal(pki_proof_check(kp, &t, mac), -EBADMSG);
                t.joiner_pub[i] ^= 1;
        }
        for (int i = 0; i < 63; i++) {
                t.clock_ns ^= (int64_t)1 << i;
                assert_int_equal(pki_proof_check(kp, &t, mac), -EBADMSG);
                t.clock_ns ^= (int64_t)1 << i;
        }
        assert_int_equal(pki_proof_check(kp, &t, mac), 0);
}

static void test_proof_covers_every_text(void **state) {
        const struct {
                size_t offset;
                const char *other;
        } fields[] = {
                { offsetof(struct pki_transcript, cluster_id), "00112233445566778899aabbccddeefe" },
                { offsetof(struct pki_transcript, token_id), "abcdeg" },
                { offsetof(struct pki_transcript, role), "worker" },
                { offsetof(struct pki_transcript, node_name), "host3" },
                { offsetof(struct pki_transcript, node_address), "172.18.0.156" },
                { offsetof(struct pki_transcript, csr), "another request" },
        };
        uint8_t kp[PKI_KP_SIZE], mac[PKI_MAC_SIZE];

        (void)state;
        unhex(kp_hex, kp);
        unhex(proof_hex, mac);
        for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
                struct pki_transcript t = transcript();
                const char **field = (const char **)((char *)&t + fields[i].offset);

                *field = fields[i].other;
                assert_int_equal(pki_proof_check(kp, &t, mac), -EBADMSG);
                *field = NULL;
                assert_int_equal(pki_proof_check(kp, &t, mac), -EINVAL);
        }
}

/* Moving a letter from one field to the next changes the bytes. */
static void test_no_two_transcripts_share_an_encoding(void **state) {
        struct pki_transcript a = transcript(), b = transcript();
        uint8_t ta[PKI_TRANSCRIPT_MAX], tb[PKI_TRANSCRIPT_MAX];
        char longest[PKI_TRANSCRIPT_MAX];
        size_t na, nb;

        (void)state;
        b.node_name = "host";
        b.node_address = "2172.18.0.155";
        assert_int_equal(pki_transcript_encode(&a, ta, &na), 0);
        assert_int_equal(pki_transcript_encode(&b, tb, &nb), 0);
        assert_int_equal(na, nb);
        assert_memory_not_equal(ta, tb, na);
        memset(longest, 'n', sizeof longest - 1);
        longest[sizeof longest - 1] = '\0';
        b.node_name = longest;
        assert_int_equal(pki_transcript_encode(&b, tb, &nb), -EINVAL);
}

static void test_vector_x25519(void **state) {
        uint8_t joiner[PKI_X25519_SIZE], server[PKI_X25519_SIZE], pub[PKI_X25519_SIZE], out[PKI_X25519_SIZE];
        uint8_t zero[PKI_X25519_SIZE] = { 0 };

        (void)state;
        count_up(joiner, 0x20, sizeof joiner);
        count_up(server, 0x60, sizeof server);
        assert_int_equal(pki_x25519_public(server, pub), 0);
        assert_hex(pub, sizeof pub, server_pub_hex);
        assert_int_equal(pki_x25519_shared(joiner, pub, out), 0);
        assert_hex(out, sizeof out, shared_hex);
        assert_int_equal(pki_x25519_public(joiner, pub), 0);
        assert_hex(pub, sizeof pub, joiner_pub_hex);
        assert_int_equal(pki_x25519_shared(server, pub, out), 0);
        assert_hex(out, sizeof out, shared_hex);
        assert_int_equal(pki_x25519_shared(joiner, zero, out), -EBADMSG); /* the zero secret */
}

static void test_vector_bundle(void **state) {
        uint8_t kp[PKI_KP_SIZE], priv[PKI_X25519_SIZE], sealed[128], *plain = NULL;
        struct pki_transcript t = transcript();
        size_t n = unhex(sealed_hex, sealed), size;

        (void)state;
        unhex(kp_hex, kp);
        count_up(priv, 0x20, sizeof priv);
        assert_int_equal(pki_bundle_open(kp, &t, priv, sealed, n, &plain, &size), 0);
        assert_int_equal(size, 10);
        assert_string_equal((char *)plain, "the bundle");
        free(plain);
}

static void test_bundle_tampered_with_at_each_byte(void **state) {
        uint8_t kp[PKI_KP_SIZE], priv[PKI_X25519_SIZE], sealed[128], *plain = NULL;
        struct pki_transcript t = transcript();
        size_t n = unhex(sealed_hex, sealed), size;

        (void)state;
        unhex(kp_hex, kp);
        count_up(priv, 0x20, sizeof priv);
        for (size_t i = 0; i < n; i++) {
                sealed[i] ^= 1;
                assert_int_equal(pki_bundle_open(kp, &t, priv, sealed, n, &plain, &size), -EBADMSG);
                sealed[i] ^= 1;
        }
        for (size_t i = 0; i < n; i++)
                assert_int_equal(pki_bundle_open(kp, &t, priv, sealed, i, &plain, &size), -EBADMSG);
        sealed[n] = 0;
        assert_int_equal(pki_bundle_open(kp, &t, priv, sealed, n + 1, &plain, &size), -EBADMSG);
        for (size_t i = 0; i < sizeof kp; i++) {
                kp[i] ^= 1;
                assert_int_equal(pki_bundle_open(kp, &t, priv, sealed, n, &plain, &size), -EBADMSG);
                kp[i] ^= 1;
        }
        priv[1] ^= 1; /* the lowest bits of the first byte are clamped away */
        assert_int_equal(pki_bundle_open(kp, &t, priv, sealed, n, &plain, &size), -EBADMSG);
        priv[1] ^= 1;
        t.exporter[0] ^= 1; /* another connection */
        assert_int_equal(pki_bundle_open(kp, &t, priv, sealed, n, &plain, &size), -EBADMSG);
        assert_null(plain);
}

static void test_bundles_of_every_size_come_back(void **state) {
        static const size_t sizes[] = { 0, 1, 15, 16, 17, 4096, 1 << 20 };
        uint8_t kp[PKI_KP_SIZE], priv[PKI_X25519_SIZE];
        struct pki_transcript t = transcript();

        (void)state;
        unhex(kp_hex, kp);
        assert_int_equal(pki_x25519_generate(priv, t.joiner_pub), 0);
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                uint8_t *plain = malloc(sizes[i] + 1), *sealed = NULL, *again = NULL, *back = NULL;
                size_t n, n2, size;

                assert_non_null(plain);
                memset(plain, 'p', sizes[i] + 1);
                assert_int_equal(pki_bundle_seal(kp, &t, plain, sizes[i], &sealed, &n), 0);
                assert_int_equal(pki_bundle_seal(kp, &t, plain, sizes[i], &again, &n2), 0);
                assert_int_equal(n, sizes[i] + 60);
                assert_memory_not_equal(sealed, again, 32); /* ephemeral */
                assert_int_equal(pki_bundle_open(kp, &t, priv, sealed, n, &back, &size), 0);
                assert_int_equal(size, sizes[i]);
                assert_memory_equal(back, plain, size);
                free(plain);
                free(sealed);
                free(again);
                free(back);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_token_has_its_form_and_varies),
                cmocka_unit_test(test_what_is_no_token_is_refused),
                cmocka_unit_test(test_vector_kp),
                tmp_test(test_vector_wrapped),
                tmp_test(test_wrapping_is_new_each_time_and_comes_back),
                tmp_test(test_wrapped_tampered_with_at_each_byte),
                tmp_test(test_wrapping_needs_the_key_of_the_ca),
                cmocka_unit_test(test_vector_transcript_and_proof),
                cmocka_unit_test(test_proof_tampered_with_at_each_byte),
                cmocka_unit_test(test_proof_covers_every_text),
                cmocka_unit_test(test_no_two_transcripts_share_an_encoding),
                cmocka_unit_test(test_vector_x25519),
                cmocka_unit_test(test_vector_bundle),
                cmocka_unit_test(test_bundle_tampered_with_at_each_byte),
                cmocka_unit_test(test_bundles_of_every_size_come_back),
        };

        return cmocka_run_group_tests_name("pki/proof", tests, NULL, NULL);
}
