/* Renders the control plane's static pods and the kubelet's files from the YAML templates in this
 * directory (compiled in). Pure: values in, text out; no file, clock, environment or log.
 *
 * Values are put into the parsed template as scalars and written by libyaml's emitter, so whatever
 * is in a value (quotes, '#', ": ", "yes", "007", a line break, any UTF-8) arrives at the program
 * as exactly that value. A NUL byte or invalid UTF-8 is an error: YAML cannot carry it. */
#ifndef TEMPLATES_RENDER_H
#define TEMPLATES_RENDER_H

#include "templates/patch.h"
#include "templates/versions.h"

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

/* Strings are borrowed for the time of the call. Addresses stand without brackets. */
struct tmpl_values {
        const char *kubernetes_version; /* "v1.36.2"; see templates/versions.h */
        const struct tmpl_gate *gates;  /* featureGates */
        size_t n_gates;
        const char *image_repository;                       /* registry.k8s.io */
        const char *etcd_image_repository, *etcd_image_tag; /* NULL: image_repository, the version's */
        const char *dns_image_repository, *dns_image_tag;   /* the same of CoreDNS */
        bool dns_disabled, proxy_disabled;
        const char *flannel_image_repository; /* NULL: no flannel */
        const char *node_name, *advertise_address;
        unsigned bind_port;
        const char *cluster_name, *dns_domain, *service_subnet; /* subnets: "A,B" with two families */
        const char *pod_subnet;                                 /* NULL: none */
        const char *cluster_dns;     /* tenth address of the first service network */
        const char *cert_dir;        /* /etc/kubernetes/pki */
        bool external_ca;            /* ca.key is elsewhere: nothing is signed here */
        const char *etcd_data_dir;   /* /var/lib/etcd */
        const char *initial_cluster; /* NULL: this node alone; else "a=https://...,b=..." and
                                      * --initial-cluster-state=existing (join) */
        /* An etcd of the administrator's: its URLs, joined by ','; NULL: the static pod. The files may be
         * NULL. */
        const char *etcd_servers, *etcd_ca_file, *etcd_cert_file, *etcd_key_file;
        unsigned control_plane_timeout_s; /* controlPlaneComponentHealthCheck; 0: kubeadm's 240 */
        const char *cri_socket;           /* unix:///var/run/containerd/containerd.sock */
        const char *resolv_conf;          /* NULL or /run/systemd/resolve/resolv.conf */
        const char *host_name;            /* to know whether --hostname-override is needed */
        const char *register_taints;      /* "KEY=VALUE:EFFECT,..." of a worker; NULL: none */
        const struct tmpl_pair *kubelet_extra_args;
        size_t n_kubelet_extra_args;
        const char *const *ca_host_dirs; /* those of tmpl_ca_dir() that exist on the host; NULL-ended */
        struct tmpl_extra apiserver, controller_manager, scheduler, etcd;
        const struct tmpl_pair *proxy_envs; /* proxy environment of the caller: not for etcd */
        size_t n_proxy_envs;
        /* The administrator's KubeletConfiguration and KubeProxyConfiguration as YAML; NULL: none. What they
         * say wins over kubeadm's defaults (tmpl_warnings() tells where); rotateCertificates is always true.
         */
        const char *kubelet_config, *kube_proxy_config;
        const struct tmpl_patch *patches; /* in the order of their files' names */
        size_t n_patches;
};

/* "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler" (static pods, patched);
 * "kubelet-config" (this node's, patched), "kubelet-instance-config", "kubelet-flags", "kubelet-dropin";
 * for ConfigMaps "kubelet-config-shared" (without what is this node's and its patches) and
 * "kube-proxy-config".
 * *ret: malloc'ed, NUL-terminated. -ENOENT no such template, or one that this version or configuration has
 * no use for (tmpl_wanted()); -EINVAL a value cannot be carried, or a patch cannot be applied; -EOPNOTSUPP
 * version, -ENOMEM. */
int tmpl_render(const char *name, const struct tmpl_values *v, char **ret, size_t *ret_size,
                struct tmpl_error *e);

/* Is there such a file with these values? No etcd pod when etcd is external, no instance configuration
 * before 1.34. */
bool tmpl_wanted(const char *name, const struct tmpl_values *v);

/* What kubeadm warns about: values of the administrator's component configurations that are not its
 * defaults, such as "KubeletConfiguration: healthzPort is 10258, kubeadm's default is 10248". -EINVAL,
 * -ENOMEM as tmpl_render(). */
int tmpl_warnings(const struct tmpl_values *v, void (*warn)(void *userdata, const char *text), void *userdata,
                  struct tmpl_error *e);

/* File that `name` belongs in ("/etc/kubernetes/manifests/etcd.yaml", ...) and its mode. NULL: no
 * such name, or it belongs in no file. */
const char *tmpl_path(const char *name, unsigned *ret_mode);

/* Host directories with CA certificates that kubeadm mounts where they exist; NULL past the end. */
const char *tmpl_ca_dir(size_t i);

/* kubeadm's judgement of "the same pod": both texts parse to the same tree of values. 1 same,
 * 0 different (first difference as a YAML path with both values in e), negative errno. */
int tmpl_equal(const char *a, size_t na, const char *b, size_t nb, struct tmpl_error *e);

/* The images of this version, for `preflight` and lists: i-th, into out; -ENOENT past the end. */
int tmpl_image(const struct tmpl_values *v, size_t i, char *out, size_t size);
/* The one called "coredns", "flannel-cni-plugin", ...; -ENOENT: no such image, or it is not wanted. */
int tmpl_image_named(const struct tmpl_values *v, const char *name, char *out, size_t size);

#endif
