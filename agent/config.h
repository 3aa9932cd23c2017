/* The configuration as one constant struct: parsed, defaulted and validated before anything is done.
 *
 * Sources: a multi-document YAML file (AgentConfiguration of triarch.dev/v1alpha1; ClusterConfiguration,
 * InitConfiguration and JoinConfiguration of kubeadm.k8s.io v1beta3 and v1beta4; KubeletConfiguration and
 * KubeProxyConfiguration as they are), overridden by flags. Unknown keys are refused as unknown, known
 * ones that are not acted on by their name with the reason, each with file, line and column. Parsing has
 * no side effect. docs/configuration.md lists the fields. */
#ifndef AGENT_CONFIG_H
#define AGENT_CONFIG_H

#include "agent/error.h"
#include "vrrp/ip.h"
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct str_list {
        char **items; /* NULL-ended when not NULL; owned */
        size_t n;
};
struct name_value {
        char *name, *value;
};
struct name_values {
        struct name_value *items;
        size_t n;
};
struct extra_volume {
        char *name, *host_path, *mount_path, *path_type;
        bool read_only;
};
struct extra_volumes {
        struct extra_volume *items;
        size_t n;
};
struct component {
        struct name_values extra_args; /* order kept, repeated names allowed */
        struct extra_volumes extra_volumes;
        struct name_values extra_envs;
};

struct taint { /* of a node; effect: NoSchedule, PreferNoSchedule or NoExecute */
        char *key, *value /* "" */, *effect;
};
struct taints {
        struct taint *items;
        size_t n;
};
struct feature_gate {
        char *name;
        bool on;
};
struct feature_gates {
        struct feature_gate *items;
        size_t n;
};
struct external_etcd {                        /* endpoints.n == 0: etcd runs on the masters */
        struct str_list endpoints;            /* URLs, as --etcd-servers takes them */
        struct str_list http_endpoints;       /* for /health and the version; default: endpoints */
        char *ca_file, *cert_file, *key_file; /* NULL: http, or no client certificate */
};
struct bootstrap_token { /* a token of Kubernetes' API, not of enrolment; a secret */
        char *token, *description /* NULL */;
        uint32_t ttl_s;  /* 0: never expires; default 24 h */
        int64_t expires; /* Unix time; 0: by ttl_s */
        struct str_list usages, groups;
};
struct bootstrap_tokens {
        struct bootstrap_token *items;
        size_t n;
};
struct registry_mirror { /* images of `registry` ("registry.k8s.io", "*": any) are had from these, in order */
        char *registry;
        struct str_list mirrors; /* URLs: http(s)://HOST[:PORT][/PATH] */
};
struct registry_mirrors {
        struct registry_mirror *items;
        size_t n;
};
struct registry { /* how HOST[:PORT], of an image or of a mirror, is spoken to */
        char *host, *ca_file, *username, *password_file; /* NULL: as usual; no credentials */
};
struct registries {
        struct registry *items;
        size_t n;
};
struct timeouts { /* kubeadm's, microseconds */
        uint32_t control_plane_us, kubelet_us, api_call_us, etcd_call_us, tls_bootstrap_us, discovery_us;
};

struct member {
        char *name;
        struct vrrp_ip address;
        uint64_t id;  /* 0: not given; see config_member_id() */
        bool witness; /* votes, never owns; without a vote to give: just never owns */
};

enum vip_transport { VIP_TRANSPORT_IP, VIP_TRANSPORT_SEALED };
enum vip_election { VIP_ELECTION_UNSET, VIP_ELECTION_PRIORITY, VIP_ELECTION_MAJORITY };
enum vip_preempt { VIP_PREEMPT_HEALTH, VIP_PREEMPT_ALWAYS, VIP_PREEMPT_NEVER };
enum vip_checksum { VIP_CHECKSUM_PSEUDO_HEADER, VIP_CHECKSUM_RFC9568 };

enum { CONFIG_MAX_VIPS = 255, CONFIG_MAX_ADDRESSES = 32, CONFIG_MAX_MEMBERS = 16 };

struct vip_address {
        struct vrrp_ip ip;
        uint8_t prefix; /* of its network; the address itself is installed as /32 or /128 */
};
struct vip_config { /* one group: the addresses that move together */
        struct vip_address *addresses;
        size_t n_addresses;   /* 1 .. CONFIG_MAX_ADDRESSES; the first one finds the interface */
        char *interface;      /* NULL until resolved: the one whose network holds the first address */
        uint8_t vrid;         /* default: derived from the first address, 1..255 */
        uint32_t interval_us; /* advertisementInterval, 10 ms .. 40.95 s; ip: in 10 ms steps */
        enum vip_transport transport;
        enum vip_election election; /* default: majority with sealed, priority with ip */
        enum vip_preempt preempt;
        uint32_t preempt_delay_us;
        uint8_t version;            /* ip: 3, or 2 */
        enum vip_checksum checksum; /* ip, version 3 over IPv4: the form that is sent */
        bool unicast;               /* ip: to the listed members instead of the multicast group */
        bool virtual_mac, accept, standby;
        uint32_t removal_us;    /* removalBudget: R of the lease */
        uint8_t priority;       /* 1..254; default 250 - 20 * position in members, at least 130 */
        uint16_t port;          /* sealed: UDP; default: the first group's, 7644 */
        char *key_file;         /* sealed; default: the first group's, in a cluster TRIARCH_VIP_KEY */
        struct member *members; /* default: the first group's. In a cluster the list that the root services
                                   keep counts, not this one (agent/members.h) */
        size_t n_members;
        struct vrrp_ip self; /* this node's own address there; none until resolved, or the router's choice */
};
struct vip_list {
        struct vip_config *items;
        size_t n;
};

struct http_check { /* health.apiServer */
        bool enabled;
        char *endpoint, *ca_file, *cert_file, *key_file;
        uint32_t interval_us, timeout_us;
        unsigned fall, rise;
};
struct plain_check { /* health.etcd, health.kubelet: loopback HTTP */
        bool enabled;
        char *endpoint;
        uint32_t interval_us, timeout_us;
};
struct health_config {
        struct http_check api_server;
        struct plain_check etcd, kubelet;
        struct {
                bool enabled;
                uint16_t port; /* chronyd's command port on 127.0.0.1; 323 */
                uint32_t interval_us;
        } clock;
};

enum config_alg { ALG_ECDSA_P256, ALG_ECDSA_P384, ALG_RSA_2048, ALG_RSA_3072, ALG_RSA_4096 };
enum config_cni { CNI_FLANNEL, CNI_NONE };
enum flannel_backend { FLANNEL_VXLAN, FLANNEL_HOST_GW, FLANNEL_WIREGUARD };
enum image_pull { IMAGE_PULL_IF_NOT_PRESENT, IMAGE_PULL_ALWAYS, IMAGE_PULL_NEVER };

/* What a JoinConfiguration says about the way into the cluster; for one run, never written. */
struct join_config {
        char *endpoint_host; /* discovery.bootstrapToken.apiServerEndpoint; NULL: not given */
        uint16_t endpoint_port;
        char *token;          /* a secret */
        char *tls_token;      /* NULL, or the same */
        struct str_list pins; /* caCertHashes */
        bool control_plane;   /* a master; otherwise a worker, as kubeadm has it */
};

struct config {
        char *node_name; /* lower case host name by default */
        /* ClusterConfiguration */
        bool cluster;       /* false: an agent alone, no Kubernetes */
        char *cluster_name; /* "kubernetes"; of an agent alone: "triarch" */
        char *kubernetes_version, *image_repository;
        char *endpoint_host; /* controlPlaneEndpoint; default: the VIP and bindPort */
        uint16_t endpoint_port;
        /* One network, or one of each family ("10.96.0.0/12,fd00:96::/112"): the first is the primary. As
         * flags take them. pod_subnet NULL: none; with flannel 10.244.0.0/16 by default. */
        char *service_subnet, *pod_subnet, *dns_domain;
        char *service_ip, *cluster_dns; /* first and tenth address of the primary service network */
        char *cert_dir;
        struct str_list cert_sans;
        struct component api_server, controller_manager, scheduler, etcd;
        char *etcd_data_dir, *etcd_image_repository /* NULL */, *etcd_image_tag /* NULL */;
        struct str_list etcd_server_sans, etcd_peer_sans;
        struct external_etcd etcd_external;
        enum config_alg alg;
        uint32_t certificate_validity_s, ca_certificate_validity_s; /* 8760 h, 87600 h */
        struct feature_gates feature_gates;                         /* as given; known to this version */
        bool proxy_disabled, dns_disabled;
        char *dns_image_repository, *dns_image_tag; /* NULL: image_repository, by kubernetes_version */
        /* Whole documents as YAML text with keys in the order given; NULL: none given. */
        char *kubelet_config_text, *kube_proxy_config_text;
        /* InitConfiguration */
        char *advertise_address; /* default: the address of vip.interface in the VIP's network,
                                  * never the VIP itself; NULL until resolved */
        uint16_t bind_port;
        char *cri_socket;
        struct name_values kubelet_extra_args;
        struct str_list ignore_preflight_errors, skip_phases;
        struct taints taints; /* config_taints() */
        bool taints_given;    /* an empty list means none */
        enum image_pull image_pull_policy;
        bool image_pull_serial; /* true: one image after the other */
        char *patches_dir;      /* NULL: none; of this node alone */
        struct timeouts timeouts;
        struct bootstrap_tokens bootstrap_tokens; /* none given: none made. Never written */
        bool dry_run;                             /* never written */
        uint32_t token_ttl_s;                     /* 2 h for the token that init prints */
        struct join_config join;                  /* JoinConfiguration */
        /* AgentConfiguration */
        struct vip_list vips;        /* none: a cluster whose address another load balancer has */
        uint32_t members_generation; /* membersGeneration: of the list in the file; 1 */
        struct health_config health;
        double time_max_offset_s; /* timeSync.maxOffset, 0.1 */
        struct str_list
                time_servers; /* timeSync.servers: names or addresses; none: chrony is left as it is */
        struct registry_mirrors registry_mirrors;
        struct registries registries;
        enum config_cni cni; /* flannel by default in a cluster */
        enum flannel_backend flannel_backend;
        char *flannel_image_repository; /* ghcr.io/flannel-io */
        bool api_load_balancing;        /* apiServerLoadBalancing */
        uint16_t enroll_port;           /* 7644 */
        uint16_t metrics_port;          /* 7645, on 127.0.0.1 */
        char *socket_path;              /* /run/triarch/agent.sock */
        char *state_dir; /* stateDir: the agent's own files; default TRIARCH_AGENT_DIR, or where the socket is
                            when that was given to an agent alone */
};

enum { CONFIG_TOKEN_TTL_MAX_S = 7 * 24 * 3600 }; /* of every token */

/* Values given by flags: NULL or 0 means not given. Borrowed. `place` in errors is the flag's name. */
struct config_flags {
        const char *node_name, *vip, *interface, *advertise_address, *control_plane_endpoint;
        const char *kubernetes_version, *image_repository, *pod_subnet, *service_subnet, *dns_domain;
        const char *cert_dir, *cri_socket, *cert_sans, *ignore_preflight_errors, *skip_phases, *token_ttl;
        const char *bind_port, *patches;
        bool dry_run;
        bool cluster; /* a cluster is wanted, whatever documents the file has (init) */
        bool join;    /* a JoinConfiguration is applied over the rest; otherwise it is only checked */
        bool worker;  /* taints and kubeletExtraArgs of an InitConfiguration are a master's: not for this node
                       */
        bool any_address; /* a cluster without VIP and controlPlaneEndpoint will do, which a flag may give */
        bool join_alone;  /* a JoinConfiguration without any other document is enough: it is only checked */
};

/* Parse and validate `file` (NULL: flags and defaults alone). Nothing outside is read but the file
 * and the host name. *ret is owned by the caller. 0, or -EINVAL with *e filled (EXIT_INPUT). */
int config_load(const char *file, const struct config_flags *flags, struct config **ret, struct error *e);
/* The same from memory; `name` stands for the file in messages, "" for none (then the text may be empty). */
int config_parse(const char *text, size_t size, const char *name, const struct config_flags *flags,
                 struct config **ret, struct error *e);
/* The taints that a node gets: those given; otherwise a master's is kubeadm's, a worker has none. */
const struct taints *config_taints(const struct config *c, bool worker);
/* Is this family among the networks of services and pods and the advertise address? */
bool config_uses_family(const struct config *c, int family);
/* "6443 of a host" in a URL: brackets around an IPv6 address. */
enum { CONFIG_HOST_PORT_SIZE = 272 };
const char *config_host_port(const char *host, unsigned port, char out[CONFIG_HOST_PORT_SIZE]);
/* Is the gate on: as given, else `otherwise`. */
bool config_gate(const struct config *c, const char *name, bool otherwise);
/* The text of a configuration file as it is; a secret. -EINVAL with *e filled. */
int config_read_file(const char *file, char **ret, size_t *ret_size, struct error *e);
/* What is allowed, but worth a word: one call per warning. */
void config_warnings(const struct config *c, void (*warn)(void *userdata, const char *text), void *userdata);
/* What deaths do to the address, where the number of members (witnesses among them) is not a good one. False:
 * nothing to say. 256 bytes are enough. */
bool config_size_warning(enum vip_election election, size_t n, size_t witnesses, char *out, size_t size);
/* Fill interface and advertise_address from this host's interfaces (netlink/getifaddrs), where not given. */
int config_resolve(struct config *c, struct error *e);
/* One group of it, with the host's addresses given: what the group lacks of interface and own address. A
 * group that cannot share its interface with another that is resolved is refused here, too. */
struct ifaddrs;
int config_resolve_vip(struct config *c, struct vip_config *v, const struct ifaddrs *addresses,
                       struct error *e);
/* The configuration as YAML that config_parse() reads back to the same struct (token_ttl_s alone is for
 * one run and not written), without this node's own values when `shared`: what join carries. Own are:
 * node name, interface, advertise address, priority, health.apiServer.endpoint, skipPhases,
 * ignorePreflightErrors. malloc'ed, NUL-terminated beyond *ret_size. -ENOMEM. */
int config_render(const struct config *c, bool shared, char **ret, size_t *ret_size);
/* The ClusterConfiguration alone, of kubeadm's newest version: what the ConfigMap kubeadm-config is made
 * from. malloc'ed. -ENOMEM. */
int config_render_cluster(const struct config *c, char **ret, size_t *ret_size);
/* The group that is the control plane's, NULL when there is none; and its address (0.0.0.0: none). */
const struct vip_config *config_vip(const struct config *c);
/* Is the owner of any group elected by majority? */
bool config_by_majority(const struct config *c);
struct in_addr config_vip_address(const struct config *c);
/* As given, or the first 8 bytes of the SHA-256 of its name, big-endian; never 0 nor UINT64_MAX. */
uint64_t config_member_id(const struct member *m);
const struct member *config_member(const struct vip_config *v, const char *name);
/* What sealed datagrams carry for the cluster: the beginning of the SHA-256 of its name. */
enum { CONFIG_CLUSTER_TAG = 16 };
void config_cluster_tag(const struct config *c, uint8_t ret[CONFIG_CLUSTER_TAG]);
/* The commented file of `triarch config print-defaults`. */
const char *config_defaults_text(void);

void config_free(struct config *c);
DEFINE_CLEANUP(struct config *, config_free)

#endif
