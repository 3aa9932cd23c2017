/* What a change of a text file does, for people: the lines that go ("-") and come ("+"), in their order, with
 * the line numbers of the old file. What scrub() takes for a secret in a line is not shown. */
#ifndef AGENT_DIFF_H
#define AGENT_DIFF_H

#include <stddef.h>
#include <stdio.h>

/* Both texts are NUL-terminated. Each line printed begins with `indent`. Cannot fail: texts too large to be
 * compared are shown as one block that goes and one that comes. */
void diff_print(FILE *out, const char *indent, const char *old, const char *new);

#endif
