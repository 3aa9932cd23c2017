/* `triarch join`: steps that converge, with a journal of how far they came (join_journal.h). A run that was
 * killed at any moment is completed by the next; a run that the master refuses leaves nothing. */
#ifndef AGENT_JOIN_H
#define AGENT_JOIN_H

#include "agent/enroll_client.h"
#include "agent/join_journal.h"
#include "agent/phase.h"

struct join {
        const char *root;
        const char *host; /* NULL only on a join that is taken up after enrolment */
        uint16_t port;
        const char *token;         /* NULL: the same */
        struct enroll_pins pins;   /* the same */
        struct config_flags flags; /* this node's own values, and ignored checks */
        const char *overlay; /* a JoinConfiguration without its discovery (agent/config_join.h), or NULL */
        bool worker;         /* --worker; once there is a journal, what it says */
        unsigned verbose;

        struct join_state state;
        bool resumed;          /* an earlier run left a journal */
        struct config *config; /* owned; the cluster's with this node's own values */
        struct phase_ctx ctx;
};

/* All steps that are left. */
int join_run(struct join *j, struct error *e);
void join_done(struct join *j);

/* j->flags.dry_run: nothing is written and no token used. The journal was read (j->state). */
int join_dry_run(struct join *j, struct error *e);

/* Steps in files of their own. */
int join_enrol(struct join *j, struct error *e);
/* Before enrolment nothing is known of the cluster: this node's own values are checked, and the machine. *ret
 * stays in j->ctx.config, too. */
int join_prepare(struct join *j, struct config **ret, struct error *e);
int join_shared_pki(struct join *j, struct error *e);
/* A worker's: the credentials of its kubelet, and until the API server knows the node. */
int join_worker_credentials(struct join *j, struct error *e);
int join_worker_wait(struct join *j, struct error *e);
/* The key of a worker's kubelet out of the journal, made where it is not there yet, and the request for
 * its certificate. The key is a secret; either pointer may be NULL. */
int join_worker_key(struct join *j, char **ret_key_pem, char **ret_csr_pem, struct error *e);
/* The bundle that the journal holds. -ENOENT: none. */
int join_bundle_load(struct join *j, struct enroll_bundle *ret, struct error *e);
/* Make this machine a learner, or take over the member that an earlier run added. */
int join_etcd_add(struct join *j, struct error *e);
int join_etcd_started(struct join *j, struct error *e);
int join_etcd_promote(struct join *j, struct error *e);
/* Until this machine's own etcd answers its clients. */
int join_etcd_serves(struct join *j, struct error *e);
/* The list of the virtual address's members for the agent, and this machine into it; nothing where the
 * address is not elected by majority. */
int join_members_fetch(struct join *j, struct error *e);
int join_members_enter(struct join *j, struct error *e);
/* JOIN_CONFIG into j->config. */
int join_load_config(struct join *j, struct error *e);

/* "--initial-cluster" of the member at peer_url: every member's NAME=URL, `name` for the one that is it.
 * Pure. -E2BIG. */
int join_initial_cluster(const struct etcd_members *m, const char *name, const char *peer_url, char *out,
                         size_t size);

#endif
