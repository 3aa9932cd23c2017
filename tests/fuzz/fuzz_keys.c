/* The key file. What is read must be written so that it reads the same. */
#include "vrrp/keyring.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct vrrp_keys k, again;
        char text[VRRP_KEYS_TEXT];
        const char *problem;
        unsigned line;

        if (vrrp_keys_parse((const char *)data, size, &k, &line, &problem) < 0) {
                if (!problem || k.n != 0)
                        abort();
                return 0;
        }
        if (vrrp_keys_render(&k, text, sizeof text) < 0 ||
            vrrp_keys_parse(text, strlen(text), &again, &line, &problem) < 0 || again.n != k.n ||
            again.send != k.send || memcmp(again.v, k.v, k.n * sizeof k.v[0]) != 0)
                abort();
        return 0;
}
