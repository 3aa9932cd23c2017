/* The phases of init, shared with join: each converges (what is there and fits is kept, what is
 * missing is made, what does not fit is an error), so that a killed run can be run again. */
#ifndef AGENT_PHASE_H
#define AGENT_PHASE_H

#include "agent/config.h"

struct phase_ctx {
        const struct config *config;
        const char *root; /* "" or DIR: under a root no service is started, nothing is asked of the network */
        const char *initial_cluster; /* NULL on init; the members' list on join */
        bool join;                   /* no super-admin.conf; etcd.yaml is for an existing cluster */
        unsigned verbose;
        unsigned made, kept; /* files, counted by the phases */
};

struct phase {
        const char *name, *alias; /* "kubelet-start", "kubelet" */
        const char *sub;          /* "all apiserver ...": NULL when it has no sub-phases */
        const char *help;
        /* sub: NULL or one of `sub`. */
        int (*run)(struct phase_ctx *ctx, const char *sub, struct error *e);
};

const struct phase *phase_find(const char *name);
const struct phase *phase_at(size_t i); /* in the order of init; NULL past the end */
/* One line per file: "[certs] made /etc/kubernetes/pki/ca.crt" (kept: only when verbose). */
void phase_report(struct phase_ctx *ctx, const char *phase, bool made, const char *file);
/* Write `path` (under ctx->root) if absent; if it exists and tmpl_equal/bytes differ: error that says where.
 */
int phase_put_file(struct phase_ctx *ctx, const char *phase, const char *path, mode_t mode, gid_t gid,
                   const void *data, size_t size, bool yaml, struct error *e);
/* Fill the library parameter structs from the configuration; the result borrows from ctx->config. */
struct tmpl_values;
int phase_pki_params(const struct phase_ctx *ctx, struct pki_params *ret, struct error *e);
int phase_tmpl_values(const struct phase_ctx *ctx, struct tmpl_values *ret, struct error *e);
/* Refuses to sign while the clock is known to be wrong, with both times in *e. */
int phase_clock_gate(const struct phase_ctx *ctx, struct error *e);

#endif
