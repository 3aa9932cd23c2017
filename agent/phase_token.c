#include "agent/duration.h"
#include "agent/paths.h"
#include "agent/phase_dry.h"
#include "agent/rootpath.h"
#include "agent/token.h"
#include <errno.h>
#include <openssl/crypto.h>

enum { TOKEN_USES = 2 }; /* the two other masters of a cluster of three */

/* A token is made once, when the machine has become a master: a second init that finds everything in
 * place changes nothing. The directory of the tokens tells, since it is made by the first of them. */
static bool had_tokens(const struct phase_ctx *ctx) {
        char dir[PATH_MAX];

        return phase_path(ctx, TRIARCH_TOKEN_DIR, dir) && access(dir, F_OK) == 0;
}

static int print_command(struct phase_ctx *ctx, struct error *e) {
        const struct config *c = ctx->config;
        CLEANUP(freep) char *command = NULL;
        char key[PATH_MAX], crt[PATH_MAX], token[PKI_TOKEN_SIZE], ttl[DURATION_SIZE];
        int r;

        if (root_path_below(key, ctx->root, c->cert_dir, "ca.key") < 0 ||
            root_path_below(crt, ctx->root, c->cert_dir, "ca.crt") < 0)
                return error_set(e, EXIT_INPUT, "--cert-dir is too long");
        if ((r = token_create(ctx->root, key, ENROLL_MASTER, c->token_ttl_s, TOKEN_USES, NULL, NULL, token,
                              e)) < 0)
                return r;
        r = token_join_command(ENROLL_MASTER, c->advertise_address, c->enroll_port, token, crt, &command, e);
        OPENSSL_cleanse(token, sizeof token);
        if (r < 0)
                return r;
        duration_format(c->token_ttl_s * UINT64_C(1000000), ttl);
        printf("\nThis machine is a master. On each of the two others, as root, within %s:\n\n  "
               "%s\n\n"
               "The command for workers is printed by: triarch token create --worker --print-join-command\n",
               ttl, command);
        OPENSSL_cleanse(command, strlen(command));
        return 0;
}

int phase_show_join(struct phase_ctx *ctx, const char *sub, struct error *e) {
        (void)sub;
        if (phase_is_dry(ctx)) {
                if (!*ctx->root && !ctx->skip_token && !had_tokens(ctx))
                        phase_would(ctx, "show-join-command", "made a token of %u uses, and printed it",
                                    TOKEN_USES);
                return 0;
        }
        if (phase_external_ca(ctx, "ca")) {
                printf("[show-join-command] no token was made: who joins is given the CA's key, and it is "
                       "not "
                       "here\n");
                return 0;
        }
        /* A token made for a tree would be for whoever starts it, and old by then. */
        if (!*ctx->root && !ctx->skip_token && !had_tokens(ctx))
                return print_command(ctx, e);
        printf("[show-join-command] no token was made; to add a master: triarch token create "
               "--print-join-command, a worker: with --worker\n");
        return 0;
}
