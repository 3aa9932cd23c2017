/* What a report for support holds: each piece is collected alone, so that what is broken keeps nothing else
 * out, and goes through scrub() whatever it is. Private keys, the key of the virtual address and the tokens
 * are never opened; of every file there is its name, owner, mode, size and time. */
#ifndef AGENT_SUPPORT_H
#define AGENT_SUPPORT_H

#include "agent/archive.h"

struct support {
        struct archive_file *archive;
        const char *root;                      /* "" or DIR: then only what is on its disk */
        const char *socket_path, *config_file; /* the latter says where etcd is */
        unsigned journal_lines;                /* of each unit, the last */
        unsigned n_pieces, n_missing;
        char *missing; /* why pieces are not there: one line each; owned */
        size_t missing_size;
        FILE *missing_stream;
};

/* Collects everything into the archive; what cannot be had is a line in errors.txt. Fails only when the
 * archive itself does. */
int support_collect(struct support *s, struct error *e);

/* One piece, scrubbed; for the collectors. */
int support_add(struct support *s, const char *name, const char *text, size_t size, struct error *e);
void support_missing(struct support *s, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);
int support_journal(struct support *s, struct error *e);
int support_network(struct support *s, struct error *e);

#endif
