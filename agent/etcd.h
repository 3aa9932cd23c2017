/* etcd's v3 API over its JSON gateway (libcurl, mutual TLS, HTTP/1.1), blocking: for commands, never
 * for the agent's loop. Decides on the numeric code in the body, never on the HTTP status. */
#ifndef AGENT_ETCD_H
#define AGENT_ETCD_H

#include "agent/error.h"
#include <stdbool.h>
#include <stdint.h>

struct etcd_client {
        const char *endpoint; /* "https://172.18.0.154:2379", borrowed */
        /* Real paths, borrowed. ca_file "": the system's anchors, or http; the others "": no certificate. */
        const char *ca_file, *cert_file, *key_file;
        unsigned timeout_ms; /* of one call; writes need more than 7 s to hear etcd's own verdict */
};
struct etcd_member {
        uint64_t id;
        char name[254];                      /* "" until it has started */
        char peer_url[256], client_url[256]; /* the first of each; "" when none */
        bool learner;
};
enum { ETCD_MAX_MEMBERS = 16 };
struct etcd_members {
        struct etcd_member v[ETCD_MAX_MEMBERS];
        size_t n;
};
/* The client certificate that kubeadm makes for questions to etcd, as real paths. */
struct etcd_files {
        char ca[PATH_MAX], crt[PATH_MAX], key[PATH_MAX];
};
/* Below the certificates' directory of the tree at `root`; opens nothing. -ENAMETOOLONG. */
int etcd_files_init(struct etcd_files *f, const char *root, const char *cert_dir);
/* Borrows both. */
struct etcd_client etcd_client_with(const struct etcd_files *f, const char *endpoint, unsigned timeout_ms);

/* 0; -EAGAIN: try again (unavailable, connection reset, learner not in sync, too many learners,
 * unhealthy), and look at the members first, for the call may have been done; -ENOENT: no such member;
 * -EEXIST: peer URL or id exists; -EALREADY: to promote a voter; -EACCES, -ENOKEY: one side's certificate;
 * -EBADMSG: no reply of etcd; other negative errno. *e says what etcd said. */
int etcd_member_list(const struct etcd_client *c, struct etcd_members *ret, struct error *e);
int etcd_member_add_learner(const struct etcd_client *c, const char *peer_url, uint64_t *ret_id,
                            struct etcd_members *ret, struct error *e);
int etcd_member_promote(const struct etcd_client *c, uint64_t id, struct error *e);
int etcd_member_remove(const struct etcd_client *c, uint64_t id, struct error *e);

#endif
