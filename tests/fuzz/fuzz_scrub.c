/* Any text: nothing is read beyond its end, and what is left has no whole private key. */
#include "agent/scrub.h"
#include "pki/util.h"
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        CLEANUP(freep) char *copy = malloc(size ? size : 1), *out = NULL, *again = NULL;
        size_t n, m;

        if (!copy)
                return 0;
        memcpy(copy, data, size);
        if (scrub(copy, size, &out, &n) < 0 || scrub(out, n, &again, &m) < 0)
                abort();
        return 0;
}
