/* Every field of every kind: one line each. A line without ops is known, but not supported yet. */
#include "agent/config_fields.h"
#include "agent/paths.h"

#define AT(member)       .offset = offsetof(struct config, member), .size = sizeof(((struct config *)0)->member)
#define IN(type, member) .offset = offsetof(struct type, member), .size = sizeof(((struct type *)0)->member)
#define FROM(member)     .offset = offsetof(struct config, member)
#define LATER(name)                                                                                          \
        { .key = (name) }
#define GROUP(name, ...)                                                                                     \
        {                                                                                                    \
                .key = (name), .ops = &op_map, .sub = (const struct field[]) {                               \
                        __VA_ARGS__, {                                                                       \
                                0                                                                            \
                        }                                                                                    \
                }                                                                                            \
        }
/* List of maps; `type` is the item. */
#define LIST(type, table) .size = sizeof(struct type), .ops = &op_list, .sub = (table)
#define MS(n)             (UINT64_C(1000) * (n))
#define SEC(n)            (UINT64_C(1000000) * (n))

static const struct field arg_fields[] = {
        { "name", &op_string, IN(name_value, name), .check = syntax_arg_name, .required = true },
        { "value", &op_string, IN(name_value, value), .required = true },
        { 0 },
};

static const struct field env_fields[] = {
        { "name", &op_string, IN(name_value, name), .check = syntax_env_name, .required = true },
        { "value", &op_string, IN(name_value, value), .def = "" },
        LATER("valueFrom"),
        { 0 },
};

static const struct field volume_fields[] = {
        { "name", &op_string, IN(extra_volume, name), .check = syntax_label, .required = true },
        { "hostPath", &op_string, IN(extra_volume, host_path), .check = syntax_path, .required = true },
        { "mountPath", &op_string, IN(extra_volume, mount_path), .check = syntax_path, .required = true },
        { "readOnly", &op_bool, IN(extra_volume, read_only) },
        { "pathType", &op_string, IN(extra_volume, path_type), .check = syntax_path_type, .def = "" },
        { 0 },
};

/* kubeadm's ControlPlaneComponent. NOLINTBEGIN(bugprone-macro-parentheses): a member takes none. */
#define EXTRA_ARGS(member)                                                                                   \
        { "extraArgs", FROM(member.extra_args), LIST(name_value, arg_fields) }
#define EXTRA_VOLUMES(member)                                                                                \
        { "extraVolumes", FROM(member.extra_volumes), LIST(extra_volume, volume_fields) }
#define EXTRA_ENVS(member)                                                                                   \
        { "extraEnvs", FROM(member.extra_envs), LIST(name_value, env_fields) }
#define COMPONENT(member) EXTRA_ARGS(member), EXTRA_VOLUMES(member), EXTRA_ENVS(member)
/* NOLINTEND(bugprone-macro-parentheses) */

static const struct choice algorithms[] = {
        { "ECDSA-P256", ALG_ECDSA_P256 }, { "RSA-2048", ALG_RSA_2048 }, { "ECDSA-P384", CHOICE_LATER },
        { "RSA-3072", CHOICE_LATER },     { "RSA-4096", CHOICE_LATER }, { 0 },
};

/* kubeadm.k8s.io/v1beta4 ClusterConfiguration. Ours: encryptionAlgorithm ECDSA-P256 by default. */
const struct field fields_cluster[] = {
        { .key = "apiVersion", .ops = &op_ignore },
        { .key = "kind", .ops = &op_ignore },
        { "clusterName", &op_string, AT(cluster_name), .def = "kubernetes", .check = syntax_not_empty },
        { "kubernetesVersion", &op_version, AT(kubernetes_version), .def = "v1.36.2" },
        { "controlPlaneEndpoint", &op_endpoint, AT(endpoint_host) },
        { "imageRepository", &op_string, AT(image_repository), .def = "registry.k8s.io",
          .check = syntax_repository },
        { "certificatesDir", &op_string, AT(cert_dir), .def = "/etc/kubernetes/pki", .check = syntax_path },
        { "encryptionAlgorithm", &op_choice, AT(alg), .choices = algorithms, .def = "ECDSA-P256" },
        GROUP("networking",
              { "serviceSubnet", &op_string, AT(service_subnet), .def = "10.96.0.0/12",
                .check = syntax_service_subnet },
              { "podSubnet", &op_string, AT(pod_subnet), .check = syntax_pod_subnet },
              { "dnsDomain", &op_string, AT(dns_domain), .def = "cluster.local", .check = syntax_dns_name }),
        GROUP("apiServer", { "certSANs", &op_strings, AT(cert_sans), .check = syntax_ip_or_dns },
              COMPONENT(api_server)),
        GROUP("controllerManager", COMPONENT(controller_manager)),
        GROUP("scheduler", COMPONENT(scheduler)),
        GROUP("etcd",
              GROUP("local",
                    { "dataDir", &op_string, AT(etcd_data_dir), .def = "/var/lib/etcd",
                      .check = syntax_path },
                    { "imageRepository", &op_string, AT(etcd_image_repository), .check = syntax_repository },
                    { "imageTag", &op_string, AT(etcd_image_tag), .check = syntax_image_tag },
                    { "serverCertSANs", &op_strings, AT(etcd_server_sans), .check = syntax_ip_or_dns },
                    { "peerCertSANs", &op_strings, AT(etcd_peer_sans), .check = syntax_ip_or_dns },
                    EXTRA_ARGS(etcd), EXTRA_ENVS(etcd)),
              GROUP("external", LATER("endpoints"), LATER("httpEndpoints"), LATER("caFile"),
                    LATER("certFile"), LATER("keyFile"))),
        GROUP("dns", LATER("imageRepository"), LATER("imageTag"), LATER("disabled")),
        GROUP("proxy", LATER("disabled")),
        LATER("featureGates"),
        LATER("certificateValidityPeriod"),
        LATER("caCertificateValidityPeriod"),
        { 0 },
};

/* kubeadm.k8s.io/v1beta4 InitConfiguration. */
const struct field fields_init[] = {
        { .key = "apiVersion", .ops = &op_ignore },
        { .key = "kind", .ops = &op_ignore },
        GROUP("nodeRegistration",
              { "name", &op_string, AT(node_name), .check = syntax_node_name, .own = true },
              { "criSocket", &op_string, AT(cri_socket), .def = "unix:///var/run/containerd/containerd.sock",
                .check = syntax_cri_socket },
              { "kubeletExtraArgs", FROM(kubelet_extra_args), LIST(name_value, arg_fields) },
              { "ignorePreflightErrors", &op_strings, AT(ignore_preflight_errors), .own = true,
                .check = syntax_not_empty },
              LATER("taints"), LATER("imagePullPolicy"), LATER("imagePullSerial")),
        GROUP("localAPIEndpoint",
              { "advertiseAddress", &op_string, AT(advertise_address), .check = syntax_host_address,
                .own = true },
              { "bindPort", &op_int, AT(bind_port), .def = "6443", .min = 1, .max = 65535 }),
        { "skipPhases", &op_strings, AT(skip_phases), .own = true, .check = syntax_not_empty },
        LATER("bootstrapTokens"),
        LATER("certificateKey"),
        LATER("dryRun"),
        GROUP("patches", LATER("directory")),
        GROUP("timeouts", LATER("controlPlaneComponentHealthCheck"), LATER("kubeletHealthCheck"),
              LATER("kubernetesAPICall"), LATER("etcdAPICall"), LATER("tlsBootstrap"), LATER("discovery"),
              LATER("upgradeManifests")),
        { 0 },
};

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
              { "clock", &op_check, AT(health.clock), .sub = clock_check_fields }, LATER("link"),
              LATER("custom")),
        GROUP("timeSync",
              { "maxOffset", &op_seconds, AT(time_max_offset_s), .def = "100ms", .min = MS(1),
                .max = SEC(10) },
              LATER("servers")),
        { "enrollPort", &op_int, AT(enroll_port), .def = "7644", .min = 1, .max = 65535 },
        { "metrics", &op_local_port, AT(metrics_port), .def = "127.0.0.1:7645" },
        { "socket", &op_string, AT(socket_path), .def = TRIARCH_SOCKET, .check = syntax_socket_path },
        { "stateDir", &op_string, AT(state_dir), .check = syntax_path },
        LATER("registryMirrors"),
        { 0 },
};

#define KUBEADM "kubeadm.k8s.io/"
#define MIGRATE "`kubeadm config migrate` writes v1beta4"

const struct config_kind config_kinds[] = {
        { "triarch.dev/v1alpha1", "AgentConfiguration", fields_agent, false, NULL },
        { KUBEADM "v1beta4", "ClusterConfiguration", fields_cluster, true, NULL },
        { KUBEADM "v1beta4", "InitConfiguration", fields_init, true, NULL },
        { KUBEADM "v1beta4", "JoinConfiguration", NULL, false, "`triarch join` takes flags" },
        { KUBEADM "v1beta4", "ResetConfiguration", NULL, false, "`triarch reset` takes flags" },
        { KUBEADM "v1beta4", "UpgradeConfiguration", NULL, false, NULL },
        { KUBEADM "v1beta3", "ClusterConfiguration", NULL, false, MIGRATE },
        { KUBEADM "v1beta3", "InitConfiguration", NULL, false, MIGRATE },
        { KUBEADM "v1beta3", "JoinConfiguration", NULL, false, MIGRATE },
        { "kubelet.config.k8s.io/v1beta1", "KubeletConfiguration", NULL, false, NULL },
        { "kubeproxy.config.k8s.io/v1alpha1", "KubeProxyConfiguration", NULL, false, NULL },
        { 0 },
};
