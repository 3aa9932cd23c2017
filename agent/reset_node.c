/* The node as the cluster has it: a master's goes with its membership, or a join of the same machine would be
 * taken for one of a master that is only away. A worker has no credentials for that. */
#include "agent/kube.h"
#include "agent/reset.h"
#include "agent/rootpath.h"
#include <errno.h>

#define ADMIN_CONF "/etc/kubernetes/admin.conf"

enum { CALL_MS = 5000, PATIENCE_MS = 15000 };

/* admin.conf's server: the address of the control plane, which is another master's by now. */
static int delete_node(const char *conf, const char *name, struct error *e) {
        const struct kube_ref ref = { .api_version = "v1", .kind = "Node", .name = name };
        CLEANUP(kube_freep) struct kube *k = NULL;
        int r = kube_open(conf, NULL, &k, e);

        if (r < 0)
                return r;
        kube_limits(k, CALL_MS, PATIENCE_MS);
        return kube_delete(k, &ref, e);
}

void reset_node(struct reset *r) {
        const char *name = *r->node_name ? r->node_name : r->config ? r->config->node_name : NULL;
        struct error e = { 0 };
        char conf[PATH_MAX];
        int k;

        if (!r->left || !name || root_path(conf, r->root, ADMIN_CONF) < 0)
                return;
        k = delete_node(conf, name, &e);
        if (k < 0 && k != -ENOENT) {
                reset_warn(r, "%s; the cluster still lists the node: on a master, kubectl delete node %s",
                           e.message, name);
        } else if (k == 0) {
                printf("[reset] Node %s deleted\n", name);
        }
        *r->node_name = '\0'; /* what there is to say has been said */
}
