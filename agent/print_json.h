/* What a command prints with -o json. */
#ifndef AGENT_PRINT_JSON_H
#define AGENT_PRINT_JSON_H

#include "agent/error.h"
#include <jansson.h>

/* To standard output, indented, with a line break after it. Takes the reference; o is NULL where there was no
 * memory to make it. 0, or negative with *e. */
int print_json(json_t *o, struct error *e);

#endif
