/* `triarch vip rotate-key` for members that are configured by hand: one step at a time on each of them
 * (accept-new, send-new, drop-old), each refused while it would leave somebody unheard. In a cluster the
 * root services do all steps on all masters (reconcile.h). */
#ifndef AGENT_VIP_ROTATE_H
#define AGENT_VIP_ROTATE_H

#include "agent/error.h"
#include "vrrp/keyring.h"
#include "vrrp/list.h"
#include <jansson.h>

enum vip_rotate_step { VIP_ROTATE_NONE, VIP_ROTATE_NEW, VIP_ROTATE_SEND, VIP_ROTATE_DROP };

/* What the members say of their keys, out of the agent's report (GET /v1/status). */
struct vip_rotate_member {
        char name[VRRP_LIST_NAME];
        uint16_t sends, accepts[VRRP_KEYS]; /* sends 0: it has not said */
        size_t n_accepts;
};
struct vip_rotate_view {
        size_t n; /* listed, this node included */
        struct vip_rotate_member v[VRRP_LIST_MEMBERS];
};

/* Pure. -EINVAL with *e: no report of an agent with members. */
int vip_rotate_read(const json_t *report, struct vip_rotate_view *ret, struct error *e);
/* Pure but for the new key's randomness: take the step on *k, or refuse it with *e. *ret_id is the key that
 * is accepted, sent with, or left. view: not looked at by VIP_ROTATE_NEW. */
int vip_rotate_keys(enum vip_rotate_step step, const struct vip_rotate_view *view, struct vrrp_keys *k,
                    uint16_t *ret_id, struct error *e);
/* The whole step (VIP_ROTATE_NEW where there is no file: the first key): the file at `path`, asking the agent
 * at socket_path before and telling it after. Says what was done and what comes next. */
int vip_rotate(enum vip_rotate_step step, const char *path, const char *socket_path, struct error *e);

/* The command (cmd_vip_rotate.c). */
struct vip_rotate_options {
        const char *root, *config_file, *socket_path; /* socket_path NULL: the configuration's */
        bool new_key, send, drop_old;
};
int vip_rotate_command(const struct vip_rotate_options *o, struct error *e);

#endif
