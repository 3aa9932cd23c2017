#include "agent/images.h"
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

/* Have the cluster's images there, by imagePullPolicy. One finding for each that cannot be had; a negative
 * errno with *e: the runtime could not be asked. */
static int have_images(struct preflight *p, struct error *e) {
        CLEANUP(images_list_done) struct str_list images = { 0 };
        CLEANUP(freep) struct image_result *results = NULL;
        const struct config *c = p->ctx->config;
        const struct images_pull q = { .config = c,
                                       .policy = c->image_pull_policy,
                                       .parallel = c->image_pull_serial ? 1 : IMAGES_PARALLEL,
                                       .quiet = !p->ctx->verbose };
        int r = images_list(c, &images, e);

        if (r < 0)
                return r;
        if (!(results = calloc(images.n + 1, sizeof *results)))
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        r = images_pull(&q, &images, results, e);
        for (size_t i = 0; i < images.n; i++)
                if (results[i].outcome == IMAGE_FAILED)
                        preflight_add(p, PREFLIGHT_ERROR, "ImagePull", "%s", results[i].error.message);
        return r == -ENOENT && p->n ? 0 : r;
}

void preflight_images(struct preflight *p, const struct preflight_check *c) {
        struct error e;

        (void)c;
        /* A runtime that does not answer is the finding of another check; one that is about to be configured
         * is asked afterwards, by the phase images. */
        if (!runtime_will_do(p->ctx) && !phase_ignored(p->ctx->config, "ImagePull"))
                (void)have_images(p, &e);
}

int phase_images(struct phase_ctx *ctx, const char *sub, struct error *e) {
        CLEANUP(freep) struct preflight *p = calloc(1, sizeof *p);
        const struct config *c = ctx->config;
        int r;

        (void)sub;
        if (*ctx->root || ctx->worker || c->dry_run || phase_ignored(c, "ImagePull"))
                return 0;
        if (!p)
                return error_set(e, EXIT_FAILED, "out of memory");
        p->ctx = ctx;
        r = have_images(p, e);
        if (r < 0 && phase_ignored(c, "CRI")) {
                printf("[images] not looked at: %s\n", e->message);
                return 0;
        }
        fflush(stdout);
        if (r < 0 || !preflight_verdict(c, p->v, p->n, stderr))
                return r;
        error_set(e, EXIT_PREFLIGHT,
                  "%zu images cannot be had; what was had is kept, run it again. "
                  "--ignore-preflight-errors=ImagePull leaves them to the kubelet",
                  p->n);
        return -EPERM;
}
