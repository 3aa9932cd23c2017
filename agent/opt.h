/* Command line: a table of options per command, one parser (over getopt_long). */
#ifndef AGENT_OPT_H
#define AGENT_OPT_H

#include "agent/error.h"
#include <stdbool.h>

enum opt_type { OPT_FLAG /* bool */, OPT_STRING /* const char *, borrowed from argv; repeated: last wins */ };

struct opt {
        const char *name; /* without "--" */
        char short_name;  /* 0: none */
        enum opt_type type;
        void *target;    /* bool * or const char ** */
        const char *arg; /* "ADDR/PREFIX" in the help; NULL for flags */
        const char *help;
};

/* Options of every command; one of the command's own with the same name takes its place, the letter included.
 */
struct common {
        char root[PATH_MAX]; /* "" or DIR of --root / --rootfs: absolute, links resolved, no final slash */
        bool json;           /* -o json */
        unsigned verbose;    /* -v N */
};

/* Overwrites *c. Names are taken in full only; a flag also as --NAME=true or =false. Parse argv[1..] by
 * `table` (ended by a NULL name) and the common options. Positional arguments end up in *ret_args (argv
 * order, *ret_n of them, pointing into argv). `usage` is printed for --help. 0; 1: help was printed, exit 0;
 * -EINVAL with *e (EXIT_INPUT: unknown option, missing value). */
int opt_parse(int argc, char **argv, const char *usage, const struct opt *table, struct common *c,
              char ***ret_args, int *ret_n, struct error *e);

/* For a command that takes options alone, and of the common ones not those in `without`. As opt_parse(). */
enum opt_without { OPT_NO_JSON = 1, OPT_NO_ROOT = 2 };
int opt_parse_only(int argc, char **argv, const char *usage, const struct opt *table, unsigned without,
                   struct common *c, struct error *e);
/* What the command `name` does not take of *c. 0, or -EINVAL with *e (EXIT_INPUT). */
int opt_refuse(const struct common *c, unsigned without, const char *name, struct error *e);

#endif
