/* The container runtime of this machine, asked through Kubernetes' own interface for that (CRI, package
 * runtime.v1): containerd from 1.6, CRI-O from 1.20. Blocking; for threads a client each.
 *
 * Calls return 0 or negative errno with *e filled (EXIT_FAILED): the runtime's own words, and what to do. */
#ifndef AGENT_CRI_H
#define AGENT_CRI_H

#include "agent/error.h"
#include "agent/registry_auth.h"
#include <stdbool.h>
#include <stdint.h>

struct cri;
/* uri: "unix:///run/containerd/containerd.sock", or the path alone. Nothing is connected yet. */
int cri_new(const char *uri, struct cri **ret, struct error *e);
void cri_free(struct cri *c);
DEFINE_CLEANUP(struct cri *, cri_free)
/* The path in it. */
const char *cri_socket_path(const char *uri);

struct cri_version {
        char name[64], version[64]; /* "containerd", "1.6.20" */
        char api[32];               /* "v1" */
};
int cri_version(struct cri *c, struct cri_version *ret, struct error *e);

struct cri_status {
        bool runtime_ready, network_ready;
        char runtime_message[512], network_message[512];
        char sandbox_image[512]; /* the image of pods' sandboxes as configured in containerd; "": it does not
                                    say */
};
int cri_status(struct cri *c, struct cri_status *ret, struct error *e);
/* Does the runtime have its cgroups made by systemd? -EOPNOTSUPP (*e untouched): it cannot be asked
 * (RuntimeConfig came with containerd 2.0 and CRI-O 1.28). */
int cri_cgroup_systemd(struct cri *c, bool *ret, struct error *e);

struct cri_image {
        char id[128]; /* "sha256:..." of its configuration */
        uint64_t size;
};
/* 1: it is there, 0: it is not. */
int cri_image_status(struct cri *c, const char *image, struct cri_image *ret, struct error *e);
/* Have it pulled, whether it is there or not. auth may be NULL. -ENOENT: no registry that was asked has it;
 * -EACCES: a registry wants other credentials; else trying again may help. */
int cri_pull(struct cri *c, const char *image, const struct registry_auth *auth, unsigned timeout_s,
             struct error *e);
/* Where images are kept. -ENODATA: it does not say. */
int cri_image_directory(struct cri *c, char ret[PATH_MAX], struct error *e);

#endif
