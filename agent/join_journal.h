/* How far `triarch join` has come on this machine: /var/lib/triarch/join (0700), files 0600, each written
 * as a whole. A run that was killed is taken up by the next from here. */
#ifndef AGENT_JOIN_JOURNAL_H
#define AGENT_JOIN_JOURNAL_H

#include "agent/enroll_role.h"
#include "agent/error.h"
#include "agent/etcd.h"
#include "pki/pki.h"
#include "pki/proof.h"

struct join_state {
        unsigned step; /* the first that is not done; see join.c */
        bool finished;
        enum enroll_role role;
        char node_name[254], address[46];
        char cluster_id[PKI_CLUSTER_ID_SIZE]; /* "" until enrolled, like what follows */
        unsigned position;
        char endpoints[ETCD_MAX_MEMBERS][256]; /* client URLs of the voting members */
        size_t n_endpoints;
        char initial_cluster[4096];   /* "" until this machine's member was added */
        uint8_t key[PKI_X25519_SIZE]; /* private: who holds it may resume with a token that is used up */
};

int join_state_load(const char *root, struct join_state *ret, struct error *e); /* -ENOENT: no join */
int join_state_save(const char *root, const struct join_state *s, struct error *e);

#define JOIN_BUNDLE "bundle.json"
#define JOIN_CONFIG "config.yaml"
#define JOIN_KEY    "kubelet.key" /* a worker's, until it is where the kubelet looks */
int join_file_put(const char *root, const char *name, const void *data, size_t size, struct error *e);
int join_file_get(const char *root, const char *name, char **ret, size_t *ret_size, struct error *e);
int join_file_remove(const char *root, const char *name, struct error *e);

/* Is /var/lib/triarch there? What join makes, and nothing else, goes when it is refused. */
bool join_base_exists(const char *root);
void join_journal_remove(const char *root, bool base_too);

#endif
