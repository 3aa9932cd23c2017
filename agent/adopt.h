/* `triarch adopt`: a master of kubeadm's whose address keepalived has becomes one of triarch's, while it
 * runs.
 *
 * Nothing of Kubernetes is made or changed: what runs must be what the same configuration would give here.
 * The router is as keepalived's was (VRID, version, interval, priority, peers), so that masters which are
 * adopted and masters which are not go on electing one owner. */
#ifndef AGENT_ADOPT_H
#define AGENT_ADOPT_H

#include "agent/keepalived_conf.h"
#include "agent/opt.h"
#include "agent/phase.h"
#include "agent/preflight.h"

#define ADOPT_FILE "/var/lib/triarch/adopt.json"

/* The command line; borrowed. */
struct adopt_input {
        struct common common;
        struct config_flags flags;  /* node_name, advertise_address, patches, ignore_preflight_errors */
        const char *kubeadm_config; /* NULL: the cluster's ConfigMaps */
        const char *keepalived_conf, *unit;
        bool dry_run, undo;
};

/* What this master says of itself in the files it runs from; "" where a file does not tell. */
struct adopt_node {
        char name[256], advertise_address[64], bind_port[16], cri_socket[256];
        char initial_cluster[4096]; /* "": it was the first member */
};

/* How far it has come; on disk (0600) before each step. */
enum adopt_step { ADOPT_BEGUN, ADOPT_MASKED, ADOPT_DONE };
struct adopt_state {
        enum adopt_step step;
        char unit[256];               /* keepalived's */
        bool was_enabled, was_active; /* before the first run */
        bool made_config;             /* TRIARCH_CONFIG_FILE was not there before */
};

struct adopt {
        const struct adopt_input *in;
        const char *root;
        struct keepalived_conf *keepalived;
        struct adopt_node node;
        struct config *config;
        struct phase_ctx ctx;
        struct adopt_state state;
        struct preflight found; /* findings */
};

/* adopt_node.c. -EINVAL with *e: a file is there and cannot be understood. */
int adopt_node_read(const char *root, struct adopt_node *ret, struct error *e);

/* adopt_config.c */
/* Pure: the AgentConfiguration of what keepalived does, as a YAML document. `endpoint`: host of the cluster's
 * endpoint, whose group comes first; NULL: not known. `prefix_of` gives the prefix length of the network that
 * holds an address keepalived has as a host's alone; 0: not known. malloc'ed. -ENOMEM. */
struct adopt_vip {
        const struct keepalived_conf *keepalived;
        const char *node_name, *self, *endpoint;
        uint8_t (*prefix_of)(const struct vrrp_ip *ip);
};
int adopt_vip_text(const struct adopt_vip *v, char **ret, size_t *ret_size);
/* keepalived's file, the node and kubeadm's configuration into a->config. */
int adopt_load(struct adopt *a, struct error *e);

/* adopt_check.c: 0, or -EPERM with *e (EXIT_PREFLIGHT) after the findings were printed. */
int adopt_check(struct adopt *a, struct error *e);
/* Pure: the differences of two YAML texts, a line each with path and both values; as many as the text holds.
 * "" when there are none, or one is no YAML of the kind that config files are. */
void adopt_differences(const char *runs, size_t n_runs, const char *wanted, size_t n_wanted, char *out,
                       size_t size);

/* adopt_state.c. load: -ENOENT no adoption was begun here. */
int adopt_state_load(const char *root, struct adopt_state *ret, struct error *e);
int adopt_state_save(const char *root, const struct adopt_state *s, struct error *e);
void adopt_state_remove(const char *root);

/* adopt_run.c: each takes up what an earlier run has left. */
int adopt_run(struct adopt *a, struct error *e);
int adopt_undo(const struct adopt_input *in, struct error *e);

#endif
