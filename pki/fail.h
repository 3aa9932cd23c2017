/* Filling a struct pki_error; inside pki/ only. Each empties OpenSSL's error queue and returns what
 * the caller is to return. e may be NULL. */
#ifndef PKI_FAIL_H
#define PKI_FAIL_H

#include "pki/pki.h"
#include "pki/util.h"

/* Returns r. file and remedy may be NULL. */
int pki_fail(struct pki_error *e, int r, const char *file, const char *remedy, const char *fmt, ...)
        PRINTF_LIKE(5, 6);
/* "cannot be DONE: No space left on device"; returns r. */
int pki_fail_errno(struct pki_error *e, int r, const char *file, const char *done);
/* OpenSSL could not do what always works: returns -ENOMEM. */
int pki_fail_crypto(struct pki_error *e, const char *file, const char *doing);

#endif
