/* A dry run: what would be done is printed, nothing is. Secrets are named, never shown. */
#ifndef AGENT_PHASE_DRY_H
#define AGENT_PHASE_DRY_H

#include "agent/phase.h"

static inline bool phase_is_dry(const struct phase_ctx *ctx) {
        return ctx->config->dry_run;
}

/* "[kubelet-start] would have started kubelet.service". */
void phase_would(const struct phase_ctx *ctx, const char *phase, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* What phase_put_file() would do: the whole text of a file that is not there, as a diff against nothing; the
 * difference to one that is there and stays as it is, which ctx->refused counts. */
int phase_dry_file(struct phase_ctx *ctx, const char *phase, const char *path, const void *data, size_t size,
                   bool yaml, struct error *e);

/* The last line of a dry run of `command`, or the error that ctx->refused is. */
int phase_finish_dry(const struct phase_ctx *ctx, const char *command, struct error *e);

/* kubeconfig files and the certificates of triarch, whose authority is not there yet: by their names. True
 * when it is so, and all is said. */
bool phase_dry_kubeconfigs(struct phase_ctx *ctx, const char *sub);
bool phase_dry_triarch(struct phase_ctx *ctx);
/* kubelet.conf is not there yet, whose certificate the kubelet would be given. */
bool phase_dry_kubelet(struct phase_ctx *ctx, const char *phase);

#endif
