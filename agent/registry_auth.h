/* Credentials for registries, from a file of Docker's form ({"auths": {"HOST": {"auth": "BASE64"}}}): the
 * kubelet reads the same file (/var/lib/kubelet/config.json) for what it pulls. Credential helpers
 * (credsStore, credHelpers) are programs of others and not run. */
#ifndef AGENT_REGISTRY_AUTH_H
#define AGENT_REGISTRY_AUTH_H

#include "agent/error.h"

#define REGISTRY_AUTH_FILE "/var/lib/kubelet/config.json"

struct registry_auth {                              /* secret: wiped when freed */
        char *username, *password, *identity_token; /* NULL: none */
};
struct registry_auths;

/* 0 (a missing file: *ret has none), or -EINVAL with *e: what is wrong with it, never what is in it. */
int registry_auths_load(const char *file, struct registry_auths **ret, struct error *e);
int registry_auths_parse(const char *text, size_t size, const char *file, struct registry_auths **ret,
                         struct error *e);
/* The most specific entry for an image: keys are HOST[:PORT][/PATH], with or without "https://". NULL: none.
 */
const struct registry_auth *registry_auths_find(const struct registry_auths *a, const char *image);
void registry_auths_free(struct registry_auths *a);
DEFINE_CLEANUP(struct registry_auths *, registry_auths_free)

#endif
