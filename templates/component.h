/* The configurations of the kubelet and of kube-proxy: kubeadm's defaults beneath the administrator's.
 * Internal. */
#ifndef TEMPLATES_COMPONENT_H
#define TEMPLATES_COMPONENT_H

#include "templates/render.h"
#include "templates/tree.h"

typedef void (*tmpl_warn_fn)(void *userdata, const char *text);

/* `defaults` (a YAML text) beneath `given` (another, or NULL). warn may be NULL. -EINVAL, -ENOMEM. */
int tmpl_component_merge(const char *kind, const char *defaults, size_t size, const char *given,
                         struct tmpl_tree **ret, tmpl_warn_fn warn, void *userdata, struct tmpl_error *e);

/* This node's own part of the kubelet's configuration: the resolver beneath what was given, then the patches,
 * and above all the runtime's socket, where that version has it here. */
int tmpl_kubelet_finish(const struct tmpl_values *v, struct tmpl_tree **config, struct tmpl_error *e);

#endif
