/* The configuration as one constant struct: parsed, defaulted and validated before anything is done.
 *
 * Sources: a multi-document YAML file (AgentConfiguration of triarch.dev/v1alpha1, kubeadm v1beta4
 * ClusterConfiguration and InitConfiguration), overridden by flags. Unknown keys are refused as
 * unknown, known ones that this version does not act on as "not supported yet", each with file,
 * line and column. Parsing has no side effect. */
#ifndef AGENT_CONFIG_H
#define AGENT_CONFIG_H

#include "agent/error.h"
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

struct member {
        char *name;
        struct in_addr address;
};

enum vip_transport { VIP_TRANSPORT_IP }; /* sealed comes with the lease */
enum vip_election { VIP_ELECTION_PRIORITY };
enum vip_preempt { VIP_PREEMPT_HEALTH, VIP_PREEMPT_ALWAYS, VIP_PREEMPT_NEVER };

struct vip_config {
        bool present;
        struct in_addr address;
        unsigned prefix;      /* of the network; the address itself is installed as /32 */
        char *interface;      /* NULL until resolved: the one whose network holds the address */
        uint8_t vrid;         /* default: derived from the address, 1..255 */
        uint32_t interval_us; /* advertisementInterval, 10 ms .. 40.95 s in 10 ms steps (ip) */
        enum vip_transport transport;
        enum vip_election election;
        enum vip_preempt preempt;
        bool unicast;     /* ip transport: to the listed members instead of 224.0.0.18 */
        uint8_t priority; /* 1..254; default 250 - 20 * position in members, at least 130 */
        struct member *members;
        size_t n_members;
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

enum config_alg { ALG_ECDSA_P256, ALG_RSA_2048 };

struct config {
        char *node_name; /* lower case host name by default */
        /* ClusterConfiguration */
        bool cluster; /* false: an agent alone, no Kubernetes */
        char *cluster_name, *kubernetes_version, *image_repository;
        char *endpoint_host; /* controlPlaneEndpoint; default: the VIP and bindPort */
        uint16_t endpoint_port;
        char *service_subnet, *pod_subnet /* NULL: none */, *dns_domain;
        char *service_ip, *cluster_dns; /* first and tenth address of service_subnet */
        char *cert_dir;
        struct str_list cert_sans;
        struct component api_server, controller_manager, scheduler, etcd;
        char *etcd_data_dir, *etcd_image_repository /* NULL */, *etcd_image_tag /* NULL */;
        struct str_list etcd_server_sans, etcd_peer_sans;
        enum config_alg alg;
        /* InitConfiguration */
        char *advertise_address; /* default: the address of vip.interface in the VIP's network,
                                  * never the VIP itself; NULL until resolved */
        uint16_t bind_port;
        char *cri_socket;
        struct name_values kubelet_extra_args;
        struct str_list ignore_preflight_errors, skip_phases;
        uint32_t token_ttl_s; /* 2 h for the token that init prints */
        /* AgentConfiguration */
        struct vip_config vip;
        struct health_config health;
        double time_max_offset_s; /* timeSync.maxOffset, 0.1 */
        uint16_t enroll_port;     /* 7644 */
        uint16_t metrics_port;    /* 7645, on 127.0.0.1 */
        char *socket_path;        /* /run/triarch/agent.sock */
};

enum { CONFIG_TOKEN_TTL_MAX_S = 7 * 24 * 3600 }; /* of every token */

/* Values given by flags: NULL or 0 means not given. Borrowed. `place` in errors is the flag's name. */
struct config_flags {
        const char *node_name, *vip, *interface, *advertise_address, *control_plane_endpoint;
        const char *kubernetes_version, *image_repository, *pod_subnet, *service_subnet, *dns_domain;
        const char *cert_dir, *cri_socket, *cert_sans, *ignore_preflight_errors, *skip_phases, *token_ttl;
        const char *bind_port;
        bool cluster; /* a cluster is wanted, whatever documents the file has (init) */
};

/* Parse and validate `file` (NULL: flags and defaults alone). Nothing outside is read but the file
 * and the host name. *ret is owned by the caller. 0, or -EINVAL with *e filled (EXIT_INPUT). */
int config_load(const char *file, const struct config_flags *flags, struct config **ret, struct error *e);
/* The same from memory; `name` stands for the file in messages, "" for none (then the text may be empty). */
int config_parse(const char *text, size_t size, const char *name, const struct config_flags *flags,
                 struct config **ret, struct error *e);
/* What is allowed, but worth a word: one call per warning. */
void config_warnings(const struct config *c, void (*warn)(void *userdata, const char *text), void *userdata);
/* Fill interface and advertise_address from this host's interfaces (netlink/getifaddrs), where not given. */
int config_resolve(struct config *c, struct error *e);
/* The configuration as YAML that config_parse() reads back to the same struct (token_ttl_s alone is for
 * one run and not written), without this node's own values when `shared`: what join carries. Own are:
 * node name, interface, advertise address, priority, health.apiServer.endpoint, skipPhases,
 * ignorePreflightErrors. malloc'ed, NUL-terminated beyond *ret_size. -ENOMEM. */
int config_render(const struct config *c, bool shared, char **ret, size_t *ret_size);
/* The commented file of `triarch config print-defaults`. */
const char *config_defaults_text(void);

void config_free(struct config *c);
DEFINE_CLEANUP(struct config *, config_free)

#endif
