#include "agent/error.h"
#include <errno.h>
#include <stdarg.h>

static void PRINTF_LIKE(6, 0) fill(struct error *e, enum exit_status status, const char *file, unsigned line,
                                   unsigned column, const char *fmt, va_list ap) {
        if (!e)
                return;
        e->status = status;
        e->line = line;
        e->column = column;
        snprintf(e->file, sizeof e->file, "%s", file ? file : "");
        vsnprintf(e->message, sizeof e->message, fmt, ap);
}

int error_set(struct error *e, enum exit_status status, const char *fmt, ...) {
        va_list ap;

        va_start(ap, fmt);
        fill(e, status, NULL, 0, 0, fmt, ap);
        va_end(ap);
        return status == EXIT_INPUT ? -EINVAL : -EIO;
}

int error_at(struct error *e, const char *file, unsigned line, unsigned column, const char *fmt, ...) {
        va_list ap;

        va_start(ap, fmt);
        fill(e, EXIT_INPUT, file, line, column, fmt, ap);
        va_end(ap);
        return -EINVAL;
}

int error_from_pki(struct error *e, enum exit_status status, const struct pki_error *p) {
        int r = error_set(e, status, "%s%s%s", p->reason, *p->remedy ? "; " : "", p->remedy);

        if (e)
                memcpy(e->file, p->file, sizeof e->file);
        return r;
}

/* Values come from files and the network: one line stays one line, and no terminal obeys them. */
static void put_text(const char *s) {
        for (; *s; s++)
                if ((unsigned char)*s < ' ' || *s == 0x7f)
                        fprintf(stderr, "\\x%02x", (unsigned)*s);
                else
                        putc(*s, stderr);
}

int error_print(const struct error *e) {
        fputs("triarch: ", stderr);
        if (*e->file) {
                put_text(e->file);
                putc(':', stderr);
        }
        if (e->line)
                fprintf(stderr, "%u:%u:", e->line, e->column);
        if (*e->file)
                putc(' ', stderr);
        put_text(e->message);
        putc('\n', stderr);
        return (int)e->status;
}
