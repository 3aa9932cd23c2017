/* The file of `triarch join --config`: one JoinConfiguration, v1beta3 or v1beta4, and nothing else, for
 * whatever is the cluster's comes from its master. */
#ifndef AGENT_CONFIG_JOIN_H
#define AGENT_CONFIG_JOIN_H

#include "agent/config.h"

struct config_join {
        struct config *said; /* what it says, without any default */
        char *overlay; /* the same but for `discovery`, as v1beta4: appended to the cluster's configuration
                          (CONFIG_JOIN_SEPARATOR between) and parsed with config_flags.join */
};

#define CONFIG_JOIN_SEPARATOR "\n---\n"

/* 0, or negative errno with *e filled; *ret is zeroed then. */
int config_join_load(const char *file, struct config_join *ret, struct error *e);
int config_join_parse(const char *text, size_t size, const char *name, struct config_join *ret,
                      struct error *e);
void config_join_done(struct config_join *j);

#endif
