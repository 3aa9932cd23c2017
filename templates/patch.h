/* Patches of rendered objects, as kubeadm's `patches` directory has them: strategic merge, JSON merge (RFC
 * 7386) and JSON patch (RFC 6902). Pure: names and texts in, text out.
 *
 * Strategic merge knows which lists of a Pod and of a Deployment are merged by a key (containers by name,
 * their ports by containerPort, ...); all others are replaced. Directives: "$patch: delete", "$patch:
 * replace",
 * "$retainKeys", "$deleteFromPrimitiveList/..."; "$setElementOrder/..." is ignored. */
#ifndef TEMPLATES_PATCH_H
#define TEMPLATES_PATCH_H

#include <stdbool.h>
#include <stddef.h>

struct tmpl_error {
        char what[512]; /* field and reason */
};

enum tmpl_patch_type { TMPL_PATCH_STRATEGIC, TMPL_PATCH_MERGE, TMPL_PATCH_JSON };

/* One file: any number of documents. Borrowed. */
struct tmpl_patch {
        const char *target; /* one of tmpl_patch_target() */
        enum tmpl_patch_type type;
        const char *file; /* for messages */
        const char *text;
        size_t size;
};

/* "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubeletconfiguration",
 * "corednsdeployment"; NULL past the end. */
const char *tmpl_patch_target(size_t i);

/* TARGET[SUFFIX][+TYPE].yaml or .json, the name without a directory. *ret_target is static. -ENOENT: no
 * patch, to be reported and ignored; -EINVAL: meant as one, but the type after '+' is none. *e says why. */
int tmpl_patch_name(const char *name, const char **ret_target, enum tmpl_patch_type *ret_type,
                    struct tmpl_error *e);

/* Those of the patches that are for `target`, in their order, to the one document in *text (malloc'ed,
 * replaced on success, its keys sorted as kubeadm writes them). Without one nothing is changed. What comes of
 * them can be read again, or is refused.
 * -EINVAL: *e names file, line and path; -E2BIG: likewise; -ENOMEM. */
int tmpl_patch_apply(const struct tmpl_patch *patches, size_t n, const char *target, char **text,
                     size_t *size, struct tmpl_error *e);

#endif
