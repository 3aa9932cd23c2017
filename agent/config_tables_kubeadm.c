/* Every field of kubeadm's kinds, v1beta4 and v1beta3, one line each. What both versions have alike is a
 * macro. Ours: encryptionAlgorithm ECDSA-P256 by default; the versions that templates/ renders. */
#include "agent/config_table.h"

static const struct field arg_fields[] = {
        { "name", &op_string, IN(name_value, name), .check = syntax_arg_name, .required = true },
        { "value", &op_string, IN(name_value, value), .required = true },
        { 0 },
};

/* NAME: VALUE */
static const struct field arg3_fields[] = {
        { "name", &op_string, IN(name_value, name), .check = syntax_arg_name },
        { "", &op_string, IN(name_value, value) },
        { 0 },
};

static const struct field env_fields[] = {
        { "name", &op_string, IN(name_value, name), .check = syntax_env_name, .required = true },
        { "value", &op_string, IN(name_value, value), .def = "" },
        REFUSED("valueFrom", "write the value itself"),
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

static const struct field taint_fields[] = {
        { "key", &op_string, IN(taint, key), .check = syntax_label_key, .required = true },
        { "value", &op_string, IN(taint, value), .check = syntax_label_value, .def = "" },
        { "effect", &op_string, IN(taint, effect), .check = syntax_taint_effect, .required = true },
        REFUSED("timeAdded", "the node's controller notes it by itself"),
        { 0 },
};

static const struct field token_fields[] = {
        { "token", &op_secret, IN(bootstrap_token, token), .check = syntax_token, .required = true },
        { "description", &op_string, IN(bootstrap_token, description) },
        { "ttl", &op_period, IN(bootstrap_token, ttl_s), .def = "24h", .max = UINT32_MAX },
        { "expires", &op_time, IN(bootstrap_token, expires) },
        { "usages", &op_strings, IN(bootstrap_token, usages), .check = syntax_token_usage },
        { "groups", &op_strings, IN(bootstrap_token, groups), .check = syntax_token_group },
        { 0 },
};

static const struct field gate_fields[] = {
        { "name", &op_string, IN(feature_gate, name), .check = syntax_not_empty },
        { "", &op_bool, IN(feature_gate, on) },
        { 0 },
};

/* kubeadm's ControlPlaneComponent. NOLINTBEGIN(bugprone-macro-parentheses): a member takes none. */
#define ARGS(name, member)                                                                                   \
        { name, FROM(member), LIST(name_value, arg_fields) }
#define ARGS3(name, member)                                                                                  \
        { name, FROM(member), KEYED(name_value, arg3_fields) }
#define EXTRA_VOLUMES(member)                                                                                \
        { "extraVolumes", FROM(member.extra_volumes), LIST(extra_volume, volume_fields) }
#define EXTRA_ENVS(member)                                                                                   \
        { "extraEnvs", FROM(member.extra_envs), LIST(name_value, env_fields) }
#define COMPONENT(member)  ARGS("extraArgs", member.extra_args), EXTRA_VOLUMES(member), EXTRA_ENVS(member)
#define COMPONENT3(member) ARGS3("extraArgs", member.extra_args), EXTRA_VOLUMES(member)
/* NOLINTEND(bugprone-macro-parentheses) */

#define HEAD                                                                                                 \
        { .key = "apiVersion", .ops = &op_ignore }, {                                                        \
                .key = "kind", .ops = &op_ignore                                                             \
        }

static const struct choice algorithms[] = {
        { "ECDSA-P256", ALG_ECDSA_P256 }, { "ECDSA-P384", ALG_ECDSA_P384 }, { "RSA-2048", ALG_RSA_2048 },
        { "RSA-3072", ALG_RSA_3072 },     { "RSA-4096", ALG_RSA_4096 },     { 0 },
};
static const struct choice image_pulls[] = { { "IfNotPresent", IMAGE_PULL_IF_NOT_PRESENT },
                                             { "Always", IMAGE_PULL_ALWAYS },
                                             { "Never", IMAGE_PULL_NEVER },
                                             { 0 } };

/* ---- ClusterConfiguration ---- */

#define CLUSTER_GENERAL                                                                                      \
        { "clusterName", &op_string, AT(cluster_name), .def = "kubernetes", .check = syntax_not_empty },     \
                { "kubernetesVersion", &op_version, AT(kubernetes_version), .def = "v1.36.2" },              \
                { "controlPlaneEndpoint", &op_endpoint, AT(endpoint_host) },                                 \
                { "imageRepository", &op_string, AT(image_repository), .def = "registry.k8s.io",             \
                  .check = syntax_repository },                                                              \
                { "certificatesDir", &op_string, AT(cert_dir), .def = "/etc/kubernetes/pki",                 \
                  .check = syntax_directory },                                                               \
        {                                                                                                    \
                "featureGates", FROM(feature_gates), KEYED(feature_gate, gate_fields)                        \
        }
#define NETWORKING                                                                                           \
        GROUP("networking",                                                                                  \
              { "serviceSubnet", &op_string, AT(service_subnet), .def = "10.96.0.0/12",                      \
                .check = syntax_networks },                                                                  \
              { "podSubnet", &op_string, AT(pod_subnet), .check = syntax_networks },                         \
              { "dnsDomain", &op_string, AT(dns_domain), .def = "cluster.local", .check = syntax_dns_name })
#define CERT_SANS                                                                                            \
        { "certSANs", &op_strings, AT(cert_sans), .check = syntax_ip_or_dns }
#define ETCD_LOCAL                                                                                           \
        { "dataDir", &op_string, AT(etcd_data_dir), .def = "/var/lib/etcd", .check = syntax_directory },     \
                { "imageRepository", &op_string, AT(etcd_image_repository), .check = syntax_repository },    \
                { "imageTag", &op_string, AT(etcd_image_tag), .check = syntax_image_tag },                   \
                { "serverCertSANs", &op_strings, AT(etcd_server_sans), .check = syntax_ip_or_dns }, {        \
                "peerCertSANs", &op_strings, AT(etcd_peer_sans), .check = syntax_ip_or_dns                   \
        }
#define ETCD_EXTERNAL                                                                                        \
        { "endpoints", &op_strings, AT(etcd_external.endpoints), .check = syntax_etcd_url },                 \
                { "caFile", &op_string, AT(etcd_external.ca_file), .check = syntax_path_or_empty },          \
                { "certFile", &op_string, AT(etcd_external.cert_file), .check = syntax_path_or_empty }, {    \
                "keyFile", &op_string, AT(etcd_external.key_file), .check = syntax_path_or_empty             \
        }
#define DNS                                                                                                  \
        { "imageRepository", &op_string, AT(dns_image_repository), .check = syntax_repository }, {           \
                "imageTag", &op_string, AT(dns_image_tag), .check = syntax_image_tag                         \
        }
/* Up to what the date of expiry can say: 100 years. */
#define PERIOD .min = 60, .max = UINT64_C(100) * 8760 * 3600

const struct field fields_cluster[] = {
        HEAD,
        CLUSTER_GENERAL,
        { "encryptionAlgorithm", &op_choice, AT(alg), .choices = algorithms, .def = "ECDSA-P256" },
        { "certificateValidityPeriod", &op_period, AT(certificate_validity_s), .def = "8760h", PERIOD },
        { "caCertificateValidityPeriod", &op_period, AT(ca_certificate_validity_s), .def = "87600h", PERIOD },
        NETWORKING,
        GROUP("apiServer", CERT_SANS, COMPONENT(api_server)),
        GROUP("controllerManager", COMPONENT(controller_manager)),
        GROUP("scheduler", COMPONENT(scheduler)),
        GROUP("etcd", LOCAL_ETCD(ETCD_LOCAL, ARGS("extraArgs", etcd.extra_args), EXTRA_ENVS(etcd)),
              GROUP("external", ETCD_EXTERNAL,
                    { "httpEndpoints", &op_strings, AT(etcd_external.http_endpoints),
                      .check = syntax_etcd_url })),
        GROUP("dns", DNS, { "disabled", &op_bool, AT(dns_disabled), .def = "false" }),
        GROUP("proxy", { "disabled", &op_bool, AT(proxy_disabled), .def = "false" }),
        { 0 },
};

const struct field fields_cluster3[] = {
        HEAD,
        CLUSTER_GENERAL,
        NETWORKING,
        GROUP("apiServer", CERT_SANS, COMPONENT3(api_server),
              { "timeoutForControlPlane", &op_duration, AT(timeouts.control_plane_us), TIMEOUT }),
        GROUP("controllerManager", COMPONENT3(controller_manager)),
        GROUP("scheduler", COMPONENT3(scheduler)),
        GROUP("etcd", LOCAL_ETCD(ETCD_LOCAL, ARGS3("extraArgs", etcd.extra_args)),
              GROUP("external", ETCD_EXTERNAL)),
        GROUP("dns", DNS),
        { 0 },
};

/* ---- InitConfiguration and JoinConfiguration ---- */

#define NODE_REGISTRATION                                                                                    \
        { "name", &op_string, AT(node_name), .check = syntax_node_name, .own = true },                       \
                { "criSocket", &op_string, AT(cri_socket),                                                   \
                  .def = "unix:///var/run/containerd/containerd.sock", .check = syntax_cri_socket },         \
                { "ignorePreflightErrors", &op_strings, AT(ignore_preflight_errors), .own = true,            \
                  .check = syntax_not_empty },                                                               \
                { "taints", &op_taints, FROM(taints), .size = sizeof(struct taint), .sub = taint_fields }, { \
                "imagePullPolicy", &op_choice, AT(image_pull_policy), .choices = image_pulls,                \
                                                                      .def = "IfNotPresent"                  \
        }
#define NODE_REGISTRATION4                                                                                   \
        GROUP("nodeRegistration", NODE_REGISTRATION, ARGS("kubeletExtraArgs", kubelet_extra_args),           \
              { "imagePullSerial", &op_bool, AT(image_pull_serial), .def = "true" })
#define NODE_REGISTRATION3                                                                                   \
        GROUP("nodeRegistration", NODE_REGISTRATION, ARGS3("kubeletExtraArgs", kubelet_extra_args))
#define LOCAL_API_ENDPOINT                                                                                   \
        GROUP("localAPIEndpoint",                                                                            \
              { "advertiseAddress", &op_string, AT(advertise_address), .check = syntax_host_address,         \
                .own = true },                                                                               \
              { "bindPort", &op_int, AT(bind_port), .def = "6443", .min = 1, .max = 65535 })
#define CERTIFICATE_KEY                                                                                      \
        REFUSED("certificateKey",                                                                            \
                "join carries the keys itself, sealed for the machine that joins; none is stored in the "    \
                "cluster")
#define SKIP_PHASES                                                                                          \
        { "skipPhases", &op_strings, AT(skip_phases), .own = true, .check = syntax_not_empty }
#define PATCHES                                                                                              \
        GROUP("patches", { "directory", &op_string, AT(patches_dir), .own = true, .check = syntax_path })
#define TIMEOUTS                                                                                             \
        GROUP("timeouts",                                                                                    \
              { "controlPlaneComponentHealthCheck", &op_duration, AT(timeouts.control_plane_us),             \
                .def = "4m", TIMEOUT },                                                                      \
              { "kubeletHealthCheck", &op_duration, AT(timeouts.kubelet_us), .def = "4m", TIMEOUT },         \
              { "kubernetesAPICall", &op_duration, AT(timeouts.api_call_us), .def = "1m", TIMEOUT },         \
              { "etcdAPICall", &op_duration, AT(timeouts.etcd_call_us), .def = "2m", TIMEOUT },              \
              { "tlsBootstrap", &op_duration, AT(timeouts.tls_bootstrap_us), .def = "5m", TIMEOUT },         \
              { "discovery", &op_duration, AT(timeouts.discovery_us), .def = "5m", TIMEOUT },                \
              ONLY("upgradeManifests", "5m", "triarch replaces no manifests in an upgrade"))
#define BOOTSTRAP_TOKENS                                                                                     \
        { "bootstrapTokens", FROM(bootstrap_tokens), LIST(bootstrap_token, token_fields), .once = true }

const struct field fields_init[] = {
        HEAD,
        NODE_REGISTRATION4,
        LOCAL_API_ENDPOINT,
        SKIP_PHASES,
        PATCHES,
        TIMEOUTS,
        BOOTSTRAP_TOKENS,
        CERTIFICATE_KEY,
        { "dryRun", &op_bool, AT(dry_run), .once = true },
        { 0 },
};

const struct field fields_init3[] = {
        HEAD,    NODE_REGISTRATION3, LOCAL_API_ENDPOINT, SKIP_PHASES,
        PATCHES, BOOTSTRAP_TOKENS,   CERTIFICATE_KEY,    { 0 },
};

#define DISCOVERY                                                                                            \
        GROUP("bootstrapToken", { "token", &op_secret, AT(join.token), .check = syntax_token },              \
              { "apiServerEndpoint", &op_join_endpoint, AT(join.endpoint_host) },                            \
              { "caCertHashes", &op_strings, AT(join.pins), .check = syntax_pin },                           \
              ONLY("unsafeSkipCAVerification", "false",                                                      \
                   "without the CA's hash anyone could answer as the master; give caCertHashes")),           \
                { "tlsBootstrapToken", &op_secret, AT(join.tls_token), .check = syntax_token },              \
                REFUSED("file",                                                                              \
                        "give discovery.bootstrapToken; `triarch token create --print-join-command` "        \
                        "prints its values")
#define JOIN_GENERAL                                                                                         \
        ONLY("caCertPath", "/etc/kubernetes/pki/ca.crt",                                                     \
             "the cluster's certificatesDir says where the CA is"),                                          \
                { "skipPhases", &op_strings, AT(skip_phases), .own = true, .check = syntax_join_phase },     \
                PATCHES, {                                                                                   \
                "controlPlane", &op_control_plane, .sub = control_plane_fields                               \
        }

static const struct field control_plane_fields[] = { LOCAL_API_ENDPOINT, CERTIFICATE_KEY, { 0 } };

const struct field fields_join[] = {
        HEAD,         NODE_REGISTRATION4, GROUP("discovery", DISCOVERY),
        JOIN_GENERAL, TIMEOUTS,           { "dryRun", &op_bool, AT(dry_run), .once = true },
        { 0 },
};

const struct field fields_join3[] = {
        HEAD,
        NODE_REGISTRATION3,
        GROUP("discovery", DISCOVERY, { "timeout", &op_duration, AT(timeouts.discovery_us), TIMEOUT }),
        JOIN_GENERAL,
        { 0 },
};
