/* libarchive, loaded when the first archive is read or made: the agent is the same program, and would pay for
 * the eleven libraries in memory and at each start. */
#ifndef AGENT_ARCHIVE_LIB_H
#define AGENT_ARCHIVE_LIB_H

#include "agent/error.h"
#include <archive.h>
#include <archive_entry.h>

/* Its functions, by their own names. */
#define ARCHIVE_FUNCTIONS(X)                                                                                 \
        X(archive_errno)                                                                                     \
        X(archive_error_string)                                                                              \
        X(archive_entry_new)                                                                                 \
        X(archive_entry_free)                                                                                \
        X(archive_entry_pathname)                                                                            \
        X(archive_entry_filetype)                                                                            \
        X(archive_entry_hardlink)                                                                            \
        X(archive_entry_set_pathname)                                                                        \
        X(archive_entry_set_size)                                                                            \
        X(archive_entry_set_filetype)                                                                        \
        X(archive_entry_set_perm)                                                                            \
        X(archive_entry_set_mtime)                                                                           \
        X(archive_read_new)                                                                                  \
        X(archive_read_free)                                                                                 \
        X(archive_read_support_format_tar)                                                                   \
        X(archive_read_support_filter_gzip)                                                                  \
        X(archive_read_support_filter_zstd)                                                                  \
        X(archive_read_open_filename)                                                                        \
        X(archive_read_open_memory)                                                                          \
        X(archive_read_next_header)                                                                          \
        X(archive_read_data)                                                                                 \
        X(archive_write_new)                                                                                 \
        X(archive_write_free)                                                                                \
        X(archive_write_set_format_pax_restricted)                                                           \
        X(archive_write_set_bytes_in_last_block)                                                             \
        X(archive_write_add_filter_gzip)                                                                     \
        X(archive_write_open)                                                                                \
        X(archive_write_open_fd)                                                                             \
        X(archive_write_header)                                                                              \
        X(archive_write_data)                                                                                \
        X(archive_write_close)

struct archive_lib {
        void *handle;
#define ARCHIVE_MEMBER(name) __typeof__ (&(name))(name);
        ARCHIVE_FUNCTIONS(ARCHIVE_MEMBER)
#undef ARCHIVE_MEMBER
};

/* *e says which package is missing. */
int archive_lib_load(struct archive_lib *l, struct error *e);
/* After all that was made with it. */
void archive_lib_unload(struct archive_lib *l);

#endif
