/* Small helpers of the whole program: cleanup attributes, ownership transfer, lengths.
 * Header only, so that no module depends on another for them. */
#ifndef PKI_UTIL_H
#define PKI_UTIL_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLEANUP(f)        __attribute__((cleanup(f)))
#define ARRAY_SIZE(a)     (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(a, b) __attribute__((format(printf, a, b)))

/* Hand an owned pointer on: the variable keeps NULL, so that its cleanup does nothing. */
#define TAKE_PTR(p)                                                                                          \
        ({                                                                                                   \
                __typeof__(p) taken_ = (p);                                                                  \
                (p) = NULL;                                                                                  \
                taken_;                                                                                      \
        })

/* DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free) makes EVP_PKEY_freep() for CLEANUP(). */
#define DEFINE_CLEANUP(type, func)                                                                           \
        static inline __attribute__((unused)) void func##p(__typeof__(type) *p) {                            \
                if (*p)                                                                                      \
                        func(*p);                                                                            \
        }

static inline void freep(void *p) {
        free(*(void **)p);
}

static inline __attribute__((unused)) void closep(int *fd) {
        if (*fd >= 0)
                close(*fd);
}

static inline __attribute__((unused)) void fclosep(FILE **f) {
        if (*f)
                fclose(*f);
}

#endif
