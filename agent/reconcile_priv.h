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
void reconcile_say(const struct reconcile *x, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
