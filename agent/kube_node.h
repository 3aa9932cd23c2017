/* A node's labels, taints and annotations, as kubeadm sets them on a master. */
#ifndef AGENT_KUBE_NODE_H
#define AGENT_KUBE_NODE_H

#include "agent/config.h"
#include "agent/kube_apply.h"

struct kube_node_marks {             /* borrowed */
        const char *const *labels;   /* names, their values are empty; ended by NULL */
        const struct taints *taints; /* NULL: none */
        const char *cri_socket;      /* annotation of kubeadm before 1.34; NULL: none */
};

/* Add what is missing; whatever else the node has stays. The node is waited for, since its kubelet may not
 * have registered it yet: -ENOENT after wait_ms. Not by server-side apply: taints are one list as a whole,
 * which the node's controllers change, too; so it is changed as it was read, or read again. */
int kube_node_mark(struct kube *k, const char *name, const struct kube_node_marks *marks, unsigned wait_ms,
                   enum kube_outcome *ret_outcome, struct error *e);

/* The patch for a node as the API server has it (application/merge-patch+json); *ret NULL: nothing is
 * missing. Pure. -EBADMSG: it is no node. -ENOMEM. */
int kube_node_patch(const json_t *node, const struct kube_node_marks *marks, json_t **ret);

#endif
