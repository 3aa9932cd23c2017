/* Bootstrap tokens of Kubernetes, as `kubeadm token create` makes them: Secrets in kube-system by which a
 * machine that has nothing yet asks for its kubelet's certificate and checks cluster-info. */
#ifndef AGENT_KUBE_TOKEN_H
#define AGENT_KUBE_TOKEN_H

#include "agent/config.h"
#include "agent/kube_apply.h"

#define KUBE_TOKEN_GROUP "system:bootstrappers:kubeadm:default-node-token"
enum { KUBE_TOKEN_TTL_S = 24 * 3600 }; /* kubeadm's default */

struct kube_token {                    /* borrowed */
        const char *token;             /* "abcdef.0123456789abcdef" (pki_token_generate()); a secret */
        const char *description;       /* NULL: none */
        int64_t expires_s;             /* Unix time; 0: never */
        const struct str_list *usages; /* "signing", "authentication"; NULL or empty: both */
        const struct str_list *groups; /* NULL or empty: KUBE_TOKEN_GROUP */
};

/* The Secret as YAML; malloc'ed, a secret. -EINVAL: the token has not its form, or there is no such usage. */
int kube_token_render(const struct kube_token *t, char **ret, size_t *ret_size, struct error *e);

/* Into the cluster. The same token that is there already is kept as it is, its expiry too; -EEXIST: another
 * one has its id. */
int kube_bootstrap_token_put(struct kube *k, const struct kube_token *t, enum kube_outcome *ret_outcome,
                             struct error *e);
/* -ENOENT. `id` is the six letters before the dot. */
int kube_bootstrap_token_delete(struct kube *k, const char *id, struct error *e);

#endif
