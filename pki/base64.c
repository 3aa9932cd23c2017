#include "pki/base64.h"
#include "pki/file.h"
#include "pki/util.h"
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>

DEFINE_CLEANUP(EVP_ENCODE_CTX *, EVP_ENCODE_CTX_free)

char *pki_base64_encode(const char *text) {
        size_t n = strlen(text);
        char *out = n > INT_MAX / 2 ? NULL : malloc(4 * ((n + 2) / 3) + 1);

        if (out)
                EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)text, (int)n);
        return out;
}

int pki_base64_decode(const char *text, char **ret) {
        CLEANUP(EVP_ENCODE_CTX_freep) EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
        size_t n = strlen(text);
        unsigned char *out = n > INT_MAX ? NULL : malloc(n + 4);
        int have = 0, last = 0;

        if (!ctx || !out) {
                free(out);
                return -ENOMEM;
        }
        EVP_DecodeInit(ctx);
        if (EVP_DecodeUpdate(ctx, out, &have, (const unsigned char *)text, (int)n) < 0 ||
            EVP_DecodeFinal(ctx, out + have, &last) < 0 || memchr(out, '\0', (size_t)have + (size_t)last)) {
                ERR_clear_error();
                pki_wipe(out, n + 4);
                free(out);
                return -EINVAL;
        }
        out[have + last] = '\0';
        *ret = (char *)out;
        return 0;
}
