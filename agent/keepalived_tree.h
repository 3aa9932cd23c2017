/* keepalived.conf(5) as a tree of statements, before anything of it is understood: words, quotes, comments,
 * blocks, and where each statement stands.
 *
 * Refused with file and line, because what they stand for is only known to a running keepalived: conditions
 * (@ID), parameters ($NAME) and sequences (~SEQ). */
#ifndef AGENT_KEEPALIVED_TREE_H
#define AGENT_KEEPALIVED_TREE_H

#include "agent/error.h"
#include <stdbool.h>

enum { KTREE_MAX_SIZE = 1 << 20, KTREE_MAX_STATEMENTS = 16384, KTREE_MAX_WORDS = 64, KTREE_MAX_DEPTH = 16 };

struct kstatement {
        char **words; /* n_words of them, at least one; quotes are gone */
        size_t n_words;
        const char *file; /* borrowed from the tree */
        unsigned line;    /* from 1 */
        bool opens;       /* it has a block, which may be empty */
        struct kstatement **block;
        size_t n_block;
};

struct ktree;
/* The statements of a text; `name` stands for the file in messages. An include is refused. */
int ktree_parse(const char *text, size_t size, const char *name, struct ktree **ret, struct error *e);
/* The same from a file; what it includes (relative to the including file, wildcards) stands in its place.
 * The files are read below `root`. -EINVAL with *e (EXIT_INPUT). */
int ktree_load(const char *root, const char *file, struct ktree **ret, struct error *e);
/* Of the top level. */
size_t ktree_count(const struct ktree *t);
const struct kstatement *ktree_at(const struct ktree *t, size_t i);
void ktree_free(struct ktree *t);
DEFINE_CLEANUP(struct ktree *, ktree_free)

#endif
