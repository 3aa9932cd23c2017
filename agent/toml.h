/* TOML as far as it takes to change single settings of a file that somebody else wrote, and to leave every
 * other byte of it, comments and order included, as it was. Reads all of TOML 1.0 that it has to step over
 * (strings of four kinds, arrays, inline tables); what it cannot change safely it refuses by line.
 *
 * Debian has no TOML library for C; those for C++ do not keep the text. Pure. */
#ifndef AGENT_TOML_H
#define AGENT_TOML_H

#include <stdbool.h>
#include <stddef.h>

enum { TOML_MAX_DEPTH = 12, TOML_MAX_KEY = 256 };

/* Where a setting is: the tables' names from the outermost, and the key last. NULL-ended. */
typedef const char *const toml_path[TOML_MAX_DEPTH];

struct toml_error {
        unsigned line; /* from 1; 0: of the whole text */
        char what[160];
};

/* The value at `path` as it is written ("\"systemd\"", "true", "[1, 2]"), borrowed from text: 1; 0: there is
 * none; -EINVAL with *e: the text is no TOML, or the setting is in an inline table, which this does not read.
 */
int toml_get(const char *text, size_t size, const char *const *path, const char **ret, size_t *ret_size,
             struct toml_error *e);
/* Is there a table `path`, or anything in it? */
int toml_has(const char *text, size_t size, const char *const *path, struct toml_error *e);
/* The same as a string without its quotes: basic or literal, on one line. malloc'ed. */
int toml_get_string(const char *text, size_t size, const char *const *path, char **ret, struct toml_error *e);
/* `text` with `value` at `path`: in place of the old value, or as a new line in its table, or as a new
 * table at the end. malloc'ed, NUL-terminated. 1: changed, 0: it was so; -EINVAL with *e; -ENOMEM. */
int toml_set(const char *text, size_t size, const char *const *path, const char *value, char **ret,
             size_t *ret_size, struct toml_error *e);
/* A basic string with quotes, escaped; malloc'ed, NULL: no memory. */
char *toml_quote(const char *s);

#endif
