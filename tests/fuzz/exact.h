/* The input in memory of its own that ends where it ends, aligned as recv()'s buffer: a read beyond it is
 * seen. */
#ifndef TESTS_FUZZ_EXACT_H
#define TESTS_FUZZ_EXACT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The caller frees it. NULL: out of memory. */
static inline uint8_t *exact_copy(const uint8_t *data, size_t size) {
        uint8_t *copy = malloc(size ? size : 1);

        return copy ? memcpy(copy, data, size) : NULL;
}

#endif
