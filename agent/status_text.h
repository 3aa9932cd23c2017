/* The agent's report for people. Reads leniently: what a report lacks is left out. */
#ifndef AGENT_STATUS_TEXT_H
#define AGENT_STATUS_TEXT_H

#include <jansson.h>
#include <stdio.h>

/* Everything; `members` is "etcdMembers" as `triarch status -o json` has it, or NULL. */
void status_text(FILE *f, const json_t *report, const json_t *members);
/* The part about the address and who was heard. */
void status_text_vip(FILE *f, const json_t *report);

#endif
