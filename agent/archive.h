/* Archives of files, tar with gzip, written by libarchive. The library is loaded when the first archive is
 * made: the agent is the same program, and would pay for it in memory and at each start. */
#ifndef AGENT_ARCHIVE_H
#define AGENT_ARCHIVE_H

#include "agent/error.h"
#include <stdint.h>
#include <time.h>

struct archive_file;

/* In memory; every name in it begins with DIR/ ("" for none). *e says which package is missing. */
int archive_file_new(const char *dir, struct archive_file **ret, struct error *e);
/* A regular file of mode 0600. Copies. */
int archive_file_add(struct archive_file *a, const char *name, const void *data, size_t size, time_t mtime,
                     struct error *e);
/* What has been added, to `path`: a new file of mode 0600, whole or not at all (-EEXIST: it is there). */
int archive_file_write(struct archive_file *a, const char *path, size_t *ret_size, struct error *e);
void archive_file_free(struct archive_file *a);
DEFINE_CLEANUP(struct archive_file *, archive_file_free)

#endif
