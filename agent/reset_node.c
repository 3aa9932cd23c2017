/* The node as the cluster has it: a master's goes with its membership, or a join of the same machine would be
 * taken for one of a master that is only away. A worker's kubelet may not delete its node, but say what state
 * it is in: one that is not Ready gives its name to whoever joins next, at once instead of when the cluster
 * misses it. */
#include "agent/jread.h"
#include "agent/kube.h"
#include "agent/reset.h"
#include "agent/rootpath.h"
#include <errno.h>
#include <time.h>

#define ADMIN_CONF   "/etc/kubernetes/admin.conf"
#define KUBELET_CONF "/etc/kubernetes/kubelet.conf"

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

static int patch_ready(const char *conf, const char *name, struct error *e) {
        const struct kube_ref ref = { .api_version = "v1", .kind = "Node", .name = name };
        CLEANUP(jread_decref) json_t *patch = NULL;
        CLEANUP(kube_freep) struct kube *k = NULL;
        char now[sizeof "2026-11-23T10:00:00Z"];
        time_t t = time(NULL);
        struct tm tm;
        int r = kube_open(conf, NULL, &k, e);

        if (r < 0)
                return r;
        strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
        patch = json_pack("{s:{s:[{s:s, s:s, s:s, s:s, s:s, s:s}]}}", "status", "conditions", "type", "Ready",
                          "status", "False", "reason", "TriarchReset", "message",
                          "triarch reset took this machine out of service", "lastHeartbeatTime", now,
                          "lastTransitionTime", now);
        if (!patch)
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        kube_limits(k, CALL_MS, PATIENCE_MS);
        return kube_patch_status(k, &ref, patch, e);
}

void reset_node_not_ready(struct reset *r) {
        const char *name = *r->node_name ? r->node_name : r->config ? r->config->node_name : NULL;
        struct error e = { 0 };
        char conf[PATH_MAX];
        int k;

        if (!r->worker || !name || root_path(conf, r->root, KUBELET_CONF) < 0 || access(conf, F_OK) < 0)
                return;
        k = patch_ready(conf, name, &e);
        if (k == 0)
                printf("[reset] Node %s is not Ready any more: its name is free for a join\n", name);
        else if (k != -ENOENT)
                reset_warn(
                        r,
                        "%s; the cluster takes the node for Ready until it misses it, some 50 s, and refuses "
                        "its name to a join until then",
                        e.message);
}
