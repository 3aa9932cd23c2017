/* The add-ons of a cluster as objects: CoreDNS, kube-proxy and flannel. From a configuration to the text of
 * templates/objects; what is done with it is phase_addon.c's. */
#ifndef AGENT_ADDON_H
#define AGENT_ADDON_H

#include "agent/kube_apply.h"
#include "agent/phase.h"

/* One text of an add-on: objects that belong together and are treated alike. */
struct addon_part {
        const char *addon; /* sub-phase: "coredns", "kube-proxy", "flannel" */
        const char *name;  /* of the template */
        /* KUBE_SHARED: what somebody else has changed in it is kept, with a warning; that is what an
         * operator adapts. KUBE_OURS: rights and addresses, put right on every run, as kubeadm does. */
        enum kube_mode mode;
};
/* The i-th part of an add-on, in the order in which they are applied; NULL past the end. */
const struct addon_part *addon_part(const char *addon, size_t i);
/* NULL, or why the configuration does not want this add-on ("dns.disabled is true"). */
const char *addon_unwanted(const struct config *c, const char *addon);

enum { ADDON_DNS_REPLICAS = 2 }; /* on creation, kubeadm's */
/* What the texts take from the cluster and from this machine. */
struct addon_found {
        unsigned dns_replicas;   /* of CoreDNS, as many as it has */
        const char *cni_bin_dir; /* where the container runtime looks for CNI's programs */
};
/* The part's text; malloc'ed. The version, images and patches are those of `v`. -EINVAL and others with *e.
 */
int addon_render(const struct config *c, const struct phase_values *v, const struct addon_part *part,
                 const struct addon_found *found, char **ret, size_t *ret_size, struct error *e);

#endif
