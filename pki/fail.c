#include "pki/fail.h"
#include <errno.h>
#include <openssl/err.h>
#include <stdarg.h>

int pki_fail(struct pki_error *e, int r, const char *file, const char *remedy, const char *fmt, ...) {
        va_list ap;

        ERR_clear_error();
        if (!e)
                return r;
        snprintf(e->file, sizeof e->file, "%s", file ? file : "");
        snprintf(e->remedy, sizeof e->remedy, "%s", remedy ? remedy : "");
        va_start(ap, fmt);
        vsnprintf(e->reason, sizeof e->reason, fmt, ap);
        va_end(ap);
        return r;
}

int pki_fail_errno(struct pki_error *e, int r, const char *file, const char *done) {
        return pki_fail(e, r, file, NULL, "cannot be %s: %s", done, strerror(-r));
}

int pki_fail_crypto(struct pki_error *e, const char *file, const char *doing) {
        unsigned long code = ERR_peek_last_error();
        const char *why = code ? ERR_reason_error_string(code) : NULL;

        return pki_fail(e, -ENOMEM, file, NULL, "OpenSSL failed at %s: %s", doing,
                        why ? why : "out of memory");
}
