/* The member list of the virtual address kept in step with etcd (lease rule 12; beside an external etcd with
 * the masters, agent/masters.h, wherever "etcd's members" are said here): what the root services do
 * for the agent, which may not ask etcd. Blocking; for commands and services, never for the agent's loop.
 *
 * In etcd (vip_record.h) is the newest list; on each master TRIARCH_MEMBERS_FILE is what that master's agent
 * goes by, and below VIP_ETCD_SEEN each master says what its agent goes by (where none runs: what it has on
 * disk). A generation differs from the one before by one member, and is published only when a majority of the
 * list before the present one has the present one on disk, and 1.1 D after that. Who joins adds itself after
 * etcd has promoted it; who leaves takes itself out before etcd removes it; a member that etcd lost otherwise
 * is taken out by whichever master sees it first. */
#ifndef AGENT_RECONCILE_H
#define AGENT_RECONCILE_H

#include "agent/config.h"
#include "agent/etcd.h"
#include "agent/vip_record.h"

struct reconcile {
        const char *root;
        const struct config *config;
        struct vrrp_ip self; /* this machine's advertised address */
        struct etcd_files files;
        struct etcd_client client;
        bool endpoint_given;                           /* no other is tried */
        uint64_t at;                                   /* etcd's revision when it was last read */
        void (*say)(void *userdata, const char *text); /* what was changed; may be NULL */
        void *userdata;
        bool agent; /* an agent may run on this machine: what it goes by counts, not what is on disk */
};

/* endpoint: NULL for this machine's own etcd; borrowed. x borrows all; nothing is to be freed. */
int reconcile_init(struct reconcile *x, const char *root, const struct config *config, const char *endpoint,
                   struct error *e);
/* Once over everything. 1: a change has to wait until others have the present list, ask again soon; 0: all is
 * as it should be; -EAGAIN: etcd cannot be asked now; other negative errno. */
int reconcile_once(struct reconcile *x, struct error *e);
/* Until something changed in etcd since reconcile_once(), at most timeout_ms. 1, 0 (time is over), negative
 * errno. */
int reconcile_wait(struct reconcile *x, unsigned timeout_ms, struct error *e);

/* The file as etcd has the list now, for an agent that is about to start. -ENOENT: etcd has none yet. */
int reconcile_fetch(struct reconcile *x, struct error *e);
/* The id with which reconcile_enter() will list this machine, for its agent (TRIARCH_MEMBER_ID). -EAGAIN: it
 * is no voting member yet. */
int reconcile_note_id(struct reconcile *x, struct error *e);
/* One try to be in the list, as etcd's voting member of this address: 1 it is, 0 not yet (*e says why). */
int reconcile_enter(struct reconcile *x, struct error *e);
/* One try to be out of the list, with a majority of those that stay having it on disk: as above. A list of
 * one stays. */
int reconcile_leave(struct reconcile *x, struct error *e);

/* The key of the sealed transport, the same on all masters: etcd's into this machine's file, or this
 * machine's into an etcd that has none; and a new key in its place (accept-new, send-new, drop-old), each
 * step only when every listed member's agent has the one before. What was interrupted is taken up by the next
 * call. -ETIMEDOUT with the member that is waited for. */
int reconcile_keys(struct reconcile *x, uint64_t *ret_revision, struct error *e);
int reconcile_rotate_keys(struct reconcile *x, struct error *e);
#endif
