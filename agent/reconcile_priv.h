/* What reconcile.c (the list) and reconcile_keys.c share. */
#ifndef AGENT_RECONCILE_PRIV_H
#define AGENT_RECONCILE_PRIV_H

#include "agent/reconcile.h"

/* The record as etcd has it. */
struct reconcile_current {
        struct vip_record record;
        uint64_t revision; /* 0: etcd has none */
};
int reconcile_read(struct reconcile *x, struct reconcile_current *ret, struct error *e);
/* What a member has on disk; all zero when it never said. */
int reconcile_seen(struct reconcile *x, uint64_t id, struct vip_seen *ret, uint64_t *ret_revision,
                   struct error *e);
/* Before each piece of work: an external etcd's endpoint may have gone. */
void reconcile_pick(struct reconcile *x);
void reconcile_say(const struct reconcile *x, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* reconcile_agent.c: this machine's agent. Where none runs there is nothing to do, and it will begin with the
 * files. */
/* It has read its key file again. */
int reconcile_agent_reload(const struct reconcile *x, struct error *e);
/* The generation that it goes by, as soon as that is `gen`, or after a short while whatever it is; `gen`
 * where none runs: a list that is on disk but not adopted must not count, or its owner could go on by the old
 * one (lease rule 12). */
int reconcile_agent_gen(const struct reconcile *x, uint64_t gen, uint64_t *ret, struct error *e);
/* It gives up what it has and takes nothing more. */
int reconcile_agent_standby(const struct reconcile *x, struct error *e);

#endif
