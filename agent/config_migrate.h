/* `triarch config migrate`: kubeadm's v1beta3 as v1beta4. The tree is changed, not the meaning: what was not
 * said stays unsaid, other documents stay as they are; comments are lost.
 *
 * extraArgs and kubeletExtraArgs become lists; apiServer.timeoutForControlPlane becomes
 * timeouts.controlPlaneComponentHealthCheck of the InitConfiguration (one is made where there is none), and
 * discovery.timeout timeouts.discovery; the gate PublicKeysECDSA becomes encryptionAlgorithm. */
#ifndef AGENT_CONFIG_MIGRATE_H
#define AGENT_CONFIG_MIGRATE_H

#include "agent/yaml.h"

/* The documents must have been found valid by config_parse(). -ENOMEM. */
int config_migrate_docs(struct ydocs *docs);
/* Text to text; what is no configuration is refused as by config_parse(). *ret: malloc'ed, a secret.
 * 0, or negative errno with *e filled. */
int config_migrate(const char *text, size_t size, const char *name, char **ret, size_t *ret_size,
                   struct error *e);

#endif
