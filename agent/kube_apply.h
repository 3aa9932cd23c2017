/* Objects as rendered from templates into the cluster. */
#ifndef AGENT_KUBE_APPLY_H
#define AGENT_KUBE_APPLY_H

#include "agent/kube.h"

enum kube_mode {
        KUBE_SHARED, /* server-side apply; a field that somebody else has changed is a conflict: -EBUSY */
        KUBE_OURS,   /* the same with force: what kubeadm, too, puts back on every run */
        KUBE_ONCE,   /* created where it is missing, left as it is where it exists */
};
enum kube_outcome { KUBE_KEPT, KUBE_MADE, KUBE_CHANGED };
/* `object` is "ConfigMap kube-system/kubeadm-config". */
typedef void (*kube_report_fn)(void *userdata, enum kube_outcome outcome, const char *object);

/* One object. *ret_outcome says what happened to it: an object whose resourceVersion stays is kept. */
int kube_put(struct kube *k, const json_t *object, enum kube_mode mode, enum kube_outcome *ret_outcome,
             struct error *e);

/* Every document of a rendered template, in its order; stops at the first that fails. `name` stands for
 * the text in messages. Applied twice, the second time changes nothing. report may be NULL. */
int kube_apply(struct kube *k, const char *text, size_t size, const char *name, enum kube_mode mode,
               kube_report_fn report, void *userdata, struct error *e);

/* The documents of such a text as JSON objects, in an array: what kube_apply() sends. Pure. -EINVAL. */
int kube_objects_parse(const char *text, size_t size, const char *name, json_t **ret, struct error *e);

#endif
