/* containerd as a node needs it, for the phase `runtime`. Its configuration is edited in place: the imports
 * of containerd 1.x replace a plugin's whole section, and would take out what the host has set there.
 *
 * Facts: containerd's docs/hosts.md and docs/cri/, and its services/server/config (1.6, 1.7) and
 * cmd/containerd/server/config (2.x). */
#ifndef AGENT_RUNTIME_H
#define AGENT_RUNTIME_H

#include "agent/config.h"
#include "agent/phase.h"

#define RUNTIME_CONFIG "/etc/containerd/config.toml"
#define RUNTIME_CERTS  "/etc/containerd/certs.d"
#define RUNTIME_UNIT   "containerd.service"

struct runtime_login {
        const char *host, *username;
        char *password; /* owned; a secret */
};
enum { RUNTIME_MAX_LOGINS = 32 };
struct runtime_wants {
        const char *sandbox_image;
        bool systemd_cgroup;
        bool registries; /* there is something for certs.d */
        struct runtime_login logins[RUNTIME_MAX_LOGINS];
        size_t n_logins;
};
void runtime_wants_done(struct runtime_wants *w);

/* The text of config.toml with what is wanted, whatever version of its format it has; of an empty text a file
 * of version 2, which all releases read. certs: where the files of registries belong. Pure. 1 changed, 0 it
 * is so, -EINVAL with *e (line of `text`), -ENOMEM. *ret is malloc'ed; a secret when there are logins. */
int runtime_edit(const char *text, size_t size, const struct runtime_wants *w, char **ret, size_t *ret_size,
                 char certs[PATH_MAX], struct error *e);

/* The i-th directory below certs.d, and the hosts.toml for it (malloc'ed); -ENOENT past the end. Pure. */
int runtime_hosts(const struct config *c, size_t i, char dir[300], char **ret);

/* Is the container runtime's socket containerd's? */
bool runtime_is_containerd(const struct config *c);
/* Where CNI's programs belong, as containerd is configured: "/opt/cni/bin" by default, Debian's package says
 * "/usr/lib/cni". */
int runtime_cni_bin_dir(const struct phase_ctx *ctx, char out[PATH_MAX], struct error *e);
/* Does a program of CNI's that pods need with flannel lack where the runtime looks? Which, and what to do;
 * false also where flannel is not wanted. */
enum { RUNTIME_LACKS_SIZE = 512 };
bool runtime_cni_lacks(const struct phase_ctx *ctx, char out[RUNTIME_LACKS_SIZE]);
/* Will the phase configure and start containerd here, so that preflight need not ask for it? */
bool runtime_will_do(const struct phase_ctx *ctx);

#endif
