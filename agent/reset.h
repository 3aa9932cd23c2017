/* `triarch reset`: takes a machine back to before init or join. Deletes exactly what triarch makes; can be
 * killed anywhere and run again, because what tells what is to be done is deleted last. */
#ifndef AGENT_RESET_H
#define AGENT_RESET_H

#include "agent/config.h"
#include "agent/etcd.h"
#include "agent/unit.h"

/* What the machine says about itself; fields are "" or default when it does not say. */
struct reset {
        const char *root;      /* "" or DIR: only files then */
        struct config *config; /* /etc/triarch/config.yaml, or a worker's in its journal; NULL: none */
        char cert_dir[PATH_MAX], etcd_dir[PATH_MAX];
        bool worker; /* by the journal of its join */
        bool left;   /* etcd's other members do not count it any more */
        char node_name[254];
        unsigned removed, warnings;
};

/* Read from config.yaml and the static pod of etcd. cert_dir: of --cert-dir, or NULL. */
int reset_load(const char *root, const char *cert_dir, struct reset *ret, struct error *e);
void reset_done(struct reset *r);
void reset_warn(struct reset *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* This node's member, through the other members. Never fails: what cannot be done is a loud warning. */
void reset_etcd_member(struct reset *r);
/* A master's Node object, once it has left etcd and its own API server has ended, through which its kubelet
 * would go on reporting. Never fails, as above. */
void reset_node(struct reset *r);
/* A worker's Node, by its kubelet's own credentials; to be called when the kubelet has ended, which would say
 * otherwise. Never fails, as above; twenty seconds at most. */
void reset_node_not_ready(struct reset *r);
/* keepalived stays as `triarch adopt` left it, for there is no API server here any more: says so, and the way
 * back. To be called before reset_files(). */
void reset_tell_adopted(const struct reset *r);
/* This machine out of the list of the virtual address's members, before etcd loses it (lease rule 12). Never
 * fails, as above; waits half a minute at most. */
void reset_vip_member(struct reset *r);
/* Agent and enrolment off, the address off the interface. */
int reset_agent_off(struct reset *r, struct unit_bus *b, struct error *e);
/* The static pods' manifests deleted, etcd's last and only if asked. */
int reset_manifests(struct reset *r, bool etcd, struct error *e);
/* Waits, while the kubelet runs, at most a minute: until nothing listens on the ports of the pods whose
 * manifests were deleted and, with etcd's, until the kubelet has cleared the static pods away. */
void reset_wait_for_pods(struct reset *r, struct unit_bus *b, bool etcd);
int reset_kubelet_off(struct unit_bus *b, struct error *e);
/* Directories of static pods, or of other pods, in the kubelet's directory of pods. */
unsigned reset_count_pods(const char *dir, bool of_static);
/* Everything else. */
int reset_files(struct reset *r, struct error *e);

/* etcd's own account of itself, from the command line in its static pod (pure). */
struct reset_etcd {
        char name[254], peer_url[256], initial_cluster[2048], data_dir[PATH_MAX], ca_file[PATH_MAX];
};
int reset_etcd_parse(const char *text, size_t size, struct reset_etcd *ret, struct error *e);
/* Where other members can be asked: client URLs from initial_cluster ("a=https://x:2380,..."), without
 * peer_url's own; i-th into out, false past the end (pure). */
bool reset_etcd_other(const struct reset_etcd *m, size_t i, char out[256]);

#endif
