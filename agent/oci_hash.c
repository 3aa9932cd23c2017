#include "agent/jread.h"
#include "agent/oci.h"
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#define DIGEST_KIND "sha256:"

struct oci_hash {
        EVP_MD_CTX *ctx;
};

int oci_hash_new(struct oci_hash **ret) {
        CLEANUP(oci_hash_freep) struct oci_hash *h = calloc(1, sizeof *h);

        if (!h || !(h->ctx = EVP_MD_CTX_new()) || !EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL))
                return -ENOMEM;
        *ret = TAKE_PTR(h);
        return 0;
}

void oci_hash_free(struct oci_hash *h) {
        if (!h)
                return;
        EVP_MD_CTX_free(h->ctx);
        free(h);
}

void oci_hash_feed(struct oci_hash *h, const void *data, size_t size) {
        EVP_DigestUpdate(h->ctx, data, size);
}

static void write_digest(const uint8_t sha256[SHA256_DIGEST_LENGTH], char ret[OCI_DIGEST]) {
        char digits[2 * SHA256_DIGEST_LENGTH + 1];

        hex_encode(sha256, SHA256_DIGEST_LENGTH, digits);
        snprintf(ret, OCI_DIGEST, DIGEST_KIND "%s", digits);
}

void oci_hash_end(struct oci_hash *h, char ret[OCI_DIGEST]) {
        uint8_t sha256[SHA256_DIGEST_LENGTH] = { 0 };

        EVP_DigestFinal_ex(h->ctx, sha256, NULL);
        write_digest(sha256, ret);
        EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL);
}

bool oci_digest_matches(const char *digest, const void *data, size_t size) {
        uint8_t sha256[SHA256_DIGEST_LENGTH];
        char found[OCI_DIGEST];

        SHA256(data, size, sha256);
        write_digest(sha256, found);
        return !strcmp(found, digest);
}
