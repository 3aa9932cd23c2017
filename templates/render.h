/* Renders the control plane's static pods and the kubelet's files from the YAML templates in this
 * directory (compiled in). Pure: values in, text out; no file, clock, environment or log.
 *
 * Values are put into the parsed template as scalars and written by libyaml's emitter, so whatever
 * is in a value (quotes, '#', ": ", "yes", "007", a line break, any UTF-8) arrives at the program
 * as exactly that value. A NUL byte or invalid UTF-8 is an error: YAML cannot carry it. */
#ifndef TEMPLATES_RENDER_H
#define TEMPLATES_RENDER_H

#include <stdbool.h>
#include <stddef.h>

struct tmpl_pair {
        const char *name, *value;
};
struct tmpl_volume { /* kubeadm's HostPathMount */
        const char *name, *host_path, *mount_path;
        bool read_only;
        const char *path_type; /* "" or NULL: none */
};

/* kubeadm's extraArgs, extraVolumes, extraEnvs of one component. Borrowed. */
struct tmpl_extra {
        const struct tmpl_pair *args;
        size_t n_args;
        const struct tmpl_volume *volumes;
        size_t n_volumes;
        const struct tmpl_pair *envs;
        size_t n_envs;
};

/* Strings are borrowed for the time of the call. */
struct tmpl_values {
        const char *kubernetes_version;                     /* "v1.36.2": minor 1.36 only, else -EOPNOTSUPP */
        const char *image_repository;                       /* registry.k8s.io */
        const char *etcd_image_repository, *etcd_image_tag; /* NULL: image_repository, 3.6.8-0 */
        const char *node_name, *advertise_address;
        unsigned bind_port;
        const char *cluster_name, *dns_domain, *service_subnet;
        const char *pod_subnet;      /* NULL: none */
        const char *cluster_dns;     /* tenth address of the service network */
        const char *cert_dir;        /* /etc/kubernetes/pki */
        const char *etcd_data_dir;   /* /var/lib/etcd */
        const char *initial_cluster; /* NULL: this node alone; else "a=https://...,b=..." and
                                      * --initial-cluster-state=existing (join) */
        const char *cri_socket;      /* unix:///var/run/containerd/containerd.sock */
        const char *resolv_conf;     /* NULL or /run/systemd/resolve/resolv.conf */
        const char *host_name;       /* to know whether --hostname-override is needed */
        const struct tmpl_pair *kubelet_extra_args;
        size_t n_kubelet_extra_args;
        const char *const *ca_host_dirs; /* those of tmpl_ca_dir() that exist on the host; NULL-ended */
        struct tmpl_extra apiserver, controller_manager, scheduler, etcd;
        const struct tmpl_pair *proxy_envs; /* proxy environment of the caller: not for etcd */
        size_t n_proxy_envs;
};

struct tmpl_error {
        char what[512]; /* field and reason */
};

/* "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler" (static pods);
 * "kubelet-config", "kubelet-instance-config", "kubelet-flags", "kubelet-dropin".
 * *ret: malloc'ed, NUL-terminated. -ENOENT no such template, -EINVAL a value cannot be carried,
 * -EOPNOTSUPP version, -ENOMEM. */
int tmpl_render(const char *name, const struct tmpl_values *v, char **ret, size_t *ret_size,
                struct tmpl_error *e);

/* File that `name` belongs in ("/etc/kubernetes/manifests/etcd.yaml", ...) and its mode. NULL: no such name.
 */
const char *tmpl_path(const char *name, unsigned *ret_mode);

/* Host directories with CA certificates that kubeadm mounts where they exist; NULL past the end. */
const char *tmpl_ca_dir(size_t i);

/* kubeadm's judgement of "the same pod": both texts parse to the same tree of values. 1 same,
 * 0 different (first difference as a YAML path with both values in e), negative errno. */
int tmpl_equal(const char *a, size_t na, const char *b, size_t nb, struct tmpl_error *e);

/* The images of this version, for `preflight` and lists: i-th, into out; -ENOENT past the end. */
int tmpl_image(const struct tmpl_values *v, size_t i, char *out, size_t size);

#endif
