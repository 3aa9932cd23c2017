#include "pki/jws.h"
#include "pki/file.h"
#include "pki/util.h"
#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>

enum { ID_MAX = 64, MAC = 32, CONTENT_MAX = 1 << 20 };

/* RFC 4648 section 5, without padding (RFC 7515 section 2). malloc'ed; NULL: no memory. */
static char *base64url(const void *data, size_t size) {
        char *out = malloc(4 * ((size + 2) / 3) + 1);
        int n;

        if (!out)
                return NULL;
        n = EVP_EncodeBlock((unsigned char *)out, data, (int)size);
        while (n > 0 && out[n - 1] == '=')
                out[--n] = '\0';
        for (char *p = out; *p; p++)
                *p = (char)(*p == '+' ? '-' : *p == '/' ? '_' : *p);
        return out;
}

/* Nothing that JSON would have to escape. */
static bool is_id(const char *id) {
        static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
        size_t n = strlen(id);

        return n && n <= ID_MAX && id[strspn(id, plain)] == '\0';
}

static char *header_of(const char *id) {
        char text[ID_MAX + 40];
        int n = snprintf(text, sizeof text, "{\"alg\":\"HS256\",\"kid\":\"%s\"}", id);

        return base64url(text, (size_t)n);
}

int pki_jws_sign(const char *content, size_t size, const char *id, const char *secret, char **ret) {
        CLEANUP(freep) char *header = NULL, *payload = NULL, *input = NULL, *signature = NULL;
        unsigned char mac[MAC];
        unsigned mac_size = 0;

        if (!is_id(id) || size > CONTENT_MAX || strlen(secret) > INT_MAX)
                return -EINVAL;
        if (!(header = header_of(id)) || !(payload = base64url(content, size)) ||
            asprintf(&input, "%s.%s", header, payload) < 0)
                return -ENOMEM;
        if (!HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)input, strlen(input), mac,
                  &mac_size)) {
                ERR_clear_error();
                return -EIO;
        }
        signature = base64url(mac, mac_size);
        if (!signature || asprintf(ret, "%s..%s", header, signature) < 0)
                return -ENOMEM;
        return 0;
}

int pki_jws_check(const char *content, size_t size, const char *id, const char *secret, const char *jws) {
        CLEANUP(pki_wipe_freep) char *want = NULL;
        int r = pki_jws_sign(content, size, id, secret, &want);

        if (r < 0)
                return r;
        return strlen(want) == strlen(jws) && !CRYPTO_memcmp(want, jws, strlen(want)) ? 0 : -EBADMSG;
}
