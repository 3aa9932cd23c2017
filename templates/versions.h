/* What differs between the versions of Kubernetes that can be rendered: 1.29 to 1.36, each as the kubeadm of
 * that very version does it. One table; where a row comes from is said there. */
#ifndef TEMPLATES_VERSIONS_H
#define TEMPLATES_VERSIONS_H

#include <stdbool.h>
#include <stddef.h>

enum tmpl_trait {
        TMPL_ETCD_LIVEZ = 1 << 0, /* etcd is probed at /livez and /readyz, before at /health */
        TMPL_V1BETA4 = 1 << 1,    /* kubeadm-config holds a ClusterConfiguration of v1beta4, before v1beta3 */
        TMPL_SCHEDULER_LIVEZ = 1 << 2, /* kube-scheduler at /livez and /readyz, before at /healthz */
        TMPL_LOCAL_KUBELET =
                1 << 3,           /* a master's kubelet talks to its own API server, before to the endpoint */
        TMPL_PROBE_PORT = 1 << 4, /* probes name their port */
        TMPL_ETCD_36 = 1 << 5,    /* etcd's newer flags, where the image is of 3.6 */
        TMPL_INSTANCE_CONFIG = 1 << 6,  /* the CRI socket is in instance-config.yaml, before a flag */
        TMPL_NO_PAUSE_FLAG = 1 << 7,    /* the kubelet has no --pod-infra-container-image any more */
        TMPL_NO_FLEXVOLUME = 1 << 8,    /* kube-controller-manager mounts no flexvolume directory */
        TMPL_ETCD_36_ALWAYS = 1 << 9,   /* etcd's newer flags, whatever the image */
        TMPL_EXTRA_ARGS_LAST = 1 << 10, /* extra arguments follow in their order, before all were sorted */
};

/* From this patch level of the minor version on. */
struct tmpl_version {
        unsigned minor, patch;
        const char *etcd, *coredns, *pause; /* image tags */
        unsigned traits;                    /* of enum tmpl_trait */
};

/* The row for "v1.34.2". NULL: not such a version, or a minor version that there is no row for. */
const struct tmpl_version *tmpl_version_find(const char *version);
/* "v1.29" and "v1.36": the first and the last minor version. */
const char *tmpl_version_first(void), *tmpl_version_last(void);

/* kubeadm's feature gates, as far as they change what is rendered: what was given wins over the trait,
 * where that version lets it. */
struct tmpl_gate {
        const char *name;
        bool on;
};
/* Does this version do it, with these gates? */
bool tmpl_version_has(const char *version, const struct tmpl_gate *gates, size_t n, enum tmpl_trait trait);

#endif
