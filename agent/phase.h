/* The phases of init, shared with join: each converges (what is there and fits is kept, what is
 * missing is made, what does not fit is an error), so that a killed run can be run again. */
#ifndef AGENT_PHASE_H
#define AGENT_PHASE_H

#include "agent/config.h"
#include "templates/render.h"

struct phase_ctx {
        const struct config *config;
        const char *root; /* "" or DIR: under a root no service is started, nothing is asked of the network */
        const char *initial_cluster; /* NULL on init; the members' list on join */
        bool join;                   /* no super-admin.conf; etcd.yaml is for an existing cluster */
        bool worker;                 /* with join: nothing of a control plane */
        bool skip_token;             /* show-join-command makes no token */
        unsigned verbose;
        unsigned made, kept;   /* files, counted by the phases */
        unsigned unit_changes; /* units enabled, started or restarted */
        unsigned refused;      /* of a dry run: files that are there and differ */
};

struct phase {
        const char *name, *alias; /* "kubelet-start", "kubelet" */
        const char *sub;          /* "all apiserver ...": NULL when it has no sub-phases */
        const char *help;
        /* sub: NULL or one of `sub`; NULL is the same as "all". */
        int (*run)(struct phase_ctx *ctx, const char *sub, struct error *e);
};

const struct phase *phase_find(const char *name);
const struct phase *phase_at(size_t i); /* in the order of init; NULL past the end */
/* The i-th word of a list of sub-phases, into out; false past the end. */
bool phase_sub(const struct phase *p, size_t i, char out[64]);
bool phase_has_sub(const struct phase *p, const char *sub);
/* Unknown entries of --skip-phases ("certs" or "certs/apiserver") are EXIT_INPUT. */
int phase_check_skips(const struct config *c, struct error *e);
/* One phase, all of it, without what config->skip_phases names. */
int phase_run(struct phase_ctx *ctx, const char *name, struct error *e);
/* All phases in the order of init, without those that config->skip_phases names. */
int phase_run_all(struct phase_ctx *ctx, struct error *e);
/* One init, join or reset at a time: an flock, held until the descriptor is closed. On -EBUSY *e says so. */
int phase_lock(const char *root, int *ret_fd, struct error *e);
/* Remove the temporary files of a run that was killed (pki/file.h names them), under phase_lock(). cert_dir:
 * NULL when it is not known to be another than kubeadm's. */
void phase_sweep(const char *root, const char *cert_dir);
/* Everything that can be known to be wrong before the first byte is written: the libraries' parameters
 * exist, and every template renders. EXIT_INPUT. */
int phase_validate(const struct phase_ctx *ctx, struct error *e);

/* One line per file: "[certs] made /etc/kubernetes/pki/ca.crt" (kept: only when verbose). */
void phase_report(struct phase_ctx *ctx, const char *phase, bool made, const char *file);
/* Root and path into out; false when too long. */
bool phase_path(const struct phase_ctx *ctx, const char *path, char out[PATH_MAX]);
/* Write `path` (under ctx->root) if absent; if it exists and differs (yaml: by tmpl_equal, else by
 * bytes): an error that says where. Never overwrites. */
int phase_put_file(struct phase_ctx *ctx, const char *phase, const char *path, mode_t mode, gid_t gid,
                   const void *data, size_t size, bool yaml, struct error *e);
/* 1: the file is there and equal, 0: it is not there, -EEXIST with *e: it is there and differs. */
int phase_compare_file(const struct phase_ctx *ctx, const char *path, const void *data, size_t size,
                       bool yaml, struct error *e);

/* The agent's group, by which it reads its keys; under a root the tree's own. (gid_t)-1: without privilege
 * nothing can be given to a group, or the tree has no such group. */
int phase_agent_gid(const struct phase_ctx *ctx, gid_t *ret, struct error *e);
/* Is the certificate of the CA ("ca", "front-proxy-ca", "etcd/ca") there, and its key elsewhere? */
bool phase_external_ca(const struct phase_ctx *ctx, const char *name);

/* Parameters of pki from the configuration; the result borrows from ctx->config. */
int phase_pki_params(const struct phase_ctx *ctx, struct pki_params *ret, struct error *e);
/* Values of the templates. Owned, because the lists are of another type; ends with phase_values_free. */
struct phase_values;
int phase_values_new(const struct phase_ctx *ctx, struct phase_values **ret, struct error *e);
void phase_values_free(struct phase_values *v);
/* The i-th image of the cluster (tmpl_image()), for which no address of this machine need be known. */
int phase_image(const struct phase_ctx *ctx, size_t i, char *out, size_t size);
DEFINE_CLEANUP(struct phase_values *, phase_values_free)
/* Borrowed from v. */
const struct tmpl_values *phase_values_get(const struct phase_values *v);
/* Render one template; malloc'ed. */
int phase_render(const struct phase_values *v, const char *name, char **ret, size_t *ret_size,
                 struct error *e);
/* Has this configuration such a file? (No etcd pod when etcd is external, ...) */
bool phase_wanted(const struct phase_values *v, const char *name);
/* What is allowed, but not as kubeadm would have it: values of component configurations, files in the
 * directory of patches that are none. */
int phase_warnings(const struct phase_ctx *ctx, void (*warn)(void *userdata, const char *text),
                   void *userdata, struct error *e);
/* Render one template and phase_put_file() it where it belongs. */
int phase_put_template(struct phase_ctx *ctx, const char *phase, const struct phase_values *v,
                       const char *name, struct error *e);
/* 1 when the control plane here was made from this configuration: at least one static pod is there and
 * all that are there are equal to what would be rendered. 0: none is there. -EEXIST with *e: one differs. */
int phase_is_ours(const struct phase_ctx *ctx, struct error *e);
/* The key of the sealed transport and the list of the address's members (certs). The first master makes both,
 * as long as it has no etcd: from then on they are the cluster's, and a lost one comes back from etcd
 * (agent). */
int phase_vip_files(struct phase_ctx *ctx, struct error *e);
int phase_vip_fetch(struct phase_ctx *ctx, struct error *e);
/* Refuses to sign while the clock is known to be wrong, with both times in *e. */
int phase_clock_gate(const struct phase_ctx *ctx, struct error *e);
/* Is `name` in --ignore-preflight-errors (or "all")? Case does not matter. */
bool phase_ignored(const struct config *c, const char *name);

/* The phases themselves (the table of phase.c). */
int phase_preflight(struct phase_ctx *ctx, const char *sub, struct error *e);
int phase_host(struct phase_ctx *ctx, const char *sub, struct error *e);
int phase_runtime(struct phase_ctx *ctx, const char *sub, struct error *e);
int phase_images(struct phase_ctx *ctx, const char *sub, struct error *e);
int phase_certs(struct phase_ctx *ctx, const char *sub, struct error *e);
int phase_kubeconfig(struct phase_ctx *ctx, const char *sub, struct error *e);
int phase_etcd(struct phase_ctx *ctx, const char *sub, struct error *e);
int phase_control_plane(struct phase_ctx *ctx, const char *sub, struct error *e);
int phase_kubelet_start(struct phase_ctx *ctx, const char *sub, struct error *e);
int phase_agent(struct phase_ctx *ctx, const char *sub, struct error *e);
int phase_wait(struct phase_ctx *ctx, const char *sub, struct error *e);
int phase_upload_config(struct phase_ctx *ctx, const char *sub, struct error *e);
int phase_mark_control_plane(struct phase_ctx *ctx, const char *sub, struct error *e);
int phase_bootstrap_token(struct phase_ctx *ctx, const char *sub, struct error *e);
int phase_kubelet_finalize(struct phase_ctx *ctx, const char *sub, struct error *e);
int phase_addon(struct phase_ctx *ctx, const char *sub, struct error *e);
int phase_show_join(struct phase_ctx *ctx, const char *sub, struct error *e);

#endif
