/* A user's mistake or a failed step: one value that carries what the message needs. */
#ifndef AGENT_ERROR_H
#define AGENT_ERROR_H

#include "pki/pki.h"
#include "pki/util.h"

/* Exit status, as kubeadm's. */
enum exit_status { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_PREFLIGHT = 2, EXIT_INPUT = 3 };

struct error {
        enum exit_status status;
        char file[PATH_MAX];   /* "" when no file is to blame */
        unsigned line, column; /* from 1; 0 unknown */
        char message[1024];    /* what is wrong, with the value, and what to do */
};

/* Fill and return -EINVAL (EXIT_INPUT) or -EIO (others), for `return error_set(...)`. e may be NULL. */
int error_set(struct error *e, enum exit_status status, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same with a place in a file; returns -EINVAL. */
int error_at(struct error *e, const char *file, unsigned line, unsigned column, const char *fmt, ...)
        PRINTF_LIKE(5, 6);
int error_from_pki(struct error *e, enum exit_status status, const struct pki_error *p);

/* One line on stderr: "triarch: FILE:LINE:COLUMN: MESSAGE". Returns e->status, for main(). */
int error_print(const struct error *e);

#endif
