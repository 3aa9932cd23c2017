/* What the phases that make objects in the cluster share: who asks, and how objects are put and reported.
 * Under a root nothing is asked of the network: these phases do nothing there, but on a dry run. */
#ifndef AGENT_PHASE_KUBE_H
#define AGENT_PHASE_KUBE_H

#include "agent/kube_apply.h"
#include "agent/phase.h"
#include "templates/objects.h"

/* A tree has no cluster: nothing is to be done for it, unless it is to be said what would be. */
bool phase_kube_absent(const struct phase_ctx *ctx);

/* A client as admin.conf, at this machine's own API server (the virtual address need not be there yet). Its
 * rights are kubeadm's binding of the group kubeadm:cluster-admins, which is made with super-admin.conf when
 * it is missing. On a dry run *ret is NULL, and nothing is asked. */
int phase_kube_open(struct phase_ctx *ctx, struct kube **ret, struct error *e);

/* One template of templates/objects to the cluster: "[upload-config] made ConfigMap
 * kube-system/kubeadm-config". v may be NULL. k NULL (a dry run): the objects are printed, the data of
 * Secrets left out. */
int phase_kube_apply(struct phase_ctx *ctx, const char *phase, struct kube *k, const char *name,
                     const struct tmpl_pair *pairs, size_t n_pairs, const struct phase_values *v,
                     enum kube_mode mode, struct error *e);
/* The same with a text that is rendered already; `name` stands for it in messages. */
int phase_kube_put(struct phase_ctx *ctx, const char *phase, struct kube *k, const char *text, size_t size,
                   const char *name, enum kube_mode mode, struct error *e);

/* Render one template of templates/objects; malloc'ed. */
int phase_render_objects(const struct phase_values *v, const char *name, const struct tmpl_pair *pairs,
                         size_t n_pairs, char **ret, size_t *ret_size, struct error *e);

void phase_kube_report(struct phase_ctx *ctx, const char *phase, enum kube_outcome outcome,
                       const char *object);

#endif
