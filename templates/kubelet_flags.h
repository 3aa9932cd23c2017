/* kubeadm-flags.env: the kubelet's arguments inside one environment variable. Internal. */
#ifndef TEMPLATES_KUBELET_FLAGS_H
#define TEMPLATES_KUBELET_FLAGS_H

#include "templates/render.h"

/* *ret is malloc'ed. Values that systemd would not load (control characters other than tab and line
 * break) are -EINVAL. */
int tmpl_kubelet_flags(const struct tmpl_values *v, char **ret, size_t *ret_size, struct tmpl_error *e);

#endif
