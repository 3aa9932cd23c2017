/* Every field of triarch's own kind, one line each, and the list of kinds. */
#include "agent/config_table.h"
#include "agent/paths.h"

static const struct field member_fields[] = {
        { "name", &op_string, IN(member, name), .check = syntax_node_name, .required = true },
        { "address", &op_ip, IN(member, address), .required = true },
        { "id", &op_id, IN(member, id) },
        { "witness", &op_bool, IN(member, witness), .def = "false" },
        { 0 },
};

static const struct choice transports[] = { { "sealed", VIP_TRANSPORT_SEALED },
                                            { "ip", VIP_TRANSPORT_IP },
                                            { 0 } };
static const struct choice elections[] = { { "majority", VIP_ELECTION_MAJORITY },
                                           { "priority", VIP_ELECTION_PRIORITY },
                                           { 0 } };
static const struct choice preempts[] = { { "health", VIP_PREEMPT_HEALTH },
                                          { "always", VIP_PREEMPT_ALWAYS },
                                          { "never", VIP_PREEMPT_NEVER },
                                          { 0 } };
static const struct choice checksums[] = { { "pseudo-header", VIP_CHECKSUM_PSEUDO_HEADER },
                                           { "rfc9568", VIP_CHECKSUM_RFC9568 },
                                           { 0 } };

#define VIP(member) IN(vip_config, member)

const struct field fields_vip[] = {
        { "address", &op_addresses, VIP(addresses) },
        { "interface", &op_string, VIP(interface), .check = syntax_interface, .own = true },
        { "virtualRouterID", &op_int, VIP(vrid), .min = 1, .max = 255 },
        { "advertisementInterval", &op_duration, VIP(interval_us), .def = "100ms", .min = MS(10),
          .max = MS(40950) },
        { "transport", &op_choice, VIP(transport), .choices = transports, .def = "sealed" },
        { "election", &op_choice, VIP(election), .choices = elections },
        { "preempt", &op_choice, VIP(preempt), .choices = preempts, .def = "health" },
        { "preemptDelay", &op_duration, VIP(preempt_delay_us), .def = "0s", .max = SEC(1000) },
        { "version", &op_int, VIP(version), .def = "3", .min = 2, .max = 3 },
        { "checksum", &op_choice, VIP(checksum), .choices = checksums, .def = "pseudo-header" },
        { "unicast", &op_bool, VIP(unicast), .def = "false" },
        { "virtualMAC", &op_bool, VIP(virtual_mac), .def = "false" },
        { "accept", &op_bool, VIP(accept), .def = "true" },
        { "standby", &op_bool, VIP(standby), .def = "false", .own = true },
        { "removalBudget", &op_duration, VIP(removal_us), .def = "5ms", .min = MS(5), .max = SEC(5) },
        { "priority", &op_int, VIP(priority), .min = 1, .max = 254, .own = true },
        { "port", &op_int, VIP(port), .min = 1, .max = 65535 },
        { "keyFile", &op_string, VIP(key_file), .check = syntax_path },
        { "members", .offset = offsetof(struct vip_config, members), LIST(member, member_fields) },
        { 0 },
};

#define CHECK_TIMES(type, every, limit)                                                                      \
        { "interval", &op_duration, IN(type, interval_us), .def = (every), .min = MS(50), .max = SEC(60) },  \
        {                                                                                                    \
                "timeout", &op_duration, IN(type, timeout_us), .def = (limit), .min = MS(10), .max = SEC(30) \
        }

static const struct field api_server_check_fields[] = {
        { "enabled", &op_bool, IN(http_check, enabled) },
        { "endpoint", &op_string, IN(http_check, endpoint), .check = syntax_https_url, .own = true },
        { "caFile", &op_string, IN(http_check, ca_file), .check = syntax_path },
        { "certFile", &op_string, IN(http_check, cert_file), .check = syntax_path },
        { "keyFile", &op_string, IN(http_check, key_file), .check = syntax_path },
        CHECK_TIMES(http_check, "250ms", "500ms"),
        { "fall", &op_int, IN(http_check, fall), .def = "2", .min = 1, .max = 100 },
        { "rise", &op_int, IN(http_check, rise), .def = "2", .min = 1, .max = 100 },
        { 0 },
};

static const struct field etcd_check_fields[] = {
        { "enabled", &op_bool, IN(plain_check, enabled) },
        { "endpoint", &op_string, IN(plain_check, endpoint), .def = "http://127.0.0.1:2381",
          .check = syntax_http_base },
        CHECK_TIMES(plain_check, "1s", "1s"),
        { 0 },
};

static const struct field kubelet_check_fields[] = {
        { "enabled", &op_bool, IN(plain_check, enabled) },
        { "endpoint", &op_string, IN(plain_check, endpoint), .def = "http://127.0.0.1:10248/healthz",
          .check = syntax_http_url },
        CHECK_TIMES(plain_check, "5s", "2s"),
        { 0 },
};

#define CLOCK_AT(member)                                                                                     \
        .offset = offsetof(struct config, health.clock.member) - offsetof(struct config, health.clock),      \
        .size = sizeof(((struct config *)0)->health.clock.member)

static const struct field clock_check_fields[] = {
        { "enabled", &op_bool, CLOCK_AT(enabled) },
        { "port", &op_int, CLOCK_AT(port), .def = "323", .min = 1, .max = 65535 },
        { "interval", &op_duration, CLOCK_AT(interval_us), .def = "1s", .min = MS(100), .max = SEC(60) },
        { 0 },
};

static const struct field mirror_fields[] = {
        { "registry", &op_string, IN(registry_mirror, registry), .check = syntax_mirrored },
        { "", &op_strings, IN(registry_mirror, mirrors), .check = syntax_mirror_url },
        { 0 },
};

static const struct field registry_fields[] = {
        { "host", &op_string, IN(registry, host), .check = syntax_registry },
        { "caFile", &op_string, IN(registry, ca_file), .check = syntax_path },
        { "username", &op_string, IN(registry, username), .check = syntax_not_empty },
        { "passwordFile", &op_string, IN(registry, password_file), .check = syntax_path },
        { 0 },
};

static const struct choice cnis[] = { { "flannel", CNI_FLANNEL }, { "none", CNI_NONE }, { 0 } };
static const struct choice flannel_backends[] = {
        { "vxlan", FLANNEL_VXLAN }, { "host-gw", FLANNEL_HOST_GW }, { "wireguard", FLANNEL_WIREGUARD }, { 0 }
};

/* triarch.dev/v1alpha1 AgentConfiguration. */
const struct field fields_agent[] = {
        { .key = "apiVersion", .ops = &op_ignore },
        { .key = "kind", .ops = &op_ignore },
        { "nodeName", &op_string, AT(node_name), .check = syntax_node_name, .own = true },
        { "clusterName", &op_string, AT(cluster_name), .def = "triarch", .check = syntax_not_empty },
        { "vip", &op_one_or_list, FROM(vips), .size = sizeof(struct vip_config), .sub = fields_vip },
        { "membersGeneration", &op_int, AT(members_generation), .def = "1", .min = 1, .max = UINT32_MAX },
        GROUP("health", { "apiServer", &op_check, AT(health.api_server), .sub = api_server_check_fields },
              { "etcd", &op_check, AT(health.etcd), .sub = etcd_check_fields },
              { "kubelet", &op_check, AT(health.kubelet), .sub = kubelet_check_fields },
              { "clock", &op_check, AT(health.clock), .sub = clock_check_fields },
              REFUSED("link", "the link is always watched"),
              REFUSED("custom", "no programs of the operator's are run")),
        GROUP("timeSync",
              { "maxOffset", &op_seconds, AT(time_max_offset_s), .def = "100ms", .min = MS(1),
                .max = SEC(10) },
              { "servers", &op_strings, AT(time_servers), .check = syntax_time_source, .cluster = true }),
        { "enrollPort", &op_int, AT(enroll_port), .def = "7644", .min = 1, .max = 65535 },
        { "metrics", &op_local_port, AT(metrics_port), .def = "127.0.0.1:7645" },
        { "socket", &op_string, AT(socket_path), .def = TRIARCH_SOCKET, .check = syntax_socket_path },
        { "stateDir", &op_string, AT(state_dir), .check = syntax_path },
        { "registryMirrors", FROM(registry_mirrors), KEYED(registry_mirror, mirror_fields), .cluster = true },
        { "registries", FROM(registries), KEYED(registry, registry_fields), .cluster = true },
        { "cni", &op_choice, AT(cni), .choices = cnis, .def = "flannel", .cluster = true },
        GROUP("flannel",
              { "backend", &op_choice, AT(flannel_backend), .choices = flannel_backends, .def = "vxlan",
                .cluster = true },
              { "imageRepository", &op_string, AT(flannel_image_repository), .def = "ghcr.io/flannel-io",
                .check = syntax_repository, .cluster = true }),
        { "apiServerLoadBalancing", &op_bool, AT(api_load_balancing), .def = "false", .cluster = true },
        { 0 },
};

#define KUBEADM        "kubeadm.k8s.io/"
#define PASSED(member) .text = offsetof(struct config, member)

const struct config_kind config_kinds[] = {
        { "triarch.dev/v1alpha1", "AgentConfiguration", .fields = fields_agent },
        { KUBEADM "v1beta4", "ClusterConfiguration", fields_cluster, .cluster = true },
        { KUBEADM "v1beta4", "InitConfiguration", fields_init, .cluster = true },
        { KUBEADM "v1beta4", "JoinConfiguration", fields_join, .join = true },
        { KUBEADM "v1beta3", "ClusterConfiguration", fields_cluster3, .cluster = true, .old = true },
        { KUBEADM "v1beta3", "InitConfiguration", fields_init3, .cluster = true, .old = true },
        { KUBEADM "v1beta3", "JoinConfiguration", fields_join3, .join = true, .old = true },
        { "kubelet.config.k8s.io/v1beta1", "KubeletConfiguration", PASSED(kubelet_config_text) },
        { "kubeproxy.config.k8s.io/v1alpha1", "KubeProxyConfiguration", PASSED(kube_proxy_config_text) },
        { KUBEADM "v1beta4", "ResetConfiguration", .refused = "`triarch reset` takes flags" },
        { KUBEADM "v1beta4", "UpgradeConfiguration", .refused = "triarch makes no upgrades from a file" },
        { 0 },
};
