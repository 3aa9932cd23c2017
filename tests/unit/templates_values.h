/* The configuration whose kubeadm output was measured: host1 of three, Debian's CA directories. */
#ifndef TESTS_TEMPLATES_VALUES_H
#define TESTS_TEMPLATES_VALUES_H

#include "templates/render.h"

static const char *const debian_ca_dirs[] = {
        "/etc/ca-certificates",
        "/usr/local/share/ca-certificates",
        "/usr/share/ca-certificates",
        NULL,
};

static inline struct tmpl_values measured_values(void) {
        return (struct tmpl_values){
                .kubernetes_version = "v1.36.2",
                .image_repository = "registry.k8s.io",
                .node_name = "host1",
                .advertise_address = "172.18.0.154",
                .bind_port = 6443,
                .cluster_name = "kubernetes",
                .dns_domain = "cluster.local",
                .service_subnet = "10.96.0.0/12",
                .pod_subnet = "10.244.0.0/16",
                .cluster_dns = "10.96.0.10",
                .cert_dir = "/etc/kubernetes/pki",
                .etcd_data_dir = "/var/lib/etcd",
                .cri_socket = "unix:///run/containerd/containerd.sock",
                .host_name = "host1",
                .ca_host_dirs = debian_ca_dirs,
        };
}

#endif
