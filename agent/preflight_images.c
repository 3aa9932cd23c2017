#include "agent/cri.h"
#include "agent/preflight.h"
#include "agent/runtime.h"
#include <errno.h>

void preflight_cri(struct preflight *p, const struct preflight_check *c) {
        CLEANUP(cri_freep) struct cri *cri = NULL;
        struct cri_version version;
        struct cri_status status;
        struct error e;

        /* The phase runtime is about to configure and start it, and asks it then. */
        if (runtime_will_do(p->ctx))
                return;
        if (cri_new(p->ctx->config->cri_socket, &cri, &e) < 0 || cri_version(cri, &version, &e) < 0 ||
            cri_status(cri, &status, &e) < 0)
                preflight_add(p, c->level, c->name, "%s", e.message);
        else if (!status.runtime_ready)
                preflight_add(p, c->level, c->name, "%s %s at %s is not ready: %s", version.name,
                              version.version, cri_socket_path(p->ctx->config->cri_socket),
                              status.runtime_message);
}

void preflight_runtime_version(struct preflight *p, const struct preflight_check *c) {
        CLEANUP(cri_freep) struct cri *cri = NULL;
        struct cri_version version;
        struct error e;
        bool systemd;

        /* A runtime that does not answer is the finding of the check before. */
        if (cri_new(p->ctx->config->cri_socket, &cri, &e) < 0 || cri_version(cri, &version, &e) < 0)
                return;
        if (cri_cgroup_systemd(cri, &systemd, &e) == -EOPNOTSUPP)
                preflight_add(
                        p, c->level, c->name,
                        "%s %s cannot be asked for its cgroup driver (CRI's RuntimeConfig): the kubelet's "
                        "configuration has to name the same; containerd from 2.0 and CRI-O from 1.28 say it",
                        version.name, version.version);
}
