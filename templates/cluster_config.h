/* The ClusterConfiguration that the ConfigMap kubeadm-config carries, as the kubeadm of that version reads
 * it. Pure. */
#ifndef TEMPLATES_CLUSTER_CONFIG_H
#define TEMPLATES_CLUSTER_CONFIG_H

#include "templates/patch.h"
#include "templates/versions.h"

/* `text` is one ClusterConfiguration of v1beta4; its kubernetesVersion decides: from 1.31 on it stays what it
 * is, before it becomes v1beta3, without the fields that has no word for. Keys are sorted, as kubeadm writes
 * them. *ret is malloc'ed. -EINVAL: it is no such document; -ENOMEM. */
int tmpl_cluster_config(const char *text, size_t size, char **ret, size_t *ret_size, struct tmpl_error *e);

#endif
