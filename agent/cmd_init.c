#include "agent/command.h"
#include "agent/opt.h"
#include "agent/phase_dry.h"
#include <errno.h>

#define USAGE                                                                                                \
        "Usage: triarch init [OPTIONS]\n"                                                                    \
        "       triarch init phase [NAME [SUB-PHASE]] [OPTIONS]\n\n"                                         \
        "Makes this machine the first master. A second run changes nothing; a run that was interrupted\n"    \
        "is completed by running it again. `triarch init phase` lists the phases."

/* The command line, parsed. The strings are argv's. */
struct init {
        struct common common;
        struct config_flags flags;
        const char *config_file;
        bool skip_token;
        char **args;
        int n_args;
};

static int parse(int argc, char **argv, struct init *in, struct error *e) {
        struct config_flags *f = &in->flags;
        const struct opt table[] = {
                { "config", 0, OPT_STRING, &in->config_file, "FILE",
                  "configuration (triarch config print-defaults)" },
                { "vip", 0, OPT_STRING, &f->vip, "ADDR/PREFIX",
                  "the virtual address and the prefix of its network" },
                { "interface", 0, OPT_STRING, &f->interface, "IF", "interface that carries it" },
                { "node-name", 0, OPT_STRING, &f->node_name, "NAME", "default: the host name" },
                { "apiserver-advertise-address", 0, OPT_STRING, &f->advertise_address, "ADDR",
                  "this machine's own address" },
                { "apiserver-bind-port", 0, OPT_STRING, &f->bind_port, "PORT", "default 6443" },
                { "apiserver-cert-extra-sans", 0, OPT_STRING, &f->cert_sans, "NAME,...",
                  "more names and addresses for the API server's certificate" },
                { "control-plane-endpoint", 0, OPT_STRING, &f->control_plane_endpoint, "HOST[:PORT]",
                  "default: the virtual address" },
                { "kubernetes-version", 0, OPT_STRING, &f->kubernetes_version, "VERSION",
                  "of the control plane" },
                { "image-repository", 0, OPT_STRING, &f->image_repository, "NAME", "where images come from" },
                { "pod-network-cidr", 0, OPT_STRING, &f->pod_subnet, "CIDR", "network of the pods" },
                { "service-cidr", 0, OPT_STRING, &f->service_subnet, "CIDR", "network of the services" },
                { "service-dns-domain", 0, OPT_STRING, &f->dns_domain, "NAME", "default cluster.local" },
                { "cert-dir", 0, OPT_STRING, &f->cert_dir, "DIR", "default /etc/kubernetes/pki" },
                { "cri-socket", 0, OPT_STRING, &f->cri_socket, "URI", "the container runtime's socket" },
                { "patches", 0, OPT_STRING, &f->patches, "DIR",
                  "patches of the static pods and of the kubelet" },
                { "dry-run", 0, OPT_FLAG, &f->dry_run, NULL, "print what would be done, and do nothing" },
                { "skip-phases", 0, OPT_STRING, &f->skip_phases, "NAME,...",
                  "phases or phase/sub-phase to leave out" },
                { "ignore-preflight-errors", 0, OPT_STRING, &f->ignore_preflight_errors, "NAME,...",
                  "checks that only warn, or all" },
                { "token-ttl", 0, OPT_STRING, &f->token_ttl, "DURATION",
                  "of the token that is printed; default 2h" },
                { "skip-token-print", 0, OPT_FLAG, &in->skip_token, NULL, "make and print no token" },
                { 0 },
        };
        int r = opt_parse(argc, argv, USAGE, table, &in->common, &in->args, &in->n_args, e);

        return r == 0 ? opt_refuse(&in->common, OPT_NO_JSON, "init", e) : r;
}

static void list_phases(void) {
        const struct phase *p;

        puts("The phases of init, in their order; `triarch init phase NAME [SUB-PHASE]` runs one:\n");
        for (size_t i = 0; (p = phase_at(i)); i++) {
                char sub[64];

                printf("  %-20s %s\n", p->name, p->help);
                for (size_t k = 0; phase_sub(p, k, sub); k++)
                        printf("    /%s\n", sub);
        }
}

static int unknown_phase(const char *name, struct error *e) {
        char list[256] = "";
        const struct phase *p;

        for (size_t i = 0; (p = phase_at(i)); i++)
                snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", p->name);
        return error_set(e, EXIT_INPUT, "there is no phase \"%s\"; there are %s", name, list);
}

/* args: "phase", name, sub-phase. *ret_p stays NULL for the list. */
static int pick_phase(const struct init *in, const struct phase **ret_p, const char **ret_sub,
                      struct error *e) {
        const struct phase *p;

        if (in->n_args < 2)
                return 0;
        if (!(p = phase_find(in->args[1])))
                return unknown_phase(in->args[1], e);
        if (in->n_args > 3)
                return error_set(e, EXIT_INPUT, "unexpected argument \"%s\"", in->args[3]);
        if (in->n_args == 3 && !phase_has_sub(p, in->args[2]))
                return error_set(e, EXIT_INPUT, "phase %s has no sub-phase \"%s\"; it has %s", p->name,
                                 in->args[2], p->sub ? p->sub : "none");
        if (in->n_args == 2 && p->sub)
                return error_set(e, EXIT_INPUT, "which sub-phase of %s? One of: %s", p->name, p->sub);
        *ret_p = p;
        *ret_sub = in->n_args == 3 ? in->args[2] : NULL;
        return 0;
}

static void warn(void *userdata, const char *text) {
        (void)userdata;
        fprintf(stderr, "triarch: warning: %s\n", text);
}

/* Everything that can be wrong with the input is found here, before anything is written. */
static int load(const struct init *in, struct config **ret, struct error *e) {
        CLEANUP(config_freep) struct config *c = NULL;
        int r;

        if ((r = config_load(in->config_file, &in->flags, &c, e)) < 0)
                return r;
        config_warnings(c, warn, NULL);
        if (!*in->common.root && (r = config_resolve(c, e)) < 0)
                return r;
        if ((r = phase_check_skips(c, e)) < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

static int run_phases(struct phase_ctx *ctx, const struct phase *p, const char *sub, struct error *e) {
        int r;

        r = p ? p->run(ctx, sub, e) : phase_run_all(ctx, e);
        if (r == 0 && ctx->config->dry_run)
                return phase_finish_dry(ctx, "init", e);
        if (p || r < 0)
                return r;
        if (!ctx->made && !ctx->unit_changes)
                printf("This machine was initialised before: nothing was changed, %u files are as they "
                       "should be.\n",
                       ctx->kept);
        else if (*ctx->root)
                printf("Files under %s: %u made, %u were there.\n", ctx->root, ctx->made, ctx->kept);
        return 0;
}

static int init_run(const struct init *in, const struct phase *p, const char *sub, struct error *e) {
        CLEANUP(config_freep) struct config *c = NULL;
        CLEANUP(closep) int lock = -1;
        struct phase_ctx ctx = { .root = in->common.root,
                                 .skip_token = in->skip_token,
                                 .verbose = in->common.verbose };
        int r;

        if ((r = load(in, &c, e)) < 0)
                return r;
        ctx.config = c;
        if ((r = phase_validate(&ctx, e)) < 0 || (r = phase_warnings(&ctx, warn, NULL, e)) < 0)
                return r;
        if (c->dry_run) /* not even the lock is made */
                return run_phases(&ctx, p, sub, e);
        /* Who may not lock may not write either: preflight says so, under its name. */
        if ((r = phase_lock(ctx.root, &lock, e)) < 0 && (p || r != -EACCES))
                return r;
        if (lock >= 0)
                phase_sweep(ctx.root, c->cert_dir);
        return run_phases(&ctx, p, sub, e);
}

int cmd_init(int argc, char **argv) {
        struct init in = { .flags = { .cluster = true } };
        const struct phase *p = NULL;
        const char *sub = NULL;
        struct error e = { .status = EXIT_FAILED };
        int r = parse(argc, argv, &in, &e);
        bool phase = r == 0 && in.n_args > 0 && !strcmp(in.args[0], "phase");

        if (r > 0)
                return EXIT_DONE;
        if (r == 0 && in.n_args > 0 && !phase)
                r = error_set(&e, EXIT_INPUT, "unexpected argument \"%s\"", in.args[0]);
        if (r == 0 && phase) {
                r = pick_phase(&in, &p, &sub, &e);
                if (r == 0 && !p) {
                        list_phases();
                        return EXIT_DONE;
                }
        }
        if (r == 0)
                r = init_run(&in, p, sub, &e);
        return r < 0 ? error_print(&e) : EXIT_DONE;
}
