/* The YAML reader of tmpl_equal: the input is two texts with a zero byte between them. Comparing is
 * symmetric, and a text that can be compared with itself is equal to itself. */
#include "templates/render.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *a = (const char *)data, *zero = size ? memchr(data, 0, size) : NULL;
        size_t na = zero ? (size_t)(zero - a) : size;
        const char *b = zero ? zero + 1 : a;
        size_t nb = zero ? size - na - 1 : size;
        struct tmpl_error e;
        int ab, ba;

        if (tmpl_equal(a, na, a, na, &e) == 0)
                abort();
        ab = tmpl_equal(a, na, b, nb, &e);
        ba = tmpl_equal(b, nb, a, na, &e);
        if (ab >= 0 && ba >= 0 && ab != ba)
                abort();
        return 0;
}
